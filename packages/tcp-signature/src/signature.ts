import { EACCES, ENOENT } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import type { TcpMd5 } from '@ns/tcp-kpi';
import { AF_INET, type InAddr, IPPROTO_TCP, setInAddr, TCP_HDR_LEN } from '@ns/wire';
import { TCP_KEYS } from './keys.ts';
import { Md5, MD5_LEN } from './md5.ts';

/** Offset of the checksum in the TCP header, and what follows it. */
const TH_SUM = 16;
const TH_URP = 18;
/** Longest pseudo header, that of IPv6. */
const PSEUDO_MAX = 40;

/**
 * Signs and verifies: MD5 over pseudo header, TCP header without options and with a checksum of zero, data, key. One for each kernel.
 * Source: RFC 2385 §2.0; FreeBSD netipsec/xform_tcp.c.
 */
export class Signature implements TcpMd5 {
  private readonly md5: Md5;
  private readonly pseudo: DataView;
  private readonly pseudoBytes: Uint8Array;
  private readonly digest: Uint8Array;
  private readonly zeros: Uint8Array;

  constructor() {
    this.md5 = new Md5();
    this.pseudo = new DataView(new ArrayBuffer(PSEUDO_MAX));
    this.pseudoBytes = new Uint8Array(this.pseudo.buffer);
    this.digest = new Uint8Array(MD5_LEN);
    this.zeros = new Uint8Array(2);
  }

  output(vnet: Vnet, m: Mbuf, off: number, len: number, sigOff: number, src: InAddr, dst: InAddr): number {
    const k = TCP_KEYS.get(vnet).find(src, dst);
    if (k === null) return ENOENT;
    this.compute(m, off, len, src, dst, k.key);
    this.md5.end(m.buf, sigOff);
    return 0;
  }

  input(vnet: Vnet, m: Mbuf, off: number, len: number, sigOff: number, src: InAddr, dst: InAddr): number {
    const k = TCP_KEYS.get(vnet).find(src, dst);
    if (k === null) return ENOENT;
    this.compute(m, off, len, src, dst, k.key);
    this.md5.end(this.digest, 0);
    // Every byte is looked at, so that the time says nothing.
    let differs = 0;
    for (let i = 0; i < MD5_LEN; i++) differs |= (this.digest[i] as number) ^ (m.buf[sigOff + i] as number);
    return differs === 0 ? 0 : EACCES;
  }

  hasKey(vnet: Vnet, src: InAddr, dst: InAddr): boolean {
    return TCP_KEYS.get(vnet).find(src, dst) !== null;
  }

  verifies(vnet: Vnet): boolean {
    return TCP_KEYS.get(vnet).verifyInput;
  }

  private compute(m: Mbuf, off: number, len: number, src: InAddr, dst: InAddr, key: Uint8Array): void {
    const { md5 } = this;
    md5.begin();
    md5.update(this.pseudoBytes, 0, this.fillPseudo(len, src, dst));
    md5.update(m.buf, off, TH_SUM);
    md5.update(this.zeros, 0, TH_URP - TH_SUM);
    md5.update(m.buf, off + TH_URP, TCP_HDR_LEN - TH_URP);
    const hdr = ((m.buf[off + 12] as number) >> 4) << 2;
    let left = len - hdr;
    let at = off + hdr;
    for (let p: Mbuf | null = m; p !== null && left > 0; p = p.next) {
      if (p !== m) at = p.off;
      const here = p.off + p.len - at;
      const n = here < left ? here : left;
      if (n > 0) md5.update(p.buf, at, n);
      left -= n;
    }
    md5.update(key, 0, key.length);
  }

  /** RFC 9293 §3.1, RFC 8200 §8.1. Returns its length. */
  private fillPseudo(len: number, src: InAddr, dst: InAddr): number {
    const dv = this.pseudo;
    const v4 = src.af === AF_INET;
    const n = v4 ? 4 : 16;
    setInAddr(dv, 0, src);
    setInAddr(dv, n, dst);
    if (v4) {
      dv.setUint16(8, IPPROTO_TCP);
      dv.setUint16(10, len);
      return 12;
    }
    dv.setUint32(32, len);
    dv.setUint32(36, IPPROTO_TCP);
    return PSEUDO_MAX;
  }
}
