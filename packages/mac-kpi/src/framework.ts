import { EINVAL, ENXIO } from '@ns/errno';
import { EventKey, type Kernel, type ModuleDecl, ServiceKey, SI_ORDER_MIDDLE, SI_SUB_MAC_POLICY } from '@ns/kern';
import { MAC_VERSION, type MacHooks, type MacPolicy } from './policy.ts';

/**
 * The framework of one kernel: knows the policies, and puts a question to all of them.
 * @public
 */
export interface MacFramework {
  /** Asks all policies at once; null while there are none, so that a question costs a comparison. Replaced when a policy comes or goes. */
  readonly checks: MacHooks | null;
  /** See {@link macPolicyRegister}. */
  policyRegister(policy: MacPolicy): number;
  /** See {@link macPolicyDeregister}. With `force` it goes whatever it is doing: for exit functions, when the module goes anyway. */
  policyDeregister(policy: MacPolicy, force?: boolean): number;
  /** The policy of that name, or null. */
  find(name: string): MacPolicy | null;
}

/** Where a kernel keeps its framework: provided by module `mac`. @public */
export const MAC: ServiceKey<MacFramework> = new ServiceKey<MacFramework>('mac');

/** A policy has come or gone: whom to ask from now on, null = nobody. For those who ask often and keep it. @public */
export const MAC_POLICIES_EVENT: EventKey<[checks: MacHooks | null]> = new EventKey<[checks: MacHooks | null]>('mac_policies');

/** Whom to ask in this kernel at this moment; null while there is no policy, or no module `mac`. @public */
export function macChecks(kernel: Kernel): MacHooks | null {
  return kernel.tryService(MAC)?.checks ?? null;
}

/**
 * Registers a policy: from now on it is asked. EINVAL for a version that is not known, a missing name, a hook that is no function, or a method that looks like a hook
 * and is none; EEXIST for a name that is taken; EBUSY for MPC_LOADTIME_FLAG_NOTLATE when there are sockets; ENOMEM when all slots are taken; ENXIO without module `mac`.
 * Source: FreeBSD mac_framework.c, mac_policy_register().
 * @public
 */
export function macPolicyRegister(kernel: Kernel, policy: MacPolicy): number {
  return kernel.tryService(MAC)?.policyRegister(policy) ?? ENXIO;
}

/**
 * Takes a policy away. EBUSY for one without MPC_LOADTIME_FLAG_UNLOADOK, and while a hook of it runs; ENOENT for one that is not registered; ENXIO without module `mac`.
 * Source: FreeBSD mac_framework.c, mac_policy_unregister().
 * @public
 */
export function macPolicyDeregister(kernel: Kernel, policy: MacPolicy): number {
  return kernel.tryService(MAC)?.policyDeregister(policy) ?? ENXIO;
}

/**
 * Declares a policy as module `mac_<name>`, which depends on module `mac` and registers at SI_SUB_MAC_POLICY. The linker refuses to unload it (EBUSY) when the policy
 * does not allow that, or while a hook of it runs.
 *
 * @param make - makes the policy of one kernel; its `name` must be that of the module (else EINVAL). May provide services that the sysctls of `decl` find it by.
 * @param decl - the rest of the declaration: version (default 1), sysctls, dependencies.
 * Source: FreeBSD security/mac/mac_policy.h, MAC_POLICY_SET().
 * @public
 */
export function macPolicyModule(name: string, make: (kernel: Kernel) => MacPolicy, decl: Partial<ModuleDecl> = {}): ModuleDecl {
  const module = `mac_${name}`;
  return {
    version: 1,
    ...decl,
    name: module,
    depends: [...(decl.depends ?? []), { name: 'mac', min: MAC_VERSION, preferred: MAC_VERSION, max: MAC_VERSION }],
    sysinit: [
      ...(decl.sysinit ?? []),
      {
        subsystem: SI_SUB_MAC_POLICY,
        order: SI_ORDER_MIDDLE,
        init: (kernel) => enter(kernel, module, make(kernel)),
        exit: (kernel) => leave(kernel, module),
      },
    ],
  };
}

function enter(kernel: Kernel, module: string, policy: MacPolicy): number {
  return policy.name === module ? macPolicyRegister(kernel, policy) : EINVAL;
}

function leave(kernel: Kernel, module: string): void {
  const mac = kernel.service(MAC);
  const policy = mac.find(module);
  if (policy !== null) mac.policyDeregister(policy, true);
}
