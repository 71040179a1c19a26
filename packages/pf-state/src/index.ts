/**
 * A stateful packet filter in the manner of pf(4), small: what goes out may be answered, what comes in unasked may not, for TCP, UDP, ICMP and others over IPv4 and IPv6. It keeps the state that it has
 * found on the packet, and so shows how a filter caches what it knows.
 *
 * Neighbours: `pfil-kpi` is the contract that it is written against; `pfil` shows it packets; `mbuf` has the tags.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { pfState, pfStates } from '@ns/pf-state';
 * import { SOCK_DGRAM, sobind, type Socket, socreate, soreceiveBytes, sosendCopy } from '@ns/socket';
 * import { createStack, type StackJail } from '@ns/stack';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const clock = virtualHost();
 * const stack = createStack({ host: clock, extra: [pfState()] });
 * const [server, client] = [stack.jail({ name: 'server', vnet: 'new' }), stack.jail({ name: 'client', vnet: 'new' })];
 * stack.link(server, '10.0.0.1/24', client, '10.0.0.2/24');
 * server.sysctl('net.pf_state.pass_in', 'udp:53,tcp:80,icmp');
 *
 * const udp = (j: StackJail, port: number): Socket => {
 *   const so = socreate(j.vnet, AF_INET, SOCK_DGRAM, 0, j.cred) as Socket;
 *   sobind(so, new Sockaddr(inAddr4(0), port), j.cred);
 *   return so;
 * };
 * const arrives = (from: Socket, addr: number, port: number, to: Socket): boolean => {
 *   sosendCopy(from, new Sockaddr(inAddr4(addr), port), new Uint8Array(8), 0, 8, 0);
 *   clock.advance(100_000);
 *   return soreceiveBytes(to, new Uint8Array(8), 0, 8, 0) > 0;
 * };
 * const [dns, resolver] = [udp(server, 53), udp(client, 4000)];
 * arrives(dns, 0x0a000002, 4000, resolver); // => false: nobody has asked
 * arrives(resolver, 0x0a000001, 53, dns); // => true
 * arrives(dns, 0x0a000002, 4000, resolver); // => true: an answer
 * pfStates(client.vnet).map((s) => `${s.proto} ${s.dport} ${s.ends}`); // => ['17 53 SYN_SENT:ESTABLISHED']
 * client.sysctl('net.pf_state.stats.blocked'); // => 1
 * ```
 *
 * @packageDocumentation
 */
export { pfState } from './module.ts';
export { PfStateStat } from './pf-vnet.ts';
export { type PfStateRow, pfStates, pfStats } from './snapshot.ts';
