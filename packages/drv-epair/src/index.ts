/**
 * A virtual cable with an Ethernet interface at each end (FreeBSD net/if_epair.c).
 *
 * Frames cross by reference: the mbuf changes owner and waits in a bounded queue for the software interrupt. Checksums and segmentation that a sender leaves undone stay undone if the far end takes the
 * sender's word (RXCSUM, LRO), and are done on the way if not.
 *
 * @packageDocumentation
 */

export { EPAIR_DRIVER } from './epair.ts';
export { epair } from './module.ts';
