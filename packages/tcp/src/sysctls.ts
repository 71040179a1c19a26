import { ESRCH } from '@ns/errno';
import { inPcbInfoSysctl } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlString, sysctlVars } from '@ns/sysctl';
import { TCP, type TcpVnet } from './tcp-vnet.ts';

const PREFIX = 'net.inet.tcp';
/** Largest number of milliseconds. */
const MS = { min: 1, max: 2147483647 } as const;

const of = (req: SysctlReq<Vnet>): TcpVnet => TCP.get(req.vnet);
const RW = CTLFLAG_RW | CTLFLAG_VNET;
const RD = CTLFLAG_RD | CTLFLAG_VNET;

const t = sysctlVars<Vnet, TcpVnet>(PREFIX, of, CTLFLAG_VNET);

function flag(name: string, field: BoolField, descr: string): SysctlDecl<Vnet> {
  return t.bool(name, field, CTLFLAG_RW, descr);
}
type BoolField = { [K in keyof TcpVnet]: TcpVnet[K] extends boolean ? K : never }[keyof TcpVnet];
type NumField = { [K in keyof TcpVnet]: TcpVnet[K] extends number ? (number extends TcpVnet[K] ? K : never) : never }[keyof TcpVnet];

function ms(name: string, field: NumField, descr: string): SysctlDecl<Vnet> {
  return t.int(name, field, CTLFLAG_RW, descr, MS);
}

/** Timers. */
const timers: readonly SysctlDecl<Vnet>[] = [
  flag('always_keepalive', 'alwaysKeepalive', 'Assume SO_KEEPALIVE on all TCP connections'),
  ms('keepidle', 'keepidleMs', 'time before keepalive probes begin'),
  ms('keepintvl', 'keepintvlMs', 'time between keepalive probes'),
  ms('keepinit', 'keepinitMs', 'time to establish connection'),
  t.int('keepcnt', 'keepcnt', CTLFLAG_RW, 'Number of keepalive probes to send', { min: 1, max: 255 }),
  ms('msl', 'mslMs', 'Maximum segment lifetime'),
  flag('delayed_ack', 'delayedAck', 'Delay ACK to try and piggyback it onto a data packet'),
  ms('delacktime', 'delacktimeMs', 'Time before a delayed ACK is sent'),
  ms('rexmit_initial', 'rexmitInitialMs', 'Initial Retransmission Timeout'),
  ms('rexmit_min', 'rexmitMinMs', 'Minimum Retransmission Timeout'),
  t.int('rexmit_slop', 'rexmitSlopMs', CTLFLAG_RW, 'Retransmission Timer Slop', { min: 0, max: 60000 }),
  t.int('retries', 'retries', CTLFLAG_RW, 'maximum number of consecutive timer based retransmissions', { min: 1, max: 12 }),
  t.int('maxunacktime', 'maxunacktimeMs', CTLFLAG_RW, 'Maximum time (in ms) that a session can linger without making progress', { min: 0 }),
  flag('rexmit_drop_options', 'rexmitDropOptions', 'Drop TCP options from 3rd and later retransmitted SYN'),
  ms('persmin', 'persminMs', 'minimum persistence interval'),
  ms('persmax', 'persmaxMs', 'maximum persistence interval'),
  ms('finwait2_timeout', 'finwait2TimeoutMs', 'FIN-WAIT2 timeout'),
  flag('fast_finwait2_recycle', 'fastFinwait2Recycle', 'Recycle closed FIN_WAIT_2 connections faster'),
  t.int('maxtcptw', 'maxtcptw', CTLFLAG_RW, 'Maximum number of compressed TCP TIME_WAIT entries', { min: 1, max: 1048576 }),
  flag('nolocaltimewait', 'nolocaltimewait', 'Do not create TCP TIME_WAIT state for local connections'),
];

/** Segment size and options. */
const segments: readonly SysctlDecl<Vnet>[] = [
  t.int('mssdflt', 'mssdflt', CTLFLAG_RW, 'Default TCP Maximum Segment Size', { min: 216, max: 65495 }),
  t.int('v6mssdflt', 'v6mssdflt', CTLFLAG_RW, 'Default TCP Maximum Segment Size for IPv6', { min: 216, max: 65475 }),
  t.int('minmss', 'minmss', CTLFLAG_RW, 'Minimum TCP Maximum Segment Size', { min: 0, max: 65495 }),
  flag('path_mtu_discovery', 'pathMtuDiscovery', 'Enable Path MTU Discovery'),
  flag('pmtud_blackhole_detection', 'pmtudBlackholeDetection', 'Path MTU Discovery Black Hole Detection Enabled'),
  t.int('pmtud_blackhole_mss', 'pmtudBlackholeMss', CTLFLAG_RW, 'Path MTU Discovery Black Hole Detection lowered MSS', { min: 216, max: 65495 }),
  t.int('v6pmtud_blackhole_mss', 'v6pmtudBlackholeMss', CTLFLAG_RW, 'Path MTU Discovery IPv6 Black Hole Detection lowered MSS', { min: 216, max: 65475 }),
  t.int('rfc1323', 'rfc1323', CTLFLAG_RW, 'Enable rfc1323 (high performance TCP) extensions'),
  flag('tolerate_missing_ts', 'tolerateMissingTs', 'Tolerate missing TCP timestamps'),
  flag('ts_offset_per_conn', 'tsOffsetPerConn', 'Initialize TCP timestamps per connection instead of per host pair'),
  flag('tso', 'tso', 'Enable TCP Segmentation Offload'),
];

/** Congestion control and loss recovery. */
const congestion: readonly SysctlDecl<Vnet>[] = [
  flag('rfc3042', 'doRfc3042', 'Enable RFC 3042 (Limited Transmit)'),
  flag('rfc3390', 'doRfc3390', "Enable RFC 3390 (Increasing TCP's Initial Congestion Window)"),
  flag('rfc3465', 'doRfc3465', 'Enable RFC 3465 (Appropriate Byte Counting)'),
  t.int('abc_l_var', 'abcLVar', CTLFLAG_RW, 'Cap the max cwnd increment during slow-start to this number of segments', { min: 1, max: 100 }),
  t.int('initcwnd_segments', 'initcwndSegments', CTLFLAG_RW, 'Slow-start flight size (initial congestion window) in number of segments', { min: 0, max: 1000 }),
  flag('newcwv', 'newcwv', 'Enable New Congestion Window Validation per RFC7661'),
  flag('do_prr', 'doPrr', 'Enable Proportional Rate Reduction per RFC 6937'),
  flag('sack.enable', 'sackEnable', 'Enable/Disable TCP SACK support'),
  flag('sack.lrd', 'sackLrd', 'Perform Lost Retransmission Detection'),
  t.int('sack.maxholes', 'sackMaxholes', CTLFLAG_RW, 'Maximum number of TCP SACK holes allowed per connection', { min: 1, max: 65536 }),
  t.int('sack.globalmaxholes', 'sackGlobalmaxholes', CTLFLAG_RW, 'Global maximum number of TCP SACK holes', { min: 1, max: 1048576 }),
  t.int('sack.globalholes', 'sackGlobalholes', CTLFLAG_RD, 'Global number of TCP SACK holes currently allocated'),
  flag('functions_inherit_listen_socket_stack', 'functionsInherit', "Inherit listen socket's stack"),
  t.int('map_limit', 'mapLimit', CTLFLAG_RW, 'Sendmap entries limit of a connection', { min: 128, max: 1048576 }),
  t.int('ecn.enable', 'ecnEnable', CTLFLAG_RW, 'TCP ECN support', { min: 0, max: 2 }),
  t.int('ecn.maxretries', 'ecnMaxretries', CTLFLAG_RW, 'Max retries before giving up on ECN', { min: 0, max: 12 }),
  sysctlString<Vnet>({
    name: `${PREFIX}.cc.algorithm`,
    flags: RW,
    descr: 'Default congestion control algorithm',
    get: (req) => of(req).ccDefault.name,
    set: (req, name) => {
      const algo = of(req).cc.find(name);
      if (algo === null) return ESRCH;
      of(req).ccDefault = algo;
      return 0;
    },
  }),
  sysctlString<Vnet>({ name: `${PREFIX}.cc.available`, flags: RD, descr: 'List available congestion control algorithms', get: ccAvailable }),
];

/** Table of algorithms: `D` marks the vnet's default. */
function ccAvailable(req: SysctlReq<Vnet>): string {
  const v = of(req);
  const rows = v.cc.available().map((a) => `\n${a.name.padEnd(16)}${a.name === v.ccDefault.name ? '*' : ' '} ${a.pcbs}`);
  return `\n${'CCmod'.padEnd(16)}D PCB count${rows.join('')}`;
}

/** Buffers. */
const buffers: readonly SysctlDecl<Vnet>[] = [
  t.ulong('sendspace', 'sendspace', CTLFLAG_RW, 'Initial send socket buffer size', { min: 1 }),
  t.ulong('recvspace', 'recvspace', CTLFLAG_RW, 'Initial receive socket buffer size', { min: 1 }),
  flag('sendbuf_auto', 'sendbufAuto', 'Enable automatic send buffer sizing'),
  flag('sendbuf_auto_lowat', 'sendbufAutoLowat', 'Modify threshold for auto send buffer growth to account for SO_SNDLOWAT'),
  t.int('sendbuf_inc', 'sendbufInc', CTLFLAG_RW, 'Incrementor step size of automatic send buffer', { min: 1 }),
  t.int('sendbuf_max', 'sendbufMax', CTLFLAG_RW, 'Max size of automatic send buffer', { min: 1 }),
  flag('recvbuf_auto', 'recvbufAuto', 'Enable automatic receive buffer sizing'),
  t.int('recvbuf_max', 'recvbufMax', CTLFLAG_RW, 'Max size of automatic receive buffer', { min: 1 }),
  flag('do_tcpdrain', 'doTcpdrain', 'Enable tcp_drain routine for extra help when low on mbufs'),
];

/** What is answered, believed and logged. */
const behaviour: readonly SysctlDecl<Vnet>[] = [
  t.int('blackhole', 'blackhole', CTLFLAG_RW, 'Do not send RST on segments to closed ports (1: SYNs, 2: all, 3: nor to listeners)', { min: 0, max: 3 }),
  flag('blackhole_local', 'blackholeLocal', 'Enforce net.inet.tcp.blackhole for locally originated packets'),
  flag('drop_synfin', 'dropSynfin', 'Drop TCP packets with SYN+FIN set'),
  flag('insecure_rst', 'insecureRst', 'Follow RFC793 instead of RFC5961 criteria for accepting RST packets'),
  flag('insecure_ack', 'insecureAck', 'Follow RFC793 criteria for validating SEG.ACK'),
  flag('insecure_syn', 'insecureSyn', 'Follow RFC793 instead of RFC5961 criteria for accepting SYN packets'),
  t.int('ack_war_cnt', 'ackWarCnt', CTLFLAG_RW, 'Maximum number of challenge ACKs sent per connection during the time interval (ack_war_timewindow)', { min: 0 }),
  t.int('ack_war_timewindow', 'ackWarTimewindowMs', CTLFLAG_RW, 'Time interval in ms used to limit the number (ack_war_cnt) of challenge ACKs', { min: 0 }),
  flag('icmp_may_rst', 'icmpMayRst', 'Certain ICMP unreachable messages may abort connections in SYN_SENT'),
  flag('require_unique_port', 'requireUniquePort', 'Require globally-unique ephemeral port for outgoing connections'),
  t.int('log_in_vain', 'logInVain', CTLFLAG_RW, 'Log all incoming TCP segments to closed ports', { min: 0, max: 2 }),
  flag('log_debug', 'logDebug', 'Log errors caused by incoming TCP segments'),
  flag('syncookies', 'syncookies', 'Use TCP SYN cookies if the syncache overflows'),
  flag('syncookies_only', 'syncookiesOnly', 'Use only TCP SYN cookies'),
];

/** Values of net.inet.tcp that are fields of {@link TcpVnet}. */
export const tcpValueSysctls: readonly SysctlDecl<Vnet>[] = Object.freeze([inPcbInfoSysctl(PREFIX, (req) => of(req).pcbinfo), ...timers, ...segments, ...congestion, ...buffers, ...behaviour]);
