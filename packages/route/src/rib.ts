import { AF_INET, AF_INET6, embedZone6, type InAddr, inAddr4, inAddr6, inAddrEqual, maskInAddr } from '@ns/wire';
import type { Ifnet } from '@ns/ifnet';
import type { Kernel, Vnet } from '@ns/kern';
import { type Nexthop, type NexthopKey, NexthopTable, type Route } from './nexthop.ts';
import { NexthopGroup, type WeightedNexthop } from './nhgrp.ts';
import { PrefixTrie } from './tree.ts';

/** Bits that an IPv4 key has in front. */
const V4_SHIFT = 96;

/**
 * One route: a prefix and where it leads. Prefix apart, the table changes it.
 * Source: FreeBSD net/route/route_var.h, struct rtentry.
 * @public
 */
export class RtEntry {
  /** The prefix, host bits 0. */
  readonly dst: InAddr;
  /** Bits of the prefix. */
  readonly prefixlen: number;
  /** Where it leads; of several next hops, the first. */
  nh: Nexthop;
  /** The next hops of a route that has several, else null. */
  group: NexthopGroup | null;
  /** Share that its only next hop has when others come. */
  weight: number;
  /** Kernel time (µs) at which the route goes; 0 = stays. */
  expireUs: number;

  constructor(dst: InAddr, prefixlen: number, nh: Nexthop, group: NexthopGroup | null, weight: number, expireUs: number) {
    this.dst = dst;
    this.prefixlen = prefixlen;
    this.nh = nh;
    this.group = group;
    this.weight = weight;
    this.expireUs = expireUs;
  }
}

/**
 * What a table asks of the vnet that it is in.
 * @alpha
 */
export interface RibOwner {
  /** The vnet. */
  readonly vnet: Vnet;
  /** The loopback interface, null as long as there is none. */
  loif: Ifnet | null;
  /** net.route.multipath: a route may have several next hops. */
  readonly multipath: boolean;
  /** There is a route with several next hops now. */
  multipathUsed(): void;
  /** A number that no table of the vnet has had. */
  nextGen(): number;
}

/**
 * The routing table of one address family in one FIB of one vnet.
 *
 * Only look-ups are on the packet path; they allocate nothing. `ribAdd` and its siblings change it.
 * Source: FreeBSD net/route/route_var.h, struct rib_head.
 * @public
 */
export class Rib {
  /** Owner. */
  readonly vnet: Vnet;
  /** Number of the table. */
  readonly fib: number;
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** Changes with each change of the table; never 0, and never that of another table of the vnet. */
  gen: number;
  private readonly trie: PrefixTrie<RtEntry>;
  private readonly nhops: NexthopTable;
  /**
   * The routing of the vnet.
   * @alpha
   */
  readonly owner: RibOwner;

  constructor(owner: RibOwner, fib: number, af: number) {
    this.owner = owner;
    this.vnet = owner.vnet;
    this.fib = fib;
    this.af = af;
    this.trie = new PrefixTrie();
    this.nhops = new NexthopTable();
    this.gen = owner.nextGen();
  }

  /** The kernel that the table lives in. */
  get kernel(): Kernel {
    return this.vnet.kernel;
  }

  /** Routes in the table. */
  get count(): number {
    return this.trie.count;
  }

  /** The route that matches the IPv4 address `a` (int32) best. Source: FreeBSD fib4_lookup(). */
  lookup4(a: number): Nexthop | null {
    const rt = this.trie.lookup4(a);
    return rt === null ? null : rt.nh;
  }

  /** The route that matches an IPv6 address best; `zone` is the interface index of a link-local one. Source: FreeBSD fib6_lookup(). */
  lookup6(w0: number, w1: number, w2: number, w3: number, zone: number): Nexthop | null {
    const rt = this.trie.lookup(embedZone6(w0, zone), w1, w2, w3);
    return rt === null ? null : rt.nh;
  }

  /**
   * The entry that matches the words of a key best; the zone of a link-local address is part of the first.
   * @alpha
   */
  matchWords(z0: number, w1: number, w2: number, w3: number): RtEntry | null {
    return this.af === AF_INET ? this.trie.lookup4(w3) : this.trie.lookup(z0, w1, w2, w3);
  }

  /** The route that matches best, as an entry. */
  match(a: InAddr): RtEntry | null {
    if (a.af !== this.af) return null;
    return this.trie.lookup(keyWord0(a), a.w1, a.w2, a.w3);
  }

  /** The route of exactly this prefix. */
  get(dst: InAddr, prefixlen: number): RtEntry | null {
    if (dst.af !== this.af) return null;
    return this.trie.get(keyWord0(dst), dst.w1, dst.w2, dst.w3, this.depth(prefixlen));
  }

  /** All routes in order of prefixes; `fn` must not change the table. */
  forEach(fn: (rt: RtEntry) => void): void {
    this.trie.forEach(fn);
  }

  /** A copy of the table as it is now: later changes do not show in it. */
  snapshot(): RtEntry[] {
    const rows: RtEntry[] = [];
    this.trie.forEach((rt) => {
      rows.push(new RtEntry(rt.dst, rt.prefixlen, rt.nh, rt.group, rt.weight, rt.expireUs));
    });
    return rows;
  }

  /** The next hops in use, in order of their numbers. */
  nexthops(): Nexthop[] {
    return this.nhops.snapshot();
  }

  /**
   * For `ribAdd`: enters a prefix that is not there.
   * @alpha
   */
  link(dst: InAddr, prefixlen: number, key: NexthopKey, weight: number, expireUs: number): RtEntry {
    const rt = new RtEntry(maskInAddr(dst, prefixlen), prefixlen, this.nhops.acquire(key), null, weight, expireUs);
    this.trie.insert(keyWord0(rt.dst), rt.dst.w1, rt.dst.w2, rt.dst.w3, this.depth(prefixlen), rt);
    this.gen = this.owner.nextGen();
    return rt;
  }

  /**
   * For `ribDelete`: takes an entry out.
   * @alpha
   */
  unlink(rt: RtEntry): void {
    this.trie.remove(keyWord0(rt.dst), rt.dst.w1, rt.dst.w2, rt.dst.w3, this.depth(rt.prefixlen));
    for (const w of hopsOf(rt)) this.nhops.release(w.nh);
    this.gen = this.owner.nextGen();
  }

  /**
   * For `ribChange`: gives an entry one next hop for all that it had. Returns the first of those.
   * @alpha
   */
  relink(rt: RtEntry, key: NexthopKey): Nexthop {
    const was = rt.nh;
    const nh = this.nhops.acquire(key);
    this.setHops(rt, [{ nh, weight: rt.weight }]);
    this.nhops.release(nh);
    return was;
  }

  /**
   * For multipath: the next hop that `key` describes, with a reference that the caller gives back by {@link Rib.release}.
   * @alpha
   */
  acquire(key: NexthopKey): Nexthop {
    return this.nhops.acquire(key);
  }

  /**
   * Gives a reference of {@link Rib.acquire} back.
   * @alpha
   */
  release(nh: Nexthop): void {
    this.nhops.release(nh);
  }

  /**
   * For multipath: gives an entry these next hops, one at least.
   * @alpha
   */
  setHops(rt: RtEntry, hops: readonly WeightedNexthop[]): void {
    const was = hopsOf(rt);
    for (const w of hops) this.nhops.retain(w.nh);
    if (hops.length === 1) {
      const only = hops[0] as WeightedNexthop;
      rt.group = null;
      rt.nh = only.nh;
      rt.weight = only.weight;
    } else {
      rt.group = new NexthopGroup(hops);
      rt.nh = rt.group.first;
      this.owner.multipathUsed();
    }
    for (const w of was) this.nhops.release(w.nh);
    this.gen = this.owner.nextGen();
  }

  /** Makes all cached routes look again, though no route changed: an interface got another MTU, say. */
  touch(): void {
    this.gen = this.owner.nextGen();
  }

  private depth(prefixlen: number): number {
    return this.af === AF_INET ? prefixlen + V4_SHIFT : prefixlen;
  }
}

/**
 * Brings `ro` up to date for the IPv4 destination `dst` (int32) and returns its next hop, or null when there is no route. One compare and no look-up
 * while neither table nor destination changed. Where the route has several next hops, `ro.group` is not null, and the packet is to be asked which one it is
 * ({@link mpathSelect4}).
 * Source: FreeBSD NH_VALIDATE(), fib4_lookup().
 * @public
 */
export function ribRoute4(rib: Rib, ro: Route, dst: number): Nexthop | null {
  if (ro.gen === rib.gen && ro.dst3 === dst) return ro.nh;
  const rt = rib.matchWords(0, 0, 0, dst);
  const nh = rt === null ? null : rt.nh;
  ro.nh = nh;
  ro.group = rt === null ? null : rt.group;
  ro.lle = null;
  ro.gen = rib.gen;
  ro.dst0 = 0;
  ro.dst1 = 0;
  ro.dst2 = 0;
  ro.dst3 = dst;
  return nh;
}

/** {@link ribRoute4} for IPv6. @public */
export function ribRoute6(rib: Rib, ro: Route, w0: number, w1: number, w2: number, w3: number, zone: number): Nexthop | null {
  const z0 = embedZone6(w0, zone);
  if (ro.gen === rib.gen && ro.dst3 === w3 && ro.dst2 === w2 && ro.dst1 === w1 && ro.dst0 === z0) return ro.nh;
  const rt = rib.matchWords(z0, w1, w2, w3);
  const nh = rt === null ? null : rt.nh;
  ro.nh = nh;
  ro.group = rt === null ? null : rt.group;
  ro.lle = null;
  ro.gen = rib.gen;
  ro.dst0 = z0;
  ro.dst1 = w1;
  ro.dst2 = w2;
  ro.dst3 = w3;
  return nh;
}

/** The next hops of a route, one or several. @public */
export function hopsOf(rt: RtEntry): readonly WeightedNexthop[] {
  return rt.group !== null ? rt.group.hops : [{ nh: rt.nh, weight: rt.weight }];
}

/** Looks up without a cache. Of several next hops, the first. Source: FreeBSD fib4_lookup(), fib6_lookup(). @public */
export function ribLookup(rib: Rib, dst: InAddr): Nexthop | null {
  return dst.af === AF_INET ? rib.lookup4(dst.w3) : rib.lookup6(dst.w0, dst.w1, dst.w2, dst.w3, dst.zone);
}

/** Whether `nh` leads to the gateway `gw` (null: to the link itself). @public */
export function nhHasGateway(nh: Nexthop, gw: InAddr | null): boolean {
  if (nh.gw === null || gw === null) return nh.gw === gw;
  return inAddrEqual(nh.gw, gw);
}

/** Whether the route, or one of its next hops, leads to the gateway `gw` by `ifp`. @public */
export function rtHasGateway(rt: RtEntry, gw: InAddr, ifp: Ifnet): boolean {
  return hopsOf(rt).some((w) => w.nh.ifp === ifp && nhHasGateway(w.nh, gw));
}

/** The unspecified address of a family: with prefix length 0 the default route. @public */
export function anyAddr(af: number): InAddr {
  return af === AF_INET6 ? inAddr6(0, 0, 0, 0) : inAddr4(0);
}

/** The zone of a link-local address is part of the key: fe80::/64 of each interface is a prefix of its own, as in FreeBSD. */
function keyWord0(a: InAddr): number {
  return a.af === AF_INET ? a.w0 : embedZone6(a.w0, a.zone);
}
