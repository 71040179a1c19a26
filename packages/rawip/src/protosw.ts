import type { InPkt, Protosw } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import { IPPROTO_RAW } from '@ns/wire';
import { ripInput } from './input.ts';
import type { RipVnet } from './vnet.ts';

/** Raw IP as the network protocols of one vnet see it: what nobody else takes, and what ICMP and IGMP hand on. */
export class RipProtosw implements Protosw {
  readonly proto: number = IPPROTO_RAW;
  readonly name: string = 'raw';
  private readonly r: RipVnet;

  constructor(r: RipVnet) {
    this.r = r;
  }

  input(m: Mbuf, pkt: InPkt): void {
    ripInput(this.r, m, pkt);
  }
}
