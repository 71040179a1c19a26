import { type Tcpcb, TF2_TWQUEUED } from './tcpcb.ts';

/** Connections in TIME_WAIT in the order of their coming, linked through the control blocks. Source: FreeBSD tcp_timewait.c, V_twq_2msl. */
export class TwQueue {
  head: Tcpcb | null;
  private tail: Tcpcb | null;
  /** Connections in it. */
  size: number;

  constructor() {
    this.head = null;
    this.tail = null;
    this.size = 0;
  }

  add(tp: Tcpcb): void {
    tp.flags2 |= TF2_TWQUEUED;
    tp.twPrev = this.tail;
    tp.twNext = null;
    if (this.tail === null) this.head = tp;
    else this.tail.twNext = tp;
    this.tail = tp;
    this.size++;
  }

  /** Takes `tp` out, if it is in. */
  remove(tp: Tcpcb): void {
    if ((tp.flags2 & TF2_TWQUEUED) === 0) return;
    tp.flags2 &= ~TF2_TWQUEUED;
    if (tp.twPrev === null) this.head = tp.twNext;
    else tp.twPrev.twNext = tp.twNext;
    if (tp.twNext === null) this.tail = tp.twPrev;
    else tp.twNext.twPrev = tp.twPrev;
    tp.twNext = null;
    tp.twPrev = null;
    this.size--;
  }
}
