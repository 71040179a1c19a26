import { MbufPool, mFreem } from '@ns/mbuf';
import { AF_INET, AF_INET6 } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderInfo, parseHeaders } from '@ns/ifnet-kpi';
import { DST4, DST6, packetOf, SRC4, SRC6, tcpFrame } from './frames.ts';

const pool = new MbufPool();
const info = new HeaderInfo();
const data = Uint8Array.from({ length: 100 }, (_, i) => i);

function parse(bytes: Uint8Array, linkhdr = 14, cuts: number[] = []): boolean {
  const m = packetOf(pool, bytes, cuts);
  const ok = parseHeaders(m, info, linkhdr);
  mFreem(m);
  return ok;
}

describe('parseHeaders', () => {
  it('T13 finds the headers of TCP over IPv4 with options on both', () => {
    expect(parse(tcpFrame({ v: 4, payload: data, ipopts: 8, tcpopts: 12 }))).toBe(true);
    expect(info).toMatchObject({ l2len: 14, af: AF_INET, l3off: 14, l3len: 28, proto: 6, l4off: 42, l4len: 32, payloadOff: 74, payloadLen: 100 });
    expect([info.src3, info.dst3, info.sport, info.dport, info.tcpFlags]).toEqual([SRC4, DST4, 1234, 80, 0x18]);
  });

  it('T13 walks IPv6 extension headers', () => {
    const f = tcpFrame({ v: 6, payload: data, ext: [[0, 8], [60, 24], [43, 16]] });
    expect(parse(f)).toBe(true);
    expect(info).toMatchObject({ af: AF_INET6, l3len: 88, proto: 6, l4off: 102, l4len: 20, payloadLen: 100, fragment: false });
    expect([info.src0, info.src3, info.dst0, info.dst3]).toEqual([SRC6[0], SRC6[3], DST6[0], DST6[3]]);
  });

  it('looks through two VLAN tags and reports the inner one', () => {
    expect(parse(tcpFrame({ v: 4, payload: data, vlans: [100, 0x2064] }))).toBe(true);
    expect(info).toMatchObject({ l2len: 22, vlanTag: 0x2064, etherType: 0x0800, l4off: 42 });
  });

  it('takes packets without a link header, of either family', () => {
    expect(parse(tcpFrame({ v: 4, payload: data, link: 0 }), 0)).toBe(true);
    expect(info).toMatchObject({ l2len: 0, l3off: 0, l4off: 20 });
    expect(parse(tcpFrame({ v: 6, payload: data, link: 0 }), 0)).toBe(true);
    expect(info).toMatchObject({ l2len: 0, l4off: 40, af: AF_INET6 });
  });

  it('ignores link padding behind the packet', () => {
    const f = tcpFrame({ v: 4, payload: new Uint8Array(0) });
    const padded = new Uint8Array(60);
    padded.set(f);
    expect(parse(padded)).toBe(true);
    expect(info.payloadLen).toBe(0);
  });

  it('says of a later fragment that there is no transport header', () => {
    const f = tcpFrame({ v: 4, payload: data });
    new DataView(f.buffer).setUint16(14 + 6, 0x0010);
    expect(parse(f)).toBe(true);
    expect(info).toMatchObject({ fragment: true, laterFragment: true, l4len: 0 });
    const g = tcpFrame({ v: 6, payload: data, ext: [[44, 8]] });
    new DataView(g.buffer).setUint16(14 + 40 + 2, 0x0081);
    expect(parse(g)).toBe(true);
    expect(info).toMatchObject({ fragment: true, laterFragment: true, l4len: 0 });
  });

  it.each([
    ['too short for Ethernet', (f: Uint8Array) => f.subarray(0, 13)],
    ['cut in the IPv4 header', (f: Uint8Array) => f.subarray(0, 30)],
    ['longer than the frame', (f: Uint8Array) => f.subarray(0, f.length - 1)],
    ['ARP', (f: Uint8Array) => (new DataView(f.buffer).setUint16(12, 0x0806), f)],
    ['header length below 20', (f: Uint8Array) => ((f[14] = 0x44), f)],
  ])('refuses a frame that is %s', (_name, spoil) => {
    expect(parse(spoil(tcpFrame({ v: 4, payload: data })).slice())).toBe(false);
  });

  it('T13 finds the same however the packet is cut into pieces', () => {
    const frame = fc.record({
      v: fc.constantFrom(4 as const, 6 as const),
      ipopts: fc.constantFrom(0, 4, 40),
      tcpopts: fc.constantFrom(0, 12, 40),
      ext: fc.array(fc.tuple(fc.constantFrom(43, 60), fc.constantFrom(8, 16, 64)), { maxLength: 3 }),
      vlans: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(frame, fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 }), (f, cuts) => {
        const bytes = tcpFrame({ ...f, payload: data });
        expect(parse(bytes)).toBe(true);
        const whole = { ...info, scratch: null, scratchDv: null, walk: null };
        expect(parse(bytes, 14, cuts)).toBe(true);
        expect({ ...info, scratch: null, scratchDv: null, walk: null }).toEqual(whole);
        expect(info.payloadOff + info.payloadLen).toBe(bytes.length);
      }),
    );
  });

  it('T13 never reads behind the packet nor throws, whatever the bytes', () => {
    const seed = fc.oneof(fc.constant(tcpFrame({ v: 4, payload: data })), fc.constant(tcpFrame({ v: 6, payload: data, ext: [[0, 8], [43, 16]] })));
    const spoiled = fc.tuple(seed, fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 8 }), fc.nat(200)).map(([f, edits, cut]) => {
      const b = f.slice(0, f.length - (cut % f.length));
      for (const [at, value] of edits) if (at < b.length) b[at] = value;
      return b;
    });
    fc.assert(
      fc.property(spoiled, fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }), fc.constantFrom(14, 0), (bytes, cuts, link) => {
        if (!parse(bytes, link, cuts)) return;
        expect(info.l3off + info.totlen).toBeLessThanOrEqual(bytes.length);
        expect(info.payloadOff + info.payloadLen).toBe(info.l3off + info.totlen);
        expect(info.payloadLen).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
