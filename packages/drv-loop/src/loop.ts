// @hot
import {
  DLT_NULL,
  type if_t,
  IFCAP_HWCSUM,
  IFCAP_HWCSUM_IPV6,
  IFCAP_LINKSTATE,
  IFCAP_RXCSUM,
  IFCAP_RXCSUM_IPV6,
  csumPass,
  HeaderInfo,
  type IfDriver,
  IFF_DRV_RUNNING,
  type IfIoctl,
  type IfIoctlCmd,
  type IfnetKpi,
  IFT_LOOP,
  SIOCSIFCAP,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
} from '@ns/ifnet-kpi';
import { ENOBUFS, EOPNOTSUPP } from '@ns/errno';
import type { Mbuf } from '@ns/mbuf';

/** All that a loopback interface can do is on from the beginning: `options=680003`. Source: FreeBSD if_loop.c, lo_clone_create(). */
export const LO_CAPS: number = IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_LINKSTATE;

/** State of one loopback interface. */
export class LoSoftc {
  readonly kpi: IfnetKpi;
  /** IFCAP_* that are on: the driver's own copy, told by SIOCSIFCAP. */
  capenable: number;
  readonly info: HeaderInfo;

  constructor(kpi: IfnetKpi) {
    this.kpi = kpi;
    this.capenable = LO_CAPS;
    this.info = new HeaderInfo();
  }
}

/** What goes out comes in again, once the sender is done. Nothing can damage it, so checksums need neither be computed nor verified unless that was switched off. */
function loTransmit(ifp: if_t, m: Mbuf, softc: unknown): number {
  const sc = softc as LoSoftc;
  const caps = sc.capenable;
  const n = csumPass(m, (caps & IFCAP_RXCSUM) !== 0, (caps & IFCAP_RXCSUM_IPV6) !== 0, sc.info, 0);
  if (n === null) return ENOBUFS;
  sc.kpi.ifInputDeferred(ifp, n);
  return 0;
}

/** Source: FreeBSD loioctl(). */
function loIoctl(ifp: if_t, _cmd: IfIoctlCmd, data: IfIoctl, softc: unknown): number {
  const sc = softc as LoSoftc;
  switch (data.cmd) {
    case SIOCSIFFLAGS:
      sc.kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0);
      return 0;
    case SIOCSIFMTU:
      return 0;
    case SIOCSIFCAP:
      sc.capenable = data.reqcap;
      return 0;
    default:
      return EOPNOTSUPP;
  }
}

/** The driver of loopback interfaces. @public */
export const LOOP_DRIVER: IfDriver = Object.freeze({
  name: 'lo',
  type: IFT_LOOP,
  dlt: DLT_NULL,
  ops: Object.freeze({
    origin: 'lo',
    init: (softc: unknown, ifp: if_t) => (softc as LoSoftc).kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0),
    transmit: loTransmit,
    ioctl: loIoctl,
  }),
});
