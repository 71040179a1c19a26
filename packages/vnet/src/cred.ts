import type { Vnet } from '@ns/kern';
import type { SysctlReq } from '@ns/sysctl';
import type { Jail } from './jail.ts';

/**
 * A credential: on whose behalf something is done. Frozen when made and shared by identity, so it needs no reference counts and cannot change under a socket.
 * Made by {@link crget}. Source: FreeBSD sys/ucred.h.
 * @public
 */
export class Ucred {
  /** Effective user; 0 is the superuser. */
  readonly uid: number;
  /** The jail that the user is in; null for the host. */
  readonly jail: Jail | null;
  /** The stack that the user's sockets are made in. Source: CRED_TO_VNET(). */
  readonly vnet: Vnet;
  /** Routing table of the process. Source: p_fibnum, setfib(2). */
  readonly fibnum: number;

  constructor(uid: number, jail: Jail | null, vnet: Vnet, fibnum: number) {
    this.uid = uid;
    this.jail = jail;
    this.vnet = vnet;
    this.fibnum = fibnum;
    Object.freeze(this);
  }
}

/** Makes the credential of a user of the host, or of a jail. @public */
export function crget(where: Vnet | Jail, uid: number = 0, fibnum: number = 0): Ucred {
  return 'jid' in where ? new Ucred(uid, where, where.vnet, fibnum) : new Ucred(uid, null, where, fibnum);
}

/** The same user with another routing table. Source: setfib(2). @public */
export function crSetfib(cred: Ucred, fibnum: number): Ucred {
  return cred.fibnum === fibnum ? cred : new Ucred(cred.uid, cred.jail, cred.vnet, fibnum);
}

/** The same place with another user. Source: change_euid(). @public */
export function crSetuid(cred: Ucred, uid: number): Ucred {
  return cred.uid === uid ? cred : new Ucred(uid, cred.jail, cred.vnet, cred.fibnum);
}

/** Whether the user is in a jail. Source: FreeBSD jailed(). @public */
export function jailed(cred: Ucred): boolean {
  return cred.jail !== null;
}

/** Whether the user is in a jail that has no stack of its own: then its addresses may be restricted. Source: FreeBSD jailed_without_vnet(). @public */
export function jailedWithoutVnet(cred: Ucred): boolean {
  return cred.jail !== null && !cred.jail.ownsVnet;
}

/**
 * A sysctl request that says who asks, for variables that are different in each jail.
 * @public
 */
export interface CredSysctlReq extends SysctlReq<Vnet> {
  /** Who asks. */
  readonly cred: Ucred;
}

/** The request with which a user reads and writes sysctls: in a jail only VNET ones may be written, and only with a stack of its own. @public */
export function credSysctlReq(cred: Ucred): CredSysctlReq {
  return { cred, vnet: cred.vnet, jailed: cred.jail !== null, ownsVnet: cred.jail !== null && cred.jail.ownsVnet, privileged: cred.uid === 0 };
}

/** Whether a user sees an object of another: users of the host see all, users of a jail see it and the jails in it. Source: FreeBSD prison_check(). @public */
export function prisonCheck(cred: Ucred, other: Ucred): boolean {
  return cred.jail === null || (other.jail !== null && other.jail.isWithin(cred.jail));
}
