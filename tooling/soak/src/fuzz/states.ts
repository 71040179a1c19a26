import {
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
} from '@ns/tcp';

/** The state diagram of RFC 9293 §3.3.2, written down apart from TCP's own table, which it judges; without the way back to LISTEN, which only the syncache knows; every state may end in CLOSED. */
const EDGES: Readonly<Record<number, readonly number[]>> = {
  [TCPS_CLOSED]: [TCPS_SYN_SENT, TCPS_LISTEN],
  [TCPS_LISTEN]: [TCPS_SYN_RECEIVED, TCPS_SYN_SENT],
  [TCPS_SYN_SENT]: [TCPS_SYN_RECEIVED, TCPS_ESTABLISHED],
  [TCPS_SYN_RECEIVED]: [TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT],
  [TCPS_ESTABLISHED]: [TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT],
  [TCPS_FIN_WAIT_1]: [TCPS_FIN_WAIT_2, TCPS_CLOSING, TCPS_TIME_WAIT],
  [TCPS_FIN_WAIT_2]: [TCPS_TIME_WAIT],
  [TCPS_CLOSE_WAIT]: [TCPS_LAST_ACK],
  [TCPS_CLOSING]: [TCPS_TIME_WAIT],
  [TCPS_LAST_ACK]: [],
  [TCPS_TIME_WAIT]: [],
};

/** Whether a connection may have come from state `from` to state `to` by any number of steps of the diagram. */
export function reachable(from: number, to: number): boolean {
  if (from === to || to === TCPS_CLOSED) return true;
  return (EDGES[from] ?? []).some((next) => reachable(next, to));
}
