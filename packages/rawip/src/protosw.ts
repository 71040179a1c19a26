import { IN6P_MTU, type Inpcb, type InPkt, type Protosw } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import { sopathmtu } from '@ns/socket';
import { AF_INET6, type IcmpNotice, IPPROTO_RAW, PRC_MSGSIZE } from '@ns/wire';
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

  /** An ICMPv6 error: who asked hears what a path takes; nothing is posted to the sockets. Source: FreeBSD rip6_ctlinput(), in6_pcbnotify(). */
  ctlinput(n: IcmpNotice): void {
    if (n.cmd !== PRC_MSGSIZE || n.af !== AF_INET6) return;
    const { list } = this.r.info;
    for (let i = 0; i < list.length; i++) {
      const inp = list[i] as Inpcb;
      if ((inp.flags & IN6P_MTU) !== 0 && (inp.proto === n.proto || inp.proto === 0) && !sopathmtu(inp, n.dst, n.mtu)) this.r.stat.fullsock++;
    }
  }
}
