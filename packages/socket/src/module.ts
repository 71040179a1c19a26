import { type ModuleDecl, SI_ORDER_FIRST, SI_SUB_PROTO_DOMAININIT } from '@ns/kern';
import { SOCKET, SocketKernel, SOCKETS } from './kernel.ts';

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
  };
}
