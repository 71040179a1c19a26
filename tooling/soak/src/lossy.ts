import { lab } from '@ns/testkit';
import type { Outcome, SoakOptions } from './outcome.ts';

/** What the link does to frames of either direction. */
const FAULTS = { loss: 0.01, reorder: 0.01, reorderUs: 3000, duplicate: 0.01, corrupt: 0.001 } as const;
/** A round trip of 2 ms over a gigabit. */
const LINK = { delayUs: 1000, bandwidth: 1e9, queueLimit: 1000 } as const;
/** Virtual time that a transfer may take, µs. */
const LIMIT_US = 86_400e6;

/** One transfer of `bytes` each seed, in turn over IPv4 and IPv6: every byte arrives, once, in its place; the connection ends; nothing is left over. */
export function lossy(options: SoakOptions, say: (o: Outcome) => void): void {
  const bytes = options.bytes ?? 1 << 30;
  for (let seed = 1; seed <= (options.seeds ?? 20); seed++) {
    const family = seed % 2 === 1 ? 'inet' : 'inet6';
    const l = lab({ seed, family, poison: false, link: { ...LINK, ...FAULTS }, ...(family === 'inet' ? { without: ['ip6', 'nd6'] } : {}) });
    const r = l.transfer(bytes, { limitUs: LIMIT_US });
    const left = l.finish();
    const problem = r.problem || left.join('; ');
    const s = r.elapsedUs / 1e6;
    say({
      name: `lossy seed ${seed} ${family}`,
      problem,
      detail: `${r.bytes} bytes in ${s.toFixed(1)} s of virtual time, ${(r.goodput / 1e6).toFixed(1)} Mbit/s, ${r.retransmits} segments again, ${r.timeouts} timeouts`,
    });
  }
}
