import { EAGAIN, EBUSY, errnoName } from '@ns/errno';
import { attemptExit, type Failure, failure } from './failure.ts';
import type { Journal } from './journal.ts';
import type { Kernel } from './kernel.ts';
import type { LedgerRow } from './ledger.ts';
import { SI_SUB_VNET, SI_SUB_VNET_DONE, sysinitCompare, type SysinitStat, type VnetSysinitDecl } from './sysinit.ts';
import { VarRegistry, VnetRecord } from './vnet-store.ts';
import { vnetStorage } from './vnet-values.ts';
import type { Vnet, VnetVar } from './vnet.ts';

/**
 * Result of making a vnet.
 * @public
 */
export interface VnetAllocResult {
  /** 0; EAGAIN, there are `kern.vnet.max` of them; EBUSY from inside a constructor that a load runs; or why a constructor failed: then all that was done is undone. */
  readonly errno: number;
  /** Names the module and step that failed; empty on success. */
  readonly message: string;
  /** The vnet; null on failure. */
  readonly vnet: Vnet | null;
}

/**
 * What a destroyed vnet left behind. A leak is shown here, never hidden.
 * @public
 */
export interface VnetReport {
  /** Its number. */
  readonly id: number;
  /** Its last name. */
  readonly name: string;
  /** Leases that nobody gave back. */
  readonly leftovers: readonly LedgerRow[];
  /** Destructors that threw. */
  readonly problems: readonly string[];
  /** Nothing left over and no problem. */
  readonly clean: boolean;
}

/**
 * The right to make and destroy vnets, held by one owner in each kernel: the jails of package vnet.
 * @alpha
 */
export interface VnetAllocator {
  /** Makes a vnet: variables, then constructors in (subsystem, order), then the list. Source: FreeBSD vnet_alloc(). */
  alloc(name: string): VnetAllocResult;
  /**
   * Takes the vnet off the list, runs destructors in reverse order, gives the variables back. vnet0 cannot be destroyed, nor any vnet from inside a constructor or destructor
   * that a load or an unload runs: throws. Source: FreeBSD vnet_destroy().
   */
  destroy(vnet: Vnet): VnetReport;
  /** Gives the right back. */
  release(): void;
}

/** Default of `kern.vnet.max`: one for each jail that there can be, and vnet0. */
const VNET_MAX = 1000000;

/** A constructor with the module that declared it. */
export interface VnetCtor {
  readonly module: string;
  readonly decl: VnetSysinitDecl;
  readonly stat: SysinitStat;
}

/**
 * What the linker does to all vnets of a kernel: variables and constructors come and go.
 */
export class VnetMachine {
  /** Variables of the loaded modules. */
  readonly registry: VarRegistry;
  /** Most vnets at a time: boot tunable `kern.vnet.max`. With 1 there is vnet0 and no other. */
  readonly max: number;
  /** Vnets under construction or destruction: modules stay as they are meanwhile. */
  changing: number;
  /** Reports of destroyed vnets that were not clean, while somebody collects them. */
  collector: VnetReport[] | null;
  private readonly kernel: Kernel;
  private readonly journal: Journal;
  private ctors: readonly VnetCtor[];
  private vnets: readonly VnetRecord[];
  private nextId: number;
  /** A module's constructors or destructors are running in all vnets: vnets stay as they are meanwhile. */
  private walking: boolean;

  constructor(kernel: Kernel, journal: Journal) {
    const env = kernel.sysctl.tunables;
    this.kernel = kernel;
    this.journal = journal;
    this.registry = new VarRegistry(vnetStorage(env.str('kern.vnet.storage', 'map')));
    this.max = Math.max(1, env.int('kern.vnet.max', VNET_MAX));
    this.walking = false;
    this.changing = 0;
    this.collector = null;
    this.ctors = [];
    this.vnets = [];
    this.nextId = 0;
  }

  /** The living vnets, oldest first; a snapshot. */
  living(): readonly Vnet[] {
    return this.vnets;
  }

  /** Makes the values of a module's variables in all living vnets, with their boot tunables. */
  materialise(module: string, vars: readonly VnetVar<unknown>[]): Failure | null {
    for (const vnet of this.vnets) {
      const failed = this.journal.attempt(`variables of '${module}' in vnet ${vnet.id}`, () => {
        vnet.store.materialise(vars, vnet);
        this.applyTunables(vnet, module);
      });
      if (failed !== null) return failed;
    }
    return null;
  }

  /** Forgets `vars` and gives their values back in all living vnets, youngest first. */
  dropVars(vars: ReadonlySet<VnetVar<unknown>>, problems: string[]): void {
    for (const v of vars) this.registry.delete(v);
    for (const vnet of [...this.vnets].reverse()) vnet.store.drop(vars, vnet, problems);
    this.registry.forget(vars);
  }

  /** Runs a constructor in all living vnets and keeps it for those that come. Undone completely on failure. */
  addCtor(ctor: VnetCtor, problems: string[]): Failure | null {
    const done: VnetRecord[] = [];
    this.walking = true;
    let failed: Failure | null = null;
    for (const vnet of this.vnets) {
      failed = construct(ctor, vnet, this.journal);
      if (failed !== null) break;
      done.push(vnet);
    }
    if (failed !== null) for (const v of done.reverse()) destruct(ctor, v, problems);
    this.walked();
    if (failed !== null) return failed;
    let at = this.ctors.length;
    while (at > 0 && sysinitCompare((this.ctors[at - 1] as VnetCtor).decl, ctor.decl) > 0) at--;
    this.ctors = [...this.ctors.slice(0, at), ctor, ...this.ctors.slice(at)];
    return null;
  }

  /** Forgets a constructor and runs its destructor in all living vnets, youngest first. */
  removeCtor(ctor: VnetCtor, problems: string[]): void {
    this.ctors = this.ctors.filter((c) => c !== ctor);
    this.walking = true;
    for (const vnet of [...this.vnets].reverse()) destruct(ctor, vnet, problems);
    this.walked();
  }

  alloc(name: string): VnetAllocResult {
    const refused = this.refuse();
    if (refused !== null) return { ...refused, vnet: null };
    const vnet = new VnetRecord(this.kernel, this.nextId++, name, this.registry);
    vnet.state = SI_SUB_VNET;
    const done: VnetCtor[] = [];
    this.changing++;
    try {
      let failed = this.journal.attempt(`variables of vnet ${vnet.id}`, () => {
        vnet.store.materialise(this.registry.vars, vnet);
        this.applyTunables(vnet, null);
      });
      for (const ctor of this.ctors) {
        if (failed !== null) break;
        failed = construct(ctor, vnet, this.journal);
        if (failed === null) done.push(ctor);
      }
      if (failed !== null) {
        this.unmake(vnet, done);
        return { errno: failed.errno, message: failed.message, vnet: null };
      }
    } finally {
      this.changing--;
    }
    vnet.state = SI_SUB_VNET_DONE;
    this.vnets = [...this.vnets, vnet];
    return { errno: 0, message: '', vnet };
  }

  destroy(which: Vnet): VnetReport {
    const vnet = this.vnets.find((v) => v === which);
    if (vnet === undefined) throw new Error(`vnet ${which.id} is not alive in this kernel`);
    if (this.walking) throw new Error(`EBUSY: vnet ${which.id}: a module is being loaded into all vnets, or unloaded`);
    this.vnets = this.vnets.filter((v) => v !== vnet);
    this.changing++;
    try {
      const report = this.unmake(vnet, this.ctors);
      if (!report.clean) this.collector?.push(report);
      return report;
    } finally {
      this.changing--;
    }
  }

  /** The living vnets are complete again. */
  private walked(): void {
    for (const vnet of this.vnets) vnet.state = SI_SUB_VNET_DONE;
    this.walking = false;
  }

  /** Why there can be no further vnet now. */
  private refuse(): Failure | null {
    if (this.walking) return failure(EBUSY, 'a module is being loaded into all vnets, or unloaded');
    return this.vnets.length < this.max ? null : failure(EAGAIN, `no more than ${this.max} vnets (kern.vnet.max)`);
  }

  /** Writes the boot tunables of VNET sysctls, of one module or of all, into a vnet. */
  private applyTunables(vnet: Vnet, module: string | null): void {
    const { sysctl, log } = this.kernel;
    for (const r of sysctl.applyVnetTunables({ vnet, jailed: false }, module)) {
      log.warning('sysctl', `tunable ${r.name} refused in vnet ${vnet.id}: ${errnoName(r.errno)}`);
    }
  }

  /** Destructors of `done` in reverse, then the variables, then the proof. */
  private unmake(vnet: VnetRecord, done: readonly VnetCtor[]): VnetReport {
    const problems: string[] = [];
    vnet.shutdown = true;
    for (let i = done.length - 1; i >= 0; i--) destruct(done[i] as VnetCtor, vnet, problems);
    vnet.store.close(vnet, problems);
    vnet.state = 0;
    const leftovers = vnet.ledger.report();
    return { id: vnet.id, name: vnet.name, leftovers, problems, clean: leftovers.length === 0 && problems.length === 0 };
  }
}

function construct(ctor: VnetCtor, vnet: VnetRecord, journal: Journal): Failure | null {
  const { clock } = vnet.kernel.host;
  const since = clock.nowUs();
  vnet.state = ctor.decl.subsystem;
  const failed = journal.attempt(label('constructor', ctor, vnet), () => ctor.decl.init(vnet));
  ctor.stat.add(clock.nowUs() - since);
  return failed;
}

function destruct(ctor: VnetCtor, vnet: VnetRecord, problems: string[]): void {
  const exit = ctor.decl.exit;
  vnet.state = ctor.decl.subsystem;
  if (exit !== undefined) attemptExit(label('destructor', ctor, vnet), problems, () => exit(vnet));
}

function label(what: string, ctor: VnetCtor, vnet: Vnet): string {
  return `${what} of '${ctor.module}' at 0x${ctor.decl.subsystem.toString(16)} in vnet ${vnet.id}`;
}

/**
 * What a function may return that does not wait: anything but a promise.
 * @public
 */
export type Prompt<R> = R extends { readonly then: unknown } ? never : R;

/**
 * The vnets of a kernel.
 * @public
 */
export interface VnetList {
  /** The vnet that the kernel started with. */
  readonly vnet0: Vnet;
  /** Living vnets. */
  readonly count: number;
  /** The living vnets, oldest first: a snapshot. */
  list(): Vnet[];
  /**
   * Calls `fn` for the vnets that live now, oldest first. `fn` may make and destroy vnets: new ones are not visited, those destroyed before their turn
   * neither. It may not wait, and the types refuse one that does: who must wait takes {@link VnetList.list}, and looks after each wait whether the vnet still lives.
   * Source: FreeBSD net/vnet.h, VNET_FOREACH() under VNET_LIST_RLOCK_NOSLEEP().
   */
  forEach<R>(fn: (vnet: Vnet) => Prompt<R>): void;
  /** The living vnet with this id. */
  get(id: number): Vnet | null;
  /** Takes the right to make vnets, which one owner in a kernel has: the jails of package vnet do. Throws if it is taken. */
  claim(owner: string): VnetAllocator;
}

/** The one implementation of {@link VnetList}. */
export class Vnets implements VnetList {
  readonly vnet0: Vnet;
  private readonly machine: VnetMachine;
  /** Who makes vnets; a new object for each claim. */
  private owner: { readonly name: string } | null;

  constructor(machine: VnetMachine) {
    this.machine = machine;
    this.owner = null;
    this.vnet0 = machine.alloc('vnet0').vnet as Vnet;
  }

  get count(): number {
    return this.machine.living().length;
  }

  list(): Vnet[] {
    return [...this.machine.living()];
  }

  forEach<R>(fn: (vnet: Vnet) => Prompt<R>): void {
    for (const vnet of this.machine.living()) if (!vnet.shutdown) fn(vnet);
  }

  get(id: number): Vnet | null {
    return this.machine.living().find((v) => v.id === id) ?? null;
  }

  claim(owner: string): VnetAllocator {
    if (this.owner !== null) throw new Error(`EBUSY: vnets of this kernel are made by ${this.owner.name}`);
    const right = { name: owner };
    this.owner = right;
    const machine = this.machine;
    const check = (): void => {
      if (this.owner !== right) throw new Error('the right to make vnets was given back');
    };
    return {
      alloc: (name) => {
        check();
        return machine.alloc(name);
      },
      destroy: (vnet) => {
        check();
        if (vnet === this.vnet0) throw new Error('vnet0 lives as long as its kernel');
        return machine.destroy(vnet);
      },
      release: () => {
        check();
        this.owner = null;
      },
    };
  }
}
