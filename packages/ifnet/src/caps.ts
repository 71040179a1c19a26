import { EOPNOTSUPP } from '@ns/errno';
import {
  IFCAP_CANTCHANGE,
  IFCAP_TSO4,
  IFCAP_TSO6,
  IFCAP_TXCSUM,
  IFCAP_TXCSUM_IPV6,
  SIOCSIFCAP,
} from '@ns/ifnet-kpi';
import { CSUM_IP, CSUM_IP6_TCP, CSUM_IP6_TSO, CSUM_IP6_UDP, CSUM_IP_TCP, CSUM_IP_TSO, CSUM_IP_UDP } from '@ns/mbuf';
import type { Ifnet } from './ifnet.ts';

/**
 * The per-packet work that an interface takes over (CSUM_*) with capabilities `capenable` on: the one place where it is derived. Segmentation implies checksums, so TSO without them
 * counts for nothing.
 */
export function hwassistOf(capenable: number): number {
  let assist = 0;
  if ((capenable & IFCAP_TXCSUM) !== 0) {
    assist |= CSUM_IP | CSUM_IP_TCP | CSUM_IP_UDP;
    if ((capenable & IFCAP_TSO4) !== 0) assist |= CSUM_IP_TSO;
  }
  if ((capenable & IFCAP_TXCSUM_IPV6) !== 0) {
    assist |= CSUM_IP6_TCP | CSUM_IP6_UDP;
    if ((capenable & IFCAP_TSO6) !== 0) assist |= CSUM_IP6_TSO;
  }
  return assist;
}

/** Sets what is on, masked to what the interface can do; hwassist follows. @public */
export function ifSetCapenable(ifp: Ifnet, caps: number): void {
  ifp.capenable = caps & ifp.capabilities;
  ifp.hwassist = hwassistOf(ifp.capenable);
}

/** Sets what the interface can do; what is on is masked to it. @public */
export function ifSetCapabilities(ifp: Ifnet, caps: number): void {
  ifp.capabilities = caps;
  ifSetCapenable(ifp, ifp.capenable);
}

/**
 * SIOCSIFCAP: what the interface cannot do is masked out of the request, what cannot be toggled keeps its state, and the driver may refuse with an errno or clear what it cannot combine.
 * Source: FreeBSD ifhwioctl().
 */
export function ifReqCap(ifp: Ifnet, reqcap: number): number {
  const wanted = (reqcap & ifp.capabilities & ~IFCAP_CANTCHANGE) | (ifp.capenable & IFCAP_CANTCHANGE);
  if (wanted === ifp.capenable) return 0;
  const req: { readonly cmd: typeof SIOCSIFCAP; reqcap: number } = { cmd: SIOCSIFCAP, reqcap: wanted };
  const errno = ifp.ops.ioctl(ifp.handle, SIOCSIFCAP, req);
  if (errno !== 0 && errno !== EOPNOTSUPP) return errno;
  ifSetCapenable(ifp, req.reqcap);
  ifp.lastchangeUs = ifp.core.kernel.host.clock.nowUs();
  return 0;
}
