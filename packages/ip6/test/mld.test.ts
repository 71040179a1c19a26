/* The host's side of MLD: RFC 3810 §4, §5, §6; RFC 2710. */
import { type InetAf, mergeFilters, sameFilter, type McastFilter } from '@ns/inpcb';
import { AF_INET6, decodeMldGrpRec, type InAddr, MldGrpRec, mldGrpRecLen, parseInAddr, inAddr6 } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addrsOf, hex, icmp6Packet, icmp6SumOk, Lab, put6, type TestIf } from './lab.ts';

const a = (t: string): InAddr => parseInAddr(t)!;
const HBH = Uint8Array.of(58, 0, 5, 2, 0, 0, 1, 0);

interface Rig {
  readonly l: Lab;
  readonly t: TestIf;
  readonly af: InetAf;
}

/** An interface that has told of its own groups, and is at rest. */
function rig(): Rig {
  const l = new Lab();
  const t = l.ether('02:00:00:00:00:01', null);
  l.host.advance(20e6);
  t.wire.take();
  return { l, t, af: l.ip6.inet.af(AF_INET6)! };
}

/** The messages that went out: type, destination, records. */
function sent(r: Rig): string[] {
  return r.l.out6(r.t, true).map((p) => {
    expect([p[6], p[7], hex(p, 40, 48)]).toEqual([0, 1, '3a00050200000100']);
    expect(icmp6SumOk(p, 48)).toBe(true);
    const [src, dst] = addrsOf(p);
    expect(src.startsWith('fe80::')).toBe(true);
    const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
    if (p[48] !== 143) return `${p[48]} ${dst}`;
    const out: string[] = [];
    let o = 56;
    for (let n = dv.getUint16(54); n > 0; n--) {
      const rec = new MldGrpRec();
      expect(decodeMldGrpRec(dv, o, p.length - o, rec)).toBe(true);
      const sources: string[] = [];
      for (let i = 0; i < rec.numsrc; i++) sources.push(addrAt(dv, o + 20 + 16 * i));
      out.push(`${['', 'IN', 'EX', 'TO_IN', 'TO_EX', 'ALLOW', 'BLOCK'][rec.type]} ${addrAt(dv, o + 4)}{${sources.join(',')}}`);
      o += mldGrpRecLen(rec);
    }
    expect([dst, o]).toEqual(['ff02::16', p.length]);
    return out.join(' ');
  });
}

function addrAt(dv: DataView, o: number): string {
  return inAddr6(dv.getInt32(o), dv.getInt32(o + 4), dv.getInt32(o + 8), dv.getInt32(o + 12)).toString();
}

/** A query: of version 1 without `sources`. */
function query(r: Rig, group: string, maxMs: number, sources: readonly string[] | null, over: { src?: string; hlim?: number; alert?: boolean } = {}): void {
  const data = new Uint8Array(sources === null ? 16 : 20 + 16 * sources.length);
  put6(data, 0, group);
  if (sources !== null) {
    data[16] = 2;
    data[17] = 125;
    data[19] = sources.length;
    sources.forEach((s, i) => put6(data, 20 + 16 * i, s));
  }
  r.l.in6(
    r.t,
    icmp6Packet({
      src: over.src ?? 'fe80::99',
      dst: group === '::' ? 'ff02::1' : group,
      type: 130,
      word: maxMs << 16,
      data,
      hlim: over.hlim ?? 1,
      ...(over.alert !== false && { ext: HBH, nxt: 0 }),
    }),
  );
}

const G = 'ff15::1234';
const S = ['2001:db8::a', '2001:db8::b', '2001:db8::c'] as const;

function join(r: Rig, filter: McastFilter | undefined = undefined): void {
  expect(r.af.joinGroup!(r.l.vnet, a(G), r.t.ifp, filter)).toBe(r.t.ifp);
}

function leave(r: Rig, filter: McastFilter | undefined = undefined): void {
  r.af.leaveGroup!(r.l.vnet, a(G), r.t.ifp, filter);
}

const SOLICITED = 'ff02::1:ff00:1';

describe('MLDv2', () => {
  it('tells of its own groups when the interface comes up, from nowhere while it has no address (RFC 3590)', () => {
    const l = new Lab();
    const t = l.ether('02:00:00:00:00:01', null);
    l.host.advance(20e6);
    const p = l.out6(t, true);
    // Attached and up in the lab: the first report has been taken, the repetition is here.
    expect(p.length).toBeGreaterThan(0);
    expect(p.every((x) => hex(x, 48, 49) === '8f')).toBe(true);
    expect([l.kernel.callouts.pending, l.outstanding]).toEqual([0, 0]);
  });

  it('says twice that it has joined, and that it has left', () => {
    const r = rig();
    join(r);
    expect(sent(r)).toEqual([`TO_EX ${G}{}`]);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([`TO_EX ${G}{}`]);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([]);
    leave(r);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`TO_IN ${G}{}`, `TO_IN ${G}{}`]);
    expect([r.l.kernel.callouts.pending, r.l.outstanding]).toEqual([0, 0]);
  });

  it('a second member changes nothing, until the first has gone', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    join(r);
    leave(r);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([]);
  });

  it('tells of sources that were added and taken away', () => {
    const r = rig();
    const f = { include: true, sources: [a(S[0])] };
    join(r, f);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`ALLOW ${G}{${S[0]}}`, `ALLOW ${G}{${S[0]}}`]);
    f.sources = [a(S[1])];
    r.af.filterChanged!(r.l.vnet, a(G), r.t.ifp);
    expect(sent(r)).toEqual([`ALLOW ${G}{${S[1]}} BLOCK ${G}{${S[0]}}`]);
    r.l.host.advance(10e6);
    sent(r);
    const any = { include: false, sources: [a(S[2])] };
    join(r, any);
    expect(sent(r)).toEqual([`TO_EX ${G}{${S[2]}}`]);
    r.l.host.advance(10e6);
    sent(r);
    leave(r, any);
    expect(sent(r)).toEqual([`TO_IN ${G}{${S[1]}}`]);
    r.l.host.advance(10e6);
    sent(r);
    leave(r, f);
    r.l.host.advance(10e6);
    expect(sent(r).at(-1)).toBe(`BLOCK ${G}{${S[1]}}`);
    expect([r.l.kernel.callouts.pending, r.l.outstanding]).toEqual([0, 0]);
  });

  it('answers a general query once, within its time, with all groups', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    query(r, '::', 10000, []);
    query(r, '::', 10000, []);
    expect(sent(r)).toEqual([]);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`EX ${SOLICITED}{} EX ${G}{}`]);
  });

  it('answers a query about a group, or about its sources', () => {
    const r = rig();
    const f = { include: true, sources: [a(S[0]), a(S[1])] };
    join(r, f);
    r.l.host.advance(10e6);
    sent(r);
    query(r, G, 1000, []);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([`IN ${G}{${S[0]},${S[1]}}`]);
    query(r, G, 1000, [S[1], S[2]]);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([`IN ${G}{${S[1]}}`]);
    query(r, G, 1000, [S[2]]);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([]);
    query(r, 'ff15::9', 1000, []);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([]);
  });

  const strangers: readonly [string, object][] = [
    ['not from the link', { src: '2001:db8::9' }],
    ['with another hop limit', { hlim: 2 }],
    ['without router alert', { alert: false }],
  ];
  it.each(strangers)('does not listen to a query %s', (_name, over) => {
    const r = rig();
    query(r, '::', 100, [], over);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([]);
    expect(r.l.ip6.icmp6stat.dropped).toBe(1);
  });

  it('a long list of sources goes in several packets, each within 1280 bytes', () => {
    const r = rig();
    const f = { include: true, sources: Array.from({ length: 128 }, (_, i) => a(`2001:db8::1:${i.toString(16)}`)) };
    join(r, f);
    const frames = r.t.wire.frames.map((x) => x.length - 14);
    expect(frames.length).toBe(2);
    expect(Math.max(...frames)).toBeLessThanOrEqual(1280);
    expect(sent(r).join(' ').match(/2001:/g)!.length).toBe(128);
  });
});

describe('MLDv1 routers (RFC 3810 §8, RFC 2710)', () => {
  it('are spoken to in their version, for as long as one may be there', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    query(r, '::', 1000, null);
    r.l.host.advance(1e6);
    expect(sent(r).sort()).toEqual([`131 ${SOLICITED}`, `131 ${G}`].sort());
    leave(r);
    expect(sent(r)).toEqual(['132 ff02::2']);
    join(r);
    expect(sent(r)).toEqual([`131 ${G}`]);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`131 ${G}`]);
    r.l.host.advance(300e6);
    leave(r);
    expect(sent(r)).toEqual([`TO_IN ${G}{}`]);
  });

  it('a report of another host spares ours, and our leave', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    query(r, G, 10000, null);
    const data = new Uint8Array(16);
    put6(data, 0, G);
    r.l.in6(r.t, icmp6Packet({ src: 'fe80::77', dst: G, type: 131, data, hlim: 1, ext: HBH, nxt: 0 }));
    r.l.host.advance(11e6);
    expect(sent(r)).toEqual([]);
    leave(r);
    expect(sent(r)).toEqual([]);
  });

  it('net.inet6.mld.v2enable=0 speaks version 1 alone', () => {
    const r = rig();
    r.l.ip6.mldV2enable = false;
    join(r);
    expect(sent(r)).toEqual([`131 ${G}`]);
  });
});

describe('filters of several members (RFC 3810 §4.2)', () => {
  const names = ['::a', '::b', '::c', '::d'].map(a);
  const filter = fc.record({ include: fc.boolean(), sources: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 4 }) });
  it('let pass what some member wants, and as little else as one filter can say', () => {
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 4 }), (members) => {
        const merged = mergeFilters(members);
        const wants = (f: McastFilter, s: InAddr): boolean => f.sources.includes(s) === f.include;
        for (const s of names) expect(wants(merged, s)).toBe(members.some((f) => wants(f, s)));
        expect(sameFilter(merged, mergeFilters([...members].reverse()))).toBe(true);
      }),
    );
  });
});
