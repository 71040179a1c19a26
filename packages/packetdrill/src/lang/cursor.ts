import { ScriptSyntaxError } from './error.ts';
import type { Token, TokenKind } from './lexer.ts';

/** Deepest nesting of expressions: more is an attack, not a script. */
const DEPTH_MAX = 64;

/** Tokens with a place in them, and the definitions that replace words. */
export class Cursor {
  readonly text: string;
  private readonly tokens: readonly Token[];
  private readonly defines: Map<string, string>;
  private i: number;
  private depth: number;

  constructor(text: string, tokens: readonly Token[]) {
    this.text = text;
    this.tokens = tokens;
    this.defines = new Map();
    this.i = 0;
    this.depth = 0;
  }

  /** From here on the word `name` stands for `value`. */
  define(name: string, value: string): void {
    this.defines.set(name, value);
  }

  /** The token `ahead` places further, definitions applied. */
  peek(ahead: number = 0): Token {
    const t = this.tokens[Math.min(this.i + ahead, this.tokens.length - 1)] as Token;
    return t.kind === 'word' && this.defines.size > 0 ? this.replaced(t) : t;
  }

  /** The token just read. */
  get last(): Token {
    return this.tokens[Math.max(this.i - 1, 0)] as Token;
  }

  next(): Token {
    const t = this.peek();
    if (t.kind !== 'eof') this.i++;
    return t;
  }

  /** Whether the next token is the word or character `text`. */
  at(text: string, ahead: number = 0): boolean {
    const t = this.peek(ahead);
    return (t.kind === 'punct' || t.kind === 'word') && t.text === text;
  }

  is(kind: TokenKind, ahead: number = 0): boolean {
    return this.peek(ahead).kind === kind;
  }

  /** Reads the word or character `text` if it comes next. */
  take(text: string): boolean {
    if (!this.at(text)) return false;
    this.next();
    return true;
  }

  expect(text: string, where: string): void {
    if (!this.take(text)) this.fail(`'${text}' expected ${where}`);
  }

  expectKind(kind: TokenKind, what: string): Token {
    if (!this.is(kind)) this.fail(`${what} expected`);
    return this.next();
  }

  /** A decimal or hexadecimal number in [lo, hi]. */
  number(what: string, lo: number, hi: number): number {
    const t = this.peek();
    if (t.kind !== 'int' && t.kind !== 'hex') this.fail(`${what} expected`);
    const n = Number(t.text);
    if (!(n >= lo && n <= hi)) this.fail(`${what} is ${t.text}, outside of ${lo} to ${hi}`);
    this.next();
    return n;
  }

  /** Reads something that may contain itself. */
  nested<T>(fn: () => T): T {
    if (++this.depth > DEPTH_MAX) this.fail('nested too deeply');
    const v = fn();
    this.depth--;
    return v;
  }

  /** The script from offset `from` to the last token read, as one line. */
  since(from: number): string {
    return this.text.slice(from, this.last.end).replace(/\s+/g, ' ').trim();
  }

  fail(message: string, at: Token = this.peek()): never {
    const found = at.kind === 'eof' ? 'the script ends' : `found '${at.text.length > 40 ? `${at.text.slice(0, 40)}...` : at.text}'`;
    throw new ScriptSyntaxError(at.line, at.column, `${message}, ${found}`);
  }

  private replaced(t: Token): Token {
    const value = this.defines.get(t.text);
    if (value === undefined) return t;
    if (value.startsWith('"')) return { ...t, kind: 'string', text: value.slice(1, -1) };
    if (value.startsWith('`')) return { ...t, kind: 'backquote', text: value.slice(1, -1) };
    return { ...t, kind: /^0x[0-9a-fA-F]+$/.test(value) ? 'hex' : /^-?[0-9]+$/.test(value) ? 'int' : 'word', text: value };
  }
}
