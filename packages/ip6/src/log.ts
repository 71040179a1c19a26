import type { Ifnet } from '@ns/ifnet';
import { LOG_DEBUG } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { formatInAddr, getInAddr6, getIp6Nxt } from '@ns/wire';
import type { Ip6Vnet } from './ip6-vnet.ts';

/** Logs a packet that cannot be forwarded, one in net.inet6.ip6.log_interval seconds. Source: FreeBSD ip6_forward.c, ip6_log_ratelimit(). */
export function logCannotForward(ip6v: Ip6Vnet, m: Mbuf, rcvif: Ifnet, outif: Ifnet | null): void {
  if (!ip6v.logCannotForward) return;
  const now = ip6v.vnet.kernel.callouts.nowUs();
  if (ip6v.loggedUs >= 0 && now - ip6v.loggedUs < ip6v.logInterval * 1000000) return;
  ip6v.loggedUs = now;
  const from = formatInAddr(getInAddr6(m.dv, m.off + 8));
  const to = formatInAddr(getInAddr6(m.dv, m.off + 24));
  const out = outif === null ? '' : `, outif ${outif.name}`;
  ip6v.vnet.log.log(LOG_DEBUG, 'ip6', `cannot forward src ${from}, dst ${to}, nxt ${getIp6Nxt(m.dv, m.off)}, rcvif ${rcvif.name}${out}`);
}
