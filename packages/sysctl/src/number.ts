/** Integer as strtol(3) reads it with base 0 (decimal, 0 octal, 0x hexadecimal), the whole text; null if it is none. */
export function parseInteger(text: string): number | null {
  const match = /^\s*([+-]?)(?:0x([0-9a-f]+)|0([0-7]*)|([1-9][0-9]*))$/i.exec(text);
  if (match === null) return null;
  const [, sign, hex, octal, decimal] = match;
  const magnitude = hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal || '0', 8) : Number(decimal);
  return sign === '-' && magnitude !== 0 ? -magnitude : magnitude;
}
