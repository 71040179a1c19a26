import { JAIL_ALLOW } from './jail.ts';

/**
 * What there is to know about a parameter without asking the kernel about a jail. Source: FreeBSD security.jail.param, libjail struct jailparam.
 * @public
 */
export interface JailParamDesc {
  /** Its name. */
  readonly name: string;
  /** `bool` may be written as `name` and `noname`; `jailsys` is disable, new or inherit; `ip4` and `ip6` are lists of addresses. */
  readonly type: 'bool' | 'int' | 'string' | 'jailsys' | 'ip4' | 'ip6';
  /** When it may be set: always, with the creation only, or never. */
  readonly settable: 'always' | 'create' | 'never';
}

const of = (type: JailParamDesc['type'], settable: JailParamDesc['settable'], ...names: string[]): JailParamDesc[] => names.map((name) => Object.freeze({ name, type, settable }));

/** The parameters of jails, those without a dot first, by name. Source: FreeBSD jls.c, sort_param(). @public */
export const JAIL_PARAMS: readonly JailParamDesc[] = Object.freeze(
  [
    ...of('int', 'always', 'children.max', 'devfs_ruleset', 'enforce_statfs', 'host.hostid', 'securelevel'),
    ...of('string', 'always', 'host.domainname', 'host.hostname', 'host.hostuuid', 'name', 'netstack'),
    ...of('bool', 'always', 'persist', 'ip4.saddrsel', 'ip6.saddrsel', ...Object.keys(JAIL_ALLOW).map((n) => `allow.${n}`)),
    ...of('jailsys', 'always', 'host', 'ip4', 'ip6'),
    ...of('ip4', 'always', 'ip4.addr'),
    ...of('ip6', 'always', 'ip6.addr'),
    ...of('int', 'create', 'jid'),
    ...of('string', 'create', 'path'),
    ...of('jailsys', 'create', 'vnet'),
    ...of('int', 'never', 'children.cur', 'parent'),
    ...of('bool', 'never', 'dying'),
  ].sort((a, b) => (a.name.includes('.') === b.name.includes('.') ? (a.name < b.name ? -1 : 1) : a.name.includes('.') ? 1 : -1)),
);
