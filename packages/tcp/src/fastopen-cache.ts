import type { Random } from '@ns/kern';
import { formatInAddr, type InAddr, TCP_FASTOPEN_MAX_COOKIE_LEN, TCP_FASTOPEN_MIN_COOKIE_LEN } from '@ns/wire';

/** Buckets without the boot tunable `net.inet.tcp.fastopen.ccache_buckets`. Source: FreeBSD TCP_FASTOPEN_CCACHE_BUCKETS_DEFAULT. */
export const CCACHE_BUCKETS = 2048;
/** Entries of a bucket. Source: FreeBSD TCP_FASTOPEN_CCACHE_BUCKET_LIMIT_DEFAULT. */
export const CCACHE_BUCKET_LIMIT = 16;

/** Whether a cookie can have this length: 4 to 16 bytes, even (RFC 7413 §4.1.1). */
export function isCookieLen(len: number): boolean {
  return len >= TCP_FASTOPEN_MIN_COOKIE_LEN && len <= TCP_FASTOPEN_MAX_COOKIE_LEN && (len & 1) === 0;
}

/** What is remembered of a path. Source: FreeBSD struct tcp_fastopen_ccache_entry. */
export class FastopenEntry {
  readonly laddr: InAddr;
  readonly faddr: InAddr;
  readonly fport: number;
  /** MSS that the server offered last. */
  mss: number;
  /** Bytes of `cookie` that count, 0: ask for one. */
  cookieLen: number;
  readonly cookie: Uint8Array;
  /** When Fast Open was found not to work here, microseconds; -1: it works, as far as is known. */
  disabledAtUs: number;

  constructor(laddr: InAddr, faddr: InAddr, fport: number) {
    this.laddr = laddr;
    this.faddr = faddr;
    this.fport = fport;
    this.mss = 0;
    this.cookieLen = 0;
    this.cookie = new Uint8Array(TCP_FASTOPEN_MAX_COOKIE_LEN);
    this.disabledAtUs = -1;
  }

  /** Forgets the cookie. The path is disabled from `nowUs` on; if it is already, the old moment stays. */
  disable(nowUs: number): void {
    this.mss = 0;
    this.cookieLen = 0;
    if (this.disabledAtUs < 0) this.disabledAtUs = nowUs;
  }

  /** Forgets everything: the next connection asks for a cookie. */
  reset(): void {
    this.mss = 0;
    this.cookieLen = 0;
    this.disabledAtUs = -1;
  }
}

/**
 * Cookies that servers have given us, and paths where Fast Open does not work, by our address, theirs and their port. Limited for each bucket, where the one used
 * longest ago makes room; the buckets are made when there is something to remember.
 * Differs: FreeBSD gives up the oldest of a full bucket, however often it is used.
 * Source: RFC 7413 §4.1.3; FreeBSD tcp_fastopen.c, tcp_fastopen_ccache_lookup() and the like.
 */
export class FastopenCache {
  /** Entries of a bucket at most; {@link FastopenCache.trim} goes with a lower one. */
  bucketLimit: number;
  /** Number of buckets, a power of two. */
  readonly nbuckets: number;
  /** Entries in all. */
  count: number;
  private readonly random: Random;
  private salt: number;
  /** Each with the most recently used entry first. */
  private buckets: (FastopenEntry[] | null)[] | null;

  constructor(random: Random, nbuckets: number, bucketLimit: number) {
    this.random = random;
    this.nbuckets = nbuckets;
    this.bucketLimit = bucketLimit;
    this.count = 0;
    this.salt = 0;
    this.buckets = null;
  }

  /** What is known of a path, or null. The entry is the cache's. */
  lookup(laddr: InAddr, faddr: InAddr, fport: number): FastopenEntry | null {
    if (this.buckets === null) return null;
    const b = this.buckets[this.bucketOf(laddr, faddr, fport)];
    if (b === null || b === undefined) return null;
    for (let i = 0; i < b.length; i++) {
      const e = b[i] as FastopenEntry;
      if (e.fport !== fport || !same(e.faddr, faddr) || !same(e.laddr, laddr)) continue;
      if (i > 0) {
        b.splice(i, 1);
        b.unshift(e);
      }
      return e;
    }
    return null;
  }

  /** The entry of a path, made now if there is none. */
  obtain(laddr: InAddr, faddr: InAddr, fport: number): FastopenEntry {
    const known = this.lookup(laddr, faddr, fport);
    if (known !== null) return known;
    if (this.buckets === null) {
      this.salt = this.random.u32() | 0;
      this.buckets = new Array<FastopenEntry[] | null>(this.nbuckets).fill(null);
    }
    const i = this.bucketOf(laddr, faddr, fport);
    const b = this.buckets[i] ?? (this.buckets[i] = []);
    if (b.length >= this.bucketLimit) {
      b.pop();
      this.count--;
    }
    const e = new FastopenEntry(laddr, faddr, fport);
    b.unshift(e);
    this.count++;
    return e;
  }

  /** Drops what is over the limit of a bucket. Source: tcp_fastopen_ccache_bucket_trim(). */
  trim(): void {
    for (const b of this.buckets ?? []) {
      if (b === null || b.length <= this.bucketLimit) continue;
      this.count -= b.length - this.bucketLimit;
      b.length = this.bucketLimit;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.buckets = null;
    this.count = 0;
  }

  /**
   * `net.inet.tcp.fastopen.ccache_list`: heading, to the letter FreeBSD's, and a row for each entry. A cookie opens connections in our name: it is shown with `secrets` only.
   * Source: sysctl_net_inet_tcp_fastopen_ccache_list().
   */
  list(nowUs: number, disableUs: number, secrets: boolean): string {
    let s = '\nLocal IP address     Remote IP address     Port   MSS Disabled Cookie\n';
    for (const b of this.buckets ?? []) for (const e of b ?? []) s += row(e, nowUs, disableUs, secrets);
    return s;
  }

  private bucketOf(laddr: InAddr, faddr: InAddr, fport: number): number {
    let h = mix(mix(this.salt, laddr), faddr);
    h = Math.imul(h ^ fport ^ (h >>> 15), 0x85ebca6b);
    return (h ^ (h >>> 13)) & (this.nbuckets - 1);
  }
}

function mix(salt: number, a: InAddr): number {
  let h = salt ^ a.w3;
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) ^ a.w2;
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) ^ a.w1;
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) ^ a.w0 ^ a.zone;
  return Math.imul(h ^ (h >>> 16), 0x45d9f3b);
}

function same(a: InAddr, b: InAddr): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0 && a.af === b.af && a.zone === b.zone;
}

function row(e: FastopenEntry, nowUs: number, disableUs: number, secrets: boolean): string {
  const left = e.disabledAtUs < 0 ? 0 : Math.max(e.disabledAtUs + disableUs - nowUs, 0);
  const cells = [
    formatInAddr(e.laddr).padEnd(20),
    formatInAddr(e.faddr).padEnd(20),
    String(e.fport).padStart(5),
    String(e.mss).padStart(5),
    left > 0 ? `${Math.floor(left / 1e6)}s`.padStart(8) : 'No'.padStart(8),
    Array.from(e.cookie.subarray(0, secrets ? e.cookieLen : 0), (x) => x.toString(16).padStart(2, '0')).join(''),
  ];
  return `${cells.join(' ')}\n`;
}
