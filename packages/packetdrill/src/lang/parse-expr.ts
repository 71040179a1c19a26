import type { CallNode, Expr, StructField } from './ast.ts';
import type { Cursor } from './cursor.ts';
import type { Token } from './lexer.ts';

/** Functions that may stand in an argument. */
const FUNCTIONS: readonly string[] = ['htons', 'htonl', 'ntohs', 'ntohl', 'inet_addr', 'inet6_addr'];

/** `name(args) = result [ERRNO] [(note)]`. */
export function parseCall(c: Cursor): CallNode {
  const name = c.expectKind('word', 'name of a system call');
  c.expect('(', `after ${name.text}`);
  const args = listUntil(c, ')');
  c.expect('=', `and the result of ${name.text}()`);
  const result = parseResult(c);
  const errno = c.is('word') ? c.next().text : null;
  if (c.at('(')) skipNote(c);
  return { type: 'call', name: name.text, args, result, errno, line: name.line };
}

/** `...` stands for any result. */
function parseResult(c: Cursor): Expr | null {
  const e = parseExpr(c);
  return e.type === 'ellipsis' ? null : e;
}

/** Free text in parentheses. */
function skipNote(c: Cursor): void {
  const open = c.next();
  for (let depth = 1; depth > 0; ) {
    const t = c.next();
    if (t.kind === 'eof') c.fail("note without ')'", open);
    if (t.kind !== 'punct') continue;
    if (t.text === '(') depth++;
    else if (t.text === ')') depth--;
  }
}

function listUntil(c: Cursor, close: string): Expr[] {
  const list: Expr[] = [];
  if (c.take(close)) return list;
  do list.push(parseExpr(c));
  while (c.take(','));
  c.expect(close, 'after a list');
  return list;
}

/** An argument, `A | B` included. */
export function parseExpr(c: Cursor): Expr {
  const first = parseTerm(c);
  if (!c.at('|')) return first;
  const terms = [first];
  while (c.take('|')) terms.push(parseTerm(c));
  return { type: 'or', terms };
}

function parseTerm(c: Cursor): Expr {
  const t = c.peek();
  switch (t.kind) {
    case 'ellipsis':
      c.next();
      return { type: 'ellipsis' };
    case 'int':
    case 'hex':
      c.next();
      return intOf(t);
    case 'string':
      return parseString(c);
    case 'word':
      return parseWord(c);
    default:
  }
  if (c.take('[')) return { type: 'array', items: c.nested(() => listUntil(c, ']')) };
  if (c.take('{')) return c.nested(() => parseStruct(c));
  return c.fail('argument expected');
}

const intOf = (t: Token): Expr => ({ type: 'int', value: Number(t.text), hex: t.kind === 'hex' });

const ESCAPES: Readonly<Record<string, string>> = Object.freeze({ n: '\n', r: '\r', t: '\t', 0: '\0' });

function unescape(text: string): string {
  return text.replace(/\\x([0-9a-fA-F]{1,2})|\\(.)/gs, (_, hex: string | undefined, ch: string) => (hex !== undefined ? String.fromCharCode(parseInt(hex, 16)) : (ESCAPES[ch] ?? ch)));
}

/** Strings that stand side by side are one. */
function parseString(c: Cursor): Expr {
  let value = '';
  while (c.is('string')) value += unescape(c.next().text);
  const more = c.is('ellipsis');
  if (more) c.next();
  return { type: 'string', value, more };
}

function parseWord(c: Cursor): Expr {
  const t = c.next();
  if (FUNCTIONS.includes(t.text) && c.take('(')) {
    const arg = c.nested(() => parseExpr(c));
    c.expect(')', `after the argument of ${t.text}()`);
    return { type: 'apply', name: t.text, arg };
  }
  // SYMBOL=value: one word of a list of control data.
  if (c.take('=')) return { type: 'struct', fields: [{ name: t.text, arg: null, value: c.nested(() => parseExpr(c)) }] };
  return { type: 'word', name: t.text };
}

/** The rest of a struct, its brace already read. */
function parseStruct(c: Cursor): Expr {
  const fields: StructField[] = [];
  if (c.take('}')) return { type: 'struct', fields };
  do fields.push(parseField(c));
  while (c.take(',') && !c.at('}'));
  c.expect('}', 'after the fields of a struct');
  return { type: 'struct', fields };
}

function parseField(c: Cursor): StructField {
  const named = c.is('word') && !FUNCTIONS.includes(c.peek().text);
  if (!named) return { name: '', arg: null, value: parseExpr(c) };
  if (c.at('=', 1)) {
    const name = c.next().text;
    c.next();
    return { name, arg: null, value: parseExpr(c) };
  }
  if (c.at('(', 1)) {
    const name = c.next().text;
    c.next();
    const arg = parseExpr(c);
    c.expect(')', `after ${name}(`);
    c.expect('=', `after ${name}()`);
    return { name, arg, value: parseExpr(c) };
  }
  // `label 3`, `flags [checksum present]`: headers of tunnels.
  if (!c.at(',', 1) && !c.at('}', 1) && !c.at('|', 1)) {
    const name = c.next().text;
    return { name, arg: null, value: parseTunnelValue(c) };
  }
  return { name: '', arg: null, value: parseExpr(c) };
}

function parseTunnelValue(c: Cursor): Expr {
  if (!c.at('[')) return parseExpr(c);
  const open = c.next();
  const items: Expr[] = [];
  while (!c.take(']')) {
    const t = c.next();
    if (t.kind === 'eof') c.fail("'[' without ']'", open);
    if (t.kind === 'word') items.push({ type: 'word', name: t.text });
  }
  return { type: 'array', items };
}
