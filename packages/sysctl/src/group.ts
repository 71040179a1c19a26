import { CTLFLAG_TUN, CTLFLAG_WR } from './flags.ts';
import type { SysctlDecl, SysctlReq } from './decl.ts';
import {
  type SysctlProc,
  sysctlBool,
  sysctlInt,
  sysctlLong,
  sysctlString,
  sysctlU64,
  sysctlUint,
  sysctlUlong,
} from './vars.ts';

/**
 * Fields of `O` whose type is `T`.
 * @public
 */
export type FieldsOf<O, T> = { [K in keyof O]-?: O[K] extends T ? (T extends O[K] ? K : never) : never }[keyof O] & string;

/**
 * What a variable that is one field of an object may add: bounds, a number, a format, and a check before the store (an errno refuses).
 * @public
 */
export interface SysctlFieldOptions<V, T> {
  /** Smallest integer or shortest text; less is EINVAL. */
  readonly min?: number;
  /** Largest integer or longest text; more is EINVAL. */
  readonly max?: number;
  /** See `SysctlDecl.number`. */
  readonly number?: number;
  /** See `SysctlDecl.format`. */
  readonly format?: string;
  /** Called before the field is written; an errno other than 0 keeps the old value. */
  check?(req: SysctlReq<V>, value: T): number;
  /** Called after the field was written. */
  changed?(req: SysctlReq<V>, value: T): void;
}

/**
 * Declares variables that are fields of one object in each stack (or in the kernel): the counterpart of SYSCTL_VNET_INT and `&V_tcp_delack`.
 *
 * ```ts
 * const v = sysctlVars('net.inet.tcp', (req: SysctlReq<Vnet>) => TCP.get(req.vnet), CTLFLAG_VNET);
 * const decls = [v.int('delayed_ack', 'delayedAck', CTLFLAG_RW, 'Delay ACK to try and piggyback it onto a data packet', { min: 0, max: 1 })];
 * ```
 * @public
 */
export class SysctlVars<V, O extends object> {
  private readonly prefix: string;
  private readonly of: (req: SysctlReq<V>) => O;
  private readonly flags: number;

  constructor(prefix: string, of: (req: SysctlReq<V>) => O, flags: number) {
    this.prefix = prefix;
    this.of = of;
    this.flags = flags;
  }

  /** `SYSCTL_INT`: `name` below the prefix is field `field`. */
  int(name: string, field: FieldsOf<O, number>, flags: number, descr: string, options: SysctlFieldOptions<V, number> = {}): SysctlDecl<V> {
    return sysctlInt(this.bind<number>(name, field, flags, descr, options));
  }

  /** `SYSCTL_UINT`. */
  uint(name: string, field: FieldsOf<O, number>, flags: number, descr: string, options: SysctlFieldOptions<V, number> = {}): SysctlDecl<V> {
    return sysctlUint(this.bind<number>(name, field, flags, descr, options));
  }

  /** `SYSCTL_LONG`. */
  long(name: string, field: FieldsOf<O, number>, flags: number, descr: string, options: SysctlFieldOptions<V, number> = {}): SysctlDecl<V> {
    return sysctlLong(this.bind<number>(name, field, flags, descr, options));
  }

  /** `SYSCTL_ULONG`. */
  ulong(name: string, field: FieldsOf<O, number>, flags: number, descr: string, options: SysctlFieldOptions<V, number> = {}): SysctlDecl<V> {
    return sysctlUlong(this.bind<number>(name, field, flags, descr, options));
  }

  /** `SYSCTL_U64`. */
  u64(name: string, field: FieldsOf<O, number>, flags: number, descr: string, options: SysctlFieldOptions<V, number> = {}): SysctlDecl<V> {
    return sysctlU64(this.bind<number>(name, field, flags, descr, options));
  }

  /** `SYSCTL_BOOL`. */
  bool(name: string, field: FieldsOf<O, boolean>, flags: number, descr: string, options: SysctlFieldOptions<V, boolean> = {}): SysctlDecl<V> {
    return sysctlBool(this.bind<boolean>(name, field, flags, descr, options));
  }

  /** `SYSCTL_STRING`. */
  string(name: string, field: FieldsOf<O, string>, flags: number, descr: string, options: SysctlFieldOptions<V, string> = {}): SysctlDecl<V> {
    return sysctlString(this.bind<string>(name, field, flags, descr, options));
  }

  private bind<T>(name: string, field: string, flags: number, descr: string, options: SysctlFieldOptions<V, T>): SysctlProc<V, T> {
    const fields = this.of as unknown as (req: SysctlReq<V>) => Record<string, T>;
    const { check, changed, ...rest } = options;
    const set = (req: SysctlReq<V>, value: T): number => {
      const errno = check?.call(options, req, value) ?? 0;
      if (errno !== 0) return errno;
      fields(req)[field] = value;
      changed?.call(options, req, value);
      return 0;
    };
    const all = flags | this.flags;
    return {
      ...rest,
      name: `${this.prefix}.${name}`,
      descr,
      flags: all,
      get: (req) => fields(req)[field] as T,
      ...((all & (CTLFLAG_WR | CTLFLAG_TUN)) !== 0 && { set }),
    };
  }
}

/** Shorthand for `new SysctlVars`; `flags` are added to those of each variable. @public */
export function sysctlVars<V, O extends object>(prefix: string, of: (req: SysctlReq<V>) => O, flags: number = 0): SysctlVars<V, O> {
  return new SysctlVars(prefix, of, flags);
}
