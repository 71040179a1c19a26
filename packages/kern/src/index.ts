/**
 * The kernel object (FreeBSD kern/kern_module.c, kern_linker.c, net/vnet.c, kern_hhook.c): modules and their versions, initialisers once per kernel and once per vnet, per-vnet
 * variables, software interrupts, event handlers, hook points, helpers, and the ledger of all that was taken.
 *
 * Nothing in this package, nor in any package above it, is global: everything hangs off a {@link Kernel} or a {@link Vnet}. Neighbours: `callout` (time), `sysctl`
 * (the tree), `mbuf` (the pool); `vnet` makes further vnets for jails.
 *
 * ```ts
 * import { Kernel, SI_ORDER_ANY, SI_SUB_PROTO_DOMAIN, defineVnetVar, virtualHost, type ModuleDecl } from '@ns/kern';
 *
 * const COUNT = defineVnetVar({ module: 'hello', name: 'count', init: () => ({ greetings: 0 }) });
 * const hello: ModuleDecl = {
 *   name: 'hello', version: 1, vnetVars: [COUNT],
 *   vnetInit: [{ subsystem: SI_SUB_PROTO_DOMAIN, order: SI_ORDER_ANY, init: (vnet) => { COUNT.get(vnet).greetings++; } }],
 * };
 * const kernel = new Kernel(virtualHost({ seed: 7 }));
 * kernel.kldload(hello);                        // => { errno: 0, message: '', id: 2 }
 * COUNT.get(kernel.vnets.vnet0).greetings;      // => 1
 * kernel.kldunload('hello');                    // => { errno: 0, message: '' }
 * ```
 *
 * @packageDocumentation
 */
export type { Host } from './host.ts';
export { type Random, randomBelow, SeededRandom } from './random.ts';
export { VirtualHost, virtualHost, type VirtualHostOptions } from './virtual-host.ts';
export { Kernel, MBUF_LOWMEM, SHUTDOWN_PRE_SYNC, type ShutdownReport } from './kernel.ts';
export { KERNEL_VERSION } from './linker.ts';
export { type KldResult, type KldStatEntry, MAXMODNAME, type ModuleDecl, type ModuleDepend } from './module.ts';
export { MODULE_PATH, type ModulePath, modulePath } from './module-path.ts';
export { ServiceKey } from './service.ts';
export { defineVnetVar, sameVnet, type Vnet, type VnetModuleVars, VnetVar, type VnetVarDecl } from './vnet.ts';
export type { Prompt, VnetAllocator, VnetAllocResult, VnetList, VnetReport } from './vnet-list.ts';
export { describeRows, type Lease, Ledger, type LedgerAccount, type LedgerRow } from './ledger.ts';
export { Swi, type SwiHandler, type SwiTime } from './swi.ts';
export {
  EVENTHANDLER_PRI_ANY,
  EVENTHANDLER_PRI_FIRST,
  EVENTHANDLER_PRI_LAST,
  EventHandlers,
  EventKey,
  type EventOptions,
  type EventTag,
} from './events.ts';
export {
  type Hhook,
  type HhookFn,
  HHOOK_TCP_EST_IN,
  HHOOK_TCP_EST_OUT,
  HHOOK_TYPE_IPSEC_IN,
  HHOOK_TYPE_IPSEC_OUT,
  HHOOK_TYPE_SOCKET,
  HHOOK_TYPE_TCP,
  type HhookHead,
  hhookRun,
  HhookTable,
} from './hhook.ts';
export { HELPER_CLASS_SOCKET, HELPER_CLASS_TCP, type Helper, type HelperHook, Khelp, khelpModule, Osd } from './khelp.ts';
export {
  LOG_ALERT,
  LOG_CRIT,
  LOG_DEBUG,
  LOG_EMERG,
  LOG_ERR,
  LOG_INFO,
  LOG_NOTICE,
  LOG_WARNING,
  Logger,
  ppsratecheck,
  RateLimit,
} from './log.ts';
export { type LogRoute, logRouter } from './log-router.ts';
export { formatLogEntry, type LogEntry } from './log-entry.ts';
export { MsgBuf } from './msgbuf.ts';
export * from './sysinit.ts';
