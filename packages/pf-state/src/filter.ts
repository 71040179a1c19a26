// @hot
import { type if_t, IFNET_KPI } from '@ns/ifnet-kpi';
import { type Mbuf, mCopydata, mTagDelete, mTagFind, mTagPrepend } from '@ns/mbuf';
import { PFIL_DROPPED, PFIL_FWD, PFIL_IN, PFIL_OUT, PFIL_PASS } from '@ns/pfil-kpi';
import { AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, TH_ACK, TH_RST, TH_SYN } from '@ns/wire';
import { PF_LOOK, type PfPacket, PK_ERROR, PK_FLOW, PK_FRAGMENT, PK_LINK } from './packet.ts';
import type { PfStateVnet } from './pf-vnet.ts';
import { DIR_BACK, DIR_FORWARD, PF_STATE_LINK, PfState, pfStateDir, pfStateOver, pfTrack } from './state.ts';

/** The hook for IPv4. */
export function pfCheck(m: Mbuf, ifp: if_t, flags: number, ruleset: unknown): number {
  return check(ruleset as PfStateVnet, m, ifp, flags, AF_INET);
}

/** The hook for IPv6. */
export function pfCheck6(m: Mbuf, ifp: if_t, flags: number, ruleset: unknown): number {
  return check(ruleset as PfStateVnet, m, ifp, flags, AF_INET6);
}

/** Source: FreeBSD pf.c, pf_test(). */
function check(pf: PfStateVnet, m: Mbuf, ifp: if_t, flags: number, af: number): number {
  const p = pf.pkt;
  if (!parse(pf, p, m, af)) {
    pf.stat.short++;
    return PFIL_DROPPED;
  }
  const now = pf.now();
  switch (p.kind) {
    case PK_FLOW:
      return flow(pf, p, m, ifp, flags, now);
    case PK_LINK:
      return PFIL_PASS;
    case PK_FRAGMENT:
      if (flags === PFIL_OUT || pf.frags.follows(p, now)) return PFIL_PASS; // our own were looked at when they were whole
      pf.stat.fragment++;
      return PFIL_DROPPED;
    case PK_ERROR:
      return error(pf, p.inner as PfPacket, flags, now);
    default:
      return flags === PFIL_OUT ? PFIL_PASS : block(pf);
  }
}

/** Reads the headers where they lie, or a copy where they lie in several mbufs. */
function parse(pf: PfStateVnet, p: PfPacket, m: Mbuf, af: number): boolean {
  const want = m.pktlen < PF_LOOK ? m.pktlen : PF_LOOK;
  if (m.len >= want) return p.parse(m.dv, m.off, m.off + want, af);
  mCopydata(m, 0, want, pf.look, 0);
  return p.parse(pf.lookDv, 0, want, af);
}

function block(pf: PfStateVnet): number {
  pf.stat.blocked++;
  return PFIL_DROPPED;
}

function flow(pf: PfStateVnet, p: PfPacket, m: Mbuf, ifp: if_t, flags: number, now: number): number {
  let s = linked(pf, p, m, now);
  if (s === null) {
    s = find(pf, p, now);
    if (s === null) return begin(pf, p, m, ifp, flags, now);
    mTagPrepend(m, PF_STATE_LINK, s);
  }
  return follow(pf, s, p, m, ifp, flags, now);
}

/** The state that was found for this packet when it was looked at before, if it still is its state. */
function linked(pf: PfStateVnet, p: PfPacket, m: Mbuf, now: number): PfState | null {
  if (m.tags === null) return null;
  const s = mTagFind(m, PF_STATE_LINK);
  if (s === undefined) return null;
  if (pfStateDir(s, p) === 0) {
    pf.stat.state_mismatch++;
    mTagDelete(m, PF_STATE_LINK);
    return null;
  }
  if (s.bucket < 0 || s.expire <= now || (pfStateOver(s) && (p.flags & (TH_SYN | TH_ACK)) === TH_SYN)) {
    mTagDelete(m, PF_STATE_LINK);
    return null;
  }
  pf.stat.links++;
  return s;
}

/** The state of a packet's flow. One that has expired, or that a new connection takes the place of, is none. */
function find(pf: PfStateVnet, p: PfPacket, now: number): PfState | null {
  pf.stat.searches++;
  const s = pf.table.find(p);
  if (s === null) return null;
  if (s.expire > now && !(s.proto === IPPROTO_TCP && pfStateOver(s) && (p.flags & (TH_SYN | TH_ACK)) === TH_SYN)) return s;
  pf.remove(s);
  return null;
}

/** A packet of a flow that is known. */
function follow(pf: PfStateVnet, s: PfState, p: PfPacket, m: Mbuf, ifp: if_t, flags: number, now: number): number {
  const dir = pfStateDir(s, p);
  // The two ends of an ICMP flow have one identifier: where they have one address too, the type alone says which way a packet goes.
  if (p.answer && dir === DIR_FORWARD && !sameEnds(s)) return block(pf);
  if (!p.answer && dir === DIR_BACK && (s.proto === IPPROTO_ICMP || s.proto === IPPROTO_ICMPV6)) return flags === PFIL_OUT || mayBegin(pf, p, ifp, flags) ? PFIL_PASS : block(pf);
  pfTrack(s, p, dir, now, pf.timeouts);
  s.packets++;
  s.bytes += m.pktlen;
  if (p.first) pf.frags.pass(p, now + pf.timeouts.frag);
  return PFIL_PASS;
}

function sameEnds(s: PfState): boolean {
  return s.src3 === s.dst3 && s.src2 === s.dst2 && s.src1 === s.dst1 && s.src0 === s.dst0;
}

/** A packet of no flow that is known: may it begin one? Source: FreeBSD pf.c, pf_test_rule(), pf_create_state(). */
function begin(pf: PfStateVnet, p: PfPacket, m: Mbuf, ifp: if_t, flags: number, now: number): number {
  const incoming = flags !== PFIL_OUT;
  const segment = p.proto === IPPROTO_TCP;
  if (segment && (p.flags & TH_RST) !== 0) return incoming ? block(pf) : PFIL_PASS; // ends a connection, begins none
  if (p.answer) return incoming ? block(pf) : PFIL_PASS;
  const opens = !segment || (p.flags & (TH_SYN | TH_ACK)) === TH_SYN;
  if (incoming) {
    if (opens ? !mayBegin(pf, p, ifp, flags) : now - pf.loaded >= pf.pickup) return block(pf);
    if (!opens) pf.stat.picked_up++;
  } else if (!opens) pf.stat.picked_up++;
  if (pf.table.count >= pf.limit) {
    pf.stat.state_limit++;
    return PFIL_DROPPED;
  }
  const s = new PfState(p, incoming, now);
  pf.table.insert(s, p);
  pf.stat.inserts++;
  pf.arm();
  mTagPrepend(m, PF_STATE_LINK, s);
  return follow(pf, s, p, m, ifp, flags, now);
}

/** Whether a flow may begin with a packet that comes in, or is on its way through. */
function mayBegin(pf: PfStateVnet, p: PfPacket, ifp: if_t, flags: number): boolean {
  if ((flags & PFIL_FWD) !== 0) return false; // it was shown when it came in
  if ((flags & PFIL_IN) === 0) return false;
  const rules = pf.passIn;
  if (rules.allows(p.proto, p.dport)) return true;
  return rules.inside.length > 0 && rules.inside.includes(pf.vnet.kernel.service(IFNET_KPI).ifName(ifp));
}

/** An error is let through to whom the flow belongs that it is about; our own go out. */
function error(pf: PfStateVnet, inner: PfPacket, flags: number, now: number): number {
  if (flags === PFIL_OUT || find(pf, inner, now) !== null) return PFIL_PASS;
  return block(pf);
}
