import type { Vnet } from '@ns/kern';
import { SO_ERROR, socreate, type Socket as KernSocket, sogetopt, SOL_SOCKET } from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { AF_INET6, formatInAddr, INADDR_ANY, type InAddr, parseInAddr, Sockaddr } from '@ns/wire';
import { notFound } from './errors.ts';
import type { Lookup, NetAddress, SocketAddress, WebSocketsOptions } from './types.ts';

const PORT_MAX = 65535;

/** What all sockets of one `createWebSockets()` share. */
export class WebContext {
  readonly vnet: Vnet;
  readonly cred: Ucred;
  private readonly lookup: Lookup | null;
  private readonly netstack: string;

  constructor(cred: Ucred, options: WebSocketsOptions) {
    this.vnet = cred.vnet;
    this.cred = cred;
    this.lookup = options.lookup ?? null;
    this.netstack = options.netstack ?? '';
  }

  /** A new socket, or an errno. */
  socket(af: number, type: number): KernSocket | number {
    return socreate(this.vnet, af, type, 0, this.cred, this.netstack);
  }

  /** The address of a name: at once where that is possible. Fails with ENOTFOUND, or as the application's lookup does. */
  resolve(hostname: string): InAddr | Promise<InAddr> {
    const known = knownAddress(hostname);
    if (known !== null) return known;
    if (this.lookup === null) return Promise.reject(notFound(hostname));
    return this.ask(this.lookup, hostname);
  }

  private async ask(lookup: Lookup, hostname: string): Promise<InAddr> {
    const addr = parseInAddr(await lookup(hostname));
    if (addr === null) throw notFound(hostname);
    return addr;
  }
}

/** A literal address or the loopback of the stack; null for names that have to be looked up. */
export function knownAddress(hostname: string): InAddr | null {
  return parseInAddr(hostname === 'localhost' ? '127.0.0.1' : hostname);
}

/** Where to listen or to bind. @throws NetError ENOTFOUND when it is no address. */
export function localAddress(hostname: string | undefined, port: number): Sockaddr {
  const addr = hostname === undefined ? INADDR_ANY : knownAddress(hostname);
  if (addr === null) throw notFound(hostname as string);
  return new Sockaddr(addr, checkPort(port));
}

/** Takes `host:port` (an IPv6 address in brackets) or the parts. @throws TypeError when it is neither. */
export function parseAddress(address: string | SocketAddress): SocketAddress {
  if (typeof address !== 'string') {
    if (typeof address !== 'object' || address === null || typeof address.hostname !== 'string') throw new TypeError('SocketError: the address has no hostname');
    return { hostname: address.hostname.replace(/^\[(.*)\]$/, '$1'), port: checkPort(address.port) };
  }
  const m = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  if (m === null) throw new TypeError(`SocketError: not an address with a port: ${address}`);
  return { hostname: (m[1] ?? m[2]) as string, port: checkPort(Number(m[3])) };
}

function checkPort(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) throw new TypeError(`SocketError: not a port: ${String(port)}`);
  return port;
}

/** `10.0.0.1:80`, `[::1]:80`; null when there is none. */
export function nameOf(sa: Sockaddr | number): string | null {
  if (typeof sa === 'number') return null;
  const host = formatInAddr(sa.addr);
  return sa.addr.af === AF_INET6 ? `[${host}]:${sa.port}` : `${host}:${sa.port}`;
}

/** The two parts of a bound address. */
export function addrOf(sa: Sockaddr | number): NetAddress {
  return typeof sa === 'number' ? { hostname: '', port: 0 } : { hostname: formatInAddr(sa.addr), port: sa.port };
}

/** Takes the pending error of a socket; 0 = none. */
export function takeError(so: KernSocket): number {
  const e = sogetopt(so, SOL_SOCKET, SO_ERROR);
  return typeof e === 'number' ? e : 0;
}

/** The bytes of a chunk that was written, or null when it is none. Nothing is copied. */
export function bytesOf(chunk: unknown): Uint8Array | null {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : null;
}
