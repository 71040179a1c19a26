import { closeSync, openSync, writeSync } from 'node:fs';
import { BpfD, PcapngDump, PcapngWriter } from '@ns/bpf';
import { ifBpf, type Ifnet } from '@ns/ifnet';

/** Packets that are kept: the handshake and the beginning of the transfer. */
const PACKETS = 200;
/** Bytes that may wait to be written. */
const BUFFER = 4 << 20;

/** What was captured, and where it is. */
export interface Captured {
  readonly file: string;
  readonly packets: number;
}

/** Writes the first packets of an interface to a pcapng file. */
export class Capture {
  private readonly file: string;
  private readonly fd: number;
  private readonly dump: PcapngDump;
  private packets: number;
  private open: boolean;

  constructor(ifp: Ifnet, file: string) {
    this.file = file;
    this.packets = 0;
    this.open = true;
    this.fd = openSync(file, 'w');
    const d = new BpfD({ snaplen: 65535, bufsize: BUFFER, onReadable: () => setImmediate(() => this.flush()) });
    d.attach(ifBpf(ifp));
    this.dump = new PcapngDump(d, new PcapngWriter((block) => writeSync(this.fd, block)));
  }

  private flush(): void {
    if (!this.open) return;
    this.packets += this.dump.flush();
    if (this.packets >= PACKETS) this.stop();
  }

  private stop(): void {
    this.open = false;
    this.dump.close();
    closeSync(this.fd);
  }

  close(): Captured {
    this.flush();
    if (this.open) this.stop();
    return { file: this.file, packets: this.packets };
  }
}
