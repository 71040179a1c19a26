import { type InAddr, inAddrEqual, parseCidr, prefixMask6 } from '@ns/wire';
import { in6ScopeOf } from './scope.ts';

/**
 * A row of the policy table of RFC 6724 §2.1.
 * @public
 */
export interface AddrPolicy {
  /** The prefix; IPv4 addresses are looked for in their mapped form. */
  readonly prefix: InAddr;
  /** Bits of it. */
  readonly prefixlen: number;
  /** Destinations of a higher precedence come first. */
  readonly precedence: number;
  /** Source and destination should have the same. */
  readonly label: number;
}

/** A row as text. */
function row(cidr: string, precedence: number, label: number): AddrPolicy {
  const c = parseCidr(cidr) as { addr: InAddr; prefixlen: number };
  return Object.freeze({ prefix: c.addr, prefixlen: c.prefixlen, precedence, label });
}

/** The default policy table (RFC 6724 §2.1). @public */
export const DEFAULT_ADDR_POLICY: readonly AddrPolicy[] = Object.freeze([
  row('::1/128', 50, 0),
  row('::/0', 40, 1),
  row('::ffff:0:0/96', 35, 4),
  row('2002::/16', 30, 2),
  row('2001::/32', 5, 5),
  row('fc00::/7', 3, 13),
  row('::/96', 1, 3),
  row('fec0::/10', 1, 11),
  row('3ffe::/16', 1, 12),
]);

/**
 * The row of `table` that an IPv6 address falls under: the longest prefix that matches; null if none does.
 * Source: FreeBSD in6_src.c, match_addrsel_policy().
 * @public
 */
export function addrPolicyOf(table: readonly AddrPolicy[], a: InAddr): AddrPolicy | null {
  let best: AddrPolicy | null = null;
  for (let i = 0; i < table.length; i++) {
    const p = table[i] as AddrPolicy;
    if ((best === null || p.prefixlen > best.prefixlen) && commonPrefixLen(p.prefix, a) >= p.prefixlen) best = p;
  }
  return best;
}

/** Leading bits in which two IPv6 addresses agree, 0 to 128. @public */
export function commonPrefixLen(a: InAddr, b: InAddr): number {
  const x0 = a.w0 ^ b.w0;
  if (x0 !== 0) return Math.clz32(x0);
  const x1 = a.w1 ^ b.w1;
  if (x1 !== 0) return 32 + Math.clz32(x1);
  const x2 = a.w2 ^ b.w2;
  return x2 !== 0 ? 64 + Math.clz32(x2) : 96 + Math.clz32(a.w3 ^ b.w3);
}

/**
 * An address that may become the source.
 * @public
 */
export interface SourceCandidate {
  /** The address. */
  readonly addr: InAddr;
  /** Bits of its prefix. */
  readonly prefixlen: number;
  /** Its preferred lifetime is over. */
  readonly deprecated: boolean;
  /** It is an address of the interface by which the packet leaves. */
  readonly onOutgoing: boolean;
  /** A temporary one (RFC 8981). */
  readonly temporary: boolean;
  /** Its prefix was announced by the router that is the next hop (rule 5.5). */
  readonly advertised?: boolean;
  /** A home address of Mobile IPv6 (rule 4). */
  readonly home?: boolean;
  /** An administrator prefers it (`ifconfig prefer_source`), when the rules see no difference. */
  readonly preferred?: boolean;
}

/**
 * What source selection is to know besides addresses.
 * @public
 */
export interface SourceRules {
  /** Policy table. */
  readonly policy: readonly AddrPolicy[];
  /** Rule 7: temporary addresses before public ones, as RFC 6724 has it; false: the reverse, as FreeBSD's default. */
  readonly preferTemporary: boolean;
}

/**
 * The source address for `dst`: the best of `candidates` by the rules of RFC 6724 §5, the first of equals; null if there are none. A pure function: nothing is looked up, remembered or locked, so any
 * number of senders may ask at once.
 * Source: FreeBSD in6_src.c, in6_selectsrc().
 * @public
 */
export function selectSource(dst: InAddr, candidates: readonly SourceCandidate[], rules: SourceRules): SourceCandidate | null {
  let best: SourceCandidate | null = null;
  for (let i = 0; i < candidates.length; i++) {
    const c = candidates[i] as SourceCandidate;
    if (best === null || compareSources(dst, c, best, rules) > 0) best = c;
  }
  return best;
}

/** Above 0 if `a` is the better source for `dst`, below 0 if `b` is, 0 if no rule decides. @public */
export function compareSources(dst: InAddr, a: SourceCandidate, b: SourceCandidate, rules: SourceRules): number {
  return (
    prefer(inAddrEqual(a.addr, dst), inAddrEqual(b.addr, dst)) || // 1: same address
    byScope(dst, a.addr, b.addr) || // 2: appropriate scope
    prefer(!a.deprecated, !b.deprecated) || // 3
    prefer(a.home === true, b.home === true) || // 4
    prefer(a.onOutgoing, b.onOutgoing) || // 5
    prefer(a.advertised === true, b.advertised === true) || // 5.5
    byLabel(dst, a.addr, b.addr, rules.policy) || // 6
    prefer(a.temporary === rules.preferTemporary, b.temporary === rules.preferTemporary) || // 7
    prefer(a.preferred === true, b.preferred === true) || // FreeBSD: IN6_IFF_PREFER_SOURCE, before the tie-breaker
    Math.min(commonPrefixLen(a.addr, dst), a.prefixlen) - Math.min(commonPrefixLen(b.addr, dst), b.prefixlen) // 8: longest matching prefix
  );
}

function prefer(a: boolean, b: boolean): number {
  return a === b ? 0 : a ? 1 : -1;
}

/** Rule 2: the smallest scope that reaches the destination, else the largest there is. */
function byScope(dst: InAddr, a: InAddr, b: InAddr): number {
  const sa = in6ScopeOf(a);
  const sb = in6ScopeOf(b);
  if (sa === sb) return 0;
  const sd = in6ScopeOf(dst);
  return sa < sb ? (sa < sd ? -1 : 1) : sb < sd ? 1 : -1;
}

function byLabel(dst: InAddr, a: InAddr, b: InAddr, policy: readonly AddrPolicy[]): number {
  const ld = labelOf(policy, dst);
  return prefer(ld !== -1 && labelOf(policy, a) === ld, ld !== -1 && labelOf(policy, b) === ld);
}

function labelOf(policy: readonly AddrPolicy[], a: InAddr): number {
  const p = addrPolicyOf(policy, a);
  return p === null ? -1 : p.label;
}

/** Whether a row of the policy table may be entered: a prefix without host bits, small numbers. @public */
export function validAddrPolicy(p: AddrPolicy): boolean {
  if (!Number.isInteger(p.prefixlen) || p.prefixlen < 0 || p.prefixlen > 128) return false;
  if (!Number.isInteger(p.precedence) || p.precedence < 0 || !Number.isInteger(p.label) || p.label < 0) return false;
  const a = p.prefix;
  const n = p.prefixlen;
  return ((a.w0 & ~prefixMask6(n, 0)) | (a.w1 & ~prefixMask6(n, 1)) | (a.w2 & ~prefixMask6(n, 2)) | (a.w3 & ~prefixMask6(n, 3))) === 0;
}
