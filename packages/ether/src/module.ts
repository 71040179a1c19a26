import { EAFNOSUPPORT } from '@ns/errno';
import { type Ifnet, ifTypeDeregister, ifTypeRegister, type IfTypeOps } from '@ns/ifnet';
import { DLT_EN10MB, IFF_BROADCAST, IFF_MULTICAST, IFF_SIMPLEX, IFT_ETHER } from '@ns/ifnet-kpi';
import { type EventTag, type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_INIT_IF, SI_SUB_PROTO_IF } from '@ns/kern';
import { NETISR } from '@ns/netisr';
import { PFIL_ARRIVAL_EVENT, pfilOf } from '@ns/pfil';
import type { Route } from '@ns/route';
import {
  AF_INET,
  AF_INET6,
  ETHER_ADDR_LEN,
  ETHER_HDR_LEN,
  ETHER_IP_MULTICAST_HI,
  ETHER_IPV6_MULTICAST_HI,
  etherBytes,
  etherIpMulticastLo,
  ETHERMTU,
  formatEtherAddr,
} from '@ns/wire';
import { ETHER, Ether, ETHER_PFIL } from './ether.ts';
import { etherInput } from './input.ts';
import { etherOutput } from './output.ts';

/**
 * The Ethernet address of a group. Source: FreeBSD if_ethersubr.c, ether_resolvemulti().
 * @public
 */
export function etherResolvemulti(_ifp: Ifnet, af: number, words: Int32Array, out: Uint8Array): number {
  let hi: number;
  let lo: number;
  if (af === AF_INET) {
    hi = ETHER_IP_MULTICAST_HI;
    lo = etherIpMulticastLo(words[3] as number);
  } else if (af === AF_INET6) {
    hi = ETHER_IPV6_MULTICAST_HI;
    lo = words[3] as number;
  } else {
    return EAFNOSUPPORT;
  }
  out.set(etherBytes(hi, lo));
  return 0;
}

/** An interface has come: it gets an address if it has none. Source: FreeBSD if_ethersubr.c, ether_ifattach(), ether_gen_addr(). */
function etherIfattach(kernel: Kernel, ifp: Ifnet): void {
  ifp.broadcastAddr = etherBytes(0xffff, -1);
  if (ifp.lladdr === null) {
    // Locally administered, unicast.
    ifp.lladdr = etherBytes((kernel.random.u32() & 0xfcff) | 0x0200, kernel.random.u32());
  }
  if (ifp.name !== '') ifp.vnet.log.info(ifp.name, `Ethernet address: ${formatEtherAddr(ifp.lladdr)}`);
}

function etherType(kernel: Kernel, eth: Ether): IfTypeOps {
  return {
    type: IFT_ETHER,
    name: 'ether',
    hdrlen: ETHER_HDR_LEN,
    addrlen: ETHER_ADDR_LEN,
    dlt: DLT_EN10MB,
    mtu: ETHERMTU,
    maxmtu: ETHERMTU,
    flags: IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST,
    baudrate: 10000000,
    output: (ifp, m, af, dst, ro) => etherOutput(eth, ifp, m, af, dst, ro as Route | null),
    input: (ifp, m) => etherInput(eth, ifp, m),
    attach: (ifp) => etherIfattach(kernel, ifp),
    resolvemulti: etherResolvemulti,
  };
}

/**
 * The module `ether`: the behaviour of IFT_ETHER interfaces, and the service {@link ETHER} where resolvers register.
 * @public
 */
export function ether(): ModuleDecl {
  const tags = new WeakMap<Kernel, EventTag>();
  return {
    name: 'ether',
    version: 1,
    depends: [
      { name: 'netisr', min: 1, preferred: 1, max: 1 },
      { name: 'ifnet', min: 1, preferred: 1, max: 1 },
    ],
    vnetVars: [ETHER_PFIL],
    sysinit: [
      {
        subsystem: SI_SUB_INIT_IF,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const eth = new Ether(kernel, kernel.service(NETISR));
          eth.type = etherType(kernel, eth);
          const errno = ifTypeRegister(kernel, eth.type);
          if (errno !== 0) return errno;
          kernel.provide(ETHER, eth);
          tags.set(kernel, kernel.events.register(PFIL_ARRIVAL_EVENT, (pfil) => pfil.headRegister(ETHER_PFIL.get(pfil.vnet)), { owner: 'ether' }));
          return 0;
        },
        exit: (kernel) => {
          const tag = tags.get(kernel);
          if (tag !== undefined) kernel.events.deregister(tag);
          tags.delete(kernel);
          ifTypeDeregister(kernel, IFT_ETHER);
        },
      },
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_IF,
        order: SI_ORDER_ANY,
        init: (vnet) => {
          pfilOf(vnet)?.headRegister(ETHER_PFIL.get(vnet));
        },
        exit: (vnet) => {
          pfilOf(vnet)?.headUnregister(ETHER_PFIL.get(vnet));
        },
      },
    ],
  };
}
