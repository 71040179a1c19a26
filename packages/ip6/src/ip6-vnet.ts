import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { HeaderInfo } from '@ns/ifnet-kpi';
import { INET, type InetDomain, InPkt, type McastReporter } from '@ns/inpcb';
import { defineVnetVar, EventKey, RateLimit, type Vnet, type VnetVar } from '@ns/kern';
import { type Netisr, NETISR } from '@ns/netisr';
import { PfilHead } from '@ns/pfil';
import { PFIL_INET6_NAME, PFIL_TYPE_IP6 } from '@ns/pfil-kpi';
import { ForwardCache, Route, ROUTE, type RouteVnet } from '@ns/route';
import { AF_INET6, IcmpQuote, Ip6OptCursor, Ip6Walk, isLinkLocal, IPV6_DEFHLIM } from '@ns/wire';
import { In6AddrHash } from './addr-hash.ts';
import { type AddrPolicy, DEFAULT_ADDR_POLICY } from './addrsel.ts';
import { Frag6 } from './frag6.ts';
import { in6Ready, ND6_IFF_AUTO_LINKLOCAL } from './in6-var.ts';
import type { Nd6Hook } from './nd-hook.ts';
import { PathMtuCache } from './pmtu.ts';
import { Icmp6Stat, In6Ifstat, Ip6Stat } from './stats.ts';

/** Packets that may be in input at once, one inside the other: a transport's input that hands a packet to input itself. */
const MAX_DEPTH = 8;

/**
 * IPv6 in one vnet: settings (net.inet6.ip6.*, net.inet6.icmp6.*), counters, tables, and the records that are used again for each packet.
 * @public
 */
export class Ip6Vnet {
  /** Whose it is. */
  readonly vnet: Vnet;
  /** The protocols that packets are given to. */
  readonly inet: InetDomain;
  /** Input queues. */
  readonly netisr: Netisr;
  /** Routing tables. */
  readonly route: RouteVnet;
  /** Counters of IPv6. */
  readonly stat: Ip6Stat;
  /** Counters of ICMPv6. */
  readonly icmp6stat: Icmp6Stat;
  /**
   * Addresses of this vnet.
   * @alpha
   */
  readonly addrs: In6AddrHash;
  /** Fragments waiting for the rest. */
  readonly frag6: Frag6;
  /**
   * Path MTUs.
   * @alpha
   */
  readonly pmtu: PathMtuCache;
  /**
   * Routes of packets that are forwarded.
   * @alpha
   */
  readonly fwd: ForwardCache;
  /** Where packet filters look at packets: `inet6` of pfil. */
  readonly pfil: PfilHead;
  /** Neighbour discovery, or null while there is none: see {@link nd6Register}. */
  nd: Nd6Hook | null;

  // net.inet6.ip6
  /** net.inet6.ip6.forwarding. */
  forwarding: boolean;
  /** net.inet6.ip6.redirect: send redirects. */
  sendRedirects: boolean;
  /** net.inet6.ip6.hlim: hop limit where nothing else says one. */
  defhlim: number;
  /** net.inet6.ip6.defmcasthlim: hop limit of multicast. */
  defmcasthlim: number;
  /** net.inet6.ip6.hdrnestlimit: extension headers of one packet. */
  hdrnestlimit: number;
  /** net.inet6.ip6.auto_flowlabel. */
  autoFlowlabel: boolean;
  /** net.inet6.ip6.auto_linklocal: interfaces get a link-local address when they come up. */
  autoLinklocal: boolean;
  /** net.inet6.mld.v2enable: MLDv2 is spoken; else MLDv1 alone. */
  mldV2enable: boolean;
  /** net.inet6.ip6.mcast_pmtu: multicast packets may be as large as the link takes, not 1280 bytes. */
  mcastPmtu: boolean;
  /** net.inet6.ip6.log_interval: seconds between lines about packets that cannot be forwarded, at least. */
  logInterval: number;
  /** net.inet6.ip6.log_cannot_forward: log packets that cannot be forwarded. */
  logCannotForward: boolean;
  /** When the last of these lines was logged, µs; -1 = never. */
  loggedUs: number;
  /** net.inet6.ip6.v6only: IPV6_V6ONLY of new sockets. */
  v6only: boolean;

  /** net.inet6.ip6.use_deprecated: deprecated addresses may be sources. */
  useDeprecated: boolean;
  /** net.inet6.ip6.prefer_tempaddr: temporary addresses are preferred to public ones. */
  preferTempaddr: boolean;
  /** Policy table of address selection. Replaced, never changed. */
  policy: readonly AddrPolicy[];
  /** How often its rows took part in a selection. */
  readonly policyUse: Map<AddrPolicy, number>;

  // net.inet6.icmp6
  /** net.inet6.icmp6.errppslimit: errors a second; negative = no limit. */
  errppslimit: number;

  /** Records of packets in input, by depth. */
  readonly pkts: readonly InPkt[];
  /** Packets in input now. */
  depth: number;
  /** The datagram that a received error quotes. */
  readonly quote: IcmpQuote;
  /** Walk over the headers of a packet that is to be fragmented or answered. */
  readonly walk: Ip6Walk;
  /** Walk over options. */
  readonly optCursor: Ip6OptCursor;
  /** For software segmentation. */
  readonly hdrInfo: HeaderInfo;
  /** Route of a packet that brings none. */
  readonly scratchRo: Route;
  /** Route that was asked for last, to choose a source or to know the path: a connection asks several times. */
  readonly askedRo: Route;
  /** Limit of errors. */
  readonly errLimit: RateLimit;
  /** Key of flow labels. */
  readonly flowSeed: number;

  constructor(vnet: Vnet) {
    const { kernel } = vnet;
    this.vnet = vnet;
    this.inet = INET.get(vnet);
    this.netisr = kernel.service(NETISR);
    this.route = ROUTE.get(vnet);
    this.stat = new Ip6Stat();
    this.icmp6stat = new Icmp6Stat();
    this.addrs = new In6AddrHash(kernel.random.u32());
    this.frag6 = new Frag6(this);
    this.pmtu = new PathMtuCache(kernel);
    this.fwd = new ForwardCache();
    this.pfil = new PfilHead(PFIL_TYPE_IP6, PFIL_INET6_NAME);
    this.nd = null;
    this.forwarding = false;
    this.sendRedirects = true;
    this.defhlim = IPV6_DEFHLIM;
    this.defmcasthlim = 1;
    this.hdrnestlimit = 15;
    this.autoFlowlabel = true;
    this.autoLinklocal = true;
    this.mcastPmtu = false;
    this.logInterval = 5;
    this.logCannotForward = true;
    this.loggedUs = -1;
    this.mldV2enable = true;
    this.v6only = true;
    this.useDeprecated = true;
    this.preferTempaddr = false;
    this.policy = DEFAULT_ADDR_POLICY;
    this.policyUse = new Map();
    this.errppslimit = 100;
    const pkts: InPkt[] = [];
    for (let i = 0; i < MAX_DEPTH; i++) pkts.push(new InPkt(vnet, AF_INET6));
    this.pkts = pkts;
    this.depth = 0;
    this.quote = new IcmpQuote();
    this.walk = new Ip6Walk();
    this.optCursor = new Ip6OptCursor();
    this.hdrInfo = new HeaderInfo();
    this.scratchRo = new Route();
    this.askedRo = new Route();
    this.errLimit = new RateLimit();
    this.flowSeed = kernel.random.u32();
  }

  /** Stops timers and frees what is held: the vnet goes, or the module. */
  destroy(): void {
    this.frag6.destroy();
    this.fwd.clear();
  }
}

/** IPv6 of a vnet. @public */
export const IP6: VnetVar<Ip6Vnet> = defineVnetVar({
  module: 'ip6',
  name: 'ip6',
  init: (vnet) => new Ip6Vnet(vnet),
  destroy: (ip6v) => {
    ip6v.destroy();
  },
});

/**
 * IPv6 on one interface: what `ifp.afdata[AF_INET6]` holds, so that a received packet finds its vnet's IPv6 in one load. Neighbour discovery writes what routers say into it.
 * Source: FreeBSD struct in6_ifextra, nd_ifinfo.
 * @public
 */
export class In6Ifinfo {
  /** IPv6 of the vnet. */
  readonly ip6v: Ip6Vnet;
  /** The interface. */
  readonly ifp: Ifnet;
  /** ND6_IFF_*. */
  flags: number;
  /** Largest packet of the link as routers say (RFC 4861 §6.3.4); 0 = that of the interface. */
  linkmtu: number;
  /** Hop limit as routers say; 0 = net.inet6.ip6.hlim. */
  curhlim: number;
  /** Counters. */
  readonly stat: In6Ifstat;
  /**
   * MLD; null where nobody is to be told of groups.
   * @alpha
   */
  mld: McastReporter | null;

  constructor(ip6v: Ip6Vnet, ifp: Ifnet) {
    this.ip6v = ip6v;
    this.ifp = ifp;
    this.flags = ip6v.autoLinklocal ? ND6_IFF_AUTO_LINKLOCAL : 0;
    this.linkmtu = 0;
    this.curhlim = 0;
    this.stat = new In6Ifstat();
    this.mld = null;
  }
}

/** A vnet has begun to forward, or no longer does: `net.inet6.ip6.forwarding` was set. Not in FreeBSD, where programs look at the sysctl again and again. @public */
export const IP6_FORWARDING_EVENT: EventKey<[vnet: Vnet, on: boolean]> = new EventKey('ip6_forwarding_event');

/** IPv6 on an interface, or null while the module is not loaded. @public */
export function in6Ifinfo(ifp: Ifnet): In6Ifinfo | null {
  return ifp.afdata[AF_INET6] as In6Ifinfo | null;
}

/** Largest packet of the link of `ifp`. Source: FreeBSD IN6_LINKMTU(). @public */
export function in6Linkmtu(ifp: Ifnet): number {
  const ii = ifp.afdata[AF_INET6] as In6Ifinfo | null;
  const mtu = ifp.mtu;
  return ii !== null && ii.linkmtu !== 0 && ii.linkmtu < mtu ? ii.linkmtu : mtu;
}

/** The link-local address of an interface, ready for use, or null. Source: FreeBSD in6ifa_ifpforlinklocal(). @public */
export function in6Linklocal(ifp: Ifnet): Ifaddr | null {
  const addrs = ifp.addrs;
  for (let i = 0; i < addrs.length; i++) {
    const ifa = addrs[i] as Ifaddr;
    if (ifa.af === AF_INET6 && isLinkLocal(ifa.addr) && in6Ready(ifa)) return ifa;
  }
  return null;
}
