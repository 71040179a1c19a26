import { type if_t, type IfCloner, type IfCloneResult, IFNET_KPI, type IfnetKpi } from '@ns/ifnet-kpi';
import { type ModuleDecl, SI_ORDER_ANY, SI_SUB_PSEUDO, type Vnet } from '@ns/kern';
import type { LabLinkOptions } from './link-options.ts';
import { labLinkAttach, labLinkOf } from './link.ts';

function labCloner(kpi: IfnetKpi): IfCloner {
  return {
    name: 'lab',
    match(name: string): { readonly unit: number | null } | null {
      const hit = /^lab(0|[1-9][0-9]{0,4})[ab]$/.exec(name);
      return hit === null ? null : { unit: Number(hit[1]) };
    },
    create(vnet: Vnet, unit: number, params: unknown): IfCloneResult {
      const options = typeof params === 'object' && params !== null ? (params as LabLinkOptions) : {};
      const link = labLinkAttach({ kpi, vnet }, { kpi, vnet }, unit, options);
      return typeof link === 'number' ? { ok: false, errno: link } : { ok: true, ifp: link.a as if_t };
    },
    destroy(ifp: if_t): number {
      labLinkOf(kpi, ifp)?.detach();
      return 0;
    },
  };
}

/**
 * The module `drv-lab`: simulated links by `ifconfig lab create`. SIOCIFCREATE2 takes {@link LabLinkOptions} as parameters; {@link labLinkOf} finds the link of an interface, whose options may
 * be changed while it runs.
 * @public
 */
export function labLink(): ModuleDecl {
  return {
    name: 'drv-lab',
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
          return kpi.ifClonerRegister(labCloner(kpi));
        },
        exit: (kernel) => {
          kernel.service(IFNET_KPI).ifClonerUnregister('lab');
        },
      },
    ],
  };
}
