import type { Mbuf } from './mbuf.ts';

/**
 * Names one kind of tag; a constant of the package that owns it. Two keys never collide, whatever their names.
 *
 * A tag lives as long as what it says: of the packet wherever it goes (`persistent`), of its stay in one stack (neither), of the flow that it belongs to (`flow`).
 * @public
 */
export class TagKey<T> {
  /** For people. */
  readonly name: string;
  /** Survives where a packet leaves one stack for another (loopback, epair): FreeBSD's MTAG_PERSISTENT. */
  readonly persistent: boolean;
  /** Goes when the packet becomes one of another flow, see {@link mTagDeleteFlow}, and where a packet leaves one stack for another. */
  readonly flow: boolean;
  /** Carries T; never read. */
  declare readonly __value?: T;

  /** A key that is `flow` is not persistent, whatever `persistent` says. */
  constructor(name: string, persistent = false, flow = false) {
    this.name = name;
    this.persistent = persistent && !flow;
    this.flow = flow;
  }
}

/**
 * What a package has attached to a packet.
 * Source: FreeBSD mbuf_tags(9).
 * @public
 */
export interface MTag<T = unknown> {
  /** Which kind of tag. */
  readonly key: TagKey<T>;
  /** What was attached. */
  value: T;
  /** The next older tag. */
  next: MTag | null;
}

/** Attaches a tag to the packet `m`; the newest is found first. @public */
export function mTagPrepend<T>(m: Mbuf, key: TagKey<T>, value: T): void {
  m.tags = { key: key as TagKey<unknown>, value, next: m.tags };
}

/** The value of the newest tag `key` of packet `m`, or undefined. @public */
export function mTagFind<T>(m: Mbuf, key: TagKey<T>): T | undefined {
  for (let t = m.tags; t !== null; t = t.next) {
    if (t.key === (key as TagKey<unknown>)) return t.value as T;
  }
  return undefined;
}

/** Removes every tag `key` from packet `m`. @public */
export function mTagDelete<T>(m: Mbuf, key: TagKey<T>): void {
  filterTags(m, (t) => t.key !== (key as TagKey<unknown>));
}

/** Removes the tags that must not outlive the packet's stay in one stack. @public */
export function mTagDeleteNonpersistent(m: Mbuf): void {
  if (m.tags !== null) filterTags(m, (t) => t.key.persistent);
}

/**
 * Removes the tags that say something of the packet's flow: for who has changed its addresses or ports, or makes another packet of it ({@link mRehome} calls it). What was cached of the old flow,
 * such as a packet filter's state, would be found for the new one.
 * Source: OpenBSD pf.c, pf_pkt_addr_changed().
 * @public
 */
export function mTagDeleteFlow(m: Mbuf): void {
  if (m.tags !== null) filterTags(m, (t) => !t.key.flow);
}

/** Gives packet `to` the tags of `from` as well (values are shared), in the same order. @public */
export function mTagCopyChain(to: Mbuf, from: Mbuf): void {
  let tail: MTag | null = null;
  for (let t = from.tags; t !== null; t = t.next) {
    const copy: MTag = { key: t.key, value: t.value, next: null };
    if (tail === null) {
      copy.next = to.tags;
      to.tags = copy;
    } else {
      copy.next = tail.next;
      tail.next = copy;
    }
    tail = copy;
  }
}

function filterTags(m: Mbuf, keep: (t: MTag) => boolean): void {
  let prev: MTag | null = null;
  for (let t = m.tags; t !== null; t = t.next) {
    if (keep(t)) prev = t;
    else if (prev === null) m.tags = t.next;
    else prev.next = t.next;
  }
}
