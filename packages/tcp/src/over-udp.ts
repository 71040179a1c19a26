import { EAFNOSUPPORT, ENETDOWN, ENOBUFS, EPROTONOSUPPORT } from '@ns/errno';
import { type InetAf, type Inpcb, InPkt, PKT_BROADCAST, PKT_MULTICAST } from '@ns/inpcb';
import { type Mbuf, mFreem } from '@ns/mbuf';
import type { Route } from '@ns/route';
import { UDP_KPI, type UdpKpi, type UdpTunnel, type UdpTunnelSocket, type UdpTunPkt } from '@ns/udp-kpi';
import { type IcmpNotice, IN6ADDR_ANY, INADDR_ANY, type InAddr, IPPROTO_UDP, Sockaddr, TCP_HDR_LEN, UDP_HDR_LEN, type UdpHdr } from '@ns/wire';
import { tcpCtlinput } from './ctlinput.ts';
import { tcpInput } from './input.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/**
 * TCP over UDP in one vnet: whole segments in datagrams, between our port and one of the peer's that each connection has for itself. The checksum of such a segment is that
 * of its datagram; its own field is zero, and nobody looks at it.
 * Source: draft-cheshire-tcp-over-udp; FreeBSD tcp_subr.c, tcp_over_udp_start(), tcp_recv_udp_tunneled_packet().
 */
export class TcpOverUdp implements UdpTunnel {
  /** net.inet.tcp.udp_tunneling_port: our UDP port; 0 = no tunnel. */
  port: number;
  /** net.inet.tcp.udp_tunneling_overhead: what encapsulation takes off the MSS. */
  overhead: number;
  private readonly v: TcpVnet;
  private sockets: UdpTunnelSocket[];
  private kpi: UdpKpi | null;

  constructor(v: TcpVnet) {
    this.v = v;
    this.port = 0;
    this.overhead = UDP_HDR_LEN;
    this.sockets = [];
    this.kpi = null;
  }

  /**
   * Moves the tunnel to another port of all families, or with 0 ends it; connections keep their peer's port. Returns an errno, and leaves everything as it was then: EADDRINUSE
   * ..., EPROTONOSUPPORT without UDP.
   * Differs: FreeBSD is left without a tunnel when the new port cannot be had.
   */
  setPort(port: number): number {
    if (port === this.port) return 0;
    const opened: UdpTunnelSocket[] = [];
    const error = port === 0 ? 0 : this.open(port, opened);
    if (error !== 0) {
      closeAll(opened);
      return error;
    }
    closeAll(this.sockets);
    this.sockets = opened;
    this.port = port;
    return 0;
  }

  private open(port: number, opened: UdpTunnelSocket[]): number {
    const { vnet } = this.v;
    const kpi = vnet.kernel.tryService(UDP_KPI);
    if (kpi === null) return EPROTONOSUPPORT;
    for (const any of [INADDR_ANY, IN6ADDR_ANY]) {
      if (this.v.af(any.af) === null) continue;
      const so = kpi.open(vnet, new Sockaddr(any, port), this);
      if (typeof so === 'number') return so;
      opened.push(so);
    }
    this.kpi = kpi;
    return opened.length === 0 ? EAFNOSUPPORT : 0;
  }

  /**
   * A datagram for our port: the segment in it is input like any other, but for its road. Consumes m.
   * Differs: FreeBSD takes datagrams without a checksum, whose segments then have none at all (RFC 9293 MUST-3), and takes those from port 0, which no answer would reach,
   * for plain TCP.
   */
  input(m: Mbuf, pkt: UdpTunPkt, uh: UdpHdr): void {
    const { stat } = this.v;
    stat.tunneledPkts++;
    const len = uh.ulen - UDP_HDR_LEN;
    const { sport } = uh;
    if (!(pkt instanceof InPkt) || len < TCP_HDR_LEN || uh.sum === 0 || sport === 0 || (pkt.flags & (PKT_BROADCAST | PKT_MULTICAST)) !== 0) {
      stat.tunneledErrs++;
      mFreem(m);
      return;
    }
    const whole = pkt.len;
    pkt.off += UDP_HDR_LEN;
    pkt.len = len;
    tcpInput(this.v, m, pkt, sport);
    pkt.off -= UDP_HDR_LEN;
    pkt.len = whole;
  }

  /**
   * An ICMP error about a datagram of ours: about the segment in it, if enough of that is quoted.
   * Source: FreeBSD tcp_ctlinput_viaudp().
   */
  ctlinput(n: IcmpNotice): void {
    if (n.sport !== this.port || n.dport === 0) return; // port 0 would mean a plain segment
    const { af, proto, cmd, errno, mtu, src, dst, ipLen } = n;
    const inner = { af, proto, cmd, errno, mtu, src, dst, sport: n.data0 >>> 16, dport: n.data0 & 0xffff, seq: n.data1, data0: 0, data1: 0, quoted: n.quoted - UDP_HDR_LEN, ipLen };
    tcpCtlinput(this.v, inner, n.dport);
  }

  /**
   * Sends a segment to UDP port `udpPort` of the peer. Its checksum field is zero. ENETDOWN when there is no tunnel. Otherwise as {@link InetAf.output}; consumes m.
   * Differs: FreeBSD sends from port 0 when the tunnel is gone.
   */
  output(af: InetAf, m: Mbuf, laddr: InAddr, faddr: InAddr, udpPort: number, ttl: number, tos: number, flags: number, ro: Route | null, inp: Inpcb | null): number {
    const { kpi, port } = this;
    if (kpi === null || port === 0) {
      mFreem(m);
      return ENETDOWN;
    }
    const { vnet } = this.v;
    const packet = kpi.encap(vnet, m, laddr, port, faddr, udpPort);
    if (packet === null) return ENOBUFS;
    return af.output(vnet, packet, laddr, faddr, IPPROTO_UDP, ttl, tos, flags, ro, inp);
  }
}

function closeAll(sockets: readonly UdpTunnelSocket[]): void {
  for (const so of sockets) so.close();
}
