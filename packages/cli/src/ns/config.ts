import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createStack, type Stack, type StackOptions } from '@ns/stack';
import { NsError } from './paths.ts';

/** A configuration that is an object: options of `createStack`, and what is to be done with the stack. */
export interface NsConfig extends StackOptions {
  /** Name of the stack; default that of the file. */
  readonly name?: string;
  setup?(stack: Stack): void | Promise<void>;
}

/** A configuration file after loading: how to make the stack. */
export interface LoadedConfig {
  readonly name: string | null;
  /** `secret`: of stable addresses, where the configuration has none of its own; null = none is kept. Asked for before the stack is made. */
  build(secret?: Uint8Array | null): Promise<Stack>;
}

/** Reads a configuration module: JavaScript as it is, TypeScript by Node itself where it can, else with esbuild where that is installed. */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const path = resolve(file);
  return interpret(file, await importConfig(path));
}

/** What a module's default export means: a function of the stack, an {@link NsConfig}, or a stack that is there. */
export function interpret(file: string, exported: unknown): LoadedConfig {
  const config = exported;
  if (typeof config === 'function') {
    const fn = config as (stack: Stack) => unknown;
    return { name: null, build: (secret) => built(createStack(kept(secret)), fn) };
  }
  if (typeof config !== 'object' || config === null) throw new NsError(`${file}: the default export is neither a function nor an object`);
  if ('kernel' in config) return { name: null, build: () => Promise.resolve(config as Stack) };
  const { name, setup, ...options } = config as NsConfig;
  if (name !== undefined && typeof name !== 'string') throw new NsError(`${file}: name is not a text`);
  return { name: name ?? null, build: (secret) => built(createStack({ ...kept(secret), ...options }), setup ? (s) => setup.call(config, s) : null) };
}

const kept = (secret: Uint8Array | null | undefined): StackOptions => (secret ? { nd6Secret: secret } : {});

/** A stack whose set-up fails is taken down again. */
async function built(stack: Stack, fn: ((stack: Stack) => unknown) | null): Promise<Stack> {
  try {
    await fn?.(stack);
    return stack;
  } catch (e) {
    stack.shutdown();
    throw e;
  }
}

async function importConfig(path: string): Promise<unknown> {
  const typescript = /^\.[cm]?ts$/.test(extname(path));
  try {
    return defaultOf((await import(pathToFileURL(path).href)) as object);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ERR_MODULE_NOT_FOUND' && (e as Error).message.includes(`'${path}'`)) throw new NsError(`${path}: no such file`);
    if (!typescript || (code !== 'ERR_UNKNOWN_FILE_EXTENSION' && code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')) throw e;
    return importStripped(path);
  }
}

const defaultOf = (module: object): unknown => ('default' in module ? (module as { default: unknown }).default : undefined);

/** The part of esbuild that is used. */
interface Esbuild {
  transform(code: string, options: { loader: 'ts'; format: 'esm'; target: string; sourcefile: string; sourcemap: 'inline' }): Promise<{ code: string }>;
}

/** Types taken off by esbuild, beside the file so that its imports are found, and only for as long as the import takes. */
async function importStripped(path: string): Promise<unknown> {
  const esbuild = await findEsbuild(path);
  if (esbuild === null) {
    throw new NsError(`${path}: this Node (${process.version}) does not read TypeScript. Use Node 22.18 or later, install esbuild, or write the configuration as .mjs`);
  }
  const source = await readFile(path, 'utf8');
  const { code } = await esbuild.transform(source, { loader: 'ts', format: 'esm', target: 'es2022', sourcefile: path, sourcemap: 'inline' });
  const copy = join(dirname(path), `.${basename(path)}.${process.pid}.${Date.now()}.mjs`);
  await writeFile(copy, code, { flag: 'wx', mode: 0o600 });
  try {
    return defaultOf((await import(pathToFileURL(copy).href)) as object);
  } finally {
    await rm(copy, { force: true });
  }
}

async function findEsbuild(path: string): Promise<Esbuild | null> {
  for (const from of [path, join(process.cwd(), 'x.js')]) {
    try {
      const found = createRequire(from).resolve('esbuild');
      const m = (await import(pathToFileURL(found).href)) as { default?: Esbuild } & Esbuild;
      return m.default ?? m;
    } catch {
      // not there; try the next place
    }
  }
  return null;
}

/** Name of a stack after its configuration file: `lab.config.ts` is `lab`. */
export function nameOfFile(file: string): string {
  const name = basename(file).replace(/\.[cm]?[jt]s$/, '').replace(/\.config$/, '').replace(/[^A-Za-z0-9._-]/g, '-');
  return name === '' ? 'stack' : name;
}
