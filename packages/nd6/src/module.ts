import { EEXIST } from '@ns/errno';
import { ETHER } from '@ns/ether';
import {
  IFLLADDR_EVENT,
  type Ifnet,
  IFNET_ARRIVAL_EVENT,
  IFNET_DEPARTURE_EVENT,
  IFNET_EVENT,
  IFNET_EVENT_DOWN,
  IFNET_EVENT_UP,
  IFNET_LINK_EVENT,
} from '@ns/ifnet';
import { LINK_STATE_DOWN, LINK_STATE_UP } from '@ns/ifnet-kpi';
import { nd6Deregister, nd6Register } from '@ns/ip6';
import { type EventTag, type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_ORDER_THIRD, SI_SUB_PROTO_DOMAIN, sysinitListen, type Vnet } from '@ns/kern';
import { nd6Abandon, nd6Adopt, nd6Flush, nd6Ifattach, nd6Ifdetach, nd6IfDown, nd6IfUp, nd6LladdrChanged } from './attach.ts';
import { Nd6 } from './hook.ts';
import { nd6IfOf } from './nd-if.ts';
import { ND6 } from './nd6-vnet.ts';
import { nd6Resolver } from './resolve.ts';
import { rtsolStart } from './rtsol.ts';
import { hmacSha256 } from './sha256.ts';
import { MIN_SECRET } from './stable-id.ts';
import { nd6Sysctls } from './sysctls.ts';

function linkChanged(ifp: Ifnet, state: number): void {
  const ni = nd6IfOf(ifp);
  if (ni === null) return;
  if (state === LINK_STATE_DOWN) nd6Flush(ni);
  else if (state === LINK_STATE_UP) rtsolStart(ni); // perhaps another link (RFC 4861 §6.3.7)
}

function listen(kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { owner: 'nd6' };
  return [
    events.register(IFNET_ARRIVAL_EVENT, (ifp) => void nd6Ifattach(ND6.get(ifp.vnet), ifp), opt),
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => nd6Ifdetach(ND6.get(ifp.vnet), ifp), opt),
    events.register(IFNET_EVENT, (ifp, event) => {
      if (event === IFNET_EVENT_DOWN) nd6IfDown(ND6.get(ifp.vnet), ifp);
      else if (event === IFNET_EVENT_UP) nd6IfUp(ND6.get(ifp.vnet), ifp);
    }, opt),
    events.register(IFNET_LINK_EVENT, linkChanged, opt),
    events.register(IFLLADDR_EVENT, nd6LladdrChanged, opt),
  ];
}

/**
 * What {@link nd6} may be told.
 * @public
 */
export interface Nd6Options {
  /**
   * Secret of stable identifiers (RFC 7217), at least 16 bytes, copied: with the same one vnets that are made in the same order have the same addresses after a restart. Each vnet has a secret of its own, made of this
   * one and its number. Left out: secrets are drawn.
   */
  readonly secret?: Uint8Array;
}

/** The secret of one vnet. */
function secretOf(secret: Uint8Array, vnet: Vnet): Uint8Array {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(4, vnet.id);
  return hmacSha256(secret, id);
}

/**
 * The module `nd6`: neighbour discovery of each vnet, and the resolver of IPv6 on Ethernet. Throws RangeError for a secret of fewer than 16 bytes.
 * @public
 */
export function nd6(options: Nd6Options = {}): ModuleDecl {
  if (options.secret !== undefined && options.secret.length < MIN_SECRET) throw new RangeError(`nd6: a secret of ${options.secret.length} bytes: RFC 7217 asks for ${MIN_SECRET}`);
  const secret = options.secret?.slice() ?? null;
  const hooks = new WeakMap<Vnet, Nd6>();
  return {
    name: 'nd6',
    version: 1,
    depends: [
      { name: 'ifnet', min: 1, preferred: 1, max: 1 },
      { name: 'route', min: 1, preferred: 1, max: 1 },
      { name: 'ether', min: 1, preferred: 1, max: 1 },
      { name: 'ip6', min: 1, preferred: 1, max: 1 },
    ],
    vnetVars: [ND6],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel) => kernel.service(ETHER).setResolver(nd6Resolver),
        exit: (kernel) => kernel.service(ETHER).clearResolver(nd6Resolver),
      },
      sysinitListen(SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, listen),
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_THIRD,
        init: (vnet) => {
          const nd = ND6.get(vnet);
          if (secret !== null) nd.secret = secretOf(secret, vnet);
          const hook = new Nd6(nd);
          if (nd6Register(nd.ip6v, hook) !== 0) return EEXIST;
          hooks.set(vnet, hook);
          nd6Adopt(nd);
          return 0;
        },
        exit: (vnet) => {
          const nd = ND6.get(vnet);
          const hook = hooks.get(vnet);
          if (hook !== undefined) nd6Deregister(nd.ip6v, hook);
          hooks.delete(vnet);
          nd6Abandon(nd);
        },
      },
    ],
    sysctls: nd6Sysctls,
  };
}
