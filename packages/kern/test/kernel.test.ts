import { Callout } from '@ns/callout';
import { EBUSY, EINVAL } from '@ns/errno';
import { sysctlInt } from '@ns/sysctl';
import { describe, expect, it } from 'vitest';
import { defineVnetVar, EventKey, Kernel, MBUF_LOWMEM, ServiceKey, SHUTDOWN_PRE_SYNC, SI_SUB_PROTO_IF, type Vnet, virtualHost } from '../src/index.ts';
import { empty, lab, make } from './helpers.ts';

describe('two kernels in one process', () => {
  it('share nothing: modules, variables, services, events, hooks, interrupts, ledgers, sysctls, buffers, time', () => {
    const a = lab();
    const b = lab();
    const V = defineVnetVar({ module: 'm', name: 'v', init: () => ({ n: 0 }) });
    const S = new ServiceKey<string>('s');
    const E = new EventKey<[]>('e');
    let value = 0;
    const mod = empty('m', {
      vnetVars: [V],
      sysctls: [sysctlInt<Vnet>({ name: 'net.m.n', descr: 'n', get: (req) => V.get(req.vnet).n })],
      sysinit: [{ subsystem: 1, order: 0, init: (k) => k.provide(S, `of ${++value}`) }],
    });
    expect(a.k.kldload(mod).errno).toBe(0);
    expect(b.k.isLoaded('m')).toBe(false);
    expect(() => V.get(b.k.vnets.vnet0)).toThrow('not loaded');
    expect(b.k.kldload(mod)).toEqual({ errno: 0, message: '', id: 2 });
    V.get(a.k.vnets.vnet0).n = 5;
    expect(V.get(b.k.vnets.vnet0).n).toBe(0);
    expect([a.k.service(S), b.k.service(S)]).toEqual(['of 1', 'of 2']);
    expect(b.k.sysctl.sysctlGet('net.m.n', { vnet: b.k.vnets.vnet0, jailed: false }).value).toBe(0);

    let heard = 0;
    a.k.events.register(E, () => void heard++);
    b.k.events.invoke(E, null);
    expect(heard).toBe(0);
    a.k.swi.register('x', () => 1);
    expect(b.k.swi.list()).toEqual([]);
    expect(a.k.hhooks.headRegister(1, 0, null)).not.toBeNull();
    expect(b.k.hhooks.headLookup(1, 0, null)).toBeNull();
    const m = a.k.mbufs.getHdr();
    expect(m).not.toBeNull();
    expect([a.k.mbufs.outstanding, b.k.mbufs.outstanding]).toEqual([1, 0]);
    a.k.ledger.take('x', 'y');
    expect(b.k.ledger.isEmpty()).toBe(true);
    a.host.advance(1000);
    expect([a.k.callouts.nowUs(), b.k.callouts.nowUs()]).toEqual([1000, 0]);
    expect(make(a.vnets, 'v').id).toBe(1);
    expect(make(b.vnets, 'v').id).toBe(1);
    a.k.shutdown();
    expect(b.k.kldunload('m').errno).toBe(0);
  });
});

describe('Kernel', () => {
  it('takes the limits of its buffers from the boot environment', () => {
    const k = new Kernel(virtualHost({ tunables: { 'kern.ipc.nmbclusters': '1k', 'kern.ipc.nmbufs': '0x800' } }));
    expect(k.mbufs.limits.nmbclusters).toBe(1024);
    expect(k.mbufs.limits.nmbufs).toBe(2048);
  });

  it('shuts down in reverse order: listeners, vnets, modules, vnet0', () => {
    const { k, vnets } = lab();
    const log: string[] = [];
    const mod = (name: string) =>
      empty(name, {
        sysinit: [{ subsystem: 1, order: 0, init: () => {}, exit: () => void log.push(`${name}-`) }],
        vnetInit: [{ subsystem: SI_SUB_PROTO_IF, order: 0, init: () => {}, exit: (v) => void log.push(`${name}@${v.name}`) }],
      });
    k.kldload(mod('a'));
    k.kldload(mod('b'));
    make(vnets, 'x');
    make(vnets, 'y');
    const tag = k.events.register(SHUTDOWN_PRE_SYNC, (kernel) => {
      log.push(`pre ${kernel.vnets.count}`);
      kernel.events.deregister(tag);
    });
    expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
    expect(log).toEqual(['pre 3', 'b@y', 'a@y', 'b@x', 'a@x', 'b@vnet0', 'b-', 'a@vnet0', 'a-']);
    expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
    expect(() => k.kldload(empty('c'))).toThrow('shut down');
    expect(() => k.kldunload('a')).toThrow('shut down');
  });

  it('tells each module of a shutdown once, the last loaded first, before anything is undone', () => {
    const { k, vnets } = lab();
    const log: string[] = [];
    const errnos: number[] = [];
    const mod = (name: string, tell: (kernel: Kernel) => void) =>
      empty(name, {
        sysinit: [{ subsystem: 1, order: 0, init: () => {}, exit: () => void log.push(`${name}-`) }],
        shutdown: (kernel) => {
          log.push(`${name} shutdown, ${kernel.vnets.count} vnets, ${kernel.kldstat().length} modules`);
          tell(kernel);
        },
      });
    k.kldload(mod('a', (kernel) => errnos.push(kernel.kldload(empty('late')).errno, kernel.kldunload('b').errno)));
    k.kldload(mod('b', () => { throw new Error('not now'); }));
    k.kldload(mod('c', (kernel) => kernel.shutdown()));
    k.kldload(mod('gone', () => {}));
    k.kldunload('gone');
    expect(log).toEqual(['gone-']); // an unload is no shutdown
    make(vnets, 'x');
    k.events.register(SHUTDOWN_PRE_SYNC, () => void log.push('listener'), { owner: 'test' });
    log.length = 0;
    const r = k.shutdown();
    const told = ['c', 'b', 'a'].map((name) => `${name} shutdown, 2 vnets, 4 modules`);
    expect(log).toEqual([...told, 'listener', 'c-', 'b-', 'a-']);
    expect(errnos).toEqual([EBUSY, EBUSY]);
    expect(r.problems).toEqual(["shutdown of 'c': EBUSY: the kernel is shutting down already", "shutdown of 'b': not now"]);
    expect(k.shutdown()).toBe(r);
    expect(log).toHaveLength(7);
  });

  it('is not shut down from inside a load', () => {
    const { k, vnets } = lab();
    expect(k.kldload(empty('m', { sysinit: [{ subsystem: 1, order: 0, init: (kernel) => void kernel.shutdown() }] })).message).toContain('EBUSY: a module or a vnet comes or goes');
    k.kldload(empty('n', { vnetInit: [{ subsystem: SI_SUB_PROTO_IF, order: 0, init: (v) => void (v.isDefault || v.kernel.shutdown()) }] }));
    expect(vnets.alloc('x').message).toContain('EBUSY');
    expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('tells at shutdown what is left: leases, callouts, mbufs, exits that threw, in whatever vnet', () => {
    const { k, vnets, host } = lab();
    k.kldload(empty('m', { vnetInit: [{ subsystem: SI_SUB_PROTO_IF, order: 0, init: (v) => void v.ledger.take('pcb', 'm'), exit: () => { throw new Error('oops'); } }] }));
    make(vnets, 'x');
    const m = k.mbufs.getHdr();
    expect(m).not.toBeNull();
    k.callouts.reset(new Callout(() => {}, null), 1e6);
    k.events.register(SHUTDOWN_PRE_SYNC, () => { throw new Error('listener'); }, { owner: 'me' });
    const id = k.swi.register('late', () => 1);
    k.swi.schedule(id);
    const r = k.shutdown();
    expect(r.leftovers.map((l) => `${l.count} ${l.kind} ${l.name}`)).toEqual([
      '1 pcb m', '1 pcb m', '1 eventhandler me', '1 callout armed', '1 mbuf outstanding',
    ]);
    expect(r.problems).toHaveLength(3);
    host.settle();
    expect(host.clock.alarmUs).toBe(-1);
  });
});

describe('mbuf_lowmem', () => {
  it('is invoked once, and not from within the request, for all requests of one turn that a limit refuses', () => {
    const { k, host } = lab({ 'kern.ipc.nmbufs': '4', 'kern.ipc.nmbclusters': '2' });
    let heard = 0;
    k.events.register(MBUF_LOWMEM, () => {
      heard++;
      for (const m of held.splice(0)) m.pool.freeChain(m);
    });
    const held = [k.mbufs.getCl(), k.mbufs.getCl()].filter((m) => m !== null);
    expect([k.mbufs.getCl(), k.mbufs.getCl(), k.mbufs.getHdr() === null, heard]).toEqual([null, null, false, 0]);
    host.settle();
    expect([heard, held.length, k.mbufs.getCl() === null]).toEqual([1, 0, false]);
    while (k.mbufs.get() !== null);
    host.settle();
    expect(heard).toBe(2);
    k.mbufs.get();
    k.shutdown();
    host.settle();
    expect(heard).toBe(2);
  });

  it('kern.ipc.nmbclusters and its like say how many there may be, and can be raised', () => {
    const { k } = lab({ 'kern.ipc.nmbclusters': '2' });
    const set = (name: string, value: number) => k.sysctl.sysctlSet(`kern.ipc.${name}`, value, { vnet: k.vnets.vnet0, jailed: false });  
    const held = [k.mbufs.getCl(), k.mbufs.getCl()];
    expect([held.includes(null), k.mbufs.getCl()]).toEqual([false, null]);
    expect([set('nmbclusters', 1).errno, set('nmbclusters', 2).errno, set('nmbclusters', 3).errno]).toEqual([EINVAL, 0, 0]);
    held.push(k.mbufs.getCl());
    expect([held.includes(null), k.mbufs.getCl(), k.mbufs.limits.nmbclusters]).toEqual([false, null, 3]);
    for (const m of held) m?.pool.freeChain(m);
  });
});
