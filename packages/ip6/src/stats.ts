/** Numbers of extension headers and protocols. */
const PROTOS = 256;
/** Numbers of scopes. */
const SCOPES = 16;

/**
 * Counters of IPv6, with FreeBSD's names. Source: FreeBSD netinet6/ip6_var.h, struct ip6stat.
 * @public
 */
export class Ip6Stat {
  /** Packets received. */
  total = 0;
  /** Shorter than a header, or than their own length field. */
  tooshort = 0;
  /** Header could not be made contiguous. */
  toosmall = 0;
  /** Fragments received. */
  fragments = 0;
  /** Fragments dropped: overlaps, limits, want of memory. */
  fragdropped = 0;
  /** Fragments dropped because the rest did not come in time. */
  fragtimeout = 0;
  /** Fragments that exceeded a limit. */
  fragoverflow = 0;
  /** Packets with a fragment header that are whole (RFC 6946). */
  atomicfrags = 0;
  /** Packets forwarded. */
  forward = 0;
  /** Packets for others that were not forwarded. */
  cantforward = 0;
  /** Redirects sent. */
  redirectsent = 0;
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
  /** Version other than 6. */
  badvers = 0;
  /** Raw packets made here. */
  rawout = 0;
  /** Addresses whose scope does not fit, or that must not be on a wire. */
  badscope = 0;
  /** Multicast for groups not joined. */
  notmember = 0;
  /** Packets by next header of the fixed header. */
  readonly nxthist: number[];
  /** Packets with more extension headers than net.inet6.ip6.hdrnestlimit. */
  toomanyhdr = 0;
  /** Packets whose headers are longer than is looked at. */
  exthdrtoolong = 0;
  /** No tunnel for the packet. */
  nogif = 0;
  /** Source selections that found nothing. */
  sources_none = 0;
  /** Sources on the outgoing interface, by scope. */
  readonly sources_sameif: number[];
  /** Sources on another interface, by scope. */
  readonly sources_otherif: number[];
  /** Sources of the destination's scope. */
  readonly sources_samescope: number[];
  /** Sources of another scope. */
  readonly sources_otherscope: number[];
  /** Sources that are deprecated. */
  readonly sources_deprecated: number[];
  /** Packets forwarded by a cached route. */
  forward_cachehit = 0;
  /** Packets forwarded after a look-up. */
  forward_cachemiss = 0;
  /** Packets for an address that is being tested or is somebody else's. Not in FreeBSD. */
  notready = 0;

  constructor() {
    this.nxthist = new Array<number>(PROTOS).fill(0);
    this.sources_sameif = new Array<number>(SCOPES).fill(0);
    this.sources_otherif = new Array<number>(SCOPES).fill(0);
    this.sources_samescope = new Array<number>(SCOPES).fill(0);
    this.sources_otherscope = new Array<number>(SCOPES).fill(0);
    this.sources_deprecated = new Array<number>(SCOPES).fill(0);
  }
}

/**
 * Counters of ICMPv6, with FreeBSD's names. Source: FreeBSD netinet/icmp6.h, struct icmp6stat. Neighbour discovery counts its own messages here too.
 * @public
 */
export class Icmp6Stat {
  /** Errors asked for. */
  error = 0;
  /** No error sent: RFC 4443 §2.4 (e) forbids it. */
  canterror = 0;
  /** No error sent: rate limit. */
  toofreq = 0;
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
  /** Dropped for another reason. */
  dropped = 0;
  /** Replies sent. */
  reflect = 0;
  /** Messages received, by type. */
  readonly inhist: number[];
  /** Messages of neighbour discovery with too many options. */
  nd_toomanyopt = 0;
  /** Errors sent: no route. */
  odst_unreach_noroute = 0;
  /** Errors sent: prohibited. */
  odst_unreach_admin = 0;
  /** Errors sent: beyond scope. */
  odst_unreach_beyondscope = 0;
  /** Errors sent: address unreachable. */
  odst_unreach_addr = 0;
  /** Errors sent: port unreachable. */
  odst_unreach_noport = 0;
  /** Errors sent: packet too big. */
  opacket_too_big = 0;
  /** Errors sent: hop limit. */
  otime_exceed_transit = 0;
  /** Errors sent: reassembly. */
  otime_exceed_reassembly = 0;
  /** Errors sent: header field. */
  oparamprob_header = 0;
  /** Errors sent: next header. */
  oparamprob_nextheader = 0;
  /** Errors sent: option. */
  oparamprob_option = 0;
  /** Redirects sent. */
  oredirect = 0;
  /** Errors sent of other kinds. */
  ounknown = 0;
  /** Path MTU changes that packet-too-big messages brought. */
  pmtuchg = 0;
  /** Bad options of neighbour discovery. */
  nd_badopt = 0;
  /** Bad neighbour solicitations. */
  badns = 0;
  /** Bad neighbour advertisements. */
  badna = 0;
  /** Bad router solicitations. */
  badrs = 0;
  /** Bad router advertisements. */
  badra = 0;
  /** Bad redirects. */
  badredirect = 0;
  /** Messages with a hop limit other than 255 that must have it. */
  invlhlim = 0;

  constructor() {
    this.outhist = new Array<number>(PROTOS).fill(0);
    this.inhist = new Array<number>(PROTOS).fill(0);
  }
}

/**
 * Counters of IPv6 on one interface. Source: FreeBSD netinet6/in6_var.h, struct in6_ifstat.
 * @public
 */
export class In6Ifstat {
  /** Packets received. */
  in_receive = 0;
  /** Header errors. */
  in_hdrerr = 0;
  /** Too big to forward. */
  in_toobig = 0;
  /** No route. */
  in_noroute = 0;
  /** Address errors. */
  in_addrerr = 0;
  /** Unknown next headers. */
  in_protounknown = 0;
  /** Truncated. */
  in_truncated = 0;
  /** Dropped. */
  in_discard = 0;
  /** Delivered to protocols. */
  in_deliver = 0;
  /** Forwarded by this interface. */
  out_forward = 0;
  /** Sent, made here. */
  out_request = 0;
  /** Sending failed. */
  out_discard = 0;
  /** Packets fragmented. */
  out_fragok = 0;
  /** Packets that could not be fragmented. */
  out_fragfail = 0;
  /** Fragments made. */
  out_fragcreat = 0;
  /** Fragments received. */
  reass_reqd = 0;
  /** Packets put together. */
  reass_ok = 0;
  /** Reassemblies that failed. */
  reass_fail = 0;
  /** Multicast received. */
  in_mcast = 0;
  /** Multicast sent. */
  out_mcast = 0;
}
