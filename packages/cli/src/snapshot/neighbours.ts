import { arpSnapshot } from '@ns/arp';
import type { Vnet } from '@ns/kern';
import { prisonCheckAddr, type Ucred } from '@ns/vnet';
import { formatEtherAddr, formatInAddr } from '@ns/wire';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** A neighbour. @public */
export interface NeighbourSnapshot {
  /** Network address. */
  readonly address: string;
  /** Link address, or null: incomplete. */
  readonly ether: string | null;
  /** Interface. */
  readonly netif: string;
  /** Seconds until it is no longer believed; null: permanent; 0: expired. */
  readonly expire: number | null;
  /** Answered for on behalf of somebody else. */
  readonly published: boolean;
}

/** Neighbours of one vnet. @public */
export interface NeighboursSnapshot extends Snapshot {
  /** By interface. */
  readonly neighbours: readonly NeighbourSnapshot[];
}

/** Neighbours that ARP knows in a vnet, those that `cred` may see (null sees all): a jail with addresses of its own sees its own. Source: FreeBSD in.c, in_lltable_dump_entry(). @public */
export function neighboursSnapshot(vnet: Vnet, cred: Ucred | null = null): NeighboursSnapshot {
  const seen = arpSnapshot(vnet).filter((r) => cred === null || prisonCheckAddr(cred, r.addr) === 0);
  const neighbours = seen.map((r) => ({
    address: formatInAddr(r.addr),
    ether: r.lladdr === null ? null : formatEtherAddr(r.lladdr),
    netif: r.ifname,
    expire: r.expiresInUs === null ? null : Math.max(0, Math.floor(r.expiresInUs / 1e6)),
    published: r.published,
  }));
  return { version: SNAPSHOT_VERSION, neighbours };
}
