import { ECONNREFUSED, EACCES, EADDRNOTAVAIL, EDESTADDRREQ, EISCONN, EMSGSIZE, ENETUNREACH, ENOTCONN, EPIPE, EWOULDBLOCK } from '@ns/errno';
import { afterEach, describe, expect, it } from 'vitest';
import { INP_ANONPORT, type Inpcb, IP_ADD_MEMBERSHIP, IP_MINTTL, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_RECVDSTADDR, IP_RECVIF, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL } from '@ns/inpcb';
import { IP } from '@ns/ip';
import {
  DgramInfo,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_WR,
  SO_BROADCAST,
  SO_RCVBUF,
  SO_REUSEPORT,
  SO_TIMESTAMP,
  SOL_SOCKET,
  soclose,
  soconnect,
  sodisconnect,
  sogetopt,
  sopeeraddr,
  soreceiveDgramBytes,
  sosetopt,
  soshutdown,
  sosockaddr,
} from '@ns/socket';
import { IPPROTO_IP, parseInAddr } from '@ns/wire';
import { connectTo, type Lab, lab, open, recv, sa, send } from './lab.ts';

let l: Lab;
afterEach(() => {
  const report = l.stack.shutdown();
  expect(report).toEqual({ leftovers: [], problems: [] });
});

describe('datagrams', () => {
  it('A07 an echo goes from a user over the wire to a user and back', () => {
    l = lab();
    const server = open(l.b, 7);
    const client = open(l.a);
    expect(send(client, 'hello', sa('10.0.0.2', 7))).toBe(5);
    l.host.settle();
    const got = recv(server);
    expect(got).toEqual(['hello', expect.stringMatching(/^10\.0\.0\.1:\d+$/)]);
    const [text, from] = got as [string, string];
    expect(send(server, text.toUpperCase(), sa('10.0.0.1', Number(from.split(':')[1])))).toBe(5);
    l.host.settle();
    expect(recv(client)).toEqual(['HELLO', '10.0.0.2:7']);
    expect(recv(client)).toBe(EWOULDBLOCK);
    expect(l.udp(l.a).stat).toMatchObject({ opackets: 1, ipackets: 1, badsum: 0 });
    expect((client.pcb as Inpcb).flags & INP_ANONPORT).not.toBe(0);
  });

  it('may be empty, and may be peeked at', () => {
    l = lab();
    const server = open(l.b, 7);
    const client = open(l.a);
    send(client, '', sa('10.0.0.2', 7));
    send(client, 'abc', sa('10.0.0.2', 7));
    l.host.settle();
    expect(recv(server)).toEqual(['', expect.any(String)]);
    const info = new DgramInfo();
    const out = new Uint8Array(2);
    expect(soreceiveDgramBytes(server, out, 0, 2, info, MSG_PEEK)).toBe(2);
    expect(info.msgFlags & MSG_TRUNC).not.toBe(0);
    expect(soreceiveDgramBytes(server, out, 0, 2, info, MSG_TRUNC)).toBe(3);
    expect(info.len).toBe(3);
    expect(soreceiveDgramBytes(server, out, 0, 2, info, 0)).toBe(-EWOULDBLOCK);
  });

  it('over loopback too', () => {
    l = lab();
    const server = open(l.a, 7, '127.0.0.1');
    const client = open(l.a);
    connectTo(client, l.a, '127.0.0.1', 7);
    expect(send(client, 'me')).toBe(2);
    l.host.settle();
    expect(recv(server)?.toString()).toContain('me,127.0.0.1:');
  });

  it('larger than the MTU are fragmented and put together again', () => {
    l = lab();
    const server = open(l.b, 7);
    const client = open(l.a);
    const data = Uint8Array.from({ length: 9216 }, (_, i) => 65 + (i % 26));
    expect(send(client, data, sa('10.0.0.2', 7))).toBe(9216);
    l.host.settle();
    expect(recv(server)?.toString().split(',')[0]).toBe(new TextDecoder().decode(data));
    expect(IP.get(l.a.vnet).stat.fragmented).toBe(1);
    expect(IP.get(l.b.vnet).stat.reassembled).toBe(1);
    expect(send(client, new Uint8Array(9217), sa('10.0.0.2', 7))).toBe(-EMSGSIZE);
    l.a.sysctl('net.inet.udp.maxdgram', 65507);
    l.b.sysctl('net.inet.ip.maxfragsperpacket', 64);
    const big = open(l.a);
    expect(send(big, new Uint8Array(65507), sa('10.0.0.2', 7))).toBe(65507);
    l.host.settle();
    expect(l.udp(l.b).stat.fullsock).toBe(1); // 65507 bytes are more than a receive buffer of 42080
  });

  it('sent from a bound socket carry its address', () => {
    l = lab();
    const server = open(l.b, 7);
    const client = open(l.a, 4000, '10.0.0.1');
    expect(sosockaddr(client).toString()).toBe('10.0.0.1:4000');
    send(client, 'x', sa('10.0.0.2', 7));
    l.host.settle();
    expect(recv(server)).toEqual(['x', '10.0.0.1:4000']);
  });
});

describe('connected sockets', () => {
  it('hear their peer only, and send to it only', () => {
    l = lab();
    const so = open(l.b, 7);
    const peer = open(l.a, 4000);
    const other = open(l.a, 4001);
    connectTo(so, l.b, '10.0.0.1', 4000);
    expect(sopeeraddr(so).toString()).toBe('10.0.0.1:4000');
    expect(sosockaddr(so).toString()).toBe('10.0.0.2:7');
    send(other, 'no', sa('10.0.0.2', 7));
    send(peer, 'yes', sa('10.0.0.2', 7));
    l.host.settle();
    expect(recv(so)).toEqual(['yes', '10.0.0.1:4000']);
    expect(recv(so)).toBe(EWOULDBLOCK);
    expect(send(so, 'x', sa('10.0.0.1', 4001))).toBe(-EISCONN);
    expect(send(so, 'x')).toBe(1);
    l.host.settle();
    expect(recv(peer)).toEqual(['x', '10.0.0.2:7']);
  });

  it('can be disconnected, and connected to another', () => {
    l = lab();
    const so = open(l.b, 7);
    const peer = open(l.a, 4001);
    connectTo(so, l.b, '10.0.0.1', 4000);
    expect(sodisconnect(so)).toBe(0);
    expect(sodisconnect(so)).toBe(ENOTCONN);
    expect(sopeeraddr(so)).toBe(ENOTCONN);
    expect(send(so, 'x')).toBe(-EDESTADDRREQ);
    send(peer, 'again', sa('10.0.0.2', 7));
    l.host.settle();
    expect(recv(so)).toEqual(['again', '10.0.0.1:4001']);
    connectTo(so, l.b, '10.0.0.1', 4000);
    connectTo(so, l.b, '10.0.0.1', 4001); // datagram sockets may change their peer
    expect(sopeeraddr(so).toString()).toBe('10.0.0.1:4001');
  });

  it('are told that nobody listens; unconnected ones are not', () => {
    l = lab();
    const so = open(l.a);
    const loose = open(l.a);
    connectTo(so, l.a, '10.0.0.2', 9);
    send(so, 'x');
    send(loose, 'x', sa('10.0.0.2', 9));
    l.host.settle();
    expect(l.udp(l.b).stat.noport).toBe(2);
    expect(recv(so)).toBe(ECONNREFUSED);
    expect(recv(so)).toBe(EWOULDBLOCK);
    expect(recv(loose)).toBe(EWOULDBLOCK);
    send(so, 'x');
    l.host.settle();
    expect(send(so, 'y')).toBe(-ECONNREFUSED);
    expect(send(so, 'y')).toBe(1);
  });

  it('errors of sending', () => {
    l = lab();
    const so = open(l.a);
    expect(send(so, 'x')).toBe(-EDESTADDRREQ);
    expect(send(so, 'x', sa('192.0.2.1', 7))).toBe(-ENETUNREACH);
    expect(send(so, 'x', sa('10.0.0.2', 0))).toBe(-EADDRNOTAVAIL);
    expect(soconnect(so, sa('192.0.2.1', 7), l.a.cred)).toBe(ENETUNREACH);
    connectTo(so, l.a, '10.0.0.2', 7);
    expect(soshutdown(so, SHUT_WR)).toBe(0);
    expect(send(so, 'x')).toBe(-EPIPE);
  });
});

describe('what the port does', () => {
  it('log_in_vain logs, blackhole keeps silent', () => {
    l = lab();
    l.b.sysctl('net.inet.udp.log_in_vain', 1);
    l.b.sysctl('net.inet.udp.blackhole', 1);
    const so = open(l.a, 4000);
    connectTo(so, l.a, '10.0.0.2', 9);
    send(so, 'x');
    l.host.settle();
    expect(recv(so)).toBe(EWOULDBLOCK);
    expect(l.udp(l.b).stat.noport).toBe(1);
    expect(l.host.logged.map((e) => e.text)).toContain('Connection attempt to UDP 10.0.0.2:9 from 10.0.0.1:4000');
  });

  it('a full buffer drops and counts, and drains to full use again', () => {
    l = lab();
    const server = open(l.b, 7);
    expect(sosetopt(server, SOL_SOCKET, SO_RCVBUF, 1000)).toBe(0);
    const client = open(l.a);
    for (let n = 0; n < 5; n++) send(client, 'x'.repeat(300), sa('10.0.0.2', 7));
    l.host.settle();
    expect(l.udp(l.b).stat.fullsock).toBe(2);
    expect([1, 2, 3].map(() => typeof recv(server))).toEqual(['object', 'object', 'object']);
    expect(server.rcv).toMatchObject({ cc: 0, mbcnt: 0 });
  });

  it('checksums: none when the sysctl says so, and then none is verified', () => {
    l = lab();
    l.a.sysctl('net.inet.udp.checksum', 0);
    const server = open(l.b, 7);
    send(open(l.a), 'plain', sa('10.0.0.2', 7));
    l.host.settle();
    expect(recv(server)).toEqual(['plain', expect.any(String)]);
    expect(l.udp(l.b).stat.nosum).toBe(1);
  });

  it('tells what the socket asked for', () => {
    l = lab();
    const server = open(l.b, 7);
    const client = open(l.a);
    for (const o of [IP_RECVDSTADDR, IP_RECVIF, IP_RECVTTL, IP_RECVTOS]) expect(sosetopt(server, IPPROTO_IP, o, 1)).toBe(0);
    sosetopt(server, SOL_SOCKET, SO_TIMESTAMP, 1);
    sosetopt(client, IPPROTO_IP, IP_TTL, 33);
    sosetopt(client, IPPROTO_IP, IP_TOS, 0x28);
    expect(sogetopt(client, IPPROTO_IP, IP_TTL)).toBe(33);
    l.host.advance(5_000_000);
    send(client, 'x', sa('10.0.0.2', 7));
    l.host.settle();
    const info = new DgramInfo();
    expect(soreceiveDgramBytes(server, new Uint8Array(9), 0, 9, info, 0)).toBe(1);
    expect(info.to().toString()).toBe('10.0.0.2');
    expect(info).toMatchObject({ ttl: 33, tos: 0x28, ifindex: l.b.interface(l.ifb).index });
    expect(info.tstampUs).toBeGreaterThanOrEqual(5_000_000);
  });

  it('IP_MINTTL ignores what has come from too far', () => {
    l = lab();
    const server = open(l.b, 7);
    sosetopt(server, IPPROTO_IP, IP_MINTTL, 255);
    const client = open(l.a);
    send(client, 'far', sa('10.0.0.2', 7));
    sosetopt(client, IPPROTO_IP, IP_TTL, 255);
    send(client, 'near', sa('10.0.0.2', 7));
    l.host.settle();
    expect(recv(server)?.toString()).toContain('near');
    expect(recv(server)).toBe(EWOULDBLOCK);
  });
});

describe('broadcast and multicast', () => {
  it('broadcast needs SO_BROADCAST, and reaches every socket that shares the port', () => {
    l = lab();
    const [x, y] = [open(l.b, 7, '0.0.0.0', SO_REUSEPORT), open(l.b, 7, '0.0.0.0', SO_REUSEPORT)];
    const client = open(l.a);
    expect(send(client, 'all', sa('10.0.0.255', 7))).toBe(-EACCES);
    client.options |= SO_BROADCAST;
    expect(send(client, 'all', sa('10.0.0.255', 7))).toBe(3);
    expect(send(client, 'any', sa('255.255.255.255', 7))).toBe(3);
    l.host.settle();
    for (const so of [x, y]) expect([recv(so), recv(so)].map((r) => (r as [string, string])[0])).toEqual(['all', 'any']);
    expect(l.udp(l.b).stat.noport).toBe(0);
  });

  it('a broadcast for a port that nobody has is dropped in silence', () => {
    l = lab();
    const client = open(l.a, -1, '', SO_BROADCAST);
    send(client, 'x', sa('10.0.0.255', 9));
    l.host.settle();
    expect(l.udp(l.b).stat).toMatchObject({ noport: 0, noportbcast: 1 });
    expect(recv(client)).toBe(EWOULDBLOCK);
  });

  it('multicast reaches members of the group, each with a copy, and nobody else', () => {
    l = lab();
    const group = parseInAddr('224.1.1.1');
    const ifp = l.b.interface(l.ifb);
    const [x, y, z] = [1, 2, 3].map(() => open(l.b, 5353, '0.0.0.0', SO_REUSEPORT)) as [ReturnType<typeof open>, ReturnType<typeof open>, ReturnType<typeof open>];
    expect(sosetopt(x, IPPROTO_IP, IP_ADD_MEMBERSHIP, { group, ifp })).toBe(0);
    expect(sosetopt(y, IPPROTO_IP, IP_ADD_MEMBERSHIP, { group, ifp })).toBe(0);
    const client = open(l.a);
    sosetopt(client, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    expect(send(client, 'm', sa('224.1.1.1', 5353))).toBe(-ENETUNREACH); // no route to it, and no interface chosen
    sosetopt(client, IPPROTO_IP, IP_MULTICAST_IF, l.a.interface(l.ifa));
    const to = sa('224.1.1.1', 5353);
    const outcome = send(client, 'm', to);
    l.host.settle();
    expect(outcome).toBe(1);
    expect([x, y, z].map((so) => typeof recv(so))).toEqual(['object', 'object', 'number']);
    for (const so of [x, y, z]) soclose(so);
    send(client, 'gone', to);
    l.host.settle();
    expect(l.udp(l.b).info.count).toBe(0);
  });
});
