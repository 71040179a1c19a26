import { EHOSTDOWN, EHOSTUNREACH, EINVAL, ENOBUFS, EWOULDBLOCK } from '@ns/errno';
import type { EtherResolver } from '@ns/ether';
import type { Ifnet } from '@ns/ifnet';
import { IFF_NOARP, IFF_STATICARP } from '@ns/ifnet-kpi';
import { LLE_VALID, type Llentry, LLSTATE_INCOMPLETE } from '@ns/lltable';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { AF_INET, type InAddr } from '@ns/wire';
import { arpRequest } from './send.ts';
import { arpArm, type ArpIf, arpIfOf, arpNewEntry } from './table.ts';

const SEC = 1000000;

/**
 * Finds the neighbour `dst`, or asks for it and keeps `m` until the answer comes. At most one request a second for one neighbour, sent only while somebody wants it; after
 * maxtries of them the sender is told EHOSTDOWN (a gateway: EHOSTUNREACH) but one more request goes out all the same.
 * Source: FreeBSD if_ether.c, arpresolve_full().
 */
function arpResolve(ifp: Ifnet, m: Mbuf, dst: InAddr, isGw: boolean): Llentry | number {
  const ai = arpIfOf(ifp);
  if (ai === null) {
    mFreem(m);
    return EINVAL;
  }
  const lle = ai.table.lookup4(dst.w3);
  if (lle !== null && (lle.flags & LLE_VALID) !== 0) return lle;
  return hold(ai, lle, m, dst, isGw);
}

function hold(ai: ArpIf, found: Llentry | null, m: Mbuf, dst: InAddr, isGw: boolean): number {
  const arp = ai.arp;
  let lle = found;
  if (lle === null) {
    if ((ai.ifp.stackFlags & (IFF_NOARP | IFF_STATICARP)) !== 0) {
      mFreem(m);
      arp.stat.dropped++;
      return EINVAL;
    }
    lle = arpNewEntry(ai, dst, 0);
    if (lle === null) {
      mFreem(m);
      arp.stat.dropped++;
      return ENOBUFS;
    }
    lle.state = LLSTATE_INCOMPLETE;
  }
  const now = arp.vnet.kernel.callouts.nowUs();
  const renew = lle.asked === 0 || now - lle.expireUs >= SEC;
  arp.stat.dropped += lle.hold(m, arp.maxhold);
  const errno = lle.asked < arp.maxtries ? EWOULDBLOCK : isGw ? EHOSTUNREACH : EHOSTDOWN;
  if (renew) {
    lle.expireUs = now;
    arpArm(ai, lle, arp.wait * SEC);
    lle.asked++;
    arpRequest(arp, ai.ifp, null, dst, null);
  }
  return errno;
}

/** The resolver of IPv4. */
export const arpResolver: EtherResolver = Object.freeze({ af: AF_INET, resolve: arpResolve });
