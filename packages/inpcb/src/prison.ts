import { type Jail, JAIL_SYS_INHERIT, jailedWithoutVnet, prisonCheckAddr, prisonFlag, prisonGetAddr, prisonPrimaryOnly, type Ucred } from '@ns/vnet';
import { EAFNOSUPPORT } from '@ns/errno';
import type { InAddr } from '@ns/wire';

/** The jail whose addresses of a family a user has; null = those of the whole stack. */
function addrJail(cred: Ucred, af: number): Jail | null {
  if (!jailedWithoutVnet(cred)) return null;
  for (let j: Jail | null = cred.jail; j !== null && !j.ownsVnet; j = j.parent) if (j.addrsOf(af).mode !== JAIL_SYS_INHERIT) return j;
  return null;
}

/** Whether two users have the same addresses of a family, so that their bindings can meet. Source: FreeBSD prison_equal_ip4(). */
export function prisonEqualAddrs(a: Ucred, b: Ucred, af: number): boolean {
  return a === b || a.jail === b.jail || addrJail(a, af) === addrJail(b, af);
}

/** The source address that a user may have in place of the one that the route suggests (an errno when it suggests none). Source: FreeBSD in_pcbladdr(). */
export function prisonSource(cred: Ucred, af: number, suggested: InAddr | number): InAddr | number {
  if (!prisonFlag(cred, af)) return suggested;
  if (typeof suggested !== 'number' && !prisonPrimaryOnly(cred, af) && prisonCheckAddr(cred, suggested) === 0) return suggested;
  return prisonGetAddr(cred, af) ?? EAFNOSUPPORT;
}
