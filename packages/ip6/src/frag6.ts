import { Callout } from '@ns/callout';
import { type Ifnet, ifnetOf } from '@ns/ifnet';
import { mHeaderWritable } from '@ns/ifnet-kpi';
import { type Mbuf, mCatpkt, mFreem, mPullup } from '@ns/mbuf';
import {
  getIp6Tclass,
  ICMP6_PARAM_PROB,
  ICMP6_PARAMPROB_FIRSTFRAG,
  ICMP6_PARAMPROB_HEADER,
  ICMP6_TIME_EXCEED_REASSEMBLY,
  ICMP6_TIME_EXCEEDED,
  IP6_FRAG_LEN,
  IP6_HDR_LEN,
  IP6F_MORE_FRAG,
  IP6F_OFF_MASK,
  IP6WALK_TRUNCATED,
  IPPROTO_NONE,
  IPTOS_ECN_CE,
  IPTOS_ECN_MASK,
  IPTOS_ECN_NOTECT,
  IPV6_MAXPACKET,
  setIp6Tclass,
  walkIp6Ext,
} from '@ns/wire';
import { ip6Contiguous } from './exthdr.ts';
import { icmp6Error } from './icmp6-error.ts';
import type { In6Ifinfo, Ip6Vnet } from './ip6-vnet.ts';

/** Buckets. Source: FreeBSD frag6.c, IP6REASS_NHASH. */
const NHASH = 1024;
/** Interval of the sweep. Source: FreeBSD PR_SLOWHZ. */
const SLOWTIMO_US = 500000;
/** Bytes of headers of a first fragment that are looked through. */
const HDRS = 512;

/** One fragment: its packet, whose first byte is that of the data, and where the data belongs. */
class Frag {
  readonly m: Mbuf;
  /** First byte of data in the whole fragmentable part. */
  readonly off: number;
  /** Bytes of data. */
  readonly len: number;
  /** Bytes of headers in front of `m.off`, fragment header included. */
  readonly hlen: number;
  /** Offset of the octet that named the fragment header. */
  readonly nxtOff: number;
  next: Frag | null;

  constructor(m: Mbuf, off: number, len: number, hlen: number, nxtOff: number) {
    this.m = m;
    this.off = off;
    this.len = len;
    this.hlen = hlen;
    this.nxtOff = nxtOff;
    this.next = null;
  }
}

/** The fragments of one packet. Source: FreeBSD ip6_var.h, struct ip6q. */
class Ip6q {
  readonly s0: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
  readonly d0: number;
  readonly d1: number;
  readonly d2: number;
  readonly d3: number;
  readonly ident: number;
  /** Where its fragments come in. */
  readonly ifp: Ifnet;
  /** Kernel time at which it is given up. */
  readonly deadlineUs: number;
  /** End of the data, once the last fragment is there; -1 before. */
  end: number;
  nfrags: number;
  /** By offset. */
  frags: Frag | null;
  /** ECN field of the packet. */
  ecn: number;
  next: Ip6q | null;

  constructor(m: Mbuf, ident: number, ifp: Ifnet, deadlineUs: number) {
    const dv = m.dv;
    const o = m.off;
    this.s0 = dv.getInt32(o + 8);
    this.s1 = dv.getInt32(o + 12);
    this.s2 = dv.getInt32(o + 16);
    this.s3 = dv.getInt32(o + 20);
    this.d0 = dv.getInt32(o + 24);
    this.d1 = dv.getInt32(o + 28);
    this.d2 = dv.getInt32(o + 32);
    this.d3 = dv.getInt32(o + 36);
    this.ident = ident;
    this.ifp = ifp;
    this.deadlineUs = deadlineUs;
    this.end = -1;
    this.nfrags = 0;
    this.frags = null;
    this.ecn = getIp6Tclass(dv, o) & IPTOS_ECN_MASK;
    this.next = null;
  }

  /** Whether a fragment with this identification belongs to the packet: same addresses, and same link. */
  isOf(m: Mbuf, ident: number, ifp: Ifnet): boolean {
    const dv = m.dv;
    const o = m.off;
    return (
      this.ident === ident &&
      this.s3 === dv.getInt32(o + 20) &&
      this.d3 === dv.getInt32(o + 36) &&
      this.s2 === dv.getInt32(o + 16) &&
      this.s1 === dv.getInt32(o + 12) &&
      this.s0 === dv.getInt32(o + 8) &&
      this.d2 === dv.getInt32(o + 32) &&
      this.d1 === dv.getInt32(o + 28) &&
      this.d0 === dv.getInt32(o + 24) &&
      this.ifp === ifp
    );
  }
}

/**
 * Puts packets together from fragments, within limits: packets in all and of one pair of addresses, fragments in all and of a packet, time.
 *
 * Packets with overlapping fragments do not come about (RFC 5722); a fragment that is the whole packet is not mixed up with others (RFC 6946); a first fragment has all headers (RFC 7112).
 * Differs: buckets are chosen by the pair of addresses, so that net.inet6.ip6.maxfragbucketsize bounds what one pair can have, and the oldest packet gives way, not the newest.
 * Source: FreeBSD frag6.c; RFC 8200 §4.5.
 * @public
 */
export class Frag6 {
  /** net.inet6.ip6.maxfragpackets: packets; 0 = none at all, -1 = no limit. */
  maxfragpackets: number;
  /** net.inet6.ip6.maxfrags: fragments; 0 = none at all, -1 = no limit. */
  maxfrags: number;
  /** net.inet6.ip6.maxfragsperpacket: fragments kept of one packet. */
  maxfragsperpacket: number;
  /** net.inet6.ip6.maxfragbucketsize: packets of one pair of addresses. */
  maxfragbucketsize: number;
  /** net.inet6.ip6.fraglifetime_ms: time until a packet is given up, milliseconds. */
  fraglifetimeMs: number;
  /** Packets waiting: net.inet6.ip6.fragpackets. */
  fragpackets: number;
  /** Fragments waiting: net.inet6.ip6.frags. */
  curfrags: number;
  /** Where the fragment header was in the packet that `input` returned last: what it named stands there. */
  off: number;
  /** Offset of the octet that names it. */
  nxtOff: number;
  private readonly ip6v: Ip6Vnet;
  private readonly buckets: (Ip6q | null)[];
  private readonly counts: Uint16Array;
  private readonly seed: number;
  private readonly slowtimo: Callout<Frag6>;

  constructor(ip6v: Ip6Vnet) {
    const { kernel } = ip6v.vnet;
    const limit = Math.max(1, Math.floor(kernel.mbufs.limits.nmbclusters / 32));
    this.ip6v = ip6v;
    this.maxfragpackets = limit;
    this.maxfrags = limit;
    this.maxfragsperpacket = 64;
    this.maxfragbucketsize = 64;
    this.fraglifetimeMs = 60000;
    this.fragpackets = 0;
    this.curfrags = 0;
    this.off = 0;
    this.nxtOff = 0;
    this.buckets = new Array<Ip6q | null>(NHASH).fill(null);
    this.counts = new Uint16Array(NHASH);
    this.seed = kernel.random.u32();
    this.slowtimo = new Callout<Frag6>(sweepExpired, this);
  }

  /**
   * Takes the packet `m`, which has a fragment header at `off`, named by the octet at `nxtOff`. Returns the whole packet without fragment header, and `this.off` and `this.nxtOff` set, when this was what
   * it lacked; else null. Consumes m. Source: FreeBSD frag6_input().
   */
  input(ii: In6Ifinfo, m0: Mbuf, off: number, nxtOff: number): Mbuf | null {
    const { stat } = this.ip6v;
    const m = ip6Contiguous(this.ip6v, ii, m0, off + IP6_FRAG_LEN);
    if (m === null) return null;
    const dv = m.dv;
    const fh = m.off + off;
    const word = dv.getUint16(fh + 2);
    const more = (word & IP6F_MORE_FRAG) !== 0;
    const at = word & IP6F_OFF_MASK;
    stat.fragments++;
    ii.stat.reass_reqd++;
    if (at === 0 && !more) {
      stat.atomicfrags++;
      return this.deleteHeader(m, off, nxtOff);
    }
    const hlen = off + IP6_FRAG_LEN;
    const len = m.pktlen - hlen;
    if (more && (len & 7) !== 0) return this.refuse(ii, m, ICMP6_PARAMPROB_HEADER, 4); // the payload length is wrong
    if (len === 0) return this.dropFrag(ii, m);
    if (at + len > IPV6_MAXPACKET) return this.refuse(ii, m, ICMP6_PARAMPROB_HEADER, off + 2);
    if (this.maxfragpackets === 0 || this.maxfragsperpacket === 0 || (this.maxfrags >= 0 && this.curfrags >= this.maxfrags)) return this.overflow(ii, m);
    const first = at === 0 ? this.wholeChain(ii, m, hlen) : m;
    return first === null ? null : this.enqueue(ii, first, new Frag(first, at, len, hlen, nxtOff), more);
  }

  /** Gives up everything: memory is short, or the vnet goes. Source: FreeBSD frag6_drain(). */
  drain(): void {
    for (let h = 0; h < NHASH; h++) {
      for (let q = this.buckets[h] as Ip6q | null; q !== null; q = this.buckets[h] as Ip6q | null) this.drop(h, q);
    }
  }

  /** Gives up what came in by an interface that goes away. Source: FreeBSD frag6_cleanup(). */
  cleanup(ifp: Ifnet): void {
    for (let h = 0; h < NHASH; h++) {
      for (let q = this.buckets[h] as Ip6q | null; q !== null; ) {
        const next: Ip6q | null = q.next;
        if (q.ifp === ifp) this.drop(h, q);
        q = next;
      }
    }
  }

  /** Stops the timer and frees everything. */
  destroy(): void {
    this.drain();
    this.ip6v.vnet.kernel.callouts.stop(this.slowtimo);
  }

  /** Gives up the packets whose time has passed, and says so to a sender whose first fragment is there. Source: FreeBSD frag6_slowtimo(). */
  expire(): void {
    const { callouts } = this.ip6v.vnet.kernel;
    const now = callouts.nowUs();
    for (let h = 0; h < NHASH; h++) {
      for (let q = this.buckets[h] as Ip6q | null; q !== null; ) {
        const next: Ip6q | null = q.next;
        if (q.deadlineUs <= now) this.timeout(h, q);
        q = next;
      }
    }
    if (this.fragpackets > 0) callouts.reset(this.slowtimo, SLOWTIMO_US);
  }

  private dropFrag(ii: In6Ifinfo, m: Mbuf): null {
    this.ip6v.stat.fragdropped++;
    ii.stat.reass_fail++;
    mFreem(m);
    return null;
  }

  private overflow(ii: In6Ifinfo, m: Mbuf): null {
    this.ip6v.stat.fragoverflow++;
    return this.dropFrag(ii, m);
  }

  private refuse(ii: In6Ifinfo, m: Mbuf, code: number, pointer: number): null {
    this.ip6v.stat.fragdropped++;
    ii.stat.reass_fail++;
    icmp6Error(this.ip6v, m, ICMP6_PARAM_PROB, code, pointer);
    return null;
  }

  /** The first fragment, if it has all headers up to that of the transport; else null: its sender is told (RFC 7112). */
  private wholeChain(ii: In6Ifinfo, m0: Mbuf, hlen: number): Mbuf | null {
    const m = mPullup(m0, Math.min(m0.pktlen, Math.max(HDRS, hlen)));
    if (m === null) {
      this.ip6v.stat.fragdropped++;
      return null;
    }
    const w = this.ip6v.walk;
    const done = walkIp6Ext(m.dv, m.off, m.len, w);
    const bad = done ? w.nxt !== IPPROTO_NONE && w.off - m.off >= m.pktlen : w.status === IP6WALK_TRUNCATED;
    return bad ? this.refuse(ii, m, ICMP6_PARAMPROB_FIRSTFRAG, 0) : m;
  }

  private enqueue(ii: In6Ifinfo, m: Mbuf, f: Frag, more: boolean): Mbuf | null {
    const ident = m.dv.getInt32(m.off + f.hlen - 4);
    const hash = this.hashOf(m);
    let q = this.buckets[hash] as Ip6q | null;
    while (q !== null && !q.isOf(m, ident, ii.ifp)) q = q.next;
    if (q === null) q = this.newQueue(hash, m, ident, ii.ifp);
    const verdict = judge(q, f, more);
    if (verdict === DUPLICATE || !ecnAgrees(q, getIp6Tclass(m.dv, m.off))) return this.dropFrag(ii, m);
    if (verdict === OVERLAP) {
      this.drop(hash, q);
      return this.dropFrag(ii, m);
    }
    if (q.nfrags >= this.maxfragsperpacket) {
      this.drop(hash, q);
      return this.overflow(ii, m);
    }
    m.off += f.hlen;
    m.len -= f.hlen;
    m.pktlen -= f.hlen;
    insert(q, f);
    this.curfrags++;
    if (!more) q.end = f.off + f.len;
    return this.complete(ii, hash, q);
  }

  private hashOf(m: Mbuf): number {
    const dv = m.dv;
    const o = m.off;
    let h = Math.imul(dv.getInt32(o + 20) ^ this.seed, 0x9e3779b1) ^ Math.imul(dv.getInt32(o + 36), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ Math.imul(dv.getInt32(o + 16) ^ (dv.getInt32(o + 32) << 5), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13), 0x297a2d39) ^ Math.imul(dv.getInt32(o + 12) ^ (dv.getInt32(o + 28) << 5), 0x165667b1);
    h ^= dv.getInt32(o + 8) ^ (dv.getInt32(o + 24) << 5);
    return Math.imul(h ^ (h >>> 16), 0x9e3779b1) >>> 22;
  }

  /** Starts a packet; the oldest one gives way when there are too many, of the pair or in all. */
  private newQueue(hash: number, m: Mbuf, ident: number, ifp: Ifnet): Ip6q {
    if ((this.counts[hash] as number) >= this.maxfragbucketsize) this.dropOldest(hash);
    if (this.maxfragpackets >= 0 && this.fragpackets >= this.maxfragpackets) this.reuse(hash);
    const { callouts } = this.ip6v.vnet.kernel;
    const q = new Ip6q(m, ident, ifp, callouts.nowUs() + this.fraglifetimeMs * 1000);
    q.next = this.buckets[hash] as Ip6q | null;
    this.buckets[hash] = q;
    this.counts[hash]!++;
    this.fragpackets++;
    if (!this.slowtimo.pending) callouts.reset(this.slowtimo, SLOWTIMO_US);
    return q;
  }

  /** Gives up the oldest packet of this bucket, or of the next one that has any. */
  private reuse(start: number): void {
    for (let i = 0; i < NHASH; i++) {
      const h = (start + i) & (NHASH - 1);
      if (this.buckets[h] !== null) {
        this.dropOldest(h);
        return;
      }
    }
  }

  private dropOldest(hash: number): void {
    let last = this.buckets[hash] as Ip6q | null;
    while (last !== null && last.next !== null) last = last.next;
    if (last === null) return;
    this.ip6v.stat.fragoverflow += last.nfrags;
    this.freeQueue(hash, last);
  }

  /** The packet, if all of it is there. */
  private complete(ii: In6Ifinfo, hash: number, q: Ip6q): Mbuf | null {
    if (q.end < 0) return null;
    let next = 0;
    for (let f = q.frags; f !== null; f = f.next) {
      if (f.off !== next) return null;
      next += f.len;
    }
    if (next !== q.end) return null;
    const first = q.frags as Frag;
    const total = first.hlen - IP6_FRAG_LEN + next;
    if (total - IP6_HDR_LEN > IPV6_MAXPACKET) {
      this.drop(hash, q);
      ii.stat.reass_fail++;
      return null;
    }
    const head = first.m;
    for (let f = first.next; f !== null; f = f.next) mCatpkt(head, f.m);
    q.frags = null;
    this.unlink(hash, q);
    head.off -= first.hlen;
    head.len += first.hlen;
    head.pktlen = total + IP6_FRAG_LEN;
    const m = this.deleteHeader(head, first.hlen - IP6_FRAG_LEN, first.nxtOff);
    if (m === null) return null;
    // A sum that was verified was that of a fragment.
    m.csumFlags = 0;
    m.csumData = 0;
    if (q.ecn === IPTOS_ECN_CE) setIp6Tclass(m.dv, m.off, getIp6Tclass(m.dv, m.off) | IPTOS_ECN_CE);
    this.ip6v.stat.reassembled++;
    ii.stat.reass_ok++;
    return m;
  }

  /** Takes the fragment header at `off` out. Consumes m; null when there is no mbuf. Source: FreeBSD ip6_deletefraghdr(). */
  private deleteHeader(m0: Mbuf, off: number, nxtOff: number): Mbuf | null {
    const m = mHeaderWritable(m0, off + IP6_FRAG_LEN);
    if (m === null) {
      this.ip6v.stat.odropped++;
      return null;
    }
    m.dv.setUint8(m.off + nxtOff, m.dv.getUint8(m.off + off));
    m.buf.copyWithin(m.off + IP6_FRAG_LEN, m.off, m.off + off);
    m.off += IP6_FRAG_LEN;
    m.len -= IP6_FRAG_LEN;
    m.pktlen -= IP6_FRAG_LEN;
    m.dv.setUint16(m.off + 4, m.pktlen - IP6_HDR_LEN);
    this.off = off;
    this.nxtOff = nxtOff;
    return m;
  }

  /** Drops a packet. Source: FreeBSD frag6_freef(). */
  private drop(hash: number, q: Ip6q): void {
    this.ip6v.stat.fragdropped += q.nfrags;
    this.freeQueue(hash, q);
  }

  private timeout(hash: number, q: Ip6q): void {
    const first = q.frags;
    this.ip6v.stat.fragtimeout += q.nfrags;
    const ii = first === null || first.m.rcvif === null ? null : ifnetOf(first.m.rcvif);
    if (first === null || first.off !== 0 || ii === null) {
      this.freeQueue(hash, q);
      return;
    }
    q.frags = first.next;
    q.nfrags--;
    this.curfrags--;
    this.freeQueue(hash, q);
    const m = first.m;
    m.off -= first.hlen;
    m.len += first.hlen;
    m.pktlen += first.hlen;
    icmp6Error(this.ip6v, m, ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_REASSEMBLY, 0);
  }

  private freeQueue(hash: number, q: Ip6q): void {
    for (let f = q.frags; f !== null; f = f.next) mFreem(f.m);
    q.frags = null;
    this.unlink(hash, q);
  }

  private unlink(hash: number, q: Ip6q): void {
    let p = this.buckets[hash] as Ip6q | null;
    if (p === q) this.buckets[hash] = q.next;
    else {
      while (p !== null && p.next !== q) p = p.next;
      if (p !== null) p.next = q.next;
    }
    this.counts[hash]!--;
    this.fragpackets--;
    this.curfrags -= q.nfrags;
    q.nfrags = 0;
  }
}

const FITS = 0;
const DUPLICATE = 1;
const OVERLAP = 2;

/** Whether a fragment fits beside what is there: an exact duplicate is harmless, overlaps and contradictions about the end are not. */
function judge(q: Ip6q, f: Frag, more: boolean): number {
  const end = f.off + f.len;
  for (let g = q.frags; g !== null; g = g.next) {
    if (g.off === f.off && g.len === f.len) return DUPLICATE;
    if (f.off < g.off + g.len && g.off < end) return OVERLAP;
    if (!more && g.off >= end) return OVERLAP; // something is behind the end
  }
  if (q.end >= 0 && (more ? end >= q.end : end !== q.end)) return OVERLAP;
  return FITS;
}

function insert(q: Ip6q, f: Frag): void {
  let p: Frag | null = null;
  let g = q.frags;
  while (g !== null && g.off < f.off) {
    p = g;
    g = g.next;
  }
  f.next = g;
  if (p === null) q.frags = f;
  else p.next = f;
  q.nfrags++;
}

/** RFC 3168 §5.3: congestion experienced is not lost, and a mixture with not-ECT is no packet. */
function ecnAgrees(q: Ip6q, tclass: number): boolean {
  const ecn = tclass & IPTOS_ECN_MASK;
  if (ecn === IPTOS_ECN_CE) {
    if (q.ecn === IPTOS_ECN_NOTECT) return false;
    q.ecn = IPTOS_ECN_CE;
    return true;
  }
  return (ecn === IPTOS_ECN_NOTECT) === (q.ecn === IPTOS_ECN_NOTECT);
}

function sweepExpired(r: Frag6): void {
  r.expire();
}
