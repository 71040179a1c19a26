import { EADDRINUSE, EAFNOSUPPORT, EALREADY, EBUSY, ECONNABORTED, ECONNREFUSED, ECONNRESET, EDESTADDRREQ, EINPROGRESS, EINVAL, EISCONN, EMSGSIZE, ENOPROTOOPT, ENOTCONN, EPROTONOSUPPORT, EPROTOTYPE } from '@ns/errno';
import { SeededRandom } from '@ns/kern';
import { type ExportCheck, netstackFind } from '@ns/netstack-kpi';
import {
  DgramInfo,
  MSG_PEEK,
  SHUT_WR,
  SO_DISCONNECTED,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_SETFIB,
  SO_TYPE,
  sobind,
  SOCK_DGRAM,
  SOCK_STREAM,
  soconnect,
  socreate,
  soreceiveBytes,
  soreceiveDgramBytes,
  sogetopt,
  SOL_SOCKET,
  solisten,
  sopeeraddr,
  sosendCopy,
  sosetopt,
  soshutdown,
  sosockaddr,
} from '@ns/socket';
import { JAIL_CREATE, JAILS } from '@ns/vnet';
import { inAddrEqual, IPPROTO_TCP, type Sockaddr } from '@ns/wire';
import type { SuiteRunner } from './api.ts';
import { End, NetstackRig, type NetstackUnderTest } from './netstack-rig.ts';

const TCP_NODELAY = 1;
const text = (b: Uint8Array): string => String.fromCharCode(...b);
const bytes = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

/**
 * What every network stack behind `socreate()` must do, as a suite: streams, datagrams, names, errors, ends, options, jails and unloading, through the socket layer. Runs on the
 * platform's time, since a stack may be the machine's own.
 *
 * ```ts
 * import { netstackSuite } from '@ns/testkit';
 * import { describe, expect, it } from 'vitest';
 *
 * netstackSuite({ describe, it, expect }, 'mine', { netstack: 'mine', boot: () => bootMine() });
 * ```
 * @public
 */
export function netstackSuite(t: SuiteRunner, name: string, dut: NetstackUnderTest): void {
  t.describe(`${name}: netstack conformance`, () => {
    methods(t, dut);
    streams(t, dut);
    streamEnds(t, dut);
    streamErrors(t, dut);
    datagrams(t, dut);
    options(t, dut);
    lives(t, dut);
  });
}

/** A test with a rig of its own, which must leave nothing behind. */
function rigged(t: SuiteRunner, dut: NetstackUnderTest, name: string, fn: (r: NetstackRig) => void | Promise<void>): void {
  t.it(name, async () => {
    const r = new NetstackRig(dut);
    await fn(r);
    t.expect(r.end()).toEqual({ leftovers: [], problems: [] });
  });
}

function methods(t: SuiteRunner, dut: NetstackUnderTest): void {
  rigged(t, dut, 'J10 answers each method of the interface', (r) => {
    const stack = netstackFind(r.kernel, dut.netstack);
    if (stack === null) throw new Error(`${dut.netstack} is not there`);
    t.expect([stack.name, typeof stack.version]).toEqual([dut.netstack, 'number']);
    const so = { fibnum: 0 };
    stack.socreate(so, { domain: r.addr.af }, { fibnum: 0 });
    t.expect(so.fibnum).toBe(0);
    t.expect([0, -1, 1.5, NaN, 1 << 20].map((fib) => stack.validFib(so, fib))).toEqual([true, false, false, false, false]);
    t.expect(Number.isInteger(stack.capabilities())).toBe(true);
    const out: ExportCheck = { flags: 0, anon: 0, secflavors: [] };
    t.expect(stack.vfsCheckExport({}, r.addr, out)).toBeGreaterThan(0);
    stack.vfsFreeExports({});
  });

  rigged(t, dut, 'makes sockets of what it has, and says what it has not', (r) => {
    const make = (af: number, type: number, proto: number): number => {
      const so = socreate(r.cred.vnet, af, type, proto, r.cred);
      if (typeof so === 'number') return so;
      new End(so).close();
      return 0;
    };
    t.expect([make(r.addr.af, SOCK_STREAM, 0), make(r.addr.af, SOCK_STREAM, IPPROTO_TCP), make(r.addr.af, SOCK_DGRAM, 17)]).toEqual([0, 0, 0]);
    t.expect([make(99, SOCK_STREAM, 0), make(r.addr.af, 77, 0), make(r.addr.af, SOCK_STREAM, 17)]).toEqual([EAFNOSUPPORT, EPROTOTYPE, EPROTONOSUPPORT]);
  });
}

function streams(t: SuiteRunner, dut: NetstackUnderTest): void {
  rigged(t, dut, 'J03 carries bytes both ways between a client and a server, who know their names', async (r) => {
    const { l, c, s } = await r.pair();
    const name = (sa: Sockaddr | number): Sockaddr => {
      if (typeof sa === 'number') throw new Error(`no name: ${sa}`);
      return sa;
    };
    t.expect(name(sopeeraddr(c.so)).port).toBe(r.portOf(l));
    t.expect(name(sopeeraddr(s.so)).port).toBe(name(sosockaddr(c.so)).port);
    t.expect(inAddrEqual(name(sosockaddr(s.so)).addr, r.addr)).toBe(true);
    await c.send(bytes('hello'));
    t.expect(text(await s.receive(5))).toBe('hello');
    await s.send(bytes('world'));
    t.expect(text(await c.receive(5))).toBe('world');
    for (const e of [c, s, l]) e.close();
  });

  rigged(t, dut, 'moves megabytes in order, and makes a fast sender wait for a slow reader', async (r) => {
    const { l, c, s } = await r.pair();
    const sent = new Uint8Array(8 << 20);
    new SeededRandom(1).fill(sent);
    const sending = c.send(sent).then((full) => {
      soshutdown(c.so, SHUT_WR);
      return full;
    });
    await new Promise<void>((resolve) => void queueMicrotask(resolve));
    const got = await s.receive(sent.length + 1);
    t.expect(await sending).toBeGreaterThan(0);
    t.expect(got.length).toBe(sent.length);
    t.expect(got.every((b, i) => b === sent[i])).toBe(true);
    for (const e of [c, s, l]) e.close();
  });

  rigged(t, dut, 'lets a reader look first', async (r) => {
    const { l, c, s } = await r.pair();
    await c.send(bytes('peek'));
    const buf = new Uint8Array(8);
    await s.until(() => soreceiveBytes(s.so, buf, 0, 8, MSG_PEEK) === 4);
    t.expect(text(await s.receive(4))).toBe('peek');
    for (const e of [c, s, l]) e.close();
  });

  rigged(t, dut, 'queues connections and hands them out in order', async (r) => {
    const l = await r.listener();
    const clients: End[] = [];
    for (let i = 0; i < 3; i++) {
      const c = r.connecting(r.portOf(l));
      t.expect(await c.outcome()).toBe(0);
      clients.push(c);
    }
    for (const c of clients) {
      const s = await r.accept(l);
      t.expect((sopeeraddr(s.so) as Sockaddr).port).toBe(r.portOf(c));
      s.close();
      c.close();
    }
    l.close();
  });
}

function streamEnds(t: SuiteRunner, dut: NetstackUnderTest): void {
  rigged(t, dut, 'ends one direction and goes on in the other', async (r) => {
    const { l, c, s } = await r.pair();
    await c.send(bytes('request'));
    t.expect(soshutdown(c.so, SHUT_WR)).toBe(0);
    t.expect(text(await s.receive(100))).toBe('request');
    t.expect(s.so.rcvErrno).toBe(0);
    await s.send(bytes('answer'));
    s.close();
    t.expect(text(await c.receive(100))).toBe('answer');
    t.expect(c.so.rcvErrno).toBe(0);
    for (const e of [c, l]) e.close();
  });

  rigged(t, dut, 'delivers what was sent before a close', async (r) => {
    const { l, c, s } = await r.pair();
    const sent = new Uint8Array(200_000).fill(7);
    const receiving = s.receive(sent.length + 1);
    await c.send(sent);
    t.expect(c.close()).toBe(0);
    t.expect((await receiving).length).toBe(sent.length);
    t.expect(s.so.rcvErrno).toBe(0);
    for (const e of [s, l]) e.close();
  });

  rigged(t, dut, 'resets a connection that is closed with SO_LINGER 0', async (r) => {
    const { l, c, s } = await r.pair();
    t.expect(sosetopt(c.so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: 0 })).toBe(0);
    c.close();
    t.expect((await s.receive(1)).length).toBe(0);
    t.expect(s.so.rcvErrno).toBe(ECONNRESET);
    for (const e of [s, l]) e.close();
  });

  rigged(t, dut, 'resets the queue of a listener that goes', async (r) => {
    const l = await r.listener();
    const c = r.connecting(r.portOf(l));
    t.expect(await c.outcome()).toBe(0);
    await l.until(() => (l.so.listen?.qlen ?? 0) > 0);
    l.close();
    t.expect((await c.receive(1)).length).toBe(0);
    t.expect(c.so.rcvErrno).toBe(ECONNRESET);
    c.close();
  });
}

function streamErrors(t: SuiteRunner, dut: NetstackUnderTest): void {
  rigged(t, dut, 'tells when nobody listens', async (r) => {
    const l = await r.listener();
    const port = r.portOf(l);
    l.close();
    const c = r.connecting(port);
    t.expect(await c.outcome()).toBe(ECONNREFUSED);
    c.close();
  });

  rigged(t, dut, 'tells when an address is taken', async (r) => {
    const l = await r.listener();
    const other = r.open(SOCK_STREAM);
    const errno = sobind(other.so, r.at(r.portOf(l)), r.cred) || solisten(other.so, 1);
    t.expect(errno === EINPROGRESS ? await other.outcome() : errno).toBe(EADDRINUSE);
    for (const e of [other, l]) e.close();
  });

  rigged(t, dut, 'refuses what does not fit the state', async (r) => {
    const idle = r.open(SOCK_STREAM);
    t.expect(sosendCopy(idle.so, null, bytes('x'), 0, 1, 0)).toBe(-ENOTCONN);
    t.expect([soreceiveBytes(idle.so, new Uint8Array(1), 0, 1, 0), sopeeraddr(idle.so), soshutdown(idle.so, SHUT_WR)]).toEqual([-ENOTCONN, ENOTCONN, ENOTCONN]);
    const l = await r.listener();
    const c = r.connecting(r.portOf(l));
    t.expect(soconnect(c.so, r.at(r.portOf(l)), r.cred)).toBe(EALREADY);
    t.expect(await c.outcome()).toBe(0);
    t.expect([soconnect(c.so, r.at(r.portOf(l)), r.cred), solisten(c.so, 1)]).toEqual([EISCONN, EINVAL]);
    const s = await r.accept(l);
    for (const e of [idle, c, s, l]) e.close();
  });
}

function datagrams(t: SuiteRunner, dut: NetstackUnderTest): void {
  const from = async (d: End, info: DgramInfo, room = 100): Promise<string> => {
    const buf = new Uint8Array(room);
    let n = 0;
    await d.until(() => {
      n = soreceiveDgramBytes(d.so, buf, 0, room, info, 0);
      return n >= 0;
    });
    return text(buf.subarray(0, n));
  };

  rigged(t, dut, 'carries datagrams with their sender, the empty one too', async (r) => {
    const a = r.dgram();
    const b = r.dgram();
    const info = new DgramInfo();
    t.expect(sosendCopy(a.so, r.at(r.portOf(b)), bytes('ping'), 0, 4, 0)).toBe(4);
    t.expect(await from(b, info)).toBe('ping');
    t.expect([info.from().port, inAddrEqual(info.from().addr, r.addr)]).toEqual([r.portOf(a), true]);
    t.expect(sosendCopy(b.so, info.from(), bytes(''), 0, 0, 0)).toBe(0);
    t.expect([await from(a, info), info.from().port]).toEqual(['', r.portOf(b)]);
    for (const e of [a, b]) e.close();
  });

  rigged(t, dut, 'has a peer when it is connected, and another one later', async (r) => {
    const a = r.dgram();
    const b = r.dgram();
    const c = r.dgram();
    const info = new DgramInfo();
    t.expect(sosendCopy(a.so, null, bytes('x'), 0, 1, 0)).toBe(-EDESTADDRREQ);
    t.expect(soconnect(a.so, r.at(r.portOf(b)), r.cred)).toBe(0);
    t.expect((sopeeraddr(a.so) as Sockaddr).port).toBe(r.portOf(b));
    t.expect(sosendCopy(a.so, null, bytes('to b'), 0, 4, 0)).toBe(4);
    t.expect(await from(b, info)).toBe('to b');
    t.expect(sosendCopy(a.so, r.at(r.portOf(c)), bytes('x'), 0, 1, 0)).toBe(-EISCONN);
    t.expect(soconnect(a.so, r.at(r.portOf(c)), r.cred)).toBe(0);
    t.expect(sosendCopy(a.so, null, bytes('to c'), 0, 4, 0)).toBe(4);
    t.expect(await from(c, info)).toBe('to c');
    for (const e of [a, b, c]) e.close();
  });

  rigged(t, dut, 'cuts what does not fit, and refuses what cannot be', async (r) => {
    const a = r.dgram();
    const b = r.dgram();
    const info = new DgramInfo();
    sosendCopy(a.so, r.at(r.portOf(b)), bytes('long one'), 0, 8, 0);
    t.expect([await from(b, info, 4), info.len]).toEqual(['long', 8]);
    t.expect(sosendCopy(a.so, r.at(r.portOf(b)), new Uint8Array(1 << 20), 0, 1 << 20, 0)).toBe(-EMSGSIZE);
    t.expect(solisten(a.so, 1)).toBeGreaterThan(0);
    const c = r.open(SOCK_DGRAM);
    t.expect(sobind(c.so, r.at(r.portOf(b)), r.cred)).toBe(EADDRINUSE);
    for (const e of [a, b, c]) e.close();
  });
}

function options(t: SuiteRunner, dut: NetstackUnderTest): void {
  rigged(t, dut, 'keeps options, and says which it does not have', async (r) => {
    const { l, c, s } = await r.pair();
    t.expect(sosetopt(c.so, IPPROTO_TCP, TCP_NODELAY, 1)).toBe(0);
    t.expect(Number(sogetopt(c.so, IPPROTO_TCP, TCP_NODELAY)) !== 0).toBe(true);
    t.expect(sosetopt(c.so, SOL_SOCKET, SO_KEEPALIVE, 1)).toBe(0);
    t.expect([sogetopt(c.so, SOL_SOCKET, SO_KEEPALIVE), sogetopt(c.so, SOL_SOCKET, SO_TYPE)]).toEqual([1, SOCK_STREAM]);
    t.expect(sosetopt(c.so, IPPROTO_TCP, 0x7ffe, 1)).toBe(ENOPROTOOPT);
    t.expect([sosetopt(c.so, SOL_SOCKET, SO_SETFIB, 1 << 20), sosetopt(c.so, SOL_SOCKET, SO_SETFIB, 0)]).toEqual([EINVAL, 0]);
    for (const e of [c, s, l]) e.close();
  });
}

function lives(t: SuiteRunner, dut: NetstackUnderTest): void {
  rigged(t, dut, 'J06 stays loaded while there are sockets, and goes without a trace', async (r) => {
    const { l, c, s } = await r.pair();
    for (const e of [c, s]) e.close();
    const refused = r.kernel.kldunload(`netstack_${dut.netstack}`);
    t.expect(refused.errno).toBe(EBUSY);
    t.expect((refused.holders ?? []).some((h) => h.kind === 'netstack')).toBe(true);
    t.expect(refused.message.includes(`netstack ${dut.netstack}.tcp`), refused.message).toBe(true);
    l.close();
    for (let i = 0; i < 50 && r.kernel.vnets.vnet0.ledger.total('netstack') > 0; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
    const gone = r.kernel.kldunload(`netstack_${dut.netstack}`);
    t.expect([gone.errno, gone.leftovers, gone.problems]).toEqual([0, undefined, undefined]);
    t.expect(socreate(r.cred.vnet, r.addr.af, SOCK_STREAM, 0, r.cred)).toBe(EAFNOSUPPORT);
  });

  rigged(t, dut, 'ends the sockets of a jail with the jail', async (r) => {
    const jails = r.kernel.service(JAILS);
    const made = jails.jailSet({ name: 'j', persist: true, ip4: 'inherit', ip6: 'inherit' }, JAIL_CREATE);
    if (made.jail === null) throw new Error(made.message);
    const { cred } = made.jail;
    const l = await r.listener();
    const c = r.connecting(r.portOf(l), cred);
    t.expect(await c.outcome()).toBe(0);
    const s = await r.accept(l);
    const jailed = await r.listener(4, cred);
    t.expect(jails.jailRemove(made.jail.jid).errno).toBe(0);
    await c.until(() => (c.events & SO_DISCONNECTED) !== 0);
    t.expect([c.takeError(), jailed.takeError()]).toEqual([ECONNABORTED, ECONNABORTED]);
    t.expect([(await s.receive(1)).length, s.so.rcvErrno]).toEqual([0, ECONNRESET]);
    for (const e of [s, l]) e.close();
  });
}
