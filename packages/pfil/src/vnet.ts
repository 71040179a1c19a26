import { EEXIST, EINVAL, ENOENT } from '@ns/errno';
import { defineVnetVar, EventKey, type Lease, type Vnet, type VnetVar } from '@ns/kern';
import { PFIL_APPEND, PFIL_HEAD_EVENT, PFIL_IN, PFIL_OUT, type PfilHook, type PfilHookArgs } from '@ns/pfil-kpi';
import { type PfilHead, PfilHookEntry } from './head.ts';

/** Longest name, with the final NUL that FreeBSD counts. Source: FreeBSD net/pfil.h, MAXPFILNAME. */
const MAXPFILNAME = 64;

/** One direction of a head, for `pfilctl heads`. @public */
export interface PfilHeadRow {
  /** Name of the head. */
  readonly name: string;
  /** PFIL_TYPE_*. */
  readonly type: number;
  /** Hooks for packets that come in, in order, as `module:ruleset`. */
  readonly hooksIn: readonly string[];
  /** Hooks for packets that go out, in order. */
  readonly hooksOut: readonly string[];
}

/** A hook, for `pfilctl hooks`. @public */
export interface PfilHookRow {
  /** Module. */
  readonly modname: string;
  /** Rules. */
  readonly rulname: string;
  /** PFIL_TYPE_*. */
  readonly type: number;
  /** Chains that it is in. */
  readonly links: number;
  /** Packets that it was shown. */
  readonly packets: number;
  /** Packets that it dropped. */
  readonly dropped: number;
}

/** Heads and hooks of a vnet at one moment. @public */
export interface PfilSnapshot {
  /** In the order of registration. */
  readonly heads: readonly PfilHeadRow[];
  /** In the order of registration. */
  readonly hooks: readonly PfilHookRow[];
}

const fullName = (h: PfilHook): string => `${h.modname}:${h.rulname}`;

/**
 * The heads and hooks of one vnet: protocols register heads; filters add hooks and link them through `PfilKpi` of pfil-kpi.
 *
 * Source: FreeBSD net/pfil.c, V_pfil_head_list, V_pfil_hook_list.
 * @public
 */
export class PfilVnet {
  /** Whose it is. */
  readonly vnet: Vnet;
  private readonly heads: PfilHead[];
  private readonly hooks: Map<PfilHookEntry, Lease>;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.heads = [];
    this.hooks = new Map();
  }

  /** Enters a head. EEXIST when another has its name; the same one again is nothing new. Source: FreeBSD pfil_head_register(). */
  headRegister(head: PfilHead): number {
    const other = this.head(head.name);
    if (other !== null) return other === head ? 0 : EEXIST;
    this.heads.push(head);
    this.vnet.kernel.events.invoke(PFIL_HEAD_EVENT, this.vnet, this.vnet, head.name);
    return 0;
  }

  /** Takes a head out; its links are gone. ENOENT if it is not there. Source: FreeBSD pfil_head_unregister(). */
  headUnregister(head: PfilHead): number {
    const at = this.heads.indexOf(head);
    if (at < 0) return ENOENT;
    this.heads.splice(at, 1);
    clear(head);
    return 0;
  }

  /** The head of this name, or null. */
  head(name: string): PfilHead | null {
    return this.heads.find((h) => h.name === name) ?? null;
  }

  /** The hook `module:ruleset`, or null. */
  hook(name: string): PfilHookEntry | null {
    for (const h of this.hooks.keys()) if (fullName(h) === name) return h;
    return null;
  }

  /** See `PfilKpi.addHook` of pfil-kpi. */
  addHook(args: PfilHookArgs): PfilHookEntry | number {
    if (!nameOk(args.modname) || !nameOk(args.rulname) || args.modname.includes(':')) return EINVAL;
    if (args.type < 1 || args.type > 3 || typeof args.mbufChk !== 'function') return EINVAL;
    const hook = new PfilHookEntry(args);
    if (this.hook(fullName(hook)) !== null) return EEXIST;
    this.hooks.set(hook, this.vnet.ledger.take('hook', fullName(hook), 'pfil'));
    return hook;
  }

  /** See `PfilKpi.removeHook` of pfil-kpi. */
  removeHook(hook: PfilHook): number {
    const entry = hook as PfilHookEntry;
    const lease = this.hooks.get(entry);
    if (lease === undefined) return ENOENT;
    for (const head of this.heads) {
      drop(head, PFIL_IN, entry);
      drop(head, PFIL_OUT, entry);
    }
    this.hooks.delete(entry);
    lease.release();
    return 0;
  }

  /** See `PfilKpi.link` of pfil-kpi; `head` may be the head itself. */
  link(head: PfilHead | string, hook: PfilHook | string, flags: number): number {
    const [hd, hk] = this.find(head, hook);
    if (hd === null || hk === null) return ENOENT;
    const dirs = flags & (PFIL_IN | PFIL_OUT);
    if (dirs === 0 || hd.type !== hk.type) return EINVAL;
    if ((dirs & PFIL_IN) !== 0 && hd.chain(PFIL_IN).includes(hk)) return EEXIST;
    if ((dirs & PFIL_OUT) !== 0 && hd.chain(PFIL_OUT).includes(hk)) return EEXIST;
    const append = (flags & PFIL_APPEND) !== 0;
    if ((dirs & PFIL_IN) !== 0) insert(hd, PFIL_IN, hk, append);
    if ((dirs & PFIL_OUT) !== 0) insert(hd, PFIL_OUT, hk, !append);
    return 0;
  }

  /** See `PfilKpi.unlink` of pfil-kpi; `head` may be the head itself. */
  unlink(head: PfilHead | string, hook: PfilHook | string, flags: number): number {
    const [hd, hk] = this.find(head, hook);
    if (hd === null || hk === null) return ENOENT;
    const was = hk.links;
    if ((flags & PFIL_IN) !== 0) drop(hd, PFIL_IN, hk);
    if ((flags & PFIL_OUT) !== 0) drop(hd, PFIL_OUT, hk);
    return hk.links === was ? ENOENT : 0;
  }

  /** Heads and hooks now. Source: FreeBSD PFILIOC_LISTHEADS, PFILIOC_LISTHOOKS. */
  snapshot(): PfilSnapshot {
    return {
      heads: this.heads.map((h) => ({ name: h.name, type: h.type, hooksIn: h.chain(PFIL_IN).map(fullName), hooksOut: h.chain(PFIL_OUT).map(fullName) })),
      hooks: [...this.hooks.keys()].map((h) => ({
        modname: h.modname,
        rulname: h.rulname,
        type: h.type,
        links: h.links,
        packets: h.packets,
        dropped: h.dropped,
      })),
    };
  }

  /** The vnet goes, or the module: heads have no hooks any more. Hooks that were not removed stay in the ledger, where they are found. */
  destroy(): void {
    for (const head of this.heads.splice(0)) clear(head);
  }

  private find(head: PfilHead | string, hook: PfilHook | string): [PfilHead | null, PfilHookEntry | null] {
    const hd = typeof head === 'string' ? this.head(head) : this.heads.includes(head) ? head : null;
    const hk = typeof hook === 'string' ? this.hook(hook) : this.hooks.has(hook as PfilHookEntry) ? (hook as PfilHookEntry) : null;
    return [hd, hk];
  }
}

const nameOk = (name: string): boolean => name.length > 0 && name.length < MAXPFILNAME;

function insert(head: PfilHead, dir: number, hook: PfilHookEntry, last: boolean): void {
  const old = head.chain(dir);
  hook.links++;
  head.setChain(dir, last ? [...old, hook] : [hook, ...old]);
}

function drop(head: PfilHead, dir: number, hook: PfilHookEntry): void {
  const old = head.chain(dir);
  if (!old.includes(hook)) return;
  hook.links--;
  head.setChain(dir, old.filter((h) => h !== hook));
}

function clear(head: PfilHead): void {
  for (const dir of [PFIL_IN, PFIL_OUT]) for (const hook of head.chain(dir)) drop(head, dir, hook);
}

/** Heads and hooks of a vnet. @public */
export const PFIL: VnetVar<PfilVnet> = defineVnetVar({
  module: 'pfil',
  name: 'pfil',
  init: (vnet) => new PfilVnet(vnet),
  destroy: (pfil) => {
    pfil.destroy();
  },
});

/** Module `pfil` has come to a vnet: protocols that are there already register their heads. @public */
export const PFIL_ARRIVAL_EVENT: EventKey<[pfil: PfilVnet]> = new EventKey<[pfil: PfilVnet]>('pfil_arrival_event');

/** The heads and hooks of a vnet, or null while module `pfil` is not loaded: for protocols, which do without. @public */
export function pfilOf(vnet: Vnet): PfilVnet | null {
  return vnet.kernel.isLoaded('pfil') ? PFIL.get(vnet) : null;
}
