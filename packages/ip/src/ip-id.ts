import type { Random } from '@ns/kern';

/** Identifications that are not used again before as many others. Source: FreeBSD ip_id.c, V_array_size. */
const RING = 8192;

/**
 * Identifications of packets sent. Counted up from a random start, or (net.inet.ip.random_id) random ones that do not come again within 8192.
 * Source: FreeBSD ip_id.c.
 * @alpha
 */
export class IpIdSource {
  private readonly rng: Random;
  private next: number;
  /** The last 8192 random ones, as a ring; null while they are counted. */
  private ring: Uint16Array | null;
  private used: Uint8Array | null;
  private at: number;

  constructor(rng: Random) {
    this.rng = rng;
    this.next = rng.u32() & 0xffff;
    this.ring = null;
    this.used = null;
    this.at = 0;
  }

  /** Whether they are random; may be set. */
  get random(): boolean {
    return this.ring !== null;
  }

  set random(on: boolean) {
    this.ring = on ? (this.ring ?? new Uint16Array(RING)) : null;
    this.used = on ? (this.used ?? new Uint8Array(65536)) : null;
  }

  /** The next one, uint16, never 0. Source: FreeBSD ip_newid(), ip_randomid(). */
  newid(): number {
    if (this.ring !== null && this.used !== null) return this.randomid(this.ring, this.used);
    this.next = (this.next + 1) & 0xffff;
    if (this.next === 0) this.next = 1;
    return this.next;
  }

  private randomid(ring: Uint16Array, used: Uint8Array): number {
    let id: number;
    do id = this.rng.u32() & 0xffff;
    while (id === 0 || used[id] === 1);
    used[ring[this.at] as number] = 0;
    ring[this.at] = id;
    used[id] = 1;
    this.at = (this.at + 1) & (RING - 1);
    return id;
  }
}
