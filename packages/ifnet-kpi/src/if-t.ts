import type { Rcvif } from '@ns/mbuf';

/** Brand of {@link if_t}: exists for the type checker only. */
declare const IFNET_BRAND: unique symbol;

/**
 * An interface, as drivers and other modules outside the stack hold it: a key to hand back to {@link IfnetKpi}, with nothing to read in it.
 * The same object for the whole life of the interface, so `===` is identity; `m.rcvif` is one.
 * Source: FreeBSD if_t.
 * @public
 */
export interface if_t extends Rcvif {
  /** Does not exist at run time. */
  readonly [IFNET_BRAND]: true;
}
