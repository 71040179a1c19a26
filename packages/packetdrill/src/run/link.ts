import { EOPNOTSUPP } from '@ns/errno';
import { DLT_RAW, IF_ATTACH_VERSION, type if_t, IFCAP_HWCSUM, IFCAP_HWCSUM_IPV6, type IfDriver, IFF_DRV_RUNNING, IFF_MULTICAST, IFF_POINTOPOINT, type IfIoctl, type IfIoctlCmd, IFNET_KPI, type IfnetKpi, IFT_TUNNEL, SIOCSIFFLAGS, SIOCSIFMTU } from '@ns/ifnet-kpi';
import type { Kernel, Vnet } from '@ns/kern';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';

/**
 * The far end of the interface of the kernel under test: takes what the stack sends and gives it what the script sends. Packets begin with their IP header.
 * @public
 */
export interface ScriptLink {
  /** Name of the interface. */
  readonly ifname: string;
  /** Hands a packet to the stack. False if there was no memory for it. */
  send(packet: Uint8Array): boolean;
}

/**
 * What a {@link ScriptLink} is made from.
 * @public
 */
export interface ScriptLinkPlace {
  /** The kernel under test. */
  readonly kernel: Kernel;
  /** Its vnet. */
  readonly vnet: Vnet;
  /** MTU that the script asks for. */
  readonly mtu: number;
  /** To be called with each packet that the stack sends; the bytes are the receiver's. */
  receive(packet: Uint8Array): void;
}

/** State of the script's own interface. */
class TunSoftc implements ScriptLink {
  readonly kpi: IfnetKpi;
  readonly place: ScriptLinkPlace;
  ifp: if_t | null;

  constructor(place: ScriptLinkPlace) {
    this.kpi = place.kernel.service(IFNET_KPI);
    this.place = place;
    this.ifp = null;
  }

  get ifname(): string {
    return this.ifp === null ? '' : this.kpi.ifName(this.ifp);
  }

  send(packet: Uint8Array): boolean {
    const m = this.place.kernel.mbufs.fromBytes(packet);
    if (m === null || this.ifp === null) return false;
    this.kpi.ifInput(this.ifp, m);
    return true;
  }
}

/** No offloads: what the script sees is what a wire would have carried. */
const TUN_DRIVER: IfDriver = Object.freeze({
  name: 'tun',
  type: IFT_TUNNEL,
  dlt: DLT_RAW,
  ops: Object.freeze({
    origin: 'tun',
    init: (softc: unknown, ifp: if_t) => (softc as TunSoftc).kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0),
    transmit(_ifp: if_t, m: Mbuf, softc: unknown): number {
      const bytes = mToBytes(m);
      mFreem(m);
      (softc as TunSoftc).place.receive(bytes);
      return 0;
    },
    ioctl(ifp: if_t, _cmd: IfIoctlCmd, data: IfIoctl, softc: unknown): number {
      if (data.cmd === SIOCSIFFLAGS) {
        (softc as TunSoftc).kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0);
        return 0;
      }
      return data.cmd === SIOCSIFMTU ? 0 : EOPNOTSUPP;
    },
    detach: (_ifp: if_t, softc: unknown) => void ((softc as TunSoftc).ifp = null),
  }),
});

/**
 * The usual far end: a point-to-point interface `tun0` without link layer and without offloads.
 * @public
 */
export function tunLink(place: ScriptLinkPlace): ScriptLink {
  const sc = new TunSoftc(place);
  const r = sc.kpi.ifAttach(place.vnet, {
    version: IF_ATTACH_VERSION,
    drv: TUN_DRIVER,
    softc: sc,
    mtu: place.mtu,
    flags: IFF_POINTOPOINT | IFF_MULTICAST,
    capabilities: IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6,
    capenable: 0,
  });
  if (r.ok) sc.ifp = r.ifp;
  return sc;
}
