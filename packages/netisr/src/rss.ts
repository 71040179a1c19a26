import {
  HeaderInfo,
  M_HASHTYPE_NONE,
  M_HASHTYPE_RSS_IPV4,
  M_HASHTYPE_RSS_IPV6,
  M_HASHTYPE_RSS_TCP_IPV4,
  M_HASHTYPE_RSS_TCP_IPV6,
  M_HASHTYPE_RSS_UDP_IPV4,
  M_HASHTYPE_RSS_UDP_IPV6,
  parseHeaders,
} from '@ns/ifnet-kpi';
import { ServiceKey } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { AF_INET, IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';
import { NETISR_CPUID_NONE } from './proto.ts';
import { Toeplitz } from './toeplitz.ts';

/** Hash algorithm: sum of key and data. Reserved. @public */
export const RSS_HASH_NAIVE = 1;
/** Hash algorithm: Toeplitz. @public */
export const RSS_HASH_TOEPLITZ = 2;

/** Hash configuration bit: 2-tuple of IPv4. @public */
export const RSS_HASHTYPE_RSS_IPV4 = 0x2;
/** Hash configuration bit: 4-tuple of TCP over IPv4. @public */
export const RSS_HASHTYPE_RSS_TCP_IPV4 = 0x4;
/** Hash configuration bit: 2-tuple of IPv6. @public */
export const RSS_HASHTYPE_RSS_IPV6 = 0x8;
/** Hash configuration bit: 4-tuple of TCP over IPv6. @public */
export const RSS_HASHTYPE_RSS_TCP_IPV6 = 0x10;
/** Hash configuration bit: 2-tuple of IPv6 with extension headers. @public */
export const RSS_HASHTYPE_RSS_IPV6_EX = 0x20;
/** Hash configuration bit: 4-tuple of TCP over IPv6 with extension headers. @public */
export const RSS_HASHTYPE_RSS_TCP_IPV6_EX = 0x40;
/** Hash configuration bit: 4-tuple of UDP over IPv4. @public */
export const RSS_HASHTYPE_RSS_UDP_IPV4 = 0x80;
/** Hash configuration bit: 4-tuple of UDP over IPv6. @public */
export const RSS_HASHTYPE_RSS_UDP_IPV6 = 0x200;

/** Most bits of a bucket number. @public */
export const RSS_MAXBITS = 7;
/** Most CPUs that buckets are spread over. @public */
export const RSS_MAXCPUS = 64;

/** What cards and the stack hash: 4-tuples of TCP only, because fragments of a UDP datagram have no ports. Source: FreeBSD rss_gethashconfig(). */
const HASH_CONFIG =
  RSS_HASHTYPE_RSS_IPV4 |
  RSS_HASHTYPE_RSS_TCP_IPV4 |
  RSS_HASHTYPE_RSS_IPV6 |
  RSS_HASHTYPE_RSS_TCP_IPV6 |
  RSS_HASHTYPE_RSS_IPV6_EX |
  RSS_HASHTYPE_RSS_TCP_IPV6_EX;

/**
 * Receive-side scaling of one kernel: the one map from flow hash to bucket to workstream, which cards are programmed from and software agrees with.
 * Source: FreeBSD net/rss_config.c.
 * @public
 */
export class Rss {
  /** The hash. */
  readonly toeplitz: Toeplitz;
  /** Bits of a bucket number. */
  readonly bits: number;
  /** Buckets less one. */
  readonly mask: number;
  /** Workstreams that buckets are spread over. */
  readonly ncpus: number;
  /** Workstream of each bucket, round robin. */
  readonly table: readonly number[];
  private readonly info: HeaderInfo;

  /** `bits` above what makes sense are lowered: at most {@link RSS_MAXBITS}, and none on one workstream unless asked for. */
  constructor(ncpus: number, bits?: number, key?: readonly number[]) {
    this.toeplitz = new Toeplitz(key);
    this.ncpus = Math.min(Math.max(1, ncpus), RSS_MAXCPUS);
    // At least twice as many buckets as CPUs, so that load can be moved.
    const auto = this.ncpus === 1 ? 0 : 32 - Math.clz32(this.ncpus - 1) + 1;
    this.bits = Math.min(bits === undefined || bits < 0 ? auto : bits, RSS_MAXBITS);
    this.mask = (1 << this.bits) - 1;
    const table: number[] = [];
    for (let b = 0; b <= this.mask; b++) table.push(b % this.ncpus);
    this.table = table;
    this.info = new HeaderInfo();
  }

  /** Buckets. */
  get numbuckets(): number {
    return this.mask + 1;
  }

  /** RSS_HASHTYPE_* that are hashed. */
  get hashconfig(): number {
    return HASH_CONFIG;
  }

  /** Bucket of a hash. */
  hash2bucket(hash: number): number {
    return hash & this.mask;
  }

  /** Workstream of a hash. */
  hash2cpuid(hash: number): number {
    return this.table[hash & this.mask] as number;
  }

  /** Bucket of slot `i` of a card's indirection table. Source: FreeBSD rss_get_indirection_to_bucket(). */
  indirectionToBucket(i: number): number {
    return i & this.mask;
  }

  /** Workstream of a packet by the hash it carries, NETISR_CPUID_NONE if it has none. */
  m2cpuid(m: Mbuf): number {
    return m.rsstype === M_HASHTYPE_NONE ? NETISR_CPUID_NONE : this.hash2cpuid(m.flowid);
  }

  /** Workstream of a packet at its network header, hashed in software if need be. */
  softM2cpuid(m: Mbuf): number {
    if (m.rsstype === M_HASHTYPE_NONE) this.softwareHash(m);
    return this.m2cpuid(m);
  }

  /**
   * Fills `m.flowid` and `m.rsstype` of a packet at its network header, as a card would have; leaves them when it is not IP. What was found on the way stays with the packet:
   * the lengths of the headers of a whole TCP segment or UDP datagram. No allocation.
   */
  softwareHash(m: Mbuf): void {
    const h = this.info;
    if (!parseHeaders(m, h, 0)) return;
    if (h.l4len !== 0 && !h.fragment) {
      m.l2hlen = 0;
      m.l3hlen = h.l3len;
      m.l4hlen = h.l4len;
    }
    const t = this.toeplitz;
    const ports = h.fragment ? 0 : h.proto;
    if (h.af === AF_INET) {
      if (ports === IPPROTO_TCP && h.l4len !== 0) {
        m.flowid = t.ip4Tuple4(h.src3, h.sport, h.dst3, h.dport);
        m.rsstype = M_HASHTYPE_RSS_TCP_IPV4;
        return;
      }
      m.flowid = t.ip4Tuple2(h.src3, h.dst3);
      m.rsstype = M_HASHTYPE_RSS_IPV4;
      return;
    }
    m.flowid = t.ip6Tuple2(h.src0, h.src1, h.src2, h.src3, h.dst0, h.dst1, h.dst2, h.dst3);
    m.rsstype = M_HASHTYPE_RSS_IPV6;
    if (ports === IPPROTO_TCP && h.l4len !== 0) {
      m.flowid ^= t.ip6Ports(h.sport, h.dport);
      m.rsstype = M_HASHTYPE_RSS_TCP_IPV6;
    }
  }

  /**
   * Hash of an IPv4 connection as seen on input (`faddr` is the source), for placing a control block; `type` receives nothing: it is
   * TCP's 4-tuple or another protocol's 2-tuple by the configuration. Source: FreeBSD rss_proto_software_hash_v4().
   */
  protoHash4(faddr: number, laddr: number, fport: number, lport: number, proto: number): number {
    return this.hashtype4(proto) === M_HASHTYPE_RSS_IPV4 ? this.toeplitz.ip4Tuple2(faddr, laddr) : this.toeplitz.ip4Tuple4(faddr, fport, laddr, lport);
  }

  /** M_HASHTYPE_* of {@link Rss.protoHash4}. */
  hashtype4(proto: number): number {
    if (proto === IPPROTO_TCP && (HASH_CONFIG & RSS_HASHTYPE_RSS_TCP_IPV4) !== 0) return M_HASHTYPE_RSS_TCP_IPV4;
    if (proto === IPPROTO_UDP && (HASH_CONFIG & RSS_HASHTYPE_RSS_UDP_IPV4) !== 0) return M_HASHTYPE_RSS_UDP_IPV4;
    return M_HASHTYPE_RSS_IPV4;
  }

  /** M_HASHTYPE_* that a card gives packets of a protocol over IPv6. */
  hashtype6(proto: number): number {
    if (proto === IPPROTO_TCP && (HASH_CONFIG & RSS_HASHTYPE_RSS_TCP_IPV6) !== 0) return M_HASHTYPE_RSS_TCP_IPV6;
    if (proto === IPPROTO_UDP && (HASH_CONFIG & RSS_HASHTYPE_RSS_UDP_IPV6) !== 0) return M_HASHTYPE_RSS_UDP_IPV6;
    return M_HASHTYPE_RSS_IPV6;
  }

  /** `0:0 1:1 2:0 ...`: net.inet.rss.bucket_mapping. */
  bucketMapping(): string {
    return this.table.map((cpu, bucket) => `${bucket}:${cpu}`).join(' ');
  }
}

/** Receive-side scaling of a kernel. Provided by module `netisr`. @public */
export const RSS: ServiceKey<Rss> = new ServiceKey<Rss>('rss');
