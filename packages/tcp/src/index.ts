/**
 * TCP (FreeBSD netinet/tcp_*.c): RFC 9293 with window scaling, time stamps, SACK, and congestion control that plugs in.
 *
 * Load the module {@link tcp} into a kernel that has `inpcb` and `socket`, and a network protocol; stream sockets of `@ns/socket` then are TCP's. All state of a vnet hangs off
 * {@link TCP}; tools read the snapshots of {@link tcpPcblist}. Neighbours: `ip` and `ip6` deliver packets and take them, through the contract in `inpcb`; `cc-kpi` is what
 * congestion control modules import.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { sobind, SOCK_STREAM, Socket, socreate, solisten } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { TCP, tcpPcblist } from '@ns/tcp';
 * import { AF_INET, INADDR_ANY, Sockaddr } from '@ns/wire';
 *
 * const { kernel, host } = createStack({ host: virtualHost() }); // loads tcp() after inpcb, socket and a network protocol
 * host.addAddress('lo0', '127.0.0.1/8');
 * const { vnet, cred } = host;
 * const so = socreate(vnet, AF_INET, SOCK_STREAM, 0, cred);
 * if (!(so instanceof Socket)) throw new Error(`errno ${so}`);
 * sobind(so, new Sockaddr(INADDR_ANY, 80), cred); // => 0, or an errno
 * solisten(so, 128); // => 0
 * tcpPcblist(vnet).pcbs[0]?.stateName; // => 'LISTEN'
 * TCP.get(vnet).stat.rcvtotal; // => 0: segments received
 * kernel.sysctl.sysctlSet('net.inet.tcp.delacktime', 20, { vnet, jailed: false }).errno; // => 0
 * ```
 * @packageDocumentation
 */
export {
  TCPS_CLOSED,
  TCPS_CLOSE_WAIT,
  TCPS_CLOSING,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TCPS_FIN_WAIT_2,
  TCPS_LAST_ACK,
  TCPS_LISTEN,
  TCPS_SYN_RECEIVED,
  TCPS_SYN_SENT,
  TCPS_TIME_WAIT,
  TCP_NSTATES,
  TCP_STATE_NAMES,
  TF2_DROP_AF_DATA,
  TF2_ECN_PERMIT,
  TF2_ECN_SND_CWR,
  TF2_ECN_SND_ECE,
  TF2_PLPMTU_BLACKHOLE,
  TF2_PLPMTU_MAXSEGSNT,
  TF2_PLPMTU_PMTUD,
  TF_ACKNOW,
  TF_CONGRECOVERY,
  TF_DELACK,
  TF_FASTOPEN,
  TF_FASTRECOVERY,
  TF_FORCEDATA,
  TF_LASTIDLE,
  TF_MORETOCOME,
  TF_NEEDFIN,
  TF_NEEDSYN,
  TF_NODELAY,
  TF_NOOPT,
  TF_NOPUSH,
  TF_PREVVALID,
  TF_RCVD_SCALE,
  TF_RCVD_TSTMP,
  TF_REQ_SCALE,
  TF_REQ_TSTMP,
  TF_RXWIN0SENT,
  TF_SACK_PERMIT,
  TF_SENTFIN,
  TF_SIGNATURE,
  TF_TOE,
  TF_TSO,
  TF_WASCRECOVERY,
  TF_WASFRECOVERY,
} from './constants.ts';
export { tcp, type TcpOptions } from './module.ts';
export { TCP, type TcpVnet } from './public.ts';
export { tcpPcblist, type Xtcpcb, type XtcpcbList } from './snapshot.ts';
export * from './sockopt.ts';
export { TcpStats } from './stats.ts';
export { tcpDropConnection } from './sysctl-parts.ts';
