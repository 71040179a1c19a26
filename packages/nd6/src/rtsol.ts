import { Callout } from '@ns/callout';
import { IFF_DRV_RUNNING, IFF_LOOPBACK, IFF_MULTICAST, IFF_UP } from '@ns/ifnet-kpi';
import { in6Linklocal, ND6_IFF_ACCEPT_RTADV, ND6_IFF_AUTO_LINKLOCAL, ND6_IFF_IFDISABLED } from '@ns/ip6';
import { randomBelow } from '@ns/kern';
import type { Nd6If, Stoppable } from './nd-if.ts';
import { nd6RsOutput } from './out.ts';

const SEC = 1000000;
/** Hosts that start together do not ask together. Source: RFC 4861 §10, MAX_RTR_SOLICITATION_DELAY. */
const MAX_DELAY_US = SEC;
/** First pause. Source: RFC 7559 §2, IRT. */
const IRT_US = 4 * SEC;
/** Longest pause. Source: RFC 7559 §2, MRT. */
const MRT_US = 3600 * SEC;

/** Asks for routers until one offers itself, at growing intervals (RFC 7559). FreeBSD leaves that to rtsold(8). */
class Rtsol implements Stoppable {
  private readonly ni: Nd6If;
  private readonly timer: Callout<Rtsol>;
  /** Length of the present pause, µs; 0 before the first solicitation. */
  private pauseUs: number;

  constructor(ni: Nd6If) {
    this.ni = ni;
    this.timer = new Callout<Rtsol>(fire, this);
    this.pauseUs = 0;
    this.arm(randomBelow(ni.nd.vnet.kernel.random, MAX_DELAY_US));
  }

  stop(): void {
    this.ni.rtsol = null;
    this.ni.nd.vnet.kernel.callouts.stop(this.timer);
  }

  /** The pause is over. */
  next(): void {
    const { ni } = this;
    if (!mayAsk(ni)) {
      this.stop();
      return;
    }
    // RFC 8415 §15: RT = 2*RTprev + RAND*RTprev, with RAND between -0.1 and 0.1.
    const base = this.pauseUs === 0 ? IRT_US : 2 * this.pauseUs;
    this.pauseUs = this.jitter(base > MRT_US ? MRT_US : base, base > MRT_US || this.pauseUs === 0 ? base : this.pauseUs);
    // Armed first: the answer may come before the call returns.
    this.arm(this.pauseUs);
    if (nd6RsOutput(ni) === 0) ni.nd.stat.rs_sent++;
  }

  private jitter(base: number, by: number): number {
    const span = Math.floor(Math.min(by, MRT_US) / 5);
    return base - Math.floor(span / 2) + randomBelow(this.ni.nd.vnet.kernel.random, span + 1);
  }

  private arm(us: number): void {
    this.ni.nd.vnet.kernel.callouts.reset(this.timer, us);
  }
}

function fire(r: Rtsol): void {
  r.next();
}

function mayAsk(ni: Nd6If): boolean {
  const { ifp, ii } = ni;
  return (
    (ii.flags & (ND6_IFF_ACCEPT_RTADV | ND6_IFF_IFDISABLED)) === ND6_IFF_ACCEPT_RTADV &&
    (ifp.stackFlags & (IFF_UP | IFF_MULTICAST | IFF_LOOPBACK)) === (IFF_UP | IFF_MULTICAST) &&
    (ifp.drvFlags & IFF_DRV_RUNNING) !== 0
  );
}

/** Begins to ask, if advertisements are accepted there and a link-local address is ready to ask with. Nothing if that goes on already. */
export function rtsolStart(ni: Nd6If): void {
  if (ni.rtsol !== null || !mayAsk(ni)) return;
  if ((ni.ii.flags & ND6_IFF_AUTO_LINKLOCAL) !== 0 && in6Linklocal(ni.ifp) === null) return;
  ni.rtsol = new Rtsol(ni);
}

/** Asks no more. */
export function rtsolStop(ni: Nd6If): void {
  ni.rtsol?.stop();
}
