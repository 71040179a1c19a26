import { Kernel, virtualHost } from '@ns/kern';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CliError, COMMANDS, exec, LINE_MAX, splitWords } from '../src/index.ts';
import { getopt, parseNumber } from '../src/shell/getopt.ts';
import { grepFilter } from '../src/shell/grep.ts';
import { classPrefix, maskPrefix, parseHost, parseNetwork } from '../src/text/args.ts';
import { centiseconds, displayWidth, left, right, vis } from '../src/text/format.ts';

const words = (line: string): unknown => {
  const r = splitWords(line);
  return r.ok ? r.pipeline : r.message;
};

describe('grep at the head of a line', () => {
  it('reads what was put in', () => {
    const kernel = new Kernel(virtualHost());
    expect(exec(kernel, 'grep -c a | grep 2', { stdin: 'a\nb\nca' })).toEqual({ code: 0, stdout: '2\n', stderr: '' });
    expect(exec(kernel, 'grep x', { stdin: '' }).code).toBe(1);
  });
});

describe('words', () => {
  it.each([
    ['', [[]]],
    ['  ', [[]]],
    ['netstat  -an\t-p tcp', [['netstat', '-an', '-p', 'tcp']]],
    ["ifconfig lo0 descr 'two words'", [['ifconfig', 'lo0', 'descr', 'two words']]],
    ['a "b c" d', [['a', 'b c', 'd']]],
    ['a""b', [['ab']]],
    ["a '' b", [['a', '', 'b']]],
    ['a\\ b \\\\ \\|', [['a b', '\\', '|']]],
    ['"a\\"b\\n"', [['a"b\\n']]],
    ['a # comment', [['a']]],
    ['a#b', [['a#b']]],
    ['a|grep b | grep c', [['a'], ['grep', 'b'], ['grep', 'c']]],
    ["a '|' b", [['a', '|', 'b']]],
    ['netstat\n', [['netstat']]],
  ])('%j', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  it.each([
    ["a 'b", 'syntax error: unterminated quoted string'],
    ['a "b', 'syntax error: unterminated quoted string'],
    ['a \\', 'syntax error: backslash at the end of the line'],
    ['| grep a', 'syntax error: "|" unexpected'],
    ['a |', 'syntax error: end of line unexpected'],
    ['a || b', "syntax error: '||' is not supported"],
    ['a; b', 'syntax error: ";" unexpected'],
    ['a > b', 'syntax error: ">" unexpected'],
    ['a `b`', 'syntax error: "`" unexpected'],
    ['a\nb', 'syntax error: newline unexpected'],
  ])('refuses %j', (line, message) => {
    expect(words(line)).toBe(message);
  });

  it('gives back any words that are quoted', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { minLength: 1, maxLength: 6 }), (list) => {
        const quoted = list.map((w) => `'${w.replaceAll("'", "'\\''")}'`).join(' ');
        expect(words(quoted)).toEqual([list]);
      }),
    );
  });
});

describe('options', () => {
  const USAGE = 'usage: x';
  const parse = (...argv: string[]): unknown => {
    try {
      return getopt('x', argv, 'abp:n:', USAGE);
    } catch (e) {
      return e instanceof CliError ? [e.code, e.message] : e;
    }
  };
  it.each([
    [['-ab', 'c', '-a'], { opts: [{ name: 'a', arg: '' }, { name: 'b', arg: '' }], operands: ['c', '-a'] }],
    [['-aptcp'], { opts: [{ name: 'a', arg: '' }, { name: 'p', arg: 'tcp' }], operands: [] }],
    [['-p', '-a', '--', '-b'], { opts: [{ name: 'p', arg: '-a' }], operands: ['-b'] }],
    [['-', 'a'], { opts: [], operands: ['-', 'a'] }],
    [['-ax'], [1, 'x: illegal option -- x\nusage: x']],
    [['-a:'], [1, 'x: illegal option -- :\nusage: x']],
    [['-ap'], [1, 'x: option requires an argument -- p\nusage: x']],
  ])('%j', (argv, expected) => {
    expect(parse(...argv)).toEqual(expected);
  });

  it('numbers are decimal or hexadecimal, within bounds', () => {
    expect(parseNumber('12', 0, 20)).toBe(12);
    expect(parseNumber('0xff', 0, 300)).toBe(255);
    for (const bad of ['', ' 1', '1x', '1e3', '0x', '-1', '21', '1.5', '99999999999999999']) expect(parseNumber(bad, 0, 20)).toBeNull();
  });
});

describe('grep', () => {
  const TEXT = ['tcp4 ESTABLISHED', 'toe4 a.b', 'TOE4,TOE6', 'a+b {x}'];
  const run = (...argv: string[]): string[] => {
    const f = grepFilter(argv);
    const out = TEXT.map((l) => f.line(l)).filter((l) => l !== null);
    return [...out, f.end(), String(f.code())].filter((l) => l !== '');
  };
  it.each([
    [['toe'], ['toe4 a.b', '0']],
    [['TOE'], ['TOE4,TOE6', '0']],
    [['-i', 'toe'], ['toe4 a.b', 'TOE4,TOE6', '0']],
    [['-v', 'o'], ['tcp4 ESTABLISHED', 'TOE4,TOE6', 'a+b {x}', '0']],
    [['-c', 'toe'], ['1\n', '0']],
    [['-n', 'TOE'], ['3:TOE4,TOE6', '0']],
    [['zzz'], ['1']],
    [['^toe'], ['toe4 a.b', '0']],
    [['[46]$'], ['TOE4,TOE6', '0']],
    [['[[:upper:]]\\{4,\\}'], ['tcp4 ESTABLISHED', '0']],
    [['a+b'], ['a+b {x}', '0']],
    [['{x}'], ['a+b {x}', '0']],
    [['-E', 'tcp|toe'], ['tcp4 ESTABLISHED', 'toe4 a.b', '0']],
    [['-F', 'a.b'], ['toe4 a.b', '0']],
    [['-w', 'a.b'], ['toe4 a.b', 'a+b {x}', '0']],
    [['-x', '-F', 'toe4 a.b'], ['toe4 a.b', '0']],
    [['-e', '-'], ['1']],
    [['tcp\\|TOE'], ['tcp4 ESTABLISHED', 'TOE4,TOE6', '0']],
  ])('%j', (argv, expected) => {
    expect(run(...argv)).toEqual(expected);
  });

  it('refuses what it cannot be', () => {
    for (const bad of [[], ['a', 'file'], ['-E', '('], ['[a'], ['a\\'], ['x'.repeat(300)], ['-q', 'a']]) expect(() => grepFilter(bad), JSON.stringify(bad)).toThrow(CliError);
  });

  it('never throws anything else, and matches a text by itself quoted', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.boolean(), (pattern, extended) => {
        try {
          grepFilter(extended ? ['-E', '-e', pattern] : ['-e', pattern]).line('some text');
        } catch (e) {
          expect(e).toBeInstanceOf(CliError);
        }
        expect(grepFilter(['-F', '-e', pattern]).line(`<${pattern}>`)).not.toBeNull();
      }),
    );
  });
});

describe('exec', () => {
  const kernel = new Kernel(virtualHost());
  it('answers mistakes with exit codes', () => {
    expect(exec(kernel, 'nonsense')).toEqual({ code: 127, stdout: '', stderr: 'sh: nonsense: not found\n' });
    expect(exec(kernel, "a 'b")).toEqual({ code: 2, stdout: '', stderr: 'sh: syntax error: unterminated quoted string\n' });
    expect(exec(kernel, 'help | wc -l')).toEqual({ code: 2, stdout: '', stderr: 'sh: a pipe leads to grep only, not to wc\n' });
    expect(exec(kernel, 'x'.repeat(LINE_MAX + 1)).code).toBe(2);
    expect(exec(kernel, 'netstat -y').code).toBe(1);
    expect(exec(kernel, 'help', { jail: 'nowhere' })).toEqual({ code: 1, stdout: '', stderr: 'jexec: jail "nowhere" not found\n' });
    expect(exec(kernel, '')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('refuses to wait', () => {
    expect(exec(kernel, 'ping 127.0.0.1')).toEqual({ code: 1, stdout: '', stderr: 'ping: takes time: use start(), not exec()\n' });
  });

  it('filters through pipes, whose last exit code counts', () => {
    expect(exec(kernel, 'help | grep net').stdout).toBe('ifconfig   configure network interfaces\nnetstat    show network status and statistics\nping       send ICMP ECHO_REQUEST packets to network hosts\nping6      send ICMP ECHO_REQUEST packets to network hosts\nsetfib     execute a utility with an altered default network view\ntcpdump    dump traffic on a network\n');
    expect(exec(kernel, 'help | grep net | grep -v work').stdout).toBe('');
    expect(exec(kernel, 'help | grep net | grep -v work').code).toBe(1);
    expect(exec(kernel, 'help | grep -c .').stdout).toBe(`${COMMANDS.length}\n`);
  });

  it('takes words as they are', () => {
    expect(exec(kernel, ['help', '| grep x']).stderr).toBe('help: no such command: | grep x\n');
  });

  it('says what is missing rather than failing on a kernel without a stack', () => {
    for (const c of COMMANDS) {
      if (c.asynchronous === true) continue;
      const r = exec(kernel, [c.name, ...(c.name === 'tcpdrop' ? ['-a'] : c.name === 'arp' ? ['-a'] : c.name === 'sysctl' ? ['-a'] : [])]);
      expect(r.code === 0 || r.stderr !== '', c.name).toBe(true);
    }
  });

  it('shows the usage of each command', () => {
    for (const c of COMMANDS) expect(exec(kernel, `help ${c.name}`).stdout, c.name).toBe(`${c.summary}\n${c.usage}\n`);
  });
});

describe('text', () => {
  it('makes foreign text harmless', () => {
    expect(vis('plain é 漢')).toBe('plain é 漢');
    expect(vis('a\nb\x1b[2J\u0085\u202e\\')).toBe('a\\012b\\033[2J\\205\\20056\\\\');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(vis(s)))); // eslint-disable-line no-control-regex
  });

  it('keeps columns', () => {
    expect(left('abc', 5)).toBe('abc  ');
    expect(left('abcdef', 5, 5)).toBe('abcde');
    expect(right('12', 5)).toBe('   12');
    expect(right('123456', 5)).toBe('123456');
    expect(displayWidth('漢字')).toBe(4);
    expect(left('漢字漢', 5, 5)).toBe('漢字 ');
    expect(displayWidth('e\u0301')).toBe(1);
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (s, w) => displayWidth(left(s, w, w)) === w));
  });

  it('writes seconds with hundredths', () => {
    expect(centiseconds(230_000)).toBe('   0.23');
    expect(centiseconds(7_199_880_000)).toBe('7199.88');
    expect(centiseconds(-1)).toBe('   0.00');
  });

  it('reads addresses, networks and masks', () => {
    expect(parseHost('10.0.0.1')?.toString()).toBe('10.0.0.1');
    expect(parseHost('localhost')?.toString()).toBe('127.0.0.1');
    expect(parseHost('fe80::1%em0', (n) => (n === 'em0' ? 3 : 0))?.zone).toBe(3);
    expect(parseHost('fe80::1%nix', () => 0)).toBeNull();
    expect(parseHost('10.0.0.300')).toBeNull();
    expect(parseNetwork('10.1')?.toString()).toBe('10.1.0.0');
    expect(maskPrefix('255.255.255.0')).toBe(24);
    expect(maskPrefix('0xffff0000')).toBe(16);
    expect(maskPrefix('255.0.255.0')).toBe(-1);
    expect(['10.0.0.1', '172.16.0.1', '192.168.0.1', '224.0.0.1'].map((a) => classPrefix(parseHost(a)!))).toEqual([8, 16, 24, 32]);
  });
});
