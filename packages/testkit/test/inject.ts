/* Segments written by hand into one end of a living connection, while the other end hears nothing. */
import { ifunit } from '@ns/ifnet';
import { IFNET_KPI } from '@ns/ifnet-kpi';
import type { Inpcb } from '@ns/inpcb';
import type { Socket } from '@ns/socket';
import type { Tcpcb } from '../../tcp/src/tcpcb.ts';
import { cksumAddView, cksumFold, ETHER_HDR_LEN, ETHERTYPE_IP, IPPROTO_TCP, parseInAddr, pseudoSum4, TH_ACK } from '@ns/wire';
import { lab, type Lab, type LabConnection, type LabOptions, type LabSideName, type TcpFrame } from '../src/index.ts';

export interface Forged {
  readonly seq: number;
  readonly ack: number;
  readonly flags?: number;
  readonly win?: number;
  readonly data?: Uint8Array;
  /** SACK blocks, pairs of sequence numbers. */
  readonly sacks?: readonly number[];
}

export interface Wiretap {
  readonly lab: Lab;
  readonly c: LabConnection;
  /** The connection of the end that is spoken to. */
  readonly tp: Tcpcb;
  readonly so: Socket;
  /** What that end has said since the last call. */
  heard(): TcpFrame[];
  /** Speaks to it as the other end would, and lets it answer. */
  say(f: Forged): void;
}

const w3 = (text: string): number => {
  const a = parseInAddr(text);
  if (a === null) throw new Error(text);
  return a.w3;
};

/** A connection whose end `to` hears only what a test says. */
export function wiretap(to: LabSideName, options: LabOptions, buffers: { sndbuf?: number; rcvbuf?: number } = {}): Wiretap {
  const l = lab({ ...options, sysctls: { 'net.inet.tcp.rfc1323': 0, ...options.sysctls } });
  const c = l.connect(buffers);
  const so = to === 'a' ? c.client : c.server;
  const tp = (so.pcb as Inpcb).ppcb as Tcpcb;
  l.advance(50_000);
  const heard: TcpFrame[] = [];
  const other = to === 'a' ? 'b' : 'a';
  (to === 'a' ? l.link.ba : l.link.ab).options.drop = (): boolean => true;
  (to === 'a' ? l.link.ab : l.link.ba).options.drop = (f): boolean => {
    if (f.tcp !== null) heard.push(f.tcp);
    return true;
  };
  const mine = l.side(to);
  const ifp = ifunit(mine.vnet, mine.ifname);
  const peerIf = ifunit(l.side(other).vnet, l.side(other).ifname);
  if (ifp === null || peerIf === null) throw new Error('no interface');
  const [sport, dport] = [tp.inp.fport, tp.inp.lport];
  const frame = (f: Forged): Uint8Array => {
    const sacks = f.sacks ?? [];
    const opt = sacks.length === 0 ? 0 : 4 + 4 * sacks.length;
    const data = f.data ?? new Uint8Array(0);
    const tlen = 20 + opt + data.length;
    const p = new Uint8Array(ETHER_HDR_LEN + 20 + tlen);
    const dv = new DataView(p.buffer);
    p.set(ifp.lladdr ?? [], 0);
    p.set(peerIf.lladdr ?? [], 6);
    dv.setUint16(12, ETHERTYPE_IP);
    p[14] = 0x45;
    dv.setUint16(16, 20 + tlen);
    p[22] = 64;
    p[23] = IPPROTO_TCP;
    const [src, dst] = [w3(l.side(other).addr), w3(mine.addr)];
    dv.setInt32(26, src);
    dv.setInt32(30, dst);
    dv.setUint16(24, cksumFold(cksumAddView(dv, 14, 20, 0)));
    dv.setUint16(34, sport);
    dv.setUint16(36, dport);
    dv.setInt32(38, f.seq);
    dv.setInt32(42, f.ack);
    dv.setUint16(46, (((20 + opt) >> 2) << 12) | (f.flags ?? TH_ACK));
    dv.setUint16(48, f.win ?? 65535);
    if (opt > 0) {
      p.set([1, 1, 5, 2 + 4 * sacks.length], 54);
      sacks.forEach((s, i) => dv.setInt32(58 + 4 * i, s));
    }
    p.set(data, 54 + opt);
    dv.setUint16(50, cksumFold(cksumAddView(dv, 34, tlen, pseudoSum4(src, dst, IPPROTO_TCP, tlen))));
    return p;
  };
  return {
    lab: l,
    c,
    tp,
    so,
    heard: () => heard.splice(0),
    say(f): void {
      const m = mine.kernel.mbufs.fromBytes(frame(f), 64);
      if (m === null) throw new Error('no mbufs');
      mine.kernel.service(IFNET_KPI).ifInput(ifp.handle, m);
      l.host.settle();
    },
  };
}

/** The SACK blocks of a segment, pairs of sequence numbers. */
export function sackBlocks(t: TcpFrame): [number, number][] {
  const o = t.options;
  const dv = new DataView(o.buffer, o.byteOffset, o.byteLength);
  const out: [number, number][] = [];
  for (let i = 0; i < o.length; ) {
    const kind = o[i];
    if (kind === 0) break;
    if (kind === 1) {
      i++;
      continue;
    }
    const len = o[i + 1] as number;
    if (kind === 5) for (let j = i + 2; j < i + len; j += 8) out.push([dv.getInt32(j), dv.getInt32(j + 4)]);
    i += len;
  }
  return out;
}
