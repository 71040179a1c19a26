import type { LookupFunction } from 'node:net';

/** What `connect()` and `createConnection()` take. @public */
export interface ConnectOptions {
  port: number | string;
  host?: string;
  localAddress?: string;
  localPort?: number;
  family?: number;
  lookup?: LookupFunction;
  noDelay?: boolean;
  keepAlive?: boolean;
  keepAliveInitialDelay?: number;
  /** Milliseconds of silence until 'timeout'. */
  timeout?: number;
}

/** What `listen()` takes. @public */
export interface ListenOptions {
  port?: number | string;
  host?: string;
  backlog?: number;
  ipv6Only?: boolean;
  reusePort?: boolean;
  exclusive?: boolean;
  signal?: AbortSignal;
}

/** `ERR_*` as Node's own argument checks throw them. */
export function nodeError<T extends Error>(make: new (m: string) => T, code: string, message: string): T {
  const e = new make(message);
  Object.defineProperty(e, 'name', { value: make.name, enumerable: false, configurable: true });
  return Object.assign(e, { code });
}

/** Checks a port as Node does. Source: Node lib/internal/validators.js, validatePort(). */
export function validatePort(port: unknown, name = 'Port'): number {
  const bad = (typeof port !== 'number' && typeof port !== 'string') || (typeof port === 'string' && port.trim().length === 0) || +port !== +port >>> 0 || +port > 0xffff;
  if (bad) throw nodeError(RangeError, 'ERR_SOCKET_BAD_PORT', `${name} should be >= 0 and < 65536. Received ${describe(port)}.`);
  return Number(port) | 0;
}

function describe(v: unknown): string {
  if (v == null) return String(v);
  if (typeof v === 'string') return `type string ('${v}')`;
  if (typeof v === 'number' || typeof v === 'boolean' || typeof v === 'bigint') return `type ${typeof v} (${String(v)})`;
  return `an instance of ${(v as object).constructor?.name ?? 'Object'}`;
}

type Callback = (...args: unknown[]) => void;

/** Sorts out the overloads `(port[, host][, cb])` and `(options[, cb])`. */
export function normalizeArgs<T extends { port?: number | string; host?: string }>(args: readonly unknown[]): { options: T; cb: Callback | null } {
  const last = args[args.length - 1];
  const cb = typeof last === 'function' ? (last as Callback) : null;
  const first = args[0];
  if (typeof first === 'object' && first !== null) return { options: first as T, cb };
  const options: { port?: number | string; host?: string } = {};
  if (typeof first === 'number' || typeof first === 'string') options.port = first;
  if (typeof args[1] === 'string') options.host = args[1];
  return { options: options as T, cb };
}
