/**
 * Counters of TCP in one vnet, with FreeBSD's names (tcps_sndrexmitpack is `sndrexmitpack`, tcps_sc_added `scAdded`).
 * Source: FreeBSD tcp_var.h, struct tcpstat.
 * @public
 */
export class TcpStats {
  connattempt = 0;
  accepts = 0;
  connects = 0;
  drops = 0;
  conndrops = 0;
  minmssdrops = 0;
  closed = 0;
  segstimed = 0;
  rttupdated = 0;
  delack = 0;
  timeoutdrop = 0;
  rexmttimeo = 0;
  persisttimeo = 0;
  keeptimeo = 0;
  keepprobe = 0;
  keepdrops = 0;
  progdrops = 0;

  sndtotal = 0;
  sndpack = 0;
  sndbyte = 0;
  sndrexmitpack = 0;
  sndrexmitbyte = 0;
  sndrexmitbad = 0;
  sndacks = 0;
  sndprobe = 0;
  sndurg = 0;
  sndwinup = 0;
  sndctrl = 0;

  rcvtotal = 0;
  rcvpack = 0;
  rcvbyte = 0;
  rcvbadsum = 0;
  rcvbadoff = 0;
  rcvreassfull = 0;
  rcvmemdrop = 0;
  rcvshort = 0;
  rcvduppack = 0;
  rcvdupbyte = 0;
  rcvpartduppack = 0;
  rcvpartdupbyte = 0;
  rcvoopack = 0;
  rcvoobyte = 0;
  rcvpackafterwin = 0;
  rcvbyteafterwin = 0;
  rcvafterclose = 0;
  rcvwinprobe = 0;
  rcvdupack = 0;
  rcvacktoomuch = 0;
  rcvoldack = 0;
  rcvackpack = 0;
  rcvackbyte = 0;
  rcvwinupd = 0;
  pawsdrop = 0;
  predack = 0;
  preddat = 0;
  pcbcachemiss = 0;
  cachedrtt = 0;
  cachedrttvar = 0;
  cachedssthresh = 0;
  usedrtt = 0;
  usedrttvar = 0;
  usedssthresh = 0;
  persistdrop = 0;
  badsyn = 0;
  mturesent = 0;
  listendrop = 0;
  badrst = 0;

  scAdded = 0;
  scRetransmitted = 0;
  scDupsyn = 0;
  scDropped = 0;
  scCompleted = 0;
  scBucketoverflow = 0;
  scCacheoverflow = 0;
  scReset = 0;
  scStale = 0;
  scAborted = 0;
  scBadack = 0;
  scUnreach = 0;
  scZonefail = 0;
  scSendcookie = 0;
  scRecvcookie = 0;

  hcAdded = 0;
  hcBucketoverflow = 0;

  finwait2Drops = 0;

  sackRecoveryEpisode = 0;
  sackRexmits = 0;
  sackRexmitBytes = 0;
  sackRcvBlocks = 0;
  sackSendBlocks = 0;
  sackSboverflow = 0;

  ecnCe = 0;
  ecnEct0 = 0;
  ecnEct1 = 0;
  ecnShs = 0;
  ecnRcwnd = 0;

  sigRcvgoodsig = 0;
  sigRcvbadsig = 0;
  sigErrBuildsig = 0;
  sigErrSigopt = 0;
  sigErrNosigopt = 0;

  pmtudBlackholeActivated = 0;
  pmtudBlackholeActivatedMinMss = 0;
  pmtudBlackholeFailed = 0;

}
