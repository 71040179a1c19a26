import { INET, type InetDomain, type Inpcb, inPcbInfoDestroy, type InpcbInfo, inPcbInfoInit } from '@ns/inpcb';
import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { DgramInfo } from '@ns/socket';
import { RipProtosw } from './protosw.ts';

/**
 * Counters of raw sockets. FreeBSD has none of its own; the network protocol counts there.
 * @public
 */
export interface RipStat {
  /** Packets handed to a socket, each copy counted. */
  delivered: number;
  /** Packets that no socket wanted. */
  nomatch: number;
  /** Receive buffer full. */
  fullsock: number;
  /** Packets sent. */
  opackets: number;
}

/**
 * Raw sockets of one vnet. They have tables of their own: by protocol, those for any protocol under 0.
 * @public
 */
export class RipVnet {
  /** The vnet. */
  readonly vnet: Vnet;
  /** Its protocols. */
  readonly inet: InetDomain;
  /** Its pcbs. */
  readonly info: InpcbInfo;
  /** Counters. */
  readonly stat: RipStat;
  /** maxdgram: send buffer of new sockets. */
  maxdgram: number;
  /** recvspace: receive buffer of new sockets. */
  recvspace: number;
  /** Sockets by protocol, the newest last; a new array whenever one comes or goes. */
  readonly byProto: (readonly Inpcb[])[];
  /** Record for what is known of the packet that is being received. */
  readonly dgram: DgramInfo;
  /** Raw IP as network protocols see it. */
  readonly protosw: RipProtosw;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.inet = INET.get(vnet);
    this.info = inPcbInfoInit(vnet, 'raw', 'ripcb');
    this.stat = { delivered: 0, nomatch: 0, fullsock: 0, opackets: 0 };
    this.maxdgram = 9216;
    this.recvspace = 9216;
    this.byProto = new Array<readonly Inpcb[]>(256).fill([]);
    this.dgram = new DgramInfo();
    this.protosw = new RipProtosw(this);
  }

  /** Enters a pcb under its protocol. Source: FreeBSD rip_inshash(). */
  insert(inp: Inpcb): void {
    this.byProto[inp.proto] = [...(this.byProto[inp.proto] as readonly Inpcb[]), inp];
  }

  /** Takes a pcb out. Source: FreeBSD rip_delhash(). */
  remove(inp: Inpcb): void {
    this.byProto[inp.proto] = (this.byProto[inp.proto] as readonly Inpcb[]).filter((p) => p !== inp);
  }
}

/** Raw sockets of a vnet. @public */
export const RIP: VnetVar<RipVnet> = defineVnetVar({
  module: 'rawip',
  name: 'raw',
  init: (vnet: Vnet) => new RipVnet(vnet),
  destroy: (r: RipVnet) => inPcbInfoDestroy(r.info),
});
