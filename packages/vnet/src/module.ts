import { type EventTag, type Kernel, type ModuleDecl, SHUTDOWN_PRE_SYNC, SI_ORDER_FIRST, SI_SUB_VNET, ServiceKey } from '@ns/kern';
import { JAILS, Jails } from './jails.ts';
import { MSGBUF_SYSCTLS } from './msgbuf.ts';
import { JAIL_SYSCTLS } from './sysctls.ts';

/** What the exit function needs to know. */
const UNDO: ServiceKey<() => void> = new ServiceKey<() => void>('vnet-undo');

function init(kernel: Kernel): void {
  const allocator = kernel.vnets.claim('jails');
  const jails = new Jails(kernel, allocator);
  const tag: EventTag = kernel.events.register(SHUTDOWN_PRE_SYNC, () => void jails.removeAll(), { owner: 'vnet' });
  kernel.provide(JAILS, jails);
  kernel.provide(UNDO, () => {
    kernel.events.deregister(tag);
    jails.removeAll();
    allocator.release();
  });
}

/**
 * Module `vnet`: the jails of a kernel, and through them its virtual stacks. It is held by each jail: unloading it while there are jails is EBUSY.
 * @public
 */
export function vnet(): ModuleDecl {
  return {
    name: 'vnet',
    version: 1,
    sysctls: [...JAIL_SYSCTLS, ...MSGBUF_SYSCTLS],
    sysinit: [{ subsystem: SI_SUB_VNET, order: SI_ORDER_FIRST, init, exit: (kernel) => kernel.service(UNDO)() }],
  };
}
