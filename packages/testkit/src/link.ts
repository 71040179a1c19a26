import { EOPNOTSUPP } from '@ns/errno';
import {
  csumPass,
  HeaderInfo,
  IF_ATTACH_VERSION,
  type if_t,
  type IfAttachResult,
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
  IFCOUNTER_OQDROPS,
  type IfDriver,
  IFF_BROADCAST,
  IFF_DRV_RUNNING,
  IFF_MULTICAST,
  IFF_SIMPLEX,
  IFF_UP,
  type IfIoctl,
  type IfIoctlCmd,
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
import { CSUM_COALESCED, CSUM_TSO, M_BCAST, M_MCAST, M_PROMISC, type Mbuf, mClrprotoflags, mFreem, mTagDeleteNonpersistent, mToBytes } from '@ns/mbuf';
import { ETHER_HDR_LEN } from '@ns/wire';
import type { LabLinkOptions, LabPathOptions } from './link-options.ts';
import { LabPath } from './path.ts';

/** What an end can do. Of this only VLAN_MTU and LINKSTATE are on to begin with. @public */
export const LAB_CAPS: number = IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_TSO | IFCAP_LRO | IFCAP_VLAN_MTU | IFCAP_LINKSTATE;
const CAPS_ON = IFCAP_VLAN_MTU | IFCAP_LINKSTATE;
/** Bytes of a VLAN tag, which a frame may have besides its MTU. */
const VLAN_TAG_LEN = 4;
const DEFAULT_MTU = 1500;
/** Announced when nothing limits the link, bits a second. */
const DEFAULT_BAUDRATE = 10_000_000_000;

/**
 * Where an end of a link is put: a vnet and the functions of its kernel.
 * @public
 */
export interface LabPlace {
  /** The functions of its kernel. */
  readonly kpi: IfnetKpi;
  /** The vnet. */
  readonly vnet: Vnet;
}

/** One end of a link: the softc of its interface. */
class LabEnd {
  readonly kpi: IfnetKpi;
  readonly link: LabLink;
  ifp: if_t | null;
  /** The far end. */
  peer: LabEnd;
  /** What leaves here. */
  path: LabPath | null;
  capenable: number;
  up: boolean;
  readonly info: HeaderInfo;

  constructor(kpi: IfnetKpi, link: LabLink, capenable: number) {
    this.kpi = kpi;
    this.link = link;
    this.ifp = null;
    this.peer = this;
    this.path = null;
    this.capenable = capenable;
    this.up = false;
    this.info = new HeaderInfo();
  }

  /** A frame has come over the wire. */
  arrived(m: Mbuf): void {
    const path = this.peer.path as LabPath;
    if (this.ifp === null || !this.up) {
      path.stats.noCarrier++;
      mFreem(m);
      return;
    }
    if (this.kpi === this.peer.kpi) {
      this.kpi.ifInput(this.ifp, m);
      return;
    }
    // Another kernel has a pool of its own.
    const n = this.kpi.kernel.mbufs.fromBytes(mToBytes(m));
    mFreem(m);
    if (n === null) path.stats.noMbufs++;
    else this.kpi.ifInput(this.ifp, n);
  }
}

/**
 * A simulated link between two Ethernet interfaces, `lab0a` and `lab0b`, in one kernel or two that share a virtual clock. Deterministic from its seed: the same program sees the
 * same frames lost in each run.
 * @public
 */
export class LabLink {
  /** From end a to end b, and back. */
  readonly ab: LabPath;
  /** From end b to end a. */
  readonly ba: LabPath;
  private readonly ends: readonly [LabEnd, LabEnd];

  /** For {@link labLinkAttach}. */
  constructor(a: IfnetKpi, b: IfnetKpi, options: LabLinkOptions) {
    const caps = ((options.capenable ?? 0) & LAB_CAPS) | CAPS_ON;
    const ends = [new LabEnd(a, this, caps), new LabEnd(b, this, caps)] as const;
    const seed = Math.imul(options.seed ?? 1, 2);
    this.ab = new LabPath(pathOptions(options, options.ab), seed, b.kernel.callouts, (m) => ends[1].arrived(m));
    this.ba = new LabPath(pathOptions(options, options.ba), seed + 1, a.kernel.callouts, (m) => ends[0].arrived(m));
    ends[0].peer = ends[1];
    ends[1].peer = ends[0];
    ends[0].path = this.ab;
    ends[1].path = this.ba;
    this.ends = ends;
  }

  /** The interfaces; null once detached. */
  get a(): if_t | null {
    return this.ends[0].ifp;
  }

  /** The other one. */
  get b(): if_t | null {
    return this.ends[1].ifp;
  }

  /** Frames under way in both directions. */
  get inFlight(): number {
    return this.ab.inFlight + this.ba.inFlight;
  }

  /** Takes both interfaces away, wherever they are, with all that is under way. */
  detach(): void {
    for (const end of this.ends) if (end.ifp !== null) end.kpi.ifDetach(end.ifp);
  }

  /** Makes the interfaces; for {@link labLinkAttach}. */
  attach(a: LabPlace, b: LabPlace, unit: number, options: LabLinkOptions): IfAttachResult {
    const first = attachEnd(a, this.ends[0], unit, 'a', options, this.ab.options);
    if (!first.ok) return first;
    const second = attachEnd(b, this.ends[1], unit, 'b', options, this.ba.options);
    if (!second.ok) this.detach();
    return second.ok ? first : second;
  }
}

/** One direction's options: its own before the common ones. The record is the path's own, so that changing one direction leaves the other alone. */
function pathOptions(common: LabLinkOptions, own: LabPathOptions | undefined): LabPathOptions {
  const { delayUs, bandwidth, queueLimit, queueErrors, loss, drop, reorder, reorderUs, duplicate, corrupt } = { ...common, ...own };
  const all = { delayUs, bandwidth, queueLimit, queueErrors, loss, drop, reorder, reorderUs, duplicate, corrupt };
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined)) as LabPathOptions;
}

function attachEnd(place: LabPlace, end: LabEnd, unit: number, side: 'a' | 'b', options: LabLinkOptions, path: LabPathOptions): IfAttachResult {
  const r = place.kpi.ifAttach(place.vnet, {
    version: IF_ATTACH_VERSION,
    drv: LAB_DRIVER,
    softc: end,
    dunit: unit,
    name: `lab${unit}${side}`,
    lla: Uint8Array.of(0x02, 0x1a, 0xb0, unit >> 8, unit & 0xff, side === 'a' ? 0x0a : 0x0b),
    mtu: options.mtu ?? DEFAULT_MTU,
    flags: IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST,
    capabilities: LAB_CAPS,
    capenable: end.capenable,
    baudrate: path.bandwidth !== undefined && path.bandwidth > 0 ? path.bandwidth : DEFAULT_BAUDRATE,
    linkState: LINK_STATE_DOWN,
  });
  if (r.ok) end.ifp = r.ifp;
  return r;
}

/**
 * Joins two vnets by a link: interfaces `lab<unit>a` and `lab<unit>b`, down and without addresses. The vnets may belong to two kernels if these run on one clock
 * (`virtualHost().sibling()`); frames are copied then. Returns the link, or the errno (EEXIST: a name is taken).
 * @public
 */
export function labLinkAttach(a: LabPlace, b: LabPlace, unit: number, options: LabLinkOptions = {}): LabLink | number {
  const link = new LabLink(a.kpi, b.kpi, options);
  const r = link.attach(a, b, unit, options);
  return r.ok ? link : r.errno;
}

/** The link that an interface is an end of, or null if it is none of ours. @public */
export function labLinkOf(kpi: IfnetKpi, ifp: if_t): LabLink | null {
  const sc = kpi.ifGetSoftc(ifp);
  return sc instanceof LabEnd ? sc.link : null;
}

function labTransmit(ifp: if_t, m: Mbuf, softc: unknown): number {
  const end = softc as LabEnd;
  const path = end.path as LabPath;
  mClrprotoflags(m);
  m.flags &= ~(M_BCAST | M_MCAST | M_PROMISC);
  if (m.tags !== null) mTagDeleteNonpersistent(m);
  m.l2hlen = 0;
  m.l3hlen = 0;
  m.l4hlen = 0;
  if (!end.up || !end.peer.up) {
    path.stats.frames++;
    path.stats.bytes += m.pktlen;
    path.stats.noCarrier++;
    end.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
    mFreem(m);
    return 0;
  }
  // A super-segment stays whole only for a receiver in the same kernel that takes such; it is one frame for the wire's faults then.
  const whole = end.kpi === end.peer.kpi && (end.peer.capenable & IFCAP_LRO) !== 0;
  let errno = 0;
  let f: Mbuf | null = m;
  if ((m.csumFlags & CSUM_TSO) !== 0 && !whole) {
    f = tsoSegment(m, end.info);
    if (f === null) errno = lostHere(end, ifp, path);
  }
  while (f !== null) {
    const next: Mbuf | null = f.nextpkt;
    f.nextpkt = null;
    errno = sendFrame(end, ifp, path, f) || errno;
    f = next;
  }
  return errno;
}

function lostHere(end: LabEnd, ifp: if_t, path: LabPath): number {
  path.stats.noMbufs++;
  end.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
  return 0;
}

/** Gives one frame to the wire, its checksums complete unless the receiver takes our word. */
function sendFrame(end: LabEnd, ifp: if_t, path: LabPath, m: Mbuf): number {
  const tso = (m.csumFlags & CSUM_TSO) !== 0;
  if (!tso && m.pktlen > end.kpi.ifGetMtu(ifp) + ETHER_HDR_LEN + VLAN_TAG_LEN) {
    path.stats.giants++;
    end.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
    mFreem(m);
    return 0;
  }
  // Nobody's word holds for a frame that the wire may damage, or that goes to another kernel.
  const word = end.kpi === end.peer.kpi && !((path.options.corrupt ?? 0) > 0) ? end.peer.capenable : 0;
  const n = csumPass(m, (word & IFCAP_RXCSUM) !== 0, (word & IFCAP_RXCSUM_IPV6) !== 0, end.info);
  if (n === null) return lostHere(end, ifp, path);
  if (tso) n.csumFlags |= CSUM_COALESCED;
  const errno = path.send(n);
  if (errno !== 0) end.kpi.ifIncCounter(ifp, IFCOUNTER_OQDROPS, 1);
  return errno;
}

function linkUpdate(end: LabEnd): void {
  const state = end.up && end.peer.up ? LINK_STATE_UP : LINK_STATE_DOWN;
  for (const e of [end, end.peer]) if (e.ifp !== null) e.kpi.ifLinkStateChange(e.ifp, state);
}

/** Segmentation needs checksums: switching those off takes it along. */
function combine(reqcap: number): number {
  let caps = reqcap;
  if ((caps & IFCAP_TXCSUM) === 0) caps &= ~IFCAP_TSO4;
  if ((caps & IFCAP_TXCSUM_IPV6) === 0) caps &= ~IFCAP_TSO6;
  return caps;
}

function labIoctl(ifp: if_t, _cmd: IfIoctlCmd, data: IfIoctl, softc: unknown): number {
  const end = softc as LabEnd;
  switch (data.cmd) {
    case SIOCSIFFLAGS:
      end.up = (data.flags & IFF_UP) !== 0;
      if (end.up) end.kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0);
      else end.kpi.ifSetDrvFlags(ifp, 0, IFF_DRV_RUNNING);
      linkUpdate(end);
      return 0;
    case SIOCSIFMTU:
      return 0;
    case SIOCSIFCAP:
      data.reqcap = combine(data.reqcap);
      end.capenable = data.reqcap;
      return 0;
    default:
      return EOPNOTSUPP;
  }
}

/** The driver of both ends. @public */
export const LAB_DRIVER: IfDriver = Object.freeze({
  name: 'lab',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'lab',
    init: (softc: unknown, ifp: if_t) => (softc as LabEnd).kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0),
    transmit: labTransmit,
    ioctl: labIoctl,
    qflush: (_ifp: if_t, softc: unknown) => ((softc as LabEnd).path as LabPath).flushQueue(),
    detach: (_ifp: if_t, softc: unknown) => {
      const end = softc as LabEnd;
      end.up = false;
      end.ifp = null;
      (end.path as LabPath).cut();
      (end.peer.path as LabPath).cut();
      linkUpdate(end);
    },
  }),
});
