import { EEXIST, EINVAL } from '@ns/errno';
import { type Kernel, type ModuleDecl, ServiceKey, SI_ORDER_ANY, SI_SUB_NETSTACK } from '@ns/kern';
import { type Netstack, NETSTACK_VERSION, type NetstackV1 } from './netstack.ts';
import { nullNetstack } from './null-netstack.ts';

/**
 * Where a kernel keeps its stack. `kernel.tryService(NETSTACK)` is null while there is none; {@link curnetstack} then gives the null stack.
 * @public
 */
export const NETSTACK: ServiceKey<Netstack> = new ServiceKey<Netstack>('netstack');

/** The stack of a kernel at this moment. Ask again each time: it can be replaced. @public */
export function curnetstack(kernel: Kernel): Netstack {
  return kernel.tryService(NETSTACK) ?? nullNetstack;
}

/**
 * Makes `stack` the stack of a kernel, until the module that calls this is unloaded. One at a time: EEXIST while there is another. EINVAL for null or for a version
 * that is not known; a stack of version 1 is adapted. Source: netstack_register() of the fork that has it.
 * @public
 */
export function netstackRegister(kernel: Kernel, stack: Netstack | NetstackV1 | null): number {
  if (stack === null) return EINVAL;
  if (kernel.tryService(NETSTACK) !== null) return EEXIST;
  if (stack.version === NETSTACK_VERSION) kernel.provide(NETSTACK, stack);
  else if (stack.version === 1) kernel.provide(NETSTACK, adaptV1(stack));
  else return EINVAL;
  return 0;
}

/** Takes the stack away; the null stack is back. EINVAL if it is not the current one. @public */
export function netstackDeregister(kernel: Kernel, stack: Netstack | NetstackV1): number {
  const current = kernel.tryService(NETSTACK);
  if (current === null || (current !== stack && originOf(current) !== stack)) return EINVAL;
  kernel.withdraw(NETSTACK);
  return 0;
}

/**
 * Declares a stack as a module `netstack_<name>` that registers at SI_SUB_NETSTACK.
 *
 * @param make - makes the stack of one kernel
 * Source: NETSTACK_MODULE() of the fork that has it, which refuses to unload; here the ledger decides.
 * @public
 */
export function netstackModule(name: string, make: (kernel: Kernel) => Netstack | NetstackV1, decl: Partial<ModuleDecl> = {}): ModuleDecl {
  return {
    version: 1,
    ...decl,
    name: `netstack_${name}`,
    sysinit: [...(decl.sysinit ?? []), { subsystem: SI_SUB_NETSTACK, order: SI_ORDER_ANY, init: (kernel) => netstackRegister(kernel, make(kernel)) }],
  };
}

/** A version 1 stack in today's clothes. */
interface AdaptedNetstack extends Netstack {
  readonly origin: NetstackV1;
}

function adaptV1(origin: NetstackV1): AdaptedNetstack {
  return {
    origin,
    name: origin.name,
    version: NETSTACK_VERSION,
    socreate: (so, proto, cred) => origin.socreate(so, proto, cred),
    vfsExport: (mount, args) => origin.vfsExport(mount, args),
    vfsFreeExports: (mount) => origin.vfsFreeExports(mount),
    vfsCheckExport: (mount, client, out) => origin.vfsCheckExport(mount, client, out),
    capabilities: () => nullNetstack.capabilities(),
    validFib: (so, fib) => nullNetstack.validFib(so, fib),
  };
}

function originOf(stack: Netstack): NetstackV1 | null {
  return (stack as Partial<AdaptedNetstack>).origin ?? null;
}
