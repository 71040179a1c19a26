import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import {
  INP_CONNECTED,
  INP_IPV4,
  INP_IPV6,
  INP_IPV6PROTO,
  INP_V6ONLY,
  inPcbBind,
  inPcbConnect,
  inPcbDisconnect,
  inPcbLookupExact,
  inPcbPeeraddr,
  inPcbSetTuple,
  inPcbSockaddr,
  inPcbUnbindAddr,
} from '@ns/inpcb';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { addr, alloc, bench, info, sa, TestSocket } from './harness.ts';

const b = bench();
const i = info(b);

const rows = [
  { name: 'a neighbour', to: '10.0.0.9', port: 80, want: 0, local: '10.0.0.1', peer: '10.0.0.9' },
  { name: 'itself', to: '10.0.0.2', port: 80, want: 0, local: '10.0.0.2', peer: '10.0.0.2' },
  { name: '0.0.0.0, which is this host', to: '0.0.0.0', port: 80, want: 0, local: '10.0.0.1', peer: '10.0.0.1' },
  { name: "255.255.255.255, which is the first interface's network", to: '255.255.255.255', port: 80, want: 0, local: '10.0.0.1', peer: '10.0.0.255' },
  { name: 'port 0', to: '10.0.0.9', port: 0, want: EADDRNOTAVAIL, local: '0.0.0.0', peer: '0.0.0.0' },
  { name: 'where no route leads', to: '192.0.2.1', port: 80, want: ENETUNREACH, local: '0.0.0.0', peer: '0.0.0.0' },
  { name: 'another family', to: '2001:db8::9', port: 80, want: EAFNOSUPPORT, local: '0.0.0.0', peer: '0.0.0.0' },
] as const;

describe('connect', () => {
  it.each(rows)('to $name', ({ to, port, want, local, peer }) => {
    const inp = alloc(i, new TestSocket(b.root));
    expect(inPcbConnect(inp, sa(to, port), b.root)).toBe(want);
    expect(inp.laddr.toString()).toBe(local);
    expect(inp.faddr.toString()).toBe(peer);
    expect(inp.lport !== 0).toBe(want === 0);
    expect((inp.flags2 & INP_CONNECTED) !== 0).toBe(want === 0);
  });

  it('refuses a tuple that exists, and changes nothing then', () => {
    const one = alloc(i, new TestSocket(b.root, 0x200));
    const two = alloc(i, new TestSocket(b.root, 0x200));
    for (const p of [one, two]) expect(inPcbBind(p, sa('10.0.0.1', 7000), b.root)).toBe(0);
    expect(inPcbConnect(one, sa('10.0.0.9', 7), b.root)).toBe(0);
    expect(inPcbConnect(two, sa('10.0.0.9', 7), b.root)).toBe(EADDRINUSE);
    expect(two.faddr.toString()).toBe('0.0.0.0');
    expect(inPcbSetTuple(two, addr('10.0.0.1'), 7000, addr('10.0.0.9'), 7)).toBe(EADDRINUSE);
    expect(inPcbConnect(two, sa('10.0.0.9', 8), b.root)).toBe(0);
    expect(inPcbLookupExact(i, addr('10.0.0.9'), 7, addr('10.0.0.1'), 7000)).toBe(one);
    expect(inPcbLookupExact(i, addr('10.0.0.9'), 8, addr('10.0.0.1'), 7000)).toBe(two);
  });

  it('and back: the port stays, the address if it was bound', () => {
    const inp = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(inp, sa('0.0.0.0', 7100), b.root)).toBe(0);
    expect(inPcbConnect(inp, sa('10.0.0.9', 7), b.root)).toBe(0);
    inPcbDisconnect(inp);
    expect(inPcbLookupExact(i, addr('10.0.0.9'), 7, addr('10.0.0.1'), 7100)).toBeNull();
    expect(inPcbSockaddr(inp).toString()).toBe('10.0.0.1:7100');
    inPcbUnbindAddr(inp);
    expect(inPcbSockaddr(inp).toString()).toBe('0.0.0.0:7100');
    expect(inPcbConnect(inp, sa('10.0.0.2', 7), b.root)).toBe(0);
    expect(inPcbSockaddr(inp).toString()).toBe('10.0.0.2:7100');
  });

  it('of an IPv6 socket: IPv6, IPv4 by mapped addresses, not with V6ONLY', () => {
    const six = alloc(i, new TestSocket(b.root, 0, AF_INET6));
    expect(inPcbConnect(six, sa('2001:db8::9', 80), b.root)).toBe(0);
    expect(six.vflag).toBe(INP_IPV6PROTO | INP_IPV6);
    expect(six.af.af).toBe(AF_INET6);
    const mapped = alloc(i, new TestSocket(b.root, 0, AF_INET6));
    expect(inPcbConnect(mapped, sa('::ffff:10.0.0.9', 80), b.root)).toBe(0);
    expect(mapped.vflag).toBe(INP_IPV6PROTO | INP_IPV4);
    expect(mapped.af.af).toBe(AF_INET);
    expect(inPcbSockaddr(mapped).addr.toString()).toBe('::ffff:10.0.0.1');
    expect(inPcbPeeraddr(mapped).toString()).toBe('[::ffff:10.0.0.9]:80');
    const only = alloc(i, new TestSocket(b.root, 0, AF_INET6));
    only.flags |= INP_V6ONLY;
    expect(inPcbConnect(only, sa('::ffff:10.0.0.9', 80), b.root)).toBe(EINVAL);
    const bound = alloc(i, new TestSocket(b.root, 0, AF_INET6));
    expect(inPcbBind(bound, sa('2001:db8::1', 7200), b.root)).toBe(0);
    expect(inPcbConnect(bound, sa('::ffff:10.0.0.9', 80), b.root)).toBe(EADDRNOTAVAIL);
  });

  it('answers for a family whose protocol is not loaded', () => {
    expect(inPcbConnect(alloc(i, new TestSocket(b.root, 0, AF_INET)), sa('::1', 80), b.root)).toBe(EAFNOSUPPORT);
  });
});
