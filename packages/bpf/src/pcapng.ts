/*
 * Capture files in pcapng, little endian: one section, an interface description for each interface, enhanced packet blocks with µs time stamps.
 *
 * Source: draft-ietf-opsawg-pcapng.
 */
import { DLT_RAW } from '@ns/ifnet-kpi';
import { BPF_D_IN, BPF_D_OUT, type BpfD, type BpfRecord } from './bpf-if.ts';

const BT_SHB = 0x0a0d0d0a;
const BT_IDB = 1;
const BT_ISB = 5;
const BT_EPB = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const OPT_ENDOFOPT = 0;
const OPT_COMMENT = 1;
const SHB_HARDWARE = 2;
const SHB_OS = 3;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;
const EPB_FLAGS = 2;

/** What the file says about where it comes from. @public */
export interface PcapngSection {
  /** Free text. */
  readonly comment?: string;
  /** Machine it was made on. */
  readonly hardware?: string;
  /** Operating system it was made on. */
  readonly os?: string;
  /** Default `@ns/bpf`. */
  readonly userAppl?: string;
}

/** An interface of the file. @public */
export interface PcapngInterface {
  /** `em0`. */
  readonly name: string;
  /** DLT_*, FreeBSD's. */
  readonly dlt: number;
  /** Bytes kept of each packet; 0 = no limit. */
  readonly snaplen: number;
  /** Free text. */
  readonly description?: string;
}

/** LINKTYPE_* of a file for a DLT_* of FreeBSD: they differ where systems disagree about the number. */
function linktypeOf(dlt: number): number {
  return dlt === DLT_RAW ? 101 : dlt;
}

/** A block or option list under construction. */
class BlockBuilder {
  private buf: Uint8Array;
  private dv: DataView;
  private at: number;

  constructor() {
    this.buf = new Uint8Array(256);
    this.dv = new DataView(this.buf.buffer);
    this.at = 0;
  }

  begin(type: number): void {
    this.at = 0;
    this.u32(type);
    this.u32(0);
  }

  u16(n: number): void {
    this.room(2);
    this.dv.setUint16(this.at, n, true);
    this.at += 2;
  }

  u32(n: number): void {
    this.room(4);
    this.dv.setUint32(this.at, n, true);
    this.at += 4;
  }

  /** A 64-bit number below 2^53, low word first. */
  u64(n: number): void {
    this.u32(n % 0x100000000);
    this.u32(Math.floor(n / 0x100000000));
  }

  /** Bytes, padded with zeros to a multiple of 4. */
  bytes(from: Uint8Array, off: number, len: number): void {
    const padded = (len + 3) & ~3;
    this.room(padded);
    this.buf.set(from.subarray(off, off + len), this.at);
    this.buf.fill(0, this.at + len, this.at + padded);
    this.at += padded;
  }

  option(code: number, value: Uint8Array): void {
    this.u16(code);
    this.u16(value.length);
    this.bytes(value, 0, value.length);
  }

  text(code: number, value: string | undefined): void {
    if (value !== undefined && value !== '') this.option(code, utf8(value));
  }

  endOptions(): void {
    this.u16(OPT_ENDOFOPT);
    this.u16(0);
  }

  /** Closes the block: its length at both ends. The bytes are a copy. */
  end(): Uint8Array {
    const total = this.at + 4;
    this.u32(total);
    this.dv.setUint32(4, total, true);
    return this.buf.slice(0, total);
  }

  private room(n: number): void {
    if (this.at + n <= this.buf.length) return;
    const wider = new Uint8Array(Math.max(this.buf.length * 2, this.at + n));
    wider.set(this.buf);
    this.buf = wider;
    this.dv = new DataView(wider.buffer);
  }
}

/** UTF-8 of a text; an option holds at most 65535 bytes. */
function utf8(text: string): Uint8Array {
  const out: number[] = [];
  for (const ch of text) {
    const c = ch.codePointAt(0) as number;
    if (c < 0x80) out.push(c);
    else if (c < 0x800) out.push(0xc0 | (c >> 6), 0x80 | (c & 63));
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
    else out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
  }
  return Uint8Array.from(out.slice(0, 65532));
}

/**
 * Writes a pcapng file: the section header at once, then what it is told. Each block goes to `sink` as one array that is the receiver's.
 * @public
 */
export class PcapngWriter {
  private readonly sink: (bytes: Uint8Array) => void;
  private readonly block: BlockBuilder;
  private interfaces: number;

  constructor(sink: (bytes: Uint8Array) => void, section: PcapngSection = {}) {
    this.sink = sink;
    this.block = new BlockBuilder();
    this.interfaces = 0;
    const b = this.block;
    b.begin(BT_SHB);
    b.u32(BYTE_ORDER_MAGIC);
    b.u16(1);
    b.u16(0);
    b.u32(0xffffffff); // section length -1: not known
    b.u32(0xffffffff);
    b.text(OPT_COMMENT, section.comment);
    b.text(SHB_HARDWARE, section.hardware);
    b.text(SHB_OS, section.os);
    b.text(SHB_USERAPPL, section.userAppl ?? '@ns/bpf');
    b.endOptions();
    sink(b.end());
  }

  /** Describes an interface; returns its number in the file, from 0. */
  addInterface(i: PcapngInterface): number {
    const b = this.block;
    b.begin(BT_IDB);
    b.u16(linktypeOf(i.dlt));
    b.u16(0);
    b.u32(i.snaplen);
    b.text(IF_NAME, i.name);
    b.text(IF_DESCRIPTION, i.description);
    b.option(IF_TSRESOL, Uint8Array.of(6));
    b.endOptions();
    this.sink(b.end());
    return this.interfaces++;
  }

  /** Writes a packet of interface `ifid`: `caplen` bytes at `off` of `data`, of a packet of `len`. `direction`: BPF_D_IN, BPF_D_OUT, or -1 for not known. */
  packet(ifid: number, tsUs: number, data: Uint8Array, off: number, caplen: number, len: number, direction = -1): void {
    const b = this.block;
    b.begin(BT_EPB);
    b.u32(ifid);
    b.u32(Math.floor(tsUs / 0x100000000));
    b.u32(tsUs % 0x100000000);
    b.u32(caplen);
    b.u32(len);
    b.bytes(data, off, caplen);
    if (direction === BPF_D_IN || direction === BPF_D_OUT) {
      b.u16(EPB_FLAGS);
      b.u16(4);
      b.u32(direction === BPF_D_IN ? 1 : 2);
      b.endOptions();
    }
    this.sink(b.end());
  }

  /** Writes what was received and dropped on interface `ifid` up to `tsUs`. */
  stats(ifid: number, tsUs: number, received: number, dropped: number): void {
    const b = this.block;
    b.begin(BT_ISB);
    b.u32(ifid);
    b.u32(Math.floor(tsUs / 0x100000000));
    b.u32(tsUs % 0x100000000);
    b.u16(ISB_IFRECV);
    b.u16(8);
    b.u64(received);
    b.u16(ISB_IFDROP);
    b.u16(8);
    b.u64(dropped);
    b.endOptions();
    this.sink(b.end());
  }
}

/**
 * Moves what a descriptor has caught into a capture file, describing interfaces as they appear.
 * @public
 */
export class PcapngDump {
  private readonly writer: PcapngWriter;
  private readonly d: BpfD;
  private readonly ids: number[];
  private lastUs: number;

  constructor(d: BpfD, writer: PcapngWriter) {
    this.d = d;
    this.writer = writer;
    this.ids = [];
    this.lastUs = 0;
  }

  /** Writes everything that is in the buffer; returns how many packets. */
  flush(): number {
    this.describe();
    return this.d.read((rec: BpfRecord) => {
      this.lastUs = rec.tsUs;
      this.writer.packet(this.ids[rec.ifid] as number, rec.tsUs, rec.buf, rec.off, rec.caplen, rec.len, rec.direction);
    });
  }

  /** Writes the rest and the drop counts, and closes the descriptor. */
  close(): void {
    this.flush();
    // Counts are kept for the descriptor: they are told with its first interface.
    if (this.ids.length > 0) this.writer.stats(this.ids[0] as number, this.lastUs, this.d.rcount, this.d.dcount);
    this.d.close();
  }

  private describe(): void {
    for (let ifid = this.ids.length; ifid < this.d.interfaces.length; ifid++) {
      const bif = this.d.interfaces[ifid];
      this.ids.push(this.writer.addInterface({ name: bif?.name ?? `if${ifid}`, dlt: bif?.dlt ?? 1, snaplen: this.d.snaplen }));
    }
  }
}
