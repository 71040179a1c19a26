import type { Vnet } from '@ns/kern';
import { PFIL, type PfilHeadRow, type PfilHookRow } from '@ns/pfil';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** The packet filter heads and hooks of a vnet. @public */
export interface FiltersSnapshot extends Snapshot {
  /** In the order of registration. */
  readonly heads: readonly PfilHeadRow[];
  /** In the order of registration. */
  readonly hooks: readonly PfilHookRow[];
}

/** The packet filter heads and hooks of a vnet, whose kernel has module `pfil`. @public */
export function filtersSnapshot(vnet: Vnet): FiltersSnapshot {
  return { version: SNAPSHOT_VERSION, ...PFIL.get(vnet).snapshot() };
}
