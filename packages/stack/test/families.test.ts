import { AF_INET, AF_INET6 } from '@ns/wire';
import { EAFNOSUPPORT } from '@ns/errno';
import { SOCK_STREAM, Socket, soclose, socreate } from '@ns/socket';
import { createStack, defaultModules, type Stack } from '@ns/stack';
import { type NetstackBooted, netstackSuite } from '@ns/testkit';
import { describe, expect, it } from 'vitest';

/* Assemblies with one address family: the other's modules are not loaded, and nothing asks for them. */

const IPV4 = ['arp', 'ip'];
const IPV6 = ['ip6', 'nd6'];

function without(names: readonly string[]): Stack {
  return createStack({ modules: defaultModules().filter((m) => !names.includes(m.name)) });
}

function booted(stack: Stack, address: string): NetstackBooted {
  stack.host.addAddress('lo0', address);
  return { kernel: stack.kernel, cred: stack.host.cred };
}

netstackSuite({ describe, it, expect }, 'T74 IPv4 only', { netstack: 'bsd', boot: () => booted(without(IPV6), '127.0.0.1/8') });
netstackSuite({ describe, it, expect }, 'T74 IPv6 only', { netstack: 'bsd', boot: () => booted(without(IPV4), '::1/128'), address: '::1' });
netstackSuite({ describe, it, expect }, 'A10 both, over IPv6', { netstack: 'bsd', boot: () => booted(createStack(), '::1/128'), address: '::1' });

describe('an assembly with one family', () => {
  it.each([
    { name: 'IPv4', left: IPV6, has: AF_INET, lacks: AF_INET6 },
    { name: 'IPv6', left: IPV4, has: AF_INET6, lacks: AF_INET },
  ])('T74 makes sockets of $name and answers EAFNOSUPPORT for the other', ({ left, has, lacks }) => {
    const stack = without(left);
    const { vnet, cred } = stack.host;
    expect(stack.kernel.kldstat().map((m) => m.name)).not.toEqual(expect.arrayContaining([left[0]]));
    const so = socreate(vnet, has, SOCK_STREAM, 0, cred);
    expect(so).toBeInstanceOf(Socket);
    soclose(so as Socket);
    expect(socreate(vnet, lacks, SOCK_STREAM, 0, cred)).toBe(EAFNOSUPPORT);
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it.each([
    { name: 'IPv4', left: IPV6, addresses: ['10.0.0.1/24', '10.0.0.2/24'] as const },
    { name: 'IPv6', left: IPV4, addresses: ['2001:db8::1/64', '2001:db8::2/64'] as const },
  ])('T74 joins jails over Ethernet by $name alone', ({ left, addresses }) => {
    const stack = without(left);
    const a = stack.jail({ name: 'a', vnet: 'new' });
    const b = stack.jail({ name: 'b', vnet: 'new' });
    stack.link(a, addresses[0], b, addresses[1]);
    for (const j of [a, b]) expect(j.remove()).toMatchObject([{ clean: true }]);
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});
