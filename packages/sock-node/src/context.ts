import dns from 'node:dns';
import net, { type LookupFunction } from 'node:net';
import { ENETDOWN } from '@ns/errno';
import { IFNET } from '@ns/ifnet';
import type { Vnet } from '@ns/kern';
import { type Socket, socreate } from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { AF_INET6, formatInAddr, type InAddr, inAddr6In, parseInAddr, splitZone } from '@ns/wire';
import type { Handle } from './handle.ts';
import type { NetOptions } from './net.ts';
import type { NodeSocket, SocketOptions } from './socket.ts';
import { Turns } from './turns.ts';

/** The longest delay that setInterval takes. */
const FOREVER_MS = 0x7fffffff;

/** What every socket of one `createNet()` shares: the stack it lives in, names, and what keeps the process alive meanwhile. */
export class NetContext {
  readonly vnet: Vnet;
  readonly cred: Ucred;
  readonly lookup: LookupFunction;
  /** Name of the network stack of the sockets; empty = that of the jail, or the kernel's. */
  readonly netstack: string;
  readonly turns: Turns;
  /** Makes the socket of a connection that a server has accepted. */
  accepted: (options: SocketOptions, handle: Handle) => NodeSocket;
  /** `net.setDefaultAutoSelectFamily()` */
  autoSelectFamily: boolean;
  /** `net.setDefaultAutoSelectFamilyAttemptTimeout()`, milliseconds. */
  autoSelectFamilyAttemptTimeout: number;
  private refs: number;
  private timer: NodeJS.Timeout | null;

  constructor(cred: Ucred, options: NetOptions, accepted: (options: SocketOptions, handle: Handle) => NodeSocket) {
    const { lookup, netstack = '' } = options;
    this.vnet = cred.vnet;
    this.cred = cred;
    this.netstack = netstack;
    this.lookup = lookup ?? defaultLookup;
    this.turns = new Turns();
    this.accepted = accepted;
    this.autoSelectFamily = net.getDefaultAutoSelectFamily();
    this.autoSelectFamilyAttemptTimeout = net.getDefaultAutoSelectFamilyAttemptTimeout();
    this.refs = 0;
    this.timer = null;
  }

  /** A new socket of the stack, or an errno: ENETDOWN when its vnet is gone. */
  socket(af: number, type: number): Socket | number {
    return this.vnet.shutdown ? ENETDOWN : socreate(this.vnet, af, type, 0, this.cred, this.netstack);
  }

  /** The address that a text says, its zone by the name of the interface or by its number; null when it says none. */
  parseAddr(text: string): InAddr | null {
    const [bare, zone] = splitZone(text);
    const a = parseInAddr(bare);
    if (zone === '' || a === null) return bare === text ? a : null;
    const index = IFNET.get(this.vnet).byName.get(zone)?.index ?? (/^[0-9]{1,9}$/.test(zone) ? Number(zone) : 0);
    return a.af !== AF_INET6 || index === 0 ? null : inAddr6In(a.w0, a.w1, a.w2, a.w3, index);
  }

  /** The text of an address, its zone by the name of the interface, as Node has it. */
  formatAddr(a: InAddr): string {
    const text = formatInAddr(a);
    if (a.zone === 0) return text;
    const ifp = IFNET.get(this.vnet).list.find((i) => i.index === a.zone);
    return ifp === undefined ? text : text.replace(/%.*/, `%${ifp.name}`);
  }

  /** One more open socket that keeps the process alive. */
  ref(): void {
    if (this.refs++ === 0) this.timer = setInterval(() => {}, FOREVER_MS);
  }

  /** One less. */
  unref(): void {
    if (--this.refs > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }
}

/** Whether one socket counts: opened, and neither closed nor unref'd. */
export class KeepAlive {
  private readonly ctx: NetContext;
  private open: boolean;
  private wanted: boolean;

  constructor(ctx: NetContext) {
    this.ctx = ctx;
    this.open = false;
    this.wanted = true;
  }

  setOpen(open: boolean): void {
    this.update(open, this.wanted);
  }

  setWanted(wanted: boolean): void {
    this.update(this.open, wanted);
  }

  private update(open: boolean, wanted: boolean): void {
    const was = this.open && this.wanted;
    this.open = open;
    this.wanted = wanted;
    const is = open && wanted;
    if (is && !was) this.ctx.ref();
    if (was && !is) this.ctx.unref();
  }
}

/** `localhost` is the loopback of the stack; other names are the operating system's to resolve. */
const defaultLookup: LookupFunction = (host, options: { family?: number | string | undefined; all?: boolean | undefined } | number, cb) => {
  if (host !== 'localhost') {
    (dns.lookup as LookupFunction)(host, options as never, cb);
    return;
  }
  const family = typeof options === 'number' ? options : options.family;
  const v6 = family === 6 || family === 'IPv6';
  const found = { address: v6 ? '::1' : '127.0.0.1', family: v6 ? 6 : 4 };
  if (typeof options !== 'number' && options.all === true) process.nextTick(cb, null, [found]);
  else process.nextTick(cb, null, found.address, found.family);
};
