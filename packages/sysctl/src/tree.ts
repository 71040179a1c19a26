import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, EPERM } from '@ns/errno';
import type { SysctlDecl, SysctlReq, SysctlValue } from './decl.ts';
import { CTLFLAG_ANYBODY, CTLFLAG_NOFETCH, CTLFLAG_PRISON, CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_SKIP, CTLFLAG_TUN, CTLFLAG_VNET, CTLFLAG_WR } from './flags.ts';
import { Kenv, parseTunable } from './kenv.ts';
import { SysctlNode } from './node.ts';
import { parseInteger } from './number.ts';
import { checkBounds, parseValue } from './value.ts';
import { WELL_KNOWN } from './wellknown.ts';

/** First number given to nodes without one of their own. Source: CTL_AUTO_START. */
const CTL_AUTO_START = 0x100;

const NAME = /^[A-Za-z_][\w-]*(\.[\w%-]+)*$/;

/**
 * Outcome of reading a variable.
 * @public
 */
export interface SysctlGetResult<V = unknown> {
  /** 0; ENOENT no such variable; EISDIR an inner node; EPERM it can only be written. */
  readonly errno: number;
  /** The value; null unless errno is 0. */
  readonly value: SysctlValue | null;
  /** What was found under the name, null with ENOENT. */
  readonly node: SysctlNode<V> | null;
}

/**
 * Outcome of writing a variable: what `sysctl` needs for `name: old -> new` or for its error message.
 * @public
 */
export interface SysctlSetResult<V = unknown> {
  /**
   * 0; ENOENT no such variable; EISDIR an inner node; EPERM read only, or not for this caller; EINVAL not a value of it; ERANGE an integer too large for its type;
   * or what the module's handler returned.
   */
  readonly errno: number;
  /** Before the write; null if it cannot be read, or if nothing was tried: no such variable, read only whoever asks, or not a value of its type. */
  readonly oldValue: SysctlValue | null;
  /** After the write, read back, or the answer to what was asked; null if it failed or cannot be read. */
  readonly newValue: SysctlValue | null;
  /** What was found under the name, null with ENOENT. */
  readonly node: SysctlNode<V> | null;
}

/**
 * Outcome of a registration, which is undone completely when it fails.
 * @public
 */
export interface SysctlRegisterResult {
  /** 0; EEXIST the name is taken; ENOTDIR a parent is a variable; EINVAL a malformed name or a missing handler. */
  readonly errno: number;
  /** The name that failed; empty with errno 0. */
  readonly name: string;
  /** Boot tunables that were refused, with the reason; the variables keep the values that they had. */
  readonly refused: readonly SysctlRefusal[];
}

/**
 * A boot tunable that its variable did not take.
 * @public
 */
export interface SysctlRefusal {
  /** Full name. */
  readonly name: string;
  /** Why: EINVAL, ERANGE, or what its handler returned. */
  readonly errno: number;
}

/**
 * The management information base of one kernel: named variables that modules declare and tools read and write.
 *
 * The values stay with the modules; a read or a write calls the handlers of the declaration with the caller's request, so nothing here is near the packet path.
 * Source: FreeBSD kern_sysctl.c.
 * @public
 */
export class SysctlTree<V = unknown> {
  /** The boot environment. */
  readonly tunables: Kenv;
  /** Above all others, without a name. */
  readonly root: SysctlNode<V>;
  private readonly byName: Map<string, SysctlNode<V>>;
  private nextNumber: number;

  /**
   * @param tunables - the boot environment, a name and a text each
   */
  constructor(tunables: Readonly<Record<string, string>> = {}) {
    this.tunables = new Kenv(tunables);
    this.root = new SysctlNode<V>('', 0, null);
    this.byName = new Map();
    this.nextNumber = CTL_AUTO_START;
  }

  /**
   * Enters the declarations of `module`: all of them or, on an error, none.
   *
   * Variables with CTLFLAG_TUN whose tunable is set then take its value, written under `boot` (without `boot`, or with CTLFLAG_NOFETCH, they do not);
   * those with CTLFLAG_VNET wait for {@link SysctlTree.applyVnetTunables}. Source: sysctl_register_oid().
   */
  register(module: string, decls: readonly SysctlDecl<V>[], boot: SysctlReq<V> | null = null): SysctlRegisterResult {
    const added: SysctlNode<V>[] = [];
    for (const decl of decls) {
      const errno = this.insert(module, decl, added);
      if (errno === 0) continue;
      for (const node of added.reverse()) this.disown(node, module);
      return { errno, name: decl.name, refused: [] };
    }
    const refused: SysctlRefusal[] = [];
    if (boot !== null) {
      for (const node of added) if ((node.flags & CTLFLAG_VNET) === 0) this.applyTunable(node, boot, refused);
    }
    return { errno: 0, name: '', refused };
  }

  /** Removes all that `module` declared, and inner nodes that have become empty. Returns how many variables and nodes it had. Source: sysctl_unregister_oid(). */
  unregister(module: string): number {
    let removed = 0;
    for (const node of [...this.byName.values()]) {
      while (node.owners.includes(module)) {
        this.disown(node, module);
        removed++;
      }
    }
    return removed;
  }

  /** Stores the boot tunables of CTLFLAG_VNET variables in the stack of `req`: for each new stack, and for each living one after a registration (then with `module`). */
  applyVnetTunables(req: SysctlReq<V>, module: string | null = null): readonly SysctlRefusal[] {
    const refused: SysctlRefusal[] = [];
    for (const node of this.byName.values()) {
      if ((node.flags & CTLFLAG_VNET) === 0 || (module !== null && node.module !== module)) continue;
      this.applyTunable(node, req, refused);
    }
    return refused;
  }

  /** Variable or inner node of that full name, or null. */
  lookup(name: string): SysctlNode<V> | null {
    return this.byName.get(name) ?? null;
  }

  /** Reads a variable on behalf of `req`. */
  sysctlGet(name: string, req: SysctlReq<V>): SysctlGetResult<V> {
    const node = this.lookup(name);
    if (node === null) return { errno: ENOENT, value: null, node };
    if (node.isNode) return { errno: EISDIR, value: null, node };
    const value = read(node, req);
    return { errno: value === null ? EPERM : 0, value, node };
  }

  /**
   * Writes a variable on behalf of `req`; integers may be given as the text that a user typed.
   *
   * In a jail only variables with CTLFLAG_VNET may be written, by a jail that owns its stack, and those with CTLFLAG_PRISON. Source: sysctl_root().
   */
  sysctlSet(name: string, value: SysctlValue | boolean, req: SysctlReq<V>): SysctlSetResult<V> {
    const node = this.lookup(name);
    const failed = (errno: number): SysctlSetResult<V> => ({ errno, oldValue: null, newValue: null, node });
    if (node === null) return failed(ENOENT);
    if (node.isNode || node.decl === null) return failed(EISDIR);
    if ((node.flags & CTLFLAG_WR) === 0) return failed(EPERM);
    const parsed = parseValue(node.decl, value, parseInteger);
    if (parsed === null) return failed(EINVAL);
    const oldValue = read(node, req);
    if (!mayWrite(node.flags, req)) return { errno: EPERM, oldValue, newValue: null, node };
    if (node.decl.ask !== undefined) {
      const answer = node.decl.ask(req, parsed);
      return typeof answer === 'number' ? { errno: answer, oldValue, newValue: null, node } : { errno: 0, oldValue, newValue: answer, node };
    }
    const errno = store(node.decl, parsed, req);
    return { errno, oldValue, newValue: errno === 0 ? read(node, req) : null, node };
  }

  /**
   * Variables at and below `name` (the root without one), in the order of `sysctl -a`; ENOENT is null.
   *
   * Those with CTLFLAG_SKIP, and all below a node that has it, are left out unless `skipped` is true or `name` is one of them.
   */
  list(name: string = '', skipped: boolean = false): SysctlNode<V>[] | null {
    const from = name === '' ? this.root : this.lookup(name);
    if (from === null) return null;
    const found: SysctlNode<V>[] = [];
    const walk = (node: SysctlNode<V>): void => {
      if (!node.isNode) found.push(node);
      for (const child of node.children) if (skipped || (child.flags & CTLFLAG_SKIP) === 0) walk(child);
    };
    walk(from);
    return found;
  }

  private insert(module: string, decl: SysctlDecl<V>, added: SysctlNode<V>[]): number {
    if (!NAME.test(decl.name) || !hasHandlers(decl)) return EINVAL;
    const present = this.lookup(decl.name);
    if (present !== null && !(present.isNode && decl.type === 'node')) return EEXIST;
    const node = present ?? this.grow(decl.name);
    if (node === null) return ENOTDIR;
    node.owners.push(module);
    node.decl ??= decl;
    if (decl.descr !== '') node.descr ||= decl.descr;
    if (decl.number !== undefined && node.number >= CTL_AUTO_START) this.renumber(node, decl.number);
    added.push(node);
    return 0;
  }

  /** Makes the node and its missing parents; null if a parent is a variable. */
  private grow(name: string): SysctlNode<V> | null {
    const dot = name.lastIndexOf('.');
    const parentName = name.slice(0, Math.max(dot, 0));
    const parent = dot < 0 ? this.root : (this.lookup(parentName) ?? this.grow(parentName));
    if (parent === null || !parent.isNode) return null;
    const node = new SysctlNode<V>(name, this.nextNumber++, parent);
    this.byName.set(name, node);
    parent.children.push(node);
    const known = WELL_KNOWN.get(name);
    if (known !== undefined) {
      node.descr = known[1];
      this.renumber(node, known[0]);
    }
    return node;
  }

  /** Gives `node` a fixed number; if a sibling has it, `node` keeps the one it has. */
  private renumber(node: SysctlNode<V>, number: number): void {
    const siblings = node.parent?.children ?? [];
    if (siblings.some((s) => s.number === number)) return;
    node.number = number;
    siblings.sort((a, b) => a.number - b.number);
  }

  /** Takes back one claim of `module` on `node`, and the node itself when nobody claims it and nothing is below. */
  private disown(node: SysctlNode<V>, module: string): void {
    const claim = node.owners.indexOf(module);
    if (claim >= 0) node.owners.splice(claim, 1);
    if (node.owners.length === 0) node.decl = null;
    for (let n: SysctlNode<V> | null = node; n !== null && n.parent !== null && n.owners.length === 0 && n.children.length === 0; n = n.parent) {
      n.parent.children.splice(n.parent.children.indexOf(n), 1);
      this.byName.delete(n.name);
    }
  }

  /** Source: sysctl_load_tunable_by_oid_locked(). */
  private applyTunable(node: SysctlNode<V>, req: SysctlReq<V>, refused: SysctlRefusal[]): void {
    const { decl, name } = node;
    const text = this.tunables.get(name);
    if (text === null || decl?.set === undefined || (node.flags & (CTLFLAG_TUN | CTLFLAG_NOFETCH)) !== CTLFLAG_TUN) return;
    const parsed = parseValue(decl, text, parseTunable);
    const errno = parsed === null ? EINVAL : store(decl, parsed, req);
    if (errno !== 0) refused.push({ name, errno });
  }
}

/** Each access that the flags allow has its handler, and there is one. */
function hasHandlers<V>(decl: SysctlDecl<V>): boolean {
  if (decl.type === 'node') return true;
  if ((decl.flags & CTLFLAG_RD) !== 0 && decl.get === undefined && decl.ask === undefined) return false;
  if ((decl.flags & CTLFLAG_WR) !== 0 && decl.set === undefined && decl.ask === undefined) return false;
  return (decl.flags & CTLFLAG_RW) !== 0;
}

function read<V>(node: SysctlNode<V>, req: SysctlReq<V>): SysctlValue | null {
  return node.decl?.get?.(req) ?? null;
}

function store<V>(decl: SysctlDecl<V>, value: SysctlValue, req: SysctlReq<V>): number {
  const errno = checkBounds(decl, value);
  return errno !== 0 ? errno : (decl.set?.(req, value) ?? EPERM);
}

/** Whether this caller may write what CTLFLAG_WR makes writable. */
function mayWrite<V>(flags: number, req: SysctlReq<V>): boolean {
  if ((flags & CTLFLAG_ANYBODY) !== 0) return true;
  if (req.privileged === false) return false;
  if (!req.jailed) return true;
  return (flags & CTLFLAG_PRISON) !== 0 || ((flags & CTLFLAG_VNET) !== 0 && req.ownsVnet === true);
}
