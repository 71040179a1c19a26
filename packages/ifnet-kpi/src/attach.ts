import type { IfMedia } from './if-media.ts';
import type { IfDriver, IfOps } from './driver.ts';
import type { IfType } from './if-flags.ts';
import type { if_t } from './if-t.ts';

/** The version of {@link IfAttachArgs} that this package describes. @public */
export const IF_ATTACH_VERSION = 2;
/** `dunit`: the stack picks a free unit. @public */
export const IF_DUNIT_AUTO = -1;
/** `dunit`: the name has no number. @public */
export const IF_DUNIT_NONE = -2;

/** Largest TSO packet that an interface takes; 0 = no limit. Headers are the stack's to subtract. @public */
export interface IfTsoLimits {
  /** Bytes of the whole packet, link header included. */
  readonly maxBytes: number;
  /** Pieces of a chain. */
  readonly maxSegs: number;
  /** Bytes of one piece. */
  readonly maxSegSize: number;
}

/**
 * What is special to one interface, given once to `ifAttach`, which copies what it needs. Fields that a stack does not know are ignored with a warning, so a
 * driver may be built against a newer minor of this package than the stack.
 * Source: FreeBSD projects/ifnet, struct if_attach_args.
 * @public
 */
export interface IfAttachArgs {
  /** {@link IF_ATTACH_VERSION} when the driver was built. Older ones are adapted by the stack. */
  readonly version: typeof IF_ATTACH_VERSION;
  /** The driver. */
  readonly drv: IfDriver;
  /** The driver's own data for this instance, handed to each of its methods. */
  readonly softc: unknown;
  /** Unit number; default {@link IF_DUNIT_AUTO}. A unit that is taken is replaced by a free one. */
  readonly dunit?: number;
  /** The whole name, if the driver insists: attach fails with EEXIST when it is taken. */
  readonly name?: string;
  /** Link-layer address; copied. Ethernet without one gets a locally administered one. */
  readonly lla?: Uint8Array;
  /** MTU; default: the type's. */
  readonly mtu?: number;
  /** IFF_* that are set before attach (owner `i`), such as IFF_POINTOPOINT; the type adds its own. */
  readonly flags?: number;
  /** IFCAP_* that this instance can do. */
  readonly capabilities?: number;
  /** IFCAP_* that are on to begin with; default: none. Bits outside `capabilities` are dropped. */
  readonly capenable?: number;
  /** Bits a second; default: the type's. */
  readonly baudrate?: number;
  /** What the link can be set to. */
  readonly media?: IfMedia;
  /** Limits of TSO packets. */
  readonly tso?: IfTsoLimits;
  /** LINK_STATE_* to begin with; default unknown. */
  readonly linkState?: number;
  /** The burned-in address where it differs from `lla`; copied. */
  readonly hwaddr?: Uint8Array;
  /** Queues over which received packets are spread; informative. */
  readonly rxQueues?: number;
}

/** Methods of version 1: no `softc` and no `next`; a driver fetches its softc by `ifGetSoftc`. @public */
export interface IfOpsV1 {
  /** As {@link IfOps.init}. */
  init?(softc: unknown): void;
  /** As {@link IfOps.transmit}. */
  transmit(ifp: if_t, m: Parameters<IfOps['transmit']>[1]): number;
  /** As {@link IfOps.qflush}. */
  qflush?(ifp: if_t): void;
  /** As {@link IfOps.ioctl}. */
  ioctl?(ifp: if_t, cmd: number, data: unknown): number;
  /** As {@link IfOps.getCounter}. */
  getCounter?(ifp: if_t, id: number): number;
}

/** Driver of version 1, with FreeBSD's prefixed names. @public */
export interface IfDriverV1 {
  /** Name of its interfaces. */
  readonly ifdrvName: string;
  /** Kind of interface. */
  readonly ifdrvType: IfType;
  /** Methods. */
  readonly ifdrvOps: IfOpsV1;
  /** Bytes of the link header. */
  readonly ifdrvHdrlen?: number;
  /** Bytes of a link address. */
  readonly ifdrvAddrlen?: number;
  /** bpf link type. */
  readonly ifdrvDlt?: number;
}

/**
 * Version 1 of the attach arguments: the shape of the projects/ifnet branch, flat and with prefixed names. `ifatHwassist` is read by nobody: it is derived from capenable.
 * @public
 */
export interface IfAttachArgsV1 {
  /** Always 1. */
  readonly version: 1;
  /** The driver. */
  readonly ifatDrv: IfDriverV1;
  /** Data of the instance. */
  readonly ifatSoftc: unknown;
  /** Unit number. */
  readonly ifatDunit?: number;
  /** The whole name, if the driver insists. */
  readonly ifatName?: string;
  /** Link-layer address. */
  readonly ifatLla?: Uint8Array;
  /** MTU. */
  readonly ifatMtu?: number;
  /** IFF_* set before attach. */
  readonly ifatFlags?: number;
  /** IFCAP_* that it can do. */
  readonly ifatCapabilities?: number;
  /** IFCAP_* that are on. */
  readonly ifatCapenable?: number;
  /** Not read. */
  readonly ifatHwassist?: number;
  /** Bits a second. */
  readonly ifatBaudrate?: number;
  /** Bytes of a TSO packet. */
  readonly ifatTsomax?: number;
  /** Pieces of a TSO packet. */
  readonly ifatTsomaxsegcount?: number;
  /** Bytes of one piece. */
  readonly ifatTsomaxsegsize?: number;
}

/**
 * Attaching cannot fail, but for a name that the driver insisted on (EEXIST).
 * @public
 */
export type IfAttachResult = { readonly ok: true; readonly ifp: if_t } | { readonly ok: false; readonly errno: number };
