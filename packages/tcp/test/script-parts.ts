/* Pieces that packet scripts are put together from, for tests that are tables: each script is text of the packetdrill language. */
import { expect } from 'vitest';
import { renderResult, type RunOptions, runScript } from '@ns/packetdrill';

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** MSS that a packet of 1500 bytes leaves. */
export const mssOf = (f: Family): number => (f === 4 ? 1460 : 1440);
/** Receive buffer of a connection with that MSS: 65536 rounded up. */
export const rcvbufOf = (f: Family): number => (f === 4 ? 65700 : 66240);

/** Runs a script made of lines; the test fails with its report. */
export function play(f: Family, lines: readonly string[], options: RunOptions = {}): void {
  const r = runScript([`--ip_version=ipv${f}`, ...lines].join('\n'), { file: 'table', ...options });
  expect(r.status === 'passed' ? '' : `${renderResult(r)}\n${lines.join('\n')}`).toBe('');
}

export const sysctl = (name: string, value: number): string => `+0 \`sysctl net.inet.tcp.${name}=${value}\``;

/** A connection by the passive way: listener 3, connection 4. */
export const passive = (f: Family, peer: string = 'mss 1460,sackOK,eol,eol', own: string = `mss ${mssOf(f)},sackOK,eol,eol`): string[] => [
  '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
  '+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0',
  '+0 bind(3, ..., ...) = 0',
  '+0 listen(3, 1) = 0',
  `+0 < S 0:0(0) win 32767 <${peer}>`,
  `+0 > S. 0:0(0) ack 1 win 65535 <${own}>`,
  '+.1 < . 1:1(0) ack 1 win 32767',
  '+0 accept(3, ..., ...) = 4',
];

/** A socket 3 that has sent its SYN. */
export const synSent = (f: Family, options: string = `mss ${mssOf(f)},nop,wscale 6,sackOK,TS val 100 ecr 0`, flags: string = 'S'): string[] => [
  '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
  '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
  '+0 connect(3, ..., ...) = -1 EINPROGRESS',
  `+0 > ${flags} 0:0(0) win 65535 <${options}>`,
];
