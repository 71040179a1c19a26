import { type Packet, TH_FIN, TH_PUSH } from '../pkt/packet.ts';

/** Flags that the last piece alone carries. */
const LAST_FLAGS = TH_FIN | TH_PUSH;

/**
 * Whether a segment is the next piece of those before it: same header but for what the last piece alone has, next in sequence, and no piece but the last shorter than the others.
 * `missing`: bytes that the script still expects. Source: packetdrill run_packet.c, verify_packet_fragments().
 */
export function continues(pieces: readonly Packet[], p: Packet, missing: number): boolean {
  const before = pieces[pieces.length - 1] as Packet;
  const [a, b] = [before.tcp, p.tcp];
  if (a === null || b === null || (a.flags & TH_FIN) !== 0) return false;
  const len = p.payload.length;
  if (len === 0 || (len < missing && len !== before.payload.length)) return false;
  return (
    b.seq === (a.seq + before.payload.length) >>> 0 &&
    (a.flags & ~LAST_FLAGS) === (b.flags & ~LAST_FLAGS) &&
    a.ack === b.ack &&
    a.urg === b.urg &&
    a.options.length === b.options.length &&
    a.options.every((o, i) => o.type === b.options[i]?.type) &&
    before.tos === p.tos &&
    before.ttl === p.ttl &&
    before.udp?.src === p.udp?.src &&
    before.udp?.dst === p.udp?.dst
  );
}

/** Pieces as one segment: the header of the first, the flags of the last, all data, and what is wrong with any. */
export function joined(pieces: readonly Packet[]): Packet {
  const first = pieces[0] as Packet;
  const last = pieces[pieces.length - 1] as Packet;
  if (pieces.length === 1 || first.tcp === null || last.tcp === null) return first;
  const payload = new Uint8Array(pieces.reduce((n, p) => n + p.payload.length, 0));
  let o = 0;
  for (const p of pieces) {
    payload.set(p.payload, o);
    o += p.payload.length;
  }
  const flags = (first.tcp.flags & ~LAST_FLAGS) | (last.tcp.flags & LAST_FLAGS);
  return { ...first, payload, tcp: { ...first.tcp, flags }, defect: pieces.find((p) => p.defect !== '')?.defect ?? '' };
}
