import { describe, it } from 'vitest';
import { accepted, GOOD_LENGTHS, hex, LENGTHS, plain, rejected, replyOptions, request, sendto, synOptions, takeDown } from './fastopen-parts.ts';
import { FAMILIES, mssOf, play, sysctl } from './script-parts.ts';

const start = '0 `true`';
const OLD = hex(8);
const NEW = hex(8, 101);
const good = (n: number): boolean => GOOD_LENGTHS.includes(n);

describe.each(FAMILIES)('Fast Open client over IPv%i (RFC 7413 §4.2.1)', (f) => {
  const run = (...lines: readonly string[][]): void => play(f, [start, ...lines.flat()]);

  describe.each(LENGTHS)('a cookie of %i bytes', (n) => {
    const fresh = hex(n, 101);

    it('that was asked for is kept if it can be one; else the path is disabled', () => {
      run(request(f, fresh), good(n) ? accepted(f, fresh, null) : plain(f));
    });

    it('from a server that took the data replaces the old one, or not', () => {
      run(request(f, OLD), accepted(f, OLD, fresh), accepted(f, good(n) ? fresh : OLD, null));
    });

    it('from a server that did not replaces the old one, or disables the path', () => {
      run(request(f, OLD), rejected(f, OLD, fresh), good(n) ? accepted(f, fresh, null) : plain(f));
    });
  });

  it('a server that gives no cookie disables the path', () => run(request(f, null), plain(f), plain(f)));
  it('a server that takes the data need not give a cookie again', () => run(request(f, OLD), accepted(f, OLD, null), accepted(f, OLD, null), accepted(f, OLD, null)));
  it('a server that neither takes the data nor gives a cookie disables the path', () => run(request(f, OLD), rejected(f, OLD, null), plain(f)));
  it('a cookie of zeros is one', () => run(request(f, '00'.repeat(8)), accepted(f, '00'.repeat(8), null)));

  it('a disabled path is tried again after path_disable_time, with a request', () => {
    run(
      [sysctl('fastopen.path_disable_time', 10)],
      request(f, OLD),
      rejected(f, OLD, null),
      ['+9 `true`'],
      plain(f),
      ['+2 `true`'],
      request(f, NEW),
      accepted(f, NEW, null),
    );
  });

  it('what is still disabled when found so again keeps its time', () => {
    run([sysctl('fastopen.path_disable_time', 10)], request(f, null), ['+6 `true`'], plain(f), ['+6 `true`'], request(f, OLD));
  });

  it('switched off and on forgets cookies and disabled paths, and does nothing in between', () => {
    const off = [sysctl('fastopen.client_enable', 0)];
    const on = [sysctl('fastopen.client_enable', 1)];
    const [socket, opt, ...rest] = plain(f);
    run(request(f, OLD), [socket!, opt!], off, rest, on, request(f, OLD), rejected(f, OLD, null), off, on, request(f, OLD));
  });

  it('what the server does not take of the data goes again at once', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.05 < S. 0:0(0) ack 51 win 65535 <${replyOptions(null)}>`,
      '+0 > P. 51:101(50) ack 1',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
      // The cookie was good.
      ...accepted(f, OLD, null),
    ]);
  });

  it('a repeated SYN has neither the option nor data; a late answer to the first counts', () => {
    const lost = [...sendto(), `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`, `+1 > S 0:0(0) win 65535 <${synOptions(f, null)}>`];
    run(request(f, OLD), [
      ...lost,
      `+.05 < S. 0:0(0) ack 101 win 65535 <${replyOptions(null)}>`,
      '+0 > . 101:101(0) ack 1',
      ...takeDown(),
      ...lost,
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(NEW)}>`,
      '+0 > P. 1:101(100) ack 1',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
      ...accepted(f, NEW, null),
    ]);
  });

  it('a path that answers only a SYN without the option is disabled', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+1 > S 0:0(0) win 65535 <${synOptions(f, null)}>`,
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(null)}>`,
      '+0 > P. 1:101(100) ack 1',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
      ...plain(f),
    ]);
  });

  it('a path that answers nothing is disabled', () => {
    run(request(f, OLD), [
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [2], 4) = 0',
      '+0 sendto(3, ..., 100, 0, ..., ...) = 100',
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+1 > S 0:0(0) win 65535 <${synOptions(f, null)}>`,
      '+1.1 getsockopt(3, SOL_SOCKET, SO_ERROR, [ETIMEDOUT], [4]) = 0',
      '+0 close(3) = 0',
      ...plain(f),
    ]);
  });

  it('a reset says nothing about the path', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      '+.05 < R. 0:0(0) ack 101 win 0',
      '+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0',
      '+0 close(3) = 0',
      ...accepted(f, OLD, null),
    ]);
  });

  it('an ICMP error that ends the attempt disables the path, another does not', () => {
    const end = f === 4 ? 'unreachable port_unreachable' : 'unreachable port_unreachable';
    const soft = f === 4 ? 'unreachable host_unreachable' : 'unreachable no_route';
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.01 < icmp ${soft} [0:100(100)]`,
      `+.05 < S. 0:0(0) ack 101 win 65535 <${replyOptions(null)}>`,
      '+0 > . 101:101(0) ack 1',
      ...takeDown(),
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.01 < icmp ${end} [0:100(100)]`,
      '+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0',
      '+0 close(3) = 0',
      ...plain(f),
    ]);
  });

  it('a SYN that is too large goes again without data; those follow the handshake', () => {
    const narrow = mssOf(f) - 200;
    const toobig = f === 4 ? 'icmp unreachable frag_needed mtu 1300' : 'icmp packet_too_big mtu 1300';
    run(request(f, OLD), [
      ...sendto(1400),
      `+0 > S 0:1400(1400) win 65535 <${synOptions(f, OLD)}>`,
      `+.01 < ${toobig} [0:1400(1400)]`,
      `+0 > S 0:0(0) win 65535 <mss ${narrow},nop,wscale 6,sackOK,TS val 100 ecr 0>`,
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(null)}>`,
      `+0 > . 1:${narrow + 1}(${narrow}) ack 1`,
      `+0 > P. ${narrow + 1}:1401(${1400 - narrow}) ack 1`,
    ]);
  });

  it('data with the SYN|ACK are taken', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.05 < S. 0:10(10) ack 101 win 65535 <${replyOptions(null)}>`,
      '+0 > . 101:101(0) ack 11',
      '+0 recv(3, ..., 100, 0) = 10',
    ]);
  });

  it('an acknowledgement of more than was sent is answered by a reset, and the handshake goes on', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.05 < S. 0:0(0) ack 102 win 65535 <${replyOptions(null)}>`,
      '+0 > R 102:102(0) win 0',
      `+.05 < S. 0:0(0) ack 101 win 65535 <${replyOptions(null)}>`,
      '+0 > . 101:101(0) ack 1',
    ]);
  });

  it('crossing SYNs open as they always do: no option, no data on the SYN|ACK', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.05 < S 0:100(100) win 65535 <${replyOptions(NEW)}>`,
      `+0 > S. 0:0(0) ack 1 win 65535 <mss ${mssOf(f)},sackOK,eol,eol>`,
      '+.05 < . 101:101(0) ack 1 win 65535',
      '+0 > P. 1:101(100) ack 101',
      '+.05 < . 101:101(0) ack 101 win 65535',
      '+0 recv(3, ..., 200, 0) = 100',
    ]);
  });

  it('the data stop at what fits beside the options in a segment of the size that the server took last', () => {
    run(request(f, OLD, 940), [
      ...sendto(1000),
      `+0 > S 0:908(908) win 65535 <${synOptions(f, OLD)}>`,
      `+.05 < S. 0:0(0) ack 909 win 65535 <${replyOptions(null, 700)}>`,
      '+0 > P. 909:1001(92) ack 1',
      '+.05 < . 1:1(0) ack 1001 win 65535',
      ...takeDown(1000),
      // It takes less now.
      ...sendto(1000),
      `+0 > S 0:668(668) win 65535 <${synOptions(f, OLD)}>`,
    ]);
  });

  it.each(GOOD_LENGTHS)('a cookie of %i bytes leaves as much room as it needs', (n) => {
    const cookie = hex(n);
    const len = mssOf(f) - Math.ceil((22 + n) / 4) * 4;
    run(request(f, cookie), [...sendto(3000), `+0 > S 0:${len}(${len}) win 65535 <${synOptions(f, cookie)}>`]);
  });

  it('without other options the cookie stands behind what there is', () => {
    run([sysctl('rfc1323', 0), sysctl('sack.enable', 0)], [
      ...sendto(),
      `+0 > S 0:0(0) win 65535 <mss ${mssOf(f)},FO,eol,eol>`,
      '+.05 < S. 0:0(0) ack 1 win 65535 <mss 1460,FO 01020304,eol,eol>',
      '+0 > P. 1:101(100) ack 1',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <mss ${mssOf(f)},FO 01020304,eol,eol>`,
    ]);
  });

  it('TCP_NOOPT means no option and no data', () => {
    run(request(f, OLD), [
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0',
      '+0 sendto(3, ..., 100, 0, ..., ...) = 100',
      '+0 > S 0:0(0) win 65535',
      '+.05 < S. 0:0(0) ack 1 win 65535 <mss 1460>',
      '+0 > P. 1:101(100) ack 1',
    ]);
  });

  it.each(['TCP_NODELAY', 'TCP_NOPUSH'])('%s holds nothing back from the SYN', (name) => {
    run(request(f, OLD), [
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
      `+0 setsockopt(3, IPPROTO_TCP, ${name}, [1], 4) = 0`,
      '+0 sendto(3, ..., 100, 0, ..., ...) = 100',
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
    ]);
  });

  it('asks for ECN as well', () => {
    run([sysctl('ecn.enable', 1)], [
      ...sendto(),
      `+0 > SEW 0:0(0) win 65535 <${synOptions(f, '')}>`,
      `+.05 < SE. 0:0(0) ack 1 win 65535 <${replyOptions(OLD)}>`,
      '+0 > [ect0] P. 1:101(100) ack 1',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
      ...sendto(),
      `+0 > [noecn] SEW 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
    ]);
  });

  it('writes while connecting wait for the SYN|ACK', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      '+0 sendto(3, ..., 50, 0, ..., ...) = 50',
      `+.05 < S. 0:0(0) ack 101 win 65535 <${replyOptions(null)}>`,
      '+0 > P. 101:151(50) ack 1',
    ]);
  });

  it('urgent data go with the SYN; the pointer stands behind them, and nothing else goes before the answer', () => {
    run(request(f, OLD), [
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
      '+0 sendto(3, ..., 100, MSG_OOB, ..., ...) = 100',
      // The SYN is the first octet of the segment (RFC 9293 §3.4): its number and 100 more.
      `+0 > SU 0:100(100) win 65535 urg 101 <${synOptions(f, OLD)}>`,
      '+0 sendto(3, ..., 50, 0, ..., ...) = 50',
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(null)}>`,
      '+0 > PU. 1:151(150) ack 1 urg 100',
    ]);
  });

  it('the FIN of a close follows the handshake', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      '+0 close(3) = 0',
      `+.05 < S. 0:0(0) ack 101 win 65535 <${replyOptions(null)}>`,
      '+0 > F. 101:101(0) ack 1',
      '+.05 < . 1:1(0) ack 102 win 65535',
    ]);
  });

  it('the FIN of a shutdown goes with data that were not taken', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      '+0 shutdown(3, SHUT_WR) = 0',
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(null)}>`,
      '+0 > FP. 1:101(100) ack 1',
    ]);
  });

  it('data lost behind the SYN are repeated by the timer', () => {
    run(request(f, OLD), [
      ...sendto(),
      `+0 > S 0:100(100) win 65535 <${synOptions(f, OLD)}>`,
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(null)}>`,
      '+0 > P. 1:101(100) ack 1',
      '+.35 > P. 1:101(100) ack 1',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
    ]);
  });

  it('connect() has no data to send: it asks for a cookie, and learns that there is none', () => {
    const connect = (options: string): string[] => [
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
      '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
      '+0 connect(3, ..., ...) = -1 EINPROGRESS',
      `+0 > S 0:0(0) win 65535 <${options}>`,
    ];
    const answered = (cookie: string | null): string[] => [`+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(cookie)}>`, '+0 > . 1:1(0) ack 1', ...takeDown(0)];
    run(connect(synOptions(f, '')), answered(OLD), accepted(f, OLD, null), connect(synOptions(f, '')), answered(null), plain(f), connect(synOptions(f, null)), answered(null));
  });

  it('the option can be set before there is a connection, and tells whether there is Fast Open', () => {
    const opt = (n: number, errno: string = ''): string => `+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [${n}], 4) = ${errno === '' ? 0 : `-1 ${errno}`}`;
    const is = (n: number): string => `+0 getsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [${n}], [4]) = 0`;
    run([
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      is(0),
      opt(1),
      is(1),
      opt(0),
      is(0),
      sysctl('fastopen.client_enable', 0),
      opt(1, 'EPERM'),
      sysctl('fastopen.client_enable', 1),
      opt(1),
      '+0 sendto(3, ..., 100, 0, ..., ...) = 100',
      `+0 > S 0:0(0) win 65535 <${synOptions(f, '')}>`,
      opt(0, 'EINVAL'),
      `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(OLD)}>`,
      '+0 > P. 1:101(100) ack 1',
      opt(1, 'EINVAL'),
      is(1),
      '+0 %{ assert tcpi_options == (TCPI_OPT_SACK | TCPI_OPT_TFO) }%',
      '+.05 < . 1:1(0) ack 101 win 65535',
      ...takeDown(),
      ...rejected(f, OLD, null).slice(0, -5),
      is(0),
      '+0 %{ assert tcpi_options == TCPI_OPT_SACK }%',
    ]);
  });
});
