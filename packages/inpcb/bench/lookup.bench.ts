/*
 * Lookup of connected pcbs, uniformly random, by number of pcbs. Run alone: `npx vitest bench --run packages/inpcb/bench/lookup.bench.ts`.
 *
 * Layouts that were tried, in a loop of its own (Node 20, two cores of an EPYC with 32 MB of L3, other work running; ns for 1,000 / 1,000,000): HalfSipHash-1-3 with its length
 * block 49 / 187, one block and four rounds from here on; hashes apart from keys 23 / 165; the same, stepping without branches 26 / 335 (what follows must wait for
 * the hashes); hash and key in one slot of sixteen bytes, sizes of 2^n 23 / 117; half as full 20 / 137; keys alone in twelve bytes, sizes of 2^n and 3/4 of it 28 / 95 (the one
 * that is used). What is left at a million is memory: a line of the table and a reference, 31 MB in all, each likely a miss.
 */
import { bench, describe } from 'vitest';
import { HashTables, INP_CONNECTED, type InetAf, Inpcb, type InpcbInfo, INPLOOKUP_RLOCKPCB, INPLOOKUP_WILDCARD, inPcbLookup } from '@ns/inpcb';
import { AF_INET, inAddr4 } from '@ns/wire';
import type { Ucred } from '@ns/vnet';

const laddr = inAddr4(0x0a000001);
const af = { af: AF_INET, defTtl: () => 64 } as unknown as InetAf;
const WILD = INPLOOKUP_WILDCARD | INPLOOKUP_RLOCKPCB;

function build(n: number): InpcbInfo {
  const tables = new HashTables(0x12345678, 0x3abcdef1, 5, 77);
  const info = { tables, vnet: null, lbgroups: { size: 0 } } as unknown as InpcbInfo;
  for (let k = 0; k < n; k++) {
    const p = new Inpcb(info, null, null as unknown as Ucred, af, k);
    p.faddr = inAddr4(0x0b000000 + (k >>> 14));
    p.fport = 1024 + (k & 16383);
    p.laddr = laddr;
    p.lport = 80;
    p.flags2 |= INP_CONNECTED;
    tables.insert(p);
  }
  return info;
}

describe('inPcbLookup, 1,000 lookups', () => {
  for (const n of [1000, 1_000_000]) {
    const info = build(n);
    const q = new Int32Array(1 << 17);
    let seed = 1;
    for (let j = 0; j < q.length; j++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      q[j] = (seed >>> 0) % n;
    }
    let at = 0;
    bench(`of ${n} pcbs`, () => {
      for (let j = 0; j < 1000; j++) {
        const k = q[at++ & (q.length - 1)] as number;
        inPcbLookup(info, AF_INET, 0, 0, 0, 0x0b000000 + (k >>> 14), 1024 + (k & 16383), 0, 0, 0, laddr.w3, 80, WILD, null, 0);
      }
    });
  }
});
