import { errnoName } from '@ns/errno';
import { sogetopt, sosockaddr } from '@ns/socket';
import { TCP_INFO, type TcpInfo } from '@ns/tcp';
import { AF_INET, type InAddr, IPPROTO_TCP, Sockaddr, v4MappedOf } from '@ns/wire';
import { CodeRunner, UnknownName } from '../code/eval.ts';
import { CodeError } from '../code/lexer.ts';
import { codeName, linuxName } from '../code/names.ts';
import type { CallNode, CodeNode, CommandNode, EventTime, PacketNode, Script, ScriptEvent } from '../lang/ast.ts';
import { showNode } from '../pkt/show.ts';
import { shell, type ShellHost } from '../shell/shell.ts';
import { beginCall } from '../sys/calls.ts';
import { type CallDone, OpenFile, type Sys } from '../sys/process.ts';
import { symbol } from '../sys/symbols.ts';
import { numberOf, showExpr } from '../sys/value.ts';
import { PATIENCE_US, type PendingCall, ScriptClock } from './clock.ts';
import type { Config } from './config.ts';
import { Connections } from './connections.ts';
import { Expect, type Range, showSeconds } from './expect.ts';
import { CannotRun, ScriptFailure } from './failure.ts';
import { buildInbound } from './inbound.ts';
import type { Machine } from './machine.ts';
import type { Recorder } from './recorder.ts';

/** How long a call waits for one that is pending, µs. */
const PENDING_WAIT_US = 1_000_000;

/** Runs the events of a script on a machine. */
export class Engine {
  readonly warnings: string[];
  private readonly script: Script;
  private readonly config: Config;
  private readonly machine: Machine;
  private readonly recorder: Recorder;
  private readonly clock: ScriptClock;
  private readonly connections: Connections;
  private readonly expect: Expect;
  private readonly files: Map<number, OpenFile>;
  private readonly code: CodeRunner;
  private readonly startUs: number;
  /** Time of the event before, as the script has it, µs of the kernel's clock. */
  private previousUs: number;
  /** The same where that event was a packet towards the stack; -1 where it was something else. */
  private inboundUs: number;
  /** Packets and code that were compared with what the stack does. */
  private compared: number;
  /** The first command or code that was passed over; null: none. */
  private passedOver: { readonly line: number; readonly what: string } | null;

  constructor(script: Script, config: Config, machine: Machine, recorder: Recorder) {
    this.script = script;
    this.config = config;
    this.machine = machine;
    this.recorder = recorder;
    this.warnings = [];
    this.files = new Map();
    this.connections = new Connections(config);
    this.startUs = machine.nowUs;
    this.previousUs = this.startUs;
    this.inboundUs = -1;
    this.compared = 0;
    this.passedOver = null;
    this.clock = new ScriptClock(machine, (p, d) => this.pendingDone(p, d));
    this.code = new CodeRunner((text) => recorder.note(machine.nowUs, text));
    const { clock, connections, startUs, warnings } = this;
    this.expect = new Expect({ config, machine, recorder, clock, connections, startUs, warn: (text) => void warnings.push(text) });
  }

  /** Runs it all, `first` before everything. Throws {@link ScriptFailure} and {@link CannotRun}; the cleanup command runs then too. */
  run(first: string | null): void {
    if (first !== null) this.command({ type: 'command', command: first, line: 0 });
    if (this.script.init !== null) this.command(this.script.init);
    try {
      for (const event of this.script.events) this.event(event);
      this.finishPending();
    } finally {
      if (this.script.cleanup !== null) this.command(this.script.cleanup);
    }
    // What was passed over may have been all that the script is about.
    if (this.passedOver !== null && this.compared === 0) throw new CannotRun(this.passedOver.line, `nothing is left to compare without ${this.passedOver.what}`);
  }

  /** Goes on without something that the script asks for and that is not here. */
  private passOver(line: number, what: string): void {
    this.warnings.push(`line ${line}: passed over: ${what}`);
    this.passedOver ??= { line, what };
  }

  private event(event: ScriptEvent): void {
    const { action } = event;
    const inbound = action.type === 'packet' && action.direction === 'in';
    const range = this.range(event.time, inbound);
    this.inboundUs = inbound ? range.from : -1;
    const toleranceUs = Math.max(this.config.toleranceUs, (this.config.tolerancePercent / 100) * Math.max(0, range.from - this.previousUs));
    const outbound = action.type === 'packet' && action.direction === 'out';
    if (event.time.kind !== 'any') this.previousUs = range.from;
    if (outbound) {
      const any = event.time.kind === 'any';
      this.expect.packet(action, event, any ? null : range, toleranceUs);
      if (any) this.previousUs = this.clock.nowUs;
      this.compared++;
      return;
    }
    this.clock.advanceTo(range.from);
    if (this.clock.nowUs > range.from + toleranceUs) {
      throw new ScriptFailure(event.line, `late: the time is ${showSeconds(this.clock.nowUs - this.startUs)}, the event is due at ${showSeconds(range.from - this.startUs)}`);
    }
    switch (action.type) {
      case 'packet':
        this.inbound(action);
        break;
      case 'call':
        this.call(action, event, range.from, toleranceUs);
        break;
      case 'command':
        this.command(action);
        break;
      default:
        this.runCode(action);
    }
    this.clock.settle();
  }

  /**
   * The time of an event on the kernel's clock. A relative one counts from now, since the event before has just ended; for Google from when that was due, if both are packets
   * towards the stack.
   */
  private range(t: EventTime, inbound: boolean): Range {
    const now = this.config.google && inbound && this.inboundUs >= 0 ? this.inboundUs : this.clock.nowUs;
    const base = t.kind === 'absolute' ? this.startUs : now;
    return { from: base + t.fromUs, to: base + t.toUs };
  }

  // Packets.

  private inbound(node: PacketNode): void {
    const s = this.connections.forInbound(node);
    this.expect.learnPort(s);
    if (node.body.type === 'tcp') this.connections.noteInbound(node.body, s);
    const bytes = buildInbound(node, s, this.config);
    this.recorder.note(this.clock.nowUs, `< ${showNode(node)}`);
    if (!this.machine.inject(bytes)) throw new ScriptFailure(node.line, 'the stack has no memory for the packet');
  }

  // System calls.

  private call(call: CallNode, event: ScriptEvent, fromUs: number, toleranceUs: number): void {
    this.waitForPending(call);
    const attempt = beginCall(this.sys, call);
    if (event.endUs !== null) {
      // Both ends of a relative range count from the same moment.
      const endUs = fromUs - event.time.fromUs + event.endUs;
      const own = Math.max(toleranceUs, (this.config.tolerancePercent / 100) * (endUs - fromUs));
      this.clock.pending = { event, call, attempt, endUs, toleranceUs: own };
      this.recorder.note(this.clock.nowUs, `${call.name}(${call.args.map(showExpr).join(', ')}) begins`);
      return;
    }
    let result = attempt.poll();
    if (result === null) {
      this.clock.until(() => (result = attempt.poll()) !== null, this.clock.nowUs + PATIENCE_US, true, attempt.wakeUs);
      if (result === null) throw new ScriptFailure(call.line, `${call.name}() blocks, and nothing more will happen`, event.text);
    }
    this.checkResult(call, event, result);
  }

  private checkResult(call: CallNode, event: ScriptEvent, d: CallDone): void {
    const shown = d.opened !== undefined ? 'a descriptor' : d.value < 0 && d.errno !== 0 ? `${d.value} ${errnoName(d.errno)}` : String(d.value);
    this.recorder.note(this.clock.nowUs, `${call.name}(${call.args.map(showExpr).join(', ')}) = ${shown}`);
    const wrong = this.resultWrong(call, d, shown);
    if (wrong === '') return;
    const message = `${call.name}() ${wrong}`;
    if (this.config.nonFatal.syscall) this.warnings.push(`line ${event.line}: ${message}`);
    else throw new ScriptFailure(event.line, message, event.text);
  }

  private resultWrong(call: CallNode, d: CallDone, shown: string): string {
    const want = call.result === null ? null : numberOf(call.result, 'result', call.line);
    if (d.opened !== undefined) {
      if (want === null) return '';
      if (want < 0) return `gave a descriptor, ${want} expected`;
      if (this.files.has(want)) return `gave a descriptor, and ${want} is still open`;
      this.open(call, want, d.opened.nonblock, d);
      return '';
    }
    if (want !== null && want !== d.value) return `gave ${shown} instead of ${want}${call.errno === null ? '' : ` ${call.errno}`}`;
    if (call.errno !== null && d.value < 0) {
      const errno = symbol(call.errno);
      if (errno === null) return `cannot give ${call.errno}: there is no such errno`;
      if (errno !== d.errno) return `gave ${errnoName(d.errno)} instead of ${call.errno}`;
    }
    return d.wrong === '' ? '' : `: ${d.wrong}`;
  }

  private open(call: CallNode, fd: number, nonblock: boolean, d: CallDone): void {
    const so = d.opened?.so;
    if (so === undefined) return;
    this.files.set(fd, new OpenFile(fd, so, nonblock));
    if (call.name === 'accept') {
      this.connections.accepted(so, fd);
      return;
    }
    const s = this.connections.current;
    if (s === null) return;
    s.fd = fd;
    s.so = so;
  }

  private pendingDone(p: PendingCall, d: CallDone): void {
    this.checkResult(p.call, p.event, d);
    const off = this.clock.nowUs - p.endUs;
    if (Math.abs(off) <= p.toleranceUs) return;
    const message = `${p.call.name}() returned at ${showSeconds(this.clock.nowUs - this.startUs)}, ${off < 0 ? 'too early' : 'too late'} for ${showSeconds(p.endUs - this.startUs)}`;
    throw new ScriptFailure(p.event.line, message, p.event.text);
  }

  /** One call at a time: the one before has a second to return. */
  private waitForPending(call: CallNode): void {
    const p = this.clock.pending;
    if (p === null) return;
    this.clock.until(() => this.clock.pending === null, this.clock.nowUs + PENDING_WAIT_US);
    if (this.clock.pending !== null) throw new ScriptFailure(call.line, `${p.call.name}() of line ${p.event.line} has not returned`, p.event.text);
  }

  private finishPending(): void {
    const p = this.clock.pending;
    if (p === null) return;
    this.clock.until(() => this.clock.pending === null, Math.max(this.clock.nowUs, p.endUs + p.toleranceUs));
    if (this.clock.pending !== null) throw new ScriptFailure(p.event.line, `${p.call.name}() has not returned at the end of the script`, p.event.text);
  }

  /** What system calls see of the run. */
  private readonly sys: Sys = this.makeSys();

  private makeSys(): Sys {
    const engine = this;
    return {
      get config() {
        return engine.config;
      },
      get vnet() {
        return engine.machine.vnet;
      },
      get cred() {
        return engine.machine.stack.host.cred;
      },
      get files() {
        return engine.files;
      },
      nowUs: () => engine.clock.nowUs,
      socketMade: () => void engine.connections.add(),
      connecting: (file, to) => engine.connecting(file, to),
      bindAddress: () => new Sockaddr(engine.socketAddress(engine.config.localIp), engine.config.bindPort),
      socketAddress: (a) => engine.socketAddress(a),
    };
  }

  private socketAddress(a: InAddr): InAddr {
    return this.config.socketAf === 6 && a.af === AF_INET ? v4MappedOf(a) : a;
  }

  /** Where a connect goes: what the script says counts for nothing, a peer that a packet has made counts first. */
  private connecting(file: OpenFile, _to: Sockaddr | null): Sockaddr {
    const current = this.connections.current;
    const child = current !== null && current.stage === 'passive' && current.so === null ? current : null;
    const s = child ?? this.connections.byFd(file.fd);
    const remote = this.socketAddress(this.config.remoteIp);
    if (s === null) return new Sockaddr(remote, this.config.connectPort);
    if (s === child) {
      s.fd = file.fd;
      s.so = file.so;
    } else if (s.stage === 'created') {
      s.stage = 'connecting';
      s.remotePort = this.config.connectPort;
      const own = sosockaddr(file.so);
      s.localPort = typeof own === 'number' ? 0 : own.port;
    }
    return new Sockaddr(remote, s.remotePort);
  }

  // Commands and code.

  private command(node: CommandNode): void {
    const host: ShellHost = {
      kernel: this.machine.stack.kernel,
      options: { env: this.machine.env },
      sleep: (us: number) => this.clock.advanceTo(this.clock.nowUs + us),
      passOver: this.config.google ? (what) => this.passOver(node.line, what) : null,
    };
    const r = shell(host, node.command);
    const line = node.command.replace(/\s+/g, ' ').trim();
    this.recorder.note(this.clock.nowUs, `\`${line}\`${r.code === 0 ? '' : ` = ${r.code}`}`);
    if (r.missing) throw new CannotRun(node.line, `command not available: ${line}${r.stderr === '' ? '' : ` (${r.stderr.trim()})`}`);
    if (r.code === 0) return;
    const said = (r.stderr !== '' ? r.stderr : r.stdout).trim();
    throw new ScriptFailure(node.line, `\`${line}\` ended with ${r.code}${said === '' ? '' : `: ${said}`}`);
  }

  private runCode(node: CodeNode): void {
    const so = this.connections.current?.so ?? null;
    if (so === null) throw new ScriptFailure(node.line, 'the connection under test has no descriptor to ask for TCP_INFO');
    const got = sogetopt(so, IPPROTO_TCP, TCP_INFO);
    if (typeof got === 'number') throw new ScriptFailure(node.line, `TCP_INFO: ${errnoName(Math.abs(got))}`);
    const info = got as TcpInfo;
    const { google } = this.config;
    let wrong: string;
    try {
      wrong = this.code.run(node.code, (name) => (google ? linuxName(name, info) : codeName(name, info)));
    } catch (e) {
      if (!(e instanceof CodeError || e instanceof UnknownName)) throw e;
      const field = e instanceof UnknownName && /^(?:tcpi_|TCPI_|skb_|sk_)/.test(e.symbol);
      const why = field ? `TCP_INFO has no ${e.symbol}` : `code: ${e.message}`;
      if (!google || !(e instanceof UnknownName)) throw new CannotRun(node.line, why);
      this.passOver(node.line, why);
      return;
    }
    this.compared++;
    if (wrong !== '') throw new ScriptFailure(node.line, `${wrong} (tcpi_state ${info.state}, tcpi_options ${info.options})`, node.code);
  }
}
