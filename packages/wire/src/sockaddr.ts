import { AF_INET, AF_INET6, type InAddr, formatInAddr, isAny, parseInAddr } from './addr.ts';

/**
 * An address and a port: what bind and connect are given. Immutable.
 *
 * @public
 */
export class Sockaddr {
  /** The address, which also says the family and the zone. */
  readonly addr: InAddr;
  /** Port in host order, 0 for any. */
  readonly port: number;

  constructor(addr: InAddr, port: number) {
    this.addr = addr;
    this.port = port & 0xffff;
  }

  /** The family of the address, AF_INET or AF_INET6. */
  get af(): number {
    return this.addr.af;
  }

  /** The text of {@link formatSockaddr}. */
  toString(): string {
    return formatSockaddr(this);
  }
}

/** True if addresses (with family and zone) and ports agree. @public */
export function sockaddrEqual(a: Sockaddr, b: Sockaddr): boolean {
  const x = a.addr;
  const y = b.addr;
  return a.port === b.port && x.w3 === y.w3 && x.w2 === y.w2 && x.w1 === y.w1 && x.w0 === y.w0 && x.af === y.af && x.zone === y.zone;
}

/**
 * As URLs and most programs write it: `10.0.0.1:80`, `[2001:db8::1]:80`.
 *
 * @public
 */
export function formatSockaddr(sa: Sockaddr, zoneName?: string): string {
  const host = formatInAddr(sa.addr, zoneName);
  return sa.addr.af === AF_INET6 ? `[${host}]:${sa.port}` : `${host}:${sa.port}`;
}

/**
 * As netstat -n writes it: `10.0.0.1.80`, `2001:db8::1.80`, with `*` for the unspecified address and for port 0.
 *
 * @public
 */
export function formatSockaddrDot(sa: Sockaddr, zoneName?: string): string {
  return joinPort(sa, '.', zoneName);
}

/**
 * As sockstat writes it: `10.0.0.1:80`, `2001:db8::1:80`, with `*` for the unspecified address and for port 0.
 *
 * @public
 */
export function formatSockaddrColon(sa: Sockaddr, zoneName?: string): string {
  return joinPort(sa, ':', zoneName);
}

function joinPort(sa: Sockaddr, separator: string, zoneName: string | undefined): string {
  const host = isAny(sa.addr) ? '*' : formatInAddr(sa.addr, zoneName);
  return `${host}${separator}${sa.port === 0 ? '*' : sa.port}`;
}

/**
 * Parses `10.0.0.1:80` and `[2001:db8::1%2]:80`.
 *
 * @returns null if address or port (0 to 65535, decimal) is malformed
 *
 * @public
 */
export function parseSockaddr(text: string): Sockaddr | null {
  const m = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  if (m === null) return null;
  const addr = parseInAddr((m[1] ?? m[2]) as string);
  const port = Number(m[3]);
  if (addr === null || port > 65535 || addr.af !== (m[1] === undefined ? AF_INET : AF_INET6)) return null;
  return new Sockaddr(addr, port);
}
