import type { Vnet } from '@ns/kern';
import { TCP_STATE_NAMES } from '@ns/tcp';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** The counters of one protocol. @public */
export interface ProtocolStats {
  /** Name of the protocol. */
  readonly name: string;
  /** By FreeBSD's name without prefix; an array counts by type. */
  readonly counters: Readonly<Record<string, number | readonly number[]>>;
  /** TCP: live connections by state. */
  readonly states?: readonly { readonly state: string; readonly count: number }[];
  /** ICMP: whether mask requests are answered. */
  readonly maskrepl?: boolean;
}

/** Counters of the protocols of one vnet at one moment. @public */
export interface StatsSnapshot extends Snapshot {
  /** In the order of `netstat -s`. */
  readonly protocols: readonly ProtocolStats[];
}

/** Protocols in the order of `netstat -s`, and the sysctl that has their counters. */
const SOURCES: readonly (readonly [name: string, sysctl: string, family: 'inet' | 'inet6' | null])[] = [
  ['tcp', 'net.inet.tcp.stats', null],
  ['udp', 'net.inet.udp.stats', null],
  ['ip', 'net.inet.ip.stats', 'inet'],
  ['icmp', 'net.inet.icmp.stats', 'inet'],
  ['igmp', 'net.inet.igmp.stats', 'inet'],
  ['arp', 'net.link.ether.arp.stats', 'inet'],
  ['ip6', 'net.inet6.ip6.stats', 'inet6'],
  ['icmp6', 'net.inet6.icmp6.stats', 'inet6'],
];

/** Whether `netstat -p NAME` is a protocol with counters. */
export const hasStats = (name: string): boolean => SOURCES.some(([n]) => n === name);

type Counters = Record<string, number | readonly number[]>;

function read(vnet: Vnet, oid: string): unknown {
  return vnet.kernel.sysctl.sysctlGet(oid, { vnet, jailed: false }).value;
}

/** What netstat computes rather than reads. */
function derive(name: string, c: Counters): Counters {
  if (name !== 'udp') return c;
  const n = (field: string): number => (typeof c[field] === 'number' ? c[field] : 0);
  return { ...c, delivered: n('ipackets') - n('hdrops') - n('badlen') - n('badsum') - n('noport') - n('noportbcast') - n('fullsock') };
}

function statesOf(vnet: Vnet): { state: string; count: number }[] | null {
  const counts = read(vnet, 'net.inet.tcp.states');
  if (!Array.isArray(counts)) return null;
  return TCP_STATE_NAMES.map((state, i) => ({ state, count: Number((counts as unknown[])[i] ?? 0) }));
}

/** Counters of the protocols that are loaded: of one if `protocol` is given. @public */
export function statsSnapshot(vnet: Vnet, protocol: string | null = null, family: 'inet' | 'inet6' | null = null): StatsSnapshot {
  const protocols: ProtocolStats[] = [];
  for (const [name, oid, af] of SOURCES) {
    if (protocol !== null && protocol !== name) continue;
    if (family !== null && af !== null && af !== family) continue;
    const value = read(vnet, oid);
    if (typeof value !== 'object' || value === null) continue;
    const states = name === 'tcp' ? statesOf(vnet) : null;
    const maskrepl = name === 'icmp' ? read(vnet, 'net.inet.icmp.maskrepl') : null;
    protocols.push({
      name,
      counters: derive(name, value as Counters),
      ...(states !== null && { states }),
      ...(typeof maskrepl === 'number' && { maskrepl: maskrepl !== 0 }),
    });
  }
  return { version: SNAPSHOT_VERSION, protocols };
}
