import { ROUTE } from '@ns/route';
import { crSetfib } from '@ns/vnet';
import { type Command, type CommandCtx, errx, usage, vnetOf } from '../shell/command.ts';
import { parseNumber } from '../shell/getopt.ts';

/** `3`, `-3`, `-F3` or `-F 3` in front of the command: the table as typed, and the words behind it. Source: FreeBSD setfib.c, main(). */
function split(argv: readonly string[]): [fib: string, words: readonly string[]] {
  const [first = ''] = argv;
  if (first === '-F') return [argv[1] ?? '', argv.slice(2)];
  if (first.startsWith('-F')) return [first.slice(2), argv.slice(1)];
  return [/^-?[0-9]/.test(first) ? first.replace(/^-/, '') : '', argv.slice(1)];
}

function run(ctx: CommandCtx): number {
  const [text, words] = split(ctx.argv);
  if (text === '' || words.length === 0) return usage(setfib);
  const count = ROUTE.get(vnetOf(ctx)).fibs;
  const fib = parseNumber(text, 0, count - 1) ?? errx('setfib', 1, `${text}: invalid FIB (max ${count - 1})`);
  return ctx.run(words, crSetfib(ctx.cred, fib));
}

/** setfib(1): a command with another default routing table. */
export const setfib: Command = {
  name: 'setfib',
  summary: 'execute a utility with an altered default network view',
  usage: 'usage: setfib [-[F]]value command',
  needs: ['route'],
  run,
};
