/** `pnpm check [step ...]`: all that a change must pass besides the tests. Every step runs, whatever happened before it. */
import { build, capture } from '../lib/run.js';

const STEPS = {
  build: () => build().then((code) => ({ code, output: code === 0 ? 'all packages build' : 'a package does not build (see above)' })),
  types: () => node('tooling/types/main.js'),
  lint: () => node('tooling/eslint/main.js'),
  layers: () => node('tooling/layers/main.js'),
  api: () => node('tooling/api/main.js', '--no-build'),
  pack: () => node('tooling/pack/main.js', '--no-build'),
  readme: () => node('tooling/readme/main.js', '--check'),
};

const node = (...args) => capture(process.execPath, args);

const wanted = process.argv.slice(2).filter((a) => !a.startsWith('-'));
for (const name of wanted) {
  if (!STEPS[name]) { console.log(`unknown step '${name}'; steps are ${Object.keys(STEPS).join(', ')}`); process.exit(2); }
}
let failed = 0;
let passed = 0;
for (const name of wanted.length > 0 ? wanted : Object.keys(STEPS)) {
  const start = Date.now();
  const { code, output } = await STEPS[name]();
  const lines = output.trim().split('\n');
  const seconds = `${((Date.now() - start) / 1000).toFixed(1)} s`.padStart(8);
  if (code === 0) {
    passed++;
    console.log(`ok    ${name.padEnd(7)}${seconds}  ${lines[lines.length - 1]}`);
  } else {
    failed++;
    console.log(`FAIL  ${name.padEnd(7)}${seconds}`);
    for (const line of lines) console.log(`      ${line}`);
  }
}
console.log(failed === 0 ? `check: ${passed} steps passed` : `check: ${passed} steps passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
