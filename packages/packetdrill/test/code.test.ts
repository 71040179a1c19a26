import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { CodeRunner, UnknownName } from '../src/code/eval.ts';
import { CodeError } from '../src/code/lexer.ts';

const NAMES: Readonly<Record<string, number>> = { tcpi_state: 4, TCPI_ESTABLISHED: 4, tcpi_options: 3, A: 1, B: 2 };
const names = (n: string): number | null => NAMES[n] ?? null;
const printed: string[] = [];
const run = (text: string, r: CodeRunner = new CodeRunner((t) => void printed.push(t))): string => r.run(text, names);

describe('code blocks', () => {
  it.each([
    'assert tcpi_state == TCPI_ESTABLISHED',
    'assert tcpi_options == (A | B)',
    'assert tcpi_options == (A | B) and not tcpi_state == 3, tcpi_state',
    'assert 1 <= tcpi_options <= 3 < 4 != 5',
    'assert (1 + 2 * 3 - 4) == 3; assert 7 // 2 == 3; assert -7 // 2 == -4; assert -7 % 5 == 3',
    'assert 1 << 40 == 1099511627776; assert 0xff & ~0x0f == 0xf0; assert 6 ^ 3 == 5',
    'x = 5\nx += 2\nassert x == 7',
    "assert tcpi_state == 4, '%d is not %s' % (tcpi_state, 'four')",
    'assert (1 ==\n 1) # a comment',
    'assert 1 == \\\n 1',
    'assert 1 == 1;\\\n assert 2 == 2;\\',
    'assert tcpi_state in (3, 4) and 5 not in (3, 4)',
    'assert True or no_such_name',
    'assert not (False and no_such_name)',
    'print("a", 1)\npass',
    'assert min(3, 2) == 2 and max(1, 2) == 2 and abs(-1) == 1 and int(2.5) == 2',
  ])('%s', (text) => {
    expect(run(text)).toBe('');
  });

  it('fail with what was asserted, and the message', () => {
    expect(run('assert tcpi_state == 3, "state %d" % tcpi_state')).toBe('assertion failed: tcpi_state == 3: state 4');
    expect(run('assert 1 <= 5 <= 2')).toBe('assertion failed: 1 <= 5 <= 2');
  });

  it('share their variables from block to block', () => {
    const r = new CodeRunner(() => {});
    run('x = tcpi_state', r);
    expect(run('assert x == 4', r)).toBe('');
  });

  it('name what they do not know', () => {
    expect(() => run('assert tcpi_nonsense == 1')).toThrow(UnknownName);
    expect(() => run('import os')).toThrow(UnknownName);
    expect(() => run('tcpi_state.x')).toThrow(CodeError);
    expect(() => run('assert 1 ==')).toThrow(CodeError);
    expect(() => run(`assert ${'('.repeat(10_000)}`)).toThrow(CodeError);
    expect(() => run(`assert ${'-'.repeat(10_000)}1`)).toThrow(CodeError);
  });

  it('of any text end in one of these ways', () => {
    const words = ['assert', '(', ')', '1', '0x2', 'tcpi_state', 'x', '=', '==', '<', '+', '%', "'a'", 'and', 'or', 'not', 'in', ',', '\n', ';', 'print', '|', '<<', '//', '.', '#'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 20 }), (list) => {
        try {
          expect(typeof run(list.join(' '))).toBe('string');
        } catch (e) {
          expect(e instanceof CodeError || e instanceof UnknownName).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
