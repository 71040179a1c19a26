import type { EndpointSnapshot, SocketsSnapshot, SocketSnapshot } from '../snapshot/sockets.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { centiseconds, left, right, vis } from '../text/format.ts';
import { familyLabel, familyMatches, hostText, isAnyText, portText, protocolLabel } from './protocol.ts';

/** What `netstat` shows of sockets. @public */
export interface NetstatOptions {
  /** Servers too (-a). */
  readonly all?: boolean;
  /** Ports as numbers (-n). */
  readonly numeric?: boolean;
  /** Only this protocol (-p). */
  readonly protocol?: string | null;
  /** Only sockets that speak this family (-4, -6, -f). */
  readonly family?: 'inet' | 'inet6' | null;
  /** Sizes of listen queues (-L). */
  readonly listen?: boolean;
  /** Buffers and timers (-x). */
  readonly buffers?: boolean;
  /** Flow ids (-R). */
  readonly flows?: boolean;
  /** Counters of trouble (-T). */
  readonly trouble?: boolean;
  /** Congestion control (-C). */
  readonly congestion?: boolean;
  /** Do not cut addresses (-W). */
  readonly wide?: boolean;
}

const BUFFER_HEADS: readonly string[] = ['R-MBUF', 'S-MBUF', 'R-CLUS', 'S-CLUS', 'R-HIWA', 'S-HIWA', 'R-LOWA', 'S-LOWA', 'R-BCNT', 'S-BCNT', 'R-BMAX', 'S-BMAX'];
const TIMER_HEADS: readonly string[] = ['rexmt', 'persist', 'keep', '2msl', 'delack', 'rcvtime'];
/** Columns of an address with its port. */
const ADDR_WIDTH = 22;
const WIDE_WIDTH = 45;

/** Characters of a host that are kept in front of the port. Source: FreeBSD netstat/inet.c, inetprint(). */
const hostMax = (o: NetstatOptions): number => (o.wide === true ? 39 : 16);

function address(e: EndpointSnapshot, o: NetstatOptions): string {
  const width = o.wide === true ? WIDE_WIDTH : ADDR_WIDTH;
  return left(`${hostText(e).slice(0, hostMax(o))}.${portText(e.port, o.numeric === true)}`, width, width);
}

function titles(o: NetstatOptions): string {
  return o.listen === true ? 'Current listen queue sizes (qlen/incqlen/maxqlen)' : `Active Internet connections${o.all === true ? ' (including servers)' : ''}`;
}

function header(o: NetstatOptions): string {
  const width = o.wide === true ? WIDE_WIDTH : ADDR_WIDTH;
  if (o.listen === true) return `${left('Proto', 5)} ${left('Listen', 32)} ${left('Local Address', width)}`;
  const queues = o.trouble === true ? ['Rexmit', 'OOORcv', '0-win'] : ['Recv-Q', 'Send-Q'];
  let line = `${left('Proto', 5)} ${queues.map((q) => left(q, 6)).join(' ')} ${left('Local Address', width)} ${left('Foreign Address', width)}`;
  if (o.buffers === true) line += ` ${BUFFER_HEADS.map((h) => left(h, 6)).join(' ')} ${TIMER_HEADS.map((h) => right(h, 7)).join(' ')}`;
  else if (o.flows === true) line += ` ${right('flowid', 8)} ${right('ftype', 5)}`;
  else if (o.trouble !== true) line += ` ${left('(state)', 11)}`;
  if (o.congestion === true) line += ` ${left('CC', 16)} ${right('cwin', 10)} ${right('ssthresh', 10)} ${right('MSS', 5)} ${right('ECN', 3)}`;
  return line;
}

function bufferColumns(s: SocketSnapshot): string {
  const { recv: r, send: t } = s;
  const cells = [r.mbufs, t.mbufs, r.clusters, t.clusters, r.hiwat, t.hiwat, r.lowat, t.lowat, r.mbcnt, t.mbcnt, r.mbmax, t.mbmax];
  const line = cells.map((n) => ` ${right(n, 6)}`).join('');
  if (s.tcp === null) return line;
  const { rexmt, persist, keep, '2msl': msl, delack, rcvtime } = s.tcp.timers;
  return line + [rexmt, persist, keep, msl, delack, rcvtime].map((us) => ` ${centiseconds(us ?? 0)}`).join('');
}

function row(s: SocketSnapshot, o: NetstatOptions): string {
  const proto = left(protocolLabel(s), 3, 3) + left(familyLabel(s), 2, 2);
  if (o.listen === true) {
    const l = s.listen;
    return `${proto} ${left(`${l?.qlen ?? 0}/${l?.incqlen ?? 0}/${l?.maxqlen ?? 0}`, 32)} ${address(s.local, o)}`;
  }
  const t = s.tcp;
  const queues = o.trouble === true ? [t?.rexmitPackets ?? 0, t?.outOfOrderPackets ?? 0, t?.zeroWindows ?? 0] : [s.recv.cc, s.send.cc];
  let line = `${proto} ${queues.map((n) => right(n, 6)).join(' ')} ${address(s.local, o)} ${address(s.foreign, o)}`;
  if (o.buffers === true) line += bufferColumns(s);
  else if (o.flows === true) line += ` ${(s.flowid >>> 0).toString(16).padStart(8, '0')} ${right(s.flowtype, 5)}`;
  else if (o.trouble !== true && t !== null) line += ` ${left(vis(t.state), 11)}${t.hidden ? '*' : ''}`;
  if (o.congestion === true && t !== null) {
    line += ` ${left(vis(t.cc), 16, 16)} ${right(t.cwnd, 10)} ${right(t.ssthresh, 10)} ${right(t.mss, 5)} ${right(t.ecn, 3)}`;
  }
  return line;
}

/** Whether -p NAME means this socket. `ip` and `raw` mean all raw sockets. */
function protocolMatches(s: SocketSnapshot, protocol: string | null): boolean {
  if (protocol === null || s.protocol === protocol) return true;
  return (protocol === 'ip' || protocol === 'raw') && s.protocol !== 'tcp' && s.protocol !== 'udp';
}

function shown(s: SocketSnapshot, o: NetstatOptions): boolean {
  if (!protocolMatches(s, o.protocol ?? null) || !familyMatches(s, o.family ?? null)) return false;
  if (o.listen === true) return s.listen !== null;
  return o.all === true || !(s.tcp?.state === 'LISTEN' || isAnyText(s.local.address));
}

/** Sockets as netstat(1) shows them; the empty text if there is none to show. Source: FreeBSD netstat/inet.c, protopr(). @public */
export function renderNetstat(s: SocketsSnapshot, o: NetstatOptions = {}): string {
  checkSnapshot('netstat', s);
  const rows = s.sockets.filter((x) => shown(x, o)).map((x) => row(x, o));
  if (rows.length === 0) return '';
  return `${[titles(o), header(o), ...rows].join('\n')}\n`;
}
