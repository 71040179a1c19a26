import { SOCK_STREAM } from '@ns/inpcb';
import { defineVnetVar, Kernel, virtualHost, type Vnet, type VnetVar } from '@ns/kern';
import { bsdNetstack, bsdSocreate, curnetstack, NETSTACK, type NetstackCred, type NetstackProto, type NetstackSocket } from '@ns/netstack-kpi';
import { SO_ACCEPT, sobind, type Socket, soclose, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { AF_INET, INADDR_ANY, type InAddr, parseInAddr, Sockaddr } from '@ns/wire';
import { settledHeap } from './core.ts';
import { classCounts } from './heap.ts';

/** Vnets that are made, used and destroyed. */
const VNETS = 1000;
/** Bytes of the transfer in each. */
const BYTES = 3000;
const LOOPBACK = new Sockaddr(parseInAddr('127.0.0.1') as InAddr, 80);

function must<T>(v: T | number): T {
  if (typeof v === 'number') throw new Error(`errno ${v}`);
  return v;
}

function open(jail: StackJail): Socket {
  return must(socreate(jail.vnet, AF_INET, SOCK_STREAM, 0, jail.cred));
}

/** One TCP transfer over the loopback of a jail, in virtual time; the connection is left in TIME_WAIT. */
function use(jail: StackJail, advance: (us: number) => void): void {
  const buf = new Uint8Array(BYTES);
  let got = 0;
  jail.addAddress('lo0', '127.0.0.1/8');
  const lso = open(jail);
  sobind(lso, new Sockaddr(INADDR_ANY, 80), jail.cred);
  solisten(lso, 4);
  lso.upcall = {
    soupcall: (_s, events) => {
      const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
      if (typeof so === 'number') return;
      const read = (): void => {
        for (let n = soreceiveBytes(so, buf, 0, BYTES, 0); n > 0; n = soreceiveBytes(so, buf, 0, BYTES, 0)) got += n;
      };
      so.upcall = { soupcall: read };
      read();
    },
  };
  const so = open(jail);
  soconnect(so, LOOPBACK, jail.cred);
  advance(1000);
  sosendCopy(so, null, buf, 0, BYTES, 0);
  soclose(so);
  advance(200_000);
  if (got !== BYTES) throw new Error(`${got} of ${BYTES} bytes`);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

/** What jails leave in the reports of their vnets. */
function remove(jail: StackJail): number {
  return jail.remove().reduce((n, r) => n + r.leftovers.length + r.problems.length, 0);
}

/**
 * What a vnet costs: milliseconds to make and destroy one, and to make, use and destroy one (medians); KiB of heap of one that is idle; and what 1,000 used ones leave behind:
 * leases in the ledgers, timers, buffers, and objects in the heap of classes that have grown with their number, by two heap snapshots.
 */
export async function vnets(): Promise<Record<string, number>> {
  const idle = createStack();
  const cycle = (i: number): number => {
    const t0 = performance.now();
    leftover += remove(idle.jail({ name: `v${i}`, vnet: 'new' }));
    return performance.now() - t0;
  };
  let leftover = 0;
  for (let i = 0; i < 100; i++) cycle(i);
  const created = median(Array.from({ length: VNETS }, (_, i) => cycle(100 + i)));
  const host = virtualHost();
  const stack = createStack({ host });
  const life = (i: number): number => {
    const t0 = performance.now();
    const jail = stack.jail({ name: `u${i}`, vnet: 'new' });
    use(jail, (us) => host.advance(us));
    leftover += remove(jail);
    return performance.now() - t0;
  };
  for (let i = 0; i < 100; i++) life(i);
  host.advance(600e6);
  const before = { classes: classCounts(), timers: stack.kernel.callouts.pending, mbufs: stack.kernel.mbufs.outstanding };
  const used = median(Array.from({ length: VNETS }, (_, i) => life(100 + i)));
  host.advance(600e6);
  leftover += stack.kernel.callouts.pending - before.timers + stack.kernel.mbufs.outstanding - before.mbufs;
  for (const [name, n] of classCounts()) {
    const grown = n - (before.classes.get(name) ?? 0);
    if (grown > VNETS / 4) leftover += grown;
  }
  leftover += stack.shutdown().leftovers.length;
  return { 'create-destroy': created, 'create-use-destroy': used, memory: await memoryKiB(idle), leftover };
}

async function memoryKiB(stack: Stack): Promise<number> {
  const before = await settledHeap();
  const many = Array.from({ length: 100 }, (_, i) => stack.jail({ name: `m${i}`, vnet: 'new' }));
  const each = ((await settledHeap()) - before) / many.length;
  for (const j of many) j.remove();
  return each / 1024;
}

/** Calls of one measurement. */
const CALLS = 1 << 22;

/** Nanoseconds of one round of `fn(n)`, which does its work n times; the best of several. */
function ns(fn: (n: number) => number): number {
  let best = Infinity;
  for (let i = 0; i < 7; i++) {
    const t0 = performance.now();
    const sum = fn(CALLS);
    const t = ((performance.now() - t0) * 1e6) / CALLS;
    if (sum < CALLS) throw new Error('it was not done');
    best = Math.min(best, t);
  }
  return best;
}

interface State {
  hits: number;
}

/** A variable of this module, as it would be without vnets. */
const plain: State = { hits: 0 };

/** An object of the packet path, which holds its vnet's state. */
class Holder {
  readonly v: State;

  constructor(v: State) {
    this.v = v;
  }
}

function byKey(key: VnetVar<State>, vnets: readonly Vnet[]): (n: number) => number {
  return (n) => {
    for (let i = 0; i < n; i++) key.get(vnets[i & 7] as Vnet).hits++;
    return n;
  };
}

function stateOf(storage: string): { key: VnetVar<State>; vnets: Vnet[] } {
  const kernel = new Kernel(virtualHost({ tunables: { 'kern.vnet.storage': storage } }));
  const key = defineVnetVar<State>({ module: 'm', name: 'state', init: () => ({ hits: 0 }) });
  const others = Array.from({ length: 30 }, (_, i) => defineVnetVar({ module: 'm', name: `other${i}`, init: () => ({ i }) }));
  kernel.kldload({ name: 'm', version: 1, vnetVars: [...others, key] });
  const right = kernel.vnets.claim('bench');
  return { key, vnets: [kernel.vnets.vnet0, ...Array.from({ length: 7 }, (_, i) => right.alloc(`v${i}`).vnet as Vnet)] };
}

/**
 * Nanoseconds of an access to a counter: of the module; of a vnet, through the object that holds it, as all code of the packet path has it; and through the variable's key, with either
 * storage, as the control path does.
 */
export function access(): Record<string, number> {
  const slots = stateOf('slots');
  const map = stateOf('map');
  const holders = slots.vnets.map((v) => new Holder(slots.key.get(v)));
  const one = new Holder(slots.key.get(slots.vnets[0] as Vnet));
  return {
    'access-module': ns((n) => {
      for (let i = 0; i < n; i++) plain.hits++;
      return n;
    }),
    'access-held': ns((n) => {
      for (let i = 0; i < n; i++) one.v.hits++;
      return n;
    }),
    'access-held-of-8': ns((n) => {
      for (let i = 0; i < n; i++) (holders[i & 7] as Holder).v.hits++;
      return n;
    }),
    'access-key-slots': ns(byKey(slots.key, slots.vnets)),
    'access-key-map': ns(byKey(map.key, map.vnets)),
  };
}

/** Nanoseconds of a method of the network stack: called directly, and through the object that is found anew each time. */
export function netstack(): Record<string, number> {
  const kernel = new Kernel(virtualHost());
  kernel.provide(NETSTACK, bsdNetstack(() => 1));
  const so: NetstackSocket = { fibnum: 0 };
  const proto: NetstackProto = { domain: AF_INET };
  const cred: NetstackCred = { fibnum: 1 };
  const done = (n: number): number => (so.fibnum === 1 ? n : 0);
  return {
    'call-direct': ns((n) => {
      for (let i = 0; i < n; i++) bsdSocreate(so, proto, cred);
      return done(n);
    }),
    'call-netstack': ns((n) => {
      for (let i = 0; i < n; i++) curnetstack(kernel).socreate(so, proto, cred);
      return done(n);
    }),
  };
}

/** Microseconds that each module takes of the making of a vnet: its variables and its constructors. */
export function init(): Record<string, number> {
  const stack = createStack();
  const perVnet = (): Map<string, number> => {
    const us = new Map<string, number>();
    for (const s of stack.kernel.sysinitStats()) if (s.perVnet) us.set(s.module, (us.get(s.module) ?? 0) + s.totalUs);
    return us;
  };
  const cycle = (i: number): void => void stack.jail({ name: `v${i}`, vnet: 'new' }).remove();
  for (let i = 0; i < 200; i++) cycle(i);
  const before = perVnet();
  for (let i = 200; i < 200 + VNETS; i++) cycle(i);
  return Object.fromEntries([...perVnet()].map(([module, us]) => [`init-${module}`, (us - (before.get(module) ?? 0)) / VNETS]));
}
