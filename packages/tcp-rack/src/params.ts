import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';

/** Settings and counters of one vnet, behind `net.inet.tcp.rack.*`. Times in microseconds. */
export class RackVnet {
  /** Send tail loss probes. */
  tlp: boolean;
  /** Shortest time before one. */
  tlpMinUs: number;
  /** The reordering window begins at the shortest round trip shifted right by this. */
  reorderThresh: number;
  /** Reordering that was not seen for so long is forgotten; 0: never. */
  reorderFadeUs: number;
  /** How long the peer may delay an ACK. */
  delayedAckUs: number;
  /** Timeouts in a row after which selective acknowledgements are not believed any more. */
  scoreboardThresh: number;
  /** Let congestion control end slow start by HyStart++ (RFC 9406): 0 no, 1 yes; 2 and 3 also shrink the window at its end. */
  hystart: number;

  /** Expiries of the probe timer, and what came of them. */
  tlpToTotal: number;
  tlpNew: number;
  tlpRetran: number;
  tlpRetranBytes: number;
  /** Losses that a probe has repaired. */
  tlpRepaired: number;
  /** Expiries of the reordering timer. */
  rackToTot: number;
  /** Segments found lost: by an ACK or the reordering timer, those of them that were retransmissions, and by a timeout. */
  rackLost: number;
  rackLostRexmits: number;
  rtoLost: number;
  /** Connections on which reordering was seen. */
  reorderSeen: number;

  constructor() {
    this.tlp = true;
    this.tlpMinUs = 10_000;
    this.reorderThresh = 2;
    this.reorderFadeUs = 60_000_000;
    this.delayedAckUs = 40_000;
    this.scoreboardThresh = 2;
    this.hystart = 0;
    this.tlpToTotal = 0;
    this.tlpNew = 0;
    this.tlpRetran = 0;
    this.tlpRetranBytes = 0;
    this.tlpRepaired = 0;
    this.rackToTot = 0;
    this.rackLost = 0;
    this.rackLostRexmits = 0;
    this.rtoLost = 0;
    this.reorderSeen = 0;
  }

  /** What `reorderThresh` divides the shortest round trip by: a shift to the right, of numbers that may be larger than 32 bits. */
  reorderDivisor(): number {
    return this.reorderThresh < 31 ? 1 << this.reorderThresh : 2147483648;
  }
}

/** RACK of each vnet. */
export const RACK_VNET: VnetVar<RackVnet> = defineVnetVar<RackVnet>({ module: 'tcp-rack', name: 'rack', init: () => new RackVnet() });

const US = Object.freeze({ min: 0, max: 2147483647 });

/** The sysctls. Names are FreeBSD's, but for `tlp.enable`, and `tlp_repaired` and those below it. */
export function rackSysctls(): readonly SysctlDecl<Vnet>[] {
  const of = (req: SysctlReq<Vnet>): RackVnet => RACK_VNET.get(req.vnet);
  const tlp = sysctlVars('net.inet.tcp.rack.tlp', of, CTLFLAG_VNET);
  const timers = sysctlVars('net.inet.tcp.rack.timers', of, CTLFLAG_VNET);
  const features = sysctlVars('net.inet.tcp.rack.features', of, CTLFLAG_VNET);
  const stats = sysctlVars('net.inet.tcp.rack.stats', of, CTLFLAG_VNET);
  return [
    tlp.bool('enable', 'tlp', CTLFLAG_RW, 'Send tail loss probes'),
    tlp.int('tlpminto', 'tlpMinUs', CTLFLAG_RW, 'TLP minimum timeout (in microseconds)', US),
    tlp.int('reorder_thresh', 'reorderThresh', CTLFLAG_RW, 'What factor for rack will be added when seeing reordering (shift right)', { min: 0, max: 31 }),
    tlp.int('reorder_fade', 'reorderFadeUs', CTLFLAG_RW, 'Does reorder detection fade, if so how many microseconds (0 means never)', US),
    timers.int('delayed_ack', 'delayedAckUs', CTLFLAG_RW, 'Delayed ack time of the peer (in microseconds)', US),
    timers.int('scoreboard_thresh', 'scoreboardThresh', CTLFLAG_RW, "How many RTO's are allowed before we clear the scoreboard", { min: 0, max: 12 }),
    features.int('hystartplusplus', 'hystart', CTLFLAG_RW, 'Should RACK enable HyStart++ on connections?', { min: 0, max: 3 }),
    stats.int('tlp_to_total', 'tlpToTotal', CTLFLAG_RD, 'Total number of tail loss probe expirations'),
    stats.int('tlp_new', 'tlpNew', CTLFLAG_RD, 'Total number of tail loss probe sending new data'),
    stats.int('tlp_retran', 'tlpRetran', CTLFLAG_RD, 'Total number of tail loss probe sending retransmitted data'),
    stats.int('tlp_retran_bytes', 'tlpRetranBytes', CTLFLAG_RD, 'Total bytes of tail loss probe sending retransmitted data'),
    stats.int('rack_to_tot', 'rackToTot', CTLFLAG_RD, 'Total number of times the rack to expired'),
    stats.int('tlp_repaired', 'tlpRepaired', CTLFLAG_RD, 'Total number of losses that a tail loss probe has repaired'),
    stats.int('lost', 'rackLost', CTLFLAG_RD, 'Total number of segments found lost by an ACK or the reordering timer'),
    stats.int('lost_retran', 'rackLostRexmits', CTLFLAG_RD, 'Those of them that were retransmissions'),
    stats.int('rto_lost', 'rtoLost', CTLFLAG_RD, 'Total number of segments found lost by a retransmission timeout'),
    stats.int('reorder_seen', 'reorderSeen', CTLFLAG_RD, 'Total number of connections on which reordering was seen'),
  ];
}
