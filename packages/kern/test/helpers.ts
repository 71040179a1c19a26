import { Kernel, type ModuleDecl, type Vnet, type VnetAllocator, virtualHost, type VirtualHost } from '../src/index.ts';

/** How per-vnet variables are kept in the kernels of {@link lab}: a suite is run once with each way. */
export const mode: { storage: 'slots' | 'map' } = { storage: 'map' };

/** A kernel in virtual time with the right to make vnets. */
export function lab(tunables: Record<string, string> = {}): { host: VirtualHost; k: Kernel; vnets: VnetAllocator } {
  const host = virtualHost({ tunables: { 'kern.vnet.storage': mode.storage, ...tunables } });
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

/** A module of Node, of which these tests know the least possible. */
async function node(name: string): Promise<Record<string, (text?: string) => unknown>> {
  return (await import(/* @vite-ignore */ `node:${name}`)) as never;
}

/** The garbage collector. */
export async function collector(): Promise<() => void> {
  (await node('v8'))['setFlagsFromString']?.('--expose-gc');
  return (await node('vm'))['runInNewContext']?.('gc') as () => void;
}

/** Rounds that {@link allocated} measures. */
export const ALLOC_ROUNDS = 20;

/**
 * Fewest bytes that a call of `fn` allocates in some rounds: what the compiler and other threads allocate meanwhile is in some of them, what `fn` itself does in all.
 * It must allocate less than a young generation, or some of them are gone before they are counted.
 */
export async function allocated(fn: () => void): Promise<number> {
  const gc = await collector();
  const usage = (await node('process'))['memoryUsage'] as () => { heapUsed: number };
  let fewest = Infinity;
  for (let round = 0; round < ALLOC_ROUNDS; round++) {
    usage();
    gc();
    const before = usage().heapUsed;
    fn();
    fewest = Math.min(fewest, usage().heapUsed - before);
  }
  return fewest;
}
