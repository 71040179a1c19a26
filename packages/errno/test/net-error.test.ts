import { describe, expect, it, vi } from 'vitest';
import {
  EADDRINUSE, ECONNREFUSED, ECONNRESET, EINVAL, NetError, errnoException, exceptionWithHostPort, uvException, uvExceptionWithHostPort,
} from '@ns/errno';

describe('NetError has the fields and texts of Node', () => {
  it('connect: short form with address and port', () => {
    const err = exceptionWithHostPort(ECONNREFUSED, 'connect', '10.0.0.1', 80);
    expect(err.message).toBe('connect ECONNREFUSED 10.0.0.1:80');
    expect(String(err)).toBe('Error: connect ECONNREFUSED 10.0.0.1:80');
    expect({ ...err }).toEqual({ errno: -61, code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.1', port: 80 });
    expect(Object.keys(err)).toEqual(['errno', 'code', 'syscall', 'address', 'port']);
  });

  it('connect: the local end comes last', () => {
    const err = exceptionWithHostPort(ECONNREFUSED, 'connect', '10.0.0.1', 80, '10.0.0.2:1024');
    expect(err.message).toBe('connect ECONNREFUSED 10.0.0.1:80 - Local (10.0.0.2:1024)');
  });

  it('listen: long form with the text of libuv', () => {
    const err = uvExceptionWithHostPort(EADDRINUSE, 'listen', '0.0.0.0', 80);
    expect(err.message).toBe('listen EADDRINUSE: address already in use 0.0.0.0:80');
    expect(err).toMatchObject({ errno: -48, code: 'EADDRINUSE', syscall: 'listen', address: '0.0.0.0', port: 80 });
  });

  it('a port of 0 is not shown and leaves no property', () => {
    const err = uvExceptionWithHostPort(EADDRINUSE, 'listen', '/tmp/sock', 0);
    expect(err.message).toBe('listen EADDRINUSE: address already in use /tmp/sock');
    expect('port' in err).toBe(false);
  });

  it('read: no address, no such properties', () => {
    const err = errnoException(ECONNRESET, 'read');
    expect(err.message).toBe('read ECONNRESET');
    expect('address' in err).toBe(false);
    expect(errnoException(-ECONNRESET, 'read', 'later').message).toBe('read ECONNRESET later');
    expect(errnoException(-ECONNRESET, 'read').errno).toBe(-54);
  });

  it('uvException: code first', () => {
    expect(uvException(EINVAL, 'uv_tcp_keepalive').message).toBe('EINVAL: invalid argument, uv_tcp_keepalive');
  });

  it('agrees with the error that Node itself makes, but for the number', async () => {
    const net = await import('node:net');
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const real = await new Promise<Error>((resolve) => net.createServer().on('error', resolve).listen(port, '127.0.0.1'));
    await new Promise<unknown>((resolve) => server.close(resolve));
    const refused = await new Promise<Error>((resolve) => net.connect(port, '127.0.0.1').on('error', resolve));
    const ours = uvExceptionWithHostPort(EADDRINUSE, 'listen', '127.0.0.1', port);
    expect(ours.message).toBe(real.message);
    expect({ ...ours, errno: 0 }).toEqual({ ...real, errno: 0 });
    const oursRefused = exceptionWithHostPort(ECONNREFUSED, 'connect', '127.0.0.1', port);
    expect(oursRefused.message).toBe(refused.message);
    expect({ ...oursRefused, errno: 0 }).toEqual({ ...refused, errno: 0 });
    expect(Object.keys(oursRefused)).toEqual(Object.keys(refused));
  });
});

describe('the brand Symbol.for("@ns/NetError")', () => {
  it('makes instanceof hold across two copies of the package', async () => {
    vi.resetModules();
    const other = (await import('../src/net-error.ts')).NetError;
    expect(other).not.toBe(NetError);
    expect(new other(ECONNRESET, 'read')).toBeInstanceOf(NetError);
    expect(new NetError(ECONNRESET, 'read')).toBeInstanceOf(other);
  });

  it('does not claim other errors', () => {
    expect(new Error('read ECONNRESET')).not.toBeInstanceOf(NetError);
    expect(null).not.toBeInstanceOf(NetError);
    expect({ code: 'ECONNRESET', errno: -54 }).not.toBeInstanceOf(NetError);
  });

  it('a subclass answers for itself alone', () => {
    class DnsError extends NetError {}
    expect(new DnsError(EINVAL, 'getaddrinfo')).toBeInstanceOf(DnsError);
    expect(new DnsError(EINVAL, 'getaddrinfo')).toBeInstanceOf(NetError);
    expect(new NetError(EINVAL, 'getaddrinfo')).not.toBeInstanceOf(DnsError);
  });
});
