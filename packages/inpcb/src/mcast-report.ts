import { Callout } from '@ns/callout';
import type { Ifnet } from '@ns/ifnet';
import type { Kernel } from '@ns/kern';
import {
  formatInAddr,
  GRPREC_ALLOW_NEW_SOURCES,
  GRPREC_BLOCK_OLD_SOURCES,
  GRPREC_CHANGE_TO_EXCLUDE_MODE,
  GRPREC_CHANGE_TO_INCLUDE_MODE,
  GRPREC_MODE_IS_EXCLUDE,
  GRPREC_MODE_IS_INCLUDE,
  type InAddr,
  inAddrEqual,
} from '@ns/wire';
import { hasSource, McastGroup, type McastFilter, sameFilter } from './mcast-filter.ts';
import { mcastSend } from './mcast-pack.ts';

/** Robustness variable until a querier says another (RFC 3376 §8.1, RFC 3810 §9.1). */
const ROBUSTNESS = 2;
/** Query interval until a querier says another. */
const QUERY_INTERVAL_US = 125e6;
/** Pause between unasked reports, at most (RFC 3376 §8.11, RFC 3810 §9.11). */
const UNSOLICITED_US = 1e6;
/** The same in the old version (RFC 2236 §8.10, RFC 2710 §7.10). */
const OLD_UNSOLICITED_US = 10e6;
/** Most sources of one query that are remembered; beyond, the whole group is answered. */
const MAX_ASKED = 64;

/**
 * A group record of a report.
 * @alpha
 */
export interface McastRecord {
  /** GRPREC_*. */
  readonly type: number;
  /** The group. */
  readonly group: InAddr;
  /** Senders. */
  readonly sources: readonly InAddr[];
}

/**
 * How reports leave: IGMP or MLD on one interface. Called from timers and from joins; what they send is not to come back in the same call.
 * @alpha
 */
export interface McastIo {
  /** Bytes of an address: 4 or 16. */
  readonly addrLen: number;
  /** Bytes that the records of one report may have. */
  room(): number;
  /** Sends one report of the present version (IGMPv3, MLDv2), whose records have `bytes` bytes. */
  report(records: readonly McastRecord[], bytes: number): void;
  /** Sends one report or, with `leave`, one leave message of the old version. */
  oldReport(group: InAddr, leave: boolean): void;
  /** Whether nothing is ever said of a group: all hosts, and those that do not leave the interface. */
  silent(group: InAddr): boolean;
}

/**
 * A query, of whatever version.
 * @alpha
 */
export interface McastQuery {
  /** Of the old version (IGMPv1, v2; MLDv1): so are answers from now on, for a while. */
  readonly old: boolean;
  /** Null: about all groups. */
  readonly group: InAddr | null;
  /** Senders that it asks about. */
  readonly sources: readonly InAddr[];
  /** Time for the answer, ms. */
  readonly maxRespMs: number;
  /** Robustness variable of the querier, 0 = not said. */
  readonly robustness: number;
  /** Query interval of the querier in seconds, 0 = not said. */
  readonly intervalSec: number;
}

/**
 * The host's side of group management on one interface: tells routers of joins and leaves, and answers their queries; the state machine that IGMPv3 and MLDv2 share, with fallback to their predecessors.
 *
 * Bounded: one timer for all; state only for groups that somebody here has joined, or has just left; answers to queries are joined, and sources asked about are counted.
 * Source: RFC 3376 §5, RFC 3810 §6, §8; FreeBSD igmp.c, mld6.c.
 * @alpha
 */
export class McastReporter {
  /** The interface. */
  readonly ifp: Ifnet;
  /** Whether the present version is spoken; else the old one always. */
  enabled: boolean;
  private readonly kernel: Kernel;
  private readonly io: McastIo;
  private readonly groups: Map<string, McastGroup>;
  private readonly timer: Callout<McastReporter>;
  private robustness: number;
  private intervalUs: number;
  /** Until when a querier of the old version is taken to be there. */
  private oldUntilUs: number;
  /** When a general query is to be answered; 0 = none. */
  private generalUs: number;
  /** When changes are reported next; 0 = there are none. */
  private changeUs: number;

  constructor(kernel: Kernel, ifp: Ifnet, io: McastIo) {
    this.ifp = ifp;
    this.enabled = true;
    this.kernel = kernel;
    this.io = io;
    this.groups = new Map();
    this.timer = new Callout<McastReporter>(tick, this);
    this.robustness = ROBUSTNESS;
    this.intervalUs = QUERY_INTERVAL_US;
    this.oldUntilUs = 0;
    this.generalUs = 0;
    this.changeUs = 0;
  }

  /** Whether answers are of the old version now. */
  get old(): boolean {
    return !this.enabled || this.oldUntilUs > this.kernel.callouts.nowUs();
  }

  /** Groups that are known. */
  get count(): number {
    return this.groups.size;
  }

  /** The group, or null. */
  find(group: InAddr): McastGroup | null {
    return this.groups.get(keyOf(group)) ?? null;
  }

  /** Somebody joins: a socket with its filter, or (null) the stack. */
  join(group: InAddr, member: McastFilter | null): void {
    let g = this.find(group);
    if (g === null) this.groups.set(keyOf(group), (g = new McastGroup(group, this.ifp)));
    if (member === null) g.anyRefs++;
    else g.members.push(member);
    this.update(g);
  }

  /** Somebody leaves. */
  leave(group: InAddr, member: McastFilter | null): void {
    const g = this.find(group);
    if (g === null) return;
    if (member === null) g.anyRefs = Math.max(0, g.anyRefs - 1);
    else {
      const i = g.members.indexOf(member);
      if (i >= 0) g.members.splice(i, 1);
    }
    this.update(g);
  }

  /** The filter of a member has changed. */
  changed(group: InAddr): void {
    const g = this.find(group);
    if (g !== null) this.update(g);
  }

  /** A router asks. The caller has checked that it may. */
  query(q: McastQuery): void {
    const now = this.kernel.callouts.nowUs();
    if (q.robustness > 0) this.robustness = q.robustness;
    if (q.intervalSec > 0) this.intervalUs = q.intervalSec * 1e6;
    if (q.old) {
      this.oldUntilUs = now + this.robustness * this.intervalUs + q.maxRespMs * 1000;
      this.changeUs = 0;
    }
    const at = now + this.random(q.maxRespMs * 1000);
    if (this.old) {
      for (const g of this.groups.values()) if (q.group === null || inAddrEqual(g.group, q.group)) this.oldAnswer(g, at);
    } else if (q.group === null) {
      if (this.generalUs === 0 || this.generalUs > at) this.generalUs = at;
    } else {
      const g = this.find(q.group);
      if (g !== null && !this.io.silent(g.group) && (this.generalUs === 0 || this.generalUs > at)) askGroup(g, q.sources, at);
    }
    this.arm();
  }

  /** Another host has reported a group in the old version: we need not (RFC 2236 §3, RFC 2710 §4). */
  heard(group: InAddr): void {
    const g = this.find(group);
    if (g === null || !this.old) return;
    g.answerUs = 0;
    g.oldRexmit = 0;
    g.lastReporter = false;
    this.arm();
  }

  /** Forgets everything without a word: the interface goes. */
  destroy(): void {
    this.groups.clear();
    this.kernel.callouts.stop(this.timer);
  }

  /** What is due is sent. For the timer. */
  run(): void {
    const now = this.kernel.callouts.nowUs();
    if (this.generalUs !== 0 && this.generalUs <= now) {
      this.generalUs = 0;
      const records = [...this.groups.values()].filter((g) => !this.io.silent(g.group) && !gone(g)).map((g) => current(g, g.state));
      if (records.length > 0) mcastSend(this.io, records);
    }
    for (const g of [...this.groups.values()]) if (g.answerUs !== 0 && g.answerUs <= now) this.answer(g, now);
    if (this.changeUs !== 0 && this.changeUs <= now) this.reportChanges(now);
    this.arm();
  }

  /** The members of a group, or their filters, have changed: routers are told what that means for the interface. */
  private update(g: McastGroup): void {
    const was = g.state;
    const now = g.wanted();
    g.state = now;
    if (this.io.silent(g.group)) {
      if (g.idle) this.groups.delete(keyOf(g.group));
      return;
    }
    if (!sameFilter(was, now)) {
      if (this.old) this.oldChange(g, was);
      else this.change(g, was, now);
    }
    if (g.idle) this.groups.delete(keyOf(g.group));
    this.arm();
  }

  /** RFC 3376 §5.1, RFC 3810 §6.1. */
  private change(g: McastGroup, was: McastFilter, now: McastFilter): void {
    if (was.include !== now.include) {
      g.modeRexmit = this.robustness;
      g.sourceRexmit.clear();
    } else if (g.modeRexmit === 0) {
      for (const s of [...was.sources, ...now.sources]) {
        if (hasSource(was.sources, s) !== hasSource(now.sources, s)) g.sourceRexmit.set(keyOf(s), { addr: s, left: this.robustness });
      }
    }
    this.reportChanges(this.kernel.callouts.nowUs());
  }

  /** Sends what is still to be told of changes, and sees to it that it is told again as often as the robustness variable says. */
  private reportChanges(now: number): void {
    const records: McastRecord[] = [];
    let more = false;
    for (const g of [...this.groups.values()]) {
      collectChanges(g, records);
      if (g.modeRexmit > 0 || g.sourceRexmit.size > 0) more = true;
      else if (g.idle) this.groups.delete(keyOf(g.group));
    }
    if (records.length > 0) mcastSend(this.io, records);
    this.changeUs = more ? now + this.random(UNSOLICITED_US) : 0;
  }

  /** A join or leave while the old version is spoken. */
  private oldChange(g: McastGroup, was: McastFilter): void {
    if (gone(g)) {
      if (g.lastReporter) this.io.oldReport(g.group, true);
      g.oldRexmit = 0;
      g.answerUs = 0;
      return;
    }
    if (!(was.include && was.sources.length === 0)) return;
    this.io.oldReport(g.group, false);
    g.lastReporter = true;
    g.oldRexmit = 1;
    g.answerUs = this.kernel.callouts.nowUs() + this.random(OLD_UNSOLICITED_US);
  }

  private oldAnswer(g: McastGroup, at: number): void {
    if (this.io.silent(g.group) || gone(g)) return;
    if (g.answerUs === 0 || g.answerUs > at) g.answerUs = at;
  }

  private answer(g: McastGroup, now: number): void {
    g.answerUs = 0;
    if (gone(g)) return;
    if (this.oldUntilUs > now || !this.enabled) {
      this.io.oldReport(g.group, false);
      g.lastReporter = true;
      if (g.oldRexmit > 0) g.oldRexmit--;
      return;
    }
    const record = answerTo(g);
    g.asked = [];
    if (record !== null) mcastSend(this.io, [record]);
  }

  /** 1 to `us` microseconds. */
  private random(us: number): number {
    return 1 + ((this.kernel.random.u32() >>> 0) % Math.max(1, us));
  }

  private arm(): void {
    let at = earlier(this.generalUs, this.changeUs);
    for (const g of this.groups.values()) at = earlier(at, g.answerUs);
    const { callouts } = this.kernel;
    if (at === 0) callouts.stop(this.timer);
    else callouts.reset(this.timer, Math.max(1, at - callouts.nowUs()));
  }
}

function tick(r: McastReporter): void {
  r.run();
}

function keyOf(a: InAddr): string {
  return formatInAddr(a);
}

function earlier(a: number, b: number): number {
  return a === 0 ? b : b === 0 ? a : Math.min(a, b);
}

/** Nobody is a member any more. */
function gone(g: McastGroup): boolean {
  return g.state.include && g.state.sources.length === 0;
}

function current(g: McastGroup, f: McastFilter): McastRecord {
  return { type: f.include ? GRPREC_MODE_IS_INCLUDE : GRPREC_MODE_IS_EXCLUDE, group: g.group, sources: f.sources };
}

/** A query about one group is noted; one about the group outdoes those about sources (RFC 3376 §5.2, RFC 3810 §6.2). */
function askGroup(g: McastGroup, sources: readonly InAddr[], at: number): void {
  const pending = g.answerUs !== 0;
  const whole = sources.length === 0 || (pending && g.asked.length === 0);
  if (!pending || g.answerUs > at) g.answerUs = at;
  if (whole) {
    g.asked = [];
    return;
  }
  for (const s of sources) if (!hasSource(g.asked, s)) g.asked.push(s);
  if (g.asked.length > MAX_ASKED) g.asked = [];
}

/** The answer to what was asked of a group; null if there is nothing to say. */
function answerTo(g: McastGroup): McastRecord | null {
  if (g.asked.length === 0) return current(g, g.state);
  const sources = g.asked.filter((s) => hasSource(g.state.sources, s) === g.state.include);
  return sources.length === 0 ? null : { type: GRPREC_MODE_IS_INCLUDE, group: g.group, sources };
}

/** Appends what is to be told of the changes of a group, once. */
function collectChanges(g: McastGroup, out: McastRecord[]): void {
  const f = g.state;
  if (g.modeRexmit > 0) {
    g.modeRexmit--;
    out.push({ type: f.include ? GRPREC_CHANGE_TO_INCLUDE_MODE : GRPREC_CHANGE_TO_EXCLUDE_MODE, group: g.group, sources: f.sources });
    return;
  }
  const allow: InAddr[] = [];
  const block: InAddr[] = [];
  for (const [key, s] of g.sourceRexmit) {
    (hasSource(f.sources, s.addr) === f.include ? allow : block).push(s.addr);
    if (--s.left === 0) g.sourceRexmit.delete(key);
  }
  if (allow.length > 0) out.push({ type: GRPREC_ALLOW_NEW_SOURCES, group: g.group, sources: allow });
  if (block.length > 0) out.push({ type: GRPREC_BLOCK_OLD_SOURCES, group: g.group, sources: block });
}
