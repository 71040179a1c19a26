import { INET, type InPkt, type Protosw } from '@ns/inpcb';
import { CSUM_L3_CALC, CSUM_L3_VALID, type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { describe, expect, it } from 'vitest';
import type { IpStat } from '../src/index.ts';
import { BCAST_MAC, bytes, cksumOk, etherFrame, icmpMessage, type IpOptions, ipPacket, Lab, parseIp, type TestIf, v4 } from './lab.ts';

/** A transport that keeps what it gets. */
class Sink implements Protosw {
  readonly proto = 253;
  readonly name = 'sink';
  readonly got: { src: number; dst: number; len: number; payload: Uint8Array; ttl: number; tos: number; flags: number }[] = [];
  input(m: Mbuf, pkt: InPkt): void {
    const all = mToBytes(m);
    this.got.push({ src: pkt.src3, dst: pkt.dst3, len: pkt.len, payload: all.slice(pkt.off), ttl: pkt.ttl, tos: pkt.tos, flags: pkt.flags });
    mFreem(m);
  }
}

function setup(cidr = '10.0.0.1/24'): { lab: Lab; em: TestIf; sink: Sink } {
  const lab = new Lab();
  const em = lab.ether('02:00:00:00:00:01', cidr);
  lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
  const sink = new Sink();
  INET.get(lab.vnet).registerProto(sink);
  return { lab, em, sink };
}

const base: IpOptions = { src: '10.0.0.2', dst: '10.0.0.1', payload: bytes(32) };

describe('what is wrong with a header is counted under its name (RFC 1122 §3.2.1)', () => {
  const rows: readonly (readonly [string, keyof IpStat, (lab: Lab) => Uint8Array])[] = [
    ['shorter than a header', 'tooshort', () => ipPacket(base).subarray(0, 19)],
    ['version 5', 'badvers', () => ipPacket({ ...base, version: 5 })],
    ['header length 16', 'badhlen', () => ipPacket({ ...base, hl: 4 })],
    ['header length beyond the packet', 'badhlen', () => ipPacket({ ...base, payload: new Uint8Array(0), hl: 15 })],
    ['checksum', 'badsum', () => ipPacket({ ...base, sum: 0x1234 })],
    ['length below the header', 'badlen', () => ipPacket({ ...base, len: 19 })],
    ['length beyond the packet', 'tooshort', () => ipPacket({ ...base, len: 53 })],
    ['loopback destination from outside', 'badaddr', () => ipPacket({ ...base, dst: '127.0.0.1' })],
    ['loopback source from outside', 'badaddr', () => ipPacket({ ...base, src: '127.0.0.1' })],
    ['destination 0.0.0.0', 'badaddr', () => ipPacket({ ...base, dst: '0.0.0.0' })],
    ['multicast source', 'badaddr', () => ipPacket({ ...base, src: '224.0.0.1' })],
    ['broadcast source', 'badaddr', () => ipPacket({ ...base, src: '255.255.255.255' })],
    ['not for us, not forwarding', 'cantforward', () => ipPacket({ ...base, dst: '10.0.0.9' })],
    ['a group not joined', 'notmember', () => ipPacket({ ...base, dst: '224.0.0.251' })],
  ];
  it.each(rows)('%s', (_name, counter, make) => {
    const { lab, em, sink } = setup();
    lab.injectIp(em, make(lab));
    expect(sink.got).toEqual([]);
    expect(lab.ip.stat[counter]).toBe(1);
    expect(lab.ip.stat.total).toBe(1);
    expect(em.wire.take()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('link padding behind the packet is cut off', () => {
    const { lab, em, sink } = setup();
    const p = ipPacket({ ...base, payload: bytes(6) });
    lab.injectIp(em, Uint8Array.of(...p, ...bytes(20, 99)));
    expect(sink.got[0]).toMatchObject({ len: 6, payload: bytes(6) });
  });

  it('a checksum that the link vouches for is not looked at; one that it found wrong is', () => {
    const { lab, em, sink } = setup();
    const send = (flags: number): void => {
      const m = lab.kernel.mbufs.fromBytes(etherFrame(em.mac, em.mac, 0x0800, ipPacket({ ...base, sum: 0 })), 64)!;
      m.csumFlags = flags;
      lab.kpi.ifInput(em.ifp.handle, m);
    };
    send(CSUM_L3_CALC | CSUM_L3_VALID);
    expect(sink.got.length).toBe(1);
    send(CSUM_L3_CALC);
    expect(lab.ip.stat.badsum).toBe(1);
  });
});

describe('who gets a packet', () => {
  it('our address, by any interface; check_interface makes it the right one', () => {
    const { lab, em, sink } = setup();
    lab.ether('02:00:00:00:00:11', '172.16.0.1/24');
    lab.injectIp(em, ipPacket({ ...base, dst: '172.16.0.1' }));
    expect(sink.got.length).toBe(1);
    lab.ip.checkInterface = true;
    lab.injectIp(em, ipPacket({ ...base, dst: '172.16.0.1' }));
    expect(sink.got.length).toBe(1);
    expect(lab.ip.stat.badaddr).toBe(1);
  });

  it('directed and limited broadcast of the receiving interface, marked as such', () => {
    const { lab, em, sink } = setup();
    lab.ether('02:00:00:00:00:11', '172.16.0.1/24');
    lab.injectIp(em, ipPacket({ ...base, dst: '10.0.0.255' }), { to: BCAST_MAC });
    lab.injectIp(em, ipPacket({ ...base, dst: '255.255.255.255' }), { to: BCAST_MAC });
    lab.injectIp(em, ipPacket({ ...base, dst: '172.16.0.255' }), { to: BCAST_MAC });
    expect(sink.got.map((x) => x.flags)).toEqual([1, 1]);
    expect(lab.ip.stat.cantforward).toBe(1);
  });

  it('groups that were joined, and all hosts', () => {
    const { lab, em, sink } = setup();
    const af = INET.get(lab.vnet).af(2)!;
    const group = lab.inAddr('239.1.2.3');
    expect(af.joinGroup!(lab.vnet, group, null) === em.ifp).toBe(true);
    lab.injectIp(em, ipPacket({ ...base, dst: '239.1.2.3' }), { to: Uint8Array.of(1, 0, 0x5e, 1, 2, 3) });
    lab.injectIp(em, ipPacket({ ...base, dst: '224.0.0.1' }), { to: Uint8Array.of(1, 0, 0x5e, 0, 0, 1) });
    expect(sink.got.map((x) => x.flags)).toEqual([2, 2]);
    af.leaveGroup!(lab.vnet, group, em.ifp);
    lab.injectIp(em, ipPacket({ ...base, dst: '239.1.2.3' }), { to: Uint8Array.of(1, 0, 0x5e, 1, 2, 3) });
    expect(lab.ip.stat.notmember).toBe(1);
  });

  it('a protocol that nobody speaks is told so; a raw listener takes it instead', () => {
    const { lab, em } = setup();
    lab.injectIp(em, ipPacket({ ...base, proto: 199 }));
    const [reply] = em.wire.takeType(0x0800);
    const p = parseIp(reply!);
    expect([p.payload[0], p.payload[1]]).toEqual([3, 2]);
    expect(lab.ip.stat.noproto).toBe(1);
    const raw = new Sink();
    INET.get(lab.vnet).raw = raw;
    lab.injectIp(em, ipPacket({ ...base, proto: 199 }));
    expect(raw.got.length).toBe(1);
    expect(em.wire.take()).toEqual([]);
  });

  it('carries ttl, tos and addresses as the packet has them', () => {
    const { lab, em, sink } = setup();
    lab.injectIp(em, ipPacket({ ...base, ttl: 7, tos: 0xb9 }));
    expect(sink.got[0]).toMatchObject({ src: v4('10.0.0.2'), dst: v4('10.0.0.1'), ttl: 7, tos: 0xb9, len: 32, payload: bytes(32) });
  });
});

describe('layers pass nothing by global variables', () => {
  it('A22 two packets interleaved by hand: a packet that is taken in inside the input of another does not change its record', () => {
    const { lab, em, sink } = setup();
    const seen: [number, number][] = [];
    INET.get(lab.vnet).deregisterProto(sink);
    const nested: Protosw = {
      proto: 253,
      name: 'nested',
      input: (m, pkt) => {
        const first = pkt.src3;
        if (pkt.tos === 1) {
          const inner = lab.kernel.mbufs.fromBytes(etherFrame(em.mac, em.mac, 0x0800, ipPacket({ ...base, src: '10.0.0.77', tos: 2, payload: bytes(5) })), 64)!;
          lab.kpi.ifInput(em.ifp.handle, inner);
        }
        seen.push([first, pkt.src3]);
        seen.push([pkt.len, mToBytes(m).length - pkt.off]);
        mFreem(m);
      },
    };
    INET.get(lab.vnet).registerProto(nested);
    lab.injectIp(em, ipPacket({ ...base, tos: 1 }));
    expect(seen).toEqual([[v4('10.0.0.77'), v4('10.0.0.77')], [5, 5], [v4('10.0.0.2'), v4('10.0.0.2')], [32, 32]]);
    expect(lab.outstanding).toBe(0);
  });

  it('packets inside packets without end are dropped, not followed', () => {
    const { lab, em, sink } = setup();
    INET.get(lab.vnet).deregisterProto(sink);
    INET.get(lab.vnet).registerProto({
      proto: 253,
      name: 'loop',
      input: (m) => {
        mFreem(m);
        lab.kpi.ifInput(em.ifp.handle, lab.kernel.mbufs.fromBytes(etherFrame(em.mac, em.mac, 0x0800, ipPacket(base)), 64)!);
      },
    });
    lab.injectIp(em, ipPacket(base));
    expect(lab.ip.stat.odropped).toBe(1);
    expect(lab.outstanding).toBe(0);
    expect(lab.ip.depth).toBe(0);
  });
});

describe('vnets', () => {
  it('V07 a new vnet has ip.forwarding 0 though vnet0 has 1', () => {
    const lab = new Lab();
    lab.ip.forwarding = true;
    const other = lab.newVnet('other');
    expect(lab.sysctl('net.inet.ip.forwarding', other)).toBe(0);
    expect(lab.sysctl('net.inet.ip.forwarding')).toBe(1);
  });

  it('addresses, counters and settings of one are not those of another; a vnet that goes leaves nothing', () => {
    const lab = new Lab();
    const other = lab.newVnet('other');
    const a = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const b = lab.ether('02:00:00:00:00:02', '10.0.0.1/24', { vnet: other });
    lab.neighbour(b, '10.0.0.2', '02:00:00:00:00:99');
    lab.injectIp(b, ipPacket({ ...base, proto: 1, payload: icmpMessage(8, 0, 1) }));
    expect(b.wire.takeType(0x0800).length).toBe(1);
    expect(a.wire.take()).toEqual([]);
    expect(lab.ip.stat.total).toBe(0);
    lab.injectIp(b, ipPacket({ ...base, off: 0x2000, payload: bytes(64) }));
    expect(lab.outstanding).toBe(1);
    lab.kpi.ifDetach(b.ifp.handle);
    expect(lab.outstanding).toBe(0);
    const report = lab.dropVnet(other);
    expect(report.problems).toEqual([]);
    expect(report.leftovers).toEqual([]);
  });

  it('an interface that moves takes no addresses and no traffic along', () => {
    const lab = new Lab();
    const other = lab.newVnet('other');
    const a = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.move(a.ifp, other);
    lab.up(a.ifp);
    lab.injectIp(a, ipPacket({ ...base, proto: 1, payload: icmpMessage(8, 0, 1) }));
    expect(lab.ipOf(other).stat.cantforward).toBe(1);
    expect(lab.ip.stat.total).toBe(0);
    lab.addr(a.ifp, '10.0.0.5/24');
    a.wire.take();
    lab.injectIp(a, ipPacket({ ...base, dst: '10.0.0.5', proto: 1, payload: icmpMessage(8, 0, 1) }));
    expect(a.wire.take().length).toBe(1);
  });
});

describe('echo', () => {
  it('A07 a ping is answered from the wire to the wire', () => {
    const { lab, em } = setup();
    lab.injectIp(em, ipPacket({ ...base, proto: 1, ttl: 3, payload: icmpMessage(8, 0, 0x00070001, bytes(56)) }));
    const out = em.wire.takeType(0x0800);
    expect(out.length).toBe(1);
    const p = parseIp(out[0]!);
    expect(p).toMatchObject({ src: v4('10.0.0.1'), dst: v4('10.0.0.2'), ttl: 64, sumOk: true });
    expect([p.payload[0], cksumOk(p.payload), [...p.payload.subarray(8)]]).toEqual([0, true, [...bytes(56)]]);
    expect(lab.outstanding).toBe(0);
  });
});
