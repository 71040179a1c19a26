import { EEXIST, EINVAL, ENOBUFS, ENOENT } from '@ns/errno';
import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { type InAddr, inAddrEqual } from '@ns/wire';

/** SPI of TCP MD5 keys where one rule serves all, as setkey(8) writes it. @public */
export const TCP_SIG_SPI = 0x1000;
/** Longest key, bytes (RFC 2385 §4.5). */
const KEY_MAX = 80;
/** Keys of a vnet. */
const KEYS_MAX = 4096;

/**
 * A key for the segments from one address to another: what setkey(8) calls an association. Each direction needs its own.
 * @public
 */
export interface TcpKey {
  /** Source of the segments. */
  readonly src: InAddr;
  /** Their destination. */
  readonly dst: InAddr;
  /** Number of the association. */
  readonly spi: number;
  /** The secret, 1 to 80 bytes. */
  readonly key: Uint8Array;
}

/**
 * The keys of one vnet. Source: FreeBSD netipsec/key.c, key_allocsa_tcpmd5(); setkey(8).
 * @public
 */
export class TcpKeys {
  /** net.inet.tcp.signature_verify_input: check what comes in. */
  verifyInput: boolean;
  private readonly byHosts: Map<string, TcpKey>;

  constructor() {
    this.verifyInput = true;
    this.byHosts = new Map();
  }

  /** Keys. */
  get count(): number {
    return this.byHosts.size;
  }

  /** Adds a key, of which it keeps a copy. EEXIST when these two have one, EINVAL for other families or a key of no or more than 80 bytes, ENOBUFS when there are too many. */
  add(k: TcpKey): number {
    if (k.src.af !== k.dst.af || k.key.length === 0 || k.key.length > KEY_MAX) return EINVAL;
    if (this.find(k.src, k.dst) !== null) return EEXIST;
    if (this.byHosts.size >= KEYS_MAX) return ENOBUFS;
    this.byHosts.set(hosts(k.src, k.dst), Object.freeze({ ...k, key: k.key.slice() }));
    return 0;
  }

  /** Removes the key of these two, whatever its SPI if that is null. ENOENT. */
  delete(src: InAddr, dst: InAddr, spi: number | null): number {
    const k = this.find(src, dst);
    if (k === null || (spi !== null && k.spi !== spi)) return ENOENT;
    this.byHosts.delete(hosts(src, dst));
    return 0;
  }

  /** The key for segments from `src` to `dst`, or null. */
  find(src: InAddr, dst: InAddr): TcpKey | null {
    if (this.byHosts.size === 0) return null;
    const k = this.byHosts.get(hosts(src, dst));
    return k !== undefined && inAddrEqual(k.src, src) && inAddrEqual(k.dst, dst) ? k : null;
  }

  /** All keys, the oldest first. */
  list(): TcpKey[] {
    return [...this.byHosts.values()];
  }

  /** Removes all. */
  flush(): void {
    this.byHosts.clear();
  }
}

const hosts = (a: InAddr, b: InAddr): string => [a.af, a.zone, a.w0, a.w1, a.w2, a.w3, b.zone, b.w0, b.w1, b.w2, b.w3].join();

/** The keys of each vnet. @public */
export const TCP_KEYS: VnetVar<TcpKeys> = defineVnetVar<TcpKeys>({
  module: 'tcp-signature',
  name: 'keys',
  init: (_vnet: Vnet) => new TcpKeys(),
  destroy: (keys: TcpKeys) => keys.flush(),
});
