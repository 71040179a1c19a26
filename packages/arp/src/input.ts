import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { ifnetOf } from '@ns/ifnet';
import { IFF_NOARP, IFF_STATICARP } from '@ns/ifnet-kpi';
import { LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING } from '@ns/kern';
import { LLE_PUB, LLE_STATIC, LLE_VALID, type Llentry, llentrySetAddr } from '@ns/lltable';
import { type Mbuf, mFreem, mPullup } from '@ns/mbuf';
import { ROUTE } from '@ns/route';
import {
  AF_INET,
  ARP_ETHER_LEN,
  type ArpHdr,
  ARPHRD_ETHER,
  ARPHRD_IEEE802,
  ARPOP_REPLY,
  ARPOP_REQUEST,
  decodeArpHdr,
  etherBytes,
  etherHi,
  etherLo,
  ETHERTYPE_IP,
  formatEtherAddr,
  formatEtherHiLo,
  inAddr4,
  prefixMask4,
} from '@ns/wire';
import type { ArpVnet } from './arp-vnet.ts';
import { arpOutput, ipText } from './send.ts';
import { type ArpIf, arpIfOf, arpMarkReachable, arpNewEntry, arpSendHeld } from './table.ts';

/**
 * Takes an ARP message, the Ethernet header already off. Nothing in it is believed before it has been looked at. Consumes m.
 * Source: FreeBSD if_ether.c, arpintr().
 */
export function arpIntr(m0: Mbuf): void {
  if (m0.rcvif === null) {
    mFreem(m0);
    return;
  }
  const ifp = ifnetOf(m0.rcvif);
  const ai = arpIfOf(ifp);
  if (ai === null || (ifp.stackFlags & IFF_NOARP) !== 0) {
    mFreem(m0);
    return;
  }
  const arp = ai.arp;
  const m = mPullup(m0, ARP_ETHER_LEN);
  if (m === null) {
    arp.stat.invalid++;
    arp.log(LOG_NOTICE, ifp, 'packet with short header received');
    return;
  }
  const h = arp.rx;
  const ok = decodeArpHdr(m.dv, m.off, m.len, h);
  mFreem(m);
  if (!ok || (h.hrd !== ARPHRD_ETHER && h.hrd !== ARPHRD_IEEE802)) {
    arp.stat.invalid++;
    arp.log(LOG_NOTICE, ifp, ok ? `packet with unknown hardware format 0x${h.hrd.toString(16).padStart(2, '0')} received` : 'packet with unknown protocol or lengths received');
    return;
  }
  arp.stat.received++;
  inArpInput(arp, ai, h);
}

/** What ARP means to us. Source: FreeBSD if_ether.c, in_arpinput(). */
function inArpInput(arp: ArpVnet, ai: ArpIf, h: ArpHdr): void {
  const ifp = ai.ifp;
  if (h.op === ARPOP_REPLY) arp.stat.rxreplies++;
  if (ifp.lladdr === null || !senderAcceptable(arp, ifp, h)) return;
  const mine = addressFor(ifp, h);
  if (mine === null) return;
  const myaddr = mine.addr.w3;
  let itaddr = h.tpa;
  if (h.spa === myaddr && myaddr !== 0) {
    arp.stat.dupips++;
    arp.log(LOG_ERR, ifp, `${formatEtherHiLo(h.shaHi, h.shaLo)} is using my IP address ${ipText(h.spa)}`);
    itaddr = myaddr;
  } else if ((ifp.stackFlags & IFF_STATICARP) === 0 && h.spa !== 0) {
    learn(arp, ai, h, itaddr === myaddr);
  }
  if (h.op === ARPOP_REQUEST) reply(arp, ai, h, itaddr, myaddr);
}

/** Group and broadcast senders, and ourselves, are nobody to talk to. */
function senderAcceptable(arp: ArpVnet, ifp: Ifnet, h: ArpHdr): boolean {
  const mac = ifp.lladdr as Uint8Array;
  if (h.shaHi === etherHi(mac) && h.shaLo === etherLo(mac)) return false; // our own, come back
  if ((h.shaHi & 0x0100) !== 0 && !(arp.allowMulticast && !(h.shaHi === 0xffff && h.shaLo === -1))) {
    arp.stat.refused++;
    const what = h.shaHi === 0xffff && h.shaLo === -1 ? 'link address is broadcast' : 'link address is multicast';
    arp.log(LOG_NOTICE, ifp, `${what} for IP address ${ipText(h.spa)}!`);
    return false;
  }
  if (h.shaHi === 0 && h.shaLo === 0) {
    arp.stat.refused++;
    return false;
  }
  if (h.spa >>> 28 === 14 || h.spa === -1) {
    arp.stat.refused++;
    arp.log(LOG_NOTICE, ifp, `${formatEtherHiLo(h.shaHi, h.shaLo)} claims the group address ${ipText(h.spa)}`);
    return false;
  }
  return true;
}

/**
 * The address of ours that the message is about: the one that the sender claims too (a conflict), else the target, else the first of the interface. Null: it has none.
 * Differs: FreeBSD looks at the target first, and so overlooks a conflict with a second address.
 */
function addressFor(ifp: Ifnet, h: ArpHdr): Ifaddr | null {
  let first: Ifaddr | null = null;
  let target: Ifaddr | null = null;
  for (let i = 0; i < ifp.addrs.length; i++) {
    const ifa = ifp.addrs[i] as Ifaddr;
    if (ifa.af !== AF_INET) continue;
    if (ifa.addr.w3 === h.spa) return ifa;
    if (ifa.addr.w3 === h.tpa) target = ifa;
    first ??= ifa;
  }
  return target ?? first;
}

/** Believes a sender that we know, or that speaks to us. Source: FreeBSD if_ether.c, arp_check_update_lle(). */
function learn(arp: ArpVnet, ai: ArpIf, h: ArpHdr, toUs: boolean): void {
  const ifp = ai.ifp;
  let lle: Llentry | null = ai.table.lookup4(h.spa);
  if (lle === null) {
    if (!toUs) return;
    if (!onLink(arp, ifp, h)) return;
    lle = arpNewEntry(ai, inAddr4(h.spa), 0);
    if (lle === null) return;
  } else if ((lle.flags & LLE_VALID) !== 0 && !sameMac(lle, h)) {
    if ((lle.flags & LLE_STATIC) !== 0) {
      if (arp.logPermanentModify) {
        arp.log(LOG_ERR, ifp, `${formatEtherHiLo(h.shaHi, h.shaLo)} attempts to modify permanent entry for ${ipText(h.spa)}`);
      }
      return;
    }
    if (arp.logMovements) {
      arp.log(LOG_INFO, ifp, `${ipText(h.spa)} moved from ${formatEtherAddr(lle.lladdr)} to ${formatEtherHiLo(h.shaHi, h.shaLo)}`);
    }
  }
  if ((lle.flags & LLE_VALID) === 0 || !sameMac(lle, h)) {
    llentrySetAddr(lle, etherBytes(h.shaHi, h.shaLo), 0, ifp.lladdr as Uint8Array, ETHERTYPE_IP);
    lle.skipReq = 0;
  }
  arpMarkReachable(ai, lle);
  if (lle.numHeld > 0) arpSendHeld(ai, lle);
}

function sameMac(lle: Llentry, h: ArpHdr): boolean {
  return etherHi(lle.lladdr) === h.shaHi && etherLo(lle.lladdr) === h.shaLo;
}

/**
 * Whether the sender can be on this link: inside a network of the interface, or routed to it without a gateway. Source: FreeBSD in.c, in_lltable_rtcheck().
 */
function onLink(arp: ArpVnet, ifp: Ifnet, h: ArpHdr): boolean {
  for (let i = 0; i < ifp.addrs.length; i++) {
    const ifa = ifp.addrs[i] as Ifaddr;
    if (ifa.af === AF_INET && ((ifa.addr.w3 ^ h.spa) & prefixMask4(ifa.prefixlen)) === 0) return true;
  }
  const nh = ROUTE.get(arp.vnet).inet(ifp.fib).lookup4(h.spa);
  if (nh !== null && nh.ifp === ifp && nh.gw === null) return true;
  arp.stat.refused++;
  if (arp.logWrongIface) {
    const where = nh !== null && nh.gw === null ? `is on ${nh.ifp.name} but got message` : 'is not on the network but got message';
    arp.log(LOG_WARNING, ifp, `${ipText(h.spa)} ${where} from ${formatEtherHiLo(h.shaHi, h.shaLo)}`);
  }
  return false;
}

/** Answers a request for us, for a published entry, or (proxyall) for what we route elsewhere. */
function reply(arp: ArpVnet, ai: ArpIf, h: ArpHdr, itaddr: number, myaddr: number): void {
  const ifp = ai.ifp;
  const mac = ifp.lladdr as Uint8Array;
  arp.stat.rxrequests++;
  let hi = etherHi(mac);
  let lo = etherLo(mac);
  if (itaddr !== myaddr) {
    const lle = ai.table.lookup4(itaddr);
    if (lle !== null && (lle.flags & (LLE_PUB | LLE_VALID)) === (LLE_PUB | LLE_VALID)) {
      hi = etherHi(lle.lladdr);
      lo = etherLo(lle.lladdr);
    } else if (!isOwn(ifp, itaddr) && !proxies(arp, ifp, h, itaddr)) {
      return;
    }
  }
  const dhi = h.shaHi;
  const dlo = h.shaLo;
  const t = arp.tx;
  t.hrd = ARPHRD_ETHER;
  t.op = ARPOP_REPLY;
  t.shaHi = hi;
  t.shaLo = lo;
  t.spa = itaddr;
  t.thaHi = dhi;
  t.thaLo = dlo;
  t.tpa = h.spa;
  // RFC 3927 §2.5: answers about link-local addresses are broadcast, so that conflicts are seen.
  const linkLocal = itaddr === myaddr && itaddr >>> 16 === 0xa9fe;
  if ((linkLocal ? arpOutput(arp, ifp, 0xffff, -1) : arpOutput(arp, ifp, dhi, dlo)) === 0) arp.stat.txreplies++;
}

function isOwn(ifp: Ifnet, a: number): boolean {
  for (let i = 0; i < ifp.addrs.length; i++) {
    const ifa = ifp.addrs[i] as Ifaddr;
    if (ifa.af === AF_INET && ifa.addr.w3 === a) return true;
  }
  return false;
}

/** Whether to answer for an address that is routed by another interface, to a sender that belongs on this one. */
function proxies(arp: ArpVnet, ifp: Ifnet, h: ArpHdr, itaddr: number): boolean {
  if (!arp.proxyall) return false;
  const rib = ROUTE.get(arp.vnet).inet(ifp.fib);
  const to = rib.lookup4(itaddr);
  if (to === null || to.ifp === ifp) return false;
  const from = rib.lookup4(h.spa);
  return from !== null && from.ifp === ifp;
}
