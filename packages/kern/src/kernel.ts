import { CalloutWheel } from '@ns/callout';
import { DEFAULT_MBUF_LIMITS, type MbufLimits, MbufPool } from '@ns/mbuf';
import { CTLFLAG_NOFETCH, CTLFLAG_RD, CTLFLAG_RDTUN, CTLFLAG_RWTUN, type SysctlDecl, sysctlInt, sysctlString, SysctlTree } from '@ns/sysctl';
import { EBUSY, EINVAL } from '@ns/errno';
import { EventHandlers, EventKey } from './events.ts';
import { attemptExit, failure } from './failure.ts';
import { HhookTable } from './hhook.ts';
import type { Host } from './host.ts';
import { Journal } from './journal.ts';
import { Khelp } from './khelp.ts';
import { Ledger, type LedgerRow } from './ledger.ts';
import { Linker } from './linker.ts';
import type { SysinitStat } from './sysinit.ts';
import { Logger } from './log.ts';
import { MsgBuf } from './msgbuf.ts';
import type { KldResult, KldStatEntry, ModuleDecl } from './module.ts';
import type { Random } from './random.ts';
import { type ServiceKey, Services } from './service.ts';
import { Swi } from './swi.ts';
import { type VnetList, VnetMachine, type VnetReport, Vnets } from './vnet-list.ts';
import type { Vnet } from './vnet.ts';

/** Limits on mbufs, as sysctls. */
const MBUF_LIMITS: readonly (readonly [keyof MbufLimits, string])[] = [
  ['nmbufs', 'Maximum number of mbufs allowed'],
  ['nmbclusters', 'Maximum number of mbuf clusters allowed'],
  ['nmbjumbop', 'Maximum number of mbuf page size jumbo clusters allowed'],
  ['nmbjumbo16', 'Maximum number of mbuf 16k jumbo clusters allowed'],
];

/** Invoked first when a kernel shuts down, while everything still works: jails go here. @public */
export const SHUTDOWN_PRE_SYNC: EventKey<[kernel: Kernel]> = new EventKey<[kernel: Kernel]>('shutdown_pre_sync');

/**
 * Invoked soon after a limit has refused an mbuf: whoever holds some that he can do without gives them up. Source: FreeBSD kern_mbuf.c, mb_reclaim().
 * @public
 */
export const MBUF_LOWMEM: EventKey<[]> = new EventKey<[]>('mbuf_lowmem');

/**
 * What {@link Kernel.shutdown} found.
 * @public
 */
export interface ShutdownReport {
  /** Leases of the kernel and its vnets that nobody gave back, those of mbufs included. */
  readonly leftovers: readonly LedgerRow[];
  /** Exit functions that threw. */
  readonly problems: readonly string[];
}

/**
 * One kernel: the place that everything hangs off. Two kernels in a process share nothing.
 *
 * It starts with its services, vnet0 and no modules; `kldload` brings the rest.
 * @public
 */
export class Kernel {
  /** What it runs on. */
  readonly host: Host;
  /** The timer wheel, in the clock of the host. */
  readonly callouts: CalloutWheel;
  /** Random numbers, from the host. */
  readonly random: Random;
  /** The mbufs, with limits from the tunables `kern.ipc.nmbufs`, `.nmbclusters`, `.nmbjumbop`, `.nmbjumbo16`. */
  readonly mbufs: MbufPool;
  /** Tunables and counters by name; also holds the boot environment. */
  readonly sysctl: SysctlTree<Vnet>;
  /** Software interrupts. */
  readonly swi: Swi;
  /** Event handler lists. */
  readonly events: EventHandlers;
  /** What was taken from the kernel as a whole; each vnet has its own besides. */
  readonly ledger: Ledger;
  /** Hook points. */
  readonly hhooks: HhookTable;
  /** Helpers, and what they keep for connections and sockets. */
  readonly khelp: Khelp;
  /** The log, which ends at the host and in the message buffer (tunable `kern.msgbufsize`). What concerns one vnet is said by `vnet.log`. */
  readonly log: Logger;
  /** The virtual stacks, of which there is always one. */
  readonly vnets: VnetList;
  private readonly services: Services;
  private readonly machine: VnetMachine;
  private readonly linker: Linker;
  private stopping: boolean;
  private reclaiming: boolean;
  private down: ShutdownReport | null;

  constructor(host: Host) {
    this.host = host;
    this.callouts = new CalloutWheel(host.clock);
    this.random = host.random;
    this.sysctl = new SysctlTree<Vnet>(host.tunables ?? {});
    const env = this.sysctl.tunables;
    const max = DEFAULT_MBUF_LIMITS;
    this.mbufs = new MbufPool({
      nmbufs: env.int('kern.ipc.nmbufs', max.nmbufs),
      nmbclusters: env.int('kern.ipc.nmbclusters', max.nmbclusters),
      nmbjumbop: env.int('kern.ipc.nmbjumbop', max.nmbjumbop),
      nmbjumbo16: env.int('kern.ipc.nmbjumbo16', max.nmbjumbo16),
    });
    const journal = new Journal();
    const registered = (undo: () => void): void => journal.note(undo);
    this.swi = new Swi((fn) => host.defer(fn), this.callouts, registered);
    this.ledger = new Ledger();
    this.events = new EventHandlers(this.ledger, registered);
    this.hhooks = new HhookTable(this.ledger, registered);
    this.khelp = new Khelp(this.hhooks, this.ledger, registered);
    this.log = new Logger(host.clock, (entry) => host.log(entry), new MsgBuf(env.int('kern.msgbufsize', new MsgBuf().size)));
    this.services = new Services();
    this.machine = new VnetMachine(this, journal);
    this.vnets = new Vnets(this.machine);
    this.linker = new Linker(this, this.machine, this.services, journal);
    this.stopping = false;
    this.down = null;
    this.reclaiming = false;
    this.mbufs.onLimit = () => this.mbReclaim();
    this.sysctl.register('kernel', this.sysctls(), { vnet: this.vnets.vnet0, jailed: false });
  }

  /**
   * Loads a module: checks its declaration, dependencies and versions, runs its initialisers in (subsystem, order), makes its variables and runs its per-vnet
   * initialisers in all living vnets. A load that fails is undone completely.
   *
   * Modules that it needs and that are not loaded are taken from `available` and go again with it. Errors: EEXIST loaded already, or a name taken; ENOENT a dependency
   * is missing; ENOEXEC a version that will not do, or a declaration that changed while it was loaded; ELOOP modules that depend on each other; EINVAL, ENAMETOOLONG a malformed
   * declaration; EBUSY from inside another load, while a vnet is made, or during a shutdown; else what the initialiser returned or threw.
   */
  kldload(mod: ModuleDecl, available: readonly ModuleDecl[] = []): KldResult {
    if (this.down !== null) throw new Error('the kernel is shut down');
    return this.stopping ? failure(EBUSY, 'kldload: the kernel is shutting down') : this.linker.load(mod, available);
  }

  /**
   * Unloads a module, running its exits in reverse order, and the modules that were loaded only for it. EBUSY when others depend on it, or when a ledger has leases
   * that name it (`holders`); what its quiesce answers, unless `force`; ENOENT.
   */
  kldunload(name: string, force: boolean = false): KldResult {
    if (this.down !== null) throw new Error('the kernel is shut down');
    return this.stopping ? failure(EBUSY, 'kldunload: the kernel is shutting down') : this.linker.unload(name, force);
  }

  /** The loaded modules in order of loading; the first is `kernel`. */
  kldstat(): KldStatEntry[] {
    return this.linker.stat();
  }

  /** What initialisers and variables have cost, by module in order of loading, within a module in the order in which they run. */
  sysinitStats(): SysinitStat[] {
    return this.linker.sysinitStats();
  }

  /** Whether a module of this name is loaded, or being loaded. */
  isLoaded(name: string): boolean {
    return this.linker.isLoaded(name);
  }

  /**
   * Offers a service to other modules. Belongs to the module whose initialiser calls it, and goes with it; outside of a load, to the kernel.
   * A name that is taken is a programming error: throws.
   */
  provide<T>(key: ServiceKey<T>, impl: T): void {
    this.services.provide(key, impl, this.linker.current);
  }

  /** Takes an offer back before its module is unloaded. */
  withdraw<T>(key: ServiceKey<T>): void {
    this.services.withdraw(key.name);
  }

  /** The service, which must be there: throws if the module that provides it is not loaded. Control path: fetch once, keep in your object. */
  service<T>(key: ServiceKey<T>): T {
    const impl = this.services.get(key);
    if (impl === null) throw new Error(`service '${key.name}' is not there: load the module that provides it first`);
    return impl;
  }

  /** The service, or null. */
  tryService<T>(key: ServiceKey<T>): T | null {
    return this.services.get(key);
  }

  /**
   * Tells the modules (last loaded first), then stops everything in reverse order: listeners of {@link SHUTDOWN_PRE_SYNC}, vnets (youngest first), modules (last loaded first),
   * vnet0, software interrupts. Callouts that are still armed are reported. A second call gives the same report; one from inside a load, an unload or a shutdown throws.
   */
  shutdown(): ShutdownReport {
    if (this.down !== null) return this.down;
    if (this.stopping) throw new Error('EBUSY: the kernel is shutting down already');
    if (this.linker.current !== '' || this.machine.changing > 0) throw new Error('EBUSY: a module or a vnet comes or goes');
    this.stopping = true;
    const problems: string[] = [];
    const reports: VnetReport[] = [];
    this.machine.collector = reports;
    this.linker.shutdown(problems);
    attemptExit('shutdown_pre_sync', problems, () => this.events.invoke(SHUTDOWN_PRE_SYNC, null, this));
    for (const vnet of this.vnets.list().reverse()) if (!vnet.isDefault) this.machine.destroy(vnet);
    this.linker.unloadAll(problems);
    this.machine.destroy(this.vnets.vnet0);
    for (const r of reports) problems.push(...r.problems);
    const leftovers: LedgerRow[] = reports.flatMap((r) => r.leftovers);
    this.swi.stop();
    leftovers.push(...this.ledger.report());
    const armed = this.callouts.pending;
    if (armed > 0) leftovers.push({ kind: 'callout', name: 'armed', module: '', count: armed });
    const mbufs = this.mbufs.outstanding;
    if (mbufs > 0) leftovers.push({ kind: 'mbuf', name: 'outstanding', module: '', count: mbufs });
    this.host.clock.clearAlarm();
    this.down = { leftovers, problems };
    return this.down;
  }

  /** Not at once: whoever met the limit may hold what a handler would free. */
  private mbReclaim(): void {
    if (this.reclaiming || this.stopping) return;
    this.reclaiming = true;
    this.host.defer(() => {
      this.reclaiming = false;
      if (!this.stopping) this.events.invoke(MBUF_LOWMEM, null);
    });
  }

  /** Can be raised, not lowered. Source: FreeBSD kern_mbuf.c, sysctl_nmbclusters(). */
  private mbufLimit(name: keyof MbufLimits, descr: string): SysctlDecl<Vnet> {
    const { mbufs } = this;
    return sysctlInt<Vnet>({
      name: `kern.ipc.${name}`,
      descr,
      flags: CTLFLAG_RWTUN | CTLFLAG_NOFETCH,
      get: () => mbufs.limits[name],
      set: (_, n) => (n === mbufs.limits[name] || mbufs.raise(name, n) ? 0 : EINVAL),
    });
  }

  private sysctls(): SysctlDecl<Vnet>[] {
    const { machine } = this;
    return [
      sysctlInt<Vnet>({ name: 'kern.vnet.max', descr: 'Maximum number of virtual network stacks', flags: CTLFLAG_RDTUN, get: () => machine.max }),
      sysctlInt<Vnet>({ name: 'kern.vnet.count', descr: 'Number of virtual network stacks', flags: CTLFLAG_RD, get: () => machine.living().length }),
      ...MBUF_LIMITS.map(([name, descr]) => this.mbufLimit(name, descr)),
      sysctlString<Vnet>({ name: 'kern.vnet.storage', descr: 'How per-vnet variables are kept', flags: CTLFLAG_RDTUN, get: () => machine.registry.storage.name }),
    ];
  }
}
