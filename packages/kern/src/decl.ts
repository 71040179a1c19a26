import { EINVAL, ENAMETOOLONG, ENOEXEC } from '@ns/errno';
import type { SysctlDecl } from '@ns/sysctl';
import { type Failure, failure, textOf } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { MAXMODNAME, type ModuleDecl, type ModuleDepend } from './module.ts';
import { SI_SUB_LAST, SI_SUB_VNET, type SysinitDecl, type VnetSysinitDecl } from './sysinit.ts';
import type { Vnet, VnetVar } from './vnet.ts';

/**
 * A declaration as it was when it was read, each property once: what becomes of the object afterwards changes neither what is undone nor what others may depend on.
 */
export interface Declared {
  /** The object that it was read from. */
  readonly source: ModuleDecl;
  readonly name: string;
  readonly version: number;
  readonly depends: readonly ModuleDepend[];
  readonly sysinit: readonly SysinitDecl[];
  readonly vnetInit: readonly VnetSysinitDecl[];
  readonly vnetVars: readonly VnetVar<unknown>[];
  readonly sysctls: readonly SysctlDecl<Vnet>[];
  readonly quiesce: ((kernel: Kernel) => number) | null;
  readonly shutdown: ((kernel: Kernel) => void) | null;
}

/** Reads a declaration and checks it; a getter that throws makes it malformed. */
export function declare(mod: ModuleDecl): Declared | Failure {
  try {
    const d = read(mod);
    return malformed(d) ?? d;
  } catch (e) {
    return failure(EINVAL, `a malformed declaration: ${textOf(e)}`);
  }
}

/** Whether {@link declare} gave a failure. */
export function isFailure(d: Declared | Failure): d is Failure {
  return 'errno' in d;
}

/** A module that says something else than what it was loaded as: others were told the first. */
export function contradiction(d: Declared): Failure | null {
  const now = declare(d.source);
  if (isFailure(now)) return failure(ENOEXEC, `module '${d.name}' version ${d.version} has changed: ${now.message}`);
  if (now.name === d.name && now.version === d.version) return null;
  return failure(ENOEXEC, `module '${d.name}' was declared with version ${d.version}, and now says that it is '${now.name}' version ${now.version}`);
}

function read(mod: ModuleDecl): Declared {
  const { name, version, depends, sysinit, vnetInit, vnetVars, sysctls, quiesce, shutdown } = mod;
  return {
    source: mod,
    name,
    version,
    depends: [...(depends ?? [])].map((d) => ({ name: d.name, min: d.min, preferred: d.preferred, max: d.max })),
    sysinit: [...(sysinit ?? [])].map(step),
    vnetInit: [...(vnetInit ?? [])].map(step),
    vnetVars: [...(vnetVars ?? [])],
    sysctls: [...(sysctls ?? [])],
    quiesce: quiesce ?? null,
    shutdown: shutdown ?? null,
  };
}

function step<T extends SysinitDecl | VnetSysinitDecl>({ subsystem, order, init, exit }: T): T {
  return { subsystem, order, init, ...(exit !== undefined ? { exit } : {}) } as T;
}

function malformed(d: Declared): Failure | null {
  const { name, version } = d;
  if (typeof name !== 'string' || name === '') return failure(EINVAL, 'a module without a name');
  if (name.length > MAXMODNAME) return failure(ENAMETOOLONG, `module name '${name}' is longer than ${MAXMODNAME}`);
  const says = (what: string): Failure => failure(EINVAL, `module '${name}': ${what}`);
  if (!isVersion(version)) return says(`version ${String(version)}`);
  const seen = new Set<string>();
  for (const need of d.depends) {
    if (typeof need.name !== 'string' || need.name === '') return says('a dependency without a name');
    if (seen.has(need.name)) return says(`'${need.name}' is needed twice`);
    seen.add(need.name);
    if (![need.min, need.preferred, need.max].every(isVersion) || need.min > need.preferred || need.preferred > need.max) {
      return says(`needs '${need.name}' version ${need.min} to ${need.max} (${need.preferred} preferred), which is no range`);
    }
  }
  for (const s of [...d.sysinit, ...d.vnetInit]) {
    if (!isPlace(s.subsystem) || !isPlace(s.order)) return says(`an initialiser at ${s.subsystem}, order ${s.order}`);
    if (typeof s.init !== 'function' || (s.exit !== undefined && typeof s.exit !== 'function')) return says(`what is to run at 0x${s.subsystem.toString(16)} is no function`);
  }
  for (const s of d.vnetInit) if (s.subsystem <= SI_SUB_VNET) return says(`a per-vnet initialiser at 0x${s.subsystem.toString(16)}, before vnets are made`);
  for (const f of [d.quiesce, d.shutdown]) if (f !== null && typeof f !== 'function') return says('quiesce or shutdown is no function');
  for (const v of d.vnetVars) if (v.module !== name) return says(`variable ${v.name} was declared by '${v.module}'`);
  return null;
}

function isVersion(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

function isPlace(n: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= SI_SUB_LAST;
}
