/**
 * `pnpm vnet-codemod [--write] [--module NAME] [--vnet EXPR ...] FILE ...`: moves module-level state of the files into per-vnet variables, see codemod.js. Without `--write` it shows what it would change.
 * Exits 1 when something is left to be done by hand.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { convert } from './codemod.js';
import { diffLines } from './diff.js';

const USAGE = 'usage: pnpm vnet-codemod [--write] [--module NAME] [--vnet EXPR ...] FILE ...';

/** The module that a file belongs to: the name of its package without a scope, else of the file. */
export function moduleOf(file) {
  for (let dir = dirname(resolve(file)); dirname(dir) !== dir; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name, private: isPrivate } = JSON.parse(readFileSync(manifest, 'utf8'));
    if (typeof name === 'string' && !isPrivate) return name.replace(/^@[^/]+\//, '');
    break;
  }
  return basename(file).replace(/\.[^.]+$/, '');
}

/** Runs the command; `say` takes its lines. Returns the exit code. */
export function main(args, say = console.log) {
  const options = { write: false, module: null, vnet: [] };
  const files = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--write') options.write = true;
    else if ((args[i] === '--module' || args[i] === '--vnet') && i + 1 < args.length) { if (args[i] === '--module') options.module = args[++i]; else options.vnet.push(args[++i]); }
    else if (args[i].startsWith('-')) { say(USAGE); return 2; }
    else files.push(args[i]);
  }
  if (files.length === 0) { say(USAGE); return 2; }
  let left = 0;
  for (const file of files) {
    if (!existsSync(file)) { say(`${file}: no such file`); return 2; }
    const source = readFileSync(file, 'utf8');
    const r = convert(file, source, { module: options.module ?? moduleOf(file), ...(options.vnet.length > 0 && { vnet: options.vnet }) });
    if (r.fields.length === 0 && r.problems.length === 0) { say(`${file}: no state at module level`); continue; }
    const d = diffLines(source, r.code);
    if (options.write) writeFileSync(file, r.code);
    else say(d.hunks);
    say(`${file}: ${r.fields.length} variables moved (${r.fields.join(', ')}), ${d.removed} lines removed, ${d.added} added${options.write ? '' : '; nothing written, --write does'}`);
    for (const p of r.problems) say(`${file}:${p.line}: ${p.text}`);
    for (const n of r.notes) say(`${file}${n.line > 0 ? `:${n.line}` : ''}: ${n.text}`);
    left += r.problems.length;
  }
  if (left > 0) say(`${left} places are left to be done by hand`);
  return left > 0 ? 1 : 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = main(process.argv.slice(2));
