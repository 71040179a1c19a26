import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { scriptSuite } from '@ns/packetdrill';

const dir = fileURLToPath(new URL('scripts/', import.meta.url));
const scripts = Object.fromEntries(
  readdirSync(dir)
    .filter((f) => f.endsWith('.pkt'))
    .sort()
    .map((f) => [f, readFileSync(dir + f, 'utf8')]),
);

scriptSuite({ describe, it: (name, fn) => it(name, (context) => fn(context)) }, 'packet scripts', scripts);
