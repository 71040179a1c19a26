import type { BpfIf } from '@ns/bpf';
import type { if_t, IfDriver, IfMedia, IfOverlay, IfSlotKey, IfTsoLimits } from '@ns/ifnet-kpi';
import { IFCOUNTERS, LINK_STATE_UNKNOWN } from '@ns/ifnet-kpi';
import type { Lease, Vnet } from '@ns/kern';
import type { Mbuf, Rcvif } from '@ns/mbuf';
import type { InAddr } from '@ns/wire';
import type { IfnetCore } from './core.ts';
import type { Ifaddr } from './ifaddr.ts';
import { GENERIC_TYPE, type IfTypeOps } from './iftype.ts';
import type { IfLayer } from './layer.ts';
import type { IfMultiaddr } from './multi.ts';

/**
 * Sends the network-layer packet `m` to the next hop `dst` of family `af`; made by the interface type. `ro` is the sender's route cache (class
 * Route of package route), which may hold a resolved link header, or null. Consumes m; returns an errno.
 * Source: FreeBSD if_output.
 * @public
 */
export type IfOutputFn = {
  // As a method, so that an implementation may declare `ro` with its own class.
  fn(ifp: Ifnet, m: Mbuf, af: number, dst: InAddr, ro: object | null): number;
}['fn'];

/**
 * Takes a packet that came in, link header first. Consumes m. Interface state, counters of packets and bytes, and bpf have been seen to.
 * Source: FreeBSD if_input.
 * @public
 */
export type IfInputFn = (ifp: Ifnet, m: Mbuf) => void;

/** Values of afdata are found by address family, AF_INET and AF_INET6. */
const AF_SLOTS = 29;

/**
 * An interface, as the stack sees it. Drivers hold `handle` only.
 *
 * Only this package makes and changes one, but for the fields that say otherwise.
 * Source: FreeBSD net/if_private.h, struct ifnet.
 * @public
 */
export class Ifnet {
  /** What drivers hold; also `m.rcvif`. */
  readonly handle: if_t;
  /** The vnet it is in. */
  vnet: Vnet;
  /** The vnet it was made in, to which it returns. */
  homeVnet: Vnet;
  /** The driver, shared by all its interfaces; of the present KPI version. */
  readonly drv: IfDriver;
  /** Driver's data. */
  readonly softc: unknown;
  /** Name without the number. */
  dname: string;
  /** Number. */
  dunit: number;
  /** `epair0a`; changes with SIOCSIFNAME. */
  name: string;
  /** Index in `vnet`, from 1; 0 while it is in no vnet. */
  index: number;
  /** IFT_*. */
  readonly type: number;
  /** Link-level behaviour; a stand-in until its module is loaded. */
  iftype: IfTypeOps;

  /** IFF_* that the stack owns, and those set before attach. Writer: this package. */
  stackFlags: number;
  /** IFF_* that the driver owns. Writer: ifSetDrvFlags(). */
  drvFlags: number;
  /** Who wants promiscuous mode. */
  promiscCount: number;
  /** Who wants all multicast packets. */
  allmultiCount: number;

  /** Bytes of a network-layer packet. */
  mtu: number;
  /** Bytes of the link header. */
  hdrlen: number;
  /** Bytes of a link address. */
  addrlen: number;
  /** bpf link type. */
  dlt: number;
  /** IFCAP_* it can do. */
  capabilities: number;
  /** IFCAP_* that are on. */
  capenable: number;
  /** CSUM_* that the stack may leave to the interface. Derived from capenable, never set. */
  hwassist: number;
  /** Limits of TSO packets; 0 = none. */
  tso: IfTsoLimits;
  /** Link address; replaced, not written into, when it changes. */
  lladdr: Uint8Array | null;
  /** Burned-in link address, if known. */
  hwaddr: Uint8Array | null;
  /** Link broadcast address, if it has one. Set by the type. */
  broadcastAddr: Uint8Array | null;

  /** Addresses in order; a new array whenever one comes or goes, so a loop over it may change the list. */
  addrs: readonly Ifaddr[];
  /** Multicast memberships; a new array whenever one comes or goes. */
  maddrs: readonly IfMultiaddr[];
  /** Routing table of what comes in. */
  fib: number;
  /** LINK_STATE_*. */
  linkState: number;
  /** Changes of linkState that are not announced yet. */
  linkPending: number;
  /** Metric, for routing daemons. */
  metric: number;
  /** Bits a second. */
  baudrate: number;
  /** Description, '' if none. */
  descr: string;
  /** Groups, 'all' first. */
  groups: readonly string[];
  /** Media words, or null. */
  media: IfMedia | null;
  /** When it was attached or its counters were cleared, µs of the kernel's clock. */
  epochUs: number;
  /** Last change of state, µs of the kernel's clock. */
  lastchangeUs: number;

  /** By IFCOUNTER_*. Written by drivers (through the KPI), interface types and protocols. */
  readonly counters: Float64Array;
  /** Null while nobody listens. */
  bpf: BpfIf | null;
  /** Its tapping point, whether or not somebody listens. */
  bpfIf: BpfIf | null;
  /** Data of protocols by address family; each protocol writes its own. */
  readonly afdata: unknown[];
  /** Data of facilities that use this interface; null while none does. */
  slots: Map<IfSlotKey<unknown>, unknown> | null;

  /** What all interfaces of the kernel share. */
  readonly core: IfnetCore;
  /** Methods laid over those of the driver, lowest first; a new array on each change. */
  overlays: readonly IfOverlay[];
  /** Methods: the uppermost layer, for control. */
  ops: IfLayer;
  /** The uppermost layer that has `transmit`. */
  txLayer: IfLayer;
  /** The uppermost layer that has `input`, or null: then `input` is called at once. */
  rxLayer: IfLayer | null;
  /** Set by the interface type. */
  output: IfOutputFn;
  /** Set by the interface type. */
  input: IfInputFn;
  /** Between attach and detach. */
  attached: boolean;
  /** Name of the cloner that made it, or null. */
  cloner: string | null;
  /** Entry in the ledger of the vnet; given back at detach. */
  lease: Lease | null;

  constructor(core: IfnetCore, vnet: Vnet, drv: IfDriver, softc: unknown, dead: IfLayer, nowUs: number) {
    this.handle = new IfHandle(this) as unknown as if_t;
    this.vnet = vnet;
    this.homeVnet = vnet;
    this.drv = drv;
    this.softc = softc;
    this.dname = drv.name;
    this.dunit = 0;
    this.name = '';
    this.index = 0;
    this.type = drv.type;
    this.iftype = GENERIC_TYPE;
    this.stackFlags = 0;
    this.drvFlags = 0;
    this.promiscCount = 0;
    this.allmultiCount = 0;
    this.mtu = 0;
    this.hdrlen = 0;
    this.addrlen = 0;
    this.dlt = 0;
    this.capabilities = 0;
    this.capenable = 0;
    this.hwassist = 0;
    this.tso = NO_TSO_LIMITS;
    this.lladdr = null;
    this.hwaddr = null;
    this.broadcastAddr = null;
    this.addrs = NO_ADDRS;
    this.maddrs = NO_MADDRS;
    this.fib = 0;
    this.linkState = LINK_STATE_UNKNOWN;
    this.linkPending = 0;
    this.metric = 0;
    this.baudrate = 0;
    this.descr = '';
    this.groups = NO_GROUPS;
    this.media = null;
    this.epochUs = nowUs;
    this.lastchangeUs = nowUs;
    this.counters = new Float64Array(IFCOUNTERS);
    this.bpf = null;
    this.bpfIf = null;
    this.afdata = new Array<unknown>(AF_SLOTS).fill(null);
    this.slots = null;
    this.core = core;
    this.overlays = NO_OVERLAYS;
    this.ops = dead;
    this.txLayer = dead;
    this.rxLayer = null;
    this.output = GENERIC_TYPE.output;
    this.input = GENERIC_TYPE.input;
    this.attached = false;
    this.cloner = null;
    this.lease = null;
  }

  /** IFF_*: the words of stack and driver as one. */
  get flags(): number {
    return this.stackFlags | this.drvFlags;
  }
}

const NO_TSO_LIMITS: IfTsoLimits = Object.freeze({ maxBytes: 0, maxSegs: 0, maxSegSize: 0 });
const NO_ADDRS: readonly Ifaddr[] = Object.freeze([]);
const NO_MADDRS: readonly IfMultiaddr[] = Object.freeze([]);
const NO_GROUPS: readonly string[] = Object.freeze([]);
const NO_OVERLAYS: readonly IfOverlay[] = Object.freeze([]);

/** The object behind `if_t`: nothing on it can be read but by {@link ifnetOf}. */
class IfHandle {
  readonly #ifp: Ifnet;

  constructor(ifp: Ifnet) {
    this.#ifp = ifp;
    Object.freeze(this);
  }

  static ifnetOf(h: Rcvif): Ifnet {
    return (h as unknown as IfHandle).#ifp;
  }
}

/**
 * The interface behind a handle or behind `m.rcvif`. Throws a TypeError for an object that is no handle. No allocation.
 * @public
 */
export const ifnetOf: (h: Rcvif) => Ifnet = IfHandle.ifnetOf;
