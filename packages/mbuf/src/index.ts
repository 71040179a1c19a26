/**
 * Packet buffers: chains of pieces of shared storage, with the packet header that travels with them (FreeBSD kern/uipc_mbuf.c).
 *
 * A packet is a chain of {@link Mbuf}s over pooled or foreign memory. Bytes are shared, not copied: `mCopym` and `mSplit` add references, and only storage that nobody
 * shares may be written (`mWritable`). Neighbours: `wire` reads and writes headers at `(m.dv, m.off)`; `kern` owns the pool of a kernel.
 *
 * ```ts
 * import { MbufPool, mPrepend, mFreem, mToBytes } from '@ns/mbuf';
 *
 * const pool = new MbufPool();
 * let m = pool.fromBytes(new Uint8Array([1, 2, 3]), 64); // 64 bytes of headroom
 * m = m && mPrepend(m, 2); // a header, in place
 * if (m) {
 *   m.dv.setUint16(m.off, 0xcafe);
 *   [...mToBytes(m)]; // => [0xca, 0xfe, 1, 2, 3]
 *   mFreem(m);
 * }
 * pool.outstanding; // => 0
 * ```
 * @packageDocumentation
 */
export * from './csum-flags.ts';
export { mCksum } from './csum.ts';
export { mCopyback, mCopydata, mCopym, mCopypacket, mDup, mToBytes, mUnshare } from './copy.ts';
export {
  EXT_CLUSTER,
  EXT_EXTREF,
  EXT_HDR,
  EXT_JUMBO16,
  EXT_JUMBOP,
  M_BCAST,
  M_EOR,
  M_EXT,
  M_MCAST,
  M_PKTHDR,
  M_PROMISC,
  M_PROTO1,
  M_PROTO2,
  M_PROTO3,
  M_PROTO4,
  M_PROTO5,
  M_RDONLY,
  M_TSTMP,
  M_VLANTAG,
  MAX_LINKHDR,
  MAX_PROTOHDR,
  Mbuf,
  MbufExt,
  mClrprotoflags,
  MCLBYTES,
  mDupPkthdr,
  MHLEN,
  MJUM16BYTES,
  MJUMPAGESIZE,
  mMovePkthdr,
  mRehome,
  MSIZE,
  type Rcvif,
} from './mbuf.ts';
export {
  mAdj,
  mCat,
  mCatpkt,
  mDemote,
  mFixhdr,
  mFree,
  mFreem,
  mLast,
  mLeadingspace,
  mLength,
  mPrepend,
  mPullup,
  mSplit,
  mTrailingspace,
  mTrimHead,
  mWritable,
} from './ops.ts';
export { DEFAULT_MBUF_LIMITS, type MbufLimits, MbufPool, type MbufZoneStat } from './pool.ts';
export { Mbufq } from './queue.ts';
export { type MTag, mTagCopyChain, mTagDelete, mTagDeleteFlow, mTagDeleteNonpersistent, mTagFind, mTagPrepend, TagKey } from './tag.ts';
