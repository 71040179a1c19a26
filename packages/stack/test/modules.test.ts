import { EBUSY, EEXIST } from '@ns/errno';
import { IFNET, ifioctl } from '@ns/ifnet';
import { IFCOUNTER_OPACKETS, type IfReq, SIOCIFCREATE, SIOCSIFVNET } from '@ns/ifnet-kpi';
import { SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { Kernel, type ModuleDecl, virtualHost, type VirtualHost } from '@ns/kern';
import { bsdNetstack, curnetstack, type Netstack, netstackModule } from '@ns/netstack-kpi';
import { ROUTE } from '@ns/route';
import { soclose, socreate } from '@ns/socket';
import { AF_INET, formatInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { defaultModules, Stack, type StackJail } from '../src/index.ts';
import { open, transfer } from './echo.ts';

/** What a host has without a network stack: jails, interfaces and their drivers. */
const BELOW: ReadonlySet<string> = new Set(['vnet', 'mac', 'netisr', 'ifnet', 'ether', 'drv-loop', 'drv-epair']);
const below = (): readonly ModuleDecl[] => defaultModules().filter((m) => BELOW.has(m.name));
const above = (): readonly ModuleDecl[] => defaultModules().filter((m) => !BELOW.has(m.name));

function boot(modules: readonly ModuleDecl[]): { host: VirtualHost; stack: Stack } {
  const host = virtualHost({ seed: 4 });
  const kernel = new Kernel(host);
  load(kernel, modules);
  return { host, stack: new Stack(kernel) };
}

function load(kernel: Kernel, modules: readonly ModuleDecl[]): void {
  for (const m of modules) expect(kernel.kldload(m)).toMatchObject({ errno: 0, message: '' });
}

/** Unloads, the last loaded first. NewReno objects, which is overruled. */
function unload(kernel: Kernel, modules: readonly ModuleDecl[]): void {
  for (const m of [...modules].reverse()) expect(kernel.kldunload(m.name, true)).toEqual({ errno: 0, message: '' });
}

/** Interfaces, addresses and routes of all vnets, as text. */
function picture(kernel: Kernel): string[] {
  const text: string[] = [];
  for (const v of kernel.vnets.list()) {
    for (const ifp of IFNET.get(v).list) {
      text.push(`${v.id} ${ifp.name} index ${ifp.index} flags ${ifp.stackFlags.toString(16)} ${ifp.addrs.map((a) => formatInAddr(a.addr)).join(' ')}`);
    }
    ROUTE.get(v).inet(0).forEach((rt) => text.push(`${v.id} route ${formatInAddr(rt.dst)}/${rt.prefixlen} flags ${rt.nh.flags.toString(16)} by ${rt.nh.ifp.name}`));
  }
  return text;
}

describe('a stack that is loaded late', () => {
  it('J02 comes at run time: no restart, and TCP works', () => {
    const { host, stack } = boot(below());
    host.advance(3600e6);
    const { kernel } = stack;
    const before = kernel.kldstat().map((m) => m.name);
    load(kernel, above());
    stack.host.addAddress('lo0', '127.0.0.1/8');
    expect(transfer(host, stack.host, '127.0.0.1', stack.host, 100_000)).toBe(100_000);
    expect(kernel.kldstat().slice(0, before.length).map((m) => m.name)).toEqual(before);
  });

  it('J05 with interfaces, addresses and jails there before it, all is as if it had been first', () => {
    const wire = (stack: Stack): void => {
      const { host } = stack;
      const [a, b] = [stack.jail({ name: 'a', vnet: 'new' }), stack.jail({ name: 'b', vnet: 'new' })];
      const ask = (req: IfReq): void => expect(ifioctl(host.vnet, req.cmd, req, host.cred)).toBe(0);
      for (let i = 0; i < 2; i++) ask({ cmd: SIOCIFCREATE, name: 'epair' });
      for (const [name, jail] of [['epair0a', a], ['epair0b', b], ['epair1b', b]] as const) ask({ cmd: SIOCSIFVNET, name, jid: jail.jid });
      for (const [name, jail] of [['epair0a', a], ['epair0b', b], ['epair1a', host], ['lo0', a]] as const) jail.up(name);
    };
    // An address needs a network protocol, so it comes when there is one.
    const address = (stack: Stack): void => {
      const [a, b] = stack.jails() as [StackJail, StackJail];
      for (const j of [stack.host, a, b]) j.addAddress('lo0', '127.0.0.1/8');
      a.addAddress('epair0a', '10.0.0.1/24');
      b.addAddress('epair0b', '10.0.0.2/24');
      stack.host.addAddress('epair1a', '10.1.0.1/16');
      b.addAddress('epair1b', '10.1.0.2/16');
    };
    const early = boot([...below(), ...above()]);
    wire(early.stack);
    const late = boot(below());
    wire(late.stack);
    load(late.stack.kernel, above());
    expect(picture(late.stack.kernel)).toEqual(picture(early.stack.kernel));
    for (const { stack } of [early, late]) address(stack);
    expect(picture(late.stack.kernel)).toEqual(picture(early.stack.kernel));
    expect(picture(late.stack.kernel).length).toBeGreaterThan(15);
    const names = (s: Stack): unknown => s.kernel.vnets.list().map((v) => v.describe().map((m) => m.module).sort());
    expect(names(late.stack)).toEqual(names(early.stack));
    for (const { host, stack } of [early, late]) {
      const [a, b] = stack.jails() as [StackJail, StackJail];
      expect(transfer(host, a, '10.0.0.1', b, 50_000)).toBe(50_000);
      expect(transfer(host, b, '10.1.0.2', stack.host, 50_000)).toBe(50_000);
    }
  });
});

describe('a stack that is unloaded', () => {
  it('J06 is EBUSY with a socket open, which it names; that closed, it goes and leaves no timer, hook, buffer, lease', () => {
    const { host, stack } = boot(defaultModules());
    const { kernel } = stack;
    const jail = stack.jail({ name: 'j', vnet: 'new' });
    jail.addAddress('lo0', '127.0.0.1/8');
    expect(transfer(host, jail, '127.0.0.1', jail, 10_000)).toBe(10_000);
    expect(kernel.callouts.pending).toBeGreaterThan(0); // TIME_WAIT
    const so = open(jail, SOCK_STREAM);
    const udp = open(stack.host, SOCK_DGRAM);
    const tcp4 = { kind: 'socket', name: 'tcp4', module: 'tcp', count: 1 };
    const r = kernel.kldunload('tcp');
    expect(r.errno).toBe(EBUSY);
    expect(r.message).toContain('needed by cc-newreno');
    expect(r.holders).toContainEqual(tcp4);
    expect(kernel.kldunload('cc-newreno', true).errno).toBe(0);
    expect(kernel.kldunload('tcp')).toMatchObject({ errno: EBUSY, message: expect.stringContaining('held by 1 socket tcp4') as string, holders: [tcp4] });
    expect(kernel.kldunload('tcp', true)).toMatchObject({ errno: EBUSY, holders: [tcp4] }); // force does not cut the branch that somebody sits on
    expect(kernel.kldunload('udp').holders).toEqual([{ kind: 'socket', name: 'udp4', module: 'udp', count: 1 }]);
    expect([soclose(so), soclose(udp)]).toEqual([0, 0]);
    host.advance(300e6);
    expect(kernel.kldunload('tcp')).toEqual({ errno: 0, message: '' });
    unload(kernel, above().filter((m) => kernel.isLoaded(m.name)));
    expect(kernel.callouts.pending).toBe(0);
    expect(kernel.mbufs.outstanding).toBe(0);
    const kinds = [kernel.ledger, ...kernel.vnets.list().map((v) => v.ledger)].flatMap((l) => l.report()).filter((row) => row.kind !== 'ifnet' && row.kind !== 'jail');
    const left = boot(below()).stack.kernel.ledger.report();
    expect(kinds).toEqual(left);
    expect(socreateAfter(stack)).toBe(true);
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('J07 makes way for another version; the interfaces stay, with their handles, addresses and links', () => {
    const { host, stack } = boot(defaultModules());
    const { kernel } = stack;
    const jail = stack.jail({ name: 'j', vnet: 'new' });
    stack.link(stack.host, '10.0.0.1/24', jail, '10.0.0.2/24');
    expect(transfer(host, jail, '10.0.0.2', stack.host, 20_000)).toBe(20_000);
    host.advance(300e6);
    const handles = (): unknown[] => kernel.vnets.list().flatMap((v) => IFNET.get(v).list.map((ifp) => ifp.handle));
    const before = { handles: handles(), picture: picture(kernel) };
    for (const version of [2, 3]) {
      unload(kernel, above());
      expect(handles()).toEqual(before.handles);
      load(kernel, above().map((m) => (m.name === 'tcp' ? { ...m, version } : { ...m, depends: m.depends?.map((d) => (d.name === 'tcp' ? { ...d, max: 9 } : d)) ?? [] })));
      expect(kernel.kldstat().find((m) => m.name === 'tcp')?.version).toBe(version);
      handles().forEach((h, i) => expect(h).toBe(before.handles[i]));
      expect(picture(kernel)).toEqual(before.picture);
      expect(transfer(host, jail, '10.0.0.2', stack.host, 20_000)).toBe(20_000);
      host.advance(300e6);
    }
  });
});

/** Without the stack nobody can make a socket, and nothing throws. */
function socreateAfter(stack: Stack): boolean {
  try {
    socreate(stack.host.vnet, AF_INET, SOCK_STREAM, 0, stack.host.cred);
    return false;
  } catch (e) {
    return String(e).includes("module 'socket' is not loaded");
  }
}

describe('the netstack object', () => {
  /** A stack that counts the calls of its methods. */
  function counting(calls: Map<string, number>): ModuleDecl {
    return netstackModule('bsd', () => {
      const stack = bsdNetstack(() => 1);
      const counted = { ...stack } as Record<string, unknown>;
      for (const [name, method] of Object.entries(stack)) {
        if (typeof method !== 'function') continue;
        counted[name] = (...args: unknown[]): unknown => {
          calls.set(name, (calls.get(name) ?? 0) + 1);
          return (method as (...a: unknown[]) => unknown)(...args);
        };
      }
      return counted as unknown as Netstack;
    });
  }

  it('J08 is asked at socreate and never for a packet: 10,000 packets, no call', () => {
    const calls = new Map<string, number>();
    const { host, stack } = boot(defaultModules().map((m) => (m.name === 'netstack_bsd' ? counting(calls) : m)));
    const jail = stack.jail({ name: 'j', vnet: 'new' });
    const link = stack.link(stack.host, '10.0.0.1/24', jail, '10.0.0.2/24');
    for (const [j, name] of [[stack.host, link.a], [jail, link.b]] as const) for (const cap of ['tso', 'lro'] as const) j.setCapability(name, cap, false);
    const packets = (): number => (stack.host.interface(link.a).counters[IFCOUNTER_OPACKETS] as number) + (jail.interface(link.b).counters[IFCOUNTER_OPACKETS] as number);
    const before = packets();
    expect(transfer(host, jail, '10.0.0.2', stack.host, 11_000_000)).toBe(11_000_000);
    expect(packets() - before).toBeGreaterThan(10_000);
    expect(Object.fromEntries(calls)).toEqual({ socreate: 2 }); // listener and client; the accepted socket is the listener's child
  });

  it('J13 is found anew by each call: after a swap the old one is never heard of again', () => {
    const old = new Map<string, number>();
    const young = new Map<string, number>();
    const { host, stack } = boot(defaultModules().map((m) => (m.name === 'netstack_bsd' ? counting(old) : m)));
    const { kernel } = stack;
    stack.host.addAddress('lo0', '127.0.0.1/8');
    transfer(host, stack.host, '127.0.0.1', stack.host, 1000);
    expect(old.get('socreate')).toBe(2);
    const was = curnetstack(kernel);
    expect(kernel.kldload(counting(young)).errno).toBe(EEXIST);
    host.advance(300e6);
    expect(kernel.kldunload('netstack_bsd')).toMatchObject({ errno: 0 });
    expect(curnetstack(kernel).name).toBe('null');
    expect(kernel.kldload(counting(young))).toMatchObject({ errno: 0 });
    expect(curnetstack(kernel)).not.toBe(was);
    old.clear();
    expect(transfer(host, stack.host, '127.0.0.1', stack.host, 1000)).toBe(1000);
    expect([[...old], young.get('socreate')]).toEqual([[], 2]);
  });
});
