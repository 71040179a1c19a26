import { EBUSY, EEXIST, EINVAL, ENOENT } from '@ns/errno';
import type { if_t } from '@ns/ifnet-kpi';
import { Kernel, virtualHost } from '@ns/kern';
import { type Mbuf, MbufPool, mFreem, mToBytes } from '@ns/mbuf';
import { PFIL, pfil, PfilHead, PfilHookEntry, pfilOf, pfilRun, type PfilVnet } from '@ns/pfil';
import {
  PFIL_APPEND,
  PFIL_CONSUMED,
  PFIL_DROPPED,
  PFIL_IN,
  PFIL_OUT,
  PFIL_PASS,
  PFIL_REALLOCED,
  PFIL_TYPE_ETHERNET,
  PFIL_TYPE_IP4,
  type PfilMbufChk,
} from '@ns/pfil-kpi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const NO_IF = {} as if_t;

function setup(): { kernel: Kernel; pf: PfilVnet; head: PfilHead } {
  const kernel = new Kernel(virtualHost());
  kernel.kldload(pfil());
  const pf = PFIL.get(kernel.vnets.vnet0);
  const head = new PfilHead(PFIL_TYPE_IP4, 'inet');
  expect(pf.headRegister(head)).toBe(0);
  return { kernel, pf, head };
}

function hook(pf: PfilVnet, name: string, mbufChk: PfilMbufChk = () => PFIL_PASS, ruleset?: unknown): PfilHookEntry {
  const h = pf.addHook({ modname: name, rulname: 'r', type: PFIL_TYPE_IP4, mbufChk, ruleset });
  if (typeof h === 'number') throw new Error(`addHook: ${h}`);
  return h;
}

describe('the order of hooks', () => {
  it('is that of a way in and back: last linked is first in and last out, and the reverse with PFIL_APPEND', () => {
    const { pf, head } = setup();
    const both = PFIL_IN | PFIL_OUT;
    for (const name of ['a', 'b']) expect(pf.link(head, hook(pf, name), both)).toBe(0);
    expect(pf.link('inet', hook(pf, 'c'), both | PFIL_APPEND)).toBe(0);
    const [row] = pf.snapshot().heads;
    expect(row).toEqual({ name: 'inet', type: PFIL_TYPE_IP4, hooksIn: ['b:r', 'a:r', 'c:r'], hooksOut: ['c:r', 'a:r', 'b:r'] });
    expect([head.nhooksin, head.nhooksout]).toEqual([3, 3]);
  });

  it('holds in out the reverse of in, whatever is linked and unlinked in both directions', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.boolean(), fc.boolean()), { maxLength: 40 }), (steps) => {
        const { pf, head } = setup();
        const hooks = [...'abcdef'].map((n) => hook(pf, n));
        for (const [i, link, append] of steps) {
          const h = hooks[i] as PfilHookEntry;
          const there = head.chain(PFIL_IN).includes(h);
          const both = PFIL_IN | PFIL_OUT;
          expect(link ? pf.link(head, h, both | (append ? PFIL_APPEND : 0)) : pf.unlink(head, h, both)).toBe(link ? (there ? EEXIST : 0) : there ? 0 : ENOENT);
        }
        expect([...head.chain(PFIL_OUT)].reverse()).toEqual(head.chain(PFIL_IN));
        expect(hooks.reduce((n, h) => n + h.links, 0)).toBe(head.nhooksin + head.nhooksout);
      }),
      { numRuns: 50 },
    );
  });

  it('a change while packets are shown is for the next packet', () => {
    const { pf, head } = setup();
    const seen: string[] = [];
    const b = hook(pf, 'b', () => (seen.push('b'), PFIL_PASS));
    const a = hook(pf, 'a', () => {
      seen.push('a');
      pf.unlink(head, b, PFIL_IN);
      return PFIL_PASS;
    });
    pf.link(head, b, PFIL_IN);
    pf.link(head, a, PFIL_IN);
    const m = new MbufPool().fromBytes(new Uint8Array(20), 0) as Mbuf;
    pfilRun(head, m, NO_IF, PFIL_IN);
    pfilRun(head, m, NO_IF, PFIL_IN);
    expect(seen).toEqual(['a', 'b', 'a']);
  });
});

describe('verdicts', () => {
  const run = (chk: PfilMbufChk): { out: Uint8Array | null; verdict: number; left: number; h: PfilHookEntry } => {
    const { pf, head } = setup();
    const pool = new MbufPool();
    const h = hook(pf, 'f', chk, 'rules');
    pf.link(head, h, PFIL_IN);
    const m = pfilRun(head, pool.fromBytes(Uint8Array.of(1, 2, 3), 0) as Mbuf, NO_IF, PFIL_IN);
    const out = m === null ? null : mToBytes(m);
    if (m !== null) mFreem(m);
    return { out, verdict: head.verdict, left: pool.outstanding, h };
  };

  it('PFIL_PASS goes on with the packet; the hook gets its rules, the interface and the direction', () => {
    let args: unknown[] = [];
    const r = run((_m, ifp, flags, ruleset) => ((args = [ifp, flags, ruleset]), PFIL_PASS));
    expect(r).toMatchObject({ out: Uint8Array.of(1, 2, 3), verdict: PFIL_PASS, left: 0 });
    expect(args).toEqual([NO_IF, PFIL_IN, 'rules']);
    expect([r.h.packets, r.h.dropped]).toEqual([1, 0]);
  });

  it('PFIL_DROPPED frees the packet and counts it, and so does a verdict that there is not', () => {
    for (const v of [PFIL_DROPPED, 17, Number.NaN]) {
      const r = run(() => v);
      expect(r).toMatchObject({ out: null, verdict: PFIL_DROPPED, left: 0 });
      expect(r.h.dropped).toBe(1);
    }
  });

  it('PFIL_CONSUMED leaves the packet to the hook', () => {
    let kept: Mbuf | null = null;
    const r = run((m) => ((kept = m), PFIL_CONSUMED));
    expect(r).toMatchObject({ out: null, verdict: PFIL_CONSUMED, left: 1 });
    mFreem(kept as unknown as Mbuf);
  });

  it('PFIL_REALLOCED goes on with another packet; without one there is none to go on with', () => {
    const other = new MbufPool();
    const r = run((m, _i, _f, _r, p) => {
      mFreem(m);
      p.m = other.fromBytes(Uint8Array.of(9), 0);
      return PFIL_REALLOCED;
    });
    expect(r).toMatchObject({ out: Uint8Array.of(9), verdict: PFIL_PASS, left: 0 });
    expect(run((m) => (mFreem(m), PFIL_REALLOCED))).toMatchObject({ out: null, verdict: PFIL_CONSUMED, left: 0 });
  });

  it('a hook may send a packet that comes by its own head', () => {
    const { pf, head } = setup();
    const pool = new MbufPool();
    const verdicts: number[] = [];
    const h = hook(pf, 'f', (m, ifp, flags, _r, p) => {
      if (m.pktlen === 1) return PFIL_DROPPED;
      const inner = pfilRun(head, pool.fromBytes(Uint8Array.of(7), 0) as Mbuf, ifp, flags);
      verdicts.push(head.verdict);
      if (inner !== null) throw new Error('the inner packet was to be dropped');
      mFreem(m);
      p.m = pool.fromBytes(Uint8Array.of(1, 2), 0);
      return PFIL_REALLOCED;
    });
    pf.link(head, h, PFIL_IN);
    const m = pfilRun(head, pool.fromBytes(new Uint8Array(5), 0) as Mbuf, NO_IF, PFIL_IN) as Mbuf;
    expect([...mToBytes(m)]).toEqual([1, 2]);
    expect([verdicts, head.verdict]).toEqual([[PFIL_DROPPED], PFIL_PASS]);
    mFreem(m);
    expect(pool.outstanding).toBe(0);
  });
});

describe('names and types', () => {
  it('are checked, and a link that fails changes nothing', () => {
    const { pf, head } = setup();
    const base = { modname: 'f', rulname: 'r', type: PFIL_TYPE_IP4, mbufChk: () => PFIL_PASS };
    const h = pf.addHook(base) as PfilHookEntry;
    expect(pf.addHook(base)).toBe(EEXIST);
    for (const bad of [{ modname: '' }, { modname: 'a:b' }, { rulname: 'x'.repeat(64) }, { type: 0 }, { type: 4 }, { mbufChk: null as never }]) {
      expect(pf.addHook({ ...base, rulname: 'r2', ...bad })).toBe(EINVAL);
    }
    expect(pf.headRegister(head)).toBe(0);
    expect(pf.headRegister(new PfilHead(PFIL_TYPE_IP4, 'inet'))).toBe(EEXIST);
    expect(pf.link('inet6', h, PFIL_IN)).toBe(ENOENT);
    expect(pf.link('inet', 'g:r', PFIL_IN)).toBe(ENOENT);
    expect(pf.link('inet', new PfilHookEntry(base), PFIL_IN)).toBe(ENOENT);
    expect(pf.link('inet', h, 0)).toBe(EINVAL);
    pf.headRegister(new PfilHead(PFIL_TYPE_ETHERNET, 'ethernet'));
    expect(pf.link('ethernet', h, PFIL_IN)).toBe(EINVAL);
    expect(pf.link('inet', h, PFIL_OUT)).toBe(0);
    expect(pf.link('inet', h, PFIL_IN | PFIL_OUT)).toBe(EEXIST);
    expect([head.nhooksin, head.nhooksout, h.links]).toEqual([0, 1, 1]);
    expect(pf.unlink('inet', h, PFIL_IN)).toBe(ENOENT);
    expect(pf.headUnregister(head)).toBe(0);
    expect([pf.headUnregister(head), h.links, head.nhooksout]).toEqual([ENOENT, 0, 0]);
  });
});

describe('coming and going', () => {
  it('a hook holds the module; removed, it is out of all heads', () => {
    const { kernel, pf, head } = setup();
    const h = hook(pf, 'f');
    pf.link(head, h, PFIL_IN | PFIL_OUT);
    const r = kernel.kldunload('pfil');
    expect([r.errno, r.message]).toEqual([EBUSY, expect.stringContaining('f:r')]);
    expect([pf.removeHook(h), pf.removeHook(h)]).toEqual([0, ENOENT]);
    expect([head.nhooksin, head.nhooksout]).toEqual([0, 0]);
    expect(kernel.kldunload('pfil').errno).toBe(0);
    expect(pfilOf(kernel.vnets.vnet0)).toBeNull();
    expect(kernel.vnets.vnet0.ledger.isEmpty()).toBe(true);
  });

  it('a hook that its filter forgot is found when the vnet is gone', () => {
    const { kernel } = setup();
    const all = kernel.vnets.claim('test');
    const { vnet } = all.alloc('v1');
    hook(PFIL.get(vnet!), 'f');
    expect(all.destroy(vnet!).leftovers).toMatchObject([{ kind: 'hook', name: 'f:r', count: 1 }]);
  });
});
