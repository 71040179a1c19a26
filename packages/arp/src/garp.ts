import { Callout } from '@ns/callout';
import type { Ifaddr } from '@ns/ifnet';
import { arpAnnounce } from './send.ts';
import type { ArpIf } from './table.ts';

/** First pause; it doubles. Source: FreeBSD if_ether.c, garp_rexmit(). */
const FIRST_PAUSE_US = 1000000;

/** Repeats the announcement of one address, net.link.ether.inet.garp_rexmit_count times. */
export class Garp {
  private readonly ai: ArpIf;
  private readonly ifa: Ifaddr;
  private readonly timer: Callout<Garp>;
  private sent: number;

  constructor(ai: ArpIf, ifa: Ifaddr) {
    this.ai = ai;
    this.ifa = ifa;
    this.timer = new Callout<Garp>(rexmit, this);
    this.sent = 0;
  }

  /** Arms the timer for the next one, if there is to be one. */
  next(): void {
    const { ai } = this;
    if (this.sent >= ai.arp.garpRexmitCount) {
      ai.garps.delete(this);
      return;
    }
    ai.garps.add(this);
    ai.arp.vnet.kernel.callouts.reset(this.timer, FIRST_PAUSE_US * 2 ** this.sent);
    this.sent++;
  }

  /** Announces nothing more. */
  stop(): void {
    this.ai.garps.delete(this);
    this.ai.arp.vnet.kernel.callouts.stop(this.timer);
  }

  /** The timer has fired. */
  fire(): void {
    if (!this.ifa.live) {
      this.stop();
      return;
    }
    arpAnnounce(this.ai.arp, this.ai.ifp, this.ifa.addr);
    this.next();
  }
}

function rexmit(g: Garp): void {
  g.fire();
}
