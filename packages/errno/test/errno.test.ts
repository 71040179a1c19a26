import { describe, expect, it } from 'vitest';
import * as errno from '@ns/errno';
import { ECONNREFUSED, ELAST, errnoByName, errnoName, strerror, uvStrerror } from '@ns/errno';

const INTERNAL = new Set(['ERESTART', 'EJUSTRETURN', 'ENOIOCTL', 'EDIRIOCTL', 'ERELOOKUP']);
const ALIASES = new Map([['EWOULDBLOCK', 'EAGAIN'], ['ENOTSUP', 'EOPNOTSUPP']]);
const codes = Object.entries<unknown>(errno).filter(
  (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[0] !== 'ELAST' && !INTERNAL.has(entry[0]),
);

describe('error numbers (FreeBSD sys/errno.h)', () => {
  it.each([
    ['EPERM', 1], ['ENOENT', 2], ['ESRCH', 3], ['EINTR', 4], ['ENXIO', 6], ['E2BIG', 7], ['EBADF', 9], ['ENOMEM', 12], ['EACCES', 13],
    ['EBUSY', 16], ['EEXIST', 17], ['EINVAL', 22], ['EPIPE', 32], ['ERANGE', 34], ['EAGAIN', 35], ['EWOULDBLOCK', 35], ['EINPROGRESS', 36],
    ['EALREADY', 37], ['EDESTADDRREQ', 39], ['EMSGSIZE', 40], ['EPROTOTYPE', 41], ['ENOPROTOOPT', 42], ['EPROTONOSUPPORT', 43],
    ['EOPNOTSUPP', 45], ['ENOTSUP', 45], ['EAFNOSUPPORT', 47], ['EADDRINUSE', 48], ['EADDRNOTAVAIL', 49], ['ENETDOWN', 50],
    ['ENETUNREACH', 51], ['ECONNABORTED', 53], ['ECONNRESET', 54], ['ENOBUFS', 55], ['EISCONN', 56], ['ENOTCONN', 57], ['ESHUTDOWN', 58],
    ['ETIMEDOUT', 60], ['ECONNREFUSED', 61], ['ENAMETOOLONG', 63], ['EHOSTDOWN', 64], ['EHOSTUNREACH', 65], ['ENOSYS', 78],
    ['EOVERFLOW', 84], ['ECANCELED', 85], ['EINTEGRITY', 97],
  ])('%s is %i', (name, value) => {
    expect((errno as Record<string, unknown>)[name]).toBe(value);
    expect(errnoByName(name)).toBe(value);
    expect(errnoName(value)).toBe(ALIASES.get(name) ?? name);
  });

  it('covers 1 to ELAST once each, aliases aside, and names agree with the constants', () => {
    const byValue = new Map(codes.filter(([name]) => !ALIASES.has(name)).map(([name, value]) => [value, name]));
    expect(byValue.size).toBe(ELAST);
    for (let n = 1; n <= ELAST; n++) {
      expect(errnoName(n)).toBe(byValue.get(n));
      expect(errnoName(-n)).toBe(byValue.get(n));
    }
  });

  it('has a text for each, and says so for a number that is none', () => {
    expect(strerror(ECONNREFUSED)).toBe('Connection refused');
    expect(strerror(errno.ETIMEDOUT)).toBe('Operation timed out');
    expect(strerror(errno.EADDRNOTAVAIL)).toBe("Can't assign requested address");
    expect(strerror(0)).toBe('No error: 0');
    expect(strerror(98)).toBe('Unknown error: 98');
    expect(errnoName(98)).toBe('Unknown system error -98');
    expect(errnoByName('EWHATEVER')).toBe(0);
    expect(new Set(codes.map(([, value]) => strerror(value))).size).toBe(ELAST);
  });

  it('knows libuv texts, and falls back to a lower-case FreeBSD text', () => {
    expect(uvStrerror(errno.EADDRINUSE)).toBe('address already in use');
    expect(uvStrerror(-errno.ETIMEDOUT)).toBe('connection timed out');
    expect(uvStrerror(errno.EOPNOTSUPP)).toBe('operation not supported on socket');
    expect(uvStrerror(errno.EPROCUNAVAIL)).toBe('bad procedure for program');
    expect(uvStrerror(1234)).toBe('Unknown system error -1234');
  });
});
