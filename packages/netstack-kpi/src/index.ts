/**
 * A whole network stack behind socreate(): the few questions that the rest of a system asks of whatever stack is there, the stack that answers when none is, and
 * the registry with room for one (the `netstack` kobj of Juniper's contribution to FreeBSD).
 *
 * Control path only: no packet passes through here. Neighbours: `socket` asks at socreate and SO_SETFIB; a stack registers with {@link netstackRegister} or as a
 * {@link netstackModule}.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { curnetstack, netstackBsd } from '@ns/netstack-kpi';
 *
 * const kernel = new Kernel(virtualHost());
 * curnetstack(kernel).name;                        // => 'null'
 * curnetstack(kernel).validFib({ fibnum: 0 }, 3);  // => false: the null stack is careful
 * kernel.kldload(netstackBsd());
 * curnetstack(kernel).name;                        // => 'bsd'
 * ```
 *
 * @packageDocumentation
 */
export {
  type ExportArgs,
  type ExportCheck,
  MAXSECFLAVORS,
  MNT_DEFEXPORTED,
  MNT_DELEXPORT,
  MNT_EXPORTED,
  type Netstack,
  NETSTACK_CAP_ALL,
  NETSTACK_CAP_LRO,
  NETSTACK_CAP_MQ,
  NETSTACK_VERSION,
  type NetstackCred,
  type NetstackProto,
  type NetstackSocket,
  type NetstackV1,
} from './netstack.ts';
export { nullNetstack } from './null-netstack.ts';
export {
  curnetstack,
  NETSTACK,
  netstackDeregister,
  netstackFind,
  netstackModule,
  netstackModuleName,
  type NetstackModuleOptions,
  netstackOffer,
  netstackRegister,
} from './registry.ts';
export { bsdNetstack, bsdSocreate, NETSTACK_BSD, netstackBsd } from './bsd.ts';
export { ExportTable } from './exports.ts';
