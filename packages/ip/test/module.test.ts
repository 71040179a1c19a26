import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { icmpMessage, ipPacket, Lab, v4 } from './lab.ts';

const ROOT = new URL('../../', import.meta.url);

/** The packages that the sources of a package import. */
function imports(name: string): Set<string> {
  const dir = new URL(`${name}/src/`, ROOT);
  const found = new Set<string>();
  for (const file of readdirSync(dir)) {
    for (const m of readFileSync(new URL(file, dir), 'utf8').matchAll(/^[^*\n]*from '@ns\/([a-z0-9-]+)'/gm)) found.add(m[1]!);
  }
  return found;
}

describe('the way of a packet', () => {
  it('A21 the packages depend on each other in one direction: transports on inpcb, ip on route, ether on lltable, never back', () => {
    const above: Readonly<Record<string, readonly string[]>> = {
      lltable: ['route', 'ether', 'arp', 'ip', 'inpcb', 'udp', 'tcp', 'socket'],
      route: ['ether', 'arp', 'ip', 'inpcb', 'udp', 'tcp', 'socket'],
      ether: ['arp', 'ip', 'inpcb', 'udp', 'tcp', 'socket'],
      arp: ['ip', 'udp', 'tcp', 'socket'],
      ip: ['arp', 'udp', 'tcp', 'rawip', 'socket'],
      ifnet: ['ether', 'route', 'arp', 'ip'],
      inpcb: ['ip', 'udp', 'tcp'],
      udp: ['ip', 'arp', 'ether'],
      tcp: ['ip', 'arp', 'ether'],
    };
    for (const [name, forbidden] of Object.entries(above)) {
      const has = imports(name);
      expect([name, forbidden.filter((f) => has.has(f))]).toEqual([name, []]);
    }
  });
});

describe('the module', () => {
  it('is unloaded and loaded again with interfaces in place', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
    const ping = ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 1, payload: icmpMessage(8, 0, 1) });
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', off: 0x2000, payload: new Uint8Array(8) }));
    expect(lab.kernel.kldunload('ip')).toMatchObject({ errno: 0, message: '' });
    expect(lab.outstanding).toBe(0);
    lab.injectIp(em, ping);
    expect(em.wire.takeType(0x0800)).toEqual([]);
    lab.loadIp();
    lab.injectIp(em, ping);
    expect(em.wire.takeType(0x0800).length).toBe(1);
    expect(lab.ip.addrs.lookup(v4('10.0.0.1'))?.ifp === em.ifp).toBe(true);
  });

  it('with its neighbours leaves no lease behind', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', off: 0x2000, payload: new Uint8Array(8) }));
    for (const name of ['ip', 'arp', 'route', 'ether']) expect(lab.kernel.kldunload(name)).toEqual({ errno: 0, message: '' });
    expect(lab.kernel.ledger.report().filter((r) => ['ip', 'arp', 'route', 'ether'].includes(r.name))).toEqual([]);
    expect(lab.kernel.callouts.pending).toBe(0);
  });

  it('a kernel that shuts down has nothing left over', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 1, payload: icmpMessage(8, 0, 1) })); // waits for ARP
    expect(lab.outstanding).toBe(1);
    const report = lab.kernel.shutdown();
    expect(report).toMatchObject({ leftovers: [], problems: [] });
    expect(lab.outstanding).toBe(0);
  });

  it('has FreeBSD\'s sysctls with FreeBSD\'s defaults', () => {
    const lab = new Lab();
    const want: Readonly<Record<string, unknown>> = {
      'net.inet.ip.forwarding': 0,
      'net.inet.ip.redirect': 1,
      'net.inet.ip.ttl': 64,
      'net.inet.ip.sourceroute': 0,
      'net.inet.ip.accept_sourceroute': 0,
      'net.inet.ip.process_options': 1,
      'net.inet.ip.random_id': 0,
      'net.inet.ip.rfc6864': 1,
      'net.inet.ip.stealth': 0,
      'net.inet.ip.check_interface': 0,
      'net.inet.ip.maxfragsperpacket': 16,
      'net.inet.ip.fragpackets': 0,
      'net.inet.ip.mcast.loop': 1,
      'net.inet.ip.intr_queue_maxlen': 256,
      'net.inet.ip.intr_queue_drops': 0,
      'net.inet.icmp.icmplim': 200,
      'net.inet.icmp.maskrepl': 0,
      'net.inet.icmp.drop_redirect': 0,
      'net.inet.icmp.log_redirect': 0,
      'net.inet.icmp.redirtimeout': 600,
      'net.inet.icmp.quotelen': 548,
      'net.inet.icmp.bmcastecho': 0,
      'net.inet.icmp.tstamprepl': 1,
      'net.inet.icmp.reply_from_interface': 0,
      'net.link.ether.inet.max_age': 1200,
      'net.link.ether.inet.maxtries': 5,
      'net.link.ether.inet.wait': 20,
      'net.link.ether.inet.maxhold': 16,
      'net.link.ether.inet.proxyall': 0,
      'net.link.ether.inet.log_arp_wrong_iface': 1,
      'net.link.ether.inet.log_arp_movements': 1,
      'net.link.ether.inet.log_arp_permanent_modify': 1,
      'net.link.ether.inet.max_log_per_second': 1,
      'net.fibs': 1,
      'net.add_addr_allfibs': 0,
      'net.my_fibnum': 0,
    };
    expect(Object.fromEntries(Object.keys(want).map((name) => [name, lab.sysctl(name)]))).toEqual(want);
  });
});
