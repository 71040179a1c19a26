import { type Kernel, type ModuleDecl, SHUTDOWN_PRE_SYNC, SI_ORDER_ANY, SI_ORDER_FIRST, SI_SUB_PROTO_DOMAININIT, SI_SUB_VNET_DONE, type Vnet } from '@ns/kern';
import { MAC_POLICIES_EVENT, type MacHooks } from '@ns/mac-kpi';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_RWTUN, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { type Jail, PRISON_REMOVE_EVENT } from '@ns/vnet';
import { SOCKET, SocketKernel, SOCKETS } from './kernel.ts';
import { sokillAll } from './teardown.ts';

/** Sysctls kern.ipc.*, of the whole kernel. */
function ipcSysctls(): SysctlDecl<Vnet>[] {
  const v = sysctlVars<Vnet, SocketKernel>('kern.ipc', (req: SysctlReq<Vnet>) => req.vnet.kernel.service(SOCKETS));
  return [
    v.ulong('maxsockbuf', 'maxsockbuf', CTLFLAG_RW, 'Maximum socket buffer size', { min: 2304 }),
    v.uint('soacceptqueue', 'soacceptqueue', CTLFLAG_RW, 'Maximum listen socket pending connection accept queue size', { min: 1, max: 65535 }),
    v.uint('somaxconn', 'soacceptqueue', CTLFLAG_RW, 'Older name of kern.ipc.soacceptqueue', { min: 1, max: 65535 }),
    v.int('maxsockets', 'maxsockets', CTLFLAG_RWTUN, 'Maximum number of sockets available', { min: 0 }),
    v.int('numopensockets', 'numopensockets', CTLFLAG_RD, 'Number of open sockets'),
    v.int('sooverinterval', 'sooverinterval', CTLFLAG_RW, 'Delay in seconds between warnings for listen socket overflows', { min: 0 }),
  ];
}

/** Makes the kernel's part, and listens for policies of access control, and for what ends programs: a jail that is removed, the kernel's shutdown. */
function initKernel(kernel: Kernel): void {
  const sk = new SocketKernel(kernel);
  kernel.provide(SOCKETS, sk);
  const policies = (checks: MacHooks | null): void => {
    sk.mac = checks;
  };
  sk.tags.push(
    kernel.events.register(MAC_POLICIES_EVENT, policies, { owner: 'socket' }),
    kernel.events.register(PRISON_REMOVE_EVENT, (jail: Jail) => sokillAll(jail.vnet, jail), { owner: 'socket' }),
    kernel.events.register(SHUTDOWN_PRE_SYNC, () => kernel.vnets.forEach((vnet) => sokillAll(vnet, null)), { owner: 'socket' }),
  );
}

function exitKernel(kernel: Kernel): void {
  const sk = kernel.service(SOCKETS);
  for (const tag of sk.tags) kernel.events.deregister(tag);
  sk.upcalls.destroy();
}

/**
 * Module `socket`: the table of protocols, the queue of upcalls, the limits (sysctl kern.ipc).
 * @public
 */
export function socket(): ModuleDecl {
  return {
    name: 'socket',
    version: 1,
    depends: [{ name: 'inpcb', min: 1, preferred: 1, max: 1 }],
    sysinit: [{ subsystem: SI_SUB_PROTO_DOMAININIT, order: SI_ORDER_FIRST, init: initKernel, exit: exitKernel }],
    vnetInit: [{ subsystem: SI_SUB_VNET_DONE, order: SI_ORDER_ANY, init: () => {}, exit: (vnet) => sokillAll(vnet, null) }],
    vnetVars: [SOCKET],
    sysctls: ipcSysctls(),
  };
}
