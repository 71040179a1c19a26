import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';

/**
 * Counters of router advertisement.
 * @public
 */
export class RtadvStat {
  /** Advertisements sent. */
  sent = 0;
  /** Advertisements that could not be sent. */
  errors = 0;
  /** Advertisements left out: interface down, or no link-local address yet. */
  skipped = 0;
  /** Solicitations heard. */
  solicited = 0;
  /** Prefixes that did not fit into an advertisement. */
  prefixes_left = 0;
  /** Prefixes that are gone and were forgotten before hosts had been told so for two hours: there are too many of them. */
  withdrawn_left = 0;
}

/**
 * Router advertisement in one vnet.
 * @public
 */
export class RtadvVnet {
  /** Whose it is. */
  readonly vnet: Vnet;
  /** Counters. */
  readonly stat: RtadvStat;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.stat = new RtadvStat();
  }
}

/** Router advertisement of a vnet. @public */
export const RTADV: VnetVar<RtadvVnet> = defineVnetVar({ module: 'rtadvd', name: 'rtadvd', init: (vnet) => new RtadvVnet(vnet) });
