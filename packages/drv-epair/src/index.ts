/**
 * A virtual cable with an Ethernet interface at each end (FreeBSD net/if_epair.c).
 *
 * Frames cross by reference: the mbuf changes owner and waits in a bounded queue for the software interrupt. Checksums and segmentation that a sender leaves undone stay undone if the far end takes the
 * sender's word (RXCSUM, LRO), and are done on the way if not. Neighbours: `ether` (behaviour of IFT_ETHER) must be loaded; `if-bridge` and jails are where the ends go.
 *
 * ```ts
 * import { epair } from '@ns/drv-epair';
 * import { ether } from '@ns/ether';
 * import { IFNET_CORE, ifCloneCreate, ifnet, IFNET } from '@ns/ifnet';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { netisr } from '@ns/netisr';
 * import { vnet } from '@ns/vnet';
 *
 * const kernel = new Kernel(virtualHost());
 * for (const mod of [netisr(), vnet(), ifnet(), ether(), epair()]) kernel.kldload(mod);
 * ifCloneCreate(kernel.service(IFNET_CORE), kernel.vnets.vnet0, 'epair', undefined);
 * IFNET.get(kernel.vnets.vnet0).list.map((ifp) => ifp.name); // => ['epair0a', 'epair0b']
 * ```
 *
 * @packageDocumentation
 */

export { EPAIR_DRIVER } from './epair.ts';
export { epair } from './module.ts';
