import { CCF_CWND_LIMITED, type CcAlgo, type CcVar } from '@ns/cc-kpi';
import type { Vnet } from '@ns/kern';

export const MSS = 1448;
const HUGE = 65535 << 14;

/** A connection as an algorithm sees it, driven by hand: a transport whose edges are the test's. */
export class TestCcVar implements CcVar {
  ccData: unknown;
  ccFlags: number;
  bytesThisAck: number;
  curack: number;
  nsegs: number;
  labc: number;
  sndCwnd: number;
  sndSsthresh: number;
  flags: number;
  sndWnd: number;
  sndUna: number;
  sndNxt: number;
  sndMax: number;
  sndScale: number;
  maxseg: number;
  srttUs: number;
  readonly vnet: Vnet;
  readonly algo: CcAlgo;

  constructor(algo: CcAlgo, vnet: Vnet, sndUna = 1) {
    this.algo = algo;
    this.vnet = vnet;
    this.ccData = null;
    this.ccFlags = CCF_CWND_LIMITED;
    this.bytesThisAck = 0;
    this.curack = sndUna;
    this.nsegs = 1;
    this.labc = 2;
    this.sndCwnd = 10 * MSS;
    this.sndSsthresh = HUGE;
    this.flags = 0;
    this.sndWnd = HUGE;
    this.sndUna = sndUna;
    this.sndNxt = sndUna;
    this.sndMax = sndUna;
    this.sndScale = 14;
    this.maxseg = MSS;
    this.srttUs = 50_000;
  }

  initialWindow(): number {
    return 10 * MSS;
  }

  pipe(): number {
    return (this.sndMax - this.sndUna) | 0;
  }

  /** Fills the window. */
  send(): void {
    this.sndMax = (this.sndUna + Math.floor(this.sndCwnd / MSS) * MSS) | 0;
    this.sndNxt = this.sndMax;
  }

  /** An ACK of `segs` segments, of a type. */
  ack(type: number, segs: number): void {
    const left = this.pipe();
    this.bytesThisAck = Math.min(segs * MSS, left);
    this.nsegs = 1;
    this.curack = (this.sndUna + this.bytesThisAck) | 0;
    this.algo.ackReceived(this, type);
    this.sndUna = this.curack;
  }
}
