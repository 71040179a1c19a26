import { SeededRandom } from '@ns/kern';
import { M_PKTHDR, type Mbuf, mFreem } from '@ns/mbuf';
import { PFIL, pfilRun } from '@ns/pfil';
import { PFIL_IN, PFIL_OUT } from '@ns/pfil-kpi';
import { AF_INET, AF_INET6, cksumAddView, cksumFold } from '@ns/wire';
import { IP } from '@ns/ip';
import { IP6 } from '@ns/ip6';
import { describe, expect, it } from 'vitest';
import { PfPacket } from '../src/packet.ts';
import { Net } from './lab.ts';

const SEED = Number(process.env['NS_SEED'] ?? 41);
const below = (r: SeededRandom, n: number): number => (r.u32() >>> 0) % n;

/** A packet of few addresses and ports, so that flows meet, and then a few bytes of it spoiled, or its end cut off. */
function hostile(r: SeededRandom, six: boolean): Uint8Array {
  const hdr = six ? 40 : 20;
  const protos = six ? [6, 17, 58, 44, 0, 43, 60, 59, 50] : [6, 17, 1, 2, 47, 1, 6];
  const b = new Uint8Array(hdr + below(r, 120));
  r.fill(b);
  const dv = new DataView(b.buffer);
  const proto = protos[below(r, protos.length)]!;
  if (six) {
    dv.setInt32(0, 0x60000000);
    dv.setUint16(4, b.length - 40);
    b[6] = proto;
    for (const o of [8, 24]) {
      b.fill(0, o, o + 16);
      b[o] = 0xfd;
      b[o + 15] = 1 + below(r, 2);
    }
    if (proto === 44 && b.length > 50) b[40] = below(r, 2) === 0 ? 17 : 6;
  } else {
    dv.setInt32(0, 0x45000000 | b.length);
    dv.setUint16(6, below(r, 4) === 0 ? [0x2000, 0x0001, 0x2001, 0x4000][below(r, 4)]! : 0);
    b[8] = 64;
    b[9] = proto;
    dv.setInt32(12, 0x0a000001 + below(r, 2));
    dv.setInt32(16, 0x0a000001 + below(r, 2));
    dv.setUint16(10, 0);
    dv.setUint16(10, cksumFold(cksumAddView(dv, 0, 20, 0)));
  }
  if (b.length > hdr + 4) {
    dv.setUint16(hdr, 80 + below(r, 3));
    dv.setUint16(hdr + 2, 80 + below(r, 3));
  }
  return b;
}

describe('hostile packets', () => {
  it.each([false, true])(`in any order, from the wire: nothing throws, leaks or grows; IPv6 %s, seed ${SEED}`, (six) => {
    const net = new Net(SEED);
    const [server, client] = [net.jail('server', 'tcp:80,udp:81,icmp,icmp6'), net.jail('client')];
    net.link(server, client);
    server.sysctl('net.pf_state.limit', 50);
    const head = six ? IP6.get(server.vnet).pfil : IP.get(server.vnet).pfil;
    const before = net.kernel.mbufs.outstanding;
    for (let i = 0; i < 4000; i++) {
      const b = hostile(net.random, six);
      const lead = below(net.random, 64);
      let m = net.kernel.mbufs.fromBytes(b, lead) as Mbuf;
      if (below(net.random, 3) === 0 && b.length > 60) {
        // The header is contiguous, the rest may be elsewhere.
        mFreem(m);
        const cut = (six ? 40 : 20) + below(net.random, 20);
        m = net.kernel.mbufs.fromBytes(b.subarray(0, cut), lead) as Mbuf;
        const rest = net.kernel.mbufs.fromBytes(b.subarray(cut), 0) as Mbuf;
        m.next = rest;
        rest.flags &= ~M_PKTHDR;
        m.pktlen = b.length;
      }
      const out = pfilRun(head, m, server.interface('lo0').handle, below(net.random, 2) === 0 ? PFIL_IN : PFIL_OUT);
      if (out !== null) mFreem(out);
      if (i % 500 === 0) net.run(5);
      expect(server.sysctl('net.pf_state.states')).toBeLessThanOrEqual(50);
    }
    const s = net.stat(server);
    expect([s.inserts > 20, s.blocked > 100, s.short > 20, s.state_mismatch, net.kernel.mbufs.outstanding - before]).toEqual([true, true, true, 0, 0]);
    net.run(90000);
    expect(server.sysctl('net.pf_state.states')).toBe(0);
    expect(s.inserts - net.stat(server).removals).toBeLessThanOrEqual(0);
    expect(PFIL.get(server.vnet).snapshot().hooks.length).toBe(2);
    expect(net.finish()).toEqual([]);
  });

  it(`any bytes: the reader stays within them, seed ${SEED}`, () => {
    const r = new SeededRandom(SEED);
    const p = new PfPacket(new PfPacket(null));
    let read = 0;
    for (let i = 0; i < 20000; i++) {
      const b = new Uint8Array(below(r, 200));
      r.fill(b);
      if (b.length > 9) {
        b[0] = i % 2 === 0 ? 0x45 : 0x60;
        b[i % 2 === 0 ? 9 : 6] = [6, 17, 1, 58, 0, 44][below(r, 6)]!;
      }
      // A DataView that ends where the packet ends: reading on would throw.
      if (p.parse(new DataView(b.buffer), 0, b.length, i % 2 === 0 ? AF_INET : AF_INET6)) read++;
    }
    expect(read).toBeGreaterThan(1000);
  });
});
