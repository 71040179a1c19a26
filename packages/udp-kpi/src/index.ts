/**
 * The contract between UDP and the protocols of the kernel that it carries: TCP over UDP, VXLAN and the like (FreeBSD netinet/udp_var.h, udp_set_kernel_tunneling()).
 *
 * Neighbours: `udp` provides the service; who lives in UDP imports this package, and not `udp`.
 *
 * ```ts
 * import type { Kernel } from '@ns/kern';
 * import { mAdj, type Mbuf } from '@ns/mbuf';
 * import { UDP_KPI, type UdpTunnel, type UdpTunnelSocket, type UdpTunPkt } from '@ns/udp-kpi';
 * import { INADDR_ANY, Sockaddr, UDP_HDR_LEN, type UdpHdr } from '@ns/wire';
 *
 * // Sends back whatever comes (RFC 862).
 * class Echo implements UdpTunnel {
 *   socket: UdpTunnelSocket | null = null;
 *
 *   input(m: Mbuf, pkt: UdpTunPkt, uh: UdpHdr): void {
 *     const to = new Sockaddr(pkt.srcAddr(), uh.sport);
 *     mAdj(m, pkt.off + UDP_HDR_LEN);
 *     this.socket?.send(m, to);
 *   }
 * }
 *
 * // An errno, or 0.
 * export function startEcho(kernel: Kernel): number {
 *   const echo = new Echo();
 *   const so = kernel.service(UDP_KPI).open(kernel.vnets.vnet0, new Sockaddr(INADDR_ANY, 7), echo);
 *   if (typeof so === 'number') return so;
 *   echo.socket = so;
 *   return 0;
 * }
 * ```
 * @packageDocumentation
 */
export { UDP_KPI, type UdpKpi, type UdpTunnel, type UdpTunnelSocket, type UdpTunPkt } from './tunnel.ts';
