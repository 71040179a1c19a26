import { EAFNOSUPPORT } from '@ns/errno';
import { routeClear } from '@ns/route';
import { sameVnet } from '@ns/kern';
import { INET } from './inet.ts';
import type { InpcbInfo } from './info.ts';
import { INP_DROPPED, INP_FREED, INP_INHASHLIST, INP_REUSEADDR, INP_REUSEPORT, INP_REUSEPORT_LB, INP_V6ONLY, Inpcb, type InpSocket, SO_REUSEADDR, SO_REUSEPORT, SO_REUSEPORT_LB } from './pcb.ts';
import { inPcbFreeMoptions } from './moptions.ts';
import { inPcbRemHash } from './rehash.ts';

/**
 * Makes the pcb of a socket and enters it in the set's list; it is in no lookup table yet. EAFNOSUPPORT when the network protocol of the socket's family is not loaded.
 * Source: FreeBSD in_pcb.c, in_pcballoc().
 * @public
 */
export function inPcbAlloc(so: InpSocket, info: InpcbInfo): Inpcb | number {
  sameVnet(so.cred.vnet, info.vnet, `${info.name}: a socket`);
  const af = INET.get(info.vnet).af(so.domain);
  if (af === null) return EAFNOSUPPORT;
  info.gencnt = (info.gencnt + 1) | 0;
  const inp = new Inpcb(info, so, so.cred, af, info.gencnt);
  if (af.v6only === true) inp.flags |= INP_V6ONLY;
  inp.listIndex = info.list.length;
  info.list.push(inp);
  info.count++;
  info.account.take();
  return inp;
}

/**
 * Cuts the pcb from its socket, which is going away.
 * Source: FreeBSD in_pcb.c, in_pcbdetach().
 * @public
 */
export function inPcbDetach(inp: Inpcb): void {
  const so = inp.socket;
  if (so === null) return;
  if ((so.options & SO_REUSEADDR) !== 0) inp.flags2 |= INP_REUSEADDR;
  if ((so.options & SO_REUSEPORT) !== 0) inp.flags2 |= INP_REUSEPORT;
  if ((so.options & SO_REUSEPORT_LB) !== 0) inp.flags2 |= INP_REUSEPORT_LB;
  inp.socket = null;
}

/** SO_REUSEADDR, SO_REUSEPORT and SO_REUSEPORT_LB of a pcb, also after its socket has gone. Source: FreeBSD inp_so_options(). @public */
export function inPcbSoOptions(inp: Inpcb): number {
  if (inp.socket !== null) return inp.socket.options & (SO_REUSEADDR | SO_REUSEPORT | SO_REUSEPORT_LB);
  const f = inp.flags2;
  return ((f & INP_REUSEADDR) !== 0 ? SO_REUSEADDR : 0) | ((f & INP_REUSEPORT) !== 0 ? SO_REUSEPORT : 0) | ((f & INP_REUSEPORT_LB) !== 0 ? SO_REUSEPORT_LB : 0);
}

/**
 * Takes the pcb off tables and list and gives up what it holds. The object stays harmless for those who still refer to it: {@link inPcbValid} says no.
 * Source: FreeBSD in_pcb.c, in_pcbfree().
 * @public
 */
export function inPcbFree(inp: Inpcb): void {
  if ((inp.flags2 & INP_FREED) !== 0) throw new Error('inpcb: pcb freed twice');
  const info = inp.pcbinfo;
  inPcbRemHash(inp);
  const last = info.list.pop() as Inpcb;
  if (last !== inp) {
    info.list[inp.listIndex] = last;
    last.listIndex = inp.listIndex;
  }
  inp.listIndex = -1;
  info.gencnt = (info.gencnt + 1) | 0;
  info.count--;
  inp.flags2 |= INP_FREED;
  inPcbFreeMoptions(inp);
  inp.opts = null;
  routeClear(inp.route);
  info.account.release();
  inPcbRele(inp);
}

/**
 * Takes the pcb off the tables, so that its tuple can be used again, but keeps it: its connection is over, its socket still has it.
 * Source: FreeBSD in_pcb.c, in_pcbdrop().
 * @public
 */
export function inPcbDrop(inp: Inpcb): void {
  inp.flags |= INP_DROPPED;
  if ((inp.flags & INP_INHASHLIST) !== 0) inPcbRemHash(inp);
}

/** Takes a reference: the pcb is to be used after other code has run. Source: FreeBSD in_pcbref(). @public */
export function inPcbRef(inp: Inpcb): void {
  inp.refs++;
}

/** Gives a reference back; true if it was the last one: do not touch the pcb again. Source: FreeBSD in_pcbrele_wlocked(). @public */
export function inPcbRele(inp: Inpcb): boolean {
  if (--inp.refs > 0) return false;
  if (inp.refs < 0) throw new Error('inpcb: reference given back twice');
  inp.ppcb = null;
  return true;
}

/**
 * Whether a pcb that was looked up, and held while other code ran, is still the one meant: pass the `gencnt` noted then. A no is counted (`stat.stalerefs`).
 * @public
 */
export function inPcbValid(inp: Inpcb, gencnt: number): boolean {
  if (inp.gencnt === gencnt && (inp.flags2 & INP_FREED) === 0 && (inp.flags & INP_DROPPED) === 0) return true;
  inp.pcbinfo.stat.stalerefs++;
  return false;
}
