import { type Kernel, type ModuleDecl, SI_ORDER_FIRST, SI_SUB_PROTO_PFIL } from '@ns/kern';
import { PFIL_KPI, type PfilKpi } from '@ns/pfil-kpi';
import { PFIL, PFIL_ARRIVAL_EVENT } from './vnet.ts';

const KPI: PfilKpi = Object.freeze<PfilKpi>({
  addHook: (vnet, args) => PFIL.get(vnet).addHook(args),
  removeHook: (vnet, hook) => PFIL.get(vnet).removeHook(hook),
  link: (vnet, head, hook, flags) => PFIL.get(vnet).link(head, hook, flags),
  unlink: (vnet, head, hook, flags) => PFIL.get(vnet).unlink(head, hook, flags),
});

/**
 * The module `pfil`: where filters add their hooks (service PFIL_KPI). Protocols do not need it; filters depend on it.
 * @public
 */
export function pfil(): ModuleDecl {
  return {
    name: 'pfil',
    version: 1,
    vnetVars: [PFIL],
    sysinit: [{ subsystem: SI_SUB_PROTO_PFIL, order: SI_ORDER_FIRST, init: (kernel: Kernel) => kernel.provide(PFIL_KPI, KPI) }],
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
