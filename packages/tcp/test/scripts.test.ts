import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { scriptSuite } from '@ns/packetdrill';
import { FAMILIES, mssOf, rcvbufOf } from './script-parts.ts';

const dir = fileURLToPath(new URL('scripts/', import.meta.url));
const scripts = readdirSync(dir)
  .filter((f) => f.endsWith('.pkt'))
  .sort()
  .map((f) => ({ f, text: readFileSync(dir + f, 'utf8') }));

/** A script whose first line names what it is for says so in its title. */
const title = (f: string, text: string): string => `${/^\/\/ ((?:T\d+(?:, )?)+: )/.exec(text)?.[1] ?? ''}${f}`;

// A script is for both families unless it says for which; MSS is what a packet of 1500 bytes leaves, SCALED the empty buffer in units of 64.
for (const v of FAMILIES) {
  const those = scripts.filter(({ text }) => !text.includes('--ip_version=') || text.includes(`--ip_version=ipv${v}`));
  scriptSuite({ describe, it: (name, fn) => it(name, (context) => fn(context)) }, `packet scripts over IPv${v}`, Object.fromEntries(those.map(({ f, text }) => [title(f, text), text])), {
    scriptOptions: { ip_version: `ipv${v}` },
    defines: { MSS: String(mssOf(v)), SCALED: String(Math.ceil(rcvbufOf(v) / 64)) },
  });
}
