import { type ModuleDecl, SI_ORDER_FIRST, SI_SUB_PROTO_DOMAININIT, type Vnet } from '@ns/kern';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_RWTUN, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { SOCKET, SocketKernel, SOCKETS } from './kernel.ts';

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

/**
 * Module `socket`: the table of protocols, the queue of upcalls, the limits (sysctl kern.ipc).
 * @public
 */
export function socket(): ModuleDecl {
  return {
    name: 'socket',
    version: 1,
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAININIT,
        order: SI_ORDER_FIRST,
        init: (kernel) => kernel.provide(SOCKETS, new SocketKernel(kernel)),
        exit: (kernel) => kernel.service(SOCKETS).upcalls.destroy(),
      },
    ],
    vnetVars: [SOCKET],
    sysctls: ipcSysctls(),
  };
}
