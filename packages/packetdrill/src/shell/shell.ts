import { commandByName, exec, type ExecOptions } from '@ns/cli';
import type { Kernel } from '@ns/kern';
import { linuxCommand } from './linux.ts';

/** Result of a command line. */
export interface ShellResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** A command of the line does not exist here. */
  readonly missing: boolean;
}

/** What the shell needs of the machine. */
export interface ShellHost {
  readonly kernel: Kernel;
  readonly options: ExecOptions;
  /** Lets virtual time pass. */
  sleep(us: number): void;
  /** Told what of a line that is meant for Linux has no counterpart here; such lines go on. Null: lines are FreeBSD's, and what does not exist is missing. */
  readonly passOver: ((what: string) => void) | null;
}

interface ListItem {
  readonly text: string;
  /** What stands before it. */
  readonly join: ';' | '&&' | '||';
}

const NOT_FOUND = 127;

/** Splits a list at `;`, `&&`, `||` and line breaks that no quote protects. */
function splitList(line: string): ListItem[] {
  const out: ListItem[] = [];
  let join: ListItem['join'] = ';';
  let text = '';
  let quote = '';
  const end = (next: ListItem['join']): void => {
    if (text.trim() !== '') out.push({ text: text.trim(), join });
    join = next;
    text = '';
  };
  for (let i = 0; i < line.length; i++) {
    const c = line[i] as string;
    if (quote !== '') {
      if (c === quote) quote = '';
      text += c;
    } else if (c === '\\') {
      // A backslash at the end of a line joins it with the next.
      if (line[i + 1] !== '\n') text += c + (line[i + 1] ?? '');
      i++;
    } else if (c === '#' && /^\s?$/.test(line[i - 1] ?? '')) {
      // A comment ends with its line.
      const nl = line.indexOf('\n', i);
      i = (nl < 0 ? line.length : nl) - 1;
    } else if (c === "'" || c === '"') {
      quote = c;
      text += c;
    } else if (c === ';' || c === '\n') end(';');
    else if ((c === '&' || c === '|') && line[i + 1] === c) {
      end(c === '&' ? '&&' : '||');
      i++;
    } else text += c;
  }
  end(';');
  return out;
}

/** Words of a command without pipes, quotes resolved. */
function wordsOf(text: string): string[] {
  const out: string[] = [];
  for (const m of text.matchAll(/(?:[^\s'"]|'[^']*'|"(?:\\.|[^"\\])*")+/gs)) {
    out.push(m[0].replace(/'([^']*)'|"((?:\\.|[^"\\])*)"/gs, (_, a: string | undefined, b: string | undefined) => a ?? (b ?? '').replace(/\\(["\\$`])/g, '$1')));
  }
  return out;
}

/** Where the first pipe is, outside of quotes; -1: there is none. */
function pipeAt(text: string): number {
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quote !== '') quote = c === quote ? '' : quote;
    else if (c === "'" || c === '"') quote = c;
    else if (c === '|') return i;
  }
  return -1;
}

const ok = (stdout: string = ''): ShellResult => ({ code: 0, stdout, stderr: '', missing: false });

/** Commands of the shell itself. Null: it is none. */
function builtin(host: ShellHost, words: readonly string[]): ShellResult | null {
  switch (words[0]) {
    case ':':
    case 'true':
      return ok();
    case 'false':
      return { ...ok(), code: 1 };
    case 'echo':
      return ok(`${(words[1] === '-n' ? words.slice(2) : words.slice(1)).join(' ')}${words[1] === '-n' ? '' : '\n'}`);
    case 'sleep':
    case 'usleep': {
      const n = Number(words[1]);
      if (!(n >= 0 && n <= 1e9)) return { ...ok(), code: 1, stderr: 'usage: sleep number\n' };
      host.sleep(Math.round(words[0] === 'sleep' ? n * 1e6 : n));
      return ok();
    }
    default:
      return null;
  }
}

/** Runs one pipeline. `echo text | command` gives the text to the command. */
function pipeline(host: ShellHost, text: string, stdin: string): ShellResult {
  if (host.passOver !== null && stdin === '' && linuxCommand((line) => exec(host.kernel, line, host.options).code, host.passOver, text, wordsOf(text))) return ok();
  const bar = pipeAt(text);
  const first = bar < 0 ? text : text.slice(0, bar);
  const own = builtin(host, wordsOf(first));
  if (own !== null) return bar < 0 ? own : pipeline(host, text.slice(bar + 1).trim(), own.stdout);
  const name = wordsOf(first)[0] ?? '';
  if (name !== 'grep' && commandByName(name) === null) return { code: NOT_FOUND, stdout: '', stderr: `sh: ${name}: not found\n`, missing: true };
  return { ...exec(host.kernel, text, stdin === '' ? host.options : { ...host.options, stdin }), missing: false };
}

/**
 * Runs a command line as sh(1) would, as much as scripts use: lists with `;`, `&&`, `||`, pipes, quotes; the commands are those of `@ns/cli` and echo, sleep, true, false. Virtual
 * time passes while it sleeps.
 */
export function shell(host: ShellHost, line: string): ShellResult {
  let last = ok();
  let [stdout, stderr, missing] = ['', '', false];
  for (const item of splitList(line)) {
    if (item.join === '&&' && last.code !== 0) continue;
    if (item.join === '||' && last.code === 0) continue;
    last = pipeline(host, item.text, '');
    stdout += last.stdout;
    stderr += last.stderr;
    missing ||= last.missing;
  }
  return { code: last.code, stdout, stderr, missing };
}
