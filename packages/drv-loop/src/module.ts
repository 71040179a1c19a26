import { IFNET_KPI } from '@ns/ifnet-kpi';
import { type ModuleDecl, SI_ORDER_ANY, SI_SUB_PSEUDO } from '@ns/kern';
import { loopCloner } from './cloner.ts';

/**
 * The module `drv-loop`: lo0 in every vnet, living and coming.
 * @public
 */
export function loop(): ModuleDecl {
  return {
    name: 'drv-loop',
    version: 1,
    depends: [{ name: 'ifnet', min: 1, preferred: 1, max: 1 }],
    sysinit: [
      {
        subsystem: SI_SUB_PSEUDO,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const kpi = kernel.service(IFNET_KPI);
          return kpi.ifClonerRegister(loopCloner(kpi));
        },
        exit: (kernel) => {
          kernel.service(IFNET_KPI).ifClonerUnregister('lo');
        },
      },
    ],
  };
}
