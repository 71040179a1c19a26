import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BenchPlan, plans, type RowPlan, type Variant } from './plans.ts';

/*
 * pnpm bench [NAME ...] [--json] [--rounds N] [--only TEXT] [--cpu]
 *
 * Each variant runs in a process of its own, in rounds that go through all variants of a bench and its baseline, so that what the machine does meanwhile hits them alike.
 * The value of a variant is the median of its rounds; its ratio is the median of the ratios within a round, which ran within seconds of each other. `--only` leaves out what has not TEXT in its name nor is compared with such; `--cpu` counts seconds of processor time, which
 * other work on the machine disturbs less.
 */

/** One line of `--json`. */
interface Row {
  readonly bench: string;
  readonly variant: string;
  readonly unit: string;
  readonly value: number;
  readonly baseline: number | null;
  readonly ratio: number | null;
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const VARIANT_TIMEOUT_MS = 60_000;
/** The baseline's closed connections would fill the port range with TIME-WAIT; in a namespace of its own they need not be kept. */
const NO_TIME_WAIT = 'ip link set lo up && sysctl -qw net.ipv4.tcp_max_tw_buckets=0 && exec "$0" "$@"';

function canUnshare(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  return spawnSync('unshare', ['-n', 'sh', '-c', NO_TIME_WAIT, 'true'], { stdio: 'ignore' }).status === 0;
}

const byCpu = process.argv.includes('--cpu');

function command(v: Variant, bench: string, unshare: boolean): [string, string[]] {
  const args = ['--expose-gc', ...(v.nodeArgs ?? []), WORKER, bench, v.name, ...(byCpu ? ['--cpu'] : [])];
  if (v.kernelSockets !== true || !unshare) return [process.execPath, args];
  return ['unshare', ['-n', 'sh', '-c', NO_TIME_WAIT, process.execPath, ...args]];
}

/** Runs one variant once; its process prints the value. */
function runOnce(v: Variant, bench: string, unshare: boolean): Promise<Map<string, number>> {
  const [cmd, args] = command(v, bench, unshare);
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(cmd, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), VARIANT_TIMEOUT_MS);
    child.stdout?.on('data', (d: Buffer) => (out += d.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code !== 0) return reject(new Error(`${bench} ${v.name}: exit code ${String(code)}`));
      resolve(new Map(Object.entries(JSON.parse(out) as Record<string, number>)));
    });
  });
}

function median(values: readonly number[]): number {
  const s = [...values].sort((a, b) => a - b);
  const mid = s.length >> 1;
  return s.length % 2 === 1 ? (s[mid] as number) : ((s[mid - 1] as number) + (s[mid] as number)) / 2;
}

/** The rows with `only` in their name, and the variants that these need: their own, and those they are compared with. */
function selected(plan: BenchPlan, only: string): [rows: readonly RowPlan[], variants: readonly Variant[]] {
  const all = [...(plan.baseline === undefined ? [] : [plan.baseline]), ...plan.variants];
  if (only === '') return [plan.rows, all];
  const rows = plan.rows.filter((r) => r.variant.includes(only));
  const names = new Set(rows.flatMap((r) => [r.variant, r.baseline ?? '']));
  // A variant without a row of its own gives several values, whose names begin with its name.
  const gives = (v: Variant): boolean => !plan.rows.some((r) => r.variant === v.name) && [...names].some((n) => n.startsWith(`${v.name}-`));
  return [rows, all.filter((v) => names.has(v.name) || gives(v))];
}

async function runBench(plan: BenchPlan, rounds: number, only: string, unshare: boolean): Promise<Row[]> {
  const samples = new Map<string, number[]>();
  const [rows, wanted] = selected(plan, only);
  for (let round = 0; round < rounds; round++) {
    for (const v of wanted) {
      for (const [key, value] of await runOnce(v, plan.name, unshare)) {
        const name = key === '' ? v.name : key;
        samples.set(name, [...(samples.get(name) ?? []), value]);
      }
    }
  }
  const all = (name: string): number[] => samples.get(name) ?? [];
  return rows.map((r): Row => {
    const row = { bench: plan.name, variant: r.variant, unit: r.unit, value: median(all(r.variant)) };
    if (r.baseline === undefined) return { ...row, baseline: null, ratio: null };
    const baseline = all(r.baseline);
    const ratios = all(r.variant).map((v, round) => v / (baseline[round] as number));
    return { ...row, baseline: median(baseline), ratio: median(ratios) };
  });
}

function printTable(rows: readonly Row[]): void {
  const format = (n: number | null): string => (n === null ? '' : n >= 100 ? Math.round(n).toLocaleString('en') : n.toPrecision(3));
  for (const r of rows) {
    const cells = [r.bench.padEnd(8), r.variant.padEnd(24), format(r.value).padStart(12), r.unit.padEnd(14), format(r.baseline).padStart(12), format(r.ratio).padStart(8)];
    console.log(cells.join(' '));
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, rounds: { type: 'string' }, only: { type: 'string', default: '' }, cpu: { type: 'boolean' } },
  });
  const unknown = positionals.filter((p) => !plans.some((b) => b.name === p));
  if (unknown.length > 0) {
    console.error(`bench: no such bench: ${unknown.join(' ')}. There are: ${plans.map((p) => p.name).join(' ')}`);
    return 2;
  }
  const unshare = canUnshare();
  if (values.json !== true) console.log(`${'bench'.padEnd(8)} ${'variant'.padEnd(24)} ${'value'.padStart(12)} ${'unit'.padEnd(14)} ${'baseline'.padStart(12)} ${'ratio'.padStart(8)}`);
  let failed = 0;
  for (const plan of plans) {
    if (positionals.length > 0 && !positionals.includes(plan.name)) continue;
    try {
      const rows = await runBench(plan, values.rounds === undefined ? plan.rounds : Number(values.rounds), values.only, unshare);
      if (values.json === true) for (const r of rows) console.log(JSON.stringify(r));
      else printTable(rows);
    } catch (e) {
      failed++;
      console.error(`bench: ${(e as Error).message}`);
    }
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
