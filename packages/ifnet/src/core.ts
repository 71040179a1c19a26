import { EEXIST, ENOENT } from '@ns/errno';
import { IFQ_MAXLEN, type IfCloner } from '@ns/ifnet-kpi';
import { type Kernel, ServiceKey, type Vnet } from '@ns/kern';
import type { Netisr } from '@ns/netisr';
import { GENERIC_TYPE, type IfTypeOps } from './iftype.ts';
import type { Ifnet } from './ifnet.ts';
import { IFNET } from './table.ts';

/**
 * What interfaces of one kernel share, whatever their vnet.
 * @public
 */
export class IfnetCore {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Input queues. */
  readonly netisr: Netisr;
  /** net.link.ifqmaxlen. */
  ifqmaxlen: number;
  /** net.link.log_link_state_change. */
  logLinkStateChange: boolean;
  /** net.link.log_promisc_mode_change. */
  logPromiscModeChange: boolean;
  /** net.ifdescr_maxlen, bytes with the NUL. */
  ifdescrMaxlen: number;
  /** Cloners by name. */
  readonly cloners: Map<string, IfCloner>;
  /** Interfaces whose link state is to be announced. */
  linkQueue: Ifnet[];
  /** Software interrupt that announces link states. */
  linkSwi: number;
  private readonly types: Map<number, IfTypeOps>;

  constructor(kernel: Kernel, netisr: Netisr) {
    this.kernel = kernel;
    this.netisr = netisr;
    this.ifqmaxlen = IFQ_MAXLEN;
    this.logLinkStateChange = true;
    this.logPromiscModeChange = true;
    this.ifdescrMaxlen = 1024;
    this.cloners = new Map();
    this.linkQueue = [];
    this.linkSwi = -1;
    this.types = new Map();
  }

  /** Behaviour of interfaces of `type`; a stand-in that passes nothing while nobody has registered it. */
  typeOf(type: number): IfTypeOps {
    return this.types.get(type) ?? GENERIC_TYPE;
  }

  /** See {@link ifTypeRegister}. */
  registerType(ops: IfTypeOps): number {
    if (this.types.has(ops.type)) return EEXIST;
    this.types.set(ops.type, ops);
    this.forEachOfType(ops.type, (ifp) => applyType(ifp, ops));
    return 0;
  }

  /** See {@link ifTypeDeregister}. */
  deregisterType(type: number): number {
    const ops = this.types.get(type);
    if (ops === undefined) return ENOENT;
    this.types.delete(type);
    this.forEachOfType(type, (ifp) => {
      ops.detach?.(ifp);
      applyType(ifp, GENERIC_TYPE);
    });
    return 0;
  }

  private forEachOfType(type: number, fn: (ifp: Ifnet) => void): void {
    this.kernel.vnets.forEach((vnet) => {
      for (const ifp of IFNET.get(vnet).list) if (ifp.type === type) fn(ifp);
    });
  }
}

/** What is shared by the interfaces of a kernel. Provided by module `ifnet`. @public */
export const IFNET_CORE: ServiceKey<IfnetCore> = new ServiceKey<IfnetCore>('ifnet-core');

/** Gives an interface the behaviour of its type. Values that the driver fixed stay. */
export function applyType(ifp: Ifnet, ops: IfTypeOps): void {
  ifp.iftype = ops;
  ifp.output = ops.output;
  ifp.input = ops.input;
  ifp.hdrlen = ifp.drv.hdrlen ?? ops.hdrlen;
  ifp.addrlen = ifp.drv.addrlen ?? ops.addrlen;
  ifp.dlt = ifp.drv.dlt ?? ops.dlt;
  ifp.stackFlags |= ops.flags;
  if (ifp.mtu === 0) ifp.mtu = ops.mtu;
  if (ifp.baudrate === 0) ifp.baudrate = ops.baudrate;
  ops.attach?.(ifp);
}

/**
 * Offers link-level behaviour for all interfaces of one IFT_*, those that exist included. EEXIST if there is one.
 * Source: FreeBSD projects/ifnet, iftype_register().
 * @public
 */
export function ifTypeRegister(kernel: Kernel, ops: IfTypeOps): number {
  return kernel.service(IFNET_CORE).registerType(ops);
}

/** Withdraws it; interfaces of the type pass nothing any more. ENOENT if there is none. @public */
export function ifTypeDeregister(kernel: Kernel, type: number): number {
  return kernel.service(IFNET_CORE).deregisterType(type);
}

/** Says how many routing tables a vnet has, for SIOCSIFFIB. For package route. @public */
export function ifSetNumfibs(vnet: Vnet, numfibs: number): void {
  IFNET.get(vnet).numfibs = numfibs;
}
