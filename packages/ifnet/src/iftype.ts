import type { IfIoctl, IfIoctlCmd } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
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
  /** Queues what came in for later, instead of NETISR_EPAIR. Consumes m; returns an errno. */
  inputDeferred?(ifp: Ifnet, m: Mbuf): number;
}
