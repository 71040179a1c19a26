/**
 * The seam of TCP offload (FreeBSD netinet/toecore.h): the methods of an offload device, and what the stack does for offload modules.
 *
 * First form: names and contracts follow FreeBSD's; where t4_tom reaches into the control block and the socket, there is a function here, so that an
 * offload module depends on this package alone. It will change with its first implementation.
 *
 * ```ts
 * import { ENOTSUP } from '@ns/errno';
 * import { initToedev, type toe_tcpcb } from '@ns/toe-kpi';
 *
 * const tod = initToedev({ name: 'nop', softc: null, todOutput: () => 0 });
 * const tp = {} as toe_tcpcb; // the stack's, opaque
 * tod.todOutput(tod, tp); // => 0
 * tod.todSendRst(tod, tp) === ENOTSUP; // => true: a safe default
 * ```
 *
 * @packageDocumentation
 */

export * from './kpi.ts';
export * from './toedev.ts';
