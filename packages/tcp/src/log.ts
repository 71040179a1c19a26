import type { InPkt } from '@ns/inpcb';
import { LOG_DEBUG, LOG_INFO } from '@ns/kern';
import { formatInAddr, type InAddr, type TcpHdr } from '@ns/wire';
import type { Segment } from './segment.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** Names of the flag bits from bit 0, as FreeBSD's PRINT_TH_FLAGS has them. */
const FLAG_NAMES: readonly string[] = Object.freeze(['FIN', 'SYN', 'RST', 'PUSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE']);
/** Lines in a second that either switch may cause: a peer decides how often its segments are wrong. */
const MAX_PER_SECOND = 20;

/** The two ends of a connection that has no segment at hand. */
export interface Ends {
  readonly laddr: InAddr;
  readonly lport: number;
  readonly faddr: InAddr;
  readonly fport: number;
}

/** A segment to a closed port: said with net.inet.tcp.log_in_vain 1 for SYNs, 2 for all. Whatever log_debug is. Source: FreeBSD tcp_log_vain(). */
export function tcpLogVain(v: TcpVnet, seg: Segment, text: string): void {
  const { log } = v.vnet;
  if (v.logInVain === 0 || log.levelOf('tcp') < LOG_INFO) return;
  log.ratelimited(v.vainLimit, MAX_PER_SECOND, LOG_INFO, 'tcp', `${describeSegment(seg)}; tcp_input: ${text}`);
}

/**
 * Something wrong with a segment: said with net.inet.tcp.log_debug, whatever log_in_vain is. `where` is FreeBSD's function. A text that is put together is the caller's to
 * guard with {@link tcpLogsDebug}. Source: FreeBSD tcp_log_addrs().
 */
export function tcpLogAddrs(v: TcpVnet, seg: Segment, where: string, text: string): void {
  if (tcpLogsDebug(v)) debug(v, describeSegment(seg), where, text);
}

/** The same about a connection, where no segment is the reason: without flags. Source: FreeBSD tcp_log_addrs() with no header. */
export function tcpLogEnds(v: TcpVnet, e: Ends, where: string, text: string): void {
  if (tcpLogsDebug(v)) debug(v, describe(e.faddr, e.fport, e.laddr, e.lport, null), where, text);
}

/** Whether {@link tcpLogAddrs} would say something. */
export function tcpLogsDebug(v: TcpVnet): boolean {
  return v.logDebug && v.vnet.log.levelOf('tcp') >= LOG_DEBUG;
}

function debug(v: TcpVnet, head: string, where: string, text: string): void {
  v.vnet.log.ratelimited(v.debugLimit, MAX_PER_SECOND, LOG_DEBUG, 'tcp', `${head}; ${where}: ${text}`);
}

function describeSegment(seg: Segment): string {
  const pkt = seg.pkt as InPkt;
  const th = seg.th;
  return describe(pkt.srcAddr(), th.sport, pkt.dstAddr(), th.dport, th);
}

/** The one form that both switches print. Source: FreeBSD tcp_log_addr(). */
function describe(src: InAddr, sport: number, dst: InAddr, dport: number, th: TcpHdr | null): string {
  const ends = `TCP: [${formatInAddr(src)}]:${sport} to [${formatInAddr(dst)}]:${dport}`;
  return th === null ? ends : `${ends} tcpflags ${flagText(th)}`;
}

function flagText(th: TcpHdr): string {
  const names = FLAG_NAMES.filter((_, bit) => ((th.flags >>> bit) & 1) !== 0);
  return `0x${th.flags.toString(16)}<${names.join(',')}>`;
}
