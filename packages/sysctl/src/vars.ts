import { CTLFLAG_RD, CTLFLAG_RW } from './flags.ts';
import type { SysctlDecl, SysctlReq, SysctlType, SysctlValue } from './decl.ts';

/**
 * What the declarations of all types share.
 * @public
 */
export interface SysctlCommon {
  /** Full name. */
  readonly name: string;
  /** CTLFLAG_*; by default CTLFLAG_RD. */
  readonly flags?: number;
  /** One line for `sysctl -d`. */
  readonly descr: string;
  /** See `SysctlDecl.format`. */
  readonly format?: string;
  /** See `SysctlDecl.number`. */
  readonly number?: number;
}

/**
 * A variable with handlers: `get` reads it in `req.vnet`, `set` stores it and returns an errno (or nothing for success).
 * @public
 */
export interface SysctlProc<V, T> extends SysctlCommon {
  /** Smallest value of an integer, or shortest text; less is EINVAL. */
  readonly min?: number;
  /** Largest value of an integer, or longest text; more is EINVAL. */
  readonly max?: number;
  /** Reads the value in `req.vnet`; absent for what can only be written. */
  get?(req: SysctlReq<V>): T;
  /** Stores a value that has the right type and lies within the bounds; an errno refuses it. */
  set?(req: SysctlReq<V>, value: T): number | void;
}

/** Signed 32-bit integer. Source: SYSCTL_INT, SYSCTL_PROC. @public */
export function sysctlInt<V>(proc: SysctlProc<V, number>): SysctlDecl<V> {
  return declare('int', proc);
}

/** Unsigned 32-bit integer. Source: SYSCTL_UINT. @public */
export function sysctlUint<V>(proc: SysctlProc<V, number>): SysctlDecl<V> {
  return declare('uint', proc);
}

/** 64-bit `long`. Source: SYSCTL_LONG. @public */
export function sysctlLong<V>(proc: SysctlProc<V, number>): SysctlDecl<V> {
  return declare('long', proc);
}

/** 64-bit `unsigned long`. Source: SYSCTL_ULONG. @public */
export function sysctlUlong<V>(proc: SysctlProc<V, number>): SysctlDecl<V> {
  return declare('ulong', proc);
}

/** Unsigned 64-bit integer. Source: SYSCTL_U64. @public */
export function sysctlU64<V>(proc: SysctlProc<V, number>): SysctlDecl<V> {
  return declare('u64', proc);
}

/** Boolean; reads as 0 or 1, and any other number that is written counts as true. Source: SYSCTL_BOOL. @public */
export function sysctlBool<V>(proc: SysctlProc<V, boolean>): SysctlDecl<V> {
  const { get, set, ...rest } = proc;
  return declare('bool', {
    ...rest,
    ...(get && { get: (req: SysctlReq<V>) => (get.call(proc, req) ? 1 : 0) }),
    ...(set && { set: (req: SysctlReq<V>, value: number) => set.call(proc, req, value !== 0) }),
  });
}

/** Text. Tables that begin with a newline print below their name. Source: SYSCTL_STRING. @public */
export function sysctlString<V>(proc: SysctlProc<V, string>): SysctlDecl<V> {
  return declare('string', proc);
}

/**
 * Structure with named fields, or an array of such: `get` returns a snapshot that the caller may keep. Give the name of FreeBSD's structure as `format: 'S,xtcpcb'`.
 * Source: SYSCTL_OPAQUE, SYSCTL_STRUCT.
 * @public
 */
export function sysctlOpaque<V, T extends object>(proc: SysctlProc<V, T>): SysctlDecl<V> {
  return declare('opaque', proc);
}

/** Inner node; only needed to give it a description, flags or a number. Source: SYSCTL_NODE. @public */
export function sysctlNode<V>(node: SysctlCommon): SysctlDecl<V> {
  return declare('node', node);
}

/**
 * The counters of a protocol: reading copies `of(req)` field by field, writing anything sets all of them to zero (`netstat -z`).
 * Fields are numbers, or arrays of numbers (also typed ones). They stand for FreeBSD's 64-bit counters, and are exact up to 2^53 - 1: 83 days of bytes at 10 Gbit/s, 28 years of ten
 * million packets a second. A counter does not wrap, and nobody sees it go back: beyond 2^53 bytes are still counted to one part in 2^53, while steps of one are lost.
 * Source: SYSCTL_VNET_PCPUSTAT.
 * @public
 */
export function sysctlStats<V, T extends object>(stats: SysctlCommon & { of(req: SysctlReq<V>): T }): SysctlDecl<V> {
  return declare<V, object>('opaque', {
    ...stats,
    flags: stats.flags ?? CTLFLAG_RW,
    get: (req) => snapshot(stats.of(req)),
    set: (req) => {
      zero(stats.of(req));
    },
  });
}

type NumberArray = number[] | Float64Array | Int32Array | Uint32Array;

const isNumberArray = (x: unknown): x is NumberArray => Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));

function snapshot(from: object): object {
  return Object.fromEntries(Object.entries(from).map(([field, value]) => [field, isNumberArray(value) ? [...value] : (value as unknown)]));
}

function zero(counters: object): void {
  const fields = counters as Record<string, unknown>;
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value === 'number') fields[field] = 0;
    else if (isNumberArray(value)) value.fill(0);
  }
}

/** Drops the helper's own type: the tree has checked the value against `type` before it calls `set`. */
function declare<V, T extends SysctlValue>(type: SysctlType, proc: SysctlProc<V, T>): SysctlDecl<V> {
  const { name, descr, format, number, min, max } = proc;
  return {
    name,
    type,
    descr,
    flags: proc.flags ?? CTLFLAG_RD,
    ...(format !== undefined && { format }),
    ...(number !== undefined && { number }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(proc.get && { get: (req: SysctlReq<V>): SysctlValue => proc.get!(req) }),
    ...(proc.set && { set: (req: SysctlReq<V>, value: SysctlValue): number => proc.set!(req, value as T) ?? 0 }),
  };
}
