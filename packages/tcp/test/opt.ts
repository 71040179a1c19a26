import { SO_ERROR, SOL_SOCKET, type Socket, sogetopt } from '@ns/socket';
import { TCP_INFO, type TcpInfo } from '@ns/tcp';
import { IPPROTO_TCP } from './wire-names.ts';

/** The value of a socket option. */
export function getopt(so: Socket, level: number, name: number): unknown {
  const r = sogetopt(so, level, name) as unknown;
  return typeof r === 'object' && r !== null && 'val' in r ? (r as { val: unknown }).val : r;
}

/** SO_ERROR, which is cleared by it. */
export const soerror = (so: Socket): unknown => getopt(so, SOL_SOCKET, SO_ERROR);

export const tcpInfo = (so: Socket): TcpInfo => getopt(so, IPPROTO_TCP, TCP_INFO) as TcpInfo;
