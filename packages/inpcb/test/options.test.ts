import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOPROTOOPT, EOPNOTSUPP, EPERM } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import {
  INP_HIGHPORT,
  INP_IPV4,
  INP_IPV6,
  INP_IPV6PROTO,
  INP_RECVTTL,
  inPcbBind,
  inPcbCtloutput,
  inPcbCtloutput6,
  type Inpcb,
  IP_ADD_MEMBERSHIP,
  IP_BINDANY,
  IP_DONTFRAG,
  IP_DROP_MEMBERSHIP,
  IP_HDRINCL,
  IP_MINTTL,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_OPTIONS,
  IP_PORTRANGE,
  IP_RECVDSTADDR,
  IP_RECVFLOWID,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPV6_RECVHOPLIMIT,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SOCK_RAW,
  Sockopt,
  SOPT_GET,
  SOPT_SET,
} from '@ns/inpcb';
import { AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6 } from '@ns/wire';
import { addr, alloc, bench, info, sa, TestSocket } from './harness.ts';

const set = (p: Inpcb, name: number, val: unknown): number => inPcbCtloutput(p, new Sockopt(SOPT_SET, IPPROTO_IP, name, val));
const set6 = (p: Inpcb, name: number, val: unknown): number => inPcbCtloutput6(p, new Sockopt(SOPT_SET, IPPROTO_IPV6, name, val));
function get(p: Inpcb, name: number): unknown {
  const s = new Sockopt(SOPT_GET, IPPROTO_IP, name, undefined);
  return inPcbCtloutput(p, s) === 0 ? s.val : null;
}

describe('options of level IPPROTO_IP', () => {
  const rows = [
    { name: 'IP_TOS', opt: IP_TOS, good: 0x10, bad: 256, first: 0 },
    { name: 'IP_TTL', opt: IP_TTL, good: 5, bad: 0, first: 64 },
    { name: 'IP_MINTTL', opt: IP_MINTTL, good: 255, bad: 256, first: 0 },
    { name: 'IP_MULTICAST_TTL', opt: IP_MULTICAST_TTL, good: 9, bad: -1, first: 1 },
    { name: 'IP_MULTICAST_LOOP', opt: IP_MULTICAST_LOOP, good: 0, bad: 256, first: 1 },
    { name: 'IP_PORTRANGE', opt: IP_PORTRANGE, good: 1, bad: 3, first: 0 },
    { name: 'IP_RECVTTL', opt: IP_RECVTTL, good: 1, bad: 'x', first: 0 },
    { name: 'IP_RECVDSTADDR', opt: IP_RECVDSTADDR, good: 1, bad: null, first: 0 },
    { name: 'IP_DONTFRAG', opt: IP_DONTFRAG, good: 1, bad: 1.5, first: 0 },
    { name: 'IP_RECVFLOWID', opt: IP_RECVFLOWID, good: 1, bad: {}, first: 0 },
  ] as const;

  it.each(rows)('$name', ({ opt, good, bad, first }) => {
    const b = bench();
    const p = alloc(info(b), new TestSocket(b.root));
    expect(get(p, opt)).toBe(first);
    expect(set(p, opt, good)).toBe(0);
    expect(get(p, opt)).toBe(good);
    expect(set(p, opt, bad)).toBe(EINVAL);
    expect(get(p, opt)).toBe(good);
  });

  it('bits, privileges, and what does not exist', () => {
    const b = bench();
    const i = info(b);
    const p = alloc(i, new TestSocket(b.user));
    expect(set(p, IP_PORTRANGE, 1)).toBe(0);
    expect(set(p, IP_RECVTTL, true)).toBe(0);
    expect(p.flags).toBe(INP_HIGHPORT | INP_RECVTTL);
    expect(set(p, IP_BINDANY, 1)).toBe(EPERM);
    expect(set(p, IP_HDRINCL, 1)).toBe(ENOPROTOOPT);
    expect(set(alloc(i, new TestSocket(b.root, 0, AF_INET, SOCK_RAW)), IP_HDRINCL, 1)).toBe(0);
    expect(set(p, 999, 1)).toBe(ENOPROTOOPT);
    expect(get(p, 999)).toBeNull();
    expect(p.opts).toBeNull();
  });

  it('IP options are copied, and must be whole words', () => {
    const b = bench();
    const p = alloc(info(b), new TestSocket(b.root));
    const bytes = Uint8Array.of(1, 1, 1, 0);
    expect(set(p, IP_OPTIONS, bytes)).toBe(0);
    bytes[0] = 9;
    expect(get(p, IP_OPTIONS)).toEqual(Uint8Array.of(1, 1, 1, 0));
    expect(set(p, IP_OPTIONS, new Uint8Array(3))).toBe(EINVAL);
    expect(set(p, IP_OPTIONS, new Uint8Array(44))).toBe(EINVAL);
    expect(set(p, IP_OPTIONS, new Uint8Array(0))).toBe(0);
    expect(p.opts?.options).toBeNull();
  });

  it('memberships need a network protocol that has them, and a multicast address', () => {
    const b = bench();
    const p = alloc(info(b), new TestSocket(b.root));
    expect(set(p, IP_ADD_MEMBERSHIP, { group: addr('224.1.1.1'), ifp: null })).toBe(EOPNOTSUPP);
    expect(set(p, IP_ADD_MEMBERSHIP, { group: addr('10.1.1.1'), ifp: null })).toBe(EINVAL);
    expect(set(p, IP_ADD_MEMBERSHIP, { group: addr('ff02::1') })).toBe(EINVAL);
    expect(set(p, IP_ADD_MEMBERSHIP, 5)).toBe(EINVAL);
    expect(set(p, IP_DROP_MEMBERSHIP, { group: addr('224.1.1.1') })).toBe(EADDRNOTAVAIL);
  });
});

describe('options of level IPPROTO_IPV6', () => {
  it('IPV6_V6ONLY decides before bind whether IPv4 comes in', () => {
    const b = bench();
    const i = info(b);
    const p = alloc(i, new TestSocket(b.root, 0, AF_INET6));
    expect(set6(p, IPV6_V6ONLY, 1)).toBe(0);
    expect(inPcbBind(p, sa('::', 80), b.root)).toBe(0);
    expect(p.vflag).toBe(INP_IPV6PROTO | INP_IPV6);
    expect(set6(p, IPV6_V6ONLY, 0)).toBe(EINVAL);
    const both = alloc(i, new TestSocket(b.root, 0, AF_INET6));
    expect(set6(both, IPV6_V6ONLY, 0)).toBe(0);
    expect(inPcbBind(both, sa('::', 81), b.root)).toBe(0);
    expect(both.vflag).toBe(INP_IPV6PROTO | INP_IPV6 | INP_IPV4);
    expect(inPcbBind(alloc(i, new TestSocket(b.root)), sa('0.0.0.0', 81), b.root)).toBe(EADDRINUSE);
  });

  it('hop limit, traffic class, what is told', () => {
    const b = bench();
    const p = alloc(info(b), new TestSocket(b.root, 0, AF_INET6));
    expect([set6(p, IPV6_UNICAST_HOPS, 3), set6(p, IPV6_TCLASS, 8), set6(p, IPV6_RECVHOPLIMIT, 1), set6(p, IPV6_TCLASS, 300), set6(p, 1234, 1)]).toEqual([0, 0, 0, EINVAL, ENOPROTOOPT]);
    expect(p).toMatchObject({ ttl: 3, tos: 8, flags: INP_RECVTTL });
  });
});
