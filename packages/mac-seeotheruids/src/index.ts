/**
 * A policy of mandatory access control by which users see their own sockets only, in netstat, sockstat and the lists behind them (FreeBSD mac_seeotheruids(4)).
 *
 * Neighbours: `mac` asks it; `mac-kpi` is the contract.
 *
 * ```ts
 * import { macSeeotheruids } from '@ns/mac-seeotheruids';
 * import { socketsSnapshot } from '@ns/cli';
 *
 * stack.kernel.kldload(macSeeotheruids());
 * socketsSnapshot(vnet, crSetuid(cred, 1001)).sockets;   // those of user 1001
 * socketsSnapshot(vnet, cred).sockets;                   // the superuser: all
 * ```
 *
 * @packageDocumentation
 */
export { macSeeotheruids } from './module.ts';
