import { soisconnecting } from '@ns/socket';
import {
  TCP_STATE_NAMES,
  type Tcpcb,
  TCPS_CLOSE_WAIT,
  TCPS_CLOSED,
  TCPS_CLOSING,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TCPS_FIN_WAIT_2,
  TCPS_LAST_ACK,
  TCPS_LISTEN,
  TCPS_SYN_RECEIVED,
  TCPS_SYN_SENT,
  TCPS_TIME_WAIT,
} from './tcpcb.ts';

const to = (...states: number[]): number => states.reduce((bits, s) => bits | (1 << s), 0);

/**
 * Legal transitions: bit `next` of entry `prev`. RFC 9293 figure 5, with every state to CLOSED (abort, reset, timeout), and those that the figure
 * draws as two steps taken at once by one segment.
 */
export const TCP_TRANSITIONS: readonly number[] = Object.freeze([
  /* CLOSED       */ to(TCPS_LISTEN, TCPS_SYN_SENT, TCPS_SYN_RECEIVED),
  /* LISTEN       */ to(TCPS_CLOSED, TCPS_SYN_SENT, TCPS_SYN_RECEIVED),
  /* SYN_SENT     */ to(TCPS_CLOSED, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1),
  /* SYN_RECEIVED */ to(TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT),
  /* ESTABLISHED  */ to(TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1),
  /* CLOSE_WAIT   */ to(TCPS_CLOSED, TCPS_LAST_ACK),
  /* FIN_WAIT_1   */ to(TCPS_CLOSED, TCPS_FIN_WAIT_2, TCPS_CLOSING, TCPS_TIME_WAIT),
  /* CLOSING      */ to(TCPS_CLOSED, TCPS_TIME_WAIT),
  /* LAST_ACK     */ to(TCPS_CLOSED),
  /* FIN_WAIT_2   */ to(TCPS_CLOSED, TCPS_TIME_WAIT),
  /* TIME_WAIT    */ to(TCPS_CLOSED),
]);

/** Whether a connection may go from state `prev` to `next`. */
export function isLegalTransition(prev: number, next: number): boolean {
  return prev === next || (((TCP_TRANSITIONS[prev] as number) >>> next) & 1) !== 0;
}

/**
 * Puts `tp` into state `next` and keeps the count by state. With `TcpVnet.invariants` an illegal step throws: it is a fault of ours, no
 * segment can cause it.
 * Source: FreeBSD tcp_subr.c, tcp_state_change().
 */
export function setState(tp: Tcpcb, next: number): void {
  const prev = tp.state;
  if (prev === next) return;
  const v = tp.tcp;
  if (v.invariants && !isLegalTransition(prev, next)) {
    throw new Error(`illegal TCP transition ${TCP_STATE_NAMES[prev]} -> ${TCP_STATE_NAMES[next]}`);
  }
  const states = v.states;
  states[prev]!--;
  states[next]!++;
  tp.state = next;
}

/** The user wants a connection: CLOSED to SYN_SENT. */
export function enterSynSent(tp: Tcpcb): void {
  soisconnecting(tp.so);
  tp.tcp.stat.connattempt++;
  setState(tp, TCPS_SYN_SENT);
}
