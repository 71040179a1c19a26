/* @hot */
import type { Cmsg } from '@ns/inpcb';
import { MCLBYTES, MSIZE } from '@ns/mbuf';
import { AF_INET, type InAddr, inAddr4, inAddr6In, Sockaddr } from '@ns/wire';

/** Words of one record of a {@link DgramRing}. */
const STRIDE = 16;
const MIN_RECORDS = 16;
/** Header of a piece of ancillary data. Source: FreeBSD sys/socket.h, CMSG_LEN(0) on a machine of 64 bits. */
const CMSG_HDR = 16;
/** Most ancillary data that fit into an mbuf without a cluster. Source: FreeBSD MLEN. */
const MLEN: number = MSIZE - 32;

/** The size of the value of a {@link Cmsg}, as it stands in FreeBSD's memory: bytes as they are, an int, a sockaddr_in6 and an int for what has an address (struct ip6_mtuinfo). */
function cmsgDataLen(data: unknown): number {
  return data instanceof Uint8Array ? data.length : typeof data === 'number' ? 4 : 32;
}

/** The ancillary data of a datagram that waits, and what they count for in its buffer: a change of theirs afterwards does not change that. @public */
export class DgramControl {
  /** The data. */
  readonly cmsgs: readonly Cmsg[];
  /** Bytes, headers included. Source: FreeBSD CMSG_SPACE(). */
  readonly bytes: number;
  /** Storage: an mbuf for each, with a cluster if it is long. Source: FreeBSD uipc_sockbuf.c, sbcreatecontrol(). */
  readonly storage: number;

  constructor(cmsgs: readonly Cmsg[]) {
    let bytes = 0;
    let storage = 0;
    for (let i = 0; i < cmsgs.length; i++) {
      const n = CMSG_HDR + ((cmsgDataLen((cmsgs[i] as Cmsg).data) + 7) & ~7);
      bytes += n;
      storage += n > MLEN ? MSIZE + (n > MCLBYTES ? n : MCLBYTES) : MSIZE;
    }
    this.cmsgs = cmsgs;
    this.bytes = bytes;
    this.storage = storage;
  }
}

/**
 * What is known of a datagram besides its bytes: who sent it, and what IP_RECVDSTADDR and the like tell. A record belongs to the place that fills it and is used again
 * and again. Addresses are int32 words in the order of InAddr.
 * @public
 */
export class DgramInfo {
  /** AF_INET or AF_INET6. */
  af: number;
  /** Sender's port, host order; 0 for raw sockets. */
  port: number;
  /** Zone of the sender's address. */
  zone: number;
  /** Sender, word 0. */
  src0: number;
  /** Sender, word 1. */
  src1: number;
  /** Sender, word 2. */
  src2: number;
  /** Sender, word 3: the whole of an IPv4 address. */
  src3: number;
  /** Destination, word 0. */
  dst0: number;
  /** Destination, word 1. */
  dst1: number;
  /** Destination, word 2. */
  dst2: number;
  /** Destination, word 3. */
  dst3: number;
  /** Index of the receiving interface, 0 = not asked for. */
  ifindex: number;
  /** TTL or hop limit. */
  ttl: number;
  /** TOS or traffic class. */
  tos: number;
  /** When it was received, µs of the kernel's clock; -1 = not asked for (SO_TIMESTAMP). */
  tstampUs: number;
  /** Ancillary data that the socket asked for and that has no field here: extension headers (RFC 3542). Null = none. */
  control: readonly Cmsg[] | null;
  /** Filled by the receiving calls: MSG_TRUNC when bytes were cut off. */
  msgFlags: number;
  /** Filled by the receiving calls: bytes that the datagram had. */
  len: number;

  constructor() {
    this.af = AF_INET;
    this.port = 0;
    this.zone = 0;
    this.src0 = 0;
    this.src1 = 0;
    this.src2 = 0;
    this.src3 = 0;
    this.dst0 = 0;
    this.dst1 = 0;
    this.dst2 = 0;
    this.dst3 = 0;
    this.ifindex = 0;
    this.ttl = 0;
    this.tos = 0;
    this.tstampUs = -1;
    this.control = null;
    this.msgFlags = 0;
    this.len = 0;
  }

  /** The sender. Allocates. */
  from(): Sockaddr {
    return new Sockaddr(this.af === AF_INET ? inAddr4(this.src3) : inAddr6In(this.src0, this.src1, this.src2, this.src3, this.zone), this.port);
  }

  /** The destination address of the datagram. Allocates. */
  to(): InAddr {
    return this.af === AF_INET ? inAddr4(this.dst3) : inAddr6In(this.dst0, this.dst1, this.dst2, this.dst3, this.zone);
  }
}

/**
 * The {@link DgramInfo}s of the datagrams that wait in a receive buffer, oldest first, in one typed array that grows by doubling: a datagram costs no object.
 * Differs: FreeBSD puts them into mbufs in front of the data.
 * @public
 */
export class DgramRing {
  private words: Int32Array;
  private head: number;
  /** Ancillary data by record; null until a datagram has some. */
  private controls: (DgramControl | null)[] | null;
  /** Records. */
  count: number;

  constructor() {
    this.words = new Int32Array(MIN_RECORDS * STRIDE);
    this.head = 0;
    this.controls = null;
    this.count = 0;
  }

  /** Appends a copy of `d`, with `control` for that of its own. */
  push(d: DgramInfo, control: DgramControl | null): void {
    if (this.count * STRIDE === this.words.length) this.grow();
    const w = this.words;
    const o = ((this.head + this.count) * STRIDE) & (w.length - 1);
    w[o] = d.af;
    w[o + 1] = d.port;
    w[o + 2] = d.zone;
    w[o + 3] = d.src0;
    w[o + 4] = d.src1;
    w[o + 5] = d.src2;
    w[o + 6] = d.src3;
    w[o + 7] = d.dst0;
    w[o + 8] = d.dst1;
    w[o + 9] = d.dst2;
    w[o + 10] = d.dst3;
    w[o + 11] = d.ifindex;
    w[o + 12] = (d.ttl << 8) | d.tos;
    w[o + 13] = d.tstampUs < 0 ? -1 : (d.tstampUs / 0x100000000) | 0;
    w[o + 14] = d.tstampUs | 0;
    w[o + 15] = d.len;
    if (control !== null) (this.controls ??= new Array<DgramControl | null>(w.length / STRIDE).fill(null))[o / STRIDE] = control;
    this.count++;
  }

  /** Copies the oldest record to `d` and leaves it. */
  peek(d: DgramInfo): void {
    const w = this.words;
    const o = this.head * STRIDE;
    d.af = w[o] as number;
    d.port = w[o + 1] as number;
    d.zone = w[o + 2] as number;
    d.src0 = w[o + 3] as number;
    d.src1 = w[o + 4] as number;
    d.src2 = w[o + 5] as number;
    d.src3 = w[o + 6] as number;
    d.dst0 = w[o + 7] as number;
    d.dst1 = w[o + 8] as number;
    d.dst2 = w[o + 9] as number;
    d.dst3 = w[o + 10] as number;
    d.ifindex = w[o + 11] as number;
    d.ttl = (w[o + 12] as number) >>> 8;
    d.tos = (w[o + 12] as number) & 0xff;
    const hi = w[o + 13] as number;
    d.tstampUs = hi < 0 ? -1 : hi * 0x100000000 + ((w[o + 14] as number) >>> 0);
    d.len = w[o + 15] as number;
    const control = this.control();
    d.control = control === null ? null : control.cmsgs;
    d.msgFlags = 0;
  }

  /** Ancillary data of the oldest record. */
  control(): DgramControl | null {
    return this.controls === null ? null : (this.controls[this.head] as DgramControl | null);
  }

  /** Drops the oldest record. */
  shift(): void {
    if (this.controls !== null) this.controls[this.head] = null;
    this.head = this.head + 1 === this.words.length / STRIDE ? 0 : this.head + 1;
    this.count--;
  }

  private grow(): void {
    const old = this.words;
    const at = this.head * STRIDE;
    this.words = new Int32Array(old.length * 2);
    this.words.set(old.subarray(at), 0);
    this.words.set(old.subarray(0, at), old.length - at);
    const c = this.controls;
    if (c !== null) this.controls = c.slice(this.head).concat(c.slice(0, this.head), new Array<null>(c.length).fill(null));
    this.head = 0;
  }
}
