/**
 * The version of what modules are written against: one integer for all packages of layer `kpi`, KERNEL_VERSION of package kern, which a module may depend on. It goes up with every change of their public
 * surface, as __FreeBSD_version does, and kpi.json says what changed: the reports (etc/*.api.md) of the last version are known by their digests.
 *
 * `node tooling/api/kpi.js` says what does not agree; `--bump "What changed."` enters a new version.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, loadWorkspace, readJson } from '../lib/workspace.js';

const LEDGER = 'tooling/api/kpi.json';
const SOURCE = 'packages/kern/src/linker.ts';
const CONSTANT = /(export const KERNEL_VERSION = )([0-9]+);/;

/** Digest of the reports of each package of layer kpi. */
export function kpiDigests(root = ROOT) {
  const digests = {};
  for (const pkg of loadWorkspace(root).packages.values()) {
    if (pkg.layer !== 'kpi') continue;
    const etc = join(pkg.dir, 'etc');
    const hash = createHash('sha256');
    for (const file of existsSync(etc) ? readdirSync(etc).filter((f) => f.endsWith('.api.md')).sort() : []) hash.update(file).update(readFileSync(join(etc, file)));
    digests[pkg.name] = hash.digest('hex').slice(0, 16);
  }
  return digests;
}

const constantOf = (root) => Number(CONSTANT.exec(readFileSync(join(root, SOURCE), 'utf8'))?.[2] ?? NaN);

/** Packages whose surface is not that of the last version. */
function changed(ledger, digests) {
  return [...new Set([...Object.keys(digests), ...Object.keys(ledger.reports)])].filter((name) => digests[name] !== ledger.reports[name]).sort();
}

/** What does not agree, a line each. */
export function checkKpi(root = ROOT) {
  const ledger = readJson(join(root, LEDGER));
  const problems = [];
  const last = ledger.versions[ledger.versions.length - 1];
  ledger.versions.forEach((v, i) => {
    if (v.version !== i + 1) problems.push(`${LEDGER}: version ${v.version} stands in place ${i + 1}`);
    if (typeof v.what !== 'string' || v.what.trim() === '') problems.push(`${LEDGER}: version ${v.version} does not say what changed`);
  });
  if (constantOf(root) !== last.version) problems.push(`KERNEL_VERSION is ${constantOf(root)}, the last version in ${LEDGER} is ${last.version}`);
  const names = changed(ledger, kpiDigests(root));
  if (names.length > 0) problems.push(`the surface of ${names.join(', ')} is not that of version ${last.version}; run \`pnpm api:bump "What changed."\``);
  return problems;
}

/** Enters a new version: KERNEL_VERSION, the text, the digests. Returns its number; throws when there is nothing to enter. */
export function bumpKpi(what, root = ROOT) {
  const ledger = readJson(join(root, LEDGER));
  const digests = kpiDigests(root);
  const names = changed(ledger, digests);
  if (names.length === 0) throw new Error('no report of a KPI has changed');
  if (what.trim() === '') throw new Error('say what has changed');
  const version = ledger.versions.length + 1;
  ledger.versions.push({ version, packages: names, what: what.trim() });
  writeFileSync(join(root, LEDGER), `${JSON.stringify({ reports: digests, versions: ledger.versions }, null, 2)}\n`);
  const source = join(root, SOURCE);
  writeFileSync(source, readFileSync(source, 'utf8').replace(CONSTANT, `$1${version};`));
  return version;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const at = process.argv.indexOf('--bump');
  try {
    if (at >= 0) console.log(`kpi: version ${bumpKpi(process.argv[at + 1] ?? '')}`);
    else {
      const problems = checkKpi();
      for (const p of problems) console.log(p);
      process.exitCode = problems.length > 0 ? 1 : 0;
    }
  } catch (e) {
    console.log(`kpi: ${e.message}`);
    process.exitCode = 1;
  }
}
