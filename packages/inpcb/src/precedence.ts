/* @hot */
import { jailedWithoutVnet, prisonFlag, prisonHasWords } from '@ns/vnet';
import { AF_INET, zonedWord0 } from '@ns/wire';
import { INP_CONNECTED, INP_IPV4, INP_IPV6, type Inpcb } from './pcb.ts';

/** {@link wildRank}: the pcb does not take the packet. @public */
export const RANK_NONE = 0;
/** {@link wildRank}: an IPv6 socket bound to `::` that takes IPv4 by mapped addresses. @public */
export const RANK_MAPPED = 1;
/** {@link wildRank}: bound to the port, any local address. @public */
export const RANK_WILD = 2;
/** {@link wildRank}: bound to exactly this local address. @public */
export const RANK_LOCAL = 3;
/** {@link wildRank}: added to RANK_WILD and RANK_LOCAL of a socket in a jail with addresses of its own. @public */
export const RANK_JAILED = 2;

/**
 * How well an unconnected pcb on the port fits a packet for a local address: the higher rank takes it, among equals the one bound last.
 * `fib` -1 = any routing table. A pure function: the order of matching is this and nothing else. Allocates nothing.
 * Source: FreeBSD in_pcb.c, in_pcblookup_hash_wild_locked().
 * @public
 */
export function wildRank(inp: Inpcb, af: number, l0: number, l1: number, l2: number, l3: number, fib: number): number {
  if ((inp.flags2 & INP_CONNECTED) !== 0) return RANK_NONE;
  if ((inp.vflag & (af === AF_INET ? INP_IPV4 : INP_IPV6)) === 0) return RANK_NONE;
  if (fib >= 0 && inp.fibnum !== fib) return RANK_NONE;
  // A jail may have lost an address that its socket is bound to.
  const injail = jailedWithoutVnet(inp.cred) && prisonFlag(inp.cred, af);
  if (injail && !prisonHasWords(inp.cred, af, l0, l1, l2, l3)) return RANK_NONE;
  const l = inp.laddr;
  if ((l.w0 | l.w1 | l.w2 | l.w3) !== 0) {
    if (l.w3 !== l3 || l.w2 !== l2 || l.w1 !== l1 || zonedWord0(l) !== l0) return RANK_NONE;
    return injail ? RANK_LOCAL + RANK_JAILED : RANK_LOCAL;
  }
  if (injail) return RANK_WILD + RANK_JAILED;
  return af === AF_INET && (inp.vflag & INP_IPV6) !== 0 ? RANK_MAPPED : RANK_WILD;
}
