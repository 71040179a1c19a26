import type { Kernel, Vnet } from '@ns/kern';
import { JAILS, type Ucred } from '@ns/vnet';

/** Who makes a request. @public */
export type IfCred = Ucred;

/** The vnet of a jail that `cred` sees, or null: also when the kernel has no jails. */
export function vnetOfJail(kernel: Kernel, cred: IfCred, jid: number): Vnet | null {
  return kernel.tryService(JAILS)?.vnetOf(jid, cred) ?? null;
}
