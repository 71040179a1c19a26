import {
  CTLTYPE_INT,
  CTLTYPE_LONG,
  CTLTYPE_NODE,
  CTLTYPE_OPAQUE,
  CTLTYPE_S64,
  CTLTYPE_STRING,
  CTLTYPE_U64,
  CTLTYPE_U8,
  CTLTYPE_UINT,
  CTLTYPE_ULONG,
} from './flags.ts';
import type { SysctlDecl, SysctlType } from './decl.ts';

/** What FreeBSD knows about a type: its number, its default format, and what sysctl(8) calls it. */
interface TypeInfo {
  readonly ctltype: number;
  readonly format: string;
  readonly title: string;
}

const TYPES: Readonly<Record<SysctlType, TypeInfo>> = {
  node: { ctltype: CTLTYPE_NODE, format: 'N', title: 'node' },
  int: { ctltype: CTLTYPE_INT, format: 'I', title: 'integer' },
  uint: { ctltype: CTLTYPE_UINT, format: 'IU', title: 'unsigned integer' },
  long: { ctltype: CTLTYPE_LONG, format: 'L', title: 'long integer' },
  ulong: { ctltype: CTLTYPE_ULONG, format: 'LU', title: 'unsigned long' },
  s64: { ctltype: CTLTYPE_S64, format: 'Q', title: 'int64_t' },
  u64: { ctltype: CTLTYPE_U64, format: 'QU', title: 'uint64_t' },
  bool: { ctltype: CTLTYPE_U8, format: 'CU', title: 'uint8_t' },
  string: { ctltype: CTLTYPE_STRING, format: 'A', title: 'string' },
  opaque: { ctltype: CTLTYPE_OPAQUE, format: 'S', title: 'opaque' },
};

/**
 * A place in the tree: an inner node, or a variable with its declaration and the module that owns it.
 * @public
 */
export class SysctlNode<V = unknown> {
  /** Full name; empty for the root. */
  readonly name: string;
  /** Order among the children of the parent. */
  number: number;
  /** Inner node above, null for the root. */
  readonly parent: SysctlNode<V> | null;
  /** Declaration; null for inner nodes that came into being under a child. */
  decl: SysctlDecl<V> | null;
  /** Modules that declared it: one for a variable, any number for an inner node. */
  readonly owners: string[];
  /** In order of their numbers, which is the order of walks. */
  readonly children: SysctlNode<V>[];
  /** Text for `sysctl -d`. */
  descr: string;

  constructor(name: string, number: number, parent: SysctlNode<V> | null) {
    this.name = name;
    this.number = number;
    this.parent = parent;
    this.decl = null;
    this.owners = [];
    this.children = [];
    this.descr = '';
  }

  /** Last part of the name. */
  get leafName(): string {
    return this.name.slice(this.name.lastIndexOf('.') + 1);
  }

  /** Kind of value. */
  get type(): SysctlType {
    return this.decl?.type ?? 'node';
  }

  /** True for an inner node, which has no value. */
  get isNode(): boolean {
    return this.type === 'node';
  }

  /** CTLFLAG_*, as an int32. */
  get flags(): number {
    return (this.decl?.flags ?? 0) | 0;
  }

  /** Format letter of FreeBSD. */
  get format(): string {
    return this.decl?.format ?? TYPES[this.type].format;
  }

  /** CTLTYPE_*. */
  get ctltype(): number {
    return TYPES[this.type].ctltype;
  }

  /** Type in the words of `sysctl -t`. */
  get typeTitle(): string {
    return TYPES[this.type].title;
  }

  /** The module that declared it, empty for an inner node that nobody did. */
  get module(): string {
    return this.owners[0] ?? '';
  }

  /** Child with that last part of a name, or null. */
  child(leafName: string): SysctlNode<V> | null {
    return this.children.find((c) => c.leafName === leafName) ?? null;
  }
}
