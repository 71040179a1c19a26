import { type ModuleDecl, SI_ORDER_FIRST, SI_SUB_PROTO_PFIL } from '@ns/kern';
import { PFIL, PFIL_ARRIVAL_EVENT } from './vnet.ts';

/**
 * The module `pfil`: where filters add their hooks. Protocols do not need it; filters depend on it.
 * @public
 */
export function pfil(): ModuleDecl {
  return {
    name: 'pfil',
    version: 1,
    vnetVars: [PFIL],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_PFIL,
        order: SI_ORDER_FIRST,
        init: (vnet) => {
          vnet.kernel.events.invoke(PFIL_ARRIVAL_EVENT, vnet, PFIL.get(vnet));
        },
      },
    ],
  };
}
