/** `pnpm start [--json]`: builds what the main job needs and runs it. Only the program itself writes to stdout. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build, run } from '../lib/run.js';
import { ROOT } from '../lib/workspace.js';

const first = !existsSync(join(ROOT, 'packages/examples/dist'));
if (first) process.stderr.write('Building the packages, once ...\n');
const code = await build('@ns/examples...');
process.exitCode = code !== 0 ? code : await run(process.execPath, ['packages/examples/dist/main-job.js', ...process.argv.slice(2)]);
