import type { Vnet } from '@ns/kern';
import type { if_t } from './if-t.ts';

/** The interface that a cloner has made, or why not. @public */
export type IfCloneResult = { readonly ok: true; readonly ifp: if_t } | { readonly ok: false; readonly errno: number };

/**
 * Makes and unmakes interfaces on request (`ifconfig epair create`). Names are `name` followed by a unit; the registry allocates units.
 * Source: FreeBSD if_clone.h, struct if_clone_addreq.
 * @public
 */
export interface IfCloner {
  /** Prefix of its interfaces' names, not ending in a digit. */
  readonly name: string;
  /** Units that exist in every vnet from its creation; default 0 (lo: 1). They cannot be destroyed by request (EINVAL). */
  readonly minifs?: number;
  /** Largest unit; default 32767. */
  readonly maxunit?: number;
  /** Other names that it answers to, and their unit (null: any); without: the prefix and a decimal unit. */
  match?(name: string): { readonly unit: number | null } | null;
  /**
   * Makes unit `unit` in `vnet`. `params` is what the caller of SIOCIFCREATE2 gave, unchecked. The interface returned is the one whose name the
   * caller is told; it is put into the group of the cloner.
   */
  create(vnet: Vnet, unit: number, params: unknown): IfCloneResult;
  /** Unmakes an interface that `create` returned, or its partner; calls `ifDetach`. Returns an errno: EBUSY leaves all as it was. */
  destroy(ifp: if_t): number;
}
