import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { docExamples } from '../docs/vite-plugin.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * One run for all packages. `@ns/*` means the source of the package, declared as a dependency or not: a test may use what stands above
 * the package that it tests. What `src` may import is the business of `pnpm layers`.
 */
export default defineConfig({
  root,
  plugins: [docExamples()],
  cacheDir: `${root}/node_modules/.cache/vite`,
  resolve: {
    conditions: ['@ns/source', 'module', 'node', 'development|production'],
    alias: [
      { find: /^@ns\/([a-z0-9-]+)$/, replacement: `${root}packages/$1/src/index.ts` },
      { find: /^@ns\/([a-z0-9-]+)\/([a-z0-9/-]+)$/, replacement: `${root}packages/$1/src/$2.ts` },
    ],
  },
  ssr: { resolve: { conditions: ['@ns/source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tooling/**/*.test.{ts,js}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    environment: 'node',
    setupFiles: [`${root}tooling/vitest/setup.js`],
    pool: 'forks',
    // A process for each file: allocation budgets and leak tests see nobody else's heap.
    poolOptions: { forks: { minForks: 1, maxForks: Math.max(2, availableParallelism()), execArgv: ['--expose-gc'] } },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    sequence: { hooks: 'stack' },
    reporters: ['default'],
    passWithNoTests: true,
  },
});
