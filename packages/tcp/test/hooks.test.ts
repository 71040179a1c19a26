import { type Helper, HELPER_CLASS_TCP, HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, khelpModule } from '@ns/kern';
import { soclose, soshutdown } from '@ns/socket';
import type { TcpHhookData } from '@ns/tcp-kpi';
import { TH_ACK, TH_SYN } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { TCPS_ESTABLISHED } from '../src/constants.ts';
import { B_ADDR, accept, Lab, pattern, tpOf, write } from './lab.ts';
import { MSS, Peer, SACKOK } from './peer.ts';

interface Seen {
  ins: number;
  outs: number;
  bytes: number;
  gone: boolean;
}

const blocks: Seen[] = [];

function counting(name = 'count'): Helper<Seen> {
  blocks.length = 0;
  return {
    name,
    classes: HELPER_CLASS_TCP,
    ctor: () => {
      const b = { ins: 0, outs: 0, bytes: 0, gone: false };
      blocks.push(b);
      return b;
    },
    dtor: (b) => (b.gone = true),
    hooks: [
      { type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_IN, func: (b) => b.ins++ },
      {
        type: HHOOK_TYPE_TCP,
        id: HHOOK_TCP_EST_OUT,
        func: (b, ctx) => {
          b.outs++;
          b.bytes += (ctx as TcpHhookData).len;
        },
      },
    ],
  };
}

const TCP_DEP = [{ name: 'tcp', min: 1, preferred: 1, max: 1 }];

describe('hook points of established connections (hhook.9)', () => {
  it('T77 the counts are those of the packets: each that goes out, and each ACK that comes in', () => {
    const helper = counting();
    const lab = new Lab({ extra: [khelpModule(helper, 1, TCP_DEP)] });
    const [c, s] = lab.pair();
    lab.transfer(c, s, pattern(50_000));
    lab.run(500);
    const { khelp } = lab.kernel;
    const [mine, theirs] = [khelp.get(helper, tpOf(c).osd)!, khelp.get(helper, tpOf(s).osd)!];
    const sent = (from: 'a' | 'b', syn: boolean): number => lab.link.seen.filter((x) => x.from === from && ((x.th.flags & TH_SYN) !== 0) === syn).length;
    expect([mine.outs, theirs.outs]).toEqual([sent('a', false), sent('b', false)]);
    // The SYN|ACK is taken in before the connection is established; the ACK of it makes its connection so.
    expect([mine.ins, theirs.ins]).toEqual([sent('b', false), sent('a', false)]);
    expect([mine.bytes, theirs.bytes]).toEqual([50_000, 0]);
  });

  it('T77 nothing runs before ESTABLISHED: not for a SYN, its repetitions, a SYN|ACK, nor a refused ACK', () => {
    const p = new Peer();
    const states: number[] = [];
    for (const id of [HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT]) {
      p.kernel.hhooks.addHook({ type: HHOOK_TYPE_TCP, id, owner: 'test', udata: id, func: (_t, _i, _u, ctx) => states.push((ctx as { tp: { state: number } }).tp.state) });
    }
    const so = p.connect();
    p.run(3000);
    p.inject('. 1:1(0) ack 99');
    p.inject('S. 0:0(0) ack 1', { opts: [...MSS(1460), ...SACKOK, 0, 0] });
    expect(states).toEqual([TCPS_ESTABLISHED]); // the ACK of the SYN|ACK
    p.inject('. 1:1(0) ack 5000'); // of what was not sent: refused, and answered
    expect(states.length).toBe(2);
    soshutdown(so, 1);
    p.host.settle();
    expect(states.every((s) => s >= TCPS_ESTABLISHED)).toBe(true);
  });

  it('T79 hooks get the connection, header, options, length, whether the interface segments, and the acknowledgement', () => {
    const p = new Peer();
    const got: unknown[] = [];
    let tp: unknown = null;
    for (const id of [HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT]) {
      const func = (type: number, point: number, _u: unknown, ctx: unknown): void => {
        const d = ctx as TcpHhookData;
        got.push([type, point, d.tp === tp, (d.th.seq - (point === HHOOK_TCP_EST_IN ? p.irs : p.iss)) | 0, d.th.flags & TH_ACK, d.to.flags, d.len, d.tso, d.curack === 0 ? 0 : (d.curack - p.iss) | 0, (d.tp.sndUna - p.iss) | 0]);
      };
      p.kernel.hhooks.addHook({ type: HHOOK_TYPE_TCP, id, owner: 'test', udata: null, func });
    }
    const so = p.active();
    tp = tpOf(so);
    got.length = 0;
    write(so, pattern(1000));
    p.host.settle();
    p.inject('. 1:1(0) ack 1001');
    expect(got).toEqual([
      [HHOOK_TYPE_TCP, HHOOK_TCP_EST_OUT, true, 1, TH_ACK, 0, 1000, false, 0, 1],
      [HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN, true, 1, TH_ACK, 0, 0, false, 1001, 1],
    ]);
  });

  it('T78 without hooks a point costs a comparison: no record is made, and connections carry nothing', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    lab.transfer(c, s, pattern(20_000));
    for (const side of [lab.a, lab.b]) expect((side.tcp.hooks as unknown as { data: unknown }).data).toBeNull();
    expect([tpOf(c).osd, tpOf(s).osd]).toEqual([null, null]);
  });

  it('T80 unloading a helper runs its destructor for every connection, living ones of all vnets included; ended ones had theirs', () => {
    const helper = counting();
    const lab = new Lab({ extra: [khelpModule(helper, 1, TCP_DEP)] });
    const [c, s] = lab.pair();
    const gone = blocks.length;
    const dead = lab.a.socket();
    expect(blocks.length).toBe(gone + 1);
    soclose(dead);
    expect(blocks[gone]!.gone).toBe(true);
    expect(blocks.filter((b) => !b.gone).length).toBe(2); // the two ends
    expect(lab.kernel.kldunload('h-count').errno).toBe(0);
    expect(blocks.every((b) => b.gone)).toBe(true);
    expect(lab.kernel.ledger.total('osd')).toBe(0);
    lab.transfer(c, s, pattern(5000));
    expect(lab.a.tcp.hooks.estIn.nhooks).toBe(0);
  });

  it('T81 a helper that comes while connections live: they have no block and are passed over, later ones are helped', () => {
    const helper = counting();
    const lab = new Lab();
    const [c, s] = lab.pair();
    expect(lab.kernel.kldload(khelpModule(helper, 1, TCP_DEP)).errno).toBe(0);
    lab.transfer(c, s, pattern(5000));
    expect(blocks).toEqual([]);
    expect(lab.kernel.khelp.get(helper, tpOf(c).osd)).toBeNull();
    const l = lab.b.listen(81);
    const c2 = lab.a.connect(B_ADDR, 81);
    lab.run(5);
    lab.transfer(c2, accept(l), pattern(5000));
    expect(lab.kernel.khelp.get(helper, tpOf(c2).osd)?.bytes).toBe(5000);
  });
});
