import { IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';
import type { PacketNode, TcpOptionSpec, TcpSpec } from '../lang/ast.ts';
import { showOption } from './options.ts';
import type { Packet, TcpFields } from './packet.ts';

const LETTERS: readonly (readonly [string, number])[] = [
  ['S', 2], ['F', 1], ['R', 4], ['P', 8], ['E', 64], ['W', 128], ['A', 256], ['U', 32], ['.', 16],
];

/** Flags as scripts write them. */
export const showFlags = (flags: number): string => LETTERS.filter(([, bit]) => (flags & bit) !== 0).map(([ch]) => ch).join('') || '-';

/** Seconds with six digits. */
export const showTime = (us: number): string => (us / 1e6).toFixed(6);

const options = (list: readonly TcpOptionSpec[] | null): string => (list === null ? ' <...>' : list.length === 0 ? '' : ` <${list.map(showOption).join(',')}>`);

/** A segment as scripts write it. */
export function showTcp(t: TcpFields | TcpSpec, len: number): string {
  const seq = t.seq === null ? `...(${len})` : `${t.seq}:${(t.seq + len) >>> 0}(${len})${'seqAbsolute' in t && t.seqAbsolute ? '!' : ''}`;
  const ack = (t.flags & 16) !== 0 || t.ack !== 0 ? ` ack ${t.ack}` : '';
  const win = t.win === null ? '' : ` win ${t.win}`;
  return `${showFlags(t.flags)} ${seq}${ack}${win}${t.urg === 0 ? '' : ` urg ${t.urg}`}${options(t.options)}`;
}

const udpSuffix = (u: { readonly src: number; readonly dst: number } | null): string => (u === null ? '' : `/udp(${u.src} > ${u.dst})`);

/** A packet of the wire; `tcp` replaces its numbers by the script's. */
export function showPacket(p: Packet, tcp: TcpFields | null = p.tcp): string {
  if (p.proto === IPPROTO_TCP && tcp !== null) return `${showTcp(tcp, p.payload.length)}${udpSuffix(p.udp)}`;
  if (p.proto === IPPROTO_UDP) return `udp (${p.payload.length})`;
  if (p.icmp !== null) return `icmp type_${p.icmp.type} code_${p.icmp.code}`;
  return `protocol ${p.proto} (${p.payload.length} bytes)`;
}

/** A packet of a script. */
export function showNode(n: PacketNode): string {
  const b = n.body;
  if (b.type === 'tcp') return `${showTcp(b, b.len)}${udpSuffix(n.udp)}`;
  if (b.type === 'udp') return `udp (${b.len})`;
  return `icmp ${b.icmpType}${b.icmpCode === null ? '' : ` ${b.icmpCode}`}${b.mtu === null ? '' : ` mtu ${b.mtu}`}`;
}
