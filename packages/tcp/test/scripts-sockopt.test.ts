/* Socket options and what they change on the wire. */
import { describe, it } from 'vitest';
import { FAMILIES, type Family, mssOf, passive, play, synSent, sysctl } from './script-parts.ts';

const start = '0 `true`';
const opt = (fd: number, level: string, name: string, value: string): string => `+0 setsockopt(${fd}, ${level}, ${name}, [${value}], 4) = 0`;
const have = (fd: number, level: string, name: string, value: string): string => `+0 getsockopt(${fd}, ${level}, ${name}, [${value}], [4]) = 0`;

/** Level, names and notation of what is in the IP header. */
const IP: Readonly<Record<Family, { level: string; tos: string; ttl: string; tosText: string; ttlText: string }>> = {
  4: { level: 'IPPROTO_IP', tos: 'IP_TOS', ttl: 'IP_TTL', tosText: 'tos', ttlText: 'ttl' },
  6: { level: 'IPPROTO_IPV6', tos: 'IPV6_TCLASS', ttl: 'IPV6_UNICAST_HOPS', tosText: 'class', ttlText: 'hlim' },
};

describe.each(FAMILIES)('IP header fields over IPv%i', (f) => {
  const ip = IP[f];

  it.each([
    ['type of service', ip.tos, ip.tosText, '0x20', '0xe0'],
    ['time to live', ip.ttl, ip.ttlText, '4', '6'],
  ])('%s of a listener counts for all that it and its connections send', (_, name, word, first, second) => {
    play(f, [
      '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      '+0 bind(3, ..., ...) = 0',
      opt(3, ip.level, name, first),
      have(3, ip.level, name, first),
      '+0 listen(3, 1) = 0',
      `+0 < (${word} ${word === 'ttl' || word === 'hlim' ? 3 : '0x28'}) S 0:0(0) win 32767 <mss 1460,sackOK,eol,eol>`,
      `+0 > (${word} ${first}) S. 0:0(0) ack 1 <...>`,
      '+.1 < . 1:1(0) ack 1 win 32767',
      '+0 accept(3, ..., ...) = 4',
      '+0 write(4, ..., 10) = 10',
      `+0 > (${word} ${first}) P. 1:11(10) ack 1`,
      '+.1 < . 1:1(0) ack 11 win 32767',
      '+.1 < R 5:5(0) win 0',
      `+0 > (${word} ${first}) . 11:11(0) ack 1`,
      opt(4, ip.level, name, second),
      '+0 write(4, ..., 10) = 10',
      `+0 > (${word} ${second}) P. 11:21(10) ack 1`,
      '+.1 < . 1:1(0) ack 21 win 32767',
      '+0 close(4) = 0',
      `+0 > (${word} ${second}) F. 21:21(0) ack 1`,
      '+.1 < F. 1:1(0) ack 22 win 32767',
      `+0 > (${word} ${second}) . 22:22(0) ack 2`,
      '+.1 < F. 1:1(0) ack 22 win 32767',
      `+0 > (${word} ${second}) . 22:22(0) ack 2`,
    ]);
  });

  it('of a socket that only has a port count for its resets', () => {
    play(f, ['0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3', '+0 bind(3, ..., ...) = 0', opt(3, ip.level, ip.ttl, '9'), opt(3, ip.level, ip.tos, '0x40'), '+0 < S 0:0(0) win 9', `+0 > (${ip.tosText} 0x40, ${ip.ttlText} 9) R. 0:0(0) ack 1 win 0`]);
  });
});

describe.each(FAMILIES)('segment size over IPv%i', (f) => {
  const M = mssOf(f);

  it('can be lowered on a connection', () => {
    play(f, [...passive(f), have(4, 'IPPROTO_TCP', 'TCP_MAXSEG', String(M)), opt(4, 'IPPROTO_TCP', 'TCP_MAXSEG', '1400'), have(4, 'IPPROTO_TCP', 'TCP_MAXSEG', '1400'),
      '+0 write(4, ..., 1500) = 1500', '+0 > . 1:1401(1400) ack 1 win 65535', '+0 > P. 1401:1501(100) ack 1 win 65535']);
  });

  it('is the default without the option of the peer', () => {
    play(f, [...passive(f, 'sackOK,eol,eol'), have(4, 'IPPROTO_TCP', 'TCP_MAXSEG', f === 4 ? '536' : '1220')]);
  });

  it('of black holes: two tries at each smaller size, then back', () => {
    const sizes = f === 4 ? [1460, 1200, 1200, 536, 536, 1460] : [1440, 1220, 1220, 1440];
    play(f, [start, sysctl('pmtud_blackhole_detection', 1), ...passive(f).map((l) => l.replace(/^0 /, '+0 ')), `+0 write(4, ..., ${M}) = ${M}`, `+0 > P. 1:${M + 1}(${M}) ack 1`,
      ...sizes.map((n) => `* > ${n === M ? 'P' : ''}. 1:${n + 1}(${n}) ack 1`)]);
  });
});

describe('IPV6_USE_MIN_MTU', () => {
  const set = opt(3, 'IPPROTO_IPV6', 'IPV6_USE_MIN_MTU', '1');

  it('limits our own segments and those of the peer to what every path takes', () => {
    const lines = synSent(6, 'mss 1220,nop,wscale 6,sackOK,TS val 100 ecr 0');
    play(6, [start, lines[0]!, have(3, 'IPPROTO_IPV6', 'IPV6_USE_MIN_MTU', '-1'), set, have(3, 'IPPROTO_IPV6', 'IPV6_USE_MIN_MTU', '1'), ...lines.slice(1),
      '+.1 < S. 0:0(0) ack 1 win 32767 <mss 1440>', '+0 > . 1:1(0) ack 1', '+0 send(3, ..., 1500, 0) = 1500', '+0 > . 1:1221(1220) ack 1', '+0 > P. 1221:1501(280) ack 1']);
  });

  it('of a listener counts for its connections', () => {
    const lines = passive(6, 'mss 1440', 'mss 1220');
    play(6, [...lines.slice(0, 3), set, ...lines.slice(3), have(4, 'IPPROTO_IPV6', 'IPV6_USE_MIN_MTU', '1'), '+0 write(4, ..., 1500) = 1500', '+0 > . 1:1221(1220) ack 1', '+0 > P. 1221:1501(280) ack 1']);
  });

  it('is -1, 0 or 1', () => {
    play(6, ['0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3', '+0 setsockopt(3, IPPROTO_IPV6, IPV6_USE_MIN_MTU, [2], 4) = -1 EINVAL', opt(3, 'IPPROTO_IPV6', 'IPV6_USE_MIN_MTU', '0')]);
  });
});

describe.each(FAMILIES)('TCP_NOOPT on a listener over IPv%i', (f) => {
  it.each([0, 1])('needs no time stamps of the peer, tolerate_missing_ts=%i', (tolerate) => {
    play(f, [start, sysctl('tolerate_missing_ts', tolerate), '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3', '+0 bind(3, ..., ...) = 0', opt(3, 'IPPROTO_TCP', 'TCP_NOOPT', '1'), '+0 listen(3, 1) = 0',
      '+0 < S 0:0(0) win 32767 <mss 1460,nop,wscale 6,sackOK,TS val 5 ecr 0>', '+0 > S. 0:0(0) ack 1 win 65535', '+.1 < . 1:1(0) ack 1 win 32767', '+0 accept(3, ..., ...) = 4',
      '+0 %{ assert tcpi_options == 0 }%', '+.1 < P. 1:101(100) ack 1 win 32767', '+.04 > . 1:1(0) ack 101 win 65535']);
  });
});

describe.each(FAMILIES)('keepalive over IPv%i', (f) => {
  it('inherits its times from the sysctls of the moment, and probes', () => {
    play(f, [start, sysctl('keepidle', 15000), sysctl('keepintvl', 15000), sysctl('keepcnt', 2), sysctl('keepinit', 15000), ...passive(f).map((l) => l.replace(/^0 /, '+0 ')),
      have(4, 'IPPROTO_TCP', 'TCP_KEEPIDLE', '15'), have(4, 'IPPROTO_TCP', 'TCP_KEEPINTVL', '15'), have(4, 'IPPROTO_TCP', 'TCP_KEEPCNT', '2'), have(4, 'IPPROTO_TCP', 'TCP_KEEPINIT', '15'),
      '+15 > . 0:0(0) ack 1 win 65535', '+.1 < . 1:1(0) ack 1 win 32767', '+15 > . 0:0(0) ack 1 win 65535', '+15 > . 0:0(0) ack 1 win 65535', '+15 > R. 1:1(0) ack 1 win 0', have(4, 'SOL_SOCKET', 'SO_ERROR', 'ETIMEDOUT')]);
  });

  it('by TCP_KEEPIDLE begins a second after the last segment that came in', () => {
    play(f, [...passive(f), opt(4, 'IPPROTO_TCP', 'TCP_KEEPIDLE', '1'), '+1 > . 0:0(0) ack 1 win 65535', '+.5 < . 1:1(0) ack 1 win 32767', '+74.5 > . 0:0(0) ack 1 win 65535']);
  });
});

describe.each(FAMILIES)('loss over IPv%i', (f) => {
  const M = mssOf(f);
  const seg = (i: number, flags: string = '.'): string => `${flags} ${1 + i * M}:${1 + (i + 1) * M}(${M}) ack 1 win 65535`;

  it('is repaired at the third duplicate ACK, with SACK and without', () => {
    for (const sack of [true, false]) {
      const peer = sack ? 'mss 1460,sackOK,eol,eol' : 'mss 1460';
      const own = sack ? `mss ${M},sackOK,eol,eol` : `mss ${M}`;
      const dup = (n: number): string => `+0 < . 1:1(0) ack 1 win 32767${sack ? ` <nop,nop,sack ${1 + M}:${1 + (n + 2) * M}>` : ''}`;
      play(f, [...passive(f, peer, own), `+0 write(4, ..., ${4 * M}) = ${4 * M}`, ...[0, 1, 2].map((i) => `+0 > ${seg(i)}`), `+0 > ${seg(3, 'P.')}`, `+.1 ${dup(0).slice(3)}`, dup(1), dup(2), `+0 > ${seg(0)}`,
        `+.1 < . 1:1(0) ack ${1 + 4 * M} win 32767`, '+.1 `true`', '+0 close(4) = 0', `+0 > F. ${1 + 4 * M}:${1 + 4 * M}(0) ack 1 win 65535`]);
    }
  });
});
