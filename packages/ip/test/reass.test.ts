import { INET, type InPkt, type Protosw } from '@ns/inpcb';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, type IpOptions, ipPacket, Lab, parseIp, type TestIf } from './lab.ts';

class Sink implements Protosw {
  readonly proto = 253;
  readonly name = 'sink';
  readonly got: { tos: number; payload: Uint8Array }[] = [];
  input(m: Mbuf, pkt: InPkt): void {
    const all = mToBytes(m);
    expect(new DataView(all.buffer).getUint16(2)).toBe(all.length);
    expect(new DataView(all.buffer).getUint16(6)).toBe(0);
    this.got.push({ tos: pkt.tos, payload: all.slice(pkt.off) });
    mFreem(m);
  }
}

function setup(): { lab: Lab; em: TestIf; sink: Sink } {
  const lab = new Lab();
  const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
  lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
  const sink = new Sink();
  INET.get(lab.vnet).registerProto(sink);
  return { lab, em, sink };
}

const MF = 0x2000;

/** The fragment of `data` in [from, to). */
function frag(data: Uint8Array, from: number, to: number, more: boolean, extra: Partial<IpOptions> = {}): Uint8Array {
  return ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', id: 7, off: (from >> 3) | (more ? MF : 0), payload: data.subarray(from, to), ...extra });
}

describe('reassembly (RFC 791 §3.2, RFC 815)', () => {
  it('puts fragments together in any order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 0, maxLength: 14 }),
        fc.infiniteStream(fc.nat()),
        (units, cuts, order) => {
          const { lab, em, sink } = setup();
          const data = bytes(units * 8 + 3, units);
          const at = [...new Set([0, ...cuts.map((c) => (c * 8 * units) / 37).map((x) => Math.floor(x / 8) * 8)])].sort((a, b) => a - b);
          const frags = at.map((from, i) => frag(data, from, at[i + 1] ?? data.length, i + 1 < at.length));
          for (let i = frags.length - 1; i > 0; i--) {
            const j = order.next().value % (i + 1);
            [frags[i], frags[j]] = [frags[j]!, frags[i]!];
          }
          for (const f of frags) lab.injectIp(em, f);
          expect(sink.got.length).toBe(1);
          expect([...sink.got[0]!.payload]).toEqual([...data]);
          expect(lab.ip.reass.curfrags).toBe(0);
          expect(lab.ip.reass.fragpackets).toBe(0);
          expect(lab.outstanding).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('duplicates and overlaps: whatever comes about has the length that was said, made of the bytes that came (against a model)', () => {
    const piece = fc.record({ from: fc.integer({ min: 0, max: 12 }), units: fc.integer({ min: 1, max: 5 }), fill: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 14 }), (pieces) => {
        const { lab, em, sink } = setup();
        const end = 17 * 8 + 4;
        lab.ip.reass.maxfragsperpacket = 100;
        const allowed: Set<number>[] = Array.from({ length: end }, () => new Set());
        const put = (from: number, len: number, fill: number, more: boolean): void => {
          for (let i = 0; i < len; i++) allowed[from + i]!.add(fill);
          lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', id: 9, off: (from >> 3) | (more ? MF : 0), payload: new Uint8Array(len).fill(fill) }));
        };
        for (const p of pieces) put(p.from * 8, p.units * 8, p.fill, true);
        put(17 * 8, 4, 77, false);
        for (let u = 0; u < 17; u++) put(u * 8, 8, 99, true); // fills every hole
        expect(sink.got.length).toBeGreaterThanOrEqual(1);
        const whole = sink.got[0]!.payload;
        expect(whole.length).toBe(end);
        for (let i = 0; i < end; i++) expect(allowed[i]!.has(whole[i]!)).toBe(true);
        lab.host.advance(40e6);
        expect(lab.outstanding).toBe(0);
        expect(lab.ip.reass.curfrags).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('of overlapping data the first wins at the front, the later at the back', () => {
    const { lab, em, sink } = setup();
    const f = (from: number, units: number, fill: number, more: boolean): void =>
      lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', id: 9, off: from | (more ? MF : 0), payload: new Uint8Array(units * 8).fill(fill) }));
    f(0, 2, 1, true);
    f(3, 1, 3, true);
    f(1, 3, 2, true); // its front is there already, its back covers what was there
    f(4, 1, 4, false);
    expect([...sink.got[0]!.payload].filter((_x, i) => i % 8 === 0)).toEqual([1, 1, 2, 2, 4]);
    expect(lab.outstanding).toBe(0);
  });

  const drops: readonly (readonly [string, string, (lab: Lab, em: TestIf) => void])[] = [
    ['no data', 'toosmall', (lab, em) => lab.injectIp(em, frag(bytes(0), 0, 0, true))],
    ['odd length before the end', 'toosmall', (lab, em) => lab.injectIp(em, frag(bytes(20), 0, 20, true))],
    ['beyond 65535', 'toolong', (lab, em) => lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', off: 8189, payload: bytes(80) }))],
  ];
  it.each(drops)('%s is dropped', (_name, counter, go) => {
    const { lab, em, sink } = setup();
    go(lab, em);
    expect(lab.ip.stat[counter as 'toosmall']).toBe(1);
    expect(lab.ip.stat.fragdropped).toBe(1);
    expect(sink.got).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('a datagram of more than 65535 bytes does not come about, whatever its fragments say (ping of death)', () => {
    const { lab, em, sink } = setup();
    for (let off = 0; off < 65528; off += 1400) {
      const n = Math.min(1400, 65528 - off);
      lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', id: 3, off: (off >> 3) | MF, payload: new Uint8Array(n) }));
      lab.ip.reass.maxfragsperpacket = 100;
    }
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', id: 3, off: 8191, payload: new Uint8Array(7) }));
    expect(sink.got).toEqual([]);
    expect(lab.ip.stat.toolong).toBe(1);
    expect(lab.outstanding).toBe(0);
  });

  it('fragments that disagree about the end are dropped', () => {
    const { lab, em, sink } = setup();
    const data = bytes(64);
    lab.injectIp(em, frag(data, 32, 64, false));
    lab.injectIp(em, frag(data, 32, 56, false));
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', id: 7, off: 8 | MF, payload: bytes(8) }));
    expect(lab.ip.stat.fragdropped).toBe(2);
    lab.injectIp(em, frag(data, 0, 32, true));
    expect([...sink.got[0]!.payload]).toEqual([...data]);
  });

  it('ECN: CE is kept, a mixture with not-ECT is no datagram (RFC 3168 §5.3)', () => {
    const rows: readonly (readonly [number, number, number | null])[] = [[2, 3, 3], [3, 2, 3], [0, 0, 0], [2, 2, 2], [0, 3, null], [3, 0, null], [2, 0, null]];
    for (const [first, second, want] of rows) {
      const { lab, em, sink } = setup();
      const data = bytes(32);
      lab.injectIp(em, frag(data, 0, 16, true, { tos: first }));
      lab.injectIp(em, frag(data, 16, 32, false, { tos: second }));
      expect(sink.got.map((x) => x.tos)).toEqual(want === null ? [] : [want]);
    }
  });

  it('other addresses, protocols and identifications are other datagrams', () => {
    const { lab, em, sink } = setup();
    const data = bytes(32);
    lab.injectIp(em, frag(data, 0, 16, true));
    lab.injectIp(em, frag(data, 16, 32, false, { id: 8 }));
    lab.injectIp(em, frag(data, 16, 32, false, { src: '10.0.0.3' }));
    lab.injectIp(em, frag(data, 16, 32, false, { proto: 254 }));
    expect(sink.got).toEqual([]);
    expect(lab.ip.reass.fragpackets).toBe(4);
    lab.injectIp(em, frag(data, 16, 32, false));
    expect(sink.got.length).toBe(1);
  });
});

describe('limits', () => {
  it('maxfragsperpacket: the one that completes may be one more, the next empties the queue', () => {
    const data = bytes(18 * 8);
    for (const [n, whole] of [[17, true], [18, false]] as const) {
      const { lab, em, sink } = setup();
      for (let i = n - 1; i >= 0; i--) lab.injectIp(em, frag(data, i * 8, (i + 1) * 8, i + 1 < n));
      expect(sink.got.length).toBe(whole ? 1 : 0);
      lab.host.advance(60e6);
      expect(lab.outstanding).toBe(0);
    }
  });

  it('maxfragpackets, maxfrags and the bucket bound what is kept; the newest is served', () => {
    const { lab, em } = setup();
    lab.ip.reass.maxfragpackets = 10;
    for (let id = 1; id <= 100; id++) lab.injectIp(em, frag(bytes(16), 0, 16, true, { id }));
    expect(lab.ip.reass.fragpackets).toBe(10);
    expect(lab.outstanding).toBe(10);
    lab.ip.reass.maxfragpackets = -1;
    lab.ip.reass.maxfrags = 20;
    for (let id = 101; id <= 200; id++) lab.injectIp(em, frag(bytes(16), 0, 16, true, { id }));
    expect(lab.ip.reass.curfrags).toBe(20);
    lab.ip.reass.maxfragpackets = 0;
    const before = lab.ip.stat.fragdropped;
    lab.injectIp(em, frag(bytes(16), 0, 16, true, { id: 999 }));
    expect(lab.ip.stat.fragdropped).toBe(before + 1);
    lab.ip.reass.drain();
    expect(lab.outstanding).toBe(0);
    expect(lab.ip.reass.curfrags).toBe(0);
  });

  it('memory: given up when mbufs run out', () => {
    const { lab, em } = setup();
    lab.injectIp(em, frag(bytes(64), 0, 16, true));
    expect(lab.ip.reass.fragpackets).toBe(1);
    lab.kernel.mbufs.onLimit?.();
    lab.host.settle();
    expect([lab.ip.reass.fragpackets, lab.outstanding]).toEqual([0, 0]);
  });

  it('time: after 30 s it is given up, and the sender of a first fragment told (RFC 1122 §3.3.2)', () => {
    const { lab, em } = setup();
    lab.injectIp(em, frag(bytes(64), 0, 16, true));
    lab.injectIp(em, frag(bytes(64), 24, 32, true));
    lab.injectIp(em, frag(bytes(64), 16, 24, true, { id: 8 })); // not a first one: nobody is told
    em.wire.take();
    lab.host.advance(29e6);
    expect(em.wire.take()).toEqual([]);
    lab.host.advance(2e6);
    const out = em.wire.takeType(0x0800).map((x) => parseIp(x));
    expect(out.map((p) => [p.payload[0], p.payload[1]])).toEqual([[11, 1]]);
    expect(lab.ip.stat.fragtimeout).toBe(3);
    expect(lab.outstanding).toBe(0);
    expect(lab.kernel.callouts.pending).toBeLessThan(3);
  });
});
