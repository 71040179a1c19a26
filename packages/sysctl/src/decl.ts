/**
 * What kind of value a variable has. Integers are JavaScript numbers, exact up to 2^53; `bool` reads as 0 or 1.
 * @public
 */
export type SysctlType = 'node' | 'int' | 'uint' | 'long' | 'ulong' | 's64' | 'u64' | 'bool' | 'string' | 'opaque';

/**
 * A value as it is read and written: a number, a text, or for `opaque` a snapshot with named fields (or an array of them) that belongs to whoever asked.
 * @public
 */
export type SysctlValue = number | string | object;

/**
 * On whose behalf a variable is read or written. `V` is the type of a virtual stack, of which this package knows nothing else.
 * @public
 */
export interface SysctlReq<V = unknown> {
  /** The stack of the caller: the one whose CTLFLAG_VNET variables are meant. */
  readonly vnet: V;
  /** True if the caller lives in a jail. */
  readonly jailed: boolean;
  /** True if that jail has a stack of its own, so that its superuser may write CTLFLAG_VNET variables. Default false; without meaning when not jailed. */
  readonly ownsVnet?: boolean;
  /** False for a caller who is not the superuser. Default true. */
  readonly privileged?: boolean;
}

/**
 * One variable or inner node, as a module declares it: constant data, shared by all kernels. Made by `sysctlInt` and its like, or through `sysctlVars`.
 * @public
 */
export interface SysctlDecl<V = unknown> {
  /** Full name: `net.inet.tcp.delayed_ack`. Missing parents come into being by themselves. */
  readonly name: string;
  /** What kind of value it has. */
  readonly type: SysctlType;
  /** CTLFLAG_*. */
  readonly flags: number;
  /** One line for `sysctl -d`. */
  readonly descr: string;
  /** FreeBSD's format letter (`I`, `IU`, `A`, `S,tcpstat`); by default the one of the type. */
  readonly format?: string;
  /** Fixed number within the parent, less than 256, which decides the order of walks; without one it follows those registered earlier. */
  readonly number?: number;
  /** Smallest and largest value of an integer, and longest text; what lies outside is EINVAL. Integers are held to the range of their type in any case (ERANGE). */
  readonly min?: number;
  /** See `min`. */
  readonly max?: number;

  /** Reads the value in `req.vnet`. Absent for inner nodes and for what can only be written. */
  get?(req: SysctlReq<V>): SysctlValue;

  /**
   * Stores the value, which has the right type and range, in `req.vnet`; returns an errno. Must be present with CTLFLAG_WR, and with CTLFLAG_TUN if the tree
   * is to store the boot tunable.
   */
  set?(req: SysctlReq<V>, value: SysctlValue): number;

  /**
   * In the place of `set`, for a variable that answers: `value` is the question, and what comes back the answer, or an errno. Source: a handler that calls SYSCTL_IN, then SYSCTL_OUT.
   */
  ask?(req: SysctlReq<V>, value: SysctlValue): object | number;
}
