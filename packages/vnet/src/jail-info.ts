import { formatInAddr } from '@ns/wire';
import type { Ucred } from './cred.ts';
import { type Jail, JAIL_SYS_INHERIT, JAIL_SYS_NEW, type JailAddrs } from './jail.ts';
import type { Jails } from './jails.ts';

/**
 * The parameters of a jail as jail_get(2) gives them and jls(8) prints them, by FreeBSD's names.
 * @public
 */
export type JailInfo = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** All parameters of a jail, with names as `cred` sees them. Source: kern_jail_get(). @public */
export function jailInfo(jails: Jails, jail: Jail, cred: Ucred = jails.cred): JailInfo {
  const { host, parent } = jail;
  const info: Record<string, string | number | boolean | readonly string[]> = {
    jid: jail.jid,
    parent: parent === null || parent === cred.jail ? 0 : parent.jid,
    name: jails.nameFor(jail, cred),
    path: jail.path,
    dying: jail.dying,
    persist: jail.persist,
    host: jail.ownsHost ? 'new' : 'inherit',
    'host.hostname': host.hostname,
    'host.domainname': host.domainname,
    'host.hostuuid': host.hostuuid,
    'host.hostid': host.hostid,
    vnet: jail.ownsVnet ? 'new' : 'inherit',
    ip4: modeName(jail.ip4),
    'ip4.addr': jail.ip4.addrs.map((a) => formatInAddr(a)),
    'ip4.saddrsel': jail.ip4.saddrsel,
    ip6: modeName(jail.ip6),
    'ip6.addr': jail.ip6.addrs.map((a) => formatInAddr(a)),
    'ip6.saddrsel': jail.ip6.saddrsel,
    netstack: jail.effectiveNetstack,
    'children.cur': jail.childrenCur,
    'children.max': jail.childrenMax,
    securelevel: jail.securelevel,
    enforce_statfs: jail.enforceStatfs,
    devfs_ruleset: jail.devfsRuleset,
  };
  for (const [name, value] of Object.entries(jail.allow)) info[`allow.${name}`] = value;
  return info;
}

function modeName(a: JailAddrs): string {
  if (a.mode === JAIL_SYS_INHERIT) return 'inherit';
  return a.mode === JAIL_SYS_NEW && a.addrs.length > 0 ? 'new' : 'disable';
}
