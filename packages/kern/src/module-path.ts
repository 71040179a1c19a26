import type { ModuleDecl } from './module.ts';
import { ServiceKey } from './service.ts';

/**
 * The modules that may be loaded by name: what a composition has installed, loaded or not. Source: FreeBSD kern.module_path, kern_linker.c, linker_search_module().
 * @public
 */
export interface ModulePath {
  /** All of them; of several with one name the first is meant. */
  list(): readonly ModuleDecl[];
  /** The module of that name, or null. */
  find(name: string): ModuleDecl | null;
}

/** A path over a list of modules, which is made when it is first asked for. @public */
export function modulePath(modules: () => readonly ModuleDecl[]): ModulePath {
  let made: readonly ModuleDecl[] | null = null;
  const list = (): readonly ModuleDecl[] => (made ??= modules());
  return { list, find: (name) => list().find((m) => m.name === name) ?? null };
}

/** Where kldload(8) looks; who composes a kernel provides it. @public */
export const MODULE_PATH: ServiceKey<ModulePath> = new ServiceKey<ModulePath>('module-path');
