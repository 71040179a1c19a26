/*
 * @hot User Datagram Protocol (RFC 768).
 *
 * Source: FreeBSD netinet/udp.h.
 */

/** Length of the header. @public */
export const UDP_HDR_LEN = 8;

/** UDP header in host order (RFC 768). @public */
export class UdpHdr {
  /** Source port. */
  sport = 0;
  /** Destination port. */
  dport = 0;
  /** Length of header and data, 8 to 65535. */
  ulen: number = UDP_HDR_LEN;
  /** Checksum; 0 means that the sender made none. */
  sum = 0;
}

/** Source port. @public */
export const getUdpSport = (dv: DataView, o: number): number => dv.getUint16(o);
/** Sets the source port. @public */
export const setUdpSport = (dv: DataView, o: number, port: number): void => dv.setUint16(o, port);
/** Destination port. @public */
export const getUdpDport = (dv: DataView, o: number): number => dv.getUint16(o + 2);
/** Sets the destination port. @public */
export const setUdpDport = (dv: DataView, o: number, port: number): void => dv.setUint16(o + 2, port);
/** Length of header and data. @public */
export const getUdpUlen = (dv: DataView, o: number): number => dv.getUint16(o + 4);
/** Sets the length of header and data. @public */
export const setUdpUlen = (dv: DataView, o: number, ulen: number): void => dv.setUint16(o + 4, ulen);
/** Checksum. @public */
export const getUdpSum = (dv: DataView, o: number): number => dv.getUint16(o + 6);
/** Sets the checksum as it is; 0 tells the receiver that there is none. @public */
export const setUdpSum = (dv: DataView, o: number, sum: number): void => dv.setUint16(o + 6, sum);

/**
 * Fills `uh` from the `len` bytes at `o`; false if they cannot be a UDP header.
 *
 * The fields are filled whenever there are 8 bytes, so that a caller can tell a short datagram from a bad length. `len` counts the datagram as
 * it arrived, of which only the header need be contiguous at `o`.
 *
 * @public
 */
export function decodeUdpHdr(dv: DataView, o: number, len: number, uh: UdpHdr): boolean {
  if (len < UDP_HDR_LEN) return false;
  uh.sport = dv.getUint16(o);
  uh.dport = dv.getUint16(o + 2);
  uh.ulen = dv.getUint16(o + 4);
  uh.sum = dv.getUint16(o + 6);
  return uh.ulen >= UDP_HDR_LEN && uh.ulen <= len;
}

/**
 * Writes `uh` at `o`, where the caller owns UDP_HDR_LEN bytes. Does not compute `sum`.
 *
 * @public
 */
export function encodeUdpHdr(dv: DataView, o: number, uh: UdpHdr): void {
  dv.setUint16(o, uh.sport);
  dv.setUint16(o + 2, uh.dport);
  dv.setUint16(o + 4, uh.ulen);
  dv.setUint16(o + 6, uh.sum);
}
