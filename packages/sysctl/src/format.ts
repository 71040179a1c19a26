import { ENOENT, strerror } from '@ns/errno';
import type { SysctlValue } from './decl.ts';
import { CTLFLAG_TUN, CTLFLAG_WR } from './flags.ts';
import type { SysctlNode } from './node.ts';
import { parseInteger } from './number.ts';
import type { SysctlSetResult } from './tree.ts';

/**
 * How a variable is shown: `line` is `name: value`; `value` as with -n; `equals` is `name=value` (-e); `name` (-N); `descr` (-d); `type` (-t).
 * @public
 */
export type SysctlFormat = 'line' | 'value' | 'equals' | 'name' | 'descr' | 'type';

/**
 * Text of a value as sysctl(8) prints it, without the name. A structure shows its format, the number of its fields or rows, the module that owns it, and its content.
 * @public
 */
export function formatSysctlValue<V>(node: SysctlNode<V>, value: SysctlValue): string {
  if (typeof value !== 'object') return String(value);
  const length = Array.isArray(value) ? value.length : Object.keys(value).length;
  return `Format:${node.format} Length:${length} Module:${node.module} Dump:${JSON.stringify(value)}`;
}

/**
 * One variable as sysctl(8) prints it, without the final newline. `value` may be null for the forms that do not show it.
 * @public
 */
export function formatSysctl<V>(node: SysctlNode<V>, value: SysctlValue | null, format: SysctlFormat = 'line'): string {
  const text = value === null ? '' : formatSysctlValue(node, value);
  switch (format) {
    case 'value':
      return text;
    case 'equals':
      return `${node.name}=${text}`;
    case 'name':
      return node.name;
    case 'descr':
      return `${node.name}: ${node.descr}`;
    case 'type':
      return `${node.name}: ${node.typeTitle}`;
    case 'line':
      return `${node.name}: ${text}`;
  }
}

/**
 * What sysctl(8) prints for a write that was tried: `net.inet.tcp.delayed_ack: 1 -> 0`, with the format `value` `1 -> 0`.
 * For one that was refused by the kernel or the module, the variable as it stands; nothing if it did not come to that. Then see {@link sysctlErrorText}.
 * @public
 */
export function formatSysctlWrite<V>(result: SysctlSetResult<V>, format: SysctlFormat = 'line'): string {
  const { node, oldValue, newValue, errno } = result;
  if (node === null || (errno !== 0 && oldValue === null)) return '';
  const before = formatSysctl(node, oldValue, format);
  return errno !== 0 ? before : `${before} -> ${newValue === null ? '' : formatSysctlValue(node, newValue)}`;
}

/**
 * Message of sysctl(8) for a read or write that failed, without the leading `sysctl: `; one line, or two for a read only tunable.
 * @param name - as the user gave it
 * @param text - the value that the user gave, for a write
 * @public
 */
export function sysctlErrorText<V>(name: string, result: { readonly errno: number; readonly node: SysctlNode<V> | null }, text: string | null = null): string {
  const { errno, node } = result;
  if (errno === ENOENT && node === null) return `unknown oid '${name}'`;
  if (node === null || text === null) return `${name}: ${strerror(errno)}`;
  if (node.isNode) return `oid '${name}' isn't a leaf node`;
  if ((node.flags & CTLFLAG_WR) === 0) {
    if ((node.flags & CTLFLAG_TUN) === 0) return `oid '${name}' is read only`;
    return `oid '${name}' is a read only tunable\nsysctl: Tunable values are set in /boot/loader.conf`;
  }
  if (node.type === 'opaque') return `oid '${name}' is type ${node.ctltype}, cannot set that`;
  if (node.type !== 'string' && text === '') return 'empty numeric value';
  if (node.type !== 'string' && parseInteger(text) === null) return `invalid ${node.typeTitle} '${text}'`;
  return `${name}=${text}: ${strerror(errno)}`;
}
