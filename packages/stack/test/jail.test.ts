import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, ECONNREFUSED, EPERM, EPROTONOSUPPORT, EWOULDBLOCK } from '@ns/errno';
import { IP_HDRINCL, SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { virtualHost, type VirtualHost } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import {
  DgramInfo,
  sobind,
  SOCK_RAW,
  type Socket,
  soconnect,
  socreate,
  solisten,
  solistenDequeue,
  sopeeraddr,
  soreceiveDgram,
  sosendCopy,
  sosetopt,
  sosockaddr,
  SS_ISCONNECTED,
} from '@ns/socket';
import { JAIL_UPDATE, type JailParams, JAILS } from '@ns/vnet';
import { AF_INET, AF_INET6, ICMP_ECHO, type InAddr, IPPROTO_ICMP, IPPROTO_IP, parseInAddr, Sockaddr } from '@ns/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { createStack, type Stack, type StackJail } from '../src/index.ts';

const at = (address: string, port: number): Sockaddr => new Sockaddr(parseInAddr(address) as InAddr, port);

/** A host with three addresses on its cable, and on loopback; on the far end of the cable a machine of its own, `peer`, 10.0.0.9. */
class World {
  readonly host: VirtualHost = virtualHost({ seed: 3 });
  readonly stack: Stack = createStack({ host: this.host });
  readonly peer: StackJail = this.stack.jail({ name: 'peer', vnet: 'new' });

  constructor() {
    const { a } = this.stack.link(this.stack.host, '10.0.0.1/24', this.peer, '10.0.0.9/24');
    for (const address of ['10.0.0.2', '10.0.0.3', '10.0.0.4']) this.stack.host.addAddress(a, `${address}/32`);
    this.stack.host.addAddress('lo0', '127.0.0.1/8');
    this.host.settle();
  }

  /** A jail that shares the host's stack. */
  jail(params: JailParams): StackJail {
    return this.stack.jail(params);
  }

  set(name: string, params: JailParams): void {
    const r = this.stack.kernel.service(JAILS).jailSet({ name, ...params }, JAIL_UPDATE);
    expect(r.message).toBe('');
  }

  settle(): void {
    this.host.advance(50_000);
  }
}

let w: World;
afterEach(() => {
  expect(w.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

function open(j: StackJail, type: number, proto = 0): Socket {
  const so = socreate(j.vnet, AF_INET, type, proto, j.cred);
  if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
  return so;
}

const name = (so: Socket): string => String(sosockaddr(so));

function listen(j: StackJail, address: string, port: number): Socket {
  const so = open(j, SOCK_STREAM);
  expect(sobind(so, at(address, port), j.cred)).toBe(0);
  expect(solisten(so, 5)).toBe(0);
  return so;
}

/** What becomes of a connection attempt: `ok`, or the errno. */
function tryConnect(j: StackJail, address: string, port: number): 'ok' | number {
  const so = open(j, SOCK_STREAM);
  const errno = soconnect(so, at(address, port), j.cred);
  if (errno !== 0) return errno;
  w.settle();
  return (so.state & SS_ISCONNECTED) !== 0 ? 'ok' : so.error;
}

/** The far end of the connection that a listener has accepted, or null if there is none. */
function acceptedFrom(lso: Socket): string | null {
  const so = solistenDequeue(lso);
  return typeof so === 'number' ? null : String(sopeeraddr(so)).replace(/:[0-9]+$/, '');
}

function udp(j: StackJail, address: string, port: number): Socket {
  const so = open(j, SOCK_DGRAM);
  expect(sobind(so, at(address, port), j.cred)).toBe(0);
  return so;
}

function sendTo(so: Socket, address: string, port: number, text = 'x'): number {
  const bytes = new TextEncoder().encode(text);
  const n = sosendCopy(so, at(address, port), bytes, 0, bytes.length, 0);
  w.settle();
  return n;
}

/** Senders of the datagrams that wait. */
function senders(so: Socket): string[] {
  const out: string[] = [];
  const info = new DgramInfo();
  for (let m = soreceiveDgram(so, info, 0); m !== null; m = soreceiveDgram(so, info, 0)) {
    out.push(info.from().addr.toString());
    mFreem(m);
  }
  return out;
}

describe('a jail that shares the stack of its host, with one address', () => {
  it('binds to that address alone; the wildcard and 127.0.0.1 are it', () => {
    w = new World();
    const web = w.jail({ name: 'web', 'ip4.addr': '10.0.0.2' });
    const bind = (address: string): string | number => {
      const so = open(web, SOCK_STREAM);
      return sobind(so, at(address, 80), web.cred) || name(so);
    };
    expect(['10.0.0.1', '10.0.0.3', '192.0.2.1', '127.0.0.2'].map(bind)).toEqual([EADDRNOTAVAIL, EADDRNOTAVAIL, EADDRNOTAVAIL, EADDRNOTAVAIL]);
    expect(bind('0.0.0.0')).toBe('10.0.0.2:80');
    expect(bind('127.0.0.1')).toBe(EADDRINUSE); // the one before has it
    expect(socreate(web.vnet, AF_INET6, SOCK_STREAM, 0, web.cred)).toBe(EPROTONOSUPPORT);
  });

  it('hears what is for its address before the host does, and nothing else', () => {
    w = new World();
    const web = w.jail({ name: 'web', 'ip4.addr': '10.0.0.2' });
    const [hostAny, jailAny] = [listen(w.stack.host, '0.0.0.0', 80), listen(web, '0.0.0.0', 80)];
    expect([tryConnect(w.peer, '10.0.0.2', 80), acceptedFrom(jailAny), acceptedFrom(hostAny)]).toEqual(['ok', '10.0.0.9', null]);
    expect([tryConnect(w.peer, '10.0.0.1', 80), acceptedFrom(jailAny), acceptedFrom(hostAny)]).toEqual(['ok', null, '10.0.0.9']);
    const [hostUdp, jailUdp] = [udp(w.stack.host, '0.0.0.0', 53), udp(web, '0.0.0.0', 53)];
    const client = udp(w.peer, '0.0.0.0', 1000);
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) sendTo(client, address, 53);
    expect([senders(jailUdp).length, senders(hostUdp).length]).toEqual([1, 2]);
  });

  it('connects and sends from its address, and reaches itself by 127.0.0.1', () => {
    w = new World();
    const web = w.jail({ name: 'web', 'ip4.addr': '10.0.0.2' });
    const far = listen(w.peer, '0.0.0.0', 7);
    expect([tryConnect(web, '10.0.0.9', 7), acceptedFrom(far)]).toEqual(['ok', '10.0.0.2']);
    const own = listen(web, '127.0.0.1', 7);
    const host = listen(w.stack.host, '127.0.0.1', 7);
    expect([tryConnect(web, '127.0.0.1', 7), acceptedFrom(own), acceptedFrom(host)]).toEqual(['ok', '10.0.0.2', null]);
    expect([tryConnect(w.stack.host, '127.0.0.1', 7), acceptedFrom(own), acceptedFrom(host)]).toEqual(['ok', null, '127.0.0.1']);
    const jailUdp = udp(web, '0.0.0.0', 53);
    const hostUdp = udp(w.stack.host, '127.0.0.1', 53);
    expect(sendTo(open(web, SOCK_DGRAM), '127.0.0.1', 53)).toBe(1);
    expect([senders(jailUdp), senders(hostUdp)]).toEqual([['10.0.0.2'], []]);
    const farUdp = udp(w.peer, '0.0.0.0', 53);
    sendTo(open(web, SOCK_DGRAM), '10.0.0.9', 53);
    expect(senders(farUdp)).toEqual(['10.0.0.2']);
  });

  it('keeps ports apart from those of the host and of other jails', () => {
    w = new World();
    const [a, b] = [w.jail({ name: 'a', 'ip4.addr': '10.0.0.2' }), w.jail({ name: 'b', 'ip4.addr': '10.0.0.3' })];
    const all = [listen(a, '0.0.0.0', 80), listen(b, '0.0.0.0', 80), listen(w.stack.host, '0.0.0.0', 80)];
    expect(all.map(name)).toEqual(['10.0.0.2:80', '10.0.0.3:80', '0.0.0.0:80']);
    const twice = open(a, SOCK_STREAM);
    expect(sobind(twice, at('0.0.0.0', 80), a.cred)).toBe(EADDRINUSE);
  });
});

describe('a jail with several addresses', () => {
  it('keeps the wildcard and hears on all of them, and on no other', () => {
    w = new World();
    const two = w.jail({ name: 'two', 'ip4.addr': ['10.0.0.2', '10.0.0.3'] });
    const lso = listen(two, '0.0.0.0', 80);
    expect(name(lso)).toBe('0.0.0.0:80');
    expect(['10.0.0.2', '10.0.0.3', '10.0.0.1', '10.0.0.4'].map((a) => tryConnect(w.peer, a, 80))).toEqual(['ok', 'ok', ECONNREFUSED, ECONNREFUSED]);
    // a listener on the very address, but on the host, comes after the wildcard of the jail
    const exact = listen(w.stack.host, '10.0.0.2', 80);
    tryConnect(w.peer, '10.0.0.2', 80);
    expect(acceptedFrom(exact)).toBeNull();
  });

  it('sends from the address that the route suggests if it has it, else from another on that interface, else from the primary one', () => {
    w = new World();
    w.stack.host.addAddress('lo0', '192.0.2.7/32');
    const far = udp(w.peer, '0.0.0.0', 53);
    const from = (params: JailParams): string | undefined => {
      const j = w.jail(params);
      sendTo(open(j, SOCK_DGRAM), '10.0.0.9', 53);
      j.remove();
      return senders(far)[0];
    };
    expect(from({ 'ip4.addr': ['10.0.0.3', '10.0.0.1'] })).toBe('10.0.0.1');
    expect(from({ 'ip4.addr': ['192.0.2.7', '10.0.0.3'] })).toBe('10.0.0.3');
    expect(from({ 'ip4.addr': ['192.0.2.7'] })).toBe('192.0.2.7');
    expect(from({ 'ip4.addr': ['10.0.0.3', '10.0.0.1'], 'ip4.saddrsel': false })).toBe('10.0.0.3');
  });
});

describe('a jail with IPv6 addresses', () => {
  it('sends from the best of its own, hears on them, and leaves the others to the host', () => {
    w = new World();
    const [mine, far] = [w.stack.host, w.peer];
    mine.addAddress('epair0a', '2001:db8::1/64');
    mine.addAddress('epair0a', '2001:db8::3/64');
    mine.addAddress('lo0', '2001:db8:9::1/128');
    far.addAddress('epair0b', '2001:db8::9/64');
    w.host.advance(5_000_000); // duplicate address detection
    const six = (j: StackJail, address: string, port: number): Socket => {
      const so = socreate(j.vnet, AF_INET6, SOCK_DGRAM, 0, j.cred) as Socket;
      expect(sobind(so, at(address, port), j.cred)).toBe(0);
      return so;
    };
    const jail = w.jail({ name: 'six', 'ip6.addr': ['2001:db8:9::1', '2001:db8::3'] });
    const peer = six(far, '::', 53);
    const n = sendTo(six(jail, '::', 1000), '2001:db8::9', 53);
    w.host.advance(3_000_000);
    expect([n, senders(peer)]).toEqual([1, ['2001:db8::3']]);
    w.set('six', { 'ip6.saddrsel': false });
    sendTo(six(jail, '::', 1001), '2001:db8::9', 53);
    expect(senders(peer)).toEqual(['2001:db8:9::1']); // the primary, whatever the route suggests
    const [inside, outside] = [six(jail, '::', 7), six(mine, '::', 7)];
    for (const address of ['2001:db8::1', '2001:db8::3']) sendTo(peer, address, 7);
    expect([senders(inside).length, senders(outside).length]).toEqual([1, 1]);
    const probe = socreate(jail.vnet, AF_INET6, SOCK_DGRAM, 0, jail.cred) as Socket;
    expect(sobind(probe, at('2001:db8::1', 9), jail.cred)).toBe(EADDRNOTAVAIL);
  });
});

describe('a jail without addresses', () => {
  it('makes no sockets of the family', () => {
    w = new World();
    const none = w.jail({ name: 'none', ip4: 'disable' });
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) expect(socreate(none.vnet, AF_INET, type, 0, none.cred)).toBe(EPROTONOSUPPORT);
  });

  it('that had some loses what it bound to them', () => {
    w = new World();
    const outer = w.jail({ name: 'outer', 'ip4.addr': ['10.0.0.2', '10.0.0.3'], 'children.max': 1 });
    const inner = w.jail({ name: 'outer.inner', 'ip4.addr': '10.0.0.3' });
    const [exact, wild] = [listen(inner, '10.0.0.3', 80), listen(outer, '0.0.0.0', 81)];
    const [dgram, stream] = [open(inner, SOCK_DGRAM), open(inner, SOCK_STREAM)];
    expect([tryConnect(w.peer, '10.0.0.3', 80), tryConnect(w.peer, '10.0.0.3', 81)]).toEqual(['ok', 'ok']);
    expect([acceptedFrom(exact), acceptedFrom(wild)]).toEqual(['10.0.0.9', '10.0.0.9']);
    w.set('outer', { 'ip4.addr': ['10.0.0.2'] });
    expect([tryConnect(w.peer, '10.0.0.3', 80), tryConnect(w.peer, '10.0.0.3', 81)]).toEqual([ECONNREFUSED, ECONNREFUSED]);
    expect([sendTo(dgram, '10.0.0.9', 53), soconnect(stream, at('10.0.0.9', 80), inner.cred)]).toEqual([-EAFNOSUPPORT, EAFNOSUPPORT]);
    expect(tryConnect(w.peer, '10.0.0.2', 81)).toBe('ok');
  });
});

describe('raw sockets of a jail that shares the stack', () => {
  const echo = Uint8Array.of(ICMP_ECHO, 0, 0xf7, 0xff, 0, 0, 0, 0);

  it('need allow.raw_sockets', () => {
    w = new World();
    const no = w.jail({ name: 'no', 'ip4.addr': '10.0.0.2' });
    expect(socreate(no.vnet, AF_INET, SOCK_RAW, IPPROTO_ICMP, no.cred)).toBe(EPERM);
  });

  it('hear what is for the addresses of the jail, and send from them', () => {
    w = new World();
    const yes = w.jail({ name: 'yes', 'ip4.addr': '10.0.0.2', 'allow.raw_sockets': true });
    const [inside, outside] = [open(yes, SOCK_RAW, IPPROTO_ICMP), open(w.stack.host, SOCK_RAW, IPPROTO_ICMP)];
    sosendCopy(outside, at('10.0.0.9', 0), echo, 0, echo.length, 0);
    w.settle();
    expect([senders(inside).length, senders(outside).length]).toEqual([0, 1]);
    sosendCopy(inside, at('10.0.0.9', 0), echo, 0, echo.length, 0);
    w.settle();
    expect([senders(inside).length, senders(outside).length]).toEqual([1, 1]);
    expect(sobind(inside, at('10.0.0.1', 0), yes.cred)).toBe(EADDRNOTAVAIL);
  });

  it('do not lie about their address in a header of their own', () => {
    w = new World();
    const yes = w.jail({ name: 'yes', 'ip4.addr': '10.0.0.2', 'allow.raw_sockets': true });
    const so = open(yes, SOCK_RAW, 253);
    expect(sosetopt(so, IPPROTO_IP, IP_HDRINCL, 1)).toBe(0);
    const far = open(w.peer, SOCK_RAW, 253);
    const packet = (last: number): Uint8Array => {
      const b = new Uint8Array(24);
      const dv = new DataView(b.buffer);
      dv.setUint32(0, 0x45000018);
      dv.setUint32(8, (64 << 24) | (253 << 16));
      dv.setUint32(12, last === 0 ? 0 : 0x0a000000 | last);
      dv.setUint32(16, 0x0a000009);
      return b;
    };
    const send = (last: number): number => sosendCopy(so, at('10.0.0.9', 0), packet(last), 0, 24, 0);
    expect([1, 9, 2, 0].map(send)).toEqual([-EADDRNOTAVAIL, -EADDRNOTAVAIL, 24, 24]);
    w.settle();
    expect(senders(far)).toEqual(['10.0.0.2', '10.0.0.2']);
  });
});

describe('jails with stacks of their own', () => {
  it('V19 have the same address and port at a time, each with its own connections', () => {
    w = new World();
    const [a, b] = ['a', 'b'].map((n) => w.stack.jail({ name: n, vnet: 'new' })) as [StackJail, StackJail];
    for (const j of [a, b]) j.addAddress('lo0', '10.7.7.7/24');
    const [la, lb] = [listen(a, '10.7.7.7', 80), listen(b, '10.7.7.7', 80)];
    expect([tryConnect(a, '10.7.7.7', 80), acceptedFrom(la), acceptedFrom(lb)]).toEqual(['ok', '10.7.7.7', null]);
    expect([tryConnect(b, '10.7.7.7', 80), acceptedFrom(la), acceptedFrom(lb)]).toEqual(['ok', null, '10.7.7.7']);
    const again = open(a, SOCK_STREAM);
    expect(sobind(again, at('10.7.7.7', 80), a.cred)).toBe(EADDRINUSE);
    expect(solistenDequeue(la)).toBe(EWOULDBLOCK);
  });
});

