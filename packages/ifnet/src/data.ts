// @hot
import { BPF_D_IN, BPF_D_OUT, BpfIf } from '@ns/bpf';
import { ENOBUFS } from '@ns/errno';
import {
  IFCAP_HWSTATS,
  IFCOUNTER_IBYTES,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_IQDROPS,
  IFCOUNTER_OBYTES,
  IFCOUNTER_OERRORS,
  IFCOUNTER_OMCASTS,
  IFCOUNTER_OPACKETS,
  IFF_MONITOR,
  IFF_UP,
  type IfOps,
} from '@ns/ifnet-kpi';
import { M_BCAST, M_MCAST, type Mbuf, mFreem } from '@ns/mbuf';
import { NETISR_EPAIR } from '@ns/netisr';
import type { Ifnet } from './ifnet.ts';

/**
 * A packet has come in on `ifp`, link header first. Consumes m. Marks where it came from and which table it belongs to, counts it, shows it to bpf, and takes it up through the layers to
 * the interface type. An interface that is down, or only watched (IFF_MONITOR), goes no further.
 * Source: FreeBSD if_input(), ether_input_internal() for what is not Ethernet's own. No allocation.
 * @public
 */
export function ifInput(ifp: Ifnet, m: Mbuf): void {
  const flags = ifp.stackFlags;
  if ((flags & IFF_UP) === 0) {
    mFreem(m);
    return;
  }
  m.rcvif = ifp.handle;
  m.fibnum = ifp.fib;
  if ((ifp.capenable & IFCAP_HWSTATS) === 0) {
    const c = ifp.counters;
    c[IFCOUNTER_IPACKETS] = (c[IFCOUNTER_IPACKETS] as number) + 1;
    c[IFCOUNTER_IBYTES] = (c[IFCOUNTER_IBYTES] as number) + m.pktlen;
  }
  if (ifp.bpf !== null) ifp.bpf.tap(m, BPF_D_IN);
  if ((flags & IFF_MONITOR) !== 0) {
    mFreem(m);
    return;
  }
  if (ifp.rxLayer !== null) ifp.rxLayer.input(ifp.handle, m);
  else ifp.input(ifp, m);
}

/**
 * The same from a software interrupt: for links whose sender is still at work. Consumes m; a full queue drops it and counts IFCOUNTER_IQDROPS. Returns an errno.
 * @public
 */
export function ifInputDeferred(ifp: Ifnet, m: Mbuf): number {
  const type = ifp.iftype;
  m.rcvif = ifp.handle;
  if (type.inputDeferred !== undefined) return type.inputDeferred(ifp, m);
  const errno = ifp.core.netisr.queue(NETISR_EPAIR, m);
  if (errno !== 0) ifp.counters[IFCOUNTER_IQDROPS] = (ifp.counters[IFCOUNTER_IQDROPS] as number) + 1;
  return errno;
}

/**
 * Gives a packet with its link header to the interface. Consumes m; returns an errno: ENOBUFS was counted by the driver, what else is not 0 is counted here
 * (IFCOUNTER_OERRORS). Shows it to bpf first, and counts it when it is gone. Flags are for the caller to look at. No allocation.
 * Source: FreeBSD if_transmit().
 * @public
 */
export function ifTransmit(ifp: Ifnet, m: Mbuf): number {
  if (ifp.bpf !== null) ifp.bpf.tap(m, BPF_D_OUT);
  const len = m.pktlen;
  const mcast = m.flags & (M_BCAST | M_MCAST);
  const l = ifp.txLayer;
  const errno = (l.ops as IfOps).transmit(ifp.handle, m, l.softc, l.below);
  if ((ifp.capenable & IFCAP_HWSTATS) !== 0) return errno;
  const c = ifp.counters;
  if (errno === 0) {
    c[IFCOUNTER_OPACKETS] = (c[IFCOUNTER_OPACKETS] as number) + 1;
    c[IFCOUNTER_OBYTES] = (c[IFCOUNTER_OBYTES] as number) + len;
    if (mcast !== 0) c[IFCOUNTER_OMCASTS] = (c[IFCOUNTER_OMCASTS] as number) + 1;
  } else if (errno !== ENOBUFS) {
    c[IFCOUNTER_OERRORS] = (c[IFCOUNTER_OERRORS] as number) + 1;
  }
  return errno;
}

/** Adds `n` to counter `id` (IFCOUNTER_*). @public */
export function ifIncCounter(ifp: Ifnet, id: number, n: number): void {
  ifp.counters[id] = (ifp.counters[id] as number) + n;
}

/** Counter `id`, by the driver if it keeps it. Source: FreeBSD if_getcounter(). @public */
export function ifGetCounter(ifp: Ifnet, id: number): number {
  for (let l = ifp.ops; ; l = l.below) {
    if (l.ops.getCounter !== undefined) {
      const n = l.ops.getCounter(ifp.handle, id, l.softc);
      if (n >= 0) return n;
    }
    if (l === l.below) return ifp.counters[id] ?? 0;
  }
}

/** The tapping point of an interface; made when it is first asked for. Source: FreeBSD if_getbpf(). @public */
export function ifBpf(ifp: Ifnet): BpfIf {
  let bif = ifp.bpfIf;
  if (bif === null) bif = ifp.bpfIf = new BpfIf(ifp, ifp.name, ifp.dlt, ifp.core.kernel.host.clock);
  return bif;
}
