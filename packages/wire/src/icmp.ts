/*
 * @hot Internet Control Message Protocol (RFC 792, 950, 1191, 1256, 4884).
 *
 * Source: FreeBSD netinet/ip_icmp.h.
 */

/** Length of the header that all messages have. @public */
export const ICMP_MINLEN = 8;
/** Length of a time stamp message. @public */
export const ICMP_TSLEN = 20;
/** Length of an address mask message. @public */
export const ICMP_MASKLEN = 12;
/** Shortest error: header, quoted IPv4 header, 8 bytes of what it carried. @public */
export const ICMP_ADVLENMIN = 36;

/** Echo reply. @public */
export const ICMP_ECHOREPLY = 0;
/** Destination unreachable. @public */
export const ICMP_UNREACH = 3;
/** Unreachable: network. @public */
export const ICMP_UNREACH_NET = 0;
/** Unreachable: host. @public */
export const ICMP_UNREACH_HOST = 1;
/** Unreachable: protocol. @public */
export const ICMP_UNREACH_PROTOCOL = 2;
/** Unreachable: port. @public */
export const ICMP_UNREACH_PORT = 3;
/** Unreachable: fragmentation needed and DF set; carries the next hop's MTU (RFC 1191). @public */
export const ICMP_UNREACH_NEEDFRAG = 4;
/** Unreachable: source route failed. @public */
export const ICMP_UNREACH_SRCFAIL = 5;
/** Unreachable: network unknown. @public */
export const ICMP_UNREACH_NET_UNKNOWN = 6;
/** Unreachable: host unknown. @public */
export const ICMP_UNREACH_HOST_UNKNOWN = 7;
/** Unreachable: source host isolated. @public */
export const ICMP_UNREACH_ISOLATED = 8;
/** Unreachable: network administratively prohibited. @public */
export const ICMP_UNREACH_NET_PROHIB = 9;
/** Unreachable: host administratively prohibited. @public */
export const ICMP_UNREACH_HOST_PROHIB = 10;
/** Unreachable: network, for this type of service. @public */
export const ICMP_UNREACH_TOSNET = 11;
/** Unreachable: host, for this type of service. @public */
export const ICMP_UNREACH_TOSHOST = 12;
/** Unreachable: filtered (RFC 1812 §5.2.7.1). @public */
export const ICMP_UNREACH_FILTER_PROHIB = 13;
/** Unreachable: host precedence violation. @public */
export const ICMP_UNREACH_HOST_PRECEDENCE = 14;
/** Unreachable: precedence cutoff. @public */
export const ICMP_UNREACH_PRECEDENCE_CUTOFF = 15;
/** Source quench, obsolete: never sent, ignored when received (RFC 6633). @public */
export const ICMP_SOURCEQUENCH = 4;
/** Redirect. @public */
export const ICMP_REDIRECT = 5;
/** Redirect: for the network. @public */
export const ICMP_REDIRECT_NET = 0;
/** Redirect: for the host. @public */
export const ICMP_REDIRECT_HOST = 1;
/** Redirect: for type of service and network. @public */
export const ICMP_REDIRECT_TOSNET = 2;
/** Redirect: for type of service and host. @public */
export const ICMP_REDIRECT_TOSHOST = 3;
/** Echo request. @public */
export const ICMP_ECHO = 8;
/** Router advertisement (RFC 1256). @public */
export const ICMP_ROUTERADVERT = 9;
/** Router solicitation (RFC 1256). @public */
export const ICMP_ROUTERSOLICIT = 10;
/** Time exceeded. @public */
export const ICMP_TIMXCEED = 11;
/** Time exceeded: time to live in transit. @public */
export const ICMP_TIMXCEED_INTRANS = 0;
/** Time exceeded: reassembly. @public */
export const ICMP_TIMXCEED_REASS = 1;
/** Parameter problem. @public */
export const ICMP_PARAMPROB = 12;
/** Parameter problem: at the pointer. @public */
export const ICMP_PARAMPROB_ERRATPTR = 0;
/** Parameter problem: a required option is absent. @public */
export const ICMP_PARAMPROB_OPTABSENT = 1;
/** Parameter problem: bad length. @public */
export const ICMP_PARAMPROB_LENGTH = 2;
/** Time stamp request. @public */
export const ICMP_TSTAMP = 13;
/** Time stamp reply. @public */
export const ICMP_TSTAMPREPLY = 14;
/** Information request, obsolete. @public */
export const ICMP_IREQ = 15;
/** Information reply, obsolete. @public */
export const ICMP_IREQREPLY = 16;
/** Address mask request. @public */
export const ICMP_MASKREQ = 17;
/** Address mask reply. @public */
export const ICMP_MASKREPLY = 18;
/** Largest type that is counted apart; Photuris. @public */
export const ICMP_MAXTYPE = 40;

/** True for a query or reply, false for an error: no error is sent about an error (RFC 1122 §3.2.2). @public */
export function icmpInfoType(type: number): boolean {
  return type === ICMP_ECHOREPLY || type === ICMP_ECHO || type === ICMP_ROUTERADVERT || type === ICMP_ROUTERSOLICIT
    || (type >= ICMP_TSTAMP && type <= ICMP_MASKREPLY);
}

/** The header that all messages have, host order (RFC 792). @public */
export class IcmpHdr {
  /** Type, ICMP_*. */
  type = 0;
  /** Code within the type. */
  code = 0;
  /** Checksum over the whole message; no pseudo-header. */
  cksum = 0;
  /** The second 32-bit word, int32, whose meaning depends on the type: see {@link icmpId} and the like. */
  word = 0;
}

/** Identifier of a query. @public */
export const icmpId = (ih: IcmpHdr): number => ih.word >>> 16;
/** Sequence number of a query. @public */
export const icmpSeq = (ih: IcmpHdr): number => ih.word & 0xffff;
/** MTU of the next hop in a needfrag message, 0 from a router older than RFC 1191. @public */
export const icmpNextmtu = (ih: IcmpHdr): number => ih.word & 0xffff;
/** Gateway of a redirect, int32. @public */
export const icmpGwaddr = (ih: IcmpHdr): number => ih.word;
/** Pointer of a parameter problem. @public */
export const icmpPptr = (ih: IcmpHdr): number => ih.word >>> 24;
/** Bytes of quoted datagram in front of the extensions, 0 if the message has none (RFC 4884 §4.1). @public */
export const icmpOrigLen = (ih: IcmpHdr): number => ((ih.word >>> 16) & 0xff) << 2;
/** Second word of a query. @public */
export const icmpIdSeqWord = (id: number, seq: number): number => (id << 16) | (seq & 0xffff);
/** Second word of a parameter problem. @public */
export const icmpPptrWord = (pptr: number): number => pptr << 24;

/** Type of the message at `o`. @public */
export const getIcmpType = (dv: DataView, o: number): number => dv.getUint8(o);
/** Sets the type. @public */
export const setIcmpType = (dv: DataView, o: number, type: number): void => dv.setUint8(o, type);
/** Code of the message at `o`. @public */
export const getIcmpCode = (dv: DataView, o: number): number => dv.getUint8(o + 1);
/** Checksum. @public */
export const getIcmpCksum = (dv: DataView, o: number): number => dv.getUint16(o + 2);
/** Sets the checksum. @public */
export const setIcmpCksum = (dv: DataView, o: number, cksum: number): void => dv.setUint16(o + 2, cksum);
/** Mask of an address mask message, int32. @public */
export const getIcmpMask = (dv: DataView, o: number): number => dv.getInt32(o + 8);
/** Sets the mask of an address mask message. @public */
export const setIcmpMask = (dv: DataView, o: number, mask: number): void => dv.setInt32(o + 8, mask);

/**
 * Fills `ih` from the `len` bytes at `o`; false if they are fewer than 8.
 *
 * @public
 */
export function decodeIcmpHdr(dv: DataView, o: number, len: number, ih: IcmpHdr): boolean {
  if (len < ICMP_MINLEN) return false;
  ih.type = dv.getUint8(o);
  ih.code = dv.getUint8(o + 1);
  ih.cksum = dv.getUint16(o + 2);
  ih.word = dv.getInt32(o + 4);
  return true;
}

/**
 * Writes `ih` at `o`, where the caller owns ICMP_MINLEN bytes. Does not compute `cksum`.
 *
 * @public
 */
export function encodeIcmpHdr(dv: DataView, o: number, ih: IcmpHdr): void {
  dv.setUint8(o, ih.type);
  dv.setUint8(o + 1, ih.code);
  dv.setUint16(o + 2, ih.cksum);
  dv.setInt32(o + 4, ih.word);
}

/** The three times of a time stamp message: milliseconds since midnight UT, int32; negative if not standard (RFC 792). @public */
export class IcmpTstamp {
  /** When the requester sent it. */
  otime = 0;
  /** When the replier received it. */
  rtime = 0;
  /** When the replier sent it. */
  ttime = 0;
}

/**
 * Fills `ts` from the message of `len` bytes at `o`, header included; false if they are fewer than 20.
 *
 * @public
 */
export function decodeIcmpTstamp(dv: DataView, o: number, len: number, ts: IcmpTstamp): boolean {
  if (len < ICMP_TSLEN) return false;
  ts.otime = dv.getInt32(o + 8);
  ts.rtime = dv.getInt32(o + 12);
  ts.ttime = dv.getInt32(o + 16);
  return true;
}

/**
 * Writes `ts` behind the header of the message at `o`, where the caller owns ICMP_TSLEN bytes.
 *
 * @public
 */
export function encodeIcmpTstamp(dv: DataView, o: number, ts: IcmpTstamp): void {
  dv.setInt32(o + 8, ts.otime);
  dv.setInt32(o + 12, ts.rtime);
  dv.setInt32(o + 16, ts.ttime);
}
