// @hot
import type { TcpVnet } from './tcp-vnet.ts';
import type { Tcpcb } from './tcpcb.ts';

/** Longest retransmission timeout. */
export const TCPTV_REXMTMAX_US = 64_000_000;
/** Longest sample that the fixed-point average holds. */
const MAX_SAMPLE_US = 60_000_000;

/**
 * Retransmission timeout from the averages, before slop and backoff: SRTT + 4 RTTVAR, at least rexmit_min. Without that floor the backoff of a path of microseconds would double next to nothing, and
 * the connection be given up within seconds.
 * Source: RFC 6298 §2; FreeBSD TCP_REXMTVAL().
 */
export function rexmtvalUs(tp: Tcpcb): number {
  const value = (tp.srtt >> 5) + (tp.rttvar >> 2);
  const min = tp.tcp.rexmitMinMs * 1000;
  return value > min ? value : min;
}

/** `value` plus rexmit_slop, within [min, max]. Source: FreeBSD TCPT_RANGESET(). */
export function tcpRangesetUs(v: TcpVnet, value: number, min: number, max: number): number {
  const t = value + v.rexmitSlopMs * 1000;
  return t < min ? min : t > max ? max : t;
}

/** State before the first sample: RTO is rexmit_initial exactly, and 4 RTTVAR alone gives the same. Source: FreeBSD tcp_newtcpcb(). */
export function tcpRttInit(tp: Tcpcb): void {
  const initial = tp.tcp.rexmitInitialMs * 1000;
  tp.srtt = 0;
  tp.rttvar = (Math.min(initial, MAX_SAMPLE_US) << 2) | 0;
  tp.rxtcurUs = initial;
}

/**
 * Works a sample into the averages: SRTT += (R - SRTT)/8, RTTVAR += (|R - SRTT| - RTTVAR)/4, and sets the timeout without backoff.
 * Source: RFC 6298 §2.2-2.3; FreeBSD tcp_input.c, tcp_xmit_timer().
 */
export function tcpXmitTimer(tp: Tcpcb, sampleUs: number): void {
  const v = tp.tcp;
  const rtt = sampleUs < 1 ? 1 : sampleUs > MAX_SAMPLE_US ? MAX_SAMPLE_US : sampleUs;
  v.stat.rttupdated++;
  tp.rttupdated = (tp.rttupdated + 1) | 0;
  if (tp.srtt !== 0) {
    // In units of 1/4 microsecond: the error times 4 is 1/8 of srtt's scale of 32, and 1/4 of rttvar's 16.
    let delta = ((rtt << 2) - (tp.srtt >> 3)) | 0;
    const srtt = (tp.srtt + delta) | 0;
    tp.srtt = srtt <= 0 ? 1 : srtt;
    if (delta < 0) delta = -delta;
    const rttvar = (tp.rttvar + delta - (tp.rttvar >> 2)) | 0;
    tp.rttvar = rttvar <= 0 ? 1 : rttvar;
  } else {
    tp.srtt = rtt << 5;
    tp.rttvar = rtt << 3;
  }
  if (tp.rttlowUs === 0 || rtt < tp.rttlowUs) tp.rttlowUs = rtt;
  tp.rttTiming = false;
  tp.rxtshift = 0;
  const floor = v.rexmitMinMs * 1000;
  tp.rxtcurUs = tcpRangesetUs(v, rexmtvalUs(tp), floor > rtt + 2000 ? floor : rtt + 2000, TCPTV_REXMTMAX_US);
  tp.softerror = 0;
}
