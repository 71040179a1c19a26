import { AF_INET, zonedWord0 } from '@ns/wire';
import { ENOBUFS } from '@ns/errno';
import { INP_IPV4, INP_IPV6, INP_IPV6PROTO, type Inpcb, SO_ACCEPTCONN, SOCK_STREAM } from './pcb.ts';
import { tupleHash4 } from './tuple-hash.ts';

/** Most sockets of one group. Source: FreeBSD INPCBLBGROUP_SIZMAX. @public */
export const INPCBLBGROUP_SIZMAX = 256;

function sameBinding(a: Inpcb, b: Inpcb): boolean {
  const x = a.laddr;
  const y = b.laddr;
  return a.vflag === b.vflag && a.fibnum === b.fibnum && x.w3 === y.w3 && x.w0 === y.w0 && x.w1 === y.w1 && x.w2 === y.w2 && x.zone === y.zone;
}

/** Whether a pcb may be in a group: not one that speaks IPv4 through an IPv6 socket. */
export function lbEligible(inp: Inpcb): boolean {
  return (inp.vflag & (INP_IPV4 | INP_IPV6PROTO)) !== (INP_IPV4 | INP_IPV6PROTO);
}

/**
 * The load-balancing groups of a set: which of several sockets with SO_REUSEPORT_LB takes a flow is a matter of the flow's hash.
 * A group is the sockets bound to one local address and port, never empty.
 * Source: FreeBSD in_pcb.c, in_pcblbgroup_*().
 * @public
 */
export class LbGroups {
  private readonly byPort: Map<number, Inpcb[][]>;
  private readonly seed: number;
  /** Members of all groups. */
  size: number;

  constructor(seed: number) {
    this.byPort = new Map();
    this.seed = seed | 0;
    this.size = 0;
  }

  /** Enters `inp`; ENOBUFS when its group is full. */
  insert(inp: Inpcb): number {
    let groups = this.byPort.get(inp.lport);
    if (groups === undefined) this.byPort.set(inp.lport, (groups = []));
    const group = groups.find((g) => sameBinding(g[0] as Inpcb, inp));
    if (group === undefined) groups.push([inp]);
    else if (group.length >= INPCBLBGROUP_SIZMAX) return ENOBUFS;
    else group.push(inp);
    this.size++;
    return 0;
  }

  /** Takes `inp` out, if it is in a group. */
  remove(inp: Inpcb): void {
    const groups = this.byPort.get(inp.lport);
    if (groups === undefined) return;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i] as Inpcb[];
      const at = group.indexOf(inp);
      if (at < 0) continue;
      group.splice(at, 1);
      this.size--;
      if (group.length === 0) groups.splice(i, 1);
      if (groups.length === 0) this.byPort.delete(inp.lport);
      return;
    }
  }

  /** The member that takes a flow: groups with the exact local address before those with none. Null = no group takes it. `fib` -1 = any. */
  lookup(af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number, fib: number): Inpcb | null {
    const groups = this.byPort.get(lport);
    if (groups === undefined) return null;
    const want = af === AF_INET ? INP_IPV4 : INP_IPV6;
    const hash = tupleHash4(this.seed, f0, f1, f2, f3, l3, (fport << 16) | lport);
    let wild: Inpcb[] | null = null;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i] as Inpcb[];
      const m = group[0] as Inpcb;
      if ((m.vflag & want) === 0 || (fib >= 0 && m.fibnum !== fib)) continue;
      const l = m.laddr;
      if (l.w3 === l3 && l.w2 === l2 && l.w1 === l1 && zonedWord0(l) === l0) return pick(group, hash);
      if ((l.w0 | l.w1 | l.w2 | l.w3) === 0) wild = group;
    }
    return wild === null ? null : pick(wild, hash);
  }
}

/** The member of a hash; of a stream group, the next one that listens already. */
function pick(group: readonly Inpcb[], hash: number): Inpcb | null {
  const n = group.length;
  let i = hash % n;
  for (let tries = 0; tries < n; tries++) {
    const inp = group[i] as Inpcb;
    const so = inp.socket;
    if (so === null || so.type !== SOCK_STREAM || (so.options & SO_ACCEPTCONN) !== 0) return inp;
    i = i + 1 === n ? 0 : i + 1;
  }
  return null;
}
