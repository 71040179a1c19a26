/* Labs with RACK on one side or both. */
import type { Inpcb } from '@ns/inpcb';
import { type Socket, sosetopt } from '@ns/socket';
import { SEG_TSO } from '@ns/tcp-kpi';
import { TCP_FUNCTION_BLK, tcpPcblist, type Xtcpcb } from '@ns/tcp';
import { lab, type Lab, type LabOptions, type LabSideName } from '@ns/testkit';
import { IPPROTO_TCP } from '@ns/wire';
import type { Tcpcb } from '../../tcp/src/tcpcb.ts';
import { mapProblem } from '../../tcp/test/map.ts';
import { tcpRack } from '../src/index.ts';

export const DEFAULT = 'net.inet.tcp.functions_default';
export const TEN_MBIT = { delayUs: 5000, bandwidth: 10e6, queueLimit: 100 } as const;

/**
 * Both sides have the block; `a` uses it unless told otherwise. A first connection has been there, so that no SYN waits for ARP: its round trip is the shortest that RACK knows, and a
 * repetition that is answered in less counts as answered before it was sent.
 */
export function rackLab(options: LabOptions = {}): Lab {
  const l = lab({ without: ['ip6', 'nd6'], ...options, sysctlsA: { [DEFAULT]: 'rack', ...options.sysctlsA }, extra: [tcpRack()] });
  l.connect({ port: 1 });
  return l;
}

export const choose = (so: Socket, name: string): number => sosetopt(so, IPPROTO_TCP, TCP_FUNCTION_BLK, { functionSetName: name, pcbcnt: 0 });

/** What is wrong with the map of a connection; empty also when there is none. */
export function problemOf(so: Socket): string {
  const tp = (so.pcb as Inpcb).ppcb as Tcpcb;
  return tp.rec === null ? '' : mapProblem(tp);
}

/** Whether anything outstanding was given to the interface in one piece, to be cut there. */
export function hasTso(so: Socket): boolean {
  const tp = (so.pcb as Inpcb).ppcb as Tcpcb;
  for (let s = tp.rec === null ? null : tp.rec.map.head; s !== null; s = s.next) if ((s.flags & SEG_TSO) !== 0 && ((s.end - s.start) | 0) > tp.maxseg) return true;
  return false;
}

/** The connection of a side. */
export function rowOf(l: Lab, name: LabSideName = 'a'): Xtcpcb {
  const row = tcpPcblist(l.side(name).vnet).pcbs.find((x) => x.stateName !== 'LISTEN' && x.fport !== 1 && x.lport !== 1);
  if (row === undefined) throw new Error('no connection');
  return row;
}

/** A sysctl of a side as a number. */
export const num = (l: Lab, name: string, side: LabSideName = 'a'): number => Number(l.side(side).jail.sysctl(`net.inet.tcp.rack.${name}`));
