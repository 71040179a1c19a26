import type { Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import type { IfIoctl, IfIoctlCmd } from './ioctl.ts';
import type { IfType } from './if-flags.ts';
import type { if_t } from './if-t.ts';

/**
 * Methods of a driver, or of a layer over one. All but `transmit` may be absent from a driver; a layer leaves out what it does not change.
 *
 * Every method gets the `softc` of its own layer, and `next`: what lies below, which for a driver is its interface type. None may throw, wait,
 * or keep a packet that it has given away.
 * Source: FreeBSD projects/ifnet, struct ifops.
 * @public
 */
export interface IfOps {
  /** Who these methods are from: the name of a driver, 'lagg', 'altq'. For people. */
  readonly origin?: string;
  /** Called when the interface goes up, and when it must start anew: take resources, begin to receive, set IFF_DRV_RUNNING. */
  init?(softc: unknown, ifp: if_t): void;
  /**
   * Sends a packet that has its link header. Consumes `m` whatever it returns; ENOBUFS means dropped and counted by the callee (IFCOUNTER_OQDROPS), any other errno is counted
   * by the stack (IFCOUNTER_OERRORS). `m.csumFlags` holds only work that hwassist offered. Packet path: no allocation.
   */
  transmit(ifp: if_t, m: Mbuf, softc: unknown, next: IfNext): number;
  /** A layer sees each packet that comes in before the interface type does. Consumes `m`; `next.input(ifp, m)` lets it go on. Not called for a driver. */
  input?(ifp: if_t, m: Mbuf, softc: unknown, next: IfNext): void;
  /** Drops everything that is queued for transmission; called when the interface goes down. */
  qflush?(ifp: if_t, softc: unknown): void;
  /**
   * A control request; returns an errno. What a driver answers EOPNOTSUPP to goes on to the interface type by itself; a layer passes on what it does not take by
   * `next.ioctl`.
   */
  ioctl?(ifp: if_t, cmd: IfIoctlCmd, data: IfIoctl, softc: unknown, next: IfNext): number;
  /** A counter that the driver keeps; without it, or when it returns -1, the stack's own. */
  getCounter?(ifp: if_t, id: number, softc: unknown): number;
  /** The interface is now in `vnet`, detached from the old one, not yet announced in the new one. The driver lets go of what it holds in the old vnet. */
  reassign?(ifp: if_t, vnet: Vnet, softc: unknown): void;
  /**
   * Link-layer multicast address for the network-layer group in `words` (int32 w0 to w3 as in InAddr) of family `af`, written to `out`.
   * Returns an errno; absent means the interface type's.
   */
  resolvemulti?(ifp: if_t, af: number, words: Int32Array, out: Uint8Array, softc: unknown): number;
  /** Does at most `budget` units of pending work; returns how many. For interfaces that are polled. */
  poll?(ifp: if_t, budget: number, softc: unknown): number;
  /** The interface is gone: last call, all packets and timers of the driver are to be freed by now. */
  detach?(ifp: if_t, softc: unknown): void;
}

/**
 * What lies below a layer. Immutable; made anew when layers come or go, so a layer must not keep one beyond a call.
 * @public
 */
export interface IfNext {
  /** Origin of the next layer below. */
  readonly origin: string;
  /** Sends a packet by the layers below; see {@link IfOps.transmit}. */
  transmit(ifp: if_t, m: Mbuf): number;
  /** Hands a packet to the layers below, last the interface type; see {@link IfOps.input}. */
  input(ifp: if_t, m: Mbuf): void;
  /** Passes a request on; see {@link IfOps.ioctl}. */
  ioctl(ifp: if_t, cmd: IfIoctlCmd, data: IfIoctl): number;
}

/**
 * What is the same for all interfaces of a driver: one static object, frozen when it is first attached.
 * Source: FreeBSD projects/ifnet, struct ifdriver.
 * @public
 */
export interface IfDriver {
  /** Name of its interfaces, without a number: `epair`. */
  readonly name: string;
  /** Kind of interface, which brings link-level behaviour with it. */
  readonly type: IfType;
  /** Its methods. */
  readonly ops: IfOps;
  /** Bytes of the link header; without: what the type says. */
  readonly hdrlen?: number;
  /** Bytes of a link address; without: what the type says. */
  readonly addrlen?: number;
  /** bpf link type; without: what the type says. */
  readonly dlt?: number;
}

/**
 * Methods laid over those of an interface: how lagg, vlan, bridge and queueing disciplines get in. Give the same object to pop it.
 * @public
 */
export interface IfOverlay {
  /** Who: 'lagg', 'altq'. One overlay of an origin for each interface. */
  readonly origin: string;
  /** Handed to each of `ops`. */
  readonly softc: unknown;
  /** What it changes. */
  readonly ops: Partial<IfOps>;
}
