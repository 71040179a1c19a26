// @hot
import { ENOENT } from '@ns/errno';
import type { if_t } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import { CSUM_IP6_TCP, CSUM_IP6_TSO, CSUM_IP_TCP, CSUM_IP_TSO, type Mbuf, mCksum, mCopydata, mTagFind, mTagPrepend, TagKey } from '@ns/mbuf';
import { PFIL_IN, PFIL_PASS } from '@ns/pfil-kpi';
import { AF_INET, AF_INET6, cksumFold, getIp6Nxt, getIpHlen, getIpOff, getIpP, IP6_HDR_LEN, IP_OFFMASK, IPPROTO_TCP, TCP_HDR_LEN } from '@ns/wire';
import type { PktNode } from './node.ts';
import type { Siftr, SiftrDir } from './siftr.ts';

/** The packet was seen. Source: FreeBSD siftr.c, PACKET_TAG_SIFTR. */
const SEEN: TagKey<boolean> = new TagKey<boolean>('siftr');
/** Offset of the checksum in the TCP header. */
const TH_SUM = 16;
const CSUM_PENDING = CSUM_IP_TCP | CSUM_IP6_TCP | CSUM_IP_TSO | CSUM_IP6_TSO;

/** What the hook has to know in one vnet. */
export class SiftrVnet {
  readonly vnet: Vnet;
  readonly siftr: Siftr;
  readonly ports: Uint8Array;

  constructor(vnet: Vnet, siftr: Siftr) {
    this.vnet = vnet;
    this.siftr = siftr;
    this.ports = new Uint8Array(4);
  }
}

/** The hook for IPv4. Always passes. Source: FreeBSD siftr_chkpkt(). */
export function siftrChkpkt(m: Mbuf, ifp: if_t, flags: number, ruleset: unknown): number {
  const sv = ruleset as SiftrVnet;
  if (sv.siftr.enabled === 0 || getIpP(m.dv, m.off) !== IPPROTO_TCP || (getIpOff(m.dv, m.off) & IP_OFFMASK) !== 0) return PFIL_PASS;
  sift(sv, m, ifp, (flags & PFIL_IN) !== 0, AF_INET, getIpHlen(m.dv, m.off), m.off + 12);
  return PFIL_PASS;
}

/** The hook for IPv6. Packets with extension headers are not looked into. Source: FreeBSD siftr_chkpkt6(). */
export function siftrChkpkt6(m: Mbuf, ifp: if_t, flags: number, ruleset: unknown): number {
  const sv = ruleset as SiftrVnet;
  if (sv.siftr.enabled === 0 || getIp6Nxt(m.dv, m.off) !== IPPROTO_TCP) return PFIL_PASS;
  sift(sv, m, ifp, (flags & PFIL_IN) !== 0, AF_INET6, IP6_HDR_LEN, m.off + 8);
  return PFIL_PASS;
}

/** Notes a segment whose TCP header begins `hl` bytes into `m` and whose addresses are at `o`. */
function sift(sv: SiftrVnet, m: Mbuf, ifp: if_t, incoming: boolean, af: number, hl: number, o: number): void {
  const s = sv.siftr;
  const dir: SiftrDir = incoming ? s.in : s.out;
  if (mTagFind(m, SEEN) !== undefined) {
    dir.dejavu++;
    return;
  }
  mTagPrepend(m, SEEN, true);
  dir.pkts++;
  if (m.pktlen < hl + TCP_HDR_LEN) {
    dir.inpcb++;
    return;
  }
  const p = sv.ports;
  mCopydata(m, hl, 4, p, 0);
  const sport = ((p[0] as number) << 8) | (p[1] as number);
  const dport = ((p[2] as number) << 8) | (p[3] as number);
  const n = s.node();
  if (n === null) {
    dir.malloc++;
    return;
  }
  if (incoming) ends(n, m.dv, af, o, sport, dport, false);
  else ends(n, m.dv, af, o, dport, sport, true);
  const errno = s.conns.stat(sv.vnet, af, n.f0, n.f1, n.f2, n.f3, n.fport, n.l0, n.l1, n.l2, n.l3, n.lport, ifp, n.stat);
  if (errno !== 0) {
    if (errno === ENOENT) dir.inpcb++;
    else dir.tcpcb++;
    return;
  }
  if (s.portFilter !== 0 && s.portFilter !== n.lport && s.portFilter !== n.fport) return;
  n.af = af;
  n.out = !incoming;
  n.tsUs = s.kernel.callouts.nowUs();
  n.hash = s.genhashes !== 0 && af === AF_INET ? hashPkt(m, hl) : 0;
  s.post();
}

/** Who the peer is and who we are: the source is ours of what goes out. */
function ends(n: PktNode, dv: DataView, af: number, o: number, fport: number, lport: number, out: boolean): void {
  const size = af === AF_INET ? 4 : 16;
  const f = out ? o + size : o;
  const l = out ? o : o + size;
  const v6 = af !== AF_INET;
  n.fport = fport;
  n.lport = lport;
  n.f0 = v6 ? dv.getInt32(f) : 0;
  n.f1 = v6 ? dv.getInt32(f + 4) : 0;
  n.f2 = v6 ? dv.getInt32(f + 8) : 0;
  n.f3 = dv.getInt32(f + size - 4);
  n.l0 = v6 ? dv.getInt32(l) : 0;
  n.l1 = v6 ? dv.getInt32(l + 4) : 0;
  n.l2 = v6 ? dv.getInt32(l + 8) : 0;
  n.l3 = dv.getInt32(l + size - 4);
}

/**
 * Hash of the TCP header and payload, so that both ends of a connection can tell that they speak of one packet. A checksum that is yet to be computed counts as it will be.
 * Differs: FreeBSD writes it into the packet. Source: FreeBSD siftr.c, hash_pkt(); sys/hash.h, hash32_buf().
 */
export function hashPkt(m: Mbuf, hl: number): number {
  const sum = (m.csumFlags & CSUM_PENDING) !== 0 ? cksumFold(mCksum(m, hl, m.pktlen - hl, 0)) : -1;
  let hash = 0;
  let at = -hl; // offset in the segment of the byte in hand
  for (let p: Mbuf | null = m; p !== null; p = p.next) {
    for (let i = 0; i < p.len; i++, at++) {
      if (at < 0) continue;
      let b = p.buf[p.off + i] as number;
      if (sum >= 0 && at === TH_SUM) b = sum >>> 8;
      else if (sum >= 0 && at === TH_SUM + 1) b = sum & 255;
      hash = (Math.imul(hash, 33) + b) | 0;
    }
  }
  return hash;
}
