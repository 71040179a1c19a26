/* The scripts beside this file, with `rack` as the default function block; those that load the module themselves, without. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scriptSuite } from '@ns/packetdrill';
import { describe, it } from 'vitest';
import { tcpRack } from '../src/index.ts';

const dir = fileURLToPath(new URL('scripts/', import.meta.url));
const files = readdirSync(dir)
  .filter((f) => f.endsWith('.pkt'))
  .sort();
const texts = (which: (f: string) => boolean): Record<string, string> => Object.fromEntries(files.filter(which).map((f) => [f, readFileSync(dir + f, 'utf8')]));
const runner = { describe, it: (name: string, fn: (context: never) => void) => it(name, (context) => fn(context as never)) };
const loads = (f: string): boolean => f.startsWith('load-');

scriptSuite(runner, 'packet scripts', texts((f) => !loads(f)), { extra: [tcpRack()], sysctls: { 'net.inet.tcp.functions_default': 'rack' } });
scriptSuite(runner, 'packet scripts that load the module', texts(loads));
