import { type Ifaddr, ifDelAddr, IFNET } from '@ns/ifnet';
import { IN6_IFF_DEPRECATED } from '@ns/ip6';
import { AF_INET6 } from '@ns/wire';
import { defrouterDel } from './defrouter.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { tempTimer } from './temp.ts';
import { prefixOfflink, prefixUnlink } from './prefix.ts';

/** Drops what is over: routers, addresses, prefixes, DNS servers; and arms itself for what ends next. Source: FreeBSD nd6.c, nd6_timer(). */
export function nd6Timer(nd: Nd6Vnet): void {
  const now = nd.nowUs();
  nd.prunedUs = now;
  for (const dr of nd.defrouters) if (dr.expireUs <= now) defrouterDel(nd, dr);
  tempTimer(nd, now);
  for (const ifp of IFNET.get(nd.vnet).list) {
    for (const ifa of ifp.addrs) if (ifa.af === AF_INET6) expireAddr(nd, ifa, now);
  }
  for (const pr of nd.prefixes) {
    if (pr.expireUs === 0 || pr.expireUs > now) continue;
    if (pr.addrcnt === 0) prefixUnlink(nd, pr);
    else prefixOfflink(nd, pr);
  }
  nd.dns.expire(now);
  rearm(nd, now);
}

/** Source: FreeBSD nd6.c, nd6_timer(), the address loop. */
function expireAddr(nd: Nd6Vnet, ifa: Ifaddr, now: number): void {
  if (ifa.validUntilUs !== 0 && ifa.validUntilUs <= now) {
    nd.stat.addr_expired++;
    ifDelAddr(ifa.ifp, ifa.addr, AF_INET6);
    return;
  }
  if (ifa.preferredUntilUs === 0) return;
  if (ifa.preferredUntilUs <= now) ifa.afflags |= IN6_IFF_DEPRECATED;
}

function rearm(nd: Nd6Vnet, now: number): void {
  for (const dr of nd.defrouters) nd.schedule(dr.expireUs);
  for (const pr of nd.prefixes) if (pr.expireUs > now) nd.schedule(pr.expireUs);
  for (const e of nd.dns.entries) nd.schedule(e.expireUs);
  for (const ifp of IFNET.get(nd.vnet).list) {
    for (const ifa of ifp.addrs) {
      if (ifa.af !== AF_INET6) continue;
      nd.schedule(ifa.validUntilUs);
      if (ifa.preferredUntilUs > now) nd.schedule(ifa.preferredUntilUs);
    }
  }
}
