import { TCP_STATE_NAMES, type TcpInfo, TCPI_OPT_TIMESTAMPS } from '@ns/tcp';
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

/** States of connections as Linux names them in code. Source: Linux net/tcp_states.h. */
const LINUX_STATES: Readonly<Record<string, string>> = Object.freeze({
  TCP_ESTABLISHED: 'ESTABLISHED', TCP_SYN_SENT: 'SYN_SENT', TCP_SYN_RECV: 'SYN_RCVD', TCP_FIN_WAIT1: 'FIN_WAIT_1', TCP_FIN_WAIT2: 'FIN_WAIT_2', TCP_TIME_WAIT: 'TIME_WAIT', TCP_CLOSE: 'CLOSED',
  TCP_CLOSE_WAIT: 'CLOSE_WAIT', TCP_LAST_ACK: 'LAST_ACK', TCP_LISTEN: 'LISTEN', TCP_CLOSING: 'CLOSING',
});
/** What Linux says instead of a threshold while there is none. */
const INFINITE_SSTHRESH = 0x7fffffff;
/** Our threshold of a new connection, bytes: TCP_MAXWIN << TCP_MAX_WINSHIFT. */
const NO_SSTHRESH = 65535 << 14;
/** Octets of the time stamp option with its padding. */
const TS_LEN = 12;

/** Data of a full segment. */
const segmentOf = (info: TcpInfo): number => info.sndMss - ((info.options & TCPI_OPT_TIMESTAMPS) !== 0 ? TS_LEN : 0);

/**
 * The same for code that is meant for Linux: windows in segments, not bytes, and its names of states. Null also for what both have by the same name and mean differently
 * (the options bit of fast open).
 */
export function linuxName(name: string, info: TcpInfo): number | null {
  switch (name) {
    case 'tcpi_snd_cwnd':
      return Math.floor(info.sndCwnd / segmentOf(info));
    case 'tcpi_snd_ssthresh':
      return info.sndSsthresh >= NO_SSTHRESH ? INFINITE_SSTHRESH : Math.floor(info.sndSsthresh / segmentOf(info));
    case 'tcpi_last_data_recv':
      return Math.floor(info.lastDataRecv / 1000);
    case 'tcpi_min_rtt':
      return info.rttmin;
    case 'TCP_INFINITE_SSTHRESH':
      return INFINITE_SSTHRESH;
    default:
  }
  if (Object.hasOwn(LINUX_STATES, name)) return stateNumber(LINUX_STATES[name] as string);
  // FreeBSD: fast open was asked for. Linux: data of the SYN arrived.
  return name === 'TCPI_OPT_SYN_DATA' || name === 'TCPI_OPT_ECN_SEEN' ? null : codeName(name, info);
}
