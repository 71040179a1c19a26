/*
 * MAC addresses as bytes and as text, for the control path.
 *
 * Source: FreeBSD lib/libc/net/ether_addr(3).
 */
import { etherHi, etherLo } from './ether.ts';

/** The six bytes of a MAC address. Allocates. @public */
export function etherBytes(hi: number, lo: number): Uint8Array {
  return Uint8Array.of(hi >>> 8, hi, lo >>> 24, lo >>> 16, lo >>> 8, lo);
}

/** `02:00:00:00:00:0a`, from the six bytes at `o` of `mac`. @public */
export function formatEtherAddr(mac: Uint8Array, o: number = 0): string {
  return formatEtherHiLo(etherHi(mac, o), etherLo(mac, o));
}

/** `02:00:00:00:00:0a`, from the two numbers. @public */
export function formatEtherHiLo(hi: number, lo: number): string {
  const hex = (hi & 0xffff).toString(16).padStart(4, '0') + (lo >>> 0).toString(16).padStart(8, '0');
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10, 12)}`;
}

/**
 * Parses six groups of one or two hex digits between colons, as ether_aton(3) does.
 *
 * @returns six bytes, or null for anything else
 *
 * @public
 */
export function parseEtherAddr(text: string): Uint8Array | null {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) return null;
  return Uint8Array.from(text.split(':'), (group) => Number.parseInt(group, 16));
}
