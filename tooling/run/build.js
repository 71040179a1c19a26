/** `pnpm build [filter]`: every package to its dist, through turbo's cache. */
import { bin, run } from '../lib/run.js';

const args = process.argv.slice(2).map((a) => (a.startsWith('-') ? a : `--filter=${a.startsWith('@') ? a : `@ns/${a}`}...`));
process.exitCode = await run(bin('turbo'), ['run', 'build', '--output-logs=errors-only', '--concurrency=3', ...args]);
