import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LIST = ['vnet', 'netisr', 'ifnet', 'route', 'ether', ['loop', 'drv-loop'], ['epair', 'drv-epair'], ['netstackBsd', 'netstack-kpi'], 'inpcb', 'socket', 'arp', 'ip', 'udp'].map((m) =>
  typeof m === 'string' ? [m, m] : m,
);
const COMPOSITIONS: Record<string, string> = {
  wire: `import { decodeTcpHdr, TcpHdr } from '@ns/wire'; export const used = [decodeTcpHdr, TcpHdr];`,
  kern: `import { Kernel, virtualHost } from '@ns/kern'; new Kernel(virtualHost());`,
  IPv4: `${LIST.map(([f, p]) => `import { ${f} } from '@ns/${p}';`).join(' ')} import { Kernel, virtualHost } from '@ns/kern';
    const kernel = new Kernel(virtualHost()); for (const mod of [${LIST.map(([f]) => `${f}()`).join(', ')}]) kernel.kldload(mod);`,
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
  const rows = [...page.matchAll(/^\| `?(wire|kern|IPv4)\b.*\| ([0-9.]+) \| ([0-9.]+) \|$/gm)];
  expect(rows.map((r) => r[1])).toEqual(Object.keys(COMPOSITIONS));
  for (const [, name, minified, gzip] of rows) {
    const [m, g] = await sizes(COMPOSITIONS[name!]!);
    expect(Math.abs(m / 1000 / Number(minified) - 1), `${name}: ${m} bytes minified`).toBeLessThan(0.25);
    expect(Math.abs(g / 1000 / Number(gzip) - 1), `${name}: ${g} bytes gzipped`).toBeLessThan(0.25);
  }
});
