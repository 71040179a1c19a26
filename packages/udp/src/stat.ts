/**
 * Counters of UDP: udps_* without the prefix. Source: FreeBSD netinet/udp_var.h, struct udpstat.
 * @public
 */
export class UdpStat {
  /** Datagrams received. */
  ipackets = 0;
  /** Too short for a header. */
  hdrops = 0;
  /** Bad checksum. */
  badsum = 0;
  /** No checksum. */
  nosum = 0;
  /** Length field longer than the packet, or shorter than the header. */
  badlen = 0;
  /** Nobody listens. */
  noport = 0;
  /** Of those, broadcast and multicast. */
  noportbcast = 0;
  /** Receive buffer full. */
  fullsock = 0;
  /** Not used: no pcb cache. */
  pcbcachemiss = 0;
  /** Not found by the packet's hash. */
  pcbhashmiss = 0;
  /** Datagrams sent. */
  opackets = 0;
  /** Sent on the fast path. */
  fastout = 0;
  /** Multicast that nobody wanted. */
  noportmcast = 0;
  /** Multicast that a source filter kept out. */
  filtermcast = 0;
}
