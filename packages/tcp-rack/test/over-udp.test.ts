/* RACK on connections that are carried in UDP: what is lost, late or doubled is datagrams, and the probe of a tail goes by the same road. */
import { exec } from '@ns/cli';
import type { Inpcb } from '@ns/inpcb';
import { Socket, sobind, soclose, soconnect, solisten, solistenDequeue, sosetopt } from '@ns/socket';
import { TCP_REMOTE_UDP_ENCAPS_PORT } from '@ns/tcp';
import { type LabConnection, type LabLinkOptions, lab, type Lab } from '@ns/testkit';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import type { Tcpcb } from '../../tcp/src/tcpcb.ts';
import { tcpRack } from '../src/index.ts';
import { DEFAULT, num, problemOf, rowOf } from './lab.ts';

const TUNNEL = 9899;

type Family = 'inet' | 'inet6';

function tunnelLab(family: Family, link: LabLinkOptions, sysctls: Record<string, number | string> = {}): Lab {
  return lab({ seed: 3, family, link, sysctls: { 'net.inet.tcp.udp_tunneling_port': TUNNEL, [DEFAULT]: 'rack', ...sysctls }, extra: [tcpRack()] });
}

/** A connection from a to b in UDP. */
function connect(l: Lab): LabConnection {
  const any = parseInAddr(l.b.addr.includes(':') ? '::' : '0.0.0.0')!;
  const listener = l.b.socket();
  expect(sobind(listener, new Sockaddr(any, 80), l.b.jail.cred)).toBe(0);
  expect(solisten(listener, 4)).toBe(0);
  const client = l.a.socket();
  expect(sosetopt(client, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, TUNNEL)).toBe(0);
  expect(soconnect(client, new Sockaddr(parseInAddr(l.b.addr)!, 80), l.a.jail.cred)).toBe(0);
  let server: Socket | null = null;
  l.until(() => {
    const so = solistenDequeue(listener);
    if (so instanceof Socket) server = so;
    return server !== null;
  }, 60e6);
  soclose(listener);
  if (server === null) throw new Error('no connection');
  return { client, clientSide: 'a', server, handshakeUs: 0 };
}

describe.each(['inet', 'inet6'] as const)('TCP over UDP, %s', (family) => {
  it.each([
    ['loss', { loss: 0.05 }],
    ['reordering', { reorder: 0.1, reorderUs: 9000 }],
    ['duplicates', { duplicate: 0.1 }],
    ['all of it', { loss: 0.03, reorder: 0.05, duplicate: 0.05 }],
  ])('%s: every byte arrives, both ways', { timeout: 60_000 }, (_what, faults) => {
    const l = tunnelLab(family, { delayUs: 10_000, bandwidth: 20e6, queueLimit: 100, ...faults });
    const connection = connect(l);
    expect([rowOf(l, 'a').stack, rowOf(l, 'b').stack]).toEqual(['rack', 'rack']);
    let bad = '';
    const r = l.transfer(300_000, { connection, back: 100_000, onProgress: () => void (bad ||= problemOf(connection.client) || problemOf(connection.server)) });
    expect([r.problem, bad]).toEqual(['', '']);
    expect(l.a.tcp.stat.tunneledPkts).toBe(l.a.tcp.stat.rcvtotal);
    expect(l.b.tcp.stat.tunneledErrs).toBe(0);
    expect(l.finish()).toEqual([]);
  });

  it('a lost tail costs a probe, not a timeout, and netstat counts it', { timeout: 60_000 }, () => {
    const l = tunnelLab(family, { delayUs: 10_000 });
    const connection = connect(l);
    let tail = 0;
    let seen = 0;
    // The last two of the twenty data segments.
    l.link.ab.options.drop = (frame) => frame.bytes.length > 1000 && ++seen > 18 && seen <= 20 && ++tail > 0;
    const { maxseg } = (connection.client.pcb as Inpcb).ppcb as Tcpcb;
    const r = l.transfer(20 * maxseg, { connection });
    expect([r.problem, r.timeouts, tail]).toEqual(['', 0, 2]);
    expect([num(l, 'stats.tlp_to_total'), num(l, 'stats.tlp_retran') + num(l, 'stats.tlp_new')]).toEqual([1, 1]);
    const { stdout } = exec(l.a.kernel, 'netstat -s -p tcp', { jail: l.a.jail.name });
    expect(stdout).toMatch(/\n\t1 tail loss probe \([0-9]+ bytes?\)\n/);
    expect(l.finish()).toEqual([]);
  });
});
