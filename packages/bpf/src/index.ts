/**
 * Packet capture: taps on interfaces, the classic filter machine, and capture files in pcapng (FreeBSD net/bpf.c).
 *
 * A descriptor ({@link BpfD}) listens to tapping points ({@link BpfIf}; `ifBpf(ifp)` of package ifnet gives that of an interface), filters, and keeps what passed in a buffer of fixed
 * size; {@link PcapngDump} moves that into a file. While nobody listens, a tap costs one test for null.
 *
 * ```ts
 * import { BPF_D_OUT, BpfD, BpfIf, type BpfOwner, PcapngDump, PcapngWriter } from '@ns/bpf';
 * import { VirtualClock } from '@ns/callout';
 * import { MbufPool } from '@ns/mbuf';
 *
 * const owner: BpfOwner = { bpf: null };
 * const d = new BpfD({ snaplen: 128 });
 * d.attach(new BpfIf(owner, 'em0', 1, new VirtualClock(0)));
 * const file: Uint8Array[] = [];
 * const dump = new PcapngDump(d, new PcapngWriter((block) => file.push(block)));
 * const m = new MbufPool().fromBytes(new Uint8Array(60));
 * if (m !== null) owner.bpf?.tap(m, BPF_D_OUT);
 * dump.close();
 * file.length; // => 4: section, interface, packet, statistics
 * ```
 *
 * @packageDocumentation
 */

export { BPF_D_IN, BPF_D_INOUT, BPF_D_OUT, BpfD, BpfIf, type BpfOptions, type BpfOwner, type BpfRecord } from './bpf-if.ts';
export { BpfProgram, bpfValidate } from './filter.ts';
export * from './insn.ts';
export { PcapngDump, type PcapngInterface, type PcapngSection, PcapngWriter } from './pcapng.ts';
