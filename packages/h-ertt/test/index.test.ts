import { Ertt, ERTT_MEASUREMENT_IN_PROGRESS, ERTT_NEW_MEASUREMENT, ERTT_TSO_DISABLED, erttHelper, hErtt } from '@ns/h-ertt';
import { inpcb } from '@ns/inpcb';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { socket } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { type HelpedTcpcb, TF_TSO, type TcpHhookData } from '@ns/tcp-kpi';
import { TcpHdr, TcpOpt, TOF_TS } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { erttAcked, erttSent } from '../src/measure.ts';

const OFFSET = 0x7fff0000;

/** A connection that the test plays: what was sent when, and what was acknowledged when. */
class Play {
  readonly e = new Ertt();
  readonly tp = { flags: 0, maxseg: 1000, sndUna: 0, sndCwnd: 10_000, tsOffset: OFFSET, lastSackAck: 0, osd: null } as unknown as { -readonly [K in keyof HelpedTcpcb]: HelpedTcpcb[K] };
  private readonly th = new TcpHdr();
  private readonly to = new TcpOpt();
  readonly stamps: boolean;

  constructor(stamps = true) {
    this.stamps = stamps;
  }

  sent(ms: number, seq: number, len: number, tso = false): void {
    this.th.seq = seq;
    this.to.flags = this.stamps ? TOF_TS : 0;
    this.to.tsval = (ms + OFFSET) | 0;
    this.to.tsecr = 500;
    erttSent(this.e, this.ctx(ms, len, tso, 0));
  }

  /** An ACK at `ms`, echoing the time stamp of `echoMs`. */
  acked(ms: number, ack: number, echoMs: number, tsval = 600): void {
    this.to.flags = this.stamps ? TOF_TS : 0;
    this.to.tsval = tsval;
    this.to.tsecr = (echoMs + OFFSET) | 0;
    erttAcked(this.e, this.ctx(ms, 0, false, ack));
    if (((ack - this.tp.sndUna) | 0) > 0) this.tp.sndUna = ack;
  }

  private ctx(nowMs: number, len: number, tso: boolean, curack: number): TcpHhookData {
    return { tp: this.tp, th: this.th, to: this.to, len, tso, curack, nowMs };
  }
}

describe('the example of the package', () => {
  it('does what it says', () => {
    const kernel = new Kernel(virtualHost());
    expect(kernel.kldload(hErtt(), [tcp(), socket(), inpcb(), netisr()]).errno).toBe(0);
    expect(kernel.khelp.getId('ertt')).toBe(0);
    expect(erttHelper.name).toBe('ertt');
    expect(kernel.kldunload('h-ertt').errno).toBe(0);
  });
});

describe.each([
  ['with time stamps', true],
  ['without', false],
])('enhanced round-trip times (h_ertt.c), %s', (_name, stamps) => {
  it('a segment and its ACK give a sample; the smallest and the largest are kept', () => {
    const p = new Play(stamps);
    for (const [at, rtt] of [
      [1000, 40],
      [2000, 25],
      [3000, 90],
    ] as const) {
      p.sent(at, p.tp.sndUna, 1000);
      p.acked(at + rtt, p.tp.sndUna + 1000, at);
    }
    expect([p.e.rttMs, p.e.minrttMs, p.e.maxrttMs]).toEqual([91, 26, 91]);
    expect(p.e.ntxsegs).toBe(0);
  });

  it('one segment in a round trip is marked; when it is acknowledged, the bytes of that time are told, and the next begins', () => {
    const p = new Play(stamps);
    for (let i = 0; i < 4; i++) p.sent(1000 + i, i * 1000, 1000);
    expect(p.e.flags & ERTT_MEASUREMENT_IN_PROGRESS).not.toBe(0);
    p.tp.sndCwnd = 12_345;
    p.acked(1050, 1000, 1000);
    expect([p.e.markedpktRttMs, p.e.bytesTxInMarkedRtt, p.e.markedSndCwnd]).toEqual([51, 4000, 12_345]);
    expect(p.e.flags & (ERTT_NEW_MEASUREMENT | ERTT_MEASUREMENT_IN_PROGRESS)).toBe(ERTT_NEW_MEASUREMENT);
    p.sent(1051, 4000, 1000);
    expect([p.e.flags & ERTT_MEASUREMENT_IN_PROGRESS, p.e.bytesTxInRtt]).toEqual([ERTT_MEASUREMENT_IN_PROGRESS, 1000]);
  });

  it('an ACK for several segments tells of delayed ACKs: then an ACK for one alone is no sample, and the mark moves to the last of several', () => {
    const p = new Play(stamps);
    for (let i = 0; i < 4; i++) p.sent(1000 + i, i * 1000, 1000);
    p.acked(1040, 2000, stamps ? 1001 : 1000);
    expect(p.e.dlyackRx).toBe(1);
    expect(p.e.rttMs).toBe(40); // of the second segment, sent at 1001
    expect([p.e.markedpktRttMs, p.e.bytesTxInMarkedRtt]).toEqual([40, 3000]);
    p.sent(1100, 4000, 500);
    p.acked(1140, 4000, 1002);
    const before = p.e.rttMs;
    p.acked(1300, 4500, 1100); // 500 bytes alone, after the delay
    expect(p.e.rttMs).toBe(before);
    expect(p.e.ntxsegs).toBe(0);
  });

  it('a SACK samples the segment that it tells of', () => {
    const p = new Play(stamps);
    for (let i = 0; i < 3; i++) p.sent(1000 + i, i * 1000, 1000);
    p.tp.lastSackAck = 2000;
    p.acked(1031, 0, 1001);
    expect(p.e.rttMs).toBe(31);
    p.tp.lastSackAck = 0;
  });

  it('a segment that the interface split stays until all of it is acknowledged, and is off for the next measurement', () => {
    const p = new Play(stamps);
    p.tp.flags = TF_TSO;
    p.sent(1000, 0, 5000, true);
    p.acked(1020, 1000, 1000);
    expect([p.e.rttMs, p.e.ntxsegs, p.e.first()?.seq, p.e.first()?.len]).toEqual([21, 1, 1000, 4000]);
    expect([p.tp.flags & TF_TSO, p.e.flags & ERTT_TSO_DISABLED]).toEqual([0, ERTT_TSO_DISABLED]);
    p.sent(1021, 5000, 1000);
    expect([p.tp.flags & TF_TSO, p.e.flags & ERTT_TSO_DISABLED]).toEqual([TF_TSO, 0]);
  });

  it('when it goes it leaves segmentation as it was', () => {
    const p = new Play(stamps);
    p.tp.flags = TF_TSO;
    p.sent(1000, 0, 1000);
    p.acked(1020, 1000, 1000);
    expect(p.tp.flags & TF_TSO).toBe(0);
    erttHelper.dtor?.(p.e);
    expect([p.tp.flags & TF_TSO, p.e.ntxsegs]).toEqual([TF_TSO, 0]);
  });

  it('notes a limited number of segments', () => {
    const p = new Play(stamps);
    for (let i = 0; i < 20_000; i++) p.sent(1000, i, 1);
    expect(p.e.ntxsegs).toBe(16_384);
  });
});

describe('time stamps', () => {
  it('tell a repeated segment from the first: the old record goes without a sample', () => {
    const p = new Play();
    p.sent(1000, 0, 1000);
    p.sent(1300, 0, 1000); // again
    p.acked(1340, 1000, 1300);
    expect([p.e.rttMs, p.e.ntxsegs]).toEqual([41, 0]);
  });

  it('are not believed any more after ten segments that came before they were sent', () => {
    const p = new Play();
    for (let i = 0; i < 12; i++) {
      p.sent(1000 + i * 100, i * 1000, 1000);
      p.acked(1010 + i * 100, i * 1000 + 1000, 1000 + i * 100, 400); // the peer's clock: 400, and it had said 500
    }
    expect(p.e.timestampErrors).toBe(10);
  });
});
