/* Receiving data: when it is acknowledged, with which window and which blocks (RFC 9293, 2018, 2883, 5681). */
import { describe, expect, it } from 'vitest';
import type { Socket } from '@ns/socket';
import { read, tpOf } from './lab.ts';
import { MSS, NOP, Peer, SACKOK, TS, WS } from './peer.ts';

const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];

function established(o = {}): [Peer, Socket] {
  const p = new Peer(o);
  const [, so] = p.passive(SIMPLE);
  return [p, so];
}

describe('when to acknowledge', () => {
  it('the first of two in-order segments waits, the second does not', () => {
    const [p] = established();
    p.inject('. 1:101(100) ack 1');
    expect(p.all()).toEqual([]);
    p.inject('. 101:201(100) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 201 win 65500']);
  });

  it('a lone one after delacktime', () => {
    const [p] = established();
    p.inject('. 1:101(100) ack 1');
    p.run(39.9);
    expect(p.all()).toEqual([]);
    p.run(0.2);
    expect(p.all()).toEqual(['. 1:1(0) ack 101 win 65535']);
    expect(p.tcp.stat.delack).toBe(1);
  });

  it('at once with delayed_ack 0, and what is larger than a segment', () => {
    const [p] = established({ sysctls: { delayed_ack: 0 } });
    p.inject('. 1:101(100) ack 1');
    expect(p.all().length).toBe(1);
    const [q, so] = established({ mtu: 40000 });
    tpOf(so);
    q.inject('. 1:32001(32000) ack 1');
    expect(q.all()).toEqual(['. 1:1(0) ack 32001 win 33700']);
  });

  it('above a gap, filling it, and duplicates: at once; after the queue is empty no second ACK follows', () => {
    const [p, so] = established();
    p.inject('. 4:8(4) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535 <nop,nop,sack 4:8>']);
    p.inject('. 1:4(3) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 8 win 65535']);
    p.run(100);
    expect(p.all()).toEqual([]);
    p.inject('. 1:8(7) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 8 win 65535 <nop,nop,sack 1:8>']);
    expect(read(so)?.length).toBe(7);
  });

  it('FIN out of order is remembered', () => {
    const [p, so] = established();
    p.inject('F. 32:32(0) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535']);
    p.inject('. 16:32(16) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535 <nop,nop,sack 16:32>']);
    p.inject('. 1:16(15) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 33 win 65535']);
    expect(read(so)?.length).toBe(31);
    expect(read(so)).toBe(null);
  });

  it('without SACK: a plain duplicate ACK', () => {
    const p = new Peer();
    p.passive(MSS(1460));
    p.inject('. 4:8(4) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535']);
  });
});

describe('every order of five segments', () => {
  const parts = [
    [1, 2],
    [2, 4],
    [4, 8],
    [8, 16],
    [16, 32],
  ] as const;
  const orders = (xs: readonly number[]): number[][] => (xs.length === 0 ? [[]] : xs.flatMap((x) => orders(xs.filter((y) => y !== x)).map((r) => [x, ...r])));

  it('delivers all bytes, and each ACK and its blocks are right', () => {
    for (const order of orders([0, 1, 2, 3, 4])) {
      const [p, so] = established();
      const got = new Set<number>();
      let recent: number[] = [];
      for (const i of order) {
        const [s, e] = parts[i]!;
        const before = nextExpected(got);
        const queued = Math.max(...got, 0) >= before;
        for (let b = s; b < e; b++) got.add(b);
        recent = [i, ...recent.filter((x) => x !== i)];
        p.inject(`. ${s}:${e}(${e - s}) ack 1`);
        const ack = nextExpected(got);
        if (s === before && !queued) {
          p.run(41); // in order: delayed, or the second
          expect(p.all()).toEqual([`. 1:1(0) ack ${ack} win 65535`]);
          continue;
        }
        const blocks = runs(got, ack, recent.map((x) => parts[x]![0]));
        const sack = blocks.length === 0 ? '' : ` <nop,nop,sack ${blocks.join(' ')}>`;
        expect(p.all(), `order ${order.join()}`).toEqual([`. 1:1(0) ack ${ack} win 65535${sack}`]);
      }
      expect(read(so)?.length).toBe(31);
    }
  });

  function nextExpected(got: Set<number>): number {
    let n = 1;
    while (got.has(n)) n++;
    return n;
  }

  /** Runs above `ack`, the one holding the latest segment first. */
  function runs(got: Set<number>, ack: number, starts: number[]): string[] {
    const out: string[] = [];
    for (const s of starts) {
      if (s < ack) continue;
      let lo = s;
      let hi = s;
      while (got.has(lo - 1)) lo--;
      while (got.has(hi)) hi++;
      const text = `${lo}:${hi}`;
      if (!out.includes(text)) out.push(text);
    }
    return out;
  }
});

describe('D-SACK (RFC 2883): 1:100 received, 200:300, 400:500, 600:700 queued', () => {
  function queued(): [Peer, Socket] {
    const [p, so] = established();
    for (const [s, e] of [
      [1, 100],
      [200, 300],
      [400, 500],
      [600, 700],
    ] as const) {
      p.inject(`. ${s}:${e}(${e - s}) ack 1`);
    }
    expect(p.all().at(-1)).toBe('. 1:1(0) ack 100 win 65535 <nop,nop,sack 600:700 400:500 200:300>');
    return [p, so];
  }
  const rows = [
    ['250:475', 100, '250:300 200:500 600:700'],
    ['450:475', 100, '450:475 400:500 600:700 200:300'],
    ['200:300', 100, '200:300 200:300 600:700 400:500'],
    ['150:250', 100, '200:250 150:300 600:700 400:500'],
    ['150:650', 100, '200:300 150:700'],
    ['1:50', 100, '1:50 600:700 400:500 200:300'],
    ['100:200', 300, '600:700 400:500'],
    ['50:200', 300, '50:100 600:700 400:500'],
    ['50:700', 700, '50:100'],
    ['1:800', 800, '1:100'],
    ['100:800', 800, '200:300'],
    ['100:250', 300, '200:250 600:700 400:500'],
    ['700:800', 100, '600:800 400:500 200:300'],
    ['300:400', 100, '200:500 600:700'],
  ] as const;
  it.each(rows)('%s -> ack %d <%s>', (seg, ack, sack) => {
    const [p] = queued();
    const [s, e] = seg.split(':').map(Number) as [number, number];
    p.inject(`. ${s}:${e}(${e - s}) ack 1`);
    const win = Math.min(65535, 65700 - (ack - 1));
    expect(p.all()).toEqual([`. 1:1(0) ack ${ack} win ${win} <nop,nop,sack ${sack}>`]);
    // Reported once.
    p.inject('. 5000:5001(1) ack 1');
    const blocks = sack.split(' ');
    const was = blocks.filter((b, i) => !(i === 0 && (Number(b.split(':')[0]) < ack || isInside(b, blocks[1]))));
    expect(p.all()).toEqual([`. 1:1(0) ack ${ack} win ${win} <nop,nop,sack ${['5000:5001', ...was].slice(0, 4).join(' ')}>`]);
  });

  function isInside(b: string, in_: string | undefined): boolean {
    if (in_ === undefined) return false;
    const [s, e] = b.split(':').map(Number) as [number, number];
    const [S, E] = in_.split(':').map(Number) as [number, number];
    return s >= S && e <= E;
  }
});

describe('the window', () => {
  it('is free space, rounded up to the scale, and never shrinks', () => {
    const q = new Peer();
    const l = q.listen();
    q.inject('S 0:0(0)', { opts: [...MSS(1460), NOP, ...WS(6), ...SACKOK, 0, 0] });
    expect(q.next()).toBe('S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 6,sackOK,eol,eol>');
    q.inject('. 1:1(0) ack 1', { win: 1000 });
    const s = q.accept(l);
    expect(tpOf(s).sndWnd).toBe(64000);
    q.inject('. 2:3(1) ack 1', { win: 1000 });
    expect(q.next()).toBe('. 1:1(0) ack 1 win 1027 <nop,nop,sack 2:3>');
  });

  it('reading a little sends nothing, reading half of the buffer sends the new window', () => {
    const [p, so] = established();
    p.inject('. 1:800(799) ack 1');
    p.run(50);
    p.all();
    expect(read(so)?.length).toBe(799);
    p.host.settle();
    expect(p.all()).toEqual([]);
    for (let i = 0; i < 24; i++) p.inject(`. ${800 + i * 1400}:${2200 + i * 1400}(1400) ack 1`);
    p.run(50);
    expect(p.all().at(-1)).toBe('. 1:1(0) ack 34400 win 32100');
    read(so);
    p.host.settle();
    expect(p.all()).toEqual(['. 1:1(0) ack 34400 win 65535']);
  });

  it('closes when nobody reads; a probe is answered with what is there; it opens when half is free', () => {
    const [p, so] = established();
    let at = 1;
    while (at < 65701) {
      const n = Math.min(1460, 65701 - at);
      p.inject(`. ${at}:${at + n}(${n}) ack 1`);
      at += n;
    }
    p.run(50);
    expect(p.all().at(-1)).toBe('. 1:1(0) ack 65701 win 0');
    p.inject('. 65701:65702(1) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 65701 win 0']);
    expect(p.tcp.stat.rcvwinprobe).toBe(1);
    expect(read(so)?.length).toBe(65700);
    p.host.settle();
    expect(p.all()).toEqual(['. 1:1(0) ack 65701 win 65535']);
  });

  it('segments of one byte do not move it on for ever where it counts in units', () => {
    const p = new Peer({ sysctls: { recvbuf_auto: 0 } });
    const [, so] = p.passive([...MSS(1460), NOP, ...WS(6)]);
    const { hiwat } = so.rcv;
    let at = 1;
    for (; at + 1000 < hiwat; at += 1000) p.inject(`. ${at}:${at + 1000}(1000) ack 1`);
    for (let i = 0; i < 1000; i++, at++) p.inject(`. ${at}:${at + 1}(1) ack 1`);
    expect(so.rcv.cc).toBeGreaterThan(hiwat - 64);
    expect(so.rcv.cc).toBeLessThan(hiwat + 64);
    expect(p.all().at(-1)).toMatch(/ win 0$/);
  });

  it('data behind it is cut off', () => {
    const [p, so] = established();
    p.inject('. 65601:65801(200) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535 <nop,nop,sack 65601:65701>']);
    p.inject('. 65701:65801(100) ack 1');
    expect(p.all().length).toBe(1);
    expect(p.tcp.stat.rcvpackafterwin).toBe(2);
    expect(read(so)?.length).toBe(0);
  });
});

describe('time stamps (RFC 7323)', () => {
  const ts = (v: number, e = 0): { opts: number[] } => ({ opts: [NOP, NOP, ...TS(v, e)] });
  function withTs(o = {}): [Peer, Socket] {
    const p = new Peer(o);
    const l = p.listen();
    p.inject('S 0:0(0)', { opts: [...MSS(1460), ...SACKOK, ...TS(1000, 0)] });
    p.next();
    p.inject('. 1:1(0) ack 1', ts(1000));
    return [p, p.accept(l)];
  }

  it('a segment without one is dropped, unless that is tolerated', () => {
    const [p, so] = withTs();
    p.inject('. 1:11(10) ack 1');
    expect(read(so)?.length).toBe(0);
    expect(p.all()).toEqual([]);
    const [q, s2] = withTs({ sysctls: { tolerate_missing_ts: 1 } });
    q.inject('. 1:11(10) ack 1');
    expect(read(s2)?.length).toBe(10);
  });

  it('PAWS: an older one is a duplicate, and answered', () => {
    const [p, so] = withTs();
    p.inject('. 1:11(10) ack 1', ts(999));
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535 <nop,nop,TS ecr 1000>']);
    expect(read(so)?.length).toBe(0);
    expect(p.tcp.stat.pawsdrop).toBe(1);
  });

  it('TS.Recent follows segments at the left edge only', () => {
    const [p] = withTs();
    p.inject('. 11:21(10) ack 1', ts(1100));
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535 <nop,nop,TS ecr 1000,nop,nop,sack 11:21>']);
    p.inject('. 1:11(10) ack 1', ts(1200));
    expect(p.all()).toEqual(['. 1:1(0) ack 21 win 65535 <nop,nop,TS ecr 1200>']);
  });

  it('after 24 days without news the old one does not count', () => {
    const [p, so] = withTs({ sysctls: { always_keepalive: 0 } });
    p.run(24 * 86400 * 1000 + 1000);
    p.all();
    p.inject('. 1:11(10) ack 1', ts(-5000));
    expect(read(so)?.length).toBe(10);
  });
});
