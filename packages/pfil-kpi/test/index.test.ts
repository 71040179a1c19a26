import { EEXIST, ENOENT } from '@ns/errno';
import type { if_t } from '@ns/ifnet-kpi';
import { defineVnetVar, Kernel, type ModuleDecl, type Vnet, virtualHost } from '@ns/kern';
import { type Mbuf, MbufPool, mFreem } from '@ns/mbuf';
import { PFIL, pfil, PfilHead, pfilRun } from '@ns/pfil';
import { PFIL_DROPPED, PFIL_IN, PFIL_KPI, PFIL_OUT, PFIL_PASS, PFIL_TYPE_IP4, PFIL_TYPE_IP6, type PfilFilter, pfilModule } from '@ns/pfil-kpi';
import { describe, expect, it } from 'vitest';

class Seen {
  in = 0;
  out = 0;
}
const SEEN = defineVnetVar({ module: 'watch', name: 'seen', init: () => new Seen() });
const filtersOf = (vnet: Vnet): PfilFilter[] =>
  (['inet', 'inet6'] as const).map((head) => ({
    rulname: head,
    head,
    type: head === 'inet' ? PFIL_TYPE_IP4 : PFIL_TYPE_IP6,
    flags: PFIL_IN | PFIL_OUT,
    ruleset: SEEN.get(vnet),
    mbufChk: (_m, _ifp, flags, seen) => {
      if ((flags & PFIL_IN) !== 0) (seen as Seen).in++;
      else (seen as Seen).out++;
      return (flags & PFIL_IN) !== 0 ? PFIL_PASS : PFIL_DROPPED;
    },
  }));
const watch = (): ModuleDecl => pfilModule('watch', filtersOf, { vnetVars: [SEEN] });

function show(head: PfilHead, flags: number): number {
  const m = pfilRun(head, new MbufPool().fromBytes(new Uint8Array(20), 0) as Mbuf, {} as if_t, flags);
  if (m !== null) mFreem(m);
  return head.verdict;
}

function boot(): { kernel: Kernel; vnet: Vnet; inet: PfilHead } {
  const kernel = new Kernel(virtualHost());
  expect(kernel.kldload(pfil()).errno).toBe(0);
  const vnet = kernel.vnets.vnet0;
  const inet = new PfilHead(PFIL_TYPE_IP4, 'inet');
  PFIL.get(vnet).headRegister(inet);
  return { kernel, vnet, inet };
}

describe('pfilModule', () => {
  it('links its hooks in vnets that are there and that come, each with its own rules, and takes them back', () => {
    const { kernel, vnet, inet } = boot();
    const vnets = kernel.vnets.claim('test');
    expect(kernel.kldload(watch()).errno).toBe(0);
    const late = vnets.alloc('late').vnet as Vnet;
    const lateInet = new PfilHead(PFIL_TYPE_IP4, 'inet');
    PFIL.get(late).headRegister(lateInet);
    expect([show(inet, PFIL_IN), show(lateInet, PFIL_OUT), show(lateInet, PFIL_OUT)]).toEqual([PFIL_PASS, PFIL_DROPPED, PFIL_DROPPED]);
    expect([SEEN.get(vnet), SEEN.get(late)]).toEqual([{ in: 1, out: 0 }, { in: 0, out: 2 }]);
    expect(vnets.destroy(late)).toMatchObject({ leftovers: [], problems: [] });
    expect(kernel.kldunload('watch')).toEqual({ errno: 0, message: '' });
    expect([inet.nhooksin, inet.nhooksout]).toEqual([0, 0]);
    expect(kernel.kldunload('pfil').errno).toBe(0);
    expect(kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('links to a head that comes later, and again when it has gone and come back', () => {
    const { kernel, vnet } = boot();
    expect(kernel.kldload(watch()).errno).toBe(0);
    const inet6 = new PfilHead(PFIL_TYPE_IP6, 'inet6');
    for (let i = 0; i < 2; i++) {
      expect(PFIL.get(vnet).headRegister(inet6)).toBe(0);
      expect([inet6.nhooksin, inet6.nhooksout]).toEqual([1, 1]);
      expect(show(inet6, PFIL_IN)).toBe(PFIL_PASS);
      expect(PFIL.get(vnet).headUnregister(inet6)).toBe(0);
      expect([inet6.nhooksin, inet6.nhooksout]).toEqual([0, 0]);
    }
    expect(SEEN.get(vnet).in).toBe(2);
  });

  it('that cannot be linked is not loaded, and nothing of it stays', () => {
    const { kernel, vnet, inet } = boot();
    const other = PFIL.get(vnet).addHook({ modname: 'watch', rulname: 'inet6', type: PFIL_TYPE_IP6, mbufChk: () => PFIL_PASS });
    const r = kernel.kldload(watch());
    expect(r.errno).toBe(EEXIST);
    expect([inet.nhooksin, PFIL.get(vnet).hook('watch:inet')]).toEqual([0, null]);
    if (typeof other === 'number') throw new Error(`addHook: ${other}`);
    expect(PFIL.get(vnet).removeHook(other)).toBe(0);
    expect(kernel.kldload(watch()).errno).toBe(0);
    expect(kernel.kldload(pfilModule('bad', () => [{ ...filtersOf(vnet)[0]!, type: PFIL_TYPE_IP6 }])).errno).not.toBe(0);
    expect(PFIL.get(vnet).hook('bad:inet')).toBe(null);
  });
});

describe('PFIL_KPI', () => {
  it('adds, links, unlinks and removes by vnet, by hook or by name', () => {
    const { kernel, vnet, inet } = boot();
    const kpi = kernel.service(PFIL_KPI);
    const hook = kpi.addHook(vnet, { modname: 'f', rulname: 'r', type: PFIL_TYPE_IP4, mbufChk: () => PFIL_PASS });
    if (typeof hook === 'number') throw new Error(`addHook: ${hook}`);
    expect([kpi.link(vnet, 'inet', hook, PFIL_IN), kpi.link(vnet, 'inet', 'f:r', PFIL_OUT), kpi.link(vnet, 'inet6', hook, PFIL_IN)]).toEqual([0, 0, ENOENT]);
    expect([show(inet, PFIL_IN), hook.packets, hook.links]).toEqual([PFIL_PASS, 1, 2]);
    expect([kpi.unlink(vnet, 'inet', 'f:r', PFIL_IN), kpi.unlink(vnet, 'inet', hook, PFIL_IN)]).toEqual([0, ENOENT]);
    expect([kpi.removeHook(vnet, hook), kpi.removeHook(vnet, hook), inet.nhooksout]).toEqual([0, ENOENT, 0]);
  });
});
