import { IFNET, ifioctl } from '@ns/ifnet';
import { type IfReq, SIOCSIFVNET } from '@ns/ifnet-kpi';
import { SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { type VirtualHost, virtualHost } from '@ns/kern';
import { sobind, soconnect, solisten, sosendCopy } from '@ns/socket';
import { createStack, type Stack } from '@ns/stack';
import { INADDR_ANY, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { at, open, transfer } from '../../stack/test/echo.ts';
import { classCounts } from '../../../tooling/bench/src/heap.ts';

const VNETS = 1000;
const BYTES = 3000;

/** Sockets that nobody closes: a listener, a connection that goes nowhere and keeps trying, a datagram that waits for ARP. */
function abandon(jail: ReturnType<Stack['jail']>): void {
  const lso = open(jail, SOCK_STREAM);
  sobind(lso, new Sockaddr(INADDR_ANY, 443), jail.cred);
  solisten(lso, 4);
  soconnect(open(jail, SOCK_STREAM), at('10.0.0.77', 80), jail.cred);
  sosendCopy(open(jail, SOCK_DGRAM), at('10.0.0.78', 9), new Uint8Array(100), 0, 100, 0);
}

/** A vnet that is made, used, and taken away while things go on in it: TIME_WAIT, open connections, borrowed interfaces. */
function live(stack: Stack, host: VirtualHost, i: number): void {
  const jail = stack.jail({ name: `j${i}`, vnet: 'new' });
  const close = i % 3 !== 0;
  if (i % 2 === 0) {
    const [address, prefix] = i % 4 === 0 ? ['127.0.0.1', 8] : ['::1', 128];
    jail.addAddress('lo0', `${address}/${prefix}`);
    expect(transfer(host, jail, address, jail, BYTES, { close })).toBe(BYTES);
  } else {
    const lend: IfReq = { cmd: SIOCSIFVNET, name: 'epair0b', jid: jail.jid };
    expect(ifioctl(stack.host.vnet, lend.cmd, lend, stack.host.cred)).toBe(0);
    jail.addAddress('epair0b', '10.0.0.2/24');
    jail.addAddress('epair0b', '2001:db8::2/64'); // duplicate address detection is under way when the vnet goes
    expect(transfer(host, jail, '10.0.0.2', stack.host, BYTES, { close })).toBe(BYTES);
    abandon(jail);
  }
  const id = jail.vnet.id;
  expect(jail.remove()).toEqual([{ id, name: `j${i}`, leftovers: [], problems: [], clean: true }]);
  expect(stack.kernel.vnets.get(id)).toBeNull();
}

/** What the kernel holds, after all that was under way in vnet0 has run out. */
function settled(stack: Stack, host: VirtualHost): unknown {
  host.advance(600e6);
  const { kernel } = stack;
  return {
    vnets: kernel.vnets.list().map((v) => [v.name, v.ledger.report(), IFNET.get(v).list.map((ifp) => ifp.name)]),
    ledger: kernel.ledger.report(),
    callouts: kernel.callouts.pending,
    mbufs: kernel.mbufs.outstanding,
    jails: stack.jails().length,
  };
}

/** Classes of the objects that a vnet is made of, or makes. */
const CLASSES = [
  'VnetRecord', 'Jail', 'Ucred', 'Ledger', 'Ifnet', 'IfHandle', 'IfnetVnet', 'Ifaddr', 'RouteVnet', 'Rib', 'RtEntry', 'Nexthop', 'ArpVnet', 'ArpIf', 'Lltable', 'Llentry', 'InetDomain', 'InpcbInfo',
  'Inpcb', 'HashTables', 'Ip6Vnet', 'In6Ifinfo', 'SocketVnet', 'Socket', 'Sockbuf', 'IpVnet', 'UdpVnet', 'TcpVnet', 'Tcpcb', 'Syncache', 'HostCache', 'Callout',
];

/** Bytes of heap and of buffers when garbage has been collected. */
function heapBytes(): number {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc?.();
  const m = process.memoryUsage();
  return m.heapUsed + m.arrayBuffers;
}

/** A link in the host, of which one end will be lent. */
function wire(stack: Stack): void {
  stack.link(stack.host, '10.0.0.1/24', stack.host, '10.0.0.3/24');
}

/** The classes in the heap while one vnet lives and is in use. */
function withOneAlive(stack: Stack): Map<string, number> {
  const jail = stack.jail({ name: 'one', vnet: 'new' });
  jail.addAddress('lo0', '10.0.0.1/24');
  abandon(jail);
  const counts = classCounts();
  jail.remove();
  return counts;
}

describe('a thousand vnets that were used', () => {
  it('V13 T118 T136 leave no lease, zone, timer, interface, socket, byte; and no object of any class in the heap', async () => {
    const host = virtualHost({ seed: 9 });
    const stack = createStack({ host });
    wire(stack);
    for (let i = 0; i < 8; i++) live(stack, host, i);
    const before = settled(stack, host);
    const bytes = heapBytes();
    const counts = withOneAlive(stack);
    for (let i = 0; i < VNETS; i++) {
      live(stack, host, i);
      if (i % 50 === 0) await new Promise(setImmediate); // the test runner wants a word now and then
    }
    expect(settled(stack, host)).toEqual(before);
    host.logged.length = 0; // lines of the log, which the host and the kernel keep up to a limit
    stack.kernel.log.msgbuf.clear();
    expect(heapBytes() - bytes).toBeLessThan(VNETS * 4096); // compiled code; a vnet has more than 80 KiB
    const now = classCounts();
    for (const name of CLASSES) expect([name, counts.get(name)]).toEqual([name, expect.any(Number)]);
    expect(CLASSES.filter((name) => (now.get(name) ?? 0) > (counts.get(name) ?? 0))).toEqual([]);
    const grown = [...now].map(([name, n]) => [name, n - (counts.get(name) ?? 0)] as const).filter(([, n]) => n > VNETS / 4);
    expect(grown).toEqual([]);
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  }, 120_000);
});
