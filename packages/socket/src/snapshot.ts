import type { Socket } from './socket.ts';
import type { Sockbuf } from './sockbuf.ts';

/** Columns of a buffer for `netstat -x`. @public */
export interface Xsockbuf {
  /** Bytes. */
  readonly cc: number;
  /** Most bytes. */
  readonly hiwat: number;
  /** Low-water mark. */
  readonly lowat: number;
  /** Storage in use. */
  readonly mbcnt: number;
  /** Most storage. */
  readonly mbmax: number;
  /** Mbufs in the buffer. */
  readonly mbufs: number;
  /** Those of them with a cluster or foreign storage. */
  readonly clusters: number;
}

/**
 * One socket as netstat and sockstat are told of it; addresses are in the pcb's own snapshot.
 * Source: FreeBSD struct xsocket.
 * @public
 */
export interface Xsocket {
  /** Name of the protocol. */
  readonly proto: string;
  /** AF_INET or AF_INET6. */
  readonly domain: number;
  /** SOCK_*. */
  readonly type: number;
  /** IPPROTO_*. */
  readonly protocol: number;
  /** SO_* bits. */
  readonly options: number;
  /** SS_*. */
  readonly state: number;
  /** Routing table. */
  readonly fibnum: number;
  /** Who opened it. */
  readonly uid: number;
  /** Receive buffer. */
  readonly rcv: Xsockbuf;
  /** Send buffer. */
  readonly snd: Xsockbuf;
  /** Of a listener: connections that wait for accept. */
  readonly qlen: number;
  /** Of a listener: connections that are not complete. */
  readonly incqlen: number;
  /** Of a listener: limit of its queue. */
  readonly qlimit: number;
}

/** A picture of a socket, for tools. Source: FreeBSD sotoxsocket(). @public */
export function sotoxsocket(so: Socket): Xsocket {
  const sol = so.listen;
  return {
    proto: so.proto.name,
    domain: so.domain,
    type: so.type,
    protocol: so.protocol,
    options: so.options,
    state: so.state,
    fibnum: so.fibnum,
    uid: so.cred.uid,
    rcv: sbtoxsockbuf(so.rcv),
    snd: sbtoxsockbuf(so.snd),
    qlen: sol === null ? 0 : sol.qlen,
    incqlen: sol === null ? 0 : sol.incqlen,
    qlimit: sol === null ? 0 : sol.qlimit,
  };
}

function sbtoxsockbuf(sb: Sockbuf): Xsockbuf {
  let mbufs = 0;
  let clusters = 0;
  for (let r = sb.mb; r !== null; r = r.nextpkt) {
    for (let m: typeof r | null = r; m !== null; m = m.next) {
      mbufs++;
      if (m.ext !== null && m.ext.type !== 0) clusters++;
    }
  }
  return { cc: sb.cc, hiwat: sb.hiwat, lowat: sb.lowat, mbcnt: sb.mbcnt, mbmax: sb.mbmax, mbufs, clusters };
}
