import { EADDRNOTAVAIL, ENOBUFS, ENXIO } from '@ns/errno';
import { etherOutputFrame, etherWriteHdr } from '@ns/ether';
import { ifaOfIfpForAddr, type Ifnet } from '@ns/ifnet';
import { M_BCAST, type Mbuf, mPrepend } from '@ns/mbuf';
import { ARP_ETHER_LEN, ARPHRD_ETHER, ARPOP_REQUEST, encodeArpHdr, ETHER_HDR_LEN, etherHi, etherLo, ETHERTYPE_ARP, inAddr4, type InAddr } from '@ns/wire';
import type { ArpVnet } from './arp-vnet.ts';

/**
 * Asks who has `tip`. `sip` is the address we ask as (null: one of the interface, best one of the same network); `to` is whom to ask (null: everybody).
 * Returns an errno. Source: FreeBSD if_ether.c, arprequest_internal().
 * @public
 */
export function arpRequest(arp: ArpVnet, ifp: Ifnet, sip: InAddr | null, tip: InAddr, to: Uint8Array | null): number {
  const from = sip ?? ifaOfIfpForAddr(ifp, tip)?.addr ?? null;
  if (from === null) return EADDRNOTAVAIL;
  if (ifp.lladdr === null) return ENXIO;
  const h = arp.tx;
  h.hrd = ARPHRD_ETHER;
  h.op = ARPOP_REQUEST;
  h.shaHi = etherHi(ifp.lladdr);
  h.shaLo = etherLo(ifp.lladdr);
  h.spa = from.w3;
  h.thaHi = 0;
  h.thaLo = 0;
  h.tpa = tip.w3;
  const errno = to === null ? arpOutput(arp, ifp, 0xffff, -1) : arpOutput(arp, ifp, etherHi(to), etherLo(to));
  if (errno === 0) arp.stat.txrequests++;
  else arp.stat.txerrors++;
  return errno;
}

/** Announces an address of ours: a gratuitous request (RFC 5227 §3). @public */
export function arpAnnounce(arp: ArpVnet, ifp: Ifnet, addr: InAddr): number {
  return addr.w3 === 0 ? 0 : arpRequest(arp, ifp, addr, addr, null);
}

/** Sends `arp.tx` to a link address. Returns an errno. */
export function arpOutput(arp: ArpVnet, ifp: Ifnet, dhi: number, dlo: number): number {
  const m = arp.vnet.kernel.mbufs.getHdr();
  if (m === null) return ENOBUFS;
  encodeArpHdr(m.dv, m.off, arp.tx);
  m.len = ARP_ETHER_LEN;
  m.pktlen = ARP_ETHER_LEN;
  if (dhi === 0xffff && dlo === -1) m.flags |= M_BCAST;
  const p: Mbuf | null = mPrepend(m, ETHER_HDR_LEN);
  if (p === null) return ENOBUFS;
  etherWriteHdr(p, ifp, dhi, dlo, ETHERTYPE_ARP);
  return etherOutputFrame(arp.eth, ifp, p);
}

/** An int32 address for a log line. */
export function ipText(a: number): string {
  return inAddr4(a).toString();
}
