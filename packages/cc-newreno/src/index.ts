/**
 * NewReno congestion control (RFC 5681, RFC 6582), with optional ABE (RFC 8511) and HyStart++ (RFC 9406): the algorithm every connection can fall back on.
 *
 * Neighbours: `cc-kpi` has the contract and NewReno's arithmetic; the `tcp` module provides the service it registers with.
 *
 * ```ts
 * import { CC_KPI } from '@ns/cc-kpi';
 * import { ccNewreno } from '@ns/cc-newreno';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { inpcb } from '@ns/inpcb';
 * import { netisr } from '@ns/netisr';
 * import { socket } from '@ns/socket';
 * import { tcp } from '@ns/tcp';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(ccNewreno(), [tcp(), socket(), inpcb(), netisr()]); // with what it needs
 * kernel.service(CC_KPI).find('newreno')?.name; // => 'newreno'
 * ```
 * @packageDocumentation
 */
export { CC_NEWRENO_BETA, CC_NEWRENO_BETA_ECN, newrenoCcAlgo } from './algo.ts';
export { ccNewreno } from './module.ts';
