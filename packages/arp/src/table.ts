import { Callout } from '@ns/callout';
import { ENOENT, EINVAL, ENETUNREACH, ENOBUFS, EPERM } from '@ns/errno';
import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { IFNET } from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_NOARP, IFT_ETHER, IfSlotKey } from '@ns/ifnet-kpi';
import { sameVnet, type Vnet } from '@ns/kern';
import {
  LLE_ADDR_LEN,
  LLE_DELETED,
  LLE_IFADDR,
  LLE_PUB,
  LLE_STATIC,
  LLE_VALID,
  type Llentry,
  llentryRequestFeedback,
  llentrySetAddr,
  LLSTATE_REACHABLE,
  Lltable,
  type LltableOps,
} from '@ns/lltable';
import { type Mbuf } from '@ns/mbuf';
import { AF_INET, ETHERTYPE_IP, type InAddr, prefixMatches } from '@ns/wire';
import type { ArpVnet } from './arp-vnet.ts';
import { arpRequest } from './send.ts';

/** Entry state: about to expire; asked for again if it is in use. Source: FreeBSD if_ether.c. @public */
export const ARP_LLINFO_VERIFY = 2;
/** Seconds between requests for an entry that is about to expire. Source: FreeBSD if_ether.c, arpt_rexmit. */
const ARPT_REXMIT = 1;

const SEC = 1000000;

/** ARP on one interface. */
export class ArpIf implements LltableOps {
  readonly arp: ArpVnet;
  readonly ifp: Ifnet;
  readonly table: Lltable;
  /** Announcements being repeated. */
  readonly garps: Set<{ stop(): void }>;

  constructor(arp: ArpVnet, ifp: Ifnet) {
    this.arp = arp;
    this.ifp = ifp;
    this.table = new Lltable(ifp, AF_INET, this, arp.maxentries);
    this.garps = new Set();
  }

  /** {@inheritDoc @ns/lltable#LltableOps.removed} */
  removed(lle: Llentry): void {
    if (lle.timer instanceof Callout) this.arp.vnet.kernel.callouts.stop(lle.timer);
  }

  /** {@inheritDoc @ns/lltable#LltableOps.used} */
  used(lle: Llentry): void {
    lle.hitUs = this.arp.vnet.kernel.callouts.nowUs();
  }
}

/** Where an interface keeps its ARP. */
export const ARP_SLOT: IfSlotKey<ArpIf> = new IfSlotKey<ArpIf>('arp');

/** ARP of an interface, or null if it has none. */
export function arpIfOf(ifp: Ifnet): ArpIf | null {
  return ifp.slots === null ? null : ((ifp.slots.get(ARP_SLOT) as ArpIf | undefined) ?? null);
}

/** Gives an interface its table. */
export function arpIfattach(arp: ArpVnet, ifp: Ifnet): void {
  sameVnet(ifp.vnet, arp.vnet, `arp: interface ${ifp.name}`);
  if (ifp.type !== IFT_ETHER || arpIfOf(ifp) !== null) return;
  ifp.slots ??= new Map();
  ifp.slots.set(ARP_SLOT, new ArpIf(arp, ifp));
}

/** Takes the table of an interface away, with all entries and what waits for them. */
export function arpIfdetach(ifp: Ifnet): void {
  const ai = arpIfOf(ifp);
  if (ai === null) return;
  for (const garp of [...ai.garps]) garp.stop();
  ai.arp.stat.dropped += ai.table.destroy();
  ifp.slots?.delete(ARP_SLOT);
}

/** A new entry with its timer, or null when the table is full. */
export function arpNewEntry(ai: ArpIf, addr: InAddr, flags: number): Llentry | null {
  ai.table.limit = ai.arp.maxentries;
  const lle = ai.table.create(addr, flags);
  if (lle !== null) lle.timer = new Callout(arpTimer, lle);
  return lle;
}

/** Arms the timer of an entry, `us` from now. */
export function arpArm(ai: ArpIf, lle: Llentry, us: number): void {
  ai.arp.vnet.kernel.callouts.reset(lle.timer as Callout<Llentry>, us);
}

/**
 * The time of an entry has come: a resolved one is asked for again, shortly before it expires, if it is in use; any other goes.
 * Source: FreeBSD if_ether.c, arptimer().
 */
function arpTimer(lle: Llentry): void {
  if ((lle.flags & (LLE_DELETED | LLE_STATIC)) !== 0) return;
  const ai = lle.tbl.ops as ArpIf;
  const now = ai.arp.vnet.kernel.callouts.nowUs();
  if (lle.state === LLSTATE_REACHABLE) {
    lle.state = ARP_LLINFO_VERIFY;
    llentryRequestFeedback(lle);
    arpArm(ai, lle, ARPT_REXMIT * SEC);
    return;
  }
  if (lle.state === ARP_LLINFO_VERIFY && lle.expireUs > now) {
    if (lle.skipReq === 0 && lle.preempt > 0) {
      lle.preempt--;
      arpRequest(ai.arp, ai.ifp, null, lle.addr, lle.lladdr);
    }
    arpArm(ai, lle, ARPT_REXMIT * SEC);
    return;
  }
  ai.arp.stat.timeouts++;
  ai.arp.stat.dropped += ai.table.remove(lle);
}

/** An answer has come: the entry is good for max_age. Source: FreeBSD if_ether.c, arp_mark_lle_reachable(). */
export function arpMarkReachable(ai: ArpIf, lle: Llentry): void {
  lle.state = LLSTATE_REACHABLE;
  lle.asked = 0;
  lle.preempt = ai.arp.maxtries;
  if ((lle.flags & LLE_STATIC) !== 0) return;
  const keep = ai.arp.maxAge * SEC;
  const margin = ai.arp.maxtries * ARPT_REXMIT * SEC;
  lle.expireUs = ai.arp.vnet.kernel.callouts.nowUs() + keep;
  arpArm(ai, lle, keep > margin ? keep - margin : keep);
}

/** Sends what has waited for `lle`. */
export function arpSendHeld(ai: ArpIf, lle: Llentry): void {
  const ro = ai.arp.heldRo;
  let m: Mbuf | null = lle.takeAllHeld();
  while (m !== null) {
    const next: Mbuf | null = m.nextpkt;
    m.nextpkt = null;
    ro.lle = lle;
    ai.ifp.output(ai.ifp, m, AF_INET, lle.addr, ro);
    m = next;
  }
  ro.lle = null;
}

/** Enters our own address, so that `arp -a` shows it and nobody else can take it. Source: FreeBSD if_ether.c, arp_ifinit(). */
export function arpAddOwn(ai: ArpIf, ifa: Ifaddr): void {
  const own = ai.table.lookup(ifa.addr);
  if (own !== null) ai.arp.stat.dropped += ai.table.remove(own);
  const lle = arpNewEntry(ai, ifa.addr, LLE_IFADDR | LLE_STATIC);
  if (lle === null || ai.ifp.lladdr === null) return;
  llentrySetAddr(lle, ai.ifp.lladdr, 0, ai.ifp.lladdr, ETHERTYPE_IP);
  lle.state = LLSTATE_REACHABLE;
}

/** Our address goes, and with it the neighbours of its network that no other address has. Source: FreeBSD in.c, in_scrubprefixlle(). */
export function arpDelOwn(ai: ArpIf, ifa: Ifaddr): void {
  const own = ai.table.lookup(ifa.addr);
  if (own !== null && (own.flags & LLE_IFADDR) !== 0) ai.arp.stat.dropped += ai.table.remove(own);
  for (const other of ai.ifp.addrs) {
    if (other !== ifa && other.af === AF_INET && other.prefixlen <= ifa.prefixlen && prefixMatches(other.addr, ifa.addr, other.prefixlen)) return;
  }
  ai.arp.stat.dropped += ai.table.prefixFree(ifa.addr, ifa.prefixlen, LLE_STATIC);
}

/** The interface has another link address: every ready-made header and our own entries change. Source: FreeBSD if_ether.c, arp_handle_ifllchange(). */
export function arpLladdrChanged(ai: ArpIf): void {
  const mac = ai.ifp.lladdr;
  if (mac === null) return;
  ai.table.updateSource(mac);
  ai.table.forEach((lle) => {
    if ((lle.flags & LLE_IFADDR) !== 0) llentrySetAddr(lle, mac, 0, mac, ETHERTYPE_IP);
  });
}

/**
 * One neighbour as arp(8) shows it.
 * @public
 */
export interface ArpRow {
  /** Its IPv4 address. */
  readonly addr: InAddr;
  /** Six bytes, or null: incomplete. */
  readonly lladdr: Uint8Array | null;
  /** Name of the interface. */
  readonly ifname: string;
  /** Microseconds until it expires; null: permanent; 0 or less: expired. */
  readonly expiresInUs: number | null;
  /** Answered for on behalf of somebody else. */
  readonly published: boolean;
}

/** The neighbours of all interfaces of a vnet, for `arp -a`. @public */
export function arpSnapshot(vnet: Vnet): ArpRow[] {
  const rows: ArpRow[] = [];
  const now = vnet.kernel.callouts.nowUs();
  for (const ifp of IFNET.get(vnet).list) {
    arpIfOf(ifp)?.table.forEach((lle) => {
      rows.push({
        addr: lle.addr,
        lladdr: (lle.flags & LLE_VALID) !== 0 ? lle.lladdr.slice() : null,
        ifname: ifp.name,
        expiresInUs: (lle.flags & LLE_STATIC) !== 0 ? null : lle.expireUs - now,
        published: (lle.flags & LLE_PUB) !== 0,
      });
    });
  }
  return rows;
}

/**
 * How an administrator enters a neighbour.
 * @public
 */
export interface ArpSetOptions {
  /** Expires like a learnt one; else it is permanent. */
  readonly temporary?: boolean;
  /** Answer for it (proxy ARP). */
  readonly published?: boolean;
}

/**
 * Enters a neighbour, in place of one that is there. ENETUNREACH if `addr` is on no connected network, EPERM if it is one of our own addresses, EINVAL for a
 * bad link address, ENOBUFS if the table is full. Source: FreeBSD arp(8), arp -s.
 * @public
 */
export function arpSet(vnet: Vnet, addr: InAddr, mac: Uint8Array, options: ArpSetOptions = {}): number {
  if (mac.length !== LLE_ADDR_LEN || addr.af !== AF_INET) return EINVAL;
  const ai = ifForAddr(vnet, addr);
  if (ai === null || ai.ifp.lladdr === null) return ENETUNREACH;
  const was = ai.table.lookup(addr);
  if (was !== null && (was.flags & LLE_IFADDR) !== 0) return EPERM;
  let flags = options.temporary === true ? 0 : LLE_STATIC;
  if (options.published === true) flags |= LLE_PUB;
  const held = was === null ? null : was.takeAllHeld();
  if (was !== null) ai.table.remove(was);
  const lle = arpNewEntry(ai, addr, flags);
  if (lle === null) return ENOBUFS;
  for (let m = held; m !== null; ) {
    const next: Mbuf | null = m.nextpkt;
    lle.hold(m, ai.arp.maxhold);
    m = next;
  }
  llentrySetAddr(lle, mac, 0, ai.ifp.lladdr, ETHERTYPE_IP);
  arpMarkReachable(ai, lle);
  arpSendHeld(ai, lle);
  return 0;
}

/** Deletes a neighbour: ENOENT if there is none, EPERM if it is one of our own addresses. Source: FreeBSD arp(8), arp -d. @public */
export function arpDelete(vnet: Vnet, addr: InAddr): number {
  for (const ifp of IFNET.get(vnet).list) {
    const ai = arpIfOf(ifp);
    const lle = ai === null ? null : ai.table.lookup(addr);
    if (ai === null || lle === null) continue;
    if ((lle.flags & LLE_IFADDR) !== 0) return EPERM;
    ai.arp.stat.dropped += ai.table.remove(lle);
    return 0;
  }
  return ENOENT;
}

/** Deletes all neighbours but our own addresses, those of one interface if it is given; returns how many. Source: FreeBSD arp(8), arp -d -a. @public */
export function arpFlush(vnet: Vnet, only: Ifnet | null): number {
  let n = 0;
  for (const ifp of IFNET.get(vnet).list) {
    if (only !== null && ifp !== only) continue;
    const ai = arpIfOf(ifp);
    ai?.table.forEach((lle) => {
      if ((lle.flags & LLE_IFADDR) !== 0) return;
      ai.arp.stat.dropped += ai.table.remove(lle);
      n++;
    });
  }
  return n;
}

/** The interface on whose link an address is. */
function ifForAddr(vnet: Vnet, addr: InAddr): ArpIf | null {
  let best: ArpIf | null = null;
  let len = -1;
  for (const ifp of IFNET.get(vnet).list) {
    const ai = arpIfOf(ifp);
    if (ai === null || (ifp.stackFlags & (IFF_LOOPBACK | IFF_NOARP)) !== 0) continue;
    for (const ifa of ifp.addrs) {
      if (ifa.af === AF_INET && ifa.prefixlen > len && prefixMatches(ifa.addr, addr, ifa.prefixlen)) {
        best = ai;
        len = ifa.prefixlen;
      }
    }
  }
  return best;
}
