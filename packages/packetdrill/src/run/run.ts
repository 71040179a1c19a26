import type { ModuleDecl } from '@ns/kern';
import { ScriptSyntaxError } from '../lang/error.ts';
import { parseScript } from '../lang/parser.ts';
import { type Config, configOf } from './config.ts';
import { Engine } from './engine.ts';
import { CannotRun, ScriptFailure } from './failure.ts';
import type { ScriptLink, ScriptLinkPlace } from './link.ts';
import { Machine } from './machine.ts';
import { Recorder } from './recorder.ts';
import type { ScriptResult } from './result.ts';

/**
 * What {@link runScript} may be told.
 * @public
 */
export interface RunOptions {
  /** Name for messages. */
  readonly file?: string;
  /** Modules of the kernel under test; the default stack without it. */
  readonly modules?: readonly ModuleDecl[];
  /** Modules besides those: an algorithm under test, say. */
  readonly extra?: readonly ModuleDecl[];
  /** Modules that `kldload` finds. */
  readonly available?: readonly ModuleDecl[];
  /** Sysctls, set before the script begins. */
  readonly sysctls?: Readonly<Record<string, number | string>>;
  /** Seed of the kernel's generator. */
  readonly seed?: number;
  /** Options that count before those of the script: `{ tolerance_usecs: '1000' }`. */
  readonly scriptOptions?: Readonly<Record<string, string>>;
  /** Words and what they stand for, as `-D NAME=value`. */
  readonly defines?: Readonly<Record<string, string>>;
  /** Names for `#ifdef`; default `FreeBSD`. */
  readonly defined?: readonly string[];
  /** Makes the interface of the kernel under test and the script's end of it: for those who test a driver. Default: {@link tunLink}. */
  readonly link?: (place: ScriptLinkPlace) => ScriptLink;
  /**
   * Whose interpreter the script is meant for; FreeBSD's without it. `google`: its defaults and time base, segments joined until they carry what the script expects, options as a
   * set, PSH and our own window not looked at, commands and code about Linux passed over with a warning.
   */
  readonly compat?: 'google';
  /** Commands before everything, the script's own included: `kldload tcp_rack; sysctl net.inet.tcp.functions_default=rack`. */
  readonly init?: string;
  /** Told of each packet as it passes, one line as tcpdump prints it. */
  readonly verbose?: (line: string) => void;
  /** Keep the packets, for {@link ScriptResult.pcap}. */
  readonly capture?: boolean;
}

/**
 * Runs a packetdrill script against a kernel of its own, in virtual time, and returns when it is over. Deterministic: the same script and options give the same packets in each
 * run. Never throws for what the script says or the stack does.
 *
 * ```ts
 * const r = runScript(`
 *   0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
 *  +0 bind(3, ..., ...) = 0
 *  +0 listen(3, 1) = 0
 *  +0 < S 0:0(0) win 65535 <mss 1460>
 *  +0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
 * `);
 * r.status; // 'passed'
 * ```
 * @public
 */
export function runScript(text: string, options: RunOptions = {}): ScriptResult {
  const file = options.file ?? 'script';
  const base: ScriptResult = { status: 'passed', file, line: 0, message: '', expected: '', actual: '', exchange: [], warnings: [], elapsedUs: 0, pcap: null };
  let config: Config;
  let run: Run | null = null;
  try {
    const script = parseScript(text, { ...(options.defined !== undefined && { defined: options.defined }), ...(options.defines !== undefined && { defines: options.defines }) });
    config = configOf(script, options.scriptOptions, options.compat === 'google');
    if (config.dryRun) return base;
    run = new Run(new Machine(config, options), file, options);
    const engine = new Engine(script, config, run.machine, run.recorder);
    run.engine = engine;
    engine.run(options.init ?? null);
    return { ...base, ...run.facts() };
  } catch (e) {
    return { ...base, ...outcome(e), ...(run?.facts() ?? {}) };
  }
}

/** What a run leaves behind, however it ends. */
class Run {
  readonly machine: Machine;
  readonly recorder: Recorder;
  engine: Engine | null;
  private readonly startUs: number;

  constructor(machine: Machine, file: string, options: RunOptions) {
    this.machine = machine;
    this.engine = null;
    this.startUs = machine.nowUs;
    this.recorder = new Recorder(machine.nowUs, file, options.verbose ?? null, options.capture === true);
    machine.onPacket = (direction, bytes, atUs) => this.recorder.packet(direction, bytes, atUs);
  }

  facts(): Pick<ScriptResult, 'exchange' | 'warnings' | 'elapsedUs' | 'pcap'> {
    return {
      exchange: [...this.recorder.exchange],
      warnings: this.engine === null ? [] : [...this.engine.warnings],
      elapsedUs: this.machine.nowUs - this.startUs,
      pcap: this.recorder.file(),
    };
  }
}

function outcome(e: unknown): Pick<ScriptResult, 'status' | 'line' | 'message' | 'expected' | 'actual'> {
  if (e instanceof ScriptFailure) return { status: 'failed', line: e.line, message: e.message, expected: e.expected, actual: e.actual };
  if (e instanceof CannotRun) return { status: 'skipped', line: e.line, message: e.message, expected: '', actual: '' };
  if (e instanceof ScriptSyntaxError) return { status: 'failed', line: e.line, message: `syntax error at column ${e.column}: ${e.message}`, expected: '', actual: '' };
  // Whatever else is thrown, the stack has thrown it: an invariant of it is broken.
  const what = e instanceof Error ? (e.stack ?? e.message) : String(e);
  return { status: 'failed', line: 0, message: `the stack threw: ${what}`, expected: '', actual: '' };
}
