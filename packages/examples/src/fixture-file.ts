import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BLOCK = 1 << 20;

/** A file to download, and how to be rid of it. */
export interface Fixture {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  remove(): Promise<void>;
}

/** Writes a file of `mib` MiB that does not compress, the same bytes every time (xorshift32), and tells its SHA-256. */
export async function makeFixture(mib: number): Promise<Fixture> {
  const dir = await mkdtemp(join(tmpdir(), 'ns-'));
  const path = join(dir, 'file.bin');
  const hash = createHash('sha256');
  const out = createWriteStream(path);
  let x = 0x9e3779b9;
  for (let i = 0; i < mib; i++) {
    const words = new Int32Array(BLOCK / 4);
    for (let w = 0; w < words.length; w++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[w] = x;
    }
    const block = Buffer.from(words.buffer);
    hash.update(block);
    if (!out.write(block)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  return { path, bytes: mib * BLOCK, sha256: hash.digest('hex'), remove: () => rm(dir, { recursive: true, force: true }) };
}
