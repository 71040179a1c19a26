import type { InPkt, Protosw } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import { IPPROTO_RAW } from '@ns/wire';
import { ripInput } from './input.ts';
import type { RipVnet } from './vnet.ts';

/** Raw IP as the network protocols of one vnet see it: what nobody else takes, and what ICMP and IGMP hand on. @public */
export class RipProtosw implements Protosw {
  /** {@inheritDoc @ns/inpcb#Protosw.proto} */
  readonly proto: number = IPPROTO_RAW;
  /** {@inheritDoc @ns/inpcb#Protosw.name} */
  readonly name: string = 'raw';
  private readonly r: RipVnet;

  constructor(r: RipVnet) {
    this.r = r;
  }

  /** {@inheritDoc @ns/inpcb#Protosw.input} */
  input(m: Mbuf, pkt: InPkt): void {
    ripInput(this.r, m, pkt);
  }
}
