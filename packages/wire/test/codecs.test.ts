/*
 * What every codec promises: encode(decode(x)) = x for valid x; no throw and no read outside the given bytes for any x; the result does not depend on
 * where the bytes lie.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ArpHdr, EtherHdr, Icmp6Hdr, IcmpHdr, IcmpQuote, IcmpTstamp, IgmpGrpRec, IgmpHdr, Igmpv3Query, Ip6Frag, Ip6Hdr, Ip6Rthdr, Ip6Walk, IpHdr,
  MldGrpRec, MldHdr, Mldv2Query, NdNeighborAdvert, NdNeighborSolicit, NdOpts, NdPrefixInfo, NdRedirect, NdRouteInfo, NdRouterAdvert, TcpHdr,
  TcpOpt, UdpHdr, decodeArpHdr, decodeEtherHdr, decodeIcmp6Hdr, decodeIcmp6Quote, decodeIcmpHdr, decodeIcmpQuote, decodeIcmpTstamp,
  decodeIgmpGrpRec, decodeIgmpHdr, decodeIgmpv3Query, decodeIp6Frag, decodeIp6Hdr, decodeIp6Rthdr, decodeIpHdr, decodeMldGrpRec, decodeMldHdr,
  decodeMldv2Query, decodeNdNeighborAdvert, decodeNdNeighborSolicit, decodeNdOpts, decodeNdPrefixInfo, decodeNdRedirect, decodeNdRouteInfo,
  decodeNdRouterAdvert, decodeTcpHdr, decodeTcpOpts, decodeUdpHdr, encodeArpHdr, encodeEtherHdr, encodeIcmp6Hdr, encodeIcmpHdr,
  encodeIcmpTstamp, encodeIgmpGrpRec, encodeIgmpHdr, encodeIgmpv3Query, encodeIp6Frag, encodeIp6Hdr, encodeIp6Rthdr, encodeIpHdr,
  encodeMldGrpRec, encodeMldHdr, encodeMldv2Query, encodeNdNeighborAdvert, encodeNdNeighborSolicit, encodeNdPrefixInfo, encodeNdRedirect,
  encodeNdRouteInfo, encodeNdRouterAdvert, encodeTcpHdr, encodeUdpHdr, walkIp6Ext,
} from '@ns/wire';
import { tight, toHex } from './bytes.ts';

interface Codec {
  readonly name: string;
  /** Shortest input. */
  readonly min: number;
  readonly rec: () => unknown;
  readonly decode: (dv: DataView, o: number, len: number, rec: never) => boolean;
  /** Absent where there is nothing to write back. */
  readonly encode?: (dv: DataView, o: number, rec: never) => unknown;
  /** Bytes [from, to) are what the codec stands for. */
  readonly range?: readonly [from: number, to: number];
  /** Makes random bytes valid, where chance would not; bits that are sent as zero are cleared. */
  readonly fix?: (dv: DataView, len: number) => void;
}

const zero = (from: number, to: number) => (dv: DataView): void => {
  for (let i = from; i < to; i++) dv.setUint8(i, 0);
};
const type = (n: number, more?: (dv: DataView, len: number) => void) => (dv: DataView, len: number): void => {
  dv.setInt32(0, n << 24);
  more?.(dv, len);
};

const codecs: readonly Codec[] = [
  { name: 'EtherHdr', min: 14, rec: () => new EtherHdr(), decode: decodeEtherHdr, encode: encodeEtherHdr, range: [0, 14], fix: (dv) => dv.setUint16(12, 0x800) },
  { name: 'EtherHdr with a tag', min: 18, rec: () => new EtherHdr(), decode: decodeEtherHdr, encode: encodeEtherHdr, range: [0, 18], fix: (dv) => dv.setUint16(12, 0x8100) },
  { name: 'ArpHdr', min: 28, rec: () => new ArpHdr(), decode: decodeArpHdr, encode: encodeArpHdr, range: [0, 28], fix: (dv) => dv.setInt32(2, 0x08000604) },
  { name: 'IpHdr', min: 20, rec: () => new IpHdr(), decode: decodeIpHdr, encode: encodeIpHdr, range: [0, 20],
    fix: (dv, len) => { dv.setUint8(0, 0x40 | (5 + (dv.getUint8(0) % (Math.min(10, (len - 20) >> 2) + 1)))); dv.setUint16(2, len); } },
  { name: 'Ip6Hdr', min: 40, rec: () => new Ip6Hdr(), decode: decodeIp6Hdr, encode: encodeIp6Hdr, range: [0, 40],
    fix: (dv, len) => { dv.setUint8(0, 0x60 | (dv.getUint8(0) & 15)); dv.setUint16(4, len - 40); } },
  { name: 'Ip6Frag', min: 8, rec: () => new Ip6Frag(), decode: decodeIp6Frag, encode: encodeIp6Frag, range: [0, 8],
    fix: (dv) => { dv.setUint8(1, 0); dv.setUint8(3, dv.getUint8(3) & 0xf9); } },
  { name: 'Ip6Rthdr', min: 8, rec: () => new Ip6Rthdr(), decode: decodeIp6Rthdr, encode: encodeIp6Rthdr, range: [0, 4], fix: (dv) => dv.setUint8(1, 0) },
  { name: 'IcmpHdr', min: 8, rec: () => new IcmpHdr(), decode: decodeIcmpHdr, encode: encodeIcmpHdr, range: [0, 8] },
  { name: 'IcmpTstamp', min: 20, rec: () => new IcmpTstamp(), decode: decodeIcmpTstamp, encode: encodeIcmpTstamp, range: [8, 20] },
  { name: 'Icmp6Hdr', min: 8, rec: () => new Icmp6Hdr(), decode: decodeIcmp6Hdr, encode: encodeIcmp6Hdr, range: [0, 8] },
  { name: 'IgmpHdr', min: 8, rec: () => new IgmpHdr(), decode: decodeIgmpHdr, encode: encodeIgmpHdr, range: [0, 8] },
  { name: 'Igmpv3Query', min: 12, rec: () => new Igmpv3Query(), decode: decodeIgmpv3Query, encode: encodeIgmpv3Query, range: [8, 12],
    fix: (dv, len) => { dv.setUint8(8, dv.getUint8(8) & 15); dv.setUint16(10, (len - 12) >> 2); } },
  { name: 'IgmpGrpRec', min: 8, rec: () => new IgmpGrpRec(), decode: decodeIgmpGrpRec, encode: encodeIgmpGrpRec, range: [0, 8],
    fix: (dv, len) => { dv.setUint8(1, 0); dv.setUint16(2, (len - 8) >> 2); } },
  { name: 'MldHdr', min: 24, rec: () => new MldHdr(), decode: decodeMldHdr, encode: encodeMldHdr, range: [0, 24], fix: zero(6, 8) },
  { name: 'Mldv2Query', min: 28, rec: () => new Mldv2Query(), decode: decodeMldv2Query, encode: encodeMldv2Query, range: [24, 28],
    fix: (dv, len) => { dv.setUint8(24, dv.getUint8(24) & 15); dv.setUint16(26, (len - 28) >> 4); } },
  { name: 'MldGrpRec', min: 20, rec: () => new MldGrpRec(), decode: decodeMldGrpRec, encode: encodeMldGrpRec, range: [0, 20],
    fix: (dv, len) => { dv.setUint8(1, 0); dv.setUint16(2, (len - 20) >> 4); } },
  { name: 'NdRouterAdvert', min: 16, rec: () => new NdRouterAdvert(), decode: decodeNdRouterAdvert, encode: encodeNdRouterAdvert, range: [0, 16], fix: type(134) },
  { name: 'NdNeighborSolicit', min: 24, rec: () => new NdNeighborSolicit(), decode: decodeNdNeighborSolicit, encode: encodeNdNeighborSolicit, range: [0, 24], fix: type(135, zero(4, 8)) },
  { name: 'NdNeighborAdvert', min: 24, rec: () => new NdNeighborAdvert(), decode: decodeNdNeighborAdvert, encode: encodeNdNeighborAdvert, range: [0, 24], fix: type(136, zero(5, 8)) },
  { name: 'NdRedirect', min: 40, rec: () => new NdRedirect(), decode: decodeNdRedirect, encode: encodeNdRedirect, range: [0, 40], fix: type(137, zero(4, 8)) },
  { name: 'NdPrefixInfo', min: 32, rec: () => new NdPrefixInfo(), decode: decodeNdPrefixInfo, encode: encodeNdPrefixInfo, range: [0, 32],
    fix: (dv) => { dv.setUint16(0, 0x0304); dv.setUint8(2, dv.getUint8(2) % 129); dv.setInt32(12, 0); } },
  { name: 'NdRouteInfo', min: 24, rec: () => new NdRouteInfo(), decode: decodeNdRouteInfo, encode: encodeNdRouteInfo, range: [0, 24],
    fix: (dv) => { dv.setUint16(0, 0x1803); dv.setUint8(2, 65 + (dv.getUint8(2) % 64)); dv.setUint8(3, dv.getUint8(3) & 0x18); } },
  { name: 'UdpHdr', min: 8, rec: () => new UdpHdr(), decode: decodeUdpHdr, encode: encodeUdpHdr, range: [0, 8], fix: (dv, len) => dv.setUint16(4, len) },
  { name: 'TcpHdr', min: 20, rec: () => new TcpHdr(), decode: decodeTcpHdr, encode: encodeTcpHdr, range: [0, 20],
    fix: (dv, len) => dv.setUint8(12, ((5 + (dv.getUint8(12) % (Math.min(10, (len - 20) >> 2) + 1))) << 4) | (dv.getUint8(12) & 15)) },
  { name: 'TcpOpt of a SYN', min: 0, rec: () => new TcpOpt(), decode: (dv, o, len, to: TcpOpt) => decodeTcpOpts(dv, o, Math.min(len, 40), to, true) },
  { name: 'TcpOpt', min: 0, rec: () => new TcpOpt(), decode: (dv, o, len, to: TcpOpt) => decodeTcpOpts(dv, o, Math.min(len, 40), to, false) },
  { name: 'NdOpts', min: 0, rec: () => new NdOpts(), decode: decodeNdOpts },
  { name: 'IcmpQuote', min: 28, rec: () => new IcmpQuote(), decode: decodeIcmpQuote, fix: (dv) => dv.setUint8(0, 0x45) },
  { name: 'IcmpQuote of IPv6', min: 48, rec: () => new IcmpQuote(), decode: decodeIcmp6Quote, fix: (dv) => { dv.setUint8(0, 0x60); dv.setUint8(6, [0, 43, 44, 60, 51, 6][dv.getUint8(6) % 6] as number); } },
  { name: 'Ip6Walk', min: 40, rec: () => new Ip6Walk(), decode: walkIp6Ext, fix: (dv) => dv.setUint8(6, [0, 43, 44, 60, 51][dv.getUint8(6) % 5] as number) },
];

/** Positions are relative to where the bytes lie, so records from two places differ in them; nothing else may differ. */
function normal(rec: unknown, o: number): unknown {
  const positions = ['off', 'l4off', 'nxtOff', 'fragOff', 'sigOff', 'tfoOff', 'srcLladdr', 'tgtLladdr', 'prefixInfo', 'redirected', 'mtu', 'nonce', 'routeInfo', 'rdnss', 'dnssl', 'end'];
  const moves = rec instanceof IcmpQuote || rec instanceof Ip6Walk || rec instanceof TcpOpt || rec instanceof NdOpts || Object.hasOwn(rec as object, 'bad');
  return Object.fromEntries(Object.entries(rec as object).map(([key, value]: [string, unknown]) => {
    if (moves && positions.includes(key) && typeof value === 'number' && value >= o) return [key, value - o];
    if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) return [key, normal(value, o)];
    return [key, value];
  }));
}

describe.each(codecs)('$name', (codec) => {
  const decode = codec.decode as (dv: DataView, o: number, len: number, rec: unknown) => boolean;
  const bytes = fc.uint8Array({ maxLength: codec.min + 80 });

  it('never throws and never reads outside the bytes, whatever they are', () => {
    fc.assert(fc.property(bytes, fc.boolean(), (random, nearly) => {
      const dv = tight(random);
      if (nearly && random.length >= codec.min) codec.fix?.(dv, random.length);
      expect(typeof decode(dv, 0, random.length, codec.rec())).toBe('boolean');
    }), { numRuns: 500 });
  });

  it('refuses what is too short', () => {
    const valid = new DataView(new ArrayBuffer(codec.min));
    if (codec.min > 0) codec.fix?.(valid, codec.min);
    for (let len = 0; len < codec.min; len++) {
      expect(decode(tight(new Uint8Array(valid.buffer, 0, len)), 0, len, codec.rec()), `${len} bytes`).toBe(false);
    }
  });

  it('gives the same at any offset', () => {
    fc.assert(fc.property(bytes, fc.integer({ min: 1, max: 9 }), (random, o) => {
      const dv = tight(random);
      if (random.length >= codec.min) codec.fix?.(dv, random.length);
      const moved = new DataView(new ArrayBuffer(o + random.length));
      for (let i = 0; i < random.length; i++) moved.setUint8(o + i, dv.getUint8(i));
      const here = codec.rec();
      const there = codec.rec();
      expect(decode(moved, o, random.length, there)).toBe(decode(dv, 0, random.length, here));
      if (random.length >= codec.min && codec.encode !== undefined) expect(there).toEqual(here);
      if (codec.encode === undefined) expect(normal(there, o)).toEqual(normal(here, 0));
    }));
  });

});

describe.each(codecs.filter((codec) => codec.encode !== undefined))('$name', (codec) => {
  it('encode(decode(x)) = x', () => {
    const decode = codec.decode as (dv: DataView, o: number, len: number, rec: unknown) => boolean;
    const encode = codec.encode as (dv: DataView, o: number, rec: unknown) => unknown;
    const [from, to] = codec.range as readonly [number, number];
    fc.assert(fc.property(fc.uint8Array({ minLength: codec.min, maxLength: codec.min + 64 }), (random) => {
      const dv = tight(random);
      codec.fix?.(dv, random.length);
      const rec = codec.rec();
      expect(decode(dv, 0, random.length, rec)).toBe(true);
      const out = new DataView(new ArrayBuffer(to + 4));
      for (let i = 0; i < to + 4; i++) out.setUint8(i, 0xee);
      encode(out, 0, rec);
      const written = new Uint8Array(out.buffer);
      expect(toHex(written.subarray(from, to))).toBe(toHex(new Uint8Array(dv.buffer).subarray(from, to)));
      expect(toHex(written.subarray(to))).toBe('eeeeeeee');
      expect(toHex(written.subarray(0, from))).toBe('ee'.repeat(from));
    }), { numRuns: 300 });
  });
});
