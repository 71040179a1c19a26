import { type if_t, type IfCloner, type IfCloneResult, IFNET_KPI, type IfnetKpi } from '@ns/ifnet-kpi';
import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PSEUDO, type Vnet } from '@ns/kern';
import { epairCreate, epairDestroy } from './epair.ts';

/** Multiplier of Weyl's sequence: odd, so that all 2^32 values come before one comes again. */
const GOLDEN = 0x9e3779b9;

/** Hands out the middle four bytes of addresses: none twice in a kernel, and different ones in different kernels. */
class MacSource {
  private state: number;

  constructor(kernel: Kernel) {
    this.state = kernel.random.u32();
  }

  /** 02:xx:xx:xx:xx:00, to be completed by 0a or 0b. */
  next(): Uint8Array {
    this.state = (this.state + GOLDEN) | 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    x ^= x >>> 15;
    return Uint8Array.of(0x02, x >>> 24, (x >>> 16) & 0xff, (x >>> 8) & 0xff, x & 0xff, 0);
  }
}

function epairCloner(kernel: Kernel, kpi: IfnetKpi): IfCloner {
  const macs = new MacSource(kernel);
  return {
    name: 'epair',
    match(name: string): { readonly unit: number | null } | null {
      // An end may be asked for by name: `ifconfig epair3a create` makes pair 3.
      const hit = /^epair(0|[1-9][0-9]{0,4})[ab]$/.exec(name);
      return hit === null ? null : { unit: Number(hit[1]) };
    },
    create: (vnet: Vnet, unit: number): IfCloneResult => epairCreate(kpi, vnet, unit, macs.next()),
    destroy: (ifp: if_t): number => epairDestroy(kpi, ifp),
  };
}

/**
 * The module `drv-epair`: pairs of Ethernet interfaces joined back to back, by `ifconfig epair create`.
 * @public
 */
export function epair(): ModuleDecl {
  return {
    name: 'drv-epair',
    version: 1,
    depends: [
      { name: 'ifnet', min: 1, preferred: 1, max: 1 },
      { name: 'ether', min: 1, preferred: 1, max: 1 },
    ],
    sysinit: [
      {
        subsystem: SI_SUB_PSEUDO,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const kpi = kernel.service(IFNET_KPI);
          return kpi.ifClonerRegister(epairCloner(kernel, kpi));
        },
        exit: (kernel) => {
          kernel.service(IFNET_KPI).ifClonerUnregister('epair');
        },
      },
    ],
  };
}
