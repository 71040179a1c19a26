/*
 * Interface capabilities. Values are FreeBSD's net/if.h.
 */

/** Can verify transport and header checksums of IPv4 on receive. @public */
export const IFCAP_RXCSUM = 0x1;
/** Can compute transport and header checksums of IPv4 on transmit. @public */
export const IFCAP_TXCSUM = 0x2;
/** Can be a network console. @public */
export const IFCAP_NETCONS = 0x4;
/** Takes frames of MTU + 4 bytes. @public */
export const IFCAP_VLAN_MTU = 0x8;
/** Inserts and strips VLAN tags. @public */
export const IFCAP_VLAN_HWTAGGING = 0x10;
/** Takes 9000 byte MTU. @public */
export const IFCAP_JUMBO_MTU = 0x20;
/** Can be polled. @public */
export const IFCAP_POLLING = 0x40;
/** Does checksums of VLAN frames. @public */
export const IFCAP_VLAN_HWCSUM = 0x80;
/** Segments TCP over IPv4. @public */
export const IFCAP_TSO4 = 0x100;
/** Segments TCP over IPv6. @public */
export const IFCAP_TSO6 = 0x200;
/** Large receive: hands up merged segments. @public */
export const IFCAP_LRO = 0x400;
/** Wake on any unicast frame. @public */
export const IFCAP_WOL_UCAST = 0x800;
/** Wake on any multicast frame. @public */
export const IFCAP_WOL_MCAST = 0x1000;
/** Wake on a magic packet. @public */
export const IFCAP_WOL_MAGIC = 0x2000;
/** Can offload TCP over IPv4. @public */
export const IFCAP_TOE4 = 0x4000;
/** Can offload TCP over IPv6. @public */
export const IFCAP_TOE6 = 0x8000;
/** Filters VLAN tags. @public */
export const IFCAP_VLAN_HWFILTER = 0x10000;
/** TSO of VLAN frames. @public */
export const IFCAP_VLAN_HWTSO = 0x40000;
/** The link state is dependable. @public */
export const IFCAP_LINKSTATE = 0x80000;
/** netmap mode; cannot be toggled. @public */
export const IFCAP_NETMAP = 0x100000;
/** Can verify transport checksums of IPv6 on receive. @public */
export const IFCAP_RXCSUM_IPV6 = 0x200000;
/** Can compute transport checksums of IPv6 on transmit. @public */
export const IFCAP_TXCSUM_IPV6 = 0x400000;
/** The driver counts packets and bytes itself; the stack then does not. @public */
export const IFCAP_HWSTATS = 0x800000;
/** Paces transmission for a socket. @public */
export const IFCAP_TXRTLMT = 0x1000000;
/** Time stamps on receive. @public */
export const IFCAP_HWRXTSTMP = 0x2000000;
/** Takes packets in unmapped pages. @public */
export const IFCAP_MEXTPG = 0x4000000;
/** TLS for TCP over IPv4. @public */
export const IFCAP_TXTLS4 = 0x8000000;
/** TLS for TCP over IPv6. @public */
export const IFCAP_TXTLS6 = 0x10000000;
/** Checksums of packets inside VXLAN. @public */
export const IFCAP_VXLAN_HWCSUM = 0x20000000;
/** TSO of packets inside VXLAN. @public */
export const IFCAP_VXLAN_HWTSO = 0x40000000;
/** Paced TLS; the sign bit, so int32 -2^31. @public */
export const IFCAP_TXTLS_RTLMT: number = 0x80000000 | 0;

/** Checksums of IPv4, both ways. @public */
export const IFCAP_HWCSUM: number = IFCAP_RXCSUM | IFCAP_TXCSUM;
/** Checksums of IPv6, both ways. @public */
export const IFCAP_HWCSUM_IPV6: number = IFCAP_RXCSUM_IPV6 | IFCAP_TXCSUM_IPV6;
/** Segmentation of both families. @public */
export const IFCAP_TSO: number = IFCAP_TSO4 | IFCAP_TSO6;
/** All ways to wake. @public */
export const IFCAP_WOL: number = IFCAP_WOL_UCAST | IFCAP_WOL_MCAST | IFCAP_WOL_MAGIC;
/** TCP offload of both families. @public */
export const IFCAP_TOE: number = IFCAP_TOE4 | IFCAP_TOE6;
/** TLS of both families. @public */
export const IFCAP_TXTLS: number = IFCAP_TXTLS4 | IFCAP_TXTLS6;
/** The capabilities that SIOCSIFCAP never toggles. @public */
export const IFCAP_CANTCHANGE: number = IFCAP_NETMAP;

/**
 * Names of the capabilities as ifconfig prints them, in bit order.
 * @public
 */
export const IFCAP_NAMES: readonly (readonly [bit: number, name: string])[] = Object.freeze(
  (
    [
      [IFCAP_RXCSUM, 'RXCSUM'],
      [IFCAP_TXCSUM, 'TXCSUM'],
      [IFCAP_NETCONS, 'NETCONS'],
      [IFCAP_VLAN_MTU, 'VLAN_MTU'],
      [IFCAP_VLAN_HWTAGGING, 'VLAN_HWTAGGING'],
      [IFCAP_JUMBO_MTU, 'JUMBO_MTU'],
      [IFCAP_POLLING, 'POLLING'],
      [IFCAP_VLAN_HWCSUM, 'VLAN_HWCSUM'],
      [IFCAP_TSO4, 'TSO4'],
      [IFCAP_TSO6, 'TSO6'],
      [IFCAP_LRO, 'LRO'],
      [IFCAP_WOL_UCAST, 'WOL_UCAST'],
      [IFCAP_WOL_MCAST, 'WOL_MCAST'],
      [IFCAP_WOL_MAGIC, 'WOL_MAGIC'],
      [IFCAP_TOE4, 'TOE4'],
      [IFCAP_TOE6, 'TOE6'],
      [IFCAP_VLAN_HWFILTER, 'VLAN_HWFILTER'],
      [IFCAP_VLAN_HWTSO, 'VLAN_HWTSO'],
      [IFCAP_LINKSTATE, 'LINKSTATE'],
      [IFCAP_NETMAP, 'NETMAP'],
      [IFCAP_RXCSUM_IPV6, 'RXCSUM_IPV6'],
      [IFCAP_TXCSUM_IPV6, 'TXCSUM_IPV6'],
      [IFCAP_HWSTATS, 'HWSTATS'],
      [IFCAP_TXRTLMT, 'TXRTLMT'],
      [IFCAP_HWRXTSTMP, 'HWRXTSTMP'],
      [IFCAP_MEXTPG, 'NOMAP'],
      [IFCAP_TXTLS4, 'TXTLS4'],
      [IFCAP_TXTLS6, 'TXTLS6'],
      [IFCAP_VXLAN_HWCSUM, 'VXLAN_HWCSUM'],
      [IFCAP_VXLAN_HWTSO, 'VXLAN_HWTSO'],
      [IFCAP_TXTLS_RTLMT, 'TXTLS_RTLMT'],
    ] as const
  ).map((row) => Object.freeze(row)),
);

/** Counter: packets received. The order of these is FreeBSD's ift_counter. @public */
export const IFCOUNTER_IPACKETS = 0;
/** Counter: input errors. @public */
export const IFCOUNTER_IERRORS = 1;
/** Counter: packets sent. @public */
export const IFCOUNTER_OPACKETS = 2;
/** Counter: output errors. @public */
export const IFCOUNTER_OERRORS = 3;
/** Counter: collisions. @public */
export const IFCOUNTER_COLLISIONS = 4;
/** Counter: bytes received. @public */
export const IFCOUNTER_IBYTES = 5;
/** Counter: bytes sent. @public */
export const IFCOUNTER_OBYTES = 6;
/** Counter: multicast and broadcast packets received. @public */
export const IFCOUNTER_IMCASTS = 7;
/** Counter: multicast and broadcast packets sent. @public */
export const IFCOUNTER_OMCASTS = 8;
/** Counter: dropped on input. @public */
export const IFCOUNTER_IQDROPS = 9;
/** Counter: dropped on output. @public */
export const IFCOUNTER_OQDROPS = 10;
/** Counter: for a protocol that is not here. @public */
export const IFCOUNTER_NOPROTO = 11;
/** How many counters there are. @public */
export const IFCOUNTERS = 12;
