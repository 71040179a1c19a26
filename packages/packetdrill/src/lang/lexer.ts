import { ScriptSyntaxError } from './error.ts';

/** Kinds of tokens. `punct` is a single character that is nothing else. */
export type TokenKind = 'int' | 'hex' | 'float' | 'word' | 'string' | 'backquote' | 'code' | 'ipv4' | 'ipv6' | 'ellipsis' | 'option' | 'punct' | 'eof';

/** A piece of a script. */
export interface Token {
  readonly kind: TokenKind;
  /** As written; without the delimiters for strings, commands and code. */
  readonly text: string;
  /** Offset of the first character. */
  readonly at: number;
  /** Offset behind the last one. */
  readonly end: number;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

const SEG = '[0-9a-fA-F]{1,4}';
const V4 = '[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+';
/** Only with eight groups or `::`: `1:1001` is a range of sequence numbers. */
const V6 = [
  `(?:${SEG}:){1,6}:${V4}`,
  `::(?:[fF]{4}:)?(?:0{1,4}:)?${V4}`,
  `(?:${SEG}:){7}${SEG}`,
  ...[1, 2, 3, 4, 5, 6].map((n) => `(?:${SEG}:){1,${7 - n}}(?::${SEG}){1,${n}}`),
  `::(?:${SEG}:){0,6}${SEG}`,
  `(?:${SEG}:){1,7}:`,
  '::',
].join('|');

/** Rules in order of preference among matches of the same length. */
const RULES: readonly (readonly [TokenKind, RegExp])[] = [
  ['option', /--[a-zA-Z0-9_]+/y],
  ['ellipsis', /\.\.\./y],
  ['float', /-?[0-9]*\.[0-9]+/y],
  ['int', /-?[0-9]+/y],
  ['hex', /0x[0-9a-fA-F]+/y],
  ['word', /[a-zA-Z0-9_]+/y],
  ['string', /"(?:\\.|[^"\\])*"/sy],
  ['backquote', /`(?:\\.|[^`\\])*`/sy],
  ['code', /%\{.*?\}%/sy],
  ['ipv4', new RegExp(V4, 'y')],
  ['ipv6', new RegExp(V6, 'y')],
];

const of = (...kinds: readonly TokenKind[]): readonly (readonly [TokenKind, RegExp])[] => RULES.filter(([k]) => kinds.includes(k));
const STRING_RULES = of('string');
const BACKQUOTE_RULES = of('backquote');
const CODE_RULES = of('code');
const DOT_RULES = of('ellipsis', 'float');
const MINUS_RULES = of('option', 'float', 'int');
const DIGIT_RULES = of('float', 'int', 'hex', 'word', 'ipv4', 'ipv6');
const WORD_RULES = of('word');
const HEX_RULES = of('word', 'ipv6');
const COLON_RULES = of('ipv6');

/** Which rules can match at all, by first character: most tokens need only one or two tried. */
function rulesFor(c: string): readonly (readonly [TokenKind, RegExp])[] {
  if (c >= '0' && c <= '9') return DIGIT_RULES;
  if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) return HEX_RULES;
  if ((c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c === '_') return WORD_RULES;
  switch (c) {
    case '.':
      return DOT_RULES;
    case '-':
      return MINUS_RULES;
    case ':':
      return COLON_RULES;
    case '"':
      return STRING_RULES;
    case '`':
      return BACKQUOTE_RULES;
    case '%':
      return CODE_RULES;
    default:
      return NO_RULES;
  }
}
const NO_RULES = of();

/** Blanks what lies between `#ifdef NAME` and `#endif` when NAME is not defined, and the directives themselves; line breaks stay. */
export function applyIfdef(text: string, defined: ReadonlySet<string>): string {
  if (!text.includes('#')) return text;
  const lines = text.split('\n');
  let from = 0;
  let keep = true;
  for (let i = 0; i < lines.length; i++) {
    const row = lines[i] as string;
    const m = /^[ \t]*#[ \t]*(ifdef|endif)\b[ \t]*([A-Za-z_][A-Za-z_0-9]*)?/.exec(row);
    if (m === null) {
      if (!keep) lines[i] = '';
      continue;
    }
    lines[i] = '';
    if (m[1] === 'ifdef') {
      if (m[2] === undefined) throw new ScriptSyntaxError(i + 1, 1, '#ifdef needs a name');
      if (from !== 0) throw new ScriptSyntaxError(i + 1, 1, `#ifdef inside the #ifdef of line ${from}`);
      from = i + 1;
      keep = defined.has(m[2]);
    } else {
      if (from === 0) throw new ScriptSyntaxError(i + 1, 1, '#endif without #ifdef');
      from = 0;
      keep = true;
    }
  }
  if (from !== 0) throw new ScriptSyntaxError(from, 1, '#ifdef without #endif');
  return lines.join('\n');
}

/** Splits a script into tokens, the last one of kind `eof`. Source: packetdrill lexer.l: the longest match, the first rule among equals. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  const advance = (to: number): void => {
    for (let nl = text.indexOf('\n', at); nl >= 0 && nl < to; nl = text.indexOf('\n', nl + 1)) {
      line++;
      lineStart = nl + 1;
    }
    at = to;
  };
  for (;;) {
    const c = text[at];
    if (c === undefined) break;
    if (c === ' ' || c === '\t' || c === '\n' || c === '\r') {
      advance(at + 1);
      continue;
    }
    if (c === '/' && (text[at + 1] === '/' || text[at + 1] === '*')) {
      advance(commentEnd(text, at, line, at - lineStart + 1));
      continue;
    }
    const token = nextToken(text, at, line, at - lineStart + 1);
    tokens.push(token);
    advance(token.end);
  }
  tokens.push({ kind: 'eof', text: '', at, end: at, line, column: at - lineStart + 1 });
  return tokens;
}

function commentEnd(text: string, at: number, line: number, column: number): number {
  if (text[at + 1] === '/') {
    const nl = text.indexOf('\n', at);
    return nl < 0 ? text.length : nl;
  }
  const close = text.indexOf('*/', at + 2);
  if (close < 0) throw new ScriptSyntaxError(line, column, 'comment without end');
  return close + 2;
}

function nextToken(text: string, at: number, line: number, column: number): Token {
  const c = text[at] as string;
  let kind: TokenKind = 'punct';
  let length = 0;
  for (const [k, re] of rulesFor(c)) {
    re.lastIndex = at;
    const n = re.exec(text)?.[0].length ?? 0;
    if (n > length) {
      kind = k;
      length = n;
    }
  }
  if (length === 0) {
    if (c === '"' || c === '`' || (c === '%' && text[at + 1] === '{')) throw new ScriptSyntaxError(line, column, `${c === '"' ? 'string' : c === '`' ? 'command' : 'code'} without end`);
    length = 1;
  }
  const end = at + length;
  const cut = kind === 'string' || kind === 'backquote' ? 1 : kind === 'code' ? 2 : 0;
  return { kind, text: text.slice(at + cut, end - cut), at, end, line, column };
}
