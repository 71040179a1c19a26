import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { HeaderInfo } from '@ns/ifnet-kpi';
import { INET, type InetDomain, InPkt, type McastReporter } from '@ns/inpcb';
import { defineVnetVar, RateLimit, type Vnet, type VnetVar } from '@ns/kern';
import { type Netisr, NETISR } from '@ns/netisr';
import { PfilHead } from '@ns/pfil';
import { PFIL_INET_NAME, PFIL_TYPE_IP4 } from '@ns/pfil-kpi';
import { ForwardCache, Route, ROUTE, type RouteVnet } from '@ns/route';
import { AF_INET, IcmpQuote, IpOptCursor } from '@ns/wire';
import { InAddrHash } from './addr-hash.ts';
import { IpIdSource } from './ip-id.ts';
import { IpReass } from './reass.ts';
import type { IgmpIo } from './igmp.ts';
import { IcmpStat, IgmpStat, IpStat } from './stats.ts';

/** Packets that may be in input at once, one inside the other: a transport's input that hands a packet to input itself. */
const MAX_DEPTH = 8;

/** Rate limits of ICMP, each of icmplim a second. Source: FreeBSD netinet/icmp_var.h. */
export const BANDLIM_ICMP_UNREACH = 0;
/** Echo replies. */
export const BANDLIM_ICMP_ECHO = 1;
/** Time stamp replies. */
export const BANDLIM_ICMP_TSTAMP = 2;
/** Redirects. Differs: FreeBSD does not limit them. */
export const BANDLIM_ICMP_REDIRECT = 3;
const BANDLIM_KINDS = 4;

/**
 * IPv4 in one vnet: settings (net.inet.ip.*, net.inet.icmp.*), counters, tables, and the records that are used again for each packet.
 * @public
 */
export class IpVnet {
  /** Whose it is. */
  readonly vnet: Vnet;
  /** The protocols that packets are given to. */
  readonly inet: InetDomain;
  /** Input queues. */
  readonly netisr: Netisr;
  /** Routing tables. */
  readonly route: RouteVnet;
  /** Counters of IP. */
  readonly stat: IpStat;
  /** Counters of ICMP. */
  readonly icmpstat: IcmpStat;
  /** Counters of IGMP. */
  readonly igmpstat: IgmpStat;
  /**
   * Addresses of this vnet.
   * @alpha
   */
  readonly addrs: InAddrHash;
  /** Fragments waiting for the rest. */
  readonly reass: IpReass;
  /**
   * Identifications of packets sent.
   * @alpha
   */
  readonly ids: IpIdSource;
  /**
   * Routes of packets that are forwarded.
   * @alpha
   */
  readonly fwd: ForwardCache;
  /** Where packet filters look at packets: the head `inet`. */
  readonly pfil: PfilHead;

  // net.inet.ip
  /** net.inet.ip.forwarding. */
  forwarding: boolean;
  /** net.inet.ip.redirect: send redirects. */
  sendRedirects: boolean;
  /** net.inet.ip.ttl. */
  defttl: number;
  /** net.inet.ip.sourceroute: forward source-routed packets. */
  dosourceroute: boolean;
  /** net.inet.ip.accept_sourceroute: accept source-routed packets for us. */
  acceptsourceroute: boolean;
  /** net.inet.ip.process_options: 0 ignore, 1 process, 2 refuse packets that have some. */
  doopts: number;
  /** net.inet.ip.stealth: forward without a trace in TTL. */
  stealth: boolean;
  /** net.inet.ip.check_interface: packets must come in by the interface that has their destination. */
  checkInterface: boolean;
  /** net.inet.ip.rfc6864: identification 0 where it means nothing. */
  rfc6864: boolean;
  /** net.inet.ip.mcast.loop: multicast is heard by its own host unless the socket says otherwise. */
  mcastLoop: boolean;

  /** net.inet.igmp.default_version: 3, or 2 for IGMPv2 alone. */
  igmpVersion: number;

  // net.inet.icmp
  /** net.inet.icmp.icmplim: messages of one kind a second; 0 = no limit. */
  icmplim: number;
  /** net.inet.icmp.icmplim_output: log how many were suppressed. */
  icmplimOutput: boolean;
  /** net.inet.icmp.maskrepl. */
  maskrepl: boolean;
  /** net.inet.icmp.maskfake: mask to answer with, int32; 0 = that of the interface. */
  maskfake: number;
  /** net.inet.icmp.drop_redirect. */
  dropRedirect: boolean;
  /** net.inet.icmp.log_redirect. */
  logRedirect: boolean;
  /** net.inet.icmp.redirtimeout, seconds. */
  redirtimeout: number;
  /** net.inet.icmp.quotelen, bytes. */
  quotelen: number;
  /** net.inet.icmp.bmcastecho. */
  bmcastecho: boolean;
  /** net.inet.icmp.tstamprepl. */
  tstamprepl: boolean;
  /** net.inet.icmp.reply_from_interface. */
  replyFromInterface: boolean;
  /** net.inet.icmp.reply_src: name of the interface whose address errors come from, '' = as routed. */
  replySrc: string;

  /** Records of packets in input, by depth. */
  readonly pkts: readonly InPkt[];
  /** Packets in input now. */
  depth: number;
  /** The datagram that a received error quotes. */
  readonly quote: IcmpQuote;
  /** Walk over options. */
  readonly optCursor: IpOptCursor;
  /** For software segmentation. */
  readonly hdrInfo: HeaderInfo;
  /** Route of a packet that brings none. */
  readonly scratchRo: Route;
  /** The packet whose options were processed last is on a source route. */
  srcRouted: boolean;
  /** Limit of what options can make us log. */
  readonly optLog: RateLimit;
  /** By BANDLIM_*. */
  readonly limits: readonly RateLimit[];

  constructor(vnet: Vnet) {
    const { kernel } = vnet;
    this.vnet = vnet;
    this.inet = INET.get(vnet);
    this.netisr = kernel.service(NETISR);
    this.route = ROUTE.get(vnet);
    this.stat = new IpStat();
    this.icmpstat = new IcmpStat();
    this.igmpstat = new IgmpStat();
    this.addrs = new InAddrHash();
    this.reass = new IpReass(this);
    this.ids = new IpIdSource(kernel.random);
    this.fwd = new ForwardCache();
    this.pfil = new PfilHead(PFIL_TYPE_IP4, PFIL_INET_NAME);
    this.forwarding = false;
    this.sendRedirects = true;
    this.defttl = 64;
    this.dosourceroute = false;
    this.acceptsourceroute = false;
    this.doopts = 1;
    this.stealth = false;
    this.checkInterface = false;
    this.rfc6864 = true;
    this.mcastLoop = true;
    this.igmpVersion = 3;
    this.icmplim = 200;
    this.icmplimOutput = true;
    this.maskrepl = false;
    this.maskfake = 0;
    this.dropRedirect = false;
    this.logRedirect = false;
    this.redirtimeout = 600;
    this.quotelen = 548;
    this.bmcastecho = false;
    this.tstamprepl = true;
    this.replyFromInterface = false;
    this.replySrc = '';
    const pkts: InPkt[] = [];
    for (let i = 0; i < MAX_DEPTH; i++) pkts.push(new InPkt(vnet, AF_INET));
    this.pkts = pkts;
    this.depth = 0;
    this.quote = new IcmpQuote();
    this.optCursor = new IpOptCursor();
    this.hdrInfo = new HeaderInfo();
    this.scratchRo = new Route();
    this.srcRouted = false;
    this.optLog = new RateLimit();
    const limits: RateLimit[] = [];
    for (let i = 0; i < BANDLIM_KINDS; i++) limits.push(new RateLimit());
    this.limits = limits;
  }

  /** Stops timers and frees what is held: the vnet goes, or the module. */
  destroy(): void {
    this.reass.destroy();
    this.fwd.clear();
  }
}

/** IPv4 of a vnet. @public */
export const IP: VnetVar<IpVnet> = defineVnetVar({
  module: 'ip',
  name: 'ip',
  init: (vnet) => new IpVnet(vnet),
  destroy: (ipv) => {
    ipv.destroy();
  },
});

/**
 * IPv4 on one interface: what `ifp.afdata[AF_INET]` holds, so that a received packet finds its vnet's IPv4 in one load. Source: FreeBSD struct in_ifinfo.
 */
export class InIfinfo {
  readonly ipv: IpVnet;
  readonly ifp: Ifnet;
  /** IGMP; null where nobody is to be told of groups. */
  igmp: McastReporter | null;
  /** How it sends. */
  igmpIo: IgmpIo | null;

  constructor(ipv: IpVnet, ifp: Ifnet) {
    this.ipv = ipv;
    this.ifp = ifp;
    this.igmp = null;
    this.igmpIo = null;
  }
}

/** IPv4 on an interface, or null. */
export function inIfinfo(ifp: Ifnet): InIfinfo | null {
  return ifp.afdata[AF_INET] as InIfinfo | null;
}

/** The first IPv4 address of an interface, or null. Source: FreeBSD IFP_TO_IA(). */
export function ifpToIa(ifp: Ifnet): Ifaddr | null {
  const addrs = ifp.addrs;
  for (let i = 0; i < addrs.length; i++) {
    const ifa = addrs[i] as Ifaddr;
    if (ifa.af === AF_INET) return ifa;
  }
  return null;
}

/** Whether `a` (int32) is a broadcast address of `ifp`: the limited one, a directed one, or (RFC 919's forerunner) all zero host bits never. Source: FreeBSD in_broadcast(). */
export function inBroadcast(a: number, ifp: Ifnet): boolean {
  if (a === -1) return true;
  const addrs = ifp.addrs;
  for (let i = 0; i < addrs.length; i++) {
    const ifa = addrs[i] as Ifaddr;
    if (ifa.af === AF_INET && ifa.broadcast !== null && ifa.broadcast.w3 === a) return true;
  }
  return false;
}
