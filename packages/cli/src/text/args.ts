import { AF_INET, type InAddr, inAddr4, inAddr6, maskLen4, parseInAddr, splitZone } from '@ns/wire';

/** An address as a user types it; an IPv6 zone may be an interface name, which `zoneOf` turns into its index (0: no such interface). */
export function parseHost(text: string, zoneOf: (name: string) => number = () => 0): InAddr | null {
  if (text === 'localhost') return inAddr4(0x7f000001);
  const plain = parseInAddr(text);
  if (plain !== null) return plain;
  const [bare, zone] = splitZone(text);
  if (zone === '') return null;
  const a = parseInAddr(bare);
  const index = zoneOf(zone);
  return a === null || a.af === AF_INET || index === 0 ? null : inAddr6(a.w0, a.w1, a.w2, a.w3, index);
}

/** Length of the prefix of an IPv4 address by its class, as before CIDR. Source: RFC 791 §3.2; FreeBSD in_canforward() and its like. */
export function classPrefix(a: InAddr): number {
  const top = a.w3 >>> 24;
  return top < 128 ? 8 : top < 192 ? 16 : top < 224 ? 24 : 32;
}

/** Length of the prefix of an IPv4 mask given as `255.255.255.0` or `0xffffff00`; -1 if it is none. */
export function maskPrefix(text: string): number {
  if (/^0x[0-9a-fA-F]{1,8}$/.test(text)) return maskLen4(Number(text));
  const a = parseInAddr(text);
  return a === null || a.af !== AF_INET ? -1 : maskLen4(a.w3);
}

/** `10.1` as 10.1.0.0: networks may leave out zero octets at the end. Source: FreeBSD inet_network(3), as route(8) uses it. */
export function parseNetwork(text: string): InAddr | null {
  const parts = text.split('.');
  if (text.includes(':') || parts.length > 4) return parseInAddr(text);
  return parseInAddr([...parts, '0', '0', '0'].slice(0, 4).join('.'));
}
