import { INET, type Inpcb, type InPkt } from '@ns/inpcb';
import type { Socket } from '@ns/socket';
import { type InAddr, seqGt, seqLeq, seqLt, type TcpHdr, TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_SIGNATURE, TOF_TS } from '@ns/wire';
import { TFO_BAD_COOKIE, TFO_GOOD_COOKIE } from './fastopen-keys.ts';
import { fastopenExpand, fastopenJudge } from './fastopen-server.ts';
import { signatureIsDue, signatureRefuses } from './guard.ts';
import { tcpLogAddrs, tcpLogEnds, tcpLogsDebug } from './log.ts';
import { tcpRespondHalfOpen } from './respond.ts';
import { tcpRangesetUs, TCPTV_REXMTMAX_US } from './rtt.ts';
import type { Segment } from './segment.ts';
import { SCF_ECN, SCF_NOOPT, SCF_SACK, SCF_SIGNATURE, SCF_TIMESTAMP, SCF_UNREACH, SCF_WINSCALE, SyncacheEntry } from './syncache-entry.ts';
import { asksForEcn, syncacheFill, syncacheRespond, wscaleFor } from './syncache-respond.ts';
import { syncacheSocket } from './syncache-socket.ts';
import { type CookieState, Syncookies, SYNCOOKIE_LIFETIME } from './syncookies.ts';
import { TF_SIGNATURE, type Tcpcb } from './tcpcb.ts';
import { tcpBackoff } from './timer.ts';
import type { TcpVnet } from './tcp-vnet.ts';
import { type CacheLimits, DEFAULT_CACHE_LIMITS } from './tunables.ts';
import { scaledWindow } from './window.ts';

/** Verdict of {@link Syncache.expand}: answer with a RST. */
export const SC_RST = 0;
/** Verdict: go on; `newSocket` is the connection's socket. */
export const SC_OK = 1;
/** Verdict: drop the segment silently. */
export const SC_DROP = -1;

/**
 * Half-open connections of one vnet, apart from sockets and pcbs, so that a flood of SYNs costs little: limited for each bucket (the oldest entry goes) and in
 * all; when that happens, SYN cookies take over. Nothing runs while it is empty.
 * Source: RFC 4987 §3.4; FreeBSD tcp_syncache.c.
 */
export class Syncache {
  readonly limits: CacheLimits;
  /** `net.inet.tcp.syncache.rexmtlimit` */
  rexmtLimit: number;
  /** `net.inet.tcp.syncache.rst_on_sock_fail` */
  rstOnSockFail: boolean;
  /** `net.inet.tcp.syncache.see_other`: lists show the entries of all to everybody. */
  seeOther: boolean;
  /** Entries. */
  count: number;
  /** Rises whenever an entry comes or goes. */
  gencnt: number;
  /** Socket made by the last {@link Syncache.expand} that said SC_OK, or {@link Syncache.add} that said true. */
  newSocket: Socket | null;
  readonly v: TcpVnet;
  private readonly buckets: (SyncacheEntry | null)[];
  private readonly lengths: Uint8Array;
  private readonly salt: number;
  private cookies: Syncookies | null;
  private overflowUs: number;
  private readonly cookie: CookieState;

  constructor(v: TcpVnet, limits: CacheLimits = DEFAULT_CACHE_LIMITS) {
    this.v = v;
    this.limits = limits;
    this.rexmtLimit = 3;
    this.rstOnSockFail = true;
    this.seeOther = false;
    this.count = 0;
    this.gencnt = 0;
    this.newSocket = null;
    this.buckets = new Array<SyncacheEntry | null>(limits.hashsize).fill(null);
    this.lengths = new Uint8Array(limits.hashsize);
    this.salt = v.random.u32();
    this.cookies = null;
    this.overflowUs = -Infinity;
    this.cookie = { peerMss: 0, peerWscale: -1, sack: false };
  }

  /**
   * A SYN for listener `lso`: enters it, or answers again if it is known. The segment's mbuf stays the caller's. True if a Fast Open cookie has made a connection of it: its socket is in
   * `newSocket`, for the segment to be processed on.
   * Source: FreeBSD syncache_add().
   */
  add(lso: Socket, linp: Inpcb, ltp: Tcpcb, seg: Segment): boolean {
    const v = this.v;
    const pkt = seg.pkt as InPkt;
    const af = v.vnet.get(INET).af(pkt.af);
    if (af === null || this.badSignature(ltp, seg)) return false;
    const i = this.bucketOf(pkt.src3 ^ pkt.src2 ^ pkt.src1 ^ pkt.src0, seg.th.sport, seg.th.dport);
    const known = this.find(i, pkt, seg.th);
    if (known !== null) {
      this.again(known, seg);
      return false;
    }
    const sc = new SyncacheEntry(this, af, lso, linp, pkt.dstAddr(), seg.th.dport, pkt.srcAddr(), seg.th.sport, seg.udpPort, i);
    syncacheFill(v, sc, lso, ltp, seg);
    if (v.syncookies) {
      this.cookie.peerMss = sc.peerMss === 0 ? v.mssdflt : sc.peerMss;
      this.cookie.peerWscale = (sc.flags & SCF_WINSCALE) !== 0 ? sc.requestedSScale : -1;
      this.cookie.sack = (sc.flags & SCF_SACK) !== 0;
      sc.iss = this.cookieJar().generate(sc.laddr, sc.lport, sc.faddr, sc.fport, sc.irs, this.cookie, seg.nowUs);
    } else {
      sc.iss = v.random.u32() | 0;
    }
    const tfo = fastopenJudge(v, lso, ltp, seg);
    if (tfo === TFO_GOOD_COOKIE) {
      this.newSocket = fastopenExpand(v, sc, lso, linp, ltp, seg);
      return this.newSocket !== null;
    }
    if (tfo === TFO_BAD_COOKIE) sc.tfoCookie = v.fastopen.keys.cookie.slice();
    const stored = !v.syncookiesOnly && this.insert(sc, seg.nowUs);
    if (!stored) sc.flags &= ~SCF_ECN; // a cookie does not remember it
    if (!stored && !v.syncookies) {
      v.stat.scDropped++;
      return false;
    }
    if (syncacheRespond(v, sc)) {
      v.stat.sndacks++;
      v.stat.sndtotal++;
      if (!stored) v.stat.scSendcookie++;
    } else if (stored) {
      this.remove(sc);
      v.stat.scDropped++;
    }
    return false;
  }

  /**
   * The ACK that may complete a connection to listener `lso`. SC_OK leaves the socket in `newSocket`, its connection in SYN-RECEIVED, for the segment to be processed on.
   * Source: FreeBSD syncache_expand().
   */
  expand(lso: Socket, linp: Inpcb, ltp: Tcpcb, seg: Segment): number {
    const v = this.v;
    const pkt = seg.pkt as InPkt;
    this.newSocket = null;
    const i = this.bucketOf(pkt.src3 ^ pkt.src2 ^ pkt.src1 ^ pkt.src0, seg.th.sport, seg.th.dport);
    let sc = this.find(i, pkt, seg.th);
    if (sc === null) {
      sc = this.fromCookie(lso, linp, ltp, seg, i);
      if (sc === null) {
        v.stat.scBadack++;
        return SC_RST;
      }
    } else {
      if (sc.udpPort !== seg.udpPort) return SC_RST;
      if ((sc.flags & SCF_SIGNATURE) !== 0 && signatureRefuses(v, true, seg)) return SC_DROP;
      const verdict = this.check(sc, seg);
      if (verdict !== SC_OK) return verdict;
      this.remove(sc);
    }
    const so = syncacheSocket(v, sc, lso, linp, ltp);
    if (so === null) {
      v.stat.scAborted++;
      const next = this.rstOnSockFail ? 'sending RST' : 'try again';
      tcpLogAddrs(v, seg, 'tcp_input', `Listen socket: Socket allocation failed due to limits or memory shortage, ${next}`);
      return this.rstOnSockFail ? SC_RST : SC_DROP;
    }
    v.stat.scCompleted++;
    this.newSocket = so;
    return SC_OK;
  }

  /** Whether a SYN is to be dropped for its signature: a listener with TCP_MD5SIG takes signed ones, and unsigned ones of peers that have no key. Source: syncache_add(). */
  private badSignature(ltp: Tcpcb, seg: Segment): boolean {
    const wanted = (ltp.flags & TF_SIGNATURE) !== 0;
    if ((seg.to.flags & TOF_SIGNATURE) !== 0) return signatureRefuses(this.v, wanted, seg);
    return wanted && signatureIsDue(this.v, seg);
  }

  /** Whether the ACK fits what we sent: time stamp, then sequence number, then what it acknowledges. Source: RFC 9293 §3.10.7.4 first and fifth; the tests in syncache_expand(). */
  private check(sc: SyncacheEntry, seg: Segment): number {
    const { v } = this;
    const stamped = this.checkTimestamp(sc, seg);
    if (stamped !== SC_OK) return stamped;
    if (!inWindow(sc, seg.seq)) {
      if (tcpLogsDebug(v)) tcpLogAddrs(v, seg, 'syncache_expand', `SEQ ${seg.seq >>> 0} != IRS+1 ${(sc.irs + 1) >>> 0}, sending challenge ACK`);
      this.challenge(sc);
      return SC_DROP;
    }
    if (seg.ack !== ((sc.iss + 1) | 0)) {
      if (tcpLogsDebug(v)) tcpLogAddrs(v, seg, 'syncache_expand', `ACK ${seg.ack >>> 0} != ISS+1 ${(sc.iss + 1) >>> 0}, segment rejected`);
      return SC_RST;
    }
    if ((sc.flags & SCF_TIMESTAMP) !== 0) {
      if ((seg.to.flags & TOF_TS) !== 0) sc.tsreflect = seg.to.tsval;
      else sc.flags &= ~SCF_TIMESTAMP; // tolerated: the connection goes on without
    }
    return SC_OK;
  }

  /** The window of a challenge ACK is scaled, unlike the SYN|ACK's (RFC 7323 §2.2). */
  private challenge(sc: SyncacheEntry): void {
    tcpRespondHalfOpen(this.v, sc, (sc.flags & SCF_WINSCALE) === 0 ? sc.wnd : scaledWindow(sc.wnd, sc.wnd, sc.requestedRScale));
  }

  /** Time stamps are on every segment or on none (RFC 7323 §3.2), and never go back (§5.3). */
  private checkTimestamp(sc: SyncacheEntry, seg: Segment): number {
    const { v } = this;
    if ((sc.flags & SCF_TIMESTAMP) === 0) {
      if ((seg.to.flags & TOF_TS) !== 0 && (sc.flags & SCF_NOOPT) === 0) {
        tcpLogAddrs(v, seg, 'syncache_expand', 'Timestamp not expected, segment processed normally');
        seg.to.flags &= ~TOF_TS;
      }
      return SC_OK;
    }
    if ((seg.to.flags & TOF_TS) === 0) {
      const kept = v.tolerateMissingTs;
      tcpLogAddrs(v, seg, 'syncache_expand', kept ? 'Timestamp missing, segment processed normally' : 'Timestamp missing, segment silently dropped');
      return kept ? SC_OK : SC_DROP;
    }
    if (seqLt(seg.to.tsval, sc.tsreflect)) {
      if (tcpLogsDebug(v)) {
        tcpLogAddrs(v, seg, 'syncache_expand', `SEG.TSval ${seg.to.tsval >>> 0} < TS.Recent ${sc.tsreflect >>> 0}, segment dropped`);
      }
      return SC_DROP;
    }
    return SC_OK;
  }

  /** A RST that may be meant for a half-open connection: it goes only if the sequence number is exactly right (RFC 5961 §3). Source: FreeBSD syncache_chkrst(). */
  chkrst(seg: Segment): void {
    const { v } = this;
    const sc = this.lookup(seg);
    if (sc === null) {
      tcpLogAddrs(v, seg, 'syncache_chkrst', 'Spurious RST without matching syncache entry (possibly syncookie only), segment ignored');
      v.stat.badrst++;
      return;
    }
    if (sc.udpPort !== seg.udpPort) {
      tcpLogAddrs(v, seg, 'syncache_chkrst', 'Spurious RST with matching syncache entry but non-matching UDP encaps port, segment ignored');
      v.stat.badrst++;
      return;
    }
    const expected = (sc.irs + 1) | 0;
    const inside = inWindow(sc, seg.seq);
    if (seg.seq === expected || (inside && v.insecureRst)) {
      this.remove(sc);
      tcpLogAddrs(v, seg, 'syncache_chkrst', 'Our SYN|ACK was rejected, connection attempt aborted by remote endpoint');
      v.stat.scReset++;
      return;
    }
    v.stat.badrst++;
    if (tcpLogsDebug(v)) {
      const what = `RST with invalid SEQ ${seg.seq >>> 0} != NXT ${expected >>> 0} (+WND ${sc.wnd})`;
      tcpLogAddrs(v, seg, 'syncache_chkrst', `${what}, ${inside ? 'sending challenge ACK' : 'segment ignored'}`);
    }
    if (inside) this.challenge(sc);
  }

  /** An ICMP unreachable about our SYN|ACK `seq`, sent to `udpPort` if that is not 0: the entry goes when one comes again after three repetitions. Source: FreeBSD syncache_unreach(). */
  unreach(laddr: InAddr, lport: number, faddr: InAddr, fport: number, udpPort: number, seq: number): void {
    const i = this.bucketOf(faddr.w3 ^ faddr.w2 ^ faddr.w1 ^ faddr.w0, fport, lport);
    for (let sc = this.buckets[i] ?? null; sc !== null; sc = sc.next) {
      if (sc.fport !== fport || sc.lport !== lport || !same(sc.faddr, faddr) || !same(sc.laddr, laddr)) continue;
      if (sc.udpPort !== udpPort || sc.iss !== seq) return;
      if ((sc.flags & SCF_UNREACH) === 0 || sc.rxmits < 3) {
        sc.flags |= SCF_UNREACH;
        return;
      }
      this.remove(sc);
      this.v.stat.scUnreach++;
      return;
    }
  }

  /** Drops every half-open connection of a listener that closes (T63). */
  purgeListener(lso: Socket): void {
    if (this.count === 0) return;
    for (const sc of this.entries()) if (sc.lso === lso) this.remove(sc);
  }

  /** All entries, for netstat and sockstat. */
  entries(): SyncacheEntry[] {
    const out: SyncacheEntry[] = [];
    for (const b of this.buckets) for (let sc = b; sc !== null; sc = sc.next) out.push(sc);
    return out;
  }

  /** Drops everything, for the end of the vnet. Source: FreeBSD syncache_destroy(). */
  destroy(): void {
    for (const sc of this.entries()) this.remove(sc);
  }

  /** The timer of an entry: sends the SYN|ACK again, or gives up. Source: FreeBSD syncache_timer(). */
  timer(sc: SyncacheEntry): void {
    const v = this.v;
    if (sc.rxmits >= this.rexmtLimit) {
      tcpLogEnds(v, sc, 'syncache_timer', 'Retransmits exhausted, giving up and removing syncache entry');
      this.remove(sc);
      v.stat.scStale++;
      return;
    }
    sc.rxmits++;
    if (sc.rxmits > v.ecnMaxretries) sc.flags &= ~SCF_ECN;
    if (tcpLogsDebug(v)) tcpLogEnds(v, sc, 'syncache_timer', `Response timeout, retransmitting (${sc.rxmits}) SYN|ACK`);
    v.stat.scRetransmitted++;
    if (syncacheRespond(v, sc)) {
      v.stat.sndacks++;
      v.stat.sndtotal++;
    }
    this.arm(sc);
  }

  /** A SYN that is known: the peer may not have got our answer, which goes by the road of the first, whatever road this one came. Source: the duplicate branch of syncache_add(). */
  private again(sc: SyncacheEntry, seg: Segment): void {
    const v = this.v;
    v.stat.scDupsyn++;
    tcpLogAddrs(v, seg, 'syncache_add', 'Received duplicate SYN, resetting timer and retransmitting SYN|ACK');
    if ((sc.flags & SCF_TIMESTAMP) !== 0) {
      if ((seg.to.flags & TOF_TS) !== 0) sc.tsreflect = seg.to.tsval;
      else sc.flags &= ~SCF_TIMESTAMP;
    }
    if (!asksForEcn(seg)) sc.flags &= ~SCF_ECN; // a repetition without it: something on the way does not like it
    if (!syncacheRespond(v, sc)) return;
    sc.rxmits = 0;
    this.arm(sc);
    v.stat.sndacks++;
    v.stat.sndtotal++;
  }

  /** Rebuilds an entry from a cookie: only if cookies may be about, that is, after an overflow. */
  private fromCookie(lso: Socket, linp: Inpcb, ltp: Tcpcb, seg: Segment, i: number): SyncacheEntry | null {
    const v = this.v;
    if (!v.syncookies) {
      v.stat.scSpurcookie++;
      tcpLogAddrs(v, seg, 'syncache_expand', 'Spurious ACK, segment rejected (syncookies disabled)');
      return null;
    }
    if (!v.syncookiesOnly && seg.nowUs - this.overflowUs > 2 * SYNCOOKIE_LIFETIME * 1e6) {
      v.stat.scSpurcookie++;
      tcpLogAddrs(v, seg, 'syncache_expand', 'Spurious ACK, segment rejected (no syncache entry)');
      return null;
    }
    const pkt = seg.pkt as InPkt;
    const af = v.vnet.get(INET).af(pkt.af);
    if (af === null || this.badSignature(ltp, seg)) return null;
    const sc = new SyncacheEntry(this, af, lso, linp, pkt.dstAddr(), seg.th.dport, pkt.srcAddr(), seg.th.sport, seg.udpPort, i);
    sc.iss = (seg.ack - 1) | 0;
    sc.irs = (seg.seq - 1) | 0;
    if (!this.cookieJar().lookup(sc.laddr, sc.lport, sc.faddr, sc.fport, sc.irs, sc.iss, this.cookie, seg.nowUs)) {
      v.stat.scFailcookie++;
      tcpLogAddrs(v, seg, 'syncache_expand', 'Segment failed SYNCOOKIE authentication, segment rejected (probably spoofed)');
      return null;
    }
    const hadSack = this.cookie.sack;
    const wscale = this.cookie.peerWscale;
    const irs = sc.irs;
    seg.to.flags &= ~(TOF_MSS | TOF_SCALE | TOF_SACKPERM);
    syncacheFill(v, sc, lso, ltp, seg);
    sc.irs = irs;
    sc.peerMss = this.cookie.peerMss;
    if (hadSack && v.sackEnable) sc.flags |= SCF_SACK;
    if (wscale >= 0 && v.scales() && (sc.flags & SCF_NOOPT) === 0) {
      sc.requestedRScale = wscaleFor(v);
      sc.requestedSScale = wscale;
      sc.flags |= SCF_WINSCALE;
    }
    v.stat.scRecvcookie++;
    return sc;
  }

  /** Enters `sc`; false if there is no room in all. A full bucket gives up its oldest. Source: FreeBSD syncache_insert(). */
  private insert(sc: SyncacheEntry, nowUs: number): boolean {
    const v = this.v;
    const i = sc.bucket;
    if ((this.lengths[i] as number) >= this.limits.bucketlimit) {
      this.dropOldest(i);
      this.overflowUs = nowUs;
      v.stat.scBucketoverflow++;
    } else if (this.count >= this.limits.cachelimit) {
      this.overflowUs = nowUs;
      v.stat.scCacheoverflow++;
      if (!this.dropOldest(i)) return false;
    }
    sc.next = this.buckets[i] ?? null;
    this.buckets[i] = sc;
    this.lengths[i] = (this.lengths[i] as number) + 1;
    this.count++;
    this.gencnt = (this.gencnt + 1) | 0;
    v.stat.scAdded++;
    this.arm(sc);
    return true;
  }

  /** The SYN|ACK goes again after rexmit_initial, then twice as late each time and the slop, as a SYN does (RFC 6298 §5). Source: FreeBSD syncache_timeout(). */
  private arm(sc: SyncacheEntry): void {
    const v = this.v;
    const initial = v.rexmitInitialMs * 1000;
    v.wheel.reset(sc.callout, sc.rxmits === 0 ? initial : tcpRangesetUs(v, initial * tcpBackoff(sc.rxmits), v.rexmitMinMs * 1000, TCPTV_REXMTMAX_US));
  }

  private dropOldest(i: number): boolean {
    let sc = this.buckets[i] ?? null;
    if (sc === null) return false;
    while (sc.next !== null) sc = sc.next;
    this.remove(sc);
    return true;
  }

  private remove(sc: SyncacheEntry): void {
    this.v.wheel.stop(sc.callout);
    const i = sc.bucket;
    let p = this.buckets[i] ?? null;
    if (p === sc) {
      this.buckets[i] = sc.next;
    } else {
      while (p !== null && p.next !== sc) p = p.next;
      if (p === null) return;
      p.next = sc.next;
    }
    sc.next = null;
    this.lengths[i] = (this.lengths[i] as number) - 1;
    this.count--;
    this.gencnt = (this.gencnt + 1) | 0;
  }

  private lookup(seg: Segment): SyncacheEntry | null {
    if (this.count === 0) return null;
    const pkt = seg.pkt as InPkt;
    return this.find(this.bucketOf(pkt.src3 ^ pkt.src2 ^ pkt.src1 ^ pkt.src0, seg.th.sport, seg.th.dport), pkt, seg.th);
  }

  private find(i: number, pkt: InPkt, th: TcpHdr): SyncacheEntry | null {
    for (let sc = this.buckets[i] ?? null; sc !== null; sc = sc.next) {
      if (sc.fport !== th.sport || sc.lport !== th.dport || sc.af.af !== pkt.af) continue;
      const f = sc.faddr;
      const l = sc.laddr;
      if (f.w3 !== pkt.src3 || f.w2 !== pkt.src2 || f.w1 !== pkt.src1 || f.w0 !== pkt.src0) continue;
      if (l.w3 !== pkt.dst3 || l.w2 !== pkt.dst2 || l.w1 !== pkt.dst1 || l.w0 !== pkt.dst0) continue;
      return sc;
    }
    return null;
  }

  private bucketOf(addr: number, fport: number, lport: number): number {
    let h = Math.imul(addr ^ this.salt, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ ((fport << 16) | lport), 0x85ebca6b);
    h ^= h >>> 13;
    return h & (this.limits.hashsize - 1);
  }

  private cookieJar(): Syncookies {
    return (this.cookies ??= new Syncookies(this.v.random, this.v.nowUs()));
  }
}

/** Whether a sequence number lies in the window that our SYN|ACK offered. */
const inWindow = (sc: SyncacheEntry, seq: number): boolean => seqGt(seq, sc.irs) && seqLeq(seq, (sc.irs + sc.wnd) | 0);

function same(a: InAddr, b: InAddr): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0 && a.af === b.af;
}
