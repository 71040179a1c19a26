import { EINVAL } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import { CTLFLAG_RW, CTLFLAG_RWTUN, CTLFLAG_VNET, type SysctlDecl, sysctlInt, sysctlStats, sysctlVars } from '@ns/sysctl';
import { ND6, type Nd6Vnet } from './nd6-vnet.ts';
import { MAX_TEMP_DESYNC_FACTOR } from './temp.ts';

const icmp6 = sysctlVars<Vnet, Nd6Vnet>('net.inet6.icmp6', (req) => ND6.get(req.vnet), CTLFLAG_VNET);
const ip6 = sysctlVars<Vnet, Nd6Vnet>('net.inet6.ip6', (req) => ND6.get(req.vnet), CTLFLAG_VNET);
const RW = CTLFLAG_RW;

/** A lifetime of temporary addresses, which must not contradict the other: EINVAL. Source: FreeBSD in6_proto.c, sysctl_ip6_temppltime(), sysctl_ip6_tempvltime(). */
function tempLifetime(name: 'temppltime' | 'tempvltime', descr: string, fits: (nd: Nd6Vnet, sec: number) => boolean): SysctlDecl<Vnet> {
  return sysctlInt<Vnet>({
    name: `net.inet6.ip6.${name}`,
    flags: RW | CTLFLAG_VNET,
    descr,
    get: (req) => ND6.get(req.vnet)[name],
    set: (req, sec) => {
      const nd = ND6.get(req.vnet);
      if (!fits(nd, sec)) return EINVAL;
      nd[name] = sec;
      return 0;
    },
  });
}

/** Source: FreeBSD icmp6.c, in6_proto.c, nd6.c, nd6_nbr.c. */
export const nd6Sysctls: readonly SysctlDecl<Vnet>[] = [
  icmp6.bool('rediraccept', 'rediraccept', RW, 'Accept ICMPv6 redirect messages'),
  icmp6.int('redirtimeout', 'redirtimeout', RW, 'Delay in seconds before expiring redirect route', { min: 0, max: 86400 * 365 }),
  icmp6.int('nd6_prune', 'prune', RW, 'Frequency in seconds of checks for expired prefixes and routers', { min: 1, max: 86400 }),
  icmp6.int('nd6_delay', 'delay', RW, 'Delay in seconds before probing for reachability', { min: 0, max: 3600 }),
  icmp6.int('nd6_umaxtries', 'umaxtries', RW, 'Number of ICMPv6 NS messages sent during reachability detection', { min: 1, max: 1000 }),
  icmp6.int('nd6_mmaxtries', 'mmaxtries', RW, 'Number of ICMPv6 NS messages sent during address resolution', { min: 1, max: 1000 }),
  icmp6.bool('nd6_useloopback', 'useloopback', RW, 'Create a loopback route when configuring an IPv6 address'),
  icmp6.bool('nd6_debug', 'debug', RW, 'Log NDP debug messages'),
  icmp6.bool('nd6_onlink_ns_rfc4861', 'onlinkNsRfc4861', RW, 'Accept on-link IPv6 NS in compliance with RFC 4861'),
  icmp6.int('nd6_maxqueuelen', 'maxqueuelen', RW, 'Maximum number of packets that wait for one neighbor', { min: 0, max: 65536 }),
  icmp6.int('nd6_gctimer', 'gctimer', RW, 'Lifetime in seconds of a neighbor that nobody uses', { min: 1, max: 86400 * 365 }),
  icmp6.int('nd6_maxndopt', 'maxndopt', RW, 'Maximum number of options looked at in one router advertisement', { min: 1, max: 256 }),
  icmp6.int('nd6_maxentries', 'maxentries', RW, 'Maximum number of neighbors of one interface', { min: 16, max: 1 << 20 }),
  icmp6.int('nd6_max_log_per_second', 'maxLogPerSecond', RW, 'Maximum number of remotely triggered NDP messages that can be logged per second'),
  ip6.int('dad_count', 'dadCount', RW, 'Number of ICMPv6 NS messages sent during duplicate address detection', { min: 0, max: 16 }),
  ip6.bool('dad_enhanced', 'dadEnhanced', RW, 'Enable Enhanced DAD, which adds a random nonce to NS messages for DAD'),
  ip6.bool('dad_optimistic', 'dadOptimistic', RW, 'Use addresses while they are tested for duplicates (RFC 4429)'),
  ip6.bool('accept_rtadv', 'acceptRtadv', CTLFLAG_RWTUN, 'Default value of per-interface flag for accepting ICMPv6 RA messages'),
  ip6.bool('no_radr', 'noRadr', CTLFLAG_RWTUN, 'Default value of per-interface flag to control whether routers sending ICMPv6 RA messages on that interface are added into the default router list'),
  ip6.bool('use_stableaddr', 'useStableaddr', CTLFLAG_RWTUN, 'Default value of per-interface flag to use stable, opaque interface identifiers (RFC 7217)'),
  ip6.int('stableaddr_maxretries', 'stableaddrMaxretries', RW, 'Maximum number of stable identifiers tried after a duplicate', { min: 0, max: 64 }),
  ip6.bool('use_tempaddr', 'useTempaddr', RW, 'Create RFC3041 temporary addresses for autoconfigured addresses'),
  tempLifetime('temppltime', 'Maximum preferred lifetime for temporary addresses', (nd, sec) => sec >= MAX_TEMP_DESYNC_FACTOR && sec <= nd.tempvltime),
  tempLifetime('tempvltime', 'Maximum valid lifetime for temporary addresses', (nd, sec) => sec >= nd.temppltime),
  ip6.bool('rfc6204w3', 'rfc6204w3', RW, 'Accept the default router list from ICMPv6 RA messages even when packet forwarding is enabled'),
  ip6.bool('norbit_raif', 'norbitRaif', RW, 'Always set clear the R flag in ICMPv6 NA messages when accepting RA on the interface'),
  ip6.int('maxifprefixes', 'maxifprefixes', RW, 'Maximum number of prefixes created via ICMPv6 RA per interface', { min: -1, max: 4096 }),
  ip6.int('maxifdefrouters', 'maxifdefrouters', RW, 'Maximum number of default routers created via ICMPv6 RA per interface', { min: 0, max: 4096 }),
  ip6.int('maxdynroutes', 'maxdynroutes', RW, 'Maximum number of routes created via ICMPv6 redirects', { min: 0, max: 1 << 20 }),
  sysctlStats<Vnet, object>({ name: 'net.inet6.icmp6.nd6_stats', flags: RW | CTLFLAG_VNET, format: 'S,nd6stat', descr: 'Neighbor discovery statistics', of: (req) => ND6.get(req.vnet).stat }),
];
