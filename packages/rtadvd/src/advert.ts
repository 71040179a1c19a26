import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { IN6_IFF_AUTOCONF, IN6_IFF_DUPLICATED, IN6_IFF_TENTATIVE, in6Linkmtu } from '@ns/ip6';
import {
  AF_INET6,
  encodeNdLladdr,
  encodeNdMtu,
  encodeNdPrefixInfo,
  encodeNdRouterAdvert,
  ETHER_ADDR_LEN,
  etherHi,
  etherLo,
  type InAddr,
  inAddrEqual,
  IPV6_MMTU,
  IP6_HDR_LEN,
  isLinkLocal,
  isLoopback,
  maskInAddr,
  ND_OPT_DNSSL,
  ND_OPT_PI_FLAG_AUTO,
  ND_OPT_PI_FLAG_ONLINK,
  ND_OPT_PREFIX_INFORMATION_LEN,
  ND_OPT_RDNSS,
  ND_OPT_SOURCE_LINKADDR,
  ND_ROUTER_ADVERT_LEN,
  NdPrefixInfo,
  NdRouterAdvert,
  setInAddr,
} from '@ns/wire';
import { dnsLifetimeSec, type RtadvParams } from './config.ts';

/** A prefix to announce. */
export interface AdvPrefix {
  readonly prefix: InAddr;
  readonly prefixlen: number;
  readonly validSec: number;
  readonly preferredSec: number;
}

/** Seconds that are left at `nowUs` until `endUs`, 0 = for ever, but no more than `sec`. */
function left(nowUs: number, endUs: number, sec: number): number {
  return endUs === 0 ? sec : Math.max(0, Math.min(sec, Math.floor((endUs - nowUs) / 1000000)));
}

/** The prefixes of the addresses of an interface, but of those that came from another router. Source: FreeBSD rtadvd/config.c, get_prefix(). */
export function advPrefixes(ifp: Ifnet, p: RtadvParams, nowUs: number): AdvPrefix[] {
  const out: AdvPrefix[] = [];
  for (const ifa of ifp.addrs) {
    if (!announced(ifa)) continue;
    const prefix = maskInAddr(ifa.addr, ifa.prefixlen);
    if (out.some((x) => x.prefixlen === ifa.prefixlen && inAddrEqual(x.prefix, prefix))) continue;
    const validSec = left(nowUs, ifa.validUntilUs, p.vltimeSec);
    out.push({ prefix, prefixlen: ifa.prefixlen, validSec, preferredSec: Math.min(validSec, left(nowUs, ifa.preferredUntilUs, p.pltimeSec)) });
  }
  return out;
}

/** Whether an address of the interface still stands for that prefix; one that is being tested does, though it is not a reason to announce it yet. */
export function advHolds(ifp: Ifnet, prefix: InAddr, prefixlen: number): boolean {
  return ifp.addrs.some((ifa) => ifa.prefixlen === prefixlen && eligible(ifa) && inAddrEqual(maskInAddr(ifa.addr, prefixlen), prefix));
}

function announced(ifa: Ifaddr): boolean {
  return eligible(ifa) && (ifa.afflags & IN6_IFF_TENTATIVE) === 0;
}

function eligible(ifa: Ifaddr): boolean {
  return (
    ifa.af === AF_INET6 &&
    ifa.prefixlen < 128 &&
    ifa.dst === null &&
    !isLinkLocal(ifa.addr) &&
    !isLoopback(ifa.addr) &&
    (ifa.afflags & (IN6_IFF_AUTOCONF | IN6_IFF_DUPLICATED)) === 0
  );
}

/** One advertisement of the interface: what fits into the smallest MTU; `lifetimeSec` is that of the router, `said` how many of the prefixes it has, from the first. Source: FreeBSD rtadvd/config.c, make_packet(). */
export function advBytes(ifp: Ifnet, p: RtadvParams, lifetimeSec: number, prefixes: readonly AdvPrefix[]): { bytes: Uint8Array; said: number } {
  const room = IPV6_MMTU - IP6_HDR_LEN;
  const buf = new Uint8Array(room);
  const dv = new DataView(buf.buffer);
  const ra = new NdRouterAdvert();
  ra.curhoplimit = p.chlim;
  // RFC 4191 §2.2: one that is no default router has no preference.
  ra.flags = lifetimeSec === 0 ? p.raflags & ~0x18 : p.raflags;
  ra.lifetimeSec = lifetimeSec;
  ra.reachableMs = p.rtimeMs;
  ra.retransmitMs = p.retransMs;
  encodeNdRouterAdvert(dv, 0, ra);
  let o = ND_ROUTER_ADVERT_LEN;
  const mac = ifp.lladdr;
  if (mac !== null && mac.length === ETHER_ADDR_LEN) o += encodeNdLladdr(dv, o, ND_OPT_SOURCE_LINKADDR, etherHi(mac), etherLo(mac));
  const mtu = p.mtu === -1 ? in6Linkmtu(ifp) : p.mtu;
  if (mtu >= IPV6_MMTU) o += encodeNdMtu(dv, o, mtu);
  o += dns(dv, o, room, p, lifetimeSec === 0 ? 0 : dnsLifetimeSec(p));
  let n = 0;
  for (; n < prefixes.length && o + ND_OPT_PREFIX_INFORMATION_LEN <= room; n++) {
    encodeNdPrefixInfo(dv, o, prefixInfo(prefixes[n] as AdvPrefix));
    o += ND_OPT_PREFIX_INFORMATION_LEN;
  }
  return { bytes: buf.slice(0, o), said: n };
}

function prefixInfo(x: AdvPrefix): NdPrefixInfo {
  const pi = new NdPrefixInfo();
  pi.prefixlen = x.prefixlen;
  pi.flags = ND_OPT_PI_FLAG_ONLINK | (x.prefixlen === 64 ? ND_OPT_PI_FLAG_AUTO : 0);
  pi.validSec = x.validSec;
  pi.preferredSec = x.preferredSec;
  pi.prefix0 = x.prefix.w0;
  pi.prefix1 = x.prefix.w1;
  pi.prefix2 = x.prefix.w2;
  pi.prefix3 = x.prefix.w3;
  return pi;
}

/** The DNS options, as far as they fit; returns their length. Source: RFC 8106 §5.1, §5.2. */
function dns(dv: DataView, o: number, room: number, p: RtadvParams, lifetimeSec: number): number {
  let len = 0;
  if (p.rdnss.length > 0 && o + 8 + 16 * p.rdnss.length <= room) {
    head(dv, o, ND_OPT_RDNSS, 8 + 16 * p.rdnss.length, lifetimeSec);
    for (let i = 0; i < p.rdnss.length; i++) setInAddr(dv, o + 8 + 16 * i, p.rdnss[i] as InAddr);
    len = 8 + 16 * p.rdnss.length;
  }
  const names = domains(p.dnssl);
  const whole = (8 + names.length + 7) & ~7;
  if (names.length > 0 && o + len + whole <= room) {
    head(dv, o + len, ND_OPT_DNSSL, whole, lifetimeSec);
    for (let i = 0; i < names.length; i++) dv.setUint8(o + len + 8 + i, names[i] as number);
    len += whole;
  }
  return len;
}

function head(dv: DataView, o: number, type: number, len: number, lifetimeSec: number): void {
  dv.setUint8(o, type);
  dv.setUint8(o + 1, len >>> 3);
  dv.setUint32(o + 4, lifetimeSec);
}

/** Domain names as labels (RFC 1035 §3.1). */
function domains(names: readonly string[]): number[] {
  const out: number[] = [];
  for (const name of names) {
    for (const label of name.split('.')) {
      out.push(label.length);
      for (let i = 0; i < label.length; i++) out.push(label.charCodeAt(i));
    }
    out.push(0);
  }
  return out;
}
