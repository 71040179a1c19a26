/**
 * The loopback interface (FreeBSD net/if_loop.c): lo0 exists in every vnet from its creation; packets sent on it come in again by way of netisr.
 *
 * Neighbours: `ifnet` has the link-level behaviour of IFT_LOOP (output, handing up); this is the driver below it, which deals with checksums.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { netisr } from '@ns/netisr';
 * import { vnet } from '@ns/vnet';
 * import { ifnet, ifunit } from '@ns/ifnet';
 * import { loop } from '@ns/drv-loop';
 *
 * const kernel = new Kernel(virtualHost());
 * for (const mod of [netisr(), vnet(), ifnet(), loop()]) kernel.kldload(mod);
 * ifunit(kernel.vnets.vnet0, 'lo0')?.mtu; // => 16384
 * ```
 *
 * @packageDocumentation
 */

export { LOOP_DRIVER } from './loop.ts';
export { loop } from './module.ts';
