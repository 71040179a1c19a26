import { EEXIST, EINVAL, ESRCH } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import { type InAddr, inAddrEqual } from '@ns/wire';
import { type AddrPolicy, addrPolicyOf, DEFAULT_ADDR_POLICY, validAddrPolicy } from './addrsel.ts';
import { IP6, type Ip6Vnet } from './ip6-vnet.ts';

/**
 * A row of the policy table with the number of times that it was looked at.
 * @public
 */
export interface AddrPolicyRow extends AddrPolicy {
  /** Source selections that it took part in. */
  readonly use: number;
}

/** The policy table of a vnet, in the order in which it was entered. Source: FreeBSD in6_src.c, net.inet6.ip6.addrctlpolicy. @public */
export function addrPolicySnapshot(vnet: Vnet): AddrPolicyRow[] {
  const { policy, policyUse } = IP6.get(vnet);
  return policy.map((p) => ({ prefix: p.prefix, prefixlen: p.prefixlen, precedence: p.precedence, label: p.label, use: policyUse.get(p) ?? 0 }));
}

/** Enters a row: EINVAL for one that cannot be, EEXIST when the prefix has one. Source: FreeBSD in6_src.c, add_addrsel_policyent(). @public */
export function addrPolicyAdd(vnet: Vnet, p: AddrPolicy): number {
  const ip6v = IP6.get(vnet);
  if (!validAddrPolicy(p)) return EINVAL;
  if (find(ip6v, p.prefix, p.prefixlen) !== null) return EEXIST;
  ip6v.policy = [...ip6v.policy, p];
  return 0;
}

/** Deletes the row of a prefix: ESRCH when there is none. Source: FreeBSD in6_src.c, delete_addrsel_policyent(). @public */
export function addrPolicyDelete(vnet: Vnet, prefix: InAddr, prefixlen: number): number {
  const ip6v = IP6.get(vnet);
  const row = find(ip6v, prefix, prefixlen);
  if (row === null) return ESRCH;
  ip6v.policy = ip6v.policy.filter((p) => p !== row);
  ip6v.policyUse.delete(row);
  return 0;
}

/** Deletes all rows; with `defaults` those of RFC 6724 take their place. @public */
export function addrPolicyFlush(vnet: Vnet, defaults = false): void {
  const ip6v = IP6.get(vnet);
  ip6v.policy = defaults ? DEFAULT_ADDR_POLICY : [];
  ip6v.policyUse.clear();
}

/** Counts that a selection looked at the rows of these addresses. */
export function addrPolicyCount(ip6v: Ip6Vnet, a: InAddr, b: InAddr): void {
  countOne(ip6v, a);
  countOne(ip6v, b);
}

function countOne(ip6v: Ip6Vnet, a: InAddr): void {
  const p = addrPolicyOf(ip6v.policy, a);
  if (p !== null) ip6v.policyUse.set(p, (ip6v.policyUse.get(p) ?? 0) + 1);
}

function find(ip6v: Ip6Vnet, prefix: InAddr, prefixlen: number): AddrPolicy | null {
  return ip6v.policy.find((p) => p.prefixlen === prefixlen && inAddrEqual(p.prefix, prefix)) ?? null;
}
