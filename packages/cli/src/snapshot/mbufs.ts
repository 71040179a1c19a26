import type { Kernel } from '@ns/kern';
import type { MbufZoneStat } from '@ns/mbuf';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** Packet memory of a kernel at one moment: pieces of each kind. @public */
export interface MbufSnapshot extends Snapshot {
  /** Mbufs without storage. */
  readonly mbufs: MbufZoneStat;
  /** Header clusters. */
  readonly headers: MbufZoneStat;
  /** 2 KiB clusters. */
  readonly clusters: MbufZoneStat;
  /** 4 KiB clusters. */
  readonly jumbop: MbufZoneStat;
  /** 16 KiB clusters. */
  readonly jumbo16: MbufZoneStat;
  /** Pieces of application memory that are referred to. */
  readonly external: number;
}

/** Packet memory of a kernel. @public */
export function mbufSnapshot(kernel: Kernel): MbufSnapshot {
  const zones = kernel.mbufs.stats();
  const zone = (name: string): MbufZoneStat => zones.find((z) => z.name === name) ?? { name, size: 0, current: 0, cache: 0, max: 0, denied: 0 };
  return {
    version: SNAPSHOT_VERSION,
    mbufs: zone('mbuf_packet'),
    headers: zone('mbuf'),
    clusters: zone('mbuf_cluster'),
    jumbop: zone('mbuf_jumbo_page'),
    jumbo16: zone('mbuf_jumbo_16k'),
    external: kernel.mbufs.extOutstanding,
  };
}
