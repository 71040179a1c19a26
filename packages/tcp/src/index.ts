/**
 * TCP (FreeBSD netinet/tcp_*.c): RFC 9293 with window scaling, time stamps, SACK, and congestion control that plugs in.
 *
 * Load the module {@link tcp} into a kernel that has `inpcb` and `socket`, and a network protocol; stream sockets of `@ns/socket` then are TCP's. All state of a vnet hangs off
 * {@link TCP}; tools read the snapshots of {@link tcpPcblist}. Neighbours: `ip` and `ip6` deliver packets and take them, through the contract in `inpcb`; `cc-kpi` is what
 * congestion control modules import.
 *
 * ```ts
 * import { tcp, TCP } from '@ns/tcp';
 *
 * kernel.kldload(tcp());
 * const v = TCP.get(kernel.vnets.vnet0);
 * kernel.sysctl.sysctlSet('net.inet.tcp.delacktime', 20, { vnet: kernel.vnets.vnet0, jailed: false });
 * v.stat.sndtotal; // segments sent
 * ```
 * @packageDocumentation
 */
export { HostCache, HcEntry, type HcLimits, type HcMetrics, type HcStats } from './hostcache.ts';
export { tcp, type TcpOptions } from './module.ts';
export { tcpPcblist, type Xtcpcb, type XtcpcbList } from './snapshot.ts';
export * from './sockopt.ts';
export { TcpStats } from './stats.ts';
export { tcpDropConnection } from './sysctl-parts.ts';
export * from './tcpcb.ts';
export { TcpExt } from './tcpext.ts';
export { TCP, TcpVnet } from './tcp-vnet.ts';
export { TT_2MSL, TT_DELACK, TT_KEEP, TT_PERSIST, TT_REXMT } from './timer.ts';
