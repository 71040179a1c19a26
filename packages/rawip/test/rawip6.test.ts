/* Raw IPv6 sockets: RFC 3542 §3. */
import { EINVAL, ENOPROTOOPT } from '@ns/errno';
import { mFreem, mToBytes } from '@ns/mbuf';
import { ICMP6_FILTER, icmp6FilterAll, icmp6FilterOnly, IPV6_CHECKSUM } from '@ns/rawip';
import { DgramInfo, SO_BROADCAST, Socket, SOCK_RAW, socreate, sogetopt, soreceiveDgram, sosetopt } from '@ns/socket';
import type { StackJail } from '@ns/stack';
import { AF_INET, AF_INET6, ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST, IPPROTO_ICMPV6, IPPROTO_IPV6 } from '@ns/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, lab, sa, send } from '../../udp/test/lab.ts';

let l: Lab;
afterEach(() => {
  expect(l.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

function raw(j: StackJail, proto: number, domain: number = AF_INET6): Socket {
  const so = socreate(j.vnet, domain, SOCK_RAW, proto, j.cred);
  if (!(so instanceof Socket)) throw new Error(`socreate: ${String(so)}`);
  return so;
}

function bodies(so: Socket): Uint8Array[] {
  const out: Uint8Array[] = [];
  const info = new DgramInfo();
  for (let m = soreceiveDgram(so, info, 0); m !== null; m = soreceiveDgram(so, info, 0)) {
    out.push(mToBytes(m));
    mFreem(m);
  }
  return out;
}

const ping = Uint8Array.of(ICMP6_ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 1, 1, 2, 3);

describe('raw ICMPv6 sockets', () => {
  it('have the checksum made and checked, and get what they have asked for', () => {
    l = lab();
    const all = raw(l.a, IPPROTO_ICMPV6);
    const replies = raw(l.a, IPPROTO_ICMPV6);
    const nothing = raw(l.a, IPPROTO_ICMPV6);
    expect(sogetopt(all, IPPROTO_ICMPV6, ICMP6_FILTER)).toEqual(icmp6FilterAll());
    expect(sosetopt(replies, IPPROTO_ICMPV6, ICMP6_FILTER, icmp6FilterOnly(ICMP6_ECHO_REPLY))).toBe(0);
    expect(sosetopt(nothing, IPPROTO_ICMPV6, ICMP6_FILTER, icmp6FilterOnly())).toBe(0);
    expect(send(all, ping, sa('::1', 0))).toBe(11);
    l.host.settle();
    expect(bodies(all).map((b) => b[0])).toEqual([ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY]);
    const [reply, ...rest] = bodies(replies);
    expect([reply![0], ...reply!.subarray(4), rest.length]).toEqual([ICMP6_ECHO_REPLY, ...ping.subarray(4), 0]);
    expect(bodies(nothing)).toEqual([]);
  });

  it('refuse filters that are none, and have them on ICMPv6 alone', () => {
    l = lab();
    const so = raw(l.a, IPPROTO_ICMPV6);
    expect(sosetopt(so, IPPROTO_ICMPV6, ICMP6_FILTER, 5)).toBe(EINVAL);
    expect(sosetopt(so, IPPROTO_ICMPV6, ICMP6_FILTER, new Uint32Array(7))).toBe(EINVAL);
    expect(sosetopt(so, IPPROTO_ICMPV6, SO_BROADCAST, 1)).toBe(ENOPROTOOPT);
    expect(sosetopt(raw(l.a, 253), IPPROTO_ICMPV6, ICMP6_FILTER, icmp6FilterAll())).toBe(ENOPROTOOPT);
    expect(sosetopt(raw(l.a, 1, AF_INET), IPPROTO_ICMPV6, ICMP6_FILTER, icmp6FilterAll())).toBe(EINVAL);
  });
});

describe('IPV6_CHECKSUM', () => {
  it('puts a checksum where it says, and drops what has a wrong one', () => {
    l = lab();
    const sender = raw(l.a, 253);
    const plain = raw(l.a, 253);
    const checked = raw(l.a, 253);
    for (const so of [sender, checked]) expect(sosetopt(so, IPPROTO_IPV6, IPV6_CHECKSUM, 2)).toBe(0);
    expect(sogetopt(sender, IPPROTO_IPV6, IPV6_CHECKSUM)).toBe(2);
    expect(send(sender, Uint8Array.of(1, 2, 0, 0, 5), sa('::1', 0))).toBe(5);
    expect(send(plain, Uint8Array.of(1, 2, 0, 0, 6), sa('::1', 0))).toBe(5);
    l.host.settle();
    expect(bodies(plain).map((b) => b[4])).toEqual([5, 6]);
    expect(bodies(checked).map((b) => b[4])).toEqual([5]);
    bodies(sender);
  });

  it('is even, and fixed for ICMPv6', () => {
    l = lab();
    const so = raw(l.a, 253);
    for (const bad of [1, -2, 65536, 'x']) expect(sosetopt(so, IPPROTO_IPV6, IPV6_CHECKSUM, bad as number)).toBe(EINVAL);
    expect(sosetopt(so, IPPROTO_IPV6, IPV6_CHECKSUM, -1)).toBe(0);
    const icmp = raw(l.a, IPPROTO_ICMPV6);
    expect(sogetopt(icmp, IPPROTO_IPV6, IPV6_CHECKSUM)).toBe(2);
    expect(sosetopt(icmp, IPPROTO_IPV6, IPV6_CHECKSUM, 4)).toBe(EINVAL);
    expect(sosetopt(icmp, IPPROTO_IPV6, IPV6_CHECKSUM, 2)).toBe(0);
  });
});
