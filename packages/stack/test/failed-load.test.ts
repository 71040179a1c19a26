import { ENOMEM } from '@ns/errno';
import { IFNET } from '@ns/ifnet';
import { INET } from '@ns/inpcb';
import { Kernel, type ModuleDecl, virtualHost } from '@ns/kern';
import { NETISR } from '@ns/netisr';
import { SOCKETS } from '@ns/socket';
import { JAILS } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { defaultModules, Stack } from '../src/index.ts';
import { transfer } from './echo.ts';

/** The module, but its step number `at` fails; a step of vnets in the vnet `vnetId`. */
function failing(m: ModuleDecl, at: number, vnetId: number): ModuleDecl {
  let n = 0;
  const spoil = <T extends { readonly init: (x: never) => number | void }>(s: T, ofVnet: (x: unknown) => boolean): T => {
    return n++ === at ? { ...s, init: (x: never): number | void => (ofVnet(x) ? ENOMEM : s.init(x)) } : s;
  };
  return {
    ...m,
    sysinit: (m.sysinit ?? []).map((s) => spoil(s, () => true)),
    vnetInit: (m.vnetInit ?? []).map((s) => spoil(s, (v) => (v as { id: number }).id === vnetId)),
  };
}

const stepsOf = (m: ModuleDecl): number => (m.sysinit?.length ?? 0) + (m.vnetInit?.length ?? 0);

/** What can be seen of a kernel, by what its modules keep too. */
function picture(k: Kernel): unknown {
  return {
    modules: k.kldstat(),
    ledger: k.ledger.report(),
    vnets: k.vnets.list().map((v) => ({
      ledger: v.ledger.report(),
      vars: v.describe().map((m) => `${m.module} ${m.vars.map((x) => x.name).join()}`),
      interfaces: k.isLoaded('ifnet') ? IFNET.get(v).list.map((ifp) => `${ifp.name} ${ifp.slots?.size ?? 0}`) : [],
      protocols: k.isLoaded('inpcb') ? INET.get(v).protosw.map((p) => p?.name ?? '').join(' ') : '',
      pcbs: k.isLoaded('inpcb') ? INET.get(v).infos.map((i) => i.name) : [],
    })),
    sysctls: k.sysctl.list('', true)?.map((n) => n.name),
    swi: k.swi.list(),
    netisr: k.tryService(NETISR)?.snapshot().protocols,
    sockets: k.tryService(SOCKETS)?.prList().map((p) => `${p.name} ${p.domain}`),
    callouts: k.callouts.pending,
    mbufs: k.mbufs.outstanding,
  };
}

describe('a load that fails', () => {
  const modules = defaultModules();
  it.each(modules.filter((m) => stepsOf(m) > 0).map((m) => [m.name, m] as const))('J06 of %s leaves no trace, whichever step it is; then it can be loaded', (_name, mod) => {
    for (let at = 0; at < stepsOf(mod); at++) {
      for (const vnetId of [0, 2]) {
        const host = virtualHost({ seed: 1 });
        const kernel = new Kernel(host);
        const before = modules.slice(0, modules.indexOf(mod));
        for (const m of before) expect(kernel.kldload(m).message).toBe('');
        if (kernel.isLoaded('vnet')) for (const name of ['a', 'b']) kernel.service(JAILS).jailSet({ name, vnet: 'new', persist: true });
        const was = picture(kernel);
        const r = kernel.kldload(failing(mod, at, vnetId));
        if (r.errno === 0) continue; // there is no such vnet yet
        expect(r).toMatchObject({ errno: ENOMEM, message: expect.stringContaining(`module '${mod.name}'`) as string });
        expect(r.problems).toBeUndefined();
        expect(picture(kernel)).toEqual(was);
        for (const m of modules.slice(before.length)) expect(kernel.kldload(m).message).toBe('');
        const stack = new Stack(kernel);
        for (const jail of [stack.host, ...stack.jails()]) jail.addAddress('lo0', '127.0.0.1/8');
        const jail = stack.jails()[0] ?? stack.host;
        expect(transfer(host, jail, '127.0.0.1', jail, 2000)).toBe(2000);
        expect(kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
      }
    }
  });
});
