import { EAFNOSUPPORT, EBUSY, EINVAL, ENOENT, EPERM, ENXIO } from '@ns/errno';
import { ifioctl, ifnet } from '@ns/ifnet';
import { SIOCGIFFLAGS } from '@ns/ifnet-kpi';
import { inpcb } from '@ns/inpcb';
import { Kernel, virtualHost } from '@ns/kern';
import { type Netstack, netstackBsd, netstackModule, nullNetstack } from '@ns/netstack-kpi';
import { netisr } from '@ns/netisr';
import { crget, JAIL_CREATE, JAIL_UPDATE, type JailParams, JAILS, type Jails, type Ucred, vnet as vnetModule } from '@ns/vnet';
import { AF_INET } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { PairProto } from './harness.ts';
import { SO_SETFIB, SOCK_STREAM, SOL_SOCKET, Socket, SOCKETS, socket, soclose, socreate, sosetopt } from '../src/index.ts';

/** A kernel with two stacks, each with a stream protocol of its own: `bsd` is the current one, `tiny` is offered. */
class TwoStacks {
  readonly kernel: Kernel = new Kernel(virtualHost({ seed: 1 }));
  readonly jails: Jails;
  readonly log: string[] = [];

  constructor() {
    for (const m of [vnetModule(), netstackBsd(), netstackModule('tiny', () => this.tiny(), { standby: true }), inpcb(), socket()]) {
      expect(this.kernel.kldload(m).errno).toBe(0);
    }
    this.jails = this.kernel.service(JAILS);
    const sk = this.kernel.service(SOCKETS);
    const pair = new PairProto().proto;
    for (const netstack of ['bsd', 'tiny']) expect(sk.prRegister({ ...pair, netstack })).toBe(0);
  }

  private tiny(): Netstack {
    return { ...nullNetstack, name: 'tiny', socreate: (so) => void (so.fibnum = 7), validFib: (_so, fib) => fib === 7 };
  }

  jail(params: JailParams, cred: Ucred = this.jails.cred): Ucred {
    const r = this.jails.jailSet({ persist: true, ip4: 'inherit', ...params }, JAIL_CREATE, cred);
    if (r.jail === null) throw new Error(`${r.errno} ${r.message}`);
    return crget(r.jail);
  }

  open(cred: Ucred, netstack?: string): string | number {
    const so = socreate(cred.vnet, AF_INET, SOCK_STREAM, 0, cred, netstack);
    if (typeof so === 'number') return so;
    const name = so.proto.netstack;
    soclose(so);
    return name;
  }
}

describe('a kernel without a stack', () => {
  it('J01 has no sockets and no interfaces, and says so with an errno', () => {
    const kernel = new Kernel(virtualHost());
    for (const m of [inpcb(), socket(), netisr(), ifnet()]) kernel.kldload(m);
    const { vnet0 } = kernel.vnets;
    expect(socreate(vnet0, AF_INET, SOCK_STREAM, 0, crget(vnet0))).toBe(EAFNOSUPPORT);
    expect(ifioctl(vnet0, SIOCGIFFLAGS, { cmd: SIOCGIFFLAGS, name: 'em0', flags: 0 }, crget(vnet0))).toBe(ENXIO);
    kernel.service(SOCKETS).prRegister(new PairProto().proto);
    expect(socreate(vnet0, AF_INET, SOCK_STREAM, 0, crget(vnet0))).toBe(EAFNOSUPPORT);
    expect(kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('J02 gets one at any time', () => {
    const kernel = new Kernel(virtualHost());
    for (const m of [inpcb(), socket()]) kernel.kldload(m);
    kernel.service(SOCKETS).prRegister(new PairProto().proto);
    const { vnet0 } = kernel.vnets;
    const open = (): Socket | number => socreate(vnet0, AF_INET, SOCK_STREAM, 0, crget(vnet0));
    expect(open()).toBe(EAFNOSUPPORT);
    kernel.kldload(netstackBsd());
    const so = open() as Socket;
    expect(so).toBeInstanceOf(Socket);
    expect(kernel.kldunload('netstack_bsd')).toMatchObject({ errno: EBUSY, message: "module 'netstack_bsd' is held by 1 netstack bsd.pair4" });
    soclose(so);
    expect(kernel.kldunload('netstack_bsd').errno).toBe(0);
    expect(open()).toBe(EAFNOSUPPORT);
  });
});

describe('which stack makes a socket', () => {
  it('is the current one, unless the call names another', () => {
    const k = new TwoStacks();
    const root = k.jails.cred;
    expect([k.open(root), k.open(root, 'bsd'), k.open(root, 'tiny')]).toEqual(['bsd', 'bsd', 'tiny']);
    expect([k.open(root, 'none'), k.open(root, 'null')]).toEqual([ENOENT, EAFNOSUPPORT]);
  });

  it('is that of the jail, or of the jail around it', () => {
    const k = new TwoStacks();
    const plain = k.jail({ name: 'plain' });
    const tiny = k.jail({ name: 'tiny', netstack: 'tiny', 'children.max': 2 });
    const inner = k.jail({ name: 'tiny.inner' });
    const none = k.jail({ name: 'none', netstack: 'null' });
    expect([plain, tiny, inner, none].map((cred) => k.open(cred))).toEqual(['bsd', 'tiny', 'tiny', EAFNOSUPPORT]);
    k.jails.jailSet({ name: 'tiny', netstack: '' }, JAIL_UPDATE);
    expect([tiny, inner].map((cred) => k.open(cred))).toEqual(['bsd', 'bsd']);
  });

  it('cannot be chosen from inside a jail without allow.netstack, neither for a socket nor for a jail', () => {
    const k = new TwoStacks();
    const shut = k.jail({ name: 'shut', 'children.max': 4 });
    const free = k.jail({ name: 'free', 'children.max': 4, 'allow.netstack': true });
    expect([k.open(shut, 'tiny'), k.open(free, 'tiny')]).toEqual([EPERM, 'tiny']);
    const make = (cred: Ucred, netstack: string): number => k.jails.jailSet({ name: `in${netstack}`, persist: true, netstack }, JAIL_CREATE, cred).errno;
    expect([make(shut, 'tiny'), make(shut, 'null'), make(free, 'tiny')]).toEqual([EPERM, 0, 0]);
  });

  it('decides its routing tables too', () => {
    const k = new TwoStacks();
    const { vnet0 } = k.kernel.vnets;
    const so = socreate(vnet0, AF_INET, SOCK_STREAM, 0, k.jails.cred, 'tiny') as Socket;
    expect(so.fibnum).toBe(7);
    expect([sosetopt(so, SOL_SOCKET, SO_SETFIB, 0), sosetopt(so, SOL_SOCKET, SO_SETFIB, 7)]).toEqual([EINVAL, 0]);
    soclose(so);
  });

  it('must be loaded, and stays loaded while a jail has it', () => {
    const k = new TwoStacks();
    expect(k.jails.jailSet({ name: 'j', persist: true, netstack: 'other' })).toMatchObject({ errno: ENOENT, message: 'netstack: "other" is not loaded' });
    const cred = k.jail({ name: 'j', netstack: 'tiny' });
    expect(k.kernel.kldunload('netstack_tiny')).toMatchObject({ errno: EBUSY, holders: [{ kind: 'jail', name: 'j', count: 1 }] });
    k.jails.jailRemove(cred.jail?.jid ?? 0);
    expect(k.kernel.kldunload('netstack_tiny').errno).toBe(0);
  });
});
