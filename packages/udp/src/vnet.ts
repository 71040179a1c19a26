import { INET, type InetDomain, type Inpcb, inPcbInfoDestroy, type InpcbInfo, inPcbInfoInit } from '@ns/inpcb';
import { defineVnetVar, RateLimit, type Vnet, type VnetVar } from '@ns/kern';
import { DgramInfo } from '@ns/socket';
import { UdpHdr } from '@ns/wire';
import { UdpProtosw } from './protosw.ts';
import { UdpStat } from './stat.ts';

/**
 * UDP of one vnet: its pcbs, counters and settings (sysctl net.inet.udp).
 * @public
 */
export class UdpVnet {
  /** The vnet. */
  readonly vnet: Vnet;
  /** Its protocols. */
  readonly inet: InetDomain;
  /** Its pcbs. */
  readonly info: InpcbInfo;
  /** Counters. */
  readonly stat: UdpStat;
  /** checksum: send checksums over IPv4. IPv6 has them always. */
  checksum: number;
  /** maxdgram: largest datagram that may be sent: the send buffer of new sockets. */
  maxdgram: number;
  /** recvspace: receive buffer of new sockets. */
  recvspace: number;
  /** log_in_vain: log datagrams for ports that nobody listens on. */
  logInVain: number;
  /** blackhole: do not answer datagrams for ports that nobody listens on. */
  blackhole: number;
  /** Pace of log lines. */
  readonly vainLimit: RateLimit;
  /** Record for the header of the datagram that is being received. */
  readonly uh: UdpHdr;
  /** Record for what is known of it. */
  readonly dgram: DgramInfo;
  /** Who takes the broadcast or multicast datagrams that are being delivered: `taken` of them, those of an inner one behind those of the outer. */
  readonly takers: (Inpcb | null)[];
  /** See `takers`. */
  taken: number;
  /** UDP as network protocols see it. */
  readonly protosw: UdpProtosw;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.inet = INET.get(vnet);
    this.info = inPcbInfoInit(vnet, 'udp', 'udp_inpcb');
    this.stat = new UdpStat();
    this.checksum = 1;
    this.maxdgram = 9216;
    this.recvspace = 42080;
    this.logInVain = 0;
    this.blackhole = 0;
    this.vainLimit = new RateLimit();
    this.uh = new UdpHdr();
    this.dgram = new DgramInfo();
    this.takers = [];
    this.taken = 0;
    this.protosw = new UdpProtosw(this);
  }
}

/** UDP of a vnet. @public */
export const UDP: VnetVar<UdpVnet> = defineVnetVar({
  module: 'udp',
  name: 'udp',
  init: (vnet: Vnet) => new UdpVnet(vnet),
  destroy: (u: UdpVnet) => inPcbInfoDestroy(u.info),
});
