import { BpfD } from '@ns/bpf';
import { ifBpf } from '@ns/ifnet';
import { IFNET_KPI } from '@ns/ifnet-kpi';
import { SOCK_DGRAM } from '@ns/inpcb';
import { IP } from '@ns/ip';
import { IP6 } from '@ns/ip6';
import { SeededRandom, virtualHost, type VirtualHost } from '@ns/kern';
import { soclose, sosendCopy } from '@ns/socket';
import { TCP } from '@ns/tcp';
import { UDP } from '@ns/udp';
import { cksumFold, pseudoSum4 } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { createStack, type Stack, type StackJail } from '../src/index.ts';
import { ask, at, echo, open, PORT } from './fuzz-peers.ts';

const FRAMES = 200_000;
const SERVER = '10.0.0.1';
const CLIENT = '10.0.0.2';

interface World {
  host: VirtualHost;
  stack: Stack;
  server: StackJail;
  client: StackJail;
  ifname: string;
}

/** Two hosts on a wire that computes and verifies every checksum; the first echoes TCP and UDP on port 80. */
function world(): World {
  const host = virtualHost({ seed: 7 });
  const stack = createStack({ host });
  stack.kernel.mbufs.poison = true;
  const server = stack.jail({ name: 'server', vnet: 'new' });
  const client = stack.jail({ name: 'client', vnet: 'new' });
  const link = stack.link(server, `${SERVER}/24`, client, `${CLIENT}/24`);
  for (const [jail, name] of [[server, link.a], [client, link.b]] as const) {
    for (const o of ['rxcsum', 'txcsum', 'tso', 'lro'] as const) jail.setCapability(name, o, false);
  }
  host.settle();
  echo(server, SERVER);
  return { host, stack, server, client, ifname: link.a };
}

/** Frames that a real exchange brings to the server: ARP, TCP with all options, UDP whole and in fragments. */
function record(w: World): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const d = new BpfD({ snaplen: 65535 });
  d.attach(ifBpf(w.server.interface(w.ifname)));
  expect(ask(w, SERVER, new Uint8Array(3000).fill(1))).toBe(3000);
  const uso = open(w.client, SERVER, SOCK_DGRAM);
  for (const n of [0, 1, 64, 4000]) sosendCopy(uso, at(SERVER, PORT), new Uint8Array(n), 0, n, 0);
  sosendCopy(uso, at(SERVER, 9), new Uint8Array(8), 0, 8, 0);
  w.host.advance(1e6);
  soclose(uso);
  d.read((rec) => frames.push(rec.buf.slice(rec.off, rec.off + rec.caplen)));
  d.close();
  return frames;
}

/** Makes the checksums of a mutated frame right again, so that it gets past them. */
function resum(f: Uint8Array): void {
  if (f.length < 34 || f[12] !== 8 || f[13] !== 0) return;
  const hlen = ((f[14] as number) & 15) * 4;
  if (hlen < 20 || f.length < 14 + hlen) return;
  const sum = (from: number, to: number, start: number): number => {
    let s = start;
    for (let i = from; i < to; i += 2) s += ((f[i] as number) << 8) | (i + 1 < to ? (f[i + 1] as number) : 0);
    while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
    return s;
  };
  f[24] = f[25] = 0;
  const ip = cksumFold(sum(14, 14 + hlen, 0));
  f[24] = ip >> 8;
  f[25] = ip & 255;
  const at4 = f[23] === 6 ? 16 : f[23] === 17 ? 6 : -1;
  const l4 = 14 + hlen;
  const end = Math.min(f.length, 14 + (((f[16] as number) << 8) | (f[17] as number)));
  if (at4 < 0 || end < l4 + at4 + 2) return;
  const dv = new DataView(f.buffer, f.byteOffset);
  dv.setUint16(l4 + at4, 0);
  dv.setUint16(l4 + at4, cksumFold(sum(l4, end, pseudoSum4(dv.getInt32(26), dv.getInt32(30), f[23] as number, end - l4))));
}

/** One hostile frame: a recorded one cut, stretched, with bits or fields changed, or noise. */
function mutate(r: SeededRandom, corpus: readonly Uint8Array[]): Uint8Array {
  const below = (n: number): number => (r.u32() >>> 0) % n;
  const base = corpus[below(corpus.length)] as Uint8Array;
  let f = base.slice();
  const kind = below(16);
  if (kind === 0) {
    f = new Uint8Array(below(200));
    r.fill(f);
    return f;
  }
  if (kind === 1) f = f.slice(0, below(f.length + 1));
  if (kind === 2) {
    const longer = new Uint8Array(f.length + below(1600));
    longer.set(f);
    f = longer;
  }
  if (kind === 3 && f.length > 34) f.copyWithin(26, 30, 34); // land: from itself
  if (kind === 4 && f.length > 22) f[20 + below(2)] = r.u32() & 255; // fragment word
  if (kind === 5 && f.length > 14) f[14] = 0x40 | below(16); // header length
  if (kind === 6 && f.length > 60) for (let i = 54; i < Math.min(f.length, 74); i++) f[i] = r.u32() & 255; // options
  if (kind === 7 && f.length > 47) f[47] = r.u32() & 255; // TCP flags
  if (kind === 8 && f.length > 23) f[23] = r.u32() & 255; // protocol
  if (kind >= 9) for (let i = below(8); i >= 0 && f.length > 0; i--) f[below(f.length)] = r.u32() & 255;
  if (below(4) !== 0) resum(f);
  return f;
}

describe('hostile frames (seed 20261121)', () => {
  it(`${FRAMES} mutated frames: nothing thrown, everything counted, nothing kept, service goes on`, { timeout: 120_000 }, () => {
    const w = world();
    const corpus = record(w);
    expect(corpus.length).toBeGreaterThan(10);
    const kpi = w.stack.kernel.service(IFNET_KPI);
    const ifp = w.server.interface(w.ifname);
    const pool = w.stack.kernel.mbufs;
    const r = new SeededRandom(20261121);
    const ip = IP.get(w.server.vnet).stat;
    const tcp = TCP.get(w.server.vnet).stat;
    const udp = UDP.get(w.server.vnet).stat;
    const ip6 = IP6.get(w.server.vnet).stat;
    const before = { ...ip, total6: ip6.total };
    let most = 0;
    for (let i = 0; i < FRAMES; i++) {
      const m = pool.fromBytes(mutate(r, corpus), 16);
      if (m === null) throw new Error('the pool is empty: something keeps packets');
      kpi.ifInput(ifp.handle, m);
      if (i % 32 === 31) w.host.settle();
      if (i % 1024 === 1023) w.host.advance(2e5);
      if (pool.outstanding > most) most = pool.outstanding;
    }
    w.host.advance(300e6);
    expect(most).toBeLessThan(5000);
    for (const [name, n] of Object.entries({
      tooshort: ip.tooshort,
      badsum: ip.badsum,
      badvers: ip.badvers,
      badhlen: ip.badhlen,
      badlen: ip.badlen,
      toosmall: ip.toosmall,
      fragments: ip.fragments,
      fragdropped: ip.fragdropped + ip.fragtimeout,
      tcpBadsum: tcp.rcvbadsum,
      tcpBadoff: tcp.rcvbadoff,
      udpBadsum: udp.badsum,
      udpBadlen: udp.badlen,
    })) {
      expect(n, `${name} counted nothing`).toBeGreaterThan(0);
    }
    expect(ip.total - before.total).toBeGreaterThan(FRAMES / 3);
    expect(ip.total - before.total + ip6.total - before.total6).toBeGreaterThan(FRAMES / 2);
    expect(ask(w, SERVER, new Uint8Array(10_000).fill(2)), 'an honest client afterwards').toBe(10_000);
    for (const jail of [w.server, w.client]) {
      for (const report of jail.remove()) expect(report).toMatchObject({ clean: true, leftovers: [], problems: [] });
    }
    w.host.advance(300e6);
    expect(pool.outstanding).toBe(0);
    expect(w.stack.shutdown().problems).toEqual([]);
  });
});
