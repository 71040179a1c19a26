/*
 * @hot Walks over IPv6 extension headers and over the options in them (RFC 8200 §4), bounded in number and length.
 *
 * Source: FreeBSD netinet6/ip6_input.c, ip6_nexthdr(), ip6_lasthdr(), ip6_unknown_opt().
 */
import { IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING } from './ip.ts';
import { IP6F_MORE_FRAG, IP6F_OFF_MASK, IP6OPT_PAD1, IP6_FRAG_LEN, IP6_HDRNESTLIMIT, IP6_HDR_LEN } from './ip6.ts';

/** The walk reached a header that is not an extension header. @public */
export const IP6WALK_DONE = 0;
/** A header runs past the bytes that are there. @public */
export const IP6WALK_TRUNCATED = 1;
/** More extension headers than IP6_HDRNESTLIMIT. @public */
export const IP6WALK_NESTED = 2;
/** Hop-by-hop options stand elsewhere than first. @public */
export const IP6WALK_HOPOPTS = 3;

/** What {@link walkIp6Ext} found. The record belongs to the caller. @public */
export class Ip6Walk {
  /** Protocol of the header at `off`. */
  nxt = 0;
  /** Position of the first header that is not an extension header, or of the one at which the walk stopped. */
  off = 0;
  /** Position of the next-header octet that named `nxt`: what a Parameter Problem points at. */
  nxtOff = 0;
  /** Extension headers passed. */
  count = 0;
  /** Position of the fragment header, -1 if there is none. */
  fragOff = -1;
  /** True if the packet is a fragment other than the first: what lies at `off` is not a header then. */
  laterFragment = false;
  /** True if the packet is a fragment at all (not so for an atomic one, RFC 6946). */
  fragmented = false;
  /** Why the walk ended, IP6WALK_*. */
  status: number = IP6WALK_DONE;
}

/**
 * Length of the extension header of protocol `nxt` at `o`, of which `len` bytes (at least 2) are there; 0 if `nxt` is not an extension header.
 *
 * @public
 */
export function ip6ExtLen(dv: DataView, o: number, nxt: number): number {
  switch (nxt) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
      return (dv.getUint8(o + 1) + 1) << 3;
    case IPPROTO_FRAGMENT:
      return IP6_FRAG_LEN;
    case IPPROTO_AH:
      return (dv.getUint8(o + 1) + 2) << 2;
    default:
      return 0;
  }
}

/**
 * Walks the extension headers of the IPv6 packet of `len` bytes at `o` (fixed header included, all contiguous) to the upper-layer header.
 *
 * Stops at once behind a fragment header with a non-zero offset. Never reads outside `[o, o + len)`.
 *
 * @returns true if `w.status` is IP6WALK_DONE
 *
 * @public
 */
export function walkIp6Ext(dv: DataView, o: number, len: number, w: Ip6Walk): boolean {
  const end = o + len;
  w.count = 0;
  w.fragOff = -1;
  w.laterFragment = false;
  w.fragmented = false;
  w.off = o + IP6_HDR_LEN;
  w.nxtOff = o + 6;
  if (len < IP6_HDR_LEN) {
    w.off = o;
    w.nxt = 0;
    return stopWalk(w, IP6WALK_TRUNCATED);
  }
  w.nxt = dv.getUint8(o + 6);
  for (;;) {
    if (!isIp6Ext(w.nxt)) return stopWalk(w, IP6WALK_DONE);
    if (w.nxt === IPPROTO_HOPOPTS && w.count > 0) return stopWalk(w, IP6WALK_HOPOPTS);
    if (w.count === IP6_HDRNESTLIMIT) return stopWalk(w, IP6WALK_NESTED);
    if (end - w.off < 8) return stopWalk(w, IP6WALK_TRUNCATED);
    const extLen = ip6ExtLen(dv, w.off, w.nxt);
    if (extLen > end - w.off) return stopWalk(w, IP6WALK_TRUNCATED);
    if (w.nxt === IPPROTO_FRAGMENT) {
      const offlg = dv.getUint16(w.off + 2);
      w.fragOff = w.off;
      w.laterFragment = (offlg & IP6F_OFF_MASK) !== 0;
      w.fragmented = (offlg & (IP6F_OFF_MASK | IP6F_MORE_FRAG)) !== 0;
    }
    w.nxtOff = w.off;
    w.nxt = dv.getUint8(w.off);
    w.off += extLen;
    w.count++;
    if (w.laterFragment) return stopWalk(w, IP6WALK_DONE);
  }
}

function stopWalk(w: Ip6Walk, status: number): boolean {
  w.status = status;
  return status === IP6WALK_DONE;
}

/** True for the headers that {@link walkIp6Ext} passes: hop-by-hop, routing, fragment, destination options, AH. @public */
export function isIp6Ext(nxt: number): boolean {
  return nxt === IPPROTO_HOPOPTS || nxt === IPPROTO_ROUTING || nxt === IPPROTO_FRAGMENT || nxt === IPPROTO_DSTOPTS || nxt === IPPROTO_AH;
}

/** Where a walk over the options of a hop-by-hop or destination options header stands. The record belongs to the caller. @public */
export class Ip6OptCursor {
  /** Position of the present option. */
  off = 0;
  /** Its type. */
  type = 0;
  /** Its whole length: 1 for Pad1, data length plus 2 for the others. */
  len = 0;
  /** One past the last byte of the header. */
  end = 0;
  /** After the walk: true if it ended at an option that runs past the header; it starts at `off`. */
  bad = false;
}

/**
 * Sets `cur` before the first option of the options header at `o`.
 *
 * @param len - length of that header with its first two octets, from {@link ip6ExtLen}
 *
 * @public
 */
export function ip6OptBegin(cur: Ip6OptCursor, o: number, len: number): void {
  cur.off = o + 2;
  cur.type = IP6OPT_PAD1;
  cur.len = 0;
  cur.end = o + len;
  cur.bad = false;
}

/**
 * Moves `cur` to the next option, padding included. False at the end of the header or at an option that runs past it; the latter sets `cur.bad`.
 * Never reads at or behind `cur.end`.
 *
 * @public
 */
export function ip6OptNext(dv: DataView, cur: Ip6OptCursor): boolean {
  cur.off += cur.len;
  cur.len = 0;
  if (cur.off >= cur.end) return false;
  cur.type = dv.getUint8(cur.off);
  if (cur.type === IP6OPT_PAD1) {
    cur.len = 1;
    return true;
  }
  const room = cur.end - cur.off;
  const len = room < 2 ? 2 : dv.getUint8(cur.off + 1) + 2;
  if (len > room) {
    cur.bad = true;
    return false;
  }
  cur.len = len;
  return true;
}
