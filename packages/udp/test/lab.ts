import { virtualHost, type VirtualHost } from '@ns/kern';
import { mFreem, mToBytes } from '@ns/mbuf';
import { DgramInfo, Socket, sobind, SOCK_DGRAM, soconnect, socreate, soreceiveDgram, sosendCopy } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { UDP, type UdpVnet } from '@ns/udp';
import { AF_INET, parseInAddr, Sockaddr } from '@ns/wire';

/** Two stacks, 10.0.0.1 and 10.0.0.2, on one cable, in virtual time. */
export interface Lab {
  readonly host: VirtualHost;
  readonly stack: Stack;
  readonly a: StackJail;
  readonly b: StackJail;
  readonly ifa: string;
  readonly ifb: string;
  udp(j: StackJail): UdpVnet;
}

export function lab(seed = 1): Lab {
  const host = virtualHost({ seed });
  const stack = createStack({ host });
  const a = stack.jail({ name: 'a', vnet: 'new' });
  const b = stack.jail({ name: 'b', vnet: 'new' });
  const l = stack.link(a, '10.0.0.1/24', b, '10.0.0.2/24');
  for (const j of [a, b]) j.addAddress('lo0', '127.0.0.1/8');
  host.settle();
  return { host, stack, a, b, ifa: l.a, ifb: l.b, udp: (j) => UDP.get(j.vnet) };
}

export function sa(text: string, port: number): Sockaddr {
  const addr = parseInAddr(text);
  if (addr === null) throw new Error(`not an address: ${text}`);
  return new Sockaddr(addr, port);
}

/** A datagram socket, bound if `port` is given, connected if `to` is. */
export function open(j: StackJail, port = -1, at = '0.0.0.0', options = 0): Socket {
  const so = socreate(j.vnet, AF_INET, SOCK_DGRAM, 0, j.cred);
  if (!(so instanceof Socket)) throw new Error(`socreate: ${String(so)}`);
  so.options |= options;
  if (port >= 0) {
    const errno = sobind(so, sa(at, port), j.cred);
    if (errno !== 0) throw new Error(`bind: ${errno}`);
  }
  return so;
}

export function connectTo(so: Socket, j: StackJail, text: string, port: number): void {
  const errno = soconnect(so, sa(text, port), j.cred);
  if (errno !== 0) throw new Error(`connect: ${errno}`);
}

export function send(so: Socket, data: string | Uint8Array, to: Sockaddr | null = null): number {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  return sosendCopy(so, to, bytes, 0, bytes.length, 0);
}

/** The oldest datagram as text with its sender, or the errno. */
export function recv(so: Socket): [string, string] | number {
  const info = new DgramInfo();
  const m = soreceiveDgram(so, info, 0);
  if (m === null) return so.rcvErrno;
  const text = new TextDecoder().decode(mToBytes(m));
  mFreem(m);
  return [text, info.from().toString()];
}
