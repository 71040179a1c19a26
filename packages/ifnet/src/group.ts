import { EEXIST, EINVAL, ENOENT } from '@ns/errno';
import { IFNAMSIZ } from '@ns/ifnet-kpi';
import { GROUP_ATTACH_EVENT, GROUP_DETACH_EVENT } from './events.ts';
import type { Ifnet } from './ifnet.ts';
import { IFNET } from './table.ts';

/** The group of all interfaces. @public */
export const IFG_ALL = 'all';

/**
 * Puts an interface into a group, which comes into being with its first member. EINVAL for a name that is empty, too long or ends in a digit; EEXIST if it is a member.
 * Source: FreeBSD if_addgroup().
 * @public
 */
export function ifAddGroup(ifp: Ifnet, group: string): number {
  if (group.length === 0 || group.length >= IFNAMSIZ || /[0-9]$/.test(group)) return EINVAL;
  if (ifp.groups.includes(group)) return EEXIST;
  ifp.groups = [...ifp.groups, group];
  const groups = IFNET.get(ifp.vnet).groups;
  let members = groups.get(group);
  if (members === undefined) groups.set(group, (members = new Set()));
  members.add(ifp);
  ifp.core.kernel.events.invoke(GROUP_ATTACH_EVENT, ifp.vnet, ifp, group);
  return 0;
}

/** Takes an interface out of a group. ENOENT if it is not a member. Source: FreeBSD if_delgroup(). @public */
export function ifDelGroup(ifp: Ifnet, group: string): number {
  if (!ifp.groups.includes(group)) return ENOENT;
  ifp.groups = ifp.groups.filter((g) => g !== group);
  const groups = IFNET.get(ifp.vnet).groups;
  const members = groups.get(group);
  members?.delete(ifp);
  if (members?.size === 0) groups.delete(group);
  ifp.core.kernel.events.invoke(GROUP_DETACH_EVENT, ifp.vnet, ifp, group);
  return 0;
}

/** Takes an interface out of all its groups. */
export function ifDelGroups(ifp: Ifnet): void {
  for (const g of ifp.groups) ifDelGroup(ifp, g);
}
