import { TUPLE_TABLE_SLOTS } from '@ns/inpcb';
import { type Kernel, LOG_WARNING } from '@ns/kern';

/** Sizes of a cache that is a table of buckets: the host cache's and the syncache's. */
export interface CacheLimits {
  /** hashsize: a power of two. */
  readonly hashsize: number;
  /** bucketlimit: entries in a bucket. */
  readonly bucketlimit: number;
  /** cachelimit: entries in all. */
  readonly cachelimit: number;
}

export const DEFAULT_CACHE_LIMITS: CacheLimits = Object.freeze({ hashsize: 512, bucketlimit: 30, cachelimit: 15360 });

/** Slots that the table of connections begins with: more would be a mistake in the configuration. */
const MAX_TCBHASHSIZE = 1 << 22;
/** Source: FreeBSD tcp_init(), "prevent absurdly low value". */
const MIN_TCBHASHSIZE = 16;
const MAX_BUCKETS = 1 << 20;
/** A bucket is walked from end to end. */
const MAX_BUCKETLIMIT = 255;

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/**
 * Slots that each table of connections begins with, of the boot tunable net.inet.tcp.tcbhashsize: a power of two, or the next one below. The table grows by itself, so a size spares it the growing, and nothing else.
 * Source: FreeBSD tcp_init(), maketcp_hashsize().
 */
export function tcbHashSize(kernel: Kernel): number {
  const asked = kernel.sysctl.tunables.int('net.inet.tcp.tcbhashsize', 0);
  if (asked <= 0) return TUPLE_TABLE_SLOTS;
  return 1 << Math.floor(Math.log2(Math.min(Math.max(asked, MIN_TCBHASHSIZE), MAX_TCBHASHSIZE)));
}

/** Says once that net.inet.tcp.tcbhashsize is not what was asked for. */
export function checkTcbHashSize(kernel: Kernel): void {
  const asked = kernel.sysctl.tunables.int('net.inet.tcp.tcbhashsize', 0);
  const used = tcbHashSize(kernel);
  if (asked > 0 && asked !== used) kernel.log.log(LOG_WARNING, 'tcp', `tcp_init: WARNING: TCB hash size not a power of 2, clipped from ${asked} to ${used}.`);
}

/**
 * Sizes of a cache from the boot tunables `net.inet.tcp.<cache>.hashsize`, `bucketlimit` and `cachelimit`; what makes no sense is the default.
 * Source: FreeBSD tcp_hc_init(), syncache_init().
 */
export function cacheLimits(kernel: Kernel, cache: 'hostcache' | 'syncache'): CacheLimits {
  const { tunables } = kernel.sysctl;
  const d = DEFAULT_CACHE_LIMITS;
  const get = (name: keyof CacheLimits, otherwise: number): number => tunables.int(`net.inet.tcp.${cache}.${name}`, otherwise);
  const size = get('hashsize', d.hashsize);
  const hashsize = isPowerOfTwo(size) && size <= MAX_BUCKETS ? size : d.hashsize;
  const bucketlimit = Math.min(Math.max(get('bucketlimit', d.bucketlimit), 1), MAX_BUCKETLIMIT);
  const most = hashsize * bucketlimit;
  return { hashsize, bucketlimit, cachelimit: Math.min(Math.max(get('cachelimit', most), 0), most) };
}
