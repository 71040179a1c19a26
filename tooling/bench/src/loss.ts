import { lab } from '@ns/testkit';
import { tcpRack } from '@ns/tcp-rack';
import { BLOCKS, cellName, LOSSES } from './loss-plan.ts';

const MSS = 1448;
const FRAME = 1514;
/** Bytes that are enough for a measurement, and its longest and shortest time, s and round trips. */
const ENOUGH = 64 << 20;
const LONGEST_S = 60;
const SHORTEST_RTTS = 10;
/** More than any transfer sends. */
const ENDLESS = 2 ** 40;

/**
 * What can be had, bits of payload a second: what the link carries, or what halving and growing by a segment a round trip make of random loss. The latter is a mean: a run may be a little above it.
 * Source: Mathis, Semke, Mahdavi, Ott, "The macroscopic behavior of the TCP congestion avoidance algorithm" (1997), with an ACK for each segment.
 */
export function bound(mbit: number, rttMs: number, loss: number): number {
  const link = mbit * 1e6 * (MSS / FRAME);
  return loss === 0 ? link : Math.min(link, ((MSS * 8) / (rttMs / 1000)) * Math.sqrt(1.5 / loss));
}

/**
 * Goodput, Mbit/s, of one connection with newreno, when slow start and its aftermath are over. A queue as long as the path, and a receive buffer that holds the path and half of the queue.
 */
function goodput(mbit: number, rttMs: number, loss: number, block: string): number {
  const bdp = (mbit * 1e6 * rttMs) / 8000;
  const buffer = Math.ceil(Math.max(1.5 * bdp, 65536));
  const l = lab({
    seed: 1,
    poison: false,
    without: ['ip6', 'nd6'],
    extra: [tcpRack()],
    link: { delayUs: (rttMs * 1000) / 2, bandwidth: mbit * 1e6, queueLimit: Math.ceil(Math.max(bdp / FRAME, 50)), loss },
    sysctls: { 'kern.ipc.maxsockbuf': 128 << 20, 'net.inet.tcp.functions_default': block },
  });
  const { receiver, sender } = l.begin(ENDLESS, { sndbuf: buffer, rcvbuf: buffer });
  const rttUs = rttMs * 1000;
  const us = Math.max(Math.min(LONGEST_S * 1e6, (ENOUGH * 8e6) / bound(mbit, rttMs, loss)), SHORTEST_RTTS * rttUs);
  l.advance(Math.max(us / 2, 20 * rttUs));
  const before = receiver.received;
  l.advance(us);
  if (sender.error !== 0 || receiver.error !== 0 || receiver.wrongAt >= 0) throw new Error(`${block} over ${mbit} Mbit/s, ${rttMs} ms, loss ${loss}: errno ${sender.error || receiver.error}, wrong at ${receiver.wrongAt}`);
  return ((receiver.received - before) * 8) / us;
}

/** All losses of one link, both blocks, and the bounds, Mbit/s. */
export function lossy(mbit: number, rttMs: number): Record<string, number> {
  const out: Record<string, number> = {};
  for (const loss of LOSSES) {
    out[cellName(mbit, rttMs, loss, 'bound')] = bound(mbit, rttMs, loss) / 1e6;
    for (const block of BLOCKS) out[cellName(mbit, rttMs, loss, block)] = goodput(mbit, rttMs, loss, block);
  }
  return out;
}
