import { BpfD } from '@ns/bpf';
import { type Ifnet, ifBpf } from '@ns/ifnet';
import { IFNET_KPI } from '@ns/ifnet-kpi';
import { SOCK_DGRAM } from '@ns/inpcb';
import { IP6 } from '@ns/ip6';
import { SeededRandom, virtualHost, type VirtualHost } from '@ns/kern';
import { soclose, sosendCopy } from '@ns/socket';
import { TCP } from '@ns/tcp';
import { cksumFold, Ip6Walk, parseInAddr, pseudoSum6, walkIp6Ext } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { createStack, type Stack, type StackJail } from '../src/index.ts';
import { ask, at, echo, open, PORT } from './fuzz-peers.ts';

const FRAMES = 100_000;
const SERVER = '2001:db8::1';
const CLIENT = '2001:db8::2';

interface World {
  host: VirtualHost;
  stack: Stack;
  server: StackJail;
  client: StackJail;
  ifp: Ifnet;
}

/** Two hosts on a wire that computes and verifies every checksum; the first echoes TCP and swallows UDP on port 80, and forwards. */
function world(): World {
  const host = virtualHost({ seed: 7 });
  const stack = createStack({ host });
  stack.kernel.mbufs.poison = true;
  const server = stack.jail({ name: 'server', vnet: 'new' });
  const client = stack.jail({ name: 'client', vnet: 'new' });
  const link = stack.link(server, `${SERVER}/64`, client, `${CLIENT}/64`);
  for (const [jail, name] of [[server, link.a], [client, link.b]] as const) {
    for (const o of ['rxcsum6', 'txcsum6', 'tso', 'lro'] as const) jail.setCapability(name, o, false);
    jail.up('lo0');
  }
  server.sysctl('net.inet6.ip6.forwarding', 1);
  host.advance(5e6);
  echo(server, SERVER);
  return { host, stack, server, client, ifp: server.interface(link.a) };
}

/** What a real exchange brings to the server, and what a neighbour may send besides: extension headers, fragments, neighbour discovery, MLD, errors. */
function record(w: World): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const d = new BpfD({ snaplen: 65535 });
  d.attach(ifBpf(w.ifp));
  expect(ask(w, SERVER, new Uint8Array(3000).fill(1))).toBe(3000);
  const uso = open(w.client, SERVER, SOCK_DGRAM);
  for (const n of [0, 1, 64, 4000]) sosendCopy(uso, at(SERVER, PORT), new Uint8Array(n), 0, n, 0);
  sosendCopy(uso, at(SERVER, 9), new Uint8Array(8), 0, 8, 0);
  w.host.advance(1e6);
  soclose(uso);
  d.read((rec) => frames.push(rec.buf.slice(rec.off, rec.off + rec.caplen)));
  d.close();
  const base = frames.find((f) => f[12] === 0x86 && f.length > 70) as Uint8Array;
  const make = (nxt: number, payload: readonly number[], over: { dst?: string; hlim?: number } = {}): void => {
    const f = new Uint8Array(54 + payload.length);
    f.set(base.subarray(0, 54));
    f[18] = payload.length >> 8;
    f[19] = payload.length & 255;
    f[20] = nxt;
    f[21] = over.hlim ?? 64;
    const dst = parseInAddr(over.dst ?? SERVER)!;
    const dv = new DataView(f.buffer);
    [dst.w0, dst.w1, dst.w2, dst.w3].forEach((x, i) => dv.setInt32(38 + 4 * i, x));
    f.set(payload, 54);
    frames.push(f);
  };
  const zeros = (n: number): number[] => new Array<number>(n).fill(0);
  const ping = [128, 0, 0, 0, 0, 1, 0, 1, 9, 9];
  make(58, ping);
  make(58, ping, { dst: '2001:db8:9::1' });
  make(0, [60, 0, 5, 2, 0, 0, 1, 0, 43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0, ...ping]);
  make(43, [58, 2, 0, 1, 0, 0, 0, 0, ...zeros(16), ...ping]);
  make(44, [58, 0, 0, 1, 0, 0, 0, 7, ...ping.slice(0, 8)]);
  make(44, [58, 0, 0, 8, 0, 0, 0, 7, ...ping]);
  make(44, [58, 0, 0, 0, 0, 0, 0, 8, ...ping]);
  for (const type of [133, 134, 135, 136, 137]) make(58, [type, 0, 0, 0, ...zeros(20), 1, 1, 2, 0, 0, 0, 0, 9, ...zeros(8)], { hlim: 255 });
  make(0, [58, 0, 5, 2, 0, 0, 1, 0, 130, 0, 0, 0, 0, 100, 0, 0, ...zeros(16), 2, 125, 0, 1, ...zeros(16)], { dst: 'ff02::1', hlim: 1 });
  for (const type of [1, 2, 3, 4]) make(58, [type, 0, 0, 0, 0, 0, 5, 0, ...base.subarray(14, 54), 0, 80, 4, 0, 0, 0, 0, 0]);
  make(59, []);
  return frames.filter((f) => f[12] === 0x86 && f[13] === 0xdd);
}

/** Makes the checksum of a mutated frame right again, so that it gets past it. */
function resum(f: Uint8Array, walk: Ip6Walk): void {
  if (f.length < 62 || f[12] !== 0x86 || f[14] !== 0x60) return;
  const dv = new DataView(f.buffer, f.byteOffset);
  const end = Math.min(f.length, 54 + dv.getUint16(18));
  if (!walkIp6Ext(dv, 14, end - 14, walk) || walk.fragmented) return;
  const off = walk.nxt === 6 ? 16 : walk.nxt === 17 ? 6 : walk.nxt === 58 ? 2 : -1;
  const l4 = walk.off;
  if (off < 0 || end < l4 + off + 2) return;
  const w = (o: number): number => dv.getInt32(o);
  dv.setUint16(l4 + off, 0);
  let s = pseudoSum6(w(22), w(26), w(30), w(34), w(38), w(42), w(46), w(50), walk.nxt, end - l4);
  for (let i = l4; i < end; i += 2) s += ((f[i] as number) << 8) | (i + 1 < end ? (f[i + 1] as number) : 0);
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
  dv.setUint16(l4 + off, cksumFold(s));
}

/** One hostile frame: a recorded one cut, stretched, with bits or fields changed, or noise. */
function mutate(r: SeededRandom, corpus: readonly Uint8Array[], walk: Ip6Walk): Uint8Array {
  const below = (n: number): number => (r.u32() >>> 0) % n;
  let f = (corpus[below(corpus.length)] as Uint8Array).slice();
  const kind = below(16);
  if (kind === 0) {
    f = new Uint8Array(below(200));
    r.fill(f);
    if (f.length > 14) f.set([0x86, 0xdd, 0x60], 12);
    return f;
  }
  if (kind === 1) f = f.slice(0, below(f.length + 1));
  if (kind === 2) {
    const longer = new Uint8Array(f.length + below(1600));
    longer.set(f);
    f = longer;
  }
  if (kind === 3) f.copyWithin(22, 38, 54); // land: from itself
  if (kind === 4 && f.length > 20) f[20] = [0, 43, 44, 60, 51, 59, 135, 6, 17, 58][below(10)] as number; // next header
  if (kind === 5 && f.length > 54) f[54] = [0, 43, 44, 60, 51, 59, 135, 6, 17, 58][below(10)] as number;
  if (kind === 6 && f.length > 55) f[55] = r.u32() & 255; // length of an extension header
  if (kind === 7 && f.length > 58) f[57] = r.u32() & 255; // fragment word
  if (kind === 8 && f.length > 40) f[22 + below(32)] = r.u32() & 255; // addresses
  if (kind === 9 && f.length > 20) f[18 + below(2)] = r.u32() & 255; // payload length
  if (kind >= 10) for (let i = below(8); i >= 0 && f.length > 0; i--) f[below(f.length)] = r.u32() & 255;
  if (below(4) !== 0) resum(f, walk);
  return f;
}

describe('hostile IPv6 frames (seed 20261128)', () => {
  it(`${FRAMES} mutated frames: nothing thrown, everything counted, nothing kept, service goes on`, { timeout: 180_000 }, () => {
    const w = world();
    const corpus = record(w);
    expect(corpus.length).toBeGreaterThan(25);
    const kpi = w.stack.kernel.service(IFNET_KPI);
    const pool = w.stack.kernel.mbufs;
    const r = new SeededRandom(20261128);
    const walk = new Ip6Walk();
    const ip6 = IP6.get(w.server.vnet);
    const { stat, icmp6stat } = ip6;
    const before = stat.total;
    let most = 0;
    for (let i = 0; i < FRAMES; i++) {
      const m = pool.fromBytes(mutate(r, corpus, walk), 16);
      if (m === null) throw new Error('the pool is empty: something keeps packets');
      kpi.ifInput(w.ifp.handle, m);
      if (i % 32 === 31) w.host.settle();
      if (i % 1024 === 1023) w.host.advance(2e5);
      if (pool.outstanding > most) most = pool.outstanding;
    }
    w.host.advance(300e6);
    expect(most).toBeLessThan(5000);
    for (const [name, n] of Object.entries({
      tooshort: stat.tooshort,
      badvers: stat.badvers,
      badscope: stat.badscope,
      badoptions: stat.badoptions,
      notmember: stat.notmember,
      cantforward: stat.cantforward,
      fragments: stat.fragments,
      atomicfrags: stat.atomicfrags,
      fragdropped: stat.fragdropped,
      fragtimeout: stat.fragtimeout,
      reassembled: stat.reassembled,
      icmpChecksum: icmp6stat.checksum,
      icmpTooshort: icmp6stat.tooshort,
      icmpBadcode: icmp6stat.badcode,
      errors: icmp6stat.error,
      rateLimited: icmp6stat.toofreq,
      canterror: icmp6stat.canterror,
      reflect: icmp6stat.reflect,
      tcpBadsum: TCP.get(w.server.vnet).stat.rcvbadsum,
    })) {
      expect(n, `${name} counted nothing`).toBeGreaterThan(0);
    }
    expect(stat.total - before).toBeGreaterThan(FRAMES / 2);
    expect([ip6.frag6.fragpackets, ip6.frag6.curfrags, ip6.depth]).toEqual([0, 0, 0]);
    expect(ask(w, SERVER, new Uint8Array(10_000).fill(2)), 'an honest client afterwards').toBe(10_000);
    for (const jail of [w.server, w.client]) {
      for (const report of jail.remove()) expect(report).toMatchObject({ clean: true, leftovers: [], problems: [] });
    }
    w.host.advance(300e6);
    expect(pool.outstanding).toBe(0);
    expect(w.stack.shutdown().problems).toEqual([]);
  });
});
