import { describe, expect, it } from 'vitest';
import {
  AF_INET, AF_INET6, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_MASKREPLY, ICMP_PARAMPROB, ICMP_REDIRECT, ICMP_SOURCEQUENCH, ICMP_TIMXCEED, ICMP_TSTAMP, ICMP_UNREACH,
  ICMP_UNREACH_NEEDFRAG, IPPROTO_TCP, IPPROTO_UDP, Icmp6Hdr, IcmpHdr, IcmpQuote, IcmpTstamp, cksumAddView, cksumFold, decodeIcmp6Hdr, decodeIcmp6Quote, decodeIcmpHdr,
  decodeIcmpQuote, decodeIcmpTstamp, encodeIcmp6Hdr, encodeIcmpHdr, formatInet4, getIcmp6Cksum, getIcmp6Code, getIcmp6Type, getIcmpCksum, getIcmpCode,
  getIcmpMask, getIcmpType, icmp6Id, icmp6Mtu, icmp6Pptr, icmp6Seq, icmpGwaddr, icmpId, icmpIdSeqWord, icmpInfoType, icmpNextmtu, icmpOrigLen,
  icmpPptr, icmpPptrWord, icmpSeq, setIcmp6Cksum, setIcmpCksum, setIcmpMask, setIcmpType,
} from '@ns/wire';
import { hex, tight, toHex } from './bytes.ts';

const IP4 = '4500 003c 1c46 4000 4006 b1e6 ac10 0a63 ac10 0a0c';
const TCP8 = '9cb0 1389 fffffffe';

describe('ICMP (RFC 792)', () => {
  it('golden: an echo request without data', () => {
    const dv = tight(hex('0800 0000 1234 0001'));
    setIcmpCksum(dv, 0, cksumFold(cksumAddView(dv, 0, 8, 0)));
    expect(getIcmpCksum(dv, 0)).toBe(~(0x0800 + 0x1234 + 1) & 0xffff);
    const ih = new IcmpHdr();
    expect(decodeIcmpHdr(dv, 0, 8, ih)).toBe(true);
    expect([ih.type, ih.code, icmpId(ih), icmpSeq(ih)]).toEqual([ICMP_ECHO, 0, 0x1234, 1]);
    expect(ih.word).toBe(icmpIdSeqWord(0x1234, 1));
    setIcmpType(dv, 0, ICMP_ECHOREPLY);
    expect([getIcmpType(dv, 0), getIcmpCode(dv, 0)]).toEqual([0, 0]);
  });

  it('the second word by type', () => {
    const ih = new IcmpHdr();
    decodeIcmpHdr(tight(hex('0304 0000 0000 0578')), 0, 8, ih); // RFC 1191 §4
    expect([ih.type, ih.code, icmpNextmtu(ih)]).toEqual([ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, 1400]);
    decodeIcmpHdr(tight(hex('0501 0000 c0000201')), 0, 8, ih);
    expect([ih.type, formatInet4(icmpGwaddr(ih))]).toEqual([ICMP_REDIRECT, '192.0.2.1']);
    decodeIcmpHdr(tight(hex('0c00 0000 14000000')), 0, 8, ih);
    expect([ih.type, icmpPptr(ih), icmpPptrWord(20)]).toEqual([ICMP_PARAMPROB, 20, ih.word]);
    decodeIcmpHdr(tight(hex('0b00 0000 00200000')), 0, 8, ih); // RFC 4884 §4.1
    expect([ih.type, icmpOrigLen(ih)]).toEqual([ICMP_TIMXCEED, 128]);
    const dv = tight(hex('1200 0000 00000000 ffffff00'));
    expect([getIcmpType(dv, 0), getIcmpMask(dv, 0)]).toEqual([ICMP_MASKREPLY, -256]);
    setIcmpMask(dv, 0, 0);
    expect(getIcmpMask(dv, 0)).toBe(0);
  });

  it('a time stamp message', () => {
    const ts = new IcmpTstamp();
    expect(decodeIcmpTstamp(tight(hex('0d00 0000 0001 0002 00000064 000000c8 8000012c')), 0, 20, ts)).toBe(true);
    expect({ ...ts }).toEqual({ otime: 100, rtime: 200, ttime: 0x8000012c | 0 });
  });

  it('RFC 1122 §3.2.2: queries and errors are told apart', () => {
    expect([ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TSTAMP, ICMP_MASKREPLY, 9, 10].every(icmpInfoType)).toBe(true);
    expect([ICMP_UNREACH, ICMP_SOURCEQUENCH, ICMP_REDIRECT, ICMP_TIMXCEED, ICMP_PARAMPROB, 40].some(icmpInfoType)).toBe(false);
  });

  it('encode writes all fields', () => {
    const dv = new DataView(new ArrayBuffer(8));
    encodeIcmpHdr(dv, 0, Object.assign(new IcmpHdr(), { type: 3, code: 4, cksum: 0xabcd, word: 1400 }));
    expect(toHex(new Uint8Array(dv.buffer))).toBe('0304abcd00000578');
  });
});

describe('the datagram that an ICMP error quotes', () => {
  it('golden: header and 8 bytes of TCP', () => {
    const q = new IcmpQuote();
    expect(decodeIcmpQuote(tight(hex(`${IP4} ${TCP8}`)), 0, 28, q)).toBe(true);
    expect(q).toMatchObject({
      af: AF_INET, src0: 0, src3: 0xac100a63 | 0, dst0: 0, dst3: 0xac100a0c | 0, proto: IPPROTO_TCP, iplen: 60, ttl: 64, tos: 0, laterFragment: false,
      off: 0, l4off: 20, l4len: 8, sport: 40112, dport: 5001, seq: -2, data0: 0, data1: 0,
    });
  });

  it('what UDP carries, if eight bytes of it are there', () => {
    const q = new IcmpQuote();
    const more = `${IP4} ${TCP8} 01020304 f5060708`;
    expect(decodeIcmpQuote(tight(hex(more)), 0, 36, q)).toBe(true);
    expect(q).toMatchObject({ l4len: 16, data0: 0x01020304, data1: 0xf5060708 | 0 });
    expect(decodeIcmpQuote(tight(hex(more)), 0, 35, q)).toBe(true);
    expect(q).toMatchObject({ l4len: 15, data0: 0, data1: 0 });
  });

  it('options of the quoted header are passed over', () => {
    const q = new IcmpQuote();
    const head = `46${IP4.slice(2)} 94040000`;
    expect(decodeIcmpQuote(tight(hex(`${head} ${TCP8}`)), 0, 32, q)).toBe(true);
    expect([q.l4off, q.sport]).toEqual([24, 40112]);
    expect(decodeIcmpQuote(tight(hex(`${head} ${TCP8}`)), 0, 31, q)).toBe(false);
  });

  it('a later fragment says so', () => {
    const q = new IcmpQuote();
    expect(decodeIcmpQuote(tight(hex(`${IP4.replace('4000 4006', '00b9 4006')} ${TCP8}`)), 0, 28, q)).toBe(true);
    expect(q.laterFragment).toBe(true);
  });

  it.each([['IPv6', '6'], ['a header below 20', '44']])('%s is refused', (_, start) => {
    expect(decodeIcmpQuote(tight(hex(`${start}${IP4.slice(start.length)} ${TCP8}`)), 0, 28, new IcmpQuote())).toBe(false);
  });

  it('RFC 4443 §3: an IPv6 datagram, extension headers included', () => {
    const q = new IcmpQuote();
    const ip6 = `60112345 0028 3c 3f fe800000000000000000000000000001 20010db8000000000000000000000002`;
    const bytes = hex(`${ip6} 11 00 0104 00000000 0400 0035 000b 1234`);
    expect(decodeIcmp6Quote(tight(bytes), 0, bytes.length, q)).toBe(true);
    expect(q).toMatchObject({
      af: AF_INET6, src0: 0xfe800000 | 0, src3: 1, dst0: 0x20010db8, dst3: 2, proto: IPPROTO_UDP, iplen: 80, ttl: 63, tos: 1, flow: 0x12345,
      l4off: 48, l4len: 8, sport: 1024, dport: 53,
    });
    expect(decodeIcmp6Quote(tight(bytes.subarray(0, 55)), 0, 55, q)).toBe(false);
  });

  it('a record used for IPv6 and then for IPv4 keeps nothing', () => {
    const q = new IcmpQuote();
    const bytes = hex(`60112345 0008 11 3f fe800000000000000000000000000001 20010db8000000000000000000000002 0400 0035 000b 1234`);
    decodeIcmp6Quote(tight(bytes), 0, bytes.length, q);
    decodeIcmpQuote(tight(hex(`${IP4} ${TCP8}`)), 0, 28, q);
    expect(q).toMatchObject({ af: AF_INET, src0: 0, src1: 0, src2: 0, dst0: 0, dst1: 0, dst2: 0, flow: 0, l4off: 20 });
  });
});

describe('ICMPv6 (RFC 4443)', () => {
  it('golden: packet too big, echo, parameter problem', () => {
    const ih = new Icmp6Hdr();
    const dv = tight(hex('0200 1234 00000500'));
    expect(decodeIcmp6Hdr(dv, 0, 8, ih)).toBe(true);
    expect([ih.type, ih.code, ih.cksum, icmp6Mtu(ih)]).toEqual([2, 0, 0x1234, 1280]);
    expect([getIcmp6Type(dv, 0), getIcmp6Code(dv, 0), getIcmp6Cksum(dv, 0)]).toEqual([2, 0, 0x1234]);
    decodeIcmp6Hdr(tight(hex('8000 0000 ffff 0002')), 0, 8, ih);
    expect([icmp6Id(ih), icmp6Seq(ih)]).toEqual([0xffff, 2]);
    decodeIcmp6Hdr(tight(hex('0401 0000 ffffffff')), 0, 8, ih);
    expect(icmp6Pptr(ih)).toBe(0xffffffff);
    encodeIcmp6Hdr(dv, 0, ih);
    setIcmp6Cksum(dv, 0, 0xbeef);
    expect(toHex(new Uint8Array(dv.buffer))).toBe('0401beefffffffff');
  });
});
