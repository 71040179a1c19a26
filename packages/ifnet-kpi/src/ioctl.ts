import type { InAddr } from '@ns/wire';
import type { IfMedia, IfMediaStatus } from './if-media.ts';

/*
 * Requests about interfaces. The numbers are group 'i' (0x69) and FreeBSD's number in sys/sockio.h; the direction and size bits of an ioctl word are left
 * out, since the requests here are typed records. G/SDRVSPEC share a number there, so the S form has a bit of its own.
 */

/** Set an address the old way: to drivers, "an address was added, become ready". @public */
export const SIOCSIFADDR = 0x690c;
/** Set flags: the user's word, masked by IFF_CANTCHANGE. To drivers: flags have changed. @public */
export const SIOCSIFFLAGS = 0x6910;
/** Get flags. @public */
export const SIOCGIFFLAGS = 0x6911;
/** Get metric. @public */
export const SIOCGIFMETRIC = 0x6917;
/** Set metric. @public */
export const SIOCSIFMETRIC = 0x6918;
/** Delete an IPv4 address. @public */
export const SIOCDIFADDR = 0x6919;
/** Set enabled capabilities. @public */
export const SIOCSIFCAP = 0x691e;
/** Get capabilities. @public */
export const SIOCGIFCAP = 0x691f;
/** Get the index. @public */
export const SIOCGIFINDEX = 0x6920;
/** Rename. @public */
export const SIOCSIFNAME = 0x6928;
/** Set the description. @public */
export const SIOCSIFDESCR = 0x6929;
/** Get the description. @public */
export const SIOCGIFDESCR = 0x692a;
/** Add an IPv4 address. @public */
export const SIOCAIFADDR = 0x692b;
/** Join a multicast group of the link. To drivers: the list has changed. @public */
export const SIOCADDMULTI = 0x6931;
/** Leave a multicast group of the link. To drivers: the list has changed. @public */
export const SIOCDELMULTI = 0x6932;
/** Get the MTU. @public */
export const SIOCGIFMTU = 0x6933;
/** Set the MTU. @public */
export const SIOCSIFMTU = 0x6934;
/** Set the media word. @public */
export const SIOCSIFMEDIA = 0x6937;
/** Get the media words. @public */
export const SIOCGIFMEDIA = 0x6938;
/** Set the link-layer address. @public */
export const SIOCSIFLLADDR = 0x693c;
/** Move the interface to the vnet of a jail. @public */
export const SIOCSIFVNET = 0x695a;
/** Fetch the interface back from the vnet of a jail. @public */
export const SIOCSIFRVNET = 0x695b;
/** Get the routing table of what comes in. @public */
export const SIOCGIFFIB = 0x695c;
/** Set the routing table of what comes in. @public */
export const SIOCSIFFIB = 0x695d;
/** Names of the cloners. @public */
export const SIOCIFGCLONERS = 0x6978;
/** Destroy a cloned interface. @public */
export const SIOCIFDESTROY = 0x6979;
/** Create a cloned interface. @public */
export const SIOCIFCREATE = 0x697a;
/** Create a cloned interface with parameters. @public */
export const SIOCIFCREATE2 = 0x697c;
/** Set something only the driver knows. @public */
export const SIOCSDRVSPEC = 0x8000697b;
/** Get something only the driver knows. @public */
export const SIOCGDRVSPEC = 0x697b;
/** Add to a group. @public */
export const SIOCAIFGROUP = 0x6987;
/** Get the groups. @public */
export const SIOCGIFGROUP = 0x6988;
/** Remove from a group. @public */
export const SIOCDIFGROUP = 0x6989;
/** Get the members of a group. @public */
export const SIOCGIFGMEMB = 0x698a;
/** Add an IPv6 address (FreeBSD: number 27 with in6_aliasreq). @public */
export const SIOCAIFADDR_IN6 = 0x691b;
/** Delete an IPv6 address (FreeBSD: number 25 with in6_ifreq). @public */
export const SIOCDIFADDR_IN6 = 0x80006919;
/** Get the RSS key. @public */
export const SIOCGIFRSSKEY = 0x6996;
/** Get the RSS hash types. @public */
export const SIOCGIFRSSHASH = 0x6997;

/**
 * A request to a driver or to an interface type, told apart by `cmd`. A get request carries fields that the callee fills in. Drivers answer
 * EOPNOTSUPP to what they do not know, and the request then goes on to the interface type, then to the defaults of the stack.
 *
 * When a driver sees it: SIOCSIFFLAGS after the stack's flags changed; SIOCSIFMTU with the wanted MTU, which takes effect if the answer is 0; SIOCSIFCAP with the wanted word,
 * already masked to what can be toggled; SIOCADDMULTI and SIOCDELMULTI after the list changed; SIOCSIFADDR after an address was added.
 * @public
 */
export type IfIoctl =
  | { readonly cmd: typeof SIOCSIFFLAGS; readonly flags: number }
  | { readonly cmd: typeof SIOCSIFMTU; readonly mtu: number }
  | { readonly cmd: typeof SIOCSIFCAP; /** Wanted capenable; the driver may clear bits that it cannot combine. */ reqcap: number }
  | { readonly cmd: typeof SIOCADDMULTI | typeof SIOCDELMULTI; readonly lladdr: Uint8Array | null }
  | { readonly cmd: typeof SIOCSIFADDR; readonly addr: InAddr }
  | { readonly cmd: typeof SIOCSIFLLADDR; readonly lladdr: Uint8Array }
  | { readonly cmd: typeof SIOCSIFMEDIA; readonly word: number }
  | { readonly cmd: typeof SIOCGIFMEDIA; media: IfMedia | null; readonly status: IfMediaStatus }
  | { readonly cmd: typeof SIOCSDRVSPEC | typeof SIOCGDRVSPEC; readonly spec: number; data: unknown };

/** The `cmd` words that reach drivers. @public */
export type IfIoctlCmd = IfIoctl['cmd'];

/**
 * A request as users make it (ifconfig, a control program): the interface by name, and for get requests fields to be filled in.
 * Source: FreeBSD struct ifreq, ifaliasreq, in6_aliasreq, ifgroupreq, ifdrv.
 * @public
 */
export type IfReq =
  | { readonly cmd: typeof SIOCSIFFLAGS; readonly name: string; readonly flags: number }
  | { readonly cmd: typeof SIOCGIFFLAGS; readonly name: string; flags?: number }
  | { readonly cmd: typeof SIOCSIFMETRIC; readonly name: string; readonly metric: number }
  | { readonly cmd: typeof SIOCGIFMETRIC; readonly name: string; metric?: number }
  | { readonly cmd: typeof SIOCSIFCAP; readonly name: string; readonly reqcap: number }
  | { readonly cmd: typeof SIOCGIFCAP; readonly name: string; reqcap?: number; curcap?: number }
  | { readonly cmd: typeof SIOCGIFINDEX; readonly name: string; index?: number }
  | { readonly cmd: typeof SIOCSIFNAME; readonly name: string; readonly newName: string }
  | { readonly cmd: typeof SIOCSIFDESCR; readonly name: string; /** Empty to remove. */ readonly descr: string }
  | { readonly cmd: typeof SIOCGIFDESCR; readonly name: string; descr?: string }
  | { readonly cmd: typeof SIOCSIFMTU; readonly name: string; readonly mtu: number }
  | { readonly cmd: typeof SIOCGIFMTU; readonly name: string; mtu?: number }
  | { readonly cmd: typeof SIOCSIFLLADDR; readonly name: string; readonly lladdr: Uint8Array }
  | { readonly cmd: typeof SIOCSIFFIB; readonly name: string; readonly fib: number }
  | { readonly cmd: typeof SIOCGIFFIB; readonly name: string; fib?: number }
  | { readonly cmd: typeof SIOCAIFADDR | typeof SIOCAIFADDR_IN6; readonly name: string; readonly addr: IfAliasReq }
  | { readonly cmd: typeof SIOCDIFADDR | typeof SIOCDIFADDR_IN6; readonly name: string; /** Without: the first address of the family. */ readonly addr?: InAddr }
  | { readonly cmd: typeof SIOCADDMULTI | typeof SIOCDELMULTI; readonly name: string; readonly lladdr: Uint8Array }
  | { readonly cmd: typeof SIOCSIFMEDIA; readonly name: string; readonly word: number }
  | { readonly cmd: typeof SIOCGIFMEDIA; readonly name: string; media?: IfMedia; status?: IfMediaStatus }
  | { readonly cmd: typeof SIOCSIFVNET | typeof SIOCSIFRVNET; readonly name: string; readonly jid: number }
  | { readonly cmd: typeof SIOCIFCREATE | typeof SIOCIFCREATE2; /** `epair` or `epair3`. */ readonly name: string; readonly params?: unknown; /** Filled in: the name it got. */ created?: string }
  | { readonly cmd: typeof SIOCIFDESTROY; readonly name: string }
  | { readonly cmd: typeof SIOCIFGCLONERS; cloners?: readonly string[] }
  | { readonly cmd: typeof SIOCAIFGROUP | typeof SIOCDIFGROUP; readonly name: string; readonly group: string }
  | { readonly cmd: typeof SIOCGIFGROUP; readonly name: string; groups?: readonly string[] }
  | { readonly cmd: typeof SIOCGIFGMEMB; readonly group: string; members?: readonly string[] }
  | { readonly cmd: typeof SIOCSDRVSPEC | typeof SIOCGDRVSPEC; readonly name: string; readonly spec: number; data: unknown };

/**
 * An interface address to add. Source: FreeBSD struct ifaliasreq.
 * @public
 */
export interface IfAliasReq {
  /** The address of the interface. */
  readonly addr: InAddr;
  /** Length of the prefix; without: that of the address's class (IPv4), 64 (IPv6). */
  readonly prefixlen?: number;
  /** Broadcast address; without: computed from the prefix. Broadcast interfaces, IPv4. */
  readonly broadcast?: InAddr;
  /** The far end; point-to-point interfaces. */
  readonly dst?: InAddr;
  /** IFA_* of the family (IPv6: IN6_IFF_*). */
  readonly flags?: number;
  /** Seconds for which the address may be used (IPv6); without: for ever. */
  readonly vltime?: number;
  /** Seconds for which it is preferred, at most `vltime`; without: for ever. */
  readonly pltime?: number;
  /** The address brings no route to its prefix: whoever adds it sees to that (IPv6 autoconfiguration). */
  readonly noPrefixRoute?: boolean;
}

