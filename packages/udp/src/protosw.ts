import { EHOSTDOWN, EHOSTUNREACH, ENETUNREACH } from '@ns/errno';
import { IN6P_MTU, INP_CONNECTED, type Inpcb, inPcbLookupExact, inPcbLookupTuple, inPcbNotifyAll, type InPkt, type Protosw } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import { routeClear } from '@ns/route';
import { type Socket, sopathmtu, soposterror } from '@ns/socket';
import { AF_INET6, type IcmpNotice, IPPROTO_UDP, isAny, PRC_HOSTDEAD, PRC_MSGSIZE, prcIsRedirect } from '@ns/wire';
import { udpInput } from './input.ts';
import type { UdpTunnelCb } from './tunnel.ts';
import type { UdpVnet } from './vnet.ts';

/** UDP as the network protocols of one vnet see it. @public */
export class UdpProtosw implements Protosw {
  /** {@inheritDoc @ns/inpcb#Protosw.proto} */
  readonly proto: number = IPPROTO_UDP;
  /** {@inheritDoc @ns/inpcb#Protosw.name} */
  readonly name: string = 'udp';
  private readonly u: UdpVnet;

  constructor(u: UdpVnet) {
    this.u = u;
  }

  /** {@inheritDoc @ns/inpcb#Protosw.input} */
  input(m: Mbuf, pkt: InPkt): void {
    udpInput(this.u, m, pkt);
  }

  /**
   * An ICMP error: told to the connected socket that it is about, or to the tunnel whose port the datagram left by, and to nobody else: only a connected socket has said who its
   * peer is.
   * Source: FreeBSD udp_common_ctlinput().
   */
  ctlinput(n: IcmpNotice): void {
    if (isAny(n.dst) || prcIsRedirect(n.cmd) || n.errno === 0) return;
    if (n.cmd === PRC_MSGSIZE && n.af === AF_INET6) this.tellPathMtu(n);
    if (n.cmd === PRC_HOSTDEAD) {
      inPcbNotifyAll(this.u.info, n.dst, n.errno, udpNotify);
      return;
    }
    if (n.quoted < 4) return;
    const inp = inPcbLookupExact(this.u.info, n.dst, n.dport, n.src, n.sport);
    if (inp !== null) {
      udpNotify(inp, n.errno);
      return;
    }
    const cb = inPcbLookupTuple(this.u.info, n.dst, n.dport, n.src, n.sport)?.ppcb ?? this.u;
    if (cb !== this.u) (cb as UdpTunnelCb).tunnel.ctlinput?.(n);
  }

  /** Every socket that asked hears what a path takes (RFC 3542 §11.3). */
  private tellPathMtu(n: IcmpNotice): void {
    const { list } = this.u.info;
    for (let i = 0; i < list.length; i++) {
      const inp = list[i] as Inpcb;
      if ((inp.flags & IN6P_MTU) !== 0 && !sopathmtu(inp, n.dst, n.mtu)) this.u.stat.fullsock++;
    }
  }
}

/** Posts an asynchronous error to a socket. Source: FreeBSD udp_notify(). */
function udpNotify(inp: Inpcb, errno: number): void {
  if (errno === EHOSTUNREACH || errno === ENETUNREACH || errno === EHOSTDOWN) {
    routeClear(inp.route);
  }
  if (inp.socket !== null && (inp.flags2 & INP_CONNECTED) !== 0) soposterror(inp.socket as Socket, errno);
}
