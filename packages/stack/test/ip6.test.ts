/* TCP and UDP over IPv6, end to end. */
import { EADDRINUSE, EINVAL, EMSGSIZE, ENOTCONN } from '@ns/errno';
import {
  INP_V6ONLY,
  type Inpcb,
  IPV6_AUTOFLOWLABEL,
  IPV6_DONTFRAG,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_PATHMTU,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_USE_MIN_MTU,
  IPV6_V6ONLY,
  MCAST_BLOCK_SOURCE,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  MCAST_UNBLOCK_SOURCE,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '@ns/inpcb';
import { ifInput, type Ifnet, ifPushOverlay } from '@ns/ifnet';
import { IP6 } from '@ns/ip6';
import { SeededRandom, virtualHost, type VirtualHost } from '@ns/kern';
import { CSUM_DATA_VALID, CSUM_PSEUDO_HDR, CSUM_TCP_IPV6, mFreem, mToBytes } from '@ns/mbuf';
import {
  DgramInfo,
  SO_ACCEPT,
  sobind,
  type Socket,
  soclose,
  soconnect,
  socreate,
  solisten,
  solistenDequeue,
  sopeeraddr,
  soreceiveBytes,
  soreceiveDgram,
  sogetopt,
  sosendCopy,
  sosetopt,
} from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { TCP } from '@ns/tcp';
import { AF_INET, AF_INET6, ETHERTYPE_IPV6, formatInAddr, type InAddr, inAddr6, IPPROTO_HOPOPTS, IPPROTO_ICMPV6, IPPROTO_IPV6, parseInAddr, pseudoSum6, setInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const addr = (text: string, zone = 0): InAddr => {
  const a = parseInAddr(text)!;
  return zone === 0 ? a : inAddr6(a.w0, a.w1, a.w2, a.w3, zone);
};
const at = (text: string, port: number, zone = 0): Sockaddr => new Sockaddr(addr(text, zone), port);

function open(jail: StackJail, type: number, domain: number = AF_INET6): Socket {
  const so = socreate(jail.vnet, domain, type, 0, jail.cred);
  if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
  return so;
}

/** A server that sends back what it gets; `peers` are the addresses that it accepted from. */
function echoServer(jail: StackJail, sa: Sockaddr, v6only = true): { so: Socket; peers: string[] } {
  const buf = new Uint8Array(65536);
  const lso = open(jail, SOCK_STREAM);
  const peers: string[] = [];
  expect(sosetopt(lso, IPPROTO_IPV6, IPV6_V6ONLY, v6only ? 1 : 0)).toBe(0);
  expect(sobind(lso, sa, jail.cred)).toBe(0);
  expect(solisten(lso, 8)).toBe(0);
  lso.upcall = {
    soupcall: (_s, events) => {
      const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
      if (typeof so === 'number') return;
      const peer = sopeeraddr(so);
      if (typeof peer !== 'number') peers.push(formatInAddr(peer!.addr));
      const pump = (): void => {
        for (let n = soreceiveBytes(so, buf, 0, 8192, 0); n > 0; n = soreceiveBytes(so, buf, 0, 8192, 0)) expect(sosendCopy(so, null, buf, 0, n, 0)).toBe(n);
      };
      so.upcall = { soupcall: pump };
      pump();
    },
  };
  return { so: lso, peers };
}

/** Sends `bytes` to an echo server and gives what came back. */
function echo(host: VirtualHost, jail: StackJail, to: Sockaddr, bytes: Uint8Array, domain: number = AF_INET6): Uint8Array {
  const buf = new Uint8Array(65536);
  const so = open(jail, SOCK_STREAM, domain);
  const back: number[] = [];
  let sent = 0;
  const push = (): void => {
    while (sent < bytes.length && sent - back.length < 16384) {
      const n = sosendCopy(so, null, bytes, sent, Math.min(4096, bytes.length - sent), 0);
      if (n <= 0) break;
      sent += n;
    }
  };
  so.upcall = {
    soupcall: () => {
      for (let n = soreceiveBytes(so, buf, 0, buf.length, 0); n > 0; n = soreceiveBytes(so, buf, 0, buf.length, 0)) back.push(...buf.subarray(0, n));
      push();
    },
  };
  expect(soconnect(so, to, jail.cred)).toBe(0);
  host.runUntil(() => back.length >= bytes.length, 10e6);
  soclose(so);
  host.advance(1e6);
  return Uint8Array.from(back);
}

/** Datagrams that a socket has, as [text, sender]. */
function received(so: Socket): [string, string][] {
  const info = new DgramInfo();
  const out: [string, string][] = [];
  for (let m = soreceiveDgram(so, info, 0); m !== null; m = soreceiveDgram(so, info, 0)) {
    out.push([new TextDecoder().decode(mToBytes(m)), formatInAddr(info.from().addr)]);
    mFreem(m);
  }
  return out;
}

function sendText(so: Socket, to: Sockaddr | null, text: string): number {
  const b = new TextEncoder().encode(text);
  return sosendCopy(so, to, b, 0, b.length, 0);
}

interface World {
  readonly host: VirtualHost;
  readonly stack: Stack;
  readonly a: StackJail;
  readonly b: StackJail;
  readonly ifa: Ifnet;
  readonly ifb: Ifnet;
}

function world(): World {
  const host = virtualHost({ seed: 4 });
  const stack = createStack({ host });
  const a = stack.jail({ name: 'a', vnet: 'new' });
  const b = stack.jail({ name: 'b', vnet: 'new' });
  const l = stack.link(a, '2001:db8::1/64', b, '2001:db8::2/64');
  for (const j of [a, b]) j.up('lo0');
  host.advance(3e6); // link-local addresses have been tested
  return { host, stack, a, b, ifa: a.interface(l.a), ifb: b.interface(l.b) };
}

function random(n: number): Uint8Array {
  const b = new Uint8Array(n);
  new SeededRandom(3).fill(b);
  return b;
}

describe('IPv6 on loopback', () => {
  it('lo0 has ::1 and fe80::1 as soon as it is up', () => {
    const s = createStack({ host: virtualHost() });
    s.host.up('lo0');
    expect(s.host.interface('lo0').addrs.map((a) => a.addr.toString())).toEqual(['::1', 'fe80::1%1']);
    s.shutdown();
  });

  it('T22 TCP over ::1, every byte there and back, without a checksum in software', () => {
    const host = virtualHost({ seed: 2 });
    const s = createStack({ host });
    s.host.up('lo0');
    const { peers } = echoServer(s.host, at('::', 7));
    const bytes = random(100_000);
    const lo = s.host.interface('lo0');
    let packets = 0;
    ifPushOverlay(lo, {
      origin: 'spy',
      softc: null,
      ops: {
        transmit: (h, m, _softc, next) => {
          // The field has the sum of the pseudo-header and nothing else: neither sender nor driver has added up the segment.
          const o = m.off;
          const w = (at: number): number => m.dv.getInt32(o + at);
          const pseudo = pseudoSum6(w(8), w(12), w(16), w(20), w(24), w(28), w(32), w(36), 6, m.pktlen - 40);
          expect([m.csumFlags & CSUM_TCP_IPV6, m.csumData, m.dv.getUint16(o + 56)]).toEqual([CSUM_TCP_IPV6, 16, pseudo]);
          packets++;
          return next.transmit(h, m);
        },
      },
    });
    expect(echo(host, s.host, at('::1', 7), bytes)).toEqual(bytes);
    expect(packets).toBeGreaterThan(20);
    // Nor has the receiver: it would have found every one of them wrong.
    expect(peers).toEqual(['::1']);
    expect((s.host.sysctl('net.inet.tcp.stats') as unknown as { rcvbadsum: number }).rcvbadsum).toBe(0);
  });

  it('UDP over ::1, and to fe80::1%lo0', () => {
    const host = virtualHost({ seed: 2 });
    const s = createStack({ host });
    s.host.up('lo0');
    const srv = open(s.host, SOCK_DGRAM);
    expect(sobind(srv, at('::', 53), s.host.cred)).toBe(0);
    const cl = open(s.host, SOCK_DGRAM);
    expect(sendText(cl, at('::1', 53), 'one')).toBe(3);
    expect(sendText(cl, at('fe80::1', 53, 1), 'two')).toBe(3);
    host.settle();
    expect(received(srv)).toEqual([
      ['one', '::1'],
      ['two', 'fe80::1%1'],
    ]);
  });
});

describe('IPv6 over a cable', () => {
  it('A07 TCP over IPv6, user to wire to user: every byte there and back', () => {
    const w = world();
    echoServer(w.a, at('::', 7));
    const bytes = random(200_000);
    expect(echo(w.host, w.b, at('2001:db8::1', 7), bytes)).toEqual(bytes);
  });

  it('TCP between link-local addresses, with their zones', () => {
    const w = world();
    const lla = w.ifa.addrs.find((x) => x.addr.zone !== 0)!.addr;
    const { peers } = echoServer(w.a, new Sockaddr(lla, 7));
    const bytes = random(10_000);
    expect(echo(w.host, w.b, new Sockaddr(inAddr6(lla.w0, lla.w1, lla.w2, lla.w3, w.ifb.index), 7), bytes)).toEqual(bytes);
    expect(peers[0]).toMatch(new RegExp(`^fe80::.*%${w.ifa.index}$`));
  });

  it('UDP over IPv6, fragmented where it must be', () => {
    const w = world();
    const srv = open(w.a, SOCK_DGRAM);
    expect(sobind(srv, at('2001:db8::1', 53), w.a.cred)).toBe(0);
    const cl = open(w.b, SOCK_DGRAM);
    const big = 'x'.repeat(6000);
    expect(sendText(cl, at('2001:db8::1', 53), 'small')).toBe(5);
    expect(sendText(cl, at('2001:db8::1', 53), big)).toBe(6000);
    w.host.settle();
    expect(received(srv)).toEqual([
      ['small', '2001:db8::2'],
      [big, '2001:db8::2'],
    ]);
    expect(IP6.get(w.b.vnet).stat.ofragments).toBe(5);
    expect(IP6.get(w.a.vnet).stat.reassembled).toBe(1);
  });

  it('nobody listens: TCP is refused, UDP is told by ICMPv6', () => {
    const w = world();
    const tcp = open(w.b, SOCK_STREAM);
    expect(soconnect(tcp, at('2001:db8::1', 9), w.b.cred)).toBe(0);
    w.host.settle();
    expect(tcp.error).toBe(61);
    const udp = open(w.b, SOCK_DGRAM);
    expect(soconnect(udp, at('2001:db8::1', 9), w.b.cred)).toBe(0);
    expect(sendText(udp, null, 'x')).toBe(1);
    w.host.settle();
    expect(udp.error).toBe(61);
    expect(IP6.get(w.a.vnet).icmp6stat.odst_unreach_noport).toBe(1);
  });
});

describe('one socket for both families', () => {
  it('is IPv6 alone by default (net.inet6.ip6.v6only), and takes IPv4 by mapped addresses without IPV6_V6ONLY', () => {
    const host = virtualHost({ seed: 2 });
    const s = createStack({ host });
    s.host.addAddress('lo0', '127.0.0.1/8');
    expect((open(s.host, SOCK_STREAM).pcb as Inpcb).flags & INP_V6ONLY).toBe(INP_V6ONLY);
    const dual = echoServer(s.host, at('::', 7), false);
    const only = echoServer(s.host, at('::', 8), true);
    const hello = new TextEncoder().encode('hello');
    expect(echo(host, s.host, at('127.0.0.1', 7), hello, AF_INET)).toEqual(hello);
    expect(echo(host, s.host, at('::1', 7), hello)).toEqual(hello);
    expect(dual.peers).toEqual(['::ffff:127.0.0.1', '::1']);
    const refused = open(s.host, SOCK_STREAM, AF_INET);
    expect(soconnect(refused, at('127.0.0.1', 8), s.host.cred)).toBe(0);
    host.settle();
    expect(refused.error).toBe(61);
    expect(only.peers).toEqual([]);
  });

  it('connects to a mapped address over IPv4', () => {
    const host = virtualHost({ seed: 2 });
    const s = createStack({ host });
    s.host.addAddress('lo0', '127.0.0.1/8');
    const dual = echoServer(s.host, at('::', 7), false);
    s.host.sysctl('net.inet6.ip6.v6only', 0);
    const hello = new TextEncoder().encode('hello');
    expect(echo(host, s.host, at('::ffff:127.0.0.1', 7), hello)).toEqual(hello);
    expect(dual.peers).toEqual(['::ffff:127.0.0.1']);
  });
});

describe('multicast over IPv6', () => {
  it('reaches the members on the link, from the senders that they want, and the sender itself when it wants to hear', () => {
    const w = world();
    const group = at('ff15::77', 5000);
    const members = [w.a, w.a, w.b].map((j) => {
      const so = open(j, SOCK_DGRAM);
      so.options |= SO_REUSEPORT;
      expect(sobind(so, at('::', 5000), j.cred)).toBe(0);
      return so;
    });
    const join = (i: number, name: number, source?: string): number =>
      sosetopt(members[i]!, IPPROTO_IPV6, name, { group: group.addr, ifp: i < 2 ? w.ifa : w.ifb, ...(source !== undefined && { source: addr(source) }) });
    expect(join(0, IPV6_JOIN_GROUP)).toBe(0);
    expect(join(0, IPV6_JOIN_GROUP)).toBe(EADDRINUSE);
    expect(join(1, MCAST_JOIN_SOURCE_GROUP, '2001:db8::99')).toBe(0);
    expect(join(2, IPV6_JOIN_GROUP)).toBe(0);
    const sender = open(w.b, SOCK_DGRAM);
    expect(sosetopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_IF, w.ifb)).toBe(0);
    expect(sosetopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 3)).toBe(0);
    const heard = (): number[] => {
      w.host.settle();
      return members.map((so) => received(so).length);
    };
    expect(sendText(sender, group, 'x')).toBe(1);
    expect(heard()).toEqual([1, 0, 1]);
    expect(sosetopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0)).toBe(0);
    expect(sendText(sender, group, 'x')).toBe(1);
    expect(heard()).toEqual([1, 0, 0]);
    expect(join(1, MCAST_JOIN_SOURCE_GROUP, '2001:db8::2')).toBe(0);
    expect(sendText(sender, group, 'x')).toBe(1);
    expect(heard()).toEqual([1, 1, 0]);
    expect(join(0, MCAST_BLOCK_SOURCE, '2001:db8::2')).toBe(0);
    expect(sendText(sender, group, 'x')).toBe(1);
    expect(heard()).toEqual([0, 1, 0]);
    expect(join(0, MCAST_UNBLOCK_SOURCE, '2001:db8::2')).toBe(0);
    expect(join(0, IPV6_LEAVE_GROUP)).toBe(0);
    expect(join(1, MCAST_LEAVE_SOURCE_GROUP, '2001:db8::2')).toBe(0);
    expect(sendText(sender, group, 'x')).toBe(1);
    expect(heard()).toEqual([0, 0, 0]);
  });
});

describe('options of IPv6 sockets', () => {
  it('hop limit, traffic class and flow label go into the header; 1280 bytes are kept to; the path MTU can be asked', () => {
    const w = world();
    const seen: string[] = [];
    ifPushOverlay(w.ifb, {
      origin: 'spy',
      softc: null,
      ops: {
        transmit: (h, m, _softc, next) => {
          const o = m.off + 14;
          const nxt = m.dv.getUint8(o + 6);
          if (nxt !== IPPROTO_HOPOPTS && nxt !== IPPROTO_ICMPV6) seen.push(`${m.dv.getUint8(o + 7)} ${(m.dv.getInt32(o) >>> 20) & 255} ${(m.dv.getInt32(o) & 0xfffff) !== 0} ${m.pktlen - 14}`);
          return next.transmit(h, m);
        },
      },
    });
    const so = open(w.b, SOCK_DGRAM);
    const opt = (name: number, value: unknown): number => sosetopt(so, IPPROTO_IPV6, name, value as number);
    expect(sogetopt(so, IPPROTO_IPV6, IPV6_PATHMTU)).toBe(-ENOTCONN);
    expect(soconnect(so, at('2001:db8::1', 53), w.b.cred)).toBe(0);
    expect(sogetopt(so, IPPROTO_IPV6, IPV6_PATHMTU)).toBe(1500);
    sendText(so, null, 'x');
    for (const [name, value] of [[IPV6_UNICAST_HOPS, 9], [IPV6_TCLASS, 0xb8], [IPV6_AUTOFLOWLABEL, 0]] as const) expect(opt(name, value)).toBe(0);
    sendText(so, null, 'x');
    expect([opt(IPV6_UNICAST_HOPS, -1), opt(IPV6_USE_MIN_MTU, 1), sogetopt(so, IPPROTO_IPV6, IPV6_USE_MIN_MTU)]).toEqual([0, 0, 1]);
    sendText(so, null, 'x'.repeat(1400));
    expect(opt(IPV6_DONTFRAG, 1)).toBe(0);
    expect(sendText(so, null, 'x'.repeat(1400))).toBe(-EMSGSIZE);
    w.host.settle();
    expect(seen).toEqual(['64 0 true 49', '9 184 false 49', '64 184 false 1280', '64 184 false 224']);
    for (const [name, value] of [[IPV6_UNICAST_HOPS, 256], [IPV6_TCLASS, -2], [IPV6_USE_MIN_MTU, 2], [IPV6_MULTICAST_HOPS, 256], [IPV6_MULTICAST_LOOP, 2]] as const) expect(opt(name, value)).toBe(EINVAL);
  });

  it('a datagram says where it came to, by which interface, and with which hop limit and class', () => {
    const w = world();
    const srv = open(w.a, SOCK_DGRAM);
    expect(sobind(srv, at('::', 53), w.a.cred)).toBe(0);
    for (const name of [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS]) expect(sosetopt(srv, IPPROTO_IPV6, name, 1)).toBe(0);
    const cl = open(w.b, SOCK_DGRAM);
    sosetopt(cl, IPPROTO_IPV6, IPV6_TCLASS, 0x20);
    sendText(cl, at('2001:db8::1', 53), 'x');
    w.host.settle();
    const info = new DgramInfo();
    mFreem(soreceiveDgram(srv, info, 0));
    expect([formatInAddr(info.to()), info.ifindex, info.ttl, info.tos]).toEqual(['2001:db8::1', w.ifa.index, 64, 0x20]);
  });
});

describe('checksums that have been checked', () => {
  it('T24 TCP takes the word of the interface for IPv6, and looks itself where there is none', () => {
    const w = world();
    const stat = TCP.get(w.a.vnet).stat;
    const syn = (flags: number): void => {
      const b = new Uint8Array(54 + 20);
      const dv = new DataView(b.buffer);
      b.set(w.ifa.lladdr!, 0);
      b.set(w.ifb.lladdr!, 6);
      dv.setUint16(12, ETHERTYPE_IPV6);
      dv.setInt32(14, 0x60000000);
      dv.setUint16(18, 20);
      b[20] = 6;
      b[21] = 64;
      setInAddr(dv, 22, addr('2001:db8::2'));
      setInAddr(dv, 38, addr('2001:db8::1'));
      dv.setUint16(54, 1024 + stat.rcvtotal);
      dv.setUint16(56, 7);
      b[66] = 0x50;
      b[67] = 2;
      dv.setUint16(70, 0xbad);
      const m = w.stack.kernel.mbufs.fromBytes(b, 16)!;
      m.csumFlags = flags;
      m.csumData = 0xffff;
      ifInput(w.ifa, m);
      w.host.settle();
    };
    echoServer(w.a, at('::', 7));
    syn(CSUM_DATA_VALID | CSUM_PSEUDO_HDR);
    expect([stat.rcvbadsum, stat.scAdded]).toEqual([0, 1]);
    syn(0);
    expect([stat.rcvbadsum, stat.scAdded]).toEqual([1, 1]);
  });
});
