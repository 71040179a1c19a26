import { BpfD, PcapngDump, PcapngWriter } from '@ns/bpf';
import { ifBpf, type Ifnet } from '@ns/ifnet';

const BUFFER = 1 << 22;

/**
 * A capture in memory.
 * @public
 */
export class LabCapture {
  private readonly blocks: Uint8Array[];
  private readonly dump: PcapngDump;
  private readonly d: BpfD;
  private done: boolean;

  constructor(ifp: Ifnet, snaplen: number) {
    this.blocks = [];
    this.d = new BpfD({ snaplen, bufsize: BUFFER });
    this.d.attach(ifBpf(ifp));
    this.dump = new PcapngDump(this.d, new PcapngWriter((block) => void this.blocks.push(block.slice())));
    this.done = false;
  }

  /** Packets seen. */
  get packets(): number {
    return this.d.rcount;
  }

  /** Moves what is buffered into the file. */
  flush(): void {
    if (!this.done && this.d.pending > 0) this.dump.flush();
  }

  /** Ends it. */
  close(): void {
    if (this.done) return;
    this.flush();
    this.dump.close();
    this.done = true;
  }

  /** The file so far: pcapng. */
  bytes(): Uint8Array {
    this.flush();
    const out = new Uint8Array(this.blocks.reduce((n, b) => n + b.length, 0));
    let at = 0;
    for (const b of this.blocks) {
      out.set(b, at);
      at += b.length;
    }
    return out;
  }
}
