import { describe, expect, it } from 'vitest';
import {
  IP6F_MORE_FRAG, IP6F_OFF_MASK, IP6OPT_PADN, IP6OPT_ROUTER_ALERT, IP6WALK_DONE, IP6WALK_HOPOPTS, IP6WALK_NESTED, IP6WALK_TRUNCATED,
  IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ICMPV6, IPPROTO_NONE, IPPROTO_ROUTING, IPPROTO_TCP, IPPROTO_UDP, Ip6Frag, Ip6Hdr,
  Ip6OptCursor, Ip6Rthdr, Ip6Walk, decodeIp6Frag, decodeIp6Hdr, decodeIp6Rthdr, encodeIp6Frag, encodeIp6Hdr, formatInAddr, getInAddr6, getIp6Flow,
  getIp6Hlim, getIp6Nxt, getIp6Plen, getIp6Tclass, ip6OptBegin, ip6OptNext, setIp6Hlim, setIp6Nxt, setIp6Plen, setIp6Tclass, walkIp6Ext,
} from '@ns/wire';
import { hex, tight, toHex } from './bytes.ts';

const ADDRS = '20010db8000000000000000000000001 20010db8000000000000000000000002';

describe('IPv6 header (RFC 8200 §3)', () => {
  const golden = `6ab12345 0020 06 40 ${ADDRS}`;

  it('golden', () => {
    const ip6 = new Ip6Hdr();
    const dv = tight(hex(golden));
    expect(decodeIp6Hdr(dv, 0, 72, ip6)).toBe(true);
    expect({ ...ip6 }).toEqual({
      v: 6, tclass: 0xab, flow: 0x12345, plen: 32, nxt: IPPROTO_TCP, hlim: 64,
      src0: 0x20010db8, src1: 0, src2: 0, src3: 1, dst0: 0x20010db8, dst1: 0, dst2: 0, dst3: 2,
    });
    expect(formatInAddr(getInAddr6(dv, 24))).toBe('2001:db8::2');
    const out = new DataView(new ArrayBuffer(40));
    encodeIp6Hdr(out, 0, ip6);
    expect(toHex(new Uint8Array(out.buffer))).toBe(golden.replace(/ /g, ''));
  });

  it('fields in place', () => {
    const dv = tight(hex(golden));
    expect([getIp6Tclass(dv, 0), getIp6Flow(dv, 0), getIp6Plen(dv, 0), getIp6Nxt(dv, 0), getIp6Hlim(dv, 0)]).toEqual([0xab, 0x12345, 32, 6, 64]);
    setIp6Tclass(dv, 0, 0x03);
    setIp6Plen(dv, 0, 1);
    setIp6Nxt(dv, 0, 58);
    setIp6Hlim(dv, 0, 255);
    expect(toHex(new Uint8Array(dv.buffer, 0, 8))).toBe('6031234500013aff');
  });

  it('another version and a payload beyond the packet are refused, padding is not', () => {
    const ip6 = new Ip6Hdr();
    expect(decodeIp6Hdr(tight(hex(golden)), 0, 71, ip6)).toBe(false);
    expect(ip6.plen).toBe(32);
    expect(decodeIp6Hdr(tight(hex(golden)), 0, 100, ip6)).toBe(true);
    expect(decodeIp6Hdr(tight(hex(`4${golden.slice(1)}`)), 0, 72, ip6)).toBe(false);
    expect(ip6.v).toBe(4);
  });

  it('§4.5 fragment header: offset in bytes, reserved bits ignored and sent as zero', () => {
    const fh = new Ip6Frag();
    const dv = tight(hex('11 ff 05af deadbeef'));
    expect(decodeIp6Frag(dv, 0, 8, fh)).toBe(true);
    expect([fh.nxt, fh.offlg & IP6F_OFF_MASK, fh.offlg & IP6F_MORE_FRAG, fh.ident]).toEqual([IPPROTO_UDP, 1448, 1, 0xdeadbeef | 0]);
    encodeIp6Frag(dv, 0, fh);
    expect(toHex(new Uint8Array(dv.buffer))).toBe('110005a9deadbeef');
  });

  it('§4.4 routing header: length in bytes', () => {
    const rh = new Ip6Rthdr();
    expect(decodeIp6Rthdr(tight(hex(`3a 02 00 01 ${'00'.repeat(20)}`)), 0, 24, rh)).toBe(true);
    expect({ ...rh }).toEqual({ nxt: IPPROTO_ICMPV6, len: 24, type: 0, segleft: 1 });
    expect(decodeIp6Rthdr(tight(hex(`3a 02 00 01 ${'00'.repeat(20)}`)), 0, 23, rh)).toBe(false);
  });
});

/** A packet: fixed header that names `nxt`, then the parts. */
const packet = (nxt: number, ...parts: string[]): DataView => {
  const body = parts.join('');
  const plen = (body.replace(/ /g, '').length / 2).toString(16).padStart(4, '0');
  return tight(hex(`60000000 ${plen} ${nxt.toString(16).padStart(2, '0')} 40 ${ADDRS} ${body}`));
};
const octet = (n: number): string => n.toString(16).padStart(2, '0');
const options = (nxt: number): string => `${octet(nxt)} 00 01 04 00000000`;
const routing = (nxt: number): string => `${octet(nxt)} 00 04 00 00000000`;
const fragment = (nxt: number, offlg: number): string => `${octet(nxt)} 00 ${offlg.toString(16).padStart(4, '0')} 00000001`;
const ah = (nxt: number): string => `${octet(nxt)} 04 0000 00000001 00000001 ${'00'.repeat(12)}`;

function walk(dv: DataView): Ip6Walk {
  const w = new Ip6Walk();
  expect(walkIp6Ext(dv, 0, dv.byteLength, w)).toBe(w.status === IP6WALK_DONE);
  return w;
}

describe('walk over extension headers (RFC 8200 §4.1)', () => {
  it('none', () => {
    expect(walk(packet(IPPROTO_TCP, '00'.repeat(20)))).toMatchObject({ nxt: IPPROTO_TCP, off: 40, nxtOff: 6, count: 0, fragOff: -1, status: IP6WALK_DONE });
  });

  it('all of them, in the recommended order', () => {
    const dv = packet(IPPROTO_HOPOPTS, options(IPPROTO_DSTOPTS), options(IPPROTO_ROUTING), routing(IPPROTO_FRAGMENT), fragment(IPPROTO_AH, 1),
      ah(IPPROTO_DSTOPTS), options(IPPROTO_UDP), '00'.repeat(8));
    expect(walk(dv)).toMatchObject({ nxt: IPPROTO_UDP, off: 40 + 32 + 24 + 8, nxtOff: 40 + 32 + 24, count: 6, fragOff: 64, fragmented: true, laterFragment: false });
  });

  it('stops behind the fragment header of a later fragment', () => {
    expect(walk(packet(IPPROTO_FRAGMENT, fragment(IPPROTO_DSTOPTS, 8), '00'.repeat(8)))).toMatchObject({
      nxt: IPPROTO_DSTOPTS, off: 48, laterFragment: true, fragmented: true, status: IP6WALK_DONE,
    });
  });

  it('RFC 6946: an atomic fragment is not fragmented', () => {
    expect(walk(packet(IPPROTO_FRAGMENT, fragment(IPPROTO_UDP, 0), '00'.repeat(8)))).toMatchObject({ nxt: IPPROTO_UDP, fragOff: 40, fragmented: false });
  });

  it('no next header ends it', () => {
    expect(walk(packet(IPPROTO_DSTOPTS, options(IPPROTO_NONE)))).toMatchObject({ nxt: IPPROTO_NONE, off: 48, status: IP6WALK_DONE });
  });

  it('§4.3: hop-by-hop options elsewhere than first', () => {
    expect(walk(packet(IPPROTO_DSTOPTS, options(IPPROTO_HOPOPTS), options(IPPROTO_UDP)))).toMatchObject({ status: IP6WALK_HOPOPTS, nxtOff: 40, off: 48 });
  });

  it('more headers than 15', () => {
    const chain = (n: number): DataView => packet(IPPROTO_DSTOPTS, ...Array.from({ length: n }, (_, i) => options(i === n - 1 ? IPPROTO_UDP : IPPROTO_DSTOPTS)));
    expect(walk(chain(15))).toMatchObject({ status: IP6WALK_DONE, count: 15 });
    expect(walk(chain(16))).toMatchObject({ status: IP6WALK_NESTED, count: 15 });
  });

  it('a header that runs past the packet', () => {
    expect(walk(packet(IPPROTO_DSTOPTS, '11 01 01 04 00000000'))).toMatchObject({ status: IP6WALK_TRUNCATED, off: 40, nxt: IPPROTO_DSTOPTS });
    expect(walk(packet(IPPROTO_DSTOPTS, '11 00 01'))).toMatchObject({ status: IP6WALK_TRUNCATED, off: 40 });
    expect(walk(packet(IPPROTO_DSTOPTS))).toMatchObject({ status: IP6WALK_TRUNCATED, off: 40 });
  });
});

describe('options of a hop-by-hop or destination options header (RFC 8200 §4.2)', () => {
  const seen = (text: string): { list: string[]; cur: Ip6OptCursor } => {
    const bytes = hex(text);
    const cur = new Ip6OptCursor();
    const dv = tight(bytes);
    ip6OptBegin(cur, 0, bytes.length);
    const list: string[] = [];
    while (ip6OptNext(dv, cur)) list.push(`${cur.type}@${cur.off}+${cur.len}`);
    return { list, cur };
  };

  it('RFC 2711: router alert and padding, as MLD sends them', () => {
    const { list, cur } = seen('3a 00 0502 0000 0100');
    expect(list).toEqual([`${IP6OPT_ROUTER_ALERT}@2+4`, `${IP6OPT_PADN}@6+2`]);
    expect(cur.bad).toBe(false);
  });

  it('Pad1 is one byte', () => {
    expect(seen('3a 00 00 00 01 02 0000').list).toEqual(['0@2+1', '0@3+1', '1@4+4']);
  });

  it.each([['data past the header', '3a 00 05 05 00000000'], ['no length octet', '3a 00 01 03 000000 05']])('%s', (_, text) => {
    expect(seen(text).cur.bad).toBe(true);
  });
});
