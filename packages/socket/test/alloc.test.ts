import { expect, it } from 'vitest';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { mac } from '@ns/mac';
import { MAC_VERSION, type MacPolicy, macPolicyRegister } from '@ns/mac-kpi';
import { DgramInfo, sbappendaddr, sbappendstream, sbcopym, sbdrop, sbreserve, Sockbuf, type Socket, soreceiveChain, sosend, type SoUpcall } from '@ns/socket';
import { sbtakerecord } from '../src/sockbuf.ts';
import { type Lab, lab, open } from './harness.ts';

const CALLS = 20_000;
const gc = (globalThis as { gc?: () => void }).gc;

/** Fewest heap bytes that `CALLS` calls of `f` left behind in some rounds: the last ones run compiled. */
function allocated(f: (i: number) => void): number {
  let fewest = Infinity;
  for (let round = 0; round < 12; round++) {
    gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) f(i);
    fewest = Math.min(fewest, process.memoryUsage().heapUsed - before);
  }
  return fewest;
}

/** Counts what it is told. */
class Counter implements SoUpcall {
  n = 0;
  soupcall(_so: Socket, _events: number): void {
    this.n++;
  }
}

it.runIf(gc !== undefined)('append, look, drop, upcall: nothing is allocated once the pool is warm', () => {
  const l = lab();
  const pool = l.kernel.mbufs;
  const sb = new Sockbuf();
  sbreserve(sb, 65536, 2097152);
  const stream = allocated(() => {
    const m = pool.getCl(1448) as Mbuf;
    m.len = 1448;
    m.pktlen = 1448;
    sbappendstream(sb, m);
    mFreem(sbcopym(sb, 0, 1448));
    sbdrop(sb, 1448);
  });
  expect(stream).toBeLessThan(CALLS * 2);

  const d = new DgramInfo();
  const dgrams = new Sockbuf();
  sbreserve(dgrams, 65536, 2097152);
  const datagrams = allocated(() => {
    const m = pool.getCl(1448) as Mbuf;
    m.len = 1448;
    m.pktlen = 1448;
    sbappendaddr(dgrams, m, d);
    dgrams.ring?.peek(d);
    mFreem(sbtakerecord(dgrams));
  });
  expect(datagrams).toBeLessThan(CALLS * 2);

  const so = open(l);
  const w = new Counter();
  so.upcall = w;
  const upcalls = allocated(() => {
    l.sk.upcalls.post(so, 1);
    l.sk.upcalls.post(so, 2);
    l.kernel.swi.drain();
  });
  expect(w.n).toBe(12 * CALLS);
  expect(upcalls).toBeLessThan(CALLS * 2);
});

/** Lets each send and receive be asked about, by one policy or two. */
function policies(l: Lab, n: number): void {
  l.kernel.kldload(mac());
  for (let i = 0; i < n; i++) {
    const p: MacPolicy = { name: `mac_p${i}`, fullname: 'Allow', version: MAC_VERSION, socketCheckSend: () => 0, socketCheckReceive: () => 0 };
    expect(macPolicyRegister(l.kernel, p)).toBe(0);
  }
}

it.runIf(gc !== undefined).each([0, 1, 2])('sosend and soreceiveChain allocate nothing of their own, with %i policies of access control', (n) => {
  const l = lab();
  policies(l, n);
  const pool = l.kernel.mbufs;
  const so = open(l);
  so.state |= 2;
  const to = so.rcv;
  Object.assign(l.pair, { corked: true });
  const echo = { ...so.proto, send: (s: Socket, _f: number, m: Mbuf | null): number => (sbappendstream(s.rcv, m as Mbuf), 0), rcvd: () => {} };
  Object.assign(so, { proto: echo });
  const used = allocated(() => {
    const m = pool.getCl(1448) as Mbuf;
    m.len = 1448;
    m.pktlen = 1448;
    if (sosend(so, null, m, 0) !== 0) throw new Error('send');
    mFreem(soreceiveChain(so, 1448, 0));
  });
  expect(to.cc).toBe(0);
  expect(used).toBeLessThan(CALLS * 2);
});
