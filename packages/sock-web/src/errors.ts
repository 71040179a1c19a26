import { NetError } from '@ns/errno';

/** libuv's UV_EAI_NONAME: names have no errno of FreeBSD's. */
const EAI_NONAME = 3008;

/** The name does not resolve: what Node's `getaddrinfo` says. */
export function notFound(hostname: string): NetError {
  const e = new NetError(EAI_NONAME, 'getaddrinfo', `getaddrinfo ENOTFOUND ${hostname}`);
  Object.defineProperty(e, 'code', { value: 'ENOTFOUND', enumerable: true, configurable: true, writable: true });
  return Object.assign(e, { hostname });
}

/** TLS is not part of this package. */
export function noTls(what: string): DOMException {
  return new DOMException(`${what}: this socket has no secure transport`, 'NotSupportedError');
}

/** The reason of a close for which the application gave none. */
export function closedByUser(what: string): DOMException {
  return new DOMException(`The ${what} was closed`, 'AbortError');
}
