/* @hot */
import { INP_CONNECTED, INP_INHASHLIST, INP_REUSEPORT_LB, type Inpcb, SO_REUSEPORT_LB } from './pcb.ts';
import { lbEligible } from './lbgroup.ts';

/**
 * Enters a pcb with a local port in the lookup tables; with a foreign port it counts as connected. ENOBUFS when its load-balancing group is full.
 * Source: FreeBSD in_pcb.c, in_pcbinshash().
 * @public
 */
export function inPcbInsHash(inp: Inpcb): number {
  const info = inp.pcbinfo;
  if (inp.fport !== 0) inp.flags2 |= INP_CONNECTED;
  else {
    inp.flags2 &= ~INP_CONNECTED;
    const so = inp.socket;
    if (so !== null && (so.options & SO_REUSEPORT_LB) !== 0 && lbEligible(inp)) {
      const errno = info.lbgroups.insert(inp);
      if (errno !== 0) return errno;
      inp.flags2 |= INP_REUSEPORT_LB;
    }
  }
  info.tables.insert(inp);
  inp.flags |= INP_INHASHLIST;
  return 0;
}

/**
 * Takes a pcb off the lookup tables; nothing happens when it is in none. To be called before its addresses or ports change.
 * Source: FreeBSD in_pcb.c, in_pcbremhash().
 * @public
 */
export function inPcbRemHash(inp: Inpcb): void {
  inp.flow = 0;
  if ((inp.flags & INP_INHASHLIST) === 0) return;
  if ((inp.flags2 & (INP_CONNECTED | INP_REUSEPORT_LB)) === INP_REUSEPORT_LB) inp.pcbinfo.lbgroups.remove(inp);
  inp.pcbinfo.tables.remove(inp);
  inp.flags &= ~INP_INHASHLIST;
}
