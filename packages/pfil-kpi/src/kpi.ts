import { EventKey, ServiceKey, type Vnet } from '@ns/kern';
import type { PfilHook, PfilHookArgs } from './hook.ts';

/**
 * What module `pfil` offers to filters: hooks and their links, each vnet's apart.
 * Source: FreeBSD net/pfil.h.
 * @public
 */
export interface PfilKpi {
  /**
   * Enters a hook, which does nothing until it is linked. A lease of kind `hook` of the vnet, until {@link PfilKpi.removeHook}; module `pfil` stays as long.
   * Or an errno: EEXIST a name that is taken (FreeBSD only complains), EINVAL a name or a type that cannot be. Source: FreeBSD pfil_add_hook().
   */
  addHook(vnet: Vnet, args: PfilHookArgs): PfilHook | number;
  /** Takes a hook out of all heads, and forgets it. ENOENT if it is not there. Source: FreeBSD pfil_remove_hook(). */
  removeHook(vnet: Vnet, hook: PfilHook): number;
  /**
   * Links a hook to a head. `flags`: PFIL_IN, PFIL_OUT or both. The hook comes before those that are there for packets that come in, and behind them for packets that go out; the
   * other way round with PFIL_APPEND: so each filter sees in the order reversed what it sees out.
   *
   * @param head - name of the head
   * @param hook - the hook or its `module:ruleset`
   * @returns an errno: ENOENT no such head or hook, EINVAL of different types or without a direction, EEXIST linked already (and nothing is changed)
   *
   * Source: FreeBSD pfil_link().
   */
  link(vnet: Vnet, head: string, hook: PfilHook | string, flags: number): number;
  /** Takes a hook out of a head, in the directions of `flags`. ENOENT if it was in none of them. Source: FreeBSD pfil_unlink(). */
  unlink(vnet: Vnet, head: string, hook: PfilHook | string, flags: number): number;
}

/** Where a kernel keeps its hooks: provided by module `pfil`. @public */
export const PFIL_KPI: ServiceKey<PfilKpi> = new ServiceKey<PfilKpi>('pfil-kpi');

/** A protocol has registered its head in a vnet: from now on hooks can be linked to it. @public */
export const PFIL_HEAD_EVENT: EventKey<[vnet: Vnet, head: string]> = new EventKey<[vnet: Vnet, head: string]>('pfil_head_event');
