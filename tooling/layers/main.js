/** `pnpm layers [--fix [name ...]]`: imports against tooling/layers.json; with --fix the package.json files and the changeset group follow. */
import { loadWorkspace } from '../lib/workspace.js';
import { checkLayers, checkLockstep, fixDeclared, fixLockstep } from './check.js';

if (process.argv.includes('--fix')) {
  const changed = fixDeclared(loadWorkspace(), process.argv.slice(2).filter((a) => !a.startsWith('-')));
  console.log(changed.length === 0 ? 'package.json files match the imports' : `rewrote package.json of ${changed.join(', ')}; now run pnpm install`);
  if (fixLockstep(loadWorkspace())) console.log('rewrote the lockstep group of .changeset/config.json');
}
const workspace = loadWorkspace();
const problems = [...checkLayers(workspace), ...checkLockstep(workspace)];
for (const line of problems) console.log(line);
console.log(problems.length === 0 ? `layers: ${workspace.packages.size} packages, imports go down or sideways` : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
