import { inPcbInfoSysctl } from '@ns/inpcb';
import { type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_DOMAIN, type Vnet } from '@ns/kern';
import { soPcblist, type Socket, SOCKETS, sotoxsocket, sysctlReqCred } from '@ns/socket';
import { CTLFLAG_RD, CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlOpaque, sysctlVars } from '@ns/sysctl';
import type { Ucred } from '@ns/vnet';
import { RIP_INET, RIP_INET6 } from './usrreq.ts';
import { RIP, type RipVnet } from './vnet.ts';

/** Sysctls net.inet.raw.*. */
function rawSysctls(): SysctlDecl<Vnet>[] {
  const of = (req: SysctlReq<Vnet>): RipVnet => RIP.get(req.vnet);
  const v = sysctlVars<Vnet, RipVnet>('net.inet.raw', of, CTLFLAG_VNET);
  return [
    v.ulong('maxdgram', 'maxdgram', CTLFLAG_RW, 'Maximum outgoing raw IP datagram size', { min: 1, max: 65535 }),
    v.ulong('recvspace', 'recvspace', CTLFLAG_RW, 'Maximum space for incoming raw IP datagrams', { min: 1 }),
    inPcbInfoSysctl('net.inet.raw', (req) => RIP.get(req.vnet).info),
    sysctlOpaque<Vnet, object>({ name: 'net.inet.raw.pcblist', flags: CTLFLAG_RD | CTLFLAG_VNET, descr: 'List of active raw IP sockets', format: 'S,xinpcb', get: (req) => ripPcblist(of(req), sysctlReqCred(req)) }),
  ];
}

/** The rows of `netstat -an -p raw`. */
function ripPcblist(r: RipVnet, cred: Ucred | null): object {
  const list = soPcblist(r.info, cred);
  return {
    ...list,
    pcbs: list.pcbs.map((row) => {
      const { inp, ...rest } = row;
      return { ...rest, socket: inp.socket === null ? null : sotoxsocket(inp.socket as Socket) };
    }),
  };
}

/**
 * Module `rawip`: raw sockets over whatever network protocols are loaded; sysctl net.inet.raw.
 * @public
 */
export function rawip(): ModuleDecl {
  return {
    name: 'rawip',
    version: 1,
    depends: [
      { name: 'socket', min: 1, preferred: 1, max: 1 },
      { name: 'inpcb', min: 1, preferred: 1, max: 1 },
    ],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel) => kernel.service(SOCKETS).prRegister(RIP_INET) || kernel.service(SOCKETS).prRegister(RIP_INET6),
        exit: (kernel) => {
          kernel.service(SOCKETS).prDeregister(RIP_INET);
          kernel.service(SOCKETS).prDeregister(RIP_INET6);
        },
      },
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (vnet) => void (RIP.get(vnet).inet.raw = RIP.get(vnet).protosw),
        exit: (vnet) => void (RIP.get(vnet).inet.raw = null),
      },
    ],
    vnetVars: [RIP],
    sysctls: rawSysctls(),
  };
}
