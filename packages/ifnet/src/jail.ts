import type { Kernel, Vnet } from '@ns/kern';

/** Who makes a request; class Ucred of package vnet is one. @public */
export interface IfCred {
  /** 0 is the superuser, of the jail that `vnet` belongs to. */
  readonly uid: number;
}

/** The vnet of a jail that `cred` may name, or null. */
export function vnetOfJail(kernel: Kernel, cred: IfCred, jid: number): Vnet | null {
  void cred;
  void kernel;
  void jid;
  return null;
}
