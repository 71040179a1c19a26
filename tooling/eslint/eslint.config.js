import { builtinModules } from 'node:module';
import js from '@eslint/js';
import ts from 'typescript-eslint';
import { loadWorkspace } from '../lib/workspace.js';
import hot from './hot.js';
import noModuleState from './no-module-state.js';

const { layers, packages } = loadWorkspace();
const all = [...packages.values()];
const isFace = (p) => p.layer === 'faces' || p.layer === 'private';
const src = (list) => list.map((p) => `packages/${p.name}/src/**/*.ts`);

const below = all.filter((p) => !isFace(p));
const portable = all.filter((p) => p.host !== 'node');
const portableFiles = [...src(portable), ...all.filter((p) => p.hostFiles).flatMap((p) => src([p]))];
const nodeFiles = all.filter((p) => p.hostFiles).flatMap((p) => p.hostFiles.flatMap((f) => [`packages/${p.name}/${f}*.ts`, `packages/${p.name}/${f}*/**/*.ts`]));

/** Time, randomness, logging and the host are services of the kernel. */
const HOST_GLOBALS = ['process', 'Buffer', 'require', 'module', '__dirname', '__filename', 'global', 'globalThis', 'window', 'self', 'navigator', 'document', 'location',
  'setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate', 'queueMicrotask', 'requestAnimationFrame',
  'console', 'performance', 'Date', 'crypto', 'fetch', 'WebSocket', 'Worker', 'MessageChannel', 'BroadcastChannel', 'AbortController', 'AbortSignal', 'Event', 'EventTarget',
  'ReadableStream', 'WritableStream', 'TransformStream', 'structuredClone', 'WeakRef', 'FinalizationRegistry', 'eval'];
const NODE_GLOBALS = ['process', 'Buffer', 'require', 'module', '__dirname', '__filename', 'global', 'setImmediate', 'clearImmediate'];

const hostImports = {
  patterns: [{ regex: `^(node:.*|${builtinModules.filter((m) => !m.startsWith('_')).join('|').replaceAll('/', '\\/')})$`, message: 'This package runs on any host; only packages whose name says so import node:*.' }],
};
const globalsRule = (names, message) => ['error', ...names.map((name) => ({ name, message }))];

const NO_ASYNC = [
  { selector: ':function[async=true]', message: 'Below the faces nothing is async: a frame goes in and its consequences happen before the call returns.' },
  { selector: 'AwaitExpression, ForOfStatement[await=true]', message: 'Below the faces nothing waits.' },
  { selector: ':function[generator=true]', message: 'No generators below the faces.' },
  { selector: 'NewExpression[callee.name="Promise"], MemberExpression[object.name="Promise"], TSTypeReference[typeName.name=/^(Promise|PromiseLike)$/]', message: 'Promises begin in the faces.' },
  { selector: 'ImportExpression', message: 'A module states its needs as an interface and is given them; no dynamic import below the faces.' },
];

const COMMON = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-var': 'error',
  'prefer-const': 'error',
  'no-constant-condition': ['error', { checkLoops: false }],
  'no-cond-assign': 'off',
  'no-fallthrough': 'off', // tsc has it, and knows exhaustive switches
  'no-empty': ['error', { allowEmptyCatch: true }],
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-non-null-assertion': 'off',
  '@typescript-eslint/no-empty-function': 'off',
  '@typescript-eslint/consistent-type-imports': ['error', { prefer: 'type-imports', fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
  '@typescript-eslint/no-unused-vars': ['error', { args: 'after-used', argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
  '@typescript-eslint/no-require-imports': 'error',
  '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
};

export default ts.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/.turbo/**', 'packages/*/tsup.config.ts', 'tooling/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { files: ['packages/**/*.ts'], extends: [js.configs.recommended, ts.configs.base], rules: { 'no-undef': 'off', 'no-unused-vars': 'off', 'no-redeclare': 'off', ...COMMON } },
  {
    name: 'ns/libraries',
    files: src(all.filter((p) => !p.isPrivate)),
    plugins: { ns: { rules: { hot, 'no-module-state': noModuleState } } },
    rules: { 'ns/hot': 'error', 'ns/no-module-state': 'error', 'no-console': 'error', 'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }] },
  },
  { name: 'ns/portable', files: portableFiles, ignores: nodeFiles, rules: { 'no-restricted-imports': ['error', hostImports], 'no-restricted-globals': globalsRule(NODE_GLOBALS, 'A global of Node; this package runs on any host.') } },
  {
    name: 'ns/below-the-faces',
    files: src(below),
    rules: {
      'no-restricted-globals': globalsRule(HOST_GLOBALS, 'Below the faces the host comes in through the Kernel: clock, random, log, defer.'),
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'Use kernel.random.' }],
      'no-restricted-syntax': ['error', ...NO_ASYNC],
    },
  },
  {
    name: 'ns/tests',
    files: ['packages/*/test/**/*.ts'],
    rules: {
      'no-restricted-properties': ['error',
        { object: 'Math', property: 'random', message: 'Tests are repeatable: use a seed.' },
        ...['it', 'test', 'describe'].map((object) => ({ object, property: 'only', message: 'Runs alone; left over from work.' }))],
    },
  },
  { name: 'ns/programs', files: [...nodeFiles, ...src(all.filter((p) => p.isPrivate))], rules: { 'no-console': 'off' } },
);

export { layers };
