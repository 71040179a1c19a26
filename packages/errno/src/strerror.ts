import { ERRNO_TABLE, UV_TEXT } from './table.ts';

/**
 * Symbolic name of an error number: `errnoName(61)` is `'ECONNREFUSED'`. The sign does not matter, so a libuv-style negative number may be passed.
 *
 * A number that FreeBSD does not define gives `'Unknown system error N'`, which is what Node shows as the code of one.
 *
 * @public
 */
export function errnoName(errno: number): string {
  const n = errno < 0 ? -errno : errno;
  return ERRNO_TABLE[n - 1]?.[0] ?? `Unknown system error ${-n}`;
}

/**
 * Error number of a symbolic name (`'ECONNREFUSED'` is 61), the aliases EWOULDBLOCK and ENOTSUP included; 0 for a name that FreeBSD does not define.
 *
 * @public
 */
export function errnoByName(name: string): number {
  if (name === 'EWOULDBLOCK') return errnoByName('EAGAIN');
  if (name === 'ENOTSUP') return errnoByName('EOPNOTSUPP');
  return ERRNO_TABLE.findIndex((row) => row[0] === name) + 1;
}

/**
 * FreeBSD's text for an error number: `strerror(61)` is `'Connection refused'`. 0 gives `'No error: 0'`, an undefined number `'Unknown error: N'`.
 *
 * Source: FreeBSD strerror(3), lib/libc/gen/errlst.c.
 *
 * @public
 */
export function strerror(errno: number): string {
  if (errno === 0) return 'No error: 0';
  return ERRNO_TABLE[errno - 1]?.[1] ?? `Unknown error: ${errno}`;
}

/**
 * libuv's text for an error number, which Node puts into some messages (`listen EADDRINUSE: address already in use 0.0.0.0:80`). Where libuv has
 * none the FreeBSD text stands in, in lower case at the start as libuv writes them.
 *
 * @public
 */
export function uvStrerror(errno: number): string {
  const n = errno < 0 ? -errno : errno;
  const row = ERRNO_TABLE[n - 1];
  if (row === undefined) return `Unknown system error ${-n}`;
  return UV_TEXT[row[0]] ?? row[1].charAt(0).toLowerCase() + row[1].slice(1);
}
