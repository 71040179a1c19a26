import { describe, it } from 'vitest';
import { begin, type Dress, DRESSES, establish, OFF, type Pen, type Seg, segments, STATE_NAMES, type StateName, SWITCHES, type Switches, walk, wanted, type Way } from './script-grid.ts';
import { arrives, type Conn, type Outcome } from './script-oracle.ts';
import { FAMILIES, type Family } from './script-parts.ts';

const AT: Readonly<Record<StateName, { readonly una: number; readonly nxt: number; readonly rnxt: number }>> = {
  ESTABLISHED: { una: 1, nxt: 1, rnxt: 1 },
  CLOSE_WAIT: { una: 1, nxt: 1, rnxt: 2 },
  FIN_WAIT_1: { una: 1, nxt: 2, rnxt: 1 },
  FIN_WAIT_2: { una: 2, nxt: 2, rnxt: 1 },
  CLOSING: { una: 1, nxt: 2, rnxt: 2 },
  LAST_ACK: { una: 1, nxt: 2, rnxt: 2 },
  TIME_WAIT: { una: 2, nxt: 2, rnxt: 2 },
};

interface Case {
  readonly f: Family;
  readonly dress: Dress;
  readonly way: Way;
  readonly state: StateName;
  readonly sw: Switches;
  readonly closed: boolean;
}

/** The connection of the case, and what of it segments meet. */
function reach(k: Case): { readonly p: Pen; readonly c: Conn; readonly fd: number } {
  const p = begin(k.f, k.dress, k.sw);
  const fd = establish(p, k.way);
  walk(p, k.state, k.closed ? `close(${fd})` : `shutdown(${fd}, SHUT_WR)`);
  return { p, fd, c: { state: k.state, ...AT[k.state], wnd: p.space, sack: k.dress.sack, closed: k.closed, listener: k.way === 'passive' } };
}

/** Left of the window, its first number, inside, its last, right of it. */
const places = (c: Conn): readonly number[] => [c.rnxt - 1, c.rnxt, c.rnxt + 1, c.rnxt + 100, c.rnxt + c.wnd - 1, c.rnxt + c.wnd + 1];
/** Before our ISN, it all, and more than that. */
const acks = (c: Conn): readonly number[] => [0, ...Array.from({ length: c.nxt + 1 }, (_, i) => i + 1)];

/** A segment that is answered, whatever was before it: silence is shown by what comes next. */
function probe(p: Pen, c: Conn, queued: Outcome['queued'] = [], unread = 0): void {
  const fin = c.state === 'FIN_WAIT_1' || c.state === 'CLOSING' || c.state === 'LAST_ACK';
  p.ack(c.rnxt - 1, c.una).expect(fin ? `F. ${c.nxt - 1}:${c.nxt - 1}(0) ack ${c.rnxt}` : `. ${c.nxt}:${c.nxt}(0) ack ${c.rnxt}`, queued, '+0', p.space - unread);
}

function check(p: Pen, state: string): void {
  p.add(`+0 \`sockstat -P tcp -s | grep -c ' ${state}' | grep 1\``);
}

/** All segments that leave the connection as it is, one after another. */
function stays(k: Case): void {
  const { p, c, fd } = reach(k);
  let n = 0;
  for (const s of segments(places(c), acks(c))) {
    const o = arrives(c, s, k.sw);
    if (o.moved || !wanted(k, s, 3, 9)) continue;
    p.take(s);
    if (o.reply === null) probe(p, c);
    else p.expect(o.reply, o.sack);
    n++;
  }
  if (!k.closed) p.add(`+0 getsockopt(${fd}, SOL_SOCKET, SO_ERROR, [0], [4]) = 0`);
  check(p, k.state);
  if (n < 10) throw new Error(`only ${n} segments`);
  p.play();
}

/** One segment that changes something, and what is there after it. */
function goes(k: Case, s: Seg): void {
  const { p, c, fd } = reach(k);
  const o = arrives(c, s, k.sw);
  const d = k.dress;
  p.take(s);
  if (o.state === 'NEW') {
    p.add(`+0 > ${o.reply} win 65535 <...>${d.road.out}`).play();
    return;
  }
  // Where there is no pcb any more nobody signs.
  const nobody = o.state === 'CLOSED' && k.way === 'active' ? [] : d.rst;
  const gone = (reply: string): string => `+0 > ${reply} win 0${nobody.length === 0 ? '' : ` <${nobody.join(',')}>`}${d.road.out}`;
  if (o.reply !== null && o.state === 'CLOSED' && c.state === 'TIME_WAIT') p.add(gone(o.reply));
  else if (o.reply !== null) p.expect(o.reply, o.sack, o.delayed ? '+.04' : '+0', p.space - o.unread);
  if (o.state === 'CLOSED') {
    if (!k.closed) p.add(`+0 getsockopt(${fd}, SOL_SOCKET, SO_ERROR, [${o.error}], [4]) = 0`);
    if (c.state !== 'TIME_WAIT' || k.way === 'passive') p.ack(c.rnxt, 9).add(gone('R 9:9(0)'));
  } else {
    const after = { ...c, state: o.state, una: o.una, rnxt: o.rnxt };
    probe(p, after, o.queued, o.unread);
    if (o.unread > 0) p.add(`+0 recv(${fd}, ..., 100, 0) = ${o.unread}`);
    check(p, o.state);
  }
  p.play();
}

const name = (k: Case): string => [k.dress.name, `${k.way} open`, k.state, ...(k.closed ? ['closed'] : []), ...SWITCHES.filter((s) => k.sw[s] === 1)].join(', ');
const WAYS: readonly Way[] = ['active', 'passive'];
const CLOSABLE: readonly StateName[] = ['FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSING', 'LAST_ACK'];

function cases(f: Family): readonly (readonly [string, Case])[] {
  const out: Case[] = [];
  for (const dress of DRESSES)
    for (const way of WAYS)
      for (const state of STATE_NAMES) {
        out.push({ f, dress, way, state, sw: OFF, closed: false });
        if (CLOSABLE.includes(state)) out.push({ f, dress, way, state, sw: OFF, closed: true });
        if (dress !== DRESSES[0]) continue;
        for (const s of SWITCHES) out.push({ f, dress, way, state, sw: { ...OFF, [s]: 1 }, closed: false });
        out.push({ f, dress, way, state, sw: { insecure_rst: 1, insecure_syn: 1, insecure_ack: 1, drop_synfin: 1 }, closed: false });
      }
  return out.map((k) => [name(k), k]);
}

describe.each(FAMILIES)('over IPv%i', (f) => {
  it.each(cases(f))('segments that change nothing: %s', (_, k) => stays(k));

  it.each(cases(f))('segments that change something: %s', (_, k) => {
    const { c } = reach(k);
    for (const s of segments(places(c), acks(c))) if (arrives(c, s, k.sw).moved && wanted(k, s, 13, 29)) goes(k, s);
  });
});
