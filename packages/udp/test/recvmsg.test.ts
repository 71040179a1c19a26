/* Extension headers of datagrams that come in, as ancillary data (RFC 3542 §7 to §9), over two stacks and their wire. */
import { EPERM } from '@ns/errno';
import { type Cmsg, IPV6_DSTOPTS, IPV6_HOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVHOPOPTS, IPV6_RECVRTHDR, IPV6_RTHDR } from '@ns/inpcb';
import { virtualHost, type VirtualHost } from '@ns/kern';
import { DgramInfo, SOCK_DGRAM, SOCK_RAW, sobind, type Socket, socreate, sogetopt, soreceiveDgramBytes, sosendmsg, sosetopt } from '@ns/socket';
import { RIP } from '@ns/rawip';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { UDP } from '@ns/udp';
import { crSetuid } from '@ns/vnet';
import { AF_INET6, type InAddr, IPPROTO_DSTOPTS, IPPROTO_IPV6, IPPROTO_ROUTING, IPPROTO_UDP, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const addr = (text: string): InAddr => parseInAddr(text)!;
const c6 = (type: number, data: unknown): Cmsg => ({ level: IPPROTO_IPV6, type, data });
const ALL = [IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR];
const HBH = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
const DST = Uint8Array.of(0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
/** The same header with another one behind it. */
const before = (nxt: number, b: Uint8Array): Uint8Array => {
  const c = b.slice();
  c[0] = nxt;
  return c;
};

class Net {
  readonly clock: VirtualHost = virtualHost({ seed: 5 });
  readonly stack: Stack = createStack({ host: this.clock });
  readonly server: StackJail = this.stack.jail({ name: 'server', vnet: 'new' });
  readonly client: StackJail = this.stack.jail({ name: 'client', vnet: 'new' });

  constructor() {
    const ifs = this.stack.link(this.server, '10.0.0.1/24', this.client, '10.0.0.2/24');
    this.server.addAddress(ifs.a, 'fd00::1/64');
    this.client.addAddress(ifs.b, 'fd00::2/64');
    this.clock.advance(2e6);
  }

  open(j: StackJail, type = SOCK_DGRAM, proto = 0, port = 0): Socket {
    const so = socreate(j.vnet, AF_INET6, type, proto, j.cred) as Socket;
    if (port !== 0) expect(sobind(so, new Sockaddr(addr('::'), port), j.cred)).toBe(0);
    return so;
  }

  send(so: Socket, port: number, bytes: Uint8Array, control: readonly Cmsg[] = []): void {
    expect(sosendmsg(so, new Sockaddr(addr('fd00::1'), port), bytes, 0, bytes.length, control, 0)).toBe(bytes.length);
    this.clock.advance(1e5);
  }

  /** The ancillary data of the next datagram; undefined when there is none. */
  receive(so: Socket): readonly Cmsg[] | null | undefined {
    const info = new DgramInfo();
    return soreceiveDgramBytes(so, new Uint8Array(9000), 0, 9000, info, 0) < 0 ? undefined : info.control;
  }

  finish(): void {
    expect(this.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
    expect(this.stack.kernel.mbufs.outstanding).toBe(0);
  }
}

const ask = (so: Socket, opts: readonly number[]): void => {
  for (const o of opts) expect([sosetopt(so, IPPROTO_IPV6, o, 1), sogetopt(so, IPPROTO_IPV6, o)]).toEqual([0, 1]);
};

describe('extension headers as ancillary data', () => {
  const hbh = c6(IPV6_HOPOPTS, before(IPPROTO_DSTOPTS, HBH));
  const dst = c6(IPV6_DSTOPTS, before(IPPROTO_UDP, DST));
  it.each([
    ['none', [], null],
    ['hop-by-hop options', [IPV6_RECVHOPOPTS], [hbh]],
    ['destination options', [IPV6_RECVDSTOPTS], [dst]],
    ['routing headers, of which there is none', [IPV6_RECVRTHDR], null],
    ['all', ALL, [hbh, dst]],
  ])('a UDP socket is told what it asked for: %s; in one piece and in fragments', (_, opts, want) => {
    const net = new Net();
    const s = net.open(net.server, SOCK_DGRAM, 0, 7);
    ask(s, opts);
    const c = net.open(net.client);
    net.send(c, 7, new Uint8Array(8), [c6(IPV6_HOPOPTS, HBH), c6(IPV6_DSTOPTS, DST)]);
    expect(net.receive(s)).toEqual(want);
    net.send(c, 7, new Uint8Array(8));
    expect(net.receive(s)).toBe(null);
    net.send(c, 7, new Uint8Array(4000), [c6(IPV6_HOPOPTS, HBH), c6(IPV6_DSTOPTS, DST)]);
    const inPieces = net.receive(s);
    expect(inPieces?.map((x) => x.type)).toEqual(want?.map((x) => x.type));
    net.finish();
  });

  it('stays with its datagram while many wait, those without between them', () => {
    const net = new Net();
    const s = net.open(net.server, SOCK_DGRAM, 0, 7);
    ask(s, [IPV6_RECVDSTOPTS]);
    const c = net.open(net.client);
    const headers = (i: number): Uint8Array => Uint8Array.of(0, 0, 1, 4, i, 0, 0, 0);
    const seen: unknown[] = [];
    const take = (n: number): void => {
      for (let i = 0; i < n; i++) seen.push((net.receive(s)?.[0]?.data as Uint8Array | undefined)?.[4]);
    };
    for (let i = 0; i < 45; i++) {
      net.send(c, 7, new Uint8Array(1), i % 3 === 0 ? [] : [c6(IPV6_DSTOPTS, headers(i))]);
      if (i === 9) take(5); // so that the ring goes round before it grows
    }
    take(40);
    expect(seen).toEqual(Array.from({ length: 45 }, (_, i) => (i % 3 === 0 ? undefined : i)));
    expect(net.receive(s)).toBe(undefined);
    net.finish();
  });

  it('a raw socket is told them in the order in which they stand, routing headers too', () => {
    const net = new Net();
    const s = net.open(net.server, SOCK_RAW, 253);
    ask(s, ALL);
    const c = net.open(net.client, SOCK_RAW, IPPROTO_ROUTING); // its packets begin with a routing header
    const rthdr = Uint8Array.of(IPPROTO_DSTOPTS, 0, 99, 0, 1, 2, 3, 4);
    net.send(c, 0, Uint8Array.of(...rthdr, ...before(253, DST), 9, 9), [c6(IPV6_HOPOPTS, HBH)]);
    expect(net.receive(s)).toEqual([c6(IPV6_HOPOPTS, before(IPPROTO_ROUTING, HBH)), c6(IPV6_RTHDR, rthdr), c6(IPV6_DSTOPTS, before(253, DST))]);
    net.finish();
  });

  it('hostile ones are not told: longer than the packet, with segments left, hop-by-hop options in second place, too many', () => {
    const net = new Net();
    const s = net.open(net.server, SOCK_RAW, 253);
    ask(s, ALL);
    const c = net.open(net.client, SOCK_RAW, IPPROTO_ROUTING);
    const many = Array.from({ length: 100 }, () => [IPPROTO_ROUTING, 0, 99, 0, 0, 0, 0, 0]).flat();
    for (const b of [[253, 200, 99, 0, 0, 0, 0, 0], [253, 0, 99, 1, 0, 0, 0, 0], [0, 0, 99, 0, 0, 0, 0, 0, ...before(253, HBH)], [253, 0, 99], [...many, 253, 0, 99, 0, 0, 0, 0, 0]]) {
      net.send(c, 0, Uint8Array.from(b));
      expect(net.receive(s)).toBe(undefined);
    }
    net.send(c, 0, Uint8Array.of(253, 0, 99, 0, 0, 0, 0, 0)); // nothing behind it
    expect(net.receive(s)?.length).toBe(1);
    net.finish();
  });

  it.each([
    ['with headers of 1200 bytes', 1200, SOCK_DGRAM, 0],
    ['with the least', 8, SOCK_DGRAM, 0],
    ['at a raw socket', 800, SOCK_RAW, 253],
  ])('a sender cannot have more kept than the buffer allows: %s', (_, len, type, proto) => {
    const net = new Net();
    const s = net.open(net.server, type, proto, type === SOCK_RAW ? 0 : 7);
    ask(s, ALL);
    const c = net.open(net.client, type, proto);
    const header = new Uint8Array(len);
    header[1] = len / 8 - 1;
    header.set([1, 4], 2);
    for (let at = 8; at < len; at += 248) header.set([1, Math.min(len - at, 248) - 2], at); // PadN
    let n = 0;
    for (; n < 2000; n++) {
      net.send(c, 7 * (type === SOCK_RAW ? 0 : 1), new Uint8Array(0), [c6(IPV6_DSTOPTS, header)]);
      if (UDP.get(net.server.vnet).stat.fullsock + RIP.get(net.server.vnet).stat.fullsock > 0) break;
    }
    // Whichever limit comes first: bytes, or storage.
    const { cc, ctl, mbcnt, hiwat, mbmax } = s.rcv;
    expect([ctl, cc]).toEqual([n * (16 + len), n * (16 + len)]);
    expect(cc <= hiwat && mbcnt <= mbmax).toBe(true);
    expect(hiwat - cc < 16 + len || mbmax - mbcnt < 256 * 2 + (len > 208 ? 2048 : 0) + 2048).toBe(true);
    while (net.receive(s) !== undefined);
    expect([s.rcv.cc, s.rcv.ctl, s.rcv.mbcnt]).toEqual([0, 0, 0]);
    net.send(c, 7 * (type === SOCK_RAW ? 0 : 1), new Uint8Array(0), [c6(IPV6_DSTOPTS, header)]);
    expect((net.receive(s)?.[0]?.data as Uint8Array).length).toBe(len);
    net.finish();
  });

  it('options are told to the superuser alone, routing headers to all', () => {
    const net = new Net();
    const so = socreate(net.server.vnet, AF_INET6, SOCK_DGRAM, 0, crSetuid(net.server.cred, 1001)) as Socket;
    expect(ALL.map((o) => sosetopt(so, IPPROTO_IPV6, o, 1))).toEqual([EPERM, EPERM, 0]);
    net.finish();
  });
});
