import { errnoName, uvStrerror } from './strerror.ts';

const BRAND: symbol = Symbol.for('@ns/NetError');

/**
 * The one class of errors that an application sees: what an errno of the stack becomes in a face.
 *
 * Fields and texts are those of Node's own network errors, with FreeBSD's numbers as libuv has them there: `errno` is negative.
 * `instanceof NetError` holds across two loaded copies of this package, by the brand `Symbol.for('@ns/NetError')`.
 *
 * @public
 */
export class NetError extends Error {
  /** Negative FreeBSD error number: -61 for ECONNREFUSED. */
  readonly errno: number;
  /** Symbolic name: `'ECONNREFUSED'`. */
  readonly code: string;
  /** The operation that failed: `'connect'`, `'bind'`, `'listen'`, `'read'`, `'write'` ... */
  readonly syscall: string;
  /** Address it was tried on; the property does not exist when there is none. */
  declare readonly address?: string;
  /** Port it was tried on; the property does not exist when there is none or it is 0. */
  declare readonly port?: number;

  /**
   * @param errno - FreeBSD error number, of either sign
   * @param syscall - the operation that failed
   * @param message - the whole text; by default `${syscall} ${code}`
   */
  constructor(errno: number, syscall: string, message?: string, address?: string, port?: number) {
    const code = errnoName(errno);
    super(message ?? `${syscall} ${code}`);
    this.errno = errno < 0 ? errno : -errno;
    this.code = code;
    this.syscall = syscall;
    if (address !== undefined) this.address = address;
    if (port !== undefined && port > 0) this.port = port;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for a NetError of any loaded copy of this package. A subclass answers for itself alone. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== NetError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  }
}

/**
 * Error for an operation that has no address, in Node's form: `read ECONNRESET`, `shutdown ENOTCONN some more`.
 *
 * @param original - further text, appended after a space
 *
 * @public
 */
export function errnoException(errno: number, syscall: string, original?: string): NetError {
  const tail = original === undefined || original === '' ? '' : ` ${original}`;
  return new NetError(errno, syscall, `${syscall} ${errnoName(errno)}${tail}`);
}

/**
 * Error for an operation on an address, in Node's short form: `connect ECONNREFUSED 10.0.0.1:80 - Local (10.0.0.2:0)`, `bind EADDRINUSE 0.0.0.0:80`.
 * Node uses it for connect, for datagram bind and send.
 *
 * @param port - left out of text and fields when absent or 0
 * @param additional - the local end, shown as `- Local (...)`
 *
 * @public
 */
export function exceptionWithHostPort(errno: number, syscall: string, address?: string, port?: number, additional?: string): NetError {
  const local = additional === undefined || additional === '' ? '' : ` - Local (${additional})`;
  return new NetError(errno, syscall, `${syscall} ${errnoName(errno)}${hostPort(address, port)}${local}`, address, port);
}

/**
 * Error for an operation on an address, in Node's long form with libuv's text: `listen EADDRINUSE: address already in use 0.0.0.0:80`.
 * Node uses it for stream servers.
 *
 * @public
 */
export function uvExceptionWithHostPort(errno: number, syscall: string, address?: string, port?: number): NetError {
  const what = `${syscall} ${errnoName(errno)}: ${uvStrerror(errno)}`;
  return new NetError(errno, syscall, `${what}${hostPort(address, port)}`, address, port);
}

/**
 * Error in libuv's own form, code first: `EINVAL: invalid argument, uv_tcp_keepalive`.
 *
 * @public
 */
export function uvException(errno: number, syscall: string): NetError {
  return new NetError(errno, syscall, `${errnoName(errno)}: ${uvStrerror(errno)}, ${syscall}`);
}

function hostPort(address: string | undefined, port: number | undefined): string {
  if (port !== undefined && port > 0) return ` ${address}:${port}`;
  return address === undefined || address === '' ? '' : ` ${address}`;
}
