/**
 * The link-layer cache that ARP, neighbour discovery and offload engines share (FreeBSD net/if_llatbl.c).
 *
 * One {@link Lltable} for each interface and address family; one {@link Llentry} for each neighbour, with the link header ready-made, so that the output
 * path sends a resolved packet with one prepend and four stores. Tables and the packets that wait in them are bounded. The protocol that fills a table
 * (`arp`) owns states and timers. Neighbours: `ether` uses the headers, `route` caches a reference beside the next hop.
 *
 * ```ts
 * import { Lltable, llentrySetAddr } from '@ns/lltable';
 *
 * const tbl = new Lltable(ifp, AF_INET, { removed: (lle) => stopTimer(lle) });
 * const lle = tbl.lookup(dst) ?? tbl.create(dst, 0);
 * if (lle !== null) llentrySetAddr(lle, mac, 0, ifp.lladdr, 0x0800);
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
