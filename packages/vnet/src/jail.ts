import type { Lease, Vnet } from '@ns/kern';
import { AF_INET, type InAddr } from '@ns/wire';
import { type Ucred, crget } from './cred.ts';

/** Tri-state of a jail parameter: not at all. @public */
export const JAIL_SYS_DISABLE = 0;
/** Tri-state of a jail parameter: its own. @public */
export const JAIL_SYS_NEW = 1;
/** Tri-state of a jail parameter: that of the parent. @public */
export const JAIL_SYS_INHERIT = 2;

/**
 * Permissions of a jail (`allow.*`) with the value that a new jail of the host has. A jail never has one that its parent lacks. `netstack`, which FreeBSD does not have:
 * programs in the jail may choose the network stack of a socket, and of jails that they make. Source: FreeBSD pr_flag_allow.
 * @public
 */
export const JAIL_ALLOW: Readonly<Record<string, boolean>> = Object.freeze({
  set_hostname: true,
  sysvipc: false,
  raw_sockets: false,
  chflags: false,
  mount: false,
  quotas: false,
  socket_af: false,
  mlock: false,
  reserved_ports: true,
  read_msgbuf: false,
  unprivileged_proc_debug: true,
  suser: true,
  netstack: false,
});

/**
 * Addresses of one family that a jail may use.
 * @public
 */
export class JailAddrs {
  /** JAIL_SYS_NEW: only those in `addrs`; INHERIT: those of the parent; DISABLE: none, sockets of the family cannot be made. */
  mode: number;
  /** The first is the primary. Replaced, never changed. */
  addrs: readonly InAddr[];
  /** Whether an unbound socket uses the address that its route suggests, where the jail has it, and not simply the primary. */
  saddrsel: boolean;

  constructor(mode: number) {
    this.mode = mode;
    this.addrs = [];
    this.saddrsel = true;
  }
}

/**
 * What a host calls itself. Shared by identity with the jails that inherit it.
 * @public
 */
export class HostIdentity {
  /** `kern.hostname`. */
  hostname: string;
  /** `kern.domainname`. */
  domainname: string;
  /** `kern.hostuuid`. */
  hostuuid: string;
  /** `kern.hostid`. */
  hostid: number;

  /** A copy of `from`, or an identity without names. */
  constructor(from: HostIdentity | null = null) {
    this.hostname = from?.hostname ?? '';
    this.domainname = from?.domainname ?? '';
    this.hostuuid = from?.hostuuid ?? '00000000-0000-0000-0000-000000000000';
    this.hostid = from?.hostid ?? 0;
  }
}

/**
 * A jail: a name, a host identity, permissions, and a stack, its own or its parent's.
 * Changed by `Jails.jailSet` only. Source: FreeBSD sys/jail.h, struct prison.
 * @public
 */
export class Jail {
  /** Number, 1 to 999999. */
  readonly jid: number;
  /** Full name; that of a jail in a jail begins with the parent's and a dot. */
  name: string;
  /** Null for a jail of the host. */
  readonly parent: Jail | null;
  /** Its jails, oldest first. */
  readonly children: Jail[];
  /** The stack that it uses. */
  readonly vnet: Vnet;
  /** Whether `vnet` was made for this jail. */
  readonly ownsVnet: boolean;
  /** Root of its files. */
  readonly path: string;
  /** Whether `host` is its own, not that of the parent. */
  ownsHost: boolean;
  /** What it calls itself. */
  host: HostIdentity;
  /** IPv4 addresses. */
  readonly ip4: JailAddrs;
  /** IPv6 addresses. */
  readonly ip6: JailAddrs;
  /** Jails that may be made inside, at all depths. */
  childrenMax: number;
  /** Name of the network stack of its sockets; empty = that of the parent. See {@link Jail.effectiveNetstack}. */
  netstack: string;
  /** What holds the module of that stack. */
  netstackLease: Lease | null;
  /** Lives without processes. */
  persist: boolean;
  /** -1 to 3; kept for programs that ask. */
  securelevel: number;
  /** 0 to 2; kept for programs that ask. */
  enforceStatfs: number;
  /** Kept for programs that ask. */
  devfsRuleset: number;
  /** Permissions, by the names of {@link JAIL_ALLOW}. */
  readonly allow: Record<string, boolean>;
  /** Being removed. */
  dying: boolean;
  /** Processes in it: what was attached and has not left. */
  attached: number;
  /** The superuser in it, with routing table 0: one object for all who ask. */
  readonly cred: Ucred;
  /** What holds the module. */
  readonly lease: Lease;

  /** Made by `Jails.jailSet` only. `vnet` is null for that of the parent. */
  constructor(jid: number, name: string, parent: Jail | null, outside: { vnet: Vnet; host: HostIdentity }, vnet: Vnet | null, path: string, lease: Lease) {
    this.jid = jid;
    this.name = name;
    this.parent = parent;
    this.children = [];
    this.vnet = vnet ?? outside.vnet;
    this.ownsVnet = vnet !== null;
    this.path = path;
    this.ownsHost = false;
    this.host = outside.host;
    // A stack of its own has no restrictions; without one a jail has no addresses until it is given some.
    const mode = this.ownsVnet ? JAIL_SYS_INHERIT : JAIL_SYS_DISABLE;
    this.ip4 = new JailAddrs(mode);
    this.ip6 = new JailAddrs(mode);
    this.netstack = '';
    this.netstackLease = null;
    this.childrenMax = 0;
    this.persist = false;
    this.securelevel = -1;
    this.enforceStatfs = 2;
    this.devfsRuleset = 0;
    this.allow = {};
    for (const [key, value] of Object.entries(JAIL_ALLOW)) this.allow[key] = value && (parent === null || parent.allow[key] === true);
    this.dying = false;
    this.attached = 0;
    this.lease = lease;
    this.cred = crget(this);
  }

  /** Its hostname, own or inherited. */
  get hostname(): string {
    return this.host.hostname;
  }

  /** Name of the network stack of its sockets, its own or inherited; empty = the kernel's current one. */
  get effectiveNetstack(): string {
    for (let j: Jail | null = this; j !== null; j = j.parent) if (j.netstack !== '') return j.netstack;
    return '';
  }

  /** Addresses of a family. */
  addrsOf(af: number): JailAddrs {
    return af === AF_INET ? this.ip4 : this.ip6;
  }

  /** Jails inside, at all depths. */
  get childrenCur(): number {
    let n = this.children.length;
    for (const c of this.children) n += c.childrenCur;
    return n;
  }

  /** Whether this is `other` or a jail inside it. Source: FreeBSD prison_ischild(). */
  isWithin(other: Jail): boolean {
    for (let j: Jail | null = this; j !== null; j = j.parent) if (j === other) return true;
    return false;
  }
}
