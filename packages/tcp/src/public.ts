import type { InpcbInfo } from '@ns/inpcb';
import type { Vnet, VnetVar } from '@ns/kern';
import type { TcpStats } from './stats.ts';
import { TCP as TCP_STATE } from './tcp-vnet.ts';

/**
 * TCP of one vnet, as much of it as others may see.
 * @beta
 */
export interface TcpVnet {
  /** The vnet. */
  readonly vnet: Vnet;
  /** Counters; also sysctl net.inet.tcp.stats. */
  readonly stat: TcpStats;
  /** Live connections by TCPS_*, CLOSED included; also sysctl net.inet.tcp.states. */
  readonly states: readonly number[];
  /** The pcbs. */
  readonly pcbinfo: InpcbInfo;
}

/** TCP of each vnet. Settings are sysctls, connections are shown by `tcpPcblist`. @beta */
export const TCP: VnetVar<TcpVnet> = TCP_STATE;
