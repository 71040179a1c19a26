import type { Callout, CalloutWheel } from '@ns/callout';
import { Callout as CalloutClass } from '@ns/callout';
import type { Random } from '@ns/kern';
import { formatInAddr, type InAddr } from '@ns/wire';
import { type CacheLimits, DEFAULT_CACHE_LIMITS } from './tunables.ts';

/** What is remembered of a host. Times in microseconds, windows in bytes; 0 = not known. Source: FreeBSD tcp_hostcache.h, struct hc_metrics. */
export class HcEntry {
  readonly addr: InAddr;
  /** Routing table: another one may lead there by another path. */
  readonly fib: number;
  mtu: number;
  ssthresh: number;
  rttUs: number;
  rttvarUs: number;
  cwnd: number;
  sendpipe: number;
  recvpipe: number;
  /** Seconds left; an entry that reaches 0 goes with the next prune. */
  expireSec: number;
  hits: number;
  updates: number;

  constructor(addr: InAddr, fib: number, expireSec: number) {
    this.addr = addr;
    this.fib = fib;
    this.mtu = 0;
    this.ssthresh = 0;
    this.rttUs = 0;
    this.rttvarUs = 0;
    this.cwnd = 0;
    this.sendpipe = 0;
    this.recvpipe = 0;
    this.expireSec = expireSec;
    this.hits = 0;
    this.updates = 0;
  }
}

/** What a closing connection has learnt; 0 = nothing. */
export interface HcMetrics {
  readonly mtu: number;
  readonly ssthresh: number;
  readonly rttUs: number;
  readonly rttvarUs: number;
  readonly cwnd: number;
  readonly sendpipe: number;
  readonly recvpipe: number;
}

/** Counters that the cache bumps: part of tcpstat. */
export interface HcStats {
  hcAdded: number;
  hcBucketoverflow: number;
}

/**
 * The host cache: what connections to a host have learnt, for the next ones that go by the same routing table.
 * Limited for each bucket (the least recently used entry goes) and in all
 * (nothing is added then); both are counted. The pruning callout runs only while there is an entry.
 * Differs: FreeBSD has one entry for a host, whatever the table.
 * Source: FreeBSD tcp_hostcache.c.
 */
export class HostCache {
  /** `net.inet.tcp.hostcache.enable` */
  enable: boolean;
  /** `net.inet.tcp.hostcache.expire`, seconds. */
  expireSec: number;
  /** `net.inet.tcp.hostcache.prune`, seconds. */
  pruneSec: number;
  /** `net.inet.tcp.hostcache.purge`: drop everything at the next prune. */
  purgeAll: boolean;
  readonly limits: CacheLimits;
  /** Entries. */
  count: number;
  /** Buckets, most recently used first; an empty bucket is null. */
  private readonly buckets: (HcEntry[] | null)[];
  private readonly salt: number;
  private readonly stat: HcStats;
  private readonly wheel: CalloutWheel;
  private readonly callout: Callout<HostCache>;

  constructor(wheel: CalloutWheel, random: Random, stat: HcStats, limits: CacheLimits = DEFAULT_CACHE_LIMITS) {
    this.enable = true;
    this.expireSec = 3600;
    this.pruneSec = 300;
    this.purgeAll = false;
    this.limits = { ...limits, cachelimit: Math.min(limits.cachelimit, limits.hashsize * limits.bucketlimit) };
    this.count = 0;
    this.buckets = new Array<HcEntry[] | null>(limits.hashsize).fill(null);
    this.salt = random.u32();
    this.stat = stat;
    this.wheel = wheel;
    this.callout = new CalloutClass<HostCache>(pruneTimeout, this);
  }

  /** What is known of `addr`, or null; moves it to the front of its bucket. Source: tcp_hc_get(). */
  get(addr: InAddr, fib: number): HcEntry | null {
    if (!this.enable || this.count === 0) return null;
    const e = this.find(addr, fib);
    if (e !== null) {
      e.hits++;
      e.expireSec = this.expireSec;
    }
    return e;
  }

  /** The path MTU known for `addr`, 0 if none. Source: tcp_hc_getmtu(). */
  getMtu(addr: InAddr, fib: number): number {
    const e = this.get(addr, fib);
    return e === null ? 0 : e.mtu;
  }

  /** Remembers a path MTU. False when the cache is exhausted: the caller's connection must use the value all the same (T28). Source: tcp_hc_updatemtu(). */
  updateMtu(addr: InAddr, fib: number, mtu: number): boolean {
    if (!this.enable) return false;
    const e = this.find(addr, fib) ?? this.insert(addr, fib);
    if (e === null) return false;
    e.updates++;
    e.expireSec = this.expireSec;
    e.mtu = mtu;
    return true;
  }

  /** Averages what a connection has learnt into the entry of its peer. Source: tcp_hc_update(). */
  update(addr: InAddr, fib: number, m: HcMetrics): void {
    if (!this.enable) return;
    const e = this.find(addr, fib) ?? this.insert(addr, fib);
    if (e === null) return;
    e.updates++;
    e.expireSec = this.expireSec;
    if (m.rttUs !== 0) e.rttUs = e.rttUs === 0 ? m.rttUs : Math.floor((e.rttUs + m.rttUs) / 2);
    if (m.rttvarUs !== 0) e.rttvarUs = e.rttvarUs === 0 ? m.rttvarUs : Math.floor((e.rttvarUs + m.rttvarUs) / 2);
    if (m.ssthresh !== 0) e.ssthresh = e.ssthresh === 0 ? m.ssthresh : Math.floor((e.ssthresh + m.ssthresh) / 2);
    if (m.cwnd !== 0) e.cwnd = e.cwnd === 0 ? m.cwnd : Math.floor((e.cwnd + m.cwnd) / 2);
    if (m.sendpipe !== 0) e.sendpipe = e.sendpipe === 0 ? m.sendpipe : Math.floor((e.sendpipe + m.sendpipe) / 2);
    if (m.recvpipe !== 0) e.recvpipe = e.recvpipe === 0 ? m.recvpipe : Math.floor((e.recvpipe + m.recvpipe) / 2);
  }

  /** Drops all entries (`net.inet.tcp.hostcache.purgenow`). */
  purge(): void {
    this.buckets.fill(null);
    this.count = 0;
    this.wheel.stop(this.callout);
  }

  /** Drops all and stops the callout, for the end of the vnet. Source: tcp_hc_destroy(). */
  destroy(): void {
    this.enable = false;
    this.purge();
  }

  /** All entries, bucket by bucket. */
  entries(): HcEntry[] {
    const out: HcEntry[] = [];
    for (const b of this.buckets) if (b !== null) out.push(...b);
    return out;
  }

  /** `net.inet.tcp.hostcache.list`: heading and a row for each entry; the heading is FreeBSD's to the letter. Source: sysctl_tcp_hc_list(). */
  list(): string {
    let s = '\nIP address        MTU  SSTRESH      RTT   RTTVAR     CWND SENDPIPE RECVPIPE HITS  UPD  EXP\n';
    for (const e of this.entries()) {
      const cells = [
        formatInAddr(e.addr).padEnd(15),
        String(e.mtu).padStart(5),
        String(e.ssthresh).padStart(8),
        `${Math.floor(e.rttUs / 1000)}ms`.padStart(8),
        `${Math.floor(e.rttvarUs / 1000)}ms`.padStart(8),
        String(e.cwnd).padStart(8),
        String(e.sendpipe).padStart(8),
        String(e.recvpipe).padStart(8),
        String(e.hits).padStart(4),
        String(e.updates).padStart(4),
        String(e.expireSec).padStart(4),
      ];
      s += `${cells.join(' ')}\n`;
    }
    return s;
  }

  private bucketOf(a: InAddr): number {
    let h = this.salt ^ a.w3;
    h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) ^ a.w2;
    h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) ^ a.w1;
    h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) ^ a.w0 ^ a.zone;
    h ^= h >>> 15;
    return h & (this.limits.hashsize - 1);
  }

  private find(a: InAddr, fib: number): HcEntry | null {
    const b = this.buckets[this.bucketOf(a)];
    if (b === null || b === undefined) return null;
    for (let i = 0; i < b.length; i++) {
      const e = b[i] as HcEntry;
      const x = e.addr;
      if (x.w3 !== a.w3 || x.w2 !== a.w2 || x.w1 !== a.w1 || x.w0 !== a.w0 || x.zone !== a.zone || x.af !== a.af || e.fib !== fib) continue;
      if (i > 0) {
        b.splice(i, 1);
        b.unshift(e);
      }
      return e;
    }
    return null;
  }

  /** A new entry, or a recycled one of a full bucket; null when the whole cache is full. Source: tcp_hc_insert(). */
  private insert(addr: InAddr, fib: number): HcEntry | null {
    const i = this.bucketOf(addr);
    const b = this.buckets[i] ?? [];
    if (b.length >= this.limits.bucketlimit) {
      b.pop();
      this.count--;
      this.stat.hcBucketoverflow++;
    } else if (this.count >= this.limits.cachelimit) {
      if (b.length === 0) return null;
      b.pop();
      this.count--;
      this.stat.hcBucketoverflow++;
    }
    const e = new HcEntry(addr, fib, this.expireSec);
    b.unshift(e);
    this.buckets[i] = b;
    this.count++;
    this.stat.hcAdded++;
    if (!this.callout.pending) this.wheel.reset(this.callout, this.pruneSec * 1e6);
    return e;
  }

  /** Ages the entries by one interval and drops those whose time is over. Source: tcp_hc_purge(). */
  prune(): void {
    for (let i = 0; i < this.buckets.length; i++) {
      const b = this.buckets[i];
      if (b === null || b === undefined) continue;
      const kept = this.purgeAll ? [] : b.filter((e) => (e.expireSec -= this.pruneSec) > 0);
      this.count -= b.length - kept.length;
      this.buckets[i] = kept.length > 0 ? kept : null;
    }
    this.purgeAll = false;
    if (this.count > 0) this.wheel.reset(this.callout, this.pruneSec * 1e6);
  }
}

function pruneTimeout(hc: HostCache): void {
  hc.prune();
}
