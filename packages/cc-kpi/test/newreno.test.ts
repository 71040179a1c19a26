import type { Vnet } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import {
  CC_ACK,
  CC_DUPACK,
  CC_ECN,
  CC_NDUPACK,
  CC_RTO,
  CCF_ABC_SENTAWND,
  CCF_CWND_LIMITED,
  type CcAlgo,
  type CcVar,
  exitRecovery,
  inCongrecovery,
  inFastrecovery,
  newrenoCcAckReceived,
  newrenoCcAfterIdle,
  newrenoCcCongSignal,
  newrenoCcPostRecovery,
} from '../src/index.ts';

const MSS = 1448;

/** A transport that is not TCP: whole segments, no bytes. */
function transport(over: Partial<CcVar> = {}): CcVar {
  return {
    ccData: null,
    ccFlags: CCF_CWND_LIMITED,
    bytesThisAck: MSS,
    curack: 0,
    nsegs: 1,
    labc: 2,
    sndCwnd: 10 * MSS,
    sndSsthresh: 1 << 30,
    flags: 0,
    sndWnd: 1 << 20,
    sndUna: 0,
    sndNxt: 10 * MSS,
    sndMax: 10 * MSS,
    sndScale: 7,
    maxseg: MSS,
    srttUs: 0,
    vnet: null as unknown as Vnet,
    initialWindow: () => 10 * MSS,
    pipe: () => 4 * MSS,
    ...over,
  };
}

describe('T88 T91 NewReno, driven by any transport through CcVar', () => {
  it('slow start grows by the bytes acknowledged, at most labc segments for each (RFC 3465 §2.2)', () => {
    const c = transport();
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(11 * MSS);
    c.bytesThisAck = 5 * MSS;
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(13 * MSS);
    c.nsegs = 3;
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(18 * MSS);
  });

  it('after a timeout slow start takes one segment an ACK (RFC 3465 §2.3)', () => {
    const c = transport({ sndCwnd: MSS, sndNxt: 2 * MSS, bytesThisAck: 4 * MSS, nsegs: 4 });
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(2 * MSS);
  });

  it('congestion avoidance grows by a segment for each window of bytes', () => {
    const c = transport({ sndSsthresh: 5 * MSS });
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(10 * MSS);
    c.ccFlags |= CCF_ABC_SENTAWND;
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(11 * MSS);
    expect(c.ccFlags & CCF_ABC_SENTAWND).toBe(0);
  });

  it('without byte counting, by mss*mss/cwnd an ACK, at least a byte (RFC 5681 equation 3)', () => {
    const c = transport({ labc: 0, sndSsthresh: 5 * MSS });
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(10 * MSS + Math.floor(MSS / 10));
    c.sndCwnd = MSS * MSS * 2;
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(MSS * MSS * 2 + 1);
  });

  it.each([
    ['a duplicate ACK', CC_DUPACK, {}],
    ['a sender that the application limits', CC_ACK, { ccFlags: 0 }],
    ['recovery', CC_ACK, { flags: 0x100000 }],
  ] as const)('does not grow on %s', (_name, type, over) => {
    const c = transport(over);
    newrenoCcAckReceived(c, type);
    expect(c.sndCwnd).toBe(10 * MSS);
  });

  it('the window never passes what the header can say', () => {
    const c = transport({ sndScale: 0, sndCwnd: 65535 });
    newrenoCcAckReceived(c, CC_ACK);
    expect(c.sndCwnd).toBe(65535);
  });

  it('T92 loss sets both recovery bits and the threshold once; a mark sets one bit and the window', () => {
    const loss = transport();
    newrenoCcCongSignal(loss, CC_NDUPACK);
    expect([inFastrecovery(loss), inCongrecovery(loss), loss.sndSsthresh, loss.sndCwnd]).toEqual([true, true, 5 * MSS, 10 * MSS]);
    loss.sndCwnd = 20 * MSS;
    newrenoCcCongSignal(loss, CC_NDUPACK);
    expect(loss.sndSsthresh).toBe(5 * MSS);
    const mark = transport();
    newrenoCcCongSignal(mark, CC_ECN);
    expect([inFastrecovery(mark), inCongrecovery(mark), mark.sndSsthresh, mark.sndCwnd]).toEqual([false, true, 5 * MSS, 5 * MSS]);
    exitRecovery(mark);
    expect(inCongrecovery(mark)).toBe(false);
  });

  it('a timeout leaves one segment, and half the flight as threshold, two segments at least', () => {
    const c = transport();
    newrenoCcCongSignal(c, CC_RTO);
    expect([c.sndCwnd, c.sndSsthresh]).toEqual([MSS, 5 * MSS]);
    const small = transport({ sndCwnd: MSS });
    newrenoCcCongSignal(small, CC_RTO);
    expect(small.sndSsthresh).toBe(2 * MSS);
  });

  it('recovery ends without a burst: pipe and a segment, at most the threshold (RFC 6582 §3.2)', () => {
    const c = transport({ flags: 0x100000, sndSsthresh: 8 * MSS });
    newrenoCcPostRecovery(c);
    expect(c.sndCwnd).toBe(5 * MSS);
    const full = transport({ flags: 0x100000, sndSsthresh: 3 * MSS });
    newrenoCcPostRecovery(full);
    expect(full.sndCwnd).toBe(3 * MSS);
  });

  it('after idle it begins with the initial window and remembers three quarters (RFC 5681 §4.1)', () => {
    const c = transport({ sndCwnd: 40 * MSS, sndSsthresh: 5 * MSS });
    newrenoCcAfterIdle(c);
    expect([c.sndCwnd, c.sndSsthresh]).toEqual([10 * MSS, 30 * MSS]);
  });

  it('an algorithm is a table of hooks: only ackReceived must be there', () => {
    const least: CcAlgo = { name: 'least', ackReceived: newrenoCcAckReceived };
    expect(Object.keys(least)).toEqual(['name', 'ackReceived']);
  });
});
