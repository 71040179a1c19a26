/**
 * The link-layer cache that ARP, neighbour discovery and offload engines share (FreeBSD net/if_llatbl.c).
 *
 * One {@link Lltable} for each interface and address family; one {@link Llentry} for each neighbour, with the link header ready-made, so that the output
 * path sends a resolved packet with one prepend and four stores. Tables and the packets that wait in them are bounded. The protocol that fills a table
 * (`arp`) owns states and timers. Neighbours: `ether` uses the headers, `route` caches a reference beside the next hop.
 *
 * ```ts
 * import { ether } from '@ns/ether';
 * import { ifCloneCreate, IFNET_CORE, ifnet, ifunit } from '@ns/ifnet';
 * import { epair } from '@ns/drv-epair';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { llentrySetAddr, Lltable } from '@ns/lltable';
 * import { netisr } from '@ns/netisr';
 * import { vnet } from '@ns/vnet';
 * import { AF_INET, parseEtherAddr, parseInAddr } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * for (const mod of [netisr(), vnet(), ifnet(), ether(), epair()]) kernel.kldload(mod);
 * ifCloneCreate(kernel.service(IFNET_CORE), kernel.vnets.vnet0, 'epair', undefined);
 * const ifp = ifunit(kernel.vnets.vnet0, 'epair0a')!;
 * const tbl = new Lltable(ifp, AF_INET, { removed: () => {} });
 * const lle = tbl.create(parseInAddr('10.0.0.2')!, 0)!;
 * llentrySetAddr(lle, parseEtherAddr('02:00:00:00:00:02')!, 0, ifp.lladdr!, 0x0800);
 * lle.h0; // => 0x02000000: the first four bytes of the header
 * tbl.lookup4(0x0a000002) === lle; // => true
 * ```
 * @packageDocumentation
 */
export {
  LLE_ADDR_LEN,
  LLE_DELETED,
  LLE_HDR_LEN,
  LLE_IFADDR,
  LLE_LINKED,
  LLE_PUB,
  LLE_REDIRECT,
  LLE_STATIC,
  LLE_VALID,
  Llentry,
  llentryInvalidate,
  llentryProvideFeedback,
  llentryRequestFeedback,
  llentrySetAddr,
  llentrySetSource,
  LLSTATE_INCOMPLETE,
  LLSTATE_REACHABLE,
} from './llentry.ts';
export { Lltable, LLTABLE_DEFAULT_LIMIT, type LltableOps } from './lltable.ts';
