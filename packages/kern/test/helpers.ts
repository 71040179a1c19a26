import { Kernel, type ModuleDecl, type Vnet, type VnetAllocator, virtualHost, type VirtualHost } from '../src/index.ts';

/** A kernel in virtual time with the right to make vnets. */
export function lab(): { host: VirtualHost; k: Kernel; vnets: VnetAllocator } {
  const host = virtualHost();
  const k = new Kernel(host);
  return { host, k, vnets: k.vnets.claim('test') };
}

/** A vnet, which must come into being. */
export function make(vnets: VnetAllocator, name: string): Vnet {
  const { vnet, message } = vnets.alloc(name);
  if (vnet === null) throw new Error(message);
  return vnet;
}

/** A module with nothing in it. */
export function empty(name: string, more: Partial<ModuleDecl> = {}): ModuleDecl {
  return { name, version: 1, ...more };
}

/** What can be seen of a kernel from outside: equal before and after something that must leave no trace. */
export function picture(k: Kernel): unknown {
  return {
    modules: k.kldstat(),
    ledger: k.ledger.report(),
    vnets: k.vnets.list().map((v) => ({ id: v.id, name: v.name, ledger: v.ledger.report(), vars: v.describe() })),
    sysctls: k.sysctl.list('', true)?.map((n) => n.name),
    swi: k.swi.list(),
    callouts: k.callouts.pending,
    mbufs: k.mbufs.outstanding,
  };
}
