/**
 * Input dispatch and receive-side scaling (FreeBSD net/netisr.c, net/rss_config.c, net/toeplitz.c).
 *
 * Protocols register a handler; a packet is taken to it at once (direct), from a software interrupt (deferred), or as fits (hybrid). With several workstreams packets are placed by
 * source, by flow or by the protocol. Neighbours: `kern` runs the software interrupts; `ifnet` says which interface a packet came from.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { mFreem } from '@ns/mbuf';
 * import { NETISR, netisr, NETISR_IP, NETISR_POLICY_FLOW } from '@ns/netisr';
 *
 * const host = virtualHost();
 * const kernel = new Kernel(host);
 * kernel.kldload(netisr());
 * const isr = kernel.service(NETISR);
 * isr.register({ proto: NETISR_IP, name: 'ip', policy: NETISR_POLICY_FLOW, handler: mFreem });
 * const m = kernel.mbufs.getHdr();
 * if (m !== null) isr.queue(NETISR_IP, m); // waits
 * isr.snapshot().workstreams[0]?.handled;  // => 0
 * host.settle();                           // is handled
 * isr.snapshot().workstreams[0]?.handled;  // => 1
 * ```
 *
 * @packageDocumentation
 */

export { netisr } from './module.ts';
export { NETISR, Netisr, type NetisrInterfaces, type NetisrOptions } from './netisr.ts';
export * from './proto.ts';
export * from './rss.ts';
export type { NetisrProtoRow, NetisrSnapshot, NetisrWorkRow } from './snapshot.ts';
export { RSS_DEFAULT_KEY, RSS_KEYSIZE, Toeplitz } from './toeplitz.ts';
