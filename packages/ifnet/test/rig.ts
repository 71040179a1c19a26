/* A kernel with interfaces and jails, and a driver that keeps what it was given. */
import {
  IF_ATTACH_VERSION,
  type if_t,
  type IfAttachArgs,
  type IfDriver,
  IFF_BROADCAST,
  IFF_DRV_RUNNING,
  IFF_MULTICAST,
  type IfIoctl,
  IFNET_KPI,
  type IfnetKpi,
  IFT_ETHER,
} from '@ns/ifnet-kpi';
import { type Ifnet, ifnet, ifnetOf, ifTypeRegister, type IfTypeOps } from '@ns/ifnet';
import { Kernel, type VirtualHost, virtualHost, type Vnet } from '@ns/kern';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { crget, JAILS, type Jails, type Ucred, vnet } from '@ns/vnet';
import { expect } from 'vitest';

/** What the test driver was told, one line for each call. */
export class TestSoftc {
  readonly calls: string[] = [];
  readonly sent: Mbuf[] = [];
  /** Answers of ioctl by command; without: EOPNOTSUPP (45). */
  readonly answers: Map<number, number> = new Map();
  readonly ioctls: IfIoctl[] = [];
  kpi: IfnetKpi | null = null;
  /** What transmit answers. */
  errno = 0;
}

export const TEST_DRIVER: IfDriver = {
  name: 'tst',
  type: IFT_ETHER,
  ops: {
    init(softc, ifp) {
      (softc as TestSoftc).calls.push('init');
      (softc as TestSoftc).kpi?.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0);
    },
    transmit(_ifp, m, softc) {
      const sc = softc as TestSoftc;
      if (sc.errno !== 0) {
        mFreem(m);
        return sc.errno;
      }
      sc.sent.push(m);
      return 0;
    },
    qflush: (_ifp, softc) => void (softc as TestSoftc).calls.push('qflush'),
    ioctl(_ifp, cmd, data, softc) {
      const sc = softc as TestSoftc;
      sc.ioctls.push({ ...data });
      return sc.answers.get(cmd) ?? 45;
    },
    reassign: (_ifp, v, softc) => void (softc as TestSoftc).calls.push(`reassign ${v.name}`),
    detach: (_ifp, softc) => void (softc as TestSoftc).calls.push('detach'),
  },
};

/** Ethernet as far as these tests need it: addresses and groups, and a list of what came in. */
export function testEther(got: Mbuf[]): IfTypeOps {
  return {
    type: IFT_ETHER,
    name: 'ether',
    hdrlen: 14,
    addrlen: 6,
    dlt: 1,
    mtu: 1500,
    maxmtu: 1500,
    flags: IFF_BROADCAST | IFF_MULTICAST,
    baudrate: 10_000_000,
    output: (_ifp, m) => (mFreem(m), 0),
    input: (_ifp, m) => void got.push(m),
    resolvemulti(_ifp, _af, words, out) {
      out.set([0x01, 0x00, 0x5e, (words[3] as number) >>> 16 & 0x7f, ((words[3] as number) >>> 8) & 0xff, (words[3] as number) & 0xff]);
      return 0;
    },
  };
}

export interface Rig {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly kpi: IfnetKpi;
  readonly vnet0: Vnet;
  readonly jails: Jails;
  readonly root: Ucred;
  /** What interfaces of type Ethernet took in. */
  readonly got: Mbuf[];
  attach(over?: Partial<IfAttachArgs>, vnet?: Vnet): { ifp: Ifnet; h: if_t; sc: TestSoftc };
  packet(len?: number): Mbuf;
}

export function rig(): Rig {
  const host = virtualHost();
  const kernel = new Kernel(host);
  for (const mod of [netisr(), vnet(), ifnet()]) {
    const r = kernel.kldload(mod);
    expect(r.message).toBe('');
  }
  const got: Mbuf[] = [];
  expect(ifTypeRegister(kernel, testEther(got))).toBe(0);
  const kpi = kernel.service(IFNET_KPI);
  const vnet0 = kernel.vnets.vnet0;
  return {
    host,
    kernel,
    kpi,
    vnet0,
    jails: kernel.service(JAILS),
    root: crget(vnet0),
    got,
    attach(over = {}, where = vnet0) {
      const sc = new TestSoftc();
      sc.kpi = kpi;
      const r = kpi.ifAttach(where, { version: IF_ATTACH_VERSION, drv: TEST_DRIVER, softc: sc, lla: Uint8Array.of(2, 0, 0, 0, 0, 1), ...over });
      if (!r.ok) throw new Error(`attach: ${r.errno}`);
      return { ifp: ifnetOf(r.ifp), h: r.ifp, sc };
    },
    packet(len = 60) {
      const m = kernel.mbufs.getCl();
      if (m === null) throw new Error('pool');
      m.len = len;
      m.pktlen = len;
      return m;
    },
  };
}

/** The text of an errno-free event log. */
export function eventLog(kernel: Kernel, keys: readonly { readonly name: string }[]): string[] {
  const log: string[] = [];
  for (const key of keys) {
    kernel.events.register(key as never, ((ifp: Ifnet, ...rest: unknown[]) => {
      const more = rest.map((x) => (typeof x === 'object' && x !== null && 'addr' in x ? String((x as { addr: unknown }).addr) : String(x)));
      log.push([key.name, ifp.name, ...more].join(' '));
    }) as never);
  }
  return log;
}
