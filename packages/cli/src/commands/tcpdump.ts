import { BPF_D_IN, BPF_D_INOUT, BPF_D_OUT, BpfD, type BpfIf, BpfProgram, type BpfRecord, PcapngWriter } from '@ns/bpf';
import { strerror } from '@ns/errno';
import { ifBpf, IFNET, type Ifnet, ifPromisc, ifunit } from '@ns/ifnet';
import { DLT_EN10MB, DLT_NULL, IFF_LOOPBACK, IFF_UP } from '@ns/ifnet-kpi';
import { type CliFile, CliError, type Command, type CommandCtx, errx, PENDING, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg, type Parsed, parseNumber } from '../shell/getopt.ts';
import { compileFilter } from '../tcpdump/filter.ts';
import { packetTime, PacketPrinter } from '../tcpdump/print.ts';
import { plural, vis } from '../text/format.ts';

const USAGE = [
  'usage: tcpdump [-deElnpqStUv#] [-B size] [-c count] [-i interface] [-Q in|out|inout]',
  '               [-s snaplen] [-w file] [expression]',
].join('\n');

const MAXIMUM_SNAPLEN = 262144;

const dltName = (dlt: number): string => (dlt === DLT_EN10MB ? 'EN10MB (Ethernet)' : dlt === DLT_NULL ? 'NULL (BSD loopback)' : 'RAW (Raw IP)');

/** The interfaces to listen to: the one named, all with `any`, else the first that is up and not loopback. */
function interfacesOf(ctx: CommandCtx, name: string | null): Ifnet[] {
  const list = IFNET.get(vnetOf(ctx)).list;
  if (name === 'any') return [...list];
  if (name !== null) return [ifunit(vnetOf(ctx), name) ?? errx('tcpdump', 1, `${name}: No such device exists`)];
  const up = list.filter((i) => (i.flags & IFF_UP) !== 0);
  const first = up.find((i) => (i.flags & IFF_LOOPBACK) === 0) ?? up[0] ?? errx('tcpdump', 1, 'no suitable device found');
  return [first];
}

function directionOf(p: Parsed): number {
  const text = optArg(p, 'Q') ?? 'inout';
  return text === 'in' ? BPF_D_IN : text === 'out' ? BPF_D_OUT : text === 'inout' ? BPF_D_INOUT : errx('tcpdump', 1, `unknown capture direction \`${text}'`);
}

function programFor(expression: string, dlt: number, snaplen: number): BpfProgram | null {
  if (expression.trim() === '') return null;
  const r = compileFilter(expression, dlt, snaplen);
  if (!r.ok) return errx('tcpdump', 1, r.message);
  return BpfProgram.of(r.insns) ?? errx('tcpdump', 1, 'expression rejected by the filter machine');
}

/** -d: the program as tcpdump prints it, one instruction a line. */
function dumpProgram(ctx: CommandCtx, expression: string, dlt: number, snaplen: number): number {
  const r = compileFilter(expression, dlt, snaplen);
  if (!r.ok) return errx('tcpdump', 1, r.message);
  ctx.out(r.insns.map((p) => `{ 0x${p.code.toString(16)}, ${p.jt}, ${p.jf}, 0x${(p.k >>> 0).toString(16).padStart(8, '0')} },\n`).join(''));
  return 0;
}

/** Where packets go: lines of text, or a capture file. */
interface Sink {
  /** Takes what a descriptor has, up to `room` packets; returns how many it took. */
  drain(d: BpfD, room: number): number;
  close(): void;
}

function textSink(ctx: CommandCtx, p: Parsed, dltOf: (d: BpfD) => number): Sink {
  const count = (name: string): number => p.opts.filter((o) => o.name === name).length;
  const printer = new PacketPrinter({ numeric: hasOpt(p, 'n'), absolute: hasOpt(p, 'S'), link: hasOpt(p, 'e'), verbose: hasOpt(p, 'v') });
  const stamps = count('t');
  let last = -1;
  let number = 0;
  const time = (us: number): string => {
    const delta = last < 0 ? 0 : us - last;
    last = us;
    if (stamps === 1) return '';
    if (stamps === 0) return `${packetTime(us)} `;
    const seconds = (n: number): string => `${Math.floor(n / 1e6)}.${String(n % 1e6).padStart(6, '0')}`;
    return stamps === 2 ? `${seconds(us)} ` : ` 00:00:${seconds(delta).padStart(9, '0')} `;
  };
  return {
    drain: (d, room) => {
      let taken = 0;
      d.read((rec: BpfRecord) => {
        if (taken >= room) return;
        taken++;
        const line = printer.packet(dltOf(d), rec.buf, rec.off, rec.caplen, rec.len);
        ctx.out(`${hasOpt(p, '#') ? `${String(++number).padStart(5)}  ` : ''}${time(rec.tsUs)}${line}\n`);
      });
      return taken;
    },
    close: () => {},
  };
}

/** One file for all descriptors; what a descriptor has beyond `room` is not written. */
function fileSink(file: CliFile, snaplen: number): Sink {
  const writer = new PcapngWriter((bytes) => file.write(bytes), { userAppl: '@ns/cli tcpdump' });
  const ids = new Map<BpfIf | null, number>();
  const idOf = (d: BpfD, ifid: number): number => {
    const bif = d.interfaces[ifid] ?? null;
    let id = ids.get(bif);
    if (id === undefined) ids.set(bif, (id = writer.addInterface({ name: bif?.name ?? `if${ifid}`, dlt: bif?.dlt ?? DLT_EN10MB, snaplen })));
    return id;
  };
  return {
    drain: (d, room) => {
      let taken = 0;
      d.read((rec: BpfRecord) => {
        if (taken >= room) return;
        taken++;
        writer.packet(idOf(d, rec.ifid), rec.tsUs, rec.buf, rec.off, rec.caplen, rec.len, rec.direction);
      });
      return taken;
    },
    close: () => file.close(),
  };
}

/** A capture in progress: one descriptor for each link type, read from a software interrupt. */
class Capture {
  private readonly ctx: CommandCtx;
  private readonly sink: Sink;
  private readonly limit: number;
  private readonly ds: BpfD[];
  private readonly promisc: readonly Ifnet[];
  private readonly swi: number;
  private captured: number;
  private over: boolean;

  constructor(ctx: CommandCtx, ifs: readonly Ifnet[], sinkOf: (dltOf: (d: BpfD) => number) => Sink, limit: number, promisc: boolean, make: (dlt: number, onReadable: () => void) => BpfD) {
    this.ctx = ctx;
    this.limit = limit;
    this.captured = 0;
    this.over = false;
    this.swi = ctx.kernel.swi.register('tcpdump', () => this.drain());
    const byDlt = new Map<number, BpfD>();
    for (const ifp of ifs) {
      const bif = ifBpf(ifp);
      let d = byDlt.get(bif.dlt);
      if (d === undefined) byDlt.set(bif.dlt, (d = make(bif.dlt, () => ctx.kernel.swi.schedule(this.swi))));
      d.attach(bif);
    }
    this.ds = [...byDlt.values()];
    this.promisc = promisc ? ifs.filter((ifp) => ifPromisc(ifp, true) === 0) : [];
    this.sink = sinkOf((d) => [...byDlt].find(([, x]) => x === d)?.[0] ?? DLT_EN10MB);
  }

  private drain(): number {
    let n = 0;
    for (const d of this.ds) n += this.sink.drain(d, this.limit - this.captured - n);
    this.captured += n;
    if (this.captured >= this.limit) this.stop();
    return n;
  }

  /** Ends the capture and tells the counts. */
  stop(): void {
    if (this.over) return;
    this.over = true;
    if (this.captured < this.limit) for (const d of this.ds) this.captured += this.sink.drain(d, this.limit - this.captured);
    const sum = (of: (d: BpfD) => number): number => this.ds.reduce((a, d) => a + of(d), 0);
    const [received, dropped] = [sum((d) => d.rcount), sum((d) => d.dcount)];
    for (const d of this.ds) d.close();
    for (const ifp of this.promisc) if (ifp.attached) ifPromisc(ifp, false);
    this.ctx.kernel.swi.deregister(this.swi);
    this.sink.close();
    const line = (n: number, what: string): string => `${n} packet${plural(n)} ${what}\n`;
    this.ctx.err(line(this.captured, 'captured') + line(received, 'received by filter') + line(dropped, 'dropped by kernel'));
    this.ctx.exit(0);
  }
}

function openFile(ctx: CommandCtx, path: string): CliFile {
  const file = ctx.env.openFile?.(path) ?? errx('tcpdump', 1, `${path}: this host lends no files`);
  if (typeof file === 'number') throw new CliError(1, `tcpdump: ${path}: ${strerror(file)}`);
  return file;
}

function listening(ctx: CommandCtx, name: string, dlt: number, snaplen: number, text: boolean): void {
  if (text) ctx.err('tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n');
  ctx.err(`${text ? '' : 'tcpdump: '}listening on ${vis(name)}, link-type ${dltName(dlt)}, capture size ${snaplen} bytes\n`);
}

function run(ctx: CommandCtx): number {
  const p = getopt('tcpdump', ctx.argv, '#B:c:deEi:lnpqQ:s:StUvw:', USAGE);
  const number = (name: string, what: string, min: number, max: number): number | null => {
    const text = optArg(p, name);
    return text === null ? null : (parseNumber(text, min, max) ?? errx('tcpdump', 1, `invalid ${what} ${text}`));
  };
  const asked = number('s', 'snaplen', 0, MAXIMUM_SNAPLEN);
  const snaplen = asked === null || asked === 0 ? MAXIMUM_SNAPLEN : asked;
  const limit = number('c', 'packet count', 1, Number.MAX_SAFE_INTEGER) ?? Infinity;
  const bufsize = number('B', 'packet buffer size', 1, 1024 * 1024);
  const expression = p.operands.join(' ');
  const direction = directionOf(p);
  const ifs = interfacesOf(ctx, optArg(p, 'i'));
  const first = ifs[0] ?? errx('tcpdump', 1, 'no suitable device found');
  if (hasOpt(p, 'd')) return dumpProgram(ctx, expression, ifBpf(first).dlt, snaplen);
  // Compiled before anything is opened, so that a mistake leaves nothing behind.
  const programs = new Map(ifs.map((i) => [ifBpf(i).dlt, programFor(expression, ifBpf(i).dlt, snaplen)] as const));
  const path = optArg(p, 'w');
  const file = path === null ? null : openFile(ctx, path);
  const make = (dlt: number, onReadable: () => void): BpfD =>
    new BpfD({ snaplen, direction, filter: programs.get(dlt) ?? null, onReadable, ...(bufsize !== null && { bufsize: bufsize * 1024 }) });
  const capture = new Capture(ctx, ifs, (dltOf) => (file === null ? textSink(ctx, p, dltOf) : fileSink(file, snaplen)), limit, !hasOpt(p, 'p'), make);
  ctx.onInterrupt(() => capture.stop());
  listening(ctx, optArg(p, 'i') ?? first.name, ifBpf(first).dlt, snaplen, file === null && !hasOpt(p, 'v'));
  return PENDING;
}

/** tcpdump(1): shows packets, or writes them to a file in pcapng. */
export const tcpdump: Command = { name: 'tcpdump', summary: 'dump traffic on a network', usage: USAGE, asynchronous: true, needs: ['ifnet'], run };
