import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './workspace.js';

/** Programs of the workspace, by their path in node_modules, so that no shell and no PATH is needed. */
export const bin = (name) => join(ROOT, 'node_modules/.bin', name);

/** Environment of child processes: no telemetry, no update banners. */
export const quietEnv = () => ({ ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', DO_NOT_TRACK: '1' });

/** Runs a command with inherited stdio; resolves to its exit code. */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: quietEnv(), ...options });
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.on('error', (err) => { console.error(err.message); resolve(127); });
    child.on('close', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** Runs a command and collects what it prints, stdout and stderr in order of arrival. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: quietEnv(), ...options });
    let output = '';
    child.stdout.on('data', (d) => { output += d; });
    child.stderr.on('data', (d) => { output += d; });
    child.on('error', (err) => resolve({ code: 127, output: err.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Builds packages (turbo, cached). Silent unless it fails; then the compiler's words go to stderr. `filter` as turbo's --filter. */
export async function build(filter = null) {
  const args = ['run', 'build', '--output-logs=errors-only', '--concurrency=3', '--log-order=grouped', '--log-prefix=task'];
  if (filter) args.push(`--filter=${filter}`);
  const { code, output } = await capture(bin('turbo'), args);
  if (code !== 0) process.stderr.write(output);
  return code;
}

/** Runs `jobs` (functions returning promises), at most `width` at a time. Results in the order of the jobs. */
export async function pooled(jobs, width = 2) {
  const results = new Array(jobs.length);
  let at = 0;
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, async () => {
    while (at < jobs.length) { const i = at++; results[i] = await jobs[i](); }
  }));
  return results;
}

/** Runs the pnpm that runs us, or the one on the PATH, or the one that npx finds. */
export function pnpm(args, options) {
  const self = process.env.npm_execpath;
  if (self?.endsWith('pnpm.cjs')) return capture(process.execPath, [self, ...args], options);
  return capture('npx', ['--yes', 'pnpm@10', ...args], options);
}
