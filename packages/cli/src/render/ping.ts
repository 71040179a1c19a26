import {
  formatInAddr,
  formatInet4,
  getInAddr6,
  getIp6Flow,
  getIp6Hlim,
  getIp6Nxt,
  getIp6Plen,
  getIp6Tclass,
  getIpDst,
  getIpHlen,
  getIpId,
  getIpLen,
  getIpOff,
  getIpP,
  getIpSrc,
  getIpSum,
  getIpTos,
  getIpTtl,
  ICMP_PARAMPROB,
  ICMP_REDIRECT,
  ICMP_SOURCEQUENCH,
  ICMP_TIMXCEED,
  ICMP_UNREACH,
  type InAddr,
  IP6_DST_OFF,
  IP6_SRC_OFF,
  IPV6_VERSION,
} from '@ns/wire';
import type { PingError, PingReply, PingSummary } from '../ping/ping.ts';
import { vis } from '../text/format.ts';

/** First line: `PING 10.0.0.2 (10.0.0.2): 56 data bytes`. @public */
export function renderPingStart(host: string, address: string, size: number, source: string | null = null): string {
  return `PING ${vis(host)} (${address})${source === null ? '' : ` from ${source}`}: ${size} data bytes\n`;
}

/** An answer. Source: FreeBSD ping.c, pr_pack(). @public */
export function renderPingReply(r: PingReply): string {
  const time = r.rttUs === null ? '' : ` time=${(r.rttUs / 1000).toFixed(3)} ms`;
  const wrong = r.wrong === null ? '' : `\nwrong data byte #${r.wrong.index} should be 0x${r.wrong.want.toString(16)} but was 0x${r.wrong.got.toString(16)}`;
  return `${r.bytes} bytes from ${r.from}: icmp_seq=${r.seq} ttl=${r.ttl}${time}${r.duplicate ? ' (DUP!)' : ''}${wrong}\n`;
}

const UNREACH: readonly string[] = [
  'Destination Net Unreachable',
  'Destination Host Unreachable',
  'Destination Protocol Unreachable',
  'Destination Port Unreachable',
  '',
  'Source Route Failed',
  'Destination Net Unknown',
  'Destination Host Unknown',
  'Source Host Isolated',
  'Destination Net Administratively Prohibited',
  'Destination Host Administratively Prohibited',
  'Destination Net Unreachable for TOS',
  'Destination Host Unreachable for TOS',
  'Communication prohibited by filter',
];

/** Words for an ICMP error. Source: FreeBSD ping.c, pr_icmph(). */
function errorText(e: PingError): string {
  switch (e.type) {
    case ICMP_UNREACH:
      if (e.code === 4) return (e.word & 0xffff) !== 0 ? `frag needed and DF set (MTU ${e.word & 0xffff})` : 'frag needed and DF set';
      return UNREACH[e.code] ?? `Dest Unreachable, Bad Code: ${e.code}`;
    case ICMP_SOURCEQUENCH:
      return 'Source Quench';
    case ICMP_REDIRECT:
      return `${['Redirect Network', 'Redirect Host', 'Redirect Type of Service and Network', 'Redirect Type of Service and Host'][e.code] ?? `Redirect, Bad Code: ${e.code}`}(New addr: ${formatInet4(e.word)})`;
    case ICMP_TIMXCEED:
      return e.code === 0 ? 'Time to live exceeded' : e.code === 1 ? 'Frag reassembly time exceeded' : `Time exceeded, Bad Code: ${e.code}`;
    case ICMP_PARAMPROB:
      return `Parameter problem: pointer = 0x${(e.word >>> 24).toString(16).padStart(2, '0')}`;
    default:
      return `Bad ICMP type: ${e.type}`;
  }
}

/** First line of a ping over IPv6: `PING(56=40+8+8 bytes) ::1 --> ::1`. Source: FreeBSD ping6.c. @public */
export function renderPing6Start(source: InAddr | null, to: InAddr, size: number): string {
  return `PING(${40 + 8 + size}=40+8+${size} bytes) ${source === null ? '::' : formatInAddr(source)} --> ${formatInAddr(to)}\n`;
}

/** An answer over IPv6. Source: FreeBSD ping6.c, pr_pack(). @public */
export function renderPing6Reply(r: PingReply): string {
  return renderPingReply(r).replace(': icmp_seq=', ', icmp_seq=').replace(' ttl=', ' hlim=');
}

/** Words for an ICMPv6 error. Source: FreeBSD ping6.c, pr_icmph(). */
function error6Text(e: PingError): string {
  switch (e.type) {
    case 1:
      return ['No Route to Destination', 'Destination Administratively Unreachable', 'Destination Unreachable Beyond Scope', 'Destination Host Unreachable', 'Destination Port Unreachable'][e.code] ?? `Destination Unreachable, Bad Code: ${e.code}`;
    case 2:
      return `Packet too big mtu = ${e.word >>> 0}`;
    case 3:
      return e.code === 0 ? 'Time to live exceeded' : e.code === 1 ? 'Frag reassembly time exceeded' : `Time exceeded, Bad Code: ${e.code}`;
    case 4:
      return `Parameter problem: ${['Erroneous Header ', 'Unknown Nextheader ', 'Unrecognized Option '][e.code] ?? `Bad code(${e.code}) `}pointer = 0x${(e.word >>> 0).toString(16).padStart(2, '0')}`;
    default:
      return `Bad ICMP type: ${e.type}`;
  }
}

/** Source: FreeBSD ping6.c, pr_icmph() and pr_iph(). */
function error6(e: PingError): string {
  const q = e.quoted;
  const dv = new DataView(q.buffer, q.byteOffset, q.length);
  const x = (n: number, width: number): string => n.toString(16).padStart(width, '0');
  const row = ` 6 ${x(getIp6Tclass(dv, 0), 2)} ${x(getIp6Flow(dv, 0), 5)} ${x(getIp6Plen(dv, 0), 4)}  ${x(getIp6Nxt(dv, 0), 2)}   ${x(getIp6Hlim(dv, 0), 2)}`;
  const ends = `${formatInAddr(getInAddr6(dv, IP6_SRC_OFF))}->${formatInAddr(getInAddr6(dv, IP6_DST_OFF))}`;
  return `${e.bytes} bytes from ${e.from}: ${error6Text(e)}\nVr TC  Flow Plen Nxt Hlim\n${row}\n${ends}\n`;
}

/** An ICMP error about a request, with the header that it quotes. Source: FreeBSD ping.c, pr_icmph() and pr_iph(). @public */
export function renderPingError(e: PingError): string {
  const q = e.quoted;
  if ((q[0] as number) >>> 4 === IPV6_VERSION) return error6(e);
  const dv = new DataView(q.buffer, q.byteOffset, q.length);
  const x = (n: number, width: number): string => n.toString(16).padStart(width, '0');
  const off = getIpOff(dv, 0);
  const head = ` 4  ${x(getIpHlen(dv, 0) >> 2, 1)}  ${x(getIpTos(dv, 0), 2)} ${x(getIpLen(dv, 0), 4)} ${x(getIpId(dv, 0), 4)}`;
  const rest = `   ${x(off >>> 13, 1)} ${x(off & 0x1fff, 4)}  ${x(getIpTtl(dv, 0), 2)}  ${x(getIpP(dv, 0), 2)} ${x(getIpSum(dv, 0), 4)}`;
  return (
    `${e.bytes} bytes from ${e.from}: ${errorText(e)}\n` +
    'Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst\n' +
    `${head}${rest} ${formatInet4(getIpSrc(dv, 0))}  ${formatInet4(getIpDst(dv, 0))} \n\n`
  );
}

/** The report at the end. Source: FreeBSD ping.c, finish(). @public */
export function renderPingSummary(host: string, s: PingSummary): string {
  let line = `${s.transmitted} packets transmitted, ${s.received} packets received`;
  if (s.duplicates > 0) line += `, +${s.duplicates} duplicates`;
  if (s.transmitted > 0) {
    if (s.received > s.transmitted) line += ", -- somebody's printing up packets!";
    else line += `, ${(((s.transmitted - s.received) * 100) / s.transmitted).toFixed(1)}% packet loss`;
  }
  if (s.late > 0) line += `, ${s.late} packets out of wait time`;
  const f = (ms: number): string => ms.toFixed(3);
  const rtt = s.received > 0 && s.rtt !== null ? `round-trip min/avg/max/stddev = ${f(s.rtt.min)}/${f(s.rtt.avg)}/${f(s.rtt.max)}/${f(s.rtt.stddev)} ms\n` : '';
  return `\n--- ${vis(host)} ping statistics ---\n${line}\n${rtt}`;
}
