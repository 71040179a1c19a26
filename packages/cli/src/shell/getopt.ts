import { CliError } from './command.ts';

/** One option: its letter, or the name of a long one, and its argument. @public */
export interface Opt {
  readonly name: string;
  /** Empty if the option takes none. */
  readonly arg: string;
}

/** Options and operands of a command. @public */
export interface Parsed {
  readonly opts: readonly Opt[];
  readonly operands: readonly string[];
}

/**
 * Parses options as getopt(3) does: letters may be joined, an argument may follow in the same word or the next, `--` ends them, and so does the first operand.
 *
 * @param command - name for messages
 * @param spec - letters; one that takes an argument is followed by a colon
 * @param usage - text that follows a complaint
 * @param code - exit code of a complaint
 * @public
 */
export function getopt(command: string, argv: readonly string[], spec: string, usage: string, code: number = 1): Parsed {
  const opts: Opt[] = [];
  let i = 0;
  const fail = (message: string): never => {
    throw new CliError(code, `${command}: ${message}\n${usage}`);
  };
  for (; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      i++;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    for (let j = 1; j < word.length; j++) {
      const letter = word[j] as string;
      const at = letter === ':' ? -1 : spec.indexOf(letter);
      if (at < 0) fail(`illegal option -- ${letter}`);
      if (spec[at + 1] !== ':') {
        opts.push({ name: letter, arg: '' });
        continue;
      }
      const rest = word.slice(j + 1);
      const arg = rest !== '' ? rest : argv[++i];
      if (arg === undefined) return fail(`option requires an argument -- ${letter}`);
      opts.push({ name: letter, arg });
      break;
    }
  }
  return { opts, operands: argv.slice(i) };
}

/** Whether an option was given. @public */
export const hasOpt = (p: Parsed, name: string): boolean => p.opts.some((o) => o.name === name);

/** Argument of the last such option, or null. @public */
export function optArg(p: Parsed, name: string): string | null {
  for (let i = p.opts.length - 1; i >= 0; i--) if (p.opts[i]?.name === name) return (p.opts[i] as Opt).arg;
  return null;
}

/** A decimal (or 0x) integer within bounds, or null. Source: FreeBSD strtonum(3). @public */
export function parseNumber(text: string, min: number, max: number): number | null {
  if (!/^(0x[0-9a-fA-F]{1,13}|-?[0-9]{1,15})$/.test(text)) return null;
  const n = Number(text);
  return n >= min && n <= max ? n : null;
}
