import type { EventTag } from './events.ts';
import type { Kernel } from './kernel.ts';
import type { Vnet } from './vnet.ts';

// Subsystems, in run order. Source: FreeBSD sys/kernel.h, enum sysinit_sub_id.

/** Subsystem: boot environment is read. @public */
export const SI_SUB_TUNABLES = 0x0700000;
/** Subsystem: counter(9). @public */
export const SI_SUB_COUNTER = 0x1100000;
/** Subsystem: locks. @public */
export const SI_SUB_LOCK = 0x1b00000;
/** Subsystem: event handler lists. @public */
export const SI_SUB_EVENTHANDLER = 0x1c00000;
/** Subsystem: the null stack is set up. @public */
export const SI_SUB_NETSTACK_PRELINK = 0x1d00000;
/** Subsystem: the list of vnets exists. @public */
export const SI_SUB_VNET_PRELINK = 0x1e00000;
/** Subsystem: the linker; khelp modules. @public */
export const SI_SUB_KLD = 0x2000000;
/** Subsystem: mandatory access control. @public */
export const SI_SUB_MAC = 0x2180000;
/** Subsystem: policies of mandatory access control. @public */
export const SI_SUB_MAC_POLICY = 0x21c0000;
/** Subsystem: vnet0 is made. Per-vnet initialisers come after it. @public */
export const SI_SUB_VNET = 0x21e0000;
/** Subsystem: mbufs. @public */
export const SI_SUB_MBUF = 0x2700000;
/** Subsystem: interrupts. @public */
export const SI_SUB_INTR = 0x2800000;
/** Subsystem: task queues. @public */
export const SI_SUB_TASKQ = 0x2880000;
/** Subsystem: software interrupts: netisr, RSS. @public */
export const SI_SUB_SOFTINTR = 0x2a00000;
/** Subsystem: interface core, hhook heads of a vnet. @public */
export const SI_SUB_INIT_IF = 0x3000000;
/** Subsystem: netgraph. @public */
export const SI_SUB_NETGRAPH = 0x3010000;
/** Subsystem: drivers. @public */
export const SI_SUB_DRIVERS = 0x3100000;
/** Subsystem: devices attach. @public */
export const SI_SUB_CONFIGURE = 0x3800000;
/** Subsystem: a stack registers behind socreate(). @public */
export const SI_SUB_NETSTACK = 0x3900000;
/** Subsystem: virtual file systems. @public */
export const SI_SUB_VFS = 0x4000000;
/** Subsystem: pseudo devices: loopback, epair. @public */
export const SI_SUB_PSEUDO = 0x7000000;
/** Subsystem: protocols begin. @public */
export const SI_SUB_PROTO_BEGIN = 0x8000000;
/** Subsystem: packet filter heads. @public */
export const SI_SUB_PROTO_PFIL = 0x8100000;
/** Subsystem: protocols of interfaces. @public */
export const SI_SUB_PROTO_IF = 0x8400000;
/** Subsystem: the domain list exists. @public */
export const SI_SUB_PROTO_DOMAININIT = 0x8600000;
/** Subsystem: multicast. @public */
export const SI_SUB_PROTO_MC = 0x8700000;
/** Subsystem: address families and their protocols. @public */
export const SI_SUB_PROTO_DOMAIN = 0x8800000;
/** Subsystem: firewalls. @public */
export const SI_SUB_PROTO_FIREWALL = 0x8806000;
/** Subsystem: domains attach to interfaces; congestion control registers. @public */
export const SI_SUB_PROTO_IFATTACHDOMAIN = 0x8808000;
/** Subsystem: protocols are complete. @public */
export const SI_SUB_PROTO_END = 0x8ffffff;
/** Subsystem: system calls. @public */
export const SI_SUB_SYSCALLS = 0xd800000;
/** Subsystem: a vnet is complete; its destructors run first (interfaces return home). @public */
export const SI_SUB_VNET_DONE = 0xdc00000;
/** Subsystem: other processors. @public */
export const SI_SUB_SMP = 0xf000000;
/** Subsystem: after everything. @public */
export const SI_SUB_LAST = 0xfffffff;

/** Order within a subsystem. @public */
export const SI_ORDER_FIRST = 0x0000000;
/** Order within a subsystem. @public */
export const SI_ORDER_SECOND = 0x0000001;
/** Order within a subsystem. @public */
export const SI_ORDER_THIRD = 0x0000002;
/** Order within a subsystem. @public */
export const SI_ORDER_FOURTH = 0x0000003;
/** Order within a subsystem. @public */
export const SI_ORDER_FIFTH = 0x0000004;
/** Order within a subsystem. @public */
export const SI_ORDER_SIXTH = 0x0000005;
/** Order within a subsystem. @public */
export const SI_ORDER_SEVENTH = 0x0000006;
/** Order within a subsystem. @public */
export const SI_ORDER_EIGHTH = 0x0000007;
/** Order within a subsystem. @public */
export const SI_ORDER_MIDDLE = 0x1000000;
/** Order within a subsystem: no matter when. @public */
export const SI_ORDER_ANY = 0xfffffff;

/**
 * Work that is done once for each kernel: at load of the module, undone at unload.
 *
 * Apart from {@link VnetSysinitDecl} on purpose: an initialiser of something global that ran for each vnet is a mistake that FreeBSD made
 * (`cc_init`), and here the types keep the two apart.
 * @public
 */
export interface SysinitDecl {
  /** SI_SUB_*. */
  readonly subsystem: number;
  /** SI_ORDER_*; ties keep the order of declaration. */
  readonly order: number;
  /** Runs at load. An errno other than 0, or a throw, makes the load fail; what ran before is undone. */
  readonly init: (kernel: Kernel) => number | void;
  /** Runs at unload, at shutdown, and when a later step of the load fails. Must not fail. */
  readonly exit?: (kernel: Kernel) => void;
}

/**
 * Work that is done once for each vnet: in those that live when the module is loaded, and in those that come.
 *
 * A constructor registered by a module that is loaded late runs in living vnets at once, whatever their state: across modules (subsystem, order)
 * holds only for vnets made afterwards, so declare dependencies rather than rely on numbers.
 * @public
 */
export interface VnetSysinitDecl {
  /** SI_SUB_*, later than SI_SUB_VNET. */
  readonly subsystem: number;
  /** SI_ORDER_*; ties keep the order of loading, then of declaration. */
  readonly order: number;
  /** Runs when the vnet is made, or when the module is loaded. An errno other than 0, or a throw, makes either fail and be undone. */
  readonly init: (vnet: Vnet) => number | void;
  /** Runs when the vnet is destroyed or the module unloaded. Must not fail; a throw is reported and the others still run. */
  readonly exit?: (vnet: Vnet) => void;
}

/**
 * An initialiser that registers event handlers, and takes them back when the module goes. Source: FreeBSD sys/eventhandler.h, EVENTHANDLER_DEFINE().
 * @public
 */
export function sysinitListen(subsystem: number, order: number, listen: (kernel: Kernel) => readonly EventTag[]): SysinitDecl {
  const tags = new WeakMap<Kernel, readonly EventTag[]>();
  return {
    subsystem,
    order,
    init: (kernel) => void tags.set(kernel, listen(kernel)),
    exit: (kernel) => {
      for (const tag of tags.get(kernel) ?? []) kernel.events.deregister(tag);
      tags.delete(kernel);
    },
  };
}

/** Compares two entries by subsystem, then order; 0 leaves them as they stand. @public */
export function sysinitCompare(
  a: { readonly subsystem: number; readonly order: number },
  b: { readonly subsystem: number; readonly order: number },
): number {
  return a.subsystem - b.subsystem || a.order - b.order;
}

/**
 * What one initialiser has cost, or all variables of a module: which step of a boot, or of the making of a vnet, takes the time.
 * @public
 */
export class SysinitStat {
  /** Module name. */
  readonly module: string;
  /** SI_SUB_*; SI_SUB_VNET for the variables of the module. */
  readonly subsystem: number;
  /** SI_ORDER_*. */
  readonly order: number;
  /** Once for each vnet, not once for the kernel. */
  readonly perVnet: boolean;
  /** How often it ran. */
  runs: number;
  /** Time in all runs, microseconds of the kernel's clock: 0 in virtual time. */
  totalUs: number;
  /** The longest run. */
  maxUs: number;

  constructor(module: string, subsystem: number, order: number, perVnet: boolean) {
    this.module = module;
    this.subsystem = subsystem;
    this.order = order;
    this.perVnet = perVnet;
    this.runs = 0;
    this.totalUs = 0;
    this.maxUs = 0;
  }

  /** Enters one run. */
  add(us: number): void {
    this.runs++;
    this.totalUs += us;
    if (us > this.maxUs) this.maxUs = us;
  }
}
