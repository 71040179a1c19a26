import type { if_t } from '@ns/ifnet-kpi';
import type { Mbuf } from '@ns/mbuf';

/** Packets that come in. The values of PFIL_* are FreeBSD's. @public */
export const PFIL_IN = 0x00010000;
/** Packets that go out. @public */
export const PFIL_OUT = 0x00020000;
/** With PFIL_OUT, in what a hook is told: the packet is on its way through. @public */
export const PFIL_FWD = 0x00040000;
/** For {@link PfilKpi.link}: behind the hooks that are there, not before them. @public */
export const PFIL_APPEND = 0x00400000;

/** What a head's packets begin with: an IPv4 header. @public */
export const PFIL_TYPE_IP4 = 1;
/** What a head's packets begin with: an IPv6 header. @public */
export const PFIL_TYPE_IP6 = 2;
/** What a head's packets begin with: an Ethernet header. @public */
export const PFIL_TYPE_ETHERNET = 3;

/** Name of the head of IPv4. @public */
export const PFIL_INET_NAME = 'inet';
/** Name of the head of IPv6. @public */
export const PFIL_INET6_NAME = 'inet6';
/** Name of the head of Ethernet. @public */
export const PFIL_ETHER_NAME = 'ethernet';

/** Verdict: the packet goes on; it is the one that the hook was given. @public */
export const PFIL_PASS = 0;
/** Verdict: the packet must not go on. The stack frees it. Differs: FreeBSD's filters free it themselves. @public */
export const PFIL_DROPPED = 1;
/** Verdict: the packet is the hook's now, to keep, to send on, or freed already. @public */
export const PFIL_CONSUMED = 2;
/** Verdict: the packet goes on, and it is another one, which the hook has put into {@link PfilPacket.m}. @public */
export const PFIL_REALLOCED = 3;

/**
 * Where a hook leaves the packet that is to go on in the place of the one it was given (what mPullup returned, a copy that may be written).
 * @public
 */
export interface PfilPacket {
  /** The packet; looked at only after PFIL_REALLOCED, so set it last. The old one was the hook's to free. */
  m: Mbuf | null;
}

/**
 * Looks at a packet. Runs inside packet processing, for each packet of the heads that it is linked to; it must not throw, nor wait.
 *
 * The header that the type of the head promises is complete and contiguous at the front of `m`, its lengths are checked, and all is in network byte order. What follows it may be anything, and may
 * lie in other mbufs of the chain. The checksums of a packet that goes out may be still to be computed (see `m.csumFlags`). The bytes may be shared: mWritable before a write. A hook that
 * changes a packet puts its checksums right; one that changes addresses or ports calls mTagDeleteFlow.
 *
 * @param ifp - where the packet came in, or where it will go out
 * @param flags - PFIL_IN or PFIL_OUT, with PFIL_FWD for a packet on its way through
 * @param ruleset - as in {@link PfilHookArgs}
 * @param p - for PFIL_REALLOCED
 * @returns PFIL_PASS, PFIL_DROPPED, PFIL_CONSUMED or PFIL_REALLOCED
 * @public
 */
export type PfilMbufChk = (m: Mbuf, ifp: if_t, flags: number, ruleset: unknown, p: PfilPacket) => number;

/**
 * What a filter says of a hook. Source: FreeBSD struct pfil_hook_args.
 * @public
 */
export interface PfilHookArgs {
  /** Module that it belongs to, at most 63 characters, no colon. */
  readonly modname: string;
  /** Name of the rules within the module, at most 63 characters. Both names together are unique in a vnet. */
  readonly rulname: string;
  /** PFIL_TYPE_* of the heads that it can be linked to. */
  readonly type: number;
  /** What runs. */
  readonly mbufChk: PfilMbufChk;
  /** Handed to `mbufChk`: usually the filter's state of this vnet. */
  readonly ruleset?: unknown;
}

/**
 * A hook: a filter's function with its rules, in one vnet. Made by {@link PfilKpi.addHook}; the counters are the stack's.
 * Source: FreeBSD struct pfil_hook.
 * @public
 */
export interface PfilHook extends PfilHookArgs {
  /** Chains that it is in. */
  readonly links: number;
  /** Packets that it was shown. */
  readonly packets: number;
  /** Packets that it let not go on. */
  readonly dropped: number;
}
