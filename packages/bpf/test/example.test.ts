import { BPF_D_OUT, BpfD, BpfIf, type BpfOwner, PcapngDump, PcapngWriter } from '@ns/bpf';
import { VirtualClock } from '@ns/callout';
import { MbufPool } from '@ns/mbuf';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const owner: BpfOwner = { bpf: null };
  const d = new BpfD({ snaplen: 128 });
  d.attach(new BpfIf(owner, 'em0', 1, new VirtualClock(0)));
  const file: Uint8Array[] = [];
  const dump = new PcapngDump(d, new PcapngWriter((block) => file.push(block)));
  const m = new MbufPool().fromBytes(new Uint8Array(60));
  if (m !== null) owner.bpf?.tap(m, BPF_D_OUT);
  dump.close();
  expect(file.length).toBe(4);
});
