import { EBADF, EINVAL, ENOPROTOOPT, ENOTTY } from '@ns/errno';
import { SBS_RCVATMARK, SO_RCVTIMEO, SO_SNDTIMEO, sogetopt, SOL_SOCKET, sosetopt, sbspace } from '@ns/socket';
import { TCP_FUNCTION_BLK } from '@ns/tcp';
import { IPPROTO_IP, IPPROTO_IPV6 } from '@ns/wire';
import type { CallNode, Expr } from '../lang/ast.ts';
import { CannotRun } from '../run/failure.ts';
import { fileOf, onFile } from './calls-life.ts';
import { at, type CallFn, done, type OpenFile, status, type Sys } from './process.ts';
import { symbol } from './symbols.ts';
import { field, isAny, numberOf, showExpr, unknownName } from './value.ts';

/** Level and name of an option; null when the system under test has no such name. A script for Linux is not about such options. */
function optionOf(sys: Sys, call: CallNode): { readonly level: number; readonly name: number } | null {
  const unknown = unknownName(call.args[1]) ?? unknownName(call.args[2]);
  if (unknown !== null && sys.config.google) throw new CannotRun(call.line, `no socket option ${unknown}`);
  if (unknown !== null) return null;
  return { level: numberOf(call.args[1], 'level', call.line), name: numberOf(call.args[2], 'option', call.line) };
}

const number = (e: Expr | undefined, name: string, line: number): number => numberOf(field(e, name)?.value, name, line);

/** The value of setsockopt() as the stack takes it. */
function setValue(e: Expr | undefined, level: number, name: number, line: number): unknown {
  if (e?.type === 'string') return e.value;
  if (e?.type !== 'struct') return numberOf(e, 'value', line) | 0;
  if (field(e, 'onoff') !== undefined) return { onoff: number(e, 'onoff', line), linger: number(e, 'linger', line) };
  if (level === SOL_SOCKET && (name === SO_RCVTIMEO || name === SO_SNDTIMEO)) return number(e, 'tv_sec', line) * 1000 + Math.ceil(number(e, 'tv_usec', line) / 1000);
  const set = field(e, 'function_set_name')?.value;
  if (set?.type === 'string') return { functionSetName: set.value, pcbcnt: number(e, 'pcbcnt', line) };
  return Object.fromEntries(e.fields.map((f) => [f.name, f.value.type === 'string' ? f.value.value : numberOf(f.value, f.name, line)]));
}

export const setsockoptCall: CallFn = onFile((sys, call, file) => {
  const o = optionOf(sys, call);
  if (o === null) return status(ENOPROTOOPT);
  return status(sosetopt(file.so, o.level, o.name, setValue(call.args[3], o.level, o.name, call.line)));
});

/** What is wrong with a value that an option has; '' if nothing. */
function checkValue(want: Expr | undefined, got: unknown, name: number, line: number): string {
  if (isAny(want) || want === undefined) return '';
  if (want.type === 'array' && want.items.length === 1) return checkValue(want.items[0], got, name, line);
  if (want.type === 'string') return got === want.value ? '' : `the value is ${String(got)}, not ${want.value}`;
  if (want.type === 'struct') return checkFields(want, got, name, line);
  const n = numberOf(want, 'value', line);
  // A number is an int of the system: what is written unsigned is the same.
  if (typeof got === 'number' && (got | 0) === (n | 0)) return '';
  return `the value is ${String(got)}, not ${showExpr(want)}`;
}

const CAMEL: Readonly<Record<string, string>> = Object.freeze({ function_set_name: 'functionSetName' });

function checkFields(want: Expr & { readonly type: 'struct' }, got: unknown, name: number, line: number): string {
  for (const f of want.fields) {
    if (name === TCP_FUNCTION_BLK && f.name === 'pcbcnt') continue;
    const value = (got as Record<string, unknown> | null)?.[CAMEL[f.name] ?? f.name];
    // A flag option of a struct says its bit, not 1.
    const flag = f.name === 'onoff' && typeof value === 'number' && value !== 0 ? 1 : value;
    const wrong = checkValue(f.value, f.name === 'onoff' ? flag : value, name, line);
    if (wrong !== '') return `${f.name}: ${wrong}`;
  }
  return '';
}

export const getsockoptCall: CallFn = onFile((sys, call, file) => {
  const o = optionOf(sys, call);
  if (o === null) return status(ENOPROTOOPT);
  const got = sogetopt(file.so, o.level, o.name);
  // -1 is a value where the IP levels have it for "the default"; EPERM is none of their answers.
  const isValue = got === -1 && (o.level === IPPROTO_IP || o.level === IPPROTO_IPV6);
  if (typeof got === 'number' && got < 0 && !isValue) return status(-got);
  return at(done(0, checkValue(call.args[3], got, o.name, call.line)));
});

const F_GETFD = symbol('F_GETFD');
const F_SETFD = symbol('F_SETFD');
const F_GETFL = symbol('F_GETFL');
const F_SETFL = symbol('F_SETFL');
const O_RDWR = 2;
const O_NONBLOCK = 4;

export const fcntlCall: CallFn = (sys, call) => {
  const file = fileOf(sys, call);
  if (file === null) return status(EBADF);
  switch (numberOf(call.args[1], 'command', call.line)) {
    case F_GETFD:
    case F_SETFD:
      return at(done(0));
    case F_GETFL:
      return at(done(O_RDWR | (file.nonblock ? O_NONBLOCK : 0)));
    case F_SETFL:
      file.nonblock = (numberOf(call.args[2], 'flags', call.line) & O_NONBLOCK) !== 0;
      return at(done(0));
    default:
      return status(EINVAL);
  }
};

/** Value of a get request; null: there is no such. Source: FreeBSD sys_socket.c, soo_ioctl(). */
function ioctlValue(file: OpenFile, request: number): number | null {
  const { so } = file;
  switch (request) {
    case symbol('FIONREAD'):
      return so.rcv.cc - so.rcv.ctl;
    case symbol('FIONWRITE'):
      return so.snd.cc;
    case symbol('FIONSPACE'):
      return Math.max(0, sbspace(so.snd));
    case symbol('SIOCATMARK'):
      return (so.rcv.state & SBS_RCVATMARK) !== 0 ? 1 : 0;
    default:
      return null;
  }
}

export const ioctlCall: CallFn = onFile((_sys, call, file) => {
  const request = numberOf(call.args[1], 'request', call.line);
  if (request === symbol('FIONBIO')) {
    file.nonblock = numberOf(call.args[2], 'value', call.line) !== 0;
    return at(done(0));
  }
  const got = ioctlValue(file, request);
  return got === null ? status(ENOTTY) : at(done(0, checkValue(call.args[2], got, 0, call.line)));
});
