import { BPF_D_IN, BPF_D_OUT, PcapngWriter } from '@ns/bpf';
import { DLT_RAW } from '@ns/ifnet-kpi';
import { PacketPrinter } from '@ns/cli';

/** Lines of the exchange that a result carries. */
const EXCHANGE_MAX = 60;

/** Keeps what passes: for error messages, for `--verbose`, for a capture file. */
export class Recorder {
  /** The last lines of the exchange. */
  readonly exchange: string[];
  private readonly startUs: number;
  private readonly verbose: ((line: string) => void) | null;
  private readonly printer: PacketPrinter;
  private readonly blocks: Uint8Array[];
  private readonly pcap: PcapngWriter | null;

  constructor(startUs: number, file: string, verbose: ((line: string) => void) | null, capture: boolean) {
    this.exchange = [];
    this.startUs = startUs;
    this.verbose = verbose;
    this.printer = new PacketPrinter({ numeric: true });
    this.blocks = [];
    this.pcap = capture ? new PcapngWriter((b) => void this.blocks.push(b), { comment: file, userAppl: '@ns/packetdrill' }) : null;
    this.pcap?.addInterface({ name: 'tun0', dlt: DLT_RAW, snaplen: 0 });
  }

  /** A line for the exchange: a call, a command, a packet in the script's words. */
  note(atUs: number, text: string): void {
    if (this.exchange.length === EXCHANGE_MAX) this.exchange.shift();
    this.exchange.push(`${((atUs - this.startUs) / 1e6).toFixed(6)} ${text}`);
  }

  /** A packet has passed. */
  packet(direction: 'in' | 'out', bytes: Uint8Array, atUs: number): void {
    this.pcap?.packet(0, atUs, bytes, 0, bytes.length, bytes.length, direction === 'in' ? BPF_D_IN : BPF_D_OUT);
    if (this.verbose === null) return;
    const seconds = ((atUs - this.startUs) / 1e6).toFixed(6);
    this.verbose(`${seconds} ${direction === 'in' ? 'in ' : 'out'} ${this.printer.packet(DLT_RAW, bytes, 0, bytes.length, bytes.length)}`);
  }

  /** The capture file. */
  file(): Uint8Array | null {
    if (this.pcap === null) return null;
    const out = new Uint8Array(this.blocks.reduce((n, b) => n + b.length, 0));
    let at = 0;
    for (const b of this.blocks) {
      out.set(b, at);
      at += b.length;
    }
    return out;
  }
}
