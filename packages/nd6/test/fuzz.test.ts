/* Whatever the bytes of a message of neighbour discovery are: nothing throws, nothing is lost, tables stay within bounds, and time goes on. */
import { SeededRandom } from '@ns/kern';
import { ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { describe, expect, it } from 'vitest';
import { nd6Defrouters, nd6Dns, nd6Prefixes, nd6SetIfinfo, ndpSnapshot } from '../src/index.ts';
import { seal } from '../../ip6/test/lab.ts';
import { cat, Lab, lladdrOpt, naPacket, nsPacket, PEER, piOpt, raPacket, redirectPacket, rsPacket, SEC, type TestIf } from './lab.ts';

const SEED = Number(process.env['NS_SEED'] ?? 4861);

function corpus(r: SeededRandom): Uint8Array {
  const host = (r.u32() & 31).toString(16);
  const src = `fe80::${host}`;
  const pi = piOpt(`2001:db8:${(r.u32() & 255).toString(16)}::`, { valid: r.u32() >>> 0, preferred: r.u32() >>> 0, flags: r.u32() & 0xff });
  switch ((r.u32() >>> 0) % 8) {
    case 0:
      return nsPacket('2001:db8::1', { src });
    case 1:
      return nsPacket('2001:db8::1', { src: '::', opts: Uint8Array.of(14, 1, 1, 2, 3, 4, 5, 6) });
    case 2:
      return naPacket(`2001:db8::${host}`, '2001:db8::1', r.u32() & 0xe0, { src });
    case 3:
      return rsPacket({ src });
    case 4:
      return redirectPacket(`fe80::${host}`, '2001:db8:5::5', '2001:db8::1', { src: 'fe80::2' });
    case 5:
      return raPacket({ src, lifetime: r.u32() & 0xffff, opts: cat(lladdrOpt(1, PEER), pi, pi), reachable: r.u32() >>> 0, retrans: r.u32() >>> 0, curhlim: r.u32() & 0xff, flags: r.u32() & 0xff });
    case 6:
      return raPacket({ src, opts: cat(Uint8Array.of(25, 3, 0, 0, 0, 0, 1, 0), addr(r), Uint8Array.of(31, 2, 0, 0, 0, 0, 1, 0, 3, 97, 98, 99, 0, 0, 0, 0)) });
    default:
      return raPacket({ src, opts: Uint8Array.of(5, 1, 0, 0, 0, 0, 5, 220) });
  }
}

function addr(r: SeededRandom): Uint8Array {
  const a = new Uint8Array(16);
  r.fill(a);
  return a;
}

/** Changes some bytes behind the fixed header, or the length, and puts the checksum right, so that it is looked at. */
function mutate(r: SeededRandom, p0: Uint8Array): Uint8Array {
  let p: Uint8Array = p0.slice();
  for (let n = (r.u32() >>> 0) % 4; n > 0; n--) p[41 + ((r.u32() >>> 0) % (p.length - 41))] = r.u32() & 0xff;
  if ((r.u32() & 7) === 0) p = p.slice(0, 48 + ((r.u32() >>> 0) % (p.length - 47)));
  if ((r.u32() & 7) === 0) p = cat(p, addr(r));
  new DataView(p.buffer).setUint16(4, p.length - 40);
  return seal(p, 58, 40, 2);
}

function bounded(lab: Lab, em: TestIf): void {
  expect(nd6Prefixes(lab.vnet).length).toBeLessThanOrEqual(16);
  expect(nd6Defrouters(lab.vnet).length).toBeLessThanOrEqual(16);
  expect(nd6Dns(lab.vnet).length).toBeLessThanOrEqual(16);
  expect(ndpSnapshot(lab.vnet).length).toBeLessThanOrEqual(lab.nd.maxentries);
  expect(em.ifp.addrs.length).toBeLessThanOrEqual(2 + 16);
}

describe('fuzz', () => {
  it.each([false, true])('20000 messages, forwarding %s', (forwarding) => {
    const r = new SeededRandom(SEED);
    const lab = new Lab({ seed: SEED, dad: 1, stable: true });
    lab.nd.maxentries = 64;
    lab.nd.maxLogPerSecond = 1;
    const em = lab.ether('02:00:00:00:00:01', '2001:db8::1/64');
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
    lab.ip6.forwarding = forwarding;
    em.port.hub = { send: () => undefined } as never;
    for (let i = 0; i < 20000; i++) {
      lab.in(em, mutate(r, corpus(r)));
      if (i % 50 === 0) {
        lab.host.advance((r.u32() >>> 0) % (2 * SEC));
        bounded(lab, em);
      }
      if (i % 97 === 0) lab.send(em, `2001:db8::${(r.u32() & 255).toString(16)}`);
    }
    bounded(lab, em);
    lab.kpi.ifDetach(em.ifp.handle);
    lab.host.advance(10 * SEC);
    expect(lab.outstanding).toBe(0);
    expect(nd6Prefixes(lab.vnet)).toEqual([]);
    expect(lab.kernel.callouts.nextDeadlineUs()).toBeGreaterThanOrEqual(-1);
  });
});
