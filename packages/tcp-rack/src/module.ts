import { EAGAIN, EINVAL } from '@ns/errno';
import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN, type VnetVar } from '@ns/kern';
import { type RecoveryConn, TCP_FUNCTIONS, type TcpFunctionBlock } from '@ns/tcp-kpi';
import { RACK_VNET, rackSysctls } from './params.ts';
import { Rack } from './rack.ts';

/** TCPS_*, as far as it matters here. */
const TCPS_LISTEN = 1;
const TCPS_ESTABLISHED = 4;

/**
 * Whether RACK can have a connection: it lives on SACK, and whether the peer does that is known when the connection is established.
 * Source: RFC 8985 §4; FreeBSD rack.c, rack_handoff_ok().
 */
function handoffOk(conn: RecoveryConn): number {
  if (conn.state <= TCPS_LISTEN) return 0;
  if (conn.state < TCPS_ESTABLISHED) return EAGAIN;
  return conn.sackPermitted ? 0 : EINVAL;
}

/**
 * The function block `rack`. Source: FreeBSD tcp_stacks/rack.c, __tcp_rack.
 * @public
 */
export const rackBlock: TcpFunctionBlock = Object.freeze({
  name: 'rack',
  handoffOk,
  init: (conn: RecoveryConn) => (conn.sackPermitted ? new Rack(conn, RACK_VNET.get(conn.tp.vnet)) : EINVAL),
});

/**
 * Module `tcp-rack`: offers the block `rack` to the kernel's TCP. Cannot be unloaded while connections use it (EBUSY), but by force: they go on with the built-in stack.
 * Source: FreeBSD rack.c, tcp_addrack().
 * @public
 */
export function tcpRack(): ModuleDecl {
  return {
    name: 'tcp-rack',
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    vnetVars: [RACK_VNET as VnetVar<never>],
    sysctls: rackSysctls(),
    quiesce: (kernel: Kernel): number => kernel.service(TCP_FUNCTIONS).deregister(rackBlock, { quiesce: true }),
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel: Kernel): number => kernel.service(TCP_FUNCTIONS).register(rackBlock),
        exit: (kernel: Kernel): void => {
          kernel.service(TCP_FUNCTIONS).deregister(rackBlock, { force: true });
        },
      },
    ],
  };
}
