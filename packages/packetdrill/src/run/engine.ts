import { errnoName } from '@ns/errno';
import { sogetopt, sosockaddr } from '@ns/socket';
import { TCP_INFO, type TcpInfo } from '@ns/tcp';
import { AF_INET, type InAddr, IPPROTO_TCP, Sockaddr, v4MappedOf } from '@ns/wire';
import { CodeRunner, UnknownName } from '../code/eval.ts';
import { CodeError } from '../code/lexer.ts';
import { codeName } from '../code/names.ts';
import type { CallNode, CodeNode, CommandNode, EventTime, PacketNode, Script, ScriptEvent } from '../lang/ast.ts';
import { decodePacket } from '../pkt/decode.ts';
import type { Packet } from '../pkt/packet.ts';
import { showNode, showPacket } from '../pkt/show.ts';
import { shell } from '../shell/shell.ts';
import { beginCall } from '../sys/calls.ts';
import { type CallDone, OpenFile, type Sys } from '../sys/process.ts';
import { symbol } from '../sys/symbols.ts';
import { numberOf, showExpr } from '../sys/value.ts';
import { PATIENCE_US, type PendingCall, ScriptClock } from './clock.ts';
import type { Config } from './config.ts';
import { Connections } from './connections.ts';
import { CannotRun, ScriptFailure } from './failure.ts';
import { buildInbound } from './inbound.ts';
import type { Emitted, Machine } from './machine.ts';
import { compare, mapLive, noteTimestamps } from './outbound.ts';
import type { Recorder } from './recorder.ts';
import type { ScriptSocket } from './script-socket.ts';

/** How long a call waits for one that is pending, µs. */
const PENDING_WAIT_US = 1_000_000;

const showTime = (us: number): string => `${(us / 1e6).toFixed(6)} s`;

/** Runs the events of a script on a machine. */
export class Engine {
  readonly warnings: string[];
  private readonly script: Script;
  private readonly config: Config;
  private readonly machine: Machine;
  private readonly recorder: Recorder;
  private readonly clock: ScriptClock;
  private readonly connections: Connections;
  private readonly files: Map<number, OpenFile>;
  private readonly code: CodeRunner;
  private readonly startUs: number;
  /** Time of the event before, as the script has it, µs of the kernel's clock. */
  private previousUs: number;

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
    this.clock = new ScriptClock(machine, (p, d) => this.pendingDone(p, d));
    this.code = new CodeRunner((text) => recorder.note(machine.nowUs, text));
  }

  /** Runs it all. Throws {@link ScriptFailure} and {@link CannotRun}; the cleanup command runs then too. */
  run(): void {
    if (this.script.init !== null) this.command(this.script.init);
    try {
      for (const event of this.script.events) this.event(event);
      this.finishPending();
    } finally {
      if (this.script.cleanup !== null) this.command(this.script.cleanup);
    }
  }

  private event(event: ScriptEvent): void {
    const { action } = event;
    const range = this.range(event.time);
    const toleranceUs = Math.max(this.config.toleranceUs, (this.config.tolerancePercent / 100) * Math.max(0, range.from - this.previousUs));
    const outbound = action.type === 'packet' && action.direction === 'out';
    if (event.time.kind !== 'any') this.previousUs = range.from;
    if (outbound) {
      this.outbound(action, event, range, toleranceUs);
      return;
    }
    this.clock.advanceTo(range.from);
    if (this.clock.nowUs > range.from + toleranceUs) {
      throw new ScriptFailure(event.line, `late: the time is ${showTime(this.clock.nowUs - this.startUs)}, the event is due at ${showTime(range.from - this.startUs)}`);
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

  /** The time of an event on the kernel's clock. A relative one counts from now: the event before has just ended. */
  private range(t: EventTime): { readonly from: number; readonly to: number } {
    const base = t.kind === 'absolute' ? this.startUs : this.clock.nowUs;
    return { from: base + t.fromUs, to: base + t.toUs };
  }

  // Packets.

  private inbound(node: PacketNode): void {
    const s = this.connections.forInbound(node);
    this.learnPort(s);
    if (node.body.type === 'tcp') this.connections.noteInbound(node.body, s);
    const bytes = buildInbound(node, s, this.config);
    this.recorder.note(this.clock.nowUs, `< ${showNode(node)}`);
    if (!this.machine.inject(bytes)) throw new ScriptFailure(node.line, 'the stack has no memory for the packet');
  }

  /** A script may answer a packet before it has looked at it. */
  private learnPort(s: ScriptSocket): void {
    if (s.stage !== 'connecting') return;
    for (const e of this.machine.sent) {
      const p = this.decode(e);
      if (p === null || !this.connections.owns(p, s)) continue;
      if (p.tcp === null) this.connections.noteDatagram(p, s);
      else this.connections.noteOutbound(p, p.tcp, s, null);
      return;
    }
  }

  private decode(e: Emitted): Packet | null {
    return decodePacket(e.bytes, this.config.udpEncap === 'tcp');
  }

  /** The oldest packet that belongs to the socket under test; null if there is none. What does not belong is passed over. */
  private head(s: ScriptSocket): { readonly packet: Packet; readonly atUs: number } | null {
    const { sent } = this.machine;
    for (let e = sent[0]; e !== undefined; e = sent[0]) {
      const packet = this.decode(e);
      if (packet !== null && this.connections.owns(packet, s)) return { packet, atUs: e.atUs };
      this.recorder.note(e.atUs, `> (not of this connection) ${packet === null ? `${e.bytes.length} bytes` : showPacket(packet)}`);
      sent.shift();
    }
    return null;
  }

  private outbound(node: PacketNode, event: ScriptEvent, range: { readonly from: number; readonly to: number }, toleranceUs: number): void {
    const s = this.connections.current;
    if (s === null) throw new ScriptFailure(event.line, 'there is no socket that could send this packet');
    if (node.encaps.length > 0) throw new CannotRun(event.line, 'packets in tunnels are not supported');
    const any = event.time.kind === 'any';
    const limitUs = any ? this.clock.nowUs + PATIENCE_US : range.to + toleranceUs;
    const came = this.clock.until(() => this.head(s) !== null, limitUs, any);
    const head = came ? this.head(s) : null;
    if (head === null) throw new ScriptFailure(event.line, `no packet has come out by ${showTime(this.clock.nowUs - this.startUs)}`, event.text);
    if (any) this.previousUs = this.clock.nowUs;
    this.machine.sent.shift();
    this.check(node, event, s, head, any ? null : { from: range.from - toleranceUs, to: range.to + toleranceUs });
  }

  private check(node: PacketNode, event: ScriptEvent, s: ScriptSocket, head: { readonly packet: Packet; readonly atUs: number }, when: { readonly from: number; readonly to: number } | null): void {
    const { packet, atUs } = head;
    const spec = node.body.type === 'tcp' ? node.body : null;
    if (packet.tcp !== null) {
      this.connections.noteOutbound(packet, packet.tcp, s, spec);
      if (spec !== null) noteTimestamps(spec, packet.tcp, s, atUs);
    } else this.connections.noteDatagram(packet, s);
    const mapped = packet.tcp === null ? null : mapLive(packet.tcp, s, spec?.seqAbsolute === true);
    const shown = showPacket(packet, mapped);
    this.recorder.note(atUs, `> ${shown}`);
    const wrong = compare(node, packet, mapped, s, this.config, atUs);
    if (when !== null && (atUs < when.from || atUs > when.to)) {
      const [lo, hi] = [when.from - this.startUs, when.to - this.startUs];
      wrong.push(`it came at ${showTime(atUs - this.startUs)}, ${atUs < when.from ? 'too early' : 'too late'} for ${showTime(lo)} to ${showTime(hi)}`);
    }
    if (wrong.length === 0) return;
    const message = `packet differs: ${wrong.join('; ')}`;
    const actual = `${showTime(atUs - this.startUs).replace(' s', '')} > ${shown}`;
    if (this.config.nonFatal.packet) this.warnings.push(`line ${event.line}: ${message}`);
    else throw new ScriptFailure(event.line, message, event.text, actual);
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
    const message = `${p.call.name}() returned at ${showTime(this.clock.nowUs - this.startUs)}, ${off < 0 ? 'too early' : 'too late'} for ${showTime(p.endUs - this.startUs)}`;
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
    const host = {
      kernel: this.machine.stack.kernel,
      options: { env: this.machine.env },
      sleep: (us: number) => this.clock.advanceTo(this.clock.nowUs + us),
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
    let wrong: string;
    try {
      wrong = this.code.run(node.code, (name) => codeName(name, info));
    } catch (e) {
      if (e instanceof UnknownName && /^(?:tcpi_|TCPI_|skb_|sk_)/.test(e.symbol)) throw new CannotRun(node.line, `TCP_INFO has no ${e.symbol}`);
      if (e instanceof CodeError || e instanceof UnknownName) throw new CannotRun(node.line, `code: ${e.message}`);
      throw e;
    }
    if (wrong !== '') throw new ScriptFailure(node.line, `${wrong} (tcpi_state ${info.state}, tcpi_options ${info.options})`, node.code);
  }
}
