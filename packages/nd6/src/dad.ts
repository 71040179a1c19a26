import { Callout } from '@ns/callout';
import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { IFF_DRV_RUNNING, IFF_LOOPBACK, IFF_MULTICAST, IFF_UP } from '@ns/ifnet-kpi';
import {
  IN6_IFF_ANYCAST,
  IN6_IFF_DUPLICATED,
  IN6_IFF_NODAD,
  IN6_IFF_OPTIMISTIC,
  IN6_IFF_TENTATIVE,
  ND6_IFF_IFDISABLED,
  ND6_IFF_NO_DAD,
} from '@ns/ip6';
import { EventKey, LOG_ERR } from '@ns/kern';
import { isLinkLocal } from '@ns/wire';
import type { Nd6If } from './nd-if.ts';
import { nd6DadNsOutput } from './out.ts';
import { rtsolStart } from './rtsol.ts';
import { isHwLinklocal, nd6IfaOf, slaacRetry } from './slaac.ts';
import { tempRetry, tempUnique } from './temp.ts';

/** Nonces of one test that are remembered. */
const MAX_NONCES = 16;

/**
 * A test for duplicates is over: the address is ready for use (`unique`), or somebody else has it. Not in FreeBSD, where ifconfig is asked again and again.
 * @public
 */
export const ND6_DAD_EVENT: EventKey<[ifp: Ifnet, ifa: Ifaddr, unique: boolean]> = new EventKey('nd6_dad_event');

/** A test for duplicates under way. Source: FreeBSD nd6_nbr.c, struct dadq. */
export class Dad {
  readonly ni: Nd6If;
  readonly ifa: Ifaddr;
  readonly timer: Callout<Dad>;
  /** Solicitations to send. */
  count: number;
  /** Solicitations sent. */
  sent: number;
  /** Solicitations of ours that came back (RFC 7527). */
  looped: number;
  /** Those of them that have been answered by a longer test. */
  loopProbed: number;
  /** Nonces sent, high and low word by turns. */
  readonly nonces: number[];

  constructor(ni: Nd6If, ifa: Ifaddr) {
    this.ni = ni;
    this.ifa = ifa;
    this.timer = new Callout<Dad>(dadTimer, this);
    this.count = ni.nd.dadCount;
    this.sent = 0;
    this.looped = 0;
    this.loopProbed = 0;
    this.nonces = [];
  }
}

/** Whether an address of the interface is to be tested (RFC 4862 §5.4). */
export function dadWanted(ni: Nd6If, ifa: Ifaddr): boolean {
  const { ifp, nd, ii } = ni;
  return (
    nd.dadCount > 0 &&
    (ifa.afflags & (IN6_IFF_ANYCAST | IN6_IFF_NODAD)) === 0 &&
    (ii.flags & ND6_IFF_NO_DAD) === 0 &&
    (ifp.stackFlags & (IFF_MULTICAST | IFF_LOOPBACK)) === IFF_MULTICAST
  );
}

/** Whether packets of a test would get out. */
function dadPossible(ni: Nd6If): boolean {
  const { ifp, ii } = ni;
  return (ifp.stackFlags & IFF_UP) !== 0 && (ifp.drvFlags & IFF_DRV_RUNNING) !== 0 && (ii.flags & ND6_IFF_IFDISABLED) === 0;
}

/** Begins the test of a tentative address, `delayUs` from now. One that cannot be made now is made when the interface comes up. Source: FreeBSD nd6_nbr.c, nd6_dad_start(). */
export function dadStart(ni: Nd6If, ifa: Ifaddr, delayUs: number): void {
  if ((ifa.afflags & IN6_IFF_TENTATIVE) === 0) return;
  if (!dadWanted(ni, ifa)) {
    ifa.afflags &= ~(IN6_IFF_TENTATIVE | IN6_IFF_OPTIMISTIC);
    if (isLinkLocal(ifa.addr)) rtsolStart(ni);
    return;
  }
  const st = nd6IfaOf(ni.nd, ifa);
  if (st.dad !== null || !dadPossible(ni)) return;
  const dad = new Dad(ni, ifa);
  st.dad = dad;
  ni.nd.stat.dad_started++;
  if (delayUs === 0) dadTimer(dad);
  else ni.nd.vnet.kernel.callouts.reset(dad.timer, delayUs);
}

/** Ends a test without a result. Source: FreeBSD nd6_nbr.c, nd6_dad_stop(). */
export function dadStop(ni: Nd6If, ifa: Ifaddr): void {
  const st = ni.nd.ifas.get(ifa);
  if (st === undefined || !(st.dad instanceof Dad)) return;
  ni.nd.vnet.kernel.callouts.stop(st.dad.timer);
  st.dad = null;
}

/** The next solicitation is due, or the answer to the last has had its time. Source: FreeBSD nd6_nbr.c, nd6_dad_timer(). */
function dadTimer(dad: Dad): void {
  const { ni, ifa } = dad;
  if (!dadPossible(ni)) {
    dadStop(ni, ifa);
    return;
  }
  if (dad.sent >= dad.count && dad.looped > dad.loopProbed) {
    // RFC 7527 §4.2: the link is looped back; the address is not duplicate for that, but the test goes on.
    dad.loopProbed = dad.looped;
    dad.count = dad.sent + Math.max(1, ni.nd.mmaxtries);
    ni.nd.log(LOG_ERR, ni.ifp, `a looped back NS message is detected during DAD for ${ifa.addr}. Another DAD probes are being sent.`);
  }
  if (dad.sent >= dad.count) {
    dadDone(ni, ifa);
    return;
  }
  // Armed first: the answer may come before the call returns, and ends the test.
  ni.nd.vnet.kernel.callouts.reset(dad.timer, ni.retransMs * 1000);
  dadSend(dad);
}

/** Source: FreeBSD nd6_nbr.c, nd6_dad_ns_output(). */
function dadSend(dad: Dad): void {
  const { ni, ifa } = dad;
  const { random } = ni.nd.vnet.kernel;
  dad.sent++;
  if (!ni.nd.dadEnhanced) {
    nd6DadNsOutput(ni, ifa.addr, false, 0, 0);
    return;
  }
  const hi = random.u32() & 0xffff;
  const lo = random.u32();
  if (dad.nonces.length >= 2 * MAX_NONCES) dad.nonces.splice(0, 2);
  dad.nonces.push(hi, lo);
  nd6DadNsOutput(ni, ifa.addr, true, hi, lo);
}

/** Nobody has objected. */
function dadDone(ni: Nd6If, ifa: Ifaddr): void {
  dadStop(ni, ifa);
  ifa.afflags &= ~(IN6_IFF_TENTATIVE | IN6_IFF_OPTIMISTIC);
  tempUnique(ni.nd, ifa);
  ni.nd.vnet.kernel.events.invoke(ND6_DAD_EVENT, ni.nd.vnet, ni.ifp, ifa, true);
  if (isLinkLocal(ifa.addr)) rtsolStart(ni);
}

/**
 * Somebody else has the address, or wants it too. Where the link-local address made of the link-layer address is not ours, that is hardly ours either, and IPv6 stops on the
 * interface (RFC 4862 §5.4.5). Source: FreeBSD nd6_nbr.c, nd6_dad_duplicated().
 */
export function dadDuplicated(ni: Nd6If, ifa: Ifaddr, what: string): void {
  const { nd, ifp } = ni;
  dadStop(ni, ifa);
  ifa.afflags = (ifa.afflags & ~(IN6_IFF_TENTATIVE | IN6_IFF_OPTIMISTIC)) | IN6_IFF_DUPLICATED;
  nd.stat.dad_duplicated++;
  nd.log(LOG_ERR, ifp, `DAD detected duplicate IPv6 address ${ifa.addr}: ${what}`);
  nd.vnet.kernel.events.invoke(ND6_DAD_EVENT, nd.vnet, ifp, ifa, false);
  if (!ifa.live || tempRetry(ni, ifa) || slaacRetry(ni, ifa)) return;
  nd.log(LOG_ERR, ifp, `DAD complete for ${ifa.addr} - duplicate found; manual intervention required`);
  if (!isHwLinklocal(ni, ifa.addr)) return;
  ni.ii.flags |= ND6_IFF_IFDISABLED;
  nd.log(LOG_ERR, ifp, 'possible hardware address duplication detected, disable IPv6');
}

/** Somebody else tests the same address, or our own solicitation has come back: `nonceLen` is the length of the nonce option, 0 without one. Source: FreeBSD nd6_nbr.c, nd6_dad_ns_input(); RFC 7527 §4.2. */
export function dadNsInput(ni: Nd6If, ifa: Ifaddr, nonceLen: number, hi: number, lo: number): void {
  const dad = ni.nd.ifas.get(ifa)?.dad;
  if (!(dad instanceof Dad)) return;
  if (ni.nd.dadEnhanced && nonceLen === 8) {
    for (let i = 0; i < dad.nonces.length; i += 2) {
      if (dad.nonces[i] === hi && dad.nonces[i + 1] === lo) {
        dad.looped++;
        ni.nd.stat.dad_looped++;
        return;
      }
    }
  }
  dadDuplicated(ni, ifa, 'somebody else tests it');
}
