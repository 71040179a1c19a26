import { EINVAL, ENAMETOOLONG } from '@ns/errno';
import { MAXMODNAME } from '@ns/kern';
import { AF_INET, AF_INET6, type InAddr, inAddrEqual, isAny, isBroadcast, parseInAddr } from '@ns/wire';
import { JAIL_ALLOW, JAIL_SYS_DISABLE, JAIL_SYS_INHERIT, JAIL_SYS_NEW } from './jail.ts';

/** Longest name of a jail and longest hostname, with FreeBSD's terminating zero. Source: MAXHOSTNAMELEN. */
const MAXHOSTNAMELEN = 256;
const HOSTUUIDLEN = 64;
const MAXPATHLEN = 1024;

/** A jail parameter with three states: `new`, `inherit`, `disable`, or the number. @public */
export type JailSys = 'disable' | 'new' | 'inherit' | 0 | 1 | 2;

/** Yes or no; `true`, 1, or text as a user types it. @public */
export type JailBool = boolean | 0 | 1 | 'true' | 'false' | '1' | '0';

/**
 * Parameters of jail_set(2), by FreeBSD's names. Permissions are `allow.<name>` (see JAIL_ALLOW), each with its negative `allow.no<name>`.
 * @public
 */
export interface JailParams {
  /** Number; 0 or absent = the next free one. */
  readonly jid?: number;
  /** May name the parent too: `outer.inner`. */
  readonly name?: string;
  /** Absolute; cannot change later. */
  readonly path?: string;
  /** Whether host.* is the jail's own. */
  readonly host?: JailSys;
  /** Implies `host: 'new'`, as do the next three. */
  readonly 'host.hostname'?: string;
  /** See `host.hostname`. */
  readonly 'host.domainname'?: string;
  /** See `host.hostname`. */
  readonly 'host.hostuuid'?: string;
  /** See `host.hostname`. */
  readonly 'host.hostid'?: number;
  /** A stack of its own, or (the default) the parent's; cannot change later. */
  readonly vnet?: JailSys;
  /** IPv4: only `ip4.addr`, what the parent has, or (the default without a stack of its own) nothing. */
  readonly ip4?: JailSys;
  /** Addresses, as a list or separated by commas; the first is the primary. Implies `ip4: 'new'`. */
  readonly 'ip4.addr'?: string | readonly string[];
  /** Whether an unbound socket may send from another address than the primary; default true. */
  readonly 'ip4.saddrsel'?: JailBool;
  /** IPv6, as `ip4`. */
  readonly ip6?: JailSys;
  /** See `ip4.addr`. */
  readonly 'ip6.addr'?: string | readonly string[];
  /** See `ip4.saddrsel`. */
  readonly 'ip6.saddrsel'?: JailBool;
  /** The network stack of its sockets by name, `bsd`, `host`, `null` ...; empty (the default) = that of the parent, and in the end the kernel's current one. */
  readonly netstack?: string;
  /** Lives without processes. */
  readonly persist?: JailBool;
  /** Most jails inside, at all depths; default 0. */
  readonly 'children.max'?: number;
  /** -1 to 3, not below the parent's. */
  readonly securelevel?: number;
  /** 0 to 2, not below the parent's. */
  readonly enforce_statfs?: number;
  /** 0 to 65535. */
  readonly devfs_ruleset?: number;
  /** A permission. */
  readonly [allow: `allow.${string}`]: JailBool;
}

/** A parameter that is wrong. */
export class BadParam {
  readonly errno: number;
  readonly message: string;

  constructor(errno: number, message: string) {
    this.errno = errno;
    this.message = message;
  }
}

/** Addresses of one family as asked for; undefined = not mentioned. */
export interface AddrParams {
  mode: number | undefined;
  addrs: readonly InAddr[] | undefined;
  saddrsel: boolean | undefined;
}

/** Parameters after reading; undefined = not mentioned. */
export interface ParsedParams {
  jid: number | undefined;
  name: string | undefined;
  path: string | undefined;
  host: number | undefined;
  hostname: string | undefined;
  domainname: string | undefined;
  hostuuid: string | undefined;
  hostid: number | undefined;
  vnet: number | undefined;
  readonly ip4: AddrParams;
  readonly ip6: AddrParams;
  netstack: string | undefined;
  persist: boolean | undefined;
  childrenMax: number | undefined;
  securelevel: number | undefined;
  enforceStatfs: number | undefined;
  devfsRuleset: number | undefined;
  readonly allow: Map<string, boolean>;
}

/** Reads parameters: names, types, ranges, and what contradicts itself. */
export function parseParams(params: JailParams): ParsedParams | BadParam {
  const p: ParsedParams = {
    jid: undefined,
    name: undefined,
    path: undefined,
    host: undefined,
    hostname: undefined,
    domainname: undefined,
    hostuuid: undefined,
    hostid: undefined,
    vnet: undefined,
    ip4: { mode: undefined, addrs: undefined, saddrsel: undefined },
    ip6: { mode: undefined, addrs: undefined, saddrsel: undefined },
    netstack: undefined,
    persist: undefined,
    childrenMax: undefined,
    securelevel: undefined,
    enforceStatfs: undefined,
    devfsRuleset: undefined,
    allow: new Map(),
  };
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined) continue;
    const bad = key.startsWith('allow.') ? readAllow(p, key, value) : readParam(p, key, value);
    if (bad !== null) return bad;
  }
  return contradiction(p) ?? p;
}

function readParam(p: ParsedParams, key: string, value: unknown): BadParam | null {
  switch (key) {
    case 'jid':
      return keep(integer(key, value, 0, 0x7fffffff), (v) => (p.jid = v));
    case 'name':
      return keep(text(key, value, MAXHOSTNAMELEN), (v) => (p.name = v));
    case 'path':
      return keep(text(key, value, MAXPATHLEN), (v) => (p.path = v));
    case 'host':
      return keep(sys(key, value, JAIL_SYS_NEW), (v) => (p.host = v));
    case 'host.hostname':
      return keep(text(key, value, MAXHOSTNAMELEN), (v) => (p.hostname = v));
    case 'host.domainname':
      return keep(text(key, value, MAXHOSTNAMELEN), (v) => (p.domainname = v));
    case 'host.hostuuid':
      return keep(text(key, value, HOSTUUIDLEN), (v) => (p.hostuuid = v));
    case 'host.hostid':
      return keep(integer(key, value, 0, 0xffffffff), (v) => (p.hostid = v));
    case 'vnet':
      return keep(sys(key, value, JAIL_SYS_NEW), (v) => (p.vnet = v));
    case 'netstack':
      return keep(text(key, value, MAXMODNAME), (v) => (p.netstack = v));
    case 'persist':
      return keep(bool(key, value), (v) => (p.persist = v));
    case 'children.max':
      return keep(integer(key, value, 0, 0x7fffffff), (v) => (p.childrenMax = v));
    case 'securelevel':
      return keep(integer(key, value, -1, 3), (v) => (p.securelevel = v));
    case 'enforce_statfs':
      return keep(integer(key, value, 0, 2), (v) => (p.enforceStatfs = v));
    case 'devfs_ruleset':
      return keep(integer(key, value, 0, 65535), (v) => (p.devfsRuleset = v));
    default:
      return readAddrs(p, key, value);
  }
}

function readAddrs(p: ParsedParams, key: string, value: unknown): BadParam | null {
  const which = key.slice(0, 3);
  const a = which === 'ip4' ? p.ip4 : p.ip6;
  const af = which === 'ip4' ? AF_INET : AF_INET6;
  switch (key) {
    case 'ip4':
    case 'ip6':
      return keep(sys(key, value, JAIL_SYS_DISABLE), (v) => (a.mode = v));
    case 'ip4.addr':
    case 'ip6.addr':
      return keep(addresses(key, value, af), (v) => (a.addrs = v));
    case 'ip4.saddrsel':
    case 'ip6.saddrsel':
      return keep(bool(key, value), (v) => (a.saddrsel = v));
    default:
      return new BadParam(EINVAL, `unknown parameter: ${key}`);
  }
}

function readAllow(p: ParsedParams, key: string, value: unknown): BadParam | null {
  const asked = key.slice('allow.'.length);
  const known = Object.hasOwn(JAIL_ALLOW, asked);
  const name = known ? asked : asked.startsWith('no') ? asked.slice(2) : '';
  if (!Object.hasOwn(JAIL_ALLOW, name)) return new BadParam(EINVAL, `unknown parameter: ${key}`);
  return keep(bool(key, value), (v) => p.allow.set(name, known ? v : !v));
}

function contradiction(p: ParsedParams): BadParam | null {
  const hostParts = p.hostname !== undefined || p.domainname !== undefined || p.hostuuid !== undefined || p.hostid !== undefined;
  if (p.host === JAIL_SYS_INHERIT && hostParts) return new BadParam(EINVAL, 'host.* cannot be set with host=inherit');
  if (hostParts) p.host = JAIL_SYS_NEW;
  for (const [which, a] of [['ip4', p.ip4], ['ip6', p.ip6]] as const) {
    if (a.addrs === undefined) continue;
    if (a.mode !== undefined && a.mode !== JAIL_SYS_NEW && a.addrs.length > 0) return new BadParam(EINVAL, `${which}.addr needs ${which}=new`);
    a.mode ??= JAIL_SYS_NEW;
  }
  const restricted = [p.ip4.mode, p.ip6.mode].some((m) => m === JAIL_SYS_NEW || m === JAIL_SYS_DISABLE);
  if (p.vnet === JAIL_SYS_NEW && restricted) return new BadParam(EINVAL, 'vnet jails cannot have IP address restrictions');
  if (p.path !== undefined && !p.path.startsWith('/')) return new BadParam(EINVAL, `path is not absolute: ${p.path}`);
  return null;
}

function keep<T>(value: T | BadParam, store: (v: T) => void): BadParam | null {
  if (value instanceof BadParam) return value;
  store(value);
  return null;
}

function integer(key: string, value: unknown, min: number, max: number): number | BadParam {
  if (typeof value !== 'number' || !Number.isInteger(value)) return new BadParam(EINVAL, `${key}: not an integer`);
  return value < min || value > max ? new BadParam(EINVAL, `${key}: ${value} is not from ${min} to ${max}`) : value;
}

/** `max` counts FreeBSD's terminating zero. */
function text(key: string, value: unknown, max: number): string | BadParam {
  if (typeof value !== 'string' || value.includes('\0')) return new BadParam(EINVAL, `${key}: not a text`);
  return value.length >= max ? new BadParam(ENAMETOOLONG, `${key}: longer than ${max - 1} characters`) : value;
}

function bool(key: string, value: unknown): boolean | BadParam {
  if (value === true || value === 1 || value === 'true' || value === '1') return true;
  if (value === false || value === 0 || value === 'false' || value === '0') return false;
  return new BadParam(EINVAL, `${key}: not a boolean`);
}

/** `least` is JAIL_SYS_NEW where `disable` makes no sense. */
function sys(key: string, value: unknown, least: number): number | BadParam {
  const n = value === 'new' ? JAIL_SYS_NEW : value === 'inherit' ? JAIL_SYS_INHERIT : value === 'disable' ? JAIL_SYS_DISABLE : value;
  if (typeof n !== 'number' || !Number.isInteger(n) || n < least || n > JAIL_SYS_INHERIT) return new BadParam(EINVAL, `${key}: ${String(value)}`);
  return n;
}

function addresses(key: string, value: unknown, af: number): readonly InAddr[] | BadParam {
  const texts = typeof value === 'string' ? value.split(',').map((t) => t.trim()).filter((t) => t !== '') : value;
  if (!Array.isArray(texts)) return new BadParam(EINVAL, `${key}: not a list of addresses`);
  const list: InAddr[] = [];
  for (const t of texts) {
    const addr = typeof t === 'string' ? parseInAddr(t) : null;
    if (addr === null || addr.af !== af) return new BadParam(EINVAL, `${key}: ${String(t)} is not an address of the family`);
    if (isAny(addr) || isBroadcast(addr)) return new BadParam(EINVAL, `${key}: ${String(t)} cannot belong to a jail`);
    if (list.some((a) => inAddrEqual(a, addr))) return new BadParam(EINVAL, `${key}: ${String(t)} twice`);
    list.push(addr);
  }
  return list;
}
