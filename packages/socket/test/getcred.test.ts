import { EINVAL, ENOENT, EPERM } from '@ns/errno';
import { crget, credSysctlReq, JAIL_CREATE, JAILS, type Ucred } from '@ns/vnet';
import { type Kernel, virtualHost } from '@ns/kern';
import { createStack } from '@ns/stack';
import { AF_INET, AF_INET6, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { sobind, SOCK_DGRAM, SOCK_STREAM, Socket, soconnect, socreate, sosockaddr, solisten } from '../src/index.ts';

const at = (text: string, port: number): Sockaddr => new Sockaddr(parseInAddr(text)!, port);

interface Bed {
  readonly kernel: Kernel;
  readonly cred: Ucred;
  settle(): void;
}

function bed(): Bed {
  const virtual = virtualHost();
  const { kernel, host } = createStack({ host: virtual });
  host.addAddress('lo0', '127.0.0.1/8');
  host.addAddress('lo0', '::1/128');
  return { kernel, cred: host.cred, settle: () => virtual.settle() };
}

const open = (cred: Ucred, af: number, type: number): Socket => {
  const so = socreate(cred.vnet, af, type, 0, cred);
  if (!(so instanceof Socket)) throw new Error(`errno ${so}`);
  return so;
};

function ask(b: Bed, name: string, local: unknown, foreign: unknown, cred: Ucred = b.cred): [number, unknown] {
  const r = b.kernel.sysctl.sysctlSet(name, [local, foreign], credSysctlReq(cred));
  return [r.errno, r.newValue];
}

describe('getcred says whose a socket is', () => {
  it.each([
    ['net.inet.tcp.getcred', AF_INET, '127.0.0.1'],
    ['net.inet6.tcp6.getcred', AF_INET6, '::1'],
  ])('%s', (name, af, addr) => {
    const b = bed();
    const l = open(b.cred, af, SOCK_STREAM);
    sobind(l, at(addr, 80), b.cred);
    solisten(l, 5);
    const user = crget(b.cred.vnet, 1001);
    const c = open(user, af, SOCK_STREAM);
    expect(soconnect(c, at(addr, 80), user)).toBe(0);
    b.settle();
    const here = sosockaddr(c) as Sockaddr;
    expect(ask(b, name, here, at(addr, 80))).toEqual([0, { version: 0, uid: 1001 }]);
    expect(ask(b, name, at(addr, 80), here)).toEqual([0, { version: 0, uid: 0 }]);
    expect(ask(b, name, here, at(addr, 81))).toEqual([ENOENT, null]);
    expect(ask(b, name, here, null)).toEqual([EINVAL, null]);
    expect(ask(b, name, at(af === AF_INET ? '::1' : '127.0.0.1', 1), here)).toEqual([EINVAL, null]);
    expect(ask(b, name, here, at(addr, 80), user)).toEqual([EPERM, null]);
    expect(b.kernel.sysctl.sysctlGet(name, credSysctlReq(b.cred)).errno).toBe(EPERM);
  });

  it.each([
    ['net.inet.udp.getcred', AF_INET, '127.0.0.1'],
    ['net.inet6.udp6.getcred', AF_INET6, '::1'],
  ])('%s, unconnected sockets too', (name, af, addr) => {
    const b = bed();
    const user = crget(b.cred.vnet, 7);
    const so = open(user, af, SOCK_DGRAM);
    expect(sobind(so, at(addr, 5353), user)).toBe(0);
    expect(ask(b, name, at(addr, 5353), at(addr, 9))).toEqual([0, { version: 0, uid: 7 }]);
  });

  it('of IPv4 connections by their mapped addresses, to IPv6', () => {
    const b = bed();
    const l = open(b.cred, AF_INET, SOCK_STREAM);
    sobind(l, at('127.0.0.1', 80), b.cred);
    solisten(l, 5);
    const user = crget(b.cred.vnet, 3);
    const c = open(user, AF_INET, SOCK_STREAM);
    soconnect(c, at('127.0.0.1', 80), user);
    b.settle();
    const { port } = sosockaddr(c) as Sockaddr;
    expect(ask(b, 'net.inet6.tcp6.getcred', at('::ffff:127.0.0.1', port), at('::ffff:127.0.0.1', 80))).toEqual([0, { version: 0, uid: 3 }]);
  });

  it('to a jail of its own sockets only', () => {
    const b = bed();
    const { jail } = b.kernel.service(JAILS).jailSet({ name: 'j', persist: true, 'ip4.addr': ['127.0.0.1'] }, JAIL_CREATE);
    const l = open(b.cred, AF_INET, SOCK_STREAM);
    sobind(l, at('127.0.0.1', 80), b.cred);
    solisten(l, 5);
    const c = open(jail!.cred, AF_INET, SOCK_STREAM);
    soconnect(c, at('127.0.0.1', 80), jail!.cred);
    b.settle();
    const here = sosockaddr(c) as Sockaddr;
    expect(ask(b, 'net.inet.tcp.getcred', here, at('127.0.0.1', 80), jail!.cred)).toEqual([0, { version: 0, uid: 0 }]);
    expect(ask(b, 'net.inet.tcp.getcred', at('127.0.0.1', 80), here, jail!.cred)).toEqual([ENOENT, null]);
  });
});
