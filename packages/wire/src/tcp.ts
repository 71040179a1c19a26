/*
 * @hot Transmission Control Protocol: the fixed header (RFC 9293 §3.1). Options are in tcp-opt.ts.
 *
 * Source: FreeBSD netinet/tcp.h.
 */

/** Length of the header without options. @public */
export const TCP_HDR_LEN = 20;
/** Length of the longest header. @public */
export const TCP_MAXHLEN = 60;
/** Room for options. @public */
export const TCP_MAXOLEN = 40;
/** Largest value of the window field. @public */
export const TCP_MAXWIN = 65535;
/** Largest window shift (RFC 7323 §2.3). @public */
export const TCP_MAX_WINSHIFT = 14;
/** MSS of a peer that sent none, IPv4 (RFC 9293 MUST-15). @public */
export const TCP_MSS = 536;
/** MSS of a peer that sent none, IPv6 (RFC 9293 MUST-15). @public */
export const TCP6_MSS = 1220;
/** Smallest MSS that is believed. @public */
export const TCP_MINMSS = 216;

/** No more data from the sender. @public */
export const TH_FIN = 0x001;
/** Synchronize sequence numbers. @public */
export const TH_SYN = 0x002;
/** Reset the connection. @public */
export const TH_RST = 0x004;
/** Push. @public */
export const TH_PUSH = 0x008;
/** The acknowledgment field counts. @public */
export const TH_ACK = 0x010;
/** The urgent pointer counts. @public */
export const TH_URG = 0x020;
/** ECN echo (RFC 3168); part of the ACE field (RFC 9768). @public */
export const TH_ECE = 0x040;
/** Congestion window reduced (RFC 3168); part of the ACE field. @public */
export const TH_CWR = 0x080;
/** Accurate ECN (RFC 9768), formerly the nonce sum. @public */
export const TH_AE = 0x100;
/** Reserved bits 5 to 7 of the header. @public */
export const TH_RES1 = 0x200;
/** Reserved. @public */
export const TH_RES2 = 0x400;
/** Reserved. @public */
export const TH_RES3 = 0x800;
/** The flags that have a meaning of their own in segment processing; PUSH is not among them. @public */
export const TH_FLAGS: number = TH_FIN | TH_SYN | TH_RST | TH_ACK | TH_URG | TH_ECE | TH_CWR;
/** All twelve bits. @public */
export const TH_MASK = 0xfff;
/** The three bits of the ACE field. @public */
export const TH_ACE: number = TH_AE | TH_CWR | TH_ECE;

/** TCP header in host order (RFC 9293 §3.1). @public */
export class TcpHdr {
  /** Source port. */
  sport = 0;
  /** Destination port. */
  dport = 0;
  /** Sequence number, int32. */
  seq = 0;
  /** Acknowledgment number, int32. */
  ack = 0;
  /** Length of the header with options, in bytes: 20 to 60. */
  off: number = TCP_HDR_LEN;
  /** The twelve flag bits, TH_*. */
  flags = 0;
  /** Window as it stands in the field, not scaled. */
  win = 0;
  /** Checksum. */
  sum = 0;
  /** Urgent pointer. */
  urp = 0;
}

/** Source port. @public */
export const getTcpSport = (dv: DataView, o: number): number => dv.getUint16(o);
/** Sets the source port. @public */
export const setTcpSport = (dv: DataView, o: number, port: number): void => dv.setUint16(o, port);
/** Destination port. @public */
export const getTcpDport = (dv: DataView, o: number): number => dv.getUint16(o + 2);
/** Sets the destination port. @public */
export const setTcpDport = (dv: DataView, o: number, port: number): void => dv.setUint16(o + 2, port);
/** Sequence number, int32. @public */
export const getTcpSeq = (dv: DataView, o: number): number => dv.getInt32(o + 4);
/** Sets the sequence number. @public */
export const setTcpSeq = (dv: DataView, o: number, seq: number): void => dv.setInt32(o + 4, seq);
/** Acknowledgment number, int32. @public */
export const getTcpAck = (dv: DataView, o: number): number => dv.getInt32(o + 8);
/** Sets the acknowledgment number. @public */
export const setTcpAck = (dv: DataView, o: number, ack: number): void => dv.setInt32(o + 8, ack);
/** Length of the header with options, in bytes. @public */
export const getTcpOff = (dv: DataView, o: number): number => (dv.getUint8(o + 12) >>> 4) << 2;
/** The twelve flag bits. @public */
export const getTcpFlags = (dv: DataView, o: number): number => dv.getUint16(o + 12) & TH_MASK;
/** Sets the twelve flag bits; the header length stays. @public */
export const setTcpFlags = (dv: DataView, o: number, flags: number): void =>
  dv.setUint16(o + 12, (dv.getUint16(o + 12) & 0xf000) | (flags & TH_MASK));
/** Window field. @public */
export const getTcpWin = (dv: DataView, o: number): number => dv.getUint16(o + 14);
/** Sets the window field. @public */
export const setTcpWin = (dv: DataView, o: number, win: number): void => dv.setUint16(o + 14, win);
/** Checksum. @public */
export const getTcpSum = (dv: DataView, o: number): number => dv.getUint16(o + 16);
/** Sets the checksum. @public */
export const setTcpSum = (dv: DataView, o: number, sum: number): void => dv.setUint16(o + 16, sum);
/** Urgent pointer. @public */
export const getTcpUrp = (dv: DataView, o: number): number => dv.getUint16(o + 18);
/** Sets the urgent pointer. @public */
export const setTcpUrp = (dv: DataView, o: number, urp: number): void => dv.setUint16(o + 18, urp);

/**
 * Fills `th` from the `len` bytes at `o`; false if they cannot be a TCP segment: fewer than 20, or a header length below 20 or above `len`.
 *
 * The fields are filled whenever there are 20 bytes, so that a caller can tell a short segment from a bad offset. `len` counts the segment as it
 * arrived, of which only those 20 need be contiguous at `o`.
 *
 * @public
 */
export function decodeTcpHdr(dv: DataView, o: number, len: number, th: TcpHdr): boolean {
  if (len < TCP_HDR_LEN) return false;
  th.sport = dv.getUint16(o);
  th.dport = dv.getUint16(o + 2);
  th.seq = dv.getInt32(o + 4);
  th.ack = dv.getInt32(o + 8);
  const word = dv.getUint16(o + 12);
  th.off = (word >>> 12) << 2;
  th.flags = word & TH_MASK;
  th.win = dv.getUint16(o + 14);
  th.sum = dv.getUint16(o + 16);
  th.urp = dv.getUint16(o + 18);
  return th.off >= TCP_HDR_LEN && th.off <= len;
}

/**
 * Writes the 20 fixed bytes of `th` at `o`; options up to `th.off` are the caller's, who writes them first by encodeTcpOpts. Does not compute `sum`.
 *
 * @public
 */
export function encodeTcpHdr(dv: DataView, o: number, th: TcpHdr): void {
  dv.setUint16(o, th.sport);
  dv.setUint16(o + 2, th.dport);
  dv.setInt32(o + 4, th.seq);
  dv.setInt32(o + 8, th.ack);
  dv.setUint16(o + 12, ((th.off >>> 2) << 12) | (th.flags & TH_MASK));
  dv.setUint16(o + 14, th.win);
  dv.setUint16(o + 16, th.sum);
  dv.setUint16(o + 18, th.urp);
}

/** Letters of the flags, and the order in which they are written. */
const FLAG_LETTERS = 'SFRPUEWA.';
const FLAG_BITS: readonly number[] = [TH_SYN, TH_FIN, TH_RST, TH_PUSH, TH_URG, TH_ECE, TH_CWR, TH_AE, TH_ACK];

/**
 * The flags as packetdrill and tcpdump write them: `S.` for SYN with ACK, `SEW` for an ECN-setup SYN, `-` for none.
 *
 * @public
 */
export function formatTcpFlags(flags: number): string {
  let text = '';
  for (let i = 0; i < FLAG_BITS.length; i++) if ((flags & (FLAG_BITS[i] as number)) !== 0) text += FLAG_LETTERS.charAt(i);
  return text === '' ? '-' : text;
}
