import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeHeapSnapshot } from 'node:v8';

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly (readonly string[])[] } };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** How many objects of each class the heap holds, by a heap snapshot (which collects garbage first). */
export function classCounts(): Map<string, number> {
  const file = writeHeapSnapshot(join(tmpdir(), `ns-${process.pid}.heapsnapshot`));
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  rmSync(file);
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const object = (types[fields.indexOf('type')] as unknown as string[]).indexOf('object');
  const counts = new Map<number, number>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (nodes[at + fields.indexOf('type')] !== object) continue;
    const name = nodes[at + fields.indexOf('name')] as number;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const named = new Map<string, number>();
  for (const [name, n] of counts) named.set(strings[name] as string, n);
  return named;
}
