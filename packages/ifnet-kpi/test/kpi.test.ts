import * as kpi from '@ns/ifnet-kpi';
import { IF_ATTACH_VERSION, type IfDriver, IFNET_KPI, IFT_ETHER } from '@ns/ifnet-kpi';
import * as ifnetPkg from '@ns/ifnet';
import { ifnet, ifunit } from '@ns/ifnet';
import * as kern from '@ns/kern';
import { Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_DRIVERS, virtualHost } from '@ns/kern';
import * as mbuf from '@ns/mbuf';
import { mFreem } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { vnet } from '@ns/vnet';
import * as wire from '@ns/wire';
import { describe, expect, it } from 'vitest';

it('the example of the documentation', () => {
  const drv: IfDriver = { name: 'nul', type: IFT_ETHER, ops: { transmit: (_ifp, m) => (mFreem(m), 0) } };
  const nul: ModuleDecl = {
    name: 'drv-nul',
    version: 1,
    depends: [{ name: 'ifnet', min: 1, preferred: 1, max: 1 }],
    sysinit: [
      {
        subsystem: SI_SUB_DRIVERS,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          kernel.service(IFNET_KPI).ifAttach(kernel.vnets.vnet0, { version: IF_ATTACH_VERSION, drv, softc: null });
        },
      },
    ],
  };
  // One driver package serves two kernels at once.
  for (const seed of [1, 2]) {
    const kernel = new Kernel(virtualHost({ seed }));
    for (const mod of [netisr(), vnet(), ifnet(), nul]) expect(kernel.kldload(mod).errno).toBe(0);
    expect(ifunit(kernel.vnets.vnet0, 'nul0')?.drv).toBe(drv);
  }
});

describe('the contract', () => {
  it('I07 exports nothing that is another package’s, and nobody re-exports it', () => {
    const mine = new Set(Object.keys(kpi));
    for (const other of [mbuf, wire, kern, ifnetPkg]) {
      const shared = Object.keys(other).filter((name) => mine.has(name));
      expect(shared).toEqual([]);
    }
  });

  it('I07 holds constants and pure functions only: nothing that could be written to', () => {
    for (const [name, value] of Object.entries(kpi)) {
      if (typeof value === 'object') expect([name, Object.isFrozen(value) || value instanceof kern.ServiceKey]).toEqual([name, true]);
    }
  });

  it('has FreeBSD’s values', () => {
    const flags = kpi.IFF_NAMES.map(([bit, name]) => `${name}=${bit.toString(16)}`).join(' ');
    expect(flags).toBe(
      'UP=1 BROADCAST=2 DEBUG=4 LOOPBACK=8 POINTOPOINT=10 RUNNING=40 NOARP=80 PROMISC=100 ALLMULTI=200 OACTIVE=400 SIMPLEX=800 LINK0=1000 LINK1=2000 LINK2=4000 MULTICAST=8000 PPROMISC=20000 MONITOR=40000 STATICARP=80000',
    );
    const caps = kpi.IFCAP_NAMES.map(([bit]) => (bit >>> 0).toString(16)).join(' ');
    expect(caps).toBe(
      '1 2 4 8 10 20 40 80 100 200 400 800 1000 2000 4000 8000 10000 40000 80000 100000 200000 400000 800000 1000000 2000000 4000000 8000000 10000000 20000000 40000000 80000000',
    );
    expect([kpi.IFCOUNTER_IPACKETS, kpi.IFCOUNTER_IBYTES, kpi.IFCOUNTER_NOPROTO, kpi.IFCOUNTERS]).toEqual([0, 5, 11, 12]);
    expect([kpi.IFT_ETHER, kpi.IFT_LOOP, kpi.IFT_L2VLAN, kpi.IFT_BRIDGE, kpi.IFT_IEEE8023ADLAG, kpi.IFT_GIF]).toEqual([6, 24, 135, 209, 161, 240]);
    expect(kpi.IFF_CANTCHANGE.toString(16)).toBe('218f72');
    expect([kpi.IFCAP_HWCSUM, kpi.IFCAP_TSO, kpi.IFCAP_TOE, kpi.IFCAP_HWCSUM_IPV6]).toEqual([3, 0x300, 0xc000, 0x600000]);
  });

  it('T16 has bits of their own for both directions and both families', () => {
    const bits = [kpi.IFCAP_RXCSUM, kpi.IFCAP_TXCSUM, kpi.IFCAP_RXCSUM_IPV6, kpi.IFCAP_TXCSUM_IPV6];
    expect(new Set(bits).size).toBe(4);
    expect(bits.reduce((all, bit) => all | bit, 0)).toBe(0x600003);
  });

  it('tells requests apart by number', () => {
    const numbers = Object.entries(kpi).filter(([name]) => name.startsWith('SIOC'));
    expect(new Set(numbers.map(([, n]) => n)).size).toBe(numbers.length);
  });

  it('reads subtypes above 31 of a media word', () => {
    expect([kpi.ifmSubtype(kpi.IFM_ETHER | kpi.IFM_10G_T | kpi.IFM_FDX), kpi.ifmSubtype(0x20 | 0x0f | 0x10000)]).toEqual([26, 47]);
  });
});
