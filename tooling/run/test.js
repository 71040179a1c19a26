/**
 * `pnpm test [path ...] [vitest options]`: builds (cached), then runs the tests of all packages, or those whose path is given.
 * NS_TEST_JSON=<file> also writes the results there. NS_SEED=<n> seeds the property tests.
 */
import { bin, build, run } from '../lib/run.js';

const args = ['run', '--config', 'tooling/vitest/vitest.config.js', ...process.argv.slice(2)];
if (process.env.NS_TEST_JSON) args.push('--reporter=default', '--reporter=json', `--outputFile.json=${process.env.NS_TEST_JSON}`);
const code = await build();
process.exitCode = code !== 0 ? code : await run(bin('vitest'), args);
