import { TF_CONGRECOVERY, TF_FASTRECOVERY } from '@ns/cc-kpi';
import { TF_NOOPT, TF_TSO } from '@ns/tcp-kpi';

/* States of RFC 9293 §3.3.2, with FreeBSD's numbers. */

/** No connection. @public */
export const TCPS_CLOSED = 0;
/** Waits for connections. @public */
export const TCPS_LISTEN = 1;
/** Has sent a SYN. @public */
export const TCPS_SYN_SENT = 2;
/** Has sent and received a SYN. @public */
export const TCPS_SYN_RECEIVED = 3;
/** Data flow both ways. @public */
export const TCPS_ESTABLISHED = 4;
/** The peer has closed; waits for the user to close. @public */
export const TCPS_CLOSE_WAIT = 5;
/** Has closed, our FIN is on its way. @public */
export const TCPS_FIN_WAIT_1 = 6;
/** Both have closed at once; our FIN is on its way. @public */
export const TCPS_CLOSING = 7;
/** Closed after the peer; our FIN is on its way. @public */
export const TCPS_LAST_ACK = 8;
/** The peer has our FIN; waits for its own. @public */
export const TCPS_FIN_WAIT_2 = 9;
/** Closed by both; waits until old segments have gone. @public */
export const TCPS_TIME_WAIT = 10;
/** Number of states. @public */
export const TCP_NSTATES = 11;

/** Names by state, as netstat prints them. @public */
export const TCP_STATE_NAMES: readonly string[] = Object.freeze([
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RCVD',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
]);

/** A SYN has come from the peer. Source: FreeBSD tcp_fsm.h. */
export const TCPS_HAVERCVDSYN = (state: number): boolean => state >= TCPS_SYN_RECEIVED;
/** Synchronized, in the words of RFC 9293. */
export const TCPS_HAVEESTABLISHED = (state: number): boolean => state >= TCPS_ESTABLISHED;
/** A FIN has come from the peer. */
export const TCPS_HAVERCVDFIN = (state: number): boolean =>
  state === TCPS_CLOSE_WAIT || (state >= TCPS_CLOSING && state !== TCPS_FIN_WAIT_2);

/* t_flags; the values are FreeBSD's (they are printed and logged). */

/** Acknowledge the peer at once. @public */
export const TF_ACKNOW = 0x1;
/** An acknowledgement is owed, but may wait. @public */
export const TF_DELACK = 0x2;
/** No Nagle delay. @public */
export const TF_NODELAY = 0x4;
/** A FIN has been sent. @public */
export const TF_SENTFIN = 0x10;
/** Window scaling will be or has been asked for. @public */
export const TF_REQ_SCALE = 0x20;
/** The peer asked for window scaling. @public */
export const TF_RCVD_SCALE = 0x40;
/** Time stamps will be or have been asked for. @public */
export const TF_REQ_TSTMP = 0x80;
/** The peer sent a time stamp in its SYN. @public */
export const TF_RCVD_TSTMP = 0x100;
/** SACK may be sent and received. @public */
export const TF_SACK_PERMIT = 0x200;
/** A SYN is to be sent (implicit state). @public */
export const TF_NEEDSYN = 0x400;
/** A FIN is to be sent (implicit state). @public */
export const TF_NEEDFIN = 0x800;
/** Do not push: wait for full segments. @public */
export const TF_NOPUSH = 0x1000;
/** The saved congestion state for an undo is valid. @public */
export const TF_PREVVALID = 0x2000;
/** The application says that more is coming: hold a partial segment. @public */
export const TF_MORETOCOME = 0x10000;
/** The connection was idle before the last output. @public */
export const TF_LASTIDLE = 0x40000;
/** A window of 0 was advertised. @public */
export const TF_RXWIN0SENT = 0x80000;
/** Recovery state saved for an undo. @public */
export const TF_WASFRECOVERY = 0x200000;
/** RFC 2385 signatures. @public */
export const TF_SIGNATURE = 0x400000;
/** Force out a byte, for a window probe. @public */
export const TF_FORCEDATA = 0x800000;
/** Handed to an offload engine. @public */
export const TF_TOE = 0x2000000;
/** Congestion recovery state saved for an undo. @public */
export const TF_WASCRECOVERY = 0x40000000;
/** TCP Fast Open is asked for. @public */
export const TF_FASTOPEN: number = 0x80000000 | 0;

export { TF_CONGRECOVERY, TF_FASTRECOVERY, TF_NOOPT, TF_TSO };

/* t_flags2 */

/** Path MTU discovery is suspected to be in a black hole. @public */
export const TF2_PLPMTU_BLACKHOLE = 0x1;
/** A black hole search may be done on this connection. @public */
export const TF2_PLPMTU_PMTUD = 0x2;
/** The last segment sent was a full one. @public */
export const TF2_PLPMTU_MAXSEGSNT = 0x4;
/** Data that comes in is to be dropped after close. @public */
export const TF2_DROP_AF_DATA = 0x10;
/** ECN was negotiated. @public */
export const TF2_ECN_PERMIT = 0x20;
/** The next data segment carries CWR. @public */
export const TF2_ECN_SND_CWR = 0x40;
/** ECE goes with every ACK until the peer answers with CWR. @public */
export const TF2_ECN_SND_ECE = 0x80;
/** So much was acknowledged that our SYN is no measure of old ACKs any more. */
export const TF2_NO_ISS_CHECK = 0x800000;
/** The user has closed: nobody will read what still comes in. Differs: no such bit in FreeBSD, where the socket says so. */
export const TF2_CLOSED = 0x1000000;
/** The connection is discarded. Differs: no such bit in FreeBSD, where the block is freed. */
export const TF2_DISCARDED = 0x2000000;
/** In the queue of TIME_WAIT connections. */
export const TF2_TWQUEUED = 0x4000000;
/** The path is narrower than minmss needs: packets may be fragmented, and path MTU discovery is over. Differs: no such bit in FreeBSD, which compares the MSS. */
export const TF2_NO_DF = 0x8000000;
