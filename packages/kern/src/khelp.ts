import { EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENOENT } from '@ns/errno';
import type { Hhook, HhookTable } from './hhook.ts';
import type { Kernel } from './kernel.ts';
import type { Ledger, LedgerAccount } from './ledger.ts';
import type { ModuleDecl, ModuleDepend } from './module.ts';
import { SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN } from './sysinit.ts';

/** Longest name of a helper, bytes. Source: FreeBSD HELPER_NAME_MAXLEN less its zero. */
const HELPER_NAME_MAX = 15;

/** Class of helpers that keep something for each TCP connection. @public */
export const HELPER_CLASS_TCP = 1;
/** Class of helpers that keep something for each socket. @public */
export const HELPER_CLASS_SOCKET = 2;

/**
 * What helpers keep for one object (a connection, a socket): a block for each helper, by its id. The object has none while no helper of its class is there.
 * Source: FreeBSD sys/osd.h, struct osd.
 * @public
 */
export class Osd {
  /** Blocks by id; null where a helper has none. */
  readonly blocks: (object | null)[];

  constructor() {
    this.blocks = [];
  }
}

/**
 * A hook of a helper, on the point (type, id). It runs inside packet processing and gets the block of the object concerned; objects without a block are passed over.
 * `ctx` is what the point's owner describes, reused: keep nothing of it.
 * @public
 */
export interface HelperHook<T extends object> {
  /** HHOOK_TYPE_*. */
  readonly type: number;
  /** Which point of the type. */
  readonly id: number;
  /** What runs. */
  readonly func: (block: T, ctx: unknown) => void;
}

/**
 * A helper as its module declares it: named, frozen, without state of its own. What it knows of an object is in a block of type T.
 * Source: FreeBSD sys/module_khelp.h, struct helper.
 * @public
 */
export interface Helper<T extends object> {
  /** At most 15 bytes, unique in a kernel. */
  readonly name: string;
  /** HELPER_CLASS_*, or several of them: objects of which kind get a block. */
  readonly classes: number;
  /** A block for a new object. */
  readonly ctor: () => T;
  /** The object, or the helper, goes. */
  readonly dtor?: (block: T) => void;
  /** Points to run at. */
  readonly hooks: readonly HelperHook<T>[];
}

/** A helper in one kernel. */
class Registered {
  readonly helper: Helper<object>;
  readonly id: number;
  readonly hooks: readonly Hhook[];
  /** Objects that have a block of it. */
  readonly objects: Set<Osd>;
  readonly account: LedgerAccount;

  constructor(helper: Helper<object>, id: number, owner: string, account: LedgerAccount) {
    this.helper = helper;
    this.id = id;
    this.objects = new Set();
    this.account = account;
    this.hooks = helper.hooks.map(({ type, id: point, func }) => ({
      type,
      id: point,
      owner,
      udata: helper,
      func: (_type, _id, _udata, ctx, osd) => {
        const block = osd === null ? null : (osd as Osd).blocks[id];
        if (block !== null && block !== undefined) func(block, ctx);
      },
    }));
  }
}

/**
 * The helpers of a kernel, and the blocks that they keep for objects.
 *
 * An object that was there before a helper has no block of it, until its owner asks with {@link Khelp.initOsd} again; hooks and {@link Khelp.get} cope with that.
 * Source: FreeBSD kern_khelp.c.
 * @public
 */
export class Khelp {
  /** Helpers registered: owners of objects test it before they make an {@link Osd}. */
  nhelpers: number;
  private readonly slots: (Registered | null)[];
  private readonly hhooks: HhookTable;
  private readonly ledger: Ledger;
  private readonly registered: (undo: () => void) => void;

  /** For kernels. `registered` is told of each registration, with a function that takes it back. */
  constructor(hhooks: HhookTable, ledger: Ledger, registered: (undo: () => void) => void) {
    this.nhelpers = 0;
    this.slots = [];
    this.hhooks = hhooks;
    this.ledger = ledger;
    this.registered = registered;
  }

  /**
   * Enters a helper and adds its hooks. EEXIST when the name is taken, ENAMETOOLONG, EINVAL without a name, ENOENT when a hook point is not there. `owner` is the module.
   * Source: khelp_register_helper().
   */
  register<T extends object>(helper: Helper<T>, owner: string): number {
    if (helper.name === '') return EINVAL;
    if (helper.name.length > HELPER_NAME_MAX) return ENAMETOOLONG;
    if (this.getId(helper.name) >= 0) return EEXIST;
    let id = this.slots.indexOf(null);
    if (id < 0) id = this.slots.length;
    const r = new Registered(helper as unknown as Helper<object>, id, owner, this.ledger.account('osd', `${owner}.${helper.name}`));
    for (let i = 0; i < r.hooks.length; i++) {
      const error = this.hhooks.addHook(r.hooks[i] as Hhook);
      if (error === 0) continue;
      while (--i >= 0) this.hhooks.removeHook(r.hooks[i] as Hhook);
      return error;
    }
    this.slots[id] = r;
    this.nhelpers++;
    this.registered(() => void this.deregister(helper));
    return 0;
  }

  /**
   * Takes a helper out: its hooks go, and the blocks of all objects, by its destructor. With `refuse`, EBUSY while an object has a block, as FreeBSD has it. ENOENT if it
   * is not registered. Source: khelp_deregister_helper().
   */
  deregister<T extends object>(helper: Helper<T>, refuse: boolean = false): number {
    const r = this.find(helper);
    if (r === null) return ENOENT;
    if (refuse && r.objects.size > 0) return EBUSY;
    for (const h of r.hooks) this.hhooks.removeHook(h);
    for (const osd of [...r.objects]) this.drop(r, osd);
    this.slots[r.id] = null;
    this.nhelpers--;
    return 0;
  }

  /** Gives an object the blocks that it lacks of all helpers of `classes`; null makes its record. Returns the record. Source: khelp_init_osd(). */
  initOsd(classes: number, osd: Osd | null): Osd {
    const to = osd ?? new Osd();
    for (const r of this.slots) {
      if (r === null || (r.helper.classes & classes) === 0 || r.objects.has(to)) continue;
      while (to.blocks.length < r.id) to.blocks.push(null);
      to.blocks[r.id] = r.helper.ctor();
      r.objects.add(to);
      r.account.take();
    }
    return to;
  }

  /** The object goes: its blocks go, by their destructors. Source: khelp_destroy_osd(). */
  destroyOsd(osd: Osd): void {
    for (const r of this.slots) if (r !== null && r.objects.has(osd)) this.drop(r, osd);
  }

  /** The block of a helper, by the helper itself; null if the object has none. Source: khelp_get_osd(). */
  get<T extends object>(helper: Helper<T>, osd: Osd | null): T | null {
    const r = this.find(helper);
    return r === null ? null : (this.getOsd(osd, r.id) as T | null);
  }

  /** The block of the helper with this id; null if the object has none. For hot paths that have asked for the id before. Source: khelp_get_osd(). */
  getOsd(osd: Osd | null, id: number): object | null {
    return osd === null ? null : (osd.blocks[id] ?? null);
  }

  /** Id of the helper of a name, -1 if there is none. Ids of helpers that have gone are used again. Source: khelp_get_id(). */
  getId(name: string): number {
    return this.slots.findIndex((r) => r !== null && r.helper.name === name);
  }

  private find(helper: unknown): Registered | null {
    return this.slots.find((r) => r !== null && r.helper === helper) ?? null;
  }

  private drop(r: Registered, osd: Osd): void {
    const block = osd.blocks[r.id] as object;
    osd.blocks[r.id] = null;
    r.objects.delete(osd);
    r.account.release();
    r.helper.dtor?.(block);
  }
}

/**
 * The module of a helper, named `h-` and its name: loading it registers the helper, unloading it ends the blocks of all objects. Congestion control that needs the
 * helper depends on the module.
 * Source: FreeBSD sys/module_khelp.h, KHELP_DECLARE_MOD_UMA().
 * @public
 */
export function khelpModule<T extends object>(helper: Helper<T>, version: number, depends: readonly ModuleDepend[]): ModuleDecl {
  const name = `h-${helper.name}`;
  return {
    name,
    version,
    depends,
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel: Kernel): number => kernel.khelp.register(helper, name),
        exit: (kernel: Kernel): void => void kernel.khelp.deregister(helper),
      },
    ],
  };
}
