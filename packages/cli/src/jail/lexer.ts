/*
 * Words of jail.conf(5). Source: FreeBSD usr.sbin/jail/jaillex.l.
 */

/**
 * A token: `str` and `var` begin a word or go on with the one before (`joined`), `op` is one of `+=` `=` `,` `;` `{` `}` or a character that means nothing, `eof` the end.
 */
export interface Token {
  readonly kind: 'str' | 'var' | 'op' | 'eof';
  /** Value of a string, name of a variable, or the operator. */
  readonly text: string;
  /** As it stands in the file, for messages. */
  readonly raw: string;
  /** No blank stands before it, and a word does. */
  readonly joined: boolean;
  /** Line, from 1. */
  readonly line: number;
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\n': '' };

/** Resolves backslashes: octal, hexadecimal, the letters of C; a newline disappears, all else stands for itself. Source: text2lval(). */
export function unescape(text: string): string {
  return text.replace(/\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|([^]))/g, (_all, octal?: string, hex?: string, other?: string) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return ESCAPES[other as string] ?? (other as string);
  });
}

/** Cuts the text of a file into tokens, one at a time. */
export class Lexer {
  /** Line of the place that it has reached. */
  line: number;
  private readonly src: string;
  private readonly complain: (line: number, message: string) => void;
  private readonly blankRe: RegExp = /[ \t\r\n]+/y;
  private readonly commentRe: RegExp = /#.*|\/\/.*|\/\*[^]*?\*\//y;
  private readonly operatorRe: RegExp = /\+=|[,;={}]/y;
  private readonly atomRe: RegExp = /[A-Za-z0-9_!%&()\-.:<>?@[\]^`|~]+|\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|[^])|[$*+/\\]/y;
  private readonly singleRe: RegExp = /'(?:[^'\\]|\\[^])*'/y;
  private readonly doubleRe: RegExp = /"(?:[^"\\]|\\[^])*"/y;
  private readonly variableRe: RegExp = /\$(?:([A-Za-z_][A-Za-z_0-9]*)|\{((?:[^\n{}\\]|\\[^])*)\})/y;
  private at: number;
  private inWord: boolean;
  /** Pieces of a string in double quotes that are still to come. */
  private readonly queue: Token[];

  constructor(src: string, complain: (line: number, message: string) => void) {
    this.src = src;
    this.complain = complain;
    this.at = 0;
    this.line = 1;
    this.inWord = false;
    this.queue = [];
  }

  next(): Token {
    const waiting = this.queue.shift();
    if (waiting !== undefined) return waiting;
    for (;;) {
      if (this.take(this.blankRe) === null && this.comment() === null) break;
      this.inWord = false;
    }
    if (this.at >= this.src.length) return this.token('eof', '', '');
    const op = this.take(this.operatorRe);
    if (op !== null) {
      this.inWord = false;
      return this.token('op', op, op);
    }
    return this.variable() ?? this.quoted() ?? this.atom();
  }

  private take(re: RegExp): string | null {
    re.lastIndex = this.at;
    const m = re.exec(this.src);
    if (m === null) return null;
    this.at += m[0].length;
    for (const c of m[0]) if (c === '\n') this.line++;
    return m[0];
  }

  private token(kind: Token['kind'], text: string, raw: string): Token {
    const joined = this.inWord && kind !== 'op' && kind !== 'eof';
    if (kind === 'str' || kind === 'var') this.inWord = true;
    return { kind, text, raw, joined, line: this.line };
  }

  private comment(): string | null {
    const c = this.take(this.commentRe);
    if (c !== null || !this.src.startsWith('/*', this.at)) return c;
    this.take(/[^]*/y);
    this.complain(this.line, 'unterminated comment');
    return '';
  }

  private variable(): Token | null {
    this.variableRe.lastIndex = this.at;
    const m = this.variableRe.exec(this.src);
    if (m !== null) {
      this.take(this.variableRe);
      return this.token('var', unescape(m[1] ?? m[2] ?? ''), m[0]);
    }
    if (!this.src.startsWith('${', this.at)) return null;
    this.complain(this.line, 'unterminated variable');
    const rest = this.take(/\$\{[^\n{}]*/y) as string;
    return this.token('var', rest.slice(2), rest);
  }

  private quoted(): Token | null {
    const single = this.take(this.singleRe);
    if (single !== null) return this.token('str', unescape(single.slice(1, -1)), single);
    const double = this.take(this.doubleRe);
    if (double !== null) return this.pieces(double);
    const open = this.src[this.at];
    if (open !== '"' && open !== "'") return null;
    this.complain(this.line, 'unterminated string');
    const rest = this.take(/.[^\n]*/y) as string;
    return this.token('str', rest.slice(1), rest);
  }

  /** A string in double quotes: text and variables in turn, beginning with text. */
  private pieces(raw: string): Token {
    const body = raw.slice(1, -1);
    const all: Token[] = [];
    let text = '';
    for (let i = 0; i < body.length; ) {
      this.variableRe.lastIndex = i;
      const m = body[i] === '$' ? this.variableRe.exec(body) : null;
      if (m !== null) {
        all.push(this.token('str', unescape(text), raw), this.token('var', unescape(m[1] ?? m[2] ?? ''), raw));
        text = '';
        i += m[0].length;
        continue;
      }
      if (body.startsWith('${', i)) this.complain(this.line, 'unterminated variable');
      const n = body[i] === '\\' ? 2 : 1;
      text += body.slice(i, i + n);
      i += n;
    }
    if (text !== '' || all.length === 0) all.push(this.token('str', unescape(text), raw));
    this.queue.push(...all.slice(1));
    return all[0] as Token;
  }

  private atom(): Token {
    const a = this.take(this.atomRe);
    if (a !== null) return this.token('str', unescape(a), a);
    const c = this.src[this.at++] as string;
    this.inWord = false;
    return this.token('op', c, c);
  }
}
