/*
 * Longest-prefix match: a path-compressed binary trie over 128-bit keys.
 *
 * An IPv4 key is its 32 bits behind 96 zero bits, so that one structure serves both families; `lookup4` looks at the last word only, which is all that
 * differs in a table of IPv4 routes. A node carries its whole prefix, so a walk never has to go back: it stops at the first node that does
 * not match, and the last entry on the way is the longest match. Lookups allocate nothing.
 *
 * Differs: FreeBSD has a radix tree with masks on the side (net/radix.c) and compiled tables beside it (fib_algo).
 */

/** Bits of a key. */
export const KEY_BITS = 128;

/** A node: a prefix, and what is stored under it, if anything. */
export class TrieNode<T> {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly m0: number;
  readonly m1: number;
  readonly m2: number;
  readonly m3: number;
  /** Bits of the prefix, 0 to 128. */
  readonly depth: number;
  /** The word (0 to 3) that holds the first bit behind the prefix. */
  readonly branchWord: number;
  /** How far to shift that word to the right to have the bit. */
  readonly branchShift: number;
  value: T | null;
  left: TrieNode<T> | null;
  right: TrieNode<T> | null;

  constructor(w0: number, w1: number, w2: number, w3: number, depth: number, value: T | null) {
    this.m0 = maskWord(depth);
    this.m1 = maskWord(depth - 32);
    this.m2 = maskWord(depth - 64);
    this.m3 = maskWord(depth - 96);
    this.w0 = w0 & this.m0;
    this.w1 = w1 & this.m1;
    this.w2 = w2 & this.m2;
    this.w3 = w3 & this.m3;
    this.depth = depth;
    this.branchWord = depth >= KEY_BITS ? 3 : depth >>> 5;
    this.branchShift = depth >= KEY_BITS ? 0 : 31 - (depth & 31);
    this.value = value;
    this.left = null;
    this.right = null;
  }
}

/** A set of prefixes, each with a value. */
export class PrefixTrie<T> {
  private root: TrieNode<T> | null;
  private size: number;

  constructor() {
    this.root = null;
    this.size = 0;
  }

  /** Prefixes stored. */
  get count(): number {
    return this.size;
  }

  /** Value of the longest prefix of an IPv4 key (int32). The trie must hold prefixes of 96 bits and more only. */
  lookup4(w3: number): T | null {
    let best: T | null = null;
    let n = this.root;
    while (n !== null && ((w3 ^ n.w3) & n.m3) === 0) {
      if (n.value !== null) best = n.value;
      n = ((w3 >>> n.branchShift) & 1) === 0 ? n.left : n.right;
    }
    return best;
  }

  /** Value of the longest prefix of a 128-bit key. */
  lookup(w0: number, w1: number, w2: number, w3: number): T | null {
    let best: T | null = null;
    let n = this.root;
    while (n !== null && (((w0 ^ n.w0) & n.m0) | ((w1 ^ n.w1) & n.m1) | ((w2 ^ n.w2) & n.m2) | ((w3 ^ n.w3) & n.m3)) === 0) {
      if (n.value !== null) best = n.value;
      n = branch(n, w0, w1, w2, w3) === 0 ? n.left : n.right;
    }
    return best;
  }

  /** Value of exactly this prefix. */
  get(w0: number, w1: number, w2: number, w3: number, depth: number): T | null {
    let n = this.root;
    while (n !== null && n.depth < depth) n = branch(n, w0, w1, w2, w3) === 0 ? n.left : n.right;
    if (n === null || n.depth !== depth || commonBits(n, w0, w1, w2, w3) < depth) return null;
    return n.value;
  }

  /** Stores a value under a prefix; false, and nothing changed, if it has one. Bits behind the prefix are ignored. */
  insert(w0: number, w1: number, w2: number, w3: number, depth: number, value: T): boolean {
    let parent: TrieNode<T> | null = null;
    let n = this.root;
    for (;;) {
      if (n === null) {
        this.link(parent, new TrieNode(w0, w1, w2, w3, depth, value));
        break;
      }
      const common = Math.min(commonBits(n, w0, w1, w2, w3), depth, n.depth);
      if (common === n.depth) {
        if (depth === n.depth) {
          if (n.value !== null) return false;
          n.value = value;
          break;
        }
        parent = n;
        n = branch(n, w0, w1, w2, w3) === 0 ? n.left : n.right;
        continue;
      }
      this.splitAbove(parent, n, common, new TrieNode(w0, w1, w2, w3, depth, value));
      break;
    }
    this.size++;
    return true;
  }

  /** Removes a prefix; returns what was stored under it, or null. */
  remove(w0: number, w1: number, w2: number, w3: number, depth: number): T | null {
    let grand: TrieNode<T> | null = null;
    let parent: TrieNode<T> | null = null;
    let n = this.root;
    while (n !== null && n.depth < depth) {
      grand = parent;
      parent = n;
      n = branch(n, w0, w1, w2, w3) === 0 ? n.left : n.right;
    }
    if (n === null || n.depth !== depth || n.value === null || commonBits(n, w0, w1, w2, w3) < depth) return null;
    const value = n.value;
    n.value = null;
    this.size--;
    if (n.left !== null && n.right !== null) return value;
    this.replace(parent, n, n.left ?? n.right);
    if (parent !== null && parent.value === null && (parent.left === null || parent.right === null)) {
      this.replace(grand, parent, parent.left ?? parent.right);
    }
    return value;
  }

  /** Calls `fn` for each value in order of prefixes: lower addresses first, shorter prefixes before longer ones. `fn` must not change the trie. */
  forEach(fn: (value: T) => void): void {
    const stack: TrieNode<T>[] = [];
    let n = this.root;
    for (;;) {
      if (n === null) {
        const top = stack.pop();
        if (top === undefined) return;
        n = top.right;
        continue;
      }
      if (n.value !== null) fn(n.value);
      stack.push(n);
      n = n.left;
    }
  }

  /** Puts `fresh` in where `n` hangs, with a fork of `common` bits in between unless `fresh` is that fork. */
  private splitAbove(parent: TrieNode<T> | null, n: TrieNode<T>, common: number, fresh: TrieNode<T>): void {
    const fork = common === fresh.depth ? fresh : new TrieNode<T>(fresh.w0, fresh.w1, fresh.w2, fresh.w3, common, null);
    this.replace(parent, n, fork);
    if (branch(fork, n.w0, n.w1, n.w2, n.w3) === 0) fork.left = n;
    else fork.right = n;
    if (fork === fresh) return;
    if (fork.left === null) fork.left = fresh;
    else fork.right = fresh;
  }

  private link(parent: TrieNode<T> | null, n: TrieNode<T>): void {
    if (parent === null) this.root = n;
    else if (branch(parent, n.w0, n.w1, n.w2, n.w3) === 0) parent.left = n;
    else parent.right = n;
  }

  private replace(parent: TrieNode<T> | null, was: TrieNode<T>, now: TrieNode<T> | null): void {
    if (parent === null) this.root = now;
    else if (parent.left === was) parent.left = now;
    else parent.right = now;
  }
}

/** The bit of a key that decides between the children of `n`. */
function branch<T>(n: TrieNode<T>, w0: number, w1: number, w2: number, w3: number): number {
  const i = n.branchWord;
  const w = i === 3 ? w3 : i === 2 ? w2 : i === 1 ? w1 : w0;
  return (w >>> n.branchShift) & 1;
}

/** Leading bits that a key has in common with the prefix of `n`; more than `n.depth` means nothing. */
function commonBits<T>(n: TrieNode<T>, w0: number, w1: number, w2: number, w3: number): number {
  if (w0 !== n.w0) return Math.clz32(w0 ^ n.w0);
  if (w1 !== n.w1) return 32 + Math.clz32(w1 ^ n.w1);
  if (w2 !== n.w2) return 64 + Math.clz32(w2 ^ n.w2);
  return 96 + Math.clz32(w3 ^ n.w3);
}

/** A word with its first `bits` bits set. */
function maskWord(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}
