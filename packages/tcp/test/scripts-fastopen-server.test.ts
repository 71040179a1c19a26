import type { ModuleDecl } from '@ns/kern';
import { describe, it } from 'vitest';
import { TCP } from '../src/tcp-vnet.ts';
import { cookieOf, hex, LENGTHS } from './fastopen-parts.ts';
import { FAMILIES, type Family, mssOf, play, rcvbufOf, sysctl } from './script-parts.ts';

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i * 7);
const CLIENT: Readonly<Record<Family, string>> = { 4: '192.0.2.1', 6: '2001:db8::1' };

/** Installs {@link KEY}, as whoever shares it between machines does. */
const keyed = (): ModuleDecl => ({
  name: 'tfokey',
  version: 1,
  depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
  vnetInit: [
    {
      subsystem: 0xf000000,
      order: 0,
      init: (vnet) => {
        TCP.get(vnet).fastopen.keys.addKey(KEY);
        return 0;
      },
    },
  ],
});

const listener = (backlog: number = 10, opt: readonly string[] = ['+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0']): string[] => [
  '0 `sysctl net.inet.tcp.fastopen.server_enable=1`',
  '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
  ...opt,
  '+0 bind(3, ..., ...) = 0',
  `+0 listen(3, ${backlog}) = 0`,
  '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
];

const pad = (len: number): string => ',eol'.repeat((4 - (len & 3)) & 3);
const mss = (m: number, fo: string | null): string => (fo === null ? `mss ${m}` : `mss ${m},FO ${fo}${pad(6 + fo.length / 2)}`);

describe.each(FAMILIES)('Fast Open server over IPv%i (RFC 7413 §4.2.2)', (f) => {
  const M = mssOf(f);
  const COOKIE = cookieOf(KEY, CLIENT[f]);
  const run = (...lines: readonly (readonly string[])[]): void => play(f, lines.flat(), { extra: [keyed()] });
  const syn = (n: number, fo: string | null, flags: string = 'S'): string => `+0 < ${flags} 0:${n}(${n}) win 32767 <${mss(1460, fo)}>`;
  /** A connection that a cookie has opened, with 100 bytes. */
  const opened = [...listener(), syn(100, COOKIE), '+0 accept(3, ..., ...) = 4', '+0 fcntl(4, F_SETFL, O_RDWR | O_NONBLOCK) = 0'];
  /** The window that 100 bytes unread leave, in units of 64. */
  const scaled = Math.ceil((rcvbufOf(f) - 100) / 64);
  const none = '+0 accept(3, ..., ...) = -1 EWOULDBLOCK';
  const synack = (n: number, ack: number, fo: string | null = COOKIE, flags: string = 'S.'): string => `> ${flags} 0:${n}(${n}) ack ${ack} win 65535 <${mss(M, fo)}>`;

  it('a request is answered with a cookie, and its data are not taken', () => {
    run(listener(), [syn(100, ''), `+0 ${synack(0, 1)}`, none, '+.1 < . 1:1(0) ack 1 win 32767', '+0 accept(3, ..., ...) = 4', '+0 getsockopt(4, IPPROTO_TCP, TCP_FASTOPEN, [0], [4]) = 0']);
  });

  it('a cookie is given once: neither the timer nor the SYN once more brings it again', () => {
    run(listener(), [syn(0, ''), `+0 ${synack(0, 1)}`, `+1 ${synack(0, 1, null)}`, `+.5 < S 0:0(0) win 32767 <${mss(1460, '')}>`, `+0 ${synack(0, 1, null)}`]);
  });

  it.each(LENGTHS.filter((n) => n <= 34))('a wrong cookie of %i bytes is answered with a good one', (n) => {
    const fo = hex(n, 99);
    run(listener(), [syn(100, fo), `+0 ${synack(0, 1)}`, none, '+.1 < P. 1:101(100) ack 1 win 32767', '+0 accept(3, ..., ...) = 4', '+0 recv(4, ..., 200, 0) = 100']);
  });

  it('a SYN without the option gets none, and its data are not taken', () => {
    run(listener(), [syn(100, null), `+0 ${synack(0, 1, null)}`, none]);
  });

  it('the option behind the end of the list is not there', () => {
    run(listener(), [`+0 < S 0:100(100) win 32767 <mss 1460,eol,FO ${COOKIE},eol>`, `+0 ${synack(0, 1, null)}`, none]);
  });

  it('a good cookie opens: the data are there at once, and are acknowledged after the delay of an ACK', () => {
    run(opened, [
      '+0 %{ assert tcpi_state == TCPI_SYN_RECEIVED and tcpi_options == TCPI_OPT_TFO }%',
      '+0 recv(4, ..., 200, 0) = 100',
      '+0 recv(4, ..., 200, 0) = -1 EWOULDBLOCK',
      `+.04 > S. 0:0(0) ack 101 win 65535 <${mss(M, COOKIE)}>`,
      '+.1 < . 101:101(0) ack 1 win 32767',
      '+0 %{ assert tcpi_state == TCPI_ESTABLISHED }%',
      '+0 getsockopt(4, IPPROTO_TCP, TCP_FASTOPEN, [1], [4]) = 0',
      '+0 send(4, ..., 10, 0) = 10',
      '+0 > P. 1:11(10) ack 101',
    ]);
  });

  it('what the application answers goes with the SYN|ACK', () => {
    run(opened, [
      '+.01 send(4, ..., 300, 0) = 300',
      `+0 ${synack(300, 101)}`,
      '+.1 < . 101:101(0) ack 301 win 32767',
      '+0 send(4, ..., 10, 0) = 10',
      '+0 > P. 301:311(10) ack 101',
    ]);
  });

  it('a long answer follows the SYN|ACK up to the initial window, and no further', () => {
    const first = M - 16;
    const more = Array.from({ length: 9 }, (_, i) => `+0 > . ${first + 1 + i * M}:${first + 1 + (i + 1) * M}(${M}) ack 101`);
    run(listener(), [
      `+0 < S 0:100(100) win 65535 <${mss(1460, COOKIE)}>`,
      '+0 accept(3, ..., ...) = 4',
      '+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [100000], 4) = 0',
      '+0 send(4, ..., 50000, 0) = 50000',
      `+0 ${synack(first, 101)}`,
      // What the options took of the first segment is left over: too little for one more.
      ...more,
      `+.1 < . 101:101(0) ack ${first + 1} win 65535`,
      `+0 > . ${first + 1 + 9 * M}:${first + 1 + 10 * M}(${M}) ack 101`,
    ]);
  });

  it("the answer keeps within the window of the client's SYN, which is not scaled", () => {
    run(listener(), [
      `+0 < S 0:100(100) win 200 <mss 1460,nop,wscale 7,FO ${COOKIE},eol,eol>`,
      '+0 accept(3, ..., ...) = 4',
      '+0 send(4, ..., 300, 0) = 300',
      `+0 > S. 0:200(200) ack 101 win 65535 <mss ${M},nop,wscale 6,FO ${COOKIE},eol,eol>`,
      '+.1 < . 101:101(0) ack 201 win 2',
      `+0 > P. 201:301(100) ack 101 win ${scaled}`,
    ]);
  });

  it('what is written after the SYN|ACK does not wait for the handshake, and has a scaled window', () => {
    run(listener(), [
      `+0 < S 0:100(100) win 32767 <mss 1460,nop,wscale 7,FO ${COOKIE},eol,eol>`,
      '+0 accept(3, ..., ...) = 4',
      `+.04 > S. 0:0(0) ack 101 win 65535 <mss ${M},nop,wscale 6,FO ${COOKIE},eol,eol>`,
      '+.02 send(4, ..., 300, 0) = 300',
      `+0 > P. 1:301(300) ack 101 win ${scaled}`,
      // Nagle: some of it is out.
      '+0 send(4, ..., 10, 0) = 10',
      '+.1 < . 101:101(0) ack 301 win 256',
      '+0 > P. 301:311(10) ack 101',
    ]);
  });

  it('without data the SYN|ACK goes at once', () => {
    run(listener(), [syn(0, COOKIE), '+0 accept(3, ..., ...) = 4', `+0 ${synack(0, 1)}`, '+.1 < . 1:1(0) ack 1 win 32767', '+0 %{ assert tcpi_state == TCPI_ESTABLISHED }%']);
  });

  it('all options fit beside the cookie', () => {
    run(listener(), [
      `+0 < S 0:10(10) win 32767 <mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7,FO ${COOKIE},eol,eol>`,
      '+0 accept(3, ..., ...) = 4',
      `+.04 > S. 0:0(0) ack 11 win 65535 <mss ${M},nop,wscale 6,sackOK,TS val 100 ecr 5,FO ${COOKIE},eol,eol>`,
      '+0 %{ assert tcpi_options == (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE | TCPI_OPT_TFO) }%',
    ]);
  });

  it('a lost SYN|ACK is repeated without cookie and data; data that were lost follow the ACK', () => {
    run(opened, [
      '+.01 send(4, ..., 300, 0) = 300',
      `+0 ${synack(300, 101)}`,
      `+1 ${synack(0, 101, null)}`,
      // No more until the client has answered.
      '+.1 send(4, ..., 50, 0) = 50',
      `+2.1 ${synack(0, 101, null)}`,
      '+.1 < . 101:101(0) ack 1 win 32767',
      '+0 > P. 1:351(350) ack 101',
    ]);
  });

  it('a client that saw the data of a repeated SYN|ACK need not get them again', () => {
    run(opened, ['+.01 send(4, ..., 300, 0) = 300', `+0 ${synack(300, 101)}`, `+1 ${synack(0, 101, null)}`, '+.1 < . 101:101(0) ack 301 win 32767', '+0 send(4, ..., 50, 0) = 50', '+0 > P. 301:351(50) ack 101']);
  });

  it('after a lost SYN|ACK the window is one segment (RFC 5681 §3.1)', () => {
    run(opened, [
      '+.01 send(4, ..., 5000, 0) = 5000',
      `+0 > S. 0:${M - 16}(${M - 16}) ack 101 win 65535 <${mss(M, COOKIE)}>`,
      `+0 > . ${M - 15}:${2 * M - 15}(${M}) ack 101`,
      `+0 > . ${2 * M - 15}:${3 * M - 15}(${M}) ack 101`,
      `+0 > P. ${3 * M - 15}:5001(${5001 - 3 * M + 15}) ack 101`,
      `+1 ${synack(0, 101, null)}`,
      '+.1 < . 101:101(0) ack 1 win 32767',
      `+0 > . 1:${M + 1}(${M}) ack 101`,
      `+0 %{ assert tcpi_snd_cwnd == ${M} }%`,
    ]);
  });

  it('the SYN once more, or a SYN with other data, is ignored: the timer repeats the SYN|ACK', () => {
    run(opened, [`+.01 < S 0:100(100) win 32767 <${mss(1460, COOKIE)}>`, `+.03 ${synack(0, 101)}`, `+.5 < S 0:0(0) win 32767 <mss 1460>`, `+.5 ${synack(0, 101, null)}`, '+0 recv(4, ..., 200, 0) = 100']);
  });

  it('data of the client that come again with its ACK are taken once', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+.1 < P. 1:151(150) ack 1 win 32767', '+.04 > . 1:1(0) ack 151', '+0 recv(4, ..., 500, 0) = 150']);
  });

  it('more data may come with the ACK', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+.1 < P. 101:201(100) ack 1 win 32767', '+.04 > . 1:1(0) ack 201', '+0 recv(4, ..., 500, 0) = 200']);
  });

  it('data before the ACK are not taken', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+.1 < - 101:201(100) win 32767', '+0 recv(4, ..., 500, 0) = 100', '+.1 < . 101:101(0) ack 1 win 32767', '+0 %{ assert tcpi_state == TCPI_ESTABLISHED }%']);
  });

  it('a FIN on the SYN is not taken; it comes again', () => {
    run(listener(), [syn(100, COOKIE, 'SF'), '+0 accept(3, ..., ...) = 4', `+.04 ${synack(0, 101)}`, '+.1 < F. 101:101(0) ack 1 win 32767', '+0 > . 1:1(0) ack 102', '+0 recv(4, ..., 200, 0) = 100', '+0 recv(4, ..., 200, 0) = 0']);
  });

  it('a FIN without ACK is dropped', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+.1 < F 101:101(0) win 32767', '+0 %{ assert tcpi_state == TCPI_SYN_RECEIVED }%', '+0 recv(4, ..., 200, 0) = 100']);
  });

  it.each([
    ['an ACK of nothing', '. 101:101(0) ack 0', '+0 > R 0:0(0) win 0'],
    ['an ACK of more than was sent', '. 101:101(0) ack 302', '+0 > R 302:302(0) win 0'],
    ['a SYN|ACK', 'S. 0:0(0) ack 1', '+0 > R 1:1(0) win 0'],
  ])('%s is answered by a reset; the connection stays', (_, segment, answer) => {
    run(opened, ['+.01 send(4, ..., 300, 0) = 300', `+0 ${synack(300, 101)}`, `+.1 < ${segment} win 32767`, answer, '+.1 < . 101:101(0) ack 301 win 32767', '+0 %{ assert tcpi_state == TCPI_ESTABLISHED }%']);
  });

  it('a reset ends it: what came can be read, then there is the error', () => {
    run(opened, [
      `+.04 ${synack(0, 101)}`,
      '+.1 < R 101:101(0) win 0',
      '+0 %{ assert tcpi_state == TCPI_CLOSED }%',
      '+0 recv(4, ..., 200, 0) = 100',
      '+0 recv(4, ..., 200, 0) = -1 ECONNREFUSED',
      '+0 `sockstat -4 -6 -P tcp -s | grep -c SYN_RCVD | grep 0`',
    ]);
  });

  it('a reset elsewhere in the window draws a challenge ACK (RFC 5961 §3.2)', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+.1 < R 151:151(0) win 0', '+0 > . 1:1(0) ack 101', '+0 %{ assert tcpi_state == TCPI_SYN_RECEIVED }%']);
  });

  it('one that was reset before it was accepted is not handed out', () => {
    run(listener(), [syn(100, COOKIE), `+.04 ${synack(0, 101)}`, '+.1 < R 101:101(0) win 0', '+0 accept(3, ..., ...) = -1 ECONNABORTED', none]);
  });

  it('a client that never answers is given up after keepinit, with a reset', () => {
    run(['0 `sysctl net.inet.tcp.keepinit=2000`'], listener().map((l, i) => (i === 0 ? l.replace(/^0/, '+0') : l)), [
      syn(100, COOKIE),
      '+0 accept(3, ..., ...) = 4',
      `+.04 ${synack(0, 101)}`,
      `+1 ${synack(0, 101, null)}`,
      '+.96 > R. 1:1(0) ack 101 win 0',
      '+0 recv(4, ..., 200, 0) = 100',
      '+0 recv(4, ..., 200, 0) = -1 ETIMEDOUT',
    ]);
  });

  it('closed before the handshake ends, it ends in order', () => {
    run(opened, [
      '+0 send(4, ..., 50, 0) = 50',
      `+0 ${synack(50, 101)}`,
      '+0 recv(4, ..., 200, 0) = 100',
      '+.01 close(4) = 0',
      '+.1 < . 101:101(0) ack 51 win 32767',
      '+0 > F. 51:51(0) ack 101',
      '+.1 < . 101:101(0) ack 52 win 32767',
      '+.1 < F. 101:101(0) ack 52 win 32767',
      '+0 > . 52:52(0) ack 102',
    ]);
  });

  it('a shutdown before anything was sent sends the SYN|ACK, and the FIN after the handshake', () => {
    run(opened, ['+.01 shutdown(4, SHUT_WR) = 0', `+0 ${synack(0, 101)}`, '+.1 < . 101:101(0) ack 1 win 32767', '+0 > F. 1:1(0) ack 101']);
  });

  it('with SO_LINGER of 0 a close is a reset', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0', '+0 close(4) = 0', '+0 > R. 1:1(0) ack 101 win 0']);
  });

  it('a listener that closes resets what was not accepted', () => {
    run(listener(), [syn(100, COOKIE), `+.04 ${synack(0, 101)}`, '+0 close(3) = 0', '+0 > R. 1:1(0) ack 101 win 0']);
  });

  it('what was accepted outlives its listener', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+0 close(3) = 0', '+.1 < . 101:101(0) ack 1 win 32767', '+0 send(4, ..., 10, 0) = 10', '+0 > P. 1:11(10) ack 101']);
  });

  it('reading before the handshake ends sends nothing', () => {
    run(listener(), [`+0 < S 0:1400(1400) win 32767 <${mss(1460, COOKIE)}>`, '+0 accept(3, ..., ...) = 4', '+.02 recv(4, ..., 2000, 0) = 1400', `+.02 > S. 0:0(0) ack 1401 win 65535 <${mss(M, COOKIE)}>`]);
  });

  it('data beyond the buffer, which is rounded up to whole segments, are not taken', () => {
    run([...listener(10, ['+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0', '+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [1000], 4) = 0'])], [
      `+0 < S 0:3000(3000) win 32767 <${mss(400, COOKIE)}>`,
      '+0 accept(3, ..., ...) = 4',
      `+.04 > S. 0:0(0) ack 1201 win 0 <${mss(M, COOKIE)}>`,
      '+0 recv(4, ..., 5000, 0) = 1200',
    ]);
  });

  it.each([
    ['the vnet', ['0 `sysctl net.inet.tcp.fastopen.server_enable=0`'], ['+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0']],
    ['the listener', ['0 `true`'], []],
    ['the listener again', ['0 `true`'], ['+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0', '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [0], 4) = 0']],
    ['a listener without options', ['0 `true`'], ['+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0', '+0 setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0']],
  ])('switched off by %s there is none of it', (who, first, opt) => {
    const own = who === 'a listener without options' ? '' : ` <mss ${M}>`;
    const lines = listener(10, opt);
    run(lines.slice(0, 1), first.map((l) => l.replace(/^0/, '+0')), lines.slice(1), [syn(100, COOKIE), `+0 > S. 0:0(0) ack 1 win 65535${own}`, none]);
  });

  it('set on a listener it is on; off has no effect on what is open', () => {
    run(listener(10, []), [
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
      '+0 getsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], [4]) = 0',
      syn(100, COOKIE),
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [0], 4) = 0',
      sysctl('fastopen.server_enable', 0),
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = -1 EPERM',
      '+0 accept(3, ..., ...) = 4',
      '+0 send(4, ..., 10, 0) = 10',
      `+0 ${synack(10, 101)}`,
    ]);
  });

  it('with acceptany every cookie is good, but there must be one', () => {
    const any = [...listener(), sysctl('fastopen.acceptany', 1)];
    for (const n of [1, 4, 8, 17, 34]) run(any, [syn(100, hex(n)), '+0 accept(3, ..., ...) = 4', '+0 recv(4, ..., 200, 0) = 100', `+.04 > S. 0:0(0) ack 101 win 65535 <${mss(M, COOKIE)}>`]);
    run(any, [syn(100, ''), `+0 ${synack(0, 1)}`, none]);
  });

  it('ECN is agreed on as well, and given up with the second repetition', () => {
    const begin = [...listener(), syn(100, COOKIE, 'SEW'), '+0 accept(3, ..., ...) = 4', '+.01 send(4, ..., 300, 0) = 300', `+0 > [noecn] SE. 0:300(300) ack 101 win 65535 <${mss(M, COOKIE)}>`];
    run(begin, ['+.1 < . 101:101(0) ack 301 win 32767', '+0 send(4, ..., 10, 0) = 10', '+0 > [ect0] P. 301:311(10) ack 101', '+0 %{ assert tcpi_options == (TCPI_OPT_ECN | TCPI_OPT_TFO) }%']);
    run(begin, [
      `+1 ${synack(0, 101, null, 'SE.')}`,
      `+2.2 ${synack(0, 101, null, 'S.')}`,
      '+.1 < . 101:101(0) ack 301 win 32767',
      '+0 send(4, ..., 10, 0) = 10',
      '+0 > [noecn] P. 301:311(10) ack 101',
      '+0 %{ assert tcpi_options == TCPI_OPT_TFO }%',
    ]);
  });

  it('a backlog of one leaves no room for Fast Open', () => {
    run(listener(1), [syn(100, COOKIE), `+0 ${synack(0, 1, null)}`, none]);
  });

  it('SYN cookies and Fast Open go together', () => {
    run(listener(), [sysctl('syncookies_only', 1), syn(100, COOKIE), '+0 accept(3, ..., ...) = 4', '+0 send(4, ..., 10, 0) = 10', `+0 ${synack(10, 101)}`, '+.1 < . 101:101(0) ack 11 win 32767', '+0 %{ assert tcpi_state == TCPI_ESTABLISHED }%']);
  });

  it('a half-open connection is not opened by a cookie that comes later', () => {
    run(listener(), [syn(0, null), `+0 ${synack(0, 1, null)}`, syn(100, COOKIE), `+0 ${synack(0, 1, null)}`, none]);
  });

  it('an ICMP error does not end it', () => {
    run(opened, [`+.04 ${synack(0, 101)}`, '+.01 < icmp unreachable port_unreachable [0:0(0)]', '+.1 < . 101:101(0) ack 1 win 32767', '+0 %{ assert tcpi_state == TCPI_ESTABLISHED }%']);
  });
});
