import { EEXIST, EINVAL } from '@ns/errno';
import { type Kernel, type ModuleDecl, ServiceKey, SI_ORDER_ANY, SI_SUB_NETSTACK } from '@ns/kern';
import { type Netstack, NETSTACK_VERSION, type NetstackV1 } from './netstack.ts';
import { nullNetstack } from './null-netstack.ts';

/**
 * Where a kernel keeps its stack. `kernel.tryService(NETSTACK)` is null while there is none; {@link curnetstack} then gives the null stack.
 * @public
 */
export const NETSTACK: ServiceKey<Netstack> = new ServiceKey<Netstack>('netstack');

/** Where a kernel keeps the stack of that name, current or not. */
function named(name: string): ServiceKey<Netstack> {
  return new ServiceKey<Netstack>(`netstack.${name}`);
}

/** The stack of a kernel at this moment. Ask again each time: it can be replaced. @public */
export function curnetstack(kernel: Kernel): Netstack {
  return kernel.tryService(NETSTACK) ?? nullNetstack;
}

/**
 * The stack that a kernel has under a name, whether it is the current one or only offered, or null. The null stack, by which nobody can make a socket, is always there as
 * `null`. Ask again each time.
 * @public
 */
export function netstackFind(kernel: Kernel, name: string): Netstack | null {
  return name === nullNetstack.name ? nullNetstack : kernel.tryService(named(name));
}

/** The module that a stack of this name belongs to: what {@link netstackModule} calls it. @public */
export function netstackModuleName(name: string): string {
  return `netstack_${name}`;
}

/**
 * Makes `stack` known by its name, for jails and calls that ask for it, without making it the current one: any number of stacks side by side. Until the module that calls
 * this is unloaded. EEXIST when the name is taken, EINVAL for null, for the name `null` or none, and for a version that is not known.
 * @public
 */
export function netstackOffer(kernel: Kernel, stack: Netstack | NetstackV1 | null): number {
  const today = stack === null ? null : current(stack);
  if (today === null || today.name === '' || today.name === nullNetstack.name) return EINVAL;
  const key = named(today.name);
  if (kernel.tryService(key) !== null) return EEXIST;
  kernel.provide(key, today);
  return 0;
}

/**
 * Makes `stack` the current stack of a kernel, until the module that calls this is unloaded, and known by its name. One at a time: EEXIST while there is another current
 * one, or another of the name. EINVAL for null or for a version that is not known; a stack of version 1 is adapted. Source: netstack_register() of the fork that has it.
 * @public
 */
export function netstackRegister(kernel: Kernel, stack: Netstack | NetstackV1 | null): number {
  if (stack !== null && kernel.tryService(NETSTACK) !== null) return EEXIST;
  const errno = netstackOffer(kernel, stack);
  if (errno === 0 && stack !== null) kernel.provide(NETSTACK, kernel.service(named(stack.name)));
  return errno;
}

/** Takes a stack away; if it was the current one, the null stack is back. EINVAL if the kernel does not have it. @public */
export function netstackDeregister(kernel: Kernel, stack: Netstack | NetstackV1): number {
  const have = kernel.tryService(named(stack.name));
  if (have === null || (have !== stack && originOf(have) !== stack)) return EINVAL;
  if (kernel.tryService(NETSTACK) === have) kernel.withdraw(NETSTACK);
  kernel.withdraw(named(stack.name));
  return 0;
}

/**
 * What {@link netstackModule} makes of a stack besides its name.
 * @public
 */
export interface NetstackModuleOptions {
  /** Only offer the stack by its name (see {@link netstackOffer}); default false: it becomes the current one. */
  readonly standby?: boolean;
  /** The rest of the declaration. */
  readonly decl?: Partial<ModuleDecl>;
}

/**
 * Declares a stack as a module `netstack_<name>` that registers at SI_SUB_NETSTACK.
 *
 * @param make - makes the stack of one kernel
 * Source: NETSTACK_MODULE() of the fork that has it, which refuses to unload; here the ledger decides.
 * @public
 */
export function netstackModule(name: string, make: (kernel: Kernel) => Netstack | NetstackV1, options: NetstackModuleOptions = {}): ModuleDecl {
  const { decl = {}, standby = false } = options;
  const enter = standby ? netstackOffer : netstackRegister;
  return {
    version: 1,
    ...decl,
    name: netstackModuleName(name),
    sysinit: [...(decl.sysinit ?? []), { subsystem: SI_SUB_NETSTACK, order: SI_ORDER_ANY, init: (kernel) => enter(kernel, make(kernel)) }],
  };
}

/** A version 1 stack in today's clothes. */
interface AdaptedNetstack extends Netstack {
  readonly origin: NetstackV1;
}

function current(stack: Netstack | NetstackV1): Netstack | null {
  if (stack.version === NETSTACK_VERSION) return stack;
  return stack.version === 1 ? adaptV1(stack) : null;
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
