import { type InpcbInfo, inPcbInfoSysctl } from '@ns/inpcb';
import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_DOMAIN, type Vnet } from '@ns/kern';
import { soPcblist, type Socket, SOCKETS, sotoxsocket, sysctlGetcred, sysctlReqCred } from '@ns/socket';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlOpaque, sysctlStats, sysctlVars } from '@ns/sysctl';
import { UDP_KPI } from '@ns/udp-kpi';
import type { Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { closeTunnels, UdpTunnels } from './tunnel.ts';
import { UDP_INET, UDP_INET6 } from './usrreq.ts';
import { UDP, type UdpVnet } from './vnet.ts';

const infoOf = (vnet: Vnet): InpcbInfo => UDP.get(vnet).info;

/** Sysctls net.inet.udp.*. */
function udpSysctls(): SysctlDecl<Vnet>[] {
  const of = (req: SysctlReq<Vnet>): UdpVnet => UDP.get(req.vnet);
  const v = sysctlVars<Vnet, UdpVnet>('net.inet.udp', of, CTLFLAG_VNET);
  return [
    v.int('checksum', 'checksum', CTLFLAG_RW, 'compute udp checksum', { number: 1 }),
    v.ulong('maxdgram', 'maxdgram', CTLFLAG_RW, 'Maximum outgoing UDP datagram size', { number: 3, min: 1, max: 65535 }),
    v.ulong('recvspace', 'recvspace', CTLFLAG_RW, 'Maximum space for incoming UDP datagrams', { number: 4, min: 1 }),
    v.int('log_in_vain', 'logInVain', CTLFLAG_RW, 'Log all incoming UDP packets'),
    v.int('blackhole', 'blackhole', CTLFLAG_RW, 'Do not send port unreachables for refused connects'),
    inPcbInfoSysctl('net.inet.udp', (req) => UDP.get(req.vnet).info),
    sysctlStats<Vnet, object>({ name: 'net.inet.udp.stats', flags: CTLFLAG_RW | CTLFLAG_VNET, descr: 'UDP statistics', number: 2, of: (req) => of(req).stat }),
    sysctlOpaque<Vnet, object>({ name: 'net.inet.udp.pcblist', flags: CTLFLAG_RD | CTLFLAG_VNET, descr: 'List of active UDP sockets', number: 5, format: 'S,xinpcb', get: (req) => udpPcblist(of(req), sysctlReqCred(req)) }),
    sysctlGetcred({ name: 'net.inet.udp.getcred', descr: 'Get the xucred of a UDP connection', af: AF_INET, wild: true, infoOf }),
    sysctlGetcred({ name: 'net.inet6.udp6.getcred', descr: 'Get the xucred of a UDP6 connection', af: AF_INET6, wild: true, infoOf }),
  ];
}

/** Sockets of both families, and the service for tunnels. */
function initKernel(kernel: Kernel): number {
  kernel.provide(UDP_KPI, new UdpTunnels());
  return kernel.service(SOCKETS).prRegister(UDP_INET) || kernel.service(SOCKETS).prRegister(UDP_INET6);
}

/** The rows of `netstat -an -p udp`. */
function udpPcblist(u: UdpVnet, cred: Ucred | null): object {
  const list = soPcblist(u.info, cred);
  return {
    ...list,
    pcbs: list.pcbs.map((row) => {
      const { inp, ...rest } = row;
      return { ...rest, socket: inp.socket === null ? null : sotoxsocket(inp.socket as Socket) };
    }),
  };
}

/**
 * Module `udp`: User Datagram Protocol (RFC 768) over whatever network protocols are loaded; sysctl net.inet.udp.
 * @public
 */
export function udp(): ModuleDecl {
  return {
    name: 'udp',
    version: 1,
    depends: [
      { name: 'socket', min: 1, preferred: 1, max: 1 },
      { name: 'inpcb', min: 1, preferred: 1, max: 1 },
    ],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: initKernel,
        exit: (kernel) => {
          kernel.service(SOCKETS).prDeregister(UDP_INET);
          kernel.service(SOCKETS).prDeregister(UDP_INET6);
        },
      },
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (vnet) => UDP.get(vnet).inet.registerProto(UDP.get(vnet).protosw),
        exit: (vnet) => {
          closeTunnels(UDP.get(vnet));
          UDP.get(vnet).inet.deregisterProto(UDP.get(vnet).protosw);
        },
      },
    ],
    vnetVars: [UDP],
    sysctls: udpSysctls(),
  };
}
