import { ENOENT } from '@ns/errno';
import type { Kernel } from '@ns/kern';
import type { Ucred } from '@ns/vnet';
import { type CliEnv, CliError, type CliIo, type CommandCtx, credFor, needModules, PENDING } from './command.ts';
import { type GrepFilter, grepFilter } from './grep.ts';
import { commandByName } from './table.ts';
import { splitWords } from './words.ts';

/** What a command line gave. @public */
export interface CliResult {
  /** Exit code: 0 for success; 127 for a command that does not exist, 2 for a line that cannot be read. */
  readonly code: number;
  /** What it printed. */
  readonly stdout: string;
  /** What it complained about. */
  readonly stderr: string;
}

/** Choices for {@link exec} and {@link start}. @public */
export interface ExecOptions {
  /** Jail whose superuser runs the line, by name or number; without it the superuser of the host. */
  readonly jail?: string | number;
  /** What the host lends. */
  readonly env?: CliEnv;
  /** Standard input of the first command. */
  readonly stdin?: string;
}

/** A command line that runs. @public */
export interface CliJob {
  /** Between start and exit. */
  readonly running: boolean;
  /** Interrupts it, as ^C does: it prints what it has to say and exits. Harmless when it has ended. */
  interrupt(): void;
}

/** Longest command line, characters. @public */
export const LINE_MAX = 65536;
/** Commands inside each other: `jail -f` runs command lines that may be `jail -f`. */
const DEPTH_MAX = 16;

/** Splits what a command printed into lines for a filter; a last line without newline comes at the end. */
class LinePipe {
  private rest: string;
  private readonly filter: GrepFilter;
  private readonly out: (text: string) => void;

  constructor(filter: GrepFilter, out: (text: string) => void) {
    this.rest = '';
    this.filter = filter;
    this.out = out;
  }

  write(text: string): void {
    const rows = (this.rest + text).split('\n');
    this.rest = rows.pop() as string;
    for (const row of rows) this.row(row);
  }

  end(): number {
    if (this.rest !== '') this.row(this.rest);
    this.out(this.filter.end());
    return this.filter.code();
  }

  private row(text: string): void {
    const got = this.filter.line(text);
    if (got !== null) this.out(`${got}\n`);
  }
}

/** One command line on its way: its filters, and whether it has ended. */
class Run implements CliJob {
  private readonly kernel: Kernel;
  private readonly env: CliEnv;
  private readonly io: CliIo;
  private readonly stdin: string;
  private readonly depth: number;
  private pipes: LinePipe[];
  private onInterruptFn: (() => void) | null;
  private over: boolean;

  constructor(kernel: Kernel, io: CliIo, options: ExecOptions, depth: number = 0) {
    this.kernel = kernel;
    this.env = options.env ?? {};
    this.io = io;
    this.stdin = options.stdin ?? '';
    this.depth = depth;
    this.pipes = [];
    this.onInterruptFn = null;
    this.over = false;
  }

  get running(): boolean {
    return !this.over;
  }

  interrupt(): void {
    if (!this.over) this.onInterruptFn?.();
  }

  begin(line: string | readonly string[], cred: Ucred, mayWait: boolean): void {
    const code = this.guard(() => {
      const [words, ...filters] = pipelineOf(line);
      for (const f of filters.reverse()) this.pipes.unshift(this.pipeTo(f));
      if (words === undefined || words.length === 0) return 0;
      return words[0] === 'grep' ? this.filterInput(words) : this.dispatch(words, cred, mayWait);
    });
    if (code !== PENDING) this.finish(code);
  }

  /** A grep at the head of the line reads what was put in. */
  private filterInput(words: readonly string[]): number {
    this.pipes.unshift(this.pipeTo(words));
    this.out(this.stdin);
    return 0;
  }

  private pipeTo(words: readonly string[]): LinePipe {
    if (words[0] !== 'grep') throw new CliError(2, `sh: a pipe leads to grep only, not to ${words[0] ?? 'nothing'}`);
    const next = this.pipes[0];
    return new LinePipe(grepFilter(words.slice(1)), next === undefined ? (t) => this.put(t) : (t) => next.write(t));
  }

  private put(text: string): void {
    if (text !== '') this.io.out(text);
  }

  private out(text: string): void {
    if (this.over) return;
    const first = this.pipes[0];
    if (first === undefined) this.put(text);
    else first.write(text);
  }

  private dispatch(words: readonly string[], cred: Ucred, mayWait: boolean): number {
    const name = words[0] as string;
    const command = commandByName(name);
    if (command === null) throw new CliError(127, `sh: ${name}: not found`);
    if (command.asynchronous === true && !mayWait) throw new CliError(1, `${name}: takes time: use start(), not exec()`);
    needModules(name, this.kernel, command.needs ?? []);
    return command.run(this.context(words.slice(1), cred, mayWait));
  }

  private context(args: readonly string[], cred: Ucred, mayWait: boolean): CommandCtx {
    const { json, argv } = takeJson(args);
    return {
      kernel: this.kernel,
      cred,
      argv,
      json,
      env: this.env,
      stdin: this.stdin,
      out: (text) => this.out(text),
      err: (text) => {
        if (!this.over && text !== '') this.io.err(text);
      },
      exit: (code) => this.finish(code),
      onInterrupt: (fn) => {
        this.onInterruptFn = fn;
      },
      run: (words, as) => this.dispatch(json ? [...words, '--json'] : words, as, mayWait),
      spawn: (line, as, done) => this.spawn(line, as, done, mayWait),
    };
  }

  private spawn(line: string | readonly string[], cred: Ucred, done: (code: number) => void, mayWait: boolean): CliJob {
    const err = (text: string): void => {
      if (!this.over) this.io.err(text);
    };
    const child = new Run(this.kernel, { out: (text) => this.out(text), err, exit: done }, { env: innerEnv(this.env) }, this.depth + 1);
    if (this.depth < DEPTH_MAX) child.begin(line, cred, mayWait);
    else {
      err('sh: too many commands inside each other\n');
      child.finish(126);
    }
    return child;
  }

  /** Runs a piece of a command; a CliError becomes its message and exit code. */
  private guard(fn: () => number): number {
    try {
      return fn();
    } catch (e) {
      if (!(e instanceof CliError)) throw e;
      if (e.message !== '') this.io.err(`${e.message}\n`);
      return e.code;
    }
  }

  private finish(code: number): void {
    if (this.over) return;
    let last = code;
    for (const p of this.pipes) last = p.end();
    this.over = true;
    this.onInterruptFn = null;
    this.io.exit(last);
  }
}

/** What the host lends to a command inside another. A host that must wait for a file says so by an exception; it is too late for that then. */
function innerEnv(env: CliEnv): CliEnv {
  const { readFile } = env;
  if (readFile === undefined) return env;
  return {
    ...env,
    readFile: (path) => {
      try {
        return readFile(path);
      } catch {
        return ENOENT;
      }
    },
  };
}

/** The commands of a line; words that come as an array are one command, whatever is in them. */
function pipelineOf(line: string | readonly string[]): readonly (readonly string[])[] {
  if (typeof line !== 'string') return [line];
  if (line.length > LINE_MAX) throw new CliError(2, 'sh: line too long');
  const split = splitWords(line);
  if (!split.ok) throw new CliError(2, `sh: ${split.message}`);
  return split.pipeline;
}

/** Takes `--json`, `--libxo json`, `--libxo=json` and `--libxo:json` out, up to `--`. Source: libxo xo_parse_args(3). */
function takeJson(args: readonly string[]): { json: boolean; argv: string[] } {
  const argv: string[] = [];
  let json = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (word === '--') return { json, argv: [...argv, ...args.slice(i)] };
    if (word === '--json' || word === '--libxo=json' || word === '--libxo:json' || word === '--libxo:J') json = true;
    else if (word === '--libxo' && args[i + 1] === 'json') {
      json = true;
      i++;
    } else argv.push(word);
  }
  return { json, argv };
}

/**
 * Runs a command line in a kernel and returns when it is done: `exec(kernel, 'netstat -an | grep LISTEN')`. Words that come as an array are taken as they are.
 *
 * Never throws for what the line says: a mistake is an exit code and a text on `stderr`. Commands that take time (ping, tcpdump) are refused with code 1;
 * see {@link start}.
 * @public
 */
export function exec(kernel: Kernel, line: string | readonly string[], options: ExecOptions = {}): CliResult {
  let [code, stdout, stderr] = [0, '', ''];
  const io: CliIo = {
    out: (text) => (stdout += text),
    err: (text) => (stderr += text),
    exit: (c) => (code = c),
  };
  launch(kernel, line, io, options, false);
  return { code, stdout, stderr };
}

/**
 * Starts a command line, also one that takes time: output comes through `io` as it is made, and `io.exit` once at the end, perhaps before this returns.
 * Time is the kernel's: in a virtual kernel ping runs in virtual time.
 * @public
 */
export function start(kernel: Kernel, line: string | readonly string[], io: CliIo, options: ExecOptions = {}): CliJob {
  return launch(kernel, line, io, options, true);
}

function launch(kernel: Kernel, line: string | readonly string[], io: CliIo, options: ExecOptions, mayWait: boolean): CliJob {
  const run = new Run(kernel, io, options);
  const cred = credFor(kernel, options.jail);
  if (typeof cred === 'number') {
    io.err(`jexec: jail "${options.jail ?? ''}" not found\n`);
    io.exit(1);
    return { running: false, interrupt: () => {} };
  }
  run.begin(line, cred, mayWait);
  return run;
}
