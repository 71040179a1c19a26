import { EADDRINUSE, ENOENT, EOPNOTSUPP } from '@ns/errno';
import { IFF_MULTICAST, SIOCADDMULTI, SIOCDELMULTI } from '@ns/ifnet-kpi';
import { type InAddr, inAddrEqual } from '@ns/wire';
import type { Ifnet } from './ifnet.ts';
import { layerWith } from './layer.ts';

/**
 * A multicast group that an interface listens to. Source: FreeBSD struct ifmultiaddr.
 * @public
 */
export class IfMultiaddr {
  /** The network-layer group, or null for one that was asked for by link address. */
  readonly addr: InAddr | null;
  /** Its link-layer address, or null if the link has none (loopback). */
  readonly lladdr: Uint8Array | null;
  /** For a network-layer group: the entry of its link-layer address, shared by all groups that map to it. */
  readonly ll: IfMultiaddr | null;
  /** Who asked. */
  refs: number;

  constructor(addr: InAddr | null, lladdr: Uint8Array | null, ll: IfMultiaddr | null) {
    this.addr = addr;
    this.lladdr = lladdr;
    this.ll = ll;
    this.refs = 1;
  }
}

/** The entry of a network-layer group, or null. Source: FreeBSD if_findmulti(). @public */
export function ifFindMulti(ifp: Ifnet, addr: InAddr): IfMultiaddr | null {
  for (const ma of ifp.maddrs) if (ma.addr !== null && inAddrEqual(ma.addr, addr)) return ma;
  return null;
}

/** The entry of a link-layer group, or null. @public */
export function ifFindLlmulti(ifp: Ifnet, lladdr: Uint8Array): IfMultiaddr | null {
  for (const ma of ifp.maddrs) if (ma.addr === null && ma.lladdr !== null && sameBytes(ma.lladdr, lladdr)) return ma;
  return null;
}

/**
 * Listens to a network-layer group; each call is one reference. The link-layer address comes from the driver or the interface type. Returns an errno, among them what
 * `resolvemulti` answers. Source: FreeBSD if_addmulti().
 * @public
 */
export function ifAddMulti(ifp: Ifnet, addr: InAddr): number {
  const have = ifFindMulti(ifp, addr);
  if (have !== null) {
    have.refs++;
    return 0;
  }
  const lladdr = new Uint8Array(ifp.addrlen);
  const errno = resolve(ifp, addr, lladdr);
  if (errno !== 0 && errno !== EOPNOTSUPP) return errno;
  const hasLl = errno === 0 && ifp.addrlen > 0;
  let ll: IfMultiaddr | null = null;
  if (hasLl) {
    ll = ifFindLlmulti(ifp, lladdr);
    if (ll !== null) ll.refs++;
    else ll = addEntry(ifp, new IfMultiaddr(null, lladdr, null));
  }
  addEntry(ifp, new IfMultiaddr(addr, ll === null ? null : ll.lladdr, ll));
  tellDriver(ifp, SIOCADDMULTI, ll === null ? null : ll.lladdr);
  return 0;
}

/** Gives back one reference to a network-layer group. ENOENT if there is none. Source: FreeBSD if_delmulti(). @public */
export function ifDelMulti(ifp: Ifnet, addr: InAddr): number {
  const ma = ifFindMulti(ifp, addr);
  if (ma === null) return ENOENT;
  if (--ma.refs > 0) return 0;
  ifp.maddrs = ifp.maddrs.filter((x) => x !== ma);
  if (ma.ll !== null && --ma.ll.refs === 0) {
    const ll = ma.ll;
    ifp.maddrs = ifp.maddrs.filter((x) => x !== ll);
  }
  tellDriver(ifp, SIOCDELMULTI, ma.lladdr);
  return 0;
}

/** Listens to a link-layer group; each call is one reference. @public */
export function ifAddLlmulti(ifp: Ifnet, lladdr: Uint8Array): number {
  const have = ifFindLlmulti(ifp, lladdr);
  if (have !== null) {
    have.refs++;
    return 0;
  }
  addEntry(ifp, new IfMultiaddr(null, lladdr.slice(), null));
  tellDriver(ifp, SIOCADDMULTI, lladdr);
  return 0;
}

/** Gives back one reference to a link-layer group. ENOENT if there is none. @public */
export function ifDelLlmulti(ifp: Ifnet, lladdr: Uint8Array): number {
  const ma = ifFindLlmulti(ifp, lladdr);
  if (ma === null) return ENOENT;
  if (--ma.refs > 0) return 0;
  ifp.maddrs = ifp.maddrs.filter((x) => x !== ma);
  tellDriver(ifp, SIOCDELMULTI, lladdr);
  return 0;
}

/** SIOCADDMULTI: a user may add a link-layer group once. EOPNOTSUPP on an interface without multicast, EADDRINUSE if it is there. */
export function ifReqAddMulti(ifp: Ifnet, lladdr: Uint8Array): number {
  if ((ifp.stackFlags & IFF_MULTICAST) === 0) return EOPNOTSUPP;
  if (ifFindLlmulti(ifp, lladdr) !== null) return EADDRINUSE;
  return ifAddLlmulti(ifp, lladdr);
}

/** SIOCDELMULTI. */
export function ifReqDelMulti(ifp: Ifnet, lladdr: Uint8Array): number {
  return (ifp.stackFlags & IFF_MULTICAST) === 0 ? EOPNOTSUPP : ifDelLlmulti(ifp, lladdr);
}

/** Forgets all groups, whoever holds them. Source: FreeBSD if_purgemaddrs(). */
export function ifPurgeMaddrs(ifp: Ifnet): void {
  ifp.maddrs = [];
}

/** Calls `fn` with each link-layer group; returns how many there are. Source: FreeBSD if_foreach_llmaddr(). @public */
export function ifForeachLlmaddr(ifp: Ifnet, fn: (lladdr: Uint8Array, refs: number) => void): number {
  let n = 0;
  for (const ma of ifp.maddrs) {
    if (ma.addr !== null || ma.lladdr === null) continue;
    fn(ma.lladdr, ma.refs);
    n++;
  }
  return n;
}

function addEntry(ifp: Ifnet, ma: IfMultiaddr): IfMultiaddr {
  ifp.maddrs = [...ifp.maddrs, ma];
  return ma;
}

function resolve(ifp: Ifnet, addr: InAddr, out: Uint8Array): number {
  const words = Int32Array.of(addr.w0, addr.w1, addr.w2, addr.w3);
  const l = layerWith(ifp.ops, 'resolvemulti');
  if (l?.ops.resolvemulti !== undefined) return l.ops.resolvemulti(ifp.handle, addr.af, words, out, l.softc);
  return ifp.iftype.resolvemulti?.(ifp, addr.af, words, out) ?? EOPNOTSUPP;
}

function tellDriver(ifp: Ifnet, cmd: typeof SIOCADDMULTI | typeof SIOCDELMULTI, lladdr: Uint8Array | null): void {
  ifp.ops.ioctl(ifp.handle, cmd, { cmd, lladdr });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
