import http from 'node:http';
import https from 'node:https';
import type { NetConnectOpts, Server, Socket } from 'node:net';
import tls from 'node:tls';
import type { NetModule } from './net.ts';

/**
 * A server that speaks a protocol on connections that it is given as 'connection' events: `http.Server`, `https.Server`, `tls.Server`, a server of `http2`.
 * @public
 */
export interface ProtocolServer {
  /** Takes a connection, as event `connection`. */
  emit(event: string, ...args: unknown[]): boolean;
  /** Tells of its own events. */
  on(event: 'close', listener: () => void): unknown;
  /** Stops it. */
  close(): unknown;
  /** Ends connections between requests; `http.Server` has it. */
  closeIdleConnections?(): void;
}

/** What Node's own servers ask of their connections. */
interface ConnectionSettings {
  readonly allowHalfOpen?: boolean;
  readonly pauseOnConnect?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** Seconds. */
  readonly keepAliveInitialDelay?: number;
  readonly highWaterMark?: number;
}

/**
 * Lets a server of Node's own modules serve connections of `net`: the server that listens, with `listen`, `close`, `address` and the rest. In essence
 * `net.createServer((s) => server.emit('connection', s))`, with the connection settings of `server`, its 'listening' and 'close' events, and its idle connections ended by
 * `close()`. `server` itself must not listen.
 *
 * ```ts
 * serve(net, http.createServer((req, res) => res.end('hello'))).listen(80);
 * ```
 * @public
 */
export function serve(net: NetModule, server: ProtocolServer): Server {
  const s = server as ProtocolServer & ConnectionSettings;
  const listener = net.createServer({
    allowHalfOpen: s.allowHalfOpen ?? false,
    pauseOnConnect: s.pauseOnConnect ?? false,
    noDelay: s.noDelay ?? false,
    keepAlive: s.keepAlive ?? false,
    keepAliveInitialDelay: (s.keepAliveInitialDelay ?? 0) * 1000,
    ...(s.highWaterMark === undefined ? {} : { highWaterMark: s.highWaterMark }),
  });
  listener.on('connection', (socket: Socket) => server.emit('connection', socket));
  // An http.Server begins to watch its timeouts when it listens, and stops when it is closed.
  listener.on('listening', () => server.emit('listening'));
  listener.on('close', () => server.close());
  // A program may close the one that it knows: closing what does not listen is no more than the event.
  server.on('close', () => listener.listening && listener.close());
  const close = listener.close.bind(listener);
  listener.close = (cb?: (error?: Error) => void): Server => {
    close(cb);
    server.closeIdleConnections?.();
    return listener;
  };
  return listener;
}

type CreateConnection = (options: NetConnectOpts, cb?: (error: Error | null, socket: Socket) => void) => Socket | undefined;

/**
 * An `http.Agent` whose connections are made by `net`: `http.get(url, { agent: httpAgent(net) })`.
 * @public
 */
export function httpAgent(net: NetModule, options: http.AgentOptions = {}): http.Agent {
  const createConnection: CreateConnection = (o) => net.connect(o);
  return Object.assign(new http.Agent(options), { createConnection });
}

/**
 * An `https.Agent` whose connections are made by `net`, with TLS by Node and sessions reused as `https.Agent` does.
 * @public
 */
export function httpsAgent(net: NetModule, options: https.AgentOptions = {}): https.Agent {
  const agent = new https.Agent(options);
  const overTls = (agent as unknown as { createConnection: CreateConnection }).createConnection;
  const createConnection: CreateConnection = function (this: unknown, o, cb) {
    return overTls.call(this, { ...o, socket: net.connect(o) } as object as NetConnectOpts, cb);
  };
  return Object.assign(agent, { createConnection });
}

/**
 * What `undici` gives a connector. Structural, so that this package does not need undici.
 * @public
 */
export interface UndiciConnectOptions {
  /** Where to connect to. */
  readonly hostname: string;
  /** Its port; empty for that of the protocol. */
  readonly port: string | number;
  /** `http:` or `https:`. */
  readonly protocol: string;
  /** Name for TLS. */
  readonly servername?: string | null;
}

/**
 * A connector for `new Agent({ connect })` of `undici`, by which `fetch(url, { dispatcher })` goes over `net`. For `https:` TLS is made by Node with `tls` as options.
 * @public
 */
export function undiciConnector(
  net: NetModule,
  tlsOptions: tls.ConnectionOptions = {},
): (options: UndiciConnectOptions, cb: (error: Error | null, socket: Socket | null) => void) => void {
  return ({ hostname, port, protocol, servername }, cb): void => {
    const secure = protocol === 'https:';
    const tcp = net.connect({ host: hostname, port: Number(port) || (secure ? 443 : 80), noDelay: true });
    const name = servername ?? (net.isIP(hostname) === 0 ? hostname : undefined);
    const socket = secure ? tls.connect({ host: hostname, ...(name === undefined ? {} : { servername: name }), ALPNProtocols: ['http/1.1'], ...tlsOptions, socket: tcp }) : tcp;
    const failed = (error: Error): void => cb(error, null);
    socket.once('error', failed);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.removeListener('error', failed);
      cb(null, socket);
    });
  };
}
