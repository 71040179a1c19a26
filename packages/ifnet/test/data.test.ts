import { EEXIST, ENOBUFS, ENOENT, ENXIO } from '@ns/errno';
import {
  IFCAP_HWSTATS,
  IFCOUNTER_IBYTES,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_IQDROPS,
  IFCOUNTER_OBYTES,
  IFCOUNTER_OERRORS,
  IFCOUNTER_OMCASTS,
  IFCOUNTER_OPACKETS,
  IFF_MONITOR,
  type IfOverlay,
  SIOCGDRVSPEC,
} from '@ns/ifnet-kpi';
import { BpfD } from '@ns/bpf';
import { ifBpf, type Ifnet, ifInput, ifPopOverlay, ifPushOverlay, ifTransmit, ifUp } from '@ns/ifnet';
import { M_MCAST, mFreem } from '@ns/mbuf';
import { NETISR, NETISR_EPAIR } from '@ns/netisr';
import { describe, expect, it } from 'vitest';
import { rig } from './rig.ts';

const counters = (ifp: Ifnet, ...ids: number[]): number[] => ids.map((id) => ifp.counters[id] as number);

describe('input', () => {
  it('marks, counts, taps and hands to the type', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    ifUp(ifp);
    ifp.fib = 3;
    const d = new BpfD();
    d.attach(ifBpf(ifp));
    const m = r.packet(80);
    ifInput(ifp, m);
    expect(r.got).toEqual([m]);
    expect([m.rcvif, m.fibnum]).toEqual([h, 3]);
    expect(counters(ifp, IFCOUNTER_IPACKETS, IFCOUNTER_IBYTES)).toEqual([1, 80]);
    expect(d.rcount).toBe(1);
  });

  it('drops on an interface that is down, and shows to bpf only on one that is watched', () => {
    const r = rig();
    const { ifp } = r.attach();
    ifInput(ifp, r.packet());
    expect(counters(ifp, IFCOUNTER_IPACKETS)).toEqual([0]);
    ifUp(ifp);
    ifp.stackFlags |= IFF_MONITOR;
    const d = new BpfD();
    d.attach(ifBpf(ifp));
    ifInput(ifp, r.packet());
    expect([r.got.length, d.rcount, ifp.counters[IFCOUNTER_IPACKETS]]).toEqual([0, 1, 1]);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });

  it('deferred: from the software interrupt, in order, bounded, drops counted', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    ifUp(ifp);
    r.kernel.service(NETISR).setQlimit(NETISR_EPAIR, 3);
    const sent = [1, 2, 3, 4, 5].map(() => r.packet());
    for (const m of sent) r.kpi.ifInputDeferred(h, m);
    expect(r.got).toEqual([]);
    r.host.settle();
    expect(r.got).toEqual(sent.slice(0, 3));
    expect(counters(ifp, IFCOUNTER_IQDROPS, IFCOUNTER_IPACKETS)).toEqual([2, 3]);
  });

  it('HWSTATS: the driver counts', () => {
    const r = rig();
    const { ifp } = r.attach({ capabilities: IFCAP_HWSTATS, capenable: IFCAP_HWSTATS });
    ifUp(ifp);
    ifInput(ifp, r.packet());
    ifTransmit(ifp, r.packet());
    expect(counters(ifp, IFCOUNTER_IPACKETS, IFCOUNTER_OPACKETS)).toEqual([0, 0]);
  });
});

describe('transmit', () => {
  it('counts what left, by kind', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    const m = r.packet(100);
    m.flags |= M_MCAST;
    expect(ifTransmit(ifp, m)).toBe(0);
    expect(ifTransmit(ifp, r.packet(60))).toBe(0);
    expect(sc.sent.length).toBe(2);
    expect(counters(ifp, IFCOUNTER_OPACKETS, IFCOUNTER_OBYTES, IFCOUNTER_OMCASTS, IFCOUNTER_OERRORS)).toEqual([2, 160, 1, 0]);
  });

  it('counts an error of the driver, but not ENOBUFS, which it counts itself', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    sc.errno = ENOBUFS;
    expect(ifTransmit(ifp, r.packet())).toBe(ENOBUFS);
    sc.errno = ENXIO;
    expect(ifTransmit(ifp, r.packet())).toBe(ENXIO);
    expect(counters(ifp, IFCOUNTER_OPACKETS, IFCOUNTER_OERRORS)).toEqual([0, 1]);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });
});

describe('I12 layers of methods', () => {
  function layer(origin: string, trace: string[]): IfOverlay {
    return {
      origin,
      softc: { origin },
      ops: {
        transmit(ifp, m, softc, next) {
          trace.push(`${(softc as { origin: string }).origin}>${next.origin}`);
          return next.transmit(ifp, m);
        },
        input(ifp, m, _softc, next) {
          trace.push(`${origin}<`);
          next.input(ifp, m);
        },
        ioctl(ifp, cmd, data, _softc, next) {
          trace.push(`${origin}?`);
          return next.ioctl(ifp, cmd, data);
        },
      },
    };
  }

  it('I12 I13 are laid over an instance and taken off again; the driver below is untouched', () => {
    const r = rig();
    const a = r.attach();
    const b = r.attach();
    ifUp(a.ifp);
    ifUp(b.ifp);
    const ops = a.ifp.drv.ops;
    const trace: string[] = [];
    const low = layer('low', trace);
    const high = layer('high', trace);
    expect(ifPushOverlay(a.ifp, low)).toBe(0);
    expect(ifPushOverlay(a.ifp, high)).toBe(0);
    expect(ifPushOverlay(a.ifp, layer('low', trace))).toBe(EEXIST);
    ifTransmit(a.ifp, r.packet());
    ifTransmit(b.ifp, r.packet());
    expect(trace).toEqual(['high>low', 'low>tst']);
    expect([a.sc.sent.length, b.sc.sent.length]).toEqual([1, 1]);
    trace.length = 0;
    ifInput(a.ifp, r.packet());
    expect(trace).toEqual(['high<', 'low<']);
    expect(r.got.length).toBe(1);
    trace.length = 0;
    a.ifp.ops.ioctl(a.h, SIOCGDRVSPEC, { cmd: SIOCGDRVSPEC, spec: 1, data: null });
    expect(trace).toEqual(['high?', 'low?']);
    expect(a.sc.ioctls.at(-1)?.cmd).toBe(SIOCGDRVSPEC);

    expect(ifPopOverlay(a.ifp, low)).toBe(0); // from the middle
    trace.length = 0;
    ifTransmit(a.ifp, r.packet());
    expect(trace).toEqual(['high>tst']);
    expect(ifPopOverlay(a.ifp, high)).toBe(0);
    expect(ifPopOverlay(a.ifp, high)).toBe(ENOENT);
    trace.length = 0;
    ifTransmit(a.ifp, r.packet());
    ifInput(a.ifp, r.packet());
    expect(trace).toEqual([]);
    expect(a.ifp.rxLayer).toBeNull();
    expect(a.ifp.drv.ops).toBe(ops);
  });

  it('I13 a layer may keep what comes in from the type', () => {
    const r = rig();
    const { ifp } = r.attach();
    ifUp(ifp);
    const lagg: IfOverlay = { origin: 'lagg', softc: null, ops: { input: (_i, m) => mFreem(m) } };
    r.kpi.ifPushOverlay(ifp.handle, lagg);
    ifInput(ifp, r.packet());
    expect(r.got.length).toBe(0);
    r.kpi.ifPopOverlay(ifp.handle, lagg);
    ifInput(ifp, r.packet());
    expect(r.got.length).toBe(1);
  });

  it('I12 a call in progress finishes on the list that it began with', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    const self: IfOverlay = {
      origin: 'self',
      softc: null,
      ops: {
        transmit(h, m, _softc, next) {
          r.kpi.ifPopOverlay(h, self);
          return next.transmit(h, m);
        },
      },
    };
    r.kpi.ifPushOverlay(ifp.handle, self);
    expect(ifTransmit(ifp, r.packet())).toBe(0);
    expect(ifTransmit(ifp, r.packet())).toBe(0);
    expect(sc.sent.length).toBe(2);
  });

  it('a dead interface takes no layers', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    r.kpi.ifDetach(h);
    expect(ifPushOverlay(ifp, { origin: 'x', softc: null, ops: {} })).toBe(ENXIO);
  });
});

describe('cost', () => {
  it('allocates nothing for a packet on the way in, through the queue and out', () => {
    const r = rig();
    const { h } = r.attach({
      drv: { name: 'nul', type: 1, ops: { transmit: (_i, m) => (mFreem(m), 0) } },
    });
    const ifp = r.kpi.ifUnit(r.vnet0, 'nul0');
    if (ifp === null) throw new Error('nul0');
    const round = (n: number): void => {
      for (let i = 0; i < n; i++) {
        r.kpi.ifTransmit(h, r.packet());
        r.kpi.ifInputDeferred(h, r.packet());
        if ((i & 63) === 63) r.kernel.swi.run();
      }
    };
    round(30000);
    const used = (): number => (globalThis as unknown as { process: { memoryUsage(): { heapUsed: number } } }).process.memoryUsage().heapUsed;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const before = used();
      round(20000);
      best = Math.min(best, Math.abs(used() - before));
    }
    // Less than a byte a packet: what the test harness does meanwhile.
    expect(best / 40000).toBeLessThan(1);
  });
});
