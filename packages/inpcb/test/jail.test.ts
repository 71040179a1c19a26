import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import { type Inpcb, INPLOOKUP_RLOCKPCB, INPLOOKUP_WILDCARD, inPcbBind, inPcbConnect, inPcbLookup } from '@ns/inpcb';
import { JAIL_CREATE, JAILS, type Ucred, vnet } from '@ns/vnet';
import { addr, alloc, type Bench, bench, info, sa, TestSocket } from './harness.ts';

function jail(b: Bench, name: string, ...ip4: string[]): Ucred {
  if (b.kernel.tryService(JAILS) === null) expect(b.kernel.kldload(vnet()).errno).toBe(0);
  const r = b.kernel.service(JAILS).jailSet({ name, persist: true, ...(ip4.length > 0 && { 'ip4.addr': ip4.join(',') }) }, JAIL_CREATE);
  expect(r.message).toBe('');
  if (r.jail === null) throw new Error(r.message);
  return r.jail.cred;
}

describe("jails that share their host's stack, with addresses of their own", () => {
  it('bind to their addresses only; the wildcard of a jail with one address is that address', () => {
    const b = bench();
    const i = info(b);
    const cred = jail(b, 'one', '10.0.0.2');
    const p = alloc(i, new TestSocket(cred));
    expect(inPcbBind(p, sa('10.0.0.1', 5000), cred)).toBe(EADDRNOTAVAIL);
    expect(inPcbBind(p, sa('0.0.0.0', 5000), cred)).toBe(0);
    expect(p.laddr.toString()).toBe('10.0.0.2');
    const q = alloc(i, new TestSocket(cred));
    expect(inPcbBind(q, sa('127.0.0.1', 5001), cred)).toBe(0);
    expect(q.laddr.toString()).toBe('10.0.0.2');
  });

  it('do not stand in the way of the host, and come first for their addresses', () => {
    const b = bench();
    const i = info(b);
    const cred = jail(b, 'web', '10.0.0.2');
    const inside = alloc(i, new TestSocket(cred));
    expect(inPcbBind(inside, sa('0.0.0.0', 80), cred)).toBe(0);
    const outside = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(outside, sa('0.0.0.0', 80), b.root)).toBe(0);
    expect(inPcbBind(alloc(i, new TestSocket(b.root)), sa('10.0.0.1', 80), b.root)).toBe(EADDRINUSE);
    const f = addr('10.0.0.9').w3;
    const at = (l: string): Inpcb | null => inPcbLookup(i, 2, 0, 0, 0, f, 9, 0, 0, 0, addr(l).w3, 80, INPLOOKUP_WILDCARD | INPLOOKUP_RLOCKPCB, null, 0);
    expect(at('10.0.0.2')).toBe(inside);
    expect(at('10.0.0.1')).toBe(outside);
  });

  it('with several addresses hear on all of them, and on no other', () => {
    const b = bench(1, ['10.0.0.1', '10.0.0.2', '10.0.0.3', '127.0.0.1']);
    const i = info(b);
    const cred = jail(b, 'two', '10.0.0.2', '10.0.0.3');
    const inside = alloc(i, new TestSocket(cred));
    expect(inPcbBind(inside, sa('0.0.0.0', 80), cred)).toBe(0);
    const f = addr('10.0.0.9').w3;
    const at = (l: string): Inpcb | null => inPcbLookup(i, 2, 0, 0, 0, f, 9, 0, 0, 0, addr(l).w3, 80, INPLOOKUP_WILDCARD | INPLOOKUP_RLOCKPCB, null, 0);
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(at)).toEqual([null, inside, inside]);
  });

  it('connect from their addresses, and to themselves by loopback', () => {
    const b = bench();
    const i = info(b);
    const cred = jail(b, 'client', '10.0.0.2');
    const p = alloc(i, new TestSocket(cred));
    expect(inPcbConnect(p, sa('10.0.0.9', 80), cred)).toBe(0);
    expect(p.laddr.toString()).toBe('10.0.0.2');
    const q = alloc(i, new TestSocket(cred));
    expect(inPcbConnect(q, sa('127.0.0.1', 80), cred)).toBe(0);
    expect(q.faddr.toString()).toBe('10.0.0.2');
  });

  it('without addresses have no sockets of the family to bind', () => {
    const b = bench();
    const i = info(b);
    const cred = jail(b, 'none');
    expect(inPcbBind(alloc(i, new TestSocket(cred)), sa('0.0.0.0', 80), cred)).toBe(EAFNOSUPPORT);
  });
});
