import os from 'node:os';
import { AF_INET, AF_INET6, formatInAddr, IN6ADDR_ANY, INADDR_ANY, InAddr, type InAddr as Addr, parseInAddr, Sockaddr } from '@ns/wire';

/** An address as the operating system wants it: a zone by the name of its interface. */
export function toHost(addr: Addr): string {
  if (addr.zone === 0) return formatInAddr(addr);
  const bare = formatInAddr(new InAddr(addr.af, addr.w0, addr.w1, addr.w2, addr.w3, 0));
  const name = Object.entries(os.networkInterfaces()).find(([, list]) => list?.some((a) => 'scopeid' in a && a.scopeid === addr.zone))?.[0];
  return `${bare}%${name ?? addr.zone}`;
}

/** What Node says of an end of a conversation; null for what is no address. */
export function fromHost(address: string | undefined, port: number | undefined): Sockaddr | null {
  if (address === undefined || port === undefined) return null;
  const [bare = '', name] = address.split('%');
  const addr = parseInAddr(bare);
  if (addr === null) return null;
  const zone = name === undefined ? 0 : zoneOf(name);
  return new Sockaddr(zone === 0 ? addr : new InAddr(addr.af, addr.w0, addr.w1, addr.w2, addr.w3, zone), port);
}

function zoneOf(name: string): number {
  const found = os.networkInterfaces()[name]?.find((a) => a.family === 'IPv6' && a.scopeid !== 0);
  return found !== undefined && 'scopeid' in found ? (found.scopeid ?? 0) : Number(name) || 0;
}

/** The wildcard address of a family. */
export function anyOf(af: number): Addr {
  return af === AF_INET6 ? IN6ADDR_ANY : INADDR_ANY;
}

/** `family` of Node's options. */
export function nodeFamily(af: number): 4 | 6 {
  return af === AF_INET ? 4 : 6;
}
