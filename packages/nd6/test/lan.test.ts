/* Hosts and routers on one link, each with a stack of its own, in virtual time. */
import { icmp6Output, IN6_IFF_NODAD, in6SourceOn, ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { IFNET, ifCloneCreate, IFNET_CORE, ifUp, ifunit, ifVmove } from '@ns/ifnet';
import { ribAdd, ROUTE, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
import { type Vnet } from '@ns/kern';
import { AF_INET6, type InAddr, inAddr6, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { nd6, nd6SetIfinfo } from '../src/index.ts';
import { cat, Hub, Lab, type LabOptions, lladdrOpt, messages, piOpt, raPacket, SEC, type TestIf } from './lab.ts';
import { etherFrame, icmp6Packet } from '../../ip6/test/lab.ts';

class Lan {
  readonly lab: Lab;
  readonly hub: Hub;

  constructor(options: LabOptions = {}) {
    this.lab = new Lab({ dad: 1, ...options });
    this.hub = new Hub(this.lab);
  }

  node(name: string, mac: string, cidr: string | null = null): { vnet: Vnet; em: TestIf } {
    const vnet = this.lab.newVnet(name);
    const em = this.lab.ether(mac, cidr, { hub: this.hub, vnet });
    return { vnet, em };
  }

  /** Sends an echo request from one node and tells whether its reply came back. */
  ping(from: { vnet: Vnet; em: TestIf }, dst: string): boolean {
    const { lab } = this;
    const ip6v = lab.nd6(from.vnet).ip6v;
    const before = ip6v.icmp6stat.inhist[129]!;
    const pkt = icmp6Packet({ src: '::', dst, type: 128, data: new Uint8Array(8) });
    const m = lab.kernel.mbufs.fromBytes(pkt.slice(40), 128)!;
    const to = lab.at(from.em, dst);
    const src = sourceOf(lab, from, dst);
    if (src === null) return false;
    icmp6Output(ip6v, m, src, to, null, 64);
    lab.host.advance(0.5 * SEC);
    return ip6v.icmp6stat.inhist[129]! === before + 1;
  }
}

function sourceOf(lab: Lab, n: { vnet: Vnet; em: TestIf }, dst: string): InAddr | null {
  return in6SourceOn(lab.nd6(n.vnet).ip6v, lab.at(n.em, dst), n.em.ifp);
}

describe('a link', () => {
  it('two hosts find each other by their link-local addresses, lose each other, and find each other again', () => {
    const lan = new Lan();
    const a = lan.node('a', '02:00:00:00:00:0a');
    const b = lan.node('b', '02:00:00:00:00:0b');
    lan.lab.host.advance(3 * SEC);
    expect(lan.ping(a, 'fe80::ff:fe00:b')).toBe(true);
    expect(lan.lab.row('fe80::ff:fe00:b', a.vnet)).toBe('02:00:00:00:00:0b R');
    // The host was asked, so it has heard of the other.
    expect(lan.lab.row('fe80::ff:fe00:a', b.vnet)).toMatch(/^02:00:00:00:00:0a/);
    lan.hub.filter = (_f, from) => from !== b.em.port;
    lan.lab.host.advance(60 * SEC);
    expect(lan.ping(a, 'fe80::ff:fe00:b')).toBe(false);
    lan.lab.host.advance(9 * SEC);
    expect(lan.lab.row('fe80::ff:fe00:b', a.vnet)).toBeUndefined();
    lan.hub.filter = () => true;
    expect(lan.ping(a, 'fe80::ff:fe00:b')).toBe(true);
    expect(lan.lab.row('fe80::ff:fe00:b', a.vnet)).toBe('02:00:00:00:00:0b R');
  });

  it('two hosts that want the same address: the one that was first keeps it', () => {
    const lan = new Lan();
    const a = lan.node('a', '02:00:00:00:00:0a');
    const b = lan.node('b', '02:00:00:00:00:0b');
    lan.lab.host.advance(3 * SEC);
    lan.lab.addr(a.em.ifp, '2001:db8::1/64');
    lan.lab.host.advance(3 * SEC);
    lan.lab.addr(b.em.ifp, '2001:db8::1/64');
    lan.lab.host.advance(3 * SEC);
    expect(lan.lab.addrs(a.em)).toEqual(['2001:db8::1/64']);
    expect(lan.lab.addrs(b.em)).toEqual(['2001:db8::1/64 duplicated']);
  });

  it('a looped link delays addresses, and marks none a duplicate (RFC 7527)', () => {
    const lan = new Lan();
    lan.hub.echo = true;
    const a = lan.node('a', '02:00:00:00:00:0a');
    lan.lab.host.advance(20 * SEC);
    expect(lan.lab.addrs(a.em, true)).toEqual(['fe80::ff:fe00:a/64 tentative']);
    lan.hub.echo = false;
    lan.lab.host.advance(8 * SEC);
    expect(lan.lab.addrs(a.em, true)).toEqual(['fe80::ff:fe00:a/64']);
  });

  it('a redirect by a router on the same link: the second packet goes straight', () => {
    const lan = new Lan();
    const a = lan.node('a', '02:00:00:00:00:0a', '2001:db8:a::a/64');
    const b = lan.node('b', '02:00:00:00:00:0b', '2001:db8:b::b/64');
    const r = lan.node('r', '02:00:00:00:00:0e', '2001:db8:a::1/64');
    lan.lab.addr(r.em.ifp, '2001:db8:b::1/64');
    lan.lab.nd6(r.vnet).ip6v.forwarding = true;
    lan.lab.host.advance(3 * SEC);
    for (const n of [a, b]) {
      const rib = ROUTE.get(n.vnet).inet6(0);
      expect(ribAdd(rib, { dst: parseInAddr('::')!, prefixlen: 0, flags: RTF_GATEWAY | RTF_STATIC, gw: lan.lab.at(n.em, 'fe80::ff:fe00:e'), ifp: n.em.ifp })).toBe(0);
    }
    expect(lan.ping(a, '2001:db8:b::b')).toBe(true);
    expect(lan.lab.routes(0, a.vnet).filter((x) => x.includes('D'))).toEqual([`2001:db8:b::b/128 UHD ${a.em.ifp.name}`]);
    const forwarded = lan.lab.nd6(r.vnet).ip6v.stat.forward;
    lan.hub.log.splice(0);
    expect(lan.ping(a, '2001:db8:b::b')).toBe(true);
    // Both sides were redirected by now: the router has nothing more to do with it.
    expect(lan.lab.nd6(r.vnet).ip6v.stat.forward).toBe(forwarded);
    expect(messages(lan.hub.log).filter((m) => m.type === 137)).toEqual([]);
  });

  it('hosts autoconfigure by what a router announces and reach another link through it', () => {
    const lan = new Lan();
    const a = lan.node('a', '02:00:00:00:00:0a');
    nd6SetIfinfo(a.em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
    const r = lan.node('r', '02:00:00:00:00:0e', '2001:db8:a::1/64');
    const far = new Hub(lan.lab);
    const r2 = lan.lab.ether('02:00:00:00:00:1e', '2001:db8:f::1/64', { hub: far, vnet: r.vnet });
    const fv = lan.lab.newVnet('far');
    const f = { vnet: fv, em: lan.lab.ether('02:00:00:00:00:1f', '2001:db8:f::f/64', { hub: far, vnet: fv }) };
    lan.lab.nd6(r.vnet).ip6v.forwarding = true;
    ribAdd(ROUTE.get(fv).inet6(0), { dst: parseInAddr('::')!, prefixlen: 0, flags: RTF_GATEWAY | RTF_STATIC, gw: parseInAddr('2001:db8:f::1')!, ifp: f.em.ifp });
    lan.lab.host.advance(3 * SEC);
    const ra = raPacket({ src: 'fe80::ff:fe00:e', opts: cat(lladdrOpt(1, '02:00:00:00:00:0e'), piOpt('2001:db8:a::')) });
    lan.hub.send(r.em.port, etherFrame(Uint8Array.of(0x33, 0x33, 0, 0, 0, 1), r.em.mac, ra));
    lan.lab.host.advance(3 * SEC);
    expect(lan.lab.addrs(a.em)).toEqual(['2001:db8:a::ff:fe00:a/64 autoconf']);
    expect(lan.ping(a, '2001:db8:f::f')).toBe(true);
    expect(lan.ping(f, '2001:db8:a::ff:fe00:a')).toBe(true);
    // The router dies: the host notices by its own traffic, within delay and three probes.
    lan.hub.filter = (_f, from) => from !== r.em.port;
    lan.lab.host.advance(60 * SEC);
    expect(lan.ping(a, '2001:db8:f::f')).toBe(false);
    lan.lab.host.advance(9 * SEC);
    expect(lan.lab.row('fe80::ff:fe00:e', a.vnet)).toBeUndefined();
    // Another router takes over as soon as it announces itself.
    const n = lan.node('n', '02:00:00:00:00:0c', '2001:db8:a::2/64');
    lan.lab.nd6(n.vnet).ip6v.forwarding = true;
    lan.lab.host.advance(3 * SEC);
    lan.hub.send(n.em.port, etherFrame(Uint8Array.of(0x33, 0x33, 0, 0, 0, 1), n.em.mac, raPacket({ src: 'fe80::ff:fe00:c', opts: lladdrOpt(1, '02:00:00:00:00:0c') })));
    lan.lab.host.advance(1 * SEC);
    expect(lan.lab.routes(0, a.vnet)).toContain(`::/0 UG via fe80::ff:fe00:c ${a.em.ifp.name}`);
    void r2;
  });
});

describe('vnets', () => {
  it('a vnet that goes leaves nothing: timers, packets, leases', () => {
    const lan = new Lan({ stable: true });
    const before = { callouts: lan.lab.kernel.callouts.pending, mbufs: lan.lab.outstanding };
    for (let round = 0; round < 3; round++) {
      const a = lan.node(`a${round}`, '02:00:00:00:00:0a', '2001:db8::1/64');
      nd6SetIfinfo(a.em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
      lan.lab.host.advance(0.5 * SEC); // in the middle of tests and solicitations
      lan.lab.in(a.em, raPacket({ opts: cat(lladdrOpt(1, '02:00:00:00:00:0e'), piOpt('2001:db8:5::')) }), '02:00:00:00:00:0e');
      lan.lab.addr(a.em.ifp, '2001:db8::2/64', IN6_IFF_NODAD);
      lan.lab.send(a.em, '2001:db8::99', '2001:db8::2');
      lan.lab.kpi.ifDetach(a.em.ifp.handle);
      lan.hub.ports.length = 0;
      const report = lan.lab.dropVnet(a.vnet);
      expect(report.leftovers).toEqual([]);
      expect(report.problems).toEqual([]);
    }
    lan.lab.host.advance(100 * SEC);
    expect(lan.lab.kernel.callouts.pending).toBe(before.callouts);
    expect(lan.lab.outstanding).toBe(before.mbufs);
  });

  it('an epair between two vnets: addresses, neighbours, and the way home', () => {
    const lab = new Lab({ dad: 1 });
    const { kernel } = lab;
    ifCloneCreate(kernel.service(IFNET_CORE), lab.vnet, 'epair', undefined);
    const other = lab.newVnet('jail');
    const b = ifunit(lab.vnet, 'epair0b')!;
    const a = ifunit(lab.vnet, 'epair0a')!;
    expect(ifVmove(b, other)).toBe(0);
    ifUp(a);
    ifUp(b);
    lab.host.advance(3 * SEC);
    const ll = (x: typeof a): InAddr => x.addrs.find((i) => i.af === AF_INET6)!.addr;
    const ip6v = lab.nd6(lab.vnet).ip6v;
    const m = kernel.mbufs.fromBytes(icmp6Packet({ src: '::', dst: '::1', type: 128, data: new Uint8Array(8) }).slice(40), 128)!;
    const dst = ll(b);
    icmp6Output(ip6v, m, ll(a), inAddr6(dst.w0, dst.w1, dst.w2, dst.w3, a.index), null, 64);
    lab.host.advance(0.1 * SEC);
    expect(ip6v.icmp6stat.inhist[129]).toBe(1);
    expect(lab.dropVnet(other)).toMatchObject({ leftovers: [], problems: [], clean: true });
    lab.host.advance(10 * SEC);
    expect(IFNET.get(lab.vnet).list.map((i) => i.name).includes('epair0b')).toBe(true);
    expect(lab.outstanding).toBe(0);
  });

  it('the module can be unloaded and loaded again; addresses under test are taken for good meanwhile', () => {
    const lab = new Lab({ dad: 1 });
    const em = lab.ether('02:00:00:00:00:01', '2001:db8::1/64');
    expect(lab.kernel.kldunload('nd6').errno).toBe(0);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']);
    expect(lab.kernel.kldload(nd6()).errno).toBe(0);
    lab.host.advance(3 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']);
    expect(lab.row('2001:db8::1')).toBe('02:00:00:00:00:01 R permanent');
  });
});
