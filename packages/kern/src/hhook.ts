import { EEXIST, EINVAL, ENOENT } from '@ns/errno';
import type { Ledger, Lease } from './ledger.ts';
import type { Vnet } from './vnet.ts';

/** hhook type: TCP. @public */
export const HHOOK_TYPE_TCP = 1;
/** hhook type: sockets. @public */
export const HHOOK_TYPE_SOCKET = 2;
/** hhook type: IPsec input. @public */
export const HHOOK_TYPE_IPSEC_IN = 3;
/** hhook type: IPsec output. @public */
export const HHOOK_TYPE_IPSEC_OUT = 4;
/** hhook id of TCP: an ACK of a synchronised connection is being processed. @public */
export const HHOOK_TCP_EST_IN = 0;
/** hhook id of TCP: a segment of a synchronised connection goes to IP. @public */
export const HHOOK_TCP_EST_OUT = 1;

/**
 * A hook function. `ctx` belongs to the caller and is reused: keep nothing of it. `osd` is the object-specific data of the object concerned, if the point has one.
 * Runs inside packet processing: it may not call back into the protocol.
 * @public
 */
export type HhookFn = (type: number, id: number, udata: unknown, ctx: unknown, osd: unknown) => void;

/**
 * A hook as its owner describes it. Identity is (func, udata): the same pair cannot be added to a point twice.
 * @public
 */
export interface Hhook {
  /** HHOOK_TYPE_* of its point. */
  readonly type: number;
  /** Its point among those of the type. */
  readonly id: number;
  /** What runs. */
  readonly func: HhookFn;
  /** Handed to `func`. */
  readonly udata: unknown;
  /** Who added it, for the ledger. */
  readonly owner: string;
}

/**
 * A hook point. Its owner tests {@link HhookHead.nhooks} before {@link hhookRun}, so an idle point costs one comparison.
 * @public
 */
export class HhookHead {
  /** HHOOK_TYPE_*. */
  readonly type: number;
  /** Which point of the type. */
  readonly id: number;
  /** The vnet that the point belongs to; null for one of the whole kernel. */
  readonly vnet: Vnet | null;
  /** Number of hooks. */
  nhooks: number;
  /** Replaced, never changed. */
  private hooks: readonly Hhook[];

  constructor(type: number, id: number, vnet: Vnet | null) {
    this.type = type;
    this.id = id;
    this.vnet = vnet;
    this.nhooks = 0;
    this.hooks = [];
  }

  /** The hooks now, in order; a later change makes a new list. */
  list(): readonly Hhook[] {
    return this.hooks;
  }

  /** For {@link HhookTable} only. */
  setHooks(hooks: readonly Hhook[]): void {
    this.hooks = hooks;
    this.nhooks = hooks.length;
  }
}

/**
 * Calls the hooks of a point in the order in which they were added. Guard it: `if (head.nhooks > 0) hhookRun(head, ctx, osd)`.
 * Source: FreeBSD kern_hhook.c, hhook_run_hooks().
 * @public
 */
export function hhookRun(head: HhookHead, ctx: unknown, osd: unknown): void {
  const hooks = head.list();
  for (let i = 0; i < hooks.length; i++) {
    const h = hooks[i] as Hhook;
    h.func(h.type, h.id, h.udata, ctx, osd);
  }
}

/**
 * The hook points of a kernel and their hooks.
 *
 * A hook is added to a point (type, id), not to one of its heads: where the point is virtualised it comes to the head of every vnet, living and coming.
 * Source: FreeBSD kern_hhook.c.
 * @public
 */
export class HhookTable {
  private heads: readonly HhookHead[];
  private readonly hooks: Map<Hhook, Lease>;
  private readonly ledger: Ledger;
  private readonly registered: (undo: () => void) => void;

  /** `registered` is told of each registration, with a function that takes it back. */
  constructor(ledger: Ledger, registered: (undo: () => void) => void) {
    this.heads = [];
    this.hooks = new Map();
    this.ledger = ledger;
    this.registered = registered;
  }

  /**
   * Makes a hook point, in `vnet` or (null) in the kernel, and puts the hooks on it that are already there for (type, id).
   * Null when that point exists (EEXIST). Source: hhook_head_register().
   */
  headRegister(type: number, id: number, vnet: Vnet | null): HhookHead | null {
    if (this.headLookup(type, id, vnet) !== null) return null;
    const head = new HhookHead(type, id, vnet);
    head.setHooks([...this.hooks.keys()].filter((h) => h.type === type && h.id === id));
    this.heads = [...this.heads, head];
    this.registered(() => void this.headDeregister(head));
    return head;
  }

  /** Removes a hook point; ENOENT if it is not there. Source: hhook_head_deregister(). */
  headDeregister(head: HhookHead): number {
    if (!this.heads.includes(head)) return ENOENT;
    this.heads = this.heads.filter((h) => h !== head);
    head.setHooks([]);
    return 0;
  }

  /** The head of a point in `vnet`, or of the kernel (null). Source: hhook_head_get(). */
  headLookup(type: number, id: number, vnet: Vnet | null): HhookHead | null {
    return this.heads.find((h) => h.type === type && h.id === id && h.vnet === vnet) ?? null;
  }

  /** Whether the point is one of vnets. Source: hhook_head_is_virtualised_lookup(). */
  isVirtualised(type: number, id: number): boolean {
    return this.heads.some((h) => h.type === type && h.id === id && h.vnet !== null);
  }

  /**
   * Adds a hook to all heads of its point. ENOENT if there is no such point, EEXIST for the same function and udata once more.
   * A lease of kind `hook` in the kernel's ledger until removed. Source: hhook_add_hook_lookup().
   */
  addHook(hook: Hhook): number {
    if (typeof hook.func !== 'function') return EINVAL;
    const heads = this.heads.filter((h) => h.type === hook.type && h.id === hook.id);
    if (heads.length === 0) return ENOENT;
    if (this.find(hook) !== null) return EEXIST;
    this.hooks.set(hook, this.ledger.take('hook', hook.owner));
    for (const head of heads) head.setHooks([...head.list(), hook]);
    this.registered(() => void (this.hooks.has(hook) && this.removeHook(hook)));
    return 0;
  }

  /** Removes a hook, described by the same point, function and udata. ENOENT if it is not there. Source: hhook_remove_hook_lookup(). */
  removeHook(hook: Hhook): number {
    const known = this.find(hook);
    if (known === null) return ENOENT;
    (this.hooks.get(known) as Lease).release();
    this.hooks.delete(known);
    for (const head of this.heads) {
      if (head.list().includes(known)) head.setHooks(head.list().filter((h) => h !== known));
    }
    return 0;
  }

  private find(hook: Hhook): Hhook | null {
    for (const h of this.hooks.keys()) {
      if (h.type === hook.type && h.id === hook.id && h.func === hook.func && h.udata === hook.udata) return h;
    }
    return null;
  }
}
