import type { LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { ETIMEDOUT, exceptionWithHostPort, type NetError } from '@ns/errno';
import { type ConnectOptions, validateBoolean, validateFunction, validateInt32, validateNumber, validatePort } from './args.ts';
import type { Connection } from './connection.ts';
import type { NetContext } from './context.ts';
import { invalidArgType, invalidIpAddress, nodeError } from './errors.ts';
import { Handle, type HandleOwner } from './handle.ts';
import type { NodeSocket } from './socket.ts';

/** The shortest time that one of several addresses is given, milliseconds. */
const ATTEMPT_MIN_MS = 10;

interface Address {
  readonly address: string;
  readonly family: number;
}

/**
 * From a host name to a connection: resolves, tries one address after the other, and gives the socket the handle that got through.
 * Source: Node lib/net.js, lookupAndConnect(), internalConnect(), internalConnectMultiple().
 */
export class Connector implements HandleOwner {
  private readonly socket: NodeSocket;
  private readonly conn: Connection;
  private readonly ctx: NetContext;
  private readonly options: ConnectOptions;
  private readonly port: number;
  private readonly attemptMs: number;
  private readonly autoSelect: boolean;
  private addresses: readonly Address[];
  private current: number;
  private handle: Handle | null;
  private timer: NodeJS.Timeout | null;
  private readonly errors: Error[];
  private cancelled: boolean;

  /** Throws for options that are wrong. */
  constructor(socket: NodeSocket, conn: Connection, ctx: NetContext, options: ConnectOptions) {
    const { localAddress, localPort, port } = options;
    if (localAddress && isIP(localAddress) === 0) throw invalidIpAddress(localAddress);
    if (localPort) validateNumber(localPort, 'options.localPort');
    if (typeof port !== 'number' && typeof port !== 'string') throw invalidArgType('options.port', 'one of type number or string', port);
    this.port = validatePort(port);
    const auto = options.autoSelectFamily ?? ctx.autoSelectFamily;
    validateBoolean(auto, 'options.autoSelectFamily');
    const ms = options.autoSelectFamilyAttemptTimeout ?? ctx.autoSelectFamilyAttemptTimeout;
    validateInt32(ms, 'options.autoSelectFamilyAttemptTimeout', 1);
    if (options.lookup != null) validateFunction(options.lookup, 'options.lookup');
    this.socket = socket;
    this.conn = conn;
    this.ctx = ctx;
    this.options = options;
    this.attemptMs = Math.max(ms, ATTEMPT_MIN_MS);
    this.autoSelect = auto;
    this.addresses = [];
    this.current = 0;
    this.handle = null;
    this.timer = null;
    this.errors = [];
    this.cancelled = false;
  }

  /** Begins; nothing happens before the next tick. */
  start(): void {
    const host = this.options.host || 'localhost';
    const family = isIP(host);
    if (family !== 0) {
      process.nextTick(() => this.try([{ address: host, family }]));
      return;
    }
    const lookup: LookupFunction = this.options.lookup ?? this.ctx.lookup;
    const wanted = lookupOptions(this.options, false).family;
    if (wanted !== 4 && wanted !== 6 && !this.options.localAddress && this.autoSelect) {
      lookup(host, lookupOptions(this.options, true), (err, found, one) => this.resolvedAll(host, err, found, one));
      return;
    }
    lookup(host, lookupOptions(this.options, false), (err, address, one) => this.resolved(host, err, address as string, one));
  }

  /** The socket is destroyed: no further attempt, no further event. */
  cancel(): void {
    this.cancelled = true;
    this.clearTimer();
    this.handle = null; // the socket has it, and closes it
  }

  private resolved(host: string, err: Error | null, address: string, family: number | undefined): void {
    this.socket.emit('lookup', err, address, family, host);
    if (this.cancelled) return;
    const error = err ?? this.addressError(address, family);
    if (error !== null) process.nextTick(() => this.fail(error));
    else this.try([{ address, family: family as number }]);
  }

  /** All addresses: tried one after the other, the families in turn, beginning with that of the first. */
  private resolvedAll(host: string, err: Error | null, found: unknown, one: number | undefined): void {
    if (this.cancelled) return;
    if (err !== null) {
      this.socket.emit('lookup', err, undefined, undefined, host);
      process.nextTick(() => this.fail(err));
      return;
    }
    // A lookup function that knows nothing of `all` gives one address.
    const list = typeof found === 'string' ? [{ address: found, family: one ?? 0 }] : (found as readonly Address[]);
    const groups = new Map<number, Address[]>();
    for (const a of list) {
      this.socket.emit('lookup', null, a.address, a.family, host);
      if (this.cancelled) return;
      if (this.addressError(a.address, a.family) !== null) continue;
      const group = groups.get(a.family) ?? [];
      if (!group.some((b) => b.address === a.address)) group.push(a);
      groups.set(a.family, group);
    }
    if (groups.size === 0) {
      const error = this.addressError(list[0]?.address, list[0]?.family) as Error;
      process.nextTick(() => this.fail(error));
      return;
    }
    this.try(alternate([...groups.values()]));
  }

  private addressError(address: unknown, family: unknown): Error | null {
    if (typeof address !== 'string' || isIP(address) === 0) return invalidIpAddress(address);
    if (family === 4 || family === 6) return null;
    const { host, port } = this.options;
    const e = nodeError(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', `Invalid address family: ${String(family)} ${host}:${port}`);
    return Object.assign(e, { host, port });
  }

  private try(addresses: readonly Address[]): void {
    if (this.cancelled) return;
    this.addresses = addresses;
    this.conn.active();
    if (addresses.length > 1) this.socket.autoSelectFamilyAttemptedAddresses = [];
    this.next();
  }

  /** Tries the next address. */
  private next(): void {
    this.clearTimer();
    if (this.cancelled) return;
    const a = this.addresses[this.current++];
    if (a === undefined) {
      this.exhausted();
      return;
    }
    const h = Handle.open(this.ctx, a.family === 6);
    if (typeof h === 'number') {
      const error = exceptionWithHostPort(h, 'connect', a.address, this.port);
      if (this.single) this.fail(error);
      else this.failed(a, error);
      return;
    }
    this.handle = h;
    h.owner = this;
    this.conn.use(h);
    const bound = this.bind(h, a);
    if (bound !== null) {
      if (this.single) this.fail(bound);
      else {
        this.errors.push(bound);
        this.next();
      }
      return;
    }
    this.socket.emit('connectionAttempt', a.address, this.port, a.family);
    if (this.cancelled) return;
    if (!this.single) this.socket.autoSelectFamilyAttemptedAddresses?.push(`${a.address}:${this.port}`);
    const errno = h.connect(a.address, this.port);
    if (errno !== 0 && this.single) this.fail(this.refused(h, errno, a));
    else if (errno !== 0) this.failed(a, this.refused(h, errno, a));
    else if (this.current < this.addresses.length) this.timer = setTimeout(() => this.timedOut(a), this.attemptMs);
  }

  private bind(h: Handle, a: Address): NetError | null {
    const { localAddress, localPort } = this.options;
    if (!localAddress && !localPort) return null;
    const address = (this.single && localAddress) || (a.family === 6 ? '::' : '0.0.0.0');
    const errno = h.bind(address, localPort ?? 0);
    return errno === 0 ? null : exceptionWithHostPort(errno, 'bind', address, localPort);
  }

  /** `connect()` itself failed: the message tells the local end, as Node's does. */
  private refused(h: Handle, errno: number, a: Address): NetError {
    const local = h.sockname();
    return exceptionWithHostPort(errno, 'connect', a.address, this.port, `${local?.address ?? '0.0.0.0'}:${local?.port ?? 0}`);
  }

  private attemptError(errno: number, a: Address): NetError {
    const { localAddress, localPort } = this.options;
    const tell = localAddress && localPort;
    const e = exceptionWithHostPort(errno, 'connect', a.address, this.port, tell ? `${localAddress}:${localPort}` : undefined);
    return tell ? Object.assign(e, { localAddress, localPort }) : e;
  }

  onConnect(errno: number): void {
    this.clearTimer();
    const a = this.addresses[this.current - 1] as Address;
    if (errno !== 0) this.failed(a, this.attemptError(errno, a));
    else if (!this.cancelled) this.conn.established(this.handle as Handle);
  }

  onReadable(): void {}

  onWritable(): void {}

  private timedOut(a: Address): void {
    this.socket.emit('connectionAttemptTimeout', a.address, this.port, a.family);
    this.errors.push(this.attemptError(ETIMEDOUT, a));
    this.next();
  }

  private failed(a: Address, error: Error): void {
    if (this.cancelled) return;
    this.socket.emit('connectionAttemptFailed', a.address, this.port, a.family, error);
    if (this.cancelled) return;
    if (this.single) {
      this.fail(error);
      return;
    }
    this.errors.push(error);
    this.next();
  }

  private exhausted(): void {
    if (this.errors.length === 0) {
      this.fail(nodeError(Error, 'ERR_SOCKET_CONNECTION_TIMEOUT', 'Socket connection timeout'));
      return;
    }
    const first = this.errors[0] as NetError;
    this.fail(Object.assign(new AggregateError(this.errors), { code: first.code }));
  }

  private fail(error: Error): void {
    if (!this.cancelled) this.socket.destroy(error);
  }

  private get single(): boolean {
    return this.addresses.length === 1;
  }

  private clearTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/** What a lookup function is asked for. A family is left out when none was given, as Node leaves it. */
function lookupOptions(options: ConnectOptions, all: boolean): LookupOptions {
  const { family } = options;
  const o = { family: family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family, hints: options.hints ?? 0 };
  return (all ? { ...o, all } : o) as LookupOptions;
}

/** First of each group, second of each group, and so on. */
function alternate(groups: readonly Address[][]): Address[] {
  const out: Address[] = [];
  const longest = Math.max(...groups.map((g) => g.length));
  for (let i = 0; i < longest; i++) for (const g of groups) if (g[i] !== undefined) out.push(g[i] as Address);
  return out;
}
