import { describe, expect, it } from 'vitest';
import { renderResult, runScript } from '@ns/packetdrill';

const play = (version: string, lines: string): string => {
  const r = runScript(`--ip_version=${version}\n${lines}`);
  return r.status === 'passed' ? '' : renderResult(r);
};

describe.each([
  ['ipv4', 1460],
  ['ipv6', 1440],
  ['ipv4-mapped-ipv6', 1460],
])('%s', (version, mss) => {
  it('carries TCP both ways', () => {
    expect(play(version, `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < (ttl 3) S 0:0(0) win 65535 <mss 1460>
+0 > (ttl 64) S. 0:0(0) ack 1 win 65535 <mss ${mss}>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 100) = 100
+0 > P. 1:101(100) ack 1`)).toBe('');
    expect(play(version, `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.1 connect(3, ..., ...) = 0
+0 > S 0:0(0) <...>
+.1 < S. 0:0(0) ack 1 win 65535 <mss 1460>
+0 > . 1:1(0) ack 1 win 65535`)).toBe('');
  });

  it('carries UDP both ways', () => {
    expect(play(version, `
 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 bind(3, ..., ...) = 0
+0 < udp (100)
+0 recvfrom(3, ..., 1000, 0, ..., ...) = 100
+0 sendto(3, ..., 50, 0, ..., ...) = 50
+0 > udp (50)
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 recv(3, ..., 1000, 0) = -1 EAGAIN`)).toBe('');
    expect(play(version, `
 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 connect(3, ..., ...) = 0
+0 write(3, "hello", 5) = 5
+0 > udp (5)
+.1 < udp (7)
+0 read(3, ..., 100) = 7`)).toBe('');
  });
});

describe('calls', () => {
  const open = `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`;

  it('with vectors, messages, structs and requests', () => {
    expect(play('ipv4', `${open}
+0 writev(4, [{..., 10}, {..., 20}], 2) = 30
+0 > P. 1:31(30) ack 1
+0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 5}], msg_flags=0}, 0) = 5
+.1 < P. 1:101(100) ack 31 win 65535
+0 > P. 31:36(5) ack 101
+0 ioctl(4, FIONREAD, [100]) = 0
+0 ioctl(4, SIOCOUTQ, [5]) = 0
+0 readv(4, [{..., 10}, {..., 20}], 2) = 30
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 50}], msg_flags=0}, MSG_PEEK) = 50
+0 recv(4, ..., 1000, MSG_WAITALL|MSG_DONTWAIT) = 70
+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0
+0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, [8]) = 0
+0 setsockopt(4, IPPROTO_TCP, TCP_FUNCTION_BLK, {function_set_name="freebsd", pcbcnt=0}, 36) = 0
+0 getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "newreno", [16]) = 0
+0 close(4) = 0
+0 > R. 36:36(0) ack 101 win ...`.replace(' win ...', ''))).toBe('');
  });

  it('fail as they do on FreeBSD', () => {
    expect(play('ipv4', `${open}
+0 listen(4, 1) = -1 EINVAL
+0 connect(3, ..., ...) = -1 EOPNOTSUPP
+0 connect(4, ..., ...) = -1 EISCONN
+0 accept(4, ..., ...) = -1 EINVAL
+0 setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0
+0 setsockopt(4, IPPROTO_TCP, TCP_MAXSEG, [0], 4) = -1 EINVAL
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 accept(3, ..., ...) = -1 EWOULDBLOCK
+0 shutdown(4, SHUT_WR) = 0
+0 > F. 1:1(0) ack 1
+0 write(4, ..., 1) = -1 EPIPE
+0 close(4) = 0
+0 close(4) = -1 EBADF
+0 write(9, ..., 1) = -1 EBADF`)).toBe('');
  });

  it('that block end with their timeout', () => {
    expect(play('ipv4', `${open}
+0 setsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=0, tv_usec=250000}, 16) = 0
+0...0.25 read(4, ..., 10) = -1 EWOULDBLOCK
+.1 < P. 1:5(4) ack 1 win 65535
`.replace('+.1 < P.', '+.3 < P.'))).toBe('');
    expect(play('ipv4', `${open}
+0...0.2 recv(4, ..., 10, MSG_WAITALL) = 10
+.1 < P. 1:5(4) ack 1 win 65535
+.1 < P. 5:11(6) ack 1 win 65535`)).toBe('');
  });
});
