import type { Kernel, ModuleDecl, Vnet } from '@ns/kern';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { ExportTable } from './exports.ts';
import { type Netstack, NETSTACK_CAP_ALL, NETSTACK_VERSION, type NetstackCred, type NetstackProto, type NetstackSocket } from './netstack.ts';
import { netstackModule } from './registry.ts';

const AF_ROUTE = 17;

/** Name of this project's stack. @public */
export const NETSTACK_BSD = 'bsd';

/**
 * What FreeBSD's own stack does in socreate: a socket of PF_INET, PF_INET6 or PF_ROUTE takes the routing table of its process, any other table 0.
 * Source: the `socreate` method of the bsd stack.
 * @public
 */
export function bsdSocreate(so: NetstackSocket, proto: NetstackProto, cred: NetstackCred): void {
  const { domain } = proto;
  so.fibnum = domain === AF_INET || domain === AF_INET6 || domain === AF_ROUTE ? cred.fibnum : 0;
}

/**
 * The methods of this project's stack, for one kernel.
 *
 * A process that came from another vnet may be in a table that there is none of here: its sockets begin in table 0.
 *
 * @param numfibs - how many routing tables a vnet (absent: the first one) has now; 0 = there is no routing, and nothing to check a process against
 * @public
 */
export function bsdNetstack(numfibs: (vnet?: Vnet) => number): Netstack {
  const exports = new ExportTable();
  return {
    name: NETSTACK_BSD,
    version: NETSTACK_VERSION,
    socreate: (so, proto, cred) => {
      bsdSocreate(so, proto, cred);
      if (so.fibnum !== 0 && so.fibnum >= (numfibs(so.vnet) || Infinity)) so.fibnum = 0;
    },
    vfsExport: (mount, args) => exports.vfsExport(mount, args),
    vfsFreeExports: (mount) => exports.vfsFreeExports(mount),
    vfsCheckExport: (mount, client, out) => exports.vfsCheckExport(mount, client, out),
    capabilities: () => NETSTACK_CAP_ALL,
    validFib: (so, fib) => Number.isInteger(fib) && fib >= 0 && fib < (numfibs(so.vnet) || 1),
  };
}

/**
 * Module `netstack_bsd`: makes {@link bsdNetstack} the stack of the kernel that loads it, or with `standby` one that jails and calls may choose. The number of routing
 * tables is the sysctl `net.fibs` of the socket's vnet.
 * @public
 */
export function netstackBsd(options: { readonly standby?: boolean } = {}): ModuleDecl {
  return netstackModule(NETSTACK_BSD, (kernel) => bsdNetstack((vnet) => fibsOf(kernel, vnet)), options);
}

function fibsOf(kernel: Kernel, vnet: Vnet = kernel.vnets.vnet0): number {
  const { value } = kernel.sysctl.sysctlGet('net.fibs', { vnet, jailed: false });
  return typeof value === 'number' ? value : 0;
}
