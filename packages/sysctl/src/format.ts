import { ENOENT, EOPNOTSUPP, strerror } from '@ns/errno';
import type { SysctlValue } from './decl.ts';
import { CTLFLAG_TUN, CTLFLAG_WR } from './flags.ts';
import type { SysctlNode } from './node.ts';
import { parseInteger } from './number.ts';
import type { SysctlSetResult } from './tree.ts';

/**
 * How a variable is shown, by the options of sysctl(8): nothing is `name: value`.
 * @public
 */
export interface SysctlStyle {
  /** The name alone (-N). */
  readonly name?: boolean;
  /** Without the name (-n). */
  readonly bare?: boolean;
  /** `name=value` (-e). */
  readonly equals?: boolean;
  /** The type in the place of the value (-t). */
  readonly type?: boolean;
  /** The description in the place of the value (-d); with `type`, behind it. */
  readonly descr?: boolean;
  /** Integers in hexadecimal, structures in full (-x). */
  readonly hex?: boolean;
}

/** Fields or rows of a structure that are shown without `hex`. Source: FreeBSD sysctl.c, which shows so many bytes. */
const DUMP_MAX = 16;

/** Bits of each integer type, as FreeBSD's amd64 has them. */
const BITS: Readonly<Partial<Record<string, number>>> = { int: 32, uint: 32, bool: 8, long: 64, ulong: 64, s64: 64, u64: 64 };

/** `%#0*jx`: zero-filled to the width of the type, and without 0x for zero. */
function hexText(value: number, type: string): string {
  const bits = BITS[type] ?? 64;
  const digits = BigInt.asUintN(bits, BigInt(value)).toString(16);
  const width = bits / 4;
  return value === 0 ? '0'.repeat(width + 2) : `0x${digits.padStart(width, '0')}`;
}

/** A structure: its format, the number of its fields or rows, the module that owns it, and its content. */
function dumpText<V>(node: SysctlNode<V>, value: object, full: boolean): string {
  const length = Array.isArray(value) ? value.length : Object.keys(value).length;
  const head = `Format:${node.format} Length:${length} Module:${node.module} Dump:`;
  if (full || length <= DUMP_MAX) return head + JSON.stringify(value);
  const some = Array.isArray(value) ? value.slice(0, DUMP_MAX) : Object.fromEntries(Object.entries(value).slice(0, DUMP_MAX));
  return `${head}${JSON.stringify(some).slice(0, -1)},...`;
}

/** Text of a value as sysctl(8) prints it, without the name. @public */
export function formatSysctlValue<V>(node: SysctlNode<V>, value: SysctlValue, style: SysctlStyle = {}): string {
  if (typeof value === 'object') return dumpText(node, value, style.hex === true);
  if (typeof value === 'number') return style.hex === true ? hexText(value, node.type) : formatInteger(value);
  return String(value);
}

/** All digits, also of what JavaScript would round: counters beyond 2^53. */
function formatInteger(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value).toString() : String(value);
}

/**
 * One variable as sysctl(8) prints it, without the final newline. `value` may be null for the styles that do not show it.
 * @public
 */
export function formatSysctl<V>(node: SysctlNode<V>, value: SysctlValue | null, style: SysctlStyle = {}): string {
  if (style.name === true) return node.name;
  const sep = style.equals === true ? '=' : ': ';
  const prefix = style.bare === true ? '' : node.name + sep;
  if (style.descr === true) return `${prefix}${style.type === true ? node.typeTitle + sep : ''}${node.descr}`;
  if (style.type === true) return prefix + node.typeTitle;
  return prefix + (value === null ? '' : formatSysctlValue(node, value, style));
}

/**
 * What sysctl(8) prints for a write that was tried: `net.inet.tcp.delayed_ack: 1 -> 0`, bare `1 -> 0`.
 * For one that was refused by the kernel or the module, the variable as it stands; nothing if it did not come to that. Then see {@link sysctlErrorText}.
 * @public
 */
export function formatSysctlWrite<V>(result: SysctlSetResult<V>, style: SysctlStyle = {}): string {
  const { node, oldValue, newValue, errno } = result;
  if (node === null || (errno !== 0 && oldValue === null)) return '';
  const before = formatSysctl(node, oldValue, style);
  return errno !== 0 ? before : `${before} -> ${formatSysctl(node, newValue, { ...style, bare: true })}`;
}

/** Where a write that failed came from. @public */
export interface SysctlErrorPlace {
  /** Line of the file, or 0. */
  readonly line?: number;
  /** Name and value as the user wrote them; by default `name=value`. */
  readonly asked?: string;
}

/**
 * Message of sysctl(8) for a read or write that failed, without the leading `sysctl: `; one line, or two for a read only tunable.
 * @param name - as the user gave it
 * @param text - the value that the user gave, for a write
 * @public
 */
export function sysctlErrorText<V>(
  name: string,
  result: { readonly errno: number; readonly node: SysctlNode<V> | null },
  text: string | null = null,
  place: SysctlErrorPlace = {},
): string {
  const { errno, node } = result;
  const where = (place.line ?? 0) > 0 ? ` at line ${place.line ?? 0}` : '';
  if (errno === ENOENT && node === null) return `unknown oid '${name}'${where}`;
  if (node === null || text === null) return `${name}: ${strerror(errno)}${where}`;
  if (node.isNode) return `oid '${name}' isn't a leaf node${where}`;
  if ((node.flags & CTLFLAG_WR) === 0) {
    if ((node.flags & CTLFLAG_TUN) === 0) return `oid '${name}' is read only${where}`;
    return `oid '${name}' is a read only tunable${where}\nsysctl: Tunable values are set in /boot/loader.conf`;
  }
  if (node.type === 'opaque') return `oid '${name}' is type ${node.ctltype}, cannot set that${where}`;
  if (node.type !== 'string' && text === '') return 'empty numeric value';
  const wrong = node.type === 'string' ? undefined : words(text).find((w) => parseInteger(w) === null);
  if (wrong !== undefined) return `invalid ${node.typeTitle} '${wrong}'${where}`;
  const asked = place.asked ?? `${name}=${text}`;
  return errno === EOPNOTSUPP ? `${asked}: value is not available${where}` : `${asked}${where}: ${strerror(errno)}`;
}

/** The values of an array, of which variables here take one. */
const words = (text: string): string[] => text.split(/[ ,]/).filter((w) => w !== '');
