import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@ns/callout';
import { DLT_EN10MB, DLT_NULL, DLT_RAW } from '@ns/ifnet-kpi';
import { M_VLANTAG, type Mbuf, MbufPool } from '@ns/mbuf';
import { afterAll, describe, expect, it } from 'vitest';
import {
  BPF_ABS,
  BPF_B,
  BPF_D_IN,
  BPF_D_OUT,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BpfD,
  BpfIf,
  bpfJump,
  type BpfOwner,
  BpfProgram,
  bpfStmt,
  PcapngDump,
  PcapngWriter,
} from '@ns/bpf';
import { packetOf, tcpFrame } from '../../ifnet-kpi/test/frames.ts';

function rig(dlt = DLT_EN10MB): { owner: BpfOwner; bif: BpfIf; clock: VirtualClock; pool: MbufPool } {
  const owner: BpfOwner = { bpf: null };
  const clock = new VirtualClock(0);
  return { owner, bif: new BpfIf(owner, 'em0', dlt, clock), clock, pool: new MbufPool() };
}

/** What a descriptor has: direction, interface, length, bytes. */
function all(d: BpfD): { dir: number; ifid: number; len: number; bytes: Uint8Array; tsUs: number }[] {
  const out: ReturnType<typeof all> = [];
  d.read((r) => out.push({ dir: r.direction, ifid: r.ifid, len: r.len, bytes: r.buf.slice(r.off, r.off + r.caplen), tsUs: r.tsUs }));
  return out;
}

const frame = tcpFrame({ v: 4, payload: Uint8Array.from({ length: 40 }, (_, i) => i) });

describe('taps', () => {
  it('are null while nobody listens', () => {
    const { owner, bif } = rig();
    expect(owner.bpf).toBeNull();
    const [a, b] = [new BpfD(), new BpfD()];
    a.attach(bif);
    b.attach(bif);
    expect(owner.bpf).toBe(bif);
    expect(a.attach(bif)).toBeLessThan(0);
    a.close();
    expect(owner.bpf).toBe(bif);
    b.detach(bif);
    expect(owner.bpf).toBeNull();
  });

  it('keep the bytes of a chain, its direction and time, and leave the packet alone', () => {
    const { bif, clock, pool } = rig();
    const d = new BpfD();
    d.attach(bif);
    const m = packetOf(pool, frame, [5, 1, 30]);
    bif.tap(m, BPF_D_IN);
    const t0 = clock.wallUs();
    clock.advance(1234);
    bif.tap(m, BPF_D_OUT);
    const got = all(d);
    expect(got.map((g) => [g.dir, g.len, g.tsUs - t0])).toEqual([
      [BPF_D_IN, frame.length, 0],
      [BPF_D_OUT, frame.length, 1234],
    ]);
    expect(got[0]?.bytes).toEqual(frame);
    expect(m.pktlen).toBe(frame.length);
    expect(d.pending).toBe(0);
  });

  it('cut at snaplen and say how long the packet was', () => {
    const { bif, pool } = rig();
    const d = new BpfD({ snaplen: 21 });
    d.attach(bif);
    bif.tap(packetOf(pool, frame), BPF_D_IN);
    expect(all(d)).toMatchObject([{ len: frame.length, bytes: frame.slice(0, 21) }]);
  });

  it('filter, and keep as much as the filter says', () => {
    const { bif, pool } = rig();
    const filter = BpfProgram.of([
      bpfStmt(BPF_LD | BPF_B | BPF_ABS, 23),
      bpfJump(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1),
      bpfStmt(BPF_RET | BPF_K, 34),
      bpfStmt(BPF_RET | BPF_K, 0),
    ]);
    const d = new BpfD({ filter });
    d.attach(bif);
    bif.tap(packetOf(pool, frame), BPF_D_IN);
    const udp = frame.slice();
    udp[23] = 17;
    bif.tap(packetOf(pool, udp), BPF_D_IN);
    expect([d.rcount, d.fcount, d.dcount]).toEqual([2, 1, 0]);
    expect(all(d).map((g) => g.bytes.length)).toEqual([34]);
  });

  it('take one direction only if asked to', () => {
    const { bif, pool } = rig();
    const d = new BpfD({ direction: BPF_D_OUT });
    d.attach(bif);
    bif.tap(packetOf(pool, frame), BPF_D_IN);
    bif.tap(packetOf(pool, frame), BPF_D_OUT);
    expect([d.rcount, all(d).length]).toEqual([1, 1]);
  });

  it('drop and count what finds no room, and go on when there is room again', () => {
    const { bif, pool } = rig();
    let calls = 0;
    const d = new BpfD({ bufsize: 3 * 128, onReadable: () => calls++ });
    d.attach(bif);
    for (let i = 0; i < 5; i++) bif.tap(packetOf(pool, frame), BPF_D_IN);
    expect([d.fcount, d.dcount, calls]).toEqual([5, 2, 1]);
    expect(all(d).length).toBe(3);
    bif.tap(packetOf(pool, frame), BPF_D_IN);
    expect([all(d).length, calls]).toEqual([1, 2]);
  });

  it('put a VLAN tag where it belongs that is kept beside the frame', () => {
    const { bif, pool } = rig();
    const d = new BpfD();
    d.attach(bif);
    const m = packetOf(pool, frame);
    m.flags |= M_VLANTAG;
    m.etherVtag = 0x2064;
    bif.tap(m, BPF_D_IN);
    const tagged = tcpFrame({ v: 4, payload: frame.slice(54), vlans: [0x2064] });
    expect(all(d)[0]?.bytes).toEqual(tagged);
  });

  it('put the family in front of packets of DLT_NULL', () => {
    const { bif, pool } = rig(DLT_NULL);
    const d = new BpfD();
    d.attach(bif);
    for (const v of [4, 6] as const) bif.tap(packetOf(pool, tcpFrame({ v, payload: new Uint8Array(3), link: 0 })), BPF_D_IN);
    expect(all(d).map((g) => [...g.bytes.slice(0, 5)])).toEqual([[2, 0, 0, 0, 0x45], [28, 0, 0, 0, 0x60]]);
  });

  it('one descriptor hears several interfaces in order; one that goes away takes nothing along', () => {
    const a = rig();
    const b = new BpfIf({ bpf: null }, 'em1', DLT_EN10MB, a.clock);
    const d = new BpfD();
    expect([d.attach(a.bif), d.attach(b)]).toEqual([0, 1]);
    b.tap(packetOf(a.pool, frame), BPF_D_IN);
    a.bif.tap(packetOf(a.pool, frame), BPF_D_IN);
    a.bif.detachAll();
    a.bif.tap(packetOf(a.pool, frame), BPF_D_IN);
    b.tap(packetOf(a.pool, frame), BPF_D_IN);
    expect(all(d).map((g) => g.ifid)).toEqual([1, 0, 1]);
    expect(a.owner.bpf).toBeNull();
  });

  it('a packet of 64 KiB fits', () => {
    const { bif, pool } = rig();
    const d = new BpfD();
    d.attach(bif);
    const m = pool.getm(65550) as Mbuf;
    bif.tap(m, BPF_D_OUT);
    expect(all(d)[0]?.bytes.length).toBe(65550);
  });
});

describe('pcapng', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bpf-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  function capture(): Uint8Array {
    const a = rig();
    const lo = new BpfIf({ bpf: null }, 'lo0', DLT_NULL, a.clock);
    const raw = new BpfIf({ bpf: null }, 'tun0', DLT_RAW, a.clock);
    const d = new BpfD({ snaplen: 200 });
    for (const bif of [a.bif, lo, raw]) d.attach(bif);
    const blocks: Uint8Array[] = [];
    const dump = new PcapngDump(d, new PcapngWriter((b) => blocks.push(b), { comment: 'größer', os: 'test' }));
    for (let n = 0; n < 5; n++) {
      // Payloads of each length modulo 4, so that all paddings occur.
      a.bif.tap(packetOf(a.pool, tcpFrame({ v: 4, payload: new Uint8Array(n), seq: n })), n % 2 === 0 ? BPF_D_IN : BPF_D_OUT);
      a.clock.advance(1000);
    }
    lo.tap(packetOf(a.pool, tcpFrame({ v: 6, payload: new Uint8Array(3), link: 0 })), BPF_D_OUT);
    raw.tap(packetOf(a.pool, tcpFrame({ v: 4, payload: new Uint8Array(500), link: 0 })), BPF_D_OUT);
    dump.close();
    const out = new Uint8Array(blocks.reduce((n, b) => n + b.length, 0));
    blocks.reduce((at, b) => (out.set(b, at), at + b.length), 0);
    return out;
  }

  it('is a section of whole blocks, their length at both ends, padded to 4', () => {
    const file = capture();
    const dv = new DataView(file.buffer);
    const types: number[] = [];
    for (let at = 0; at < file.length; ) {
      const len = dv.getUint32(at + 4, true);
      expect(len % 4).toBe(0);
      expect(dv.getUint32(at + len - 4, true)).toBe(len);
      types.push(dv.getUint32(at, true));
      at += len;
    }
    expect(types).toEqual([0x0a0d0d0a, 1, 1, 1, 6, 6, 6, 6, 6, 6, 6, 5]);
    expect(dv.getUint32(8, true)).toBe(0x1a2b3c4d);
  });

  it('writes an enhanced packet block to the byte (golden)', () => {
    const blocks: Uint8Array[] = [];
    const w = new PcapngWriter((b) => blocks.push(b), { userAppl: 'x' });
    expect(w.addInterface({ name: 'em0', dlt: DLT_EN10MB, snaplen: 96 })).toBe(0);
    w.packet(0, 0x5_0000_0007, Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee), 0, 5, 60, BPF_D_OUT);
    const hex = (b: Uint8Array | undefined): string => [...(b ?? [])].map((x) => x.toString(16).padStart(2, '0')).join('');
    expect(hex(blocks[0])).toBe('0a0d0d0a280000004d3c2b1a01000000ffffffffffffffff0400010078000000' + '00000000' + '28000000');
    expect(hex(blocks[1])).toBe('01000000280000000100000060000000' + '02000300656d3000' + '0900010006000000' + '00000000' + '28000000');
    expect(hex(blocks[2])).toBe(
      '06000000340000000000000005000000070000000500000' + '03c000000' + 'aabbccddee000000' + '0200040002000000' + '00000000' + '34000000',
    );
  });

  const hasTshark = ((): boolean => {
    try {
      execFileSync('tshark', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();

  it.runIf(hasTshark)('is read by tshark without a warning, every field as it was', () => {
    const path = join(dir, 'a.pcapng');
    writeFileSync(path, capture());
    const run = (...args: string[]): string => execFileSync('tshark', ['-r', path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const rows = run('-T', 'fields', '-e', 'frame.interface_name', '-e', 'frame.len', '-e', 'frame.cap_len', '-e', 'tcp.len', '-e', 'tcp.srcport', '-e', 'frame.time_delta')
      .trim()
      .split('\n')
      .map((l) => l.split('\t'));
    expect(rows.map((x) => x.slice(0, 5))).toEqual([
      ['em0', '54', '54', '0', '1234'],
      ['em0', '55', '55', '1', '1234'],
      ['em0', '56', '56', '2', '1234'],
      ['em0', '57', '57', '3', '1234'],
      ['em0', '58', '58', '4', '1234'],
      ['lo0', '67', '67', '3', '1234'],
      ['tun0', '540', '200', '500', '1234'],
    ]);
    expect(Number(rows[1]?.[5])).toBeCloseTo(0.001, 6);
    const sums = run('-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE', '-Y', 'frame.number <= 6', '-T', 'fields', '-e', 'tcp.checksum.status', '-e', '_ws.malformed');
    expect(sums.trim().split('\n').map((l) => l.trim())).toEqual(['1', '1', '1', '1', '1', '1']);
  });

  it.runIf(hasTshark)('has what capinfos wants to know', () => {
    const path = join(dir, 'b.pcapng');
    writeFileSync(path, capture());
    const out = execFileSync('capinfos', [path], { encoding: 'utf8' });
    expect(out).toContain('pcapng');
    expect(out).toMatch(/Number of interfaces in file:\s+3/);
    expect(out).toMatch(/precision:\s+microseconds/);
    expect(out).toMatch(/Name = tun0/);
    expect(out).toContain('größer');
  });
});
