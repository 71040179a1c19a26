import { CodeError, type CodeToken, codeTokens } from './lexer.ts';

/** A value of code. */
export type CodeValue = number | string | boolean | null | readonly CodeValue[];

/** A name that code uses and nobody knows. */
export class UnknownName extends Error {
  readonly symbol: string;

  constructor(symbol: string) {
    super(`unknown name ${symbol}`);
    this.symbol = symbol;
  }
}

/** Deepest nesting of expressions. */
const DEPTH_MAX = 64;
/** How tightly binary operators bind; comparisons are apart, since they chain. */
const LEVELS: Readonly<Record<string, number>> = Object.freeze({ '|': 1, '^': 2, '&': 3, '<<': 4, '>>': 4, '+': 5, '-': 5, '*': 6, '/': 6, '//': 6, '%': 6 });
const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

const truthy = (v: CodeValue): boolean => (Array.isArray(v) ? v.length > 0 : v !== null && v !== 0 && v !== '' && v !== false);

const num = (v: CodeValue): number => {
  if (typeof v === 'number') return v;
  if (typeof v === 'boolean') return v ? 1 : 0;
  throw new CodeError('a number expected');
};

/**
 * Runs the small part of Python that code blocks are written in: assert, assignment, print, arithmetic, comparisons that chain, `and or not in`, `'text' % values`.
 * Variables live from block to block.
 */
export class CodeRunner {
  private readonly variables: Map<string, CodeValue>;
  private readonly print: (text: string) => void;
  private names: (name: string) => number | null;
  private tokens: readonly CodeToken[];
  private i: number;
  private depth: number;
  /** Above 0 nothing is evaluated: the other operand has decided. */
  private idle: number;

  constructor(print: (text: string) => void) {
    this.variables = new Map();
    this.print = print;
    this.names = () => null;
    this.tokens = [];
    this.i = 0;
    this.depth = 0;
    this.idle = 0;
  }

  /** Runs a block. Returns '' or why an assertion failed. Throws CodeError and {@link UnknownName}. */
  run(text: string, names: (name: string) => number | null): string {
    this.tokens = codeTokens(text);
    this.names = names;
    this.i = 0;
    this.depth = 0;
    this.idle = 0;
    while (this.i < this.tokens.length) {
      const wrong = this.statement();
      if (wrong !== '') return wrong;
      if (this.peek().kind !== 'end') throw new CodeError(`'${this.peek().text}' is not understood here`);
      this.i++;
    }
    return '';
  }

  private peek(ahead: number = 0): CodeToken {
    return this.tokens[this.i + ahead] ?? { kind: 'end', text: '' };
  }

  private take(text: string): boolean {
    const t = this.peek();
    if (t.text !== text || t.kind === 'string' || t.kind === 'end') return false;
    this.i++;
    return true;
  }

  private statement(): string {
    const t = this.peek();
    if (t.kind === 'name' && t.text === 'assert') return this.assert();
    if (this.take('pass')) return '';
    if (t.kind === 'name' && this.peek(1).kind === 'op' && /^(?:[-+*/%&|^]|<<|>>)?=$/.test(this.peek(1).text)) {
      this.assign(t.text);
      return '';
    }
    this.expression();
    return '';
  }

  private assert(): string {
    this.i++;
    const from = this.i;
    const value = this.expression();
    const source = this.tokens.slice(from, this.i).map((t) => t.text).join(' ');
    const message = this.take(',') ? this.expression() : null;
    return truthy(value) ? '' : `assertion failed: ${source}${message === null ? '' : `: ${show(message)}`}`;
  }

  private assign(name: string): void {
    const op = this.peek(1).text;
    this.i += 2;
    const value = this.expression();
    const before = op === '=' ? null : this.lookup(name);
    this.variables.set(name, before === null ? value : this.binary(op.slice(0, -1), before, value));
  }

  private expression(): CodeValue {
    if (++this.depth > DEPTH_MAX) throw new CodeError('nested too deeply');
    const v = this.or();
    this.depth--;
    return v;
  }

  private or(): CodeValue {
    let v = this.and();
    while (this.take('or')) v = this.shortcut(v, truthy(v), () => this.and());
    return v;
  }

  private and(): CodeValue {
    let v = this.not();
    while (this.take('and')) v = this.shortcut(v, !truthy(v), () => this.not());
    return v;
  }

  /** The right operand, read but not evaluated when the left one has decided. */
  private shortcut(left: CodeValue, decided: boolean, right: () => CodeValue): CodeValue {
    if (decided) this.idle++;
    const v = right();
    if (decided) this.idle--;
    return decided ? left : v;
  }

  private not(): CodeValue {
    let negate = false;
    let any = false;
    while (this.take('not')) {
      negate = !negate;
      any = true;
    }
    const v = this.comparison();
    return any ? truthy(v) !== negate : v;
  }

  private comparison(): CodeValue {
    let left = this.operand(1);
    let result: CodeValue | null = null;
    for (;;) {
      const op = this.comparator();
      if (op === '') return result ?? left;
      const right = this.operand(1);
      const ok = this.compare(op, left, right);
      result = result === null ? ok : result === true && ok;
      left = right;
    }
  }

  private comparator(): string {
    const t = this.peek();
    if (t.kind === 'op' && COMPARISONS.includes(t.text)) {
      this.i++;
      return t.text;
    }
    if (this.take('in')) return 'in';
    if (t.text === 'not' && this.peek(1).text === 'in') {
      this.i += 2;
      return 'not in';
    }
    return '';
  }

  private compare(op: string, a: CodeValue, b: CodeValue): boolean {
    if (this.idle > 0) return true;
    if (op === 'in' || op === 'not in') {
      if (!Array.isArray(b)) throw new CodeError('`in` needs a list');
      return b.some((x) => equal(a, x)) === (op === 'in');
    }
    if (op === '==') return equal(a, b);
    if (op === '!=') return !equal(a, b);
    const [x, y] = [num(a), num(b)];
    return op === '<' ? x < y : op === '<=' ? x <= y : op === '>' ? x > y : x >= y;
  }

  private operand(least: number): CodeValue {
    let left = this.unary();
    for (;;) {
      const t = this.peek();
      const level = t.kind === 'op' ? LEVELS[t.text] : undefined;
      if (level === undefined || level < least) return left;
      this.i++;
      const right = this.operand(level + 1);
      left = this.idle > 0 ? 0 : this.binary(t.text, left, right);
    }
  }

  private binary(op: string, a: CodeValue, b: CodeValue): CodeValue {
    if (op === '%' && typeof a === 'string') return format(a, Array.isArray(b) ? (b as readonly CodeValue[]) : [b]);
    if (op === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
    const [x, y] = [num(a), num(b)];
    switch (op) {
      case '+':
        return x + y;
      case '-':
        return x - y;
      case '*':
        return x * y;
      case '/':
        return x / y;
      case '//':
        return Math.floor(x / y);
      case '%':
        return x - y * Math.floor(x / y);
      default:
        return Number(bitwise(op, BigInt(Math.trunc(x)), BigInt(Math.trunc(y))));
    }
  }

  private unary(): CodeValue {
    if (this.take('-')) return -num(this.nested(() => this.unary()));
    if (this.take('+')) return num(this.nested(() => this.unary()));
    if (this.take('~')) return ~num(this.nested(() => this.unary()));
    return this.primary();
  }

  private nested<T>(fn: () => T): T {
    if (++this.depth > DEPTH_MAX) throw new CodeError('nested too deeply');
    const v = fn();
    this.depth--;
    return v;
  }

  private primary(): CodeValue {
    const t = this.peek();
    this.i++;
    if (t.kind === 'number') return Number(t.text.replace(/\.$/, ''));
    if (t.kind === 'string') return unquote(t.text);
    if (t.text === '(' && t.kind === 'op') return this.tuple();
    if (t.kind === 'name') return this.name(t.text);
    throw new CodeError(t.kind === 'end' ? 'code ends too early' : `'${t.text}' is not understood here`);
  }

  private tuple(): CodeValue {
    if (this.take(')')) return [];
    const list = [this.expression()];
    let isList = false;
    while (this.take(',')) {
      isList = true;
      if (this.peek().text === ')') break;
      list.push(this.expression());
    }
    if (!this.take(')')) throw new CodeError("')' expected");
    return isList ? list : (list[0] as CodeValue);
  }

  private name(text: string): CodeValue {
    if (text === 'True' || text === 'False') return text === 'True';
    if (text === 'None') return null;
    if (!this.take('(')) return this.idle > 0 ? 0 : this.lookup(text);
    const v = this.tuple();
    const args = Array.isArray(v) ? (v as readonly CodeValue[]) : [v];
    if (this.idle > 0) return 0;
    const first = args[0] ?? 0;
    switch (text) {
      case 'print':
        this.print(args.map(show).join(' '));
        return null;
      case 'abs':
        return Math.abs(num(first));
      case 'int':
        return Math.trunc(typeof first === 'string' ? Number(first) : num(first));
      case 'str':
        return show(first);
      case 'min':
        return Math.min(...args.map(num));
      case 'max':
        return Math.max(...args.map(num));
      default:
        throw new UnknownName(text);
    }
  }

  private lookup(name: string): CodeValue {
    const own = this.variables.get(name);
    if (own !== undefined) return own;
    const v = this.names(name);
    if (v === null) throw new UnknownName(name);
    return v;
  }
}

function equal(a: CodeValue, b: CodeValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => equal(x as CodeValue, b[i] as CodeValue));
  if (typeof a === 'string' || typeof b === 'string' || a === null || b === null || Array.isArray(a) || Array.isArray(b)) return a === b;
  return num(a) === num(b);
}

function bitwise(op: string, x: bigint, y: bigint): bigint {
  switch (op) {
    case '|':
      return x | y;
    case '^':
      return x ^ y;
    case '&':
      return x & y;
    default:
      if (y < 0n || y > 64n) throw new CodeError('shift out of range');
      return op === '<<' ? x << y : x >> y;
  }
}

const unquote = (text: string): string => text.slice(1, -1).replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c));

const show = (v: CodeValue): string => (v === null ? 'None' : typeof v === 'boolean' ? (v ? 'True' : 'False') : Array.isArray(v) ? `(${v.map((x) => show(x as CodeValue)).join(', ')})` : String(v));

/** `'%d of %s' % (1, 'x')`. */
function format(text: string, args: readonly CodeValue[]): string {
  let i = 0;
  return text.replace(/%([-0 ]*)([0-9]*)(?:\.([0-9]+))?([dsxfr%])/g, (_, _flags: string, _width: string, digits: string | undefined, kind: string) => {
    if (kind === '%') return '%';
    const v = args[i++] ?? null;
    if (kind === 's' || kind === 'r') return show(v);
    if (kind === 'f') return num(v).toFixed(digits === undefined ? 6 : Math.min(Number(digits), 20));
    return kind === 'x' ? Math.trunc(num(v)).toString(16) : String(Math.trunc(num(v)));
  });
}
