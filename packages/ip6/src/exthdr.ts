// @hot
import { type Mbuf, mFreem, mPullup } from '@ns/mbuf';
import {
  ICMP6_PARAM_PROB,
  ICMP6_PARAMPROB_HEADER,
  ICMP6_PARAMPROB_OPTION,
  IP6_HDR_LEN,
  ip6OptBegin,
  ip6OptNext,
  IP6OPT_PAD1,
  IP6OPT_PADN,
  IP6OPT_ROUTER_ALERT,
  IP6OPT_RTALERT_LEN,
  IP6OPT_RTALERT_MLD,
  IP6OPT_TYPE_DISCARD,
  IP6OPT_TYPE_FORCEICMP,
  IP6OPT_TYPE_ICMP,
  IP6OPT_TYPE_MASK,
  IP6OPT_TYPE_SKIP,
} from '@ns/wire';
import { icmp6Error } from './icmp6-error.ts';
import type { In6Ifinfo, Ip6Vnet } from './ip6-vnet.ts';
import { M_RTALERT_MLD } from './output.ts';

/** What the functions of this file return for a packet that is gone: counted, freed, perhaps answered. */
export const EXT_GONE = null;
/** Bytes of all headers together that are looked at: what fits into one cluster. */
const MAX_HDRS = 2048;

/** Length of the options or routing header at offset `off` of `m`, of which two bytes are there. */
export function ip6Extent(m: Mbuf, off: number): number {
  return (m.dv.getUint8(m.off + off + 1) + 1) << 3;
}

/** Makes the packet contiguous up to `len`; EXT_GONE if it is shorter, or that is more than is looked at. Consumes m. */
export function ip6Contiguous(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf, len: number): Mbuf | null {
  if (m.pktlen < len) {
    ip6v.stat.tooshort++;
    ii.stat.in_truncated++;
    mFreem(m);
    return EXT_GONE;
  }
  if (len > MAX_HDRS) {
    ip6v.stat.exthdrtoolong++;
    ii.stat.in_hdrerr++;
    mFreem(m);
    return EXT_GONE;
  }
  if (m.len >= len) return m;
  const p = mPullup(m, len);
  if (p === null) ip6v.stat.odropped++;
  return p;
}

/** Makes the options or routing header at `off` contiguous with all before it. Consumes m. */
function whole(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf, off: number): Mbuf | null {
  const p = ip6Contiguous(ip6v, ii, m, off + 8);
  return p === null ? EXT_GONE : ip6Contiguous(ip6v, ii, p, off + ip6Extent(p, off));
}

/**
 * Goes through the hop-by-hop options behind the fixed header. Consumes m; returns the packet, or EXT_GONE. Jumbo payloads are not taken: theirs is an option like any other that is not known.
 * Source: FreeBSD ip6_input.c, ip6_hopopts_input(); RFC 8200 §4.3.
 */
export function ip6Hopopts(ip6v: Ip6Vnet, ii: In6Ifinfo, m0: Mbuf): Mbuf | null {
  const m = whole(ip6v, ii, m0, IP6_HDR_LEN);
  return m === null ? EXT_GONE : options(ip6v, ii, m, IP6_HDR_LEN, true);
}

/** The same for destination options at `off`. Source: FreeBSD dest6.c, dest6_input(). */
export function ip6Dstopts(ip6v: Ip6Vnet, ii: In6Ifinfo, m0: Mbuf, off: number): Mbuf | null {
  const m = whole(ip6v, ii, m0, off);
  return m === null ? EXT_GONE : options(ip6v, ii, m, off, false);
}

function options(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf, off: number, hbh: boolean): Mbuf | null {
  const cur = ip6v.optCursor;
  ip6OptBegin(cur, m.off + off, ip6Extent(m, off));
  while (ip6OptNext(m.dv, cur)) {
    const type = cur.type;
    if (type === IP6OPT_PAD1 || type === IP6OPT_PADN) continue;
    if (hbh && type === IP6OPT_ROUTER_ALERT) {
      if (cur.len === IP6OPT_RTALERT_LEN) {
        if (m.dv.getUint16(cur.off + 2) === IP6OPT_RTALERT_MLD) m.flags |= M_RTALERT_MLD;
        continue; // whatever else it alerts to passes by
      }
      return badOption(ip6v, ii, m, cur.off + 1 - m.off, ICMP6_PARAMPROB_HEADER);
    }
    if ((type & IP6OPT_TYPE_MASK) === IP6OPT_TYPE_SKIP) continue;
    return unknownOption(ip6v, ii, m, type, cur.off - m.off);
  }
  if (!cur.bad) return m;
  return badOption(ip6v, ii, m, cur.off + 1 - m.off, ICMP6_PARAMPROB_HEADER);
}

function badOption(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf, pointer: number, code: number): null {
  ip6v.stat.badoptions++;
  ii.stat.in_hdrerr++;
  icmp6Error(ip6v, m, ICMP6_PARAM_PROB, code, pointer);
  return EXT_GONE;
}

/** What the two high bits of an option's type say of those who do not know it. Source: FreeBSD ip6_input.c, ip6_unknown_opt(). */
function unknownOption(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf, type: number, pointer: number): null {
  const action = type & IP6OPT_TYPE_MASK;
  const multicast = m.dv.getUint8(m.off + 24) === 0xff;
  if (action === IP6OPT_TYPE_FORCEICMP || (action === IP6OPT_TYPE_ICMP && !multicast)) return badOption(ip6v, ii, m, pointer, ICMP6_PARAMPROB_OPTION);
  if (action === IP6OPT_TYPE_DISCARD) ip6v.stat.badoptions++;
  ii.stat.in_discard++;
  mFreem(m);
  return EXT_GONE;
}

/**
 * A routing header at `off`: none of its types is followed here; with segments left it is refused, without it is passed over. Consumes m.
 * Source: FreeBSD route6.c, route6_input(); RFC 5095 §3, RFC 8200 §4.4.
 */
export function ip6Rthdr(ip6v: Ip6Vnet, ii: In6Ifinfo, m0: Mbuf, off: number): Mbuf | null {
  const m = whole(ip6v, ii, m0, off);
  if (m === null) return EXT_GONE;
  if (m.dv.getUint8(m.off + off + 3) === 0) return m;
  return badOption(ip6v, ii, m, off + 2, ICMP6_PARAMPROB_HEADER);
}
