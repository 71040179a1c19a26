import { EBUSY, EEXIST, EINVAL, ELOOP, ENOENT, ENOEXEC, EOPNOTSUPP, errnoName } from '@ns/errno';
import { contradiction, declare, type Declared, isFailure } from './decl.ts';
import { attempt, attemptExit, type Failure, failure, textOf } from './failure.ts';
import type { Journal } from './journal.ts';
import type { Kernel } from './kernel.ts';
import { describeRows, type LedgerRow } from './ledger.ts';
import type { KldResult, KldStatEntry, ModuleDecl, ModuleDepend } from './module.ts';
import type { Services } from './service.ts';
import { sysinitCompare, type SysinitDecl, SysinitStat, type VnetSysinitDecl } from './sysinit.ts';
import type { VnetCtor, VnetMachine } from './vnet-list.ts';
import type { VnetVar } from './vnet.ts';

/**
 * Version of the module `kernel`, which is always loaded: what a module may depend on when it needs a certain kernel.
 * @public
 */
export const KERNEL_VERSION = 4;

/** Undoes one step of a load. */
type Undo = (problems: string[]) => void;

interface Loaded {
  readonly decl: Declared;
  readonly id: number;
  /** Loaded by name, not only because another module needs it. */
  byName: boolean;
  /** Loaded modules that depend on this one. */
  readonly usedBy: Set<string>;
  /** What to undo at unload, last first. */
  readonly undo: Undo[];
  /** What its initialisers cost. */
  readonly stats: SysinitStat[];
}

/** One step of a load, in (subsystem, order). */
interface Step {
  readonly subsystem: number;
  readonly order: number;
  readonly once: SysinitDecl | null;
  readonly perVnet: VnetSysinitDecl | null;
  readonly stat: SysinitStat;
}

/**
 * Loads and unloads the modules of one kernel. Source: FreeBSD kern_linker.c, kern_module.c.
 */
export class Linker {
  private readonly kernel: Kernel;
  private readonly machine: VnetMachine;
  private readonly services: Services;
  private readonly journal: Journal;
  private readonly modules: Map<string, Loaded>;
  private nextId: number;
  /** The module that is being loaded or unloaded, or empty: what a service is provided by. */
  current: string;

  constructor(kernel: Kernel, machine: VnetMachine, services: Services, journal: Journal) {
    this.kernel = kernel;
    this.machine = machine;
    this.services = services;
    this.journal = journal;
    this.modules = new Map();
    this.nextId = 1;
    this.current = '';
    this.enter(declare({ name: 'kernel', version: KERNEL_VERSION }) as Declared);
  }

  load(mod: ModuleDecl, available: readonly ModuleDecl[]): KldResult {
    const decl = declare(mod);
    if (isFailure(decl)) return decl;
    const busy = this.busy(`kldload ${decl.name}`);
    if (busy !== null) return busy;
    const present = this.modules.get(decl.name);
    if (present !== undefined) return this.again(decl, present);
    const plan: Declared[] = [];
    const unmet = this.plan(decl, available, plan, []);
    if (unmet !== null) {
      this.kernel.log.err('KLD', unmet.message);
      return unmet;
    }
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

  /** Tells all modules that the kernel goes, newest first. Source: FreeBSD kern_module.c, module_shutdown(). */
  shutdown(problems: string[]): void {
    for (const { decl } of [...this.modules.values()].reverse()) {
      const tell = decl.shutdown;
      if (tell !== null) attemptExit(`shutdown of '${decl.name}'`, problems, () => tell(this.kernel));
    }
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

  /** What initialisers and variables have cost, by module in order of loading. */
  sysinitStats(): SysinitStat[] {
    return [...this.modules.values()].flatMap((l) => l.stats);
  }

  /** A module that was only pulled in as a dependency gets its own reference; one that was loaded by name is there already. */
  private again(decl: Declared, present: Loaded): KldResult {
    const { name, version } = present.decl;
    if (!present.byName && present.decl.source === decl.source && version === decl.version) {
      present.byName = true;
      return { errno: 0, message: '', id: present.id };
    }
    const other = decl.version === version ? '' : `; version ${decl.version} would have to wait until it is unloaded`;
    return failure(EEXIST, `module '${name}' version ${version} is already loaded${other}`);
  }

  private busy(what: string): Failure | null {
    if (this.current !== '') return failure(EBUSY, `${what}: '${this.current}' is being loaded or unloaded`);
    if (this.machine.changing > 0) return failure(EBUSY, `${what}: a vnet is being made or destroyed`);
    return null;
  }

  /** Puts `decl` and what it needs and is not there into `plan`, dependencies first. */
  private plan(decl: Declared, available: readonly ModuleDecl[], plan: Declared[], path: readonly string[]): Failure | null {
    const here = [...path, decl.name];
    for (const need of decl.depends) {
      const loaded = this.modules.get(need.name)?.decl;
      const present = loaded ?? plan.find((d) => d.name === need.name);
      if (present !== undefined) {
        if (fits(need, present)) continue;
        return failure(ENOEXEC, `${asks(decl, need)}, but version ${present.version} is ${loaded !== undefined ? 'loaded' : 'needed by another'}`);
      }
      if (here.includes(need.name)) return failure(ELOOP, `modules depend on each other: ${[...here.slice(here.indexOf(need.name)), need.name].join(' -> ')}`);
      const found = choose(need, available, decl);
      if (isFailure(found)) return found;
      const unmet = this.plan(found, available, plan, here);
      if (unmet !== null) return unmet;
    }
    plan.push(decl);
    return null;
  }

  private enter(decl: Declared): Loaded {
    const loaded: Loaded = { decl, id: this.nextId++, byName: decl.name === 'kernel', usedBy: new Set(), undo: [], stats: [] };
    this.modules.set(decl.name, loaded);
    for (const need of decl.depends) this.modules.get(need.name)?.usedBy.add(decl.name);
    return loaded;
  }

  private loadOne(decl: Declared, problems: string[]): Failure | null {
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
      loaded.stats.push(step.stat);
      failed = step.once !== null ? this.runOnce(loaded, step.once, step.stat) : this.runPerVnet(loaded, step, problems);
    }
    if (failed === null && !dataReady) failed = this.prepareData(loaded);
    failed ??= contradiction(decl);
    this.current = '';
    if (failed !== null) this.remove(loaded, problems);
    return failed === null ? null : failure(failed.errno, `module '${decl.name}': ${failed.message}`);
  }

  /** Makes the variables known; their values come with {@link Linker.prepareData}, or when an initialiser asks. */
  private register(loaded: Loaded): Failure | null {
    const vars = loaded.decl.vnetVars;
    const known = new Set<VnetVar<unknown>>();
    loaded.undo.push((problems) => this.machine.dropVars(known, problems));
    for (const v of vars) {
      for (const other of this.machine.registry.vars) {
        if (other.module === v.module && other.name === v.name) return failure(EEXIST, `vnet variable ${v.module}.${v.name} exists already`);
      }
      this.machine.registry.add(v);
      known.add(v);
    }
    if (vars.length > 0) loaded.stats.push(this.machine.registry.statOf(loaded.decl.name));
    return null;
  }

  /** Sysctls with their tunables, and the variables in all living vnets: after the initialisers that come before the first per-vnet one. */
  private prepareData(loaded: Loaded): Failure | null {
    const { name, sysctls, vnetVars } = loaded.decl;
    if (sysctls.length > 0) {
      const failed = attempt('sysctls', () => this.registerSysctls(name, loaded));
      if (failed !== null) return failed;
    }
    return this.machine.materialise(name, vnetVars);
  }

  private registerSysctls(name: string, loaded: Loaded): void {
    const tree = this.kernel.sysctl;
    loaded.undo.push(() => void tree.unregister(name));
    const done = tree.register(name, loaded.decl.sysctls, { vnet: this.kernel.vnets.vnet0, jailed: false });
    if (done.errno !== 0) throw Object.assign(new Error(`${done.name}: ${errnoName(done.errno)}`), { errno: done.errno });
    for (const r of done.refused) this.kernel.log.warning(name, `tunable ${r.name} refused: ${errnoName(r.errno)}`);
  }

  private runOnce(loaded: Loaded, decl: SysinitDecl, stat: SysinitStat): Failure | null {
    const label = `at 0x${decl.subsystem.toString(16)}`;
    const { clock } = this.kernel.host;
    const since = clock.nowUs();
    const failed = this.journal.attempt(`initialiser ${label}`, () => decl.init(this.kernel));
    stat.add(clock.nowUs() - since);
    const exit = decl.exit;
    if (failed === null && exit !== undefined) loaded.undo.push((problems) => attemptExit(`exit ${label}`, problems, () => exit(this.kernel)));
    return failed;
  }

  private runPerVnet(loaded: Loaded, step: Step, problems: string[]): Failure | null {
    const ctor: VnetCtor = { module: loaded.decl.name, decl: step.perVnet as VnetSysinitDecl, stat: step.stat };
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
    for (const need of loaded.decl.depends) this.modules.get(need.name)?.usedBy.delete(name);
  }

  /** Why the module has to stay; null if it may go. */
  private veto(loaded: Loaded, force: boolean): KldResult | null {
    const { name, quiesce } = loaded.decl;
    if (name === 'kernel') return failure(EBUSY, 'the kernel cannot be unloaded');
    const leases = this.rows().filter((r) => r.module === name);
    const holders = [...[...loaded.usedBy].map((user): LedgerRow => ({ kind: 'module', name: user, module: name, count: 1 })), ...leases];
    const refuse = (errno: number, why: string): KldResult => ({ errno, message: `module '${name}' ${why}`, ...(holders.length > 0 ? { holders } : {}) });
    if (loaded.usedBy.size > 0) return refuse(EBUSY, `is needed by ${[...loaded.usedBy].join(', ')}`);
    if (quiesce !== null && !force) {
      const failed = attempt('quiesce', () => quiesce(this.kernel));
      if (failed !== null && failed.errno !== EOPNOTSUPP && failed.errno !== EINVAL) {
        return refuse(failed.errno, `objects: ${failed.message}${leases.length > 0 ? `; it is held by ${describeRows(leases)}` : ''}`);
      }
    }
    return leases.length === 0 ? null : refuse(EBUSY, `is held by ${describeRows(leases)}`);
  }

  /** Removes the modules that were pulled in for `decl` and that nobody needs any more, last one first. */
  private removeOrphans(decl: Declared, force: boolean, problems: string[]): void {
    for (const need of [...decl.depends].reverse()) {
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

function stepsOf(decl: Declared): Step[] {
  const steps: Step[] = [];
  const step = (d: SysinitDecl | VnetSysinitDecl, perVnet: boolean): SysinitStat => new SysinitStat(decl.name, d.subsystem, d.order, perVnet);
  for (const d of decl.sysinit) steps.push({ subsystem: d.subsystem, order: d.order, once: d, perVnet: null, stat: step(d, false) });
  for (const d of decl.vnetInit) steps.push({ subsystem: d.subsystem, order: d.order, once: null, perVnet: d, stat: step(d, true) });
  return steps.sort(sysinitCompare);
}

function fits(need: ModuleDepend, decl: { readonly version: number }): boolean {
  return decl.version >= need.min && decl.version <= need.max;
}

function asks(decl: Declared, need: ModuleDepend): string {
  return `module '${decl.name}' version ${decl.version} needs '${need.name}' version ${need.min} to ${need.max} (${need.preferred} preferred)`;
}

/** The preferred version if it is available, else the newest that will do; else what is wrong. */
function choose(need: ModuleDepend, available: readonly ModuleDecl[], asking: Declared): Declared | Failure {
  const who = asks(asking, need);
  let named: readonly ModuleDecl[];
  try {
    named = available.filter((d) => d.name === need.name);
  } catch (e) {
    return failure(EINVAL, `${who}, and what is available cannot be read: ${textOf(e)}`);
  }
  if (named.length === 0) return failure(ENOENT, `${who}, which is not loaded`);
  const read = named.map(declare);
  const good = read.filter((d): d is Declared => !isFailure(d) && d.name === need.name);
  const fitting = good.filter((d) => fits(need, d)).sort((a, b) => b.version - a.version);
  const best = fitting.find((d) => d.version === need.preferred) ?? fitting[0];
  if (best !== undefined) return best;
  const bad = read.find(isFailure);
  if (good.length === 0 && bad !== undefined) return failure(bad.errno, `${who}, and what is available will not do: ${bad.message}`);
  return failure(ENOEXEC, `${who}, but only version ${good.map((d) => d.version).join(', ')} is available`);
}
