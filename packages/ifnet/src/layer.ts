import { ENXIO, EOPNOTSUPP } from '@ns/errno';
import type { if_t, IfIoctl, IfIoctlCmd, IfNext, IfOps } from '@ns/ifnet-kpi';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { type Ifnet, ifnetOf } from './ifnet.ts';

/** Operations of the lowest layer: the interface type. */
const TYPE_OPS: Required<Pick<IfOps, 'transmit' | 'input' | 'ioctl'>> = Object.freeze({
  transmit(_ifp: if_t, m: Mbuf): number {
    mFreem(m);
    return ENXIO;
  },
  input(h: if_t, m: Mbuf): void {
    const ifp = ifnetOf(h);
    ifp.input(ifp, m);
  },
  ioctl(h: if_t, cmd: IfIoctlCmd, data: IfIoctl): number {
    const ifp = ifnetOf(h);
    return ifp.iftype.ioctl === undefined ? EOPNOTSUPP : ifp.iftype.ioctl(ifp, cmd, data);
  },
});

/**
 * One layer of the operations of an interface, linked to the ones below: interface type, driver, overlays. Immutable; the list is made anew when an overlay comes or
 * goes, so a call in progress finishes on the list that it began with.
 * @public
 */
export class IfLayer implements IfNext {
  /** Who the methods are from. */
  readonly origin: string;
  /** The methods of this layer. */
  readonly ops: Partial<IfOps>;
  /** Handed to them. */
  readonly softc: unknown;
  /** The layer below; the lowest one is its own. */
  readonly below: IfLayer;
  /** The nearest layer, this or below, with `transmit`. */
  readonly tx: IfLayer;
  /** The nearest layer, this or below, with `input`. */
  readonly rx: IfLayer;

  constructor(origin: string, ops: Partial<IfOps>, softc: unknown, below: IfLayer | null) {
    this.origin = origin;
    this.ops = ops;
    this.softc = softc;
    this.below = below ?? this;
    this.tx = ops.transmit !== undefined || below === null ? this : below.tx;
    this.rx = ops.input !== undefined || below === null ? this : below.rx;
  }

  /** {@inheritDoc @ns/ifnet-kpi#IfNext.transmit} */
  transmit(ifp: if_t, m: Mbuf): number {
    const l = this.tx;
    return (l.ops as IfOps).transmit(ifp, m, l.softc, l.below);
  }

  /** {@inheritDoc @ns/ifnet-kpi#IfNext.input} */
  input(ifp: if_t, m: Mbuf): void {
    const l = this.rx;
    (l.ops as Required<IfOps>).input(ifp, m, l.softc, l.below);
  }

  /** {@inheritDoc @ns/ifnet-kpi#IfNext.ioctl} */
  ioctl(ifp: if_t, cmd: IfIoctlCmd, data: IfIoctl): number {
    let l: IfLayer = this;
    while (l.ops.ioctl === undefined) l = l.below;
    return l.ops.ioctl(ifp, cmd, data, l.softc, l.below);
  }
}

/** The layer of the interface type, at the bottom of each list. A constant: it finds the type by the interface. */
export const TYPE_LAYER: IfLayer = new IfLayer('type', TYPE_OPS, null, null);

/** Whether anything but the interface type takes `input`: null if not, so that the packet path skips the layers. */
export function rxLayerOf(top: IfLayer): IfLayer | null {
  return top.rx === TYPE_LAYER ? null : top.rx;
}

/** Rebuilds the list of `ifp` from its driver and `overlays`, lowest first. */
export function rebuildLayers(ifp: Ifnet, driver: IfLayer, overlays: readonly { origin: string; ops: Partial<IfOps>; softc: unknown }[]): void {
  let top = driver;
  for (const o of overlays) top = new IfLayer(o.origin, o.ops, o.softc, top);
  ifp.ops = top;
  ifp.txLayer = top.tx;
  ifp.rxLayer = rxLayerOf(top);
}
