import { Callout } from '@ns/callout';
import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { PF_LOOK, PfPacket } from './packet.ts';
import { PassIn } from './rules.ts';
import { type PfState, PfTimeouts } from './state.ts';
import { PfFrags, PfTable } from './table.ts';

const SECOND_US = 1000000;

/**
 * Counters of the filter in one vnet. Names are those of pfctl -si where it has them.
 * @public
 */
export class PfStateStat {
  /** Packets that a state was looked for. */
  searches = 0;
  /** States made. */
  inserts = 0;
  /** States gone. */
  removals = 0;
  /** Packets whose state was still on them from an earlier look. */
  links = 0;
  /** Packets with a state on them that was not theirs. Never, unless somebody reuses packets and does not say so (mTagDeleteFlow). */
  state_mismatch = 0;
  /** Dropped: nobody had asked for it. */
  blocked = 0;
  /** Dropped: too short for its headers. */
  short = 0;
  /** Dropped: a fragment whose first one has not been let through. */
  fragment = 0;
  /** Dropped: no room for another state. */
  state_limit = 0;
  /** Connections taken in that were older than the filter. */
  picked_up = 0;
}

/** The filter in one vnet. */
export class PfStateVnet {
  readonly vnet: Vnet;
  readonly stat: PfStateStat;
  readonly timeouts: PfTimeouts;
  readonly table: PfTable;
  readonly frags: PfFrags;
  /** net.pf_state.limit. */
  limit: number;
  /** net.pf_state.interval: seconds in which the whole table is looked through. */
  interval: number;
  /** net.pf_state.pickup: seconds after loading in which connections under way are taken in. */
  pickup: number;
  /** net.pf_state.pass_in, as it was written. */
  passInText: string;
  passIn: PassIn;
  /** Seconds of the kernel's clock when it was loaded. */
  readonly loaded: number;
  /** Records that are used again for each packet. */
  readonly pkt: PfPacket;
  readonly look: Uint8Array;
  readonly lookDv: DataView;
  private readonly purge: Callout<PfStateVnet>;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.stat = new PfStateStat();
    this.timeouts = new PfTimeouts();
    this.table = new PfTable(vnet.kernel.random.u32());
    this.frags = new PfFrags();
    this.limit = 10000;
    this.interval = 10;
    this.pickup = 30;
    this.passInText = '';
    this.passIn = new PassIn();
    this.loaded = Math.floor(vnet.kernel.callouts.nowUs() / SECOND_US);
    this.pkt = new PfPacket(new PfPacket(null));
    this.look = new Uint8Array(PF_LOOK);
    this.lookDv = new DataView(this.look.buffer);
    this.purge = new Callout<PfStateVnet>(purge, this);
  }

  /** Seconds of the kernel's clock. */
  now(): number {
    return Math.floor(this.vnet.kernel.callouts.nowUs() / SECOND_US);
  }

  /** Takes a state out. */
  remove(s: PfState): void {
    this.table.remove(s);
    this.stat.removals++;
  }

  /** There is something that will expire. */
  arm(): void {
    if (!this.purge.pending) this.vnet.kernel.callouts.reset(this.purge, SECOND_US);
  }

  /** The rules have changed. */
  setPassIn(text: string): void {
    this.passIn = PassIn.parse(text) ?? this.passIn;
  }

  destroy(): void {
    this.vnet.kernel.callouts.stop(this.purge);
    this.table.clear();
  }
}

/** Looks through a part of the table, once a second while there are states. Source: FreeBSD pf.c, pf_purge_thread(). */
function purge(pf: PfStateVnet): void {
  pf.stat.removals += pf.table.sweep(pf.now(), pf.interval);
  if (pf.table.count > 0) pf.arm();
}

/** The filter of a vnet. */
export const PF_STATE: VnetVar<PfStateVnet> = defineVnetVar({
  module: 'pf_state',
  name: 'pf_state',
  init: (vnet) => new PfStateVnet(vnet),
  destroy: (pf) => {
    pf.destroy();
  },
});
