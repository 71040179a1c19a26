import type { Vnet } from '@ns/kern';
import { JAILS, jailedWithoutVnet, type Ucred } from '@ns/vnet';

/** The vnet of a jail that `cred` may name, or null. */
export function vnetOfJail(cred: Ucred, jid: number): Vnet | null {
  return cred.vnet.kernel.tryService(JAILS)?.vnetOf(jid, cred) ?? null;
}

/** Whether `cred` may configure interfaces: the superuser of the host, or of a jail that owns its vnet. Source: FreeBSD prison_priv_check(), PRIV_NET_*. */
export function mayConfigure(cred: Ucred): boolean {
  return cred.uid === 0 && !jailedWithoutVnet(cred);
}
