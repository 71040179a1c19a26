import { type Kernel, type ModuleDecl, ServiceKey, type Vnet } from '@ns/kern';
import { macPolicyModule } from '@ns/mac-kpi';
import { CTLFLAG_RWTUN, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { Portacl } from './policy.ts';
import { RULES_MAX } from './rules.ts';

const PORTACL: ServiceKey<Portacl> = new ServiceKey<Portacl>('mac_portacl');

function sysctls(): SysctlDecl<Vnet>[] {
  const of = (req: SysctlReq<Vnet>): Portacl => req.vnet.kernel.service(PORTACL);
  const v = sysctlVars<Vnet, Portacl>('security.mac.portacl', of);
  return [
    v.int('enabled', 'enabled', CTLFLAG_RWTUN, 'Enforce portacl policy'),
    v.int('suser_exempt', 'suserExempt', CTLFLAG_RWTUN, 'Privilege permits binding of any port'),
    v.int('autoport_exempt', 'autoportExempt', CTLFLAG_RWTUN, 'Allow automatic allocation through binding port 0 if not IP_PORTRANGELOW'),
    v.int('port_high', 'portHigh', CTLFLAG_RWTUN, 'Highest port to enforce for', { min: 0, max: 65535 }),
    v.string('rules', 'text', CTLFLAG_RWTUN, 'Rules', { max: RULES_MAX, check: (req, text) => of(req).setRules(text) }),
  ];
}

function make(kernel: Kernel): Portacl {
  const portacl = new Portacl();
  kernel.provide(PORTACL, portacl);
  return portacl;
}

/**
 * Module `mac_portacl`: who may bind which TCP and UDP ports, sysctls `security.mac.portacl`. Can be unloaded.
 * Source: FreeBSD mac_portacl(4).
 * @public
 */
export function macPortacl(): ModuleDecl {
  return macPolicyModule('portacl', make, { sysctls: sysctls() });
}
