/**
 * `pnpm api [name ...]` compares each package's public surface with its committed report, etc/<name>.api.md; `pnpm api:update` rewrites them.
 * Then what the reports of contracts say must be the last version of kpi.json, and what is deprecated must say when it goes.
 * All packages are analysed in one process over one TypeScript program, from their built declarations.
 */
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from '../lib/run.js';
import { ROOT, loadWorkspace } from '../lib/workspace.js';
import { checkDeprecated } from './deprecated.js';
import { checkKpi } from './kpi.js';

const args = process.argv.slice(2);
const update = args.includes('--update');
const keepGoing = args.includes('--no-build'); // analyse what is built, while something else does not build
const names = args.filter((a) => !a.startsWith('-'));

if (!keepGoing && (await build(names.length === 1 ? `@ns/${names[0]}...` : null)) !== 0) process.exit(1);

const OVERRIDE = {
  compilerOptions: { target: 'ES2022', lib: ['ES2022', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'], module: 'NodeNext', moduleResolution: 'NodeNext', types: ['node'], strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true, declaration: true },
  files: [join(ROOT, 'packages/errno/dist/index.d.ts')],
};

/** One configuration for each entry point: `.` reports to <name>.api.md, a subpath to <name>-<subpath>.api.md. */
function configsOf(pkg) {
  const file = join(pkg.dir, 'api-extractor.json');
  const base = ExtractorConfig.loadFile(file);
  return Object.entries(pkg.manifest.exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath, target]) => {
      const configObject = structuredClone(base);
      configObject.mainEntryPointFilePath = join(pkg.dir, target.types);
      configObject.projectFolder = pkg.dir;
      configObject.compiler = { ...configObject.compiler, overrideTsconfig: OVERRIDE };
      configObject.apiReport.reportFileName = `${pkg.name}${subpath === '.' ? '' : `-${subpath.slice(2).replaceAll('/', '-')}`}`;
      if (!existsSync(configObject.mainEntryPointFilePath)) return null;
      mkdirSync(join(pkg.dir, 'etc'), { recursive: true });
      return ExtractorConfig.prepare({ configObject, configObjectFullPath: file, packageJsonFullPath: join(pkg.dir, 'package.json') });
    });
}

const packages = [...loadWorkspace().packages.values()].filter((p) => !p.isPrivate && (names.length === 0 || names.includes(p.name)));
const configs = [];
let failures = 0;
for (const pkg of packages) {
  for (const config of configsOf(pkg)) {
    if (config) configs.push({ pkg, config });
    else { console.log(`${pkg.name}: not built`); failures++; }
  }
}
if (configs.length === 0) process.exit(1);

const compilerState = CompilerState.create(configs[0].config, { additionalEntryPoints: configs.slice(1).map((c) => c.config.mainEntryPointFilePath) });
let changed = 0;
for (const { pkg, config } of configs) {
  const said = [];
  const result = Extractor.invoke(config, {
    localBuild: update,
    compilerState,
    messageCallback(message) {
      message.handled = true;
      if (message.messageId === 'console-api-report-created' || message.messageId === 'console-api-report-copied') changed++;
      if (message.logLevel !== ExtractorLogLevel.Error && message.logLevel !== ExtractorLogLevel.Warning) return;
      if (message.messageId.startsWith('console-api-report')) return;
      const at = message.sourceFilePath ? `${relative(ROOT, message.sourceFilePath)}:${message.sourceFileLine ?? 1}: ` : `packages/${pkg.name}: `;
      said.push(`${at}${message.text} (${message.messageId})`);
    },
  });
  if (/^\s*\/\/ @internal/m.test(readFileSync(config.reportTempFilePath, 'utf8'))) {
    said.push(`packages/${pkg.name}: exports something @internal; what a sibling needs is a contract`);
  }
  for (const line of said) console.log(line);
  if (result.apiReportChanged && !update && !existsSync(config.reportFilePath)) {
    console.log(`packages/${pkg.name}: ${relative(ROOT, config.reportFilePath)} is missing; run \`pnpm api:update ${pkg.name}\``);
  } else if (result.apiReportChanged && !update) {
    console.log(`packages/${pkg.name}: the public surface differs from ${relative(ROOT, config.reportFilePath)}`);
    printDifference(config.reportFilePath, config.reportTempFilePath);
  }
  if (said.length > 0 || (result.apiReportChanged && !update)) failures++;
}

const contracts = names.length === 0 ? [...checkKpi(), ...checkDeprecated()] : [];
for (const line of contracts) console.log(line);
if (!update) failures += contracts.length;

/** The lines that only one of two reports has, at most twenty. */
function printDifference(oldFile, newFile) {
  const read = (f) => (existsSync(f) ? readFileSync(f, 'utf8').split('\n') : []);
  const before = read(oldFile);
  const after = read(newFile);
  const lines = [...before.filter((l) => !after.includes(l)).map((l) => `  - ${l}`), ...after.filter((l) => !before.includes(l)).map((l) => `  + ${l}`)];
  for (const line of lines.slice(0, 20)) console.log(line);
  if (lines.length > 20) console.log(`  ... and ${lines.length - 20} more lines`);
}

if (failures > 0) console.log(`api: ${failures} reports fail${update ? '' : '; after a change that is meant, run `pnpm api:update` and add a changeset'}`);
else console.log(update ? `api: ${configs.length} reports, ${changed} written` : `api: ${configs.length} reports match`);
process.exitCode = failures > 0 ? 1 : 0;
