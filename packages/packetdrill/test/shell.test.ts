import { describe, expect, it } from 'vitest';
import { virtualHost } from '@ns/kern';
import { createStack } from '@ns/stack';
import { shell, type ShellHost } from '../src/shell/shell.ts';

let slept = 0;
const host: ShellHost = {
  kernel: createStack({ host: virtualHost() }).kernel,
  options: {},
  passOver: null,
  sleep: (us) => {
    slept += us;
  },
};
const sh = (line: string): string => {
  const r = shell(host, line);
  return `${r.code}${r.missing ? ' missing' : ''} ${JSON.stringify(r.stdout)}`;
};

describe('the shell of scripts', () => {
  it.each([
    ['', '0 ""'],
    [' \n ', '0 ""'],
    ['true', '0 ""'],
    ['false', '1 ""'],
    ['false || echo a', '0 "a\\n"'],
    ['true || echo a; echo b', '0 "b\\n"'],
    ['false && echo a', '1 ""'],
    ['true && echo "a  b" \'c;d\'', '0 "a  b c;d\\n"'],
    ['echo -n x', '0 "x"'],
    ['echo a; \\\n echo b', '0 "a\\nb\\n"'],
    ['echo "one\ntwo" | grep -c o | grep 2', '0 "2\\n"'],
    ['sysctl -n net.inet.tcp.sack.enable', '0 "1\\n"'],
    ['sysctl -w net.inet.tcp.sack.enable=0', '0 "net.inet.tcp.sack.enable: 1 -> 0\\n"'],
    ['kldstat -q -m tcp || kldload tcp; echo done', '0 "done\\n"'],
    ['no-such-command', '127 missing ""'],
    ['no-such-command | grep x', '127 missing ""'],
    ['no-such-command || true', '0 missing ""'],
    ['sysctl net.inet.no.such=1', '1 ""'],
    ['sleep x', '1 ""'],
  ])('%j', (line, result) => {
    expect(sh(line)).toBe(result);
  });

  it('sleeps in virtual time', () => {
    slept = 0;
    sh('sleep 0.5; sleep 2; usleep 10');
    expect(slept).toBe(2_500_010);
  });
});
