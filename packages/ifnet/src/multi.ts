import type { InAddr } from '@ns/wire';

/**
 * A multicast group that an interface listens to. Source: FreeBSD struct ifmultiaddr.
 * @public
 */
export interface IfMultiaddr {
  /** The network-layer group, or null for one that was asked for by link address. */
  readonly addr: InAddr | null;
  /** Its link-layer address, or null if the link has none (loopback). */
  readonly lladdr: Uint8Array | null;
  /** Who asked. */
  refs: number;
}
