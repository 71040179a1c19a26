import { ENOENT } from '@ns/errno';
import { type EventTag, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, type Vnet } from '@ns/kern';
import type { PfilHook, PfilMbufChk } from './hook.ts';
import { PFIL_HEAD_EVENT, PFIL_KPI } from './kpi.ts';

/**
 * One place where a filter looks, for {@link pfilModule}.
 * @public
 */
export interface PfilFilter {
  /** Name of the rules; unique among those of the module. */
  readonly rulname: string;
  /** Name of the head. */
  readonly head: string;
  /** PFIL_TYPE_* of that head. */
  readonly type: number;
  /** As for {@link PfilKpi.link}. */
  readonly flags: number;
  /** What runs. */
  readonly mbufChk: PfilMbufChk;
  /** Handed to `mbufChk`. */
  readonly ruleset: unknown;
}

interface Linked {
  readonly filters: readonly PfilFilter[];
  readonly hooks: PfilHook[];
  tag: EventTag | null;
}

/**
 * Declares a filter as a module that depends on `pfil`. In each vnet, at SI_SUB_PROTO_FIREWALL, its hooks are added and linked; to heads that are not there yet (a protocol loaded later, or unloaded and
 * loaded again) as soon as they come. So it need not depend on the protocols whose packets it sees. The exit removes the hooks.
 *
 * @param filters - the places where it looks in a vnet; called once for each, after its per-vnet variables are there
 * @param decl - the rest of the declaration: version (default 1), per-vnet variables, sysctls, dependencies; its own initialisers run before hooks are linked, its exits after they are gone
 * @public
 */
export function pfilModule(name: string, filters: (vnet: Vnet) => readonly PfilFilter[], decl: Partial<ModuleDecl> = {}): ModuleDecl {
  const linked = new WeakMap<Vnet, Linked>();
  return {
    version: 1,
    ...decl,
    name,
    depends: [...(decl.depends ?? []), { name: 'pfil', min: 1, preferred: 1, max: 1 }],
    vnetInit: [
      ...(decl.vnetInit ?? []),
      {
        subsystem: SI_SUB_PROTO_FIREWALL,
        order: SI_ORDER_ANY,
        init: (vnet) => {
          const l: Linked = { filters: filters(vnet), hooks: [], tag: null };
          linked.set(vnet, l);
          const errno = attach(vnet, name, l);
          if (errno !== 0) detach(vnet, l);
          return errno;
        },
        exit: (vnet) => {
          const l = linked.get(vnet);
          linked.delete(vnet);
          if (l !== undefined) detach(vnet, l);
        },
      },
    ],
  };
}

function attach(vnet: Vnet, modname: string, l: Linked): number {
  const pfil = vnet.kernel.service(PFIL_KPI);
  for (const f of l.filters) {
    const hook = pfil.addHook(vnet, { modname, rulname: f.rulname, type: f.type, mbufChk: f.mbufChk, ruleset: f.ruleset });
    if (typeof hook === 'number') return hook;
    l.hooks.push(hook);
    const errno = pfil.link(vnet, f.head, hook, f.flags);
    if (errno !== 0 && errno !== ENOENT) return errno;
  }
  l.tag = vnet.kernel.events.register(PFIL_HEAD_EVENT, (v, head) => {
    l.filters.forEach((f, i) => {
      if (f.head === head) pfil.link(v, head, l.hooks[i] as PfilHook, f.flags);
    });
  }, { vnet, owner: modname });
  return 0;
}

function detach(vnet: Vnet, l: Linked): void {
  if (l.tag !== null) vnet.kernel.events.deregister(l.tag);
  const pfil = vnet.kernel.service(PFIL_KPI);
  for (const hook of l.hooks.splice(0)) pfil.removeHook(vnet, hook);
}
