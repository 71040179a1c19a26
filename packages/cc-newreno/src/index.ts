/**
 * NewReno congestion control (RFC 5681, RFC 6582), with optional ABE (RFC 8511): the algorithm every connection can fall back on.
 *
 * Neighbours: `cc-kpi` has the contract and NewReno's arithmetic; the `tcp` module provides the service it registers with.
 *
 * ```ts
 * import { ccNewreno } from '@ns/cc-newreno';
 *
 * kernel.kldload(ccNewreno());
 * // sysctl net.inet.tcp.cc.available -> newreno
 * ```
 * @packageDocumentation
 */
export { CC_NEWRENO_BETA, CC_NEWRENO_BETA_ECN, newrenoCcAlgo } from './algo.ts';
export { ccNewreno } from './module.ts';
