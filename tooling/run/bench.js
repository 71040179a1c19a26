/** `pnpm bench [name] [--json]`. */
import { build, run } from '../lib/run.js';

const code = await build('@ns/bench...');
process.exitCode = code !== 0 ? code : await run(process.execPath, ['--expose-gc', 'tooling/bench/dist/main.js', ...process.argv.slice(2)]);
