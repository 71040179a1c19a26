import { TcpConnStat } from '@ns/tcp-kpi';
import { AF_INET } from '@ns/wire';

/** FreeBSD's ticks in a second, in which its log has times. */
export const HZ = 1000;
const US_PER_TICK = 1000000 / HZ;

/** One segment that waits to be written. Records are used again. Source: FreeBSD siftr.c, struct pkt_node. */
export class PktNode {
  /** Microseconds of the kernel's clock. */
  tsUs = 0;
  out = false;
  hash = 0;
  af: number = AF_INET;
  l0 = 0;
  l1 = 0;
  l2 = 0;
  l3 = 0;
  lport = 0;
  f0 = 0;
  f1 = 0;
  f2 = 0;
  f3 = 0;
  fport = 0;
  readonly stat: TcpConnStat = new TcpConnStat();
}

/** An address as the log has it: all groups of an IPv6 address are written. */
function addr(af: number, w0: number, w1: number, w2: number, w3: number): string {
  if (af === AF_INET) return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  return [w0, w1, w2, w3].map((w) => `${(w >>> 16).toString(16)}:${(w & 0xffff).toString(16)}`).join(':');
}

/** Names a flow, and shows it in the list at the end of the log. */
export function flowName(n: PktNode): string {
  return `${addr(n.af, n.l0, n.l1, n.l2, n.l3)};${n.lport}-${addr(n.af, n.f0, n.f1, n.f2, n.f3)};${n.fport}`;
}

/** Seconds with six places. */
export function timeval(us: number): string {
  return `${Math.floor(us / 1000000)}.${String(Math.floor(us % 1000000)).padStart(6, '0')}`;
}

/**
 * The line of a segment: 28 columns. Column 10 was the window of a bandwidth limiter that is gone, and is 0. Times are in ticks of 1/1000 s, the smoothed round-trip time in 1/32 of one.
 * Source: FreeBSD siftr.c, siftr_process_pkt().
 */
export function logLine(n: PktNode): string {
  const s = n.stat;
  return [
    n.out ? 'o' : 'i',
    `0x${(n.hash >>> 0).toString(16).padStart(8, '0')}`,
    timeval(n.tsUs),
    addr(n.af, n.l0, n.l1, n.l2, n.l3),
    n.lport,
    addr(n.af, n.f0, n.f1, n.f2, n.f3),
    n.fport,
    s.sndSsthresh,
    s.sndCwnd,
    0,
    s.sndWnd,
    s.rcvWnd,
    s.sndScale,
    s.rcvScale,
    s.state,
    s.mss,
    Math.floor(s.srtt / US_PER_TICK),
    s.sackPermitted ? 1 : 0,
    s.flags >>> 0,
    Math.floor(s.rxtcurUs / US_PER_TICK),
    s.sndHiwat,
    s.sndCc,
    s.rcvHiwat,
    s.rcvCc,
    s.inflight >>> 0,
    s.segqlen,
    s.flowid >>> 0,
    s.flowtype,
  ].join(',');
}
