// @hot
import { ENETDOWN, ENOBUFS, EOPNOTSUPP } from '@ns/errno';
import {
  csumPass,
  HeaderInfo,
  IF_ATTACH_VERSION,
  type if_t,
  type IfAttachArgs,
  IFCAP_HWCSUM,
  IFCAP_HWCSUM_IPV6,
  IFCAP_LINKSTATE,
  IFCAP_LRO,
  IFCAP_RXCSUM,
  IFCAP_RXCSUM_IPV6,
  IFCAP_TSO,
  IFCAP_TSO4,
  IFCAP_TSO6,
  IFCAP_TXCSUM,
  IFCAP_TXCSUM_IPV6,
  IFCAP_VLAN_MTU,
  type IfCloneResult,
  IFCOUNTER_OQDROPS,
  type IfDriver,
  IFF_BROADCAST,
  IFF_DRV_RUNNING,
  IFF_MULTICAST,
  IFF_SIMPLEX,
  IFF_UP,
  type IfIoctl,
  type IfIoctlCmd,
  IFM_10G_T,
  IFM_ETHER,
  IFM_FDX,
  type IfnetKpi,
  IFT_ETHER,
  LINK_STATE_DOWN,
  LINK_STATE_UP,
  SIOCSIFCAP,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  tsoSegment,
} from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import {
  CSUM_COALESCED,
  CSUM_TSO,
  M_BCAST,
  M_MCAST,
  M_PROMISC,
  type Mbuf,
  mClrprotoflags,
  mFreem,
  mTagDeleteNonpersistent,
} from '@ns/mbuf';

/** What an end can do; all of it is on to begin with. */
const EPAIR_CAPS = IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_TSO | IFCAP_LRO | IFCAP_VLAN_MTU | IFCAP_LINKSTATE;
/** The one medium. */
const EPAIR_MEDIA = IFM_ETHER | IFM_10G_T | IFM_FDX;
/** Bits a second that are announced. */
const EPAIR_BAUDRATE = 10_000_000_000;

/**
 * One end of a virtual cable.
 */
export class EpairSoftc {
  readonly kpi: IfnetKpi;
  /** This end; set when it is attached. */
  ifp: if_t | null;
  /** The other end; itself until the pair is complete. */
  peer: EpairSoftc;
  /** IFCAP_* that are on: the driver's own copy, told by SIOCSIFCAP. */
  capenable: number;
  /** IFF_UP: the driver's own copy, told by SIOCSIFFLAGS. */
  up: boolean;
  /** Headers of the packet in hand. */
  readonly info: HeaderInfo;

  constructor(kpi: IfnetKpi) {
    this.kpi = kpi;
    this.ifp = null;
    this.peer = this;
    this.capenable = EPAIR_CAPS;
    this.up = false;
    this.info = new HeaderInfo();
  }
}

/**
 * A frame for the other end: it changes owner, its bytes stay where they are. An end that is down sends nothing; a cable whose far end is down swallows what is sent into it.
 * Source: FreeBSD epair_transmit(), epair_menq().
 */
function epairTransmit(ifp: if_t, m: Mbuf, softc: unknown): number {
  const sc = softc as EpairSoftc;
  const peer = sc.peer;
  if (!sc.up) {
    mFreem(m);
    return ENETDOWN;
  }
  if (!peer.up || peer.ifp === null) {
    sc.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
    mFreem(m);
    return 0;
  }
  cross(m);
  if ((m.csumFlags & CSUM_TSO) !== 0 && (peer.capenable & IFCAP_LRO) === 0) return segmented(ifp, m, sc);
  return deliver(m, sc, peer.ifp);
}

/** The far end takes no super-segments: what a card would put on the wire is made here. */
function segmented(ifp: if_t, m: Mbuf, sc: EpairSoftc): number {
  const to = sc.peer.ifp as if_t;
  let seg = tsoSegment(m, sc.info);
  if (seg === null) {
    sc.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
    return ENOBUFS;
  }
  let errno = 0;
  while (seg !== null) {
    const next: Mbuf | null = seg.nextpkt;
    seg.nextpkt = null;
    const e = deliver(seg, sc, to);
    if (e !== 0) {
      sc.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
      errno = e;
    }
    seg = next;
  }
  return errno;
}

/** Hands one frame up at the far end, its checksums vouched for or complete, as that end wants them. What is known of its headers is of use for that, and does not cross. */
function deliver(m: Mbuf, sc: EpairSoftc, to: if_t): number {
  const caps = sc.peer.capenable;
  const n = csumPass(m, (caps & IFCAP_RXCSUM) !== 0, (caps & IFCAP_RXCSUM_IPV6) !== 0, sc.info);
  if (n === null) return ENOBUFS;
  n.l2hlen = 0;
  n.l3hlen = 0;
  n.l4hlen = 0;
  if ((n.csumFlags & CSUM_TSO) !== 0) n.csumFlags |= CSUM_COALESCED;
  sc.kpi.ifInputDeferred(to, n);
  return 0;
}

/** What one stack knew of the packet is not for the other: flags of layers, tags that do not persist; the lengths of its headers go when checksums are done. The flow hash stays: it is the same flow. */
function cross(m: Mbuf): void {
  mClrprotoflags(m);
  m.flags &= ~(M_BCAST | M_MCAST | M_PROMISC);
  if (m.tags !== null) mTagDeleteNonpersistent(m);
}

/** The link is up when both ends are. */
function linkUpdate(sc: EpairSoftc): void {
  const state = sc.up && sc.peer.up ? LINK_STATE_UP : LINK_STATE_DOWN;
  if (sc.ifp !== null) sc.kpi.ifLinkStateChange(sc.ifp, state);
  if (sc.peer.ifp !== null) sc.kpi.ifLinkStateChange(sc.peer.ifp, state);
}

/** Segmentation needs checksums: switching those off takes it along. */
function combine(reqcap: number): number {
  let caps = reqcap;
  if ((caps & IFCAP_TXCSUM) === 0) caps &= ~IFCAP_TSO4;
  if ((caps & IFCAP_TXCSUM_IPV6) === 0) caps &= ~IFCAP_TSO6;
  return caps;
}

/** Source: FreeBSD epair_ioctl(). */
function epairIoctl(ifp: if_t, _cmd: IfIoctlCmd, data: IfIoctl, softc: unknown): number {
  const sc = softc as EpairSoftc;
  switch (data.cmd) {
    case SIOCSIFFLAGS:
      sc.up = (data.flags & IFF_UP) !== 0;
      if (sc.up) sc.kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0);
      else sc.kpi.ifSetDrvFlags(ifp, 0, IFF_DRV_RUNNING);
      linkUpdate(sc);
      return 0;
    case SIOCSIFMTU:
      return 0; // any MTU will do
    case SIOCSIFCAP:
      data.reqcap = combine(data.reqcap);
      sc.capenable = data.reqcap;
      return 0;
    default:
      return EOPNOTSUPP;
  }
}

/** The driver of both ends of a pair. @public */
export const EPAIR_DRIVER: IfDriver = Object.freeze({
  name: 'epair',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'epair',
    init: (softc: unknown, ifp: if_t) => (softc as EpairSoftc).kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0),
    transmit: epairTransmit,
    ioctl: epairIoctl,
    detach: (_ifp: if_t, softc: unknown) => {
      const sc = softc as EpairSoftc;
      sc.up = false;
      sc.ifp = null;
    },
  }),
});

/**
 * Makes both ends, `epairNa` and `epairNb`, in `vnet`. EEXIST if one of the names is taken.
 * Source: FreeBSD epair_clone_create().
 */
export function epairCreate(kpi: IfnetKpi, vnet: Vnet, unit: number, mac: Uint8Array): IfCloneResult {
  const a = new EpairSoftc(kpi);
  const b = new EpairSoftc(kpi);
  a.peer = b;
  b.peer = a;
  const first = kpi.ifAttach(vnet, attachArgs(a, unit, 'a', mac, 0x0a));
  if (!first.ok) return first;
  a.ifp = first.ifp;
  const second = kpi.ifAttach(vnet, attachArgs(b, unit, 'b', mac, 0x0b));
  if (!second.ok) {
    kpi.ifDetach(first.ifp);
    return second;
  }
  b.ifp = second.ifp;
  return first;
}

function attachArgs(sc: EpairSoftc, unit: number, end: string, mac: Uint8Array, last: number): IfAttachArgs {
  const lla = mac.slice();
  lla[5] = last;
  return {
    version: IF_ATTACH_VERSION,
    drv: EPAIR_DRIVER,
    softc: sc,
    dunit: unit,
    name: `epair${unit}${end}`,
    lla,
    flags: IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST,
    capabilities: EPAIR_CAPS,
    capenable: EPAIR_CAPS,
    baudrate: EPAIR_BAUDRATE,
    media: { list: [EPAIR_MEDIA], current: EPAIR_MEDIA },
    linkState: LINK_STATE_DOWN,
  };
}

/** Takes both ends away, whichever is given and wherever they are. Source: FreeBSD epair_clone_destroy(). */
export function epairDestroy(kpi: IfnetKpi, ifp: if_t): number {
  const sc = kpi.ifGetSoftc(ifp) as EpairSoftc;
  const other = sc.peer.ifp;
  kpi.ifDetach(ifp);
  if (other !== null) kpi.ifDetach(other);
  return 0;
}
