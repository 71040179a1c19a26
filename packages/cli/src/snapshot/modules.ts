import type { Kernel } from '@ns/kern';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** A loaded module. @public */
export interface ModuleSnapshot {
  /** Number. */
  readonly id: number;
  /** 1 for having been loaded by name, and 1 for each user. */
  readonly refs: number;
  /** Name. */
  readonly name: string;
  /** Version of its interface. */
  readonly moduleVersion: number;
  /** Modules that depend on it. */
  readonly usedBy: readonly string[];
}

/** The modules of a kernel. @public */
export interface ModulesSnapshot extends Snapshot {
  /** In the order of loading. */
  readonly modules: readonly ModuleSnapshot[];
}

/** The modules of a kernel, in the order of loading. @public */
export function modulesSnapshot(kernel: Kernel): ModulesSnapshot {
  const modules = kernel.kldstat().map((m) => ({ id: m.id, refs: m.refs, name: m.name, moduleVersion: m.version, usedBy: [...m.usedBy] }));
  return { version: SNAPSHOT_VERSION, modules };
}
