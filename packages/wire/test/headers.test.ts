import { describe, expect, it } from 'vitest';
import {
  ARPOP_REQUEST, ArpHdr, ETHERTYPE_ARP, ETHERTYPE_IP, EtherHdr, IPOPT_COPIED, IPOPT_LSRR, IPOPT_NOP, IPOPT_RA, IPOPT_RR, IPPROTO_TCP, IP_DF, IP_MF,
  IP_OFFMASK, IpHdr, IpOptCursor, TH_ACK, TH_AE, TH_CWR, TH_ECE, TH_PUSH, TH_SYN, TcpHdr, UdpHdr, cksumAddView, cksumFold, decodeArpHdr, decodeEtherHdr,
  decodeIpHdr, decodeTcpHdr, decodeUdpHdr, encodeArpHdr, encodeEtherHdr, encodeIpHdr, encodeTcpHdr, encodeUdpHdr, etherBytes, etherHi,
  etherIpMulticastLo, etherLo, evlCfiOfTag, evlMakeTag, evlPriOfTag, evlVlanOfTag, formatEtherAddr, formatEtherHiLo, formatInet4, formatTcpFlags,
  getArpOp, getArpSpa, getArpTpa, getEtherDhostHi, getEtherDhostLo, getEtherShostHi, getEtherShostLo, getEtherType, getIpDst, getIpHlen, getIpId, getIpLen,
  getIpOff, getIpP, getIpSrc, getIpSum, getIpTos, getIpTtl, getIpV, getTcpAck, getTcpDport, getTcpFlags, getTcpOff, getTcpSeq, getTcpSport, getTcpSum,
  getTcpUrp, getTcpWin, getUdpDport, getUdpSport, getUdpSum, getUdpUlen, ipOptBegin, ipOptNext, isEtherBroadcast, isEtherMulticast, isEtherZero,
  parseEtherAddr, pseudoSum4, setEtherAddr, setEtherType, setIpDst, setIpId, setIpLen, setIpOff, setIpSrc, setIpSum, setIpTos, setIpTtl, setTcpAck,
  setTcpDport, setTcpFlags, setTcpSeq, setTcpSport, setTcpSum, setTcpUrp, setTcpWin, setUdpDport, setUdpSport, setUdpSum, setUdpUlen,
} from '@ns/wire';
import { hex, tight, toHex } from './bytes.ts';

const text = (dv: DataView): string => toHex(new Uint8Array(dv.buffer, dv.byteOffset, dv.byteLength));
const blank = (n: number): DataView => new DataView(new ArrayBuffer(n));

describe('Ethernet (RFC 894, IEEE 802.1Q)', () => {
  const broadcast = 'ffffffffffff 02000000000a';

  it('golden: an untagged header', () => {
    const eh = new EtherHdr();
    const dv = tight(hex(`${broadcast} 0806`));
    expect(decodeEtherHdr(dv, 0, 14, eh)).toBe(true);
    expect({ ...eh }).toEqual({ dhostHi: 0xffff, dhostLo: -1, shostHi: 0x0200, shostLo: 0x0a, type: ETHERTYPE_ARP, vtag: -1, hlen: 14 });
    const out = blank(14);
    encodeEtherHdr(out, 0, eh);
    expect(text(out)).toBe(text(dv));
  });

  it('golden: a tagged header, VLAN 100, priority 5', () => {
    const eh = new EtherHdr();
    expect(decodeEtherHdr(tight(hex(`${broadcast} 8100 a064 0800`)), 0, 18, eh)).toBe(true);
    expect(eh).toMatchObject({ type: ETHERTYPE_IP, vtag: 0xa064, hlen: 18 });
    expect([evlVlanOfTag(eh.vtag), evlPriOfTag(eh.vtag), evlCfiOfTag(eh.vtag)]).toEqual([100, 5, 0]);
    expect(evlMakeTag(100, 5, 0)).toBe(0xa064);
    expect(evlMakeTag(4095, 7, 1)).toBe(0xffff);
  });

  it('a record used again forgets the tag', () => {
    const eh = new EtherHdr();
    decodeEtherHdr(tight(hex(`${broadcast} 8100 a064 0800`)), 0, 18, eh);
    decodeEtherHdr(tight(hex(`${broadcast} 0800`)), 0, 14, eh);
    expect(eh).toMatchObject({ vtag: -1, hlen: 14 });
  });

  it('fields in place', () => {
    const dv = tight(hex(`${broadcast} 0806`));
    expect([getEtherDhostHi(dv, 0), getEtherDhostLo(dv, 0), getEtherShostHi(dv, 0), getEtherShostLo(dv, 0), getEtherType(dv, 0)]).toEqual(
      [0xffff, -1, 0x200, 10, 0x806]);
    setEtherType(dv, 0, 0x86dd);
    setEtherAddr(dv, 0, 0x3333, 1);
    expect(text(dv)).toBe('33330000000102000000000a86dd');
  });

  it('MAC addresses as text and bytes', () => {
    const mac = parseEtherAddr('2:0:0:0:0:A');
    expect(mac).toEqual(hex('02000000000a'));
    expect(formatEtherAddr(hex('00 02000000000a'), 1)).toBe('02:00:00:00:00:0a');
    expect(formatEtherHiLo(0xffff, -1)).toBe('ff:ff:ff:ff:ff:ff');
    expect(etherBytes(etherHi(hex('8abcdef01234')), etherLo(hex('8abcdef01234')))).toEqual(hex('8abcdef01234'));
    for (const bad of ['', '02:00:00:00:00', '02:00:00:00:00:0a:0b', '02-00-00-00-00-0a', '002:0:0:0:0:0', 'g:0:0:0:0:0', '2:0:0:0:0:']) {
      expect(parseEtherAddr(bad), bad).toBeNull();
    }
  });

  it('group addresses', () => {
    expect([isEtherMulticast(0x0100), isEtherMulticast(0xffff), isEtherMulticast(0x0200), isEtherMulticast(0xfe00)]).toEqual([true, true, false, false]);
    expect([isEtherBroadcast(0xffff, -1), isEtherBroadcast(0xffff, 0)]).toEqual([true, false]);
    expect([isEtherZero(0, 0), isEtherZero(0, 1)]).toEqual([true, false]);
    // RFC 1112 §6.4: the low 23 bits of 239.129.2.3
    expect(formatEtherHiLo(0x0100, etherIpMulticastLo(0xef810203 | 0))).toBe('01:00:5e:01:02:03');
  });
});

describe('ARP (RFC 826)', () => {
  const request = '0001 0800 06 04 0001 02000000000a 0a000001 000000000000 0a000002';

  it('golden: who has 10.0.0.2, tell 10.0.0.1', () => {
    const ah = new ArpHdr();
    const dv = tight(hex(request));
    expect(decodeArpHdr(dv, 0, 28, ah)).toBe(true);
    expect({ ...ah }).toEqual({ hrd: 1, op: ARPOP_REQUEST, shaHi: 0x200, shaLo: 10, spa: 0x0a000001, thaHi: 0, thaLo: 0, tpa: 0x0a000002 });
    expect([getArpOp(dv, 0), getArpSpa(dv, 0), getArpTpa(dv, 0)]).toEqual([1, 0x0a000001, 0x0a000002]);
    const out = blank(28);
    encodeArpHdr(out, 0, ah);
    expect(text(out)).toBe(text(dv));
  });

  it.each([['protocol', 2, 0x86], ['hardware address length', 4, 8], ['protocol address length', 5, 16]] as const)('another %s is refused', (_, at, value) => {
    const dv = tight(hex(request));
    dv.setUint8(at, value);
    expect(decodeArpHdr(dv, 0, 28, new ArpHdr())).toBe(false);
  });
});

describe('IPv4 header (RFC 791 §3.1)', () => {
  const golden = '4500 003c 1c46 4000 4006 b1e6 ac10 0a63 ac10 0a0c';

  it('golden: a TCP SYN of 60 bytes', () => {
    const ip = new IpHdr();
    const dv = tight(hex(golden));
    expect(decodeIpHdr(dv, 0, 60, ip)).toBe(true);
    expect({ ...ip }).toEqual({
      v: 4, hlen: 20, tos: 0, len: 60, id: 0x1c46, off: IP_DF, ttl: 64, p: IPPROTO_TCP, sum: 0xb1e6, src: 0xac100a63 | 0, dst: 0xac100a0c | 0,
    });
    expect(cksumFold(cksumAddView(dv, 0, 20, 0))).toBe(0);
    expect(formatInet4(ip.src)).toBe('172.16.10.99');
  });

  it('fields in place', () => {
    const dv = tight(hex(golden));
    expect([getIpV(dv, 0), getIpHlen(dv, 0), getIpTos(dv, 0), getIpLen(dv, 0), getIpId(dv, 0), getIpOff(dv, 0)]).toEqual([4, 20, 0, 60, 0x1c46, IP_DF]);
    expect([getIpTtl(dv, 0), getIpP(dv, 0), getIpSum(dv, 0), getIpSrc(dv, 0), getIpDst(dv, 0)]).toEqual([64, 6, 0xb1e6, 0xac100a63 | 0, 0xac100a0c | 0]);
    setIpTos(dv, 0, 0x10);
    setIpLen(dv, 0, 1500);
    setIpId(dv, 0, 1);
    setIpOff(dv, 0, IP_MF | (185 & IP_OFFMASK));
    setIpTtl(dv, 0, 1);
    setIpSum(dv, 0, 0x1234);
    setIpSrc(dv, 0, -1);
    setIpDst(dv, 0, 0x7f000001);
    expect(text(dv)).toBe('451005dc000120b901061234ffffffff7f000001');
  });

  it('link padding behind the packet is allowed, a short packet is not', () => {
    const ip = new IpHdr();
    expect(decodeIpHdr(tight(hex(golden)), 0, 64, ip)).toBe(true);
    expect(decodeIpHdr(tight(hex(golden)), 0, 59, ip)).toBe(false);
  });

  it.each([
    ['a bad version', '6500 0014', { v: 6 }], ['a header below 20', '4400 0014', { hlen: 16 }], ['a header beyond the packet', '4600 0014', { hlen: 24, len: 20 }],
  ] as const)('%s is refused, and the record says why', (_, head, why) => {
    const ip = new IpHdr();
    expect(decodeIpHdr(tight(hex(`${head} ${'00'.repeat(16)}`)), 0, 20, ip)).toBe(false);
    expect(ip).toMatchObject(why);
  });

  const walk = (options: string): { seen: string[]; cur: IpOptCursor } => {
    const bytes = hex(options);
    const cur = new IpOptCursor();
    const dv = tight(new Uint8Array([...new Uint8Array(20), ...bytes]));
    ipOptBegin(cur, 0, 20 + bytes.length);
    const seen: string[] = [];
    while (ipOptNext(dv, cur)) seen.push(`${cur.type}@${cur.off}+${cur.len}`);
    return { seen, cur };
  };

  it('§3.1 options: a walk in place', () => {
    const { seen, cur } = walk('01 9404 0000 0707 04 0a000001 00 ff');
    expect(seen).toEqual([`${IPOPT_NOP}@20+1`, `${IPOPT_RA}@21+4`, `${IPOPT_RR}@25+7`]);
    expect(cur.bad).toBe(false);
    expect([IPOPT_COPIED(IPOPT_LSRR), IPOPT_COPIED(IPOPT_RR)]).toEqual([true, false]);
  });

  it.each([['length 0', '01 8300'], ['length 1', '01 8301'], ['length past the header', '01 8304 04'], ['no length octet', '01 83']])(
    '§3.1 options: %s ends the walk at the option', (_, options) => {
      const { seen, cur } = walk(options);
      expect(seen).toEqual(['1@20+1']);
      expect([cur.bad, cur.off]).toEqual([true, 21]);
    });
});

describe('UDP (RFC 768)', () => {
  it('golden: a DNS query header', () => {
    const uh = new UdpHdr();
    const dv = tight(hex('d2c4 0035 002b 1b9f'));
    expect(decodeUdpHdr(dv, 0, 43, uh)).toBe(true);
    expect({ ...uh }).toEqual({ sport: 0xd2c4, dport: 53, ulen: 43, sum: 0x1b9f });
    expect([getUdpSport(dv, 0), getUdpDport(dv, 0), getUdpUlen(dv, 0), getUdpSum(dv, 0)]).toEqual([0xd2c4, 53, 43, 0x1b9f]);
    setUdpSport(dv, 0, 1);
    setUdpDport(dv, 0, 2);
    setUdpUlen(dv, 0, 8);
    setUdpSum(dv, 0, 0xffff);
    expect(text(dv)).toBe('000100020008ffff');
    encodeUdpHdr(dv, 0, uh);
    expect(text(dv)).toBe('d2c40035002b1b9f');
  });

  it.each([['below 8', 7], ['beyond the datagram', 44], ['zero', 0]])('a length %s is refused', (_, ulen) => {
    const dv = tight(hex('d2c4 0035 002b 1b9f'));
    setUdpUlen(dv, 0, ulen);
    expect(decodeUdpHdr(dv, 0, 43, new UdpHdr())).toBe(false);
  });
});

describe('TCP header (RFC 9293 §3.1)', () => {
  // 10.0.0.1:40112 > 10.0.0.2:5001, SYN with MSS 1460; the checksum was worked out by hand from the words below
  const golden = '9cb0 1389 0000 0001 0000 0000 6002 ffff 0000 0000 0204 05b4';

  it('golden: a SYN, with a checksum over pseudo-header and segment', () => {
    const dv = tight(hex(golden));
    const byHand = 0x0a00 + 1 + 0x0a00 + 2 + 6 + 24 + 0x9cb0 + 0x1389 + 1 + 0x6002 + 0xffff + 0x0204 + 0x05b4;
    const expected = ~((byHand & 0xffff) + (byHand >>> 16)) & 0xffff;
    const pseudo = pseudoSum4(0x0a000001, 0x0a000002, IPPROTO_TCP, 24);
    setTcpSum(dv, 0, cksumFold(cksumAddView(dv, 0, 24, pseudo)));
    expect(getTcpSum(dv, 0)).toBe(expected);
    expect(cksumFold(cksumAddView(dv, 0, 24, pseudo))).toBe(0);
    const th = new TcpHdr();
    expect(decodeTcpHdr(dv, 0, 24, th)).toBe(true);
    expect({ ...th }).toEqual({ sport: 40112, dport: 5001, seq: 1, ack: 0, off: 24, flags: TH_SYN, win: 65535, sum: expected, urp: 0 });
    const out = blank(20);
    encodeTcpHdr(out, 0, th);
    expect(text(out)).toBe(text(dv).slice(0, 40));
  });

  it('sequence numbers are int32', () => {
    const th = new TcpHdr();
    decodeTcpHdr(tight(hex('0000 0000 ffffffff 80000000 5010 0000 0000 0000')), 0, 20, th);
    expect([th.seq, th.ack]).toEqual([-1, -0x80000000]);
  });

  it('fields in place', () => {
    const dv = tight(hex(golden));
    expect([getTcpSport(dv, 0), getTcpDport(dv, 0), getTcpSeq(dv, 0), getTcpAck(dv, 0)]).toEqual([40112, 5001, 1, 0]);
    expect([getTcpOff(dv, 0), getTcpFlags(dv, 0), getTcpWin(dv, 0), getTcpUrp(dv, 0)]).toEqual([24, TH_SYN, 65535, 0]);
    setTcpSport(dv, 0, 1);
    setTcpDport(dv, 0, 2);
    setTcpSeq(dv, 0, -1);
    setTcpAck(dv, 0, 4);
    setTcpFlags(dv, 0, TH_AE | TH_ACK);
    setTcpWin(dv, 0, 5);
    setTcpSum(dv, 0, 6);
    setTcpUrp(dv, 0, 7);
    expect(text(dv)).toBe('00010002ffffffff000000046110000500060007020405b4');
  });

  it.each([['below 20', 0x40], ['beyond the segment', 0x70]])('a data offset %s is refused', (_, octet) => {
    const dv = tight(hex(golden));
    dv.setUint8(12, octet);
    expect(decodeTcpHdr(dv, 0, 24, new TcpHdr())).toBe(false);
  });

  it.each([
    [TH_SYN, 'S'], [TH_SYN | TH_ACK, 'S.'], [TH_SYN | TH_ECE | TH_CWR, 'SEW'], [TH_PUSH | TH_ACK, 'P.'], [0, '-'], [TH_SYN | TH_AE | TH_ECE | TH_CWR, 'SEWA'],
  ])('flags %i are written %s', (flags, expected) => {
    expect(formatTcpFlags(flags)).toBe(expected);
  });

  it('all twelve bits go through', () => {
    const th = new TcpHdr();
    const dv = blank(20);
    for (let bit = 0; bit < 12; bit++) {
      th.flags = 1 << bit;
      encodeTcpHdr(dv, 0, th);
      expect(getTcpFlags(dv, 0)).toBe(1 << bit);
      expect(getTcpOff(dv, 0)).toBe(20);
    }
  });

  it('an IPv4 header written by encodeIpHdr has version, header length and all fields', () => {
    const dv = blank(20);
    encodeIpHdr(dv, 0, Object.assign(new IpHdr(), { len: 60, id: 0x1c46, off: IP_DF, ttl: 64, p: 6, src: 0xac100a63 | 0, dst: 0xac100a0c | 0 }));
    setIpSum(dv, 0, cksumFold(cksumAddView(dv, 0, 20, 0)));
    expect(text(dv)).toBe('4500003c1c4640004006b1e6ac100a63ac100a0c');
  });
});
