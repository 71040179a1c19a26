import { EBADF } from '@ns/errno';
import { INP_BINDANY, INP_V6ONLY, type InetAf, Inpcb, inPcbForeach } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { type Mbuf, mFreem, mPrepend } from '@ns/mbuf';
import { NETSTACK_BSD } from '@ns/netstack-kpi';
import { sobind, SOCK_DGRAM, type Socket, soclose, socreate, sorele, SS_FREED, SS_NOFDREF } from '@ns/socket';
import type { UdpKpi, UdpTunnel, UdpTunnelSocket } from '@ns/udp-kpi';
import { crget } from '@ns/vnet';
import { AF_INET, type InAddr, IPPROTO_UDP, isAny, type Sockaddr, UDP_HDR_LEN } from '@ns/wire';
import { fillUdpHdr, udpOutput } from './output.ts';
import { UDP, type UdpVnet } from './vnet.ts';

/**
 * What takes the place of UDP's own state in the pcb of a tunnel's socket.
 * Source: FreeBSD udp_var.h, struct udpcb.
 */
export class UdpTunnelCb implements UdpTunnelSocket {
  readonly u: UdpVnet;
  readonly so: Socket;
  readonly tunnel: UdpTunnel;
  readonly port: number;

  constructor(u: UdpVnet, so: Socket, tunnel: UdpTunnel, port: number) {
    this.u = u;
    this.so = so;
    this.tunnel = tunnel;
    this.port = port;
  }

  send(m: Mbuf, to: Sockaddr): number {
    const inp = this.so.pcb;
    if (!(inp instanceof Inpcb)) {
      mFreem(m);
      return EBADF;
    }
    return udpOutput(this.u, inp, m, to);
  }

  close(): void {
    if ((this.so.state & SS_FREED) === 0) sorele(this.so);
  }
}

/** Service UDP_KPI. */
export class UdpTunnels implements UdpKpi {
  /** The socket is no program's, and no jail's: a jail may not choose its stack. */
  open(vnet: Vnet, local: Sockaddr, tunnel: UdpTunnel): UdpTunnelSocket | number {
    const cred = crget(vnet);
    const so = socreate(vnet, local.af, SOCK_DGRAM, IPPROTO_UDP, cred, NETSTACK_BSD);
    if (typeof so === 'number') return so;
    const inp = so.pcb as Inpcb;
    if (local.af !== AF_INET) inp.flags |= INP_V6ONLY;
    // Addresses come and go under a tunnel that is on all of them.
    if (isAny(local.addr)) inp.flags |= INP_BINDANY;
    const errno = sobind(so, local, cred);
    if (errno !== 0) {
      soclose(so);
      return errno;
    }
    const cb = new UdpTunnelCb(inp.ppcb as UdpVnet, so, tunnel, inp.lport);
    inp.ppcb = cb;
    so.state |= SS_NOFDREF; // no program's: it lives until it is closed here
    return cb;
  }

  encap(vnet: Vnet, packet: Mbuf, src: InAddr, sport: number, dst: InAddr, dport: number): Mbuf | null {
    const u = UDP.get(vnet);
    const af = u.inet.af(src.af);
    const m = af === null ? null : mPrepend(packet, UDP_HDR_LEN);
    if (m === null) {
      if (af === null) mFreem(packet);
      return null;
    }
    fillUdpHdr(m, af as InetAf, src, sport, dst, dport, true);
    u.stat.opackets++;
    return m;
  }
}

/** Gives back the ports of tunnels that are left when the vnet ends. */
export function closeTunnels(u: UdpVnet): void {
  inPcbForeach(u.info, (inp) => {
    if (inp.ppcb instanceof UdpTunnelCb) inp.ppcb.close();
  });
}
