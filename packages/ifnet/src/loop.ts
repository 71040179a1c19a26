// @hot
import { EAFNOSUPPORT, EHOSTUNREACH, ENETDOWN, ENOBUFS } from '@ns/errno';
import { BPF_D_IN } from '@ns/bpf';
import {
  DLT_NULL,
  IFCOUNTER_IBYTES,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_IQDROPS,
  IFCOUNTER_NOPROTO,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_UP,
  IFT_LOOP,
  LOMTU,
} from '@ns/ifnet-kpi';
import { type Mbuf, mAdj, mFreem, mTagDeleteNonpersistent } from '@ns/mbuf';
import { NETISR_IP, NETISR_IPV6 } from '@ns/netisr';
import { AF_INET, AF_INET6, type InAddr } from '@ns/wire';
import { ifTransmit } from './data.ts';
import type { Ifnet } from './ifnet.ts';
import type { IfTypeOps } from './iftype.ts';

/** Next hop flags, as package route has them. */
const RTF_REJECT = 0x8;
const RTF_BLACKHOLE = 0x1000;

/** What of a route cache is looked at here. */
interface RouteView {
  readonly nh?: { readonly flags: number } | null;
}

/**
 * Hands packet `m` of family `af` up as if `ifp` had received it, from a software interrupt: loopback, and copies of what an interface that does not hear itself has
 * sent to a group that is listened to here. `hlen` bytes of link header are cut off first. Consumes m; returns an errno.
 * Source: FreeBSD if_simloop().
 * @public
 */
export function ifSimloop(ifp: Ifnet, m: Mbuf, af: number, hlen: number): number {
  m.rcvif = ifp.handle;
  mTagDeleteNonpersistent(m);
  if (hlen > 0) {
    if (ifp.bpf !== null) ifp.bpf.tap(m, BPF_D_IN);
    mAdj(m, hlen);
  }
  const c = ifp.counters;
  if (af !== AF_INET && af !== AF_INET6) {
    c[IFCOUNTER_NOPROTO] = (c[IFCOUNTER_NOPROTO] as number) + 1;
    mFreem(m);
    return EAFNOSUPPORT;
  }
  c[IFCOUNTER_IPACKETS] = (c[IFCOUNTER_IPACKETS] as number) + 1;
  c[IFCOUNTER_IBYTES] = (c[IFCOUNTER_IBYTES] as number) + m.pktlen;
  const errno = ifp.core.netisr.queue(af === AF_INET ? NETISR_IP : NETISR_IPV6, m);
  if (errno === ENOBUFS) c[IFCOUNTER_IQDROPS] = (c[IFCOUNTER_IQDROPS] as number) + 1;
  return errno;
}

/** Family of the packet by its version field; the packet has at least one byte. */
function familyOf(m: Mbuf): number {
  const p = m.len > 0 || m.next === null ? m : m.next;
  if (p.len < 1) return 0;
  const version = (p.buf[p.off] as number) >>> 4;
  return version === 4 ? AF_INET : version === 6 ? AF_INET6 : 0;
}

/** Output of loopback interfaces: to the driver, which hands it back. Source: FreeBSD looutput(). */
function loOutput(ifp: Ifnet, m: Mbuf, af: number, _dst: InAddr, ro: object | null): number {
  if ((ifp.stackFlags & IFF_UP) === 0) {
    mFreem(m);
    return ENETDOWN;
  }
  const nh = ro === null ? null : (ro as RouteView).nh;
  if (nh != null && (nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) {
    mFreem(m);
    return (nh.flags & RTF_BLACKHOLE) !== 0 ? 0 : EHOSTUNREACH;
  }
  if (af !== AF_INET && af !== AF_INET6) {
    mFreem(m);
    return EAFNOSUPPORT;
  }
  return ifTransmit(ifp, m);
}

/** What the driver of a loopback interface hands back. */
function loInputDeferred(ifp: Ifnet, m: Mbuf): number {
  if ((ifp.stackFlags & IFF_UP) === 0) {
    mFreem(m);
    return 0;
  }
  return ifSimloop(ifp, m, familyOf(m), 0);
}

/** Packets that somebody other than the driver hands in, link header (there is none) first. */
function loInput(ifp: Ifnet, m: Mbuf): void {
  ifp.core.netisr.dispatch(familyOf(m) === AF_INET6 ? NETISR_IPV6 : NETISR_IP, m);
}

/** Link-level behaviour of IFT_LOOP: no link header, no link addresses, all groups are heard. */
export const LOOP_TYPE: IfTypeOps = Object.freeze({
  type: IFT_LOOP,
  name: 'loop',
  hdrlen: 0,
  addrlen: 0,
  dlt: DLT_NULL,
  mtu: LOMTU,
  flags: IFF_LOOPBACK | IFF_MULTICAST,
  baudrate: 0,
  output: loOutput,
  input: loInput,
  inputDeferred: loInputDeferred,
});
