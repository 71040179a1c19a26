import type { TcpInfo } from '@ns/tcp';
import { TCP_STATE_NAMES } from '@ns/tcp';
import { symbol } from '../sys/symbols.ts';

/** Options of struct tcp_info that the stack has no constant for. Source: FreeBSD netinet/tcp.h. */
const EXTRA: Readonly<Record<string, number>> = Object.freeze({ TCPI_OPT_TFO: 0x20, TCPI_OPT_ACE: 0x40 });
/** Where struct tcp_info says it otherwise than the snapshot. */
const RENAMED: Readonly<Record<string, string>> = Object.freeze({ tcpi_rcv_nxt: 'rcvNxt', tcpi_snd_nxt: 'sndNxt' });

const stateNumber = (name: string): number => TCP_STATE_NAMES.indexOf(name === 'SYN_RECEIVED' ? 'SYN_RCVD' : name);

/** A name of code: a field `tcpi_snd_cwnd` of `info`, a state `TCPI_ESTABLISHED`, an option `TCPI_OPT_SACK`, or a constant; null if there is no such. */
export function codeName(name: string, info: TcpInfo): number | null {
  if (name.startsWith('tcpi_')) {
    const key = RENAMED[name] ?? name.slice(5).replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
    const v = (info as unknown as Readonly<Record<string, unknown>>)[key];
    return typeof v === 'number' ? v : null;
  }
  if (name.startsWith('TCPI_') || name.startsWith('TCPS_')) {
    const state = stateNumber(name.slice(5));
    if (state >= 0) return state;
    if (Object.hasOwn(EXTRA, name)) return EXTRA[name] as number;
  }
  return symbol(name);
}
