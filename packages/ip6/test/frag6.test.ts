/* Reassembly: RFC 8200 §4.5, RFC 5722, RFC 6946, RFC 7112. */
import { SeededRandom } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { describe, expect, it } from 'vitest';
import { bytes, hex, icmp6Packet, ip6Packet, Lab, type TestIf } from './lab.ts';

const ME = '2001:db8::1';
const PEER = '2001:db8::2';

/** An echo request of `len` bytes of data in fragments of `size` bytes. */
function fragments(len: number, size: number, ident: number, seed = 0, src = PEER): Uint8Array[] {
  const whole = icmp6Packet({ src, dst: ME, type: 128, word: 7, data: bytes(len, seed) }).slice(40);
  const out: Uint8Array[] = [];
  for (let off = 0; off < whole.length; off += size) out.push(frag(whole.slice(off, off + size), off, off + size < whole.length, ident, src));
  return out;
}

function frag(data: Uint8Array, off: number, more: boolean, ident: number, src = PEER, nxt = 58): Uint8Array {
  const payload = new Uint8Array(8 + data.length);
  const dv = new DataView(payload.buffer);
  payload[0] = nxt;
  dv.setUint16(2, off | (more ? 1 : 0));
  dv.setInt32(4, ident);
  payload.set(data, 8);
  return ip6Packet({ src, dst: ME, nxt: 44, payload });
}

function lab(): { l: Lab; t: TestIf } {
  const l = new Lab();
  return { l, t: l.p2p(`${ME}/64`, { mtu: 9000 }) };
}

describe('reassembly', () => {
  it('puts a packet together in whatever order its fragments come', () => {
    const rnd = new SeededRandom(5);
    for (let round = 0; round < 20; round++) {
      const { l, t } = lab();
      const fs = fragments(3000, 504, round);
      for (let i = fs.length - 1; i > 0; i--) {
        const j = (rnd.u32() >>> 0) % (i + 1);
        [fs[i], fs[j]] = [fs[j]!, fs[i]!];
      }
      fs.splice(3, 0, fs[1]!); // an exact duplicate harms nothing
      for (const f of fs) l.in6(t, f);
      const out = l.out6(t);
      expect(out).toHaveLength(1);
      expect(out[0]!.slice(48)).toEqual(bytes(3000));
      expect([l.ip6.stat.reassembled, l.ip6.frag6.curfrags, l.ip6.frag6.fragpackets]).toEqual([1, 0, 0]);
      expect(l.outstanding).toBe(0);
    }
  });

  it('a fragment that is a whole packet does not meet others of its identification (RFC 6946)', () => {
    const { l, t } = lab();
    const [first, second] = fragments(1000, 600, 9);
    l.in6(t, first!);
    l.in6(t, frag(icmp6Packet({ src: PEER, dst: ME, type: 128 }).slice(40), 0, false, 9));
    expect(l.out6(t)).toHaveLength(1);
    expect([l.ip6.stat.atomicfrags, l.ip6.frag6.fragpackets]).toEqual([1, 1]);
    l.in6(t, second!);
    expect(l.out6(t)[0]!.slice(48)).toEqual(bytes(1000));
  });

  it('overlaps end the packet (RFC 5722)', () => {
    const { l, t } = lab();
    const fs = fragments(1000, 256, 3);
    l.in6(t, fs[0]!);
    l.in6(t, fs[1]!);
    l.in6(t, frag(bytes(256, 9), 128, true, 3));
    expect(l.ip6.frag6.fragpackets).toBe(0);
    for (const f of fs.slice(2)) l.in6(t, f);
    expect(l.out6(t)).toEqual([]);
    expect(l.ip6.stat.fragdropped).toBe(3);
    l.host.advance(61e6);
    expect([l.ip6.frag6.fragpackets, l.ip6.frag6.curfrags, l.outstanding]).toEqual([0, 0, 0]);
  });

  it('pieces behind the end, and two different ends, end the packet', () => {
    for (const wrong of [frag(bytes(8), 2000, true, 3), frag(bytes(8), 96, false, 3)]) {
      const { l, t } = lab();
      const fs = fragments(200, 104, 3);
      l.in6(t, fs[1]!);
      l.in6(t, wrong);
      expect(l.ip6.frag6.fragpackets).toBe(0);
      expect(l.outstanding).toBe(0);
    }
  });

  it('tells of a length that is no multiple of eight, and of a packet that would be too long', () => {
    const { l, t } = lab();
    l.in6(t, frag(bytes(9, 128), 0, true, 1));
    l.in6(t, frag(bytes(104), 65528, false, 1));
    expect(l.out6(t).map((p) => hex(p, 40, 42) + hex(p, 44, 48))).toEqual(['040000000004', '04000000002a']);
    expect(l.outstanding).toBe(0);
  });

  it('a first fragment without all headers is refused (RFC 7112)', () => {
    const { l, t } = lab();
    l.in6(t, frag(Uint8Array.of(58, 1, 1, 4, 0, 0, 0, 0), 0, true, 1, PEER, 60));
    expect(l.out6(t).map((p) => hex(p, 40, 42))).toEqual(['0403']);
    expect(l.ip6.frag6.fragpackets).toBe(0);
    expect(l.outstanding).toBe(0);
  });

  it('gives up after a minute, and says so if it has the first fragment', () => {
    const { l, t } = lab();
    l.in6(t, fragments(1000, 512, 1)[0]!);
    l.in6(t, fragments(1000, 512, 2)[1]!);
    l.host.advance(59e6);
    expect(l.ip6.frag6.fragpackets).toBe(2);
    l.host.advance(2e6);
    expect(l.ip6.frag6.fragpackets).toBe(0);
    expect(l.out6(t).map((p) => hex(p, 40, 42))).toEqual(['0301']);
    expect(l.ip6.stat.fragtimeout).toBe(2);
    expect([l.outstanding, l.kernel.callouts.pending]).toEqual([0, 0]);
  });

  it('keeps ECN, and drops what mixes it with not-ECT (RFC 3168 §5.3)', () => {
    const { l, t } = lab();
    const seen: number[] = [];
    l.ip6.inet.registerProto({ proto: 17, name: 'x', input: (m, pkt) => {
      seen.push(pkt.tos & 3);
      mFreem(m);
    } });
    const ect = (p: Uint8Array, ecn: number): Uint8Array => {
      p[1]! |= ecn << 4;
      return p;
    };
    l.in6(t, ect(frag(bytes(16), 0, true, 1, PEER, 17), 2));
    l.in6(t, ect(frag(bytes(16), 16, false, 1, PEER, 17), 3));
    expect(seen).toEqual([3]);
    l.in6(t, ect(frag(bytes(16), 0, true, 2, PEER, 17), 2));
    l.in6(t, ect(frag(bytes(16), 16, false, 2, PEER, 17), 0));
    expect(l.ip6.stat.fragdropped).toBe(1);
  });

  it('is given up when mbufs run out', () => {
    const { l, t } = lab();
    l.in6(t, fragments(1000, 512, 1)[0]!);
    expect(l.ip6.frag6.fragpackets).toBe(1);
    l.kernel.mbufs.onLimit?.();
    l.host.settle();
    expect([l.ip6.frag6.fragpackets, l.outstanding]).toEqual([0, 0]);
  });

  it('is bounded in fragments, packets, packets of a pair, and fragments of a packet', () => {
    const { l, t } = lab();
    const f6 = l.ip6.frag6;
    f6.maxfrags = 50;
    for (let i = 0; i < 200; i++) l.in6(t, fragments(1000, 512, i, 0, `2001:db8::${(i + 16).toString(16)}`)[0]!);
    expect([f6.curfrags, f6.fragpackets, l.ip6.stat.fragoverflow]).toEqual([50, 50, 150]);
    f6.drain();
    f6.maxfrags = -1;
    f6.maxfragpackets = 30;
    for (let i = 0; i < 200; i++) l.in6(t, fragments(1000, 512, i, 0, `2001:db8::${(i + 16).toString(16)}`)[0]!);
    expect(f6.fragpackets).toBe(30);
    f6.drain();
    f6.maxfragpackets = -1;
    f6.maxfragbucketsize = 8;
    for (let i = 0; i < 200; i++) l.in6(t, fragments(1000, 512, i)[0]!);
    expect(f6.fragpackets).toBe(8);
    f6.drain();
    for (let i = 0; i < 100; i++) l.in6(t, frag(bytes(8), 8 + i * 8, true, 1));
    expect(f6.curfrags).toBeLessThanOrEqual(64);
    f6.drain();
    l.out6(t);
    expect([f6.curfrags, f6.fragpackets, l.outstanding]).toEqual([0, 0, 0]);
  });

  it('forgets what came in by an interface that goes, and everything with the vnet', () => {
    const { l, t } = lab();
    l.in6(t, fragments(1000, 512, 1)[0]!);
    l.kpi.ifDetach(t.ifp.handle);
    expect([l.ip6.frag6.fragpackets, l.outstanding]).toEqual([0, 0]);
  });
});
