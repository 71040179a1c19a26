import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderResult, type ScriptResult } from '../run/result.ts';
import { runScript } from '../run/run.ts';
import { type Args, parseArgs, USAGE } from './args.ts';

/** Where the program writes. */
export interface ProgramIo {
  out(text: string): void;
  err(text: string): void;
}

/** A script to run: where it is, and what it is called. */
interface ScriptFile {
  readonly path: string;
  readonly name: string;
}

/** The *.pkt files below a directory, by name. */
function scriptsBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) => (e.isDirectory() ? scriptsBelow(join(dir, e.name)) : e.name.endsWith('.pkt') ? [join(dir, e.name)] : []));
}

function scriptFiles(a: Args): ScriptFile[] {
  const listed = a.list === null ? [] : readFileSync(a.list, 'utf8').split('\n').map((x) => x.trim()).filter((x) => x !== '' && !x.startsWith('#'));
  const named = a.paths.flatMap((p) => (statSync(p).isDirectory() ? scriptsBelow(p) : [p]));
  return [...listed.map((name) => ({ name, path: join(a.root, name) })), ...named.map((path) => ({ name: path, path }))];
}

function runOne(f: ScriptFile, a: Args, io: ProgramIo): ScriptResult {
  return runScript(readFileSync(f.path, 'utf8'), {
    file: f.name,
    defines: a.defines,
    scriptOptions: a.scriptOptions,
    capture: a.pcap !== null,
    ...(a.compat !== null && { compat: a.compat }),
    ...(a.init !== null && { init: a.init }),
    ...(a.verbose && { verbose: (line: string): void => io.out(`${line}\n`) }),
  });
}

function writePcap(dir: string, r: ScriptResult): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${r.file.replace(/^(?:\.\.?\/|\/)+/, '').replace(/[^A-Za-z0-9._-]+/g, '_')}.pcapng`);
  writeFileSync(path, r.pcap ?? new Uint8Array(0));
  return path;
}

function report(r: ScriptResult, a: Args, io: ProgramIo): void {
  const pcap = a.pcap !== null && r.status === 'failed' && r.pcap !== null ? writePcap(a.pcap, r) : null;
  if (a.json) {
    io.out(`${JSON.stringify({ ...r, pcap })}\n`);
    return;
  }
  if (a.quiet || (r.status === 'passed' && !a.verbose && r.warnings.length === 0)) return;
  io.out(`${renderResult(r)}\n${pcap === null ? '' : `  capture   ${pcap}\n`}`);
}

/** The program: runs scripts, says what failed; the last line counts. Returns the exit code: 0, 1 when a script failed, 2 when it could not begin. */
export function main(argv: readonly string[], io: ProgramIo): number {
  const a = parseArgs(argv);
  if (typeof a === 'string') {
    io.err(`packetdrill: ${a}\n${USAGE}\n`);
    return 2;
  }
  const count = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const f of scriptFiles(a)) {
      const r = runOne(f, a, io);
      count[r.status]++;
      report(r, a, io);
    }
  } catch (e) {
    // Files that are not there are the user's affair; nothing else is thrown here.
    io.err(`packetdrill: ${e instanceof Error ? e.message : String(e)}\n`);
    return 2;
  }
  io.out(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  return count.failed === 0 ? 0 : 1;
}
