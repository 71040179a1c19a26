// @hot
import { type HhookHead, hhookRun } from '@ns/kern';
import type { HelpedTcpcb, TcpHhookData } from '@ns/tcp-kpi';
import type { TcpHdr, TcpOpt } from '@ns/wire';
import type { Segment } from './segment.ts';
import type { OutState } from './outstate.ts';
import type { Tcpcb } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** The record that hooks get; made when the first one runs. */
class HookData implements TcpHhookData {
  tp: HelpedTcpcb;
  th: TcpHdr;
  to: TcpOpt;
  len: number;
  tso: boolean;
  curack: number;
  nowMs: number;

  constructor(tp: HelpedTcpcb, th: TcpHdr, to: TcpOpt) {
    this.tp = tp;
    this.th = th;
    this.to = to;
    this.len = 0;
    this.tso = false;
    this.curack = 0;
    this.nowMs = 0;
  }
}

/** The two hook points of a vnet. Whoever comes to one tests `nhooks` first: without hooks that is all they cost. Source: FreeBSD V_tcp_hhh[]. */
export class TcpHooks {
  readonly estIn: HhookHead;
  readonly estOut: HhookHead;
  private data: HookData | null;

  constructor(estIn: HhookHead, estOut: HhookHead) {
    this.estIn = estIn;
    this.estOut = estOut;
    this.data = null;
  }

  /** Source: FreeBSD tcp_input.c, hhook_run_tcp_est_in(). */
  runIn(tp: Tcpcb, seg: Segment): void {
    const d = this.fill(tp, seg.th, seg.to, seg.nowMs);
    d.len = 0;
    d.tso = false;
    d.curack = seg.ack;
    hhookRun(this.estIn, d, tp.osd);
  }

  /** Source: FreeBSD tcp_output.c, hhook_run_tcp_est_out(). */
  runOut(v: TcpVnet, tp: Tcpcb, o: OutState): void {
    const d = this.fill(tp, o.th, o.to, v.nowMs());
    d.len = o.len;
    d.tso = o.tso;
    d.curack = 0;
    hhookRun(this.estOut, d, tp.osd);
  }

  private fill(tp: Tcpcb, th: TcpHdr, to: TcpOpt, nowMs: number): HookData {
    const d = (this.data ??= new HookData(tp, th, to));
    d.tp = tp;
    d.th = th;
    d.to = to;
    d.nowMs = nowMs;
    return d;
  }
}
