/* TCP over UDP between two stacks, and what is hostile, busy or gone: counted, refused, left clean. */
import { EADDRINUSE, EBUSY, EINVAL, ENETDOWN, EPROTONOSUPPORT } from '@ns/errno';
import { INET, InPkt, type Inpcb, PKT_BROADCAST } from '@ns/inpcb';
import { virtualHost, type VirtualHost } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { runScript } from '@ns/packetdrill';
import { Socket, sobind, SOCK_DGRAM, SOCK_STREAM, soclose, soconnect, socreate, sogetopt, solisten, solistenDequeue, soreceiveBytes, sosendCopy, sosetopt } from '@ns/socket';
import { createStack, defaultModules, type Stack, type StackJail } from '@ns/stack';
import { TCP, TCP_INFO, TCP_REMOTE_UDP_ENCAPS_PORT, type TcpInfo, tcpPcblist, type TcpStats, TF_TSO } from '@ns/tcp';
import { setkey, TCP_KEYS, tcpSignature } from '@ns/tcp-signature';
import { UDP } from '@ns/udp';
import { AF_INET, cksumAddView, cksumFold, inAddr4, IPPROTO_TCP, parseInAddr, pseudoSum4, Sockaddr } from '@ns/wire';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Tcpcb } from '../src/tcpcb.ts';
import { must, pattern, same } from './lab.ts';

const PORT = 'net.inet.tcp.udp_tunneling_port';
const OVERHEAD = 'net.inet.tcp.udp_tunneling_overhead';
const TCP_MD5SIG = 16;
const sa = (text: string, port: number): Sockaddr => new Sockaddr(parseInAddr(text)!, port);
const tpOf = (so: Socket): Tcpcb => (so.pcb as Inpcb).ppcb as Tcpcb;

class Pair {
  readonly host: VirtualHost = virtualHost({ seed: 3 });
  readonly stack: Stack;
  readonly a: StackJail;
  readonly b: StackJail;
  readonly ifa: string;
  readonly ifb: string;

  constructor() {
    this.stack = createStack({ host: this.host, extra: [tcpSignature()] });
    this.stack.kernel.mbufs.poison = true;
    this.a = this.stack.jail({ name: 'a', vnet: 'new' });
    this.b = this.stack.jail({ name: 'b', vnet: 'new' });
    const l = this.stack.link(this.a, '10.0.0.1/24', this.b, '10.0.0.2/24');
    this.ifa = l.a;
    this.ifb = l.b;
    this.a.addAddress(l.a, 'fd00::1/64');
    this.b.addAddress(l.b, 'fd00::2/64');
    this.host.settle();
  }

  run(ms: number): void {
    for (let i = 0; i < ms; i += 10) this.host.advance(10_000);
  }

  socket(j: StackJail, af: number, type: number = SOCK_STREAM): Socket {
    const so = socreate(j.vnet, af, type, 0, j.cred);
    if (!(so instanceof Socket)) throw new Error(`socreate: ${String(so)}`);
    return so;
  }

  listen(j: StackJail, af: number, port = 80): Socket {
    const so = this.socket(j, af);
    must(sobind(so, sa(af === AF_INET ? '0.0.0.0' : '::', port), j.cred), 'bind');
    must(solisten(so, 8), 'listen');
    return so;
  }

  /** From a to b; `remote`: b's UDP port, 0 for plain TCP. */
  connect(to: string, remote: number, before: (so: Socket) => void = () => {}): [client: Socket, server: Socket, listener: Socket] {
    const addr = sa(to, 80);
    const listener = this.listen(this.b, addr.af);
    before(listener);
    const c = this.socket(this.a, addr.af);
    must(sosetopt(c, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, remote), 'TCP_REMOTE_UDP_ENCAPS_PORT');
    before(c);
    must(soconnect(c, addr, this.a.cred), 'connect');
    this.run(50);
    const s = solistenDequeue(listener);
    if (!(s instanceof Socket)) throw new Error(`accept: ${String(s)}`);
    return [c, s, listener];
  }

  transfer(from: Socket, to: Socket, data: Uint8Array): Uint8Array {
    const got = new Uint8Array(data.length);
    let sent = 0;
    let have = 0;
    for (let i = 0; i < 20_000 && have < data.length; i++) {
      if (sent < data.length) sent += Math.max(sosendCopy(from, null, data, sent, Math.min(8192, data.length - sent), 0), 0);
      this.host.advance(1000);
      have += Math.max(soreceiveBytes(to, got, have, got.length - have, 0), 0);
    }
    return got.subarray(0, have);
  }
}

let p: Pair;
afterEach(() => {
  expect(p.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

const stat = (j: StackJail): TcpStats => TCP.get(j.vnet).stat;

describe('two stacks', () => {
  it.each([
    ['IPv4', '10.0.0.2', 1452],
    ['IPv6', 'fd00::2', 1432],
  ] as const)('move data both ways in UDP over %s', (_name, to, mss) => {
    p = new Pair();
    p.a.sysctl(PORT, 9899);
    p.b.sysctl(PORT, 9811);
    // Checksums made and checked by the stacks themselves.
    for (const [j, name] of [[p.a, p.ifa], [p.b, p.ifb]] as const) for (const cap of ['txcsum', 'rxcsum', 'txcsum6', 'rxcsum6'] as const) j.setCapability(name, cap, false);
    const [c, s, l] = p.connect(to, 9811);
    expect(sogetopt(s, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT)).toBe(9899);
    expect(sogetopt(c, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT)).toBe(9811);
    expect((sogetopt(c, IPPROTO_TCP, TCP_INFO) as TcpInfo).sndMss).toBe(mss);
    const data = pattern(300_000, 1);
    expect(same(p.transfer(c, s, data), data)).toBe(true);
    expect(same(p.transfer(s, c, data), data)).toBe(true);
    expect(tcpPcblist(p.b.vnet).pcbs.map((x) => [x.stateName, x.encapsPort])).toEqual([['ESTABLISHED', 9899], ['LISTEN', 0]]);
    // Every segment has been a datagram.
    for (const j of [p.a, p.b]) {
      expect(stat(j).tunneledPkts).toBe(stat(j).rcvtotal);
      expect(stat(j).tunneledErrs + stat(j).rcvbadsum + UDP.get(j.vnet).stat.badsum + stat(j).sndrexmitpack).toBe(0);
      expect(UDP.get(j.vnet).stat.opackets).toBe(stat(j).sndtotal);
    }
    for (const so of [c, s, l]) soclose(so);
    p.run(100);
    p.host.advance(61_000_000);
    for (const j of [p.a, p.b]) expect(tcpPcblist(j.vnet).pcbs).toEqual([]);
  });

  it('have no TSO in UDP, and have it beside that', () => {
    p = new Pair();
    p.b.sysctl(PORT, 9811);
    p.a.sysctl(PORT, 9811);
    for (const [j, name] of [[p.a, p.ifa], [p.b, p.ifb]] as const) for (const cap of ['tso', 'lro'] as const) j.setCapability(name, cap, true);
    const [c, s] = p.connect('10.0.0.2', 9811);
    expect(tpOf(c).flags & TF_TSO).toBe(0);
    const data = pattern(100_000, 2);
    expect(same(p.transfer(c, s, data), data)).toBe(true);
    const plain = p.socket(p.a, AF_INET);
    must(soconnect(plain, sa('10.0.0.2', 80), p.a.cred), 'connect');
    p.run(50);
    expect(tpOf(plain).flags & TF_TSO).not.toBe(0);
  });

  it('sign segments in UDP as plain ones (RFC 2385)', () => {
    p = new Pair();
    p.a.sysctl(PORT, 9811);
    p.b.sysctl(PORT, 9811);
    for (const j of [p.a, p.b]) expect(setkey(TCP_KEYS.get(j.vnet), 'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "k"; add 10.0.0.2 10.0.0.1 tcp 0x1001 -A tcp-md5 "k";').error).toBeNull();
    const [c, s] = p.connect('10.0.0.2', 9811, (so) => must(sosetopt(so, IPPROTO_TCP, TCP_MD5SIG, 1), 'TCP_MD5SIG'));
    const data = pattern(20_000, 3);
    expect(same(p.transfer(c, s, data), data)).toBe(true);
    expect([stat(p.b).sigRcvbadsig, stat(p.b).sigErrNosigopt]).toEqual([0, 0]);
    expect(stat(p.b).sigRcvgoodsig).toBe(stat(p.b).rcvtotal);
  });

  it('over loopback', () => {
    p = new Pair();
    p.b.addAddress('lo0', '127.0.0.1/8');
    p.b.sysctl(PORT, 9811);
    const listener = p.listen(p.b, AF_INET);
    const c = p.socket(p.b, AF_INET);
    must(sosetopt(c, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, 9811), 'option');
    must(soconnect(c, sa('127.0.0.1', 80), p.b.cred), 'connect');
    p.run(50);
    const s = solistenDequeue(listener) as Socket;
    const data = pattern(100_000, 4);
    expect(same(p.transfer(c, s, data), data)).toBe(true);
  });

  it('sum their datagrams whatever net.inet.udp.checksum, and leave the field of TCP zero', () => {
    p = new Pair();
    const r = runScript(
      `--udp_encapsulation=tcp
       0 \`sysctl net.inet.udp.checksum=0\`
      +0 \`sysctl net.inet.tcp.udp_tunneling_port=9811\`
      +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
      +0 bind(3, ..., ...) = 0
      +0 listen(3, 1) = 0
      +0 < . 0:0(0) ack 5 win 9/udp(7 > 9811)
      +0 > R 5:5(0) win 0/udp(9811 > 7)
      +0 < S 0:0(0) win 32767 <mss 1460>/udp(7 > 9811)
      +0 > S. 0:0(0) ack 1 <mss 1452>/udp(9811 > 7)
      +0 < . 1:1(0) ack 1 win 32767/udp(7 > 9811)
      +0 accept(3, ..., ...) = 4
      +0 < . 1:1(0) ack 1 win 9
      +0 > R 1:1(0) win 0
      +0 send(4, ..., 1001, 0) = 1001
      +0 > P. 1:1002(1001) ack 1/udp(9811 > 7)`,
      { capture: true },
    );
    expect(r.status).toBe('passed');
    // IPv4 headers from 192.168.0.1 with protocol UDP in the capture.
    const bytes = r.pcap as Uint8Array;
    const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let seen = 0;
    for (let o = 0; o + 48 <= bytes.length; o += 4) {
      if (bytes[o] !== 0x45 || bytes[o + 9] !== 17 || dv.getUint32(o + 12) !== 0xc0a80001) continue;
      const ulen = dv.getUint16(o + 24);
      expect(dv.getUint16(o + 26)).not.toBe(0);
      expect(cksumFold(cksumAddView(dv, o + 20, ulen, pseudoSum4(dv.getInt32(o + 12), dv.getInt32(o + 16), 17, ulen)))).toBe(0);
      expect(dv.getUint16(o + 28 + 16)).toBe(0);
      seen++;
    }
    expect(seen).toBe(3);
  });
});

describe('hostile datagrams', () => {
  const SRC = 0x0a000001;
  const DST = 0x0a000002;

  /** A SYN for port 80 in a datagram from port 7, altered, handed to jail b as IP would. */
  function inject(x: { len?: number; ulen?: number; off?: number; sum?: number; sport?: number; flags?: number; pad?: number; inner?: number }): void {
    const len = x.len ?? 28;
    const bytes = new Uint8Array(20 + Math.max(len, 28) + (x.pad ?? 0));
    const dv = new DataView(bytes.buffer);
    dv.setUint16(20, x.sport ?? 7);
    dv.setUint16(22, 9811);
    dv.setUint16(24, x.ulen ?? len);
    dv.setUint16(28, 4000);
    dv.setUint16(30, 80);
    dv.setUint32(32, 1);
    dv.setUint16(40, ((x.off ?? 5) << 12) | 2);
    dv.setUint16(42, 1000);
    dv.setUint16(44, x.inner ?? 0);
    dv.setUint16(26, x.sum ?? (cksumFold(cksumAddView(dv, 20, len, pseudoSum4(SRC, DST, 17, len))) || 0xffff));
    const m = p.stack.kernel.mbufs.fromBytes(bytes.subarray(0, 20 + len + (x.pad ?? 0))) as Mbuf;
    const pkt = new InPkt(p.b.vnet, AF_INET);
    Object.assign(pkt, { proto: 17, off: 20, len: len + (x.pad ?? 0), src3: SRC, dst3: DST, ttl: 64, ifp: p.b.interface(p.ifb), flags: x.flags ?? 0 });
    m.rcvif = pkt.ifp.handle;
    INET.get(p.b.vnet).protosw[17]?.input(m, pkt);
    expect([pkt.off, pkt.len]).toEqual([20, len + (x.pad ?? 0)]);
  }

  const zero = { tunneledPkts: 0, tunneledErrs: 0, rcvtotal: 0, rcvbadoff: 0, scAdded: 0, rcvbadsum: 0 };
  const counters = (): Record<string, number> => {
    const all = stat(p.b) as unknown as Record<string, number>;
    return Object.fromEntries(Object.keys(zero).map((k) => [k, all[k] ?? -1]));
  };

  it.each([
    ['a good one', {}, { tunneledPkts: 1, rcvtotal: 1, scAdded: 1 }, {}],
    ['a good one with padding behind', { pad: 6 }, { tunneledPkts: 1, rcvtotal: 1, scAdded: 1 }, {}],
    ['a good one with a checksum of TCP that nobody looks at', { inner: 0xbad }, { tunneledPkts: 1, rcvtotal: 1, scAdded: 1 }, {}],
    ['nothing in it', { len: 8 }, { tunneledPkts: 1, tunneledErrs: 1 }, {}],
    ['a byte short of a header', { len: 27 }, { tunneledPkts: 1, tunneledErrs: 1 }, {}],
    ['no checksum', { sum: 0 }, { tunneledPkts: 1, tunneledErrs: 1 }, { nosum: 1 }],
    ['from port 0', { sport: 0 }, { tunneledPkts: 1, tunneledErrs: 1 }, {}],
    ['to many', { flags: PKT_BROADCAST }, { tunneledPkts: 1, tunneledErrs: 1 }, {}],
    ['a wrong checksum', { sum: 1 }, {}, { badsum: 1 }],
    ['a header longer than the segment', { off: 6 }, { tunneledPkts: 1, rcvtotal: 1, rcvbadoff: 1 }, {}],
    ['a header shorter than a header', { off: 4 }, { tunneledPkts: 1, rcvtotal: 1, rcvbadoff: 1 }, {}],
    ['shorter than a UDP header', { len: 7 }, {}, { hdrops: 1 }],
    ['a length beyond the packet', { ulen: 29 }, {}, { badlen: 1 }],
    ['a length below the header', { ulen: 7 }, {}, { badlen: 1 }],
  ] as const)('%s', (_name, x, want, udp) => {
    p = new Pair();
    p.b.sysctl(PORT, 9811);
    p.listen(p.b, AF_INET);
    inject(x);
    expect(counters()).toEqual({ ...zero, ...want });
    expect(UDP.get(p.b.vnet).stat).toMatchObject({ ipackets: 1, ...udp });
    p.run(100);
    expect(p.stack.kernel.mbufs.outstanding).toBe(0);
  });

  it('whatever is in them: each counted once, and nothing kept', () => {
    p = new Pair();
    p.b.sysctl(PORT, 9811);
    p.b.sysctl('net.inet.tcp.syncookies_only', 1);
    p.listen(p.b, AF_INET);
    let n = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90, size: 'max' }), fc.constantFrom(0, 1, 7, 65535), fc.boolean(), (data, sport, toListener) => {
        const len = 8 + data.length;
        const bytes = new Uint8Array(20 + len);
        const dv = new DataView(bytes.buffer);
        bytes.set(data, 28);
        dv.setUint16(20, sport);
        dv.setUint16(22, 9811);
        dv.setUint16(24, len);
        if (toListener && data.length >= 20) {
          dv.setUint16(30, 80);
          bytes[40] = (5 + (bytes[40]! & 3)) << 4;
        }
        dv.setUint16(26, cksumFold(cksumAddView(dv, 20, len, pseudoSum4(SRC, DST, 17, len))) || 0xffff);
        const pkt = new InPkt(p.b.vnet, AF_INET);
        Object.assign(pkt, { proto: 17, off: 20, len, src3: SRC, dst3: DST, ttl: 64, ifp: p.b.interface(p.ifb) });
        const m = p.stack.kernel.mbufs.fromBytes(bytes) as Mbuf;
        m.rcvif = pkt.ifp.handle;
        INET.get(p.b.vnet).protosw[17]?.input(m, pkt);
        n++;
        const s = stat(p.b);
        expect(s.tunneledPkts).toBe(n);
        expect(s.tunneledErrs + s.rcvtotal).toBe(n);
        expect(s.rcvbadsum).toBe(0);
      }),
      { numRuns: 2000 },
    );
    expect(stat(p.b).scSendcookie).toBeGreaterThan(10);
    p.run(1000);
    expect(p.stack.kernel.mbufs.outstanding).toBe(0);
    expect(stat(p.b).accepts).toBe(0);
  });

  it('errors about datagrams that quote too little of TCP', () => {
    p = new Pair();
    p.a.sysctl(PORT, 9811);
    const c = p.socket(p.a, AF_INET);
    must(sosetopt(c, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, 9811), 'option');
    must(soconnect(c, sa('10.0.0.2', 80), p.a.cred), 'connect');
    const inp = c.pcb as Inpcb;
    const tell = (over: object): void =>
      INET.get(p.a.vnet).protosw[17]?.ctlinput?.({
        vnet: p.a.vnet, af: AF_INET, proto: 17, cmd: 11, errno: 61, mtu: 0, src: inAddr4(SRC), dst: inAddr4(DST), sport: 9811, dport: 9811, seq: 0,
        data0: (inp.lport << 16) | 80, data1: tpOf(c).iss, quoted: 16, ipLen: 68, ...over,
      } as never);
    for (const over of [{ quoted: 15 }, { quoted: 8 }, { data1: tpOf(c).iss + 1 }, { data0: 80 }, { dport: 9812 }, { dport: 0 }, { dst: inAddr4(0x0a000003) }]) {
      tell(over);
      expect(c.error).toBe(0);
    }
    tell({});
    expect(c.error).toBe(61);
  });
});

describe('the tunnel', () => {
  const set = (j: StackJail, name: string, value: number): number => p.stack.kernel.sysctl.sysctlSet(name, value, { vnet: j.vnet, jailed: false }).errno;

  it('is off at first, and has a port of each vnet for itself', () => {
    p = new Pair();
    expect([p.a.sysctl(PORT), p.a.sysctl(OVERHEAD)]).toEqual([0, 8]);
    expect(set(p.a, PORT, 9811)).toBe(0);
    expect(set(p.b, PORT, 9811)).toBe(0);
    expect(set(p.a, PORT, 9811)).toBe(0);
    expect(UDP.get(p.a.vnet).info.count).toBe(2);
    expect(set(p.a, PORT, 0)).toBe(0);
    expect(UDP.get(p.a.vnet).info.count).toBe(0);
    expect(p.b.sysctl(PORT)).toBe(9811);
  });

  it('refuses what is no port, or no overhead', () => {
    p = new Pair();
    for (const bad of [-1, 65536]) expect(set(p.a, PORT, bad)).toBe(EINVAL);
    for (const bad of [0, 7, 1025]) expect(set(p.a, OVERHEAD, bad)).toBe(EINVAL);
    expect(set(p.a, OVERHEAD, 1024)).toBe(0);
  });

  it.each([AF_INET, 28])('keeps the port that it has when the new one is busy (family %i)', (af) => {
    p = new Pair();
    set(p.a, PORT, 9811);
    const so = p.socket(p.a, af, SOCK_DGRAM);
    must(sobind(so, sa(af === AF_INET ? '0.0.0.0' : '::', 9812), p.a.cred), 'bind');
    expect(set(p.a, PORT, 9812)).toBe(EADDRINUSE);
    expect(p.a.sysctl(PORT)).toBe(9811);
    expect(UDP.get(p.a.vnet).info.count).toBe(3);
    soclose(so);
    expect(set(p.a, PORT, 9812)).toBe(0);
    expect(UDP.get(p.a.vnet).info.count).toBe(2);
  });

  it('needs UDP, holds it while it is there, and goes with TCP', () => {
    p = new Pair();
    const some = createStack({ host: virtualHost(), modules: defaultModules().filter((m) => m.name !== 'cc-newreno') });
    const { kernel } = some;
    const { vnet } = some.host;
    expect(kernel.sysctl.sysctlSet(PORT, 9811, { vnet, jailed: false }).errno).toBe(0);
    expect(UDP.get(vnet).info.count).toBe(2);
    expect(kernel.kldunload('udp').errno).toBe(EBUSY);
    expect(kernel.kldunload('tcp')).toMatchObject({ errno: 0 });
    expect(UDP.get(vnet).info.count).toBe(0);
    expect(kernel.kldunload('udp').errno).toBe(0);
    expect(some.shutdown()).toEqual({ leftovers: [], problems: [] });
    const bare = createStack({ host: virtualHost(), modules: defaultModules().filter((m) => m.name !== 'udp') });
    expect(bare.kernel.sysctl.sysctlSet(PORT, 9811, { vnet: bare.host.vnet, jailed: false }).errno).toBe(EPROTONOSUPPORT);
    expect(bare.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('of one family alone is enough', () => {
    p = new Pair();
    const four = createStack({ host: virtualHost(), modules: defaultModules().filter((m) => m.name !== 'ip6' && m.name !== 'nd6') });
    expect(four.kernel.sysctl.sysctlSet(PORT, 9811, { vnet: four.host.vnet, jailed: false }).errno).toBe(0);
    expect(UDP.get(four.host.vnet).info.count).toBe(1);
    expect(four.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('goes with its vnet, connections and all', () => {
    p = new Pair();
    p.a.sysctl(PORT, 9811);
    p.b.sysctl(PORT, 9811);
    const [c] = p.connect('10.0.0.2', 9811);
    sosendCopy(c, null, pattern(50_000, 1), 0, 50_000, 0);
    expect(p.b.remove()).toEqual([expect.objectContaining({ clean: true })]);
    p.run(100);
  });

  it('that is gone fails a connect at once', () => {
    p = new Pair();
    p.a.sysctl(PORT, 9811);
    const so = p.socket(p.a, AF_INET);
    must(sosetopt(so, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, 9811), 'option');
    p.a.sysctl(PORT, 0);
    expect(soconnect(so, sa('10.0.0.2', 80), p.a.cred)).toBe(ENETDOWN);
  });
});
