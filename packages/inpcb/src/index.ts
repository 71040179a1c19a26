/**
 * Protocol control blocks: lookup, ports, groups (FreeBSD netinet/in_pcb.c), for both address families.
 *
 * A transport makes one {@link InpcbInfo} for each vnet and an {@link Inpcb} for each socket; bind and connect rules, port choice and matching are here and nowhere else.
 * The package also holds the contract by which network protocols and transports meet without importing each other: {@link InetAf} and {@link Protosw}, entered in the
 * vnet's {@link InetDomain}. Neighbours: `ip` and `ip6` implement InetAf; `tcp`, `udp` and `rawip` are the users.
 *
 * ```ts
 * import { Inpcb, inPcbAlloc, inPcbBind, inPcbInfoInit, inPcbLookup } from '@ns/inpcb';
 * import { virtualHost } from '@ns/kern';
 * import { createStack } from '@ns/stack';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const jail = createStack({ host: virtualHost() }).host;
 * jail.addAddress('lo0', '10.0.0.1/8');
 * const { vnet, cred } = jail;
 * const so = { domain: AF_INET, type: 2, options: 0, fibnum: 0, cred }; // what a socket shows of itself
 * const info = inPcbInfoInit(vnet, 'mine', 'mine_inpcb'); // a transport, once for each vnet
 * const inp = inPcbAlloc(so, info); // and for each socket
 * if (inp instanceof Inpcb) inPcbBind(inp, new Sockaddr(inAddr4(0), 53), cred); // => 0, or EADDRINUSE, EACCES, EADDRNOTAVAIL ...
 *
 * // Who gets a datagram from 10.0.0.9:4000 for 10.0.0.1:53? (WILDCARD | RLOCKPCB)
 * inPcbLookup(info, AF_INET, 0, 0, 0, 0x0a000009, 4000, 0, 0, 0, 0x0a000001, 53, 3, null, 0) === inp; // => true
 * ```
 *
 * @packageDocumentation
 */
export { inPcbAlloc, inPcbDetach, inPcbDrop, inPcbFree, inPcbRef, inPcbRele, inPcbSoOptions, inPcbValid } from './alloc.ts';
export { inPcbBind, inPcbBindSetup } from './bind.ts';
export { inPcbConnect, inPcbDestination, inPcbDisconnect, inPcbSetTuple, inPcbSource, inPcbUnbindAddr } from './connect.ts';
export { type DomainDecl, domainModule } from './domain.ts';
export {
  INET,
  INET_ALLOWBROADCAST,
  INET_DF,
  INET_NOFRAG,
  INET_RAWHDR,
  INET_ROUTETOIF,
  INET_SENDONES,
  INET_UNREACH_PORT,
  INET_UNREACH_PROTOCOL,
  type InetAf,
  InetDomain,
  InPkt,
  PathInfo,
  PKT_BROADCAST,
  PKT_FRAGMENTED,
  PKT_MULTICAST,
  type Protosw,
} from './inet.ts';
export { inPcbForeach, InpcbInfo, inPcbInfoDestroy, inPcbInfoInit, inPcbInfoSysctl, type InpcbInfoOptions, type InpcbStat } from './info.ts';
export * from './ip-ctloutput.ts';
export * from './ip6-ctloutput.ts';
export { INPCBLBGROUP_SIZMAX, LbGroups } from './lbgroup.ts';
export {
  type CheckedLookupFlags,
  INPLOOKUP_FIB,
  INPLOOKUP_RLOCKPCB,
  INPLOOKUP_WILDCARD,
  INPLOOKUP_WLOCKPCB,
  type InpLookupFlags,
  inPcbLookup,
  inPcbLookupExact,
  inPcbLookupLocal,
  inPcbLookupTuple,
} from './lookup.ts';
export {
  inPcbBlockSource,
  inPcbJoinGroup,
  inPcbLeaveGroup,
  inPcbMcastFilter,
  inPcbMoptions,
  IP_MAX_MEMBERSHIPS,
  MCAST_MUTED,
  MCAST_NOTGMEMBER,
  MCAST_NOTSMEMBER,
  MCAST_PASS,
} from './moptions.ts';
export { type IpMsfilter, MSFILTER } from './msfilter.ts';
export * from './mcast-filter.ts';
export { type McastIo, type McastQuery, type McastRecord, McastReporter } from './mcast-report.ts';
export { inpcb } from './module.ts';
export * from './notice.ts';
export { inPcbNotifyAll, inPcbPurgeIf } from './notify.ts';
export * from './pcb.ts';
export { inPcbLport, PORTRANGE, PortRange } from './portrange.ts';
export { PortTable } from './port-table.ts';
export { crCansee, crCanseeinpcb } from './prot.ts';
export { RANK_JAILED, RANK_LOCAL, RANK_MAPPED, RANK_NONE, RANK_WILD, wildRank } from './precedence.ts';
export { inPcbInsHash, inPcbRemHash } from './rehash.ts';
export { inPcbList, inPcbPeeraddr, inPcbSockaddr, type Xinpcb, type XinpcbList } from './snapshot.ts';
export { type IpMreq, SOL_SOCKET, Sockopt, sooptInt, SOPT_GET, SOPT_SET } from './sockopt.ts';
export { HashTables, LinearTables, type PcbTables } from './tables.ts';
export { tupleHash4, tupleHash6 } from './tuple-hash.ts';
export { TUPLE_TABLE_SLOTS, type TupleProbes, TupleTable } from './tuple-table.ts';
export {
  type Cmsg,
  type In6Pktinfo,
  inPcbPktopts,
  inPcbPktoptsDst,
  inPcbPktoptsFlags,
  IP_SENDSRCADDR,
  IpPktopts,
  IPV6_DSTOPTS,
  IPV6_HOPLIMIT,
  IPV6_HOPOPTS,
  IPV6_NEXTHOP,
  IPV6_PKTINFO,
  IPV6_PREFER_TEMPADDR,
  IPV6_RTHDR,
  IPV6_RTHDRDSTOPTS,
} from './pktopts.ts';
export { IN6P_EXTHDRS, inPcbSaveControl, inPcbSaveControl6 } from './savecontrol.ts';
