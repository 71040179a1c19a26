/**
 * Counters of TCP in one vnet, with FreeBSD's names (tcps_sndrexmitpack is `sndrexmitpack`, tcps_sc_added `scAdded`).
 * Source: FreeBSD tcp_var.h, struct tcpstat.
 * @public
 */
export class TcpStats {
  /** Connections initiated. */
  connattempt = 0;
  /** Connections accepted. */
  accepts = 0;
  /** Connections established. */
  connects = 0;
  /** Connections dropped. */
  drops = 0;
  /** Embryonic connections dropped. */
  conndrops = 0;
  /** Segments dropped for an average size below minmss (kept, 0). */
  minmssdrops = 0;
  /** Connections closed, drops included. */
  closed = 0;
  /** Segments whose round trip was to be timed. */
  segstimed = 0;
  /** Times that it was. */
  rttupdated = 0;
  /** Delayed ACKs sent. */
  delack = 0;
  /** Connections dropped by the retransmission timeout. */
  timeoutdrop = 0;
  /** Retransmission timeouts. */
  rexmttimeo = 0;
  /** Persist timeouts. */
  persisttimeo = 0;
  /** Keepalive timeouts. */
  keeptimeo = 0;
  /** Keepalive probes sent. */
  keepprobe = 0;
  /** Connections dropped by keepalive, or not established in time. */
  keepdrops = 0;
  /** Connections dropped for lack of progress (TCP_MAXUNACKTIME). */
  progdrops = 0;
  /** Segments sent. */
  sndtotal = 0;
  /** Data segments sent. */
  sndpack = 0;
  /** Data bytes sent. */
  sndbyte = 0;
  /** Data segments sent again. */
  sndrexmitpack = 0;
  /** Data bytes sent again. */
  sndrexmitbyte = 0;
  /** Timeouts that turned out to be spurious. */
  sndrexmitbad = 0;
  /** Segments sent with an ACK only. */
  sndacks = 0;
  /** Window probes sent. */
  sndprobe = 0;
  /** Segments sent with URG only. */
  sndurg = 0;
  /** Segments sent to update the window only. */
  sndwinup = 0;
  /** Segments sent with SYN, FIN or RST only. */
  sndctrl = 0;
  /** Segments received. */
  rcvtotal = 0;
  /** Segments received in sequence. */
  rcvpack = 0;
  /** Bytes received in sequence. */
  rcvbyte = 0;
  /** Segments with a bad checksum. */
  rcvbadsum = 0;
  /** Segments with a bad header length. */
  rcvbadoff = 0;
  /** Segments dropped for lack of room in the reassembly queue. */
  rcvreassfull = 0;
  /** Segments dropped for lack of memory. */
  rcvmemdrop = 0;
  /** Packets too short. */
  rcvshort = 0;
  /** Segments received that brought nothing new. */
  rcvduppack = 0;
  /** Bytes in them. */
  rcvdupbyte = 0;
  /** Segments received that brought something old. */
  rcvpartduppack = 0;
  /** Old bytes in them. */
  rcvpartdupbyte = 0;
  /** Segments received out of order. */
  rcvoopack = 0;
  /** Bytes in them. */
  rcvoobyte = 0;
  /** Segments with data behind the window. */
  rcvpackafterwin = 0;
  /** Bytes behind the window. */
  rcvbyteafterwin = 0;
  /** Segments with data after the user had closed. */
  rcvafterclose = 0;
  /** Window probes received. */
  rcvwinprobe = 0;
  /** Duplicate ACKs received. */
  rcvdupack = 0;
  /** ACKs of data not sent. */
  rcvacktoomuch = 0;
  /** ACKs older than any window (RFC 5961 §5.2). */
  rcvacktooold = 0;
  /** ACKs from before our SYN. */
  rcvghostack = 0;
  /** ACKs received. */
  rcvackpack = 0;
  /** Bytes acknowledged by them. */
  rcvackbyte = 0;
  /** Window updates received. */
  rcvwinupd = 0;
  /** Segments dropped by PAWS. */
  pawsdrop = 0;
  /** ACKs that header prediction took. */
  predack = 0;
  /** Data segments that header prediction took. */
  preddat = 0;
  /** Kept, 0. */
  pcbcachemiss = 0;
  /** Round-trip times put in the host cache. */
  cachedrtt = 0;
  /** Their deviations. */
  cachedrttvar = 0;
  /** Slow start thresholds put there. */
  cachedssthresh = 0;
  /** Round-trip times taken from the host cache. */
  usedrtt = 0;
  /** Their deviations. */
  usedrttvar = 0;
  /** Slow start thresholds taken from there. */
  usedssthresh = 0;
  /** Connections dropped while persisting. */
  persistdrop = 0;
  /** SYNs and segments for listeners that do not belong. */
  badsyn = 0;
  /** Resends that path MTU discovery caused. */
  mturesent = 0;
  /** Connections lost to a full listen queue. */
  listendrop = 0;
  /** RSTs in the window that were challenged. */
  badrst = 0;
  /** Syncache entries added. */
  scAdded = 0;
  /** SYN|ACKs sent again. */
  scRetransmitted = 0;
  /** Duplicate SYNs. */
  scDupsyn = 0;
  /** SYNs that could not be answered. */
  scDropped = 0;
  /** Entries that became connections. */
  scCompleted = 0;
  /** Entries dropped from a full bucket. */
  scBucketoverflow = 0;
  /** Times that the whole cache was full. */
  scCacheoverflow = 0;
  /** Entries reset by the peer. */
  scReset = 0;
  /** Entries given up. */
  scStale = 0;
  /** Connections that could not be made. */
  scAborted = 0;
  /** ACKs that fit no entry. */
  scBadack = 0;
  /** Entries dropped for ICMP errors. */
  scUnreach = 0;
  /** Kept, 0. */
  scZonefail = 0;
  /** SYN cookies sent. */
  scSendcookie = 0;
  /** SYN cookies received. */
  scRecvcookie = 0;
  /** ACKs that could be cookies, at a time when none are out. */
  scSpurcookie = 0;
  /** ACKs that came when cookies were out, and were none of ours. */
  scFailcookie = 0;
  /** Host cache entries added. */
  hcAdded = 0;
  /** Host cache entries reused in a full bucket. */
  hcBucketoverflow = 0;
  /** FIN_WAIT_2 connections dropped. */
  finwait2Drops = 0;
  /** Recoveries by SACK. */
  sackRecoveryEpisode = 0;
  /** Segments sent again in them. */
  sackRexmits = 0;
  /** Bytes in those. */
  sackRexmitBytes = 0;
  /** SACK options received. */
  sackRcvBlocks = 0;
  /** SACK options sent. */
  sackSendBlocks = 0;
  /** Repetitions that were seen to be lost too. */
  sackLostrexmt = 0;
  /** Holes that the scoreboard had no room for. */
  sackSboverflow = 0;
  /** ACKs that said that data had arrived twice (RFC 2883). */
  dsackCount = 0;
  /** Bytes of those data. */
  dsackBytes = 0;
  /** Tail loss probes sent. */
  tlpresends = 0;
  /** Bytes of those. */
  tlpresendBytes = 0;
  /** Packets received with CE. */
  ecnRcvce = 0;
  /** Packets received with ECT(0). */
  ecnRcvect0 = 0;
  /** Packets received with ECT(1). */
  ecnRcvect1 = 0;
  /** Packets sent with ECT(0). */
  ecnSndect0 = 0;
  /** Successful ECN handshakes. */
  ecnShs = 0;
  /** Times that ECN reduced the window. */
  ecnRcwnd = 0;
  /** Good signatures received. */
  sigRcvgoodsig = 0;
  /** Bad signatures received. */
  sigRcvbadsig = 0;
  /** Signatures that could not be made. */
  sigErrBuildsig = 0;
  /** Unexpected signatures. */
  sigErrSigopt = 0;
  /** Missing signatures. */
  sigErrNosigopt = 0;
  /** Times that black hole detection lowered the MSS. */
  pmtudBlackholeActivated = 0;
  /** Times that it went to the default. */
  pmtudBlackholeActivatedMinMss = 0;
  /** Times that it did not help. */
  pmtudBlackholeFailed = 0;
  /** Datagrams received for TCP over UDP. */
  tunneledPkts = 0;
  /** Of those, dropped for what they are. */
  tunneledErrs = 0;
  /** Connections in TIME_WAIT that made room for a new one. */
  twRecycles = 0;
  /** RSTs sent for connections in TIME_WAIT, to segments that took another road. */
  twResets = 0;
  /** ACKs sent by connections in TIME_WAIT. */
  twResponds = 0;

}
