import { EEXIST, EINVAL, ENOENT, ENOSPC, ENXIO } from '@ns/errno';
import { IFNAMSIZ, type IfCloner } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import type { IfnetCore } from './core.ts';
import { IF_CLONE_EVENT } from './events.ts';
import { type Ifnet, ifnetOf } from './ifnet.ts';
import { IFNET, ifunit } from './table.ts';

/** Largest unit when a cloner names none. Source: FreeBSD IF_MAXUNIT. */
const IF_MAXUNIT = 0x7fff;

/** Outcome of SIOCIFCREATE. @public */
export type IfCreateResult = { readonly errno: 0; readonly ifp: Ifnet } | { readonly errno: number; readonly ifp: null };

/** The cloner and unit that a name means; unit null: any. Leading zeros are no unit. Source: FreeBSD if_clone_findifc(), ifc_name2unit(). */
function findCloner(core: IfnetCore, name: string): { cloner: IfCloner; unit: number | null } | null {
  for (const cloner of core.cloners.values()) {
    if (cloner.match !== undefined) {
      const hit = cloner.match(name);
      if (hit !== null) return { cloner, unit: hit.unit };
    }
    if (!name.startsWith(cloner.name)) continue;
    const rest = name.slice(cloner.name.length);
    if (rest === '') return { cloner, unit: null };
    if (/^(0|[1-9][0-9]{0,8})$/.test(rest)) return { cloner, unit: Number(rest) };
  }
  return null;
}

/** Offers a cloner to all vnets and makes its `minifs` in those that live. Source: FreeBSD ifc_attach_cloner(). */
export function clonerRegister(core: IfnetCore, cloner: IfCloner): number {
  if (cloner.name === '' || cloner.name.length >= IFNAMSIZ || /[0-9]$/.test(cloner.name)) return EINVAL;
  if (core.cloners.has(cloner.name)) return EEXIST;
  core.cloners.set(cloner.name, cloner);
  core.kernel.vnets.forEach((vnet) => createMinifs(vnet, cloner));
  core.kernel.events.invoke(IF_CLONE_EVENT, null, cloner.name);
  return 0;
}

/** Withdraws a cloner and destroys what it made, in all vnets. Source: FreeBSD if_clone_detach(). */
export function clonerUnregister(core: IfnetCore, name: string): number {
  const cloner = core.cloners.get(name);
  if (cloner === undefined) return ENOENT;
  core.kernel.vnets.forEach((vnet) => destroyClones(core, vnet, (c) => c === cloner));
  core.cloners.delete(name);
  core.kernel.events.invoke(IF_CLONE_EVENT, null, name);
  return 0;
}

/** Makes the interfaces of a cloner that exist from the beginning. */
export function createMinifs(vnet: Vnet, cloner: IfCloner): void {
  for (let unit = 0; unit < (cloner.minifs ?? 0); unit++) createUnit(vnet, cloner, unit, undefined);
}

/**
 * Makes a cloned interface: `name` is that of a cloner, for any free unit, or of the interface. EINVAL: no cloner of the name; EEXIST: it is there; ENOSPC: no unit left;
 * or what the cloner answers.
 * Source: FreeBSD if_clone_create().
 * @public
 */
export function ifCloneCreate(core: IfnetCore, vnet: Vnet, name: string, params: unknown): IfCreateResult {
  if (name.length >= IFNAMSIZ) return { errno: EINVAL, ifp: null };
  if (ifunit(vnet, name) !== null) return { errno: EEXIST, ifp: null };
  const hit = findCloner(core, name);
  if (hit === null) return { errno: EINVAL, ifp: null };
  const units = unitsOf(vnet, hit.cloner);
  const max = hit.cloner.maxunit ?? IF_MAXUNIT;
  let unit = hit.unit ?? 0;
  if (hit.unit === null) while (unit <= max && units.has(unit)) unit++;
  if (unit > max) return { errno: ENOSPC, ifp: null };
  if (units.has(unit)) return { errno: EEXIST, ifp: null };
  return createUnit(vnet, hit.cloner, unit, params);
}

function createUnit(vnet: Vnet, cloner: IfCloner, unit: number, params: unknown): IfCreateResult {
  const made = cloner.create(vnet, unit, params);
  if (!made.ok) return { errno: made.errno, ifp: null };
  const ifp = ifnetOf(made.ifp);
  unitsOf(vnet, cloner).set(unit, ifp);
  return { errno: 0, ifp };
}

/**
 * Destroys a cloned interface of `vnet` by name; its home may be elsewhere. ENXIO: no such interface; EINVAL: not cloned, or one that always exists.
 * Source: FreeBSD if_clone_destroy().
 * @public
 */
export function ifCloneDestroy(core: IfnetCore, vnet: Vnet, name: string): number {
  const ifp = ifunit(vnet, name);
  if (ifp === null) return ENXIO;
  const cloner = ifp.cloner === null ? undefined : core.cloners.get(ifp.cloner);
  if (cloner === undefined) return EINVAL;
  if (ifp.dunit >= 0 && ifp.dunit < (cloner.minifs ?? 0)) return EINVAL;
  return cloner.destroy(ifp.handle);
}

/** Destroys the cloned interfaces whose home is `vnet`, wherever they are, for the cloners that `which` says. */
export function destroyClones(core: IfnetCore, vnet: Vnet, which: (cloner: IfCloner) => boolean): void {
  for (const cloner of [...core.cloners.values()].reverse()) {
    if (!which(cloner)) continue;
    const units = unitsOf(vnet, cloner);
    for (const [unit, ifp] of [...units].reverse()) {
      if (ifp.attached) cloner.destroy(ifp.handle);
      units.delete(unit);
    }
  }
}

function unitsOf(vnet: Vnet, cloner: IfCloner): Map<number, Ifnet> {
  const clones = IFNET.get(vnet).clones;
  let units = clones.get(cloner.name);
  if (units === undefined) clones.set(cloner.name, (units = new Map()));
  return units;
}
