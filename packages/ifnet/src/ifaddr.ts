import type { InAddr } from '@ns/wire';
import type { Ifnet } from './ifnet.ts';

/** Ifaddr flag: a route to the prefix is installed. Source: FreeBSD if_var.h. @public */
export const IFA_ROUTE = 0x1;
/** Ifaddr flag: whoever added it sees to the route to its prefix. Not in FreeBSD, where neighbour discovery has all IPv6 prefixes. @public */
export const IFA_NOPREFIXROUTE = 0x2;
/** Ifaddr flag: a route to the address itself, through loopback, is installed. @public */
export const IFA_RTSELF = 0x4;

/** What happened to an address, in `ifaddr_event_ext`. Source: FreeBSD if_var.h, IFADDR_EVENT_ADD. @public */
export const IFADDR_EVENT_ADD = 0;
/** What happened to an address: it is gone. @public */
export const IFADDR_EVENT_DEL = 1;

/**
 * An address of an interface. What identifies it does not change: to change a prefix is to delete and add.
 * Source: FreeBSD struct ifaddr, in_ifaddr, in6_ifaddr.
 * @public
 */
export class Ifaddr {
  /** Its interface. */
  readonly ifp: Ifnet;
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** The address. */
  readonly addr: InAddr;
  /** Length of the prefix, bits. */
  readonly prefixlen: number;
  /** Directed broadcast address (IPv4, broadcast interfaces), or null. */
  readonly broadcast: InAddr | null;
  /** Address of the far end (point-to-point interfaces), or null. */
  readonly dst: InAddr | null;
  /** IFA_* in the low bits; the owner of the family may use the rest (IN6_IFF_*, see `afflags`). */
  flags: number;
  /** Flags of the family: IN6_IFF_* for IPv6. */
  afflags: number;
  /** Kernel time (µs) at which it was added. */
  readonly createdUs: number;
  /** Kernel time (µs) until which it may be used; 0 = for ever. The owner of the family acts on it. */
  validUntilUs: number;
  /** Kernel time (µs) until which it is preferred for new conversations; 0 = for ever. */
  preferredUntilUs: number;
  /** What the neighbour protocol of the family keeps for it; null while there is nothing. */
  nd: unknown;
  /** False once it has been deleted; a holder of a reference looks at this. */
  live: boolean;
  /** Holders besides the interface: routes, control blocks. For the report of leaks; nothing is freed by it. */
  refs: number;
  /** Packets received for this address. */
  ipackets: number;
  /** Packets sent from it. */
  opackets: number;
  /** Bytes received for this address. */
  ibytes: number;
  /** Bytes sent from it. */
  obytes: number;

  constructor(ifp: Ifnet, addr: InAddr, prefixlen: number, broadcast: InAddr | null, dst: InAddr | null, afflags: number) {
    this.ifp = ifp;
    this.af = addr.af;
    this.addr = addr;
    this.prefixlen = prefixlen;
    this.broadcast = broadcast;
    this.dst = dst;
    this.flags = 0;
    this.afflags = afflags;
    this.createdUs = ifp.core.kernel.callouts.nowUs();
    this.validUntilUs = 0;
    this.preferredUntilUs = 0;
    this.nd = null;
    this.live = true;
    this.refs = 0;
    this.ipackets = 0;
    this.opackets = 0;
    this.ibytes = 0;
    this.obytes = 0;
  }
}

/** Takes a reference. @public */
export function ifaRef(ifa: Ifaddr): void {
  ifa.refs++;
}

/** Gives a reference back. @public */
export function ifaFree(ifa: Ifaddr): void {
  ifa.refs--;
}
