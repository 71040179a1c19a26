import {
  clearPkthdr,
  EXT_CLUSTER,
  EXT_EXTREF,
  EXT_HDR,
  EXT_JUMBO16,
  EXT_JUMBOP,
  M_EXT,
  M_PKTHDR,
  M_RDONLY,
  MAX_LINKHDR,
  MAX_PROTOHDR,
  Mbuf,
  MbufExt,
  MCLBYTES,
  MJUM16BYTES,
  MJUMPAGESIZE,
  MSIZE,
} from './mbuf.ts';

/**
 * Limits of a pool, in pieces. Reaching one makes allocation fail (null), as FreeBSD's M_NOWAIT does.
 * @public
 */
export interface MbufLimits {
  /** kern.ipc.nmbufs: mbufs, and so header clusters and external references. */
  readonly nmbufs: number;
  /** kern.ipc.nmbclusters: 2 KiB clusters. */
  readonly nmbclusters: number;
  /** kern.ipc.nmbjumbop: 4 KiB clusters. */
  readonly nmbjumbop: number;
  /** kern.ipc.nmbjumbo16: 16 KiB clusters. */
  readonly nmbjumbo16: number;
}

/** Limits when none are given: at most 512 MiB in all, reached only by use. @public */
export const DEFAULT_MBUF_LIMITS: MbufLimits = Object.freeze({ nmbufs: 524288, nmbclusters: 65536, nmbjumbop: 16384, nmbjumbo16: 8192 });

/**
 * What `netstat -m` prints of one kind of piece.
 * @public
 */
export interface MbufZoneStat {
  /** FreeBSD's name of the zone. */
  readonly name: string;
  /** Bytes of one piece. */
  readonly size: number;
  /** Pieces in use. */
  readonly current: number;
  /** Free pieces that are kept. */
  readonly cache: number;
  /** Limit. */
  readonly max: number;
  /** Requests that the limit refused. */
  readonly denied: number;
}

/** Free pieces of one size, carved from slabs that are never given back while the pool lives. */
class Zone {
  readonly name: string;
  readonly size: number;
  readonly type: number;
  readonly perSlab: number;
  max: number;
  readonly free: MbufExt[];
  made: number;
  denied: number;
  private readonly refused: () => void;

  constructor(name: string, size: number, type: number, perSlab: number, max: number, refused: () => void) {
    this.name = name;
    this.size = size;
    this.type = type;
    this.perSlab = perSlab;
    this.max = max;
    this.free = [];
    this.made = 0;
    this.denied = 0;
    this.refused = refused;
  }

  take(): MbufExt | null {
    const e = this.free.pop();
    return e !== undefined ? e : this.grow();
  }

  private grow(): MbufExt | null {
    const room = this.max - this.made;
    if (room <= 0) {
      this.denied++;
      this.refused();
      return null;
    }
    const n = room < this.perSlab ? room : this.perSlab;
    const slab = new ArrayBuffer(n * this.size);
    const buf = new Uint8Array(slab);
    const dv = new DataView(slab);
    const words = new Int32Array(slab);
    for (let i = n - 1; i >= 0; i--) this.free.push(new MbufExt(buf, dv, words, i * this.size, this.size, this.type));
    this.made += n;
    return this.free.pop() as MbufExt;
  }

  stat(): MbufZoneStat {
    const cache = this.free.length;
    return { name: this.name, size: this.size, current: this.made - cache, cache, max: this.max, denied: this.denied };
  }
}

interface Views {
  readonly buf: Uint8Array;
  readonly dv: DataView;
  readonly words: Int32Array;
}

/**
 * Makes and takes back the mbufs of one kernel.
 *
 * Free lists are stacks over objects that live as long as the pool; storage is carved from slabs, so that a packet costs no allocation once
 * the pool is warm. Every `get` can fail with null when a limit is reached; the caller counts that and drops.
 * Source: FreeBSD kern_mbuf.c.
 * @public
 */
export class MbufPool {
  /** Limits given at creation. */
  limits: MbufLimits;
  /** Overwrites storage that goes back to the pool, so that a late reader sees it: for tests and development. */
  poison: boolean;
  /** Requests for mbufs that the limit refused. */
  mbufsDenied: number;
  /** Called, from within the request, each time that a limit refuses one: may note it, but neither take nor free an mbuf. Source: FreeBSD uma_zone_set_maxaction(). */
  onLimit: (() => void) | null;
  private readonly mbufs: Mbuf[];
  private made: number;
  private readonly hdr: Zone;
  private readonly cluster: Zone;
  private readonly jumbop: Zone;
  private readonly jumbo16: Zone;
  private extInUse: number;
  private readonly views: WeakMap<ArrayBufferLike, Views>;
  private lastBuffer: ArrayBufferLike | null;
  private lastViews: Views | null;
  private readonly noBuf: Uint8Array;
  private readonly noDv: DataView;

  constructor(limits: Partial<MbufLimits> = {}) {
    const l: MbufLimits = { ...DEFAULT_MBUF_LIMITS, ...limits };
    this.limits = l;
    this.poison = false;
    this.mbufsDenied = 0;
    this.onLimit = null;
    this.mbufs = [];
    this.made = 0;
    const refused = (): void => this.onLimit?.();
    this.hdr = new Zone('mbuf', MSIZE, EXT_HDR, 256, l.nmbufs, refused);
    this.cluster = new Zone('mbuf_cluster', MCLBYTES, EXT_CLUSTER, 64, l.nmbclusters, refused);
    this.jumbop = new Zone('mbuf_jumbo_page', MJUMPAGESIZE, EXT_JUMBOP, 32, l.nmbjumbop, refused);
    this.jumbo16 = new Zone('mbuf_jumbo_16k', MJUM16BYTES, EXT_JUMBO16, 8, l.nmbjumbo16, refused);
    this.extInUse = 0;
    this.views = new WeakMap();
    this.lastBuffer = null;
    this.lastViews = null;
    this.noBuf = new Uint8Array(0);
    this.noDv = new DataView(this.noBuf.buffer);
  }

  /** Mbufs in use: 0 when nothing has leaked. */
  get outstanding(): number {
    return this.made - this.mbufs.length;
  }

  /** Pieces of foreign memory in use. */
  get extOutstanding(): number {
    return this.extInUse;
  }

  /**
   * An empty packet in a 256-byte cluster, with {@link MAX_LINKHDR} + {@link MAX_PROTOHDR} bytes free in front of it.
   * Source: FreeBSD m_gethdr() followed by m_data += max_linkhdr.
   */
  getHdr(): Mbuf | null {
    const e = this.hdr.take();
    if (e === null) return null;
    const m = this.attach(e, MAX_LINKHDR + MAX_PROTOHDR);
    if (m === null) return null;
    clearPkthdr(m);
    m.flags = M_PKTHDR;
    return m;
  }

  /** An empty plain mbuf in a 256-byte cluster without headroom. Source: FreeBSD m_get(). */
  get(): Mbuf | null {
    const e = this.hdr.take();
    return e === null ? null : this.attach(e, 0);
  }

  /**
   * An empty packet in a cluster of at least `size` bytes, of which `headroom` are left free in front.
   * `headroom + size` may not be more than 16 KiB; see {@link MbufPool.getm} for more. Source: FreeBSD m_getcl(), m_getjcl().
   */
  getCl(size: number = MCLBYTES, headroom = 0): Mbuf | null {
    const zone = this.zoneFor(size + headroom);
    const e = zone.take();
    if (e === null) return null;
    const m = this.attach(e, headroom);
    if (m === null) return null;
    clearPkthdr(m);
    m.flags = M_PKTHDR;
    return m;
  }

  /**
   * A packet with room for `len` bytes, as a chain of clusters whose `len` fields are filled in (contents are whatever was there).
   * Source: FreeBSD m_getm2().
   */
  getm(len: number, headroom = 0): Mbuf | null {
    const m = this.getCl(Math.min(len, MJUM16BYTES - headroom), headroom);
    if (m === null) return null;
    let tail = m;
    tail.len = Math.min(len, MJUM16BYTES - headroom);
    for (let left = len - tail.len; left > 0; left -= tail.len) {
      const n = this.getCl(Math.min(left, MJUM16BYTES));
      if (n === null) {
        this.freeChain(m);
        return null;
      }
      n.flags &= ~M_PKTHDR;
      n.len = Math.min(left, MJUM16BYTES);
      tail.next = n;
      tail = n;
    }
    m.pktlen = len;
    return m;
  }

  /**
   * A plain mbuf that refers to the bytes of `bytes` where they are. They must not change until `free(arg)` is called, once, when the last
   * reference is gone. The mbuf is read-only: nothing is ever written into or in front of memory that the pool does not own.
   * Source: FreeBSD m_extadd() with EXT_EXTREF and M_RDONLY.
   */
  extAdd(bytes: Uint8Array, free: ((arg: unknown) => void) | null, arg: unknown): Mbuf | null {
    const v = this.viewsOf(bytes.buffer);
    const e = new MbufExt(v.buf, v.dv, v.words, bytes.byteOffset, bytes.length, EXT_EXTREF);
    const m = this.attach(e, 0);
    if (m === null) return null;
    e.free = free;
    e.arg = arg;
    this.extInUse++;
    m.flags = M_EXT | M_RDONLY;
    m.len = bytes.length;
    return m;
  }

  /** A packet that holds a copy of `bytes`, with `headroom` bytes free in front. */
  fromBytes(bytes: Uint8Array, headroom: number = MAX_LINKHDR): Mbuf | null {
    const m = this.getm(bytes.length, headroom);
    if (m === null) return null;
    let o = 0;
    for (let n: Mbuf | null = m; n !== null; n = n.next) {
      n.buf.set(o === 0 && n.next === null ? bytes : bytes.subarray(o, o + n.len), n.off);
      o += n.len;
    }
    return m;
  }

  /** A plain mbuf for `len` bytes at `off` of storage that has an owner already: one more reference. For the chain operations. */
  share(e: MbufExt, off: number, len: number, flags: number): Mbuf | null {
    e.refs++;
    const m = this.take();
    if (m === null) {
      this.release(e);
      return null;
    }
    m.ext = e;
    m.buf = e.buf;
    m.dv = e.dv;
    m.off = off;
    m.len = len;
    m.flags = flags;
    return m;
  }

  /** Frees one mbuf and returns the next of its chain. Prefer `mFree` and `mFreem`. */
  freeOne(m: Mbuf): Mbuf | null {
    if (m.len < 0) throw new Error('mbuf freed twice');
    const next = m.next;
    const e = m.ext as MbufExt;
    m.ext = null;
    m.buf = this.noBuf;
    m.dv = this.noDv;
    m.next = null;
    m.nextpkt = null;
    m.tags = null;
    m.rcvif = null;
    m.len = -1;
    this.mbufs.push(m);
    this.release(e);
    return next;
  }

  /** Frees a chain. */
  freeChain(m: Mbuf): void {
    for (let n: Mbuf | null = m; n !== null; ) n = this.freeOne(n);
  }

  /** Raises a limit; false, and nothing changed, for one that is not above what it is. Source: FreeBSD kern_mbuf.c, sysctl_nmbclusters(). */
  raise(which: keyof MbufLimits, n: number): boolean {
    if (!Number.isInteger(n) || n <= this.limits[which]) return false;
    this.limits = { ...this.limits, [which]: n };
    this.hdr.max = this.limits.nmbufs;
    this.cluster.max = this.limits.nmbclusters;
    this.jumbop.max = this.limits.nmbjumbop;
    this.jumbo16.max = this.limits.nmbjumbo16;
    return true;
  }

  /** For `netstat -m`: mbufs, then clusters by size. */
  stats(): MbufZoneStat[] {
    const cache = this.mbufs.length;
    const mbufs: MbufZoneStat = {
      name: 'mbuf_packet',
      size: 0,
      current: this.made - cache,
      cache,
      max: this.limits.nmbufs,
      denied: this.mbufsDenied,
    };
    return [mbufs, this.hdr.stat(), this.cluster.stat(), this.jumbop.stat(), this.jumbo16.stat()];
  }

  private attach(e: MbufExt, headroom: number): Mbuf | null {
    e.refs = 1;
    const m = this.take();
    if (m === null) {
      this.release(e);
      return null;
    }
    m.ext = e;
    m.buf = e.buf;
    m.dv = e.dv;
    m.off = e.base + headroom;
    m.len = 0;
    m.flags = 0;
    return m;
  }

  private take(): Mbuf | null {
    const m = this.mbufs.pop();
    if (m !== undefined) return m;
    if (this.made >= this.limits.nmbufs) {
      this.mbufsDenied++;
      this.onLimit?.();
      return null;
    }
    this.made++;
    return new Mbuf(this, this.noBuf, this.noDv);
  }

  private release(e: MbufExt): void {
    if (--e.refs > 0) return;
    if (e.type === EXT_EXTREF) {
      const free = e.free;
      if (free === null) {
        this.extInUse--;
        return;
      }
      e.free = null;
      this.extInUse--;
      free(e.arg);
      return;
    }
    if (this.poison) e.buf.fill(0xdb, e.base, e.base + e.size);
    this.zoneOf(e.type).free.push(e);
  }

  private zoneFor(size: number): Zone {
    if (size <= MSIZE) return this.hdr;
    if (size <= MCLBYTES) return this.cluster;
    if (size <= MJUMPAGESIZE) return this.jumbop;
    if (size <= MJUM16BYTES) return this.jumbo16;
    throw new RangeError(`no cluster holds ${size} bytes`);
  }

  private zoneOf(type: number): Zone {
    switch (type) {
      case EXT_HDR:
        return this.hdr;
      case EXT_CLUSTER:
        return this.cluster;
      case EXT_JUMBOP:
        return this.jumbop;
      default:
        return this.jumbo16;
    }
  }

  private viewsOf(ab: ArrayBufferLike): Views {
    if (ab === this.lastBuffer) return this.lastViews as Views;
    let v = this.views.get(ab);
    if (v === undefined) {
      v = { buf: new Uint8Array(ab), dv: new DataView(ab), words: new Int32Array(ab, 0, ab.byteLength >> 2) };
      this.views.set(ab, v);
    }
    this.lastBuffer = ab;
    this.lastViews = v;
    return v;
  }
}
