/** `pnpm packetdrill [--json] [--list FILE --root DIR] PATH...`: packet scripts against this tree. */
import { join } from 'node:path';
import { build, run } from '../lib/run.js';
import { ROOT } from '../lib/workspace.js';

const code = await build('@ns/packetdrill...');
// INIT_CWD is where the user stands; file names in the arguments are relative to it.
process.exitCode = code !== 0 ? code
  : await run(process.execPath, [join(ROOT, 'packages/packetdrill/dist/program.js'), ...process.argv.slice(2)], { cwd: process.env.INIT_CWD ?? process.cwd() });
