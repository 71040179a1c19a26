import { AF_INET, cksumAddView, cksumFold, ETHER_HDR_LEN, ETHERTYPE_IP, ETHERTYPE_IPV6, type InAddr, IP6_HDR_LEN, IP_HDR_LEN, IPPROTO_TCP, TCP_HDR_LEN } from '@ns/wire';

/** Largest segment, header and options included. */
const MAX_TLEN = 1440;
const NONE: Uint8Array = new Uint8Array(0);

/** A TCP segment to be written into a frame; sequence numbers int32, host order. */
export interface SegmentFields {
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  /** TH_* */
  readonly flags: number;
  readonly win: number;
  readonly urp?: number;
  /** A multiple of four bytes. */
  readonly options?: Uint8Array;
  readonly data?: Uint8Array;
}

/** Writes Ethernet frames with TCP segments to one host, checksums right. Each frame overwrites the one before: copy what is to last. */
export class FrameBuilder {
  private readonly bytes: Uint8Array;
  private readonly dv: DataView;
  private readonly v4: boolean;
  private readonly th: number;

  constructor(dst: InAddr, dstMac: ArrayLike<number>, srcMac: ArrayLike<number>) {
    this.v4 = dst.af === AF_INET;
    this.th = ETHER_HDR_LEN + (this.v4 ? IP_HDR_LEN : IP6_HDR_LEN);
    const b = new Uint8Array(this.th + MAX_TLEN);
    const dv = new DataView(b.buffer);
    b.set(dstMac, 0);
    b.set(srcMac, 6);
    dv.setUint16(12, this.v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
    const ip = ETHER_HDR_LEN;
    if (this.v4) {
      b[ip] = 0x45;
      b[ip + 8] = 64;
      b[ip + 9] = IPPROTO_TCP;
      dv.setInt32(ip + 16, dst.w3);
    } else {
      b[ip] = 0x60;
      b[ip + 6] = IPPROTO_TCP;
      b[ip + 7] = 64;
      [dst.w0, dst.w1, dst.w2, dst.w3].forEach((w, i) => dv.setInt32(ip + 24 + 4 * i, w));
    }
    this.bytes = b;
    this.dv = dv;
  }

  /** The source address of the frames to come, as four words; IPv4 is the last of them. */
  from(w0: number, w1: number, w2: number, w3: number): this {
    const src = ETHER_HDR_LEN + (this.v4 ? 12 : 8);
    if (this.v4) this.dv.setInt32(src, w3);
    else [w0, w1, w2, w3].forEach((w, i) => this.dv.setInt32(src + 4 * i, w));
    return this;
  }

  /** A frame with this segment. */
  build(f: SegmentFields): Uint8Array {
    const { bytes, dv, v4, th } = this;
    const ip = ETHER_HDR_LEN;
    const options = f.options ?? NONE;
    const data = f.data ?? NONE;
    const hlen = TCP_HDR_LEN + options.length;
    const tlen = hlen + data.length;
    dv.setUint16(th, f.sport);
    dv.setUint16(th + 2, f.dport);
    dv.setInt32(th + 4, f.seq);
    dv.setInt32(th + 8, f.ack);
    dv.setUint16(th + 12, ((hlen >> 2) << 12) | f.flags);
    dv.setUint16(th + 14, f.win);
    dv.setUint16(th + 16, 0);
    dv.setUint16(th + 18, f.urp ?? 0);
    bytes.set(options, th + TCP_HDR_LEN);
    bytes.set(data, th + hlen);
    dv.setUint16(v4 ? ip + 2 : ip + 4, v4 ? IP_HDR_LEN + tlen : tlen);
    if (v4) {
      dv.setUint16(ip + 10, 0);
      dv.setUint16(ip + 10, cksumFold(cksumAddView(dv, ip, IP_HDR_LEN, 0)));
    }
    const pseudo = cksumAddView(dv, ip + (v4 ? 12 : 8), v4 ? 8 : 32, IPPROTO_TCP + tlen);
    dv.setUint16(th + 16, cksumFold(cksumAddView(dv, th, tlen, pseudo)));
    return bytes.subarray(0, th + tlen);
  }
}
