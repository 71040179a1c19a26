import { type Ifnet, ifaOfIfpForAddr, ifaWithNet } from '@ns/ifnet';
import { mHeaderWritable } from '@ns/ifnet-kpi';
import { type Mbuf, mFreem, mTagDeleteFlow, mPrepend } from '@ns/mbuf';
import {
  formatInet4,
  getIpHlen,
  getIpLen,
  ICMP_PARAMPROB,
  ICMP_UNREACH,
  ICMP_UNREACH_FILTER_PROHIB,
  ICMP_UNREACH_HOST,
  ICMP_UNREACH_SRCFAIL,
  inAddr4,
  IP_HDR_LEN,
  IP_MAX_HDR_LEN,
  IPOPT_EOL,
  IPOPT_LSRR,
  IPOPT_MINOFF,
  IPOPT_NOP,
  IPOPT_OFFSET,
  IPOPT_OLEN,
  IPOPT_RR,
  IPOPT_SSRR,
  IPOPT_TS,
  IPOPT_TS_PRESPEC,
  IPOPT_TS_TSANDADDR,
  IPOPT_TS_TSONLY,
} from '@ns/wire';
import { icmpError } from './icmp-error.ts';
import type { IpVnet } from './ip-vnet.ts';

const MS_PER_DAY = 86400000;

// What is to become of a packet after one option: below 0 a PARAMPROB pointer of -verdict, else one of these.
const NEXT = 0;
const REROUTE = 1;
const DROP = 2;
const UNREACH_SRC = 3;
const UNREACH_HST = 4;

/** Milliseconds since midnight UT. Source: FreeBSD iptime(). */
export function iptime(ipv: IpVnet): number {
  return Math.floor(ipv.vnet.kernel.host.clock.wallUs() / 1000) % MS_PER_DAY;
}

/**
 * Processes the options of `m` (IP header of `hlen` bytes first): records route and time, follows source routes where that is allowed. Returns the packet, whose destination may
 * have changed (`ipv.srcRouted` says so), or null when it is gone: malformed and answered, or dropped. `pass` 0 is before, 1 (with stealth) after it is known that
 * the packet is for us. Consumes m.
 * Source: FreeBSD ip_options.c, ip_dooptions().
 */
export function ipDooptions(ipv: IpVnet, m0: Mbuf, ifp: Ifnet, pass: number): Mbuf | null {
  ipv.srcRouted = false;
  if (ipv.doopts === 0) return m0;
  if (ipv.doopts === 2) {
    icmpError(ipv, m0, ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB, 0, 0);
    return null;
  }
  const hlen = getIpHlen(m0.dv, m0.off);
  const m = mHeaderWritable(m0, hlen);
  if (m === null) {
    ipv.stat.odropped++;
    return null;
  }
  const buf = m.buf;
  const end = m.off + hlen;
  let cp = m.off + IP_HDR_LEN;
  while (cp < end) {
    const opt = buf[cp] as number;
    if (opt === IPOPT_EOL) break;
    if (opt === IPOPT_NOP) {
      cp++;
      continue;
    }
    const optlen = cp + IPOPT_OLEN < end ? (buf[cp + IPOPT_OLEN] as number) : 0;
    if (optlen < IPOPT_OLEN + 1 || optlen > end - cp) return refuse(ipv, m, -(cp + IPOPT_OLEN - m.off));
    const verdict = oneOption(ipv, m, ifp, cp, opt, optlen, pass);
    if (verdict === REROUTE) {
      ipv.srcRouted = true;
      mTagDeleteFlow(m);
    } else if (verdict !== NEXT) return refuse(ipv, m, verdict);
    cp += optlen;
  }
  return m;
}

function refuse(ipv: IpVnet, m: Mbuf, verdict: number): null {
  if (verdict === DROP) {
    ipv.stat.cantforward++;
    mFreem(m);
    return null;
  }
  ipv.stat.badoptions++;
  if (verdict === UNREACH_SRC) icmpError(ipv, m, ICMP_UNREACH, ICMP_UNREACH_SRCFAIL, 0, 0);
  else if (verdict === UNREACH_HST) icmpError(ipv, m, ICMP_UNREACH, ICMP_UNREACH_HOST, 0, 0);
  else icmpError(ipv, m, ICMP_PARAMPROB, -verdict, 0, 0);
  return null;
}

function oneOption(ipv: IpVnet, m: Mbuf, ifp: Ifnet, cp: number, opt: number, optlen: number, pass: number): number {
  switch (opt) {
    case IPOPT_LSRR:
    case IPOPT_SSRR:
      return sourceRoute(ipv, m, cp, opt, optlen);
    case IPOPT_RR:
      return ipv.stealth && pass === 0 ? NEXT : recordRoute(ipv, m, cp, optlen);
    case IPOPT_TS:
      return ipv.stealth && pass === 0 ? NEXT : timestamp(ipv, m, ifp, cp, optlen);
    default:
      return NEXT;
  }
}

/** Source routes (RFC 791 §3.1; RFC 1122 §3.2.1.8). Off unless net.inet.ip.sourceroute and accept_sourceroute say otherwise. */
function sourceRoute(ipv: IpVnet, m: Mbuf, cp: number, opt: number, optlen: number): number {
  const { dv, buf } = m;
  if (optlen < IPOPT_OFFSET + 1) return -(cp + IPOPT_OLEN - m.off);
  const ptr = buf[cp + IPOPT_OFFSET] as number;
  if (ptr < IPOPT_MINOFF) return -(cp + IPOPT_OFFSET - m.off);
  const dst = dv.getInt32(m.off + 16);
  if (ipv.addrs.lookup(dst) === null) {
    if (opt === IPOPT_SSRR) return UNREACH_SRC;
    return ipv.dosourceroute ? NEXT : noSourceRouting(ipv, m, dst);
  }
  const off = ptr - 1;
  if (off > optlen - 4) return ipv.acceptsourceroute ? NEXT : noSourceRouting(ipv, m, dst); // the end of the route, and it is us
  if (ipv.stealth) return DROP;
  if (!ipv.dosourceroute) return noSourceRouting(ipv, m, dst);
  const next = dv.getInt32(cp + off);
  const ifa = opt === IPOPT_SSRR ? ifaWithNet(ipv.vnet, inAddr4(next)) : (ipv.route.inet(m.fibnum).lookup4(next)?.ifa ?? null);
  if (ifa === null) return UNREACH_SRC;
  dv.setInt32(m.off + 16, next);
  dv.setInt32(cp + off, ifa.addr.w3);
  buf[cp + IPOPT_OFFSET] = ptr + 4;
  return REROUTE;
}

function noSourceRouting(ipv: IpVnet, m: Mbuf, dst: number): number {
  if (!ipv.forwarding) return DROP;
  ipv.vnet.log.ratelimited(ipv.optLog, 1, 4, 'ip', `attempted source route from ${formatInet4(m.dv.getInt32(m.off + 12))} to ${formatInet4(dst)}`);
  return UNREACH_SRC;
}

function recordRoute(ipv: IpVnet, m: Mbuf, cp: number, optlen: number): number {
  const { dv, buf } = m;
  if (optlen < IPOPT_OFFSET + 1) return -(cp + IPOPT_OFFSET - m.off);
  const ptr = buf[cp + IPOPT_OFFSET] as number;
  if (ptr < IPOPT_MINOFF) return -(cp + IPOPT_OFFSET - m.off);
  const off = ptr - 1;
  if (off > optlen - 4) return NEXT; // full
  const dst = dv.getInt32(m.off + 16);
  const own = ipv.addrs.lookup(dst);
  const ifa = own ?? ipv.route.inet(m.fibnum).lookup4(dst)?.ifa ?? null;
  if (ifa === null) return UNREACH_HST;
  dv.setInt32(cp + off, ifa.addr.w3);
  buf[cp + IPOPT_OFFSET] = ptr + 4;
  return NEXT;
}

function timestamp(ipv: IpVnet, m: Mbuf, ifp: Ifnet, cp: number, optlen: number): number {
  const { dv, buf } = m;
  if (optlen < 4 || optlen > 40) return -(cp + IPOPT_OLEN - m.off);
  const ptr = buf[cp + IPOPT_OFFSET] as number;
  if (ptr < 5) return -(cp + IPOPT_OFFSET - m.off);
  let off = ptr - 1;
  const flags = cp + IPOPT_OFFSET + 1;
  if (off > optlen - 4) {
    buf[flags] = ((buf[flags] as number) + 0x10) & 0xff;
    return ((buf[flags] as number) & 0xf0) === 0 ? -(cp + IPOPT_OFFSET - m.off) : NEXT; // more overflows than can be counted
  }
  switch ((buf[flags] as number) & 0x0f) {
    case IPOPT_TS_TSONLY:
      break;
    case IPOPT_TS_TSANDADDR: {
      if (off + 8 > optlen) return -(cp + IPOPT_OFFSET - m.off);
      const ifa = ifaOfIfpForAddr(ifp, inAddr4(dv.getInt32(m.off + 16)));
      if (ifa === null) return NEXT;
      dv.setInt32(cp + off, ifa.addr.w3);
      off += 4;
      break;
    }
    case IPOPT_TS_PRESPEC:
      if (off + 8 > optlen) return -(cp + IPOPT_OFFSET - m.off);
      if (ipv.addrs.lookup(dv.getInt32(cp + off)) === null) return NEXT;
      off += 4;
      break;
    default:
      return -(flags - m.off);
  }
  dv.setInt32(cp + off, iptime(ipv));
  buf[cp + IPOPT_OFFSET] = off + 4 + 1;
  return NEXT;
}

/**
 * Prepares the options of a request for its reply, in place: recorded routes and time stamps stay, a source route is reversed (RFC 1122 §3.2.2.6), all else becomes NOP. Sets
 * the destination to the first hop of a reversed route.
 * Source: FreeBSD ip_icmp.c, icmp_reflect(); ip_options.c, ip_srcroute().
 */
export function reverseOptions(m: Mbuf, hlen: number): void {
  const buf = m.buf;
  const end = m.off + hlen;
  for (let cp = m.off + IP_HDR_LEN; cp < end; ) {
    const opt = buf[cp] as number;
    if (opt === IPOPT_EOL) return;
    if (opt === IPOPT_NOP) {
      cp++;
      continue;
    }
    const optlen = cp + IPOPT_OLEN < end ? (buf[cp + IPOPT_OLEN] as number) : 0;
    if (optlen < 2 || optlen > end - cp) {
      buf.fill(IPOPT_EOL, cp, end);
      return;
    }
    if (opt === IPOPT_LSRR || opt === IPOPT_SSRR) reverseRoute(m, cp, optlen);
    else if (opt !== IPOPT_RR && opt !== IPOPT_TS) buf.fill(IPOPT_NOP, cp, cp + optlen);
    cp += optlen;
  }
}

/** The route r1 ... rn that led from S to us becomes r(n-1) ... r1 S, by way of rn. */
function reverseRoute(m: Mbuf, cp: number, optlen: number): void {
  const { dv, buf } = m;
  const n = ((buf[cp + IPOPT_OFFSET] as number) - IPOPT_MINOFF) >>> 2;
  const first = cp + IPOPT_OFFSET + 1;
  if (n < 1 || first + n * 4 > cp + optlen) {
    buf.fill(IPOPT_NOP, cp, cp + optlen);
    return;
  }
  const back = dv.getInt32(m.off + 16);
  const hop = dv.getInt32(first + (n - 1) * 4);
  for (let i = 0, j = n - 2; i < j; i++, j--) {
    const t = dv.getInt32(first + i * 4);
    dv.setInt32(first + i * 4, dv.getInt32(first + j * 4));
    dv.setInt32(first + j * 4, t);
  }
  dv.setInt32(first + (n - 1) * 4, back);
  buf[cp + IPOPT_OFFSET] = IPOPT_MINOFF;
  dv.setInt32(m.off + 16, hop);
}

/**
 * Puts the options of a socket (a multiple of four bytes, as they stand in the header) behind the fixed header of `m`. Consumes m; null when they do not fit or there is
 * no mbuf. Source: FreeBSD ip_options.c, ip_insertoptions().
 */
export function ipInsertoptions(m0: Mbuf, options: Uint8Array): Mbuf | null {
  const n = options.length;
  const total = getIpLen(m0.dv, m0.off) + n;
  if (n === 0 || (n & 3) !== 0 || n > IP_MAX_HDR_LEN - IP_HDR_LEN || total > 65535) {
    mFreem(m0);
    return null;
  }
  const m = mPrepend(m0, n);
  if (m === null) return null;
  if (m.len < IP_HDR_LEN + n) {
    // The header was in the next mbuf: bring both together.
    const joined = mHeaderWritable(m, IP_HDR_LEN + n);
    return joined === null ? null : place(joined, options, total);
  }
  return place(m, options, total);
}

/** Moves the header to the front of the room and fills in the options behind it. */
function place(m: Mbuf, options: Uint8Array, total: number): Mbuf {
  const { buf, off } = m;
  const n = options.length;
  for (let i = 0; i < IP_HDR_LEN; i++) buf[off + i] = buf[off + n + i] as number;
  buf.set(options, off + IP_HDR_LEN);
  buf[off] = 0x40 | ((IP_HDR_LEN + n) >>> 2);
  m.dv.setUint16(off + 2, total);
  return m;
}
