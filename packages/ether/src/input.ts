// @hot
import { ENOPROTOOPT } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { IFCOUNTER_IERRORS, IFCOUNTER_IMCASTS, IFCOUNTER_IQDROPS, IFCOUNTER_NOPROTO, IFF_NOARP } from '@ns/ifnet-kpi';
import { M_BCAST, M_MCAST, M_PROMISC, M_VLANTAG, type Mbuf, mAdj, mFreem, mPullup, mUnshare, mWritable } from '@ns/mbuf';
import { NETISR_ARP, NETISR_IP, NETISR_IPV6 } from '@ns/netisr';
import { pfilRun } from '@ns/pfil';
import { PFIL_IN } from '@ns/pfil-kpi';
import { ETHER_HDR_LEN, ETHER_VLAN_ENCAP_LEN, ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_VLAN, evlVlanOfTag } from '@ns/wire';
import { type Ether, ETHER_PFIL } from './ether.ts';

/**
 * Takes a frame that came in by `ifp`: what `ifp.input` of Ethernet interfaces does. Interface counters, state and bpf have been seen to. Whatever the bytes
 * are, the frame is delivered or counted and freed. Consumes m.
 * Source: FreeBSD if_ethersubr.c, ether_input_internal().
 */
export function etherInput(eth: Ether, ifp: Ifnet, m0: Mbuf): void {
  let m: Mbuf | null = m0;
  if (m.len < ETHER_HDR_LEN) {
    m = mPullup(m, ETHER_HDR_LEN);
    if (m === null) {
      ifp.counters[IFCOUNTER_IERRORS]!++;
      return;
    }
  }
  const dv = m.dv;
  const o = m.off;
  const dhi = dv.getUint16(o);
  const dlo = dv.getInt32(o + 2);
  m.flags &= ~(M_BCAST | M_MCAST | M_PROMISC);
  if ((dhi & 0x0100) !== 0) {
    m.flags |= dlo === -1 && dhi === 0xffff ? M_BCAST : M_MCAST;
    ifp.counters[IFCOUNTER_IMCASTS]!++;
  } else if (!isOurs(ifp, dhi, dlo)) {
    m.flags |= M_PROMISC;
  }
  if (eth.hook !== null && eth.hook.input !== undefined) {
    m = eth.hook.input(ifp, m);
    if (m === null) return;
  }
  if ((m.flags & M_VLANTAG) === 0 && m.dv.getUint16(m.off + 12) === ETHERTYPE_VLAN) {
    m = vlanDecap(ifp, m);
    if (m === null) return;
  }
  etherDemux(eth, ifp, m);
}

/** Whether a unicast address is that of the interface. */
function isOurs(ifp: Ifnet, hi: number, lo: number): boolean {
  const a = ifp.lladdr;
  if (a === null) return false;
  return (
    (((a[0] as number) << 8) | (a[1] as number)) === hi &&
    (((a[2] as number) << 24) | ((a[3] as number) << 16) | ((a[4] as number) << 8) | (a[5] as number)) === lo
  );
}

/** Takes an 802.1Q tag out of the frame and notes it in the packet header. Consumes m; null when the frame is no good. */
function vlanDecap(ifp: Ifnet, m0: Mbuf): Mbuf | null {
  let m = mPullup(m0, ETHER_HDR_LEN + ETHER_VLAN_ENCAP_LEN);
  if (m === null) {
    ifp.counters[IFCOUNTER_IERRORS]!++;
    return null;
  }
  if (!mWritable(m)) {
    m = mUnshare(m);
    if (m === null) {
      ifp.counters[IFCOUNTER_IQDROPS]!++;
      return null;
    }
    return vlanDecap(ifp, m);
  }
  const dv = m.dv;
  const o = m.off;
  m.etherVtag = dv.getUint16(o + 14);
  m.flags |= M_VLANTAG;
  dv.setInt32(o + 12, dv.getInt32(o + 8));
  dv.setInt32(o + 8, dv.getInt32(o + 4));
  dv.setInt32(o + 4, dv.getInt32(o));
  mAdj(m, ETHER_VLAN_ENCAP_LEN);
  return m;
}

/**
 * Gives a frame to the protocol of its type. Consumes m. Source: FreeBSD if_ethersubr.c, ether_demux().
 * @public
 */
export function etherDemux(eth: Ether, ifp: Ifnet, m0: Mbuf): void {
  const m = eth.filters === 0 ? m0 : filterIn(ifp, m0);
  if (m === null) return;
  if ((m.flags & M_VLANTAG) !== 0) {
    if (evlVlanOfTag(m.etherVtag) !== 0) {
      if (eth.vlanInput !== null && eth.vlanInput(ifp, m)) return;
      ifp.counters[IFCOUNTER_NOPROTO]!++;
      mFreem(m);
      return;
    }
    m.flags &= ~M_VLANTAG; // priority only: the frame is the interface's own (IEEE 802.1Q-2022 §6.9.1)
  }
  if ((m.flags & M_PROMISC) !== 0) {
    mFreem(m);
    return;
  }
  switch (m.dv.getUint16(m.off + 12)) {
    case ETHERTYPE_IP:
      mAdj(m, ETHER_HDR_LEN);
      dispatch(eth, ifp, NETISR_IP, m);
      return;
    case ETHERTYPE_IPV6:
      mAdj(m, ETHER_HDR_LEN);
      dispatch(eth, ifp, NETISR_IPV6, m);
      return;
    case ETHERTYPE_ARP:
      if ((ifp.stackFlags & IFF_NOARP) !== 0) {
        mFreem(m);
        return;
      }
      mAdj(m, ETHER_HDR_LEN);
      dispatch(eth, ifp, NETISR_ARP, m);
      return;
    default:
      orphan(eth, ifp, m);
  }
}

/** Shows a frame to the packet filters; not one that is somebody else's, which goes no further anyway. */
function filterIn(ifp: Ifnet, m: Mbuf): Mbuf | null {
  const head = ETHER_PFIL.get(ifp.vnet);
  return head.nhooksin === 0 || (m.flags & M_PROMISC) !== 0 ? m : pfilRun(head, m, ifp.handle, PFIL_IN);
}

/** A family whose module is not loaded is a type that nobody takes. */
function dispatch(eth: Ether, ifp: Ifnet, proto: number, m: Mbuf): void {
  if (eth.netisr.dispatch(proto, m) === ENOPROTOOPT) ifp.counters[IFCOUNTER_NOPROTO]!++;
}

function orphan(eth: Ether, ifp: Ifnet, m0: Mbuf): void {
  let m: Mbuf | null = m0;
  if (eth.hook !== null && eth.hook.inputOrphan !== undefined) m = eth.hook.inputOrphan(ifp, m);
  if (m === null) return;
  ifp.counters[IFCOUNTER_NOPROTO]!++;
  mFreem(m);
}
