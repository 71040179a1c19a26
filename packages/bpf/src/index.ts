/**
 * Packet capture: taps on interfaces, the classic filter machine, and capture files in pcapng (FreeBSD net/bpf.c).
 *
 * A descriptor ({@link BpfD}) listens to tapping points ({@link BpfIf}; `ifBpf(ifp)` of package ifnet gives that of an interface), filters, and keeps what passed in a buffer of fixed
 * size; {@link PcapngDump} moves that into a file. While nobody listens, a tap costs one test for null.
 *
 * ```ts
 * import { BpfD, PcapngDump, PcapngWriter } from '@ns/bpf';
 *
 * const d = new BpfD({ snaplen: 128 });
 * d.attach(ifBpf(ifp));                                     // of @ns/ifnet
 * const file: Uint8Array[] = [];
 * const dump = new PcapngDump(d, new PcapngWriter((block) => file.push(block)));
 * // ... traffic ...
 * dump.close();
 * ```
 *
 * @packageDocumentation
 */

export { BPF_D_IN, BPF_D_INOUT, BPF_D_OUT, BpfD, BpfIf, type BpfOptions, type BpfOwner, type BpfRecord } from './bpf-if.ts';
export { BpfProgram, bpfValidate } from './filter.ts';
export * from './insn.ts';
export { PcapngDump, type PcapngInterface, type PcapngSection, PcapngWriter } from './pcapng.ts';
