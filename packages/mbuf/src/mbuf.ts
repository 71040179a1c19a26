import type { MbufPool } from './pool.ts';
import { type MTag, mTagDeleteFlow } from './tag.ts';

/** m_flags: the bytes are in storage that the pool does not own. @public */
export const M_EXT = 0x1;
/** m_flags: first mbuf of a packet; the packet-header fields are valid. @public */
export const M_PKTHDR = 0x2;
/** m_flags: end of a record. @public */
export const M_EOR = 0x4;
/** m_flags: the storage must not be written. @public */
export const M_RDONLY = 0x8;
/** m_flags: sent or received as a link-level broadcast. @public */
export const M_BCAST = 0x10;
/** m_flags: sent or received as a link-level multicast. @public */
export const M_MCAST = 0x20;
/** m_flags: received only because the interface is promiscuous. @public */
export const M_PROMISC = 0x40;
/** m_flags: `etherVtag` holds an 802.1Q tag. @public */
export const M_VLANTAG = 0x80;
/** m_flags: `rcvTstmpUs` holds the time of arrival. @public */
export const M_TSTMP = 0x400;
/** m_flags: meaning belongs to the present layer; cleared by `mClrprotoflags` when a packet crosses one. @public */
export const M_PROTO1 = 0x2000;
/** As M_PROTO1: a second bit of the present layer. @public */
export const M_PROTO2 = 0x4000;
/** As M_PROTO1: a third bit of the present layer. @public */
export const M_PROTO3 = 0x8000;
/** As M_PROTO1: a fourth bit of the present layer. @public */
export const M_PROTO4 = 0x10000;
/** As M_PROTO1: a fifth bit of the present layer. @public */
export const M_PROTO5 = 0x20000;

/** The bits that `mClrprotoflags` clears. */
const M_PROTOFLAGS = 0xffe000;
/** The bits that belong to the packet and move with its header. */
const M_COPYFLAGS = M_PKTHDR | M_EOR | M_BCAST | M_MCAST | M_PROMISC | M_VLANTAG | M_TSTMP | M_PROTOFLAGS;

/** Bytes that output code keeps free in front of a packet for link headers. @public */
export const MAX_LINKHDR = 16;
/** Bytes that output code keeps free for network and transport headers (IPv6 40 + TCP 60, rounded). @public */
export const MAX_PROTOHDR = 104;
/** Size of a header cluster, bytes. @public */
export const MSIZE = 256;
/** Most bytes that `mPullup` makes contiguous in a header cluster: FreeBSD's MHLEN is 168, ours a header cluster less the headroom. @public */
export const MHLEN: number = MSIZE - MAX_LINKHDR;
/** Size of a standard cluster, bytes. @public */
export const MCLBYTES = 2048;
/** Size of a jumbo cluster, bytes. @public */
export const MJUMPAGESIZE = 4096;
/** Size of the largest cluster, bytes. @public */
export const MJUM16BYTES = 16384;

/**
 * The interface a packet came in by: opaque here, given meaning by `@ns/ifnet-kpi`.
 * @public
 */
export interface Rcvif {
  /** Never there: keeps the type apart from others. */
  readonly __rcvif?: never;
}

/**
 * Storage that mbufs share: a cluster of the pool, or memory that belongs to somebody else.
 *
 * `buf`, `dv` and `words` are views of one whole `ArrayBuffer`; the storage is the part `[base, base + size)` of it. All storage carved from
 * one slab shares the same three views, so the packet path sees one shape and makes none.
 * Source: FreeBSD mbuf.h, struct m_ext.
 * @public
 */
export class MbufExt {
  /** All bytes of the underlying buffer. */
  buf: Uint8Array;
  /** The same bytes, for headers. */
  dv: DataView;
  /** The same bytes as whole 32-bit words in host order, for checksums; a tail of up to three bytes is not covered. */
  words: Int32Array;
  /** Offset of the first byte that belongs to this storage. */
  base: number;
  /** Bytes that belong to this storage. */
  size: number;
  /** Mbufs that refer to it. */
  refs: number;
  /** EXT_*: which list it goes home to. */
  readonly type: number;
  /** Called with `arg` when the last reference goes; external storage only. */
  free: ((arg: unknown) => void) | null;
  /** Argument for `free`. */
  arg: unknown;

  constructor(buf: Uint8Array, dv: DataView, words: Int32Array, base: number, size: number, type: number) {
    this.buf = buf;
    this.dv = dv;
    this.words = words;
    this.base = base;
    this.size = size;
    this.refs = 0;
    this.type = type;
    this.free = null;
    this.arg = undefined;
  }
}

/** Storage type: a 256-byte header cluster. @public */
export const EXT_HDR = 0;
/** Storage type: a 2 KiB cluster. @public */
export const EXT_CLUSTER = 1;
/** Storage type: a 4 KiB cluster. @public */
export const EXT_JUMBOP = 3;
/** Storage type: a 16 KiB cluster. @public */
export const EXT_JUMBO16 = 5;
/** Storage type: memory of somebody else, with a free routine. @public */
export const EXT_EXTREF = 255;

/**
 * One piece of a packet: `len` bytes at `off` of `buf`. A packet is a chain by `next` whose first mbuf has M_PKTHDR; packets queue by `nextpkt`.
 *
 * Made by a {@link MbufPool} only. Whoever holds the first mbuf owns the packet; a call that is said to consume it owns it whatever the
 * result, and the caller must not touch it again (a freed mbuf has `len` -1 and no storage, so a late use fails at once).
 * Source: FreeBSD mbuf.h, struct mbuf and struct pkthdr.
 * @public
 */
export class Mbuf {
  /** Next piece of this packet. */
  next: Mbuf | null;
  /** Next packet in a queue. */
  nextpkt: Mbuf | null;
  /** Storage; null only while the mbuf is in the pool's free list. */
  ext: MbufExt | null;
  /** `ext.buf`: a whole slab; index with `off`. */
  buf: Uint8Array;
  /** `ext.dv`: index with `off`. */
  dv: DataView;
  /** Offset of the first byte. */
  off: number;
  /** Bytes in this piece; -1 once freed. */
  len: number;
  /** M_*. */
  flags: number;
  /** The pool it goes home to. */
  readonly pool: MbufPool;

  /** Packet header: bytes in the whole chain. */
  pktlen: number;
  /** Packet header: receiving interface. */
  rcvif: Rcvif | null;
  /** Packet header: flow hash, int32. */
  flowid: number;
  /** Packet header: M_HASHTYPE_* of `flowid`, 0 when there is none. */
  rsstype: number;
  /** Packet header: routing table. */
  fibnum: number;
  /** Packet header: CSUM_*: work asked of the driver, or done by it. */
  csumFlags: number;
  /** Packet header: on output the offset of the checksum field in the transport header; on input the sum the hardware found. */
  csumData: number;
  /** Packet header: payload bytes of each segment of a TSO packet. */
  tsoSegsz: number;
  /** Packet header: 802.1Q tag (with M_VLANTAG). */
  etherVtag: number;
  /** Packet header: bytes of the link header as parsed; 0 = not parsed. */
  l2hlen: number;
  /** Packet header: bytes of the network header, options and extension headers included; 0 = not parsed. */
  l3hlen: number;
  /** Packet header: bytes of the transport header; 0 = not parsed. */
  l4hlen: number;
  /** Packet header: tags. */
  tags: MTag | null;

  /** For pools only. */
  constructor(pool: MbufPool, buf: Uint8Array, dv: DataView) {
    this.next = null;
    this.nextpkt = null;
    this.ext = null;
    this.buf = buf;
    this.dv = dv;
    this.off = 0;
    this.len = -1;
    this.flags = 0;
    this.pool = pool;
    this.pktlen = 0;
    this.rcvif = null;
    this.flowid = 0;
    this.rsstype = 0;
    this.fibnum = 0;
    this.csumFlags = 0;
    this.csumData = 0;
    this.tsoSegsz = 0;
    this.etherVtag = 0;
    this.l2hlen = 0;
    this.l3hlen = 0;
    this.l4hlen = 0;
    this.tags = null;
  }
}

/** Clears the packet header of `m`; the caller sets M_PKTHDR and `pktlen`. */
export function clearPkthdr(m: Mbuf): void {
  m.pktlen = 0;
  m.rcvif = null;
  m.flowid = 0;
  m.rsstype = 0;
  m.fibnum = 0;
  m.csumFlags = 0;
  m.csumData = 0;
  m.tsoSegsz = 0;
  m.etherVtag = 0;
  m.l2hlen = 0;
  m.l3hlen = 0;
  m.l4hlen = 0;
  m.tags = null;
}

/**
 * Moves the packet header, tags included, from `from` to `to`; `from` is a plain mbuf afterwards.
 * Source: FreeBSD uipc_mbuf.c, m_move_pkthdr().
 * @public
 */
export function mMovePkthdr(to: Mbuf, from: Mbuf): void {
  mDupPkthdr(to, from);
  to.tags = from.tags;
  from.tags = null;
  from.flags &= ~M_COPYFLAGS;
}

/**
 * Copies the packet header from `from` to `to`, but no tags (see `mTagCopyChain`).
 * Source: FreeBSD uipc_mbuf.c, m_dup_pkthdr().
 * @public
 */
export function mDupPkthdr(to: Mbuf, from: Mbuf): void {
  to.flags = (to.flags & ~M_COPYFLAGS) | (from.flags & M_COPYFLAGS);
  to.pktlen = from.pktlen;
  to.rcvif = from.rcvif;
  to.flowid = from.flowid;
  to.rsstype = from.rsstype;
  to.fibnum = from.fibnum;
  to.csumFlags = from.csumFlags;
  to.csumData = from.csumData;
  to.tsoSegsz = from.tsoSegsz;
  to.etherVtag = from.etherVtag;
  to.l2hlen = from.l2hlen;
  to.l3hlen = from.l3hlen;
  to.l4hlen = from.l4hlen;
}

/**
 * Clears the flags that belong to one layer (M_PROTO1 ...), for when a packet crosses into another.
 * Source: FreeBSD mbuf.h, m_clrprotoflags().
 * @public
 */
export function mClrprotoflags(m: Mbuf): void {
  for (let n: Mbuf | null = m; n !== null; n = n.next) n.flags &= ~M_PROTOFLAGS;
}

/**
 * Forgets what was learnt about a packet that becomes another one (a reply built in place, a tunnel's inner packet): hash, checksum words,
 * parsed offsets, and tags of its flow. Other tags that are not persistent are the caller's to delete.
 * @public
 */
export function mRehome(m: Mbuf): void {
  mTagDeleteFlow(m);
  m.flowid = 0;
  m.rsstype = 0;
  m.csumFlags = 0;
  m.csumData = 0;
  m.tsoSegsz = 0;
  m.l2hlen = 0;
  m.l3hlen = 0;
  m.l4hlen = 0;
}
