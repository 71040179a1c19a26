import { ServiceKey, type Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import type { InAddr } from '@ns/wire';

/**
 * TCP MD5 signatures (RFC 2385), by a module that has keys. TCP asks it for connections with TCP_MD5SIG alone.
 *
 * The segment begins at `off` in the buffer of `m`, header first, and has `len` bytes, those of a chain included; `m.off` may be behind its header. Addresses are those of its
 * IP header; the 16 bytes of the digest are at `sigOff` in the same buffer. The checksum field counts as zero whatever it is.
 * Source: FreeBSD netipsec/ipsec_support.h, struct tcpmd5_methods.
 * @public
 */
export interface TcpMd5 {
  /** Writes the digest of a segment to be sent. ENOENT if there is no key for these addresses. */
  output(vnet: Vnet, m: Mbuf, off: number, len: number, sigOff: number, src: InAddr, dst: InAddr): number;
  /** Whether the digest of a segment is right: 0, EACCES if it is not, ENOENT without a key. */
  input(vnet: Vnet, m: Mbuf, off: number, len: number, sigOff: number, src: InAddr, dst: InAddr): number;
  /** Whether signatures that come in are checked in this vnet; if not, one has to be there, whatever it says. */
  verifies(vnet: Vnet): boolean;
  /** Whether there is a key for segments from `src` to `dst`: such a peer's segments have to be signed. */
  hasKey(vnet: Vnet, src: InAddr, dst: InAddr): boolean;
}

/**
 * What TCP offers to modules that guard connections. Service {@link TCP_KPI}.
 * @public
 */
export interface TcpKpi {
  /** Puts `md5` in charge of signatures, or with null nobody. EEXIST when another module is. */
  setMd5(md5: TcpMd5 | null): number;
}

/** TCP's service for modules. @public */
export const TCP_KPI: ServiceKey<TcpKpi> = new ServiceKey<TcpKpi>('tcp_kpi');
