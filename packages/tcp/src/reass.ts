import { mAdj, type Mbuf, mDemote, mFreem, mLast, M_PKTHDR, MSIZE } from '@ns/mbuf';
import { SBS_CANTRCVMORE, sbappendstream, sorwakeup } from '@ns/socket';
import { seqLeq, TH_FIN } from '@ns/wire';
import { tcpLogAddrs } from './log.ts';
import { type Tcpcb, TCPS_HAVEESTABLISHED } from './tcpcb.ts';

/** One run of bytes that wait for those before them. Source: FreeBSD tcp_var.h, struct tseg_qent. */
export class TsegQent {
  next: TsegQent | null;
  start: number;
  len: number;
  /** TH_FIN if a FIN follows the last byte. */
  fin: number;
  m: Mbuf | null;
  mlast: Mbuf | null;

  constructor(start: number, len: number, fin: number, m: Mbuf | null) {
    this.next = null;
    this.start = start;
    this.len = len;
    this.fin = fin;
    this.m = m;
    this.mlast = m === null ? null : mLast(m);
  }
}

/** Limits and count of one vnet, and the result of the last call. Source: FreeBSD tcp_reass.c, V_tcp_reass_*. */
export class ReassState {
  /** `net.inet.tcp.reass.maxsegments`: runs in all queues of the vnet. */
  maxsegments: number;
  /** `net.inet.tcp.reass.maxqueuelen`: runs in the queue of one connection. */
  maxqueuelen: number;
  /** `net.inet.tcp.reass.new_limit`: beyond `queueguard` runs, small segments that close no gap are refused. */
  newLimit: boolean;
  /** `net.inet.tcp.reass.queueguard` */
  queueguard: number;
  /** `net.inet.tcp.reass.cursegments` */
  cursegments: number;
  /** Where the bytes begin that the last call was the first to bring. */
  start: number;
  /** How many they are; 0 for a duplicate or a refused segment. */
  len: number;

  constructor(maxsegments: number) {
    this.maxsegments = maxsegments;
    this.maxqueuelen = 100;
    this.newLimit = false;
    this.queueguard = 16;
    this.cursegments = 0;
    this.start = 0;
    this.len = 0;
  }
}

/**
 * Takes the segment [start, start + tlen) with payload `m` into the queue and hands over what is in order now. `flags` are those of the header (only TH_FIN matters).
 * `tp.tcp.reass.start`/`len` say what was new of it. Returns TH_FIN when the FIN has become in order. Consumes m.
 *
 * The segment at rcvNxt is taken whatever the limits, or a full queue could never empty. Runs that touch are merged, so one hole costs one entry.
 * Source: RFC 9293 §3.10.7.4, seventh; FreeBSD tcp_reass.c, tcp_reass().
 */
export function tcpReass(tp: Tcpcb, start: number, tlen: number, flags: number, m: Mbuf | null): number {
  const v = tp.tcp;
  const r = v.reass;
  const fin = flags & TH_FIN;
  r.start = start;
  r.len = 0;
  const inOrder = start === tp.rcvNxt && TCPS_HAVEESTABLISHED(tp.state);
  const full = inOrder ? null : refuses(tp, tlen);
  if (full !== null) {
    tcpLogAddrs(v, v.seg, 'tcp_reass', full);
    v.stat.rcvreassfull++;
    v.stat.rcvmemdrop++;
    mFreem(m);
    return 0;
  }
  if (m !== null && (m.flags & M_PKTHDR) !== 0) mDemote(m);
  let prev: TsegQent | null = null;
  for (let q = tp.segq; q !== null && seqLeq(q.start, start); q = q.next) prev = q;
  const overlap = prev === null ? 0 : (prev.start + prev.len - start) | 0;
  if (prev !== null && (overlap > tlen || (overlap === tlen && (tlen > 0 || fin === 0)))) {
    if (fin !== 0 && overlap === tlen) prev.fin = fin;
    v.stat.rcvduppack++;
    v.stat.rcvdupbyte += tlen;
    mFreem(m);
    return tcpReassPresent(tp);
  }
  const cut = overlap > 0 ? overlap : 0;
  if (cut > 0 && m !== null) mAdj(m, cut);
  r.start = (start + cut) | 0;
  r.len = tlen - cut;
  v.stat.rcvoopack++;
  v.stat.rcvoobyte += r.len;
  tp.rcvoopack++;
  insert(tp, prev, new TsegQent(r.start, r.len, fin, dropEmpty(m)));
  return tcpReassPresent(tp);
}

/** Hands over what is in order, if anything; also called when the connection becomes established. Returns TH_FIN if a FIN is among it. */
export function tcpReassPresent(tp: Tcpcb): number {
  let q = tp.segq;
  if (q === null || q.start !== tp.rcvNxt || !TCPS_HAVEESTABLISHED(tp.state)) return 0;
  const { so } = tp;
  let fin = 0;
  for (; q !== null && q.start === tp.rcvNxt; q = tp.segq) {
    tp.rcvNxt = (tp.rcvNxt + q.len) | 0;
    fin = q.fin;
    unlinkHead(tp, q);
    if (q.m === null) continue;
    if ((so.rcv.state & SBS_CANTRCVMORE) !== 0) mFreem(q.m);
    else sbappendstream(so.rcv, q.m);
  }
  sorwakeup(so);
  return fin;
}

/** Frees everything that waits: at the end of a connection. Source: FreeBSD tcp_reass_flush() (T98). */
export function tcpReassFlush(tp: Tcpcb): void {
  for (let q = tp.segq; q !== null; q = tp.segq) {
    unlinkHead(tp, q);
    mFreem(q.m);
  }
}

/** Which limit keeps a segment of `tlen` bytes out, or null. */
function refuses(tp: Tcpcb, tlen: number): string | null {
  const r = tp.tcp.reass;
  if (tp.segqlen >= r.maxqueuelen) return 'queue limit reached, segment dropped';
  if (r.newLimit && tp.segqlen > r.queueguard && tlen < MSIZE) return 'queue guard reached, small segment dropped';
  if (r.cursegments >= r.maxsegments) return 'global zone limit reached, segment dropped';
  return tp.segqbytes + tlen > tp.so.rcv.hiwat ? 'mbuf count limit reached, segment dropped' : null;
}

/** Links `e` behind `prev`, takes out what it covers of the runs behind, and merges runs that touch. */
function insert(tp: Tcpcb, prev: TsegQent | null, e: TsegQent): void {
  let q = prev === null ? tp.segq : prev.next;
  const end = (e.start + e.len) | 0;
  while (q !== null) {
    const over = (end - q.start) | 0;
    if (over < 0 || (over === 0 && q.len > 0) || (over === 0 && q.fin === 0)) break;
    if (over < q.len) {
      q.start = (q.start + over) | 0;
      q.len -= over;
      tp.segqbytes -= over;
      if (q.m !== null) {
        mAdj(q.m, over);
        q.m = dropEmpty(q.m);
      }
      break;
    }
    if (over === q.len) e.fin |= q.fin;
    const gone = q;
    q = q.next;
    tp.segqlen--;
    tp.tcp.reass.cursegments--;
    tp.segqbytes -= gone.len;
    mFreem(gone.m);
  }
  e.next = q;
  tp.segqlen++;
  tp.tcp.reass.cursegments++;
  tp.segqbytes += e.len;
  if (prev === null) tp.segq = e;
  else prev.next = e;
  if (e.next !== null && e.next.start === end) merge(tp, e, e.next);
  if (prev !== null && ((prev.start + prev.len) | 0) === e.start) merge(tp, prev, e);
}

/** Appends run `b` to run `a`, which it follows at once. */
function merge(tp: Tcpcb, a: TsegQent, b: TsegQent): void {
  a.len += b.len;
  a.fin = b.fin;
  a.next = b.next;
  if (b.m !== null) {
    if (a.mlast === null) a.m = b.m;
    else a.mlast.next = b.m;
    a.mlast = b.mlast;
  }
  tp.segqlen--;
  tp.tcp.reass.cursegments--;
}

function unlinkHead(tp: Tcpcb, q: TsegQent): void {
  tp.segq = q.next;
  q.next = null;
  tp.segqlen--;
  tp.tcp.reass.cursegments--;
  tp.segqbytes -= q.len;
}

/** The chain without its leading empty mbufs, null if nothing is left. */
function dropEmpty(m: Mbuf | null): Mbuf | null {
  let p = m;
  while (p !== null && p.len === 0) p = p.pool.freeOne(p);
  return p;
}
