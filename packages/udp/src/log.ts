import type { InPkt } from '@ns/inpcb';
import { LOG_INFO } from '@ns/kern';
import { formatSockaddr, Sockaddr } from '@ns/wire';
import type { UdpVnet } from './vnet.ts';

/** Lines a second. */
const MAX_PER_SECOND = 20;

/** Says that a datagram came for a port that nobody listens on. Source: FreeBSD net.inet.udp.log_in_vain. */
export function logInVain(u: UdpVnet, pkt: InPkt): void {
  const to = formatSockaddr(new Sockaddr(pkt.dstAddr(), u.uh.dport));
  const from = formatSockaddr(new Sockaddr(pkt.srcAddr(), u.uh.sport));
  u.vnet.log.ratelimited(u.vainLimit, MAX_PER_SECOND, LOG_INFO, 'udp', `Connection attempt to UDP ${to} from ${from}`);
}
