import type { ModuleSnapshot, ModulesSnapshot } from '../snapshot/modules.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { left, right, vis } from '../text/format.ts';

/** Name of the file that a module would come from. @public */
export const moduleFile = (name: string): string => (name === 'kernel' ? name : `${name}.ko`);

/** A module has no address and no size here: `-` stands in their columns. */
function row(m: ModuleSnapshot): string {
  return `${right(m.id, 2)} ${right(m.refs, 4)} ${left('-', 18)} ${right('-', 8)} ${vis(moduleFile(m.name))}`;
}

/** Modules as kldstat(8) shows them; with `verbose` what each file contains, and who uses it. Source: FreeBSD kldstat/kldstat.c. @public */
export function renderKldstat(s: ModulesSnapshot, verbose: boolean = false): string {
  checkSnapshot('kldstat', s);
  const rows = ['Id Refs Address                Size Name'];
  for (const m of s.modules) {
    rows.push(row(m));
    if (!verbose) continue;
    rows.push('\tContains modules:', '\t\t Id Name', `\t\t${right(m.id, 3)} ${vis(m.name)}`);
    if (m.usedBy.length > 0) rows.push(`\tUsed by: ${m.usedBy.map(vis).join(' ')}`);
  }
  return rows.map((r) => `${r}\n`).join('');
}

/** Modules as `kldstat -m` shows one. @public */
export function renderKldstatModules(s: ModulesSnapshot): string {
  checkSnapshot('kldstat', s);
  return ['Id  Refs Name', ...s.modules.map((m) => `${right(m.id, 3)} ${right(m.refs, 4)} ${vis(m.name)}`)].map((r) => `${r}\n`).join('');
}
