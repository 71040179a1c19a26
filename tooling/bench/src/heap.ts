import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeHeapSnapshot } from 'node:v8';

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly (readonly string[])[] } };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** How many objects of each class, and functions of each name, the heap holds, by a heap snapshot (which collects garbage first). */
export function classCounts(): Map<string, number> {
  const file = writeHeapSnapshot(join(tmpdir(), `ns-${process.pid}.heapsnapshot`));
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  rmSync(file);
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const kinds = types[fields.indexOf('type')] ?? [];
  const counts = new Map<string, number>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = kinds[nodes[at + fields.indexOf('type')] as number];
    if (kind !== 'object' && kind !== 'closure') continue;
    const name = strings[nodes[at + fields.indexOf('name')] as number] as string;
    const key = kind === 'object' ? name : `${name}()`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
