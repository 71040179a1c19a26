import { ifBpf, IFNET_LINK_EVENT, ifunit } from '@ns/ifnet';
import {
  IFCAP_LINKSTATE,
  IFCAP_LRO,
  IFCAP_RXCSUM,
  IFCAP_TSO4,
  IFCAP_TXCSUM,
  IFCOUNTER_IBYTES,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_OBYTES,
  IFCOUNTER_OMCASTS,
  IFCOUNTER_OPACKETS,
  IFT_ETHER,
  LINK_STATE_DOWN,
  LINK_STATE_UP,
  SIOCSIFMTU,
  SIOCSIFVNET,
} from '@ns/ifnet-kpi';
import { BpfD } from '@ns/bpf';
import { CSUM_IP, CSUM_IP_TCP, CSUM_IP_TSO, CSUM_L4_VALID, M_MCAST, type Mbuf, mCat, mCopypacket, mFixhdr, mFreem, mToBytes } from '@ns/mbuf';
import { SeededRandom } from '@ns/kern';
import { JAIL_CREATE, JAILS } from '@ns/vnet';
import type { SuiteRunner } from './api.ts';
import { DriverRig, type IfnetDriverUnderTest } from './driver-rig.ts';
import { payloadOf, sumsRight, tcpPacket } from './frames.ts';

const SEED = 42;

/** Pseudo-random bytes, always the same. */
function payload(n: number, at = 0): Uint8Array {
  const b = new Uint8Array(at + n);
  new SeededRandom(SEED).fill(b);
  return b.slice(at);
}

const same = (x: Uint8Array | undefined, y: Uint8Array): boolean => x !== undefined && x.length === y.length && x.every((b, i) => b === y[i]);

/**
 * What every driver of this stack must do, as a suite: who owns an mbuf when, what is counted, link state, detaching with frames under way, MTU, offloads on and off, bpf, moves between
 * vnets, unloading. Each test boots a kernel of its own in virtual time.
 *
 * ```ts
 * import { ifnetDriverSuite } from '@ns/testkit';
 * import { describe, expect, it } from 'vitest';
 *
 * ifnetDriverSuite({ describe, it, expect }, 'drv-mine', { mod: mine, make: (kernel, vnet) => makePair(kernel, vnet) });
 * ```
 * @public
 */
export function ifnetDriverSuite(t: SuiteRunner, name: string, dut: IfnetDriverUnderTest): void {
  t.describe(`${name}: ifnet driver conformance`, () => {
    ownership(t, dut);
    identity(t, dut);
    offloads(t, dut);
    control(t, dut);
    ending(t, dut);
  });
}

/** Frames of all sizes from a to b: packets with a payload of that size. */
function frame(rig: DriverRig, n: number, at = 0): Uint8Array {
  return tcpPacket(payload(n, at), rig.ends, false);
}

function identity(t: SuiteRunner, dut: IfnetDriverUnderTest): void {
  t.it('attaches interfaces that are what they say', () => {
    const r = new DriverRig(dut, false);
    for (const ifp of [r.a, r.b]) {
      t.expect(r.kpi.ifIsAttached(ifp)).toBe(true);
      t.expect(r.kpi.ifGetIndex(ifp)).toBeGreaterThan(0);
      t.expect(r.kpi.ifGetVnet(ifp)).toBe(r.vnet);
      t.expect(r.kpi.ifGetCapenable(ifp) & ~r.kpi.ifGetCapabilities(ifp)).toBe(0);
      t.expect(r.kpi.ifGetMtu(ifp)).toBeGreaterThan(67);
      t.expect(Object.isFrozen(r.ifnet(ifp).drv)).toBe(true);
      if (r.kpi.ifGetType(ifp) === IFT_ETHER) {
        const lla = r.kpi.ifGetLladdr(ifp);
        t.expect(lla?.length).toBe(6);
        t.expect((lla?.[0] ?? 1) & 1, 'a group address').toBe(0);
      }
    }
    if (r.a !== r.b && r.linkhdr > 0) t.expect(same(r.kpi.ifGetLladdr(r.a) ?? undefined, r.kpi.ifGetLladdr(r.b) ?? new Uint8Array(0))).toBe(false);
  });

  t.it('counts packets, bytes and multicasts once, at both ends', () => {
    const r = new DriverRig(dut);
    const ids = [IFCOUNTER_OPACKETS, IFCOUNTER_OBYTES, IFCOUNTER_OMCASTS] as const;
    const before = ids.map((id) => r.kpi.ifGetCounter(r.a, id));
    const [p0, b0] = [r.kpi.ifGetCounter(r.b, IFCOUNTER_IPACKETS), r.kpi.ifGetCounter(r.b, IFCOUNTER_IBYTES)];
    const f = frame(r, 100);
    for (let i = 0; i < 5; i++) {
      const m = r.mbuf(f);
      if (i === 0) m.flags |= M_MCAST;
      r.kpi.ifTransmit(r.a, m);
    }
    r.run();
    t.expect(ids.map((id, i) => r.kpi.ifGetCounter(r.a, id) - (before[i] as number))).toEqual([5, 5 * f.length, 1]);
    t.expect([r.kpi.ifGetCounter(r.b, IFCOUNTER_IPACKETS) - p0, r.kpi.ifGetCounter(r.b, IFCOUNTER_IBYTES) - b0]).toEqual([5, 5 * f.length]);
  });

  if (dut.without?.includes('bpf') === true) return;
  t.it('shows each frame to bpf once at each end', () => {
    const r = new DriverRig(dut);
    const taps = [r.a, r.b].map((ifp) => {
      const d = new BpfD({ snaplen: 65535 });
      d.attach(ifBpf(r.ifnet(ifp)));
      return d;
    });
    const f = frame(r, 300);
    for (let i = 0; i < 3; i++) r.send(f);
    r.run();
    for (const d of taps) {
      const seen: boolean[] = [];
      d.read((rec) => seen.push(same(rec.buf.slice(rec.off, rec.off + rec.caplen), f)));
      t.expect(seen).toEqual([true, true, true]);
      d.close();
    }
  });
}

function ownership(t: SuiteRunner, dut: IfnetDriverUnderTest): void {
  t.it('delivers frames of every size once, in order, byte for byte, and keeps nothing', () => {
    const r = new DriverRig(dut);
    const out = r.kernel.mbufs.outstanding;
    const sizes = [1, 2, 63, 64, 65, 127, 128, 129, 500, 1000, Math.min(r.kpi.ifGetMtu(r.a), 1500) - 40];
    const sent = sizes.map((n, i) => frame(r, n, i * 7));
    for (const f of sent) t.expect(r.send(f)).toBe(0);
    r.run();
    t.expect(r.came.length).toBe(sent.length);
    sent.forEach((f, i) => t.expect(same(r.came[i]?.bytes, f), `frame of ${f.length} bytes`).toBe(true));
    t.expect(r.came.every((c) => c.rcvif === r.b)).toBe(true);
    t.expect(r.kernel.mbufs.outstanding).toBe(out);
  });

  t.it('takes chains of any shape', () => {
    const r = new DriverRig(dut);
    const f = frame(r, 900);
    for (const cuts of [[1], [14, 34], [20, 40, 60, 61, 500], [f.length - 1]]) {
      let m: Mbuf | null = null;
      let from = 0;
      for (const to of [...cuts, f.length]) {
        const piece = r.mbuf(f.subarray(from, to));
        if (m === null) m = piece;
        else mCat(m, piece);
        from = to;
      }
      if (m === null) throw new Error('nothing to send');
      mFixhdr(m);
      r.kpi.ifTransmit(r.a, m);
    }
    r.run();
    t.expect(r.came.map((c) => same(c.bytes, f))).toEqual([true, true, true, true]);
  });

  t.it('does not write into storage that the sender shares', () => {
    const r = new DriverRig(dut);
    const f = tcpPacket(payload(1000), r.ends, true);
    const kept = r.mbuf(f);
    for (let i = 0; i < 3; i++) {
      const m = mCopypacket(kept);
      if (m === null) throw new Error('no mbufs');
      if ((r.kpi.ifGetCapenable(r.a) & IFCAP_TXCSUM) !== 0) {
        m.csumFlags = CSUM_IP | CSUM_IP_TCP;
        m.csumData = 16;
      }
      r.kpi.ifTransmit(r.a, m);
      r.caps(r.b, 0, IFCAP_RXCSUM);
    }
    r.run();
    t.expect(r.came.length).toBe(3);
    t.expect(same(mToBytes(kept), f)).toBe(true);
    mFreem(kept);
  });

  t.it('consumes what it is given when either end is down, and delivers none of it', () => {
    for (const which of ['a', 'b'] as const) {
      const r = new DriverRig(dut);
      const out = r.kernel.mbufs.outstanding;
      r.up(r[which], false);
      r.run();
      for (let i = 0; i < 10; i++) r.send(frame(r, 200));
      r.run();
      t.expect([r.came.length, r.kernel.mbufs.outstanding], `${which} down`).toEqual([0, out]);
      r.up(r[which], true);
      r.run();
      r.send(frame(r, 200));
      r.run();
      t.expect(r.came.length, `${which} up again`).toBe(1);
    }
  });

  t.it('bears ten thousand frames at once: delivered or counted as dropped, none kept', () => {
    const r = new DriverRig(dut);
    const out = r.kernel.mbufs.outstanding;
    const f = frame(r, 60);
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      const m = r.kernel.mbufs.fromBytes(f, 64);
      if (m === null) break;
      if (r.kpi.ifTransmit(r.a, m) !== 0) refused++;
    }
    r.run();
    t.expect(r.came.length).toBeGreaterThan(100);
    t.expect(r.came.length + refused).toBeLessThanOrEqual(10_000);
    t.expect(r.kernel.mbufs.outstanding).toBe(out);
    r.came.length = 0;
    r.send(f);
    r.run();
    t.expect(r.came.length, 'afterwards').toBe(1);
  });
}

function offloads(t: SuiteRunner, dut: IfnetDriverUnderTest): void {
  t.it('switches each capability that it has on and off; hwassist follows', () => {
    const r = new DriverRig(dut);
    const caps = r.kpi.ifGetCapabilities(r.a);
    for (const bit of [IFCAP_TXCSUM, IFCAP_RXCSUM, IFCAP_TSO4, IFCAP_LRO]) {
      if ((caps & bit) === 0) continue;
      const needs = bit === IFCAP_TSO4 ? bit | IFCAP_TXCSUM : bit;
      t.expect(r.caps(r.a, needs, 0)).toBe(0);
      t.expect(r.kpi.ifGetCapenable(r.a) & needs, `on: ${bit}`).toBe(needs);
      t.expect(r.caps(r.a, 0, bit)).toBe(0);
      t.expect(r.kpi.ifGetCapenable(r.a) & bit, `off: ${bit}`).toBe(0);
    }
    r.caps(r.a, 0, IFCAP_TXCSUM);
    t.expect(r.kpi.ifGetHwassist(r.a) & (CSUM_IP | CSUM_IP_TCP)).toBe(0);
    t.expect(r.kpi.ifGetCapenable(r.a) & IFCAP_TSO4, 'TSO without checksums').toBe(0);
  });

  t.it('undone checksums are done on the way, or vouched for, as the receiver wants', () => {
    for (const rx of [true, false]) {
      const r = new DriverRig(dut);
      if ((r.kpi.ifGetCapabilities(r.a) & IFCAP_TXCSUM) === 0) return;
      r.caps(r.a, IFCAP_TXCSUM, 0);
      r.caps(r.b, rx ? IFCAP_RXCSUM : 0, rx ? 0 : IFCAP_RXCSUM);
      // An interface that is both ends may have taken the sender's ability away with the receiver's.
      if ((r.kpi.ifGetHwassist(r.a) & CSUM_IP_TCP) === 0) continue;
      for (const n of [0, 1, 100, 1001]) {
        const m = r.mbuf(tcpPacket(payload(n), r.ends, true));
        m.csumFlags = CSUM_IP | CSUM_IP_TCP;
        m.csumData = 16;
        r.kpi.ifTransmit(r.a, m);
      }
      r.run();
      t.expect(r.came.length).toBe(4);
      for (const c of r.came) {
        const vouched = (c.csumFlags & CSUM_L4_VALID) !== 0;
        if (!rx) t.expect(vouched).toBe(false);
        t.expect(vouched || sumsRight(c.bytes, r.linkhdr), `${c.bytes.length} bytes, RXCSUM ${rx}`).toBe(true);
      }
    }
  });

  t.it('a super-segment is cut to the size that it asks for unless the receiver takes it whole', () => {
    for (const lro of [true, false]) {
      const r = new DriverRig(dut);
      if ((r.kpi.ifGetCapabilities(r.a) & IFCAP_TSO4) === 0) return;
      r.caps(r.a, IFCAP_TXCSUM | IFCAP_TSO4, 0);
      r.caps(r.b, lro ? IFCAP_LRO | IFCAP_RXCSUM : 0, lro ? 0 : IFCAP_LRO | IFCAP_RXCSUM);
      const data = payload(20_001);
      const m = r.mbuf(tcpPacket(data, r.ends, true));
      m.csumFlags = CSUM_IP | CSUM_IP_TCP | CSUM_IP_TSO;
      m.csumData = 16;
      m.tsoSegsz = 1000;
      r.kpi.ifTransmit(r.a, m);
      r.run();
      if (!lro) {
        t.expect(r.came.length).toBe(21);
        t.expect(r.came.every((c) => sumsRight(c.bytes, r.linkhdr))).toBe(true);
      }
      const got = r.came.flatMap((c) => [...payloadOf(c.bytes, r.linkhdr)]);
      t.expect(same(Uint8Array.from(got), data)).toBe(true);
    }
  });
}

function control(t: SuiteRunner, dut: IfnetDriverUnderTest): void {
  t.it('takes another MTU and carries frames of that size, or refuses it', () => {
    for (const mtu of [576, 1280, 1500, 4000]) {
      const r = new DriverRig(dut);
      const before = r.kpi.ifGetMtu(r.a);
      const ok = [r.a, r.b].map((ifp) => r.ioctl(ifp, { cmd: SIOCSIFMTU, name: r.kpi.ifName(ifp), mtu })).every((e) => e === 0);
      t.expect(r.kpi.ifGetMtu(r.a)).toBe(ok ? mtu : before);
      if (!ok) continue;
      const f = frame(r, mtu - 40);
      r.send(f);
      r.run();
      t.expect(same(r.came[0]?.bytes, f), `MTU ${mtu}`).toBe(true);
    }
  });

  if (dut.without?.includes('linkstate') !== true) {
    t.it('has a link when both ends are up, and says so once', () => {
      const r = new DriverRig(dut);
      if ((r.kpi.ifGetCapabilities(r.a) & IFCAP_LINKSTATE) === 0) return;
      const told: number[] = [];
      const a = r.ifnet(r.a);
      r.kernel.events.register(IFNET_LINK_EVENT, (ifp, state) => {
        if (ifp === a) told.push(state);
      });
      t.expect(r.kpi.ifGetLinkState(r.a)).toBe(LINK_STATE_UP);
      r.up(r.b, false);
      r.run();
      t.expect(r.kpi.ifGetLinkState(r.a)).toBe(LINK_STATE_DOWN);
      r.up(r.b, true);
      r.run();
      t.expect(told).toEqual([LINK_STATE_DOWN, LINK_STATE_UP]);
    });
  }

  if (dut.without?.includes('move') === true) return;
  t.it('moves to the vnet of a jail, works there, and goes home when the jail ends', () => {
    const r = new DriverRig(dut);
    const jails = r.kernel.service(JAILS);
    const j = jails.jailSet({ name: 'j', vnet: 'new', persist: true }, JAIL_CREATE);
    if (j.jail === null) throw new Error(j.message);
    const name = r.kpi.ifName(r.b);
    for (let i = 0; i < 5; i++) r.send(frame(r, 100));
    t.expect(r.ioctl(r.b, { cmd: SIOCSIFVNET, name, jid: j.jail.jid })).toBe(0);
    t.expect(r.kpi.ifGetVnet(r.b)).toBe(j.jail.vnet);
    t.expect(ifunit(r.vnet, name)).toBe(null);
    r.run();
    r.came.length = 0;
    r.up(r.b, true);
    r.run();
    const f = frame(r, 100);
    r.send(f);
    r.run();
    t.expect(same(r.came[0]?.bytes, f)).toBe(true);
    for (let i = 0; i < 5; i++) r.send(f);
    const gone = jails.jailRemove(j.jail.jid);
    t.expect(gone.errno).toBe(0);
    t.expect(gone.reports.map((x) => [x.clean, x.leftovers, x.problems])).toEqual([[true, [], []]]);
    r.run();
    t.expect(r.kpi.ifIsAttached(r.b)).toBe(true);
    t.expect(r.kpi.ifGetVnet(r.b)).toBe(r.vnet);
    t.expect(r.kernel.mbufs.outstanding).toBe(0);
  });
}

function ending(t: SuiteRunner, dut: IfnetDriverUnderTest): void {
  const { destroy } = dut;
  if (destroy !== undefined) {
    t.it('goes away with frames under way: all are freed, dead handles swallow what they get', () => {
      const r = new DriverRig(dut);
      for (let i = 0; i < 20; i++) r.send(frame(r, 400));
      destroy(r.kernel, r.a, r.b);
      for (const ifp of [r.a, r.b]) {
        t.expect(r.kpi.ifIsAttached(ifp)).toBe(false);
        r.kpi.ifTransmit(ifp, r.mbuf(payload(100)));
        r.kpi.ifInput(ifp, r.mbuf(payload(100)));
      }
      r.run();
      t.expect(r.kernel.mbufs.outstanding).toBe(0);
    });
  }

  t.it('is unloaded with its interfaces and leaves nothing behind', () => {
    const r = new DriverRig(dut);
    for (let i = 0; i < 20; i++) r.send(frame(r, 400));
    if (destroy !== undefined) destroy(r.kernel, r.a, r.b);
    const out = r.kernel.kldunload(dut.mod().name);
    t.expect([out.errno, out.message]).toEqual([0, '']);
    t.expect(r.kpi.ifIsAttached(r.a)).toBe(false);
    r.run();
    t.expect(r.kernel.mbufs.outstanding).toBe(0);
    const end = r.kernel.shutdown();
    t.expect([end.leftovers, end.problems]).toEqual([[], []]);
    t.expect(r.kernel.callouts.pending).toBe(0);
  });
}
