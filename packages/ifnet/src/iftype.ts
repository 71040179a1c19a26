import { EAFNOSUPPORT } from '@ns/errno';
import { DLT_RAW, type IfIoctl, type IfIoctlCmd, IFCOUNTER_NOPROTO, IFT_OTHER } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import { type Mbuf, mFreem } from '@ns/mbuf';
import type { InAddr } from '@ns/wire';
import type { IfInputFn, Ifnet, IfOutputFn } from './ifnet.ts';

/**
 * Link-level behaviour that all interfaces of one IFT_* share, so that a driver need not ask for it.
 * Source: FreeBSD projects/ifnet, struct iftype.
 * @public
 */
export interface IfTypeOps {
  /** IFT_*. */
  readonly type: number;
  /** For people. */
  readonly name: string;
  /** Bytes of the link header. */
  readonly hdrlen: number;
  /** Bytes of a link address. */
  readonly addrlen: number;
  /** bpf link type. */
  readonly dlt: number;
  /** MTU of an interface whose driver gives none. */
  readonly mtu: number;
  /** Largest MTU of an interface without IFCAP_JUMBO_MTU; SIOCSIFMTU refuses more with EINVAL. */
  readonly maxmtu?: number;
  /** IFF_* that all of them have. */
  readonly flags: number;
  /** Bits a second of an interface whose driver gives none. */
  readonly baudrate: number;
  /** Sends a network-layer packet. */
  readonly output: IfOutputFn;
  /** Takes what came in. */
  readonly input: IfInputFn;
  /** An interface was made: fields have the values of driver and type. `ifp.lladdr` may be null: set it. Called before it is announced. */
  attach?(ifp: Ifnet): void;
  /** It goes away. */
  detach?(ifp: Ifnet): void;
  /** What the driver answered EOPNOTSUPP to. Returns EOPNOTSUPP for what it does not know. */
  ioctl?(ifp: Ifnet, cmd: IfIoctlCmd, data: IfIoctl): number;
  /** The link address of a multicast group; see IfOps.resolvemulti. */
  resolvemulti?(ifp: Ifnet, af: number, words: Int32Array, out: Uint8Array): number;
  /** It is now in another vnet. */
  reassign?(ifp: Ifnet, vnet: Vnet): void;
  /** Queues what came in for later, instead of NETISR_EPAIR, and counts what it drops. Consumes m; returns an errno. */
  inputDeferred?(ifp: Ifnet, m: Mbuf): number;
}

/** What an interface has whose type nobody knows: nothing passes. */
export const GENERIC_TYPE: IfTypeOps = Object.freeze({
  type: IFT_OTHER,
  name: 'generic',
  hdrlen: 0,
  addrlen: 0,
  dlt: DLT_RAW,
  mtu: 1500,
  flags: 0,
  baudrate: 0,
  output(_ifp: Ifnet, m: Mbuf, _af: number, _dst: InAddr, _ro: object | null): number {
    mFreem(m);
    return EAFNOSUPPORT;
  },
  input(ifp: Ifnet, m: Mbuf): void {
    ifp.counters[IFCOUNTER_NOPROTO] = (ifp.counters[IFCOUNTER_NOPROTO] as number) + 1;
    mFreem(m);
  },
});
