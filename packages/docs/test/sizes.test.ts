import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LIST = ['vnet', 'netisr', 'ifnet', 'route', 'ether', ['loop', 'drv-loop'], ['epair', 'drv-epair'], ['netstackBsd', 'netstack-kpi'], 'inpcb', 'socket', 'arp', 'ip', 'udp'].map((m) =>
  typeof m === 'string' ? [m, m] : m,
);
const V4 = [['arp', 'arp'], ['ip', 'ip']];
const V6 = [['ip6', 'ip6'], ['nd6', 'nd6']];
/** Of either family: sockets of TCP and UDP. */
const TCP = [...LIST.filter(([m]) => m !== 'arp' && m !== 'ip'), ['tcp', 'tcp'], ['ccNewreno', 'cc-newreno']];

/** A program that loads these modules: [function, package]. */
function program(list: readonly (readonly string[])[]): string {
  return `${list.map(([f, p]) => `import { ${f} } from '@ns/${p}';`).join(' ')} import { Kernel, virtualHost } from '@ns/kern';
    const kernel = new Kernel(virtualHost()); for (const mod of [${list.map(([f]) => `${f}()`).join(', ')}]) kernel.kldload(mod);`;
}

const COMPOSITIONS: Record<string, string> = {
  wire: `import { decodeTcpHdr, TcpHdr } from '@ns/wire'; export const used = [decodeTcpHdr, TcpHdr];`,
  kern: `import { Kernel, virtualHost } from '@ns/kern'; new Kernel(virtualHost());`,
  IPv4: program(LIST),
  both: program([...TCP, ...V4, ...V6]),
  'without IPv6': program([...TCP, ...V4]),
  'without IPv4': program([...TCP, ...V6]),
};

/** Minified and gzipped size of a program, bytes. */
async function sizes(contents: string): Promise<[number, number]> {
  const ns = {
    name: 'ns',
    setup(b: Parameters<NonNullable<NonNullable<Parameters<typeof build>[0]['plugins']>[0]['setup']>>[0]): void {
      b.onResolve({ filter: /^@ns\// }, (a) => ({ path: `${ROOT}packages/${a.path.slice(4)}/src/index.ts`, sideEffects: false }));
    },
  };
  const r = await build({ stdin: { contents, resolveDir: ROOT, loader: 'ts' }, bundle: true, minify: true, format: 'esm', write: false, platform: 'neutral', plugins: [ns] });
  const bytes = r.outputFiles[0]!.contents;
  return [bytes.length, gzipSync(bytes).length];
}

it('the sizes that composing-a-stack.md states are those of today, to within a quarter', async () => {
  const page = readFileSync(`${ROOT}packages/docs/composing-a-stack.md`, 'utf8');
  const rows = [...page.matchAll(/^\| `?(wire|kern|IPv4|both|without IPv6|without IPv4)\b.*\| ([0-9.]+) \| ([0-9.]+) \|$/gm)];
  expect(rows.map((r) => r[1])).toEqual(Object.keys(COMPOSITIONS));
  for (const [, name, minified, gzip] of rows) {
    const [m, g] = await sizes(COMPOSITIONS[name!]!);
    expect(Math.abs(m / 1000 / Number(minified) - 1), `${name}: ${m} bytes minified`).toBeLessThan(0.25);
    expect(Math.abs(g / 1000 / Number(gzip) - 1), `${name}: ${g} bytes gzipped`).toBeLessThan(0.25);
  }
});

it('T74 an assembly without a family is smaller by what the family takes, and has nothing of it', async () => {
  const [both] = await sizes(COMPOSITIONS['both']!);
  const [v4] = await sizes(COMPOSITIONS['without IPv6']!);
  const [v6] = await sizes(COMPOSITIONS['without IPv4']!);
  expect(v4).toBeLessThan(both * 0.85);
  expect(v6).toBeLessThan(both * 0.95);
  // The rest is shared: what one lacks is what the other has.
  expect(both - v4 + (both - v6)).toBeLessThan(both * 0.4);
});
