import type { EndpointSnapshot, SocketSnapshot } from '../snapshot/sockets.ts';
import { serviceName } from '../text/services.ts';

/** Name of a socket's protocol as netstat and sockstat show it, without the family: `toe` for a connection that an offload engine has. */
export function protocolLabel(s: SocketSnapshot): string {
  return s.protocol === 'tcp' && s.tcp?.toe === true ? 'toe' : s.protocol;
}

/** `4`, `6` or `46`. */
export function familyLabel(s: SocketSnapshot): string {
  return s.ipv6 ? (s.ipv4 ? '46' : '6') : s.ipv4 ? '4' : '';
}

/** 0.0.0.0 or `::`. */
export const isAnyText = (address: string): boolean => address === '0.0.0.0' || address === '::';

/** A port: `*` for 0; its service name unless `numeric`, cut as netstat cuts it. */
export function portText(port: number, numeric: boolean): string {
  if (port === 0) return '*';
  return (numeric ? null : serviceName(port))?.slice(0, 15) ?? String(port);
}

/** Address of an end: `*` for any. */
export const hostText = (e: EndpointSnapshot): string => (isAnyText(e.address) ? '*' : e.address);

/** An end as sockstat shows it: `10.0.0.1:80`. */
export const endpointColon = (e: EndpointSnapshot): string => `${hostText(e)}:${portText(e.port, true)}`;

/** Whether a filter of families lets a socket through. */
export function familyMatches(s: SocketSnapshot, family: 'inet' | 'inet6' | null): boolean {
  return family === null || (family === 'inet' ? s.ipv4 : s.ipv6);
}
