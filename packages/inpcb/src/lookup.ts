/* @hot Source: FreeBSD netinet/in_pcb.c, in_pcblookup(). */
import type { Ifnet } from '@ns/ifnet';
import type { Ucred } from '@ns/vnet';
import { AF_INET, embedZone6, type InAddr, isAny, zonedWord0 } from '@ns/wire';
import type { InpcbInfo } from './info.ts';
import { INP_CONNECTED, INP_IPV4, INP_IPV6, type Inpcb } from './pcb.ts';
import { RANK_NONE, wildRank } from './precedence.ts';
import { prisonEqualAddrs } from './prison.ts';

/** Lookup flag: unconnected pcbs will do too. @public */
export const INPLOOKUP_WILDCARD = 1;
/** Lookup flag: the pcb will be read. Exactly one of RLOCKPCB and WLOCKPCB must be given. @public */
export const INPLOOKUP_RLOCKPCB = 2;
/** Lookup flag: the pcb will be changed. @public */
export const INPLOOKUP_WLOCKPCB = 4;
/** Lookup flag: only unconnected pcbs of the packet's routing table. @public */
export const INPLOOKUP_FIB = 8;

/** The legal combinations of lookup flags: exactly one of RLOCKPCB 2 and WLOCKPCB 4. @public */
export type InpLookupFlags = 2 | 3 | 4 | 5 | 10 | 11 | 12 | 13;
/** `F` if it may be a legal combination: a literal must be one, a computed `number` is checked when the lookup runs. @public */
export type CheckedLookupFlags<F extends number> = number extends F ? F : F extends InpLookupFlags ? F : never;

/**
 * Finds the pcb for a packet: the one with its 4-tuple; with WILDCARD else a load-balancing group, else the best of the unconnected ones on the local port
 * ({@link wildRank}). Words are int32 in the order of InAddr (IPv4 in the last of each four), ports in host order, "foreign" is the sender of a received packet.
 * `ifp` is the receiving interface or null, whose link is the zone of those IPv6 addresses that need one, `fib` the packet's routing table (with FIB, or
 * when the set of pcbs has not `bindAllFibs`; -1 = any).
 *
 * Run to completion: the result is valid until other code runs; who keeps it longer takes a reference and asks {@link inPcbValid}. There are no locks to take; the lock
 * flags say what the caller is going to do, and anything but exactly one of them throws. Allocates nothing.
 * Source: FreeBSD in_pcb.c, in_pcblookup().
 * @public
 */
export function inPcbLookup<F extends number>(
  info: InpcbInfo,
  af: number,
  f0: number,
  f1: number,
  f2: number,
  f3: number,
  fport: number,
  l0: number,
  l1: number,
  l2: number,
  l3: number,
  lport: number,
  flags: CheckedLookupFlags<F> & F,
  ifp: Ifnet | null,
  fib: number,
): Inpcb | null {
  if ((((flags >> 1) ^ (flags >> 2)) & 1) === 0) throw new Error('inPcbLookup: exactly one of RLOCKPCB and WLOCKPCB');
  const zone = ifp === null || af === AF_INET ? 0 : ifp.index;
  const z0 = zone === 0 ? f0 : embedZone6(f0, zone);
  const m0 = zone === 0 ? l0 : embedZone6(l0, zone);
  const inp = info.tables.exact(af, z0, f1, f2, f3, fport, m0, l1, l2, l3, lport);
  if (inp !== null || (flags & INPLOOKUP_WILDCARD) === 0) return inp;
  return lookupWild(info, af, z0, f1, f2, f3, fport, m0, l1, l2, l3, lport, (flags & INPLOOKUP_FIB) !== 0 || !info.bindAllFibs ? fib : -1);
}

function lookupWild(info: InpcbInfo, af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number, fib: number): Inpcb | null {
  if (info.lbgroups.size !== 0) {
    const inp = info.lbgroups.lookup(af, f0, f1, f2, f3, fport, l0, l1, l2, l3, lport, fib);
    if (inp !== null) return inp;
  }
  const head = info.tables.portHead(lport);
  if (head === null) return null;
  let best: Inpcb | null = null;
  let bestRank = RANK_NONE;
  let p = head;
  do {
    if ((p.flags2 & INP_CONNECTED) !== 0) break;
    const rank = wildRank(p, af, l0, l1, l2, l3, fib);
    if (rank > bestRank) {
      best = p;
      bestRank = rank;
    }
    p = p.portNext as Inpcb;
  } while (p !== head);
  return best;
}

/** As {@link inPcbLookup} in the exact table alone, by address objects: for the control path. @public */
export function inPcbLookupExact(info: InpcbInfo, faddr: InAddr, fport: number, laddr: InAddr, lport: number): Inpcb | null {
  return info.tables.exact(faddr.af, zonedWord0(faddr), faddr.w1, faddr.w2, faddr.w3, fport, zonedWord0(laddr), laddr.w1, laddr.w2, laddr.w3, lport);
}

/** As {@link inPcbLookupExact}, but an unconnected pcb answers too. @public */
export function inPcbLookupTuple(info: InpcbInfo, faddr: InAddr, fport: number, laddr: InAddr, lport: number): Inpcb | null {
  return inPcbLookup(info, faddr.af, zonedWord0(faddr), faddr.w1, faddr.w2, faddr.w3, fport, zonedWord0(laddr), laddr.w1, laddr.w2, laddr.w3, lport, 3, null, -1);
}

/** Cost of an IPv6 socket that also speaks IPv4, when one for IPv4 is looked for. Source: FreeBSD INP_LOOKUP_MAPPED_PCB_COST. */
const MAPPED_PCB_COST = 3;

/**
 * Finds who is in the way of a binding. Without `wildOkay` only an unconnected pcb with exactly this local address; with it, of all pcbs on the port whose addresses could
 * meet, the one with the fewest wildcards. Users of jails with addresses of their own are in nobody else's way, and without `bindAllFibs` neither are those of other routing tables.
 * Source: FreeBSD in_pcb.c, in_pcblookup_local(); in6_pcb.c, in6_pcblookup_local().
 * @public
 */
export function inPcbLookupLocal(info: InpcbInfo, laddr: InAddr, lport: number, wildOkay: boolean, cred: Ucred, fib: number): Inpcb | null {
  const head = info.tables.portHead(lport);
  if (head === null) return null;
  const want = laddr.af === AF_INET ? INP_IPV4 : INP_IPV6;
  const any = isAny(laddr);
  let match: Inpcb | null = null;
  let fewest = 9;
  let p = head;
  do {
    if (!wildOkay && (p.flags2 & INP_CONNECTED) !== 0) break;
    const wildcards = (p.vflag & want) === 0 || (p.fibnum !== fib && !info.bindAllFibs) || !prisonEqualAddrs(p.cred, cred, laddr.af) ? -1 : countWildcards(p, laddr, any);
    if (wildcards >= 0 && (wildOkay ? wildcards < fewest : isExactLocal(p, laddr, any))) {
      match = p;
      fewest = wildcards;
      if (fewest === 0 || !wildOkay) break;
    }
    p = p.portNext as Inpcb;
  } while (p !== head);
  return match;
}

/** Wildcards in the way of calling it the same binding; -1 = the addresses cannot meet. */
function countWildcards(p: Inpcb, laddr: InAddr, any: boolean): number {
  let n = laddr.af === AF_INET && (p.vflag & INP_IPV6) !== 0 ? MAPPED_PCB_COST : 0;
  if ((p.flags2 & INP_CONNECTED) !== 0) n++;
  if (isAny(p.laddr)) return any ? n : n + 1;
  if (any) return n + 1;
  return sameWords(p.laddr, laddr) ? n : -1;
}

function isExactLocal(p: Inpcb, laddr: InAddr, any: boolean): boolean {
  return any ? isAny(p.laddr) : sameWords(p.laddr, laddr);
}

function sameWords(a: InAddr, b: InAddr): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0 && a.zone === b.zone;
}
