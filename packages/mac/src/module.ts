import { type Kernel, type ModuleDecl, ServiceKey, SI_ORDER_FIRST, SI_SUB_MAC, type Vnet } from '@ns/kern';
import { MAC, MAC_VERSION } from '@ns/mac-kpi';
import { CTLFLAG_RD, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { Framework } from './framework.ts';

/** The same object as {@link MAC}, to this package. */
const FRAMEWORK: ServiceKey<Framework> = new ServiceKey<Framework>(MAC.name);

function sysctls(): SysctlDecl<Vnet>[] {
  const v = sysctlVars<Vnet, Framework>('security.mac', (req: SysctlReq<Vnet>) => req.vnet.kernel.service(FRAMEWORK));
  return [
    v.uint('version', 'version', CTLFLAG_RD, 'Version of the interface of policies'),
    v.uint('max_slots', 'maxSlots', CTLFLAG_RD, 'Policies that can have labels at a time'),
    v.uint('labeled', 'labeled', CTLFLAG_RD, 'Mask of object types being labeled'),
    v.uint('faults', 'faults', CTLFLAG_RD, 'Answers of policies that were none: thrown, no number, not an errno that refuses'),
  ];
}

/**
 * Module `mac`: where policies register, sysctls `security.mac`. Load it before the first policy; sockets need not wait for it.
 * Source: FreeBSD mac_framework.c, SYSINIT(mac).
 * @public
 */
export function mac(): ModuleDecl {
  return {
    name: 'mac',
    version: MAC_VERSION,
    sysinit: [
      {
        subsystem: SI_SUB_MAC,
        order: SI_ORDER_FIRST,
        init: (kernel: Kernel) => kernel.provide(FRAMEWORK, new Framework(kernel)),
        exit: (kernel: Kernel) => kernel.service(FRAMEWORK).deregisterAll(),
      },
    ],
    sysctls: sysctls(),
  };
}
