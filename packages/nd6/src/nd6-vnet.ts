import { Callout } from '@ns/callout';
import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { IP6, type Ip6Vnet } from '@ns/ip6';
import { defineVnetVar, RateLimit, type Vnet, type VnetVar } from '@ns/kern';
import { Route } from '@ns/route';
import { NdNeighborAdvert, NdNeighborSolicit, NdOpts, NdPrefixInfo, NdRedirect, NdRouterAdvert } from '@ns/wire';
import { NdDns } from './dns.ts';
import type { Nd6Ifaddr, NdDefrouter, NdPrefix } from './lists.ts';
import { Nd6Stat } from './stats.ts';
import { DEF_TEMP_PREFERRED_LIFETIME, DEF_TEMP_VALID_LIFETIME } from './temp.ts';
import { nd6Timer } from './timer.ts';

/** Bytes of the secret of stable identifiers (RFC 7217 §5 asks for at least 128 bits). */
const SECRET_LEN = 32;

/**
 * Neighbour discovery in one vnet: tunables, counters, default routers, prefixes, DNS servers, and records that are used again for each message.
 * @public
 */
export class Nd6Vnet {
  /** Whose it is. */
  readonly vnet: Vnet;
  /** IPv6 of the vnet. */
  readonly ip6v: Ip6Vnet;
  /** Counters. */
  readonly stat: Nd6Stat;

  // net.inet6.icmp6
  /** net.inet6.icmp6.nd6_prune: seconds between walks over what may have expired, at least. */
  prune: number;
  /** net.inet6.icmp6.nd6_delay: seconds that a transport has to confirm a neighbour before it is asked. */
  delay: number;
  /** net.inet6.icmp6.nd6_umaxtries: unicast solicitations without an answer before a neighbour counts as gone. */
  umaxtries: number;
  /** net.inet6.icmp6.nd6_mmaxtries: multicast solicitations. */
  mmaxtries: number;
  /** net.inet6.icmp6.nd6_useloopback: own addresses are reached by loopback. Kept for its name; it is always so. */
  useloopback: boolean;
  /** net.inet6.icmp6.nd6_maxqueuelen: packets that wait for one answer. */
  maxqueuelen: number;
  /** net.inet6.icmp6.nd6_gctimer: life of an entry that nobody uses, seconds. */
  gctimer: number;
  /** net.inet6.icmp6.nd6_debug: log what is refused. */
  debug: boolean;
  /** net.inet6.icmp6.nd6_onlink_ns_rfc4861: answer solicitations from addresses that are on no prefix of the link. */
  onlinkNsRfc4861: boolean;
  /** net.inet6.icmp6.nd6_maxndopt: options of one router advertisement that are looked at. A constant in FreeBSD. */
  maxndopt: number;
  /** net.inet6.icmp6.nd6_maxentries: entries of one interface. Not in FreeBSD. */
  maxentries: number;
  /** net.inet6.icmp6.nd6_max_log_per_second; negative = no limit. Not in FreeBSD. */
  maxLogPerSecond: number;
  /** net.inet6.icmp6.rediraccept: believe redirects. */
  rediraccept: boolean;
  /** net.inet6.icmp6.redirtimeout: life of the route that a redirect makes, seconds. */
  redirtimeout: number;

  // net.inet6.ip6
  /** net.inet6.ip6.dad_count: solicitations of a test for duplicates; 0 = no test. */
  dadCount: number;
  /** net.inet6.ip6.dad_enhanced: a nonce in each, so that our own that come back are told (RFC 7527). */
  dadEnhanced: boolean;
  /** net.inet6.ip6.dad_optimistic: addresses may be used while they are tested (RFC 4429). Not in FreeBSD. */
  dadOptimistic: boolean;
  /** net.inet6.ip6.accept_rtadv: ND6_IFF_ACCEPT_RTADV of interfaces that come. */
  acceptRtadv: boolean;
  /** net.inet6.ip6.no_radr: ND6_IFF_NO_RADR of interfaces that come. */
  noRadr: boolean;
  /** net.inet6.ip6.use_stableaddr: ND6_IFF_STABLEADDR of interfaces that come. Off, as in FreeBSD up to 15. */
  useStableaddr: boolean;
  /** net.inet6.ip6.stableaddr_maxretries: identifiers that are tried after one that was taken. */
  stableaddrMaxretries: number;
  /** net.inet6.ip6.use_tempaddr: make temporary addresses (RFC 8981). Off, as in FreeBSD. */
  useTempaddr: boolean;
  /** net.inet6.ip6.temppltime: how long they are preferred, seconds. */
  temppltime: number;
  /** net.inet6.ip6.tempvltime: how long they are valid, seconds. */
  tempvltime: number;
  /** net.inet6.ip6.rfc6204w3: take default routers although we forward. */
  rfc6204w3: boolean;
  /** net.inet6.ip6.norbit_raif: do not call ourselves a router on interfaces that accept advertisements. */
  norbitRaif: boolean;
  /** net.inet6.ip6.maxifprefixes: prefixes of one interface. */
  maxifprefixes: number;
  /** net.inet6.ip6.maxifdefrouters: default routers of one interface. */
  maxifdefrouters: number;
  /** net.inet6.ip6.maxdynroutes: routes made by redirects. */
  maxdynroutes: number;

  /** Default routers, most preferred first; a new array on each change. */
  defrouters: readonly NdDefrouter[];
  /** Prefixes that routers announce; a new array on each change. */
  prefixes: readonly NdPrefix[];
  /**
   * DNS servers and search domains.
   * @alpha
   */
  readonly dns: NdDns;
  /** Interface that stands in for a default router while there is none (ndp -I), or null. */
  defifp: Ifnet | null;
  /** Secret of stable identifiers; lives as long as the vnet unless {@link nd6SetSecret} brings one. */
  secret: Uint8Array;
  /** Expiry of all lists and addresses: one for the vnet, armed for what ends next. */
  readonly timer: Callout<Nd6Vnet>;
  /** When the timer last ran, µs. */
  prunedUs: number;
  /**
   * What neighbour discovery keeps for addresses: tests under way, prefixes they come from.
   * @alpha
   */
  readonly ifas: Map<Ifaddr, Nd6Ifaddr>;

  /** Options of the message being received. */
  readonly opts: NdOpts;
  /** The message being received or sent. */
  readonly ns: NdNeighborSolicit;
  /** See `ns`. */
  readonly na: NdNeighborAdvert;
  /** See `ns`. */
  readonly ra: NdRouterAdvert;
  /** See `ns`. */
  readonly rd: NdRedirect;
  /** A prefix of it. */
  readonly pi: NdPrefixInfo;
  /** Route for packets that have waited. */
  readonly heldRo: Route;
  private readonly logLimit: RateLimit;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.ip6v = IP6.get(vnet);
    this.stat = new Nd6Stat();
    this.prune = 1;
    this.delay = 5;
    this.umaxtries = 3;
    this.mmaxtries = 3;
    this.useloopback = true;
    this.maxqueuelen = 16;
    this.gctimer = 86400;
    this.debug = false;
    this.onlinkNsRfc4861 = false;
    this.maxndopt = 10;
    this.maxentries = 16384;
    this.maxLogPerSecond = 1;
    this.rediraccept = true;
    this.redirtimeout = 600;
    this.dadCount = 1;
    this.dadEnhanced = true;
    this.dadOptimistic = false;
    this.acceptRtadv = false;
    this.noRadr = false;
    this.useStableaddr = false;
    this.stableaddrMaxretries = 3;
    this.useTempaddr = false;
    this.temppltime = DEF_TEMP_PREFERRED_LIFETIME;
    this.tempvltime = DEF_TEMP_VALID_LIFETIME;
    this.rfc6204w3 = false;
    this.norbitRaif = false;
    this.maxifprefixes = 16;
    this.maxifdefrouters = 16;
    this.maxdynroutes = 4096;
    this.defrouters = [];
    this.prefixes = [];
    this.dns = new NdDns();
    this.defifp = null;
    this.secret = new Uint8Array(SECRET_LEN);
    vnet.kernel.random.fill(this.secret);
    this.timer = new Callout<Nd6Vnet>(nd6Timer, this);
    this.prunedUs = 0;
    this.ifas = new Map();
    this.opts = new NdOpts();
    this.ns = new NdNeighborSolicit();
    this.na = new NdNeighborAdvert();
    this.ra = new NdRouterAdvert();
    this.rd = new NdRedirect();
    this.pi = new NdPrefixInfo();
    this.heldRo = new Route();
    this.logLimit = new RateLimit();
  }

  /** Time of the kernel, µs. */
  nowUs(): number {
    return this.vnet.kernel.callouts.nowUs();
  }

  /** Logs what a peer did, at most nd6_max_log_per_second lines a second. */
  log(level: number, ifp: Ifnet, text: string): void {
    this.vnet.log.ratelimited(this.logLimit, this.maxLogPerSecond, level, 'nd6', `${ifp.name}: ${text}`);
  }

  /** The same, where FreeBSD logs with nd6_debug only. Source: FreeBSD nd6.h, nd6log(). */
  debuglog(level: number, ifp: Ifnet, text: string): void {
    if (this.debug) this.log(level, ifp, text);
  }

  /** Sees to it that what ends at `atUs` is looked at then, or nd6_prune seconds after the last walk; 0 = does not end. */
  schedule(atUs: number): void {
    if (atUs === 0) return;
    const at = Math.max(atUs, this.prunedUs + this.prune * 1000000);
    if (this.timer.pending && this.timer.deadlineUs <= at) return;
    const { callouts } = this.vnet.kernel;
    callouts.reset(this.timer, Math.max(0, at - callouts.nowUs()));
  }
}

/** Neighbour discovery of a vnet. @public */
export const ND6: VnetVar<Nd6Vnet> = defineVnetVar({ module: 'nd6', name: 'nd6', init: (vnet) => new Nd6Vnet(vnet) });
