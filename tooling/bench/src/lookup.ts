import { inPcbAlloc, inPcbInfoInit, inPcbLookup, inPcbSetTuple, INPLOOKUP_RLOCKPCB, type InpSocket } from '@ns/inpcb';
import { createStack } from '@ns/stack';
import { AF_INET, inAddr4 } from '@ns/wire';

const PROBES = 4096;
const ROUNDS = 200;

/** Nanoseconds of one lookup of a connection, picked at random, among `n`. */
function lookupNs(n: number): number {
  const stack = createStack();
  const { vnet, cred } = stack.host;
  const info = inPcbInfoInit(vnet, 'bench', 'bench_inpcb');
  const so: InpSocket = { type: 1, domain: AF_INET, options: 0, fibnum: 0, cred } as InpSocket;
  const laddr = inAddr4(0x0a000001);
  const faddrs = Array.from({ length: 256 }, (_, i) => inAddr4(0x0a010000 + i));
  for (let i = 0; i < n; i++) {
    const inp = inPcbAlloc(so, info);
    if (typeof inp === 'number') throw new Error(`inPcbAlloc: errno ${inp}`);
    const errno = inPcbSetTuple(inp, laddr, 80, faddrs[i & 255] as (typeof faddrs)[0], 1024 + (i >> 8));
    if (errno !== 0) throw new Error(`inPcbSetTuple: errno ${errno}`);
  }
  const probe = new Int32Array(PROBES);
  let x = 12345;
  for (let i = 0; i < PROBES; i++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    probe[i] = x % n;
  }
  let found = 0;
  const run = (): number => {
    const t0 = performance.now();
    for (let r = 0; r < ROUNDS; r++) {
      for (let i = 0; i < PROBES; i++) {
        const p = probe[i] as number;
        const inp = inPcbLookup(info, AF_INET, 0, 0, 0, 0x0a010000 + (p & 255), 1024 + (p >> 8), 0, 0, 0, 0x0a000001, 80, INPLOOKUP_RLOCKPCB, null, 0);
        if (inp !== null) found++;
      }
    }
    return ((performance.now() - t0) * 1e6) / (ROUNDS * PROBES);
  };
  run();
  const best = Math.min(run(), run(), run());
  if (found !== 4 * ROUNDS * PROBES) throw new Error(`${found} lookups found their pcb`);
  return best;
}

/** Time of a lookup among few and among many connections. */
export function lookup(): Record<string, number> {
  return { 'pcbs-1000': lookupNs(1000), 'pcbs-1000000': lookupNs(1_000_000) };
}
