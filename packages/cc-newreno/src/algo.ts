import { CC_ACK, CC_ECN, CC_NDUPACK, CC_RTO, type CcAlgo, CCF_HYSTART_ALLOWED, type CcSockopt, type CcVar, inCongrecovery, inFastrecovery, newrenoCcAckReceived, newrenoCcAfterIdle, newrenoCcCongSignal, newrenoCcPostRecovery } from '@ns/cc-kpi';
import { EINVAL, ENOENT } from '@ns/errno';
import { defineVnetVar, type VnetVar } from '@ns/kern';
import { Hystart, hystartDefaults, type HystartVnet } from './hystart.ts';

/** TCP_CCALGOOPT of newreno: window left after a loss, percent. @public */
export const CC_NEWRENO_BETA = 1;
/** TCP_CCALGOOPT of newreno: window left after an ECN mark, percent (with `net.inet.tcp.cc.abe`). @public */
export const CC_NEWRENO_BETA_ECN = 2;

/** Parameters of one vnet, behind `net.inet.tcp.cc.newreno.*`, `net.inet.tcp.cc.abe*` and `net.inet.tcp.cc.hystartplusplus.*`. */
export interface NewrenoVnet {
  beta: number;
  betaEcn: number;
  abe: boolean;
  abeFrlossreduce: boolean;
  readonly hystart: HystartVnet;
}

export const NEWRENO_VNET: VnetVar<NewrenoVnet> = defineVnetVar({
  module: 'cc-newreno',
  name: 'newreno',
  init: (): NewrenoVnet => ({ beta: 50, betaEcn: 80, abe: false, abeFrlossreduce: false, hystart: { ...hystartDefaults } }),
});

/** What a connection has of its own: made when TCP_CCALGOOPT sets a parameter, or the transport begins to track rounds. */
class NewrenoData {
  /** Percent; 0: those of the vnet. */
  beta: number;
  betaEcn: number;
  /** ABE chosen for this connection, whatever the vnet says. */
  enabled: boolean;
  /** Null while the transport has told of no round. */
  hystart: Hystart | null;

  constructor() {
    this.beta = 0;
    this.betaEcn = 0;
    this.enabled = false;
    this.hystart = null;
  }
}

const dataOf = (ccv: CcVar): NewrenoData => (ccv.ccData ??= new NewrenoData()) as NewrenoData;
const hystartOf = (ccv: CcVar): Hystart => (dataOf(ccv).hystart ??= new Hystart());

/** HyStart++ of a connection as long as it may do something, or null. */
function activeHystart(ccv: CcVar): Hystart | null {
  const own = ccv.ccData as NewrenoData | null;
  if (own === null || own.hystart === null || !own.hystart.enabled || (ccv.ccFlags & CCF_HYSTART_ALLOWED) === 0) return null;
  return own.hystart;
}

/** Source: FreeBSD cc_newreno.c, newreno_ack_received(). */
function ackReceived(ccv: CcVar, type: number): void {
  const h = type === CC_ACK ? activeHystart(ccv) : null;
  if (h === null) {
    newrenoCcAckReceived(ccv, type);
  } else if (ccv.sndCwnd > ccv.sndSsthresh) {
    if (h.inCss) h.stop(); // it has grown beyond the threshold
    newrenoCcAckReceived(ccv, type);
  } else {
    newrenoCcAckReceived(ccv, type, h.divisor(ccv, NEWRENO_VNET.get(ccv.vnet).hystart));
  }
}

/** Source: FreeBSD cc_newreno.c, newreno_after_idle(). */
function afterIdle(ccv: CcVar): void {
  newrenoCcAfterIdle(ccv);
  (ccv.ccData as NewrenoData | null)?.hystart?.restart();
}

/**
 * Differs: a timeout ends HyStart++ too; the slow start after it has a threshold (RFC 9406 §4.3: for the initial one alone).
 * Source: FreeBSD cc_newreno.c, newreno_cong_signal().
 */
function congSignal(ccv: CcVar, type: number): void {
  const v = NEWRENO_VNET.get(ccv.vnet);
  const own = ccv.ccData as NewrenoData | null;
  const beta = own === null || own.beta === 0 ? v.beta : own.beta;
  const betaEcn = own === null || own.betaEcn === 0 ? v.betaEcn : own.betaEcn;
  if (own !== null && own.hystart !== null && (type === CC_NDUPACK || type === CC_ECN || type === CC_RTO)) own.hystart.stop();
  const abe = v.abe || (own !== null && own.enabled);
  // A loss while reacting to a mark: reduce by what the mark left out (RFC 8511 §3).
  if (type === CC_NDUPACK && abe && v.abeFrlossreduce && inCongrecovery(ccv) && !inFastrecovery(ccv)) {
    ccv.sndSsthresh = Math.floor((ccv.sndSsthresh * beta) / betaEcn);
  }
  newrenoCcCongSignal(ccv, type, type === CC_ECN && abe ? betaEcn : beta);
}

/** Source: FreeBSD cc_newreno.c, newreno_ctl_output(). */
function ctlOutput(ccv: CcVar, sopt: CcSockopt): number {
  const own = ccv.ccData as NewrenoData | null;
  const v = NEWRENO_VNET.get(ccv.vnet);
  if (sopt.name !== CC_NEWRENO_BETA && sopt.name !== CC_NEWRENO_BETA_ECN) return ENOENT;
  if (!sopt.set) {
    if (sopt.name === CC_NEWRENO_BETA) sopt.value = own === null || own.beta === 0 ? v.beta : own.beta;
    else sopt.value = own === null || own.betaEcn === 0 ? v.betaEcn : own.betaEcn;
    return 0;
  }
  if (!Number.isInteger(sopt.value) || sopt.value < 1 || sopt.value > 100) return EINVAL;
  const data = dataOf(ccv);
  if (sopt.name === CC_NEWRENO_BETA) {
    data.beta = sopt.value;
  } else {
    data.betaEcn = sopt.value;
    data.enabled = true;
  }
  return 0;
}

/**
 * NewReno (RFC 5681, RFC 6582) with optional ABE (RFC 8511), and HyStart++ (RFC 9406) where the transport tracks rounds.
 * Source: FreeBSD cc_newreno.c, newreno_cc_algo.
 * @public
 */
export const newrenoCcAlgo: CcAlgo = Object.freeze({
  name: 'newreno',
  cbInit: (ccv: CcVar): number => {
    ccv.ccData = null;
    return 0;
  },
  cbDestroy: (ccv: CcVar): void => {
    ccv.ccData = null;
  },
  ackReceived,
  congSignal,
  postRecovery: newrenoCcPostRecovery,
  afterIdle,
  ctlOutput,
  newround: (ccv: CcVar, round: number): void => hystartOf(ccv).newround(ccv, NEWRENO_VNET.get(ccv.vnet).hystart, round),
  rttsample: (ccv: CcVar, us: number, rxtcnt: number, flight: number): void => hystartOf(ccv).rttsample(NEWRENO_VNET.get(ccv.vnet).hystart, us, rxtcnt, flight),
});
