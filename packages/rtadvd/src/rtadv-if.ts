import { Callout } from '@ns/callout';
import type { Ifnet } from '@ns/ifnet';
import { IFF_DRV_RUNNING, IFF_UP, IfSlotKey } from '@ns/ifnet-kpi';
import { icmp6Output, in6Joingroup, in6Leavegroup, in6Linklocal, in6Zoned, IP6, type Ip6Vnet } from '@ns/ip6';
import { randomBelow } from '@ns/kern';
import { IN6ADDR_LINKLOCAL_ALLNODES, IN6ADDR_LINKLOCAL_ALLROUTERS, ND_HLIM } from '@ns/wire';
import { advBytes, advPrefixes } from './advert.ts';
import type { RtadvParams } from './config.ts';
import type { RtadvStat } from './rtadv-vnet.ts';
import { ToldPrefixes } from './withdraw.ts';

const SEC = 1000000;
/** The first advertisements follow each other faster. Source: RFC 4861 §10, MAX_INITIAL_RTR_ADVERTISEMENTS, MAX_INITIAL_RTR_ADVERT_INTERVAL. */
const INITIAL_ADVERTISEMENTS = 3;
const INITIAL_INTERVAL_US = 16 * SEC;
/** Source: RFC 4861 §10, MAX_FINAL_RTR_ADVERTISEMENTS. */
const FINAL_ADVERTISEMENTS = 3;
/** Longest wait before a solicitation is answered. Source: RFC 4861 §10, MAX_RA_DELAY_TIME. */
const MAX_RA_DELAY_US = SEC / 2;
/** Shortest time between two multicast advertisements. Source: RFC 4861 §10, MIN_DELAY_BETWEEN_RAS. */
const MIN_DELAY_BETWEEN_RAS_US = 3 * SEC;

/** A router's advertisements on one interface. Source: FreeBSD rtadvd/rtadvd.h, struct rainfo. */
export class RtadvIf {
  readonly ifp: Ifnet;
  readonly stat: RtadvStat;
  params: RtadvParams;
  /** Multicast advertisements sent. */
  sent: number;
  /** Valid solicitations heard. */
  solicited: number;
  /** Time of the last one, µs; negative before the first. */
  lastUs: number;
  /** Prefixes that hosts have heard. */
  readonly told: ToldPrefixes;
  /** Advertisements that are still to follow each other faster. */
  private hurried: number;
  private readonly ip6v: Ip6Vnet;
  private readonly timer: Callout<RtadvIf>;

  constructor(ifp: Ifnet, params: RtadvParams, stat: RtadvStat) {
    this.ifp = ifp;
    this.params = params;
    this.stat = stat;
    this.sent = 0;
    this.solicited = 0;
    this.lastUs = -MIN_DELAY_BETWEEN_RAS_US;
    this.told = new ToldPrefixes(stat);
    this.hurried = INITIAL_ADVERTISEMENTS;
    this.ip6v = IP6.get(ifp.vnet);
    this.timer = new Callout<RtadvIf>(fire, this);
  }

  /** When the next one is due, µs. */
  get nextUs(): number {
    return this.timer.deadlineUs;
  }

  /** Begins: hears solicitations, and says a first word soon. Returns an errno. */
  start(): number {
    const joined = in6Joingroup(this.ip6v, IN6ADDR_LINKLOCAL_ALLROUTERS, this.ifp);
    if (typeof joined === 'number') return joined;
    this.soon();
    return 0;
  }

  /** Ends; with `say`, tells hosts that this is no router any more (RFC 4861 §6.2.5). */
  stop(say: boolean): void {
    this.ip6v.vnet.kernel.callouts.stop(this.timer);
    if (say) this.send(0);
    in6Leavegroup(IN6ADDR_LINKLOCAL_ALLROUTERS, this.ifp);
  }

  /** Somebody asks: answered to all, after a random wait, and no sooner than three seconds after the last. A wait that is on its way already will do. Source: RFC 4861 §6.2.6. */
  solicit(): void {
    this.solicited++;
    this.soon();
  }

  /** What is said has changed: it is said soon, and, as at the beginning, more often for a while (RFC 4861 §6.2.4). */
  changed(): void {
    this.hurried = INITIAL_ADVERTISEMENTS;
    this.soon();
  }

  /** The vnet no longer forwards: hosts hear so at once, and again, three times in all (RFC 4861 §6.2.5, MAX_FINAL_RTR_ADVERTISEMENTS); afterwards at the usual times, with lifetime 0, for their prefixes go on. */
  ceased(): void {
    this.send(0);
    this.hurried = FINAL_ADVERTISEMENTS - 2; // one has been said, and the last one is not followed by another soon
    this.soon();
  }

  /** Something is to be said, or somebody wants to hear it: the next one comes within half a second, or three seconds after the last. */
  soon(): void {
    const { kernel } = this.ip6v.vnet;
    const now = kernel.callouts.nowUs();
    const at = Math.max(now, this.lastUs + MIN_DELAY_BETWEEN_RAS_US) + randomBelow(kernel.random, MAX_RA_DELAY_US);
    if (this.timer.pending && this.timer.deadlineUs <= at) return;
    kernel.callouts.reset(this.timer, at - now);
  }

  /** The timer has fired. Source: FreeBSD rtadvd/rtadvd.c, ra_output(), ra_timer_update(). */
  fire(): void {
    const { kernel } = this.ip6v.vnet;
    const { minUs, maxUs } = this.params;
    // Armed first: what is sent may bring something in before the call returns.
    let us = minUs + randomBelow(kernel.random, maxUs - minUs + 1);
    if (this.hurried > 0) us = Math.min(us, INITIAL_INTERVAL_US);
    kernel.callouts.reset(this.timer, us);
    // A vnet that does not forward is no default router (RFC 4861 §6.2.2).
    this.send(this.ip6v.forwarding ? this.params.rltimeSec : 0);
  }

  private send(lifetimeSec: number): void {
    const { ifp, ip6v, stat } = this;
    const { kernel } = ip6v.vnet;
    const from = in6Linklocal(ifp);
    if (from === null || (ifp.stackFlags & IFF_UP) === 0 || (ifp.drvFlags & IFF_DRV_RUNNING) === 0) {
      stat.skipped++;
      return;
    }
    const now = kernel.callouts.nowUs();
    const prefixes = advPrefixes(ifp, this.params, now);
    const all = [...prefixes, ...this.told.withdrawn(ifp, now)];
    const msg = advBytes(ifp, this.params, lifetimeSec, all);
    this.told.say(prefixes.slice(0, msg.said));
    stat.prefixes_left += all.length - msg.said;
    const m = kernel.mbufs.fromBytes(msg.bytes);
    this.lastUs = now;
    this.sent++;
    if (this.hurried > 0) this.hurried--;
    if (m === null || icmp6Output(ip6v, m, from.addr, in6Zoned(ifp, IN6ADDR_LINKLOCAL_ALLNODES), ifp, ND_HLIM) !== 0) stat.errors++;
    else stat.sent++;
  }
}

function fire(r: RtadvIf): void {
  r.fire();
}

/** Where an interface keeps its advertisements. */
export const RTADV_SLOT: IfSlotKey<RtadvIf> = new IfSlotKey<RtadvIf>('rtadvd');

/** Those of an interface, or null. */
export function rtadvIfOf(ifp: Ifnet): RtadvIf | null {
  return ifp.slots === null ? null : ((ifp.slots.get(RTADV_SLOT) as RtadvIf | undefined) ?? null);
}
