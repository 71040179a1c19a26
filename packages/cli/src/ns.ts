#!/usr/bin/env node
/* The program `ns`. */
import { main } from './ns/main.ts';

// Whoever reads our output may stop reading, as `head` does.
process.stdout.on('error', (e: NodeJS.ErrnoException) => process.exit(e.code === 'EPIPE' ? 0 : 1));

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  onSignal: (fn) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const s of signals) process.on(s, fn);
    return () => {
      for (const s of signals) process.removeListener(s, fn);
    };
  },
});
