import { CC_KPI } from '@ns/cc-kpi';
import { EBUSY } from '@ns/errno';
import { INET, inPcbForeach, type InPkt, type Protosw } from '@ns/inpcb';
import {
  type EventTag,
  type Kernel,
  MBUF_LOWMEM,
  type ModuleDecl,
  SI_ORDER_ANY,
  SI_ORDER_FIRST,
  SI_ORDER_SECOND,
  SI_SUB_PROTO_IFATTACHDOMAIN,
  type Vnet,
} from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { type SockProto, SOCKETS } from '@ns/socket';
import { TCP_CONNS, TCP_FUNCTIONS, TCP_KPI } from '@ns/tcp-kpi';
import { AF_INET, AF_INET6, type IcmpNotice, IPPROTO_TCP } from '@ns/wire';
import { CcRegistry } from './cc.ts';
import { TcpConnStats } from './connstat.ts';
import { tcpCtlinput } from './ctlinput.ts';
import { tcpDrain } from './drain.ts';
import { tcpFastopenSysctls } from './fastopen-sysctls.ts';
import { FunctionRegistry } from './functions.ts';
import { TcpGuard } from './guard.ts';
import { tcpInput } from './input.ts';
import { tcpClose, tcpDrop } from './subr.ts';
import { soreceiveStream, tcpPartSysctls } from './sysctl-parts.ts';
import { tcpValueSysctls } from './sysctls.ts';
import { TCP, type TcpVnet } from './tcp-vnet.ts';
import { checkTcbHashSize } from './tunables.ts';
import { Tcpcb, TCPS_TIME_WAIT, TF2_DISCARDED } from './tcpcb.ts';
import { tcpSockProto } from './usrreq.ts';

/**
 * How a kernel's TCP is set up.
 * @public
 */
export interface TcpOptions {
  /** Check state transitions at run time and throw on an illegal one: for tests and development. Default false. */
  readonly invariants?: boolean;
}

/** TCP as the network protocols of a vnet see it. */
class TcpProtosw implements Protosw {
  readonly proto: number = IPPROTO_TCP;
  readonly name: string = 'tcp';
  readonly v: TcpVnet;

  constructor(v: TcpVnet) {
    this.v = v;
  }

  input(m: Mbuf, pkt: InPkt): void {
    tcpInput(this.v, m, pkt, 0);
  }

  ctlinput(notice: IcmpNotice): void {
    tcpCtlinput(this.v, notice, 0);
  }
}

/** Both families, as net.inet.tcp.soreceive_stream 0 and 1 have them. */
const PROTOS: readonly (readonly SockProto[])[] = Object.freeze([false, true].map((stream) => Object.freeze([tcpSockProto(AF_INET, stream), tcpSockProto(AF_INET6, stream)])));
const protosOf = (kernel: Kernel): readonly SockProto[] => PROTOS[soreceiveStream(kernel) ? 1 : 0] as readonly SockProto[];

/**
 * Module `tcp`: TCP over every network protocol that is loaded, stream sockets of both families, congestion control (service CC_KPI), sysctls net.inet.tcp.
 * @public
 */
export function tcp(options: TcpOptions = {}): ModuleDecl {
  const lowmem = new WeakMap<Kernel, EventTag>();
  return {
    name: 'tcp',
    version: 1,
    depends: [
      { name: 'inpcb', min: 1, preferred: 1, max: 1 },
      { name: 'socket', min: 1, preferred: 1, max: 1 },
    ],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_FIRST,
        init: provideServices,
      },
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          checkTcbHashSize(kernel);
          lowmem.set(kernel, kernel.events.register(MBUF_LOWMEM, () => kernel.vnets.forEach((vnet) => tcpDrain(TCP.get(vnet))), { owner: 'tcp' }));
          return registerSockets(kernel);
        },
        exit: (kernel) => {
          const tag = lowmem.get(kernel);
          if (tag !== undefined) kernel.events.deregister(tag);
          deregisterSockets(kernel);
        },
      },
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_SECOND,
        init: (vnet) => initVnet(vnet, options),
        exit: exitVnet,
      },
    ],
    vnetVars: [TCP],
    sysctls: [...tcpValueSysctls, ...tcpPartSysctls, ...tcpFastopenSysctls],
    quiesce: (kernel) => (inUse(kernel) ? EBUSY : 0),
  };
}

function provideServices(kernel: Kernel): void {
  kernel.provide(CC_KPI, new CcRegistry(kernel));
  kernel.provide(TCP_FUNCTIONS, new FunctionRegistry(kernel));
  kernel.provide(TCP_KPI, new TcpGuard());
  kernel.provide(TCP_CONNS, new TcpConnStats());
}

function registerSockets(kernel: Kernel): number {
  const sk = kernel.service(SOCKETS);
  for (const p of protosOf(kernel)) {
    const error = sk.prRegister(p);
    if (error !== 0) return error;
  }
  return 0;
}

function deregisterSockets(kernel: Kernel): void {
  const sk = kernel.service(SOCKETS);
  for (const p of protosOf(kernel)) sk.prDeregister(p);
}

function initVnet(vnet: Vnet, options: TcpOptions): number {
  const v = TCP.get(vnet);
  v.invariants = options.invariants ?? false;
  return INET.get(vnet).registerProto(new TcpProtosw(v));
}

/** Ends what is left: connections in TIME_WAIT, and those whose user has gone. Those of living sockets are the socket layer's to close first. */
function exitVnet(vnet: Vnet): void {
  const v = TCP.get(vnet);
  inPcbForeach(v.pcbinfo, (inp) => {
    const tp = inp.ppcb;
    if (!(tp instanceof Tcpcb) || (tp.flags2 & TF2_DISCARDED) !== 0) return;
    if (tp.state === TCPS_TIME_WAIT) tcpClose(tp);
    else tcpDrop(tp, 0);
  });
  v.syncache.destroy();
  v.overUdp.setPort(0);
  const domain = INET.get(vnet);
  const p = domain.protosw[IPPROTO_TCP];
  if (p !== null && p !== undefined) domain.deregisterProto(p);
}

/** Whether any vnet has a connection or a socket. */
function inUse(kernel: Kernel): boolean {
  let used = false;
  kernel.vnets.forEach((vnet) => {
    if (TCP.get(vnet).pcbinfo.count > 0) used = true;
  });
  return used;
}
