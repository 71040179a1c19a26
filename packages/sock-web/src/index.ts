/**
 * Sockets shaped like Web streams.
 *
 * ```ts
 * import { createStack } from '@ns/stack';
 * import { createWebSockets } from '@ns/sock-web';
 *
 * const stack = createStack();
 * const server = stack.jail({ name: 'server', vnet: 'new' });
 * const client = stack.jail({ name: 'client', vnet: 'new' });
 * stack.link(server, '10.0.0.1/24', client, '10.0.0.2/24');
 *
 * const listener = createWebSockets(server).listen({ port: 7 });
 * listener.incoming.pipeTo(new WritableStream({ write: (s) => void s.readable.pipeTo(s.writable) }));
 * const socket = createWebSockets(client).connect('10.0.0.1:7');
 * await socket.writable.getWriter().write(new TextEncoder().encode('hello'));
 * const { value } = await socket.readable.getReader().read();
 * new TextDecoder().decode(value); // => 'hello'
 * ```
 *
 * @packageDocumentation
 */

export type {
  Datagram,
  Listener,
  ListenOptions,
  Lookup,
  NetAddress,
  ReceivedDatagram,
  Socket,
  SocketAddress,
  SocketInfo,
  SocketOptions,
  UdpOptions,
  UdpSocket,
  WebSockets,
  WebSocketsOptions,
  WebTarget,
} from './types.ts';
export { createWebSockets } from './web-sockets.ts';
