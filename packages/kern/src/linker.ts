import { EBUSY, EEXIST, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, EOPNOTSUPP, errnoName } from '@ns/errno';
import { attempt, attemptExit, type Failure, failure } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { describeRows, type LedgerRow } from './ledger.ts';
import { type KldResult, type KldStatEntry, MAXMODNAME, type ModuleDecl, type ModuleDepend } from './module.ts';
import type { Services } from './service.ts';
import { SI_SUB_VNET, sysinitCompare, type SysinitDecl, type VnetSysinitDecl } from './sysinit.ts';
import type { VnetCtor, VnetMachine } from './vnet-list.ts';
import type { VnetVar } from './vnet.ts';

/**
 * Version of the module `kernel`, which is always loaded: what a module may depend on when it needs a certain kernel.
 * @public
 */
export const KERNEL_VERSION = 1;

/** Undoes one step of a load. */
type Undo = (problems: string[]) => void;

interface Loaded {
  readonly decl: ModuleDecl;
  readonly id: number;
  /** Loaded by name, not only because another module needs it. */
  byName: boolean;
  /** Loaded modules that depend on this one. */
  readonly usedBy: Set<string>;
  /** What to undo at unload, last first. */
  readonly undo: Undo[];
}

/** One step of a load, in (subsystem, order). */
interface Step {
  readonly subsystem: number;
  readonly order: number;
  readonly once: SysinitDecl | null;
  readonly perVnet: VnetSysinitDecl | null;
}

/**
 * Loads and unloads the modules of one kernel. Source: FreeBSD kern_linker.c, kern_module.c.
 */
export class Linker {
  private readonly kernel: Kernel;
  private readonly machine: VnetMachine;
  private readonly services: Services;
  private readonly modules: Map<string, Loaded>;
  private nextId: number;
  /** The module that is being loaded or unloaded, or empty: what a service is provided by. */
  current: string;

  constructor(kernel: Kernel, machine: VnetMachine, services: Services) {
    this.kernel = kernel;
    this.machine = machine;
    this.services = services;
    this.modules = new Map();
    this.nextId = 1;
    this.current = '';
    this.enter({ name: 'kernel', version: KERNEL_VERSION });
  }

  load(decl: ModuleDecl, available: readonly ModuleDecl[]): KldResult {
    const busy = this.busy(`kldload ${decl.name}`);
    if (busy !== null) return busy;
    const present = this.modules.get(decl.name);
    if (present !== undefined) return this.again(decl, present);
    const plan: ModuleDecl[] = [];
    const unmet = this.plan(decl, available, plan, []);
    if (unmet !== null) return unmet;
    const done: Loaded[] = [];
    const firstId = this.nextId;
    for (const each of plan) {
      const problems: string[] = [];
      const failed = this.loadOne(each, problems);
      if (failed !== null) {
        for (const l of done.reverse()) this.remove(l, problems);
        this.nextId = firstId;
        return { ...failed, ...(problems.length > 0 ? { problems } : {}) };
      }
      done.push(this.modules.get(each.name) as Loaded);
    }
    const loaded = this.modules.get(decl.name) as Loaded;
    loaded.byName = true;
    return { errno: 0, message: '', id: loaded.id };
  }

  unload(name: string, force: boolean): KldResult {
    const busy = this.busy(`kldunload ${name}`);
    if (busy !== null) return busy;
    const loaded = this.modules.get(name);
    if (loaded === undefined) return failure(ENOENT, `module '${name}' is not loaded`);
    const refused = this.veto(loaded, force);
    if (refused !== null) return refused;
    const problems: string[] = [];
    this.remove(loaded, problems);
    this.removeOrphans(loaded.decl, force, problems);
    const leftovers = this.leftovers(name);
    for (const p of problems) this.kernel.log.err(name, `unload: ${p}`);
    if (leftovers.length > 0) this.kernel.log.err(name, `unload: left behind ${describeRows(leftovers)}`);
    return { errno: 0, message: '', ...(problems.length > 0 ? { problems } : {}), ...(leftovers.length > 0 ? { leftovers } : {}) };
  }

  /** Unloads everything, newest first, whoever objects. */
  unloadAll(problems: string[]): void {
    for (const loaded of [...this.modules.values()].reverse()) {
      if (loaded.decl.name !== 'kernel') this.remove(loaded, problems);
    }
  }

  stat(): KldStatEntry[] {
    return [...this.modules.values()].map((l) => ({
      id: l.id,
      refs: (l.byName ? 1 : 0) + l.usedBy.size,
      name: l.decl.name,
      version: l.decl.version,
      usedBy: [...l.usedBy],
    }));
  }

  isLoaded(name: string): boolean {
    return this.modules.has(name);
  }

  /** A module that was only pulled in as a dependency gets its own reference; one that was loaded by name is there already. */
  private again(decl: ModuleDecl, present: Loaded): KldResult {
    if (!present.byName && present.decl === decl) {
      present.byName = true;
      return { errno: 0, message: '', id: present.id };
    }
    return failure(EEXIST, `module '${decl.name}' version ${present.decl.version} is already loaded`);
  }

  private busy(what: string): Failure | null {
    if (this.current !== '') return failure(EBUSY, `${what}: '${this.current}' is being loaded or unloaded`);
    if (this.machine.changing > 0) return failure(EBUSY, `${what}: a vnet is being made or destroyed`);
    return null;
  }

  /** Puts `decl` and what it needs and is not there into `plan`, dependencies first. */
  private plan(decl: ModuleDecl, available: readonly ModuleDecl[], plan: ModuleDecl[], path: readonly string[]): Failure | null {
    const here = [...path, decl.name];
    if (path.includes(decl.name)) return failure(ELOOP, `modules depend on each other: ${here.slice(path.indexOf(decl.name)).join(' -> ')}`);
    const bad = malformed(decl);
    if (bad !== null) return bad;
    for (const need of decl.depends ?? []) {
      const loaded = this.modules.get(need.name)?.decl;
      const present = loaded ?? plan.find((d) => d.name === need.name);
      if (present !== undefined) {
        if (fits(need, present)) continue;
        return failure(ENOEXEC, `${asks(decl, need)}, but version ${present.version} is ${loaded !== undefined ? 'loaded' : 'needed by another'}`);
      }
      const found = choose(need, available, decl);
      if (typeof found === 'string') return failure(available.some((d) => d.name === need.name) ? ENOEXEC : ENOENT, found);
      const unmet = this.plan(found, available, plan, here);
      if (unmet !== null) return unmet;
    }
    if (!plan.includes(decl)) plan.push(decl);
    return null;
  }

  private enter(decl: ModuleDecl): Loaded {
    const loaded: Loaded = { decl, id: this.nextId++, byName: decl.name === 'kernel', usedBy: new Set(), undo: [] };
    this.modules.set(decl.name, loaded);
    for (const need of decl.depends ?? []) this.modules.get(need.name)?.usedBy.add(decl.name);
    return loaded;
  }

  private loadOne(decl: ModuleDecl, problems: string[]): Failure | null {
    const loaded = this.enter(decl);
    this.current = decl.name;
    loaded.undo.push(() => this.services.withdrawAll(decl.name));
    let failed = this.register(loaded);
    let dataReady = false;
    for (const step of stepsOf(decl)) {
      if (failed === null && step.perVnet !== null && !dataReady) {
        dataReady = true;
        failed = this.prepareData(loaded);
      }
      if (failed !== null) break;
      failed = step.once !== null ? this.runOnce(loaded, step.once) : this.runPerVnet(loaded, step.perVnet as VnetSysinitDecl, problems);
    }
    if (failed === null && !dataReady) failed = this.prepareData(loaded);
    this.current = '';
    if (failed !== null) this.remove(loaded, problems);
    return failed === null ? null : failure(failed.errno, `module '${decl.name}': ${failed.message}`);
  }

  /** Makes the variables known; their values come with {@link Linker.prepareData}, or when an initialiser asks. */
  private register(loaded: Loaded): Failure | null {
    const vars = loaded.decl.vnetVars ?? [];
    const known = new Set<VnetVar<unknown>>();
    loaded.undo.push((problems) => this.machine.dropVars(known, problems));
    for (const v of vars) {
      for (const other of this.machine.registry) {
        if (other.module === v.module && other.name === v.name) return failure(EEXIST, `vnet variable ${v.module}.${v.name} exists already`);
      }
      this.machine.registry.add(v);
      known.add(v);
    }
    return null;
  }

  /** Sysctls with their tunables, and the variables in all living vnets: after the initialisers that come before the first per-vnet one. */
  private prepareData(loaded: Loaded): Failure | null {
    const { name, sysctls, vnetVars } = loaded.decl;
    if (sysctls !== undefined) {
      const failed = attempt('sysctls', () => this.registerSysctls(name, loaded));
      if (failed !== null) return failed;
    }
    return this.machine.materialise(name, vnetVars ?? []);
  }

  private registerSysctls(name: string, loaded: Loaded): void {
    const tree = this.kernel.sysctl;
    loaded.undo.push(() => void tree.unregister(name));
    const done = tree.register(name, loaded.decl.sysctls ?? [], { vnet: this.kernel.vnets.vnet0, jailed: false });
    if (done.errno !== 0) throw Object.assign(new Error(`${done.name}: ${errnoName(done.errno)}`), { errno: done.errno });
    for (const r of done.refused) this.kernel.log.warning(name, `tunable ${r.name} refused: ${errnoName(r.errno)}`);
  }

  private runOnce(loaded: Loaded, decl: SysinitDecl): Failure | null {
    const label = `at 0x${decl.subsystem.toString(16)}`;
    const failed = attempt(`initialiser ${label}`, () => decl.init(this.kernel));
    const exit = decl.exit;
    if (failed === null && exit !== undefined) loaded.undo.push((problems) => attemptExit(`exit ${label}`, problems, () => exit(this.kernel)));
    return failed;
  }

  private runPerVnet(loaded: Loaded, decl: VnetSysinitDecl, problems: string[]): Failure | null {
    const ctor: VnetCtor = { module: loaded.decl.name, decl };
    const failed = this.machine.addCtor(ctor, problems);
    if (failed === null) loaded.undo.push((p) => this.machine.removeCtor(ctor, p));
    return failed;
  }

  /** Undoes the whole load, last step first, and forgets the module. */
  private remove(loaded: Loaded, problems: string[]): void {
    const name = loaded.decl.name;
    this.current = name;
    for (let undo = loaded.undo.pop(); undo !== undefined; undo = loaded.undo.pop()) undo(problems);
    this.current = '';
    this.modules.delete(name);
    for (const need of loaded.decl.depends ?? []) this.modules.get(need.name)?.usedBy.delete(name);
  }

  /** Why the module has to stay; null if it may go. */
  private veto(loaded: Loaded, force: boolean): KldResult | null {
    const { name, quiesce } = loaded.decl;
    if (name === 'kernel') return failure(EBUSY, 'the kernel cannot be unloaded');
    if (loaded.usedBy.size > 0) return failure(EBUSY, `module '${name}' is needed by ${[...loaded.usedBy].join(', ')}`);
    if (quiesce !== undefined && !force) {
      const failed = attempt('quiesce', () => quiesce(this.kernel));
      if (failed !== null && failed.errno !== EOPNOTSUPP && failed.errno !== EINVAL) return failure(failed.errno, `module '${name}' objects: ${failed.message}`);
    }
    const holders = this.rows().filter((r) => r.module === name);
    return holders.length === 0 ? null : { errno: EBUSY, message: `module '${name}' is held by ${describeRows(holders)}`, holders };
  }

  /** Removes the modules that were pulled in for `decl` and that nobody needs any more, last one first. */
  private removeOrphans(decl: ModuleDecl, force: boolean, problems: string[]): void {
    for (const need of [...(decl.depends ?? [])].reverse()) {
      const loaded = this.modules.get(need.name);
      if (loaded === undefined || loaded.byName || this.veto(loaded, force) !== null) continue;
      this.remove(loaded, problems);
      this.removeOrphans(loaded.decl, force, problems);
    }
  }

  /** What is still out in the name of a module. */
  private leftovers(name: string): LedgerRow[] {
    return this.rows().filter((r) => r.name === name || (r.name.startsWith(name) && /^[.: ]/.test(r.name.slice(name.length))));
  }

  private rows(): LedgerRow[] {
    const rows = this.kernel.ledger.report();
    for (const vnet of this.machine.living()) rows.push(...vnet.ledger.report());
    return rows;
  }
}

function stepsOf(decl: ModuleDecl): Step[] {
  const steps: Step[] = [];
  for (const d of decl.sysinit ?? []) steps.push({ subsystem: d.subsystem, order: d.order, once: d, perVnet: null });
  for (const d of decl.vnetInit ?? []) steps.push({ subsystem: d.subsystem, order: d.order, once: null, perVnet: d });
  return steps.sort(sysinitCompare);
}

function malformed(decl: ModuleDecl): Failure | null {
  const { name, version } = decl;
  if (name === '') return failure(EINVAL, 'a module without a name');
  if (name.length > MAXMODNAME) return failure(ENAMETOOLONG, `module name '${name}' is longer than ${MAXMODNAME}`);
  if (!Number.isInteger(version) || version < 0) return failure(EINVAL, `module '${name}': version ${version}`);
  for (const d of decl.vnetInit ?? []) {
    if (d.subsystem <= SI_SUB_VNET) return failure(EINVAL, `module '${name}': a per-vnet initialiser at 0x${d.subsystem.toString(16)}, before vnets are made`);
  }
  for (const v of decl.vnetVars ?? []) {
    if (v.module !== name) return failure(EINVAL, `module '${name}': variable ${v.name} was declared by '${v.module}'`);
  }
  return null;
}

function fits(need: ModuleDepend, decl: ModuleDecl): boolean {
  return decl.version >= need.min && decl.version <= need.max;
}

function asks(decl: ModuleDecl, need: ModuleDepend): string {
  return `module '${decl.name}' version ${decl.version} needs '${need.name}' version ${need.min} to ${need.max} (${need.preferred} preferred)`;
}

/** The preferred version if it is available, else the newest that will do; else what is wrong. */
function choose(need: ModuleDepend, available: readonly ModuleDecl[], asking: ModuleDecl): ModuleDecl | string {
  const named = available.filter((d) => d.name === need.name);
  const fitting = named.filter((d) => fits(need, d)).sort((a, b) => b.version - a.version);
  const best = fitting.find((d) => d.version === need.preferred) ?? fitting[0];
  if (best !== undefined) return best;
  const who = asks(asking, need);
  return named.length === 0 ? `${who}, which is not loaded` : `${who}, but only version ${named.map((d) => d.version).join(', ')} is available`;
}
