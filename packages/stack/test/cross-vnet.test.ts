import { IFNET, ifioctl } from '@ns/ifnet';
import { SIOCGIFFLAGS, SIOCSIFMTU } from '@ns/ifnet-kpi';
import { INET, inPcbAlloc, inPcbJoinGroup, IP_MULTICAST_IF, SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { sameVnet, virtualHost } from '@ns/kern';
import { ribAdd, ribChange, ROUTE, RTF_STATIC } from '@ns/route';
import { soclose, socreate, sosetopt } from '@ns/socket';
import { TCP } from '@ns/tcp';
import { AF_INET, type InAddr, IPPROTO_IP, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { createStack, type Stack, type StackJail } from '../src/index.ts';
import { open } from './echo.ts';

const addr = (text: string): InAddr => parseInAddr(text) as InAddr;

interface World {
  readonly stack: Stack;
  readonly a: StackJail;
  readonly b: StackJail;
  readonly link: { readonly a: string; readonly b: string };
}

function world(): World {
  const stack = createStack({ host: virtualHost({ seed: 1 }) });
  const a = stack.jail({ name: 'a', vnet: 'new' });
  const b = stack.jail({ name: 'b', vnet: 'new' });
  return { stack, a, b, link: stack.link(a, '10.0.0.1/24', b, '10.0.0.2/24') };
}

/** What there is in the vnets of a world: nothing of it may change. */
function picture({ stack }: World): unknown {
  return stack.kernel.vnets.list().map((v) => {
    const routes: string[] = [];
    ROUTE.get(v).inet(0).forEach((rt) => routes.push(`${rt.dst.w3}/${rt.prefixlen} ${rt.nh.ifp.name}`));
    return [v.ledger.report(), routes, IFNET.get(v).list.map((i) => `${i.name} ${i.mtu} ${i.addrs.length}`), INET.get(v).infos.map((i) => i.count)];
  });
}

describe('what is of one vnet, used with another', () => {
  const uses: [what: string, use: (w: World) => unknown][] = [
    ['a credential, to make a socket', ({ a, b }) => socreate(a.vnet, AF_INET, SOCK_STREAM, 0, b.cred)],
    ['the host\u2019s credential, to make a socket in a jail', ({ a, stack }) => socreate(a.vnet, AF_INET, SOCK_STREAM, 0, stack.host.cred)],
    ['a jail\u2019s credential, to look at an interface', ({ a, b, link }) => ifioctl(a.vnet, SIOCGIFFLAGS, { cmd: SIOCGIFFLAGS, name: link.a, flags: 0 }, b.cred)],
    ['a jail\u2019s credential, to change one of the host', ({ a, stack }) => ifioctl(stack.host.vnet, SIOCSIFMTU, { cmd: SIOCSIFMTU, name: 'lo0', mtu: 1000 }, a.cred)],
    ['a socket, in another set of pcbs', ({ a, b }) => inPcbAlloc(open(a, SOCK_DGRAM), TCP.get(b.vnet).pcbinfo)],
    ['an interface, for a route', ({ a, b, link }) => ribAdd(ROUTE.get(a.vnet).inet(0), { dst: addr('192.0.2.0'), prefixlen: 24, flags: RTF_STATIC, ifp: b.interface(link.b) })],
    ['an address, for a route', ({ a, b, link }) => ribAdd(ROUTE.get(a.vnet).inet(0), { dst: addr('192.0.2.0'), prefixlen: 24, flags: RTF_STATIC, ifa: b.interface(link.b).addrs[0] ?? null })],
    ['an interface, for a route that there is', ({ a, b, link }) => {
      const rib = ROUTE.get(a.vnet).inet(0);
      ribAdd(rib, { dst: addr('192.0.2.0'), prefixlen: 24, flags: RTF_STATIC, ifp: a.interface(link.a) });
      return ribChange(rib, { dst: addr('192.0.2.0'), prefixlen: 24, flags: RTF_STATIC, ifp: b.interface(link.b) });
    }],
    ['an interface, for a group', ({ a, b, link }) => inPcbJoinGroup(open(a, SOCK_DGRAM).pcb as never, { group: addr('224.0.0.7'), ifp: b.interface(link.b) })],
    ['an interface, for multicast of a socket', ({ a, b, link }) => sosetopt(open(a, SOCK_DGRAM), IPPROTO_IP, IP_MULTICAST_IF, b.interface(link.b))],
    ['an interface, in a table', ({ a, b, link }) => IFNET.get(a.vnet).enter(b.interface(link.b))],
  ];

  it.each(uses)('T144 %s: throws, naming both', (what, use) => {
    const w = world();
    for (const j of [w.a, w.b]) open(j, SOCK_STREAM); // some life
    const prepared = what.includes('socket,') || what.includes('group') || what.includes('multicast') || what.includes('there is');
    const before = picture(w);
    expect(() => use(w)).toThrow(/of vnet [012] \((vnet0|a|b)\) used with vnet [012] \((vnet0|a|b)\)/);
    if (!prepared) expect(picture(w)).toEqual(before);
  });

  it('T144 each object knows its vnet', () => {
    const { a, link } = world();
    const so = open(a, SOCK_STREAM);
    const inp = so.pcb as { vnet: unknown; pcbinfo: { vnet: unknown }; ppcb: { vnet: unknown } };
    for (const v of [so.vnet, so.cred.vnet, inp.vnet, inp.pcbinfo.vnet, inp.ppcb.vnet, a.interface(link.a).vnet, ROUTE.get(a.vnet).inet(0).vnet]) expect(v).toBe(a.vnet);
    expect(soclose(so)).toBe(0);
    expect(() => sameVnet(a.vnet, a.vnet, 'itself')).not.toThrow();
  });

  it('T145 V15 there is no vnet of the moment: each call names its own, and nothing keeps it for the next', () => {
    const { stack, a, b } = world();
    const [x, y] = [open(a, SOCK_DGRAM), open(b, SOCK_DGRAM)];
    expect([x.vnet, y.vnet, open(stack.host, SOCK_DGRAM).vnet]).toEqual([a.vnet, b.vnet, stack.host.vnet]);
    expect(Object.keys(stack.kernel).concat(Object.keys(stack.kernel.vnets)).filter((k) => /cur/i.test(k))).toEqual([]);
    expect(() => (TCP.get as unknown as () => unknown).call(TCP)).toThrow();
  });
});
