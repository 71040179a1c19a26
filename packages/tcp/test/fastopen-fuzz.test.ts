/* Connections of Fast Open under whatever segments, calls and pauses: no throw, no illegal step, nothing left. */
import fc from 'fast-check';
import { SHUT_WR, soclose, type Socket, solisten, solistenDequeue, sosendCopy, sosetopt, soshutdown } from '@ns/socket';
import { TCP_FASTOPEN, TCPS_LISTEN } from '@ns/tcp';
import { describe, expect, it } from 'vitest';
import { must, read } from './lab.ts';
import { MSS, NOP, Peer, SACKOK, TS, WS } from './peer.ts';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from './wire-names.ts';

const SYN = 2;
const RST = 4;
const ACK = 16;
const FO = [34, 10, 1, 2, 3, 4, 5, 6, 7, 8];
const OPTS: readonly (readonly number[])[] = [[], MSS(1460), [...MSS(1460), ...FO], [...MSS(536), NOP, ...WS(7), ...SACKOK, ...TS(5, 0)], [34, 2], [34, 5, 1, 2, 3], TS(9, 9)];

type Step =
  | { readonly kind: 'segment'; readonly flags: string; readonly seq: number; readonly len: number; readonly ack: number; readonly win: number; readonly opts: number }
  | { readonly kind: 'write'; readonly n: number }
  | { readonly kind: 'read' | 'close' | 'shutdown' }
  | { readonly kind: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('segment' as const),
      flags: fc.constantFrom('.', 'P.', 'F.', 'FP.', 'S', 'S.', 'SE.', 'SEW', 'SF', 'R', 'R.', 'F', '-', 'PU.'),
      seq: fc.constantFrom(-1, 0, 1, 50, 100, 101, 102, 151, 65536),
      len: fc.constantFrom(0, 0, 1, 100, 1400),
      ack: fc.constantFrom(-1, 0, 1, 2, 50, 101, 102, 301, 5000),
      win: fc.constantFrom(0, 1, 500, 65535),
      opts: fc.nat({ max: OPTS.length - 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), n: fc.constantFrom(1, 300, 5000, 40_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('read' as const, 'close' as const, 'shutdown' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 45, 300, 1100, 5000) }) },
);

/** Takes the steps with the connection that `socket` gives, when it gives one; returns it if it was not closed. */
function take(p: Peer, steps: readonly Step[], socket: () => Socket | null): Socket | null {
  let closed = false;
  let so: Socket | null = null;
  for (const s of steps) {
    so ??= socket();
    if (s.kind === 'segment') p.inject(`${s.flags} ${s.seq}:${s.seq + s.len}(${s.len})${s.flags.includes('.') ? ` ack ${s.ack}` : ''}`, { win: s.win, opts: OPTS[s.opts]! });
    else if (s.kind === 'wait') p.run(s.ms);
    else if (so !== null && !closed) {
      if (s.kind === 'write') sosendCopy(so, null, new Uint8Array(s.n), 0, s.n, 0);
      else if (s.kind === 'read') read(so);
      else if (s.kind === 'shutdown') soshutdown(so, SHUT_WR);
      else {
        soclose(so);
        closed = true;
      }
    }
    p.host.settle();
  }
  return closed ? null : so;
}

/** All is closed, and every timer has had its time. */
function gone(p: Peer): void {
  p.run(2_000_000);
  expect(p.tcp.pcbinfo.count).toBe(0);
  expect(p.tcp.syncache.count).toBe(0);
  expect(p.kernel.mbufs.outstanding).toBe(0);
  expect(p.outs.filter((o) => (o.flags & (SYN | RST | ACK)) === 0 || !o.sumOk)).toEqual([]);
}

describe('Fast Open under fire', () => {
  it('a server', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), fc.constantFrom(0, 100, 1400), (steps, n) => {
        const p = new Peer({ sysctls: { 'fastopen.server_enable': 1, 'fastopen.acceptany': 1 } });
        const l = p.bind();
        must(sosetopt(l, IPPROTO_TCP, TCP_FASTOPEN, 1), 'TCP_FASTOPEN');
        must(solisten(l, 10), 'listen');
        p.inject(`S 0:${n}(${n})`, { opts: [...MSS(1460), ...FO] });
        const open: Socket[] = [];
        const last = take(p, steps, () => {
          const so = solistenDequeue(l);
          if (typeof so === 'number') return null;
          open.push(so);
          return so;
        });
        if (last !== null) soclose(last);
        soclose(l);
        gone(p);
        expect(p.tcp.states[TCPS_LISTEN]).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it.each(['a request', 'data'])('a client whose SYN has %s', (what) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), fc.constantFrom(1, 300, 5000), (steps, n) => {
        const p = new Peer({ pport: 80 });
        const to = new Sockaddr(parseInAddr('10.0.0.2')!, 80);
        if (what === 'data') {
          const e = p.tcp.fastopen.cache.obtain(parseInAddr('10.0.0.1')!, to.addr, 80);
          e.mss = 1460;
          e.cookieLen = 8;
        }
        const so = p.bind();
        must(sosetopt(so, IPPROTO_TCP, TCP_FASTOPEN, 1), 'TCP_FASTOPEN');
        sosendCopy(so, to, new Uint8Array(n), 0, n, 0);
        p.host.settle();
        expect(p.outs[0]!.data.length > 0).toBe(what === 'data');
        const last = take(p, steps, () => so);
        if (last !== null) soclose(last);
        gone(p);
        expect(p.tcp.fastopen.cache.count).toBeLessThanOrEqual(1);
        expect(p.outs.filter((o) => o.opts.includes('FO')).length).toBe(1);
        expect(p.outs.filter((o) => (o.flags & SYN) !== 0 && o.data.length > 0).length).toBe(what === 'data' ? 1 : 0);
      }),
      { numRuns: 150 },
    );
  });
});
