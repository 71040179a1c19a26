/** Bytes from hex text; blanks are ignored. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Hex text of bytes, without blanks. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** A view of exactly these bytes, so that a read outside throws a RangeError. */
export function tight(bytes: Uint8Array): DataView {
  const copy = bytes.slice();
  return new DataView(copy.buffer, copy.byteOffset, copy.length);
}

/** The checksum by the definition of RFC 1071: 16-bit words, end-around carry, byte pairs. Not complemented. */
export function naiveSum(bytes: Uint8Array, sum = 0): number {
  let total = sum;
  for (let i = 0; i < bytes.length; i += 2) {
    total += ((bytes[i] as number) << 8) + (bytes[i + 1] ?? 0);
    while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  }
  return total;
}
