import type { PacketNode, ScriptEvent } from '../lang/ast.ts';
import { decodePacket } from '../pkt/decode.ts';
import type { Packet } from '../pkt/packet.ts';
import { showPacket } from '../pkt/show.ts';
import { PATIENCE_US, type ScriptClock } from './clock.ts';
import type { Config } from './config.ts';
import type { Connections } from './connections.ts';
import { CannotRun, ScriptFailure } from './failure.ts';
import type { Emitted, Machine } from './machine.ts';
import { continues, joined } from './merge.ts';
import { compare, mapLive, noteTimestamps } from './outbound.ts';
import type { Recorder } from './recorder.ts';
import type { ScriptSocket } from './script-socket.ts';

/** How long Google's interpreter waits beyond the time of a packet, µs: so late, it is reported as late, and not as missing. */
const LATE_US = 2_000_000;

/** A packet that has come out, and when: its first and its last piece, µs of the kernel's clock. */
interface Head {
  readonly packet: Packet;
  readonly atUs: number;
  readonly lastUs: number;
}

/** Times on the kernel's clock, µs. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A time of the run as messages say it. */
export const showSeconds = (us: number): string => `${(us / 1e6).toFixed(6)} s`;

/** What packets need of the run. */
export interface ExpectParts {
  readonly config: Config;
  readonly machine: Machine;
  readonly recorder: Recorder;
  readonly clock: ScriptClock;
  readonly connections: Connections;
  /** Begin of the script, µs of the kernel's clock. */
  readonly startUs: number;
  /** Takes a mismatch that the script allows. */
  warn(text: string): void;
}

/** Awaits the packets that a script expects, and compares them. Source: packetdrill run_packet.c, do_outbound_script_packet(). */
export class Expect {
  private readonly parts: ExpectParts;

  constructor(parts: ExpectParts) {
    this.parts = parts;
  }

  /** A script may answer a packet before it has looked at it. */
  learnPort(s: ScriptSocket): void {
    if (s.stage !== 'connecting') return;
    const { connections, machine } = this.parts;
    for (const e of machine.sent) {
      const p = this.decode(e);
      if (p === null || !connections.owns(p, s)) continue;
      if (p.tcp === null) connections.noteDatagram(p, s);
      else connections.noteOutbound(p, p.tcp, s, null);
      return;
    }
  }

  /** Awaits the packet of an event; `range` is null when it may come at any time. Throws {@link ScriptFailure} if it is not as the script says. */
  packet(node: PacketNode, event: ScriptEvent, range: Range | null, toleranceUs: number): void {
    const { clock, config, connections, startUs } = this.parts;
    const s = connections.current;
    if (s === null) throw new ScriptFailure(event.line, 'there is no socket that could send this packet');
    if (node.encaps.length > 0) throw new CannotRun(event.line, 'packets in tunnels are not supported');
    const limitUs = range === null ? clock.nowUs + PATIENCE_US : range.to + (config.google ? Math.max(toleranceUs, LATE_US) : toleranceUs);
    const first = this.next(s, limitUs, range === null);
    if (first === null) throw new ScriptFailure(event.line, `no packet has come out by ${showSeconds(clock.nowUs - startUs)}`, event.text);
    const head = config.google && !config.strictSegments ? this.gather(node, s, first, limitUs, range === null) : first;
    this.check(node, event, s, head, range === null ? null : { from: range.from - toleranceUs, to: range.to + toleranceUs });
  }

  private decode(e: Emitted): Packet | null {
    return decodePacket(e.bytes, this.parts.config.udpEncap === 'tcp');
  }

  /** The oldest packet that belongs to the socket under test; null if there is none. What does not belong is passed over. */
  private head(s: ScriptSocket): Head | null {
    const { connections, machine, recorder } = this.parts;
    const { sent } = machine;
    for (let e = sent[0]; e !== undefined; e = sent[0]) {
      const packet = this.decode(e);
      if (packet !== null && connections.owns(packet, s)) return { packet, atUs: e.atUs, lastUs: e.atUs };
      recorder.note(e.atUs, `> (not of this connection) ${packet === null ? `${e.bytes.length} bytes` : showPacket(packet)}`);
      sent.shift();
    }
    return null;
  }

  /** Takes the next packet, waiting for it; null if none comes. */
  private next(s: ScriptSocket, limitUs: number, any: boolean): Head | null {
    const { clock, machine } = this.parts;
    const came = clock.until(() => this.head(s) !== null, limitUs, any);
    const head = came ? this.head(s) : null;
    if (head !== null) machine.sent.shift();
    return head;
  }

  /** Joins segments until they carry what the script expects. One that does not continue the others stays for the next event. */
  private gather(node: PacketNode, s: ScriptSocket, first: Head, limitUs: number, any: boolean): Head {
    const { clock, machine } = this.parts;
    if (node.body.type !== 'tcp') return first;
    const pieces = [first.packet];
    let len = first.packet.payload.length;
    let lastUs = first.lastUs;
    while (len > 0 && len < node.body.len) {
      const piece = clock.until(() => this.head(s) !== null, limitUs, any) ? this.head(s) : null;
      if (piece === null || !continues(pieces, piece.packet, node.body.len - len)) break;
      machine.sent.shift();
      pieces.push(piece.packet);
      len += piece.packet.payload.length;
      lastUs = piece.lastUs;
    }
    return { packet: joined(pieces), atUs: first.atUs, lastUs };
  }

  private check(node: PacketNode, event: ScriptEvent, s: ScriptSocket, head: Head, when: Range | null): void {
    const { config, connections, recorder, startUs } = this.parts;
    const { packet, atUs } = head;
    const spec = node.body.type === 'tcp' ? node.body : null;
    if (packet.tcp !== null) {
      connections.noteOutbound(packet, packet.tcp, s, spec);
      if (spec !== null) noteTimestamps(spec, packet.tcp, s, atUs);
    } else connections.noteDatagram(packet, s);
    const mapped = packet.tcp === null ? null : mapLive(packet.tcp, s, spec?.seqAbsolute === true);
    const shown = showPacket(packet, mapped);
    recorder.note(atUs, `> ${shown}`);
    const wrong = compare(node, packet, mapped, s, config, atUs);
    if (when !== null && (atUs < when.from || head.lastUs > when.to)) {
      const [lo, hi] = [when.from - startUs, when.to - startUs];
      const [early, us] = atUs < when.from ? [true, atUs] : [false, head.lastUs];
      wrong.push(`it came at ${showSeconds(us - startUs)}, ${early ? 'too early' : 'too late'} for ${showSeconds(lo)} to ${showSeconds(hi)}`);
    }
    if (wrong.length === 0) return;
    const message = `packet differs: ${wrong.join('; ')}`;
    const at = [atUs, head.lastUs].map((us) => showSeconds(us - startUs).replace(' s', ''));
    const actual = `${head.lastUs === atUs ? at[0] : at.join(' to ')} > ${shown}`;
    if (config.nonFatal.packet) this.parts.warn(`line ${event.line}: ${message}`);
    else throw new ScriptFailure(event.line, message, event.text, actual);
  }
}
