import { ENOBUFS } from '@ns/errno';
import { Callout, type CalloutWheel } from '@ns/callout';
import { type Random, SeededRandom } from '@ns/kern';
import { type Mbuf, mCopypacket, mDup, mFreem, mToBytes, mUnshare } from '@ns/mbuf';
import { ETHER_HDR_LEN, ETHERTYPE_IP, ETHERTYPE_IPV6 } from '@ns/wire';
import { type LabFrame, type LabPathOptions, LabPathStats } from './link-options.ts';
import { tcpFrame } from './tcp-frame.ts';

const DEFAULT_QUEUE = 1000;
const DEFAULT_REORDER_US = 3000;

/** A frame between two ends. */
class Flight {
  m: Mbuf;
  departUs: number;
  arriveUs: number;
  prev: Flight | null;
  next: Flight | null;

  constructor(m: Mbuf, departUs: number, arriveUs: number) {
    this.m = m;
    this.departUs = departUs;
    this.arriveUs = arriveUs;
    this.prev = null;
    this.next = null;
  }
}

/**
 * One direction of a link: a queue, a serialiser, a wire with its faults. Frames arrive from a callout of the receiving kernel; frames that arrive in the same microsecond do so in
 * the order in which they were sent.
 * @public
 */
export class LabPath {
  /** May be changed at any time; frames under way keep their fate. */
  readonly options: LabPathOptions;
  /** What has happened so far. */
  readonly stats: LabPathStats;
  private readonly random: Random;
  private readonly wheel: CalloutWheel;
  private readonly deliver: (m: Mbuf) => void;
  private readonly callout: Callout<LabPath>;
  private head: Flight | null;
  private tail: Flight | null;
  private flying: number;
  /** When the wire is free again, µs with a fraction. */
  private freeUs: number;
  /** Departure times of the frames that have not been sent yet, oldest first, and where they begin. */
  private departures: number[];
  private departed: number;
  private tcpSegments: number;

  /**
   * @param wheel - of the kernel that receives
   * @param deliver - consumes a frame at the far end
   */
  constructor(options: LabPathOptions, seed: number, wheel: CalloutWheel, deliver: (m: Mbuf) => void) {
    this.options = options;
    this.stats = new LabPathStats();
    this.random = new SeededRandom(seed);
    this.wheel = wheel;
    this.deliver = deliver;
    this.callout = new Callout<LabPath>((p) => p.arrive(), this);
    this.head = null;
    this.tail = null;
    this.flying = 0;
    this.freeUs = 0.5; // a double from the start
    this.departures = [];
    this.departed = 0;
    this.tcpSegments = 0;
  }

  /** Frames that are queued or on the wire. */
  get inFlight(): number {
    return this.flying;
  }

  /** Takes a frame. Consumes `m`; ENOBUFS if the pool is empty, or the queue is full and `queueErrors` set; 0 else, lost or not. */
  send(m: Mbuf): number {
    const o = this.options;
    const s = this.stats;
    const now = this.wheel.nowUs();
    s.frames++;
    s.bytes += m.pktlen;
    const waiting = this.waiting(now);
    const bandwidth = o.bandwidth ?? 0;
    if (bandwidth > 0 && waiting > (o.queueLimit ?? DEFAULT_QUEUE)) {
      s.queueDrops++;
      mFreem(m);
      return o.queueErrors === true ? ENOBUFS : 0;
    }
    if (waiting + 1 > s.queueMax) s.queueMax = waiting + 1;
    const departUs = this.serialise(m.pktlen, bandwidth, now);
    if (this.fate(m, now)) return 0;
    const frame = this.chance(o.corrupt) ? this.damage(m) : m;
    if (frame === null) return ENOBUFS;
    let arriveUs = Math.max(Math.ceil(departUs) + (o.delayUs ?? 0), now + 1);
    if (this.chance(o.reorder)) {
      s.reordered++;
      arriveUs += 1 + this.below(o.reorderUs ?? DEFAULT_REORDER_US);
    }
    const copy = this.chance(o.duplicate) ? mCopypacket(frame) : null;
    this.launch(new Flight(frame, departUs, arriveUs));
    if (copy !== null) {
      s.duplicated++;
      this.launch(new Flight(copy, departUs, arriveUs + 1));
    }
    return 0;
  }

  /** Drops what has not been sent yet. */
  flushQueue(): void {
    const now = this.wheel.nowUs();
    for (let f = this.head; f !== null; ) {
      const next = f.next;
      if (f.departUs > now) this.scrap(f);
      f = next;
    }
    this.departures = [];
    this.departed = 0;
    if (this.freeUs > now) this.freeUs = now;
  }

  /** Drops everything and stops. */
  cut(): void {
    while (this.head !== null) this.scrap(this.head);
    this.departures = [];
    this.departed = 0;
    this.wheel.stop(this.callout);
  }

  private chance(p: number | undefined): boolean {
    return p !== undefined && p > 0 && (this.random.u32() >>> 0) / 4294967296 < p;
  }

  private below(n: number): number {
    return (this.random.u32() >>> 0) % n;
  }

  /** Frames that are in the queue or being sent. */
  private waiting(now: number): number {
    const d = this.departures;
    while (this.departed < d.length && (d[this.departed] as number) <= now) this.departed++;
    if (this.departed > 1024 && this.departed * 2 > d.length) {
      d.splice(0, this.departed);
      this.departed = 0;
    }
    return d.length - this.departed;
  }

  /** When the last bit of a frame of `len` bytes leaves, if it is given to the wire now. */
  private serialise(len: number, bandwidth: number, now: number): number {
    if (bandwidth <= 0) return now;
    this.freeUs = Math.max(this.freeUs, now) + (len * 8e6) / bandwidth;
    this.departures.push(this.freeUs);
    return this.freeUs;
  }

  /** Whether the frame is lost; frees it then. The wire was busy with it all the same. */
  private fate(m: Mbuf, us: number): boolean {
    const { drop } = this.options;
    const s = this.stats;
    let lost = false;
    if (drop !== undefined && drop !== null) {
      lost = typeof drop === 'function' ? drop(this.look(m, us)) : drop.includes(s.frames);
      if (lost) s.dropped++;
    }
    if (!lost && this.chance(this.options.loss)) {
      s.lost++;
      lost = true;
    }
    if (lost) mFreem(m);
    return lost;
  }

  private look(m: Mbuf, us: number): LabFrame {
    const bytes = mToBytes(m);
    const tcp = tcpFrame(bytes);
    return { n: this.stats.frames, tcpN: tcp === null ? 0 : ++this.tcpSegments, us, bytes, tcp };
  }

  /** Inverts one bit behind the link header of a copy: the sender's own storage is not the wire's to change. */
  private damage(m: Mbuf): Mbuf | null {
    const type = m.len >= ETHER_HDR_LEN ? m.dv.getUint16(m.off + 12) : 0;
    if ((type !== ETHERTYPE_IP && type !== ETHERTYPE_IPV6) || m.pktlen <= ETHER_HDR_LEN) return m;
    const d = mDup(m);
    mFreem(m);
    const n = d === null ? null : mUnshare(d);
    if (n === null) {
      this.stats.noMbufs++;
      return null;
    }
    let at = ETHER_HDR_LEN + this.below(n.pktlen - ETHER_HDR_LEN);
    for (let p: Mbuf | null = n; p !== null; p = p.next) {
      if (at < p.len) {
        p.buf[p.off + at]! ^= 1 << this.below(8);
        break;
      }
      at -= p.len;
    }
    this.stats.corrupted++;
    return n;
  }

  /** Files a frame by arrival; nearly always last. */
  private launch(f: Flight): void {
    this.flying++;
    let prev = this.tail;
    while (prev !== null && prev.arriveUs > f.arriveUs) prev = prev.prev;
    f.prev = prev;
    f.next = prev === null ? this.head : prev.next;
    if (prev === null) this.head = f;
    else prev.next = f;
    if (f.next === null) this.tail = f;
    else f.next.prev = f;
    if (this.head === f) this.arm();
  }

  private unlink(f: Flight): void {
    if (f.prev === null) this.head = f.next;
    else f.prev.next = f.next;
    if (f.next === null) this.tail = f.prev;
    else f.next.prev = f.prev;
    this.flying--;
  }

  private scrap(f: Flight): void {
    this.unlink(f);
    this.stats.noCarrier++;
    mFreem(f.m);
  }

  private arm(): void {
    if (this.head === null) this.wheel.stop(this.callout);
    else this.wheel.reset(this.callout, this.head.arriveUs - this.wheel.nowUs());
  }

  /** Hands over what has arrived. */
  private arrive(): void {
    const now = this.wheel.nowUs();
    for (let f = this.head; f !== null && f.arriveUs <= now; f = this.head) {
      this.unlink(f);
      this.stats.delivered++;
      this.stats.deliveredBytes += f.m.pktlen;
      this.deliver(f.m);
    }
    this.arm();
  }
}
