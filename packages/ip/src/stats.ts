/**
 * Counters of IPv4, with FreeBSD's names. Source: FreeBSD netinet/ip_var.h, struct ipstat.
 * @public
 */
export class IpStat {
  /** Packets received. */
  total = 0;
  /** Header checksum wrong. */
  badsum = 0;
  /** Shorter than its own length field, or than a header. */
  tooshort = 0;
  /** Header could not be made contiguous; fragment without data or of odd size. */
  toosmall = 0;
  /** Header length below 20 or beyond the packet. */
  badhlen = 0;
  /** Packet length below header length. */
  badlen = 0;
  /** Fragments received. */
  fragments = 0;
  /** Fragments dropped: duplicates, overlaps, limits. */
  fragdropped = 0;
  /** Fragments dropped because the rest did not come in time. */
  fragtimeout = 0;
  /** Packets forwarded. */
  forward = 0;
  /** Of these, by a cached route. */
  fastforward = 0;
  /** Packets for others that were not forwarded. */
  cantforward = 0;
  /** Redirects sent. */
  redirectsent = 0;
  /** Packets for a protocol that nobody speaks. */
  noproto = 0;
  /** Packets given to protocols. */
  delivered = 0;
  /** Packets made here. */
  localout = 0;
  /** Packets lost for want of buffers. */
  odropped = 0;
  /** Packets put together from fragments. */
  reassembled = 0;
  /** Packets that were fragmented. */
  fragmented = 0;
  /** Fragments made. */
  ofragments = 0;
  /** Packets too large that could not be fragmented. */
  cantfrag = 0;
  /** Options malformed. */
  badoptions = 0;
  /** Packets without a route. */
  noroute = 0;
  /** Version other than 4. */
  badvers = 0;
  /** Raw packets made here. */
  rawout = 0;
  /** Fragments of a packet longer than 65535. */
  toolong = 0;
  /** Multicast for groups not joined. */
  notmember = 0;
  /** No tunnel for the packet. */
  nogif = 0;
  /** Addresses that must not be on a wire. */
  badaddr = 0;
}

/** Types that are counted one by one. */
const ICMP_TYPES = 41;

/**
 * Counters of ICMP, with FreeBSD's names. Source: FreeBSD netinet/icmp_var.h, struct icmpstat.
 * @public
 */
export class IcmpStat {
  /** Errors asked for. */
  error = 0;
  /** No error sent: the packet was too short. */
  oldshort = 0;
  /** No error sent: the packet was an ICMP error. */
  oldicmp = 0;
  /** Messages sent, by type. */
  readonly outhist: number[];
  /** Messages with a code that does not exist. */
  badcode = 0;
  /** Messages shorter than a header. */
  tooshort = 0;
  /** Checksum wrong. */
  checksum = 0;
  /** Shorter than their type needs, or with a malformed quotation. */
  badlen = 0;
  /** Replies sent. */
  reflect = 0;
  /** Messages received, by type. */
  readonly inhist: number[];
  /** Echo requests to broadcast or multicast that were ignored. */
  bmcastecho = 0;
  /** Time stamp requests to broadcast or multicast that were ignored. */
  bmcasttstamp = 0;
  /** No answer: the sender's address is none. */
  badaddr = 0;
  /** No answer: no route back. */
  noroute = 0;
  /** Errors and replies that the rate limit suppressed. Not in FreeBSD, which logs the number. */
  ratelimited = 0;

  constructor() {
    this.outhist = new Array<number>(ICMP_TYPES).fill(0);
    this.inhist = new Array<number>(ICMP_TYPES).fill(0);
  }
}

/**
 * Counters of IGMP, with FreeBSD's names. Source: FreeBSD netinet/igmp_var.h, struct igmpstat.
 * @public
 */
export class IgmpStat {
  /** Messages received. */
  rcvTotal = 0;
  /** With too few bytes, or more than a message can have. */
  rcvTooshort = 0;
  /** TTL other than 1. */
  rcvBadttl = 0;
  /** Checksum wrong. */
  rcvBadsum = 0;
  /** Queries of versions 1 and 2. */
  rcvV1v2Queries = 0;
  /** Queries of version 3. */
  rcvV3Queries = 0;
  /** Queries that cannot be. */
  rcvBadqueries = 0;
  /** Queries about all groups. */
  rcvGenQueries = 0;
  /** Queries of version 3 about a group. */
  rcvGroupQueries = 0;
  /** Queries of version 3 about sources of a group. */
  rcvGsrQueries = 0;
  /** Queries about sources that were dropped. */
  dropGsrQueries = 0;
  /** Reports received. */
  rcvReports = 0;
  /** Reports that cannot be. */
  rcvBadreports = 0;
  /** Reports about groups that we are in too. */
  rcvOurreports = 0;
  /** Queries of version 3 without router alert. */
  rcvNora = 0;
  /** Messages sent. */
  sndReports = 0;
}
