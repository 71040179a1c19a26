import { EINVAL, EWOULDBLOCK } from '@ns/errno';
import { type Mbuf, mAdj, mCat, mFreem, mSplit, M_PKTHDR, mDemote } from '@ns/mbuf';
import { MSG_PEEK, SBS_RCVATMARK, SO_OOBINLINE } from '@ns/socket';
import type { Segment } from './segment.ts';
import type { Tcpcb } from './tcpcb.ts';

/** TcpExt.oobState: the urgent byte is here. Source: FreeBSD TCPOOB_HAVEDATA. */
export const TCPOOB_HAVEDATA = 1;
/** TcpExt.oobState: it was here, and was read. */
export const TCPOOB_HADDATA = 2;

/**
 * Takes the urgent byte out of the payload, so that a reader of the stream does not see it. `seg.urp` is 1 more than its offset.
 * Source: FreeBSD tcp_input.c, tcp_pulloutofband().
 */
export function tcpPulloutofband(tp: Tcpcb, seg: Segment): void {
  const m = seg.m;
  if (m === null) return;
  const at = seg.urp - 1;
  const e = tp.rare;
  let p: Mbuf | null = m;
  let skip = at;
  while (p !== null && skip >= p.len) {
    skip -= p.len;
    p = p.next;
  }
  if (p === null) return;
  e.oobByte = p.buf[p.off + skip] as number;
  e.oobState |= TCPOOB_HAVEDATA;
  // The byte keeps its sequence number: the stream is one byte shorter than the segment.
  if (at === 0) {
    mAdj(m, 1);
    return;
  }
  const rest = mSplit(m, at);
  if (rest === null) return;
  mAdj(rest, 1);
  const len = rest.pktlen;
  if ((rest.flags & M_PKTHDR) !== 0) mDemote(rest);
  if (len > 0) {
    m.pktlen += len;
    mCat(m, rest);
  } else {
    mFreem(rest);
  }
}

/**
 * The urgent byte, or a negative errno: EINVAL when there is none or it is in the stream (SO_OOBINLINE), EWOULDBLOCK when it has been announced and has not come.
 * Source: FreeBSD tcp_usrreq.c, tcp_usr_rcvoob().
 */
export function tcpRcvoob(tp: Tcpcb, flags: number): number {
  const so = tp.so;
  const e = tp.ext;
  const state = e === null ? 0 : e.oobState;
  if ((so.oobmark === 0 && (so.rcv.state & SBS_RCVATMARK) === 0) || (so.options & SO_OOBINLINE) !== 0 || (state & TCPOOB_HADDATA) !== 0) return -EINVAL;
  if (e === null || (state & TCPOOB_HAVEDATA) === 0) return -EWOULDBLOCK;
  if ((flags & MSG_PEEK) === 0) e.oobState ^= TCPOOB_HAVEDATA | TCPOOB_HADDATA;
  return e.oobByte;
}
