import type { Kernel } from '@ns/kern';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** A loaded module. @public */
export interface ModuleSnapshot {
  readonly id: number;
  readonly refs: number;
  readonly name: string;
  readonly moduleVersion: number;
  readonly usedBy: readonly string[];
}

/** The modules of a kernel. @public */
export interface ModulesSnapshot extends Snapshot {
  readonly modules: readonly ModuleSnapshot[];
}

/** The modules of a kernel, in the order of loading. @public */
export function modulesSnapshot(kernel: Kernel): ModulesSnapshot {
  const modules = kernel.kldstat().map((m) => ({ id: m.id, refs: m.refs, name: m.name, moduleVersion: m.version, usedBy: [...m.usedBy] }));
  return { version: SNAPSHOT_VERSION, modules };
}
