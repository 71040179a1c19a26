import type { Ether } from '@ns/ether';
import type { Ifnet } from '@ns/ifnet';
import { defineVnetVar, RateLimit, type Vnet, type VnetVar } from '@ns/kern';
import { ETHER } from '@ns/ether';
import { Route } from '@ns/route';
import { ArpHdr } from '@ns/wire';

/**
 * Counters of ARP, with FreeBSD's names. Source: FreeBSD net/if_arp.h, struct arpstat.
 * @public
 */
export class ArpStat {
  /** Requests sent. */
  txrequests = 0;
  /** Replies sent. */
  txreplies = 0;
  /** Requests that could not be sent. */
  txerrors = 0;
  /** Requests received. */
  rxrequests = 0;
  /** Replies received. */
  rxreplies = 0;
  /** Messages received that were well formed. */
  received = 0;
  /** Packets dropped because nobody answered, or too many waited. */
  dropped = 0;
  /** Entries that timed out. */
  timeouts = 0;
  /** Times somebody else used an address of ours. */
  dupips = 0;
  /** Malformed messages: too short, foreign hardware or protocol. Not in FreeBSD, which logs them only. */
  invalid = 0;
  /** Messages that claim what cannot be: a group or broadcast sender, a sender off the link. Not in FreeBSD. */
  refused = 0;
}

/**
 * ARP in one vnet: tunables (net.link.ether.inet.*), counters, and records that are used again for each message.
 * @public
 */
export class ArpVnet {
  /** Whose it is. */
  readonly vnet: Vnet;
  /** The Ethernet of the kernel. */
  readonly eth: Ether;
  /** Counters. */
  readonly stat: ArpStat;
  /** net.link.ether.inet.max_age: life of a resolved entry, seconds. */
  maxAge: number;
  /** net.link.ether.inet.maxtries: requests before the neighbour counts as down. */
  maxtries: number;
  /** net.link.ether.inet.wait: life of an unresolved entry after the last request, seconds. */
  wait: number;
  /** net.link.ether.inet.maxhold: packets that wait for one answer. */
  maxhold: number;
  /** net.link.ether.inet.maxentries: entries of one interface. Not in FreeBSD. */
  maxentries: number;
  /** net.link.ether.inet.proxyall: answer for whatever is routed by another interface. */
  proxyall: boolean;
  /** net.link.ether.inet.allow_multicast: accept group addresses as sender. */
  allowMulticast: boolean;
  /** net.link.ether.inet.garp_rexmit_count: times an announcement is repeated, with doubling pauses. */
  garpRexmitCount: number;
  /** net.link.ether.inet.log_arp_wrong_iface. */
  logWrongIface: boolean;
  /** net.link.ether.inet.log_arp_movements. */
  logMovements: boolean;
  /** net.link.ether.inet.log_arp_permanent_modify. */
  logPermanentModify: boolean;
  /** net.link.ether.inet.max_log_per_second; negative = no limit. */
  maxLogPerSecond: number;
  /** Limit of what peers can make us log. */
  readonly logLimit: RateLimit;
  /** The message being received. */
  readonly rx: ArpHdr;
  /** The message being sent. */
  readonly tx: ArpHdr;
  /** Route for packets that have waited. */
  readonly heldRo: Route;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.eth = vnet.kernel.service(ETHER);
    this.stat = new ArpStat();
    this.maxAge = 1200;
    this.maxtries = 5;
    this.wait = 20;
    this.maxhold = 16;
    this.maxentries = 16384;
    this.proxyall = false;
    this.allowMulticast = false;
    this.garpRexmitCount = 0;
    this.logWrongIface = true;
    this.logMovements = true;
    this.logPermanentModify = true;
    this.maxLogPerSecond = 1;
    this.logLimit = new RateLimit();
    this.rx = new ArpHdr();
    this.tx = new ArpHdr();
    this.heldRo = new Route();
  }

  /** Logs what a peer did, at most max_log_per_second lines a second. Source: FreeBSD if_ether.c, ARP_LOG(). */
  log(level: number, ifp: Ifnet, text: string): void {
    this.vnet.log.ratelimited(this.logLimit, this.maxLogPerSecond, level, 'arp', `${text} on ${ifp.name}`);
  }
}

/** ARP of a vnet. @public */
export const ARP: VnetVar<ArpVnet> = defineVnetVar({ module: 'arp', name: 'arp', init: (vnet) => new ArpVnet(vnet) });
