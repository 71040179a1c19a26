import { ENOENT, strerror } from '@ns/errno';
import { JAIL_DYING, type Jails } from '@ns/vnet';
import { AF_INET6, parseInAddr } from '@ns/wire';
import { CfJail, isWild, jailsOfConfig, wildMatch } from '../jail/config.ts';
import { JF_SET, JF_START, JF_STOP, Schedule } from '../jail/depend.ts';
import { drive } from '../jail/drive.ts';
import { parseJailConf } from '../jail/parser.ts';
import { paramWords } from '../jail/print.ts';
import { JailRun, type RunOptions } from '../jail/run.ts';
import { CliError, type CliFile, type Command, type CommandCtx, errx, jailsOf, readFile } from '../shell/command.ts';
import { getopt, hasOpt, optArg, type Parsed } from '../shell/getopt.ts';

const USAGE = [
  'usage: jail [-dhilqv] [-J jid_file] [-u username] [-U username]',
  '            -[cmr] param=value ... [command=command ...]',
  '       jail [-dqv] [-f file] [-e separator] -[cmr] [jail]',
  "       jail [-qv] [-f file] -[rR] ['*' | jail ...]",
  '       jail [-dhilqv] [-J jid_file] [-u username] [-U username]',
  '            [-n jailname] [-s securelevel]',
  '            path hostname [ip[,...]] command ...',
].join('\n');

/** What the words of a call mean. */
interface Call {
  readonly op: number;
  /** Jails of the file, or the one of the command line. */
  readonly jails: readonly CfJail[];
  readonly fromFile: boolean;
  /** Jails that are named; null = all of them. */
  readonly targets: readonly string[] | null;
  readonly noteRemove: boolean;
}

const usage = (): never => {
  throw new CliError(1, USAGE);
};

const warner = (ctx: CommandCtx) => (text: string): void => ctx.err(`jail: ${text}\n`);

/** The jails of the file that -f names. Source: load_config(). */
function load(ctx: CommandCtx, file: string | null): CfJail[] {
  if (file === null) return errx('jail', 1, 'no configuration file: name one with -f');
  const text = readFile(ctx, file);
  if (typeof text === 'number') return errx('jail', 1, `${file}: ${strerror(text)}`);
  const conf = parseJailConf(file === '-' ? 'STDIN' : file, text, (path) => {
    const got = readFile(ctx, path);
    return typeof got === 'number' ? { error: strerror(got) } : { text: got };
  });
  if (conf.errors.length > 0) throw new CliError(1, conf.errors.map((e) => `jail: ${e}`).join('\n'));
  return jailsOfConfig(conf.blocks, warner(ctx));
}

/** Parameters that options stand for; null if there are none. Source: main(). */
function fromOptions(ctx: CommandCtx, p: Parsed): CfJail | null {
  const jail = new CfJail(null, warner(ctx));
  for (const { name, arg } of p.opts) {
    if (name === 'h') jail.addValue('ip_hostname', null);
    else if (name === 'l') jail.addValue('exec.clean', null);
    else if (name === 'n') jail.addValue('name', arg);
    else if (name === 's') jail.addValue('securelevel', arg);
    else if (name === 'u' || name === 'U') jail.addValue('exec.jail_user', arg);
  }
  return jail.params.length === 0 ? null : jail;
}

/** `name=value` words; those behind `command=` are its arguments. */
function addWords(jail: CfJail, words: readonly string[]): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const list = /^(ip[46]\.addr)=(.*)$/s.exec(word);
    if (word === 'command' || word.startsWith('command=')) {
      if (word.length > 8) jail.addValue('command', word.slice(8));
      for (const more of words.slice(i + 1)) jail.addValue('command', more);
      return;
    }
    if (list === null) jail.addWord(word);
    else for (const a of (list[2] as string).split(',')) jail.addValue(list[1] as string, a);
  }
}

/** `jail path hostname ip command ...`, as before FreeBSD 8. */
function oldStyle(jail: CfJail, words: readonly string[]): void {
  const [path, hostname, ips, ...command] = words as [string, string, string, ...string[]];
  jail.addValue('path', path);
  jail.addValue('host.hostname', hostname);
  for (const ip of ips === '' ? [] : ips.split(',')) jail.addValue(parseInAddr(ip)?.af === AF_INET6 ? 'ip6.addr' : 'ip4.addr', ip);
  for (const word of command) jail.addValue('command', word);
}

function interpret(ctx: CommandCtx, p: Parsed): Call {
  const words = p.operands;
  const bits = (hasOpt(p, 'c') ? JF_START : 0) | (hasOpt(p, 'm') ? JF_SET : 0) | (hasOpt(p, 'r') || hasOpt(p, 'R') ? JF_STOP : 0);
  const [anon, file, running] = [fromOptions(ctx, p), optArg(p, 'f'), hasOpt(p, 'R')];
  const lone = anon ?? new CfJail(null, warner(ctx));
  const alone = (op: number): Call => ({ op, jails: [lone], fromFile: false, targets: null, noteRemove: false });
  if (bits === 0) {
    if (words.length < 4 || words[0]?.startsWith('/') !== true) return usage();
    oldStyle(lone, words);
    return alone(JF_START);
  }
  if (bits === JF_STOP) {
    if (anon !== null || words.length === 0 || (!running && words.some((w) => w.includes('=')))) return usage();
    const fromFile = !running && file !== null;
    return { op: bits, jails: fromFile ? load(ctx, file) : [], fromFile, targets: words, noteRemove: fromFile || words.length > 1 || isWild(words[0] as string) };
  }
  if (words.length > 1 || words[0]?.includes('=') === true) {
    if (running) return usage();
    addWords(lone, words);
    return alone(bits);
  }
  if (running || anon !== null) return usage();
  return { op: bits, jails: load(ctx, file), fromFile: true, targets: words.length === 0 ? null : words, noteRemove: true };
}

/** Queues the jails that are meant. False if one of them does not exist. Source: main(), "Find out which jails will be run". */
function schedule(ctx: CommandCtx, jails: Jails, call: Call, s: Schedule): boolean {
  if (call.fromFile) s.setup();
  else dependOnRunning(ctx, jails, call.jails[0]);
  let ok = true;
  for (const target of call.targets ?? [null]) {
    if (!call.fromFile && target !== null && isWild(target)) addRunning(ctx, jails, s, call.op, target);
    else if (!s.start(target, call.op, call.fromFile)) ok = addOne(ctx, jails, s, call.op, target as string) && ok;
  }
  return ok;
}

/** Without a file, `depend` looks at the jails that run. */
function dependOnRunning(ctx: CommandCtx, jails: Jails, jail: CfJail | undefined): void {
  for (const name of jail?.list('depend') ?? []) {
    if (jails.findByName(name, ctx.cred) === null) jail?.fail(`depends on nonexistent jail "${name}"`);
  }
}

/** A running jail that no file knows may be removed by name or number. */
function addOne(ctx: CommandCtx, jails: Jails, s: Schedule, op: number, target: string): boolean {
  const by = /^[1-9][0-9]*$/.test(target) ? { jid: Number(target) } : { name: target };
  const found = op === JF_STOP ? jails.jailGet(by, JAIL_DYING, ctx.cred).jail : null;
  if (found === null) ctx.err(`jail: "${target}" not found\n`);
  else s.begin(s.addTask(new CfJail(target, warner(ctx)), found.jid), op, false, false);
  return found !== null;
}

/** The running jails that a wildcard names, those in other ones first to go. */
function addRunning(ctx: CommandCtx, jails: Jails, s: Schedule, op: number, target: string): void {
  for (const j of jails.list(ctx.cred)) {
    const name = jails.nameFor(j, ctx.cred);
    if (wildMatch(name, target)) s.begin(s.addTask(new CfJail(name, warner(ctx)), j.jid), op, true, false);
  }
}

/** The file that takes what -J writes. */
function jidFile(ctx: CommandCtx, path: string | null): CliFile | null {
  if (path === null) return null;
  const f = ctx.env.openFile?.(path) ?? ENOENT;
  return typeof f === 'number' ? errx('jail', 1, `open ${path}: ${strerror(f)}`) : f;
}

function run(ctx: CommandCtx): number {
  const p = getopt('jail', ctx.argv, 'cde:f:hiJ:lmn:p:qrRs:u:U:v', USAGE);
  const jails = jailsOf(ctx.kernel) ?? errx('jail', 1, 'jails are not supported: load the vnet module');
  const sep = optArg(p, 'e');
  if (sep !== null) {
    for (const j of load(ctx, optArg(p, 'f'))) ctx.out(`${paramWords(j, sep)}\n`);
    return 0;
  }
  const call = interpret(ctx, p);
  const verbose = hasOpt(p, 'q') || hasOpt(p, 'i') ? -1 : hasOpt(p, 'v') ? 1 : 0;
  const s = new Schedule(call.jails, verbose < 0);
  const found = schedule(ctx, jails, call, s);
  if (!found && call.op !== JF_STOP) return 1;
  const file = jidFile(ctx, optArg(p, 'J'));
  const options: RunOptions = {
    verbose,
    ids: hasOpt(p, 'i'),
    dying: hasOpt(p, 'd'),
    noteRemove: call.noteRemove,
    onCreated: file === null ? null : (line) => file.write(new TextEncoder().encode(`${line}\n`)),
  };
  return drive(ctx, finish(new JailRun(ctx, jails, s, options).main(), found, file));
}

function* finish<S>(steps: Generator<S, number, number>, found: boolean, file: CliFile | null): Generator<S, number, number> {
  const code = yield* steps;
  file?.close();
  return found ? code : 1;
}

/** jail(8). */
export const jail: Command = { name: 'jail', summary: 'manage system jails', usage: USAGE, run };

