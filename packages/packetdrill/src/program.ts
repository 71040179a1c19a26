#!/usr/bin/env node
/* The program `packetdrill`. */
import { main } from './program/main.ts';

// Whoever reads our output may stop reading, as `head` does.
process.stdout.on('error', (e: NodeJS.ErrnoException) => process.exit(e.code === 'EPIPE' ? 0 : 1));

process.exitCode = main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});
