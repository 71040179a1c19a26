import { IFF_UP } from '@ns/ifnet-kpi';
import type { IfAddrSnapshot, IfCounters, InterfacesSnapshot, IfSnapshot } from '../snapshot/interfaces.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { left, lines, right, vis } from '../text/format.ts';

/** What `netstat -i` shows. @public */
export interface NetstatIfOptions {
  /** Bytes too (-b). */
  readonly bytes?: boolean;
  /** Dropped output packets too (-d). */
  readonly drops?: boolean;
  /** Do not cut networks and addresses (-W). */
  readonly wide?: boolean;
  /** Only addresses of this family. */
  readonly family?: 'inet' | 'inet6' | null;
}

interface Widths {
  readonly name: number;
  readonly network: number;
  readonly address: number;
}

const NETWORK = 13;
const ADDRESS = 17;

const nameOf = (i: IfSnapshot): string => `${vis(i.name)}${(i.flags & IFF_UP) === 0 ? '*' : ''}`;

const networkOf = (a: IfAddrSnapshot): string => `${a.network}/${a.prefixlen}`;

/** A number column; null is shown as `-`. */
const col = (n: number | null, width: number): string => right(n === null ? '-' : n, width);

function row(first: readonly [string, string, string, string], c: IfCounters | null, a: IfAddrSnapshot | null, w: Widths, o: NetstatIfOptions): string {
  const [name, mtu, network, address] = first;
  const max = o.wide === true ? Infinity : undefined;
  let line = `${left(name, w.name)} ${right(mtu, 5)} ${left(network, w.network, max ?? w.network)} ${left(address, w.address, max ?? w.address)}`;
  line += ` ${col(c === null ? (a?.ipackets ?? 0) : c.ipackets, 8)} ${col(c === null ? null : c.ierrors, 5)} ${col(c === null ? null : c.iqdrops, 5)}`;
  if (o.bytes === true) line += ` ${col(c === null ? (a?.ibytes ?? 0) : c.ibytes, 10)}`;
  line += ` ${col(c === null ? (a?.opackets ?? 0) : c.opackets, 8)} ${col(c === null ? null : c.oerrors, 5)}`;
  if (o.bytes === true) line += ` ${col(c === null ? (a?.obytes ?? 0) : c.obytes, 10)}`;
  line += ` ${col(c === null ? null : c.collisions, 5)}`;
  if (o.drops === true) line += ` ${col(c === null ? null : c.oqdrops, 5)}`;
  return line;
}

function header(w: Widths, o: NetstatIfOptions): string {
  const bytes = (s: string): string => (o.bytes === true ? ` ${right(s, 10)}` : '');
  return (
    `${left('Name', w.name)} ${right('Mtu', 5)} ${left('Network', w.network)} ${left('Address', w.address)} ${right('Ipkts', 8)} ${right('Ierrs', 5)} ${right('Idrop', 5)}` +
    `${bytes('Ibytes')} ${right('Opkts', 8)} ${right('Oerrs', 5)}${bytes('Obytes')} ${right('Coll', 5)}${o.drops === true ? '  Drop' : ''}`
  );
}

/** Columns wide enough for every name, and with -W for every network and address. */
function widths(s: InterfacesSnapshot, o: NetstatIfOptions): Widths {
  const longest = (least: number, all: readonly string[]): number => Math.max(least, ...all.map((t) => t.length));
  const addrs = s.interfaces.flatMap((i) => i.addresses);
  return {
    name: longest(5, s.interfaces.map(nameOf)),
    network: o.wide === true ? longest(NETWORK, addrs.map(networkOf)) : NETWORK,
    address: o.wide === true ? longest(ADDRESS, addrs.map((a) => a.address)) : ADDRESS,
  };
}

/** Interfaces as `netstat -i` shows them: a row for the link, then one for each address. Source: FreeBSD netstat/if.c, intpr(). @public */
export function renderNetstatIf(s: InterfacesSnapshot, o: NetstatIfOptions = {}): string {
  checkSnapshot('netstat -i', s);
  const w = widths(s, o);
  const rows = [header(w, o)];
  for (const i of s.interfaces) {
    const name = nameOf(i);
    if ((o.family ?? null) === null) rows.push(row([name, String(i.mtu), `<Link#${i.index}>`, i.ether ?? vis(i.name)], i.counters, null, w, o));
    for (const a of i.addresses) {
      if ((o.family ?? a.family) !== a.family) continue;
      rows.push(row([name, '-', networkOf(a), a.address], null, a, w, o));
    }
  }
  return lines(rows);
}
