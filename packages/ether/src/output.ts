// @hot
import { EACCES, EAFNOSUPPORT, ENETDOWN, ENOBUFS, EWOULDBLOCK } from '@ns/errno';
import { type Ifnet, ifSimloop, ifTransmit } from '@ns/ifnet';
import { IFCAP_VLAN_HWTAGGING, IFCOUNTER_IQDROPS, IFF_DRV_RUNNING, IFF_MONITOR, IFF_SIMPLEX, IFF_UP } from '@ns/ifnet-kpi';
import { LLE_VALID, llentryProvideFeedback, type Llentry } from '@ns/lltable';
import {
  CSUM_DATA_VALID,
  CSUM_DELAY_DATA,
  CSUM_DELAY_DATA_IPV6,
  CSUM_IP,
  CSUM_IP_CHECKED,
  CSUM_IP_VALID,
  CSUM_PSEUDO_HDR,
  M_BCAST,
  M_MCAST,
  M_VLANTAG,
  type Mbuf,
  mDup,
  mFreem,
  mPrepend,
} from '@ns/mbuf';
import { pfilRun } from '@ns/pfil';
import { PFIL_DROPPED, PFIL_OUT } from '@ns/pfil-kpi';
import type { Route } from '@ns/route';
import {
  AF_INET,
  AF_INET6,
  ETHER_HDR_LEN,
  ETHER_IP_MULTICAST_HI,
  ETHER_IPV6_MULTICAST_HI,
  ETHER_VLAN_ENCAP_LEN,
  etherIpMulticastLo,
  ETHERTYPE_IP,
  ETHERTYPE_IPV6,
  ETHERTYPE_VLAN,
  type InAddr,
} from '@ns/wire';
import { type Ether, ETHER_PFIL } from './ether.ts';

/** Link-level group bits of a packet. */
const M_GROUP = M_BCAST | M_MCAST;

/**
 * Sends the network-layer packet `m` to the next hop `dst` on `ifp`: what `ifp.output` of Ethernet interfaces does. Consumes m; returns an errno.
 *
 * The usual case is a sender with a route whose neighbour is resolved: one prepend, four stores, and the frame is the interface's.
 * Source: FreeBSD if_ethersubr.c, ether_output().
 */
export function etherOutput(eth: Ether, ifp: Ifnet, m: Mbuf, af: number, dst: InAddr, ro: Route | null): number {
  if ((ifp.stackFlags & (IFF_UP | IFF_MONITOR)) !== IFF_UP || (ifp.drvFlags & IFF_DRV_RUNNING) === 0) {
    mFreem(m);
    return ENETDOWN;
  }
  if (ro !== null && (m.flags & M_GROUP) === 0) {
    const lle = ro.lle;
    if (lle !== null && (lle.flags & LLE_VALID) !== 0) return sendTo(eth, ifp, m, lle);
  }
  return etherOutputSlow(eth, ifp, m, af, dst, ro);
}

/** Puts the ready-made header of `lle` in front of `m` and sends it. */
function sendTo(eth: Ether, ifp: Ifnet, m: Mbuf, lle: Llentry): number {
  if (lle.skipReq !== 0) llentryProvideFeedback(lle);
  const p = mPrepend(m, ETHER_HDR_LEN);
  if (p === null) return ENOBUFS;
  const dv = p.dv;
  const o = p.off;
  dv.setInt32(o, lle.h0);
  dv.setInt32(o + 4, lle.h1);
  dv.setInt32(o + 8, lle.h2);
  dv.setUint16(o + 12, lle.h3);
  if (p.l3hlen !== 0) p.l2hlen = ETHER_HDR_LEN; // what is known of the packet counts from here now
  return etherOutputFrame(eth, ifp, p);
}

/** Broadcast, multicast, and whatever must be resolved first. */
function etherOutputSlow(eth: Ether, ifp: Ifnet, m: Mbuf, af: number, dst: InAddr, ro: Route | null): number {
  if (af !== AF_INET && af !== AF_INET6) {
    mFreem(m);
    return EAFNOSUPPORT;
  }
  if ((m.flags & M_GROUP) !== 0) return sendToGroup(eth, ifp, m, af, dst);
  const resolver = eth.resolvers[af];
  if (resolver === null || resolver === undefined) {
    mFreem(m);
    return EAFNOSUPPORT;
  }
  const found = resolver.resolve(ifp, m, dst, ro !== null && ro.nh !== null && ro.nh.gw !== null);
  if (typeof found === 'number') return found === EWOULDBLOCK ? 0 : found;
  if (ro !== null) ro.lle = found;
  return sendTo(eth, ifp, m, found);
}

/** Sends to the broadcast address or to the address of a group; an interface that cannot hear itself gets broadcasts back from here. */
function sendToGroup(eth: Ether, ifp: Ifnet, m: Mbuf, af: number, dst: InAddr): number {
  const bcast = (m.flags & M_BCAST) !== 0;
  if (bcast && (ifp.stackFlags & IFF_SIMPLEX) !== 0) loopCopy(ifp, m, af);
  const hi = bcast ? 0xffff : af === AF_INET ? ETHER_IP_MULTICAST_HI : ETHER_IPV6_MULTICAST_HI;
  const lo = bcast ? -1 : af === AF_INET ? etherIpMulticastLo(dst.w3) : dst.w3;
  const p = mPrepend(m, ETHER_HDR_LEN);
  if (p === null) return ENOBUFS;
  etherWriteHdr(p, ifp, hi, lo, af === AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  return etherOutputFrame(eth, ifp, p);
}

/** Writes the header at the front of `m`, which owns 14 bytes there: destination as two numbers (see wire), source that of `ifp`. @public */
export function etherWriteHdr(m: Mbuf, ifp: Ifnet, dhi: number, dlo: number, etherType: number): void {
  const dv = m.dv;
  const o = m.off;
  const src = ifp.lladdr;
  dv.setUint16(o, dhi);
  dv.setInt32(o + 2, dlo);
  for (let i = 0; i < 6; i++) dv.setUint8(o + 6 + i, src === null ? 0 : (src[i] as number));
  dv.setUint16(o + 12, etherType);
}

/**
 * Says of the packet `m`, which goes to input without having been sent, that what was still to be computed is right.
 * Source: FreeBSD if_ethersubr.c, update_mbuf_csumflags().
 * @public
 */
export function etherLoopCsum(m: Mbuf): void {
  const wanted = m.csumFlags;
  let flags = 0;
  if ((wanted & CSUM_IP) !== 0) flags |= CSUM_IP_CHECKED | CSUM_IP_VALID;
  if ((wanted & (CSUM_DELAY_DATA | CSUM_DELAY_DATA_IPV6)) !== 0) {
    flags |= CSUM_DATA_VALID | CSUM_PSEUDO_HDR;
    m.csumData = 0xffff;
  }
  m.csumFlags = flags;
}

/** Gives a copy of a broadcast to our own input: the interface does not hear itself. */
function loopCopy(ifp: Ifnet, m: Mbuf, af: number): void {
  const copy = mDup(m);
  if (copy === null) {
    ifp.counters[IFCOUNTER_IQDROPS]!++;
    return;
  }
  etherLoopCsum(copy);
  ifSimloop(ifp, copy, af, 0);
}

/**
 * Sends a complete frame: hook, packet filters, software VLAN tag where the interface does not tag, interface. Consumes m.
 * Source: FreeBSD if_ethersubr.c, ether_output_frame().
 * @public
 */
export function etherOutputFrame(eth: Ether, ifp: Ifnet, m: Mbuf): number {
  let p: Mbuf | null = m;
  if (eth.hook !== null && eth.hook.output !== undefined) {
    p = eth.hook.output(ifp, m);
    if (p === null) return 0;
  }
  if (eth.filters > 0) {
    const head = ETHER_PFIL.get(ifp.vnet);
    if (head.nhooksout > 0) {
      p = pfilRun(head, p, ifp.handle, PFIL_OUT);
      if (p === null) return head.verdict === PFIL_DROPPED ? EACCES : 0;
    }
  }
  if ((p.flags & M_VLANTAG) !== 0 && (ifp.capenable & IFCAP_VLAN_HWTAGGING) === 0) {
    p = etherVlanEncap(p, p.etherVtag);
    if (p === null) return ENOBUFS;
    p.flags &= ~M_VLANTAG;
  }
  return ifTransmit(ifp, p);
}

/**
 * Inserts an 802.1Q tag into the frame `m`. Returns the frame, or null when there is no mbuf left. Consumes m.
 * Source: FreeBSD if_ethersubr.c, ether_vlanencap().
 * @public
 */
export function etherVlanEncap(m: Mbuf, tag: number): Mbuf | null {
  const hi = m.dv.getInt32(m.off);
  const mid = m.dv.getInt32(m.off + 4);
  const lo = m.dv.getInt32(m.off + 8);
  const p = mPrepend(m, ETHER_VLAN_ENCAP_LEN);
  if (p === null) return null;
  if (p.l2hlen !== 0) p.l2hlen += ETHER_VLAN_ENCAP_LEN;
  if (p.len < ETHER_VLAN_ENCAP_LEN + ETHER_HDR_LEN) return encapSplit(p, hi, mid, lo, tag);
  p.dv.setInt32(p.off, hi);
  p.dv.setInt32(p.off + 4, mid);
  p.dv.setInt32(p.off + 8, lo);
  p.dv.setUint16(p.off + 12, ETHERTYPE_VLAN);
  p.dv.setUint16(p.off + 14, tag);
  return p;
}

/** The same for a frame whose first mbuf may not be written: the header moves to the new mbuf, the type stays where it is. */
function encapSplit(p: Mbuf, hi: number, mid: number, lo: number, tag: number): Mbuf | null {
  const next = p.next as Mbuf;
  const q = mPrepend(p, ETHER_HDR_LEN - 2);
  if (q === null) return null;
  next.off += ETHER_HDR_LEN - 2;
  next.len -= ETHER_HDR_LEN - 2;
  q.pktlen -= ETHER_HDR_LEN - 2;
  q.dv.setInt32(q.off, hi);
  q.dv.setInt32(q.off + 4, mid);
  q.dv.setInt32(q.off + 8, lo);
  q.dv.setUint16(q.off + 12, ETHERTYPE_VLAN);
  q.dv.setUint16(q.off + 14, tag);
  return q;
}
