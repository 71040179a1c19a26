import fc from 'fast-check';
import { ECONNREFUSED, EHOSTUNREACH, ENOSPC, ETOOMANYREFS } from '@ns/errno';
import { afterEach, describe, expect, it } from 'vitest';
import { INET, type Inpcb, InPkt, IP_ADD_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_DROP_MEMBERSHIP, PKT_MULTICAST, SO_REUSEPORT } from '@ns/inpcb';
import { CSUM_DATA_VALID, CSUM_PSEUDO_HDR, mFreem } from '@ns/mbuf';
import { type Socket, soclose, sosetopt } from '@ns/socket';
import type { UdpTunnel } from '@ns/udp-kpi';
import { AF_INET, cksumAddView, cksumFold, inAddr4, IPPROTO_IP, parseInAddr, PRC_HOSTDEAD, PRC_UNREACH_HOST, PRC_UNREACH_PORT, pseudoSum4 } from '@ns/wire';
import { UdpTunnelCb } from '../src/tunnel.ts';
import { connectTo, type Lab, lab, open, recv } from './lab.ts';

let l: Lab;
afterEach(() => {
  expect(l.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

interface Made {
  readonly len?: number;
  readonly ulen?: number;
  readonly sum?: number | 'right';
  readonly dport?: number;
  readonly pad?: number;
  readonly csumFlags?: number;
  readonly csumData?: number;
  readonly bytes?: Uint8Array;
  readonly dst?: number;
  readonly src?: number;
  readonly flags?: number;
}

const SRC = 0x0a000001;
const DST = 0x0a000002;

/** Hands jail b a datagram of our own making, from 10.0.0.1:4000, as its network protocol would. */
function inject(x: Lab, p: Made): void {
  const payload = p.len ?? 4;
  const ulen = 8 + payload;
  const bytes = new Uint8Array(20 + ulen + (p.pad ?? 0));
  const dv = new DataView(bytes.buffer);
  dv.setUint16(20, 4000);
  dv.setUint16(22, p.dport ?? 7);
  dv.setUint16(24, p.ulen ?? ulen);
  for (let i = 0; i < payload; i++) bytes[28 + i] = 97 + i;
  const right = cksumFold(cksumAddView(dv, 20, ulen, pseudoSum4(p.src ?? SRC, p.dst ?? DST, 17, ulen)));
  dv.setUint16(26, p.sum === undefined || p.sum === 'right' ? right : p.sum);
  if (p.bytes !== undefined) bytes.set(p.bytes.subarray(0, bytes.length - 20), 20);
  const m = x.stack.kernel.mbufs.fromBytes(bytes);
  if (m === null) throw new Error('pool empty');
  m.csumFlags = p.csumFlags ?? 0;
  m.csumData = p.csumData ?? 0;
  const pkt = new InPkt(x.b.vnet, AF_INET);
  const ifp = x.b.interface(x.ifb);
  Object.assign(pkt, { proto: 17, off: 20, len: bytes.length - 20, src3: p.src ?? SRC, dst3: p.dst ?? DST, ttl: 64, ifp, flags: p.flags ?? 0 });
  m.rcvif = ifp.handle;
  INET.get(x.b.vnet).protosw[17]?.input(m, pkt);
}

const rows: readonly { readonly name: string; readonly make: Made; readonly got: string | null; readonly counter: string }[] = [
  { name: 'a right checksum', make: {}, got: 'abcd', counter: 'ipackets' },
  { name: 'a wrong checksum', make: { sum: 1 }, got: null, counter: 'badsum' },
  { name: 'no checksum', make: { sum: 0 }, got: 'abcd', counter: 'nosum' },
  { name: 'a wrong one that the interface vouches for', make: { sum: 1, csumFlags: CSUM_DATA_VALID | CSUM_PSEUDO_HDR, csumData: 0xffff }, got: 'abcd', counter: 'ipackets' },
  { name: 'one that the interface found wrong', make: { csumFlags: CSUM_DATA_VALID | CSUM_PSEUDO_HDR, csumData: 0x1234 }, got: null, counter: 'badsum' },
  { name: 'padding behind the datagram', make: { pad: 18 }, got: 'abcd', counter: 'ipackets' },
  { name: 'a length beyond the packet', make: { ulen: 13 }, got: null, counter: 'badlen' },
  { name: 'a length below the header', make: { ulen: 7 }, got: null, counter: 'badlen' },
  { name: 'port 0', make: { dport: 0 }, got: null, counter: 'ipackets' },
];

describe('udp input', () => {
  it.each(rows)('$name', ({ make, got, counter }) => {
    l = lab();
    const so = open(l.b, 7);
    inject(l, make);
    const r = recv(so);
    expect(typeof r === 'number' ? null : r[0]).toBe(got);
    expect(l.udp(l.b).stat).toHaveProperty(counter, 1);
  });

  it('with the sum of the interface but no pseudo header, adds it', () => {
    l = lab();
    const so = open(l.b, 7);
    const dv = new DataView(new ArrayBuffer(12));
    dv.setUint32(0, (4000 << 16) | 7);
    dv.setUint16(4, 12);
    dv.setUint32(8, 0x61626364);
    const sum = cksumAddView(dv, 0, 12, 0);
    inject(l, { sum: 1, csumFlags: CSUM_DATA_VALID, csumData: ~(sum + pseudoSum4(SRC, DST, 17, 12) - sum) & 0xffff });
    expect(recv(so)).toEqual(['abcd', '10.0.0.1:4000']);
  });

  it('survives anything, and loses no mbuf', () => {
    l = lab();
    const so = open(l.b, 7);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 30 }), (bytes, len) => {
        inject(l, { bytes, len });
        l.host.settle();
        while (typeof recv(so) !== 'number');
      }),
    );
    soclose(so);
    l.host.settle();
    expect(l.stack.kernel.mbufs.outstanding).toBe(0);
  });
});

describe('multicast filters (RFC 3678)', () => {
  const group = parseInAddr('232.1.1.1');
  const mcast = { dst: 0xe8010101 | 0, dport: 5000, flags: PKT_MULTICAST };

  it('any source but the blocked ones, or only the sources joined', () => {
    l = lab();
    const ifp = l.b.interface(l.ifb);
    const so = open(l.b, 5000);
    inject(l, mcast);
    expect(typeof recv(so)).toBe('number');
    expect(l.udp(l.b).stat).toMatchObject({ noportmcast: 1, filtermcast: 0 });
    expect(sosetopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, { group, ifp })).toBe(0);
    expect(sosetopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, { group, ifp })).toBe(48);
    inject(l, mcast);
    expect(typeof recv(so)).toBe('object');
    expect(sosetopt(so, IPPROTO_IP, IP_BLOCK_SOURCE, { group, ifp, source: inAddr4(SRC) })).toBe(0);
    inject(l, mcast);
    expect(typeof recv(so)).toBe('number');
    inject(l, { ...mcast, src: 0x0a000063 });
    expect(typeof recv(so)).toBe('object');
    expect(l.udp(l.b).stat.filtermcast).toBe(1);

    const other = (n: number) => ({ group, ifp, source: inAddr4(0x0a000100 + n) });  
    l.b.sysctl('net.inet.ip.mcast.maxsocksrc', 2);
    expect([1, 2].map((n) => sosetopt(so, IPPROTO_IP, IP_BLOCK_SOURCE, other(n)))).toEqual([0, ETOOMANYREFS]);
    l.b.sysctl('net.inet.ip.mcast.maxsocksrc', 128);
    l.b.sysctl('net.inet.ip.mcast.maxgrpsrc', 3);
    expect([2, 3].map((n) => sosetopt(so, IPPROTO_IP, IP_BLOCK_SOURCE, other(n)))).toEqual([0, ENOSPC]);
    const late = open(l.b, 5002);
    expect([4, 2].map((n) => sosetopt(late, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, other(n)))).toEqual([ENOSPC, 0]);
    l.b.sysctl('net.inet.ip.mcast.maxgrpsrc', 512);

    const ssm = open(l.b, 5001);
    expect(sosetopt(ssm, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, { group, ifp, source: inAddr4(SRC) })).toBe(0);
    inject(l, { ...mcast, dport: 5001 });
    expect(typeof recv(ssm)).toBe('object');
    inject(l, { ...mcast, dport: 5001, src: 0x0a000063 });
    expect(typeof recv(ssm)).toBe('number');
    expect(l.udp(l.b).stat.filtermcast).toBe(2);
  });

  it.each([
    ['leaves the group', (x: Lab, so: Socket) => expect(sosetopt(so, IPPROTO_IP, IP_DROP_MEMBERSHIP, { group, ifp: x.b.interface(x.ifb) })).toBe(0)],
    ['blocks the sender', (x: Lab, so: Socket) => expect(sosetopt(so, IPPROTO_IP, IP_BLOCK_SOURCE, { group, ifp: x.b.interface(x.ifb), source: inAddr4(SRC) })).toBe(0)],
    ['is closed', (_x: Lab, so: Socket) => expect(soclose(so)).toBe(0)],
  ])('T69 who %s while the datagram is delivered to others gets none, and those behind him still do', (_name, act) => {
    l = lab();
    const ifp = l.b.interface(l.ifb);
    // The newest is served first: the one that acts, then its victim, then a bystander.
    const [bystander, victim, actor] = [1, 2, 3].map(() => {
      const so = open(l.b, 5000, '0.0.0.0', SO_REUSEPORT);
      expect(sosetopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, { group, ifp })).toBe(0);
      return so;
    }) as [Socket, Socket, Socket];
    let acted = 0;
    const tunnel: UdpTunnel = {
      input: (m) => {
        mFreem(m);
        if (acted++ === 0) act(l, victim);
      },
    };
    const pcb = actor.pcb as Inpcb;
    pcb.ppcb = new UdpTunnelCb(l.udp(l.b), actor, tunnel, 5000);
    inject(l, mcast);
    expect(acted).toBe(1);
    expect(typeof recv(bystander)).toBe('object');
    if (_name !== 'is closed') expect(typeof recv(victim)).toBe('number');
    inject(l, mcast);
    expect([acted, typeof recv(bystander)]).toEqual([2, 'object']);
    pcb.ppcb = l.udp(l.b);
    for (const so of [bystander, actor, ...(_name === 'is closed' ? [] : [victim])]) soclose(so);
    l.host.settle();
    expect(l.stack.kernel.mbufs.outstanding).toBe(0);
    expect(l.udp(l.b).takers.every((x) => x === null)).toBe(true);
  });

  it('an interface that goes takes its memberships along', () => {
    l = lab();
    const ifp = l.b.interface(l.ifb);
    const so = open(l.b, 5000);
    sosetopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, { group, ifp });
    expect((so.pcb as Inpcb).opts?.moptions?.memberships.length).toBe(1);
    l.b.remove();
    l.host.settle();
    expect((so.pcb as Inpcb | null)?.opts ?? null).toBeNull();
  });
});

describe('ctlinput', () => {
  const notice = (x: Lab, over: object): object => ({
    af: AF_INET, proto: 17, cmd: PRC_UNREACH_PORT, errno: ECONNREFUSED, mtu: 0, src: inAddr4(DST), dst: inAddr4(SRC), sport: 7, dport: 4000, seq: 0, quoted: 8, ipLen: 32, ...over,
  });
  const tell = (x: Lab, over: object): void => x.stack.kernel && INET.get(x.b.vnet).protosw[17]?.ctlinput?.(notice(x, over) as never);

  it.each([
    ['about its conversation', {}, ECONNREFUSED],
    ['about another port', { dport: 4001 }, 0],
    ['about another peer', { dst: inAddr4(0x0a000063) }, 0],
    ['without ports', { quoted: 0 }, 0],
    ['that a host is unreachable', { cmd: PRC_UNREACH_HOST, errno: EHOSTUNREACH }, EHOSTUNREACH],
    ['that the host is dead, whatever the ports', { cmd: PRC_HOSTDEAD, errno: 64, quoted: 0 }, 64],
    ['that means nothing to a socket', { errno: 0 }, 0],
  ])('a connected socket hears of an error %s', (_name, over, want) => {
    l = lab();
    const so = open(l.b, 7);
    connectTo(so, l.b, '10.0.0.1', 4000);
    const loose = open(l.b, 8);
    tell(l, over);
    expect(so.error).toBe(want);
    expect(loose.error).toBe(0);
  });
});
