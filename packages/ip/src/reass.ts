import { Callout } from '@ns/callout';
import { mHeaderWritable } from '@ns/ifnet-kpi';
import { type Mbuf, mAdj, mCatpkt, mFreem } from '@ns/mbuf';
import {
  getIpHlen,
  getIpLen,
  getIpOff,
  ICMP_TIMXCEED,
  ICMP_TIMXCEED_REASS,
  IP_MAXPACKET,
  IP_MF,
  IP_OFFMASK,
  IPTOS_ECN_CE,
  IPTOS_ECN_MASK,
  IPTOS_ECN_NOTECT,
} from '@ns/wire';
import { icmpError } from './icmp-error.ts';
import type { IpVnet } from './ip-vnet.ts';

/** Buckets. Source: FreeBSD ip_reass.c, IPREASS_NHASH. */
const IPREASS_NHASH = 1024;
/** Interval of the sweep, and unit of times to live. Source: FreeBSD PR_SLOWHZ. */
const SLOWTIMO_US = 500000;

/** One fragment: its packet without the header, and where the data belongs. */
class IpFrag {
  m: Mbuf;
  /** First byte of data in the whole payload. */
  off: number;
  /** Bytes of data. */
  len: number;
  /** IP_MF was set. */
  mf: boolean;
  /** Bytes of IP header in front of `m.off`. */
  hlen: number;
  next: IpFrag | null;

  constructor(m: Mbuf, off: number, len: number, mf: boolean, hlen: number) {
    this.m = m;
    this.off = off;
    this.len = len;
    this.mf = mf;
    this.hlen = hlen;
    this.next = null;
  }
}

/** The fragments of one datagram. Source: FreeBSD ip_var.h, struct ipq. */
class Ipq {
  readonly src: number;
  readonly dst: number;
  readonly id: number;
  readonly p: number;
  /** Kernel time at which it is given up. */
  readonly deadlineUs: number;
  /** End of the payload, once the last fragment is there; -1 before. */
  maxoff: number;
  nfrags: number;
  /** By offset. */
  frags: IpFrag | null;
  /** ECN field of the datagram. */
  tos: number;
  next: Ipq | null;

  constructor(src: number, dst: number, id: number, p: number, deadlineUs: number, tos: number) {
    this.src = src;
    this.dst = dst;
    this.id = id;
    this.p = p;
    this.deadlineUs = deadlineUs;
    this.maxoff = -1;
    this.nfrags = 0;
    this.frags = null;
    this.tos = tos;
    this.next = null;
  }
}

/**
 * Puts datagrams together from fragments, within limits: datagrams in all and in a bucket, fragments in all and of a datagram, time.
 *
 * Of overlapping data what came first counts at the front, what came last at the back, as in FreeBSD. A datagram that would exceed 65535 bytes, or whose fragments
 * contradict each other about its end or its ECN field, does not come about.
 * Source: FreeBSD ip_reass.c; RFC 791 §3.2, RFC 815, RFC 1858.
 * @public
 */
export class IpReass {
  /** net.inet.ip.maxfragpackets: datagrams; 0 = none at all, -1 = no limit. */
  maxfragpackets: number;
  /** net.inet.ip.maxfrags: fragments; 0 = none at all, -1 = no limit. */
  maxfrags: number;
  /** net.inet.ip.maxfragsperpacket: fragments kept of one datagram; 0 = none at all. */
  maxfragsperpacket: number;
  /** net.inet.ip.maxfragbucketsize: datagrams in one bucket. */
  maxfragbucketsize: number;
  /** net.inet.ip.fragttl: seconds until a datagram is given up. */
  fragttl: number;
  /** Datagrams waiting: net.inet.ip.fragpackets. */
  fragpackets: number;
  /** Fragments waiting: net.inet.ip.curfrags. */
  curfrags: number;
  private readonly ipv: IpVnet;
  private readonly buckets: (Ipq | null)[];
  private readonly counts: Uint16Array;
  private readonly seed: number;
  private readonly slowtimo: Callout<IpReass>;

  constructor(ipv: IpVnet) {
    const { kernel } = ipv.vnet;
    const clusters = kernel.mbufs.limits.nmbclusters;
    this.ipv = ipv;
    this.maxfragpackets = Math.max(1, Math.floor(clusters / 32));
    this.maxfrags = Math.max(1, Math.floor(clusters / 32));
    this.maxfragsperpacket = 16;
    this.maxfragbucketsize = Math.max(1, Math.floor(this.maxfragpackets / (IPREASS_NHASH / 2)));
    this.fragttl = 30;
    this.fragpackets = 0;
    this.curfrags = 0;
    this.buckets = new Array<Ipq | null>(IPREASS_NHASH).fill(null);
    this.counts = new Uint16Array(IPREASS_NHASH);
    this.seed = kernel.random.u32();
    this.slowtimo = new Callout<IpReass>(sweepExpired, this);
  }

  /**
   * Takes the fragment `m`, which begins with its IP header (`hlen` bytes, checked by input). Returns the whole datagram, header first, when this was what it
   * lacked; else null. Consumes m. Source: FreeBSD ip_reass().
   */
  input(m: Mbuf): Mbuf | null {
    const stat = this.ipv.stat;
    const dv = m.dv;
    const o = m.off;
    if (this.maxfragpackets === 0 || this.maxfragsperpacket === 0 || (this.maxfrags >= 0 && this.curfrags >= this.maxfrags)) {
      stat.fragments++;
      return this.dropFrag(m);
    }
    const hlen = getIpHlen(dv, o);
    const word = getIpOff(dv, o);
    const mf = (word & IP_MF) !== 0;
    const off = (word & IP_OFFMASK) << 3;
    const len = getIpLen(dv, o) - hlen;
    if (len === 0 || (mf && (len & 7) !== 0)) {
      stat.toosmall++;
      return this.dropFrag(m);
    }
    if (off + len > IP_MAXPACKET) {
      stat.toolong++;
      return this.dropFrag(m);
    }
    stat.fragments++;
    const hash = this.hashOf(dv.getInt32(o + 12), dv.getInt32(o + 16), dv.getUint16(o + 4), dv.getUint8(o + 9));
    let fp = this.find(hash, m);
    const tos = dv.getUint8(o + 1);
    if (fp === null) fp = this.newQueue(hash, m, tos);
    else if (!sane(fp, off, len, mf) || !ecnAgrees(fp, tos)) return this.dropFrag(m);
    m.off += hlen;
    m.len -= hlen;
    m.pktlen -= hlen;
    if (!this.insert(fp, new IpFrag(m, off, len, mf, hlen))) return this.dropFrag(m);
    if (!mf) fp.maxoff = off + len;
    return this.complete(hash, fp);
  }

  /** Gives up everything: memory is short, or the vnet goes. Source: FreeBSD ipreass_drain(). */
  drain(): void {
    for (let h = 0; h < IPREASS_NHASH; h++) {
      for (let fp = this.buckets[h] as Ipq | null; fp !== null; fp = this.buckets[h] as Ipq | null) this.drop(h, fp);
    }
  }

  /** Gives up what came in by an interface that goes away. Source: FreeBSD ipreass_cleanup(). */
  cleanup(rcvif: unknown): void {
    for (let h = 0; h < IPREASS_NHASH; h++) {
      for (let fp = this.buckets[h] as Ipq | null; fp !== null; ) {
        const next: Ipq | null = fp.next;
        let hit = false;
        for (let f = fp.frags; f !== null; f = f.next) if (f.m.rcvif === rcvif) hit = true;
        if (hit) this.drop(h, fp);
        fp = next;
      }
    }
  }

  /** Stops the timer and frees everything. */
  destroy(): void {
    this.drain();
    this.ipv.vnet.kernel.callouts.stop(this.slowtimo);
  }

  /** Gives up the datagrams whose time has passed. RFC 1122 §3.3.2: says so to a sender whose first fragment is there. Differs: FreeBSD says nothing. */
  expire(): void {
    const now = this.ipv.vnet.kernel.callouts.nowUs();
    for (let h = 0; h < IPREASS_NHASH; h++) {
      for (let fp = this.buckets[h] as Ipq | null; fp !== null; ) {
        const next: Ipq | null = fp.next;
        if (fp.deadlineUs <= now) this.timeout(h, fp);
        fp = next;
      }
    }
    if (this.fragpackets > 0) this.ipv.vnet.kernel.callouts.reset(this.slowtimo, SLOWTIMO_US);
  }

  private dropFrag(m: Mbuf): null {
    this.ipv.stat.fragdropped++;
    mFreem(m);
    return null;
  }

  private hashOf(src: number, dst: number, id: number, p: number): number {
    let h = (Math.imul(src ^ this.seed, 0x9e3779b1) + Math.imul(dst, 0x85ebca6b)) ^ Math.imul((id << 8) | p, 0xc2b2ae35);
    h ^= h >>> 15;
    return (h ^ (h >>> 7)) & (IPREASS_NHASH - 1);
  }

  private find(hash: number, m: Mbuf): Ipq | null {
    const dv = m.dv;
    const o = m.off;
    const src = dv.getInt32(o + 12);
    const dst = dv.getInt32(o + 16);
    const id = dv.getUint16(o + 4);
    const p = dv.getUint8(o + 9);
    let fp = this.buckets[hash] as Ipq | null;
    while (fp !== null && (fp.id !== id || fp.src !== src || fp.dst !== dst || fp.p !== p)) fp = fp.next;
    return fp;
  }

  /** Starts a datagram; the oldest one gives way when there are too many, in the bucket or in all. */
  private newQueue(hash: number, m: Mbuf, tos: number): Ipq {
    if ((this.counts[hash] as number) >= this.maxfragbucketsize) this.dropOldest(hash);
    if (this.maxfragpackets >= 0 && this.fragpackets >= this.maxfragpackets) this.reuse(hash);
    const { callouts } = this.ipv.vnet.kernel;
    const dv = m.dv;
    const o = m.off;
    const deadline = callouts.nowUs() + this.fragttl * 1000000;
    const fp = new Ipq(dv.getInt32(o + 12), dv.getInt32(o + 16), dv.getUint16(o + 4), dv.getUint8(o + 9), deadline, tos);
    fp.next = this.buckets[hash] as Ipq | null;
    this.buckets[hash] = fp;
    this.counts[hash]!++;
    this.fragpackets++;
    if (!this.slowtimo.pending) callouts.reset(this.slowtimo, SLOWTIMO_US);
    return fp;
  }

  /** Gives up the oldest datagram of this bucket, or of the next one that has any. Source: FreeBSD ipq_reuse(). */
  private reuse(start: number): void {
    for (let i = 0; i < IPREASS_NHASH; i++) {
      const h = (start + i) & (IPREASS_NHASH - 1);
      if (this.buckets[h] !== null) {
        this.dropOldest(h);
        return;
      }
    }
  }

  private dropOldest(hash: number): void {
    let last = this.buckets[hash] as Ipq | null;
    while (last !== null && last.next !== null) last = last.next;
    if (last === null) return;
    this.ipv.stat.fragtimeout += last.nfrags;
    this.freeQueue(hash, last);
  }

  /** Puts a fragment where it belongs and trims what overlaps; false if it brings nothing new. */
  private insert(fp: Ipq, f: IpFrag): boolean {
    let p: IpFrag | null = null;
    let q = fp.frags;
    while (q !== null && q.off <= f.off) {
      p = q;
      q = q.next;
    }
    if (p !== null) {
      const over = p.off + p.len - f.off;
      if (over > 0) {
        if (over >= f.len) return false;
        mAdj(f.m, over);
        f.off += over;
        f.len -= over;
      }
      p.next = f;
    } else {
      fp.frags = f;
    }
    f.next = this.trimBehind(fp, f, q);
    fp.nfrags++;
    this.curfrags++;
    return true;
  }

  /** Cuts from the fragments behind `f` what it covers; returns the first that is left. */
  private trimBehind(fp: Ipq, f: IpFrag, first: IpFrag | null): IpFrag | null {
    let q = first;
    while (q !== null && f.off + f.len > q.off) {
      const over = f.off + f.len - q.off;
      if (over < q.len) {
        mAdj(q.m, over);
        q.off += over;
        q.len -= over;
        break;
      }
      const next: IpFrag | null = q.next;
      this.ipv.stat.fragdropped++;
      fp.nfrags--;
      this.curfrags--;
      mFreem(q.m);
      q = next;
    }
    return q;
  }

  /** The datagram, if all of it is there. One fragment more than the limit may come, for it may be the one that completes it. */
  private complete(hash: number, fp: Ipq): Mbuf | null {
    let next = 0;
    let last: IpFrag | null = null;
    for (let q = fp.frags; q !== null; q = q.next) {
      if (q.off !== next) break;
      next += q.len;
      last = q;
    }
    if (last === null || last.next !== null || last.mf) {
      if (fp.nfrags > this.maxfragsperpacket) this.drop(hash, fp);
      return null;
    }
    const first = fp.frags as IpFrag;
    if (next + first.hlen > IP_MAXPACKET) {
      this.ipv.stat.toolong++;
      this.drop(hash, fp);
      return null;
    }
    return this.concatenate(hash, fp, next);
  }

  /** Joins the fragments behind the header of the first. Null when there is no mbuf for a header that may be written. */
  private concatenate(hash: number, fp: Ipq, total: number): Mbuf | null {
    const first = fp.frags as IpFrag;
    const head = first.m;
    for (let q = first.next; q !== null; q = q.next) mCatpkt(head, q.m);
    fp.frags = null;
    this.unlink(hash, fp);
    head.off -= first.hlen;
    head.len += first.hlen;
    head.pktlen = total + first.hlen;
    const m = mHeaderWritable(head, first.hlen);
    if (m === null) {
      this.ipv.stat.odropped++;
      return null;
    }
    // A sum that was verified was that of a fragment.
    m.csumFlags = 0;
    m.csumData = 0;
    const dv = m.dv;
    dv.setUint16(m.off + 2, m.pktlen);
    dv.setUint16(m.off + 6, 0);
    if ((fp.tos & IPTOS_ECN_MASK) === IPTOS_ECN_CE) dv.setUint8(m.off + 1, dv.getUint8(m.off + 1) | IPTOS_ECN_CE);
    this.ipv.stat.reassembled++;
    return m;
  }

  /** Drops a datagram. Source: FreeBSD ipq_drop(). */
  private drop(hash: number, fp: Ipq): void {
    this.ipv.stat.fragdropped += fp.nfrags;
    this.freeQueue(hash, fp);
  }

  private timeout(hash: number, fp: Ipq): void {
    const first = fp.frags;
    this.ipv.stat.fragtimeout += fp.nfrags;
    if (first === null || first.off !== 0) {
      this.freeQueue(hash, fp);
      return;
    }
    fp.frags = first.next;
    fp.nfrags--;
    this.curfrags--;
    this.freeQueue(hash, fp);
    const m = first.m;
    m.off -= first.hlen;
    m.len += first.hlen;
    m.pktlen += first.hlen;
    icmpError(this.ipv, m, ICMP_TIMXCEED, ICMP_TIMXCEED_REASS, 0, 0);
  }

  private freeQueue(hash: number, fp: Ipq): void {
    for (let q = fp.frags; q !== null; q = q.next) mFreem(q.m);
    fp.frags = null;
    this.unlink(hash, fp);
  }

  private unlink(hash: number, fp: Ipq): void {
    let p = this.buckets[hash] as Ipq | null;
    if (p === fp) this.buckets[hash] = fp.next;
    else {
      while (p !== null && p.next !== fp) p = p.next;
      if (p !== null) p.next = fp.next;
    }
    this.counts[hash]!--;
    this.fragpackets--;
    this.curfrags -= fp.nfrags;
    fp.nfrags = 0;
  }
}

/** Whether a fragment agrees with what is known of the end of its datagram. */
function sane(fp: Ipq, off: number, len: number, mf: boolean): boolean {
  if (fp.maxoff < 0) {
    if (mf) return true;
    for (let q = fp.frags; q !== null; q = q.next) if (q.off + q.len > off + len) return false;
    return true;
  }
  const end = off + len;
  return mf ? end < fp.maxoff : end === fp.maxoff;
}

/** RFC 3168 §5.3: congestion experienced is not lost, and a mixture with not-ECT is no datagram. */
function ecnAgrees(fp: Ipq, tos: number): boolean {
  const ecn = tos & IPTOS_ECN_MASK;
  const ecn0 = fp.tos & IPTOS_ECN_MASK;
  if (ecn === IPTOS_ECN_CE) {
    if (ecn0 === IPTOS_ECN_NOTECT) return false;
    fp.tos |= IPTOS_ECN_CE;
    return true;
  }
  return ecn !== IPTOS_ECN_NOTECT || ecn0 === IPTOS_ECN_NOTECT;
}

function sweepExpired(r: IpReass): void {
  r.expire();
}
