import { EINVAL, EPERM } from '@ns/errno';
import type { Kernel } from '@ns/kern';
import { type TcpOpt, TOF_FASTOPEN, TOF_MSS } from '@ns/wire';
import { CCACHE_BUCKET_LIMIT, CCACHE_BUCKETS, FastopenCache, isCookieLen } from './fastopen-cache.ts';
import { FastopenKeys, pskCookie, TCP_FASTOPEN_COOKIE_LEN, TCP_FASTOPEN_KEY_LEN } from './fastopen-keys.ts';
import { FastopenState } from './fastopen-state.ts';
import { defaultMss, tcpAf, tcpMssUpdate } from './mss.ts';
import type { OutState } from './outstate.ts';
import type { Segment } from './segment.ts';
import type { TcpFastopen } from './sockopt.ts';
import { type Tcpcb, TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_SENT, TF_FASTOPEN, TF_NOOPT } from './tcpcb.ts';

const PREFIX = 'net.inet.tcp.fastopen';

/** Fast Open of one vnet (RFC 7413): what a client remembers, what a server makes cookies with. Source: FreeBSD tcp_fastopen.c. */
export class Fastopen {
  /** `net.inet.tcp.fastopen.client_enable` */
  clientEnable: boolean;
  /** `net.inet.tcp.fastopen.path_disable_time`, seconds. */
  pathDisableSec: number;
  readonly cache: FastopenCache;
  readonly keys: FastopenKeys;

  constructor(k: Kernel) {
    const n = k.sysctl.tunables.int(`${PREFIX}.ccache_buckets`, CCACHE_BUCKETS);
    this.clientEnable = true;
    this.pathDisableSec = 900;
    this.cache = new FastopenCache(k.random, n > 0 && n <= 1 << 20 && (n & (n - 1)) === 0 ? n : CCACHE_BUCKETS, CCACHE_BUCKET_LIMIT);
    this.keys = new FastopenKeys(k.callouts, k.random);
  }

  /** Off forgets all cookies, and where Fast Open does not work. Source: sysctl_net_inet_tcp_fastopen_client_enable(). */
  setClientEnable(on: boolean): void {
    this.clientEnable = on;
    if (!on) this.cache.clear();
  }

  /** For the end of the vnet. Source: tcp_fastopen_destroy(). */
  destroy(): void {
    this.setClientEnable(false);
    this.keys.destroy();
  }
}

/** The state of `tp`, made now if there is none. */
export function fastopenState(tp: Tcpcb): FastopenState {
  const e = tp.rare;
  return (e.fastopen ??= new FastopenState());
}

/**
 * The option TCP_FASTOPEN: a number, or a {@link TcpFastopen} with the pre-shared key for connecting. EPERM when that side of Fast Open is off, EINVAL once there is a connection.
 * Source: FreeBSD tcp_usrreq.c, tcp_default_ctloutput().
 */
export function setFastopen(tp: Tcpcb, val: unknown): number {
  const { clientEnable, keys } = tp.tcp.fastopen;
  if (!clientEnable && !keys.enabled) return EPERM;
  const opt = parseOption(val);
  if (opt === null || (tp.state !== TCPS_CLOSED && tp.state !== TCPS_LISTEN)) return EINVAL;
  if (!opt.enable) {
    tp.flags &= ~TF_FASTOPEN;
    return 0;
  }
  if (tp.state === TCPS_LISTEN && !keys.enabled) return EPERM;
  const s = fastopenState(tp);
  if (opt.psk !== undefined) s.psk = opt.psk.slice();
  tp.flags |= TF_FASTOPEN;
  return 0;
}

/** Null for what is no value of the option. */
function parseOption(val: unknown): TcpFastopen | null {
  if (typeof val === 'boolean') return { enable: val };
  if (typeof val === 'number') return Number.isInteger(val) ? { enable: val !== 0 } : null;
  if (typeof val !== 'object' || val === null) return null;
  const { enable, psk } = val as Partial<TcpFastopen>;
  if (typeof enable !== 'boolean' && typeof enable !== 'number') return null;
  if (psk === undefined) return { enable: Boolean(enable) };
  return psk instanceof Uint8Array && psk.length === TCP_FASTOPEN_KEY_LEN ? { enable: Boolean(enable), psk } : null;
}

/**
 * A client with the option connects: what goes with its SYN. A cookie and data, if we have a cookie for this path and there is something to send; a request for one, if not; nothing
 * where Fast Open was found not to work.
 * Differs: FreeBSD looks at the path only when data come with the call; and with a pre-shared key, but no cookie, it sends the key itself.
 * Source: RFC 7413 §4.2.1; FreeBSD tcp_fastopen_connect().
 */
export function tcpFastopenConnect(tp: Tcpcb, hasData: boolean): void {
  const v = tp.tcp;
  const fo = v.fastopen;
  const inp = tp.inp;
  const s = fastopenState(tp);
  s.cookieLen = 0;
  if (!fo.clientEnable || (tp.flags & TF_NOOPT) !== 0) {
    tp.flags &= ~TF_FASTOPEN;
    return;
  }
  const e = fo.cache.lookup(inp.laddr, inp.faddr, inp.fport);
  if (e === null) return;
  if (e.disabledAtUs >= 0) {
    // What we knew may be wrong by now.
    if (v.nowUs() - e.disabledAtUs > fo.pathDisableSec * 1e6) e.reset();
    else tp.flags &= ~TF_FASTOPEN;
    return;
  }
  if (e.cookieLen === 0 || !hasData) return;
  if (s.psk !== null) {
    pskCookie(s.psk, e.cookie, e.cookieLen, s.cookie);
    s.cookieLen = TCP_FASTOPEN_COOKIE_LEN;
  } else {
    s.cookie.set(e.cookie);
    s.cookieLen = e.cookieLen;
  }
  tcpMssUpdate(tp, { kind: 'offer', mss: e.mss });
}

/** Whether the SYN or SYN|ACK in hand is the first: a repetition has neither option nor data, which may be why the first got lost (RFC 7413 §4.1.3.1). */
const isFirstSyn = (tp: Tcpcb): boolean => tp.sndMax === tp.iss;

/** Bytes that may go with the SYN or SYN|ACK, options not yet taken off; `usable` is what windows and buffer allow. A client knows no window; it takes one segment. */
export function fastopenSynLen(tp: Tcpcb, usable: number): number {
  const s = tp.ext === null ? null : tp.ext.fastopen;
  if (s === null || s.cookieLen === 0 || !isFirstSyn(tp)) return 0;
  if (tp.state !== TCPS_SYN_SENT) return usable > 0 ? usable : 0;
  const { cc } = tp.so.snd;
  return cc < tp.mss ? cc : tp.mss;
}

/** The option of a SYN or SYN|ACK. */
export function fastopenSynOption(tp: Tcpcb, to: TcpOpt): void {
  const s = tp.ext === null ? null : tp.ext.fastopen;
  if (s === null || !isFirstSyn(tp)) return;
  to.flags |= TOF_FASTOPEN;
  to.tfoLen = s.cookieLen;
  for (let i = 0; i < s.cookieLen; i++) to.tfoCookie[i] = s.cookie[i] as number;
}

/**
 * The options of the SYN or SYN|ACK are written: cuts its data to what fits beside them. What is left of a client's waits for the SYN|ACK, as do all of them if the cookie did not fit; a
 * server's follows.
 */
export function fastopenFitSyn(tp: Tcpcb, o: OutState): void {
  const s = tp.ext === null ? null : tp.ext.fastopen;
  if (s === null || !isFirstSyn(tp)) return;
  const client = tp.state === TCPS_SYN_SENT;
  s.offered = (o.to.flags & TOF_FASTOPEN) !== 0;
  const room = client && !s.offered ? 0 : Math.max(tp.mss - o.optlen, 0);
  if (o.len > room) {
    o.len = room;
    o.sendalot = !client;
  }
  s.synBytes = o.len;
}

/**
 * The SYN|ACK is here. A cookie in it is for the next time. Without one, the cookie that we have is good as long as the server took data of our SYN, and the path is disabled
 * when it did not.
 * Differs: FreeBSD gives up a cookie that the server honours, when the server does not give another.
 * Source: RFC 7413 §4.1.3, §4.2.1; FreeBSD tcp_do_segment(), tcp_fastopen_update_cache().
 */
export function fastopenSynAck(tp: Tcpcb, seg: Segment): void {
  const v = tp.tcp;
  const fo = v.fastopen;
  const s = tp.ext === null ? null : tp.ext.fastopen;
  if (s === null || !s.offered || !fo.clientEnable) return;
  const inp = tp.inp;
  const to = seg.to;
  const mss = (to.flags & TOF_MSS) !== 0 ? to.mss : defaultMss(v, tcpAf(tp));
  if ((to.flags & TOF_FASTOPEN) !== 0 && isCookieLen(to.tfoLen)) {
    const e = fo.cache.obtain(inp.laddr, inp.faddr, inp.fport);
    e.mss = mss;
    e.cookieLen = to.tfoLen;
    for (let i = 0; i < to.tfoLen; i++) e.cookie[i] = to.tfoCookie[i] as number;
    e.disabledAtUs = -1;
    return;
  }
  const taken = s.synBytes > 0 ? seg.ack !== ((tp.iss + 1) | 0) : s.cookieLen > 0 && tp.rxtshift === 0;
  if (!taken) {
    tcpFastopenDisablePath(tp);
    return;
  }
  const e = fo.cache.lookup(inp.laddr, inp.faddr, inp.fport);
  if (e !== null) e.mss = mss;
}

/**
 * Fast Open does not work on the path of `tp`: connections do without it for `path_disable_time`. For a SYN that nobody answered, an ICMP error that ends the attempt, and a server
 * that does not play along; not for a RST, which says no more than that nobody listens.
 * Source: RFC 7413 §4.1.3.1; FreeBSD tcp_fastopen_disable_path().
 */
export function tcpFastopenDisablePath(tp: Tcpcb): void {
  const fo = tp.tcp.fastopen;
  const inp = tp.inp;
  const s = tp.ext === null ? null : tp.ext.fastopen;
  tp.flags &= ~TF_FASTOPEN;
  if (s === null || !s.offered || !fo.clientEnable) return;
  fo.cache.obtain(inp.laddr, inp.faddr, inp.fport).disable(tp.tcp.nowUs());
}
