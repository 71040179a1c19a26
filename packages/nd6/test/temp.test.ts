/* Temporary addresses (RFC 8981), and secrets of stable ones that outlive their vnet. */
import fc from 'fast-check';
import { findAddr, ifDelAddr } from '@ns/ifnet';
import { IN6_IFF_DEPRECATED, IN6_IFF_TEMPORARY, ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { crget, credSysctlReq } from '@ns/vnet';
import { AF_INET6, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { nd6, ND6, nd6Secret, nd6SetIfinfo, nd6SetSecret } from '../src/index.ts';
import { cat, Lab, type LabOptions, lladdrOpt, naPacket, piOpt, PEER, PEER_LL, raPacket, SEC, type TestIf } from './lab.ts';

const DAY = 86400;
const PUBLIC = '2001:db8::ff:fe00:1';

interface World {
  readonly lab: Lab;
  readonly em: TestIf;
  ra(valid?: number, preferred?: number, prefix?: string): void;
  /** Temporary addresses: identifier, and seconds that are left of both lifetimes. */
  temps(): { addr: string; pltime: number; vltime: number; deprecated: boolean }[];
}

function world(options: LabOptions & { use?: boolean } = {}): World {
  const lab = new Lab(options);
  const em = lab.ether('02:00:00:00:00:01');
  const nd = ND6.get(lab.vnet);
  nd.useTempaddr = options.use ?? true;
  nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
  lab.host.advance(3 * SEC);
  const left = (us: number): number => Math.round((us - nd.nowUs()) / SEC);
  return {
    lab,
    em,
    ra: (valid = 30 * DAY, preferred = 7 * DAY, prefix = '2001:db8::') => {
      lab.in(em, raPacket({ src: PEER_LL, lifetime: 0, opts: cat(lladdrOpt(1, PEER), piOpt(prefix, { valid, preferred })) }));
      if ((options.dad ?? 0) > 0) lab.host.advance(2 * SEC);
    },
    temps: () =>
      em.ifp.addrs
        .filter((a) => a.af === AF_INET6 && (a.afflags & IN6_IFF_TEMPORARY) !== 0)
        .map((a) => ({ addr: `${a.addr}`, pltime: left(a.preferredUntilUs), vltime: left(a.validUntilUs), deprecated: (a.afflags & IN6_IFF_DEPRECATED) !== 0 })),
  };
}

describe('temporary addresses (RFC 8981)', () => {
  it('there are none unless they are asked for', () => {
    const w = world({ use: false });
    w.ra();
    expect(w.lab.addrs(w.em)).toEqual([`${PUBLIC}/64 autoconf`]);
    ND6.get(w.lab.vnet).useTempaddr = true;
    w.ra(); // with the next advertisement
    expect(w.temps().length).toBe(1);
  });

  it('one comes with the public address: random, of the lifetimes of its kind less a random part', () => {
    const seen = new Set<string>();
    for (const seed of [1, 2, 3]) {
      const w = world({ seed });
      w.ra();
      const [t, ...more] = w.temps();
      expect([more, t!.vltime]).toEqual([[], 7 * DAY]);
      expect(t!.pltime).toBeLessThanOrEqual(DAY);
      expect(t!.pltime).toBeGreaterThanOrEqual(DAY - 600);
      expect(t!.addr).not.toContain('ff:fe');
      seen.add(t!.addr.slice(10)).add(String(t!.pltime));
    }
    expect(seen.size).toBe(6);
  });

  it('never outlives its prefix, and is not made of one that will not do for long', () => {
    const w = world();
    w.ra(3600, 600);
    expect(w.temps()).toMatchObject([{ pltime: 600, vltime: 3600 }]);
    const short = world();
    short.ra(3600, 5);
    expect(short.temps()).toEqual([]);
  });

  it('advertisements prolong it up to the end of its kind, counted from the day it was made, and not beyond', () => {
    const w = world();
    w.ra(7200, 3600);
    expect(w.temps()).toMatchObject([{ pltime: 3600, vltime: 7200 }]);
    const made = w.temps()[0]!.addr;
    for (let t = 0; t < 23; t++) {
      w.lab.host.advance(3500 * SEC);
      w.ra(7200, 3600);
    }
    const t = w.temps().find((x) => x.addr === made)!;
    expect(t.pltime).toBeGreaterThan(0);
    expect(t.pltime + 23 * 3500).toBeLessThanOrEqual(DAY);
    expect(t.vltime).toBe(7200);
  });

  it('has a successor before it is deprecated, day by day; the old ones go after a week; never more than a few', () => {
    const w = world();
    const names = new Set<string>();
    let most = 0;
    for (let hour = 0; hour < 24 * 21; hour++) {
      if (hour % 12 === 0) w.ra();
      w.lab.host.advance(3600 * SEC);
      const all = w.temps();
      for (const t of all) names.add(t.addr);
      most = Math.max(most, all.length);
      expect(all.filter((t) => !t.deprecated).length).toBeGreaterThanOrEqual(1);
      expect(all.every((t) => t.vltime > 0 && t.vltime <= 7 * DAY)).toBe(true);
    }
    expect(names.size).toBeGreaterThanOrEqual(21);
    expect(names.size).toBeLessThanOrEqual(23);
    expect(most).toBeLessThanOrEqual(9);
    expect(w.lab.addrs(w.em)).toContain(`${PUBLIC}/64 autoconf`);
  });

  it('the successor is there in the last five seconds of the old one', () => {
    const w = world();
    w.ra();
    const { pltime } = w.temps()[0]!;
    w.lab.host.advance((pltime - 6) * SEC);
    expect(w.temps().length).toBe(1);
    w.lab.host.advance(2 * SEC);
    expect(w.temps().map((t) => t.deprecated)).toEqual([false, false]);
    w.lab.host.advance(5 * SEC);
    expect(w.temps().map((t) => t.deprecated)).toEqual([true, false]);
  });

  it('a prefix has at most sixteen of them, whatever the lifetimes are set to', () => {
    const w = world();
    const nd = ND6.get(w.lab.vnet);
    nd.temppltime = 600;
    for (let n = 0; n < 60; n++) {
      w.ra();
      w.lab.host.advance(600 * SEC);
      expect(w.temps().length).toBeLessThanOrEqual(16);
    }
    expect(w.temps().length).toBe(16);
    expect(nd.stat.addr_temporary).toBeGreaterThan(50);
  });

  it('turned off, those that are there live on and have no successor', () => {
    const w = world();
    w.ra();
    ND6.get(w.lab.vnet).useTempaddr = false;
    w.ra();
    w.lab.host.advance(2 * DAY * SEC);
    expect(w.temps().map((t) => t.deprecated)).toEqual([true]);
    w.lab.host.advance(6 * DAY * SEC);
    expect(w.temps()).toEqual([]);
  });

  it('one that is taken is replaced, three times in a row, then given up; public and other prefixes are left alone', () => {
    const w = world({ dad: 1 });
    const tried = new Set<string>();
    w.lab.in(w.em, raPacket({ src: PEER_LL, lifetime: 0, opts: cat(lladdrOpt(1, PEER), piOpt('2001:db8::', { valid: 30 * DAY, preferred: 7 * DAY })) }));
    for (let n = 0; n < 5; n++) {
      w.lab.host.advance(0.1 * SEC);
      for (const t of w.temps()) {
        tried.add(t.addr);
        w.lab.in(w.em, naPacket(t.addr, 'ff02::1', 0x20));
      }
    }
    w.lab.host.advance(3 * SEC);
    expect([tried.size, w.temps()]).toEqual([3, []]);
    expect(w.lab.logs('all that were tried are taken')).toBe(1);
    w.ra();
    expect(w.temps()).toEqual([]);
    w.ra(30 * DAY, 7 * DAY, '2001:db8:0:1::');
    expect(w.temps().map((t) => t.addr.startsWith('2001:db8:0:1:'))).toEqual([true]);
    expect(w.lab.addrs(w.em)).toContain(`${PUBLIC}/64 autoconf`);
  });

  it('one that an administrator takes away is made anew with the next advertisement, none for an address configured by hand', () => {
    const w = world();
    w.ra();
    ifDelAddr(w.em.ifp, parseInAddr(w.temps()[0]!.addr)!, AF_INET6);
    expect(w.temps()).toEqual([]);
    w.ra();
    expect(w.temps().length).toBe(1);
    const own = world();
    own.lab.addr(own.em.ifp, `${PUBLIC}/64`);
    own.ra();
    expect(own.temps()).toEqual([]);
  });

  it('a forged advertisement shortens none below what the two-hour rule leaves', () => {
    const w = world();
    w.ra();
    w.ra(1, 1);
    expect(w.temps()[0]!.vltime).toBe(7200);
  });

  it('the tunables bound each other', () => {
    const { lab } = world();
    const set = (name: string, value: number): number => lab.kernel.sysctl.sysctlSet(`net.inet6.ip6.${name}`, value, credSysctlReq(crget(lab.vnet, 0))).errno;
    expect([set('use_tempaddr', 1), set('temppltime', 599), set('temppltime', 604801), set('tempvltime', 86399)]).toEqual([0, 22, 22, 22]);
    expect([set('temppltime', 3600), set('tempvltime', 3600)]).toEqual([0, 0]);
  });

  it('whatever routers say, lifetimes stay within those of the prefix and of the kind', () => {
    const step = fc.record({ valid: fc.integer({ min: 0, max: 10 * DAY }), preferred: fc.integer({ min: 0, max: 10 * DAY }), wait: fc.integer({ min: 0, max: DAY }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const w = world();
        const born = new Map<string, number>();
        for (const { valid, preferred, wait } of steps) {
          w.ra(valid, preferred);
          const now = ND6.get(w.lab.vnet).nowUs() / SEC;
          const pub = findAddr(w.em.ifp, parseInAddr(PUBLIC)!);
          for (const t of w.temps()) {
            if (!born.has(t.addr)) born.set(t.addr, now);
            const age = now - born.get(t.addr)!;
            expect(t.vltime).toBeLessThanOrEqual(Math.ceil(7 * DAY - age) + 1);
            expect(t.pltime).toBeLessThanOrEqual(Math.ceil(DAY - Math.min(age, DAY)) + 1);
            if (pub !== null) expect(t.vltime * SEC).toBeLessThanOrEqual(pub.validUntilUs - ND6.get(w.lab.vnet).nowUs() + SEC);
          }
          expect(w.temps().length).toBeLessThanOrEqual(16);
          w.lab.host.advance(wait * SEC);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('the secret of stable identifiers (RFC 7217)', () => {
  it('is read and given, at least sixteen bytes, and is nobody else\u2019s array', () => {
    const lab = new Lab();
    const drawn = nd6Secret(lab.vnet);
    expect(drawn.length).toBe(32);
    drawn.fill(0);
    expect(nd6Secret(lab.vnet)).not.toEqual(drawn);
    expect(nd6SetSecret(lab.vnet, new Uint8Array(15))).toBe(22);
    const mine = new Uint8Array(16).fill(7);
    expect(nd6SetSecret(lab.vnet, mine)).toBe(0);
    mine.fill(9);
    expect(nd6Secret(lab.vnet)).toEqual(new Uint8Array(16).fill(7));
    expect(() => nd6({ secret: new Uint8Array(15) })).toThrow(RangeError);
  });
});
