/*
 * What a segment does to a connection, told by RFC 9293 §3.10.7 and the RFCs that change it, without a look at the stack. Where FreeBSD has decided what the RFCs leave open, or
 * otherwise, it says so.
 */
import { has, u32, type Seg, type StateName, type Switches } from './script-grid.ts';

/** A connection as far as segments meet it. */
export interface Conn {
  readonly state: StateName;
  /** SND.UNA, SND.NXT and RCV.NXT; our ISS is 0. */
  readonly una: number;
  readonly nxt: number;
  readonly rnxt: number;
  /** RCV.WND. */
  readonly wnd: number;
  readonly sack: boolean;
  /** The descriptor is closed. */
  readonly closed: boolean;
  /** Somebody listens at its port. */
  readonly listener: boolean;
}

export interface Outcome {
  /** The answer: flags, sequence, ack; null: none. */
  readonly reply: string | null;
  /** Blocks that it has, where SACK is on. */
  readonly sack: readonly (readonly [number, number])[];
  /** It waits for the delayed ACK's timer. */
  readonly delayed: boolean;
  /** Octets that it leaves unread. */
  readonly unread: number;
  /** The state after it; NEW: a connection of its own begins. */
  readonly state: StateName | 'CLOSED' | 'NEW';
  /** SO_ERROR after it. */
  readonly error: string;
  /** Whether anything but timers is another than before. */
  readonly moved: boolean;
  /** SND.UNA and RCV.NXT after it, and what is queued out of order. */
  readonly una: number;
  readonly rnxt: number;
  readonly queued: readonly (readonly [number, number])[];
}

const still = (c: Conn, reply: string | null = null): Outcome => ({ reply, sack: [], delayed: false, unread: 0, state: c.state, error: '0', moved: false, una: c.una, rnxt: c.rnxt, queued: [] });
const end = (c: Conn, reply: string | null, error: string): Outcome => ({ ...still(c, reply), state: 'CLOSED', error, moved: true });

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, in answer to the segment and nothing else. */
const challenge = (c: Conn): string => `. ${c.nxt}:${c.nxt}(0) ack ${c.rnxt}`;

/** An ACK that goes the way of all output: while our FIN is unacknowledged, it has it (FreeBSD tcp_output()). */
function acknowledgement(state: StateName, nxt: number, rnxt: number): string {
  const fin = state === 'FIN_WAIT_1' || state === 'CLOSING' || state === 'LAST_ACK';
  return fin ? `F. ${nxt - 1}:${nxt - 1}(0) ack ${rnxt}` : `. ${nxt}:${nxt}(0) ack ${rnxt}`;
}

const FIN_RECEIVED: readonly StateName[] = ['CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'];
const finReceived = (s: StateName): boolean => FIN_RECEIVED.includes(s);

/** `<SEQ=SEG.ACK><CTL=RST>` or `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>` (RFC 9293 §3.10.7.1). */
export function reset(s: Seg): string | null {
  if (has(s, 'R')) return null;
  if (has(s, '.')) return `R ${u32(s.ack)}:${u32(s.ack)}(0)`;
  return `R. 0:0(0)! ack ${u32(s.seq + s.len + (has(s, 'S') ? 1 : 0) + (has(s, 'F') ? 1 : 0))}`;
}

/** RFC 9293 §3.10.7.4. */
export function arrives(c: Conn, s: Seg, sw: Switches): Outcome {
  if (sw.drop_synfin === 1 && has(s, 'S') && has(s, 'F')) return still(c);
  if (c.state === 'TIME_WAIT') return inTimeWait(c, s);
  const inWindow = s.seq >= c.rnxt && s.seq < c.rnxt + c.wnd;
  // RST before the sequence check: RFC 5961 §3.2 judges its number by itself.
  if (has(s, 'R')) {
    if (s.seq === c.rnxt || (inWindow && sw.insecure_rst === 1)) return end(c, null, 'ECONNRESET');
    return still(c, inWindow ? challenge(c) : null);
  }
  // RFC 5961 §4.2.
  if (has(s, 'S')) return inWindow && sw.insecure_syn === 1 ? end(c, `R. ${c.nxt}:${c.nxt}(0) ack ${c.rnxt}`, 'ECONNRESET') : still(c, challenge(c));
  return checked(c, s, sw);
}

/** First, the sequence number: trims the segment to the window. */
function checked(c: Conn, s: Seg, sw: Switches): Outcome {
  const ack = acknowledgement(c.state, c.nxt, c.rnxt);
  const past = s.seq + s.len;
  const old = s.seq < c.rnxt && (past < c.rnxt || (past === c.rnxt && !has(s, 'F')));
  const cut = Math.min(Math.max(c.rnxt - s.seq, 0), s.len);
  const dup: readonly (readonly [number, number])[] = c.sack && cut > 0 ? [[s.seq, s.seq + cut]] : [];
  const seg = { ...s, seq: s.seq + cut, len: s.len - cut, flags: old ? s.flags.replace('F', '') : s.flags };
  // Nobody reads any more (RFC 1122 §4.2.2.13); text behind a FIN is no text.
  if (c.closed && seg.len > 0 && !finReceived(c.state)) return end(c, reset(s), '');
  const behind = seg.seq + seg.len - (c.rnxt + c.wnd);
  if (behind > 0) {
    if (behind >= seg.len) return still(c, ack);
    seg.len -= behind;
    seg.flags = seg.flags.replace('F', '');
  }
  const due = old || dup.length > 0;
  // What is not accepted is not reported as a duplicate either.
  if (!has(s, '.')) return still(c, due ? ack : null);
  // Fifth: the ACK. RFC 5961 §5, and what was acknowledged before there was anything (FreeBSD: a ghost ACK).
  if (sw.insecure_ack === 0 && s.ack < 1) return still(c, challenge(c));
  if (s.ack > c.nxt) return still(c, ack);
  return acked(c, seg, due, dup);
}

function acked(c: Conn, seg: Seg, due: boolean, dup: readonly (readonly [number, number])[]): Outcome {
  let state = c.state;
  const moved = seg.ack > c.una;
  if (moved && seg.ack === c.nxt) {
    if (state === 'LAST_ACK') return end(c, null, '0');
    if (state === 'CLOSING') return { ...still(c, due ? challenge(c) : null), state: 'TIME_WAIT', una: c.nxt, moved: true };
    if (state === 'FIN_WAIT_1') state = 'FIN_WAIT_2';
  }
  const base = { ...still(c), state, moved, una: Math.max(c.una, seg.ack) };
  if (finReceived(state) || (seg.len === 0 && !has(seg, 'F'))) return due ? { ...base, reply: acknowledgement(state, c.nxt, c.rnxt), sack: dup } : base;
  // Text and FIN.
  const inOrder = seg.seq <= c.rnxt;
  if (!inOrder) {
    const block: (readonly [number, number])[] = c.sack && seg.len > 0 ? [[seg.seq, seg.seq + seg.len]] : [];
    return { ...base, reply: acknowledgement(state, c.nxt, c.rnxt), sack: block, queued: block, moved: true };
  }
  const rnxt = c.rnxt + seg.len + (has(seg, 'F') ? 1 : 0);
  if (has(seg, 'F')) {
    if (state === 'ESTABLISHED') state = 'CLOSE_WAIT';
    else if (state === 'FIN_WAIT_1') state = 'CLOSING';
    else state = 'TIME_WAIT';
  }
  return { ...base, state, reply: acknowledgement(state, c.nxt, rnxt), sack: dup, delayed: !due && !has(seg, 'F'), unread: seg.len, moved: true, rnxt };
}

/** RFC 1337, RFC 6191; FreeBSD tcp_twcheck(). */
function inTimeWait(c: Conn, s: Seg): Outcome {
  if (has(s, 'R')) return still(c);
  if (has(s, 'S') && !has(s, '.') && s.seq > c.rnxt) return c.listener ? { ...still(c, `S. ...(0) ack ${s.seq + 1}`), state: 'NEW', moved: true } : end(c, reset(s), '0');
  if (!has(s, '.')) return still(c);
  const last = s.flags === '.' && s.len === 0 && s.seq === c.rnxt && s.ack === c.nxt;
  return still(c, last ? null : challenge(c));
}

/** RFC 9293 §3.10.7.3; FreeBSD drops a FIN that comes with a crossing SYN. Numbers count from the peer's SYN, except in a SYN of ours. */
export function inSynSent(s: Seg, sw: Switches): { reply: string | null; state: 'SYN_SENT' | 'SYN_RECEIVED' | 'ESTABLISHED' | 'CLOSE_WAIT' | 'CLOSED'; error: string } {
  const stay = { reply: null, state: 'SYN_SENT', error: '0' } as const;
  if (sw.drop_synfin === 1 && has(s, 'S') && has(s, 'F')) return stay;
  if (has(s, '.') && s.ack !== 1) return { ...stay, reply: reset(s) };
  if (has(s, 'R')) return has(s, '.') ? { ...stay, state: 'CLOSED', error: 'ECONNREFUSED' } : stay;
  if (!has(s, 'S')) return stay;
  if (!has(s, '.')) return { ...stay, reply: `S. 0:0(0) ack ${s.seq + 1}`, state: 'SYN_RECEIVED' };
  const fin = has(s, 'F');
  return { ...stay, reply: `. 1:1(0) ack ${1 + s.len + (fin ? 1 : 0)}`, state: fin ? 'CLOSE_WAIT' : 'ESTABLISHED' };
}

/** RFC 9293 §3.10.7.1: nobody is there. */
export function inClosed(s: Seg): string | null {
  return reset(s);
}

/** RFC 9293 §3.10.7.2; FreeBSD is silent about a SYN|ACK. Its text and FIN do not count. */
export function inListen(s: Seg, sw: Switches): string | null {
  if (has(s, 'R')) return null;
  if (has(s, 'S')) return has(s, '.') || (sw.drop_synfin === 1 && has(s, 'F')) ? null : `S. 0:0(0) ack ${s.seq + 1}`;
  return has(s, '.') ? reset(s) : null;
}

/**
 * A half-open connection of a listener, whose SYN had number 0: what the syncache says (FreeBSD syncache_chkrst(), syncache_expand()). `wnd` is what was advertised.
 */
export function inHalfOpen(s: Seg, sw: Switches, wnd: number): { reply: string | null; state: 'SYN_RCVD' | 'gone' | 'ESTABLISHED' } {
  const stay = { reply: null, state: 'SYN_RCVD' } as const;
  const inWindow = s.seq >= 1 && s.seq < 1 + wnd;
  if (sw.drop_synfin === 1 && has(s, 'S') && has(s, 'F')) return stay;
  const ack = '. 1:1(0) ack 1';
  if (has(s, '.') && !has(s, 'S') && !has(s, 'R')) {
    if (!inWindow) return { ...stay, reply: ack };
    if (s.ack !== 1) return { ...stay, reply: reset(s) };
    return { ...stay, state: 'ESTABLISHED' };
  }
  if (has(s, 'R')) {
    // Only a pure ACK is more than that: what has RST as well is a RST.
    if (s.seq === 1 || (inWindow && sw.insecure_rst === 1)) return { ...stay, state: 'gone' };
    return { ...stay, reply: inWindow ? ack : null };
  }
  if (has(s, 'S') && !has(s, '.')) return { ...stay, reply: 'S. 0:0(0) ack 1' };
  return stay;
}

/**
 * SYN-RECEIVED after a crossing SYN with number 0; ours had 0 as well. RFC 9293 §3.10.7.4; where an ACK is due the SYN|ACK goes again, as in FreeBSD. Text and FIN without ACK are kept for later: `moved`.
 */
export function inCrossing(s: Seg, sw: Switches, wnd: number, sack: boolean): Omit<Outcome, 'state'> & { readonly state: Outcome['state'] | 'SYN_RCVD' } {
  const c: Conn = { state: 'ESTABLISHED', una: 1, nxt: 1, rnxt: 1, wnd, sack, closed: false, listener: false };
  const stay = { ...still(c), state: 'SYN_RCVD' as const };
  const again = { ...stay, reply: 'S. 0:0(0) ack 1' };
  if (sw.drop_synfin === 1 && has(s, 'S') && has(s, 'F')) return stay;
  const inWindow = s.seq >= 1 && s.seq < 1 + wnd;
  if (has(s, 'R')) {
    if (s.seq === 1 || (inWindow && sw.insecure_rst === 1)) return end(c, null, 'ECONNREFUSED');
    return { ...stay, reply: inWindow ? challenge(c) : null };
  }
  if (s.seq < 0) return { ...stay, reply: reset(s) }; // from before the peer's SYN: the LAND defence
  // The SYN once more is none; what follows it may be new.
  const first = has(s, 'S') && s.seq === 0 ? 1 : s.seq;
  const cut = first < 1 ? Math.min(1, s.len) : 0;
  const old = s.seq === 0 && s.len - cut === 0 && !(has(s, 'F') && first + s.len === 1);
  const seg = { ...s, seq: first + cut, len: s.len - cut, flags: old ? s.flags.replace('F', '') : s.flags };
  const dup: Outcome['sack'] = sack && cut > 0 ? [[0, 1]] : [];
  const behind = seg.seq + seg.len - (1 + wnd);
  if (behind > 0) {
    if (behind >= seg.len) return again;
    seg.len -= behind;
    seg.flags = seg.flags.replace('F', '');
  }
  const due = old || dup.length > 0;
  if (has(s, '.') && s.ack !== 1) return { ...stay, reply: reset(s) };
  if (has(s, '.')) return { ...acked({ ...c, una: 0 }, seg, due, dup), moved: true };
  const kept = seg.len > 0 || has(seg, 'F');
  return { ...(due || kept ? again : stay), moved: kept };
}
