/** `pnpm layers [--fix]`: imports against tooling/layers.json; with --fix the package.json files follow the imports. */
import { loadWorkspace } from '../lib/workspace.js';
import { checkLayers, fixDeclared } from './check.js';

if (process.argv.includes('--fix')) {
  const changed = fixDeclared(loadWorkspace());
  console.log(changed.length === 0 ? 'package.json files match the imports' : `rewrote package.json of ${changed.join(', ')}; now run pnpm install`);
}
const workspace = loadWorkspace();
const problems = checkLayers(workspace);
for (const line of problems) console.log(line);
console.log(problems.length === 0 ? `layers: ${workspace.packages.size} packages, imports go down or sideways` : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
