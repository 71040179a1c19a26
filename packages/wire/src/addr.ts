/*
 * Internet addresses and socket addresses.
 *
 * Source: FreeBSD sys/socket.h (AF_*), netinet/in.h, netinet6/in6.h, lib/libc/inet.
 */

/** No address family. @public */
export const AF_UNSPEC = 0;
/** IPv4; the value is FreeBSD's. @public */
export const AF_INET = 2;
/** Link layer (interface and MAC address); the value is FreeBSD's. @public */
export const AF_LINK = 18;
/** IPv6; the value is FreeBSD's, other systems differ. @public */
export const AF_INET6 = 28;

/**
 * An IPv4 or IPv6 address. Immutable, so it may be shared by any number of owners.
 *
 * The four words are int32 in network order of significance: `w0` holds the first four bytes on the wire. An IPv4 address is `w3`, with
 * `w0`, `w1` and `w2` 0. Two addresses are the same if all five fields and the zone agree: see {@link inAddrEqual}.
 *
 * @public
 */
export class InAddr {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** Bytes 0 to 3 of an IPv6 address as int32; 0 for IPv4. */
  readonly w0: number;
  /** Bytes 4 to 7 of an IPv6 address as int32; 0 for IPv4. */
  readonly w1: number;
  /** Bytes 8 to 11 of an IPv6 address as int32; 0 for IPv4. */
  readonly w2: number;
  /** Bytes 12 to 15 of an IPv6 address, or the whole IPv4 address, as int32. */
  readonly w3: number;
  /** Zone of a scoped IPv6 address (RFC 4007): an interface index, 0 for none. */
  readonly zone: number;

  /** The words are taken modulo 2^32. Use {@link inAddr4} and {@link inAddr6}. */
  constructor(af: number, w0: number, w1: number, w2: number, w3: number, zone: number) {
    this.af = af;
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
    this.zone = zone;
  }

  /** The text of {@link formatInAddr}. */
  toString(): string {
    return formatInAddr(this);
  }
}

/**
 * An IPv4 address from its 32 bits, `0x0a000001` being 10.0.0.1; signed or unsigned.
 *
 * @public
 */
export function inAddr4(n: number): InAddr {
  return new InAddr(AF_INET, 0, 0, 0, n, 0);
}

/**
 * An IPv6 address from its four 32-bit words, most significant first; signed or unsigned.
 *
 * @param zone - interface index of a scoped address, 0 for none
 *
 * @public
 */
export function inAddr6(w0: number, w1: number, w2: number, w3: number, zone: number = 0): InAddr {
  return new InAddr(AF_INET6, w0, w1, w2, w3, zone);
}

/** 0.0.0.0. @public */
export const INADDR_ANY: InAddr = inAddr4(0);
/** 127.0.0.1. @public */
export const INADDR_LOOPBACK: InAddr = inAddr4(0x7f000001);
/** 255.255.255.255, the limited broadcast address. @public */
export const INADDR_BROADCAST: InAddr = inAddr4(0xffffffff);
/** 224.0.0.1, all hosts of the link (RFC 1112). @public */
export const INADDR_ALLHOSTS_GROUP: InAddr = inAddr4(0xe0000001);
/** 224.0.0.2, all routers of the link. @public */
export const INADDR_ALLRTRS_GROUP: InAddr = inAddr4(0xe0000002);
/** 224.0.0.22, all IGMPv3 routers of the link (RFC 9776). @public */
export const INADDR_ALLRPTS_GROUP: InAddr = inAddr4(0xe0000016);
/** The unspecified address, `::`. @public */
export const IN6ADDR_ANY: InAddr = inAddr6(0, 0, 0, 0);
/** `::1`. @public */
export const IN6ADDR_LOOPBACK: InAddr = inAddr6(0, 0, 0, 1);
/** `ff02::1`, all nodes of the link (RFC 4291 §2.7.1). @public */
export const IN6ADDR_LINKLOCAL_ALLNODES: InAddr = inAddr6(0xff020000, 0, 0, 1);
/** `ff02::2`, all routers of the link (RFC 4291 §2.7.1). @public */
export const IN6ADDR_LINKLOCAL_ALLROUTERS: InAddr = inAddr6(0xff020000, 0, 0, 2);
/** `ff02::16`, all MLDv2 routers of the link (RFC 9777). @public */
export const IN6ADDR_LINKLOCAL_ALLV2ROUTERS: InAddr = inAddr6(0xff020000, 0, 0, 0x16);

/** True if family, bits and zone agree. @public */
export function inAddrEqual(a: InAddr, b: InAddr): boolean {
  return a === b || (a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0 && a.af === b.af && a.zone === b.zone);
}

/**
 * The IPv4 address in the four bytes at `o`. Allocates: for the control path.
 *
 * @public
 */
export function getInAddr4(dv: DataView, o: number): InAddr {
  return inAddr4(dv.getInt32(o));
}

/**
 * The IPv6 address in the sixteen bytes at `o`. Allocates: for the control path.
 *
 * @public
 */
export function getInAddr6(dv: DataView, o: number, zone: number = 0): InAddr {
  return inAddr6(dv.getInt32(o), dv.getInt32(o + 4), dv.getInt32(o + 8), dv.getInt32(o + 12), zone);
}

/**
 * Writes the address at `o`: four bytes for IPv4, sixteen for IPv6. The zone is not on the wire.
 *
 * @public
 */
export function setInAddr(dv: DataView, o: number, a: InAddr): void {
  if (a.af === AF_INET) {
    dv.setInt32(o, a.w3);
    return;
  }
  dv.setInt32(o, a.w0);
  dv.setInt32(o + 4, a.w1);
  dv.setInt32(o + 8, a.w2);
  dv.setInt32(o + 12, a.w3);
}

/** 0.0.0.0 or `::`, whatever the zone. @public */
export function isAny(a: InAddr): boolean {
  return (a.w0 | a.w1 | a.w2 | a.w3) === 0;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3) or `::1` (RFC 4291 §2.5.3). @public */
export function isLoopback(a: InAddr): boolean {
  return a.af === AF_INET ? a.w3 >>> 24 === 127 : (a.w0 | a.w1 | a.w2) === 0 && a.w3 === 1;
}

/** 224.0.0.0/4 (RFC 1112) or ff00::/8 (RFC 4291 §2.7). @public */
export function isMulticast(a: InAddr): boolean {
  return a.af === AF_INET ? a.w3 >>> 28 === 14 : a.w0 >>> 24 === 0xff;
}

/** The limited broadcast address 255.255.255.255. Directed broadcast depends on the interface and is not known here. @public */
export function isBroadcast(a: InAddr): boolean {
  return a.af === AF_INET && a.w3 === -1;
}

/** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 §2.5.6). @public */
export function isLinkLocal(a: InAddr): boolean {
  return a.af === AF_INET ? a.w3 >>> 16 === 0xa9fe : a.w0 >>> 22 === 0x3fa;
}

/** IPv6 multicast of interface-local or link-local scope, which needs a zone to be unambiguous (RFC 4007). @public */
export function isMulticastLinkLocal(a: InAddr): boolean {
  if (a.af !== AF_INET6 || a.w0 >>> 24 !== 0xff) return false;
  const scope = (a.w0 >>> 16) & 0xf;
  return scope === 1 || scope === 2;
}

/**
 * Whether an IPv6 address with this first word is unambiguous only with a zone (RFC 4007 §6): link-local unicast, interface-local and link-local multicast.
 *
 * @public
 */
export function needsZone6(w0: number): boolean {
  if (w0 >>> 22 === 0x3fa) return true;
  const top = (w0 & 0xff0f0000) >>> 16;
  return top === 0xff02 || top === 0xff01;
}

/**
 * The first word of an IPv6 address with its zone in the low half, where addresses that need a zone have zeros (RFC 4291 §2.5.6, §2.7): by four words alone such addresses of different
 * links are told apart. Any other word comes back as it is. Source: FreeBSD scope6.c, in6_setscope().
 *
 * @public
 */
export function embedZone6(w0: number, zone: number): number {
  return zone !== 0 && needsZone6(w0) ? w0 | (zone & 0xffff) : w0;
}

/**
 * The first word of an address as tables by words have it: {@link embedZone6} of its own zone.
 *
 * @public
 */
export function zonedWord0(a: InAddr): number {
  return a.zone === 0 ? a.w0 : embedZone6(a.w0, a.zone);
}

/**
 * An IPv6 address that came in on the link `zone`, which it keeps if it needs one. Allocates.
 *
 * @public
 */
export function inAddr6In(w0: number, w1: number, w2: number, w3: number, zone: number): InAddr {
  return new InAddr(AF_INET6, w0, w1, w2, w3, needsZone6(w0) ? zone : 0);
}

/** True for an IPv6 address of ::ffff:0:0/96 (RFC 4291 §2.5.5.2). @public */
export function isV4Mapped(a: InAddr): boolean {
  return a.af === AF_INET6 && (a.w0 | a.w1) === 0 && a.w2 === 0xffff;
}

/** The IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) of an IPv4 address; an IPv6 address comes back as it is. @public */
export function v4MappedOf(a: InAddr): InAddr {
  return a.af === AF_INET ? inAddr6(0, 0, 0xffff, a.w3) : a;
}

/** The IPv4 address inside an IPv4-mapped one; any other address comes back as it is. @public */
export function v4OfMapped(a: InAddr): InAddr {
  return isV4Mapped(a) ? inAddr4(a.w3) : a;
}

/**
 * Solicited-node multicast address of a unicast address: `ff02::1:ffXX:XXXX` (RFC 4291 §2.7.1), in the zone of `a`.
 *
 * @public
 */
export function solicitedNodeOf(a: InAddr): InAddr {
  return inAddr6(0xff020000, 0, 1, 0xff000000 | (a.w3 & 0xffffff), a.zone);
}

/**
 * Parses an address as inet_pton(3) does, of either family: four decimal octets without leading zeros, or RFC 4291 §2.2 text with at most one
 * `::` and perhaps an IPv4 tail. An IPv6 address may carry a numeric zone (`fe80::1%2`); one with a zone name is for the caller, who splits it by
 * {@link splitZone} and knows the interfaces.
 *
 * @returns null for anything else; never throws
 *
 * @public
 */
export function parseInAddr(text: string): InAddr | null {
  if (text.indexOf(':') < 0) {
    const n = parseInet4(text);
    return n === null ? null : inAddr4(n);
  }
  const [bare, zoneText] = splitZone(text);
  let zone = 0;
  if (bare.length !== text.length) {
    if (!/^[0-9]{1,9}$/.test(zoneText)) return null;
    zone = Number(zoneText);
  }
  return parseInet6(bare, zone);
}

/**
 * Cuts `fe80::1%em0` into address and zone text, `['fe80::1', 'em0']`. Without a `%` the zone is the empty string.
 *
 * @public
 */
export function splitZone(text: string): readonly [address: string, zone: string] {
  const i = text.indexOf('%');
  return i < 0 ? [text, ''] : [text.slice(0, i), text.slice(i + 1)];
}

const DOT = 0x2e;
const COLON = 0x3a;

/** Value of a digit of base 16 or less, by its character code; 255 for what is none. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 255;
}

/** Four decimal octets as an unsigned number, or null. */
function parseInet4(text: string, from = 0): number | null {
  let n = 0;
  let octets = 0;
  for (let i = from; i <= text.length; octets++) {
    const start = i;
    let octet = 0;
    for (; i < text.length && text.charCodeAt(i) !== DOT; i++) {
      const d = digit(text.charCodeAt(i));
      if (d > 9) return null;
      octet = octet * 10 + d;
      if (octet > 255 || (octet < 10 && i > start)) return null;
    }
    if (i++ === start) return null;
    n = n * 256 + octet;
  }
  return octets === 4 ? n : null;
}

/** Up to eight groups of hex digits between colons, at most one `::`, in place of the last two groups perhaps four decimal octets. */
function parseInet6(text: string, zone: number): InAddr | null {
  const g = [0, 0, 0, 0, 0, 0, 0, 0];
  let n = 0;
  let gap = text.startsWith('::') ? 0 : -1;
  let i = gap === 0 ? 2 : 0;
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (; i < text.length && i < start + 4; i++) {
      const d = digit(text.charCodeAt(i));
      if (d > 15) break;
      group = group * 16 + d;
    }
    if (i === start || n === 8) return null;
    if (i < text.length && text.charCodeAt(i) === DOT) {
      const v4 = parseInet4(text, start);
      if (v4 === null || n > 6) return null;
      g[n++] = v4 >>> 16;
      g[n++] = v4 & 0xffff;
      break;
    }
    g[n++] = group;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== COLON || i === text.length) return null;
    if (text.charCodeAt(i) !== COLON) continue;
    if (gap >= 0) return null;
    gap = n;
    i++;
  }
  if (gap < 0 ? n !== 8 : n === 8) return null;
  if (gap >= 0) g.splice(gap, 0, ...g.splice(n));
  const word = (k: number): number => ((g[k] as number) << 16) | (g[k + 1] as number);
  return inAddr6(word(0), word(2), word(4), word(6), zone);
}

/**
 * Text of an address: dotted decimal, or the form of RFC 5952 (lower case, no leading zeros, `::` for the first longest run of at least two zero
 * groups, an IPv4 tail for IPv4-mapped and IPv4-compatible addresses, as inet_ntop(3) has it). A zone follows as `%` and its number, or as `zoneName`
 * if that is given.
 *
 * @public
 */
export function formatInAddr(a: InAddr, zoneName?: string): string {
  if (a.af === AF_INET) return formatInet4(a.w3);
  const text = formatInet6(a);
  if (zoneName !== undefined && zoneName !== '') return `${text}%${zoneName}`;
  return a.zone === 0 ? text : `${text}%${a.zone}`;
}

/**
 * Dotted decimal of an IPv4 address given as int32 or uint32.
 *
 * @public
 */
export function formatInet4(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

function formatInet6(a: InAddr): string {
  const high = (a.w0 | a.w1) === 0;
  if (high && a.w2 === 0xffff) return `::ffff:${formatInet4(a.w3)}`;
  if (high && a.w2 === 0 && a.w3 >>> 16 !== 0) return `::${formatInet4(a.w3)}`;
  const g = [a.w0 >>> 16, a.w0 & 0xffff, a.w1 >>> 16, a.w1 & 0xffff, a.w2 >>> 16, a.w2 & 0xffff, a.w3 >>> 16, a.w3 & 0xffff];
  let start = -1;
  let best = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && g[i + run] === 0) run++;
    if (run > best) {
      best = run;
      start = i;
    }
    if (run > 0) i += run - 1;
  }
  const hex = (from: number, to: number): string => g.slice(from, to).map((x) => x.toString(16)).join(':');
  return start < 0 ? hex(0, 8) : `${hex(0, start)}::${hex(start + best, 8)}`;
}
