/** `pnpm test [path ...] [vitest options]`: builds (cached), then runs the tests of all packages, or those whose path is given. */
import { bin, build, run } from '../lib/run.js';

const code = await build();
process.exitCode = code !== 0 ? code
  : await run(bin('vitest'), ['run', '--config', 'tooling/vitest/vitest.config.js', ...process.argv.slice(2)]);
