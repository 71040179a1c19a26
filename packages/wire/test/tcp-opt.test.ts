import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TCP_MAXOLEN, TOF_FASTOPEN, TOF_MSS, TOF_SACK, TOF_SACKPERM, TOF_SCALE, TOF_SIGNATURE, TOF_TS, TcpOpt, decodeTcpOpts, encodeTcpOpts,
} from '@ns/wire';
import { hex, tight, toHex } from './bytes.ts';

/** Options written by encodeTcpOpts, as hex text in groups of no significance. */
function encode(fields: Partial<Record<'flags' | 'mss' | 'wscale' | 'tsval' | 'tsecr' | 'nsacks' | 'tfoLen', number>>, sacks: number[] = [], cookie = ''): { text: string; to: TcpOpt } {
  const to = Object.assign(new TcpOpt(), fields);
  to.sacks.set(sacks);
  to.tfoCookie.set(hex(cookie));
  const dv = new DataView(new ArrayBuffer(TCP_MAXOLEN));
  const n = encodeTcpOpts(dv, 0, to);
  return { text: toHex(new Uint8Array(dv.buffer, 0, n)), to };
}

function decode(text: string, isSyn: boolean): { ok: boolean; to: TcpOpt } {
  const bytes = hex(text);
  const to = new TcpOpt();
  return { ok: decodeTcpOpts(tight(bytes), 0, bytes.length, to, isSyn), to };
}

const clean = (text: string): string => text.replace(/\s+/g, '');
const SYN = TOF_MSS | TOF_SCALE | TOF_SACKPERM | TOF_TS;
const values = { mss: 1460, wscale: 6, tsval: 0x01020304, tsecr: 0x05060708 };
const md5 = `1312 ${'00'.repeat(16)}`;

describe('order and padding of FreeBSD (tcp_addoptions)', () => {
  it.each([
    { name: 'SYN: mss, nop, wscale, sackOK, TS', flags: SYN, text: '020405b4 01 030306 0402 080a0102030405060708' },
    { name: 'SYN without SACK: mss, nop, wscale, nop, nop, TS', flags: SYN & ~TOF_SACKPERM, text: '020405b4 01 030306 0101 080a0102030405060708' },
    { name: 'SYN without RFC 7323: mss, sackOK, eol, eol', flags: TOF_MSS | TOF_SACKPERM, text: '020405b4 0402 0000' },
    { name: 'SYN with neither: mss', flags: TOF_MSS, text: '020405b4' },
    { name: 'SYN with wscale and sackOK: mss, nop, wscale, sackOK, eol, eol', flags: TOF_MSS | TOF_SCALE | TOF_SACKPERM, text: '020405b4 01 030306 0402 0000' },
    { name: 'SYN, MD5: mss, nop, wscale, sackOK, TS, nop, nop, md5: all 40 bytes', flags: SYN | TOF_SIGNATURE, text: `020405b4 01 030306 0402 080a0102030405060708 0101 ${md5}` },
    { name: 'SYN, MD5 without TS: mss, sackOK, md5, no padding', flags: TOF_MSS | TOF_SACKPERM | TOF_SIGNATURE, text: `020405b4 0402 ${md5}` },
    { name: 'data: nop, nop, TS', flags: TOF_TS, text: '0101 080a0102030405060708' },
    { name: 'data, MD5: nop, nop, md5', flags: TOF_SIGNATURE, text: `0101 ${md5}` },
    { name: 'data, TS and MD5: nop, nop, TS, nop, nop, md5', flags: TOF_TS | TOF_SIGNATURE, text: `0101 080a0102030405060708 0101 ${md5}` },
    { name: 'nothing', flags: 0, text: '' },
    { name: 'wscale alone: nop, wscale', flags: TOF_SCALE, text: '01 030306' },
    { name: 'sackOK alone: sackOK, eol, eol', flags: TOF_SACKPERM, text: '0402 0000' },
  ])('$name', ({ flags, text }) => {
    expect(encode({ flags, ...values }).text).toBe(clean(text));
  });

  const edges = [1, 2, 3, 4, 5, 6, 7, 8];
  const block = (i: number): string => `0000000${2 * i + 1}0000000${2 * i + 2}`;
  it.each([
    { name: 'one block: nop, nop, sack', flags: TOF_SACK, nsacks: 1, text: `0101 050a ${block(0)}` },
    { name: 'four blocks fill 36 bytes', flags: TOF_SACK, nsacks: 4, text: `0101 0522 ${block(0)}${block(1)}${block(2)}${block(3)}` },
    { name: 'with TS three of four blocks fit', flags: TOF_SACK | TOF_TS, nsacks: 4, text: `0101 080a0102030405060708 0101 051a ${block(0)}${block(1)}${block(2)}` },
    { name: 'with MD5 two of four blocks fit', flags: TOF_SACK | TOF_SIGNATURE, nsacks: 4, text: `0101 ${md5} 0101 0512 ${block(0)}${block(1)}` },
    { name: 'with TS and MD5 none fits, and the room is padded', flags: TOF_SACK | TOF_TS | TOF_SIGNATURE, nsacks: 2, text: `0101 080a0102030405060708 0101 ${md5} 0101 0000` },
  ])('RFC 2018 §3: $name', ({ flags, nsacks, text }) => {
    expect(encode({ flags, nsacks, ...values }, edges).text).toBe(clean(text));
  });

  it('RFC 7413 §4.1.1: request and cookie behind the timestamps, padded with eol', () => {
    expect(encode({ flags: SYN | TOF_FASTOPEN, tfoLen: 0, ...values }).text).toBe(clean('020405b4 01 030306 0402 080a0102030405060708 2202 0000'));
    expect(encode({ flags: SYN | TOF_FASTOPEN, tfoLen: 8, ...values }, [], '1122334455667788').text).toBe(
      clean('020405b4 01 030306 0402 080a0102030405060708 220a 1122334455667788 0000'));
    const full = encode({ flags: SYN | TOF_FASTOPEN, tfoLen: 16, ...values }, [], '11'.repeat(16));
    expect(full.text).toBe(clean(`020405b4 01 030306 0402 080a0102030405060708 2212 ${'11'.repeat(16)} 0000`));
    expect(full.to.tfoOff).toBe(22);
  });

  it('a Fast Open option that does not fit is left out and loses its bit', () => {
    const { text, to } = encode({ flags: SYN | TOF_SIGNATURE | TOF_FASTOPEN, tfoLen: 0, ...values });
    expect(text.length / 2).toBe(40);
    expect(to.flags & TOF_FASTOPEN).toBe(0);
  });

  it('the place of the digest is told', () => {
    expect(encode({ flags: SYN | TOF_SIGNATURE, ...values }).to.sigOff).toBe(24);
    expect(encode({ flags: TOF_SIGNATURE }).to.sigOff).toBe(4);
  });
});

describe('parsing as FreeBSD does (tcp_dooptions)', () => {
  it('the aligned timestamps option', () => {
    const { ok, to } = decode('0101080a ffffffff 80000000', false);
    expect([ok, to.flags, to.tsval, to.tsecr]).toEqual([true, TOF_TS, -1, -0x80000000]);
  });

  it('the fast path and the slow one agree', () => {
    fc.assert(fc.property(fc.integer(), fc.integer(), fc.boolean(), (tsval, tsecr, isSyn) => {
      const { text } = encode({ flags: TOF_TS, tsval, tsecr });
      const fast = decode(text, isSyn).to;
      const slow = decode(`${text}01010101`, isSyn).to;
      expect([slow.flags, slow.tsval, slow.tsecr, slow.nsacks]).toEqual([fast.flags, fast.tsval, fast.tsecr, fast.nsacks]);
    }));
  });

  it('an old record leaves nothing behind', () => {
    const to = Object.assign(new TcpOpt(), { flags: 0x1ff, nsacks: 4 });
    decodeTcpOpts(tight(hex('0101080a0000000100000002')), 0, 12, to, false);
    expect([to.flags, to.nsacks]).toEqual([TOF_TS, 0]);
    decodeTcpOpts(tight(hex('')), 0, 0, Object.assign(to, { flags: 0x1ff, nsacks: 4 }), false);
    expect([to.flags, to.nsacks]).toEqual([0, 0]);
  });

  it.each([
    { name: 'EOL ends the list', text: '00 020405b4', isSyn: true, ok: true, flags: 0 },
    { name: 'an unknown option is passed over', text: 'fd04abcd 020405b4', isSyn: true, ok: true, flags: TOF_MSS },
    { name: 'a length of 0 ends the list; what came before counts', text: '020405b4 fd00 0402', isSyn: true, ok: false, flags: TOF_MSS },
    { name: 'a length of 1 ends the list', text: '0402 0801 020405b4', isSyn: true, ok: false, flags: TOF_SACKPERM },
    { name: 'a length past the end ends the list', text: '0402 080a 00000000', isSyn: true, ok: false, flags: TOF_SACKPERM },
    { name: 'a kind without a length ends the list', text: '0402 01 08', isSyn: true, ok: false, flags: TOF_SACKPERM },
    { name: 'MSS of the wrong length is passed over', text: '0203ff 0402 0204', isSyn: true, ok: false, flags: TOF_SACKPERM },
    { name: 'timestamps of the wrong length are passed over', text: '0808000000000000', isSyn: false, ok: true, flags: 0 },
    { name: 'MSS, wscale, sackOK and Fast Open do not count without SYN', text: '020405b4 030306 0402 2202 00', isSyn: false, ok: true, flags: 0 },
    { name: 'SACK blocks do not count on a SYN', text: '050a 0000000100000002', isSyn: true, ok: true, flags: 0 },
    { name: 'SACK without a block is passed over', text: '0502 0000', isSyn: false, ok: true, flags: 0 },
    { name: 'SACK with half a block is passed over', text: '0506 00000001', isSyn: false, ok: true, flags: 0 },
    { name: 'MD5 counts anywhere', text: `${md5} 0000`, isSyn: false, ok: true, flags: TOF_SIGNATURE },
  ])('$name', ({ text, isSyn, ok, flags }) => {
    const got = decode(text, isSyn);
    expect([got.ok, got.to.flags]).toEqual([ok, flags]);
  });

  it('RFC 7323 §2.3: a shift above 14 reads as 14', () => {
    expect(decode('0303ff', true).to.wscale).toBe(14);
    expect(decode('03030e', true).to.wscale).toBe(14);
    expect(decode('03030d', true).to.wscale).toBe(13);
  });

  it('a later option of a kind replaces an earlier one', () => {
    expect(decode('020405b4 02040218', true).to.mss).toBe(536);
  });

  it('RFC 7413 §4.1.1: cookie and its place', () => {
    const { to } = decode('0101 2206 a1b2c3d4', true);
    expect([to.flags, to.tfoOff, to.tfoLen, toHex(to.tfoCookie.subarray(0, 4))]).toEqual([TOF_FASTOPEN, 4, 4, 'a1b2c3d4']);
  });

  it('the place of a digest is told', () => {
    expect(decode(`0101 ${md5}`, false).to.sigOff).toBe(4);
  });
});

describe('encode and decode', () => {
  const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
  const segment = fc.record({
    isSyn: fc.boolean(), bits: fc.nat(0x1ff), mss: fc.nat(65535), wscale: fc.nat(14), tsval: int32, tsecr: int32,
    sacks: fc.array(int32, { minLength: 8, maxLength: 8 }), nsacks: fc.integer({ min: 1, max: 4 }), cookie: fc.uint8Array({ maxLength: 16 }),
  });
  const onSyn = TOF_MSS | TOF_SCALE | TOF_SACKPERM | TOF_FASTOPEN;

  it('decode(encode(to)) = to, up to SACK blocks that do not fit', () => {
    fc.assert(fc.property(segment, (s) => {
      const allowed = s.isSyn ? onSyn | TOF_TS | TOF_SIGNATURE : TOF_TS | TOF_SIGNATURE | TOF_SACK;
      const flags = s.bits & allowed;
      const to = Object.assign(new TcpOpt(), { flags, mss: s.mss, wscale: s.wscale, tsval: s.tsval, tsecr: s.tsecr, nsacks: s.nsacks, tfoLen: s.cookie.length });
      to.sacks.set(s.sacks);
      to.tfoCookie.set(s.cookie);
      const dv = new DataView(new ArrayBuffer(TCP_MAXOLEN));
      const n = encodeTcpOpts(dv, 0, to);
      expect(n % 4).toBe(0);
      expect(n).toBeLessThanOrEqual(TCP_MAXOLEN);
      const back = new TcpOpt();
      expect(decodeTcpOpts(dv, 0, n, back, s.isSyn)).toBe(true);
      const noRoom = (flags & (TOF_TS | TOF_SIGNATURE)) === (TOF_TS | TOF_SIGNATURE) ? TOF_SACK : 0;
      expect(back.flags).toBe(to.flags & ~noRoom);
      if (back.flags & TOF_MSS) expect(back.mss).toBe(s.mss);
      if (back.flags & TOF_SCALE) expect(back.wscale).toBe(s.wscale);
      if (back.flags & TOF_TS) expect([back.tsval, back.tsecr]).toEqual([s.tsval, s.tsecr]);
      if (back.flags & TOF_SIGNATURE) expect(back.sigOff).toBe(to.sigOff);
      if (back.flags & TOF_FASTOPEN) expect([...back.tfoCookie.subarray(0, back.tfoLen)]).toEqual([...s.cookie]);
      if (back.flags & TOF_SACK) {
        const fits = flags & TOF_TS ? 3 : flags & TOF_SIGNATURE ? 2 : 4;
        expect(back.nsacks).toBe(Math.min(s.nsacks, fits));
        expect([...back.sacks.subarray(0, 2 * back.nsacks)]).toEqual(s.sacks.slice(0, 2 * back.nsacks));
      }
    }), { numRuns: 1000 });
  });

  it('RFC 2018 §3: a SACK block starts on a 32-bit boundary', () => {
    fc.assert(fc.property(segment, (s) => {
      const flags = (s.bits & (TOF_TS | TOF_SIGNATURE)) | TOF_SACK;
      const { text } = encode({ flags, nsacks: s.nsacks });
      for (let i = 0; i < text.length / 2; ) {
        const kind = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
        if (kind === 5) expect((i + 2) % 4).toBe(0);
        i += kind < 2 ? 1 : Number.parseInt(text.slice(2 * i + 2, 2 * i + 4), 16);
      }
    }));
  });
});
