import { type Kernel, type ModuleDecl, ServiceKey, type Vnet } from '@ns/kern';
import { macPolicyModule } from '@ns/mac-kpi';
import { CTLFLAG_RW, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { Seeotheruids } from './policy.ts';

const SEEOTHERUIDS: ServiceKey<Seeotheruids> = new ServiceKey<Seeotheruids>('mac_seeotheruids');

function sysctls(): SysctlDecl<Vnet>[] {
  const v = sysctlVars<Vnet, Seeotheruids>('security.mac.seeotheruids', (req: SysctlReq<Vnet>) => req.vnet.kernel.service(SEEOTHERUIDS));
  return [
    v.int('enabled', 'enabled', CTLFLAG_RW, 'Enforce seeotheruids policy'),
    v.int('suser_privileged', 'suserPrivileged', CTLFLAG_RW, 'Make an exception for superuser'),
  ];
}

function make(kernel: Kernel): Seeotheruids {
  const policy = new Seeotheruids();
  kernel.provide(SEEOTHERUIDS, policy);
  return policy;
}

/**
 * Module `mac_seeotheruids`: users see their own sockets only, sysctls `security.mac.seeotheruids`. Can be unloaded.
 * Source: FreeBSD mac_seeotheruids(4).
 * @public
 */
export function macSeeotheruids(): ModuleDecl {
  return macPolicyModule('seeotheruids', make, { sysctls: sysctls() });
}
