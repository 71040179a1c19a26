/**
 * Sockets shaped like Web streams.
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
