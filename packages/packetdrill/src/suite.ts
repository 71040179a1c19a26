import { renderResult } from './run/result.ts';
import { type RunOptions, runScript } from './run/run.ts';

/**
 * A test runner, as far as {@link scriptSuite} needs one: vitest, Jest, Bun and others have these. Nothing is imported from them.
 * @public
 */
export interface ScriptSuiteRunner {
  /** Groups tests. */
  describe(name: string, fn: () => void): void;
  /** One test; it fails if `fn` throws. Runners that offer `skip` get skipped scripts marked so. */
  it(name: string, fn: (context?: { skip?(note?: string): void }) => void): void;
}

/**
 * Makes a test of each script: it fails with file, line, what was expected, what came and the exchange around it. A script that cannot be run is marked skipped where the runner
 * can do that, and fails otherwise: it never counts as passed.
 *
 * ```ts
 * import { describe, it } from 'vitest';
 *
 * scriptSuite({ describe, it }, 'my congestion control', scripts, { extra: [ccMine()], sysctls: { 'net.inet.tcp.cc.algorithm': 'mine' } });
 * ```
 * @public
 */
export function scriptSuite(runner: ScriptSuiteRunner, name: string, scripts: Readonly<Record<string, string>>, options: RunOptions = {}): void {
  runner.describe(name, () => {
    for (const [file, text] of Object.entries(scripts)) {
      runner.it(file, (context) => {
        const r = runScript(text, { ...options, file });
        if (r.status === 'passed') return;
        if (r.status === 'skipped' && context?.skip !== undefined) context.skip(r.message);
        else throw new Error(renderResult(r));
      });
    }
  });
}
