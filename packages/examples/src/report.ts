import type { Captured } from './capture.ts';
import type { Download } from './download.ts';

/** What the job found out. */
export interface Outcome {
  readonly ours: Download;
  readonly baseline: Download;
  readonly verified: boolean;
  readonly sha256: string;
  readonly captured: Captured;
}

/** What a command printed. */
export interface Shown {
  readonly command: string;
  readonly stdout: string;
}

/** Prints for people, or with `json` one JSON object a line. */
export class Report {
  private readonly json: boolean;
  private shown: readonly Shown[];

  constructor(json: boolean) {
    this.json = json;
    this.shown = [];
  }

  begin(server: string, client: string, mib: number): void {
    if (this.json) this.line({ event: 'begin', server, client, mib });
    else console.log(`Two virtual hosts in this process, ${server} and ${client}: downloading ${mib} MiB over HTTP.\n`);
  }

  /** Keeps what commands printed until the transfer is over. */
  keep(shown: readonly Shown[]): void {
    this.shown = shown;
  }

  end(o: Outcome): void {
    const ratio = o.ours.goodput / o.baseline.goodput;
    for (const s of this.shown) {
      if (this.json) this.line(s);
      else console.log(`# ${s.command}\n${s.stdout}`);
    }
    if (this.json) {
      this.line({ event: 'capture', file: o.captured.file, packets: o.captured.packets });
      this.line({
        bytes: o.ours.bytes,
        verified: o.verified,
        sha256: o.ours.sha256,
        goodput: round(o.ours.goodput),
        baseline: round(o.baseline.goodput),
        ratio: round(ratio),
        unit: 'MB/s',
      });
      return;
    }
    console.log(`received   ${o.ours.bytes.toLocaleString('en')} bytes, SHA-256 ${o.verified ? 'right' : 'WRONG'}: ${o.ours.sha256.slice(0, 16)}...`);
    console.log(`goodput    ${o.ours.goodput.toFixed(0)} MB/s over this stack, ${o.baseline.goodput.toFixed(0)} MB/s over node:net and the system's loopback: ratio ${ratio.toFixed(2)}`);
    console.log(`capture    ${o.captured.packets} packets in ${o.captured.file} (tshark -r ${o.captured.file})`);
  }

  leak(vnet: string, what: string): void {
    if (this.json) this.line({ event: 'leak', vnet, what });
    else console.log(`leak       vnet ${vnet}: ${what}`);
  }

  private line(o: object): void {
    process.stdout.write(`${JSON.stringify(o)}\n`);
  }
}

const round = (n: number): number => Math.round(n * 1000) / 1000;
