import type { SysctlDecl } from '@ns/sysctl';
import type { Kernel } from './kernel.ts';
import type { LedgerRow } from './ledger.ts';
import type { SysinitDecl, VnetSysinitDecl } from './sysinit.ts';
import type { Vnet, VnetVar } from './vnet.ts';

/**
 * A module that another needs, with the versions that will do.
 * Source: FreeBSD sys/module.h, MODULE_DEPEND().
 * @public
 */
export interface ModuleDepend {
  /** Name of the module that is needed. */
  readonly name: string;
  /** Oldest version that will do. */
  readonly min: number;
  /** Version that it was made for. */
  readonly preferred: number;
  /** Newest version that will do. */
  readonly max: number;
}

/**
 * What a package is to a kernel: its name, what it depends on, and what is done when it comes and goes. A constant, or made by a factory `tcp(options?)`;
 * holds no state of a kernel. It is read once, when it is loaded.
 *
 * FreeBSD's events of a module: MOD_LOAD is `sysinit` and `vnetInit`, MOD_QUIESCE `quiesce`, MOD_UNLOAD the exits of both, MOD_SHUTDOWN `shutdown`.
 * @public
 */
export interface ModuleDecl {
  /** The package name without its scope, at most 32 characters. */
  readonly name: string;
  /** Version of the interface that it offers to other modules. Source: MODULE_VERSION(). */
  readonly version: number;
  /** What must be loaded first. */
  readonly depends?: readonly ModuleDepend[];
  /** Once for each kernel. */
  readonly sysinit?: readonly SysinitDecl[];
  /** Once for each vnet, living and coming. */
  readonly vnetInit?: readonly VnetSysinitDecl[];
  /** Per-vnet variables, all declared with this module's name. */
  readonly vnetVars?: readonly VnetVar<unknown>[];
  /** Registered with their boot tunables at load, gone at unload. */
  readonly sysctls?: readonly SysctlDecl<Vnet>[];
  /** Asked before an unload; an errno vetoes, except EOPNOTSUPP and EINVAL, which count as having no opinion. Source: MOD_QUIESCE. */
  readonly quiesce?: (kernel: Kernel) => number;
  /**
   * Told once, when the kernel shuts down and everything still works: the last loaded module first, before any listener, vnet or exit function. Not at an unload.
   * Must not fail; a throw is reported. Source: MOD_SHUTDOWN.
   */
  readonly shutdown?: (kernel: Kernel) => void;
}

/**
 * Result of kldload and kldunload.
 * @public
 */
export interface KldResult {
  /** 0, or an errno; then everything is as it was before. */
  readonly errno: number;
  /** What is wrong, naming both sides; empty on success. */
  readonly message: string;
  /** Number of the module, on a successful load. */
  readonly id?: number;
  /** Who uses the module, when an unload is refused: leases, and (kind `module`) the modules that need it. */
  readonly holders?: readonly LedgerRow[];
  /** Exit functions that threw. They do not stop an unload, nor the undoing of a failed load. */
  readonly problems?: readonly string[];
  /** Leases in the name of the module that its exit functions did not give back. */
  readonly leftovers?: readonly LedgerRow[];
}

/**
 * One line of kldstat(8).
 * @public
 */
export interface KldStatEntry {
  /** Number, in order of loading; `kernel` is 1. */
  readonly id: number;
  /** 1 for having been loaded by name, and 1 for each module that depends on it. */
  readonly refs: number;
  /** Module name. */
  readonly name: string;
  /** Module version. */
  readonly version: number;
  /** The modules that depend on it. */
  readonly usedBy: readonly string[];
}

/** Longest name of a module. Source: FreeBSD sys/module.h, MAXMODNAME. @public */
export const MAXMODNAME = 32;
