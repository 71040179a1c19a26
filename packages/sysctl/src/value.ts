import { EINVAL, ERANGE } from '@ns/errno';
import type { SysctlDecl, SysctlType, SysctlValue } from './decl.ts';

/** Range of each integer type; beyond 2^53 a number is no longer exact, so 64-bit types are held to the doubles below their bound. */
const RANGE: Readonly<Partial<Record<SysctlType, readonly [number, number]>>> = {
  int: [-(2 ** 31), 2 ** 31 - 1],
  uint: [0, 2 ** 32 - 1],
  long: [-(2 ** 63), 2 ** 63],
  ulong: [0, 2 ** 64],
  s64: [-(2 ** 63), 2 ** 63],
  u64: [0, 2 ** 64],
  bool: [-(2 ** 31), 2 ** 31 - 1],
};

/** Turns what a caller gave, a value or its text, into a value of the variable's type; null if it is none. `parse` reads integers. */
export function parseValue<V>(decl: SysctlDecl<V>, input: SysctlValue | boolean, parse: (text: string) => number | null): SysctlValue | null {
  if (decl.type === 'opaque') return typeof input === 'object' ? input : null;
  if (decl.type === 'string') return typeof input === 'string' ? input : null;
  const n = typeof input === 'string' ? parse(input) : Number(input);
  return n !== null && Number.isInteger(n) ? n : null;
}

/** ERANGE for an integer that its type cannot hold, EINVAL for a value outside the declared bounds, else 0. */
export function checkBounds<V>(decl: SysctlDecl<V>, value: SysctlValue): number {
  const { min = -Infinity, max = Infinity } = decl;
  if (typeof value === 'object') return 0;
  if (typeof value === 'string') return value.length < min || value.length > max ? EINVAL : 0;
  const [lowest, highest] = RANGE[decl.type] ?? [-Infinity, Infinity];
  if (value < lowest || value > highest) return ERANGE;
  return value < min || value > max ? EINVAL : 0;
}
