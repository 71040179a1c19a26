/**
 * Enhanced round-trip times (FreeBSD netinet/khelp/h_ertt.c): one sample for each segment that an ACK can be matched with, free of what delayed ACKs and segmentation by
 * the interface add, and once in a round trip a measurement with the bytes sent meanwhile. Congestion control that goes by delay needs it.
 *
 * Neighbours: `kern` has the helpers of which it is one, `tcp-kpi` what TCP's hooks get, `tcp` runs them.
 *
 * ```ts
 * import { hErtt, erttHelper } from '@ns/h-ertt';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { inpcb } from '@ns/inpcb';
 * import { netisr } from '@ns/netisr';
 * import { socket } from '@ns/socket';
 * import { tcp } from '@ns/tcp';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(hErtt(), [tcp(), socket(), inpcb(), netisr()]); // with what it needs
 * kernel.khelp.getId('ertt'); // => 0
 * // in congestion control: kernel.khelp.get(erttHelper, tp.osd)?.rttMs
 * erttHelper.name; // => 'ertt'
 * ```
 * @packageDocumentation
 */
export { Ertt, ERTT_MEASUREMENT_IN_PROGRESS, ERTT_NEW_MEASUREMENT, ERTT_TSO_DISABLED, TxSegInfo } from './ertt.ts';
export { erttHelper, hErtt } from './module.ts';
