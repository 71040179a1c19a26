import { EEXIST } from '@ns/errno';
import type { Ifaddr, Ifnet } from '@ns/ifnet';
import type { InPkt } from '@ns/inpcb';
import type { Llentry } from '@ns/lltable';
import type { Mbuf } from '@ns/mbuf';
import type { Nexthop } from '@ns/route';
import type { InAddr } from '@ns/wire';
import type { Ip6Vnet } from './ip6-vnet.ts';

/**
 * What neighbour discovery does for IPv6: `nd6` registers one for each vnet ({@link nd6Register}), and ip6 calls it. Without one, interfaces that need no link addresses work,
 * addresses are usable at once, and messages of neighbour discovery go to raw sockets only.
 *
 * What ip6 offers in return: {@link icmp6Output} (any hop limit, source, interface), {@link in6Joingroup}, {@link in6Ifid}, {@link in6Ifinfo}. State that both look at: `Ifaddr.afflags`
 * (IN6_IFF_*) with `validUntilUs` and `preferredUntilUs`, and {@link In6Ifinfo} (`flags` ND6_IFF_*, `linkmtu`, `curhlim`). Neighbour discovery writes them, source
 * selection and input read them at each use, so there is nothing to be told.
 * @public
 */
export interface Nd6Hook {
  /**
   * A message of type 133 to 137 has come: `type` is the first byte at `m.off + pkt.off`, the whole message (`pkt.len` bytes) is contiguous there, its checksum is right. The
   * hop limit (`pkt.ttl`), the code, and everything else (PKT_FRAGMENTED among it, RFC 6980) are for the callee to check. m stays the caller's, and is not changed: raw sockets get it afterwards.
   */
  input(m: Mbuf, pkt: InPkt, type: number): void;
  /** The interface identifier (two words in `out`) of the link-local address that `ifp` is about to get; false: that of its link address will do. */
  linklocalIfid?(ifp: Ifnet, out: Int32Array): boolean;
  /** An address has come, by whatever way, and is in `ifp.addrs`: mark it IN6_IFF_TENTATIVE here if it is to be tested. No packet has been sent for it yet. */
  ifaArrived(ifa: Ifaddr): void;
  /** Its groups have been joined (solicited-node among them): begin the test. */
  ifaReady(ifa: Ifaddr): void;
  /** An address has gone: it is in `ifp.addrs` no more. Its groups have been left. */
  ifaGone(ifa: Ifaddr): void;
  /** A transport has proof that packets sent to `lle` arrive (RFC 4861 §7.3.1). On the packet path. */
  confirm(lle: Llentry): void;
  /** The packet `m` (as received by `ifp`, hop limit not yet lowered) leaves by `nh` over the interface that it came in by: its sender could do without us (RFC 4861 §8.2). Consumes m. */
  redirect(m: Mbuf, ifp: Ifnet, nh: Nexthop): void;
  /** Whether the router at `hop` announces the prefix of an address: asked when a source is chosen (RFC 6724 rule 5.5). Without it the rule decides nothing. */
  advertised?(ifa: Ifaddr, hop: InAddr): boolean;
}

/** Makes `hook` the neighbour discovery of a vnet: EEXIST if it has another. @public */
export function nd6Register(ip6v: Ip6Vnet, hook: Nd6Hook): number {
  if (ip6v.nd !== null && ip6v.nd !== hook) return EEXIST;
  ip6v.nd = hook;
  return 0;
}

/** Takes it away. Nothing if another is there. @public */
export function nd6Deregister(ip6v: Ip6Vnet, hook: Nd6Hook): void {
  if (ip6v.nd === hook) ip6v.nd = null;
}
