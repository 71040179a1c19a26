import { EEXIST, ENOENT, ENXIO, EOPNOTSUPP } from '@ns/errno';
import type { if_t, IfIoctl, IfIoctlCmd, IfNext, IfOps, IfOverlay } from '@ns/ifnet-kpi';
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
    return ifp.iftype.ioctl?.(ifp, cmd, data) ?? EOPNOTSUPP;
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

  constructor(origin: string, ops: Partial<IfOps>, softc: unknown, below: IfLayer | null, takesInput = true) {
    this.origin = origin;
    this.ops = ops;
    this.softc = softc;
    this.below = below ?? this;
    this.tx = ops.transmit !== undefined || below === null ? this : below.tx;
    this.rx = (takesInput && ops.input !== undefined) || below === null ? this : below.rx;
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
    const errno = l.ops.ioctl(ifp, cmd, data, l.softc, l.below);
    // What a driver does not know is the interface type's; layers over it pass on by themselves.
    return errno === EOPNOTSUPP && l.below === TYPE_LAYER && l !== TYPE_LAYER ? TYPE_LAYER.ioctl(ifp, cmd, data) : errno;
  }
}

/** The layer of the interface type, at the bottom of each list. A constant: it finds the type by the interface. */
export const TYPE_LAYER: Readonly<IfLayer> = new IfLayer('type', TYPE_OPS, null, null);

/** The nearest layer, `top` or below, that has method `name`; null if only the interface type could have it. */
export function layerWith(top: IfLayer, name: keyof IfOps): IfLayer | null {
  for (let l = top; l !== TYPE_LAYER; l = l.below) if (l.ops[name] !== undefined) return l;
  return null;
}

/** Rebuilds the list of `ifp` from its driver and its overlays. A driver's `input` is not for its own packets. */
export function rebuildLayers(ifp: Ifnet): void {
  const driver = new IfLayer(ifp.drv.ops.origin ?? ifp.drv.name, ifp.drv.ops, ifp.softc, TYPE_LAYER, false);
  let top = driver;
  for (const o of ifp.overlays) top = new IfLayer(o.origin, o.ops, o.softc, top);
  ifp.ops = top;
  ifp.txLayer = top.tx;
  ifp.rxLayer = top.rx === TYPE_LAYER ? null : top.rx;
}

/** Operations of an interface that is gone. */
const DEAD_OPS: Partial<IfOps> = Object.freeze({
  origin: 'dead',
  transmit(_ifp: if_t, m: Mbuf): number {
    mFreem(m);
    return ENXIO;
  },
  input(_ifp: if_t, m: Mbuf): void {
    mFreem(m);
  },
  ioctl(): number {
    return ENXIO;
  },
});

/** The one layer of an interface that is gone. */
export const DEAD_LAYER: Readonly<IfLayer> = new IfLayer('dead', DEAD_OPS, null, null);

/** Lays `overlay` over the methods of `ifp`. EEXIST if one of its origin is there. Source: FreeBSD projects/ifnet, ifop_next. @public */
export function ifPushOverlay(ifp: Ifnet, overlay: IfOverlay): number {
  if (!ifp.attached) return ENXIO;
  if (ifp.overlays.some((o) => o.origin === overlay.origin)) return EEXIST;
  ifp.overlays = [...ifp.overlays, overlay];
  rebuildLayers(ifp);
  return 0;
}

/** Removes `overlay`, wherever it is. ENOENT if it is not there. @public */
export function ifPopOverlay(ifp: Ifnet, overlay: IfOverlay): number {
  if (!ifp.overlays.includes(overlay)) return ENOENT;
  ifp.overlays = ifp.overlays.filter((o) => o !== overlay);
  if (ifp.attached) rebuildLayers(ifp);
  return 0;
}
