import { EINVAL } from '@ns/errno';
import { IFNET } from '@ns/ifnet';
import { INET, type McastLimits } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { NETISR, NETISR_IP } from '@ns/netisr';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_STATS, CTLFLAG_VNET, type SysctlDecl, sysctlBool, sysctlInt, type SysctlReq, sysctlStats, sysctlUint, sysctlVars } from '@ns/sysctl';
import { IP, type IpVnet } from './ip-vnet.ts';
import type { IpReass } from './reass.ts';

type Req = SysctlReq<Vnet>;

const ip = sysctlVars<Vnet, IpVnet>('net.inet.ip', (req) => IP.get(req.vnet), CTLFLAG_VNET);
const frag = sysctlVars<Vnet, IpReass>('net.inet.ip', (req) => IP.get(req.vnet).reass, CTLFLAG_VNET);
const icmp = sysctlVars<Vnet, IpVnet>('net.inet.icmp', (req) => IP.get(req.vnet), CTLFLAG_VNET);
const igmp = sysctlVars<Vnet, IpVnet>('net.inet.igmp', (req) => IP.get(req.vnet), CTLFLAG_VNET);
const mcast = sysctlVars<Vnet, McastLimits>('net.inet.ip.mcast', (req) => INET.get(req.vnet).mcast4, CTLFLAG_VNET);
const RW = CTLFLAG_RW;

const general: readonly SysctlDecl<Vnet>[] = [
  ip.bool('forwarding', 'forwarding', RW, 'Enable IP forwarding between interfaces'),
  ip.bool('redirect', 'sendRedirects', RW, 'Enable sending IP redirects'),
  ip.int('ttl', 'defttl', RW, 'Maximum TTL on IP packets', { min: 1, max: 255 }),
  ip.bool('sourceroute', 'dosourceroute', RW, 'Enable forwarding source routed IP packets'),
  ip.bool('accept_sourceroute', 'acceptsourceroute', RW, 'Enable accepting source routed IP packets'),
  ip.int('process_options', 'doopts', RW, 'Enable IP options processing ([LS]SRR, RR, TS)', { min: 0, max: 2 }),
  ip.bool('stealth', 'stealth', RW, 'IP stealth mode, no TTL decrementation on forwarding'),
  ip.bool('check_interface', 'checkInterface', RW, 'Verify packet arrives on correct interface'),
  ip.bool('rfc6864', 'rfc6864', RW, 'Use constant IP ID for atomic datagrams'),
  ip.bool('mcast.loop', 'mcastLoop', RW, 'Loopback multicast datagrams by default'),
  mcast.ulong('maxgrpsrc', 'maxgrpsrc', RW, 'Max source filters per group'),
  mcast.ulong('maxsocksrc', 'maxsocksrc', RW, 'Max source filters per socket'),
  sysctlBool<Vnet>({
    name: 'net.inet.ip.no_same_prefix',
    flags: RW | CTLFLAG_VNET,
    descr: 'Refuse to create same prefixes on different interfaces',
    get: (req: Req) => IFNET.get(req.vnet).noSamePrefix,
    set: (req: Req, value) => {
      IFNET.get(req.vnet).noSamePrefix = value;
    },
  }),
  sysctlBool<Vnet>({
    name: 'net.inet.ip.random_id',
    flags: RW | CTLFLAG_VNET,
    descr: 'Assign random ip_id values',
    get: (req: Req) => IP.get(req.vnet).ids.random,
    set: (req: Req, value) => {
      IP.get(req.vnet).ids.random = value;
    },
  }),
  sysctlUint<Vnet>({
    name: 'net.inet.ip.intr_queue_maxlen',
    flags: RW,
    descr: 'Maximum size of the IP input queue',
    get: (req: Req) => req.vnet.kernel.service(NETISR).getQlimit(NETISR_IP),
    set: (req: Req, value) => (value < 1 ? EINVAL : req.vnet.kernel.service(NETISR).setQlimit(NETISR_IP, value)),
  }),
  sysctlInt<Vnet>({
    name: 'net.inet.ip.intr_queue_drops',
    flags: CTLFLAG_RD | CTLFLAG_STATS,
    descr: 'Number of packets dropped from the IP input queue',
    get: (req: Req) => req.vnet.kernel.service(NETISR).getQdrops(NETISR_IP),
  }),
  sysctlStats<Vnet, object>({ name: 'net.inet.ip.stats', flags: RW | CTLFLAG_VNET, format: 'S,ipstat', descr: 'IP statistics', of: (req: Req) => IP.get(req.vnet).stat }),
];

const fragments: readonly SysctlDecl<Vnet>[] = [
  frag.int('maxfragpackets', 'maxfragpackets', RW, 'Maximum number of IPv4 fragment reassembly queue entries', { min: -1 }),
  frag.int('maxfrags', 'maxfrags', RW, 'Maximum number of IPv4 fragments allowed across all reassembly queues', { min: -1 }),
  frag.int('maxfragsperpacket', 'maxfragsperpacket', RW, 'Maximum number of IPv4 fragments allowed per packet', { min: 0 }),
  frag.int('maxfragbucketsize', 'maxfragbucketsize', RW, 'Maximum number of IPv4 fragment reassembly queue entries per bucket', { min: 1 }),
  frag.int('fragttl', 'fragttl', RW, 'IP fragment life time on reassembly queue (seconds)', { min: 1, max: 255 }),
  frag.int('fragpackets', 'fragpackets', CTLFLAG_RD | CTLFLAG_STATS, 'Current number of IPv4 fragment reassembly queue entries'),
  frag.int('curfrags', 'curfrags', CTLFLAG_RD | CTLFLAG_STATS, 'Current number of IPv4 fragments across all reassembly queues'),
];

const icmpVars: readonly SysctlDecl<Vnet>[] = [
  icmp.int('icmplim', 'icmplim', RW, 'Maximum number of ICMP responses per second', { min: 0 }),
  icmp.bool('icmplim_output', 'icmplimOutput', RW, 'Enable logging of ICMP response rate limiting'),
  icmp.bool('maskrepl', 'maskrepl', RW, 'Reply to ICMP Address Mask Request packets'),
  icmp.uint('maskfake', 'maskfake', RW, 'Fake reply to ICMP Address Mask Request packets'),
  icmp.bool('drop_redirect', 'dropRedirect', RW, 'Ignore ICMP redirects'),
  icmp.bool('log_redirect', 'logRedirect', RW, 'Log ICMP redirects to the console'),
  icmp.int('redirtimeout', 'redirtimeout', RW, 'Delay in seconds before expiring redirect route', { min: 0, max: 86400 * 365 }),
  icmp.int('quotelen', 'quotelen', RW, 'Number of bytes from original packet to quote in ICMP reply', { min: 8, max: 65535 }),
  icmp.bool('bmcastecho', 'bmcastecho', RW, 'Reply to multicast ICMP Echo Request and Timestamp packets'),
  icmp.bool('tstamprepl', 'tstamprepl', RW, 'Respond to ICMP Timestamp packets'),
  icmp.bool('reply_from_interface', 'replyFromInterface', RW, 'ICMP reply from incoming interface for non-local packets'),
  icmp.string('reply_src', 'replySrc', RW, 'ICMP reply source for non-local packets', { max: 15 }),
  sysctlStats<Vnet, object>({ name: 'net.inet.icmp.stats', flags: RW | CTLFLAG_VNET, format: 'S,icmpstat', descr: 'ICMP statistics', of: (req: Req) => IP.get(req.vnet).icmpstat }),
];

const igmpVars: readonly SysctlDecl<Vnet>[] = [
  igmp.int('default_version', 'igmpVersion', RW, 'Default version of IGMP to run on each interface', { min: 2, max: 3 }),
  sysctlStats<Vnet, object>({ name: 'net.inet.igmp.stats', flags: RW | CTLFLAG_VNET, format: 'S,igmpstat', descr: 'IGMP statistics', of: (req: Req) => IP.get(req.vnet).igmpstat }),
];

/** net.inet.ip.* and net.inet.icmp.*. */
export const ipSysctls: readonly SysctlDecl<Vnet>[] = [...general, ...fragments, ...icmpVars, ...igmpVars];
