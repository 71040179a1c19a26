import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { type InAddr, parseInAddr } from '@ns/wire';
import type { TcpOptionSpec } from '@ns/packetdrill';
import { decodePacket } from '../src/pkt/decode.ts';
import { icmpPacket, type IpFields, tcpPacket, udpPacket } from '../src/pkt/encode.ts';
import { icmpNumbers } from '../src/pkt/icmp.ts';
import { md5 } from '../src/pkt/md5.ts';
import { decodeOptions, encodeOption } from '../src/pkt/options.ts';
import { showPacket } from '../src/pkt/show.ts';

const addr = (t: string): InAddr => parseInAddr(t)!;
const v4: IpFields = { src: addr('192.0.2.1'), dst: addr('192.168.0.1'), ttl: 255, tos: 0x22, flow: 0 };
const v6: IpFields = { src: addr('2001:db8::1'), dst: addr('fd00::1'), ttl: 7, tos: 0x22, flow: 0x12345 };
const options: TcpOptionSpec[] = [{ type: 'mss', value: 1460 }, { type: 'sackOK' }, { type: 'eol' }, { type: 'eol' }];
const segment = { sport: 1, dport: 2, seq: 0xffffffff, ack: 9, flags: 0x1ff, win: 65535, urg: 3, options, payload: new Uint8Array(5), udp: null, secret: 'key' };

describe.each([['IPv4', v4], ['IPv6', v6]] as const)('packets of %s', (_, ip) => {
  it('come apart as they were put together', () => {
    const p = decodePacket(tcpPacket(ip, segment), false)!;
    expect(p).toMatchObject({ ttl: ip.ttl, tos: 0x22, flow: ip.flow, sport: 1, dport: 2, defect: '', udp: null });
    expect(p.tcp).toEqual({ flags: 0x1ff, reserved: 0, seq: 0xffffffff, ack: 9, win: 65535, urg: 3, options });
    expect(showPacket(p)).toBe('SFRPEWAU. 4294967295:4(5) ack 9 win 65535 urg 3 <mss 1460,sackOK,eol,eol>');
  });

  it('inside UDP too, if that is looked for', () => {
    const bytes = tcpPacket(ip, { ...segment, udp: { src: 9811, dst: 1 } });
    expect(decodePacket(bytes, true)).toMatchObject({ proto: 6, udp: { src: 9811, dst: 1 }, sport: 1, defect: '' });
    expect(decodePacket(bytes, false)).toMatchObject({ proto: 17, sport: 9811, tcp: null, defect: '' });
  });

  it('of UDP and ICMP have right checksums', () => {
    expect(decodePacket(udpPacket(ip, 1, 2, new Uint8Array(3)), false)).toMatchObject({ sport: 1, dport: 2, defect: '' });
    expect(decodePacket(icmpPacket(ip, ip === v4 ? 1 : 58, 3, 4, 1300, new Uint8Array(8)), false)).toMatchObject({ icmp: { type: 3, code: 4 } });
  });

  it('damaged in any bit of the segment are noticed', () => {
    const good = tcpPacket(ip, segment);
    const hlen = ip === v4 ? 20 : 40;
    for (let i = hlen * 8; i < good.length * 8; i++) {
      const bad = good.slice();
      bad[i >> 3] = bad[i >> 3]! ^ (1 << (i & 7));
      expect(decodePacket(bad, false)?.defect).not.toBe('');
    }
  });
});

describe('whatever comes', () => {
  it('is taken apart or refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0x45, 0x60, 0x4f, 0x00), fc.boolean(), (b, first, udp) => {
      if (b.length > 0) b[0] = first;
      const p = decodePacket(b, udp);
      if (p !== null) expect(typeof showPacket(p)).toBe('string');
    }), { numRuns: 2000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (b) => {
      const o = decodeOptions(b);
      if (o !== null) expect(Uint8Array.from(o.flatMap(encodeOption))).toEqual(b);
    }), { numRuns: 2000 });
  });
});

describe('helpers', () => {
  it('md5 is MD5', () => {
    for (const n of [0, 1, 55, 56, 63, 64, 65, 1000]) {
      const data = Uint8Array.from({ length: n }, (_, i) => i * 7);
      expect(Buffer.from(md5(data)).toString('hex')).toBe(createHash('md5').update(data).digest('hex'));
    }
  });

  it('ICMP words are those of the family', () => {
    expect(icmpNumbers(4, 'unreachable', 'frag_needed')).toEqual({ type: 3, code: 4 });
    expect(icmpNumbers(6, 'unreachable', 'admin_prohibited')).toEqual({ type: 1, code: 1 });
    expect(icmpNumbers(4, 'type_200', 'code_7')).toEqual({ type: 200, code: 7 });
    expect(icmpNumbers(4, 'packet_too_big', null)).toBe("unknown ICMP type 'packet_too_big'");
    expect(icmpNumbers(4, 'redirect', 'code_256')).toBe("unknown code 'code_256' of ICMP type 'redirect'");
  });
});
