import type { NdpIfSnapshot, NdpNeighbourSnapshot, NdpPrefixSnapshot, NdpRouterSnapshot, NdpSnapshot } from '../snapshot/ndp.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

/** Widths of the columns. Source: FreeBSD ndp/ndp.h, W_ADDR, W_LL, W_IF. */
const W_ADDR = 36;
const W_LL = 17;
const W_IF = 6;

const RTPREF: readonly string[] = ['medium', 'high', 'rsv', 'low'];

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [0x8, 'disabled'],
  [0x1, 'nud'],
  [0x2, 'accept_rtadv'],
  [0x20, 'auto_linklocal'],
  [0x40, 'no_radr'],
  [0x80, 'no_prefer_iface'],
  [0x100, 'no_dad'],
  [0x800, 'stableaddr'],
];

/** `23h59m58s`. Source: FreeBSD ndp/ndp.c, sec2str(). */
export function sec2str(total: number): string {
  const days = Math.floor(total / 86400);
  const hours = Math.floor(total / 3600) % 24;
  const mins = Math.floor(total / 60) % 60;
  let s = '';
  if (days > 0) s += `${days}d`;
  if (s !== '' || hours > 0) s += `${hours}h`;
  if (s !== '' || mins > 0) s += `${mins}m`;
  return `${s}${total % 60}s`;
}

/** Source: FreeBSD ndp/ndp.c, dump_rtsock(): a column that is too wide takes from those behind it. */
function row(n: NdpNeighbourSnapshot): string {
  const addr = vis(n.address);
  const ll = n.ether ?? '(incomplete)';
  const name = vis(n.netif);
  const wAddr = Math.max(W_ADDR, addr.length);
  const wLl = Math.max(ll.length, W_ADDR + W_LL - wAddr);
  const wIf = Math.max(name.length, W_ADDR + W_LL + W_IF - wAddr - wLl);
  const expire = n.expire === null ? 'permanent' : n.expire > 0 ? sec2str(n.expire) : 'expired';
  const flags = `${n.router ? 'R' : ''}${n.proxy ? 'p' : ''}`;
  const probes = n.probes > 0 ? ` ${n.probes}` : '';
  return `${addr.padEnd(wAddr)} ${ll.padEnd(wLl)} ${name.padStart(wIf)} ${expire.slice(0, 9).padEnd(9)} ${n.state} ${flags}${probes}\n`;
}

/** Neighbours as `ndp -a` shows them. @public */
export function renderNdp(s: NdpSnapshot): string {
  checkSnapshot('ndp', s);
  const head = `${'Neighbor'.padEnd(W_ADDR)} ${'Linklayer Address'.padEnd(W_LL)} ${'Netif'.padStart(W_IF)} ${'Expire'.padEnd(9)} S Flags\n`;
  return head + s.neighbours.map(row).join('');
}

function router(r: NdpRouterSnapshot): string {
  const flags = `${(r.flags & 0x80) !== 0 ? 'M' : ''}${(r.flags & 0x40) !== 0 ? 'O' : ''}`;
  return `${vis(r.address)} if=${vis(r.netif)}, flags=${flags}, pref=${RTPREF[(r.flags & 0x18) >> 3] as string}, expire=${sec2str(r.expire)}\n`;
}

/** Default routers as `ndp -r` shows them. @public */
export function renderNdpRouters(s: NdpSnapshot): string {
  checkSnapshot('ndp', s);
  return s.routers.map(router).join('');
}

const life = (sec: number): string => (sec === 0xffffffff ? 'infinity' : String(sec));

function prefix(p: NdpPrefixSnapshot): string {
  const expire = p.expire === null ? 'expire=Never' : p.expire > 0 ? `expire=${sec2str(p.expire)}` : 'expired';
  const by = p.advertisers.map((a) => `    ${vis(a.address)} (${a.reachable === null ? 'no neighbor state' : a.reachable ? 'reachable' : 'unreachable'})\n`);
  const who = by.length === 0 ? '  No advertising router\n' : `  advertised by\n${by.join('')}`;
  return `${vis(p.prefix)} if=${vis(p.netif)}\nflags=${p.flags} vltime=${life(p.vltime)}, pltime=${life(p.pltime)}, ${expire}, ref=${p.refs}\n${who}`;
}

/** Prefixes as `ndp -p` shows them. @public */
export function renderNdpPrefixes(s: NdpSnapshot): string {
  checkSnapshot('ndp', s);
  return s.prefixes.map(prefix).join('');
}

const ms = (v: number): string => `${Math.floor(v / 1000)}s${v % 1000}ms`;

/** Neighbour discovery on an interface as `ndp -i` shows it. @public */
export function renderNdpIf(s: NdpIfSnapshot): string {
  checkSnapshot('ndp', s);
  const values = `linkmtu=${s.linkmtu}, maxmtu=${s.maxmtu}, curhlim=${s.curhlim}, basereachable=${ms(s.basereachableMs)}, reachable=${Math.floor(s.reachableMs / 1000)}s, retrans=${ms(s.retransMs)}`;
  const flags = FLAG_NAMES.filter(([bit]) => (s.flags & bit) !== 0).map(([, name]) => `${name} `);
  return `${values}${s.flags === 0 ? '' : `\nFlags: ${flags.join('')}`}\n`;
}
