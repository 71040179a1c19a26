// @hot
import { TCP_MAXWIN } from '@ns/wire';
import type { Tcpcb } from './tcpcb.ts';

/** The window to offer where there are `space` bytes of room: nothing rather than a silly little, and never less than is still promised. Source: RFC 9293 §3.8.6.2.2. */
export function windowToOffer(tp: Tcpcb, space: number): number {
  const win = space < tp.mss && space < tp.so.rcv.hiwat >> 2 ? 0 : space;
  const held = (tp.rcvAdv - tp.rcvNxt) | 0;
  return win < held ? held : win;
}

/**
 * The window field, in units of `1 << scale`, for `space` bytes of room of which `want` are to be offered: at least what is still promised from before. Rounded up, so that the right edge does not
 * move back; but where that would promise a whole unit more than there is room for, down: else each short segment would move the edge on, and the buffer had no end.
 * Source: RFC 7323 §2.4, which lets a window shrink by less than a unit; FreeBSD tcp_output() rounds up always.
 */
export function scaledWindow(space: number, want: number, scale: number): number {
  const unit = 1 << scale;
  let field = (want + unit - 1) >> scale;
  if ((field << scale) >= (space > 0 ? space : 0) + unit) field = want >> scale;
  return field < TCP_MAXWIN ? field : TCP_MAXWIN;
}
