import {
  IFCAP_NAMES,
  IFF_BROADCAST,
  IFF_NAMES,
  IFF_POINTOPOINT,
  IFM_ACTIVE,
  IFM_AVALID,
  IFT_BRIDGE,
  IFT_ETHER,
  IFT_L2VLAN,
} from '@ns/ifnet-kpi';
import type { IfAddrSnapshot, InterfacesSnapshot, IfSnapshot } from '../snapshot/interfaces.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { hex, printb, vis } from '../text/format.ts';
import { mediaWord, mediaWordIfconfig } from './media.ts';

/** What ifconfig shows. @public */
export interface IfconfigOptions {
  /** Also capabilities and the media that can be chosen (-m). */
  readonly media?: boolean;
  /** Lifetimes of IPv6 addresses that have an end (-L). */
  readonly lifetimes?: boolean;
  /** Only lines of this family; default all. */
  readonly family?: 'inet' | 'inet6' | 'ether' | null;
}

const ND6_NAMES: readonly (readonly [number, string])[] = [
  [0x1, 'PERFORMNUD'],
  [0x2, 'ACCEPT_RTADV'],
  [0x4, 'PREFER_SOURCE'],
  [0x8, 'IFDISABLED'],
  [0x10, 'DONT_SET_IFROUTE'],
  [0x20, 'AUTO_LINKLOCAL'],
  [0x40, 'NO_RADR'],
  [0x80, 'NO_PREFER_IFACE'],
  [0x100, 'NO_DAD'],
  [0x800, 'STABLEADDR'],
  [0x8000, 'DEFAULTIF'],
];

/** Suffixes of an IPv6 address, in the order of ifconfig. Source: FreeBSD af_inet6.c, in6_status(). */
const IN6_NAMES: readonly (readonly [number, string])[] = [
  [0x01, 'anycast'],
  [0x02, 'tentative'],
  [0x04, 'duplicated'],
  [0x08, 'detached'],
  [0x10, 'deprecated'],
  [0x40, 'autoconf'],
  [0x80, 'temporary'],
  [0x100, 'prefer_source'],
];

function inet(i: IfSnapshot, a: IfAddrSnapshot): string {
  const mask = a.prefixlen === 0 ? 0 : -1 << (32 - a.prefixlen);
  const far = (i.flags & IFF_POINTOPOINT) !== 0 ? ` --> ${a.destination ?? '0.0.0.0'}` : '';
  const broadcast = (i.flags & IFF_BROADCAST) !== 0 && a.broadcast !== null ? ` broadcast ${a.broadcast}` : '';
  return `\tinet ${a.address}${far} netmask 0x${hex(mask)}${broadcast}`;
}

function inet6(i: IfSnapshot, a: IfAddrSnapshot, lifetimes: boolean): string {
  const far = (i.flags & IFF_POINTOPOINT) !== 0 && a.destination !== null ? ` --> ${a.destination}` : '';
  let line = `\tinet6 ${a.address}${far} prefixlen ${a.prefixlen}`;
  for (const [bit, name] of IN6_NAMES) if ((a.flags & bit) !== 0) line += ` ${name}`;
  if (a.scopeid !== 0) line += ` scopeid 0x${hex(a.scopeid)}`;
  // As FreeBSD has it: only where there is an end to one of them.
  return lifetimes && (a.pltime !== null || a.vltime !== null) ? `${line} pltime ${a.pltime ?? 'infty'} vltime ${a.vltime ?? 'infty'}` : line;
}

function mediaLines(i: IfSnapshot, all: boolean): string[] {
  const m = i.media;
  if (m === null) return [];
  const active = m.active !== m.current ? ` (${mediaWord(m.active, false)})` : '';
  const rows = [`\tmedia: ${mediaWord(m.current, true)}${active}`];
  if ((m.status & IFM_AVALID) !== 0) rows.push(`\tstatus: ${(m.status & IFM_ACTIVE) !== 0 ? 'active' : 'no carrier'}`);
  if (all && m.list.length > 0) rows.push('\tsupported media:', ...m.list.map((w) => `\t\t${mediaWordIfconfig(w)}`));
  return rows;
}

function ether(i: IfSnapshot): string[] {
  if (i.ether === null) return [];
  const word = i.type === IFT_ETHER || i.type === IFT_L2VLAN || i.type === IFT_BRIDGE ? 'ether' : 'lladdr';
  const rows = [`\t${word} ${i.ether}`];
  if (i.hwaddr !== null) rows.push(`\thwaddr ${i.hwaddr}`);
  return rows;
}

function block(i: IfSnapshot, o: IfconfigOptions): string[] {
  const family = o.family ?? null;
  const rows = [`${vis(i.name)}: flags=${printb(i.flags, IFF_NAMES)} metric ${i.metric} mtu ${i.mtu}`];
  if (i.description !== '') rows.push(`\tdescription: ${vis(i.description)}`);
  if (i.options !== 0) rows.push(`\toptions=${printb(i.options, IFCAP_NAMES)}`);
  if (o.media === true && i.capabilities !== 0) rows.push(`\tcapabilities=${printb(i.capabilities, IFCAP_NAMES)}`);
  if (family === null || family === 'ether') rows.push(...ether(i));
  for (const a of i.addresses) {
    if (family === null || family === a.family) rows.push(a.family === 'inet' ? inet(i, a) : inet6(i, a, o.lifetimes === true));
  }
  if (family === null) {
    if (i.groups.length > 0) rows.push(`\tgroups: ${i.groups.map(vis).join(' ')}`);
    if (i.fib !== 0) rows.push(`\tfib: ${i.fib}`);
    rows.push(...mediaLines(i, o.media === true));
  }
  if (i.nd6 !== null && (family === null || family === 'inet6')) rows.push(`\tnd6 options=${printb(i.nd6, ND6_NAMES)}`);
  return rows;
}

/** Interfaces as ifconfig(8) shows them. @public */
export function renderIfconfig(s: InterfacesSnapshot, o: IfconfigOptions = {}): string {
  checkSnapshot('ifconfig', s);
  return s.interfaces.flatMap((i) => block(i, o)).map((row) => `${row}\n`).join('');
}

/** Names on one line, as `ifconfig -l`. @public */
export function renderIfconfigList(s: InterfacesSnapshot): string {
  checkSnapshot('ifconfig', s);
  return `${s.interfaces.map((i) => vis(i.name)).join(' ')}\n`;
}
