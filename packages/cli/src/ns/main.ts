import { spawn } from 'node:child_process';
import type { Kernel } from '@ns/kern';
import type { Stack } from '@ns/stack';
import type { CliEnv } from '../shell/command.ts';
import { COMMANDS } from '../shell/table.ts';
import { left, right } from '../text/format.ts';
import { type ClientIo, ControlClient } from './client.ts';
import { loadConfig, nameOfFile } from './config.ts';
import { checkName, listSockets, NsError, type PathEnv, socketOfName, socketOfOption } from './paths.ts';
import { keptSecret } from './secret.ts';
import { ControlServer } from './server.ts';

const USAGE = [
  'usage: ns up [-d] [-n name] config.(js|mjs|ts)     start a stack and serve it',
  '       ns ps                                       list the stacks that run',
  '       ns [-s socket|name] down                    end a stack',
  "       ns [-s socket|name] [-j jail] command ...   run a command in it ('ns help' lists them)",
].join('\n');

/** How long `ns up -d` waits for the stack. */
const UP_TIMEOUT_MS = 30_000;
const UP_POLL_MS = 50;

/** What the program needs of the process it is. */
export interface Host extends ClientIo {
  readonly env: PathEnv;
  /** Calls `fn` when the user interrupts; returns what takes that back. */
  onSignal(fn: (signal: string) => void): () => void;
}

/** What `ns up` has started. */
export interface UpHandle {
  readonly stack: Stack;
  readonly path: string;
  /** Ends with the stack. */
  readonly done: Promise<void>;
  down(): void;
}

const hostEnv = (): CliEnv => ({ process: { command: 'node', pid: process.pid } });

/** Makes the stack of a configuration file and serves it. */
export async function up(file: string, name: string | null, env: PathEnv): Promise<UpHandle> {
  const config = await loadConfig(file);
  const chosen = checkName(name ?? config.name ?? nameOfFile(file));
  const path = env.NS_SOCKET !== undefined && env.NS_SOCKET !== '' ? socketOfOption(env.NS_SOCKET, env) : socketOfName(chosen, env);
  const stack = await config.build(keptSecret(chosen, env));
  let finish: () => void = () => {};
  const asked = new Promise<void>((done) => {
    finish = done;
  });
  const server = new ControlServer({ kernel: stack.kernel, path, name: chosen, config: file, env: hostEnv(), onDown: () => finish() });
  try {
    await server.listen();
  } catch (e) {
    stack.shutdown();
    throw e;
  }
  const done = asked.then(async () => {
    await server.close();
    shutdown(stack.kernel);
  });
  return { stack, path, done, down: () => finish() };
}

function shutdown(kernel: Kernel): void {
  const report = kernel.shutdown();
  for (const p of report.problems) process.stderr.write(`ns: ${p}\n`);
}

/** Runs in the foreground until `ns down` or a signal. */
async function upHere(host: Host, file: string, name: string | null): Promise<number> {
  const handle = await up(file, name, host.env);
  host.out(`ns: serving ${file} on ${handle.path}\n`);
  const off = host.onSignal(() => handle.down());
  await handle.done;
  off();
  return 0;
}

/** Starts this program again in the background and waits until the stack answers. */
async function upDetached(host: Host, file: string, name: string | null): Promise<number> {
  const chosen = checkName(name ?? nameOfFile(file));
  const script = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, script, 'up', '-n', chosen, file], { detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
  let ended: number | null = null;
  child.on('exit', (code) => (ended = code ?? 1));
  const path = host.env.NS_SOCKET ? socketOfOption(host.env.NS_SOCKET, host.env) : socketOfName(chosen, host.env);
  for (let waited = 0; ended === null && waited < UP_TIMEOUT_MS; waited += UP_POLL_MS) {
    await new Promise((r) => setTimeout(r, UP_POLL_MS));
    const client = new ControlClient(path);
    const hello = await client.hello.catch(() => null);
    client.close();
    if (hello?.pid === child.pid) {
      child.unref();
      host.out(`ns: serving ${file} on ${path}, pid ${child.pid ?? 0}\n`);
      return 0;
    }
  }
  child.kill();
  throw new NsError(ended === null ? 'the stack did not come up in time' : `the stack ended with code ${String(ended)}`);
}

/** The socket that the user means: -s, NS_SOCKET, or that of the only stack. */
function findSocket(option: string | null, env: PathEnv): string {
  const named = option ?? (env.NS_SOCKET !== '' ? (env.NS_SOCKET ?? null) : null);
  if (named !== null) return socketOfOption(named, env);
  const all = listSockets(env);
  const [only] = all;
  if (only === undefined) throw new NsError("no stack is running; start one with 'ns up'");
  if (all.length > 1) throw new NsError(`several stacks are running (${all.map((s) => s.name).join(', ')}): choose one with -s`);
  return only.path;
}

async function ps(host: Host): Promise<number> {
  host.out(`${left('NAME', 16)} ${right('PID', 7)} ${right('UPTIME', 8)} ${right('JAILS', 5)} SOCKET\n`);
  for (const { name, path } of listSockets(host.env)) {
    const client = new ControlClient(path);
    const info = await client.info().catch(() => null);
    client.close();
    if (info === null) host.out(`${left(name, 16)} ${right('-', 7)} ${right('-', 8)} ${right('-', 5)} ${path} (does not answer)\n`);
    else host.out(`${left(info.name, 16)} ${right(info.pid, 7)} ${right(`${info.uptime}s`, 8)} ${right(info.jails, 5)} ${path}\n`);
  }
  return 0;
}

async function remote(host: Host, path: string, jail: string | null, words: readonly string[]): Promise<number> {
  const client = new ControlClient(path);
  let off: () => void = () => {};
  try {
    // One word with blanks in it is a command line: ns 'netstat -an | grep LISTEN'.
    const [only] = words;
    const line = words.length === 1 && only !== undefined && /\s/.test(only) ? only : words;
    return await client.exec(line, jail, host, (interrupt) => {
      let signals = 0;
      off = host.onSignal(() => {
        if (++signals > 1) client.close();
        else interrupt();
      });
    });
  } finally {
    off();
    client.close();
  }
}

async function down(path: string): Promise<number> {
  const client = new ControlClient(path);
  await client.down();
  client.close();
  return 0;
}

/** Options in front of the command. */
function options(argv: readonly string[], spec: Readonly<Record<string, boolean>>): { values: Map<string, string>; rest: readonly string[] } {
  const values = new Map<string, string>();
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] as string;
    if (!/^-[A-Za-z]$/.test(word)) break;
    const takes = spec[word.slice(1)];
    if (takes === undefined) throw new NsError(`illegal option ${word}\n${USAGE}`, 64);
    if (takes && argv[i + 1] === undefined) throw new NsError(`option requires an argument: ${word}\n${USAGE}`, 64);
    values.set(word.slice(1), takes ? (argv[++i] as string) : '');
  }
  return { values, rest: argv.slice(i) };
}

async function dispatch(argv: readonly string[], host: Host): Promise<number> {
  const { values, rest } = options(argv, { s: true, j: true, h: false });
  const [command, ...args] = rest;
  if (values.has('h') || command === undefined) {
    host.out(`${USAGE}\n\ncommands: ${COMMANDS.map((c) => c.name).join(' ')}\n`);
    return values.has('h') ? 0 : 64;
  }
  const socket = values.get('s') ?? null;
  switch (command) {
    case 'up': {
      const o = options(args, { d: false, n: true });
      const [file] = o.rest;
      if (file === undefined || o.rest.length > 1) throw new NsError(USAGE, 64);
      const name = o.values.get('n') ?? null;
      const at: Host = socket === null ? host : { ...host, env: { ...host.env, NS_SOCKET: socket } };
      return o.values.has('d') ? upDetached(at, file, name) : upHere(at, file, name);
    }
    case 'ps':
      return ps(host);
    case 'down':
      return down(findSocket(args[0] ?? socket, host.env));
    default:
      return remote(host, findSocket(socket, host.env), values.get('j') ?? null, rest);
  }
}

/** The program: returns its exit code. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  try {
    return await dispatch(argv, host);
  } catch (e) {
    if (!(e instanceof NsError)) throw e;
    host.err(`ns: ${e.message}\n`);
    return e.code;
  }
}
