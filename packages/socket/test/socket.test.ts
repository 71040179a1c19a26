import { EAFNOSUPPORT, EALREADY, ECONNREFUSED, ECONNRESET, EDESTADDRREQ, EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOTCONN, EOPNOTSUPP, EPIPE, EPROTONOSUPPORT, EPROTOTYPE, EWOULDBLOCK } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import { mFreem, mToBytes } from '@ns/mbuf';
import { crget, Ucred } from '@ns/vnet';
import { AF_INET } from '@ns/wire';
import {
  MSG_OOB,
  MSG_PEEK,
  MSG_WAITALL,
  PRUS_OOB,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_ACCEPT,
  SO_CONNECTED,
  SO_DISCONNECTED,
  SO_ERROR_EVENT,
  SO_RCV_READY,
  SO_SND_READY,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
  soaccept,
  sobind,
  soclose,
  soconnect,
  socreate,
  soisconnected,
  solisten,
  solistenDequeue,
  sopeeraddr,
  soposterror,
  soreceiveBytes,
  soreceiveChain,
  soref,
  sorele,
  sosend,
  sosendBytes,
  sosendCopy,
  sosendPartial,
  soshutdown,
  SQ_COMP,
  SQ_INCOMP,
  SQ_NONE,
  SS_ISCONNECTED,
  SS_ISCONNECTING,
} from '@ns/socket';
import { at, lab, type Lab, open, pcbOf } from './harness.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

function accepted(head: Socket): Socket {
  const so = solistenDequeue(head);
  if (!(so instanceof Socket)) throw new Error(`accept: ${String(so)}`);
  return so;
}

/** A connected pair and its listener. */
function connected(l: Lab): { head: Socket; a: Socket; b: Socket } {
  const head = open(l);
  sobind(head, at(80), l.root);
  solisten(head, 8);
  const a = open(l);
  expect(soconnect(a, at(80), l.root)).toBe(0);
  const b = accepted(head);
  expect(soaccept(b)).toMatchObject({ port: 4242 });
  return { head, a, b };
}

class Watch {
  readonly events: number[] = [];
  soupcall = (_so: Socket, events: number): void => void this.events.push(events);
}

describe('socreate', () => {
  it.each([
    ['A11 AppleTalk', 16],
    ['A12 XNS', 6],
    ['A13 IPX', 23],
    ['an invented family', 99],
  ])('%s: EAFNOSUPPORT', (_name, family) => {
    const l = lab();
    expect(socreate(l.vnet, family, SOCK_STREAM, 0, l.root)).toBe(EAFNOSUPPORT);
    expect(l.sk.numopensockets).toBe(0);
  });

  it('says which of type and protocol does not exist', () => {
    const l = lab();
    expect(socreate(l.vnet, AF_INET, SOCK_DGRAM, 0, l.root)).toBe(EPROTOTYPE);
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 99, l.root)).toBe(EPROTONOSUPPORT);
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 250, l.root)).toBeInstanceOf(Socket);
  });

  it('counts sockets in the kernel, the vnet and the ledger, and stops at kern.ipc.maxsockets', () => {
    const l = lab();
    l.sk.maxsockets = 2;
    const a = open(l);
    open(l);
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 0, l.root)).toBe(ENOBUFS);
    expect(l.vnet.ledger.report()).toContainEqual({ kind: 'socket', name: 'pair4', module: 'pair', count: 2 });
    soclose(a);
    expect(l.sk.numopensockets).toBe(1);
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 0, l.root)).toBeInstanceOf(Socket);
  });

  it('A20 credentials are frozen and shared by identity', () => {
    const l = lab();
    const { head, a, b } = connected(l);
    expect(a.cred).toBe(l.root);
    expect(b.cred).toBe(head.cred);
    expect(Object.isFrozen(a.cred)).toBe(true);
    expect(() => Object.assign(a.cred, { uid: 5 })).toThrow(TypeError);
    expect(crget(l.vnet, 5)).toBeInstanceOf(Ucred);
  });
});

describe('connection and listen queue', () => {
  it('goes from listen to accept', () => {
    const l = lab();
    const { head, a, b } = connected(l);
    expect(a.state & SS_ISCONNECTED).not.toBe(0);
    expect(b.state & SS_ISCONNECTED).not.toBe(0);
    expect(b.qstate).toBe(SQ_NONE);
    expect(solistenDequeue(head)).toBe(EWOULDBLOCK);
    expect(solistenDequeue(a)).toBe(EINVAL);
    expect(soconnect(a, at(80), l.root)).toBe(EISCONN);
    expect(soconnect(head, at(80), l.root)).toBe(EOPNOTSUPP);
    expect(solisten(a, 5)).toBe(EINVAL);
    expect(sopeeraddr(a)).toMatchObject({ port: 4242 });
    expect(sopeeraddr(head)).toBe(ENOTCONN);
  });

  it('answers EALREADY while connecting', () => {
    const l = lab();
    const so = open(l);
    so.state |= SS_ISCONNECTING;
    expect(soconnect(so, at(80), l.root)).toBe(EALREADY);
  });

  it('refuses connections when the queue is half as long again as the backlog, and logs that once a minute', () => {
    const l = lab();
    l.kernel.log.level = 7;
    const head = open(l);
    sobind(head, at(80), l.root);
    solisten(head, 4);
    const results = Array.from({ length: 12 }, () => soconnect(open(l), at(80), l.root));
    expect(results).toEqual([0, 0, 0, 0, 0, 0, 0, ...Array<number>(5).fill(ECONNREFUSED)]);
    expect(head.listen?.qlen).toBe(7);
    const lines = (): string[] => l.host.logged.map((e) => e.text).filter((t) => t.includes('Listen queue overflow'));
    expect(lines()).toEqual(['sonewconn: (127.0.0.1:80 proto 250): Listen queue overflow: 7 already in queue awaiting acceptance (1 occurrences)']);
    l.host.advance(61_000_000);
    soconnect(open(l), at(80), l.root);
    expect(lines()[1]).toContain('(5 occurrences)');
  });

  it('limits the backlog to kern.ipc.soacceptqueue; a negative one means that', () => {
    const l = lab();
    l.kernel.sysctl.sysctlSet('kern.ipc.somaxconn', 20, { vnet: l.vnet, jailed: false });
    const limits = [-1, 0, 7, 21].map((n) => {
      const so = open(l);
      solisten(so, n);
      return so.listen?.qlimit;
    });
    expect(limits).toEqual([20, 0, 7, 20]);
  });

  it('keeps incomplete connections apart until they are complete, the oldest going first when there are too many', () => {
    const l = lab();
    l.pair.slowAccept = true;
    const head = open(l);
    sobind(head, at(80), l.root);
    solisten(head, 2);
    for (let n = 0; n < 5; n++) expect(soconnect(open(l), at(80), l.root)).toBe(0);
    expect(head.listen).toMatchObject({ qlen: 0, incqlen: 3 });
    expect(solistenDequeue(head)).toBe(EWOULDBLOCK);
    const last = l.pair.pending[4] as Socket;
    expect(last.qstate).toBe(SQ_INCOMP);
    soisconnected(last);
    expect(last.qstate).toBe(SQ_COMP);
    expect(head.listen).toMatchObject({ qlen: 1, incqlen: 2 });
    expect(solistenDequeue(head)).toBe(last);
  });

  it('a listener that closes resets what waits, complete or not, and nothing is left', () => {
    const l = lab();
    const head = open(l);
    sobind(head, at(80), l.root);
    solisten(head, 8);
    const clients = Array.from({ length: 3 }, () => open(l));
    for (const so of clients) soconnect(so, at(80), l.root);
    l.pair.slowAccept = true;
    const late = open(l);
    soconnect(late, at(80), l.root);
    soclose(head);
    for (const so of [...clients, late]) {
      expect(soreceiveBytes(so, new Uint8Array(1), 0, 1, 0)).toBe(-ECONNRESET);
      soclose(so);
    }
    expect(l.sk.numopensockets).toBe(0);
    expect(l.vnet.ledger.total('socket')).toBe(0);
  });

  it('connections inherit options, buffers and timeouts of the listener', () => {
    const l = lab();
    const head = open(l);
    sobind(head, at(80), l.root);
    solisten(head, 8);
    head.options |= 0x8;
    head.rcv.hiwat = 5000;
    head.rcv.lowat = 77;
    head.snd.timeoMs = 99;
    head.fibnum = 2;
    soconnect(open(l), at(80), l.root);
    const so = accepted(head);
    expect(so.options & 0xa).toBe(0x8);
    expect(so.rcv).toMatchObject({ hiwat: 5000, lowat: 77 });
    expect(so.snd.timeoMs).toBe(99);
    expect(so.fibnum).toBe(2);
  });
});

describe('sending', () => {
  it('takes what there is room for, by copy and by reference, and says when there is room again', () => {
    const l = lab();
    const { a, b } = connected(l);
    l.pair.corked = true;
    const big = new Uint8Array(10_000).fill(7);
    let freed = 0;
    expect(sosendBytes(a, big, 0, big.length, () => freed++, null, 0)).toBe(8192);
    expect(pcbOf(a).sent.at(-1)).toBe(0);
    expect(sosendBytes(a, big, 8192, 1808, () => freed++, null, 0)).toBe(-EWOULDBLOCK);
    expect(sosendCopy(a, null, big, 0, 1, 0)).toBe(-EWOULDBLOCK);
    l.pair.flush(a);
    expect(freed).toBe(1);
    expect(sosendCopy(a, null, big, 8192, 1808, 0)).toBe(1808);
    l.pair.flush(a);
    const out = new Uint8Array(20_000);
    expect(soreceiveBytes(b, out, 0, out.length, 0)).toBe(10_000);
    expect(out.subarray(0, 10_000)).toEqual(big);
  });

  it('sosend takes all or nothing; the caller keeps m on EWOULDBLOCK only', () => {
    const l = lab();
    const { a } = connected(l);
    l.pair.corked = true;
    const m = (n: number): NonNullable<ReturnType<typeof l.kernel.mbufs.fromBytes>> => {
      const x = l.kernel.mbufs.fromBytes(new Uint8Array(n));
      if (x === null) throw new Error('pool empty');
      return x;
    };
    expect(sosend(a, null, m(8000), 0)).toBe(0);
    const wait = m(4000);
    expect(sosend(a, null, wait, 0)).toBe(EWOULDBLOCK);
    expect(wait.len).toBeGreaterThan(0);
    l.pair.flush(a);
    expect(sosend(a, null, wait, 0)).toBe(0);
    expect(sosend(a, null, m(9000), 0)).toBe(EMSGSIZE);
    const rest = sosendPartial(a, m(6000), 0);
    expect(mToBytes(typeof rest === 'number' ? null : rest).length).toBe(6000 - (8192 - 4000));
    mFreem(typeof rest === 'number' ? null : rest);
    const before = l.kernel.mbufs.outstanding;
    soshutdown(a, SHUT_WR);
    expect(sosend(a, null, m(10), 0)).toBe(EPIPE);
    expect(l.kernel.mbufs.outstanding).toBe(before);
  });

  it('waits for the low-water mark before it takes a part', () => {
    const l = lab();
    const { a } = connected(l);
    l.pair.corked = true;
    sosendCopy(a, null, new Uint8Array(7000), 0, 7000, 0);
    expect(a.snd.lowat).toBe(2048);
    expect(sosendCopy(a, null, new Uint8Array(2000), 0, 2000, 0)).toBe(-EWOULDBLOCK);
    expect(sosendCopy(a, null, new Uint8Array(1000), 0, 1000, 0)).toBe(1000);
  });

  it('errors: not connected, no destination, shut down, pending error once', () => {
    const l = lab();
    const so = open(l);
    expect(sosendCopy(so, null, text('x'), 0, 1, 0)).toBe(-ENOTCONN);
    expect(sosendCopy(so, at(80), text('x'), 0, 1, 0)).toBe(-ENOTCONN);
    const { a } = connected(l);
    soposterror(a, ECONNRESET);
    expect(sosendCopy(a, null, text('x'), 0, 1, 0)).toBe(-ECONNRESET);
    expect(sosendCopy(a, null, text('x'), 0, 1, 0)).toBe(1);
    expect(sosendCopy(a, null, text('u'), 0, 1, MSG_OOB)).toBe(1);
    expect(pcbOf(a).sent.at(-1)).toBe(PRUS_OOB);
    expect(EDESTADDRREQ).toBe(39);
  });
});

describe('receiving', () => {
  it('hands over bytes by reference or copies them, and calls rcvd each time', () => {
    const l = lab();
    const { a, b } = connected(l);
    sosendCopy(a, null, text('hello, world'), 0, 12, 0);
    const m = soreceiveChain(b, 5, 0);
    expect(mToBytes(m)).toEqual(text('hello'));
    mFreem(m);
    const out = new Uint8Array(10);
    expect(soreceiveBytes(b, out, 2, 3, MSG_PEEK)).toBe(3);
    expect(pcbOf(b).rcvd).toBe(1);
    expect(soreceiveBytes(b, out, 2, 3, 0)).toBe(3);
    expect(out.subarray(2, 5)).toEqual(text(', w'));
    expect(pcbOf(b).rcvd).toBe(2);
    mFreem(soreceiveChain(b, 100, 0));
    expect(soreceiveChain(b, 100, 0)).toBeNull();
    expect(b.rcvErrno).toBe(EWOULDBLOCK);
    expect(l.kernel.mbufs.outstanding).toBe(0);
  });

  it('MSG_WAITALL gives all or nothing until the end', () => {
    const l = lab();
    const { a, b } = connected(l);
    sosendCopy(a, null, text('abc'), 0, 3, 0);
    expect(soreceiveBytes(b, new Uint8Array(4), 0, 4, MSG_WAITALL)).toBe(-EWOULDBLOCK);
    sosendCopy(a, null, text('d'), 0, 1, 0);
    expect(soreceiveBytes(b, new Uint8Array(4), 0, 4, MSG_WAITALL)).toBe(4);
    sosendCopy(a, null, text('ef'), 0, 2, 0);
    soshutdown(a, SHUT_WR);
    expect(soreceiveBytes(b, new Uint8Array(4), 0, 4, MSG_WAITALL)).toBe(2);
    expect(soreceiveBytes(b, new Uint8Array(4), 0, 4, MSG_WAITALL)).toBe(0);
  });

  it('data come before the error, the error before the end, each once', () => {
    const l = lab();
    const { a, b } = connected(l);
    sosendCopy(a, null, text('x'), 0, 1, 0);
    b.error = ECONNRESET;
    soshutdown(a, SHUT_WR);
    const out = new Uint8Array(4);
    expect([1, 2, 3, 4].map(() => soreceiveBytes(b, out, 0, 4, 0))).toEqual([1, -ECONNRESET, 0, 0]);
  });

  it('a socket that was never connected has nothing to read', () => {
    const l = lab();
    expect(soreceiveBytes(open(l), new Uint8Array(1), 0, 1, 0)).toBe(-ENOTCONN);
  });

  it('stops at the urgent mark', () => {
    const l = lab();
    const { a, b } = connected(l);
    sosendCopy(a, null, text('abcdef'), 0, 6, 0);
    b.oobmark = 4;
    const out = new Uint8Array(6);
    expect(soreceiveBytes(b, out, 0, 6, 0)).toBe(4);
    expect(b.rcv.state & 0x40).not.toBe(0);
    expect(soreceiveBytes(b, out, 0, 6, 0)).toBe(2);
    expect(b.rcv.state & 0x40).toBe(0);
  });
});

describe('shutdown and close', () => {
  it('SHUT_RD throws away what waits and ends the reading', () => {
    const l = lab();
    const { a, b } = connected(l);
    sosendCopy(a, null, text('lost'), 0, 4, 0);
    expect(soshutdown(b, SHUT_RD)).toBe(0);
    expect(soreceiveBytes(b, new Uint8Array(4), 0, 4, 0)).toBe(0);
    expect(sosendCopy(b, null, text('y'), 0, 1, 0)).toBe(1);
    expect(soshutdown(b, 7)).toBe(EINVAL);
    expect(soshutdown(b, SHUT_RDWR)).toBe(0);
    expect(sosendCopy(b, null, text('y'), 0, 1, 0)).toBe(-EPIPE);
    expect(soshutdown(open(l), SHUT_WR)).toBe(ENOTCONN);
  });

  it('the peer reads the end; a second close does nothing', () => {
    const l = lab();
    const { a, b } = connected(l);
    sosendCopy(a, null, text('bye'), 0, 3, 0);
    expect(soclose(a)).toBe(0);
    expect(soclose(a)).toBe(0);
    const out = new Uint8Array(8);
    expect(soreceiveBytes(b, out, 0, 8, 0)).toBe(3);
    expect(soreceiveBytes(b, out, 0, 8, 0)).toBe(0);
    soclose(b);
    expect(l.kernel.mbufs.outstanding).toBe(0);
  });

  it('a protocol that holds a reference keeps the socket beyond its close', () => {
    const l = lab();
    const { a } = connected(l);
    soref(a);
    soclose(a);
    expect(a.pcb).not.toBeNull();
    const n = l.sk.numopensockets;
    sorele(a);
    expect(a.pcb).toBeNull();
    expect(l.sk.numopensockets).toBe(n - 1);
    expect(() => sorele(a)).toThrow('twice');
  });
});

describe('upcalls', () => {
  it('come from the software interrupt, once for all that has happened', () => {
    const l = lab();
    const { a, b } = connected(l);
    l.host.settle();
    const w = new Watch();
    b.upcall = w;
    sosendCopy(a, null, text('1'), 0, 1, 0);
    sosendCopy(a, null, text('2'), 0, 1, 0);
    soshutdown(a, SHUT_WR);
    expect(w.events).toEqual([]);
    l.host.settle();
    expect(w.events).toEqual([SO_RCV_READY]);
    l.host.settle();
    expect(w.events.length).toBe(1);
  });

  it('tell of connections, room, errors and the end', () => {
    const l = lab();
    const head = open(l);
    sobind(head, at(80), l.root);
    solisten(head, 8);
    const [wh, wa] = [new Watch(), new Watch()];
    head.upcall = wh;
    const a = open(l);
    a.upcall = wa;
    soconnect(a, at(80), l.root);
    l.host.settle();
    expect(wh.events).toEqual([SO_ACCEPT]);
    expect(wa.events).toEqual([SO_CONNECTED | SO_SND_READY]);
    soposterror(a, ECONNRESET);
    l.host.settle();
    expect(wa.events.at(-1)).toBe(SO_ERROR_EVENT | SO_RCV_READY | SO_SND_READY);
    a.error = 0;
    const b = accepted(head);
    b.proto.abort(b);
    l.host.settle();
    expect((wa.events.at(-1) ?? 0) & SO_DISCONNECTED).not.toBe(0);
  });

  it('do not come after close, and a socket may close itself or another in one', () => {
    const l = lab();
    const { a, b } = connected(l);
    const seen: string[] = [];
    b.upcall = {
      soupcall: (so) => {
        seen.push('b');
        soclose(so);
        soclose(a);
      },
    };
    a.upcall = { soupcall: () => void seen.push('a') };
    sosendCopy(a, null, text('x'), 0, 1, 0);
    sosendCopy(b, null, text('x'), 0, 1, 0);
    l.host.settle();
    expect(seen).toEqual(['b']);
    expect(l.sk.numopensockets).toBe(1);
  });

  it('are not called below the low-water mark', () => {
    const l = lab();
    const { a, b } = connected(l);
    l.host.settle();
    const w = new Watch();
    b.upcall = w;
    b.rcv.lowat = 3;
    sosendCopy(a, null, text('12'), 0, 2, 0);
    l.host.settle();
    expect(w.events).toEqual([]);
    sosendCopy(a, null, text('3'), 0, 1, 0);
    l.host.settle();
    expect(w.events).toEqual([SO_RCV_READY]);
  });

  it('leave more to accept to another upcall', () => {
    const l = lab();
    const head = open(l);
    sobind(head, at(80), l.root);
    solisten(head, 8);
    let got = 0;
    head.upcall = {
      soupcall: () => {
        accepted(head);
        got++;
      },
    };
    for (let n = 0; n < 3; n++) soconnect(open(l), at(80), l.root);
    l.host.settle();
    expect(got).toBe(3);
  });
});
