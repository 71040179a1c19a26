/* The advanced API (RFC 3542) between a client and a server with two routers between them: next hops, what paths take, temporary addresses, flow hashes, whole source filters. */
import { EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOBUFS, ENOSPC, ENOPROTOOPT, EPERM } from '@ns/errno';
import {
  type Cmsg,
  type Inpcb,
  type Ip6Mtuinfo,
  type IpMsfilter,
  IPV6_DONTFRAG,
  IPV6_FLOWID,
  IPV6_FLOWTYPE,
  IPV6_JOIN_GROUP,
  IPV6_NEXTHOP,
  IPV6_ORIGDSTADDR,
  IPV6_PATHMTU,
  IPV6_PKTINFO,
  IPV6_PREFER_TEMPADDR,
  IPV6_RECVFLOWID,
  IPV6_RECVPATHMTU,
  IPV6_RECVRTHDRDSTOPTS,
  IPV6_RTHDRDSTOPTS,
  IPV6_USE_MIN_MTU,
  MSFILTER,
} from '@ns/inpcb';
import { IN6_IFF_TEMPORARY } from '@ns/ip6';
import { virtualHost, type VirtualHost } from '@ns/kern';
import { ribAdd, ROUTE, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
import { DgramInfo, SO_RCVBUF, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, sobind, soclose, soconnect, type Socket, socreate, sogetopt, SOL_SOCKET, soreceiveDgramBytes, sosendmsg, sosetopt } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { UDP } from '@ns/udp';
import { crSetuid } from '@ns/vnet';
import { AF_INET6, formatInAddr, type InAddr, IPPROTO_IPV6, IPPROTO_UDP, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const addr = (text: string): InAddr => parseInAddr(text)!;
const c6 = (type: number, data: unknown): Cmsg => ({ level: IPPROTO_IPV6, type, data });
const SERVER = 'fd99::1';

interface Got {
  readonly from: string;
  readonly len: number;
  readonly hlim: number;
  readonly control: readonly Cmsg[] | null;
}

class Net {
  readonly clock: VirtualHost = virtualHost({ seed: 9 });
  readonly stack: Stack = createStack({ host: this.clock });
  readonly client: StackJail = this.stack.jail({ name: 'client', vnet: 'new' });
  readonly server: StackJail = this.stack.jail({ name: 'server', vnet: 'new' });
  /** Two routers; the second one's link to the server takes 1400 bytes. */
  readonly routers: readonly StackJail[] = [1, 2].map((i) => this.stack.jail({ name: `r${i}`, vnet: 'new' }));
  readonly out: string[] = [];
  readonly wan: { a: string; b: string }[] = [];

  constructor() {
    this.server.addAddress('lo0', `${SERVER}/128`);
    this.routers.forEach((r, i) => {
      this.out.push(this.stack.link(this.client, `fd0${i + 1}::2/64`, r, `fd0${i + 1}::1/64`).a);
      this.wan.push(this.stack.link(r, `fd1${i + 1}::1/64`, this.server, `fd1${i + 1}::2/64`));
      r.sysctl('net.inet6.ip6.forwarding', 1);
      this.route(r, `${SERVER}`, `fd1${i + 1}::2`);
    });
    this.route(this.server, '::', 'fd11::1', 0);
    this.route(this.server, 'fd02::', 'fd12::1', 64);
    this.clock.advance(3e6);
    this.routers[1]!.setMtu(this.wan[1]!.a, 1400);
  }

  route(j: StackJail, dst: string, gw: string, prefixlen = 128): void {
    expect(ribAdd(ROUTE.get(j.vnet).inet6(0), { dst: addr(dst), prefixlen, gw: addr(gw), flags: RTF_GATEWAY | RTF_STATIC, ifp: null })).toBe(0);
  }

  open(j: StackJail, port = 0, cred = j.cred, type = SOCK_DGRAM, proto = 0): Socket {
    const so = socreate(j.vnet, AF_INET6, type, proto, cred) as Socket;
    if (port !== 0) expect(sobind(so, new Sockaddr(addr('::'), port), cred)).toBe(0);
    return so;
  }

  send(so: Socket, control: readonly Cmsg[] = [], len = 8, to: Sockaddr | null = new Sockaddr(addr(SERVER), 7)): number {
    const n = sosendmsg(so, to, new Uint8Array(len), 0, len, control, 0);
    this.clock.advance(1e5);
    return n;
  }

  receive(so: Socket): Got | null {
    const info = new DgramInfo();
    const n = soreceiveDgramBytes(so, new Uint8Array(9000), 0, 9000, info, 0);
    return n < 0 ? null : { from: formatInAddr(info.from().addr), len: n, hlim: info.ttl, control: info.control };
  }

  index(i: number): number {
    return this.client.interface(this.out[i]!).index;
  }

  finish(): void {
    expect(this.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
    expect(this.stack.kernel.mbufs.outstanding).toBe(0);
  }
}

describe('IPV6_NEXTHOP (RFC 3542 §6.4)', () => {
  it('a datagram goes by the neighbour that was named, with a source of that link, where no route leads, and past the route where one does', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    const c = net.open(net.client);
    expect(net.send(c)).toBe(-EHOSTUNREACH);
    for (const [hop, from] of [['fd01::1', 'fd01::2'], ['fd02::1', 'fd02::2']] as const) {
      expect(net.send(c, [c6(IPV6_NEXTHOP, addr(hop))])).toBe(8);
      expect(net.receive(s)?.from).toBe(from);
    }
    net.route(net.client, '::', 'fd01::1', 0);
    expect(net.send(c, [c6(IPV6_NEXTHOP, addr('fd02::1'))])).toBe(8);
    expect(net.receive(s)?.from).toBe('fd02::2');
    expect(net.send(c)).toBe(8);
    expect(net.receive(s)?.from).toBe('fd01::2');
    net.finish();
  });

  it('a link-local one is where its zone says, or the interface that was named', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    const c = net.open(net.client);
    const ll = net.routers[1]!.interface('epair2b').addrs.map((a) => a.addr).find((a) => a.w0 >>> 16 === 0xfe80)!;
    const bare = formatInAddr(ll).replace(/%.*/, '');
    expect(net.send(c, [c6(IPV6_NEXTHOP, addr(`${bare}%${net.index(1)}`))])).toBe(8);
    expect(net.receive(s)?.from).toBe('fd02::2');
    expect(net.send(c, [c6(IPV6_NEXTHOP, addr(bare))])).toBe(-EHOSTUNREACH);
    expect(net.send(c, [c6(IPV6_NEXTHOP, addr(bare)), c6(IPV6_PKTINFO, { addr: null, ifindex: net.index(1) })])).toBe(8);
    expect(net.receive(s)?.from).toBe('fd02::2');
    expect(net.send(c, [c6(IPV6_NEXTHOP, addr('fd02::1')), c6(IPV6_PKTINFO, { addr: null, ifindex: net.index(0) })])).toBe(-EHOSTUNREACH);
    net.finish();
  });

  it('must be a neighbour, of the family, unicast, and is the superuser\'s', () => {
    const net = new Net();
    net.route(net.client, '::', 'fd01::1', 0);
    const c = net.open(net.client);
    for (const [hop, errno] of [
      [addr('fd11::1'), EHOSTUNREACH], // behind the router
      [addr('10.0.0.1'), EAFNOSUPPORT],
      [addr('ff02::1'), EINVAL],
      [addr('::'), EINVAL],
      ['fd01::1', EINVAL],
    ] as const) expect(net.send(c, [c6(IPV6_NEXTHOP, hop)])).toBe(-errno);
    const user = net.open(net.client, 0, crSetuid(net.client.cred, 1001));
    expect(net.send(user, [c6(IPV6_NEXTHOP, addr('fd01::1'))])).toBe(-EPERM);
    expect(sosetopt(user, IPPROTO_IPV6, IPV6_NEXTHOP, addr('fd01::1'))).toBe(EPERM);
    net.finish();
  });

  it('is a sticky option, taken back by null; groups have none; it keeps to the path MTU', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    const c = net.open(net.client);
    expect(sogetopt(c, IPPROTO_IPV6, IPV6_NEXTHOP)).toBe(null);
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_NEXTHOP, addr('fd02::1'))).toBe(0);
    expect(formatInAddr(sogetopt(c, IPPROTO_IPV6, IPV6_NEXTHOP) as InAddr)).toBe('fd02::1');
    expect(net.send(c, [], 1440)).toBe(1440); // lost, and the router says why
    expect(net.receive(s)).toBe(null);
    expect(net.send(c, [], 1440)).toBe(1440);
    expect(net.receive(s)).toMatchObject({ from: 'fd02::2', len: 1440 });
    expect(net.send(c, [c6(IPV6_NEXTHOP, addr('fd01::1'))])).toBe(8);
    expect(net.receive(s)?.from).toBe('fd01::2');
    expect(net.send(c, [], 8, new Sockaddr(addr(`ff02::1%${net.index(0)}`), 7))).toBe(8);
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_NEXTHOP, null)).toBe(0);
    expect(net.send(c)).toBe(-EHOSTUNREACH);
    net.finish();
  });
});

describe('IPV6_RECVPATHMTU (RFC 3542 §11.3)', () => {
  const mtuOf = (got: Got | null): [string, number, number] | null => {
    const c = got?.control?.[0];
    if (got === null || c === undefined || c.type !== IPV6_PATHMTU) return null;
    const { addr: to, mtu } = c.data as Ip6Mtuinfo;
    expect([got.from, got.len, got.control!.length]).toEqual([formatInAddr(to), 0, 1]);
    return [got.from, got.len, mtu];
  };

  it('a message that a packet was too big is told to who asked: unconnected, or connected to that peer', () => {
    const net = new Net();
    net.route(net.client, '::', 'fd02::1', 0);
    const asks = net.open(net.client);
    const silent = net.open(net.client);
    const here = net.open(net.client);
    const elsewhere = net.open(net.client);
    const raw = net.open(net.client, 0, net.client.cred, SOCK_RAW, IPPROTO_UDP);
    const rawOther = net.open(net.client, 0, net.client.cred, SOCK_RAW, 253);
    for (const so of [asks, here, elsewhere, raw, rawOther]) expect([sosetopt(so, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1), sogetopt(so, IPPROTO_IPV6, IPV6_RECVPATHMTU)]).toEqual([0, 1]);
    soconnect(here, new Sockaddr(addr(SERVER), 9), net.client.cred);
    soconnect(elsewhere, new Sockaddr(addr('fd12::1'), 9), net.client.cred);
    net.send(silent, [], 1440);
    const told = [SERVER, 0, 1400];
    expect([asks, here, raw].map((so) => mtuOf(net.receive(so)))).toEqual([told, told, told]);
    expect([silent, elsewhere, rawOther].map((so) => net.receive(so))).toEqual([null, null, null]);
    expect(sogetopt(here, IPPROTO_IPV6, IPV6_PATHMTU)).toBe(1400);
    net.finish();
  });

  it.each([
    ['UDP', SOCK_DGRAM, 0],
    ['raw', SOCK_RAW, 253],
  ])('%s: so is a datagram that must not be fragmented; it is not sent', (_, type, proto) => {
    const net = new Net();
    net.route(net.client, '::', 'fd01::1', 0);
    const c = net.open(net.client, 0, net.client.cred, type, proto);
    const to = new Sockaddr(addr(SERVER), type === SOCK_RAW ? 0 : 7);
    expect(net.send(c, [c6(IPV6_DONTFRAG, 1)], 3000, to)).toBe(-EMSGSIZE);
    expect(net.receive(c)).toBe(null);
    sosetopt(c, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1);
    expect(net.send(c, [c6(IPV6_DONTFRAG, 1)], 3000, to)).toBe(-EMSGSIZE);
    expect(mtuOf(net.receive(c))).toEqual([SERVER, 0, 1500]);
    expect(net.send(c, [c6(IPV6_USE_MIN_MTU, 1)], 3000, to)).toBe(3000);
    expect(net.receive(c)).toBe(null);
    net.finish();
  });

  it('a buffer that is full loses them, and they are counted; streams ignore the option', () => {
    const net = new Net();
    net.route(net.client, '::', 'fd01::1', 0);
    const c = net.open(net.client);
    sosetopt(c, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1);
    expect(sosetopt(c, SOL_SOCKET, SO_RCVBUF, 2048)).toBe(0);
    for (let i = 0; i < 500; i++) expect(net.send(c, [c6(IPV6_DONTFRAG, 1)], 3000)).toBe(-EMSGSIZE);
    let n = 0;
    while (net.receive(c) !== null) n++;
    expect(n).toBeGreaterThan(5);
    expect(n).toBeLessThan(100);
    expect(UDP.get(net.client.vnet).stat.fullsock).toBe(500 - n);
    const t = net.open(net.client, 0, net.client.cred, SOCK_STREAM);
    expect([sosetopt(t, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1), sogetopt(t, IPPROTO_IPV6, IPV6_RECVPATHMTU)]).toEqual([0, 0]);
    soclose(t);
    net.finish();
  });
});

describe('other options of FreeBSD\u2019s table', () => {
  it('IPV6_PREFER_TEMPADDR chooses between a temporary and a public source, for one datagram, for all, and for a connection', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    net.client.addAddress(net.out[0]!, 'fd01::77/64');
    net.clock.advance(3e6);
    net.client.interface(net.out[0]!).addrs.find((a) => formatInAddr(a.addr) === 'fd01::77')!.afflags |= IN6_IFF_TEMPORARY;
    net.route(net.client, '::', 'fd01::1', 0);
    const c = net.open(net.client);
    const from = (control: readonly Cmsg[]): string | undefined => {
      expect(net.send(c, control)).toBe(8);
      return net.receive(s)?.from;
    };
    expect([from([]), from([c6(IPV6_PREFER_TEMPADDR, 1)]), from([c6(IPV6_PREFER_TEMPADDR, 0)])]).toEqual(['fd01::2', 'fd01::77', 'fd01::2']);
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_PREFER_TEMPADDR, 1)).toBe(0);
    expect(sogetopt(c, IPPROTO_IPV6, IPV6_PREFER_TEMPADDR)).toBe(1);
    expect([from([]), from([c6(IPV6_PREFER_TEMPADDR, -1)])]).toEqual(['fd01::77', 'fd01::2']);
    expect(sosetopt(c, IPPROTO_IPV6, IPV6_PREFER_TEMPADDR, 2)).toBe(EINVAL);
    const t = net.open(net.client, 0, net.client.cred, SOCK_STREAM);
    expect(sosetopt(t, IPPROTO_IPV6, IPV6_PREFER_TEMPADDR, 1)).toBe(0);
    soconnect(t, new Sockaddr(addr(SERVER), 7), net.client.cred);
    expect(formatInAddr((t.pcb as Inpcb).laddr)).toBe('fd01::77');
    soclose(t);
    net.clock.advance(1e6);
    net.finish();
  });

  it('flow hashes: of the socket, and of a datagram that has one', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    expect([sogetopt(s, IPPROTO_IPV6, IPV6_FLOWID), sogetopt(s, IPPROTO_IPV6, IPV6_FLOWTYPE), sosetopt(s, IPPROTO_IPV6, IPV6_FLOWID, 1)]).toEqual([0, 0, ENOPROTOOPT]);
    for (const o of [IPV6_RECVFLOWID, IPV6_ORIGDSTADDR]) expect([sosetopt(s, IPPROTO_IPV6, o, 1), sogetopt(s, IPPROTO_IPV6, o)]).toEqual([0, 1]);
    const local = net.open(net.server);
    const inp = local.pcb as Inpcb;
    net.send(local);
    expect(net.receive(s)?.control).toBe(null);
    inp.flowid = 0x1234;
    inp.flowtype = 2;
    net.send(local);
    expect(net.receive(s)?.control).toEqual([c6(IPV6_FLOWID, 0x1234), c6(IPV6_FLOWTYPE, 2)]);
    expect(sosetopt(s, IPPROTO_IPV6, IPV6_RECVFLOWID, 0)).toBe(0);
    net.send(local);
    expect(net.receive(s)?.control).toBe(null);
    net.finish();
  });

  it('a destination options header for routing headers is kept and not sent; both options are the superuser\'s', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    const local = net.open(net.server);
    const header = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
    expect(sosetopt(local, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, header)).toBe(0);
    expect(sogetopt(local, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS)).toEqual(header);
    expect(net.send(local)).toBe(8);
    expect(net.receive(s)?.len).toBe(8);
    const user = net.open(net.server, 0, crSetuid(net.server.cred, 1001));
    expect([sosetopt(user, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, header), sosetopt(user, IPPROTO_IPV6, IPV6_RECVRTHDRDSTOPTS, 1)]).toEqual([EPERM, EPERM]);
    expect([sosetopt(local, IPPROTO_IPV6, IPV6_RECVRTHDRDSTOPTS, 1), sogetopt(local, IPPROTO_IPV6, IPV6_RECVRTHDRDSTOPTS)]).toEqual([0, 1]);
    net.finish();
  });

  it('the whole source filter of a group is read and set at once (RFC 3678)', () => {
    const net = new Net();
    const s = net.open(net.server, 7);
    const group = addr('ff05::77');
    const ifp = net.server.interface(net.wan[0]!.b);
    const get = (): unknown => sogetopt(s, IPPROTO_IPV6, MSFILTER, { group, ifp });
    const set = (include: boolean, ...from: string[]): number => sosetopt(s, IPPROTO_IPV6, MSFILTER, { group, ifp, include, sources: from.map(addr) } satisfies IpMsfilter);
    expect([get(), set(true)]).toEqual([-EADDRNOTAVAIL, EADDRNOTAVAIL]);
    expect(sosetopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, { group, ifp })).toBe(0);
    expect(get()).toEqual({ group, ifp, include: false, sources: [] });
    const c = net.open(net.routers[0]!);
    const heard = (): boolean => {
      net.send(c, [c6(IPV6_PKTINFO, { addr: null, ifindex: net.routers[0]!.interface(net.wan[0]!.a).index })], 4, new Sockaddr(group, 7));
      return net.receive(s) !== null;
    };
    expect(heard()).toBe(true);
    const steps = ([[true, 'fd11::1'], [true, 'fd11::9'], [false, 'fd11::1'], [false, 'fd11::9', 'fd11::9'], [true], [false]] as const).map(([include, ...from]) => [set(include, ...from), heard()]);
    expect(steps).toEqual([[0, true], [0, false], [0, false], [0, true], [0, false], [0, true]]);
    expect(set(true, '10.0.0.1')).toBe(EINVAL);
    expect(set(true, ...Array.from({ length: 129 }, (_, i) => `fd11::${i.toString(16)}`))).toBe(ENOBUFS);
    // net.inet6.ip6.mcast: of one socket, and of a group.
    const names = (n: number, from = 0): string[] => Array.from({ length: n }, (_, i) => `fd11::${(from + i).toString(16)}`);
    net.server.sysctl('net.inet6.ip6.mcast.maxsocksrc', 4);
    net.server.sysctl('net.inet6.ip6.mcast.maxgrpsrc', 6);
    expect([set(true, ...names(5)), set(true, ...names(4))]).toEqual([ENOBUFS, 0]);
    const other = net.open(net.server, 8);
    const filter = (sources: string[]): number => sosetopt(other, IPPROTO_IPV6, MSFILTER, { group, ifp, include: true, sources: sources.map(addr) } satisfies IpMsfilter);
    expect(sosetopt(other, IPPROTO_IPV6, IPV6_JOIN_GROUP, { group, ifp })).toBe(0);
    expect([filter(names(3, 0x100)), filter(names(2, 0x100)), filter(names(4))]).toEqual([ENOSPC, 0, 0]);
    expect(sogetopt(other, IPPROTO_IPV6, MSFILTER, { group, ifp })).toMatchObject({ sources: names(4).map(addr) });
    expect(set(false)).toBe(0);
    expect(sosetopt(s, IPPROTO_IPV6, MSFILTER, { group, include: true })).toBe(EINVAL);
    expect([sogetopt(s, IPPROTO_IPV6, MSFILTER), get()]).toEqual([-EINVAL, { group, ifp, include: false, sources: [] }]);
    net.finish();
  });
});
