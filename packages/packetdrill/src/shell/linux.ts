/**
 * Lines of Google's scripts: they set up Linux. Settings of TCP that have a counterpart here are made; all else is passed over.
 */
import { commandByName } from '@ns/cli';

/** Runs a command of ours; its exit status. */
type Run = (line: string) => number;

const ON_OFF = (v: string): string => (Number(v) !== 0 ? '1' : '0');
/** The middle of `least default most`. */
const DEFAULT_OF = (v: string): string => v.trim().split(/\s+/)[1] ?? v;

/** Settings below net.ipv4 that have one counterpart below net.inet.tcp, and how values translate. Source: Linux Documentation/networking/ip-sysctl. */
const COUNTERPARTS: Readonly<Record<string, readonly [name: string, value: (v: string) => string]>> = Object.freeze({
  tcp_sack: ['sack.enable', ON_OFF],
  // Window scaling stays when time stamps go.
  tcp_timestamps: ['rfc1323', (v) => (Number(v) !== 0 ? '1' : '2')],
  tcp_ecn: ['ecn.enable', (v) => v],
  tcp_syncookies: ['syncookies', ON_OFF],
  tcp_wmem: ['sendspace', DEFAULT_OF],
});

/** Bits of tcp_fastopen. */
const FASTOPEN_CLIENT = 1;
const FASTOPEN_SERVER = 2;

/**
 * About the hand-over to devices, pacing, our own window, and what TCP remembers of hosts: nothing here is like that, nobody looks at it, and a new kernel remembers nothing.
 * A large buffer for receiving would also be told to the peer as soon as scaling allows it, in a segment of its own.
 */
const WITHOUT_MEANING: ReadonlySet<string> = new Set([
  'tcp_rmem',
  'tcp_tso_win_divisor', 'tcp_min_tso_segs', 'tcp_pacing_ss_ratio', 'tcp_pacing_ca_ratio', 'tcp_limit_output_bytes', 'tcp_no_metrics_save', 'tcp_fastopen_blackhole_timeout_sec',
]);

/** What Google's defaults.sh sets, as far as it has a counterpart. */
const GOOGLE_DEFAULTS: readonly (readonly [string, string])[] = [
  ['tcp_timestamps', '1'],
  ['tcp_sack', '1'],
  ['tcp_congestion_control', 'cubic'],
  ['tcp_recovery', '1'],
  ['tcp_ecn', '0'],
  ['tcp_wmem', '4096 262144 4194304'],
  ['tcp_fastopen', '3'],
  ['tcp_syncookies', '1'],
];

/** Window that CUBIC leaves after a loss, percent (RFC 9438 §4.6). */
const CUBIC_BETA = 70;
const RENO_BETA = 50;

/** Makes one setting. False: it has no counterpart, or not with that value. */
function setting(run: Run, name: string, value: string): boolean {
  const set = (own: string, v: string): boolean => run(`sysctl net.inet.tcp.${own}='${v}'`) === 0;
  const pair = Object.hasOwn(COUNTERPARTS, name) ? COUNTERPARTS[name] : undefined;
  if (pair !== undefined) return set(pair[0], pair[1](value));
  if (name === 'tcp_congestion_control') {
    const reno = value === 'reno';
    // Where CUBIC is not loaded NewReno takes its place, with the same factor.
    set('cc.newreno.beta', String(reno ? RENO_BETA : CUBIC_BETA));
    return set('cc.algorithm', reno ? 'newreno' : value);
  }
  if (name === 'tcp_fastopen') {
    const bits = Number(value);
    const made = set('fastopen.client_enable', (bits & FASTOPEN_CLIENT) !== 0 ? '1' : '0') && set('fastopen.server_enable', (bits & FASTOPEN_SERVER) !== 0 ? '1' : '0');
    return made && (bits & ~(FASTOPEN_CLIENT | FASTOPEN_SERVER)) === 0;
  }
  // RACK is a function block: whoever wants it loads it.
  if (name === 'tcp_recovery') return run(`sysctl net.inet.tcp.functions_default=${(Number(value) & 1) !== 0 ? 'rack' : 'freebsd'}`) === 0 || (Number(value) & 1) !== 0;
  return WITHOUT_MEANING.has(name);
}

/** `name=value` words as sysctl(8) and the suite's set_sysctls.py take them: `net.ipv4.tcp_sack=1`, `/proc/sys/net/ipv4/tcp_sack=1`. */
function settings(run: Run, passOver: (what: string) => void, words: readonly string[]): void {
  for (const word of words) {
    const m = /^(?:\/proc\/sys\/)?([A-Za-z0-9_./-]+)=(.*)$/s.exec(word);
    if (m === null) continue;
    const name = (m[1] as string).replaceAll('/', '.');
    if (!name.startsWith('net.ipv4.') || !setting(run, name.slice('net.ipv4.'.length), m[2] as string)) passOver(`sysctl ${name}=${m[2] as string}`);
  }
}

const fileOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * Takes a pipeline that is meant for Linux: settings are made as far as they have a counterpart; what has none is given to `passOver`, and counts as done. False: it is not about
 * Linux, and the shell runs it.
 */
export function linuxCommand(run: Run, passOver: (what: string) => void, text: string, words: readonly string[]): boolean {
  const first = words[0] ?? '';
  const file = fileOf(first);
  if (first.includes('/') && file === 'defaults.sh') {
    for (const [name, value] of GOOGLE_DEFAULTS) if (!setting(run, name, value)) passOver(`${name}=${value}`);
    return true;
  }
  if (first.includes('/') && file === 'set_sysctls.py') {
    settings(run, passOver, words.slice(1));
    return true;
  }
  // What a script restores goes away with its kernel.
  if (file.startsWith('sysctl_restore_')) return true;
  if (first === 'sysctl' && words.some((w) => /^net[./]ipv[46][./]/.test(w))) {
    settings(run, passOver, words.slice(1));
    return true;
  }
  // Our commands write to no files, and a pipe of theirs ends in a command of ours at best.
  const known = commandByName(first) !== null || ['echo', 'sleep', 'usleep', 'true', 'false', ':'].includes(first);
  if (known && !/[<>]/.test(text)) return false;
  passOver(text.replace(/\s+/g, ' '));
  return true;
}
