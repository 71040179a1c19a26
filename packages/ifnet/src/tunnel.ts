// @hot
import { EAFNOSUPPORT, ENETDOWN } from '@ns/errno';
import { DLT_RAW, IFCOUNTER_NOPROTO, IFF_MULTICAST, IFF_POINTOPOINT, IFF_UP, IFT_TUNNEL } from '@ns/ifnet-kpi';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { NETISR_IP, NETISR_IPV6 } from '@ns/netisr';
import { AF_INET, AF_INET6, type InAddr } from '@ns/wire';
import { ifTransmit } from './data.ts';
import type { Ifnet } from './ifnet.ts';
import type { IfTypeOps } from './iftype.ts';

/** MTU of an interface whose driver gives none. Source: FreeBSD if_tuntap.h, TUNMTU. */
const TUNMTU = 1500;

/** Packets go to the driver as they are. Source: FreeBSD if_tuntap.c, tunoutput(). */
function tunOutput(ifp: Ifnet, m: Mbuf, af: number, _dst: InAddr, _ro: object | null): number {
  if ((ifp.stackFlags & IFF_UP) === 0) {
    mFreem(m);
    return ENETDOWN;
  }
  if (af !== AF_INET && af !== AF_INET6) {
    mFreem(m);
    return EAFNOSUPPORT;
  }
  return ifTransmit(ifp, m);
}

/** The version field says what came in. Source: FreeBSD if_tuntap.c, tunwrite_l3(). */
function tunInput(ifp: Ifnet, m: Mbuf): void {
  const p = m.len > 0 || m.next === null ? m : m.next;
  const version = p.len < 1 ? 0 : (p.buf[p.off] as number) >>> 4;
  if (version !== 4 && version !== 6) {
    ifp.counters[IFCOUNTER_NOPROTO] = (ifp.counters[IFCOUNTER_NOPROTO] as number) + 1;
    mFreem(m);
    return;
  }
  ifp.core.netisr.dispatch(version === 4 ? NETISR_IP : NETISR_IPV6, m);
}

/** Link-level behaviour of IFT_TUNNEL: one far end, no link header, no link addresses. */
export const TUNNEL_TYPE: IfTypeOps = Object.freeze({
  type: IFT_TUNNEL,
  name: 'tunnel',
  hdrlen: 0,
  addrlen: 0,
  dlt: DLT_RAW,
  mtu: TUNMTU,
  flags: IFF_POINTOPOINT | IFF_MULTICAST,
  baudrate: 0,
  output: tunOutput,
  input: tunInput,
});
