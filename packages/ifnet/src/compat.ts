/*
 * Adapts what drivers of every version of the interface KPI hand over to the present version, step by step: v1 -> v2. Each version that ever was has a frozen
 * driver in the tests.
 *
 * Source: FreeBSD projects/ifnet, net/if_compat.c.
 */
import {
  IF_ATTACH_VERSION,
  type IfAttachArgs,
  type IfAttachArgsV1,
  type IfDriver,
  type IfDriverV1,
  type IfIoctl,
  type IfIoctlCmd,
  type IfOps,
  type IfOpsV1,
  type if_t,
} from '@ns/ifnet-kpi';
import type { Kernel } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';

/** Fields of the present version. */
const KNOWN: ReadonlySet<string> = new Set([
  'version', 'drv', 'softc', 'dunit', 'name', 'lla', 'mtu', 'flags', 'capabilities', 'capenable', 'baudrate', 'media', 'tso', 'linkState', 'hwaddr', 'rxQueues',
]);

/** Fields of version 1. */
const KNOWN_V1: ReadonlySet<string> = new Set([
  'version', 'ifatDrv', 'ifatSoftc', 'ifatDunit', 'ifatName', 'ifatLla', 'ifatMtu', 'ifatFlags', 'ifatCapabilities', 'ifatCapenable', 'ifatHwassist', 'ifatBaudrate',
  'ifatTsomax', 'ifatTsomaxsegcount', 'ifatTsomaxsegsize',
]);

/** Drivers of older versions with what they were adapted to, so that all instances of one share one {@link IfDriver}. One for each kernel. */
export class IfCompat {
  private readonly drivers: WeakMap<IfDriverV1, IfDriver>;

  constructor() {
    this.drivers = new WeakMap();
  }

  /** The arguments as the present version has them. Fields that this stack does not know are ignored, with a line in the log. */
  adapt(kernel: Kernel, args: IfAttachArgs | IfAttachArgsV1): IfAttachArgs {
    const now = args.version === 1 ? this.fromV1(kernel, args) : args;
    warnUnknown(kernel, now.drv.name, now, KNOWN);
    if (now.version > IF_ATTACH_VERSION) {
      kernel.log.warning(now.drv.name, `built for interface KPI ${String(now.version)}, this is ${IF_ATTACH_VERSION}: what is new there is ignored`);
    }
    Object.freeze(now.drv);
    Object.freeze(now.drv.ops);
    return now;
  }

  private fromV1(kernel: Kernel, a: IfAttachArgsV1): IfAttachArgs {
    warnUnknown(kernel, a.ifatDrv.ifdrvName, a, KNOWN_V1);
    let drv = this.drivers.get(a.ifatDrv);
    if (drv === undefined) {
      drv = driverFromV1(a.ifatDrv);
      this.drivers.set(a.ifatDrv, drv);
    }
    return {
      version: IF_ATTACH_VERSION,
      drv,
      softc: a.ifatSoftc,
      ...(a.ifatDunit !== undefined && { dunit: a.ifatDunit }),
      ...(a.ifatName !== undefined && { name: a.ifatName }),
      ...(a.ifatLla !== undefined && { lla: a.ifatLla }),
      ...(a.ifatMtu !== undefined && { mtu: a.ifatMtu }),
      ...(a.ifatFlags !== undefined && { flags: a.ifatFlags }),
      ...(a.ifatCapabilities !== undefined && { capabilities: a.ifatCapabilities }),
      ...(a.ifatCapenable !== undefined && { capenable: a.ifatCapenable }),
      ...(a.ifatBaudrate !== undefined && { baudrate: a.ifatBaudrate }),
      ...((a.ifatTsomax ?? a.ifatTsomaxsegcount ?? a.ifatTsomaxsegsize) !== undefined && {
        tso: { maxBytes: a.ifatTsomax ?? 0, maxSegs: a.ifatTsomaxsegcount ?? 0, maxSegSize: a.ifatTsomaxsegsize ?? 0 },
      }),
    };
  }
}

function warnUnknown(kernel: Kernel, who: string, args: object, known: ReadonlySet<string>): void {
  for (const field of Object.keys(args)) {
    if (!known.has(field)) kernel.log.warning(who, `attach argument '${field}' is not known and was ignored`);
  }
}

function driverFromV1(d: IfDriverV1): IfDriver {
  return Object.freeze({
    name: d.ifdrvName,
    type: d.ifdrvType,
    ops: opsFromV1(d.ifdrvName, d.ifdrvOps),
    ...(d.ifdrvHdrlen !== undefined && { hdrlen: d.ifdrvHdrlen }),
    ...(d.ifdrvAddrlen !== undefined && { addrlen: d.ifdrvAddrlen }),
    ...(d.ifdrvDlt !== undefined && { dlt: d.ifdrvDlt }),
  });
}

function opsFromV1(origin: string, v1: IfOpsV1): IfOps {
  const { init, qflush, ioctl, getCounter } = v1;
  return Object.freeze({
    origin,
    transmit: (ifp: if_t, m: Mbuf) => v1.transmit(ifp, m),
    ...(init !== undefined && { init: (softc: unknown) => init.call(v1, softc) }),
    ...(qflush !== undefined && { qflush: (ifp: if_t) => qflush.call(v1, ifp) }),
    ...(ioctl !== undefined && { ioctl: (ifp: if_t, cmd: IfIoctlCmd, data: IfIoctl) => ioctl.call(v1, ifp, cmd, data) }),
    ...(getCounter !== undefined && { getCounter: (ifp: if_t, id: number) => getCounter.call(v1, ifp, id) }),
  });
}

