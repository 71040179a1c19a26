import type { Vnet } from '@ns/kern';
import { type InAddr, inAddr4, inAddr6In, AF_INET } from '@ns/wire';
import { PF_STATE, type PfStateStat } from './pf-vnet.ts';
import { END_CLOSED, END_CLOSING, END_ESTABLISHED, END_FIN_WAIT_2, END_SENT, END_TIME_WAIT } from './state.ts';

/** A state, as `pfctl -ss` shows it. @public */
export interface PfStateRow {
  /** IPPROTO_*. */
  readonly proto: number;
  /** Who began it. */
  readonly src: InAddr;
  /** Its port, or ICMP identifier. */
  readonly sport: number;
  /** Who was spoken to. */
  readonly dst: InAddr;
  /** Its port. */
  readonly dport: number;
  /** Began with a packet that came in. */
  readonly incoming: boolean;
  /** How far both are: `ESTABLISHED:FIN_WAIT_2`. */
  readonly ends: string;
  /** Seconds until it goes, if no packet comes. */
  readonly expires: number;
  /** Seconds that it has been there. */
  readonly age: number;
  /** Packets. */
  readonly packets: number;
  /** Bytes. */
  readonly bytes: number;
}

const NAMES: Readonly<Record<number, string>> = Object.freeze({
  [END_CLOSED]: 'CLOSED',
  [END_SENT]: 'SYN_SENT',
  [END_ESTABLISHED]: 'ESTABLISHED',
  [END_CLOSING]: 'CLOSING',
  [END_FIN_WAIT_2]: 'FIN_WAIT_2',
  [END_TIME_WAIT]: 'TIME_WAIT',
});

/** The states of a vnet now. @public */
export function pfStates(vnet: Vnet): PfStateRow[] {
  const pf = PF_STATE.get(vnet);
  const now = pf.now();
  const live = pf.table.all().filter((s) => s.expire > now);
  return live.map((s) => ({
    proto: s.proto,
    src: s.af === AF_INET ? inAddr4(s.src3) : inAddr6In(s.src0, s.src1, s.src2, s.src3, 0),
    sport: s.sport,
    dst: s.af === AF_INET ? inAddr4(s.dst3) : inAddr6In(s.dst0, s.dst1, s.dst2, s.dst3, 0),
    dport: s.dport,
    incoming: s.incoming,
    ends: `${NAMES[s.srcEnd]}:${NAMES[s.dstEnd]}`,
    expires: s.expire - now,
    age: now - s.made,
    packets: s.packets,
    bytes: s.bytes,
  }));
}

/** The counters of a vnet; not to be written. @public */
export function pfStats(vnet: Vnet): PfStateStat {
  return PF_STATE.get(vnet).stat;
}
