import type { Ifnet } from '@ns/ifnet';
import { ND6_IFF_NO_RADR } from '@ns/ip6';
import { ribAdd, ribDelete, ribWalkDelete, RTF_DYNAMIC, RTF_GATEWAY, RTF_HOST, RTF_STATIC } from '@ns/route';
import { AF_INET6, IN6ADDR_ANY, type InAddr, inAddrEqual } from '@ns/wire';
import { defrouterInsert, defrouterLookup, defrouterPick, NdDefrouter } from './lists.ts';
import { type Nd6If, nd6IfOf } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { pfxlistOnlinkCheck, prefixForgetRouter } from './prefix.ts';

const SEC = 1000000;

/**
 * Takes in what a router says of itself: `lifetimeSec` 0 means that it is no default router. Source: FreeBSD nd6_rtr.c, defrtrlist_update(); RFC 4861 §6.3.4, RFC 4191 §3.
 */
export function defrtrlistUpdate(ni: Nd6If, addr: InAddr, raflags: number, lifetimeSec: number): void {
  const { nd, ifp } = ni;
  const takes = (ni.ii.flags & ND6_IFF_NO_RADR) === 0 && (!nd.ip6v.forwarding || nd.rfc6204w3);
  let dr = defrouterLookup(nd.defrouters, addr, ifp);
  if (lifetimeSec === 0 || !takes) {
    if (dr !== null) defrouterDel(nd, dr);
    return;
  }
  if (dr === null) {
    if (nd.defrouters.filter((x) => x.ifp === ifp).length >= nd.maxifdefrouters) {
      nd.stat.router_limit++;
      return;
    }
    dr = new NdDefrouter(addr, ifp);
  }
  dr.raflags = raflags;
  dr.lifetimeSec = lifetimeSec;
  dr.expireUs = nd.nowUs() + lifetimeSec * SEC;
  nd.defrouters = defrouterInsert(nd.defrouters, dr);
  nd.schedule(dr.expireUs);
}

/** Takes a router out of the list. Source: FreeBSD nd6_rtr.c, defrouter_unlink(), defrouter_del(). */
export function defrouterDel(nd: Nd6Vnet, dr: NdDefrouter): void {
  if (!nd.ip6v.forwarding) rt6Flush(nd, dr.addr, dr.ifp);
  delreq(nd, dr);
  nd.defrouters = nd.defrouters.filter((x) => x !== dr);
  prefixForgetRouter(nd, dr.addr, dr.ifp);
  pfxlistOnlinkCheck(nd, dr.ifp);
  defrouterSelect(nd);
}

/** A default router does not answer: prefixes and the default route are looked at again. */
export function defrouterUnreachable(nd: Nd6Vnet): void {
  for (const ifp of new Set(nd.defrouters.map((dr) => dr.ifp))) pfxlistOnlinkCheck(nd, ifp);
  defrouterSelect(nd);
}

/**
 * Lets the default route of each routing table lead to the best of the routers on the interfaces of that table. A default route that somebody else has made stays.
 * Source: FreeBSD nd6_rtr.c, defrouter_select_fib().
 */
export function defrouterSelect(nd: Nd6Vnet): void {
  for (const fib of new Set(nd.defrouters.map((dr) => dr.ifp.fib))) {
    const list = nd.defrouters.filter((dr) => dr.ifp.fib === fib);
    const best = defrouterPick(list, (dr) => nd6IfOf(dr.ifp)?.probablyReachable(dr.addr) ?? false);
    for (const dr of list) if (dr !== best) delreq(nd, dr);
    if (best !== null) addreq(nd, best);
  }
}

/** Drops all default routes that came of routers and chooses anew. Source: FreeBSD nd6_rtr.c, defrouter_reset(); ndp -H. */
export function defrouterReset(nd: Nd6Vnet): void {
  for (const dr of nd.defrouters) delreq(nd, dr);
  defrouterSelect(nd);
}

/** Source: FreeBSD nd6_rtr.c, defrouter_addreq(). */
function addreq(nd: Nd6Vnet, dr: NdDefrouter): void {
  const rib = nd.ip6v.route.inet6(dr.ifp.fib);
  const was = rib.get(IN6ADDR_ANY, 0);
  if (was !== null) {
    dr.installed = was.nh.gw !== null && inAddrEqual(was.nh.gw, dr.addr) && was.nh.ifp === dr.ifp && (was.nh.flags & RTF_STATIC) === 0;
    return;
  }
  dr.installed = ribAdd(rib, { dst: IN6ADDR_ANY, prefixlen: 0, flags: RTF_GATEWAY, gw: dr.addr, ifp: dr.ifp }) === 0;
}

/** Source: FreeBSD nd6_rtr.c, defrouter_delreq(). */
function delreq(nd: Nd6Vnet, dr: NdDefrouter): void {
  if (!dr.installed) return;
  dr.installed = false;
  const rib = nd.ip6v.route.inet6(dr.ifp.fib);
  const rt = rib.get(IN6ADDR_ANY, 0);
  if (rt !== null && (rt.nh.flags & RTF_STATIC) === 0) ribDelete(rib, { dst: IN6ADDR_ANY, prefixlen: 0, flags: RTF_GATEWAY, gw: dr.addr });
}

/** Removes the routes that redirects have made by way of a gateway. Source: FreeBSD nd6_rtr.c, rt6_flush(). */
export function rt6Flush(nd: Nd6Vnet, gw: InAddr, ifp: Ifnet): void {
  nd.ip6v.route.forEachRib((rib) => {
    if (rib.af !== AF_INET6) return;
    ribWalkDelete(rib, (_, nh) => nh.gw !== null && nh.ifp === ifp && (nh.flags & (RTF_HOST | RTF_DYNAMIC | RTF_STATIC)) === (RTF_HOST | RTF_DYNAMIC) && inAddrEqual(nh.gw, gw));
  });
}

/** Removes the routes that redirects have made to a neighbour that is gone. Source: FreeBSD nd6.c, nd6_free_redirect(). */
export function rt6FlushRedirect(nd: Nd6Vnet, dst: InAddr, ifp: Ifnet): void {
  nd.ip6v.route.forEachRib((rib) => {
    if (rib.af !== AF_INET6) return;
    ribWalkDelete(rib, (rt, nh) => nh.gw === null && nh.ifp === ifp && (nh.flags & (RTF_HOST | RTF_DYNAMIC)) === (RTF_HOST | RTF_DYNAMIC) && inAddrEqual(rt.dst, dst));
  });
}
