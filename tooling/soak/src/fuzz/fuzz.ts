import { exec } from '@ns/cli';
import { ifunit } from '@ns/ifnet';
import { tcpRack } from '@ns/tcp-rack';
import { lab, type Lab } from '@ns/testkit';
import { formatEtherAddr } from '@ns/wire';
import type { Outcome, SoakOptions } from '../outcome.ts';
import { Case } from './case.ts';

/** Cases after which the stacks are shut down, looked through for what is left, and made anew. */
const CASES_PER_LAB = 400;
const FIRST_PORT = 10_000;
/** Lines of a failed case that are shown. */
const JOURNAL_LINES = 60;

export const LANES = ['inet', 'inet6'] as const;
/** TCP's function blocks: a case has the one that its seed says. */
const BLOCKS = ['freebsd', 'rack'] as const;

/** A lab whose side a knows its neighbour for good, so that both families say nothing but TCP. */
export function lane(family: 'inet' | 'inet6', block: string = 'freebsd'): Lab {
  // Without a host cache: one case must not teach the next.
  const l = lab({ seed: 1, family, extra: [tcpRack()], sysctls: { 'net.inet.tcp.hostcache.enable': 0, 'net.inet.tcp.functions_default': block } });
  const { kernel, jail } = l.a;
  const mac = formatEtherAddr(ifunit(l.b.vnet, l.b.ifname)?.lladdr as Uint8Array);
  const r = exec(kernel, `${family === 'inet' ? 'arp' : 'ndp'} -s ${l.b.addr} ${mac}`, { jail: jail.name });
  if (r.code !== 0) throw new Error(r.stderr);
  l.advance(60e6); // group reports are out
  return l;
}

/** Where two traces part, in words; empty if they do not. */
function difference(a: readonly string[], b: readonly string[]): string {
  const n = a.findIndex((line, i) => line !== b[i]);
  const at = n >= 0 ? n : a.length < b.length ? a.length : -1;
  return at < 0 ? '' : `segment ${at + 1}: '${a[at] ?? 'none'}' over IPv4, '${b[at] ?? 'none'}' over IPv6`;
}

/** One case in each lane, and their comparison: the problems. */
export function fuzzCase(lanes: readonly Lab[], seed: number, port: number, journal: string[] | null = null): readonly string[] {
  const results = lanes.map((l, i) => new Case(l, seed, port, i === 0 ? journal : null).run());
  const problems = results.flatMap((r, i) => r.problems.map((p) => `${LANES[i] ?? ''}: ${p}`));
  if (problems.length > 0) return problems;
  const d = difference(results[0]?.trace ?? [], results[1]?.trace ?? []);
  return d === '' ? [] : [d];
}

/** Both families with the block of a seed. */
const lanesFor = (seed: number): readonly Lab[] => LANES.map((family) => lane(family, BLOCKS[seed % BLOCKS.length]));

/** A case again, alone and with its journal: the last lines of what was said over IPv4 (`>` by the stack: flags, number, length, ACK, window, options). */
function retell(seed: number): string {
  const journal: string[] = [];
  fuzzCase(lanesFor(seed), seed, FIRST_PORT, journal);
  return journal.slice(-JOURNAL_LINES).map((line) => `  ${line}`).join('\n');
}

/**
 * Random connections, each over IPv4 and IPv6: both must say the same, and neither break a rule of TCP. Every other one has the block `rack`. Runs for `seconds` (600) from `seed` (1) on; a case is repeated by its seed.
 */
export function fuzz(options: SoakOptions, say: (o: Outcome) => void): void {
  const until = performance.now() + (options.seconds ?? 600) * 1000;
  let seed = options.seed ?? 1;
  let cases = 0;
  let segments = 0;
  let failed = 0;
  while (performance.now() < until && failed < 10) {
    const labs = BLOCKS.map((_, n) => lanesFor(n));
    for (let i = 0; i < CASES_PER_LAB && performance.now() < until; i++, seed++) {
      const problems = fuzzCase(labs[seed % BLOCKS.length] as readonly Lab[], seed, FIRST_PORT + i);
      cases++;
      if (problems.length > 0) {
        failed++;
        say({ name: `fuzz --seed ${seed}`, problem: problems.join('; '), detail: `case ${i} of its lab\n${retell(seed)}` });
        break; // what it left behind is not the next case's fault
      }
    }
    const lanes = labs.flat();
    segments += lanes.reduce((n, l) => n + l.a.tcp.stat.rcvtotal, 0);
    for (const l of lanes) {
      l.link.ab.options.drop = null;
      const left = l.finish();
      if (left.length > 0 && failed === 0) {
        failed++;
        say({ name: 'fuzz', problem: left.join('; '), detail: `before seed ${seed}` });
      }
    }
    seed++;
  }
  if (failed === 0) say({ name: 'fuzz', problem: '', detail: `${cases} connections, ${segments} segments` });
}
