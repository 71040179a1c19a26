/** `pnpm soak [NAME ...]`: long runs against this tree. */
import { build, run } from '../lib/run.js';

const code = await build('@ns/soak...');
process.exitCode = code !== 0 ? code : await run(process.execPath, ['--expose-gc', 'tooling/soak/dist/main.js', ...process.argv.slice(2)]);
