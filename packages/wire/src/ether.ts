/*
 * @hot Ethernet: the 14-byte header, one 802.1Q tag, MAC addresses.
 *
 * A MAC address is two numbers inside: `hi`, the first two bytes as uint16, and `lo`, the other four as int32. Where it is kept for long or
 * crosses a seam it is a Uint8Array of six bytes.
 *
 * Source: FreeBSD net/ethernet.h.
 */

/** Length of a MAC address. @public */
export const ETHER_ADDR_LEN = 6;
/** Length of the type field. @public */
export const ETHER_TYPE_LEN = 2;
/** Length of the frame check sequence, which the stack never sees. @public */
export const ETHER_CRC_LEN = 4;
/** Length of the untagged header. @public */
export const ETHER_HDR_LEN = 14;
/** Length of one 802.1Q tag. @public */
export const ETHER_VLAN_ENCAP_LEN = 4;
/** Shortest frame on a wire, CRC included. @public */
export const ETHER_MIN_LEN = 64;
/** Longest frame on a wire, CRC included, without a tag. @public */
export const ETHER_MAX_LEN = 1518;
/** Longest jumbo frame, CRC included. @public */
export const ETHER_MAX_LEN_JUMBO = 9018;
/** Payload of the longest frame. @public */
export const ETHERMTU = 1500;
/** Payload of the longest jumbo frame. @public */
export const ETHERMTU_JUMBO = 9000;
/** Smallest MTU of an Ethernet interface. @public */
export const ETHERMIN = 46;

/** IPv4. @public */
export const ETHERTYPE_IP = 0x0800;
/** ARP. @public */
export const ETHERTYPE_ARP = 0x0806;
/** Reverse ARP. @public */
export const ETHERTYPE_REVARP = 0x8035;
/** An 802.1Q tag follows. @public */
export const ETHERTYPE_VLAN = 0x8100;
/** IPv6. @public */
export const ETHERTYPE_IPV6 = 0x86dd;
/** MAC control (pause frames). @public */
export const ETHERTYPE_FLOWCONTROL = 0x8808;
/** Link aggregation (802.3ad). @public */
export const ETHERTYPE_SLOW = 0x8809;
/** An 802.1ad service tag follows. @public */
export const ETHERTYPE_QINQ = 0x88a8;
/** Loopback test frames. @public */
export const ETHERTYPE_LOOPBACK = 0x9000;

/** Largest VLAN identifier. @public */
export const EVL_VLID_MASK = 0x0fff;
/** VLAN identifier (0 to 4095) of a tag. @public */
export const evlVlanOfTag = (tag: number): number => tag & EVL_VLID_MASK;
/** Priority (PCP, 0 to 7) of a tag. @public */
export const evlPriOfTag = (tag: number): number => (tag >>> 13) & 7;
/** Drop-eligible bit (CFI, DEI) of a tag. @public */
export const evlCfiOfTag = (tag: number): number => (tag >>> 12) & 1;
/** Tag (TCI) from identifier, priority and drop-eligible bit. @public */
export const evlMakeTag = (vlid: number, pri: number, cfi: number): number => ((((pri & 7) << 1) | (cfi & 1)) << 12) | (vlid & EVL_VLID_MASK);

/** Ethernet header, with one 802.1Q tag if there is one; host order. @public */
export class EtherHdr {
  /** Destination, first two bytes, uint16. */
  dhostHi = 0;
  /** Destination, last four bytes, int32. */
  dhostLo = 0;
  /** Source, first two bytes, uint16. */
  shostHi = 0;
  /** Source, last four bytes, int32. */
  shostLo = 0;
  /** Ethertype of the payload, behind the tag if there is one; below 0x600 an 802.3 length. */
  type = 0;
  /** 802.1Q tag control information, -1 for an untagged frame. */
  vtag = -1;
  /** Length of the header, 14 or 18. */
  hlen: number = ETHER_HDR_LEN;
}

/** First two bytes of the destination. @public */
export const getEtherDhostHi = (dv: DataView, o: number): number => dv.getUint16(o);
/** Last four bytes of the destination, int32. @public */
export const getEtherDhostLo = (dv: DataView, o: number): number => dv.getInt32(o + 2);
/** First two bytes of the source. @public */
export const getEtherShostHi = (dv: DataView, o: number): number => dv.getUint16(o + 6);
/** Last four bytes of the source, int32. @public */
export const getEtherShostLo = (dv: DataView, o: number): number => dv.getInt32(o + 8);
/** Type field of the untagged header: ETHERTYPE_VLAN if a tag follows. @public */
export const getEtherType = (dv: DataView, o: number): number => dv.getUint16(o + 12);
/** Sets the type field. @public */
export const setEtherType = (dv: DataView, o: number, type: number): void => dv.setUint16(o + 12, type);

/** Writes a MAC address at `o`, any place in a frame or a message. @public */
export function setEtherAddr(dv: DataView, o: number, hi: number, lo: number): void {
  dv.setUint16(o, hi);
  dv.setInt32(o + 2, lo);
}

/**
 * Fills `eh` from the `len` bytes at `o`; false if they are fewer than a header with its tag.
 *
 * @public
 */
export function decodeEtherHdr(dv: DataView, o: number, len: number, eh: EtherHdr): boolean {
  if (len < ETHER_HDR_LEN) return false;
  eh.dhostHi = dv.getUint16(o);
  eh.dhostLo = dv.getInt32(o + 2);
  eh.shostHi = dv.getUint16(o + 6);
  eh.shostLo = dv.getInt32(o + 8);
  eh.type = dv.getUint16(o + 12);
  eh.vtag = -1;
  eh.hlen = ETHER_HDR_LEN;
  if (eh.type !== ETHERTYPE_VLAN) return true;
  if (len < ETHER_HDR_LEN + ETHER_VLAN_ENCAP_LEN) return false;
  eh.vtag = dv.getUint16(o + 14);
  eh.type = dv.getUint16(o + 16);
  eh.hlen = ETHER_HDR_LEN + ETHER_VLAN_ENCAP_LEN;
  return true;
}

/**
 * Writes `eh` at `o`, where the caller owns 14 bytes, or 18 if `eh.vtag` is not negative. `hlen` is not looked at.
 *
 * @public
 */
export function encodeEtherHdr(dv: DataView, o: number, eh: EtherHdr): void {
  dv.setUint16(o, eh.dhostHi);
  dv.setInt32(o + 2, eh.dhostLo);
  dv.setUint16(o + 6, eh.shostHi);
  dv.setInt32(o + 8, eh.shostLo);
  if (eh.vtag < 0) {
    dv.setUint16(o + 12, eh.type);
    return;
  }
  dv.setUint16(o + 12, ETHERTYPE_VLAN);
  dv.setUint16(o + 14, eh.vtag);
  dv.setUint16(o + 16, eh.type);
}

/** First two of the six bytes at `o` of `mac`. @public */
export const etherHi = (mac: Uint8Array, o: number = 0): number => ((mac[o] as number) << 8) | (mac[o + 1] as number);

/** Last four of the six bytes at `o` of `mac`, int32. @public */
export const etherLo = (mac: Uint8Array, o: number = 0): number =>
  ((mac[o + 2] as number) << 24) | ((mac[o + 3] as number) << 16) | ((mac[o + 4] as number) << 8) | (mac[o + 5] as number);

/** True for a group address, broadcast included. @public */
export const isEtherMulticast = (hi: number): boolean => (hi & 0x0100) !== 0;
/** True for ff:ff:ff:ff:ff:ff. @public */
export const isEtherBroadcast = (hi: number, lo: number): boolean => lo === -1 && hi === 0xffff;
/** True for 00:00:00:00:00:00. @public */
export const isEtherZero = (hi: number, lo: number): boolean => (hi | lo) === 0;

/** First two bytes of the MAC address of every IPv4 group (RFC 1112 §6.4). @public */
export const ETHER_IP_MULTICAST_HI = 0x0100;
/** Last four bytes of the MAC address of an IPv4 group given as int32 (RFC 1112 §6.4). @public */
export const etherIpMulticastLo = (group: number): number => 0x5e000000 | (group & 0x7fffff);
/** First two bytes of the MAC address of every IPv6 group (RFC 2464 §7); the last four are the group's last word. @public */
export const ETHER_IPV6_MULTICAST_HI = 0x3333;
