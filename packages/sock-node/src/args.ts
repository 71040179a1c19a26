import type { LookupFunction } from 'node:net';
import { describe, invalidArgType, nodeError } from './errors.ts';

/** What `connect()` and `createConnection()` take. */
export interface ConnectOptions {
  port?: number | string;
  host?: string;
  path?: string | null;
  localAddress?: string;
  localPort?: number;
  family?: number | string;
  hints?: number;
  lookup?: LookupFunction;
  autoSelectFamily?: boolean;
  autoSelectFamilyAttemptTimeout?: number;
  /** Milliseconds of silence until 'timeout'. */
  timeout?: number;
}

/** What `listen()` takes. */
export interface ListenOptions {
  port?: number | string | null;
  host?: string;
  path?: string;
  fd?: number;
  backlog?: number;
  ipv6Only?: boolean;
  reusePort?: boolean;
  exclusive?: boolean;
  signal?: AbortSignal;
}

/** What an argument list came down to: an options object, and the last argument if that is a function. */
export interface NormalizedArgs<T> {
  options: T;
  cb: ((...args: unknown[]) => void) | null;
}

/** Checks a port. Source: Node lib/internal/validators.js, validatePort(). */
export function validatePort(port: unknown, name = 'Port', allowZero = true): number {
  const text = typeof port === 'string';
  const bad =
    (typeof port !== 'number' && !text) || (text && port.trim().length === 0) || +port !== +port >>> 0 || +port > 0xffff || (!allowZero && +port === 0);
  if (bad) throw nodeError(RangeError, 'ERR_SOCKET_BAD_PORT', `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536. Received ${describe(port)}.`);
  return Number(port) | 0;
}

export function validateNumber(value: unknown, name: string): void {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
}

export function validateString(value: unknown, name: string): void {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
}

export function validateBoolean(value: unknown, name: string): void {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

export function validateFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value);
}

export function validateInt32(value: unknown, name: string, min: number): void {
  validateNumber(value, name);
  const v = value as number;
  if (!Number.isInteger(v)) throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be an integer. Received ${v}`);
  if (v < min || v > 0x7fffffff) {
    throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be >= ${min} && <= 2147483647. Received ${v}`);
  }
}

export function validateAbortSignal(signal: unknown, name: string): void {
  if (signal === null || typeof signal !== 'object' || !('aborted' in signal)) throw invalidArgType(name, 'an instance of AbortSignal', signal);
}

/** The longest delay that a timer takes. */
const TIMEOUT_MAX_MS = 0x7fffffff;

/** Checks a delay, milliseconds. Source: Node lib/internal/timers.js, getTimerDuration(). */
export function timerDuration(ms: unknown, name: string): number {
  validateNumber(ms, name);
  const v = ms as number;
  if (v < 0 || !Number.isFinite(v)) {
    throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be a non-negative finite number. Received ${v}`);
  }
  return Math.min(v, TIMEOUT_MAX_MS);
}

/** Milliseconds to whole seconds as Node makes them: what is no number is 0. */
export function wholeSeconds(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.trunc(ms / 1000) | 0;
}

function isPipeName(v: unknown): v is string {
  return typeof v === 'string' && !(Number(v) >= 0);
}

/** Sorts out the overloads `(port[, host][, cb])`, `(path[, cb])` and `(options[, cb])`. */
export function normalizeArgs<T extends ConnectOptions | ListenOptions>(args: readonly unknown[]): NormalizedArgs<T> {
  const last = args[args.length - 1];
  const cb = typeof last === 'function' ? (last as (...a: unknown[]) => void) : null;
  const first = args[0];
  if (typeof first === 'object' && first !== null) return { options: first as T, cb };
  const options: { port?: unknown; path?: string; host?: string } = {};
  if (isPipeName(first)) options.path = first;
  else if (args.length > 0) {
    options.port = first;
    if (typeof args[1] === 'string') options.host = args[1];
  }
  return { options: options as T, cb };
}
