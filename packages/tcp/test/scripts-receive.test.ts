/* Data in any order: what is acknowledged and which SACK blocks are told, against a model that knows nothing of mbufs. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { renderResult, runScript } from '@ns/packetdrill';
import { FAMILIES, type Family, mssOf, passive, play, rcvbufOf } from './script-parts.ts';

type Range = readonly [from: number, to: number];

/** RFC 2018 §4, RFC 2883 §4: what a receiver knows and says. */
class Receiver {
  next = 1;
  /** Ranges above `next`, the last changed first. */
  queue: Range[] = [];
  /** Blocks that there is room for: three beside time stamps. */
  private readonly blocks: number;

  constructor(blocks: number = 4) {
    this.blocks = blocks;
  }

  /** Takes [from, to): the ACK that has to come at once. */
  take(from: number, to: number): { ack: number; sack: Range[] } {
    const dsack = this.duplicate(from, to);
    if (to > this.next) this.insert(Math.max(from, this.next), to);
    const first = this.queue.find(([a]) => a <= this.next);
    if (first !== undefined) {
      this.next = first[1];
      this.queue = this.queue.filter(([a]) => a > this.next);
    }
    return { ack: this.next, sack: [...(dsack === null ? [] : [dsack]), ...this.queue].slice(0, this.blocks) };
  }

  /** The first run of octets that were here before. Blocks that touch are one. */
  private duplicate(from: number, to: number): Range | null {
    if (from < this.next) return [from, Math.min(to, this.next)];
    const hits = this.queue.filter(([a, b]) => a < to && b > from).sort((x, y) => x[0] - y[0]);
    const hit = hits[0];
    return hit === undefined ? null : [Math.max(from, hit[0]), Math.min(to, hit[1])];
  }

  private insert(from: number, to: number): void {
    let [a, b] = [from, to];
    const rest: Range[] = [];
    for (const r of this.queue) {
      if (r[0] <= b && r[1] >= a) [a, b] = [Math.min(a, r[0]), Math.max(b, r[1])];
      else rest.push(r);
    }
    // A block that another has reached by growing joins too.
    const more = rest.filter((r) => r[0] <= b && r[1] >= a);
    for (const r of more) [a, b] = [Math.min(a, r[0]), Math.max(b, r[1])];
    this.queue = [[a, b], ...rest.filter((r) => !more.includes(r))];
  }
}

/** Segments, and what is to come out after each. In-order data with nothing queued wait for the timer. */
function lines(f: Family, segments: readonly Range[], stamped: boolean = false): string[] {
  const r = new Receiver(stamped ? 3 : 4);
  const mss = mssOf(f) - (stamped ? 12 : 0);
  const theirs = stamped ? ' <nop,nop,TS val 7 ecr 100>' : '';
  const out: string[] = [];
  for (const [from, to] of segments) {
    const delayed = from === r.next && r.queue.length === 0 && to - from <= mss;
    const { ack, sack } = r.take(from, to);
    const win = Math.min(65535, rcvbufOf(f) - (r.next - 1));
    const told = [...(stamped ? ['nop,nop,TS val ... ecr 7'] : []), ...(sack.length === 0 ? [] : [`nop,nop,sack ${sack.map(([a, b]) => `${a}:${b}`).join(' ')}`])];
    const blocks = told.length === 0 ? '' : ` <${told.join(',')}>`;
    out.push(`+.1 < . ${from}:${to}(${to - from}) ack 1 win 32767${theirs}`, `${delayed ? '+.04' : '+0'} > . 1:1(0) ack ${ack} win ${win}${blocks}`);
  }
  if (r.next > 1) out.push(`+0 recv(4, ..., 32200, 0) = ${r.next - 1}`);
  return out;
}

/** All orders of the indices below n. */
function orders(n: number): number[][] {
  if (n === 0) return [[]];
  return orders(n - 1).flatMap((o) => Array.from({ length: n }, (_, i) => [...o.slice(0, i), n - 1, ...o.slice(i)]));
}

const PIECES: readonly Range[] = [[1, 2], [2, 4], [4, 8], [8, 16], [16, 32]];

describe('data in every order', () => {
  it.each(orders(5).map((o) => [o.map((i) => i + 1).join(''), o] as const))('%s', (_, order) => {
    play(4, [...passive(4), ...lines(4, order.map((i) => PIECES[i]!))]);
  });
});

describe('a segment over queued ones', () => {
  const QUEUED: readonly Range[] = [[1, 100], [600, 700], [400, 500], [200, 300]];
  const EDGES = [50, 100, 150, 200, 250, 300, 350, 400, 450, 475, 500, 550, 600, 650, 675, 700, 750];

  it.each(EDGES.slice(0, -1))('from %i to anywhere', (from) => {
    for (const to of EDGES) if (to > from) play(4, [...passive(4), ...lines(4, [...QUEUED, [from, to], [1, 800]])]);
  });
});

describe.each(FAMILIES)('any segments over IPv%i', (f) => {
  it('are acknowledged and told as the model says', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 30 })).map(([a, n]): Range => [a * 10 + 1, (a + n) * 10 + 1]);
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 16 }), fc.boolean(), (segments, stamped) => {
        const open = stamped
          ? passive(f, 'mss 1460,sackOK,TS val 7 ecr 0', `mss ${mssOf(f)},sackOK,TS val 100 ecr 7`).map((l) => l.replace('+.1 < . 1:1(0) ack 1 win 32767', '+.1 < . 1:1(0) ack 1 win 32767 <nop,nop,TS val 7 ecr 100>'))
          : passive(f);
        const script = [`--ip_version=ipv${f}`, ...open, ...lines(f, [[1, 11], ...segments], stamped)].join('\n');
        const r = runScript(script);
        expect(r.status === 'passed' ? '' : renderResult(r)).toBe('');
      }),
      { numRuns: Number(process.env.NS_RUNS ?? 80) },
    );
  });

  it('and a FIN that comes too early is remembered', () => {
    const fin = ['+.1 < F. 31:31(0) ack 1 win 32767', '+0 > . 1:1(0) ack 1 win 65535 <nop,nop,sack 11:31>', '+.1 < . 1:11(10) ack 1 win 32767', `+0 > . 1:1(0) ack 32 win ${Math.min(65535, rcvbufOf(f) - 30)}`];
    play(f, [...passive(f), '+.1 < . 11:31(20) ack 1 win 32767', '+0 > . 1:1(0) ack 1 win 65535 <nop,nop,sack 11:31>', ...fin, '+0 recv(4, ..., 100, MSG_PEEK) = 30', '+0 recv(4, ..., 100, 0) = 30', '+0 recv(4, ..., 100, 0) = 0']);
  });

  it('are told without blocks where SACK was not agreed upon', () => {
    play(f, [...passive(f, 'mss 1460', `mss ${mssOf(f)}`), '+.1 < . 11:21(10) ack 1 win 32767', '+0 > . 1:1(0) ack 1 win 65535', '+.1 < . 1:11(10) ack 1 win 32767', '+0 > . 1:1(0) ack 21 win 65535']);
  });

  it('every second one draws an ACK at once, and one larger than the MSS', () => {
    play(f, [...passive(f), '+.1 < . 1:11(10) ack 1 win 32767', '+.01 < . 11:21(10) ack 1 win 32767', '+0 > . 1:1(0) ack 21 win 65535', '+.1 < P. 21:4021(4000) ack 1 win 32767', `+0 > . 1:1(0) ack 4021 win ${rcvbufOf(f) - 4020}`]);
  });
});
