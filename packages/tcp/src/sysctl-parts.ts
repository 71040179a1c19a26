import { ECONNABORTED, EINVAL, ENOENT, ESRCH } from '@ns/errno';
import { inPcbLookupExact, type InpcbInfo } from '@ns/inpcb';
import type { Kernel, Vnet } from '@ns/kern';
import { sysctlGetcred, sysctlReqCred } from '@ns/socket';
import {
  CTLFLAG_NOFETCH,
  CTLFLAG_RD,
  CTLFLAG_RDTUN,
  CTLFLAG_RW,
  CTLFLAG_RWTUN,
  CTLFLAG_SKIP,
  CTLFLAG_VNET,
  CTLFLAG_WR,
  type SysctlDecl,
  sysctlInt,
  sysctlOpaque,
  type SysctlReq,
  sysctlStats,
  sysctlString,
  sysctlVars,
} from '@ns/sysctl';
import { AF_INET, AF_INET6, parseSockaddr, type Sockaddr } from '@ns/wire';
import type { HostCache } from './hostcache.ts';
import type { TcpOverUdp } from './over-udp.ts';
import type { ReassState } from './reass.ts';
import { tcpPcblist } from './snapshot.ts';
import { tcpClose, tcpDrop } from './subr.ts';
import type { Syncache } from './syncache.ts';
import { Tcpcb, TCPS_TIME_WAIT } from './tcpcb.ts';
import { TCP, type TcpVnet } from './tcp-vnet.ts';
import { tcbHashSize } from './tunables.ts';

const PREFIX = 'net.inet.tcp';
const RW = CTLFLAG_RW | CTLFLAG_VNET;
const RD = CTLFLAG_RD | CTLFLAG_VNET;

const of = (req: SysctlReq<Vnet>): TcpVnet => TCP.get(req.vnet);

const reass = sysctlVars<Vnet, ReassState>(`${PREFIX}.reass`, (req) => of(req).reass, CTLFLAG_VNET);
const syncache = sysctlVars<Vnet, Syncache>(`${PREFIX}.syncache`, (req) => of(req).syncache, CTLFLAG_VNET);
const tunnel = sysctlVars<Vnet, TcpOverUdp>(PREFIX, (req) => of(req).overUdp, CTLFLAG_VNET);
const hostcache = sysctlVars<Vnet, HostCache>(`${PREFIX}.hostcache`, (req) => of(req).hostcache, CTLFLAG_VNET);

/** A size that a boot tunable sets, read when the vnet's TCP is made. */
function size(name: string, descr: string, get: (v: TcpVnet) => number): SysctlDecl<Vnet> {
  return sysctlInt<Vnet>({ name: `${PREFIX}.${name}`, flags: CTLFLAG_RDTUN | CTLFLAG_NOFETCH | CTLFLAG_VNET, descr, get: (req) => get(of(req)) });
}

/** Read-only number `get(v)`. */
function gauge(name: string, descr: string, get: (v: TcpVnet) => number): SysctlDecl<Vnet> {
  return sysctlInt<Vnet>({ name: `${PREFIX}.${name}`, flags: RD, descr, get: (req) => get(of(req)) });
}

const queues: readonly SysctlDecl<Vnet>[] = [
  reass.int('maxsegments', 'maxsegments', CTLFLAG_RWTUN, 'Global maximum number of TCP Segments in Reassembly Queue', { min: 1 }),
  reass.int('cursegments', 'cursegments', CTLFLAG_RD, 'Global number of TCP Segments currently in Reassembly Queue'),
  reass.int('maxqueuelen', 'maxqueuelen', CTLFLAG_RW, 'Maximum number of TCP Segments per Reassembly Queue', { min: 1 }),
  reass.bool('new_limit', 'newLimit', CTLFLAG_RW, 'Refuse small segments that close no gap once a queue has queueguard segments'),
  reass.int('queueguard', 'queueguard', CTLFLAG_RW, 'Number of TCP Segments in Reassembly Queue where we flip over to guard mode', { min: 0 }),
  syncache.bool('see_other', 'seeOther', CTLFLAG_RW, 'All syncache(4) entries are visible, ignoring UID/GID, jail(2) and mac(4) checks'),
  syncache.int('count', 'count', CTLFLAG_RD, 'Current number of entries in syncache'),
  syncache.int('rexmtlimit', 'rexmtLimit', CTLFLAG_RW, 'Limit on SYN/ACK retransmissions', { min: 0, max: 12 }),
  syncache.bool('rst_on_sock_fail', 'rstOnSockFail', CTLFLAG_RW, 'Send reset on socket allocation failure'),
  size('syncache.hashsize', 'Size of TCP syncache hashtable', (v) => v.syncache.limits.hashsize),
  size('syncache.bucketlimit', 'Per-bucket hash limit for syncache', (v) => v.syncache.limits.bucketlimit),
  size('syncache.cachelimit', 'Overall entry limit for syncache', (v) => v.syncache.limits.cachelimit),
];

const hostCache: readonly SysctlDecl<Vnet>[] = [
  hostcache.bool('enable', 'enable', CTLFLAG_RW, 'Enable the TCP hostcache'),
  hostcache.int('count', 'count', CTLFLAG_RD, 'Current number of entries in hostcache'),
  hostcache.int('expire', 'expireSec', CTLFLAG_RW, 'Expire time of TCP hostcache entries', { min: 1 }),
  hostcache.int('prune', 'pruneSec', CTLFLAG_RW, 'Time between purge runs', { min: 1 }),
  hostcache.bool('purge', 'purgeAll', CTLFLAG_RW, 'Expire all entries on next purge run'),
  size('hostcache.hashsize', 'Size of TCP hostcache hashtable', (v) => v.hostcache.limits.hashsize),
  size('hostcache.bucketlimit', 'Per-bucket hash limit for hostcache', (v) => v.hostcache.limits.bucketlimit),
  size('hostcache.cachelimit', 'Overall entry limit for hostcache', (v) => v.hostcache.limits.cachelimit),
  sysctlInt<Vnet>({
    name: `${PREFIX}.hostcache.purgenow`,
    flags: RW,
    descr: 'Immediately purge all entries',
    get: () => 0,
    set: (req) => of(req).hostcache.purge(),
  }),
  sysctlString<Vnet>({
    name: `${PREFIX}.hostcache.list`,
    flags: RD | CTLFLAG_SKIP,
    descr: 'List of both hits and misses of the TCP hostcache',
    get: (req) => of(req).hostcache.list(),
  }),
];

const overUdp: readonly SysctlDecl<Vnet>[] = [
  sysctlInt<Vnet>({
    name: `${PREFIX}.udp_tunneling_port`,
    flags: RW,
    min: 0,
    max: 65535,
    descr: 'Tunneling port for tcp over udp',
    get: (req) => of(req).overUdp.port,
    set: (req, value) => of(req).overUdp.setPort(value),
  }),
  tunnel.int('udp_tunneling_overhead', 'overhead', CTLFLAG_RW, 'MSS reduction when using tcp over udp', { min: 8, max: 1024 }),
];

/** The boot tunable net.inet.tcp.soreceive_stream. */
export const soreceiveStream = (kernel: Kernel): boolean => kernel.sysctl.tunables.int(`${PREFIX}.soreceive_stream`, 0) !== 0;

const infoOf = (vnet: Vnet): InpcbInfo => TCP.get(vnet).pcbinfo;

const lists: readonly SysctlDecl<Vnet>[] = [
  sysctlInt<Vnet>({
    name: `${PREFIX}.isn_reseed_interval`,
    flags: RW,
    min: 0,
    descr: 'Seconds between reseeding of ISN secret',
    get: (req) => of(req).isn.reseedIntervalSec,
    set: (req, value) => {
      of(req).isn.reseedIntervalSec = value;
    },
  }),
  sysctlInt<Vnet>({
    name: `${PREFIX}.soreceive_stream`,
    flags: CTLFLAG_RDTUN | CTLFLAG_NOFETCH,
    descr: 'Using soreceive_stream for TCP sockets',
    get: (req) => (soreceiveStream(req.vnet.kernel) ? 1 : 0),
  }),
  sysctlInt<Vnet>({
    name: `${PREFIX}.tcbhashsize`,
    flags: CTLFLAG_RDTUN | CTLFLAG_NOFETCH,
    descr: 'Size of TCP control-block hashtable',
    get: (req) => tcbHashSize(req.vnet.kernel),
  }),
  gauge('pcbcount', 'Number of active PCBs', (v) => v.pcbinfo.count),
  sysctlOpaque<Vnet, number[]>({ name: `${PREFIX}.states`, flags: RD, descr: 'TCP connection counts by TCP state', get: (req) => [...of(req).states] }),
  sysctlStats<Vnet, object>({ name: `${PREFIX}.stats`, flags: RW, format: 'S,tcpstat', descr: 'TCP statistics (struct tcpstat, netinet/tcp_var.h)', of: (req) => of(req).stat }),
  sysctlOpaque<Vnet, object>({
    name: `${PREFIX}.pcblist`,
    flags: RD | CTLFLAG_SKIP,
    format: 'S,xtcpcb',
    descr: 'List of active TCP connections',
    get: (req) => tcpPcblist(req.vnet, sysctlReqCred(req)),
  }),
  sysctlGetcred({ name: `${PREFIX}.getcred`, descr: 'Get the xucred of a TCP connection', af: AF_INET, infoOf }),
  sysctlGetcred({ name: 'net.inet6.tcp6.getcred', descr: 'Get the xucred of a TCP6 connection', af: AF_INET6, infoOf }),
  sysctlString<Vnet>({ name: `${PREFIX}.functions_available`, flags: RD, descr: 'list available TCP Function sets', get: functionsAvailable }),
  sysctlString<Vnet>({
    name: `${PREFIX}.functions_default`,
    flags: RW,
    descr: 'Set/get the default TCP functions',
    get: (req) => of(req).fbDefault.name,
    set: (req, name) => {
      const fb = of(req).functions.find(name);
      if (fb === null) return ENOENT;
      of(req).fbDefault = fb;
      return 0;
    },
  }),
  sysctlOpaque<Vnet, object>({
    name: `${PREFIX}.function_info`,
    flags: RD | CTLFLAG_SKIP,
    format: 'S,tcp_function_info',
    descr: 'List TCP function block name-to-ID mappings',
    get: (req) => of(req).functions.available(),
  }),
  sysctlString<Vnet>({
    name: `${PREFIX}.drop`,
    flags: CTLFLAG_WR | CTLFLAG_VNET | CTLFLAG_SKIP,
    descr: 'Drop TCP connection: local and foreign address, each as address:port',
    set: dropConnection,
  }),
];

function functionsAvailable(req: SysctlReq<Vnet>): string {
  const head = `\n${'Stack'.padEnd(32)}${'D'} ${'Alias'.padEnd(32)} PCB count`;
  const v = of(req);
  const rows = v.functions.available().map((f) => `\n${f.name.padEnd(32)}${f.name === v.fbDefault.name ? '*' : ' '} ${f.alias.padEnd(32)} ${f.pcbs}`);
  return head + rows.join('');
}

/** What tcpdrop(8) does: ESRCH if there is no such connection. Source: FreeBSD sysctl_drop(). */
function dropConnection(req: SysctlReq<Vnet>, text: string): number {
  const [local, foreign] = text.trim().split(/\s+/).map(parseSockaddr);
  if (local === undefined || foreign === undefined || local === null || foreign === null) return EINVAL;
  return tcpDropConnection(req.vnet, local, foreign);
}

/** Ends the connection between two addresses: with a reset, or silently if it is in TIME_WAIT. Returns ESRCH if there is none. @public */
export function tcpDropConnection(vnet: Vnet, local: Sockaddr, foreign: Sockaddr): number {
  const inp = inPcbLookupExact(TCP.get(vnet).pcbinfo, foreign.addr, foreign.port, local.addr, local.port);
  if (inp === null || !(inp.ppcb instanceof Tcpcb)) return ESRCH;
  const tp = inp.ppcb;
  if (tp.state === TCPS_TIME_WAIT) tcpClose(tp);
  else tcpDrop(tp, ECONNABORTED);
  return 0;
}

/** The sysctls of TCP's parts. */
export const tcpPartSysctls: readonly SysctlDecl<Vnet>[] = Object.freeze([...queues, ...hostCache, ...overUdp, ...lists]);
