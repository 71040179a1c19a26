/*
 * @hot ARP for IPv4 over Ethernet (RFC 826).
 *
 * Source: FreeBSD net/if_arp.h, netinet/if_ether.h.
 */

/** Length of the fixed part, before the addresses. @public */
export const ARP_HDR_LEN = 8;
/** Length of a whole message for Ethernet and IPv4. @public */
export const ARP_ETHER_LEN = 28;

/** Hardware type: Ethernet. @public */
export const ARPHRD_ETHER = 1;
/** Hardware type: IEEE 802 networks. @public */
export const ARPHRD_IEEE802 = 6;

/** Who has this protocol address? @public */
export const ARPOP_REQUEST = 1;
/** This hardware address has it. @public */
export const ARPOP_REPLY = 2;
/** RARP request. @public */
export const ARPOP_REVREQUEST = 3;
/** RARP reply. @public */
export const ARPOP_REVREPLY = 4;
/** Inverse ARP request. @public */
export const ARPOP_INVREQUEST = 8;
/** Inverse ARP reply. @public */
export const ARPOP_INVREPLY = 9;

/** ARP message for Ethernet and IPv4, host order. @public */
export class ArpHdr {
  /** Hardware type, ARPHRD_ETHER. */
  hrd: number = ARPHRD_ETHER;
  /** Operation, ARPOP_*. */
  op = 0;
  /** Sender hardware address, first two bytes, uint16. */
  shaHi = 0;
  /** Sender hardware address, last four bytes, int32. */
  shaLo = 0;
  /** Sender protocol address, int32. */
  spa = 0;
  /** Target hardware address, first two bytes, uint16. */
  thaHi = 0;
  /** Target hardware address, last four bytes, int32. */
  thaLo = 0;
  /** Target protocol address, int32. */
  tpa = 0;
}

/** Operation of the message at `o`. @public */
export const getArpOp = (dv: DataView, o: number): number => dv.getUint16(o + 6);
/** Sender protocol address, int32. @public */
export const getArpSpa = (dv: DataView, o: number): number => dv.getInt32(o + 14);
/** Target protocol address, int32. @public */
export const getArpTpa = (dv: DataView, o: number): number => dv.getInt32(o + 24);

/**
 * Fills `ah` from the `len` bytes at `o`; false if they cannot be an ARP message about IPv4 (protocol 0x0800, lengths 6 and 4). The hardware type
 * is left to the caller, who counts a foreign one apart; padding behind the message is allowed.
 *
 * @public
 */
export function decodeArpHdr(dv: DataView, o: number, len: number, ah: ArpHdr): boolean {
  if (len < ARP_ETHER_LEN) return false;
  ah.hrd = dv.getUint16(o);
  ah.op = dv.getUint16(o + 6);
  ah.shaHi = dv.getUint16(o + 8);
  ah.shaLo = dv.getInt32(o + 10);
  ah.spa = dv.getInt32(o + 14);
  ah.thaHi = dv.getUint16(o + 18);
  ah.thaLo = dv.getInt32(o + 20);
  ah.tpa = dv.getInt32(o + 24);
  return dv.getInt32(o + 2) === 0x08000604;
}

/**
 * Writes `ah` at `o`, where the caller owns ARP_ETHER_LEN bytes.
 *
 * @public
 */
export function encodeArpHdr(dv: DataView, o: number, ah: ArpHdr): void {
  dv.setUint16(o, ah.hrd);
  dv.setInt32(o + 2, 0x08000604);
  dv.setUint16(o + 6, ah.op);
  dv.setUint16(o + 8, ah.shaHi);
  dv.setInt32(o + 10, ah.shaLo);
  dv.setInt32(o + 14, ah.spa);
  dv.setUint16(o + 18, ah.thaHi);
  dv.setInt32(o + 20, ah.thaLo);
  dv.setInt32(o + 24, ah.tpa);
}
