import { IF_ATTACH_VERSION, type if_t, type IfCloner, type IfCloneResult, IFF_LOOPBACK, IFF_MULTICAST, type IfnetKpi, LOMTU } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import { LO_CAPS, LOOP_DRIVER, LoSoftc } from './loop.ts';

/** Makes lo0 in every vnet, and further ones on request. Source: FreeBSD if_loop.c. */
export function loopCloner(kpi: IfnetKpi): IfCloner {
  return {
    name: 'lo',
    minifs: 1,
    create(vnet: Vnet, unit: number): IfCloneResult {
      return kpi.ifAttach(vnet, {
        version: IF_ATTACH_VERSION,
        drv: LOOP_DRIVER,
        softc: new LoSoftc(kpi),
        dunit: unit,
        mtu: LOMTU,
        flags: IFF_LOOPBACK | IFF_MULTICAST,
        capabilities: LO_CAPS,
        capenable: LO_CAPS,
      });
    },
    destroy(ifp: if_t): number {
      kpi.ifDetach(ifp);
      return 0;
    },
  };
}
