import { inPcbAlloc, inPcbInfoInit, inPcbLookup, inPcbSetTuple, INPLOOKUP_RLOCKPCB, type InpSocket } from '@ns/inpcb';
import { createStack } from '@ns/stack';
import { AF_INET, inAddr4 } from '@ns/wire';

/** Lookups of one measurement. */
const LOOKUPS = 1 << 20;

/**
 * Nanoseconds of one lookup among `n` connections, picked at random: of all of them, or again and again of `active` ones. The former finds neither table nor
 * reference in the processor's caches when there are many; the latter is what a busy server with many idle connections does.
 */
function lookupNs(n: number, active: number): number {
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
  const probes = Math.min(active, 1 << 18);
  const rounds = LOOKUPS / probes;
  const probe = new Int32Array(probes);
  let x = 12345;
  for (let i = 0; i < probes; i++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    probe[i] = x % n;
  }
  let found = 0;
  const run = (): number => {
    const t0 = performance.now();
    for (let r = 0; r < rounds; r++) {
      for (let i = 0; i < probes; i++) {
        const p = probe[i] as number;
        const inp = inPcbLookup(info, AF_INET, 0, 0, 0, 0x0a010000 + (p & 255), 1024 + (p >> 8), 0, 0, 0, 0x0a000001, 80, INPLOOKUP_RLOCKPCB, null, 0);
        if (inp !== null) found++;
      }
    }
    return ((performance.now() - t0) * 1e6) / LOOKUPS;
  };
  run();
  const best = Math.min(run(), run(), run());
  if (found !== 4 * LOOKUPS) throw new Error(`${found} lookups found their pcb`);
  return best;
}

/** Time of a lookup among few and among many connections. */
export function lookup(): Record<string, number> {
  return { 'pcbs-1000': lookupNs(1000, 1 << 18), 'pcbs-1000000': lookupNs(1_000_000, 1 << 18), 'pcbs-1000000-active4096': lookupNs(1_000_000, 4096) };
}
