import { ServiceKey, type Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import type { IcmpNotice, InAddr, Sockaddr, UdpHdr } from '@ns/wire';

/**
 * What is known of a datagram beside its UDP header: the network protocol's own record, valid until {@link UdpTunnel.input} returns. Addresses as int32 words, 0 where IPv4
 * has none.
 * @public
 */
export interface UdpTunPkt {
  /** The stack that received it. */
  readonly vnet: Vnet;
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** Offset of the UDP header from `m.off`. The network header is in front of it; both are contiguous. */
  readonly off: number;
  /** Source address, as in InAddr. */
  readonly src0: number;
  /** See `src0`. */
  readonly src1: number;
  /** See `src0`. */
  readonly src2: number;
  /** See `src0`. */
  readonly src3: number;
  /** Destination address, as in InAddr. */
  readonly dst0: number;
  /** See `dst0`. */
  readonly dst1: number;
  /** See `dst0`. */
  readonly dst2: number;
  /** See `dst0`. */
  readonly dst3: number;
  /** Zone of those IPv6 addresses that need one. */
  readonly zone: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** TOS or traffic class, ECN bits included. */
  readonly tos: number;
  /** The source address as an object. Allocates. */
  srcAddr(): InAddr;
  /** The destination address as an object. Allocates. */
  dstAddr(): InAddr;
}

/**
 * A protocol of the kernel that lives in UDP.
 * Source: FreeBSD netinet/udp_var.h, udp_tun_func_t and udp_tun_icmp_t.
 * @public
 */
export interface UdpTunnel {
  /**
   * A datagram for the tunnel's port, of `uh.ulen` bytes from `pkt.off` on, with nothing behind; length and checksum are right, but over IPv4 there may be none (`uh.sum` 0).
   * `m` begins at the network header. `uh` is in use again as soon as something is sent: read it first. Must not throw. Consumes m.
   */
  input(m: Mbuf, pkt: UdpTunPkt, uh: UdpHdr): void;
  /** An ICMP error about a datagram from the tunnel's port. Absent = nobody wants to know. */
  ctlinput?(notice: IcmpNotice): void;
}

/**
 * The port of a tunnel: a socket that no program holds.
 * @public
 */
export interface UdpTunnelSocket {
  /** Local port. */
  readonly port: number;
  /** Sends a datagram to `to`, whose family is the socket's. Returns an errno; EBADF once it is closed. Consumes m. */
  send(m: Mbuf, to: Sockaddr): number;
  /** Gives the port back; a second call does nothing. The end of the vnet does it for those who do not. */
  close(): void;
}

/**
 * What UDP offers to protocols that it carries. Service {@link UDP_KPI}.
 * @public
 */
export interface UdpKpi {
  /**
   * Takes a port of `vnet` for a tunnel: of one family, that of `local`; an IPv6 one leaves IPv4 alone. With the unspecified address the stack need not have any address yet.
   * Returns an errno: EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT (the family is not loaded), ENOBUFS.
   * Source: FreeBSD socreate(), udp_set_kernel_tunneling(), sobind().
   */
  open(vnet: Vnet, local: Sockaddr, tunnel: UdpTunnel): UdpTunnelSocket | number;
  /**
   * Puts a UDP header in front of the packet `m` and asks for its checksum, for a protocol that hands the datagram to the network protocol itself; it counts as sent. Returns the
   * packet, which begins at the UDP header, or null when there is no mbuf or the family is not loaded. Consumes m.
   */
  encap(vnet: Vnet, m: Mbuf, src: InAddr, sport: number, dst: InAddr, dport: number): Mbuf | null;
}

/** UDP's service for tunnels. @public */
export const UDP_KPI: ServiceKey<UdpKpi> = new ServiceKey<UdpKpi>('udp_kpi');
