import { EADDRINUSE, EADDRNOTAVAIL, EBADF, EBUSY, ECONNREFUSED } from '@ns/errno';
import { exec } from '@ns/cli';
import { afterEach, describe, expect, it } from 'vitest';
import { INET, InPkt } from '@ns/inpcb';
import { CSUM_UDP, type Mbuf, mAdj, mFreem, mToBytes } from '@ns/mbuf';
import { Socket, sobind, SOCK_DGRAM, soclose, socreate } from '@ns/socket';
import type { StackJail } from '@ns/stack';
import { UDP_KPI, type UdpTunnel, type UdpTunnelSocket, type UdpTunPkt } from '@ns/udp-kpi';
import { AF_INET, AF_INET6, cksumAddView, cksumFold, type IcmpNotice, inAddr4, PRC_UNREACH_PORT, pseudoSum4, UDP_HDR_LEN, type UdpHdr } from '@ns/wire';
import { type Lab, lab, open, recv, sa, send } from './lab.ts';

let l: Lab;
afterEach(() => {
  expect(l.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

/** Sends back what comes, and remembers it. */
class Echo implements UdpTunnel {
  socket: UdpTunnelSocket | null = null;
  readonly got: string[] = [];
  readonly notices: IcmpNotice[] = [];

  input(m: Mbuf, pkt: UdpTunPkt, uh: UdpHdr): void {
    const from = sa(pkt.srcAddr().toString(), uh.sport);
    mAdj(m, pkt.off + UDP_HDR_LEN);
    this.got.push(`${new TextDecoder().decode(mToBytes(m))} ${uh.ulen - UDP_HDR_LEN}`);
    expect(this.socket?.send(m, from) ?? 0).toBe(0);
  }

  ctlinput(n: IcmpNotice): void {
    this.notices.push(n);
  }
}

function tunnel(j: StackJail, at: string, port: number): Echo {
  const echo = new Echo();
  const so = l.stack.kernel.service(UDP_KPI).open(j.vnet, sa(at, port), echo);
  if (typeof so === 'number') throw new Error(`open: ${so}`);
  echo.socket = so;
  return echo;
}

function client(j: StackJail, af: number): Socket {
  const so = socreate(j.vnet, af, SOCK_DGRAM, 0, j.cred);
  if (!(so instanceof Socket)) throw new Error(`socreate: ${String(so)}`);
  return so;
}

const tryOpen = (j: StackJail, at: string, port: number): UdpTunnelSocket | number => l.stack.kernel.service(UDP_KPI).open(j.vnet, sa(at, port), new Echo());

describe('a tunnel', () => {
  it.each([
    ['IPv4', AF_INET, '0.0.0.0', '10.0.0.2'],
    ['IPv4, at one address', AF_INET, '10.0.0.2', '10.0.0.2'],
    ['IPv6', AF_INET6, '::', 'fd00::2'],
  ])('over %s has the datagrams of its port, and answers them', (_name, af, at, to) => {
    l = lab();
    l.a.addAddress(l.ifa, 'fd00::1/64');
    l.b.addAddress(l.ifb, 'fd00::2/64');
    l.host.settle();
    const echo = tunnel(l.b, at, 4789);
    expect(echo.socket?.port).toBe(4789);
    const so = client(l.a, af);
    expect(send(so, 'hello', sa(to, 4789))).toBe(5);
    expect(send(so, 'other port', sa(to, 4790))).toBe(10);
    for (let i = 0; i < 5; i++) l.host.advance(100000);
    expect(echo.got).toEqual(['hello 5']);
    expect(recv(so)).toEqual(['hello', expect.stringMatching(/:4789$/)]);
    expect(l.udp(l.b).stat).toMatchObject({ ipackets: 2, opackets: 1, noport: 1 });
  });

  it('of each family has the port to itself, and leaves that of the other alone', () => {
    l = lab();
    l.b.addAddress(l.ifb, 'fd00::2/64');
    tunnel(l.b, '0.0.0.0', 4789);
    tunnel(l.b, '::', 4789);
    expect(tryOpen(l.b, '0.0.0.0', 4789)).toBe(EADDRINUSE);
    expect(tryOpen(l.b, '::', 4789)).toBe(EADDRINUSE);
    expect(tryOpen(l.b, '10.0.0.77', 4790)).toBe(EADDRNOTAVAIL);
    expect(sobind(client(l.b, AF_INET), sa('0.0.0.0', 4789), l.b.cred)).toBe(EADDRINUSE);
    open(l.b, 4790);
    expect(tryOpen(l.b, '0.0.0.0', 4790)).toBe(EADDRINUSE);
    tunnel(l.a, '0.0.0.0', 4789); // another vnet
  });

  it('can be there before there is an address', () => {
    l = lab();
    const bare = l.stack.jail({ name: 'bare', vnet: 'new' });
    const echo = tunnel(bare, '0.0.0.0', 7);
    bare.addAddress('lo0', '127.0.0.1/8');
    l.host.settle();
    const so = client(bare, AF_INET);
    expect(send(so, 'x', sa('127.0.0.1', 7))).toBe(1);
    l.host.settle();
    expect(echo.got).toEqual(['x 1']);
    expect(recv(so)).toEqual(['x', '127.0.0.1:7']);
  });

  it('gives the port back once, and sends no more then', () => {
    l = lab();
    const echo = tunnel(l.b, '0.0.0.0', 7);
    expect(l.stack.kernel.kldunload('udp').errno).toBe(EBUSY);
    echo.socket?.close();
    echo.socket?.close();
    const m = l.stack.kernel.mbufs.fromBytes(Uint8Array.of(1)) as Mbuf;
    expect(echo.socket?.send(m, sa('10.0.0.1', 7))).toBe(EBADF);
    const next = tunnel(l.b, '0.0.0.0', 7);
    next.socket?.close();
    expect(l.stack.kernel.kldunload('udp').errno).toBe(0);
    expect(l.stack.kernel.tryService(UDP_KPI)).toBeNull();
  });

  it('goes with its vnet', () => {
    l = lab();
    const echo = tunnel(l.b, '0.0.0.0', 7);
    expect(l.b.remove()).toEqual([expect.objectContaining({ clean: true })]);
    echo.socket?.close();
    expect(echo.socket?.send(l.stack.kernel.mbufs.fromBytes(Uint8Array.of(1)) as Mbuf, sa('10.0.0.1', 7))).toBe(EBADF);
  });

  it('is nobody’s in the lists of sockets', () => {
    l = lab();
    l.stack.host.addAddress('lo0', '127.0.0.1/8');
    tunnel(l.stack.host, '0.0.0.0', 7);
    open(l.stack.host, 8);
    const r = exec(l.stack.kernel, 'sockstat -4qP udp', { env: { process: { command: 'node', pid: 9 } } });
    expect(r.stdout.split('\n').map((row) => row.split(/ +/).slice(0, 6).join(' '))).toEqual(['root node 9 ? udp4 *:8', '? ? ? ? udp4 *:7', '']);
  });
});

describe('what is wrong with a datagram', () => {
  /** Hands jail b eight bytes of UDP header and four of payload, altered. */
  function inject(change: (dv: DataView) => void, len = 12): void {
    const bytes = new Uint8Array(20 + len);
    const dv = new DataView(bytes.buffer);
    dv.setUint16(20, 4000);
    dv.setUint16(22, 7);
    if (len >= 8) {
      dv.setUint16(24, len);
      dv.setUint16(26, cksumFold(cksumAddView(dv, 20, len, pseudoSum4(0x0a000001, 0x0a000002, 17, len))));
    }
    change(dv);
    const pkt = new InPkt(l.b.vnet, AF_INET);
    Object.assign(pkt, { proto: 17, off: 20, len, src3: 0x0a000001, dst3: 0x0a000002, ttl: 64, ifp: l.b.interface(l.ifb) });
    INET.get(l.b.vnet).protosw[17]?.input(l.stack.kernel.mbufs.fromBytes(bytes) as Mbuf, pkt);
  }

  it.each([
    ['short', 'hdrops', 7, () => {}],
    ['a bad checksum', 'badsum', 12, (dv: DataView) => dv.setUint8(28, 99)],
    ['a length beyond the packet', 'badlen', 12, (dv: DataView) => dv.setUint16(24, 13)],
    ['a length below the header', 'badlen', 12, (dv: DataView) => dv.setUint16(24, 7)],
  ] as const)('%s: UDP drops it, counted, and the tunnel sees nothing', (_name, counter, len, change) => {
    l = lab();
    const echo = tunnel(l.b, '0.0.0.0', 7);
    inject(change, len);
    expect(echo.got).toEqual([]);
    expect(l.udp(l.b).stat[counter]).toBe(1);
    inject(() => {});
    expect(echo.got).toEqual(['\0\0\0\0 4']);
  });
});

describe('ICMP errors', () => {
  const notice = (over: object): never =>
    ({ af: AF_INET, proto: 17, cmd: PRC_UNREACH_PORT, errno: ECONNREFUSED, mtu: 0, src: inAddr4(0x0a000002), dst: inAddr4(0x0a000001), sport: 7, dport: 4000, seq: 0, data0: 0, data1: 0, quoted: 8, ipLen: 32, ...over }) as never;

  it.each([
    ['about its port', {}, 1],
    ['about another port', { sport: 8 }, 0],
    ['without ports', { quoted: 0 }, 0],
    ['that means nothing', { errno: 0 }, 0],
  ])('%s', (_name, over, want) => {
    l = lab();
    const echo = tunnel(l.b, '0.0.0.0', 7);
    const quiet = l.stack.kernel.service(UDP_KPI).open(l.b.vnet, sa('0.0.0.0', 9), { input: (m) => void mFreem(m) });
    expect(quiet).not.toBeTypeOf('number');
    INET.get(l.b.vnet).protosw[17]?.ctlinput?.(notice(over));
    INET.get(l.b.vnet).protosw[17]?.ctlinput?.(notice({ ...over, sport: 9 }));
    expect(echo.notices.length).toBe(want);
  });

  it('come with the first bytes that the tunnel has sent', () => {
    l = lab();
    const echo = tunnel(l.b, '0.0.0.0', 7);
    const m = l.stack.kernel.mbufs.fromBytes(Uint8Array.of(1, 2, 3, 4, 0x85, 6, 7, 8, 9)) as Mbuf;
    expect(echo.socket?.send(m, sa('10.0.0.1', 99))).toBe(0);
    l.host.settle();
    // FreeBSD and we quote more than the least of RFC 792.
    expect(echo.notices).toMatchObject([{ errno: ECONNREFUSED, sport: 7, dport: 99, data0: 0x01020304, data1: 0x85060708 | 0 }]);
    expect(echo.notices[0]?.quoted).toBeGreaterThanOrEqual(16);
  });
});

describe('encap', () => {
  it('puts a header with a checksum to finish in front of a packet', () => {
    l = lab();
    const kpi = l.stack.kernel.service(UDP_KPI);
    const src = inAddr4(0x0a000002);
    const dst = inAddr4(0x0a000001);
    const m = kpi.encap(l.b.vnet, l.stack.kernel.mbufs.fromBytes(Uint8Array.of(0xaa, 0xbb)) as Mbuf, src, 4789, dst, 99) as Mbuf;
    const sum = INET.get(l.b.vnet).af(AF_INET)?.pseudoSum(src, dst, 17, 10) ?? 0;
    expect([...mToBytes(m)]).toEqual([0x12, 0xb5, 0, 99, 0, 10, sum >> 8, sum & 0xff, 0xaa, 0xbb]);
    expect([m.csumFlags, m.csumData, m.pktlen]).toEqual([CSUM_UDP, 6, 10]);
    expect(l.udp(l.b).stat.opackets).toBe(1);
    mFreem(m);
  });
});

describe('sockets of programs', () => {
  it('have their datagrams as before', () => {
    l = lab();
    const echo = tunnel(l.b, '0.0.0.0', 7);
    const so = open(l.b, 8);
    const from = open(l.a, 4000);
    send(from, 'mine', sa('10.0.0.2', 8));
    l.host.settle();
    expect(recv(so)).toEqual(['mine', '10.0.0.1:4000']);
    expect(echo.got).toEqual([]);
    soclose(so);
  });
});
