import { IF_ATTACH_VERSION, type if_t, type IfDriver, type IfOps, IFF_BROADCAST, IFF_MULTICAST, IFF_SIMPLEX, IFNET_KPI, type IfnetKpi, IFT_ETHER } from '@ns/ifnet-kpi';
import type { ModuleDecl } from '@ns/kern';
import { type Mbuf, mCopypacket, mFreem } from '@ns/mbuf';
import { describe, expect, it } from 'vitest';
import { ifnetDriverSuite, type SuiteRunner } from '../src/index.ts';

/** Two ends that pass frames as `transmit` says. */
interface Bad {
  kpi: IfnetKpi;
  peer: if_t | null;
}

/** Runs the suite over a pair with this way of sending; returns the titles of what failed. */
function failures(transmit: (m: Mbuf, peer: if_t, kpi: IfnetKpi) => number): string[] {
  const failed: string[] = [];
  const runner: SuiteRunner = {
    describe: (_n, fn) => fn(),
    it: (n, fn) => {
      try {
        fn();
      } catch {
        failed.push(n);
      }
    },
    expect: (v, m) => expect(v, m),
  };
  const ops: IfOps = {
    transmit: (_ifp, m, softc) => {
      const sc = softc as Bad;
      return transmit(m, sc.peer as if_t, sc.kpi);
    },
  };
  const mod = (): ModuleDecl => ({ name: 'drv-bad', version: 1, depends: [{ name: 'ifnet', min: 1, preferred: 1, max: 1 }] });
  ifnetDriverSuite(runner, 'drv-bad', {
    mod,
    make: (kernel, vnet) => {
      const kpi = kernel.service(IFNET_KPI);
      const drv: IfDriver = Object.freeze({ name: 'bad', type: IFT_ETHER, ops: Object.freeze(ops) });
      const attach = (last: number): { ifp: if_t; sc: Bad } => {
        const sc: Bad = { kpi, peer: null };
        const r = kpi.ifAttach(vnet, { version: IF_ATTACH_VERSION, drv, softc: sc, lla: Uint8Array.of(2, 0, 0, 0, 0, last), flags: IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST });
        if (!r.ok) throw new Error('attach');
        return { ifp: r.ifp, sc };
      };
      const [a, b] = [attach(1), attach(2)];
      a.sc.peer = b.ifp;
      b.sc.peer = a.ifp;
      return { a: a.ifp, b: b.ifp };
    },
    destroy: (kernel, a, b) => {
      for (const ifp of [a, b]) kernel.service(IFNET_KPI).ifDetach(ifp);
    },
  });
  return failed;
}

describe('the driver suite finds', () => {
  it('a driver that keeps what it was given', () => {
    const kept: Mbuf[] = [];
    const failed = failures((m, peer, kpi) => {
      const copy = mCopypacket(m);
      if (copy !== null) kept.push(copy);
      kpi.ifInputDeferred(peer, m);
      return 0;
    });
    expect(failed.filter((f) => f.startsWith('delivers frames') || f.startsWith('is unloaded')).length).toBe(2);
  });

  it('a driver that delivers twice, one that loses, one that turns frames around', () => {
    const twice = failures((m, peer, kpi) => {
      const copy = mCopypacket(m);
      kpi.ifInputDeferred(peer, m);
      if (copy !== null) kpi.ifInputDeferred(peer, copy);
      return 0;
    });
    expect(twice.some((f) => f.startsWith('delivers frames'))).toBe(true);
    let n = 0;
    const loses = failures((m, peer, kpi) => {
      if (++n % 7 === 0) mFreem(m);
      else kpi.ifInputDeferred(peer, m);
      return 0;
    });
    expect(loses.some((f) => f.startsWith('delivers frames'))).toBe(true);
  });

  it('a driver that writes into shared storage', () => {
    const failed = failures((m, peer, kpi) => {
      m.buf[m.off + m.len - 1]! ^= 0xff;
      kpi.ifInputDeferred(peer, m);
      return 0;
    });
    expect(failed.some((f) => f.startsWith('does not write'))).toBe(true);
  });

  it('a driver that sends while it is down', () => {
    const failed = failures((m, peer, kpi) => (kpi.ifInputDeferred(peer, m), 0));
    expect(failed).toEqual(['consumes what it is given when either end is down, and delivers none of it']);
  });
});
