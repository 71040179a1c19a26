import { ARP } from '@ns/arp';
import { IFCOUNTER_IERRORS, IFCOUNTER_NOPROTO } from '@ns/ifnet-kpi';
import { INET } from '@ns/inpcb';
import { SeededRandom } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { cksumAddView, cksumFold } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { arpFrame, BCAST_MAC, bytes, etherFrame, icmpMessage, ipPacket, Lab, type TestIf } from './lab.ts';

const FRAMES = 40000;

/** Well-formed frames of all kinds, to be spoilt. */
function corpus(em: TestIf): Uint8Array[] {
  const peer = Uint8Array.of(2, 0, 0, 0, 0, 2);
  const base = { src: '10.0.0.2', dst: '10.0.0.1' };
  const quoted = ipPacket({ src: '10.0.0.1', dst: '192.0.2.1', proto: 17, payload: bytes(8) });
  const packets = [
    ipPacket({ ...base, proto: 17, payload: bytes(64) }),
    ipPacket({ ...base, proto: 1, payload: icmpMessage(8, 0, 1, bytes(56)) }),
    ipPacket({ ...base, proto: 1, payload: icmpMessage(3, 4, 1400, quoted) }),
    ipPacket({ ...base, proto: 1, payload: icmpMessage(5, 1, 0x0a0000fd, quoted) }),
    ipPacket({ ...base, proto: 1, payload: icmpMessage(13, 0, 1, bytes(12)) }),
    ipPacket({ ...base, proto: 1, payload: icmpMessage(11, 0, 0, quoted) }),
    ipPacket({ ...base, proto: 253, off: 0x2000, payload: bytes(64) }),
    ipPacket({ ...base, proto: 253, off: 8, payload: bytes(61) }),
    ipPacket({ ...base, dst: '10.0.1.2', payload: bytes(40) }),
    ipPacket({ ...base, dst: '192.0.2.1', ttl: 1, payload: bytes(40) }),
    ipPacket({ ...base, dst: '224.0.0.1', payload: bytes(10) }),
    ipPacket({ ...base, options: Uint8Array.of(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0), payload: bytes(40) }),
    ipPacket({ ...base, options: Uint8Array.of(131, 7, 4, 10, 0, 1, 2, 1, 68, 8, 5, 0, 0, 0, 0, 0), payload: bytes(40) }),
  ];
  return [
    ...packets.map((p) => etherFrame(em.mac, peer, 0x0800, p)),
    etherFrame(BCAST_MAC, peer, 0x0800, packets[0]!),
    etherFrame(em.mac, peer, 0x8100, Uint8Array.of(0xe0, 0, 8, 0, ...packets[1]!)),
    arpFrame(1, '02:00:00:00:00:02', '10.0.0.2', em.mac, '10.0.0.1'),
    arpFrame(2, '02:00:00:00:00:02', '10.0.0.2', em.mac, '10.0.0.1'),
    etherFrame(em.mac, peer, 0x86dd, bytes(60)),
  ];
}

/** A copy of `f` with something wrong with it; half the time the IP checksum is made right again, so that the rest is reached. */
function mutate(f: Uint8Array, rng: SeededRandom): Uint8Array {
  const r = (n: number): number => (rng.u32() >>> 0) % n;
  let out = f.slice();
  for (let k = r(4); k > 0; k--) {
    if (out.length === 0) break;
    switch (r(5)) {
      case 0:
        out[r(out.length)] = r(256);
        break;
      case 1:
        out[14 + r(Math.max(1, Math.min(40, out.length - 14)))] = [0, 1, 0x7f, 0x80, 0xff][r(5)]!;
        break;
      case 2:
        out = out.slice(0, r(out.length + 1));
        break;
      case 3:
        out = Uint8Array.of(...out, ...bytes(r(40)));
        break;
      default:
        out[r(out.length)]! ^= 1 << r(8);
    }
  }
  if (out.length >= 34 && out[12] === 8 && out[13] === 0 && r(2) === 0) {
    const hlen = Math.min((out[14]! & 15) << 2, out.length - 14);
    if (hlen >= 20) {
      const dv = new DataView(out.buffer, out.byteOffset);
      dv.setUint16(24, 0);
      dv.setUint16(24, cksumFold(cksumAddView(dv, 14, hlen, 0)));
    }
  }
  return out;
}

describe('mutated frames into etherInput', () => {
  it.each([1, 2, 3])('seed %i: nothing throws, everything is counted, no mbuf is lost', (seed) => {
    const lab = new Lab({ seed });
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const out = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24');
    lab.dropFrames(em);
    lab.dropFrames(out);
    lab.route('default', '10.0.0.254');
    lab.ip.forwarding = seed !== 2;
    lab.ip.dosourceroute = seed === 3;
    lab.ip.acceptsourceroute = seed === 3;
    INET.get(lab.vnet).registerProto({ proto: 17, name: 'udp', input: (m, pkt) => INET.get(lab.vnet).af(2)!.unreach(m, pkt, 3), ctlinput: () => {} });
    INET.get(lab.vnet).raw = { proto: 255, name: 'raw', input: (m) => mFreem(m) };
    const rng = new SeededRandom(seed);
    const all = corpus(em);
    const n = FRAMES / 3;
    for (let i = 0; i < n; i++) {
      const f = mutate(all[(rng.u32() >>> 0) % all.length]!, rng);
      const m = lab.kernel.mbufs.fromBytes(f, 64)!;
      // In pieces now and then, as a ring of small buffers would hand it up.
      if (f.length > 40 && (i & 7) === 0) {
        const cut = 1 + ((rng.u32() >>> 0) % (f.length - 1));
        const tail = lab.kernel.mbufs.fromBytes(f.subarray(cut), 0)!;
        tail.flags = 0;
        m.len = cut;
        m.next = tail;
      }
      lab.kpi.ifInput(em.ifp.handle, m);
      if ((i & 63) === 0) {
        lab.host.settle();
        lab.host.advance(5000);
      }
    }
    lab.host.settle();
    lab.host.advance(2000 * 1e6);
    expect(lab.outstanding).toBe(0);
    const s = lab.ip.stat;
    const a = ARP.get(lab.vnet).stat;
    const dropped = s.badsum + s.badvers + s.badhlen + s.badlen + s.tooshort + s.toosmall + s.badaddr + s.notmember + s.noproto + s.badoptions;
    expect(dropped).toBeGreaterThan(n / 50);
    expect(s.total).toBeGreaterThan(n / 3);
    expect(a.received + a.invalid).toBeGreaterThan(n / 50);
    expect(em.ifp.counters[IFCOUNTER_IERRORS]! + em.ifp.counters[IFCOUNTER_NOPROTO]!).toBeGreaterThan(n / 100);
    expect(lab.ip.reass.curfrags).toBe(0);
    expect(lab.ip.depth).toBe(0);
  });
});
