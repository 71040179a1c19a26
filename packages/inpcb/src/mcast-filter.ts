import type { Ifnet } from '@ns/ifnet';
import { type InAddr, inAddrEqual } from '@ns/wire';

/**
 * Which senders to a group are welcome: those listed (`include`), or all but those listed.
 * @public
 */
export interface McastFilter {
  /** MCAST_INCLUDE, else MCAST_EXCLUDE. */
  readonly include: boolean;
  /** The senders meant. */
  readonly sources: readonly InAddr[];
}

/** Nobody is welcome: what an interface wants of a group that nobody has joined. @public */
export const MCAST_NOBODY: McastFilter = Object.freeze({ include: true, sources: Object.freeze([]) as readonly InAddr[] });
/** Everybody is welcome. @public */
export const MCAST_ANYBODY: McastFilter = Object.freeze({ include: false, sources: Object.freeze([]) as readonly InAddr[] });

/** Whether a list has an address. @public */
export function hasSource(list: readonly InAddr[], a: InAddr): boolean {
  for (const x of list) if (inAddrEqual(x, a)) return true;
  return false;
}

/**
 * What an interface has to receive so that each of `members` gets what it wants: the intersection of the exclude lists without what anybody includes, or, where all include, the union. A pure
 * function; sources keep the order in which they are first met. Source: RFC 3376 §3.2, RFC 3810 §4.2.
 * @public
 */
export function mergeFilters(members: readonly McastFilter[]): McastFilter {
  const includes: InAddr[] = [];
  let excludes: InAddr[] | null = null;
  for (const m of members) {
    if (m.include) {
      for (const s of m.sources) if (!hasSource(includes, s)) includes.push(s);
    } else excludes = excludes === null ? [...m.sources] : excludes.filter((s) => hasSource(m.sources, s));
  }
  if (excludes === null) return { include: true, sources: includes };
  return { include: false, sources: excludes.filter((s) => !hasSource(includes, s)) };
}

/** Whether two filters say the same. @public */
export function sameFilter(a: McastFilter, b: McastFilter): boolean {
  return a.include === b.include && a.sources.length === b.sources.length && a.sources.every((s) => hasSource(b.sources, s));
}

/**
 * Bounds on source filters, of one family. Source: FreeBSD in_mcast.c, in_mcast_maxgrpsrc, in_mcast_maxsocksrc.
 * @public
 */
export class McastLimits {
  /** net.inet.ip.mcast.maxgrpsrc: senders that the filters of one group on one interface name, those of all sockets together. */
  maxgrpsrc = 512;
  /** net.inet.ip.mcast.maxsocksrc: senders that the filter of one socket for one group names. */
  maxsocksrc = 128;
}

/**
 * One group on one interface: who has joined it, and what of that the routers of the link have been told.
 * Source: FreeBSD struct in_multi, in6_multi.
 * @alpha
 */
export class McastGroup {
  /** The group. */
  readonly group: InAddr;
  /** Where. */
  readonly ifp: Ifnet;
  /** Joins of sockets, with their filters, which change in place. */
  readonly members: McastFilter[];
  /** Joins of the stack itself: any sender. */
  anyRefs: number;
  /** What the interface wanted when it was looked at last. */
  state: McastFilter;
  /** Reports of a change of mode that are still to be sent. */
  modeRexmit: number;
  /** Sources that were added or taken away, with the number of reports still to be sent. */
  readonly sourceRexmit: Map<string, { readonly addr: InAddr; left: number }>;
  /** When a query about this group is to be answered, µs of the kernel's clock; 0 = none. */
  answerUs: number;
  /** Sources that a query asked about; empty: about the group. */
  asked: InAddr[];
  /** Reports in the old version still to be sent, unasked. */
  oldRexmit: number;
  /** We were the last to report it in the old version: it is for us to say when we leave. */
  lastReporter: boolean;

  constructor(group: InAddr, ifp: Ifnet) {
    this.group = group;
    this.ifp = ifp;
    this.members = [];
    this.anyRefs = 0;
    this.state = MCAST_NOBODY;
    this.modeRexmit = 0;
    this.sourceRexmit = new Map();
    this.answerUs = 0;
    this.asked = [];
    this.oldRexmit = 0;
    this.lastReporter = false;
  }

  /** What the interface wants now. */
  wanted(): McastFilter {
    return mergeFilters(this.anyRefs > 0 ? [MCAST_ANYBODY, ...this.members] : this.members);
  }

  /** Senders that the filters name, each counted once. */
  get sourceCount(): number {
    const all: InAddr[] = [];
    for (const m of this.members) for (const s of m.sources) if (!hasSource(all, s)) all.push(s);
    return all.length;
  }

  /** Nobody wants anything, and the routers know. */
  get idle(): boolean {
    return this.anyRefs === 0 && this.members.length === 0 && this.modeRexmit === 0 && this.sourceRexmit.size === 0;
  }
}
