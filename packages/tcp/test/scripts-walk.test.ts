/* One connection of ours from its SYN to TIME-WAIT, past everything that may come in between; what is in all its segments - type of service, hop limit, signature, UDP - is in its answers too. */
import { describe, it } from 'vitest';
import { FAMILIES, type Family, mssOf, play, sysctl } from './script-parts.ts';

interface Wear {
  readonly tos: boolean;
  readonly ttl: boolean;
  readonly md5: boolean;
  readonly udp: boolean;
}
const BOTH = [false, true] as const;
const WEARS: readonly Wear[] = BOTH.flatMap((tos) => BOTH.flatMap((ttl) => BOTH.flatMap((md5) => BOTH.map((udp) => ({ tos, ttl, md5, udp })))));

const IP = {
  4: { level: 'IPPROTO_IP', tos: 'IP_TOS', ttl: 'IP_TTL', tosWord: 'tos', ttlWord: 'ttl', hosts: ['192.168.0.1', '192.0.2.1'] },
  6: { level: 'IPPROTO_IPV6', tos: 'IPV6_TCLASS', ttl: 'IPV6_UNICAST_HOPS', tosWord: 'class', ttlWord: 'hlim', hosts: ['fd3d:fa7b:d17d::1', '2001:DB8::1'] },
} as const;

function walk(f: Family, w: Wear): string[] {
  const ip = IP[f];
  const mss = mssOf(f) - (w.udp ? 8 : 0);
  // What a signature takes of each segment.
  const len = mss - (w.md5 ? 20 : 0);
  let tos = '0x20';
  let ttl = 4;
  const own = w.udp ? '/udp(7 > 9811)' : '';
  const back = w.udp ? '/udp(9811 > 7)' : '';
  // Another road than the connection's.
  const [other, otherBack] = ['/udp(8 > 9811)', '/udp(9811 > 8)'];
  const field = (): string => {
    const words = [...(w.tos ? [`${ip.tosWord} ${tos}`] : []), ...(w.ttl ? [`${ip.ttlWord} ${ttl}`] : [])];
    return words.length === 0 ? '' : `(${words.join(', ')}) `;
  };
  const theirs = w.ttl ? `(${ip.ttlWord} 3${w.tos ? `, ${ip.tosWord} 0x28` : ''}) ` : w.tos ? `(${ip.tosWord} 0x28) ` : '';
  const options = (...more: string[]): string => {
    const all = [...(w.md5 ? ['nop', 'nop', 'md5 valid'] : []), ...more];
    return all.length === 0 ? '' : ` <${all.join(',')}>`;
  };
  const got = (what: string, t = '+0', opts = options(), road = own): string => `${t} < ${theirs}${what}${opts}${road}`;
  const sent = (what: string, t = '+0', opts = options(), road = back): string => `${t} > ${field()}${what}${opts}${road}`;
  const synAck = ` <mss 1460,sackOK,${w.md5 ? 'md5 valid' : 'eol,eol'}>`;
  const end = 1 + 6 * len;
  const data = (i: number, flags = '.'): string => `${flags} ${1 + i * len}:${1 + (i + 1) * len}(${len}) ack 1 win 65535`;
  const set = (name: string, value: string | number): string => `+0 setsockopt(3, ${ip.level}, ${name}, [${value}], 4) = 0`;
  const lines = [
    '--udp_encapsulation=tcp',
    ...(w.md5
      ? ['--tcp_md5_secret=secret', `\`kldload tcpmd5; echo 'add ${ip.hosts[0]} ${ip.hosts[1]} tcp 0x1000 -A tcp-md5 "secret" ; add ${ip.hosts[1]} ${ip.hosts[0]} tcp 0x1001 -A tcp-md5 "secret" ;' | setkey -c\``]
      : []),
    '0 `true`',
    sysctl('udp_tunneling_port', 9811),
    '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
    '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
    ...(w.tos ? [set(ip.tos, tos)] : []),
    ...(w.ttl ? [set(ip.ttl, ttl)] : []),
    ...(w.md5 ? ['+0 setsockopt(3, IPPROTO_TCP, TCP_MD5SIG, [1], 4) = 0'] : []),
    ...(w.udp ? ['+0 setsockopt(3, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, [7], 4) = 0'] : []),
    '+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPIDLE, [1], 4) = 0',
    '+0 connect(3, ..., ...) = -1 EINPROGRESS',
    sent('S 0:0(0) win 65535', '+0', ` <mss ${mss},nop,wscale 6,sackOK,TS val 100 ecr 0${w.md5 ? ',nop,nop,md5 valid' : ''}>`),
    got('S. 0:0(0) ack 0 win 65535', '+0', synAck),
    sent('R 0:0(0) win 0'),
    got('S. 0:0(0) ack 1 win 32767', '+.1', synAck),
    sent('. 1:1(0) ack 1 win 65535'),
    '+.1 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0',
    // By another road: told so.
    got('F. 1:1(0) ack 1 win 32767', '+.1', options(), other),
    sent('R 1:1(0) win 0', '+0', options(), otherBack),
    got('S 1:1(0) win 32767', '+.1', options(), other),
    sent('R. 0:0(0)! ack 2 win 0', '+0', options(), otherBack),
    // In the window, but not what comes next.
    got('R 5:5(0) win 0', '+.1'),
    sent('. 1:1(0) ack 1 win 65535'),
    got('S 5:5(0) win 65535', '+.1', synAck),
    sent('. 1:1(0) ack 1 win 65535'),
    `+0 send(3, ..., ${len}, 0) = ${len}`,
    sent(data(0, 'P.')),
    got(`. 1:1(0) ack ${1 + len} win 32767`, '+.1'),
  ];
  tos = '0xe0';
  ttl = 6;
  lines.push(
    ...(w.tos ? [set(ip.tos, tos)] : []),
    ...(w.ttl ? [set(ip.ttl, ttl)] : []),
    `+0 send(3, ..., ${len}, 0) = ${len}`,
    sent(data(1, 'P.')),
    got(`. 1:1(0) ack ${1 + 2 * len} win 32767`, '+.1'),
    // Keepalive.
    sent(`. ${2 * len}:${2 * len}(0) ack 1 win 65535`, '+1'),
    got(`. 1:1(0) ack ${1 + 2 * len} win 32767`, '+.1'),
    // Fast retransmission.
    `+0 send(3, ..., ${4 * len}, 0) = ${4 * len}`,
    ...[2, 3, 4].map((i) => sent(data(i))),
    sent(data(5, 'P.')),
    ...[4, 5, 6].map((i, n) => got(`. 1:1(0) ack ${1 + 2 * len} win 32767`, n === 0 ? '+.1' : '+0', options('nop', 'nop', `sack ${1 + 3 * len}:${1 + i * len}`))),
    sent(data(2)),
    got(`. 1:1(0) ack ${end} win 32767`, '+.1'),
    '+0 close(3) = 0',
    sent(`F. ${end}:${end}(0) ack 1 win 65535`),
    got(`F. 1:1(0) ack ${end + 1} win 32767`, '+.1'),
    sent(`. ${end + 1}:${end + 1}(0) ack 2 win 65535`),
    // TIME-WAIT.
    got(`F. 1:1(0) ack ${end + 1} win 32767`, '+.1', options(), other),
    sent(`R ${end + 1}:${end + 1}(0) win 0`, '+0', options(), otherBack),
    got('S 1:1(0) win 32767', '+.1', options(), other),
    sent('R. 0:0(0)! ack 2 win 0', '+0', options(), otherBack),
    got(`F. 1:1(0) ack ${end + 1} win 32767`, '+.1'),
    sent(`. ${end + 1}:${end + 1}(0) ack 2 win 65535`),
  );
  return lines;
}

const name = (w: Wear): string =>
  Object.entries(w)
    .filter(([, on]) => on)
    .map(([k]) => k)
    .join(' ') || 'nothing';

describe.each(FAMILIES)('a connection over IPv%i', (f) => {
  it.each(WEARS.map((w) => [name(w), w] as const))('with %s', (_, w) => play(f, walk(f, w)));
});
