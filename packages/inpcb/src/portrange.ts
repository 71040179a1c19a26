import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { EACCES, EADDRNOTAVAIL } from '@ns/errno';
import { prisonAllow, type Ucred } from '@ns/vnet';
import type { InAddr } from '@ns/wire';
import type { InpcbInfo } from './info.ts';
import { inPcbLookupLocal, inPcbLookupTuple } from './lookup.ts';
import { INP_HIGHPORT, INP_LOWPORT, type Inpcb } from './pcb.ts';

/**
 * Port ranges of a vnet: sysctls net.inet.ip.portrange.*, and the pace of allocations.
 * Source: FreeBSD in_pcb.c, V_ipport_*.
 * @public
 */
export class PortRange {
  /** first: begin of the default range. */
  first = 10000;
  /** last: end of the default range. */
  last = 65535;
  /** hifirst: begin of the range of IP_PORTRANGE_HIGH. */
  hifirst = 49152;
  /** hilast: end of it. */
  hilast = 65535;
  /** lowfirst: one end of the range of IP_PORTRANGE_LOW, for the privileged. */
  lowfirst = 1023;
  /** lowlast: its other end. */
  lowlast = 600;
  /** reservedlow: first port that only the privileged may bind. */
  reservedlow = 0;
  /** reservedhigh: last such port. */
  reservedhigh = 1023;
  /** randomized: begin the search at a random port. */
  randomized = 1;
  /** randomcps: TCP allocations a second above which randomness stops, so that ports are not used again too soon. */
  randomcps = 10;
  /** randomtime: seconds for which it stops. */
  randomtime = 45;
  /** TCP allocations in the present second. */
  private allocs = 0;
  /** Second of the kernel's clock that `allocs` counts. */
  private second = 0;
  /** Second until which randomness is stopped. */
  private stopUntil = 0;

  /** Draws the ranges into [reserved, 65535], the low one into [1, reserved - 1]. Source: FreeBSD sysctl_net_ipport_check(). */
  clamp(reserved: number): void {
    this.first = Math.max(this.first, reserved);
    this.last = Math.max(this.last, reserved);
    this.hifirst = Math.max(this.hifirst, reserved);
    this.hilast = Math.max(this.hilast, reserved);
    this.lowfirst = Math.min(Math.max(this.lowfirst, 1), reserved - 1);
    this.lowlast = Math.min(Math.max(this.lowlast, 1), reserved - 1);
  }

  /** Counts a TCP allocation. */
  count(nowUs: number): void {
    this.roll(nowUs);
    this.allocs++;
  }

  /** Whether randomness has stopped for TCP. */
  stopped(nowUs: number): boolean {
    this.roll(nowUs);
    return this.second < this.stopUntil;
  }

  /** Source: FreeBSD ipport_tick(), here without a timer of its own. */
  private roll(nowUs: number): void {
    const second = Math.floor(nowUs / 1_000_000);
    if (second === this.second) return;
    if (this.allocs > this.randomcps) this.stopUntil = this.second + 1 + this.randomtime;
    this.second = second;
    this.allocs = 0;
  }
}

/** Port ranges of a vnet. @public */
export const PORTRANGE: VnetVar<PortRange> = defineVnetVar({ module: 'inpcb', name: 'portrange', init: () => new PortRange() });

/**
 * Chooses a local port for `inp` at `laddr`: with a foreign address one whose 4-tuple is free (so that one port serves many destinations) and that no unconnected
 * socket would answer on, without one a port that nobody has bound. Returns the port, or a negative errno: -EADDRNOTAVAIL when the range is exhausted, -EACCES for the low range without privilege.
 * Source: FreeBSD in_pcb.c, in_pcb_lport_dest().
 * @public
 */
export function inPcbLport(inp: Inpcb, laddr: InAddr, faddr: InAddr | null, fport: number, cred: Ucred, wildOkay: boolean): number {
  const info = inp.pcbinfo;
  const vnet: Vnet = info.vnet;
  const pr = PORTRANGE.get(vnet);
  let first = pr.first;
  let last = pr.last;
  if ((inp.flags & INP_HIGHPORT) !== 0) {
    first = pr.hifirst;
    last = pr.hilast;
  } else if ((inp.flags & INP_LOWPORT) !== 0) {
    if (cred.uid !== 0 || !prisonAllow(cred, 'reserved_ports')) return -EACCES;
    first = pr.lowfirst;
    last = pr.lowlast;
  }
  const nowUs = vnet.kernel.callouts.nowUs();
  const random = pr.randomized !== 0 && first !== last && !(info.countPortAllocs && pr.stopped(nowUs));
  if (info.countPortAllocs) pr.count(nowUs);
  info.stat.portAllocs++;
  if (first > last) {
    const t = first;
    first = last;
    last = t;
  }
  const span = last - first + 1;
  let port = lastPort(info, inp.flags);
  if (random) port = first + ((vnet.kernel.random.u32() >>> 0) % span);
  for (let tries = 0; tries < span; tries++) {
    port++;
    if (port < first || port > last) port = first;
    const taken = faddr !== null ? inPcbLookupTuple(info, faddr, fport, laddr, port) : inPcbLookupLocal(info, laddr, port, wildOkay, cred, inp.fibnum);
    if (taken === null) {
      setLastPort(info, inp.flags, port);
      return port;
    }
  }
  info.stat.portExhausted++;
  return -EADDRNOTAVAIL;
}

function lastPort(info: InpcbInfo, flags: number): number {
  return (flags & INP_HIGHPORT) !== 0 ? info.lasthi : (flags & INP_LOWPORT) !== 0 ? info.lastlow : info.lastport;
}

function setLastPort(info: InpcbInfo, flags: number, port: number): void {
  if ((flags & INP_HIGHPORT) !== 0) info.lasthi = port;
  else if ((flags & INP_LOWPORT) !== 0) info.lastlow = port;
  else info.lastport = port;
}
