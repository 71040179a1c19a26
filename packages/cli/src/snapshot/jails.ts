import { type JailInfo, jailInfo, type Jails, type Ucred } from '@ns/vnet';
import { formatInAddr } from '@ns/wire';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** Value of a jail parameter: text, number, yes or no, or several texts. @public */
export type JailValue = string | number | boolean | readonly string[];

/** A jail. @public */
export interface JailSnapshot {
  /** Number. */
  readonly jid: number;
  /** As the caller sees it. */
  readonly name: string;
  /** Hostname, its own or that of the host. */
  readonly hostname: string;
  /** Root directory. */
  readonly path: string;
  /** Being removed. */
  readonly dying: boolean;
  /** Addresses that it is held to; none with a stack of its own. */
  readonly addresses: readonly string[];
  /** All parameters by name. */
  readonly params: JailInfo;
}

/** The jails that a caller sees. @public */
export interface JailsSnapshot extends Snapshot {
  /** By number. */
  readonly jails: readonly JailSnapshot[];
}

/** The jails that `cred` sees, by jid; those being removed only with `dying`. @public */
export function jailsSnapshot(jails: Jails, cred: Ucred, dying: boolean = false): JailsSnapshot {
  const list = jails.list(cred).filter((j) => dying || !j.dying);
  return {
    version: SNAPSHOT_VERSION,
    jails: list.map((j) => ({
      jid: j.jid,
      name: jails.nameFor(j, cred),
      hostname: j.hostname,
      path: j.path,
      dying: j.dying,
      addresses: [...j.ip4.addrs, ...j.ip6.addrs].map((a) => formatInAddr(a)),
      params: jailInfo(jails, j, cred),
    })),
  };
}
