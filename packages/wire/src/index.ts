/**
 * Headers and options to and from bytes, the Internet checksum, addresses and sequence number order.
 *
 * Every header has a record class in host order; `decodeX(dv, o, len, rec)` fills it and returns whether the bytes can be such a header,
 * `encodeX(dv, o, rec)` writes it, and `getXField(dv, o)` reads one field in place. The record belongs to the caller. Nothing here
 * allocates for a packet, throws for what a packet says, or reads outside `[o, o + len)`. IPv4 addresses and sequence numbers are int32.
 *
 * ```ts
 * import { TH_SYN, TcpHdr, cksumAdd, cksumFold, encodeTcpHdr, parseInAddr, pseudoSum4, setTcpSum } from '@ns/wire';
 *
 * const ab = new ArrayBuffer(64);
 * const dv = new DataView(ab);
 * const buf = new Uint8Array(ab);
 * const words = new Int32Array(ab);
 * const src = parseInAddr('10.0.0.1'), dst = parseInAddr('10.0.0.2');
 * encodeTcpHdr(dv, 0, Object.assign(new TcpHdr(), { sport: 49152, dport: 80, seq: 1, flags: TH_SYN, win: 65535 }));
 * const pseudo = src && dst ? pseudoSum4(src.w3, dst.w3, 6, 20) : 0;
 * setTcpSum(dv, 0, cksumFold(cksumAdd(buf, words, 0, 20, pseudo)));
 * cksumFold(cksumAdd(buf, words, 0, 20, pseudo)); // => 0: it is right
 * ```
 *
 * @packageDocumentation
 */
export {
  AF_UNSPEC, AF_INET, AF_LINK, AF_INET6, InAddr, inAddr4, inAddr6, INADDR_ANY, INADDR_LOOPBACK, INADDR_BROADCAST, INADDR_ALLHOSTS_GROUP,
  INADDR_ALLRTRS_GROUP, INADDR_ALLRPTS_GROUP, IN6ADDR_ANY, IN6ADDR_LOOPBACK, IN6ADDR_LINKLOCAL_ALLNODES, IN6ADDR_LINKLOCAL_ALLROUTERS,
  IN6ADDR_LINKLOCAL_ALLV2ROUTERS, inAddrEqual, getInAddr4, getInAddr6, setInAddr, isAny, isLoopback, isMulticast, isBroadcast, isLinkLocal,
  isMulticastLinkLocal, needsZone6, embedZone6, zonedWord0, inAddr6In, isV4Mapped, v4MappedOf, v4OfMapped, solicitedNodeOf, parseInAddr, splitZone, formatInAddr, formatInet4,
} from './addr.ts';
export { Sockaddr, sockaddrEqual, formatSockaddr, formatSockaddrDot, formatSockaddrColon, parseSockaddr } from './sockaddr.ts';
export {
  prefixMask4, maskLen4, prefixMask6, maskLen6, maskInAddr, broadcast4, prefixMatches, maskInAddrOf, parseCidr, formatCidr,
} from './prefix.ts';
export type { Cidr } from './prefix.ts';
export { cksumAdd, cksumSwap, cksumFold, cksumAddView, cksumAdjust, cksumAdjust32, pseudoSum4, pseudoSum6 } from './cksum.ts';
export { seqLt, seqLeq, seqGt, seqGeq, seqMax, seqMin, seqDiff, seqAdd, seqIn } from './seq.ts';
export {
  ETHER_ADDR_LEN, ETHER_TYPE_LEN, ETHER_CRC_LEN, ETHER_HDR_LEN, ETHER_VLAN_ENCAP_LEN, ETHER_MIN_LEN, ETHER_MAX_LEN, ETHER_MAX_LEN_JUMBO,
  ETHERMTU, ETHERMTU_JUMBO, ETHERMIN, ETHERTYPE_IP, ETHERTYPE_ARP, ETHERTYPE_REVARP, ETHERTYPE_VLAN, ETHERTYPE_IPV6, ETHERTYPE_FLOWCONTROL,
  ETHERTYPE_SLOW, ETHERTYPE_QINQ, ETHERTYPE_LOOPBACK, EVL_VLID_MASK, evlVlanOfTag, evlPriOfTag, evlCfiOfTag, evlMakeTag, EtherHdr,
  getEtherDhostHi, getEtherDhostLo, getEtherShostHi, getEtherShostLo, getEtherType, setEtherType, setEtherAddr, decodeEtherHdr,
  encodeEtherHdr, etherHi, etherLo, isEtherMulticast, isEtherBroadcast, isEtherZero, ETHER_IP_MULTICAST_HI, etherIpMulticastLo,
  ETHER_IPV6_MULTICAST_HI,
} from './ether.ts';
export { etherBytes, formatEtherAddr, formatEtherHiLo, parseEtherAddr } from './ether-addr.ts';
export {
  ARP_HDR_LEN, ARP_ETHER_LEN, ARPHRD_ETHER, ARPHRD_IEEE802, ARPOP_REQUEST, ARPOP_REPLY, ARPOP_REVREQUEST, ARPOP_REVREPLY, ARPOP_INVREQUEST,
  ARPOP_INVREPLY, ArpHdr, getArpOp, getArpSpa, getArpTpa, decodeArpHdr, encodeArpHdr,
} from './arp.ts';
export {
  IPVERSION, IP_HDR_LEN, IP_MAX_HDR_LEN, IP_MAXPACKET, IP_MSS, IP_MINMTU, IPDEFTTL, MAXTTL, IPTTLDEC, IP_RF, IP_DF, IP_MF, IP_OFFMASK,
  IPPROTO_IP, IPPROTO_HOPOPTS, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_IPV4, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6, IPPROTO_ROUTING,
  IPPROTO_FRAGMENT, IPPROTO_GRE, IPPROTO_ESP, IPPROTO_AH, IPPROTO_ICMPV6, IPPROTO_NONE, IPPROTO_DSTOPTS, IPPROTO_ETHERIP, IPPROTO_PIM,
  IPPROTO_CARP, IPPROTO_SCTP, IPPROTO_MH, IPPROTO_UDPLITE, IPPROTO_RAW, IPPROTO_MAX, IPTOS_ECN_MASK, IPTOS_ECN_NOTECT, IPTOS_ECN_ECT1,
  IPTOS_ECN_ECT0, IPTOS_ECN_CE, IPTOS_LOWDELAY, IPTOS_THROUGHPUT, IPTOS_RELIABILITY, IPTOS_PREC_INTERNETCONTROL, IPTOS_DSCP_MASK, IPOPT_EOL,
  IPOPT_NOP, IPOPT_RR, IPOPT_TS, IPOPT_SECURITY, IPOPT_LSRR, IPOPT_ESO, IPOPT_CIPSO, IPOPT_SATID, IPOPT_SSRR, IPOPT_RA, IPOPT_COPIED,
  IPOPT_OLEN, IPOPT_OFFSET, IPOPT_MINOFF, IPOPT_TS_TSONLY, IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC, IpHdr, getIpV, getIpHlen, getIpTos,
  setIpTos, getIpLen, setIpLen, getIpId, setIpId, getIpOff, setIpOff, getIpTtl, setIpTtl, getIpP, getIpSum, setIpSum, getIpSrc, setIpSrc,
  getIpDst, setIpDst, decodeIpHdr, encodeIpHdr, IpOptCursor, ipOptBegin, ipOptNext,
} from './ip.ts';
export {
  IPV6_VERSION, IP6_HDR_LEN, IP6_FRAG_LEN, IPV6_MMTU, IPV6_MAXPACKET, IPV6_DEFHLIM, IPV6_MAXHLIM, IPV6_FLOWLABEL_MASK, IPV6_FLOWINFO_MASK,
  IP6F_OFF_MASK, IP6F_RESERVED_MASK, IP6F_MORE_FRAG, IP6OPT_PAD1, IP6OPT_PADN, IP6OPT_JUMBO, IP6OPT_ROUTER_ALERT, IP6OPT_RTALERT_LEN,
  IP6OPT_RTALERT_MLD, IP6OPT_TYPE_MASK, IP6OPT_TYPE_SKIP, IP6OPT_TYPE_DISCARD, IP6OPT_TYPE_FORCEICMP, IP6OPT_TYPE_ICMP, IP6OPT_MUTABLE,
  IPV6_RTHDR_TYPE_0, IP6_HDRNESTLIMIT, Ip6Hdr, IP6_SRC_OFF, IP6_DST_OFF, getIp6Tclass, setIp6Tclass, getIp6Flow, getIp6Plen, setIp6Plen,
  getIp6Nxt, setIp6Nxt, getIp6Hlim, setIp6Hlim, decodeIp6Hdr, encodeIp6Hdr, Ip6Frag, decodeIp6Frag, encodeIp6Frag, Ip6Rthdr, decodeIp6Rthdr,
  encodeIp6Rthdr,
} from './ip6.ts';
export {
  IP6WALK_DONE, IP6WALK_TRUNCATED, IP6WALK_NESTED, IP6WALK_HOPOPTS, Ip6Walk, ip6ExtLen, walkIp6Ext, isIp6Ext, Ip6OptCursor, ip6OptBegin,
  ip6OptNext,
} from './ip6-ext.ts';
export {
  ICMP_MINLEN, ICMP_TSLEN, ICMP_MASKLEN, ICMP_ADVLENMIN, ICMP_ECHOREPLY, ICMP_UNREACH, ICMP_UNREACH_NET, ICMP_UNREACH_HOST,
  ICMP_UNREACH_PROTOCOL, ICMP_UNREACH_PORT, ICMP_UNREACH_NEEDFRAG, ICMP_UNREACH_SRCFAIL, ICMP_UNREACH_NET_UNKNOWN,
  ICMP_UNREACH_HOST_UNKNOWN, ICMP_UNREACH_ISOLATED, ICMP_UNREACH_NET_PROHIB, ICMP_UNREACH_HOST_PROHIB, ICMP_UNREACH_TOSNET,
  ICMP_UNREACH_TOSHOST, ICMP_UNREACH_FILTER_PROHIB, ICMP_UNREACH_HOST_PRECEDENCE, ICMP_UNREACH_PRECEDENCE_CUTOFF, ICMP_SOURCEQUENCH,
  ICMP_REDIRECT, ICMP_REDIRECT_NET, ICMP_REDIRECT_HOST, ICMP_REDIRECT_TOSNET, ICMP_REDIRECT_TOSHOST, ICMP_ECHO, ICMP_ROUTERADVERT,
  ICMP_ROUTERSOLICIT, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, ICMP_TIMXCEED_REASS, ICMP_PARAMPROB, ICMP_PARAMPROB_ERRATPTR,
  ICMP_PARAMPROB_OPTABSENT, ICMP_PARAMPROB_LENGTH, ICMP_TSTAMP, ICMP_TSTAMPREPLY, ICMP_IREQ, ICMP_IREQREPLY, ICMP_MASKREQ, ICMP_MASKREPLY,
  ICMP_MAXTYPE, icmpInfoType, IcmpHdr, icmpId, icmpSeq, icmpNextmtu, icmpGwaddr, icmpPptr, icmpOrigLen, icmpIdSeqWord, icmpPptrWord,
  getIcmpType, setIcmpType, getIcmpCode, getIcmpCksum, setIcmpCksum, getIcmpMask, setIcmpMask, decodeIcmpHdr, encodeIcmpHdr, IcmpTstamp,
  decodeIcmpTstamp, encodeIcmpTstamp,
} from './icmp.ts';
export * from './icmp-notice.ts';
export { ICMP_QUOTE_L4_LEN, IcmpQuote, decodeIcmpQuote, decodeIcmp6Quote } from './icmp-quote.ts';
export {
  ICMP6_HDR_LEN, ICMPV6_PLD_MAXLEN, ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB, ICMP6_ECHO_REQUEST,
  ICMP6_ECHO_REPLY, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_LISTENER_DONE, ND_ROUTER_SOLICIT, ND_ROUTER_ADVERT, ND_NEIGHBOR_SOLICIT,
  ND_NEIGHBOR_ADVERT, ND_REDIRECT, ICMP6_NI_QUERY, ICMP6_NI_REPLY, MLDV2_LISTENER_REPORT, ICMP6_MAXTYPE, ICMP6_DST_UNREACH_NOROUTE,
  ICMP6_DST_UNREACH_ADMIN, ICMP6_DST_UNREACH_BEYONDSCOPE, ICMP6_DST_UNREACH_ADDR, ICMP6_DST_UNREACH_NOPORT, ICMP6_DST_UNREACH_POLICY,
  ICMP6_DST_UNREACH_REJECT, ICMP6_TIME_EXCEED_TRANSIT, ICMP6_TIME_EXCEED_REASSEMBLY, ICMP6_PARAMPROB_HEADER, ICMP6_PARAMPROB_NEXTHEADER,
  ICMP6_PARAMPROB_OPTION, ICMP6_PARAMPROB_FIRSTFRAG, ICMP6_INFOMSG_MASK, Icmp6Hdr, icmp6Id, icmp6Seq, icmp6Mtu, icmp6Pptr, getIcmp6Type,
  getIcmp6Code, getIcmp6Cksum, setIcmp6Cksum, decodeIcmp6Hdr, encodeIcmp6Hdr,
} from './icmp6.ts';
export {
  ND_ROUTER_SOLICIT_LEN, ND_ROUTER_ADVERT_LEN, ND_NEIGHBOR_SOLICIT_LEN, ND_NEIGHBOR_ADVERT_LEN, ND_REDIRECT_LEN, ND_HLIM,
  ND_RA_FLAG_MANAGED, ND_RA_FLAG_OTHER, ND_RA_FLAG_HA, ND_RA_FLAG_RTPREF_MASK, ND_RA_FLAG_RTPREF_HIGH, ND_RA_FLAG_RTPREF_MEDIUM,
  ND_RA_FLAG_RTPREF_LOW, ND_RA_FLAG_RTPREF_RSV, ND_NA_FLAG_ROUTER, ND_NA_FLAG_SOLICITED, ND_NA_FLAG_OVERRIDE, NdRouterAdvert,
  NdNeighborSolicit, NdNeighborAdvert, NdRedirect, decodeNdRouterAdvert, encodeNdRouterAdvert, encodeNdRouterSolicit,
  decodeNdNeighborSolicit, encodeNdNeighborSolicit, decodeNdNeighborAdvert, encodeNdNeighborAdvert, decodeNdRedirect, encodeNdRedirect,
} from './nd.ts';
export {
  ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR, ND_OPT_PREFIX_INFORMATION, ND_OPT_REDIRECTED_HEADER, ND_OPT_MTU, ND_OPT_NONCE,
  ND_OPT_ROUTE_INFO, ND_OPT_RDNSS, ND_OPT_DNSSL, ND_OPT_LINKADDR_LEN, ND_OPT_PREFIX_INFORMATION_LEN, ND_OPT_REDIRECTED_HEADER_MINLEN,
  ND_OPT_MTU_LEN, ND_OPT_NONCE_LEN, ND_OPT_PI_FLAG_ONLINK, ND_OPT_PI_FLAG_AUTO, NdOptCursor, ndOptBegin, ndOptNext, NdOpts, decodeNdOpts,
  NdPrefixInfo, decodeNdPrefixInfo, encodeNdPrefixInfo, NdRouteInfo, decodeNdRouteInfo, encodeNdRouteInfo, encodeNdLladdr, getNdMtu,
  encodeNdMtu, encodeNdNonce, encodeNdRedirectedHdr, getNdDnsLifetimeSec, getNdRdnssCount,
} from './nd-opt.ts';
export {
  MLD_MINLEN, MLD_V2_QUERY_MINLEN, MLD_V2_REPORT_MINLEN, MLD_GRPREC_HDRLEN, MldHdr, decodeMldHdr, encodeMldHdr, Mldv2Query,
  decodeMldv2Query, encodeMldv2Query, getMldv2NumGrps, encodeMldv2Report, MldGrpRec, mldGrpRecLen, decodeMldGrpRec, encodeMldGrpRec,
  mldMaxRespMs,
} from './mld.ts';
export {
  IGMP_MINLEN, IGMP_V3_QUERY_MINLEN, IGMP_V3_REPORT_MINLEN, IGMP_GRPREC_HDRLEN, IGMP_HOST_MEMBERSHIP_QUERY, IGMP_V1_HOST_MEMBERSHIP_REPORT,
  IGMP_DVMRP, IGMP_PIM, IGMP_V2_HOST_MEMBERSHIP_REPORT, IGMP_HOST_LEAVE_MESSAGE, IGMP_V3_HOST_MEMBERSHIP_REPORT, GRPREC_MODE_IS_INCLUDE,
  GRPREC_MODE_IS_EXCLUDE, GRPREC_CHANGE_TO_INCLUDE_MODE, GRPREC_CHANGE_TO_EXCLUDE_MODE, GRPREC_ALLOW_NEW_SOURCES, GRPREC_BLOCK_OLD_SOURCES,
  IgmpHdr, decodeIgmpHdr, encodeIgmpHdr, Igmpv3Query, decodeIgmpv3Query, encodeIgmpv3Query, getIgmpv3NumGrps, encodeIgmpv3Report,
  IgmpGrpRec, igmpGrpRecLen, decodeIgmpGrpRec, encodeIgmpGrpRec, igmpFloat, igmpMaxRespDs,
} from './igmp.ts';
export {
  UDP_HDR_LEN, UdpHdr, getUdpSport, setUdpSport, getUdpDport, setUdpDport, getUdpUlen, setUdpUlen, getUdpSum, setUdpSum, decodeUdpHdr,
  encodeUdpHdr,
} from './udp.ts';
export {
  TCP_HDR_LEN, TCP_MAXHLEN, TCP_MAXOLEN, TCP_MAXWIN, TCP_MAX_WINSHIFT, TCP_MSS, TCP6_MSS, TCP_MINMSS, TH_FIN, TH_SYN, TH_RST, TH_PUSH,
  TH_ACK, TH_URG, TH_ECE, TH_CWR, TH_AE, TH_RES1, TH_RES2, TH_RES3, TH_FLAGS, TH_MASK, TH_ACE, TcpHdr, getTcpSport, setTcpSport,
  getTcpDport, setTcpDport, getTcpSeq, setTcpSeq, getTcpAck, setTcpAck, getTcpOff, getTcpFlags, setTcpFlags, getTcpWin, setTcpWin,
  getTcpSum, setTcpSum, getTcpUrp, setTcpUrp, decodeTcpHdr, encodeTcpHdr, formatTcpFlags,
} from './tcp.ts';
export {
  TCPOPT_EOL, TCPOPT_NOP, TCPOPT_MAXSEG, TCPOLEN_MAXSEG, TCPOPT_WINDOW, TCPOLEN_WINDOW, TCPOPT_SACK_PERMITTED, TCPOLEN_SACK_PERMITTED,
  TCPOPT_SACK, TCPOLEN_SACKHDR, TCPOLEN_SACK, TCP_MAX_SACK, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP, TCPOLEN_TSTAMP_APPA, TCPOPT_TSTAMP_HDR,
  TCPOPT_SIGNATURE, TCPOLEN_SIGNATURE, TCPOPT_FAST_OPEN, TCPOLEN_FAST_OPEN_EMPTY, TCP_FASTOPEN_MIN_COOKIE_LEN, TCP_FASTOPEN_MAX_COOKIE_LEN,
  TCPOPT_ACCECN_ORDER0, TCPOPT_ACCECN_ORDER1, TOF_MSS, TOF_SCALE, TOF_SACKPERM, TOF_TS, TOF_SIGNATURE, TOF_SACK, TOF_FASTOPEN, TOF_MAXOPT,
  TcpOpt, decodeTcpOpts, encodeTcpOpts,
} from './tcp-opt.ts';
