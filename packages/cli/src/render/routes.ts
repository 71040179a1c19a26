import { RTF_DONE, RTF_GATEWAY, RTF_HOST, rtFlagLetters, rtFlagNames } from '@ns/route';
import { AF_INET, AF_INET6, formatInAddr, maskInAddrOf } from '@ns/wire';
import type { RouteGetSnapshot, RouteSnapshot, RoutesSnapshot } from '../snapshot/routes.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { left, right, vis } from '../text/format.ts';

/** What `netstat -r` shows. @public */
export interface NetstatRouteOptions {
  /** Next hop numbers and MTUs too; nothing is cut (-W). */
  readonly wide?: boolean;
}

interface Widths {
  readonly dst: number;
  readonly gw: number;
  readonly netif: number;
}

const gatewayOf = (r: RouteSnapshot): string => r.gateway ?? `link#${r.linkIndex}`;

function widthsOf(routes: readonly RouteSnapshot[], family: string, wide: boolean): Widths {
  const dst = family === 'inet6' ? 33 : 18;
  const gw = family === 'inet6' ? 29 : 18;
  if (!wide) return { dst, gw, netif: 8 };
  const longest = (least: number, all: readonly string[]): number => Math.max(least, ...all.map((t) => t.length));
  return {
    dst: longest(dst, routes.map((r) => r.destination)),
    gw: longest(gw, routes.map(gatewayOf)),
    netif: longest(8, routes.map((r) => vis(r.netif))),
  };
}

function table(routes: readonly RouteSnapshot[], family: string, wide: boolean): string[] {
  const w = widthsOf(routes, family, wide);
  const head = `${left('Destination', w.dst)} ${left('Gateway', w.gw)} ${left('Flags', 6)}`;
  const rows = [wide ? `${head} ${right('Nhop#', 6)} ${right('Mtu', 6)} ${right('Netif', w.netif)} ${right('Expire', 6)}` : `${head} ${right('Netif', w.netif)} ${right('Expire', 6)}`];
  for (const r of routes) {
    let row = `${left(r.destination, w.dst, w.dst)} ${left(gatewayOf(r), w.gw, w.gw)} ${left(rtFlagLetters(r.flags), 6, 6)}`;
    if (wide) row += ` ${right(r.nhop, 6)} ${right(r.mtu, 6)}`;
    row += ` ${right(vis(r.netif), w.netif, w.netif)}`;
    rows.push(r.expire === null ? row : `${row} ${right(r.expire, 6)}`);
  }
  return rows;
}

/** Routing tables as `netstat -r` shows them. Source: FreeBSD netstat/route.c. @public */
export function renderNetstatRoutes(s: RoutesSnapshot, o: NetstatRouteOptions = {}): string {
  checkSnapshot('netstat -r', s);
  const rows = [`Routing tables${s.fib === 0 ? '' : ` (fib: ${s.fib})`}`];
  for (const [family, title] of [['inet', 'Internet'], ['inet6', 'Internet6']] as const) {
    const routes = s.routes.filter((r) => r.family === family);
    if (routes.length > 0) rows.push('', `${title}:`, ...table(routes, family, o.wide === true));
  }
  return rows.map((r) => `${r}\n`).join('');
}

const maskText = (r: RouteSnapshot): string => (r.prefixlen === 0 ? 'default' : formatInAddr(maskInAddrOf(r.family === 'inet' ? AF_INET : AF_INET6, r.prefixlen)));

/** One route as `route get` shows it. Source: FreeBSD route/route.c, print_getmsg(). @public */
export function renderRouteGet(s: RouteGetSnapshot): string {
  checkSnapshot('route get', s);
  const r = s.route;
  const rows = [`   route to: ${vis(s.to)}`, `destination: ${r.destination === 'default' ? 'default' : r.address}`];
  if ((r.flags & RTF_HOST) === 0) rows.push(`       mask: ${maskText(r)}`);
  if ((r.flags & RTF_GATEWAY) !== 0 && r.gateway !== null) rows.push(`    gateway: ${r.gateway}`);
  rows.push(`        fib: ${s.fib}`, `  interface: ${vis(r.netif)}`, `      flags: ${rtFlagNames(r.flags | RTF_DONE)}`);
  rows.push(['recvpipe', 'sendpipe', 'ssthresh', 'rtt,msec', 'mtu   ', 'weight', 'expire'].map((h, i) => right(h, i === 5 ? 10 : 9)).join(' '));
  rows.push([0, 0, 0, 0, r.mtu, 1, r.expire ?? 0].map((n) => `${right(n, 8)} `).join(' '));
  return rows.map((l) => `${l}\n`).join('');
}
