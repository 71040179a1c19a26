/* @hot */
import type { Mbuf } from '@ns/mbuf';
import { AF_INET, AF_INET6, IP6_HDR_LEN, IPPROTO_DSTOPTS, IPPROTO_HOPOPTS, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_ROUTING } from '@ns/wire';
import type { InPkt } from './inet.ts';
import { IP_FLOWID, IP_FLOWTYPE } from './ip-ctloutput.ts';
import { IPV6_FLOWID, IPV6_FLOWTYPE } from './ip6-ctloutput.ts';
import { IN6P_DSTOPTS, IN6P_HOPOPTS, IN6P_RTHDR, INP_RECVFLOWID, type Inpcb } from './pcb.ts';
import { type Cmsg, IPV6_DSTOPTS, IPV6_HOPOPTS, IPV6_RTHDR } from './pktopts.ts';

/** flags: what is told of extension headers. @public */
export const IN6P_EXTHDRS: number = IN6P_HOPOPTS | IN6P_DSTOPTS | IN6P_RTHDR;

/**
 * What a socket asked for of a packet and is told by ancillary data: extension headers ({@link inPcbSaveControl6}), and the flow hash if the packet has one. Null = nothing. `m` begins at the
 * network header and stays the caller's.
 * Source: FreeBSD ip_input.c, ip_savecontrol(); ip6_input.c, ip6_savecontrol().
 * @public
 */
export function inPcbSaveControl(inp: Inpcb, m: Mbuf, pkt: InPkt): Cmsg[] | null {
  let control = inPcbSaveControl6(inp, m, pkt);
  if ((inp.flags2 & INP_RECVFLOWID) === 0 || m.rsstype === 0) return control;
  control ??= [];
  const level = pkt.af === AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  control.push({ level, type: pkt.af === AF_INET ? IP_FLOWID : IPV6_FLOWID, data: m.flowid });
  control.push({ level, type: pkt.af === AF_INET ? IP_FLOWTYPE : IPV6_FLOWTYPE, data: m.rsstype });
  return control;
}

/**
 * The extension headers of a packet that a socket asked for (IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR), each a copy of its bytes in the order in which they stand;
 * null if it asked for none or there is none. `m` begins at the network header and stays the caller's. What is not contiguous is not told.
 * Source: FreeBSD ip6_input.c, ip6_savecontrol(); RFC 3542 §7 to §9.
 * @public
 */
export function inPcbSaveControl6(inp: Inpcb, m: Mbuf, pkt: InPkt): Cmsg[] | null {
  if ((inp.flags & IN6P_EXTHDRS) === 0 || pkt.af !== AF_INET6) return null;
  const end = pkt.off < m.len ? pkt.off : m.len;
  if (end <= IP6_HDR_LEN) return null;
  let control: Cmsg[] | null = null;
  let nxt = m.dv.getUint8(m.off + 6);
  let off = IP6_HDR_LEN;
  while (off + 8 <= end) {
    // Hop-by-hop options come first or not at all.
    if (nxt !== IPPROTO_DSTOPTS && nxt !== IPPROTO_ROUTING && (nxt !== IPPROTO_HOPOPTS || off !== IP6_HDR_LEN)) break;
    const len = (m.dv.getUint8(m.off + off + 1) + 1) << 3;
    if (off + len > end) break;
    const flag = nxt === IPPROTO_HOPOPTS ? IN6P_HOPOPTS : nxt === IPPROTO_DSTOPTS ? IN6P_DSTOPTS : IN6P_RTHDR;
    if ((inp.flags & flag) !== 0) {
      const data = new Uint8Array(len);
      for (let i = 0; i < len; i++) data[i] = m.dv.getUint8(m.off + off + i);
      control ??= [];
      control.push({ level: IPPROTO_IPV6, type: nxt === IPPROTO_HOPOPTS ? IPV6_HOPOPTS : nxt === IPPROTO_DSTOPTS ? IPV6_DSTOPTS : IPV6_RTHDR, data });
    }
    nxt = m.dv.getUint8(m.off + off);
    off += len;
  }
  return control;
}
