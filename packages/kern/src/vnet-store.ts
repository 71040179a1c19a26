import { attemptExit } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { Ledger } from './ledger.ts';
import type { Logger } from './log.ts';
import { SI_ORDER_FIRST, SI_SUB_VNET, SysinitStat } from './sysinit.ts';
import type { VnetStorage, VnetValues } from './vnet-values.ts';
import type { Vnet, VnetModuleVars, VnetVar } from './vnet.ts';

/**
 * The variables that the loaded modules of a kernel declare, in order of loading, and what making their values has cost.
 */
export class VarRegistry {
  readonly storage: VnetStorage;
  readonly vars: Set<VnetVar<unknown>>;
  private readonly stats: Map<string, SysinitStat>;

  constructor(storage: VnetStorage) {
    this.storage = storage;
    this.vars = new Set();
    this.stats = new Map();
  }

  add(v: VnetVar<unknown>): void {
    this.vars.add(v);
    if (!this.stats.has(v.module)) this.stats.set(v.module, new SysinitStat(v.module, SI_SUB_VNET, SI_ORDER_FIRST, true));
  }

  delete(v: VnetVar<unknown>): void {
    this.vars.delete(v);
  }

  /** The values are gone in all vnets. */
  forget(vars: Iterable<VnetVar<unknown>>): void {
    for (const v of vars) {
      this.storage.forget(v);
      this.stats.delete(v.module);
    }
  }

  /** Of a module with variables. */
  statOf(module: string): SysinitStat {
    return this.stats.get(module) as SysinitStat;
  }
}

/**
 * The values of one vnet. A value is made when it is first asked for, or by {@link VnetStore.materialise}: so an initialiser may read the
 * variables of other modules, and of its own, in whatever order they were declared.
 */
export class VnetStore {
  private readonly registry: VarRegistry;
  private readonly values: VnetValues;
  /** Variables whose initialiser is running, to find circles. */
  private readonly making: VnetVar<unknown>[];
  /** Time in initialisers that the running one has asked for. */
  private innerUs: number;
  private closed: boolean;

  constructor(registry: VarRegistry) {
    this.registry = registry;
    this.values = registry.storage.values();
    this.making = [];
    this.innerUs = 0;
    this.closed = false;
  }

  get<T>(v: VnetVar<T>, vnet: Vnet): T {
    const value = this.values.get(v as VnetVar<unknown>) as T | undefined;
    return value !== undefined ? value : this.make(v, vnet);
  }

  /** Makes the value of `v` if it is not there yet. Passes on what the initialiser throws. */
  make<T>(v: VnetVar<T>, vnet: Vnet): T {
    const key = v as VnetVar<unknown>;
    if (this.values.has(key)) return this.values.get(key) as T;
    const label = `${v.module}.${v.name}`;
    if (this.closed) throw new Error(`vnet ${vnet.id} is gone: no variable ${label}`);
    if (!this.registry.vars.has(key)) throw new Error(`vnet variable ${label}: module '${v.module}' is not loaded`);
    if (this.making.includes(key)) {
      throw new Error(`vnet variables need each other: ${[...this.making, key].map((x) => `${x.module}.${x.name}`).join(' -> ')}`);
    }
    const { clock } = vnet.kernel.host;
    const outer = this.innerUs;
    const since = clock.nowUs();
    this.innerUs = 0;
    this.making.push(key);
    try {
      const value = v.init(vnet);
      this.values.set(key, value);
      return value;
    } finally {
      this.making.pop();
      const us = clock.nowUs() - since;
      this.registry.statOf(v.module).add(us - this.innerUs);
      this.innerUs = outer + us;
    }
  }

  /** Makes all values that are not there yet. */
  materialise(vars: Iterable<VnetVar<unknown>>, vnet: Vnet): void {
    for (const v of vars) this.make(v, vnet);
  }

  /** Gives back the values of `vars` that are there, last made first. */
  drop(vars: ReadonlySet<VnetVar<unknown>>, vnet: Vnet, problems: string[]): void {
    for (const v of [...this.values.keys()].reverse()) {
      if (!vars.has(v)) continue;
      attemptExit(`${v.module}.${v.name} in vnet ${vnet.id}`, problems, () => v.destroy(this.values.get(v), vnet));
      this.values.delete(v);
    }
  }

  /** Gives everything back, for good. */
  close(vnet: Vnet, problems: string[]): void {
    this.closed = true;
    this.drop(new Set(this.values.keys()), vnet, problems);
  }

  describe(vnet: Vnet): VnetModuleVars[] {
    const byModule = new Map<string, { name: string; value: unknown }[]>();
    if (this.closed) return [];
    for (const v of this.registry.vars) {
      let vars = byModule.get(v.module);
      if (vars === undefined) byModule.set(v.module, (vars = []));
      vars.push({ name: v.name, value: this.get(v, vnet) });
    }
    return [...byModule].map(([module, vars]) => ({ module, vars }));
  }
}

/** The one implementation of {@link Vnet}. */
export class VnetRecord implements Vnet {
  readonly kernel: Kernel;
  readonly id: number;
  name: string;
  state: number;
  readonly log: Logger;
  readonly ledger: Ledger;
  shutdown: boolean;
  readonly isDefault: boolean;
  readonly store: VnetStore;

  constructor(kernel: Kernel, id: number, name: string, registry: VarRegistry) {
    this.kernel = kernel;
    this.id = id;
    this.name = name;
    this.state = 0;
    this.log = kernel.log.of(id);
    this.ledger = new Ledger();
    this.shutdown = false;
    this.isDefault = id === 0;
    this.store = new VnetStore(registry);
  }

  get<T>(v: VnetVar<T>): T {
    return this.store.get(v, this);
  }

  describe(): VnetModuleVars[] {
    return this.store.describe(this);
  }
}
