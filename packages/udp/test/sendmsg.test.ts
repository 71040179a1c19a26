/* Ancillary data of datagrams that go out (RFC 3542), over two stacks and their wire. */
import { EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOPROTOOPT, ENXIO, EPERM } from '@ns/errno';
import {
  type Cmsg,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_SENDSRCADDR,
  IP_TOS,
  IP_TTL,
  IPV6_DONTFRAG,
  IPV6_DSTOPTS,
  IPV6_HOPLIMIT,
  IPV6_HOPOPTS,
  IPV6_NEXTHOP,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_RTHDR,
  IPV6_TCLASS,
  IPV6_USE_MIN_MTU,
} from '@ns/inpcb';
import { virtualHost, type VirtualHost } from '@ns/kern';
import { mToBytes } from '@ns/mbuf';
import { PFIL_INET6_NAME, PFIL_OUT, PFIL_PASS, PFIL_TYPE_IP6, pfilModule } from '@ns/pfil-kpi';
import { DgramInfo, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, sobind, type Socket, socreate, sogetopt, soreceiveDgramBytes, sosendmsg, sosetopt } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { crSetuid } from '@ns/vnet';
import { AF_INET, AF_INET6, formatInAddr, type InAddr, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const addr = (text: string): InAddr => parseInAddr(text)!;
const c6 = (type: number, data: unknown): Cmsg => ({ level: IPPROTO_IPV6, type, data });
const c4 = (type: number, data: unknown): Cmsg => ({ level: IPPROTO_IP, type, data });
/** An options header of `units` times 8 bytes, full of PadN. */
const options = (units: number): Uint8Array => {
  const b = new Uint8Array(8 * units);
  b[1] = units - 1;
  for (let at = 2; at < b.length; ) {
    const n = Math.min(b.length - at, 200);
    b[at] = n === 1 ? 0 : 1;
    if (n > 1) b[at + 1] = n - 2;
    at += n;
  }
  return b;
};

class Net {
  readonly clock: VirtualHost = virtualHost({ seed: 3 });
  readonly stack: Stack = createStack({ host: this.clock });
  readonly server: StackJail = this.stack.jail({ name: 'server', vnet: 'new' });
  readonly client: StackJail = this.stack.jail({ name: 'client', vnet: 'new' });
  readonly ifs: { a: string; b: string };
  /** IPv6 packets that the client has sent. */
  readonly sent: Uint8Array[] = [];

  constructor() {
    this.ifs = this.stack.link(this.server, '10.0.0.1/24', this.client, '10.0.0.2/24');
    this.server.addAddress(this.ifs.a, 'fd00::1/64');
    for (const a of ['fd00::2/64', 'fd00::22/64', '10.0.0.22/24']) this.client.addAddress(this.ifs.b, a);
    this.clock.advance(2e6);
    const mod = pfilModule('seen', () => [
      { rulname: 'r', head: PFIL_INET6_NAME, type: PFIL_TYPE_IP6, flags: PFIL_OUT, ruleset: null, mbufChk: (m) => {
          if (m.dv.getUint8(m.off + 6) !== IPPROTO_ICMPV6) this.sent.push(mToBytes(m));
          return PFIL_PASS;
        } },
    ]);
    expect(this.stack.kernel.kldload(mod).errno).toBe(0);
  }

  socket(j: StackJail, af: number, port = 0, cred = j.cred, type = SOCK_DGRAM, proto = 0): Socket {
    const so = socreate(j.vnet, af, type, proto, cred) as Socket;
    if (port !== 0) expect(sobind(so, new Sockaddr(addr(af === AF_INET ? '0.0.0.0' : '::'), port), cred)).toBe(0);
    return so;
  }

  send(so: Socket, to: string | Sockaddr | null, control: readonly Cmsg[], len = 8): number {
    const sa = typeof to === 'string' ? new Sockaddr(addr(to), 7) : to;
    const n = sosendmsg(so, sa, new Uint8Array(len), 0, len, control, 0);
    this.clock.advance(1e5);
    return n;
  }

  receive(so: Socket): { from: string; ttl: number; tos: number; ifindex: number; len: number } | null {
    const info = new DgramInfo();
    const buf = new Uint8Array(65536);
    const n = soreceiveDgramBytes(so, buf, 0, buf.length, info, 0);
    return n < 0 ? null : { from: formatInAddr(info.from().addr), ttl: info.ttl, tos: info.tos, ifindex: info.ifindex, len: n };
  }

  finish(): void {
    expect(this.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
    expect(this.stack.kernel.mbufs.outstanding).toBe(0);
  }
}

function server6(net: Net): Socket {
  const so = net.socket(net.server, AF_INET6, 7);
  for (const o of [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS]) expect(sosetopt(so, IPPROTO_IPV6, o, 1)).toBe(0);
  return so;
}

describe('IPv6', () => {
  it('source, hop limit and traffic class are those of the ancillary data for one datagram, and the socket\'s for the next', () => {
    const net = new Net();
    const s = server6(net);
    const c = net.socket(net.client, AF_INET6);
    expect(net.send(c, 'fd00::1', [c6(IPV6_PKTINFO, { addr: addr('fd00::22'), ifindex: 0 }), c6(IPV6_HOPLIMIT, 5), c6(IPV6_TCLASS, 0x28)])).toBe(8);
    const index = net.server.interface(net.ifs.a).index;
    expect(net.receive(s)).toEqual({ from: 'fd00::22', ttl: 5, tos: 0x28, ifindex: index, len: 8 });
    expect(net.send(c, 'fd00::1', [])).toBe(8);
    expect(net.receive(s)).toMatchObject({ from: 'fd00::2', ttl: 64, tos: 0 });
    expect(net.send(c, 'fd00::1', [c4(IP_TTL, 9), c6(IPV6_HOPLIMIT, -1)])).toBe(8); // another level is not for us; -1 is the default
    expect(net.receive(s)).toMatchObject({ ttl: 64 });
    net.finish();
  });

  it('refuses what cannot be, and sends nothing then', () => {
    const net = new Net();
    const s = server6(net);
    const c = net.socket(net.client, AF_INET6);
    const user = net.socket(net.client, AF_INET6, 0, crSetuid(net.client.cred, 1001));
    const pi = (a: string | null, ifindex: number): Cmsg => c6(IPV6_PKTINFO, { addr: a === null ? null : addr(a), ifindex });
    for (const [control, errno] of [
      [pi('fd00::99', 0), EADDRNOTAVAIL],
      [pi('ff02::1', 0), EADDRNOTAVAIL],
      [pi(null, 999), ENXIO],
      [pi('10.0.0.2', 0), EINVAL],
      [c6(IPV6_PKTINFO, 7), EINVAL],
      [c6(IPV6_HOPLIMIT, 256), EINVAL],
      [c6(IPV6_TCLASS, 1.5), EINVAL],
      [c6(IPV6_DONTFRAG, 2), EINVAL],
      [c6(IPV6_RTHDR, options(3)), EINVAL],
      [c6(IPV6_HOPOPTS, Uint8Array.of(0, 1, 1, 4, 0, 0, 0, 0)), EINVAL],
      [c6(IPV6_HOPOPTS, 'x'), EINVAL],
      [c6(IPV6_NEXTHOP, addr('ff02::1')), EINVAL],
      [c6(9999, 1), ENOPROTOOPT],
    ] as const) expect([control.type, net.send(c, 'fd00::1', [control])]).toEqual([control.type, -errno]);
    expect(net.send(user, 'fd00::1', [c6(IPV6_HOPOPTS, options(1))])).toBe(-EPERM);
    expect(net.send(net.socket(net.client, AF_INET6, 0, net.client.cred, SOCK_STREAM), 'fd00::1', [])).toBe(-EINVAL);
    expect(net.receive(s)).toBe(null);
    net.finish();
  });

  it('the interface is the way out: for link-local addresses, for groups, and EHOSTUNREACH where it is not the way', () => {
    const net = new Net();
    const s = server6(net);
    const c = net.socket(net.client, AF_INET6);
    const out = net.client.interface(net.ifs.b).index;
    const lo = net.client.interface('lo0').index;
    const via = (ifindex: number): Cmsg => c6(IPV6_PKTINFO, { addr: null, ifindex });
    const local = net.server.interface(net.ifs.a).addrs.map((a) => a.addr).find((a) => a.w0 >>> 16 === 0xfe80);
    expect(local).toBeDefined();
    expect(net.send(c, `${formatInAddr(local!).replace(/%.*/, '')}`, [via(out)])).toBe(8);
    expect(net.receive(s)?.from).toMatch(/^fe80:/);
    expect(net.send(c, 'fd00::1', [via(lo)])).toBe(-EHOSTUNREACH);
    expect(net.send(c, 'fd00::1', [via(out)])).toBe(8);
    expect(net.receive(s)).toMatchObject({ from: 'fd00::2' });
    net.sent.length = 0;
    expect(net.send(c, 'ff02::1', [via(out), c6(IPV6_HOPLIMIT, 3)])).toBe(8);
    expect([net.sent.length, net.sent[0]?.[7]]).toEqual([1, 3]);
    net.finish();
  });

  it.each([
    [8, 'in one piece'],
    [5000, 'in fragments, each with the hop-by-hop options'],
  ])('extension headers stand in front of %i bytes, %s, and the checksum is right', (len) => {
    const net = new Net();
    const s = server6(net);
    const c = net.socket(net.client, AF_INET6);
    expect(net.send(c, 'fd00::1', [c6(IPV6_HOPOPTS, options(1)), c6(IPV6_DSTOPTS, options(2))], len)).toBe(len);
    expect(net.receive(s)).toMatchObject({ from: 'fd00::2', len });
    const p = net.sent[0]!;
    expect([p[6], p[40], p[48], p[49]]).toEqual([0, 60, IPPROTO_UDP, 1]); // hop-by-hop, destination options, UDP
    expect(p.length).toBe(40 + 8 + 16 + 8 + len);
    expect(net.send(c, 'fd00::1', [], 8)).toBe(8);
    expect(net.sent.at(-1)![6]).toBe(IPPROTO_UDP);
    net.finish();
  });

  it('may or may not be fragmented', () => {
    const net = new Net();
    const s = server6(net);
    const c = net.socket(net.client, AF_INET6);
    expect(net.send(c, 'fd00::1', [c6(IPV6_DONTFRAG, 1)], 3000)).toBe(-EMSGSIZE);
    sosetopt(c, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
    expect(net.send(c, 'fd00::1', [], 3000)).toBe(-EMSGSIZE);
    expect(net.send(c, 'fd00::1', [c6(IPV6_DONTFRAG, 0), c6(IPV6_USE_MIN_MTU, 1)], 3000)).toBe(3000);
    expect(net.receive(s)).toMatchObject({ len: 3000 });
    net.finish();
  });

  it('sticky options hold for all datagrams, are shown, give way to ancillary data, and are taken back', () => {
    const net = new Net();
    const s = server6(net);
    const c = net.socket(net.client, AF_INET6);
    expect(sogetopt(c, IPPROTO_IPV6, IPV6_PKTINFO)).toEqual({ addr: null, ifindex: 0 });
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_PKTINFO, { addr: addr('fd00::22'), ifindex: 0 })).toBe(0);
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_DSTOPTS, options(1))).toBe(0);
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_RTHDR, options(3))).toBe(EINVAL);
    expect(sogetopt(c, IPPROTO_IPV6, IPV6_DSTOPTS)).toEqual(options(1));
    net.send(c, 'fd00::1', []);
    expect([net.receive(s)?.from, net.sent.at(-1)![6]]).toEqual(['fd00::22', 60]);
    net.send(c, 'fd00::1', [c6(IPV6_PKTINFO, { addr: addr('fd00::2'), ifindex: 0 }), c6(IPV6_DSTOPTS, null)]);
    expect([net.receive(s)?.from, net.sent.at(-1)![6]]).toEqual(['fd00::2', IPPROTO_UDP]);
    net.send(c, 'fd00::1', []);
    expect(net.receive(s)?.from).toBe('fd00::22');
    for (const o of [IPV6_PKTINFO, IPV6_DSTOPTS]) expect(sosetopt(c, IPPROTO_IPV6, o, null)).toBe(0);
    net.send(c, 'fd00::1', []);
    expect([net.receive(s)?.from, net.sent.at(-1)![6]]).toEqual(['fd00::2', IPPROTO_UDP]);
    net.finish();
  });

  it('raw sockets have them as well', () => {
    const net = new Net();
    const [s, c] = [net.server, net.client].map((j) => net.socket(j, AF_INET6, 0, j.cred, SOCK_RAW, 253)) as [Socket, Socket];
    for (const o of [IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS]) sosetopt(s, IPPROTO_IPV6, o, 1);
    expect(net.send(c, new Sockaddr(addr('fd00::1'), 0), [c6(IPV6_PKTINFO, { addr: addr('fd00::22'), ifindex: 0 }), c6(IPV6_HOPLIMIT, 9), c6(IPV6_HOPOPTS, options(1))])).toBe(8);
    expect(net.receive(s)).toMatchObject({ from: 'fd00::22', ttl: 9, len: 8 });
    net.finish();
  });
});

describe('IPv4', () => {
  it('source, TTL and TOS for one datagram', () => {
    const net = new Net();
    const s = net.socket(net.server, AF_INET, 7);
    for (const o of [IP_RECVTTL, IP_RECVTOS]) expect(sosetopt(s, IPPROTO_IP, o, 1)).toBe(0);
    const c = net.socket(net.client, AF_INET, 4000);
    expect(net.send(c, '10.0.0.1', [c4(IP_SENDSRCADDR, addr('10.0.0.22')), c4(IP_TTL, 7), c4(IP_TOS, 0x10)])).toBe(8);
    expect(net.receive(s)).toMatchObject({ from: '10.0.0.22', ttl: 7, tos: 0x10 });
    expect(net.send(c, '10.0.0.1', [])).toBe(8);
    expect(net.receive(s)).toMatchObject({ from: '10.0.0.2', ttl: 64, tos: 0 });
    expect(net.send(c, '10.0.0.1', [c4(IP_SENDSRCADDR, addr('10.0.0.99'))])).toBe(-EADDRNOTAVAIL);
    expect(net.send(c, '10.0.0.1', [c4(IP_SENDSRCADDR, addr('10.0.0.255'))])).toBe(-EADDRNOTAVAIL);
    expect(net.send(net.socket(net.client, AF_INET), '10.0.0.1', [c4(IP_SENDSRCADDR, addr('10.0.0.22'))])).toBe(-EINVAL); // not bound
    net.finish();
  });
});
