import { crget } from '@ns/vnet';
import { parseAddress, WebContext } from './context.ts';
import { UdpSocketImpl } from './datagram.ts';
import { noTls } from './errors.ts';
import { ListenerImpl } from './listener.ts';
import { StreamSocket } from './stream-socket.ts';
import type { Listener, ListenOptions, Socket, SocketAddress, SocketOptions, UdpOptions, UdpSocket, WebSockets, WebSocketsOptions, WebTarget } from './types.ts';

/**
 * Sockets of a stack in the shape of Web streams: `connect()` as the WinterTC Sockets API has it, and `listen()` and `udp()` in its manner. Needs of its host
 * ReadableStream, WritableStream and AbortSignal, no more.
 *
 * ```ts
 * const { connect, listen } = createWebSockets(jail);
 * for await (const s of listen({ port: 7 })) s.readable.pipeTo(s.writable);
 * ```
 * @public
 */
export function createWebSockets(target: WebTarget, options: WebSocketsOptions = {}): WebSockets {
  const ctx = new WebContext('cred' in target ? target.cred : crget(target), options);
  return {
    connect(address: string | SocketAddress, o: SocketOptions = {}): Socket {
      if (o.secureTransport !== undefined && o.secureTransport !== 'off') throw noTls(`secureTransport: ${String(o.secureTransport)}`);
      const to = parseAddress(address);
      const s = new StreamSocket(ctx, o.allowHalfOpen === true, o.signal);
      s.connect(to);
      return s;
    },
    listen: (o: ListenOptions): Listener => new ListenerImpl(ctx, o),
    udp: (o: UdpOptions = {}): UdpSocket => new UdpSocketImpl(ctx, o),
  };
}
