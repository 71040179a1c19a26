import { cksumAddView, cksumFold, ETHER_HDR_LEN, ETHERTYPE_IP, IPPROTO_TCP, pseudoSum4, TH_ACK } from '@ns/wire';

const SRC = 0x0a000001;
const DST = 0x0a000002;

/** An IPv4 TCP segment with this payload. `link`: with an Ethernet header, from `src` to `dst`. `undone`: checksums left to the link, the pseudo-header sum in the field. */
export function tcpPacket(payload: Uint8Array, link: { readonly dst: Uint8Array; readonly src: Uint8Array } | null, undone: boolean): Uint8Array {
  const l2 = link === null ? 0 : ETHER_HDR_LEN;
  const tlen = 20 + payload.length;
  const p = new Uint8Array(l2 + 20 + tlen);
  const dv = new DataView(p.buffer);
  if (link !== null) {
    p.set(link.dst, 0);
    p.set(link.src, 6);
    dv.setUint16(12, ETHERTYPE_IP);
  }
  p[l2] = 0x45;
  dv.setUint16(l2 + 2, 20 + tlen);
  dv.setUint16(l2 + 4, 77);
  p[l2 + 8] = 64;
  p[l2 + 9] = IPPROTO_TCP;
  dv.setInt32(l2 + 12, SRC);
  dv.setInt32(l2 + 16, DST);
  const o = l2 + 20;
  dv.setUint16(o, 1000);
  dv.setUint16(o + 2, 2000);
  dv.setInt32(o + 4, 1);
  dv.setUint16(o + 12, 0x5000 | TH_ACK);
  dv.setUint16(o + 14, 65535);
  p.set(payload, o + 20);
  const pseudo = pseudoSum4(SRC, DST, IPPROTO_TCP, tlen);
  if (undone) {
    dv.setUint16(o + 16, ~cksumFold(pseudo) & 0xffff);
    return p;
  }
  dv.setUint16(l2 + 10, cksumFold(cksumAddView(dv, l2, 20, 0)));
  dv.setUint16(o + 16, cksumFold(cksumAddView(dv, o, tlen, pseudo)));
  return p;
}

/** Whether both checksums of such a packet are right. */
export function sumsRight(p: Uint8Array, linkhdr: number): boolean {
  const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
  const tlen = dv.getUint16(linkhdr + 2) - 20;
  const ip = cksumFold(cksumAddView(dv, linkhdr, 20, 0));
  return ip === 0 && cksumFold(cksumAddView(dv, linkhdr + 20, tlen, pseudoSum4(SRC, DST, IPPROTO_TCP, tlen))) === 0;
}

/** The payload of such a packet. */
export function payloadOf(p: Uint8Array, linkhdr: number): Uint8Array {
  const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
  return p.subarray(linkhdr + 40, linkhdr + dv.getUint16(linkhdr + 2));
}
