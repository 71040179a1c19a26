import type { Ifnet } from '@ns/ifnet';
import type { InAddr } from '@ns/wire';
import { EINVAL } from '@ns/errno';

/** Sockopt.dir: the option is read. @public */
export const SOPT_GET = 0;
/** Sockopt.dir: the option is set. @public */
export const SOPT_SET = 1;

/** Level of options of the socket itself. @public */
export const SOL_SOCKET = 0xffff;

/**
 * A request to read or set an option, as it goes from the socket down to protocols.
 *
 * `val` has the type that the option says: a number (booleans are 0 and 1) for most. A get leaves the answer there.
 * Source: FreeBSD sys/sockopt.h, struct sockopt.
 * @public
 */
export class Sockopt {
  /** SOPT_GET or SOPT_SET. */
  readonly dir: 0 | 1;
  /** SOL_SOCKET or IPPROTO_*. */
  readonly level: number;
  /** Number of the option in its level. */
  readonly name: number;
  /** Value. */
  val: unknown;

  constructor(dir: 0 | 1, level: number, name: number, val: unknown) {
    this.dir = dir;
    this.level = level;
    this.name = name;
    this.val = val;
  }
}

/** The value of a set as an int32: numbers and booleans, else a negative errno: -EINVAL. Only for options whose values are not negative. @public */
export function sooptInt(sopt: Sockopt): number {
  const v = sopt.val;
  if (typeof v === 'boolean') return v ? 1 : 0;
  return typeof v === 'number' && Number.isInteger(v) && v >= 0 && v <= 0x7fffffff ? v : -EINVAL;
}

/**
 * Value of the membership options (IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP and the source-specific ones).
 * Source: FreeBSD struct ip_mreq, ip_mreq_source, ipv6_mreq.
 * @public
 */
export interface IpMreq {
  /** The group. */
  readonly group: InAddr;
  /** Null = the interface of the route to the group. */
  readonly ifp?: Ifnet | null;
  /** Sender, for the source-specific options. */
  readonly source?: InAddr;
}
