import { CC_ECN, CC_NDUPACK, type CcAlgo, type CcSockopt, type CcVar, inCongrecovery, inFastrecovery, newrenoCcAckReceived, newrenoCcAfterIdle, newrenoCcCongSignal, newrenoCcPostRecovery } from '@ns/cc-kpi';
import { EINVAL, ENOENT } from '@ns/errno';
import { defineVnetVar, type VnetVar } from '@ns/kern';

/** TCP_CCALGOOPT of newreno: window left after a loss, percent. @public */
export const CC_NEWRENO_BETA = 1;
/** TCP_CCALGOOPT of newreno: window left after an ECN mark, percent (with `net.inet.tcp.cc.abe`). @public */
export const CC_NEWRENO_BETA_ECN = 2;

/** Parameters of one vnet, behind `net.inet.tcp.cc.newreno.*` and `net.inet.tcp.cc.abe*`. */
export interface NewrenoVnet {
  beta: number;
  betaEcn: number;
  abe: boolean;
  abeFrlossreduce: boolean;
}

export const NEWRENO_VNET: VnetVar<NewrenoVnet> = defineVnetVar({
  module: 'cc-newreno',
  name: 'newreno',
  init: (): NewrenoVnet => ({ beta: 50, betaEcn: 80, abe: false, abeFrlossreduce: false }),
});

/** A connection's own parameters, made when TCP_CCALGOOPT sets the first. */
class NewrenoData {
  beta: number;
  betaEcn: number;
  /** ABE chosen for this connection, whatever the vnet says. */
  enabled: boolean;

  constructor(beta: number, betaEcn: number) {
    this.beta = beta;
    this.betaEcn = betaEcn;
    this.enabled = false;
  }
}

/** Source: FreeBSD cc_newreno.c, newreno_cong_signal(). */
function congSignal(ccv: CcVar, type: number): void {
  const v = NEWRENO_VNET.get(ccv.vnet);
  const own = ccv.ccData as NewrenoData | null;
  const beta = own === null ? v.beta : own.beta;
  const betaEcn = own === null ? v.betaEcn : own.betaEcn;
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
    if (sopt.name === CC_NEWRENO_BETA) sopt.value = own === null ? v.beta : own.beta;
    else sopt.value = own === null ? v.betaEcn : own.betaEcn;
    return 0;
  }
  if (!Number.isInteger(sopt.value) || sopt.value < 1 || sopt.value > 100) return EINVAL;
  const data = own ?? new NewrenoData(v.beta, v.betaEcn);
  ccv.ccData = data;
  if (sopt.name === CC_NEWRENO_BETA) {
    data.beta = sopt.value;
  } else {
    data.betaEcn = sopt.value;
    data.enabled = true;
  }
  return 0;
}

/**
 * NewReno (RFC 5681, RFC 6582) with optional ABE (RFC 8511).
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
  ackReceived: newrenoCcAckReceived,
  congSignal,
  postRecovery: newrenoCcPostRecovery,
  afterIdle: newrenoCcAfterIdle,
  ctlOutput,
});
