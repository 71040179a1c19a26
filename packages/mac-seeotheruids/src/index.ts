/**
 * A policy of mandatory access control by which users see their own sockets only, in netstat, sockstat and the lists behind them (FreeBSD mac_seeotheruids(4)).
 *
 * Neighbours: `mac` asks it; `mac-kpi` is the contract.
 *
 * ```ts
 * import { socketsSnapshot } from '@ns/cli';
 * import { virtualHost } from '@ns/kern';
 * import { macSeeotheruids } from '@ns/mac-seeotheruids';
 * import { SOCK_DGRAM, socreate } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { crSetuid } from '@ns/vnet';
 * import { AF_INET } from '@ns/wire';
 *
 * const { vnet, cred } = createStack({ host: virtualHost(), extra: [macSeeotheruids()] }).host;
 * const user = crSetuid(cred, 1001);
 * for (const owner of [cred, user]) socreate(vnet, AF_INET, SOCK_DGRAM, 0, owner);
 * socketsSnapshot(vnet, user).sockets.length; // => 1: that of user 1001
 * socketsSnapshot(vnet, cred).sockets.length; // => 2: the superuser sees all
 * ```
 *
 * @packageDocumentation
 */
export { macSeeotheruids } from './module.ts';
