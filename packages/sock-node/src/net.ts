import { EventEmitter } from 'node:events';
import type * as nodeDgram from 'node:dgram';
import type * as nodeNet from 'node:net';
import net from 'node:net';
import type { Vnet } from '@ns/kern';
import { crget, type Ucred } from '@ns/vnet';
import { type ConnectOptions, normalizeArgs, validateBoolean, validateInt32 } from './args.ts';
import { NetContext } from './context.ts';
import type { ControlSocket, ReceivedControl } from './dgram-control.ts';
import { type DgramOptions, NodeDgram, type RemoteInfo } from './dgram.ts';
import type { Handle } from './handle.ts';
import { NodeServer, type ServerOptions } from './server.ts';
import { NodeSocket, type SocketOptions } from './socket.ts';

/**
 * Where sockets are to live: a vnet (as its superuser), or what has a credential, such as a jail of package `vnet` or `stack`.
 * @public
 */
export type NetTarget = Vnet | { readonly cred: Ucred };

/**
 * Choices for {@link createNet} and {@link createDgram}.
 * @public
 */
export interface NetOptions {
  /** Resolves names, as `dns.lookup` does, which is the default; `localhost` is the stack's own loopback then. */
  readonly lookup?: nodeNet.LookupFunction;
  /** Name of the network stack of the sockets, such as `host`; by default that of the jail, or the kernel's. */
  readonly netstack?: string;
}

/**
 * The shape of `node:net`.
 * @public
 */
export type NetModule = typeof nodeNet;

/**
 * The shape of `node:dgram`.
 * @public
 */
export type DgramModule = Pick<typeof nodeDgram, 'createSocket' | 'Socket'>;

/**
 * What the listener of `message` is given: a Buffer, as Node's types of the day have it.
 * @public
 */
export type DgramMessage = Parameters<NonNullable<Parameters<typeof nodeDgram.createSocket>[1]>>[0];

/**
 * `node:dgram`, and ancillary data.
 * @public
 */
export interface ControlDgramModule extends Pick<typeof nodeDgram, 'Socket'> {
  /** `dgram.createSocket()`; with `control: true` the `rinfo` of a message has {@link ReceivedControl} as `control`. */
  createSocket(type: nodeDgram.SocketType, listener?: (msg: DgramMessage, rinfo: nodeDgram.RemoteInfo) => void): nodeDgram.Socket & ControlSocket;
  /** See above. */
  createSocket(options: nodeDgram.SocketOptions & { control?: boolean }, listener?: (msg: DgramMessage, rinfo: nodeDgram.RemoteInfo & { control?: ReceivedControl }) => void): nodeDgram.Socket & ControlSocket;
}

/** The shortest time that `setDefaultAutoSelectFamilyAttemptTimeout()` takes. */
const ATTEMPT_MIN_MS = 10;

/**
 * `node:net` over a stack of this package: the same functions and classes, with sockets that live in `target`. Application code that is given this object instead of
 * the module runs unchanged. Local sockets (`path`) and descriptors (`fd`) are refused with ERR_INVALID_ARG_VALUE.
 *
 * ```ts
 * const net = createNet(jail);
 * net.createServer((s) => s.pipe(s)).listen(7);
 * ```
 * @public
 */
export function createNet(target: NetTarget, options: NetOptions = {}): NetModule {
  const ctx = contextOf(target, options);
  const BoundSocket = class Socket extends NodeSocket {
    constructor(o?: SocketOptions, accepted: Handle | null = null) {
      if (typeof o === 'number') throw new TypeError('a descriptor belongs to the operating system');
      super(ctx, o ?? {}, accepted instanceof Object ? accepted : null);
    }

    /** For `connect()`: arguments that have been sorted out. */
    static connect(args: readonly unknown[]): Socket {
      const normalized = normalizeArgs<ConnectOptions & SocketOptions>(args);
      const s = new this(normalized.options);
      if (normalized.options.timeout) s.setTimeout(normalized.options.timeout);
      return s.connectTo(normalized);
    }
  };
  const BoundServer = class Server extends NodeServer {
    constructor(o?: ServerOptions | ((s: NodeSocket) => void), listener?: (s: NodeSocket) => void) {
      super(ctx, o, listener);
    }
  };
  // With `captureRejections` an async listener that fails costs its connection, not the server.
  Object.defineProperty(BoundServer.prototype, EventEmitter.captureRejectionSymbol, { value: rejected, configurable: true, writable: true });
  ctx.accepted = (o, h): NodeSocket => new BoundSocket(o, h);
  const Socket = callable(BoundSocket);
  const Server = callable(BoundServer);
  const connect = (...args: unknown[]): NodeSocket => BoundSocket.connect(args);
  const module = {
    Socket,
    Stream: Socket,
    Server,
    connect,
    createConnection: connect,
    createServer: (o?: ServerOptions, listener?: (s: NodeSocket) => void): NodeServer => new BoundServer(o, listener),
    isIP: net.isIP,
    isIPv4: net.isIPv4,
    isIPv6: net.isIPv6,
    BlockList: net.BlockList,
    SocketAddress: net.SocketAddress,
    getDefaultAutoSelectFamily: (): boolean => ctx.autoSelectFamily,
    setDefaultAutoSelectFamily: (value: boolean): void => {
      validateBoolean(value, 'value');
      ctx.autoSelectFamily = value;
    },
    getDefaultAutoSelectFamilyAttemptTimeout: (): number => ctx.autoSelectFamilyAttemptTimeout,
    setDefaultAutoSelectFamilyAttemptTimeout: (value: number): void => {
      validateInt32(value, 'value', 1);
      ctx.autoSelectFamilyAttemptTimeout = Math.max(value, ATTEMPT_MIN_MS);
    },
  };
  return module as unknown as NetModule;
}

/**
 * `node:dgram` over a stack of this package.
 *
 * ```ts
 * createDgram(jail).createSocket('udp4').send('hello', 9, '10.0.0.1');
 * ```
 * @public
 */
export function createDgram(target: NetTarget, options: NetOptions = {}): ControlDgramModule {
  const ctx = contextOf(target, options);
  const BoundSocket = class Socket extends NodeDgram {
    constructor(type: 'udp4' | 'udp6' | DgramOptions, listener?: (msg: Buffer, rinfo: RemoteInfo) => void) {
      super(ctx, type, listener);
    }
  };
  const createSocket = (type: 'udp4' | 'udp6' | DgramOptions, listener?: (msg: Buffer, rinfo: RemoteInfo) => void): NodeDgram => new BoundSocket(type, listener);
  return { Socket: callable(BoundSocket), createSocket } as unknown as ControlDgramModule;
}

function contextOf(target: NetTarget, options: NetOptions): NetContext {
  const cred = 'cred' in target ? target.cred : crget(target);
  return new NetContext(cred, options, noSockets);
}

function rejected(this: NodeServer, error: Error, event: string, arg: unknown): void {
  if (event === 'connection') (arg as NodeSocket).destroy(error);
  else this.emit('error', error);
}

function noSockets(): NodeSocket {
  throw new Error('this context accepts no connections');
}

/** A constructor that may be called without `new`, as those of Node may. */
function callable<C extends new (...args: never[]) => object>(base: C): C {
  const f = function (this: unknown, ...args: never[]): object {
    return Reflect.construct(base, args, new.target ?? base) as object;
  };
  Object.defineProperty(f, 'name', { value: base.name });
  Object.setPrototypeOf(f, base);
  f.prototype = base.prototype as object;
  Object.defineProperty(base.prototype, 'constructor', { value: f, configurable: true, writable: true });
  return f as unknown as C;
}
