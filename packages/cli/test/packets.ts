import { parseInAddr, setInAddr } from '@ns/wire';

/* Packets made by hand, without the codecs that the stack uses. */

export interface Seg {
  readonly sport: number;
  readonly dport: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags: number;
  readonly win?: number;
  readonly options?: readonly number[];
  readonly data?: number;
  readonly urp?: number;
}

export function tcpSegment(s: Seg): Uint8Array {
  const opt = s.options ?? [];
  const b = new Uint8Array(20 + opt.length + (s.data ?? 0));
  const dv = new DataView(b.buffer);
  dv.setUint16(0, s.sport);
  dv.setUint16(2, s.dport);
  dv.setUint32(4, s.seq ?? 0);
  dv.setUint32(8, s.ack ?? 0);
  dv.setUint16(12, (((20 + opt.length) / 4) << 12) | s.flags);
  dv.setUint16(14, s.win ?? 65535);
  dv.setUint16(18, s.urp ?? 0);
  b.set(opt, 20);
  return b;
}

export function udpDatagram(sport: number, dport: number, data: number): Uint8Array {
  const b = new Uint8Array(8 + data);
  const dv = new DataView(b.buffer);
  dv.setUint16(0, sport);
  dv.setUint16(2, dport);
  dv.setUint16(4, b.length);
  return b;
}

export function icmp4(type: number, code: number, word: number = 0x00010002, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const b = new Uint8Array(8 + payload.length);
  const dv = new DataView(b.buffer);
  b[0] = type;
  b[1] = code;
  dv.setUint32(4, word);
  b.set(payload, 8);
  return b;
}

export function ip4(proto: number, src: string, dst: string, payload: Uint8Array, o: { off?: number; options?: number; ttl?: number } = {}): Uint8Array {
  const hlen = 20 + (o.options ?? 0);
  const b = new Uint8Array(hlen + payload.length);
  const dv = new DataView(b.buffer);
  b[0] = 0x40 | (hlen / 4);
  dv.setUint16(2, b.length);
  dv.setUint16(6, o.off ?? 0);
  b[8] = o.ttl ?? 64;
  b[9] = proto;
  setInAddr(dv, 12, parseInAddr(src)!);
  setInAddr(dv, 16, parseInAddr(dst)!);
  b.fill(1, 20, hlen);
  b.set(payload, hlen);
  return b;
}

export function ip6(next: number, src: string, dst: string, payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(40 + payload.length);
  const dv = new DataView(b.buffer);
  b[0] = 0x60;
  dv.setUint16(4, payload.length);
  b[6] = next;
  b[7] = 64;
  setInAddr(dv, 8, parseInAddr(src)!);
  setInAddr(dv, 24, parseInAddr(dst)!);
  b.set(payload, 40);
  return b;
}

export function arpPacket(op: number, spa: string, tpa: string): Uint8Array {
  const b = new Uint8Array(28);
  const dv = new DataView(b.buffer);
  dv.setUint16(0, 1);
  dv.setUint16(2, 0x800);
  b[4] = 6;
  b[5] = 4;
  dv.setUint16(6, op);
  b.set([2, 0, 0, 0, 0, 0x0a], 8);
  setInAddr(dv, 14, parseInAddr(spa)!);
  setInAddr(dv, 24, parseInAddr(tpa)!);
  return b;
}

export function ether(type: number, payload: Uint8Array, o: { broadcast?: boolean } = {}): Uint8Array {
  const b = new Uint8Array(14 + payload.length);
  b.set(o.broadcast === true ? [255, 255, 255, 255, 255, 255] : [2, 0, 0, 0, 0, 0x0b], 0);
  b.set([2, 0, 0, 0, 0, 0x0a], 6);
  new DataView(b.buffer).setUint16(12, type);
  b.set(payload, 14);
  return b;
}
