import { inPcbForeach } from '@ns/inpcb';
import { tcpReassFlush } from './reass.ts';
import { tcpCleanSackreport } from './sack.ts';
import { Tcpcb } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/**
 * Mbufs have run out: every connection gives up what waits for earlier bytes, and reports it no more. The peers still have it, and send it again: a receiver may take back what it
 * reported by SACK (RFC 2018 §8).
 * Source: FreeBSD tcp_subr.c, tcp_drain().
 */
export function tcpDrain(v: TcpVnet): void {
  if (!v.doTcpdrain || v.reass.cursegments === 0) return;
  inPcbForeach(v.pcbinfo, (inp) => {
    const tp = inp.ppcb;
    if (!(tp instanceof Tcpcb) || tp.segq === null) return;
    tcpReassFlush(tp);
    tcpCleanSackreport(tp);
  });
}
