import { errnoName } from '@ns/errno';
import { IFNET_KPI, SIOCSIFVNET } from '@ns/ifnet-kpi';
import { ifioctl, ifunit } from '@ns/ifnet';
import { type Kernel, type ModuleDecl, virtualHost, type VirtualHost, type Vnet } from '@ns/kern';
import { type Socket, sobind, soclose, soconnect, socreate, sogetopt, solisten, solistenDequeue, sosetopt, SOCK_STREAM, SOL_SOCKET, SO_ACCEPT, SO_RCVBUF, SO_SNDBUF } from '@ns/socket';
import { createStack, defaultModules, type Stack, type StackJail } from '@ns/stack';
import { TCP, tcp, TCP_INFO, type TcpInfo, type TcpVnet } from '@ns/tcp';
import { AF_INET, AF_INET6, IN6ADDR_ANY, INADDR_ANY, type InAddr, IPPROTO_TCP, parseInAddr, Sockaddr } from '@ns/wire';
import { LabCapture } from './capture.ts';
import type { LabEndpoint } from './endpoint.ts';
import type { LabLinkOptions } from './link-options.ts';
import { type LabLink, labLinkAttach } from './link.ts';
import { labLink } from './link-module.ts';
import { Pattern } from './pattern.ts';
import { LabTransfer, type LabTransferOptions, type LabTransferReport } from './transfer.ts';

/** Addresses of the two sides in each family. */
const ADDRESSES = {
  inet: { af: AF_INET, a: '10.0.0.1', b: '10.0.0.2' },
  inet6: { af: AF_INET6, a: '2001:db8::1', b: '2001:db8::2' },
} as const;
/** Virtual time after which a lab has to be at rest: TIME_WAIT, FIN_WAIT_2, unanswered retransmissions and ARP are over by then, µs. */
const REST_US = 1_800_000_000;
const HANDSHAKE_LIMIT_US = 300_000_000;

/** The two ends of a lab. @public */
export type LabSideName = 'a' | 'b';

/**
 * What {@link lab} may be told.
 * @public
 */
export interface LabOptions {
  /** Seed of the hosts, the link and the data; default 1. */
  readonly seed?: number;
  /** Address family of the sockets; default `inet`. Duplicate address detection is off in a lab unless `net.inet6.ip6.dad_count` is given, so addresses are good at once. */
  readonly family?: 'inet' | 'inet6';
  /** 1 (default): two jails in one kernel. 2: two kernels on one clock, which share nothing. */
  readonly kernels?: 1 | 2;
  /** The link between them; its seed is the lab's unless given. */
  readonly link?: LabLinkOptions;
  /** Sysctls of both sides, set before anything happens. */
  readonly sysctls?: Readonly<Record<string, number | string>>;
  /** Sysctls of one side, after the common ones. */
  readonly sysctlsA?: Readonly<Record<string, number | string>>;
  /** Those of b. */
  readonly sysctlsB?: Readonly<Record<string, number | string>>;
  /** Modules besides the default ones: an algorithm under test, say. */
  readonly extra?: readonly ModuleDecl[];
  /** Names of default modules to do without: with neither `ip6` nor `nd6`, nothing that IPv6 sends by itself crosses the link. */
  readonly without?: readonly string[];
  /** First value of the clock, µs; default 1e9, an hour that is not zero. */
  readonly startUs?: number;
  /** Overwrite memory that is given back, so that use after that shows; default true. */
  readonly poison?: boolean;
}

/** One side of a lab. @public */
export class LabSide {
  /** Which side it is. */
  readonly name: LabSideName;
  /** The stack that it is in. */
  readonly stack: Stack;
  /** Its jail. */
  readonly jail: StackJail;
  /** Its interface on the link. */
  readonly ifname: string;
  /** Its address on the link. */
  readonly addr: string;
  /** AF_INET or AF_INET6. */
  readonly af: number;

  constructor(name: LabSideName, stack: Stack, jail: StackJail, family: 'inet' | 'inet6' = 'inet') {
    this.name = name;
    this.stack = stack;
    this.jail = jail;
    this.ifname = `lab0${name}`;
    this.addr = ADDRESSES[family][name];
    this.af = ADDRESSES[family].af;
  }

  /** Its vnet. */
  get vnet(): Vnet {
    return this.jail.vnet;
  }

  /** Its kernel. */
  get kernel(): Kernel {
    return this.stack.kernel;
  }

  /** TCP's state of the vnet: counters, sysctls. */
  get tcp(): TcpVnet {
    return TCP.get(this.vnet);
  }

  /** A stream socket, with buffers of that size if given. Throws what socreate says. */
  socket(buffers: { readonly sndbuf?: number | undefined; readonly rcvbuf?: number | undefined } = {}): Socket {
    const so = socreate(this.vnet, this.af, SOCK_STREAM, 0, this.jail.cred);
    if (typeof so === 'number') throw new Error(`socreate: ${errnoName(so)}`);
    if (buffers.sndbuf !== undefined) must(sosetopt(so, SOL_SOCKET, SO_SNDBUF, buffers.sndbuf), 'SO_SNDBUF');
    if (buffers.rcvbuf !== undefined) must(sosetopt(so, SOL_SOCKET, SO_RCVBUF, buffers.rcvbuf), 'SO_RCVBUF');
    return so;
  }
}

/** Both sockets of an established connection. @public */
export interface LabConnection {
  /** The active side's, and its name. */
  readonly client: Socket;
  /** Which side that is. */
  readonly clientSide: LabSideName;
  /** The passive side's. */
  readonly server: Socket;
  /** From connect() until both sides had it, µs. */
  readonly handshakeUs: number;
}

/** What {@link Lab.connect} may be told. @public */
export interface LabConnectOptions {
  /** Who connects; default a. */
  readonly from?: LabSideName;
  /** Port that is listened on; default 5001. */
  readonly port?: number;
  /** Buffer of either socket, bytes; default: the stack's, which grow by themselves. */
  readonly sndbuf?: number | undefined;
  /** Receive buffer of either socket, bytes. */
  readonly rcvbuf?: number | undefined;
  /** How long to wait, µs of virtual time. */
  readonly limitUs?: number;
}

export function must(errno: number, what: string): void {
  if (errno !== 0) throw new Error(`${what}: ${errnoName(errno)}`);
}

/** A socket that accepts: what came is kept in order. */
class Listener {
  readonly so: Socket;
  readonly queue: Socket[];

  constructor(side: LabSide, port: number, options: LabConnectOptions) {
    this.so = side.socket({ sndbuf: options.sndbuf, rcvbuf: options.rcvbuf });
    this.queue = [];
    must(sobind(this.so, new Sockaddr(side.af === AF_INET ? INADDR_ANY : IN6ADDR_ANY, port), side.jail.cred), 'bind');
    this.so.upcall = this;
    must(solisten(this.so, 128), 'listen');
  }

  soupcall(_so: Socket, events: number): void {
    if ((events & SO_ACCEPT) === 0) return;
    for (let so = solistenDequeue(this.so); typeof so !== 'number'; so = solistenDequeue(this.so)) this.queue.push(so);
  }
}

/**
 * Two stacks joined by a simulated link, in virtual time. Nothing moves but by {@link Lab.advance}, {@link Lab.until}, {@link Lab.connect}, {@link Lab.transfer}.
 * @public
 */
export class Lab {
  /** Where time comes from. */
  readonly host: VirtualHost;
  /** 10.0.0.1, or 2001:db8::1. */
  readonly a: LabSide;
  /** 10.0.0.2, or 2001:db8::2. */
  readonly b: LabSide;
  /** What joins them. */
  readonly link: LabLink;
  /** Seed of the data. */
  readonly seed: number;
  private readonly listeners: Map<string, Listener>;
  private readonly patterns: Map<number, Pattern>;
  private readonly open: Set<LabEndpoint>;
  private readonly captures: LabCapture[];
  private sockets: Socket[];

  /** For {@link lab}. */
  constructor(options: LabOptions) {
    this.seed = options.seed ?? 1;
    this.host = virtualHost({ seed: this.seed, startUs: options.startUs ?? 1_000_000_000 });
    this.listeners = new Map();
    this.patterns = new Map();
    this.open = new Set();
    this.captures = [];
    this.sockets = [];
    const without = options.without ?? [];
    const modules = defaultModules().filter((m) => !without.includes(m.name)).map((m) => (m.name === 'tcp' ? tcp({ invariants: true }) : m));
    const boot = (host: Parameters<typeof createStack>[0]): Stack => createStack({ ...host, modules, extra: [labLink(), ...(options.extra ?? [])] });
    const one = boot({ host: this.host });
    const two = options.kernels === 2 ? boot({ host: this.host.sibling({ seed: this.seed + 1 }) }) : one;
    for (const s of [one, two]) s.kernel.mbufs.poison = options.poison ?? true;
    const place = (s: Stack): Parameters<typeof labLinkAttach>[0] => ({ kpi: s.kernel.service(IFNET_KPI), vnet: s.host.vnet });
    const link = labLinkAttach(place(one), place(two), 0, { seed: this.seed, ...options.link });
    if (typeof link === 'number') throw new Error(`lab0: ${errnoName(link)}`);
    this.link = link;
    const family = options.family ?? 'inet';
    this.a = new LabSide('a', one, one.jail({ name: 'a', vnet: 'new' }), family);
    this.b = new LabSide('b', two, two.jail({ name: 'b', vnet: 'new' }), family);
    const base = family === 'inet6' ? { 'net.inet6.ip6.dad_count': 0, ...options.sysctls } : options.sysctls;
    this.setup(this.a, { ...base, ...options.sysctlsA });
    this.setup(this.b, { ...base, ...options.sysctlsB });
    this.host.settle();
  }

  private setup(side: LabSide, sysctls: Readonly<Record<string, number | string>>): void {
    const { stack, jail, ifname } = side;
    for (const [name, value] of Object.entries(sysctls)) (name.startsWith('net.') ? jail : stack.host).sysctl(name, value);
    must(ifioctl(stack.host.vnet, SIOCSIFVNET, { cmd: SIOCSIFVNET, name: ifname, jid: jail.jid }, stack.host.cred), 'SIOCSIFVNET');
    jail.addAddress(ifname, `${side.addr}/${side.af === AF_INET ? 24 : 64}`);
  }

  /** The side of that name, and the other. */
  side(name: LabSideName): LabSide {
    return name === 'a' ? this.a : this.b;
  }

  /** The side opposite. */
  peerOf(name: LabSideName): LabSide {
    return name === 'a' ? this.b : this.a;
  }

  /** Virtual time, µs. */
  get nowUs(): number {
    return this.host.clock.nowUs();
  }

  /** Lets `us` microseconds pass. */
  advance(us: number): void {
    this.host.advance(us);
    this.flush();
  }

  /** Lets time pass until `pred` holds; false if it does not within `limitUs`. */
  until(pred: () => boolean, limitUs: number): boolean {
    const ok = this.host.runUntil(() => {
      if (this.captures.length > 0) this.flush();
      return pred();
    }, limitUs);
    this.flush();
    return ok;
  }

  /** The bytes that `seed` stands for. */
  pattern(seed: number): Pattern {
    let p = this.patterns.get(seed);
    if (p === undefined) {
      p = new Pattern(seed);
      this.patterns.set(seed, p);
    }
    return p;
  }

  /** Makes a connection. The sockets are closed by {@link Lab.finish} at the latest. Throws if it does not come about. */
  connect(options: LabConnectOptions = {}): LabConnection {
    const from = options.from ?? 'a';
    const begin = this.nowUs;
    const client = this.dial(options);
    const l = this.listener(from, options);
    if (!this.until(() => l.queue.length > 0 || client.error !== 0, options.limitUs ?? HANDSHAKE_LIMIT_US) || l.queue.length === 0) {
      throw new Error(`no connection: ${errnoName(client.error)}`);
    }
    const server = l.queue.shift() as Socket;
    this.sockets.push(server);
    return { client, clientSide: from, server, handshakeUs: this.nowUs - begin };
  }

  /** Begins to connect and returns at once; {@link Lab.accepted} gives the other end when it is there. */
  dial(options: LabConnectOptions = {}): Socket {
    const from = options.from ?? 'a';
    this.listener(from, options);
    const side = this.side(from);
    const so = side.socket({ sndbuf: options.sndbuf, rcvbuf: options.rcvbuf });
    this.sockets.push(so);
    must(soconnect(so, new Sockaddr(parseInAddr(this.peerOf(from).addr) as InAddr, options.port ?? 5001), side.jail.cred), 'connect');
    return so;
  }

  /** The next connection that came in at the side opposite `from`, or null. */
  accepted(options: LabConnectOptions = {}): Socket | null {
    const so = this.listener(options.from ?? 'a', options).queue.shift() ?? null;
    if (so !== null) this.sockets.push(so);
    return so;
  }

  /** Sends bytes over a connection of its own (or a given one), checks each of them, ends the connection, and tells how it went. */
  transfer(bytes: number, options: LabTransferOptions = {}): LabTransferReport {
    return this.complete(this.begin(bytes, options));
  }

  /** Begins a transfer and returns: others may run beside it. */
  begin(bytes: number, options: LabTransferOptions = {}): LabTransfer {
    const t = new LabTransfer(this, bytes, options);
    t.start();
    return t;
  }

  /** Lets time pass until a transfer is over, and tells how it went. Counters in the report are those of the whole vnet. */
  complete(t: LabTransfer): LabTransferReport {
    return t.complete();
  }

  /** TCP_INFO of a socket. */
  info(so: Socket): TcpInfo {
    const got: unknown = sogetopt(so, IPPROTO_TCP, TCP_INFO);
    if (typeof got === 'number') throw new Error(`TCP_INFO: ${errnoName(got)}`);
    return got as TcpInfo;
  }

  /** Captures what passes the interface of a side from now on, as pcapng. */
  capture(side: LabSideName = 'a', snaplen: number = 128): LabCapture {
    const s = this.side(side);
    const ifp = ifunit(s.vnet, s.ifname);
    if (ifp === null) throw new Error(`${s.ifname} is gone`);
    const c = new LabCapture(ifp, snaplen);
    this.captures.push(c);
    return c;
  }

  /** Keeps track of an endpoint, to close it at the end. */
  adopt(e: LabEndpoint): LabEndpoint {
    this.open.add(e);
    this.sockets = this.sockets.filter((so) => so !== e.so);
    return e;
  }

  /** Closes the ends of a finished transfer. */
  drop(e: LabEndpoint): void {
    e.close();
    this.open.delete(e);
  }

  /**
   * Ends everything and says what was left behind; empty if nothing was: sockets are closed, half an hour passes, jails are removed (their reports clean), no mbuf is
   * out, the kernels shut down with nothing in their ledgers.
   */
  finish(): readonly string[] {
    const problems: string[] = [];
    for (const e of this.open) e.close();
    for (const so of this.sockets) soclose(so);
    for (const l of this.listeners.values()) {
      for (const so of l.queue) soclose(so);
      l.so.upcall = null;
      soclose(l.so);
    }
    this.link.ab.options.drop = null;
    this.link.ba.options.drop = null;
    this.advance(REST_US);
    for (const c of this.captures) c.close();
    for (const side of [this.a, this.b]) {
      const left = TCP.get(side.vnet).pcbinfo.count;
      if (left !== 0) problems.push(`${side.name}: ${left} connections have not ended`);
      for (const r of side.jail.remove()) if (!r.clean) problems.push(`${r.name}: ${JSON.stringify(r.leftovers)} ${r.problems.join('; ')}`);
    }
    this.host.advance(1_000_000);
    this.link.detach();
    for (const stack of new Set([this.a.stack, this.b.stack])) {
      if (stack.kernel.mbufs.outstanding !== 0) problems.push(`${stack.kernel.mbufs.outstanding} mbufs are out`);
      const r = stack.shutdown();
      if (r.leftovers.length > 0 || r.problems.length > 0) problems.push(`shutdown: ${JSON.stringify(r.leftovers)} ${r.problems.join('; ')}`);
    }
    return problems;
  }

  private listener(from: LabSideName, options: LabConnectOptions): Listener {
    const port = options.port ?? 5001;
    const key = `${from}:${port}`;
    let l = this.listeners.get(key);
    if (l === undefined) {
      l = new Listener(this.peerOf(from), port, options);
      this.listeners.set(key, l);
    }
    return l;
  }

  private flush(): void {
    for (const c of this.captures) c.flush();
  }
}

/**
 * Makes a lab: two stacks or two jails on a simulated link, addresses 10.0.0.1 and 10.0.0.2, everything up.
 *
 * ```ts
 * const l = lab({ seed: 7, link: { delayUs: 5000, bandwidth: 10_000_000, loss: 0.01 } });
 * const r = l.transfer(1 << 20);
 * r.goodput; // bits a second
 * l.finish(); // []
 * ```
 * @public
 */
export function lab(options: LabOptions = {}): Lab {
  return new Lab(options);
}
