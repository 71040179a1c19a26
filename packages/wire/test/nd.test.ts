import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  GRPREC_CHANGE_TO_EXCLUDE_MODE, IGMP_HOST_MEMBERSHIP_QUERY, IgmpGrpRec, IgmpHdr, Igmpv3Query, MLD_LISTENER_QUERY, MldGrpRec, MldHdr, Mldv2Query,
  ND_NA_FLAG_OVERRIDE, ND_NA_FLAG_SOLICITED, ND_OPT_PI_FLAG_AUTO, ND_OPT_PI_FLAG_ONLINK, ND_OPT_SOURCE_LINKADDR, ND_RA_FLAG_OTHER, NdNeighborAdvert,
  NdNeighborSolicit, NdOptCursor, NdOpts, NdPrefixInfo, NdRedirect, NdRouteInfo, NdRouterAdvert, decodeIgmpGrpRec, decodeIgmpHdr, decodeIgmpv3Query,
  decodeMldGrpRec, decodeMldHdr, decodeMldv2Query, decodeNdNeighborAdvert, decodeNdOpts, decodeNdPrefixInfo, decodeNdRedirect, decodeNdRouteInfo,
  decodeNdRouterAdvert, encodeIgmpGrpRec, encodeIgmpv3Query, encodeIgmpv3Report, encodeMldGrpRec, encodeMldHdr, encodeMldv2Report, encodeNdLladdr, encodeNdMtu,
  encodeNdNeighborSolicit, encodeNdNonce, encodeNdRedirectedHdr, encodeNdRouteInfo, encodeNdRouterSolicit, formatEtherHiLo, getIgmpv3NumGrps, getMldv2NumGrps,
  getNdDnsLifetimeSec, getNdMtu, getNdRdnssCount, igmpFloat, igmpGrpRecLen, igmpMaxRespDs, mldGrpRecLen, mldMaxRespMs, ndOptBegin, ndOptNext,
} from '@ns/wire';
import { hex, tight, toHex } from './bytes.ts';

const blank = (n: number): DataView => new DataView(new ArrayBuffer(n));
const text = (dv: DataView): string => toHex(new Uint8Array(dv.buffer));
const LL = 'fe80000000000000 0000000000000001';

describe('neighbour discovery messages (RFC 4861 §4)', () => {
  it('§4.1 golden: router solicitation with a source link-layer address', () => {
    const dv = blank(16);
    encodeNdRouterSolicit(dv, 0);
    expect(encodeNdLladdr(dv, 8, ND_OPT_SOURCE_LINKADDR, 0x0200, 0x0a)).toBe(8);
    expect(text(dv)).toBe('8500000000000000010102000000000a');
  });

  it('§4.2 golden: router advertisement', () => {
    const ra = new NdRouterAdvert();
    expect(decodeNdRouterAdvert(tight(hex('8600 0000 40 48 0708 00007530 ffffffff')), 0, 16, ra)).toBe(true);
    expect({ ...ra }).toEqual({ curhoplimit: 64, flags: ND_RA_FLAG_OTHER | 0x08, lifetimeSec: 1800, reachableMs: 30000, retransmitMs: 0xffffffff });
  });

  it('§4.3 golden: neighbour solicitation', () => {
    const dv = blank(24);
    encodeNdNeighborSolicit(dv, 0, Object.assign(new NdNeighborSolicit(), { tgt0: 0xfe800000 | 0, tgt3: 1 }));
    expect(text(dv)).toBe(`8700000000000000${LL.replace(' ', '')}`);
  });

  it('§4.4 golden: neighbour advertisement', () => {
    const na = new NdNeighborAdvert();
    expect(decodeNdNeighborAdvert(tight(hex(`8800 0000 60000000 ${LL}`)), 0, 24, na)).toBe(true);
    expect({ ...na }).toEqual({ flags: ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE, tgt0: 0xfe800000 | 0, tgt1: 0, tgt2: 0, tgt3: 1 });
  });

  it('§4.5 golden: redirect', () => {
    const rd = new NdRedirect();
    expect(decodeNdRedirect(tight(hex(`8900 0000 00000000 ${LL} 20010db8000000000000000000000009`)), 0, 40, rd)).toBe(true);
    expect(rd).toMatchObject({ tgt0: 0xfe800000 | 0, tgt3: 1, dst0: 0x20010db8, dst3: 9 });
  });
});

describe('neighbour discovery options (RFC 4861 §4.6)', () => {
  const prefix = '03 04 40 c0 00278d00 00093a80 00000000 20010db8000000000000000000000000';
  const all = `01 01 02000000000a 05 01 0000 00000578 ${prefix} 0e 01 a1a2a3a4a5a6 19 03 0000 00000e10 ${LL} 63 01 000000000000 04 02 0000 00000000 6000000000000000`;

  it('golden: where each option is', () => {
    const ndo = new NdOpts();
    const dv = tight(hex(all));
    expect(decodeNdOpts(dv, 0, dv.byteLength, ndo)).toBe(true);
    expect(ndo).toMatchObject({
      srcLladdr: 0, mtu: 8, prefixInfo: 16, nonce: 48, nonceLen: 8, rdnss: 56, redirected: 88, redirectedLen: 16, tgtLladdr: -1, routeInfo: -1, dnssl: -1,
    });
    expect(getNdMtu(dv, ndo.mtu)).toBe(1400);
    expect([getNdDnsLifetimeSec(dv, ndo.rdnss), getNdRdnssCount(dv, ndo.rdnss)]).toEqual([3600, 1]);
    expect(formatEtherHiLo(dv.getUint16(ndo.srcLladdr + 2), dv.getInt32(ndo.srcLladdr + 4))).toBe('02:00:00:00:00:0a');
  });

  it('§4.6.2 golden: prefix information', () => {
    const pi = new NdPrefixInfo();
    expect(decodeNdPrefixInfo(tight(hex(prefix)), 0, 32, pi)).toBe(true);
    expect({ ...pi }).toEqual({
      prefixlen: 64, flags: ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO, validSec: 2592000, preferredSec: 604800, prefix0: 0x20010db8, prefix1: 0, prefix2: 0, prefix3: 0,
    });
    expect(decodeNdPrefixInfo(tight(hex(prefix.replace('04 40', '04 81'))), 0, 32, pi)).toBe(false);
    expect(decodeNdPrefixInfo(tight(hex(prefix.replace('04 40', '03 40'))), 0, 32, pi)).toBe(false);
  });

  it('a walk from the first prefix finds the others', () => {
    const dv = tight(hex(`${prefix} 05 01 0000 00000578 ${prefix}`));
    const cur = new NdOptCursor();
    ndOptBegin(cur, 0, dv.byteLength);
    const seen: string[] = [];
    while (ndOptNext(dv, cur)) seen.push(`${cur.type}@${cur.off}+${cur.len}`);
    expect(seen).toEqual(['3@0+32', '5@32+8', '3@40+32']);
  });

  it.each([['length 0', '01 00 000000000000'], ['length past the message', '01 02 000000000000'], ['a single octet behind', '05 01 0000 00000578 01']])(
    '§4.6: %s makes the message invalid', (_, options) => {
      const dv = tight(hex(options));
      expect(decodeNdOpts(dv, 0, dv.byteLength, new NdOpts())).toBe(false);
    });

  it('a record used again forgets', () => {
    const ndo = new NdOpts();
    const dv = tight(hex(all));
    decodeNdOpts(dv, 0, dv.byteLength, ndo);
    decodeNdOpts(dv, 0, 0, ndo);
    expect(Object.entries(ndo).filter(([key, value]) => key !== 'cursor' && value > 0)).toEqual([]);
  });

  it('MTU, nonce and redirected header go back', () => {
    const dv = blank(32);
    expect([encodeNdMtu(dv, 0, 1400), encodeNdNonce(dv, 8, 0xa1a2, 0xa3a4a5a6), encodeNdRedirectedHdr(dv, 16, 8)]).toEqual([8, 8, 16]);
    expect(text(dv)).toBe('05010000000005780e01a1a2a3a4a5a604020000000000000000000000000000');
    const ndo = new NdOpts();
    expect(decodeNdOpts(dv, 0, 32, ndo)).toBe(true);
    expect(ndo).toMatchObject({ mtu: 0, nonce: 8, redirected: 16, redirectedLen: 16 });
  });

  it('RFC 4191 §2.3: the route information option is as long as its prefix needs', () => {
    fc.assert(fc.property(fc.nat(128), fc.integer(), fc.integer(), fc.integer(), fc.integer(), (prefixlen, prefix0, prefix1, prefix2, prefix3) => {
      const ri = Object.assign(new NdRouteInfo(), { prefixlen, flags: 0x08, lifetimeSec: 600, prefix0, prefix1, prefix2, prefix3 });
      const dv = blank(24);
      const len = encodeNdRouteInfo(dv, 0, ri);
      expect(len).toBe(prefixlen === 0 ? 8 : prefixlen <= 64 ? 16 : 24);
      const back = new NdRouteInfo();
      expect(decodeNdRouteInfo(dv, 0, len, back)).toBe(true);
      expect(back).toMatchObject({
        prefixlen, flags: 0x08, lifetimeSec: 600, prefix0: len >= 16 ? prefix0 : 0, prefix1: len >= 16 ? prefix1 : 0, prefix2: len === 24 ? prefix2 : 0, prefix3: len === 24 ? prefix3 : 0,
      });
      expect(decodeNdRouteInfo(dv, 0, len - 8, back)).toBe(false);
    }));
  });
});

describe('MLD (RFC 2710, 9777)', () => {
  it('§5.1 golden: a version 2 general query', () => {
    const dv = tight(hex(`8200 0000 2710 0000 ${'00'.repeat(16)} 0a 7d 0000`));
    const mh = new MldHdr();
    const q = new Mldv2Query();
    expect(decodeMldHdr(dv, 0, 28, mh)).toBe(true);
    expect(decodeMldv2Query(dv, 0, 28, q)).toBe(true);
    expect([mh.type, mldMaxRespMs(mh.maxdelay), mh.addr0 | mh.addr1 | mh.addr2 | mh.addr3]).toEqual([MLD_LISTENER_QUERY, 10000, 0]);
    expect({ ...q }).toEqual({ suppress: true, qrv: 2, qqic: 125, numsrc: 0 });
  });

  it('§5.2 golden: a report that joins ff02::1:ff00:1', () => {
    const dv = blank(28);
    encodeMldv2Report(dv, 0, 1);
    const gr = Object.assign(new MldGrpRec(), { type: GRPREC_CHANGE_TO_EXCLUDE_MODE, addr0: 0xff020000 | 0, addr2: 1, addr3: 0xff000001 | 0 });
    encodeMldGrpRec(dv, 8, gr);
    expect(text(dv)).toBe('8f00000000000001' + '04000000' + 'ff0200000000000000000001ff000001');
    expect(getMldv2NumGrps(dv, 0)).toBe(1);
    const back = new MldGrpRec();
    expect(decodeMldGrpRec(dv, 8, 20, back)).toBe(true);
    expect(back).toEqual(gr);
    expect(mldGrpRecLen(back)).toBe(20);
  });

  it('a version 1 report', () => {
    const dv = blank(24);
    encodeMldHdr(dv, 0, Object.assign(new MldHdr(), { type: 131, addr0: 0xff020000 | 0, addr3: 5 }));
    expect(text(dv)).toBe(`8300000000000000ff020000${'00'.repeat(11)}05`);
  });

  it('sources and auxiliary data must be there', () => {
    const dv = tight(hex(`04 01 0002 ${'00'.repeat(16)} ${'00'.repeat(36)}`));
    const gr = new MldGrpRec();
    expect(decodeMldGrpRec(dv, 0, 56, gr)).toBe(true);
    expect([gr.numsrc, gr.auxlen]).toEqual([2, 4]);
    expect(decodeMldGrpRec(dv, 0, 55, gr)).toBe(false);
    const query = tight(hex(`8200 0000 0000 0000 ${'00'.repeat(16)} 02 7d 0001`));
    expect(decodeMldv2Query(query, 0, 28, new Mldv2Query())).toBe(false);
  });

  it.each([[0, 0], [1000, 1000], [32767, 32767], [0x8000, 32768], [0x8fff, 65528], [0xffff, 8387584]])('§5.1.3: code %i is %i ms', (code, ms) => {
    expect(mldMaxRespMs(code)).toBe(ms);
  });
});

describe('IGMP (RFC 2236, 9776)', () => {
  it('§4.1 golden: a version 3 general query', () => {
    const dv = tight(hex('11 64 ec1e 00000000 02 7d 0000'));
    const ih = new IgmpHdr();
    const q = new Igmpv3Query();
    expect(decodeIgmpHdr(dv, 0, 12, ih)).toBe(true);
    expect(decodeIgmpv3Query(dv, 0, 12, q)).toBe(true);
    expect([ih.type, igmpMaxRespDs(ih), ih.group]).toEqual([IGMP_HOST_MEMBERSHIP_QUERY, 100, 0]);
    expect({ ...q }).toEqual({ suppress: false, qrv: 2, qqic: 125, numsrc: 0 });
    const out = blank(12);
    encodeIgmpv3Query(out, 0, Object.assign(new Igmpv3Query(), { suppress: true, qrv: 7, qqic: 1, numsrc: 2 }));
    expect(text(out)).toBe('00000000000000000f010002');
  });

  it('§4.2 golden: a report that joins 239.1.2.3', () => {
    const dv = blank(16);
    encodeIgmpv3Report(dv, 0, 1);
    const gr = Object.assign(new IgmpGrpRec(), { type: GRPREC_CHANGE_TO_EXCLUDE_MODE, group: 0xef010203 | 0 });
    encodeIgmpGrpRec(dv, 8, gr);
    expect(text(dv)).toBe('220000000000000104000000ef010203');
    expect(getIgmpv3NumGrps(dv, 0)).toBe(1);
    const back = new IgmpGrpRec();
    expect(decodeIgmpGrpRec(dv, 8, 8, back)).toBe(true);
    expect(back).toEqual(gr);
    expect(igmpGrpRecLen(back)).toBe(8);
  });

  it('sources must be there', () => {
    expect(decodeIgmpv3Query(tight(hex('11 64 0000 00000000 02 7d 0001')), 0, 12, new Igmpv3Query())).toBe(false);
    expect(decodeIgmpGrpRec(tight(hex('01 00 0001 ef010203')), 0, 8, new IgmpGrpRec())).toBe(false);
  });

  it.each([[0, 0], [127, 127], [128, 128], [129, 136], [143, 248], [255, 31744]])('§4.1.1: code %i is %i', (code, value) => {
    expect(igmpFloat(code)).toBe(value);
  });
});
