// @hot
import { ENOENT, ESRCH } from '@ns/errno';
import { ifnetOf } from '@ns/ifnet';
import type { if_t } from '@ns/ifnet-kpi';
import { INPLOOKUP_RLOCKPCB, inPcbLookup } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { sbavail } from '@ns/socket';
import type { TcpConns, TcpConnStat } from '@ns/tcp-kpi';
import { TCP } from './tcp-vnet.ts';
import { Tcpcb, TCPS_TIME_WAIT, TF2_DISCARDED, TF_SACK_PERMIT } from './tcpcb.ts';

/** The state of connections, for those who see their packets. Service TCP_CONNS. Source: FreeBSD netinet/siftr.c, siftr_findinpcb(), siftr_siftdata(). */
export class TcpConnStats implements TcpConns {
  stat(vnet: Vnet, af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number, ifp: if_t | null, s: TcpConnStat): number {
    const inp = inPcbLookup(TCP.get(vnet).pcbinfo, af, f0, f1, f2, f3, fport, l0, l1, l2, l3, lport, INPLOOKUP_RLOCKPCB, ifp === null ? null : ifnetOf(ifp), 0);
    if (inp === null) return ENOENT;
    const tp = inp.ppcb;
    if (!(tp instanceof Tcpcb) || (tp.flags2 & TF2_DISCARDED) !== 0 || tp.state === TCPS_TIME_WAIT) return ESRCH;
    fill(tp, s);
    s.flowid = inp.flowid;
    s.flowtype = inp.flowtype;
    return 0;
  }
}

function fill(tp: Tcpcb, s: TcpConnStat): void {
  const snd = tp.so.snd;
  const rcv = tp.so.rcv;
  s.state = tp.state;
  s.flags = tp.flags;
  s.sackPermitted = (tp.flags & TF_SACK_PERMIT) !== 0;
  s.mss = tp.mss;
  s.sndCwnd = tp.sndCwnd;
  s.sndSsthresh = tp.sndSsthresh;
  s.sndWnd = tp.sndWnd;
  s.rcvWnd = tp.rcvWnd;
  s.sndScale = tp.sndScale;
  s.rcvScale = tp.rcvScale;
  s.srtt = tp.srtt;
  s.rxtcurUs = tp.rxtcurUs;
  s.inflight = (tp.sndMax - tp.sndUna) | 0;
  s.segqlen = tp.segqlen;
  s.sndHiwat = snd.hiwat;
  s.sndCc = sbavail(snd);
  s.rcvHiwat = rcv.hiwat;
  s.rcvCc = sbavail(rcv);
}
