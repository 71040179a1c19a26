import { EINVAL } from '@ns/errno';
import { INET, type McastLimits } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { NETISR, NETISR_IPV6 } from '@ns/netisr';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_STATS, CTLFLAG_VNET, sysctlBool, type SysctlDecl, sysctlInt, sysctlOpaque, type SysctlReq, sysctlStats, sysctlUint, sysctlVars } from '@ns/sysctl';
import { addrPolicySnapshot } from './addrctl.ts';
import type { Frag6 } from './frag6.ts';
import { IP6, IP6_FORWARDING_EVENT, type Ip6Vnet } from './ip6-vnet.ts';

type Req = SysctlReq<Vnet>;

const ip6 = sysctlVars<Vnet, Ip6Vnet>('net.inet6.ip6', (req) => IP6.get(req.vnet), CTLFLAG_VNET);
const frag = sysctlVars<Vnet, Frag6>('net.inet6.ip6', (req) => IP6.get(req.vnet).frag6, CTLFLAG_VNET);
const icmp6 = sysctlVars<Vnet, Ip6Vnet>('net.inet6.icmp6', (req) => IP6.get(req.vnet), CTLFLAG_VNET);
const mld = sysctlVars<Vnet, Ip6Vnet>('net.inet6.mld', (req) => IP6.get(req.vnet), CTLFLAG_VNET);
const mcast = sysctlVars<Vnet, McastLimits>('net.inet6.ip6.mcast', (req) => INET.get(req.vnet).mcast6, CTLFLAG_VNET);
const RW = CTLFLAG_RW;

const general: readonly SysctlDecl<Vnet>[] = [
  sysctlBool<Vnet>({
    name: 'net.inet6.ip6.forwarding',
    flags: RW | CTLFLAG_VNET,
    descr: 'Enable forwarding of IPv6 packets between interfaces',
    get: (req: Req) => IP6.get(req.vnet).forwarding,
    set: (req: Req, on) => {
      const ip6v = IP6.get(req.vnet);
      const was = ip6v.forwarding;
      ip6v.forwarding = on;
      if (was !== on) req.vnet.kernel.events.invoke(IP6_FORWARDING_EVENT, req.vnet, req.vnet, on);
      return 0;
    },
  }),
  ip6.bool('redirect', 'sendRedirects', RW, 'Send ICMPv6 redirects for unforwardable IPv6 packets'),
  ip6.int('hlim', 'defhlim', RW, 'Default hop limit', { min: 1, max: 255 }),
  ip6.int('defmcasthlim', 'defmcasthlim', RW, 'Default hop limit for multicast packets', { min: 0, max: 255 }),
  ip6.int('hdrnestlimit', 'hdrnestlimit', RW, 'Default maximum number of IPv6 extension headers permitted on incoming IPv6 packets', { min: 0, max: 255 }),
  ip6.bool('auto_flowlabel', 'autoFlowlabel', RW, 'Provide an IPv6 flowlabel in outbound packets'),
  ip6.bool('auto_linklocal', 'autoLinklocal', RW, 'Default value of per-interface flag for automatically adding an IPv6 link-local address to interfaces when attached'),
  ip6.bool('use_deprecated', 'useDeprecated', RW, 'Allow the use of addresses whose preferred lifetimes have expired'),
  ip6.bool('prefer_tempaddr', 'preferTempaddr', RW, 'Prefer RFC3041 temporary addresses in source address selection'),
  mcast.ulong('maxgrpsrc', 'maxgrpsrc', RW, 'Max source filters per group'),
  mcast.ulong('maxsocksrc', 'maxsocksrc', RW, 'Max source filters per socket'),
  ip6.bool('mcast_pmtu', 'mcastPmtu', RW, 'Enable path MTU discovery for multicast packets'),
  ip6.int('log_interval', 'logInterval', RW, 'Frequency in seconds at which to log IPv6 forwarding errors', { min: 0, max: 86400 }),
  ip6.bool('log_cannot_forward', 'logCannotForward', RW, 'Log packets that cannot be forwarded'),
  sysctlOpaque<Vnet, object>({
    name: 'net.inet6.ip6.addrctlpolicy',
    flags: CTLFLAG_RD | CTLFLAG_VNET,
    descr: 'Address selection policy table',
    format: 'S,in6_addrpolicy',
    get: (req: Req) => addrPolicySnapshot(req.vnet),
  }),
  mld.bool('v2enable', 'mldV2enable', RW, 'Enable MLDv2 support'),
  ip6.bool('v6only', 'v6only', RW, 'Restrict AF_INET6 sockets to IPv6 addresses only'),
  sysctlUint<Vnet>({
    name: 'net.inet6.ip6.intr_queue_maxlen',
    flags: RW,
    descr: 'Maximum size of the IPv6 input queue',
    get: (req: Req) => req.vnet.kernel.service(NETISR).getQlimit(NETISR_IPV6),
    set: (req: Req, value) => (value < 1 ? EINVAL : req.vnet.kernel.service(NETISR).setQlimit(NETISR_IPV6, value)),
  }),
  sysctlInt<Vnet>({
    name: 'net.inet6.ip6.intr_queue_drops',
    flags: CTLFLAG_RD | CTLFLAG_STATS,
    descr: 'Number of packets dropped from the IPv6 input queue',
    get: (req: Req) => req.vnet.kernel.service(NETISR).getQdrops(NETISR_IPV6),
  }),
  sysctlStats<Vnet, object>({ name: 'net.inet6.ip6.stats', flags: RW | CTLFLAG_VNET, format: 'S,ip6stat', descr: 'IP6 statistics', of: (req: Req) => IP6.get(req.vnet).stat }),
];

const fragments: readonly SysctlDecl<Vnet>[] = [
  frag.int('maxfragpackets', 'maxfragpackets', RW, 'Default maximum number of outstanding fragmented IPv6 packets', { min: -1 }),
  frag.int('maxfrags', 'maxfrags', RW, 'Maximum allowed number of outstanding IPv6 packet fragments', { min: -1 }),
  frag.int('maxfragsperpacket', 'maxfragsperpacket', RW, 'Maximum allowed number of fragments per packet', { min: 0 }),
  frag.int('maxfragbucketsize', 'maxfragbucketsize', RW, 'Maximum number of reassembly queues per hash bucket', { min: 1 }),
  frag.int('fraglifetime_ms', 'fraglifetimeMs', RW, 'Fragment lifetime, in milliseconds', { min: 500, max: 255000 }),
  frag.int('fragpackets', 'fragpackets', CTLFLAG_RD | CTLFLAG_STATS, 'Current number of IPv6 fragment reassembly queue entries'),
  frag.int('frags', 'curfrags', CTLFLAG_RD | CTLFLAG_STATS, 'Current number of IPv6 fragments across all reassembly queues'),
];

const icmp6Vars: readonly SysctlDecl<Vnet>[] = [
  icmp6.int('errppslimit', 'errppslimit', RW, 'Maximum number of ICMPv6 error messages per second', { min: -1 }),
  sysctlStats<Vnet, object>({ name: 'net.inet6.icmp6.stats', flags: RW | CTLFLAG_VNET, format: 'S,icmp6stat', descr: 'ICMPv6 statistics', of: (req: Req) => IP6.get(req.vnet).icmp6stat }),
];

/** net.inet6.ip6.* and net.inet6.icmp6.*. */
export const ip6Sysctls: readonly SysctlDecl<Vnet>[] = [...general, ...fragments, ...icmp6Vars];
