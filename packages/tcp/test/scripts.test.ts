import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { hErtt } from '@ns/h-ertt';
import { scriptSuite } from '@ns/packetdrill';
import { ccOne } from './cc-one.ts';
import { FAMILIES, mssOf, rcvbufOf } from './script-parts.ts';

const dir = fileURLToPath(new URL('scripts/', import.meta.url));
const scripts = readdirSync(dir)
  .filter((f) => f.endsWith('.pkt'))
  .sort()
  .map((f) => ({ f, text: readFileSync(dir + f, 'utf8') }));

/** A script whose first line names what it is for says so in its title. */
const title = (f: string, text: string): string => `${/^\/\/ ((?:T\d+(?:, )?)+: )/.exec(text)?.[1] ?? ''}${f}`;

/** Families that a script is for: the one that it names; both, unless it has the segment size of IPv4 in what we send. */
const isFor = (text: string, v: number): boolean => (/^--ip_version=/m.test(text) ? text.includes(`--ip_version=ipv${v}`) : v === 4 || !/ > .*<mss 1460/.test(text));

// MSS is what a packet of 1500 bytes leaves, SCALED the empty buffer in units of 64.
for (const v of FAMILIES) {
  const those = scripts.filter(({ text }) => isFor(text, v));
  scriptSuite({ describe, it: (name, fn) => it(name, (context) => fn(context)) }, `packet scripts over IPv${v}`, Object.fromEntries(those.map(({ f, text }) => [title(f, text), text])), {
    available: [ccOne(), hErtt()],
    scriptOptions: { ip_version: `ipv${v}` },
    defines: { MSS: String(mssOf(v)), SCALED: String(Math.ceil(rcvbufOf(v) / 64)) },
  });
}
