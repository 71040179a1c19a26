/* What ancillary data tell of any bytes at all. */
import fc from 'fast-check';
import { IN6P_DSTOPTS, IN6P_EXTHDRS, IN6P_HOPOPTS, IN6P_RTHDR, InPkt, inPcbSaveControl6, IPV6_DSTOPTS, IPV6_HOPOPTS, IPV6_RTHDR } from '@ns/inpcb';
import { type Mbuf, MbufPool, mCat, mFreem } from '@ns/mbuf';
import { AF_INET, AF_INET6, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_IPV6, IPPROTO_ROUTING, IPPROTO_UDP } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { alloc, bench, info, TestSocket } from './harness.ts';

const HDR = 40;
const KINDS = [IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING] as const;
const FLAG = new Map([[IPPROTO_HOPOPTS, IN6P_HOPOPTS], [IPPROTO_DSTOPTS, IN6P_DSTOPTS], [IPPROTO_ROUTING, IN6P_RTHDR]]);
const TYPE = new Map([[IPPROTO_HOPOPTS, IPV6_HOPOPTS], [IPPROTO_DSTOPTS, IPV6_DSTOPTS], [IPPROTO_ROUTING, IPV6_RTHDR]]);
/** Any choice of what is asked for, by one bit each. */
const asked = fc.subarray([IN6P_HOPOPTS, IN6P_DSTOPTS, IN6P_RTHDR]).map((a) => a.reduce((s, x) => s | x, 0));

const b = bench();
const pool = new MbufPool();
const inp = alloc(info(b), new TestSocket(b.root, 0, AF_INET6));
const pkt = new InPkt(b.vnet, AF_INET6);

/** A packet with these bytes behind its fixed header, in pieces cut at `cut` (0: one). */
function packet(nxt: number, behind: Uint8Array, cut: number): Mbuf {
  const all = new Uint8Array(HDR + behind.length);
  all[0] = 0x60;
  all[6] = nxt;
  all.set(behind, HDR);
  const at = cut <= 0 || cut >= all.length ? all.length : cut;
  const m = pool.fromBytes(all.subarray(0, at)) as Mbuf;
  if (at < all.length) {
    mCat(m, pool.fromBytes(all.subarray(at)) as Mbuf);
    m.pktlen = all.length;
  }
  return m;
}

describe('inPcbSaveControl6', () => {
  it('tells of a chain of headers those that were asked for, each with its bytes, in order, as copies', () => {
    const one = fc.record({ kind: fc.constantFrom(IPPROTO_DSTOPTS, IPPROTO_ROUTING), units: fc.integer({ min: 1, max: 12 }), fill: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.boolean(), fc.array(one, { maxLength: 8 }), asked, (hbh, rest, flags) => {
        const chain = hbh ? [{ kind: IPPROTO_HOPOPTS, units: 2, fill: 9 }, ...rest] : rest;
        const headers = chain.map(({ units, fill }, i) => {
          const h = new Uint8Array(units * 8).fill(fill);
          h[0] = chain[i + 1]?.kind ?? IPPROTO_UDP;
          h[1] = units - 1;
          return h;
        });
        const behind = Uint8Array.from([...headers.flatMap((h) => [...h]), ...new Uint8Array(8)]);
        const m = packet(chain[0]?.kind ?? IPPROTO_UDP, behind, 0);
        const before = m.buf.slice(m.off, m.off + m.len);
        inp.flags = flags;
        pkt.af = AF_INET6;
        pkt.off = HDR + behind.length - 8;
        const told = inPcbSaveControl6(inp, m, pkt);
        const want = chain.flatMap(({ kind }, i) => ((flags & FLAG.get(kind)!) !== 0 ? [{ level: IPPROTO_IPV6, type: TYPE.get(kind)!, data: headers[i] }] : []));
        expect(told).toEqual(want.length === 0 ? null : want);
        for (const c of told ?? []) (c.data as Uint8Array).fill(0xee);
        expect(m.buf.slice(m.off, m.off + m.len)).toEqual(before);
        mFreem(m);
      }),
    );
  });

  it('never throws, tells only bytes that stand in front of the transport header, and these once, whatever they are', () => {
    const next = fc.constantFrom(...KINDS, IPPROTO_FRAGMENT, IPPROTO_UDP, 255);
    // Bytes that look like headers often enough: a next header and a length at each multiple of eight.
    const hostile = fc.array(fc.tuple(next, fc.oneof(fc.constantFrom(0, 1, 2, 255), fc.integer({ min: 0, max: 255 })), fc.uint8Array({ minLength: 6, maxLength: 6 })), { maxLength: 40 }).map((u) => u.flatMap(([n, len, v]) => [n, len, ...v]));
    fc.assert(
      fc.property(next, hostile, fc.integer({ min: 0, max: 9 }), fc.integer({ min: -8, max: 400 }), fc.integer({ min: 0, max: 400 }), asked, fc.boolean(), (first, octets, tail, off, cut, flags, six) => {
        const behind = Uint8Array.from([...octets, ...new Uint8Array(tail).fill(IPPROTO_DSTOPTS)]);
        const m = packet(first, behind, cut);
        inp.flags = flags;
        pkt.af = six ? AF_INET6 : AF_INET;
        pkt.off = off;
        const told = inPcbSaveControl6(inp, m, pkt);
        if (told !== null) {
          expect(six && (flags & IN6P_EXTHDRS) !== 0).toBe(true);
          const end = Math.min(off, m.len);
          let at = HDR;
          for (const c of told) {
            const data = c.data as Uint8Array;
            expect([...TYPE].some(([kind, type]) => type === c.type && (flags & FLAG.get(kind)!) !== 0)).toBe(true);
            expect(data.length).toBe((data[1]! + 1) * 8);
            // It stands at or behind the end of the one before.
            const raw = m.buf.subarray(m.off, m.off + end);
            while (at + data.length <= end && !data.every((x, i) => raw[at + i] === x)) at += 8;
            expect(at + data.length).toBeLessThanOrEqual(end);
            at += data.length;
          }
        }
        mFreem(m);
      }),
      { numRuns: 2000 },
    );
    expect(pool.outstanding).toBe(0);
  });
});
