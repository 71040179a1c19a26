/* @hot: circular doubly linked lists threaded through the callouts themselves. The head is a Callout too, so taking one out needs no test. */
import type { Callout } from './callout.ts';

type Node = Callout<unknown>;

/** Appends `c` to the list of `head`. */
export function push(head: Node, c: Node): void {
  const last = head.prev as Node;
  c.prev = last;
  c.next = head;
  last.next = c;
  head.prev = c;
}

/** Takes `c` out of its list; its own links stay as they were. */
export function unlink(c: Node): void {
  const prev = c.prev as Node;
  const next = c.next as Node;
  prev.next = next;
  next.prev = prev;
}

/** True if `a` fires before `b`. */
export function firesBefore(a: Node, b: Node): boolean {
  return a.deadlineUs < b.deadlineUs || (a.deadlineUs === b.deadlineUs && a.seq < b.seq);
}

/** Sorts the list of `head` by deadline, then by order of arming: a merge sort from runs of one upwards, without memory of its own. */
export function sortByDeadline(head: Node): void {
  let list: Node | null = head.next as Node;
  (head.prev as Node).next = null;
  for (let width = 1; ; width *= 2) {
    let rest: Node | null = list;
    let tail: Node = head;
    let merges = 0;
    while (rest !== null) {
      merges++;
      const a: Node = rest;
      const b: Node | null = cut(a, width);
      rest = b === null ? null : cut(b, width);
      tail = merge(tail, a, b);
    }
    list = head.next as Node;
    if (merges <= 1) break;
  }
  let prev = head;
  for (let c: Node | null = list; c !== null; c = c.next) {
    c.prev = prev;
    prev = c;
  }
  prev.next = head;
  head.prev = prev;
}

/** Ends the null-terminated list at `c` after `n` callouts and returns the remainder. */
function cut(c: Node, n: number): Node | null {
  let last = c;
  for (let i = 1; i < n && last.next !== null; i++) last = last.next;
  const rest = last.next;
  last.next = null;
  return rest;
}

/** Appends the merged lists `a` and `b` after `tail`, by `next` alone; returns the new tail. */
function merge(tail: Node, a: Node | null, b: Node | null): Node {
  let t = tail;
  while (a !== null && b !== null) {
    if (firesBefore(b, a)) {
      t.next = b;
      b = b.next;
    } else {
      t.next = a;
      a = a.next;
    }
    t = t.next as Node;
  }
  t.next = a ?? b;
  while (t.next !== null) t = t.next;
  return t;
}
