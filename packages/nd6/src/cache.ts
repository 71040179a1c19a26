import { LLE_STATIC, LLE_VALID, type Llentry } from '@ns/lltable';
import { getInAddr6, type InAddr, inAddr6In, isAny, ND_REDIRECT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT, type NdOpts } from '@ns/wire';
import { defrouterSelect } from './defrouter.ts';
import type { Nd6If } from './nd-if.ts';
import { ND6_LLINFO_INCOMPLETE, ND6_LLINFO_STALE, nd6Alloc, nd6FlushHeld, nd6LlinfoSetstate, nd6SetLladdr } from './nud.ts';

/** Length of a link-layer address option on Ethernet. */
const LLOPT_LEN = 8;

/** What became of a link-layer address option: {@link lladdrOption}. */
export const LLOPT_NONE = 0;
/** There is one and it is good: the address is 2 bytes behind its beginning. */
export const LLOPT_OK = 1;
/** Its length is not that of the link, or it names a group or nobody. */
export const LLOPT_BAD = -1;

/** Looks at the link-layer address option at `o` (-1: there is none). Source: FreeBSD nd6_nbr.c, "lladdrlen mismatch". */
export function lladdrOption(ni: Nd6If, dv: DataView, o: number): number {
  if (o < 0 || ni.mac() === null) return LLOPT_NONE;
  if (dv.getUint8(o + 1) << 3 !== LLOPT_LEN) return LLOPT_BAD;
  if ((dv.getUint8(o + 2) & 1) !== 0) return LLOPT_BAD;
  return dv.getUint16(o + 2) === 0 && dv.getInt32(o + 4) === 0 ? LLOPT_BAD : LLOPT_OK;
}

/** The address in the sixteen bytes at `o`, on the link of the interface. */
export function linkAddr(ni: Nd6If, dv: DataView, o: number): InAddr {
  const a = getInAddr6(dv, o);
  return inAddr6In(a.w0, a.w1, a.w2, a.w3, ni.ifp.index);
}

/** Whether the six bytes at `o` are another address than the one that is known. */
export function macDiffers(lle: Llentry, dv: DataView, o: number): boolean {
  for (let i = 0; i < 6; i++) if (lle.lladdr[i] !== dv.getUint8(o + i)) return true;
  return false;
}

/** Bytes of a link-layer address in a message. */
export function macAt(dv: DataView, o: number): Uint8Array {
  return new Uint8Array(dv.buffer, dv.byteOffset + o, 6);
}

/**
 * Learns from a message of type `type` that `from` is on the link and, with `opt` (position of a good link-layer address option, else -1), its address. `isRouter` says what a redirect makes
 * of it. An address that is new makes the entry stale: it has been heard of, not heard from.
 * Source: FreeBSD nd6.c, nd6_cache_lladdr(); RFC 4861 §6.2.6, §6.3.4, §7.2.3, §8.3.
 */
export function nd6CacheLladdr(ni: Nd6If, from: InAddr, dv: DataView, opt: number, type: number, isRouter: boolean): Llentry | null {
  if (isAny(from)) return null;
  let lle = ni.table.lookup(from);
  const fresh = lle === null;
  if (lle === null) {
    if (opt < 0) return null;
    lle = nd6Alloc(ni, from, 0);
    if (lle === null) return null;
    lle.state = ND6_LLINFO_INCOMPLETE;
  } else if ((lle.flags & LLE_STATIC) !== 0) {
    return lle;
  }
  const changed = opt >= 0 && ((lle.flags & LLE_VALID) === 0 || macDiffers(lle, dv, opt + 2));
  if (changed && nd6SetLladdr(ni, lle, macAt(dv, opt + 2), 0)) nd6LlinfoSetstate(ni, lle, ND6_LLINFO_STALE);
  const wasRouter = lle.isRouter;
  noteRouter(lle, type, isRouter, fresh);
  if (changed) {
    nd6FlushHeld(ni, lle);
    // A router that is known again, or elsewhere, may be the better one.
    if (wasRouter || lle.isRouter) defrouterSelect(ni.nd);
  }
  return lle;
}

/** Whether the sender is a router, as far as a message tells. Source: FreeBSD nd6.c, nd6_is_router(). */
function noteRouter(lle: Llentry, type: number, isRouter: boolean, fresh: boolean): void {
  if (type === ND_ROUTER_ADVERT) lle.isRouter = true;
  else if (type === ND_ROUTER_SOLICIT) lle.isRouter = false; // only hosts solicit (RFC 4861 §6.2.6)
  else if (type === ND_REDIRECT && isRouter) lle.isRouter = true;
  else if (fresh) lle.isRouter = false;
}

/** Whether the options of a message are well formed; fills `ndo`. A malformed one counts. */
export function countBadOption(ni: Nd6If, ok: boolean): boolean {
  if (!ok) ni.nd.ip6v.icmp6stat.nd_badopt++;
  return ok;
}

/** Position of the source link-layer address option if it is good, else -1; null if it is bad. */
export function srcLladdr(ni: Nd6If, dv: DataView, ndo: NdOpts): number | null {
  const r = lladdrOption(ni, dv, ndo.srcLladdr);
  return r === LLOPT_BAD ? null : r === LLOPT_OK ? ndo.srcLladdr : -1;
}

/** The same for the target. */
export function tgtLladdr(ni: Nd6If, dv: DataView, ndo: NdOpts): number | null {
  const r = lladdrOption(ni, dv, ndo.tgtLladdr);
  return r === LLOPT_BAD ? null : r === LLOPT_OK ? ndo.tgtLladdr : -1;
}
