import { EAGAIN, EEXIST, EINVAL, ENOENT, EPERM } from '@ns/errno';
import { EventKey, type Kernel, ServiceKey, type Vnet, type VnetAllocator, type VnetReport } from '@ns/kern';
import { crget, type Ucred } from './cred.ts';
import { checkAddrs, checkNetstack, describeReport, rename, restrictChildren, setAllow, setHost, setNetstack } from './jail-edit.ts';
import { HostIdentity, Jail, JAIL_SYS_NEW } from './jail.ts';
import { BadParam, type JailParams, type ParsedParams, parseParams } from './params.ts';

/** jail_set(2): make a jail. @public */
export const JAIL_CREATE = 0x1;
/** jail_set(2): change a jail. With JAIL_CREATE: whichever applies. @public */
export const JAIL_UPDATE = 0x2;
/** jail_set(2): enter it afterwards. @public */
export const JAIL_ATTACH = 0x4;
/** jail_set(2), jail_get(2): also one that is being removed. @public */
export const JAIL_DYING = 0x8;
const JAIL_SET_MASK = 0xf;

/** Largest jid; then numbers that have become free are used again. Source: FreeBSD sys/jail.h. @public */
export const JAIL_MAX = 999999;

/** A jail was made. @public */
export const PRISON_CREATE_EVENT: EventKey<[jail: Jail]> = new EventKey<[jail: Jail]>('prison_create');
/** A jail is about to go: whoever holds sockets made with its credential closes them now. @public */
export const PRISON_REMOVE_EVENT: EventKey<[jail: Jail]> = new EventKey<[jail: Jail]>('prison_remove');

/**
 * Outcome of jail_set and jail_attach.
 * @public
 */
export interface JailResult {
  /** 0; else nothing has changed. */
  readonly errno: number;
  /** What is wrong, as jail(8) prints it; empty on success. */
  readonly message: string;
  /** The jail; null on failure. */
  readonly jail: Jail | null;
  /** With JAIL_ATTACH: the caller in the jail; to be given to `jailDetach` when it ends. */
  readonly cred: Ucred | null;
}

/**
 * Outcome of jail_remove.
 * @public
 */
export interface JailRemoveResult {
  /** 0; else nothing has changed. */
  readonly errno: number;
  /** What is wrong; empty on success. */
  readonly message: string;
  /** What became of the stacks that went with it, innermost first. */
  readonly reports: readonly VnetReport[];
}

/**
 * Which jail: by `jid`, by `name`, or the next one after `lastjid`. The first that is given counts.
 * @public
 */
export interface JailQuery {
  /** This number. */
  readonly jid?: number;
  /** This name, as the caller sees it. */
  readonly name?: string;
  /** The smallest number above this; 0 begins a walk. */
  readonly lastjid?: number;
}

/**
 * The jails of one kernel. Service {@link JAILS}, provided by module `vnet`.
 *
 * A caller is a credential: one of the host sees all jails, one in a jail sees those inside it, with names relative to it.
 * Source: FreeBSD kern_jail.c.
 * @public
 */
export class Jails {
  /** Whose jails these are. */
  readonly kernel: Kernel;
  /** What the host calls itself: `kern.hostname` and its like outside jails. */
  readonly host: HostIdentity;
  /** The superuser of the host, with routing table 0. Source: thread0's credential. */
  readonly cred: Ucred;
  private readonly vnets: VnetAllocator;
  private readonly byJid: Map<number, Jail>;
  private lastJid: number;

  constructor(kernel: Kernel, vnets: VnetAllocator) {
    this.kernel = kernel;
    this.host = new HostIdentity();
    this.cred = crget(kernel.vnets.vnet0);
    this.vnets = vnets;
    this.byJid = new Map();
    this.lastJid = 0;
  }

  /** Jails, those in jails included. */
  get count(): number {
    return this.byJid.size;
  }

  /** The jails that a caller sees, by jid. */
  list(cred: Ucred = this.cred): Jail[] {
    return [...this.byJid.values()].filter((j) => this.visible(j, cred)).sort((a, b) => a.jid - b.jid);
  }

  /** A jail by its number, if the caller sees it. Source: prison_find_child(). */
  find(jid: number, cred: Ucred = this.cred): Jail | null {
    const jail = this.byJid.get(jid);
    return jail !== undefined && this.visible(jail, cred) ? jail : null;
  }

  /** A jail by its name as the caller sees it; a text of digits is a jid. Source: prison_find_name(), jail_getid(3). */
  findByName(name: string, cred: Ucred = this.cred): Jail | null {
    const full = cred.jail === null ? name : `${cred.jail.name}.${name}`;
    const named = this.byFullName(full);
    if (named !== null) return named;
    return /^[1-9][0-9]*$/.test(name) ? this.find(Number(name), cred) : null;
  }

  /** Name of a jail as a caller sees it: in a jail without that jail's own part. Source: prison_name(). */
  nameFor(jail: Jail, cred: Ucred): string {
    return cred.jail !== null && jail !== cred.jail && jail.isWithin(cred.jail) ? jail.name.slice(cred.jail.name.length + 1) : jail.name;
  }

  /** The stack of a jail, for SIOCSIFVNET and its like; null if there is no such jail. */
  vnetOf(jid: number, cred: Ucred = this.cred): Vnet | null {
    return this.find(jid, cred)?.vnet ?? null;
  }

  /**
   * Makes or changes a jail. Errors, as FreeBSD has them: EINVAL unknown or contradictory parameters, a change of what cannot change; EEXIST jid or name taken; ENOENT no such
   * jail or parent; EPERM not the superuser, or more than the caller's jail may give; EAGAIN too many jails; EADDRINUSE addresses of another jail; ENAMETOOLONG; or why the stack
   * could not be made. Source: jail_set(2).
   */
  jailSet(params: JailParams, flags: number = JAIL_CREATE, cred: Ucred = this.cred): JailResult {
    if ((flags & ~JAIL_SET_MASK) !== 0 || (flags & (JAIL_CREATE | JAIL_UPDATE)) === 0) return refuse(EINVAL, 'neither create nor update');
    if (cred.uid !== 0) return refuse(EPERM, 'not the superuser');
    const p = parseParams(params);
    if (p instanceof BadParam) return refuse(p.errno, p.message);
    const place = this.locate(p, flags, cred);
    if (place instanceof BadParam) return refuse(place.errno, place.message);
    const limits = this.checkLimits(p, place, cred);
    if (limits !== null) return refuse(limits.errno, limits.message);
    const done = place.jail === null ? this.create(p, place, flags, cred) : this.update(p, place.jail, place.name);
    if (done instanceof BadParam) return refuse(done.errno, done.message);
    return (flags & JAIL_ATTACH) !== 0 ? this.attach(done, cred) : { errno: 0, message: '', jail: done, cred: null };
  }

  /** Finds a jail. ENOENT if there is none; EINVAL if the query says nothing. Source: jail_get(2). */
  jailGet(query: JailQuery, flags: number = 0, cred: Ucred = this.cred): JailResult {
    let jail: Jail | null = null;
    if (query.jid !== undefined) jail = this.find(query.jid, cred);
    else if (query.name !== undefined) jail = this.findByName(query.name, cred);
    else if (query.lastjid !== undefined) jail = this.after(query.lastjid, flags, cred);
    else return refuse(EINVAL, 'no jail specified');
    if (jail === null || (jail.dying && (flags & JAIL_DYING) === 0)) return refuse(ENOENT, notFound(query));
    return { errno: 0, message: '', jail, cred: null };
  }

  /** Enters a jail: gives the caller's user in it. EINVAL no such jail, EPERM not the superuser. Source: jail_attach(2). */
  jailAttach(jid: number, cred: Ucred = this.cred): JailResult {
    if (cred.uid !== 0) return refuse(EPERM, 'not the superuser');
    const jail = this.find(jid, cred);
    return jail === null || jail.dying ? refuse(EINVAL, `jail ${jid} not found`) : this.attach(jail, cred);
  }

  /** What was attached ends. A jail that does not persist goes with the last. */
  jailDetach(cred: Ucred): void {
    const { jail } = cred;
    if (jail === null || jail.attached === 0) return;
    jail.attached--;
    this.reap(jail);
  }

  /**
   * Removes a jail and those inside it: {@link PRISON_REMOVE_EVENT}, then its stack, if it has one of its own. What a stack leaves behind is in the reports and in the log.
   * EINVAL no such jail, EPERM not the superuser. Source: jail_remove(2).
   */
  jailRemove(jid: number, cred: Ucred = this.cred): JailRemoveResult {
    if (cred.uid !== 0) return { errno: EPERM, message: 'not the superuser', reports: [] };
    const jail = this.find(jid, cred);
    if (jail === null || jail.dying) return { errno: EINVAL, message: `jail ${jid} not found`, reports: [] };
    const reports: VnetReport[] = [];
    this.remove(jail, reports);
    return { errno: 0, message: '', reports };
  }

  /** Removes all jails: the module goes, or the kernel. */
  removeAll(): VnetReport[] {
    const reports: VnetReport[] = [];
    for (const jail of this.list().reverse()) if (jail.parent === null && !jail.dying) this.remove(jail, reports);
    return reports;
  }

  private visible(jail: Jail, cred: Ucred): boolean {
    return cred.jail === null || (jail !== cred.jail && jail.isWithin(cred.jail));
  }

  private byFullName(full: string): Jail | null {
    for (const j of this.byJid.values()) if (j.name === full) return j;
    return null;
  }

  private after(lastjid: number, flags: number, cred: Ucred): Jail | null {
    return this.list(cred).find((j) => j.jid > lastjid && (!j.dying || (flags & JAIL_DYING) !== 0)) ?? null;
  }

  /** Which jail the parameters mean, or where the new one goes and what it is called. */
  private locate(p: ParsedParams, flags: number, cred: Ucred): Place | BadParam {
    const createOnly = (flags & JAIL_UPDATE) === 0;
    const jid = p.jid ?? 0;
    const taken = jid === 0 ? undefined : this.byJid.get(jid);
    let jail = taken !== undefined && this.visible(taken, cred) ? taken : null;
    if (taken !== undefined && (createOnly || (jail === null && (flags & JAIL_CREATE) !== 0))) return new BadParam(EEXIST, `jail ${jid} already exists`);
    if (jid !== 0 && jail === null && (flags & JAIL_CREATE) === 0) return new BadParam(ENOENT, `jail ${jid} not found`);
    const named = this.locateName(p, jail, cred);
    if (named instanceof BadParam) return named;
    if (named.owner !== null && named.owner !== jail) {
      if (createOnly || jail !== null || jid !== 0) return new BadParam(EEXIST, `jail "${p.name ?? ''}" already exists`);
      jail = named.owner;
    }
    if (jail === null && (flags & JAIL_CREATE) === 0) return new BadParam(ENOENT, p.name ? `jail "${p.name}" not found` : 'update specified no jail');
    if (jail?.dying === true && (flags & JAIL_DYING) === 0) return new BadParam(ENOENT, `jail ${jail.jid} is dying`);
    return { jail, parent: jail === null ? named.parent : jail.parent, name: named.name };
  }

  private locateName(p: ParsedParams, jail: Jail | null, cred: Ucred): { parent: Jail | null; name: string; owner: Jail | null } | BadParam {
    const asked = p.name ?? '';
    if (asked === '') return { parent: cred.jail, name: '', owner: null };
    const dot = asked.lastIndexOf('.');
    const own = asked.slice(dot + 1);
    const parent = dot < 0 ? (jail?.parent ?? cred.jail) : this.findByName(asked.slice(0, dot), cred);
    if (dot >= 0 && parent === null) return new BadParam(ENOENT, `jail "${asked.slice(0, dot)}" not found`);
    if (own === '') return new BadParam(EINVAL, 'a jail name cannot end with a dot');
    if (/^[0-9]+$/.test(own) && own !== String(jail?.jid ?? p.jid ?? '')) return new BadParam(EINVAL, 'name cannot be numeric (unless it is the jid)');
    if (jail !== null && jail.parent !== parent) return new BadParam(EINVAL, "cannot change jail's parent");
    const full = parent === null ? own : `${parent.name}.${own}`;
    return { parent, name: full, owner: this.byFullName(full) };
  }

  /** What the caller's jail, and the parent, allow. */
  private checkLimits(p: ParsedParams, place: Place, cred: Ucred): BadParam | null {
    const { jail, parent } = place;
    const mine = cred.jail;
    if (jail === null && mine !== null && mine.childrenMax === 0) return new BadParam(EPERM, 'no jails may be made in this jail');
    if (p.childrenMax !== undefined && mine !== null && p.childrenMax >= mine.childrenMax) return new BadParam(EPERM, 'children.max: more than the jail has itself');
    if (jail === null) {
      if (this.byJid.size >= JAIL_MAX) return new BadParam(EAGAIN, 'no available jail IDs');
      for (let up = parent; up !== null; up = up.parent) {
        if (up.childrenCur >= up.childrenMax) return new BadParam(EAGAIN, 'prison limit exceeded');
      }
    }
    for (const [name, value] of p.allow) {
      if (value && parent !== null && parent.allow[name] !== true) return new BadParam(EPERM, `allow.${name}: the parent does not have it`);
    }
    const stack = checkNetstack(p, this.kernel, mine);
    if (stack !== null) return stack;
    if (parent !== null && p.securelevel !== undefined && p.securelevel < parent.securelevel) return new BadParam(EPERM, 'securelevel: below that of the parent');
    if (parent !== null && p.enforceStatfs !== undefined && p.enforceStatfs < parent.enforceStatfs) return new BadParam(EPERM, 'enforce_statfs: below that of the parent');
    return null;
  }

  private create(p: ParsedParams, place: Place, flags: number, cred: Ucred): Jail | BadParam {
    if (p.persist !== true && (flags & JAIL_ATTACH) === 0) return new BadParam(EINVAL, 'new jail must persist or attach');
    const { parent } = place;
    const outside = parent === null ? { vnet: this.kernel.vnets.vnet0, host: this.host } : parent;
    const bad = p.vnet === JAIL_SYS_NEW ? null : checkAddrs(p, null, parent, outside.vnet, this.byJid.values());
    if (bad !== null) return bad;
    const jid = p.jid !== undefined && p.jid !== 0 ? p.jid : this.allocJid();
    const name = place.name !== '' ? place.name : parent === null ? String(jid) : `${parent.name}.${jid}`;
    if (place.name === '' && this.byFullName(name) !== null) return new BadParam(EEXIST, `jail "${name}" already exists`);
    let vnet: Vnet | null = null;
    if (p.vnet === JAIL_SYS_NEW) {
      const made = this.vnets.alloc(name);
      if (made.vnet === null) return new BadParam(made.errno, made.message);
      vnet = made.vnet;
    }
    const path = p.path ?? parent?.path ?? cred.jail?.path ?? '/';
    const jail = new Jail(jid, name, parent, outside, vnet, path, this.kernel.ledger.take('jail', name, 'vnet'));
    this.byJid.set(jid, jail);
    parent?.children.push(jail);
    this.apply(p, jail);
    return this.announce(jail) ?? jail;
  }

  /** Tells those who want to know; one who throws has a say: the jail goes again. Source: PR_METHOD_CREATE. */
  private announce(jail: Jail): BadParam | null {
    try {
      this.kernel.events.invoke(PRISON_CREATE_EVENT, jail.vnet, jail);
      return null;
    } catch (e) {
      this.remove(jail, []);
      return new BadParam(EINVAL, `refused: ${e instanceof Error ? e.message : String(e)}`);
    }
  }

  private update(p: ParsedParams, jail: Jail, name: string): Jail | BadParam {
    if (p.vnet !== undefined && (p.vnet === JAIL_SYS_NEW) !== jail.ownsVnet) return new BadParam(EINVAL, 'vnet cannot be changed after creation');
    if (p.path !== undefined && p.path !== jail.path) return new BadParam(EINVAL, 'path cannot be changed after creation');
    const bad = checkAddrs(p, jail, jail.parent, jail.vnet, this.byJid.values());
    if (bad !== null) return bad;
    if (name !== '' && name !== jail.name) rename(jail, name);
    this.apply(p, jail);
    this.reap(jail);
    return jail;
  }

  /** Stores what was checked. */
  private apply(p: ParsedParams, jail: Jail): void {
    if (p.host !== undefined) setHost(jail, p.host === JAIL_SYS_NEW ? new HostIdentity(jail.host) : (jail.parent?.host ?? this.host), p.host === JAIL_SYS_NEW);
    if (p.hostname !== undefined) jail.host.hostname = p.hostname;
    if (p.domainname !== undefined) jail.host.domainname = p.domainname;
    if (p.hostuuid !== undefined) jail.host.hostuuid = p.hostuuid;
    if (p.hostid !== undefined) jail.host.hostid = p.hostid;
    for (const [asked, have] of [[p.ip4, jail.ip4], [p.ip6, jail.ip6]] as const) {
      if (asked.mode !== undefined) have.mode = asked.mode;
      if (asked.mode !== undefined) have.addrs = asked.mode === JAIL_SYS_NEW ? (asked.addrs ?? have.addrs) : [];
      if (asked.saddrsel !== undefined) have.saddrsel = asked.saddrsel;
    }
    restrictChildren(jail);
    if (p.netstack !== undefined) setNetstack(jail, p.netstack);
    if (p.persist !== undefined) jail.persist = p.persist;
    if (p.childrenMax !== undefined) jail.childrenMax = p.childrenMax;
    if (p.securelevel !== undefined) jail.securelevel = p.securelevel;
    if (p.enforceStatfs !== undefined) jail.enforceStatfs = p.enforceStatfs;
    if (p.devfsRuleset !== undefined) jail.devfsRuleset = p.devfsRuleset;
    for (const [name, value] of p.allow) setAllow(jail, name, value);
  }

  /** The next free number after the last one given out, beginning again at the end. Source: get_next_prid(). */
  private allocJid(): number {
    do {
      this.lastJid = this.lastJid >= JAIL_MAX ? 1 : this.lastJid + 1;
    } while (this.byJid.has(this.lastJid));
    return this.lastJid;
  }

  private attach(jail: Jail, cred: Ucred): JailResult {
    jail.attached++;
    return { errno: 0, message: '', jail, cred: crget(jail, cred.uid, cred.fibnum) };
  }

  private reap(jail: Jail): void {
    if (!jail.persist && jail.attached === 0 && !jail.dying) this.remove(jail, []);
  }

  private remove(jail: Jail, reports: VnetReport[]): void {
    jail.dying = true;
    for (const child of [...jail.children].reverse()) if (!child.dying) this.remove(child, reports);
    const { log } = this.kernel;
    try {
      this.kernel.events.invoke(PRISON_REMOVE_EVENT, jail.vnet, jail);
    } catch (e) {
      log.err('jail', `${jail.name}: a listener of its removal failed: ${String(e)}`);
    }
    if (jail.ownsVnet && !jail.vnet.shutdown) {
      const report = this.vnets.destroy(jail.vnet);
      reports.push(report);
      if (!report.clean) log.err('jail', `${jail.name}: ${describeReport(report)}`);
    }
    this.byJid.delete(jail.jid);
    if (jail.parent !== null) jail.parent.children.splice(jail.parent.children.indexOf(jail), 1);
    setNetstack(jail, '');
    jail.lease.release();
  }
}

interface Place {
  /** The jail meant; null for a new one. */
  readonly jail: Jail | null;
  readonly parent: Jail | null;
  /** Full name; empty if none was given. */
  readonly name: string;
}

function refuse(errno: number, message: string): JailResult {
  return { errno, message, jail: null, cred: null };
}

function notFound(query: JailQuery): string {
  if (query.jid !== undefined) return `jail ${query.jid} not found`;
  return query.name !== undefined ? `jail "${query.name}" not found` : `no jail after ${query.lastjid ?? 0}`;
}

/** The jails of a kernel. @public */
export const JAILS: ServiceKey<Jails> = new ServiceKey<Jails>('jails');
