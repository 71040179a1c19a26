import type { Ifnet } from '@ns/ifnet';
import { routeClear } from '@ns/route';
import { type InAddr, inAddrEqual } from '@ns/wire';
import { INET } from './inet.ts';
import { inPcbForeach, type InpcbInfo } from './info.ts';
import type { Inpcb } from './pcb.ts';
import type { Vnet } from '@ns/kern';

/**
 * Calls `notify` for each pcb whose peer has the address and that still has a socket. `notify` may free it.
 * Source: FreeBSD in_pcb.c, in_pcbnotifyall().
 * @public
 */
export function inPcbNotifyAll(info: InpcbInfo, faddr: InAddr, errno: number, notify: (inp: Inpcb, errno: number) => void): void {
  inPcbForeach(info, (inp) => {
    if (inp.socket !== null && inp.fport !== 0 && inAddrEqual(inp.faddr, faddr)) notify(inp, errno);
  });
}

/**
 * Forgets an interface that is going away: multicast settings and cached routes of all pcbs of the vnet.
 * Source: FreeBSD in_pcb.c, in_pcbpurgeif0().
 * @public
 */
export function inPcbPurgeIf(vnet: Vnet, ifp: Ifnet): void {
  for (const info of INET.get(vnet).infos) {
    inPcbForeach(info, (inp) => {
      if (inp.route.nh !== null && inp.route.nh.ifp === ifp) {
        routeClear(inp.route);
      }
      const mo = inp.opts?.moptions ?? null;
      if (mo === null) return;
      if (mo.ifp === ifp) mo.ifp = null;
      for (let i = mo.memberships.length - 1; i >= 0; i--) if (mo.memberships[i]?.ifp === ifp) mo.memberships.splice(i, 1);
    });
  }
}
