import type { CommandNode, EventTime, Script, ScriptEvent, ScriptOption } from './ast.ts';
import { Cursor } from './cursor.ts';
import { applyIfdef, tokenize } from './lexer.ts';
import { parseCall } from './parse-expr.ts';
import { parsePacket } from './parse-packet.ts';

/**
 * What {@link parseScript} may be told.
 * @public
 */
export interface ParseOptions {
  /** Names for `#ifdef`; default `FreeBSD`. */
  readonly defined?: readonly string[];
  /** Words and what they stand for, as `-D NAME=value` of the program: a word, a number, a `"string"` or a `` `command` ``. */
  readonly defines?: Readonly<Record<string, string>>;
}

/**
 * Reads a script. Throws {@link ScriptSyntaxError} and nothing else.
 * @public
 */
export function parseScript(text: string, options: ParseOptions = {}): Script {
  const plain = applyIfdef(text, new Set(options.defined ?? ['FreeBSD']));
  const c = new Cursor(plain, tokenize(plain));
  for (const [name, value] of Object.entries(options.defines ?? {})) c.define(name, value);
  const opts = parseOptions(c);
  const init = c.is('backquote') ? parseCommand(c) : null;
  const events: ScriptEvent[] = [];
  let cleanup: CommandNode | null = null;
  while (!c.is('eof')) {
    if (c.is('backquote')) {
      cleanup = parseCommand(c);
      if (!c.is('eof')) c.fail('a command without a time can only be the first or the last');
      break;
    }
    events.push(parseEvent(c, events[events.length - 1] ?? null));
  }
  if (events.length === 0) c.fail('a script needs at least one event');
  return { options: opts, init, events, cleanup };
}

const OPTION_VALUES: readonly string[] = ['int', 'hex', 'float', 'word', 'string', 'ipv4', 'ipv6'];

function parseOptions(c: Cursor): ScriptOption[] {
  const list: ScriptOption[] = [];
  while (c.is('option')) {
    const flag = c.next();
    const name = flag.text.slice(2);
    let value = '';
    if (name === 'define') {
      c.take('=');
      value = parseDefine(c);
    } else if (c.take('=')) value = parseOptionValue(c);
    list.push({ name, value, line: flag.line });
  }
  return list;
}

/** A value, and the prefix length that may follow an address. */
function parseOptionValue(c: Cursor): string {
  const first = c.peek();
  if (!OPTION_VALUES.includes(first.kind)) c.fail('value of an option expected');
  c.next();
  let text = first.text;
  if (c.at('/') && c.is('int', 1)) {
    c.next();
    text += `/${c.next().text}`;
  }
  // `ipv4-mapped-ipv6`, and lists with commas.
  while ((c.at('-') || c.at(',')) && c.is('word', 1)) text += c.next().text + c.next().text;
  return text;
}

function parseDefine(c: Cursor): string {
  const name = c.expectKind('word', 'name').text;
  c.expect('=', 'after the name');
  const t = c.next();
  const value = t.kind === 'string' ? `"${t.text}"` : t.kind === 'backquote' ? `\`${t.text}\`` : t.text;
  if (!['string', 'backquote', 'word', 'int', 'hex'].includes(t.kind)) c.fail('value expected', t);
  c.define(name, value);
  return `${name}=${value}`;
}

function parseCommand(c: Cursor): CommandNode {
  const t = c.next();
  return { type: 'command', command: t.text, line: t.line };
}

function micros(c: Cursor): number {
  const t = c.peek();
  if (t.kind !== 'float' && t.kind !== 'int') c.fail('time expected');
  const us = Math.round(Number(t.text) * 1e6);
  if (!(us >= 0 && us <= 1e15)) c.fail('time out of range');
  c.next();
  return us;
}

function parseTime(c: Cursor): EventTime {
  if (c.take('*')) return { kind: 'any', fromUs: 0, toUs: 0 };
  const kind = c.take('+') ? 'relative' : 'absolute';
  const fromUs = micros(c);
  if (!c.take('~')) return { kind, fromUs, toUs: fromUs };
  if (kind === 'relative') c.expect('+', "after '~' of a relative time");
  const toUs = micros(c);
  if (toUs < fromUs) c.fail('the end of a range of time comes before its start');
  return { kind, fromUs, toUs };
}

function parseEvent(c: Cursor, before: ScriptEvent | null): ScriptEvent {
  const first = c.peek();
  if (!c.at('+') && !c.at('*') && first.kind !== 'float' && first.kind !== 'int') c.fail('time of an event expected');
  const time = parseTime(c);
  let endUs: number | null = null;
  if (c.is('ellipsis')) {
    c.next();
    endUs = micros(c);
    if (endUs < time.fromUs) c.fail('the call ends before it begins', first);
  }
  const action = parseAction(c);
  if (endUs !== null && action.type !== 'call') c.fail('only a system call may have an end', first);
  const outbound = action.type === 'packet' && action.direction === 'out';
  if (!outbound && (time.kind === 'any' || time.toUs !== time.fromUs)) c.fail('only a packet that comes out may have an uncertain time', first);
  if (before !== null && time.kind === 'absolute' && before.time.kind === 'absolute' && time.fromUs < before.time.fromUs) {
    c.fail('time runs backwards', first);
  }
  return { time, endUs, action, line: action.line, text: c.since(first.at) };
}

function parseAction(c: Cursor): ScriptEvent['action'] {
  const t = c.peek();
  if (c.at('<') || c.at('>')) return parsePacket(c);
  if (t.kind === 'backquote') return parseCommand(c);
  if (t.kind === 'code') {
    c.next();
    return { type: 'code', code: t.text.trim(), line: t.line };
  }
  if (t.kind === 'word') return parseCall(c);
  return c.fail('packet, system call, command or code expected');
}
