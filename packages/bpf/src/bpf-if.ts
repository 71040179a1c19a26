import type { Mbuf } from '@ns/mbuf';

/** Direction of a packet seen by a tap: received. @public */
export const BPF_D_IN = 0;
/** Direction filter: both. @public */
export const BPF_D_INOUT = 1;
/** Direction of a packet seen by a tap: sent. @public */
export const BPF_D_OUT = 2;

/** Where a {@link BpfIf} shows that somebody listens: `bpf` is null while nobody does, so that a tap costs one test. @public */
export interface BpfOwner {
  bpf: BpfIf | null;
}

/**
 * The tapping point of one interface. Source: FreeBSD bpf.c, struct bpf_if.
 * @public
 */
export class BpfIf {
  /** Name of the interface, for the capture file. */
  name: string;
  /** DLT_*: what the packets begin with. */
  readonly dlt: number;
  private readonly owner: BpfOwner;

  constructor(owner: BpfOwner, name: string, dlt: number) {
    this.owner = owner;
    this.name = name;
    this.dlt = dlt;
    this.owner.bpf = null;
  }

  /** Shows a packet to all listeners. m stays the caller's. `direction` is BPF_D_IN or BPF_D_OUT. */
  tap(m: Mbuf, direction: number): void {
    void m;
    void direction;
  }
}
