import type { Clock } from '@ns/callout';
import { EINVAL } from '@ns/errno';
import { DLT_EN10MB, DLT_NULL } from '@ns/ifnet-kpi';
import { M_VLANTAG, type Mbuf } from '@ns/mbuf';
import { AF_INET, AF_INET6, ETHERTYPE_VLAN } from '@ns/wire';
import type { BpfProgram } from './filter.ts';

/** Direction: received. @public */
export const BPF_D_IN = 0;
/** Direction that a descriptor wants: both. @public */
export const BPF_D_INOUT = 1;
/** Direction: sent. @public */
export const BPF_D_OUT = 2;

/** Where a {@link BpfIf} shows that somebody listens: `bpf` is null while nobody does, so that a tap costs one test. @public */
export interface BpfOwner {
  /** The tapping point while somebody listens. */
  bpf: BpfIf | null;
}

/** Bytes of a header in the buffer of a descriptor: time, captured length, length, interface, direction. */
const REC_HDR = 24;
/** Bytes kept of a packet when a descriptor names no length. Source: tcpdump, MAXIMUM_SNAPLEN. */
const DEFAULT_SNAPLEN = 262144;
/** Bytes of the buffer when a descriptor names none. Source: FreeBSD net.bpf.maxbufsize. */
const DEFAULT_BUFSIZE = 524288;
/** Bytes of a DLT_NULL header. */
const NULL_HDRLEN = 4;

/** Choices of a {@link BpfD}. @public */
export interface BpfOptions {
  /** Bytes kept of each packet. */
  readonly snaplen?: number;
  /** Bytes of the buffer; what does not fit is dropped and counted. */
  readonly bufsize?: number;
  /** Which packets; null or absent: all. */
  readonly filter?: BpfProgram | null;
  /** BPF_D_*; default BPF_D_INOUT. */
  readonly direction?: number;
  /** Called from the packet path when the first packet is in an empty buffer; may only take note. */
  readonly onReadable?: () => void;
}

/** A packet in the buffer of a descriptor: valid during the call that shows it. @public */
export interface BpfRecord {
  /** When it was seen: µs since 1970. */
  tsUs: number;
  /** Bytes that are there. */
  caplen: number;
  /** Bytes of the packet. */
  len: number;
  /** Which interface of the descriptor, from 0 in the order of attaching. */
  ifid: number;
  /** BPF_D_IN or BPF_D_OUT. */
  direction: number;
  /** The buffer; the bytes are [off, off + caplen). */
  buf: Uint8Array;
  /** Where the bytes begin in `buf`. */
  off: number;
}

/**
 * A listener: takes what its filter lets through from the interfaces that it is attached to, up to `snaplen` bytes of each packet, into a buffer of fixed size.
 * Source: FreeBSD bpf.c, struct bpf_d. Differs: one descriptor may listen to several interfaces, so that one capture has them in order.
 * @public
 */
export class BpfD {
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** BPF_D_*. */
  readonly direction: number;
  /** Which packets, or null. */
  filter: BpfProgram | null;
  /** Packets looked at. */
  rcount: number;
  /** Packets that the filter let through. */
  fcount: number;
  /** Packets that found no room. */
  dcount: number;
  /** Interfaces by ifid; null where one has gone. */
  readonly interfaces: (BpfIf | null)[];
  private readonly buf: Uint8Array;
  private readonly dv: DataView;
  private used: number;
  private readonly onReadable: (() => void) | null;
  private readonly record: BpfRecord;

  constructor(options: BpfOptions = {}) {
    this.snaplen = options.snaplen ?? DEFAULT_SNAPLEN;
    this.direction = options.direction ?? BPF_D_INOUT;
    this.filter = options.filter ?? null;
    this.rcount = 0;
    this.fcount = 0;
    this.dcount = 0;
    this.interfaces = [];
    this.buf = new Uint8Array(Math.max(options.bufsize ?? DEFAULT_BUFSIZE, REC_HDR));
    this.dv = new DataView(this.buf.buffer);
    this.used = 0;
    this.onReadable = options.onReadable ?? null;
    this.record = { tsUs: 0, caplen: 0, len: 0, ifid: 0, direction: BPF_D_IN, buf: this.buf, off: 0 };
  }

  /** Bytes in the buffer; 0 when there is nothing to read. */
  get pending(): number {
    return this.used;
  }

  /** Listens to an interface; returns its ifid, or -EINVAL if it does already. */
  attach(bif: BpfIf): number {
    if (this.interfaces.includes(bif)) return -EINVAL;
    this.interfaces.push(bif);
    bif.add(this);
    return this.interfaces.length - 1;
  }

  /** Listens to it no more; what is in the buffer stays. */
  detach(bif: BpfIf): void {
    const ifid = this.interfaces.indexOf(bif);
    if (ifid < 0) return;
    this.interfaces[ifid] = null;
    bif.remove(this);
  }

  /** Listens to nothing any more, and forgets what is in the buffer. */
  close(): void {
    for (const bif of this.interfaces) if (bif !== null) this.detach(bif);
    this.used = 0;
  }

  /** Shows each packet in the buffer to `fn`, oldest first, and empties it. Returns how many. The record and its bytes are the descriptor's. Not for the packet path. */
  read(fn: (rec: BpfRecord) => void): number {
    const end = this.used;
    const rec = this.record;
    let n = 0;
    for (let at = 0; at < end; n++) {
      rec.tsUs = this.dv.getFloat64(at);
      rec.caplen = this.dv.getUint32(at + 8);
      rec.len = this.dv.getUint32(at + 12);
      rec.ifid = this.dv.getUint16(at + 16);
      rec.direction = this.dv.getUint8(at + 18);
      rec.off = at + REC_HDR;
      at = align8(rec.off + rec.caplen);
      fn(rec);
    }
    this.used = 0;
    return n;
  }

  /** For {@link BpfIf.tap}: takes the first bytes of `packet` if there is room. */
  catchPacket(bif: BpfIf, packet: Uint8Array, caplen: number, len: number, direction: number, tsUs: number): void {
    const at = this.used;
    const next = align8(at + REC_HDR + caplen);
    if (next > this.buf.length) {
      this.dcount++;
      return;
    }
    const dv = this.dv;
    dv.setFloat64(at, tsUs);
    dv.setUint32(at + 8, caplen);
    dv.setUint32(at + 12, len);
    dv.setUint16(at + 16, this.interfaces.indexOf(bif));
    dv.setUint8(at + 18, direction);
    this.buf.set(packet.subarray(0, caplen), at + REC_HDR);
    this.used = next;
    if (at === 0 && this.onReadable !== null) this.onReadable();
  }
}

/** Records begin at multiples of 8. Source: BPF_WORDALIGN(). */
const align8 = (n: number): number => (n + 7) & ~7;

/**
 * The tapping point of one interface. Source: FreeBSD bpf.c, struct bpf_if.
 * @public
 */
export class BpfIf {
  /** Name of the interface, for the capture file. */
  name: string;
  /** DLT_*: what the packets begin with. */
  readonly dlt: number;
  private readonly owner: BpfOwner;
  private readonly clock: Clock;
  private listeners: readonly BpfD[];
  private scratch: Uint8Array;
  private scratchDv: DataView;

  constructor(owner: BpfOwner, name: string, dlt: number, clock: Clock) {
    this.owner = owner;
    this.name = name;
    this.dlt = dlt;
    this.clock = clock;
    this.listeners = [];
    this.scratch = new Uint8Array(0);
    this.scratchDv = new DataView(this.scratch.buffer);
  }

  /** For {@link BpfD.attach}. */
  add(d: BpfD): void {
    this.listeners = [...this.listeners, d];
    this.owner.bpf = this;
  }

  /** For {@link BpfD.detach}. */
  remove(d: BpfD): void {
    this.listeners = this.listeners.filter((x) => x !== d);
    if (this.listeners.length === 0) this.owner.bpf = null;
  }

  /** All listeners lose this interface: it goes away, or to another vnet. Source: FreeBSD bpfdetach(). */
  detachAll(): void {
    for (const d of this.listeners) d.detach(this);
  }

  /** Shows a packet to all listeners. m stays the caller's. `direction` is BPF_D_IN or BPF_D_OUT. Source: FreeBSD bpf_mtap(), ether_vlan_mtap(). */
  tap(m: Mbuf, direction: number): void {
    const tsUs = this.clock.wallUs();
    const listeners = this.listeners;
    const len = m.pktlen + this.extra(m);
    this.assemble(m, len);
    for (let i = 0; i < listeners.length; i++) {
      const d = listeners[i] as BpfD;
      if (d.direction !== BPF_D_INOUT && d.direction !== direction) continue;
      d.rcount++;
      let keep = d.filter === null ? len : d.filter.run(this.scratchDv, len, len);
      if (keep === 0) continue;
      d.fcount++;
      if (keep > d.snaplen) keep = d.snaplen;
      d.catchPacket(this, this.scratch, keep < len ? keep : len, len, direction, tsUs);
    }
  }

  /** Bytes that listeners see and the mbuf does not have: the family in front of DLT_NULL, a tag that is kept beside the frame. */
  private extra(m: Mbuf): number {
    if (this.dlt === DLT_NULL) return NULL_HDRLEN;
    return this.dlt === DLT_EN10MB && (m.flags & M_VLANTAG) !== 0 && m.pktlen >= 12 ? 4 : 0;
  }

  /** Puts the packet of `len` bytes together in the scratch buffer. */
  private assemble(m: Mbuf, len: number): void {
    if (len > this.scratch.length) {
      this.scratch = new Uint8Array(1 << (32 - Math.clz32(Math.max(len, 2048) - 1)));
      this.scratchDv = new DataView(this.scratch.buffer);
    }
    const to = this.scratch;
    let at = this.dlt === DLT_NULL ? NULL_HDRLEN : 0;
    for (let p: Mbuf | null = m; p !== null && at < len; p = p.next) {
      const n = p.len < len - at ? p.len : len - at;
      if (n > 0) to.set(p.buf.subarray(p.off, p.off + n), at);
      at += n;
    }
    if (this.dlt === DLT_NULL) {
      const version = len > NULL_HDRLEN ? (to[NULL_HDRLEN] as number) >>> 4 : 0;
      this.scratchDv.setUint32(0, version === 6 ? AF_INET6 : version === 4 ? AF_INET : 0, true);
    } else if (len > m.pktlen) {
      to.copyWithin(16, 12, len - 4);
      this.scratchDv.setUint16(12, ETHERTYPE_VLAN);
      this.scratchDv.setUint16(14, m.etherVtag);
    }
  }
}
