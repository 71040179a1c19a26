/**
 * Counters of neighbour discovery beside those of ICMPv6 (`icmp6stat` of package ip6, where bad messages are counted with FreeBSD's names). Not in FreeBSD, but for the first four, which
 * FreeBSD keeps for ARP only.
 * @public
 */
export class Nd6Stat {
  /** Packets dropped because nobody answered, or too many waited. */
  dropped = 0;
  /** Neighbours that did not answer. */
  timeouts = 0;
  /** Times somebody else used an address of ours. */
  dupips = 0;
  /** Messages that came in a fragment: refused (RFC 6980). */
  fragments = 0;
  /** Tests for duplicates begun. */
  dad_started = 0;
  /** Tests that found a duplicate. */
  dad_duplicated = 0;
  /** Own solicitations that came back (RFC 7527). */
  dad_looped = 0;
  /** Router solicitations sent. */
  rs_sent = 0;
  /** Router advertisements taken. */
  ra_accepted = 0;
  /** Router advertisements, or values in them, that were out of bounds and left aside. */
  ra_ignored = 0;
  /** Prefixes refused: net.inet6.ip6.maxifprefixes. */
  prefix_limit = 0;
  /** Routers refused: net.inet6.ip6.maxifdefrouters. */
  router_limit = 0;
  /** Redirects refused: net.inet6.ip6.maxdynroutes. */
  redirect_limit = 0;
  /** DNS servers and search domains refused. */
  dns_limit = 0;
  /** Addresses made from prefixes. */
  addr_autoconf = 0;
  /** Temporary addresses made. */
  addr_temporary = 0;
  /** Addresses whose lifetime was over. */
  addr_expired = 0;
  /** Answers for anycast and proxied addresses that were not sent because too many waited. */
  delayed_dropped = 0;
}
