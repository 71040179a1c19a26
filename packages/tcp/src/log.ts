import type { InPkt } from '@ns/inpcb';
import { LOG_DEBUG, LOG_INFO } from '@ns/kern';
import { formatInAddr, type TcpHdr } from '@ns/wire';
import type { Segment } from './segment.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** Names of the flag bits from bit 0, as FreeBSD's PRINT_TH_FLAGS has them. */
const FLAG_NAMES: readonly string[] = Object.freeze(['FIN', 'SYN', 'RST', 'PUSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE']);

/** A segment to a closed port: said with net.inet.tcp.log_in_vain 1 for SYNs, 2 for all. Source: FreeBSD tcp_log_vain(). */
export function tcpLogVain(v: TcpVnet, seg: Segment, text: string): void {
  if (v.logInVain === 0) return;
  v.vnet.log.log(LOG_INFO, 'tcp', `${describe(seg)}; tcp_input: ${text}`);
}

/** Something wrong with a segment: said with net.inet.tcp.log_debug. Independent of log_in_vain. Source: FreeBSD tcp_log_addrs(). */
export function tcpLogAddrs(v: TcpVnet, seg: Segment, where: string, text: string): void {
  if (!v.logDebug) return;
  v.vnet.log.log(LOG_DEBUG, 'tcp', `${describe(seg)}; ${where}: ${text}`);
}

function describe(seg: Segment): string {
  const pkt = seg.pkt as InPkt;
  const th = seg.th;
  const from = `[${formatInAddr(pkt.srcAddr())}]:${th.sport}`;
  return `TCP: ${from} to [${formatInAddr(pkt.dstAddr())}]:${th.dport} tcpflags ${flagText(th)}`;
}

function flagText(th: TcpHdr): string {
  const names = FLAG_NAMES.filter((_, bit) => ((th.flags >>> bit) & 1) !== 0);
  return `0x${th.flags.toString(16)}<${names.join(',')}>`;
}
