import { CliError } from './command.ts';
import { getopt, hasOpt, optArg } from './getopt.ts';

const USAGE = 'usage: grep [-EFcinvwx] [-e pattern] [pattern]';
/** Longest pattern: enough for people, short enough to keep matching cheap. */
const PATTERN_MAX = 256;

/** A filter of lines: what `| grep PATTERN` does. */
export interface GrepFilter {
  /** Output for one line without its newline; null for none. */
  line(text: string): string | null;
  /** Output at the end (-c). */
  end(): string;
  /** 0 if something was selected, else 1. */
  code(): number;
}

/**
 * Translates a basic regular expression (POSIX): `+ ? | ( ) { }` are plain, with a backslash they are special. Extended expressions are taken over,
 * but for what only JavaScript has (lookaround, backreferences, named groups), which stands for itself.
 */
export function posixToRegExp(pattern: string, extended: boolean): string {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === '[') {
      const end = bracketEnd(pattern, i);
      if (end < 0) throw new CliError(2, 'grep: brackets ([ ]) not balanced');
      out += bracket(pattern.slice(i, end + 1));
      i = end;
    } else if (c === '\\') {
      const n = pattern[++i];
      if (n === undefined) throw new CliError(2, 'grep: trailing backslash (\\)');
      if (!extended && '+?|(){}'.includes(n)) out += n;
      else if (n === '<' || n === '>' || n === 'b') out += '\\b';
      else out += /[wWsS]/.test(n) ? `\\${n}` : escape(n);
    } else if (!extended && '+?|(){}'.includes(c)) {
      out += escape(c);
    } else if (c === '*' && (out === '' || out === '^')) {
      out += '\\*';
    } else if (c === '(' && pattern[i + 1] === '?') {
      out += '(\\?';
      i++;
    } else if (!extended && c === '^' && i > 0) {
      out += '\\^';
    } else if (!extended && c === '$' && i < pattern.length - 1) {
      out += '\\$';
    } else {
      out += c === '/' ? '\\/' : c;
    }
  }
  return out;
}

const escape = (c: string): string => c.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Index of the bracket that closes the one at `at`; one that stands first is plain. */
function bracketEnd(pattern: string, at: number): number {
  let i = at + 1;
  if (pattern[i] === '^') i++;
  if (pattern[i] === ']') i++;
  for (; i < pattern.length; i++) {
    if (pattern[i] === '[' && pattern[i + 1] === ':') {
      const close = pattern.indexOf(':]', i + 2);
      if (close < 0) return -1;
      i = close + 1;
    } else if (pattern[i] === ']') return i;
  }
  return -1;
}

const CLASSES: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  blank: ' \\t',
  xdigit: '0-9A-Fa-f',
  punct: '!-\\/:-@\\[-`{-~',
};

function bracket(text: string): string {
  const not = text[1] === '^';
  const body = text.slice(not ? 2 : 1, -1);
  const inner = body.replace(/\[:([a-z]+):\]|[\\[\]^]/g, (c: string, cls: string | undefined) => (cls === undefined ? `\\${c}` : (CLASSES[cls] ?? '')));
  return `[${not ? '^' : ''}${inner}]`;
}

/** Makes the filter of `grep ARGS`. Throws a CliError with exit code 2 for what grep would not take. */
export function grepFilter(argv: readonly string[]): GrepFilter {
  const p = getopt('grep', argv, 'EFcinvwxe:', USAGE, 2);
  const given = optArg(p, 'e');
  const pattern = given ?? p.operands[0];
  if (pattern === undefined || p.operands.length > (given === null ? 1 : 0)) throw new CliError(2, pattern === undefined ? USAGE : 'grep: only standard input is searched');
  if (pattern.length > PATTERN_MAX) throw new CliError(2, `grep: pattern longer than ${PATTERN_MAX} characters`);
  let source = hasOpt(p, 'F') ? escape(pattern) : posixToRegExp(pattern, hasOpt(p, 'E'));
  if (hasOpt(p, 'w')) source = `\\b(?:${source})\\b`;
  if (hasOpt(p, 'x')) source = `^(?:${source})$`;
  let re: RegExp;
  try {
    re = new RegExp(source, hasOpt(p, 'i') ? 'i' : '');
  } catch {
    throw new CliError(2, `grep: ${pattern}: invalid regular expression`);
  }
  const [invert, number, count] = [hasOpt(p, 'v'), hasOpt(p, 'n'), hasOpt(p, 'c')];
  let seen = 0;
  let selected = 0;
  return {
    line(text) {
      seen++;
      if (re.test(text) === invert) return null;
      selected++;
      return count ? null : number ? `${seen}:${text}` : text;
    },
    end: () => (count ? `${selected}\n` : ''),
    code: () => (selected > 0 ? 0 : 1),
  };
}
