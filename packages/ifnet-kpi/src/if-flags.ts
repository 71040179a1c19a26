/*
 * Interface flags, types, link states and limits. Values are FreeBSD's net/if.h and net/if_types.h: they are printed by ifconfig and compared by tests.
 */

/** The interface is administratively up. Owner: the stack. @public */
export const IFF_UP = 0x1;
/** Broadcast address valid. Set before attach. @public */
export const IFF_BROADCAST = 0x2;
/** Debugging is on. Owner: the stack. @public */
export const IFF_DEBUG = 0x4;
/** Is a loopback net. Set before attach. @public */
export const IFF_LOOPBACK = 0x8;
/** Is a point-to-point link. Set before attach. @public */
export const IFF_POINTOPOINT = 0x10;
/** Known to be safe in the packet path without further care; kept for its number. Set before attach. @public */
export const IFF_KNOWSEPOCH = 0x20;
/** Resources allocated, the driver runs. Owner: the driver. @public */
export const IFF_DRV_RUNNING = 0x40;
/** No address resolution. Owner: the stack. @public */
export const IFF_NOARP = 0x80;
/** Receive all packets: the sum of all who asked. Owner: the stack. @public */
export const IFF_PROMISC = 0x100;
/** Receive all multicast packets. Owner: the stack. @public */
export const IFF_ALLMULTI = 0x200;
/** The transmit queue of the driver is full. Owner: the driver. @public */
export const IFF_DRV_OACTIVE = 0x400;
/** Cannot hear its own transmissions. Set before attach. @public */
export const IFF_SIMPLEX = 0x800;
/** Meaning is the driver's. Owner: the stack. @public */
export const IFF_LINK0 = 0x1000;
/** Meaning is the driver's. Owner: the stack. @public */
export const IFF_LINK1 = 0x2000;
/** Meaning is the driver's. Owner: the stack. @public */
export const IFF_LINK2 = 0x4000;
/** Supports multicast. Set before attach. @public */
export const IFF_MULTICAST = 0x8000;
/** Not to be configured by ifconfig. Set before attach. @public */
export const IFF_CANTCONFIG = 0x10000;
/** Promiscuous mode asked for by the user. Owner: the stack. @public */
export const IFF_PPROMISC = 0x20000;
/** Packets are shown to bpf and then dropped. Owner: the stack. @public */
export const IFF_MONITOR = 0x40000;
/** Only static entries resolve addresses. Owner: the stack. @public */
export const IFF_STATICARP = 0x80000;
/** Being taken away. Owner: the stack. @public */
export const IFF_DYING = 0x200000;
/** Being renamed. Owner: the stack. @public */
export const IFF_RENAMING = 0x400000;
/** Not in any group. Set before attach. @public */
export const IFF_NOGROUP = 0x800000;

/** The flags that drivers own: they may be written by `ifSetDrvFlags` only. @public */
export const IFF_DRV_FLAGS: number = IFF_DRV_RUNNING | IFF_DRV_OACTIVE;

/** The flags that SIOCSIFFLAGS cannot change. Source: FreeBSD if.h. @public */
export const IFF_CANTCHANGE: number =
  IFF_BROADCAST |
  IFF_POINTOPOINT |
  IFF_DRV_RUNNING |
  IFF_DRV_OACTIVE |
  IFF_SIMPLEX |
  IFF_MULTICAST |
  IFF_ALLMULTI |
  IFF_PROMISC |
  IFF_DYING |
  IFF_CANTCONFIG |
  IFF_KNOWSEPOCH;

/**
 * Names of the flags as ifconfig prints them, in bit order.
 * @public
 */
export const IFF_NAMES: readonly (readonly [bit: number, name: string])[] = Object.freeze(
  (
    [
      [IFF_UP, 'UP'],
      [IFF_BROADCAST, 'BROADCAST'],
      [IFF_DEBUG, 'DEBUG'],
      [IFF_LOOPBACK, 'LOOPBACK'],
      [IFF_POINTOPOINT, 'POINTOPOINT'],
      [IFF_DRV_RUNNING, 'RUNNING'],
      [IFF_NOARP, 'NOARP'],
      [IFF_PROMISC, 'PROMISC'],
      [IFF_ALLMULTI, 'ALLMULTI'],
      [IFF_DRV_OACTIVE, 'OACTIVE'],
      [IFF_SIMPLEX, 'SIMPLEX'],
      [IFF_LINK0, 'LINK0'],
      [IFF_LINK1, 'LINK1'],
      [IFF_LINK2, 'LINK2'],
      [IFF_MULTICAST, 'MULTICAST'],
      [IFF_PPROMISC, 'PPROMISC'],
      [IFF_MONITOR, 'MONITOR'],
      [IFF_STATICARP, 'STATICARP'],
    ] as const
  ).map((row) => Object.freeze(row)),
);

/** Kind of an interface: one of the IFT_* numbers. @public */
export type IfType = number;
/** None of the following. @public */
export const IFT_OTHER: IfType = 0x1;
/** Ethernet CSMA/CD. @public */
export const IFT_ETHER: IfType = 0x6;
/** FDDI. @public */
export const IFT_FDDI: IfType = 0xf;
/** PPP. @public */
export const IFT_PPP: IfType = 0x17;
/** Loopback. @public */
export const IFT_LOOP: IfType = 0x18;
/** SLIP. @public */
export const IFT_SLIP: IfType = 0x1c;
/** Proprietary virtual or internal. @public */
export const IFT_PROPVIRTUAL: IfType = 0x35;
/** Radio spread spectrum. @public */
export const IFT_IEEE80211: IfType = 0x47;
/** Encapsulation interface. @public */
export const IFT_TUNNEL: IfType = 0x83;
/** Layer 2 virtual LAN using 802.1Q. @public */
export const IFT_L2VLAN: IfType = 0x87;
/** Link aggregation. @public */
export const IFT_IEEE8023ADLAG: IfType = 0xa1;
/** InfiniBand. @public */
export const IFT_INFINIBAND: IfType = 0xc7;
/** Transparent bridge. @public */
export const IFT_BRIDGE: IfType = 0xd1;
/** 6to4 interface. @public */
export const IFT_STF: IfType = 0xd7;
/** Generic tunnel. @public */
export const IFT_GIF: IfType = 0xf0;
/** Packet filter logging. @public */
export const IFT_PFLOG: IfType = 0xf6;
/** Packet filter state synchronisation. @public */
export const IFT_PFSYNC: IfType = 0xf7;
/** Common Address Redundancy Protocol. @public */
export const IFT_CARP: IfType = 0xf8;
/** Encapsulating interface. @public */
export const IFT_ENC: IfType = 0xf4;

/** Link state: not known; `status:` is not printed. @public */
export const LINK_STATE_UNKNOWN = 0;
/** Link state: no carrier. @public */
export const LINK_STATE_DOWN = 1;
/** Link state: active. @public */
export const LINK_STATE_UP = 2;

/** Bytes of an interface name with its terminating NUL: a name has at most 15 characters. @public */
export const IFNAMSIZ = 16;
/** Smallest MTU that SIOCSIFMTU takes. @public */
export const IF_MINMTU = 72;
/** Largest MTU that SIOCSIFMTU takes. @public */
export const IF_MAXMTU = 65535;
/** Default of net.link.ifqmaxlen. @public */
export const IFQ_MAXLEN = 50;
/** MTU of the loopback interface. @public */
export const LOMTU = 16384;

/** bpf link type: 4 bytes of address family in host order, then the packet. @public */
export const DLT_NULL = 0;
/** bpf link type: Ethernet. @public */
export const DLT_EN10MB = 1;
/** bpf link type: IPv4 or IPv6 without a link header; the number is FreeBSD's. @public */
export const DLT_RAW = 12;
