import type { InAddr } from '@ns/wire';
import { hmacSha256, SHA256_LEN } from './sha256.ts';

/** Least bytes of the secret: 128 bits (RFC 7217 §5). */
export const MIN_SECRET = 16;

/**
 * The stable, semantically opaque interface identifier of RFC 7217 §5 for `prefix` (its first 64 bits): the same each time for the same interface, network and secret, and telling nothing
 * of the interface. `iface` names the interface (Net_Iface), `counter` is DAD_Counter, raised for each identifier that turned out to be taken. The function is HMAC-SHA-256, of which the last
 * 64 bits are used; identifiers that are reserved (RFC 5453) are passed over. Two int32 words in `out`; returns the counter that led to them.
 * Source: FreeBSD in6_ifattach.c, in6_get_stableifid().
 * @public
 */
export function in6StableIfid(out: Int32Array, prefix: InAddr, iface: Uint8Array, counter: number, secret: Uint8Array): number {
  const msg = new Uint8Array(12 + iface.length);
  const dv = new DataView(msg.buffer);
  dv.setInt32(0, prefix.w0);
  dv.setInt32(4, prefix.w1);
  msg.set(iface, 8);
  for (let n = counter; ; n++) {
    dv.setUint32(8 + iface.length, n >>> 0);
    const digest = hmacSha256(secret, msg);
    const ddv = new DataView(digest.buffer);
    out[0] = ddv.getInt32(SHA256_LEN - 8);
    out[1] = ddv.getInt32(SHA256_LEN - 4);
    if (!isReservedIfid(out[0] as number, out[1] as number)) return n;
  }
}

/**
 * Whether an interface identifier is reserved: that of the subnet-router anycast address, those of IANA Ethernet addresses, those of reserved anycast addresses (RFC 5453).
 * @public
 */
export function isReservedIfid(hi: number, lo: number): boolean {
  if ((hi | lo) === 0) return true;
  if (hi === 0x02005eff) return lo >>> 24 === 0xfe;
  return hi >>> 0 === 0xfdffffff && lo >>> 0 >= 0xffffff80;
}
