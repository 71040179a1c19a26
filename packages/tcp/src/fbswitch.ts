import { EINVAL, ENOENT } from '@ns/errno';
import { type LossRecovery, SEG_HAS_FIN, SEG_LOST, SEG_SACKED, type TcpFunctionBlock } from '@ns/tcp-kpi';
import { seqGt, seqLt, seqMax } from '@ns/wire';
import { FbConn } from './fbconn.ts';
import { sackholeAppend, sackhintOf, tcpFreeSackholes } from './sack.ts';
import type { SentSeg } from './sendmap.ts';
import { startRexmt, TT_FB, tcpTimerActivate } from './timer.ts';
import { type Tcpcb, TCPS_CLOSED, TCPS_HAVEESTABLISHED, TCPS_TIME_WAIT, TF_FASTRECOVERY, TF_SENTFIN } from './tcpcb.ts';

/** Stands for the block's object until `init` has made it. */
const NOBODY: LossRecovery = Object.freeze({
  transmitted: () => undefined,
  delivered: () => undefined,
  acknowledged: () => undefined,
  nextSeg: () => null,
  timeout: () => undefined,
  rexmtTimeout: () => undefined,
  undone: () => undefined,
  recovered: () => undefined,
  fini: () => undefined,
  snapshot: () => ({}),
});

/**
 * The connection is established, `una` being its oldest sequence number that is not acknowledged: its function block begins. One that refuses (SACK was not agreed on, say) leaves it to
 * the built-in stack.
 * Differs: FreeBSD begins when the control block is made, and a listener has a block's state too.
 */
export function fbEstablished(tp: Tcpcb, una: number): void {
  if (tp.fb === tp.tcp.functions.builtin || tp.rec !== null) return;
  if (fbStart(tp, tp.fb, una) !== 0) tp.fb = tp.tcp.functions.builtin;
}

/**
 * TCP_FUNCTION_BLK: another block for a socket. ENOENT for an unknown name; EINVAL, or what the block says, in a state that it cannot take over in. Nothing changes if it refuses.
 * Source: FreeBSD tcp_usrreq.c, tcp_ctloutput().
 */
export function fbSwitch(tp: Tcpcb, name: unknown): number {
  const { functions } = tp.tcp;
  const fb = typeof name === 'string' ? functions.find(name) : null;
  if (fb === null) return ENOENT;
  if (fb === tp.fb) return 0;
  if (tp.state !== TCPS_CLOSED) {
    const error = fb.handoffOk === undefined ? EINVAL : fb.handoffOk(tp.rec ?? new FbConn(tp, tp.sndUna, NOBODY));
    if (error !== 0) return error;
  }
  if (!TCPS_HAVEESTABLISHED(tp.state) || tp.state === TCPS_TIME_WAIT) {
    tp.fb = fb;
    return 0;
  }
  if (fb === functions.builtin) fbStop(tp);
  else {
    const error = tp.rec === null ? fbStart(tp, fb, tp.sndUna) : fbReplace(tp.rec, fb);
    if (error !== 0) return error;
  }
  tp.fb = fb;
  return 0;
}

/** From one block to another, which goes on with the same map. */
function fbReplace(rec: FbConn, fb: TcpFunctionBlock): number {
  const made = fb.init(rec);
  if (typeof made === 'number') return made;
  rec.block.fini(false);
  rec.setTimer(0);
  rec.block = made;
  return 0;
}

/**
 * Puts a block in charge of an established connection that had the built-in stack. What that knew of holes becomes the block's map. When each segment was sent is not known: it counts as
 * sent now, and as sent again before, so that no round-trip time is taken from it.
 */
function fbStart(tp: Tcpcb, fb: TcpFunctionBlock, una: number): number {
  const rec = new FbConn(tp, una, NOBODY);
  mapFromHoles(tp, rec);
  const made = fb.init(rec);
  if (typeof made === 'number') {
    rec.map.clear();
    return made;
  }
  rec.block = made;
  const sh = sackhintOf(tp);
  tcpFreeSackholes(tp);
  tp.rttTiming = false;
  if ((tp.flags & TF_FASTRECOVERY) !== 0 && sh.recoverFs === 0) sh.recoverFs = Math.max((tp.sndMax - una) | 0, 1);
  tp.rec = rec;
  return 0;
}

function mapFromHoles(tp: Tcpcb, rec: FbConn): void {
  const { map } = rec;
  const now = tp.tcp.nowUs();
  const repairing = (tp.flags & TF_FASTRECOVERY) !== 0;
  const add = (to: number): SentSeg | null => {
    if (!seqGt(to, map.end)) return null;
    const s = map.append(to, now, 0, Infinity);
    s.rexmits = 1;
    return s;
  };
  const sh = tp.sackhint;
  for (let h = sh === null ? null : sh.head; h !== null; h = h.next) {
    const got = add(h.start);
    if (got !== null) map.markSacked(got, tp.maxseg);
    add(h.rxmit);
    const missing = add(h.end);
    if (missing !== null && repairing) map.markLost(missing);
  }
  if (sh !== null && sh.head !== null) {
    const got = add(tp.sndFack);
    if (got !== null) map.markSacked(got, tp.maxseg);
  }
  const last = add(tp.sndMax);
  if (map.tail !== null && (tp.flags & TF_SENTFIN) !== 0) (last ?? map.tail).flags |= SEG_HAS_FIN;
}

/** The built-in stack takes over: holes from the map; what is lost and not sent again is due in its way. Nothing to do without a block. */
export function fbStop(tp: Tcpcb): void {
  const { rec } = tp;
  if (rec === null) return;
  tp.rec = null;
  tcpTimerActivate(tp, TT_FB, 0);
  rec.block.fini(false);
  holesFromMap(tp, rec);
  rec.map.clear();
  if (tp.sndMax !== tp.sndUna && tp.rexmtAtUs === Infinity && tp.persistAtUs === Infinity) startRexmt(tp, tp.tcp.nowUs());
}

function holesFromMap(tp: Tcpcb, rec: FbConn): void {
  const { map } = rec;
  const sh = sackhintOf(tp);
  const repairing = (tp.flags & TF_FASTRECOVERY) !== 0;
  const lost = map.firstLost();
  tp.sndFack = tp.sndUna;
  let from = tp.sndUna;
  for (let s = map.head; s !== null; s = s.next) {
    if ((s.flags & SEG_SACKED) === 0) continue;
    if (seqGt(s.start, from)) {
      const sent = repairing ? sentAgainUpTo(map.find(from)) : from;
      if (!sackholeAppend(tp, sh, from, s.start, seqLt(sent, s.start) ? sent : s.start)) break;
    }
    sh.sackedBytes += (s.end - s.start) | 0;
    from = s.end;
    tp.sndFack = from;
  }
  // With nothing above to tell a loss by, what is lost goes out as after a timeout.
  if (lost !== null && (!repairing || seqGt(lost.end, tp.sndFack))) tp.sndNxt = seqMax(lost.start, tp.sndUna);
}

/** Where what was sent again, from this record on without a gap, ends. */
function sentAgainUpTo(first: SentSeg | null): number {
  let s = first;
  let end = s === null ? 0 : s.start;
  for (; s !== null && (s.flags & (SEG_SACKED | SEG_LOST)) === 0 && s.rexmits > 0; s = s.next) ({ end } = s);
  return end;
}

/** The connection ends, or has nothing outstanding any more for good. */
export function fbDiscard(tp: Tcpcb): void {
  const { rec } = tp;
  if (rec === null) return;
  tp.rec = null;
  rec.block.fini(true);
  rec.map.clear();
}
