import { type Cmsg, inPcbWantsPathMtu, type Ip6Mtuinfo, type Inpcb, IPV6_PATHMTU } from '@ns/inpcb';
import { mFreem } from '@ns/mbuf';
import { AF_INET6, type InAddr, IPPROTO_IPV6 } from '@ns/wire';
import { DgramInfo } from './dgram.ts';
import { sbappendaddr } from './sockbuf.ts';
import type { Socket } from './socket.ts';
import { sorwakeup } from './state.ts';

/**
 * Tells a socket of datagrams what the path to `dst` takes, if it asked for it (IPV6_RECVPATHMTU): an empty datagram from there, with an Ip6Mtuinfo as ancillary data. False when its receive
 * buffer is full, or there is no mbuf.
 * Source: FreeBSD ip6_input.c, ip6_notify_pmtu(); RFC 3542 §11.3.
 * @public
 */
export function sopathmtu(inp: Inpcb, dst: InAddr, mtu: number): boolean {
  if (!inPcbWantsPathMtu(inp, dst)) return true;
  const so = inp.socket as Socket;
  const m = so.vnet.kernel.mbufs.getHdr();
  if (m === null) return false;
  m.pktlen = 0;
  const d = new DgramInfo();
  d.af = AF_INET6;
  d.zone = dst.zone;
  d.src0 = dst.w0;
  d.src1 = dst.w1;
  d.src2 = dst.w2;
  d.src3 = dst.w3;
  const told: Cmsg = { level: IPPROTO_IPV6, type: IPV6_PATHMTU, data: { addr: dst, mtu } satisfies Ip6Mtuinfo };
  d.control = [told];
  if (!sbappendaddr(so.rcv, m, d)) {
    mFreem(m);
    return false;
  }
  sorwakeup(so);
  return true;
}
