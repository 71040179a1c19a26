import type { Mbuf } from '@ns/mbuf';

/** IPv4. @public */
export const NETISR_IP = 1;
/** IGMP, from the loopback of multicast. @public */
export const NETISR_IGMP = 2;
/** Routing messages. @public */
export const NETISR_ROUTE = 3;
/** ARP. @public */
export const NETISR_ARP = 4;
/** Ethernet frames. @public */
export const NETISR_ETHER = 5;
/** IPv6. @public */
export const NETISR_IPV6 = 6;
/** Frames of links inside the process. @public */
export const NETISR_EPAIR = 8;
/** IPv4 after reassembly. @public */
export const NETISR_IP_DIRECT = 9;
/** IPv6 after reassembly. @public */
export const NETISR_IPV6_DIRECT = 10;
/** Protocols are numbered below this. @public */
export const NETISR_MAXPROT = 16;

/** Policy: packets of one source stay in order. @public */
export const NETISR_POLICY_SOURCE = 1;
/** Policy: packets of one flow stay in order; without a flow hash, of one source. @public */
export const NETISR_POLICY_FLOW = 2;
/** Policy: the protocol says which workstream. @public */
export const NETISR_POLICY_CPU = 3;

/** Dispatch: as `net.isr.dispatch` says. @public */
export const NETISR_DISPATCH_DEFAULT = 0;
/** Dispatch: always queue. @public */
export const NETISR_DISPATCH_DEFERRED = 1;
/** Dispatch: now if this is the right workstream and it is idle, else queue. @public */
export const NETISR_DISPATCH_HYBRID = 2;
/** Dispatch: always now. @public */
export const NETISR_DISPATCH_DIRECT = 3;

/** Answer of `m2cpuid`: no idea. @public */
export const NETISR_CPUID_NONE = -1;

/**
 * How a protocol takes packets. Source: FreeBSD netisr.h, struct netisr_handler.
 * @public
 */
export interface NetisrHandler {
  /** NETISR_*, below NETISR_MAXPROT. */
  readonly proto: number;
  /** As `netstat -Q` prints it. */
  readonly name: string;
  /** Handles a packet to its end. Consumes m. Finds its vnet by `m.rcvif`. */
  handler(m: Mbuf): void;
  /** Computes `m.flowid` and `m.rsstype` of a packet that has none. Policy FLOW only. */
  m2flow?(m: Mbuf, source: number): void;
  /** The workstream of a packet, or NETISR_CPUID_NONE. Policy CPU only, and always then. */
  m2cpuid?(m: Mbuf, source: number): number;
  /** Told when the queue of this protocol in a workstream has become empty. */
  drainedcpu?(cpu: number): void;
  /** Packets that one workstream holds; default `net.isr.defaultqlimit`. */
  readonly qlimit?: number;
  /** NETISR_POLICY_*. */
  readonly policy: number;
  /** NETISR_DISPATCH_*. */
  readonly dispatch?: number;
}

/** Name of a policy, as `netstat -Q` prints it. @public */
export function netisrPolicyName(policy: number): string {
  return policy === NETISR_POLICY_SOURCE ? 'source' : policy === NETISR_POLICY_FLOW ? 'flow' : policy === NETISR_POLICY_CPU ? 'cpu' : 'unknown';
}

/** Name of a way to dispatch, as `netstat -Q` and `net.isr.dispatch` have it. @public */
export function netisrDispatchName(dispatch: number): string {
  switch (dispatch) {
    case NETISR_DISPATCH_DEFAULT:
      return 'default';
    case NETISR_DISPATCH_DEFERRED:
      return 'deferred';
    case NETISR_DISPATCH_HYBRID:
      return 'hybrid';
    case NETISR_DISPATCH_DIRECT:
      return 'direct';
    default:
      return 'unknown';
  }
}

/** The number of a dispatch name, or -1: `default` is no value of `net.isr.dispatch`. @public */
export function netisrDispatchByName(name: string): number {
  switch (name) {
    case 'deferred':
      return NETISR_DISPATCH_DEFERRED;
    case 'hybrid':
      return NETISR_DISPATCH_HYBRID;
    case 'direct':
      return NETISR_DISPATCH_DIRECT;
    default:
      return -1;
  }
}
