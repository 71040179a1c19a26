import { EINVAL, ENOBUFS, ENOENT, ENOPROTOOPT } from '@ns/errno';
import { M_HASHTYPE_NONE } from '@ns/ifnet-kpi';
import { type Kernel, ServiceKey, type Vnet } from '@ns/kern';
import { type Mbuf, mFreem, type Rcvif } from '@ns/mbuf';
import {
  NETISR_CPUID_NONE,
  NETISR_DISPATCH_DEFAULT,
  NETISR_DISPATCH_DEFERRED,
  NETISR_DISPATCH_DIRECT,
  NETISR_DISPATCH_HYBRID,
  NETISR_MAXPROT,
  NETISR_POLICY_CPU,
  NETISR_POLICY_FLOW,
  type NetisrHandler,
} from './proto.ts';
import { type NetisrSnapshot, snapshotOf } from './snapshot.ts';
import { type NetisrWork, NWS_DISPATCHING, NWS_RUNNING, NWS_SCHEDULED, Workstream } from './workstream.ts';

/**
 * What netisr must know of interfaces, which live a layer beside it. Given once by package ifnet.
 * @public
 */
export interface NetisrInterfaces {
  /** Index of the interface behind `m.rcvif`. */
  indexOf(rcvif: Rcvif): number;
  /** Vnet of the interface behind `m.rcvif`. */
  vnetOf(rcvif: Rcvif): Vnet;
}

/**
 * Settings of a {@link Netisr}; the sysctls of the same names show them.
 * @public
 */
export interface NetisrOptions {
  /** net.isr.maxthreads: workstreams; default 1. */
  readonly maxthreads?: number;
  /** net.isr.maxqlimit; default 10240. */
  readonly maxqlimit?: number;
  /** net.isr.defaultqlimit; default 256. */
  readonly defaultqlimit?: number;
  /** net.isr.dispatch; default direct. */
  readonly dispatch?: number;
}

/** A registered protocol. */
export interface NetisrProto {
  readonly handler: NetisrHandler;
  qlimit: number;
  /** Vnets that do not take this protocol; null while all do. */
  disabled: Set<Vnet> | null;
}

/**
 * Input dispatch of one kernel: takes packets to their protocol at once, or queues them and works the queues off from software interrupts.
 *
 * A workstream handles one packet after the other; with one of them (the default) everything stays in order. Nothing is allocated for a packet.
 * Source: FreeBSD net/netisr.c.
 * @public
 */
export class Netisr {
  /** The kernel it serves. */
  readonly kernel: Kernel;
  /** Largest queue limit that may be set. */
  readonly maxqlimit: number;
  /** Queue limit of a protocol that names none. */
  readonly defaultqlimit: number;
  /** NETISR_DISPATCH_* of protocols that name none. */
  dispatchPolicy: number;
  private readonly protos: (NetisrProto | null)[];
  private readonly streams: readonly Workstream[];
  /** The workstream whose packet is being handled now; the first one outside. */
  private current: Workstream;
  private interfaces: NetisrInterfaces | null;

  constructor(kernel: Kernel, options: NetisrOptions = {}) {
    this.kernel = kernel;
    this.maxqlimit = options.maxqlimit ?? 10240;
    this.defaultqlimit = Math.min(options.defaultqlimit ?? 256, this.maxqlimit);
    this.dispatchPolicy = options.dispatch ?? NETISR_DISPATCH_DIRECT;
    this.protos = new Array<NetisrProto | null>(NETISR_MAXPROT).fill(null);
    const streams: Workstream[] = [];
    const n = Math.max(1, options.maxthreads ?? 1);
    for (let cpu = 0; cpu < n; cpu++) {
      const nws = new Workstream(cpu);
      nws.swi = kernel.swi.register(n === 1 ? 'netisr' : `netisr ${cpu}`, (budget) => this.run(nws, budget));
      streams.push(nws);
    }
    this.streams = streams;
    this.current = streams[0] as Workstream;
    this.interfaces = null;
  }

  /** Workstreams there are. */
  get numthreads(): number {
    return this.streams.length;
  }

  /** Tells how interfaces are identified; until then all packets have source 0. */
  bindInterfaces(interfaces: NetisrInterfaces | null): void {
    this.interfaces = interfaces;
  }

  /**
   * Registers a protocol. EINVAL for a number out of range, one that is taken, or a policy whose functions are not there (m2flow only with FLOW, m2cpuid exactly with
   * CPU). A queue limit above net.isr.maxqlimit is lowered to it, with a line in the log.
   */
  register(nhp: NetisrHandler): number {
    if (nhp.proto < 0 || nhp.proto >= NETISR_MAXPROT || this.protos[nhp.proto] !== null) return EINVAL;
    if (nhp.m2flow !== undefined && nhp.policy !== NETISR_POLICY_FLOW) return EINVAL;
    if ((nhp.m2cpuid !== undefined) !== (nhp.policy === NETISR_POLICY_CPU)) return EINVAL;
    let qlimit = nhp.qlimit ?? 0;
    if (qlimit === 0) qlimit = this.defaultqlimit;
    if (qlimit > this.maxqlimit) {
      this.kernel.log.warning('netisr', `${nhp.name} requested queue limit ${qlimit} capped to net.isr.maxqlimit ${this.maxqlimit}`);
      qlimit = this.maxqlimit;
    }
    this.protos[nhp.proto] = { handler: nhp, qlimit, disabled: null };
    for (const nws of this.streams) (nws.work[nhp.proto] as NetisrWork).limit = qlimit;
    return 0;
  }

  /** Withdraws a protocol; what is queued for it is freed. ENOENT if it is not registered. */
  unregister(proto: number): number {
    if (this.protos[proto] == null) return ENOENT;
    this.protos[proto] = null;
    this.purgeProto(proto, () => true);
    for (const nws of this.streams) (nws.work[proto] as NetisrWork).limit = 0;
    return 0;
  }

  /** Takes a protocol's packets in `vnet` again. */
  registerVnet(proto: number, vnet: Vnet): void {
    const np = this.protos[proto];
    if (np?.disabled == null) return;
    np.disabled.delete(vnet);
    if (np.disabled.size === 0) np.disabled = null;
  }

  /** Takes no more packets of a protocol in `vnet` (ENOPROTOOPT); what is queued is freed. */
  unregisterVnet(proto: number, vnet: Vnet): void {
    const np = this.protos[proto];
    if (np == null) return;
    if (np.disabled === null) np.disabled = new Set();
    np.disabled.add(vnet);
    this.purgeProto(proto, (m) => this.vnetOf(m) === vnet);
  }

  /** Forgets that `vnet` was ever known: for when it is gone. */
  forgetVnet(vnet: Vnet): void {
    for (let p = 0; p < NETISR_MAXPROT; p++) this.registerVnet(p, vnet);
  }

  /** Frees everything that is queued and came in by `rcvif`; returns how many. For interfaces that go away or move. */
  purgeInterface(rcvif: Rcvif): number {
    let n = 0;
    for (let p = 0; p < NETISR_MAXPROT; p++) n += this.purgeProto(p, (m) => m.rcvif === rcvif);
    return n;
  }

  /** Queue limit of a protocol; 0 if it is not registered. */
  getQlimit(proto: number): number {
    return this.protos[proto]?.qlimit ?? 0;
  }

  /** Sets the queue limit of a protocol: EINVAL above net.isr.maxqlimit or below 1, ENOENT if it is not registered. */
  setQlimit(proto: number, qlimit: number): number {
    const np = this.protos[proto];
    if (np == null) return ENOENT;
    if (qlimit < 1 || qlimit > this.maxqlimit) return EINVAL;
    np.qlimit = qlimit;
    for (const nws of this.streams) (nws.work[proto] as NetisrWork).limit = qlimit;
    return 0;
  }

  /** Packets of a protocol that were dropped because a queue was full. */
  getQdrops(proto: number): number {
    let n = 0;
    for (const nws of this.streams) n += (nws.work[proto] as NetisrWork).qdrops;
    return n;
  }

  /** Counts drops from 0 again. */
  clearQdrops(proto: number): void {
    for (const nws of this.streams) (nws.work[proto] as NetisrWork).qdrops = 0;
  }

  /**
   * Queues a packet for a protocol. Consumes m. ENOBUFS: the queue was full and m is dropped; ENOPROTOOPT: nobody takes it. `source` tells apart
   * sources within one interface (its queues).
   */
  queue(proto: number, m: Mbuf, source = 0): number {
    const np = this.protos[proto] as NetisrProto | null;
    if (np === null || (np.disabled !== null && this.isDisabled(np, m))) {
      mFreem(m);
      return ENOPROTOOPT;
    }
    const streams = this.streams;
    const cpu = streams.length === 1 ? 0 : this.selectCpu(np, NETISR_DISPATCH_DEFERRED, m, source);
    return this.enqueue(streams[cpu] as Workstream, proto, m);
  }

  /** Takes a packet to a protocol: now or by a queue, as policy and dispatch say. Consumes m. Errors as {@link Netisr.queue}. */
  dispatch(proto: number, m: Mbuf, source = 0): number {
    const np = this.protos[proto] as NetisrProto | null;
    if (np === null || (np.disabled !== null && this.isDisabled(np, m))) {
      mFreem(m);
      return ENOPROTOOPT;
    }
    const own = np.handler.dispatch;
    const how = own === undefined || own === NETISR_DISPATCH_DEFAULT ? this.dispatchPolicy : own;
    if (how === NETISR_DISPATCH_DIRECT) {
      const nw = this.current.work[proto] as NetisrWork;
      nw.dispatched++;
      nw.handled++;
      np.handler.handler(m);
      return 0;
    }
    if (how === NETISR_DISPATCH_DEFERRED) return this.queue(proto, m, source);
    return this.dispatchHybrid(np, proto, m, source);
  }

  /** For `netstat -Q`. */
  snapshot(): NetisrSnapshot {
    return snapshotOf(this, this.protos, this.streams);
  }

  /** Flags and length of each workstream: net.isr.workstream. */
  workstreamRows(): readonly { readonly wsid: number; readonly cpu: number; readonly flags: number; readonly pending: number }[] {
    return this.streams.map((nws) => ({ wsid: nws.cpu, cpu: nws.cpu, flags: nws.flags, pending: nws.pending }));
  }

  /** Frees what is queued and leaves the software interrupts. */
  shutdown(): void {
    for (let p = 0; p < NETISR_MAXPROT; p++) {
      this.purgeProto(p, () => true);
      this.protos[p] = null;
    }
    for (const nws of this.streams) this.kernel.swi.deregister(nws.swi);
  }

  private dispatchHybrid(np: NetisrProto, proto: number, m: Mbuf, source: number): number {
    const cpu = this.selectCpu(np, NETISR_DISPATCH_HYBRID, m, source);
    const nws = this.streams[cpu] as Workstream;
    // Packets that wait must not be overtaken, and a stream that is at work queues behind itself.
    if (nws !== this.current || nws.flags !== 0 || nws.pending !== 0) return this.enqueue(nws, proto, m);
    const nw = nws.work[proto] as NetisrWork;
    nws.flags |= NWS_DISPATCHING;
    nw.hybridDispatched++;
    nw.handled++;
    np.handler.handler(m);
    nws.flags &= ~NWS_DISPATCHING;
    return 0;
  }

  private enqueue(nws: Workstream, proto: number, m: Mbuf): number {
    if (!(nws.work[proto] as NetisrWork).enqueue(m)) return ENOBUFS;
    nws.pending++;
    nws.pendingBits |= 1 << proto;
    if ((nws.flags & (NWS_RUNNING | NWS_SCHEDULED)) === 0) {
      nws.flags |= NWS_SCHEDULED;
      this.kernel.swi.schedule(nws.swi);
    }
    return 0;
  }

  /** Source: FreeBSD netisr_select_cpuid(). */
  private selectCpu(np: NetisrProto, how: number, m: Mbuf, source: number): number {
    const n = this.streams.length;
    if (n === 1) return 0;
    const nh = np.handler;
    if (nh.policy === NETISR_POLICY_CPU && nh.m2cpuid !== undefined) {
      const cpu = nh.m2cpuid(m, source);
      if (cpu !== NETISR_CPUID_NONE) return cpu < n ? cpu : cpu % n;
      if (how === NETISR_DISPATCH_HYBRID) return this.current.cpu;
    }
    if (nh.policy === NETISR_POLICY_FLOW) {
      if (m.rsstype === M_HASHTYPE_NONE && nh.m2flow !== undefined) nh.m2flow(m, source);
      if (m.rsstype !== M_HASHTYPE_NONE) return (m.flowid >>> 0) % n;
    }
    const index = m.rcvif === null || this.interfaces === null ? 0 : this.interfaces.indexOf(m.rcvif);
    return ((index + source) >>> 0) % n;
  }

  /** Software interrupt of one workstream: protocols by turns, each with what waits when its turn begins. Source: FreeBSD swi_net(). */
  private run(nws: Workstream, budget: number): number {
    nws.flags = (nws.flags & ~NWS_SCHEDULED) | NWS_RUNNING;
    const before = this.current;
    this.current = nws;
    let left = budget;
    try {
      while (nws.pendingBits !== 0 && left > 0) {
        const bits = nws.pendingBits;
        for (let proto = 0; proto < NETISR_MAXPROT && left > 0; proto++) {
          if ((bits & (1 << proto)) !== 0) left -= this.runProto(nws, proto, left);
        }
      }
    } finally {
      // Once for a batch: a handler that breaks must not stop the stream for good.
      this.current = before;
      nws.flags &= ~NWS_RUNNING;
      if (nws.pendingBits !== 0) {
        nws.flags |= NWS_SCHEDULED;
        this.kernel.swi.schedule(nws.swi);
      }
    }
    return budget - left;
  }

  private runProto(nws: Workstream, proto: number, budget: number): number {
    const nw = nws.work[proto] as NetisrWork;
    const np = this.protos[proto] as NetisrProto | null;
    const n = nw.len < budget ? nw.len : budget;
    if (n === 0 || np === null) {
      nws.pendingBits &= ~(1 << proto);
      return 0;
    }
    const nh = np.handler;
    let done = 0;
    // A handler may purge the queue that it is called from.
    while (done < n && nw.len > 0) {
      const m = nw.dequeue();
      nws.pending--;
      nw.handled++;
      done++;
      nh.handler(m);
    }
    if (nw.len === 0) {
      nws.pendingBits &= ~(1 << proto);
      if (nh.drainedcpu !== undefined) nh.drainedcpu(nws.cpu);
    }
    return done;
  }

  private purgeProto(proto: number, match: (m: Mbuf) => boolean): number {
    let freed = 0;
    for (const nws of this.streams) {
      const nw = nws.work[proto] as NetisrWork;
      const n = nw.purge(match);
      nws.pending -= n;
      freed += n;
      if (nw.len === 0) nws.pendingBits &= ~(1 << proto);
    }
    return freed;
  }

  private isDisabled(np: NetisrProto, m: Mbuf): boolean {
    const vnet = this.vnetOf(m);
    return vnet !== null && (np.disabled as Set<Vnet>).has(vnet);
  }

  private vnetOf(m: Mbuf): Vnet | null {
    return m.rcvif === null || this.interfaces === null ? null : this.interfaces.vnetOf(m.rcvif);
  }
}

/** Input dispatch of a kernel. Provided by module `netisr`. @public */
export const NETISR: ServiceKey<Netisr> = new ServiceKey<Netisr>('netisr');
