import type { Kernel } from './kernel.ts';
import type { Ledger } from './ledger.ts';
import type { Logger } from './log.ts';

/**
 * How a per-vnet variable is declared.
 * @public
 */
export interface VnetVarDecl<T> {
  /** The module that declares it: the same name as in its ModuleDecl. */
  readonly module: string;
  /** Name within the module. */
  readonly name: string;
  /**
   * Makes the initial value of one vnet. Runs when the variable is first asked for in that vnet, and at the latest when the vnet is made or the module
   * loaded; never from another vnet's value, so a new vnet starts with the default, whatever vnet0 was changed to.
   */
  init(vnet: Vnet): T;
  /** Gives back what the value holds. Runs after all exit functions of the vnet, in the reverse order of creation. Must not fail. */
  destroy?(value: T, vnet: Vnet): void;
}

/**
 * A per-vnet variable: declared once as a constant of its module, one value in each vnet of each kernel. The key itself holds no value.
 *
 * Hot objects keep a direct reference to the value; {@link VnetVar.get} is for the control path.
 * Source: FreeBSD net/vnet.h, VNET_DEFINE() and VNET_VNET().
 * @public
 */
export class VnetVar<T> {
  /** The declaring module. */
  readonly module: string;
  /** Name within the module. */
  readonly name: string;
  private readonly decl: VnetVarDecl<T>;

  constructor(decl: VnetVarDecl<T>) {
    this.module = decl.module;
    this.name = decl.name;
    this.decl = decl;
  }

  /** The value in `vnet`. Throws if the declaring module is not loaded in its kernel. */
  get(vnet: Vnet): T {
    return vnet.get(this);
  }

  /** Makes an initial value; for the store of a vnet only. */
  init(vnet: Vnet): T {
    return this.decl.init(vnet);
  }

  /** Gives a value back; for the store of a vnet only. */
  destroy(value: T, vnet: Vnet): void {
    this.decl.destroy?.(value, vnet);
  }
}

/** Declares a per-vnet variable; see {@link VnetVar}. @public */
export function defineVnetVar<T>(decl: VnetVarDecl<T>): VnetVar<T> {
  return new VnetVar(decl);
}

/**
 * What belongs to one vnet must not be used with what belongs to another: a socket with the interface of a neighbour, a route with a foreign table. That is a mistake in the program
 * and not an input, so it throws, before anything has changed. One comparison; for the control path, where two objects meet for the first time: packets then follow references
 * that were checked.
 * Source: FreeBSD net/vnet.h, VNET_ASSERT().
 * @public
 */
export function sameVnet(a: Vnet, b: Vnet, what: string): void {
  if (a !== b) throw new Error(`${what}: of vnet ${a.id} (${a.name}) used with vnet ${b.id} (${b.name})`);
}

/**
 * The variables of one module in one vnet, as {@link Vnet.describe} lists them.
 * @public
 */
export interface VnetModuleVars {
  /** Module name. */
  readonly module: string;
  /** In the order of their creation. */
  readonly vars: readonly { readonly name: string; readonly value: unknown }[];
}

/**
 * One virtual network stack: an identity, its variables, and a ledger of what it has given out.
 *
 * Vnets are made with the kernel (vnet0) and by jails, by nobody else; there is no constructor to call. There is no current vnet either: sockets, pcbs, interfaces,
 * timers and requests carry theirs.
 * Source: FreeBSD net/vnet.h, struct vnet.
 * @public
 */
export interface Vnet {
  /** The kernel that it lives in. */
  readonly kernel: Kernel;
  /** 0 is vnet0. Never given out twice in a kernel. */
  readonly id: number;
  /** For people; that of the jail that owns it. */
  name: string;
  /** The last SI_SUB_* reached in construction or destruction, so that a stuck one names its step. */
  state: number;
  /** The log, for lines about this vnet. */
  readonly log: Logger;
  /** What was taken in this vnet. Empty when the vnet is gone. */
  readonly ledger: Ledger;
  /** Destruction has begun: nothing new may come in. */
  shutdown: boolean;
  /** Whether this is the vnet that the kernel started with. Source: IS_DEFAULT_VNET(). */
  readonly isDefault: boolean;
  /** The value of a variable here. Throws if its module is not loaded, or the vnet is gone. */
  get<T>(v: VnetVar<T>): T;
  /** The variables of this vnet with their values, by module in order of loading. */
  describe(): VnetModuleVars[];
}
