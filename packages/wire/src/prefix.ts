import { AF_INET, type InAddr, formatInAddr, inAddr4, inAddr6, parseInAddr } from './addr.ts';

/** An address with a prefix length: an interface address (`10.0.0.1/24`) or a destination of a route (`10.0.0.0/24`). @public */
export interface Cidr {
  /** The address as written, host bits included. */
  readonly addr: InAddr;
  /** Length of the prefix, 0 to 32 or 128. */
  readonly prefixlen: number;
}

/** IPv4 netmask of a prefix length 0 to 32, as int32. @public */
export function prefixMask4(len: number): number {
  return len === 0 ? 0 : (-1 << (32 - len)) | 0;
}

/** Prefix length of an IPv4 netmask (int32 or uint32), or -1 if its ones are not contiguous. @public */
export function maskLen4(mask: number): number {
  const zeros = ~mask;
  return (zeros & (zeros + 1)) === 0 ? Math.clz32(zeros) : -1;
}

/** Word `i` (0 to 3) of the IPv6 netmask of a prefix length 0 to 128, as int32. @public */
export function prefixMask6(len: number, i: number): number {
  const bits = len - 32 * i;
  return bits <= 0 ? 0 : bits >= 32 ? -1 : prefixMask4(bits);
}

/** Prefix length of an IPv6 netmask, or -1 if its ones are not contiguous. @public */
export function maskLen6(w0: number, w1: number, w2: number, w3: number): number {
  const l0 = maskLen4(w0);
  const l1 = maskLen4(w1);
  const l2 = maskLen4(w2);
  const l3 = maskLen4(w3);
  if (l0 < 0 || l1 < 0 || l2 < 0 || l3 < 0) return -1;
  if ((l0 < 32 && l1 > 0) || (l1 < 32 && l2 > 0) || (l2 < 32 && l3 > 0)) return -1;
  return l0 + l1 + l2 + l3;
}

/** The address with all bits behind the prefix cleared; the zone stays. @public */
export function maskInAddr(a: InAddr, prefixlen: number): InAddr {
  if (a.af === AF_INET) return inAddr4(a.w3 & prefixMask4(prefixlen));
  return inAddr6(
    a.w0 & prefixMask6(prefixlen, 0),
    a.w1 & prefixMask6(prefixlen, 1),
    a.w2 & prefixMask6(prefixlen, 2),
    a.w3 & prefixMask6(prefixlen, 3),
    a.zone,
  );
}

/** The directed broadcast address of an IPv4 network: all host bits set (RFC 922). @public */
export function broadcast4(a: InAddr, prefixlen: number): InAddr {
  return inAddr4(a.w3 | ~prefixMask4(prefixlen));
}

/** True if `a` and `b` are of one family and agree in the first `prefixlen` bits. The zone is not looked at. @public */
export function prefixMatches(a: InAddr, b: InAddr, prefixlen: number): boolean {
  if (a.af !== b.af) return false;
  if (a.af === AF_INET) return ((a.w3 ^ b.w3) & prefixMask4(prefixlen)) === 0;
  return (
    (((a.w0 ^ b.w0) & prefixMask6(prefixlen, 0)) |
      ((a.w1 ^ b.w1) & prefixMask6(prefixlen, 1)) |
      ((a.w2 ^ b.w2) & prefixMask6(prefixlen, 2)) |
      ((a.w3 ^ b.w3) & prefixMask6(prefixlen, 3))) ===
    0
  );
}

/** The IPv4 netmask (as an address) or IPv6 netmask of a prefix length. @public */
export function maskInAddrOf(af: number, prefixlen: number): InAddr {
  if (af === AF_INET) return inAddr4(prefixMask4(prefixlen));
  return inAddr6(prefixMask6(prefixlen, 0), prefixMask6(prefixlen, 1), prefixMask6(prefixlen, 2), prefixMask6(prefixlen, 3));
}

/**
 * Parses `10.0.0.1/24` or `2001:db8::1/64`. Without a slash the prefix is the whole address.
 *
 * @returns null if the address or the length is malformed
 *
 * @public
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  const addr = parseInAddr(slash < 0 ? text : text.slice(0, slash));
  if (addr === null) return null;
  const full = addr.af === AF_INET ? 32 : 128;
  if (slash < 0) return { addr, prefixlen: full };
  const lenText = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lenText) || Number(lenText) > full) return null;
  return { addr, prefixlen: Number(lenText) };
}

/** `10.0.0.0/24`. @public */
export function formatCidr(cidr: Cidr): string {
  return `${formatInAddr(cidr.addr)}/${cidr.prefixlen}`;
}
