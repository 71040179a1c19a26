import { IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';
import type { PacketNode, TcpOptionSpec, TcpSpec } from '../lang/ast.ts';
import { tcpDigest } from '../pkt/md5.ts';
import { encodeOption, showOption } from '../pkt/options.ts';
import { type Packet, type TcpFields, TH_ACK, TH_PUSH, TH_SYN } from '../pkt/packet.ts';
import { showFlags } from '../pkt/show.ts';
import type { Config } from './config.ts';
import type { ScriptSocket } from './script-socket.ts';

/** A live segment with the script's numbers. Source: packetdrill run_packet.c, map_outbound_live_packet(). */
export function mapLive(t: TcpFields, s: ScriptSocket, seqAbsolute: boolean): TcpFields {
  const syn = (t.flags & TH_SYN) !== 0;
  const theirs = s.remoteOffset(syn);
  const options = t.options.map((o): TcpOptionSpec => {
    if (o.type === 'sack') return { type: 'sack', blocks: o.blocks.map(([l, r]) => [(l - theirs) >>> 0, (r - theirs) >>> 0] as const) };
    if (o.type === 'ts' && o.val !== null && s.tsBase !== null) return { ...o, val: (o.val - s.tsBase.live + s.tsBase.script) >>> 0 };
    return o;
  });
  return {
    ...t,
    seq: (t.seq - (seqAbsolute ? 0 : s.localOffset(syn))) >>> 0,
    ack: (t.flags & TH_ACK) !== 0 ? (t.ack - theirs) >>> 0 : t.ack,
    options,
  };
}

/** Notes our time stamps of a packet: the value that the script gives it, for later echoes; the first fixes the base. */
export function noteTimestamps(spec: TcpSpec, live: TcpFields, s: ScriptSocket, atUs: number): void {
  const want = spec.options?.find((o) => o.type === 'ts');
  const have = live.options.find((o) => o.type === 'ts');
  if (want?.type !== 'ts' || have?.type !== 'ts' || want.val === null || have.val === null) return;
  s.tsBase ??= { script: want.val, live: have.val, atUs };
  s.tsval.set(want.val, have.val);
}

/** What about a packet that came out is not as the script says; empty if all is. `mapped` has the script's numbers. */
export function compare(node: PacketNode, live: Packet, mapped: TcpFields | null, s: ScriptSocket, config: Config, atUs: number): string[] {
  const wrong: string[] = [];
  const differ = (what: string, want: string | number, have: string | number): void => {
    if (want !== have) wrong.push(`${what} ${have} instead of ${want}`);
  };
  if (live.defect !== '') wrong.push(live.defect);
  compareIp(node, live, differ);
  const b = node.body;
  if (b.type === 'icmp') return [...wrong, 'ICMP messages that come out are not compared'];
  differ('protocol', b.type === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP, live.proto);
  differ('UDP encapsulation', node.udp === null ? 'none' : `${node.udp.src} > ${node.udp.dst}`, live.udp === null ? 'none' : `${live.udp.src} > ${live.udp.dst}`);
  if (b.type === 'tcp' && mapped !== null) compareTcp(b, mapped, live, s, config, atUs, wrong, differ);
  differ('length', b.len, live.payload.length);
  const at = live.payload.findIndex((x) => x !== 0);
  if (at >= 0 && b.type === 'tcp') wrong.push(`octet ${at} of the data is ${live.payload[at]}, not 0`);
  return wrong;
}

type Differ = (what: string, want: string | number, have: string | number) => void;

function compareIp(node: PacketNode, live: Packet, differ: Differ): void {
  const { ip } = node;
  if (ip.ttl !== null) differ(live.af === 4 ? 'TTL' : 'hop limit', ip.ttl, live.ttl);
  if (ip.tos !== null) differ('TOS', ip.tos, live.tos);
  if (ip.dscp !== null) differ('DSCP', ip.dscp, live.tos >> 2);
  if (ip.ecn === -1) differ('ECN', 'ect0 or ect1', [1, 2].includes(live.tos & 3) ? 'ect0 or ect1' : live.tos & 3);
  else if (ip.ecn !== null) differ('ECN', ip.ecn, live.tos & 3);
  if (ip.flow !== null) differ('flow label', ip.flow, live.flow);
}

function compareTcp(b: TcpSpec, t: TcpFields, live: Packet, s: ScriptSocket, config: Config, atUs: number, wrong: string[], differ: Differ): void {
  // Where Google pushes is a matter of how Linux cuts what is written.
  const ignored = config.google ? TH_PUSH : 0;
  differ('flags', showFlags(b.flags & ~ignored), showFlags(t.flags & ~ignored));
  if (t.reserved !== 0) wrong.push('reserved bits are set');
  if (b.seq !== null) differ('sequence number', b.seq, t.seq);
  differ('ack', b.ack, t.ack);
  if (b.win !== null && !config.google) differ('window', b.win, t.win);
  differ('urgent pointer', b.urg, t.urg);
  if (b.options !== null) wrong.push(...compareOptions(b.options, t, live, s, config, atUs));
}

const PADDING: readonly string[] = ['nop', 'eol'];

/** Options without padding, in an order of their own; how far our window is scaled is a matter of our buffers. */
function asSet(list: readonly TcpOptionSpec[]): readonly TcpOptionSpec[] {
  const plain = list.filter((o) => !PADDING.includes(o.type)).map((o): TcpOptionSpec => (o.type === 'wscale' ? { ...o, value: 0 } : o));
  const kind = (o: TcpOptionSpec): number => encodeOption(o)[0] as number;
  return plain.sort((a, b) => kind(a) - kind(b));
}

/** Options octet by octet: same kinds, lengths, order, padding; for Google as a set. */
function compareOptions(written: readonly TcpOptionSpec[], t: TcpFields, live: Packet, s: ScriptSocket, config: Config, atUs: number): string[] {
  const have = config.google ? asSet(t.options) : t.options;
  const want = config.google ? asSet(written) : written;
  const list = (o: readonly TcpOptionSpec[]): string => (o.length === 0 ? 'none' : `<${o.map(showOption).join(',')}>`);
  const same = want.length === have.length && want.every((w, i) => sameOption(w, have[i] as TcpOptionSpec));
  if (!same) return [`options ${list(t.options)} instead of ${list(written)}`];
  const wrong: string[] = [];
  for (const [i, w] of want.entries()) {
    const h = have[i] as TcpOptionSpec;
    if (w.type === 'md5' && w.digest === null && h.type === 'md5' && !validDigest(live, h.digest, config)) wrong.push('wrong MD5 digest');
    if (w.type === 'ts' && h.type === 'ts') wrong.push(...compareTime(w.val, h.val, s, config, atUs));
  }
  return wrong;
}

function sameOption(w: TcpOptionSpec, h: TcpOptionSpec): boolean {
  if (w.type !== h.type) return false;
  if (w.type === 'ts') return true;
  if (w.type === 'md5' && w.digest === null) return true;
  const [a, b] = [encodeOption(w), encodeOption(h)];
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

function validDigest(live: Packet, digest: Uint8Array | null, config: Config): boolean {
  const right = tcpDigest(live.bytes, live.af, live.tcpOff, config.md5Secret);
  return digest !== null && right.every((x, i) => x === digest[i]);
}

/** Our time stamps tick as the script says, within the tolerance. */
function compareTime(want: number | null, have: number | null, s: ScriptSocket, config: Config, atUs: number): string[] {
  if (want === null || have === null || config.tsTickUs === 0 || s.tsBase === null) return [];
  const off = Math.abs((have - want) | 0) * config.tsTickUs;
  const limit = Math.max(config.toleranceUs, (config.tolerancePercent / 100) * (atUs - s.tsBase.atUs));
  return off <= limit ? [] : [`TS val ${have} instead of ${want}`];
}
