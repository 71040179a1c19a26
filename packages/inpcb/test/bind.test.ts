import { EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import {
  INP_ANONPORT,
  INP_BINDANY,
  INP_HIGHPORT,
  INP_LOWPORT,
  INP_TIMEWAIT,
  INP_V6ONLY,
  type Inpcb,
  inPcbBind,
  inPcbConnect,
  inPcbDetach,
  inPcbFree,
  inPcbInfoDestroy,
  PORTRANGE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_REUSEPORT_LB,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '@ns/inpcb';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { addr, alloc, type Bench, bench, info, sa, TestSocket } from './harness.ts';

const A = SO_REUSEADDR;
const P = SO_REUSEPORT;
const LB = SO_REUSEPORT_LB;

/** One socket of a row: where it binds, with which options, whose it is, and what has become of it. */
interface End {
  readonly at: string;
  readonly opt?: number;
  readonly uid?: number;
  readonly type?: number;
  readonly af?: number;
  readonly v6only?: boolean;
  /** Connected to 10.0.0.9:9. */
  readonly connected?: boolean;
  readonly timewait?: boolean;
  /** Its socket has gone. */
  readonly detached?: boolean;
}

const rows: readonly { readonly name: string; readonly old: End; readonly now: End; readonly want: number }[] = [
  { name: 'the same wildcard', old: { at: '0.0.0.0' }, now: { at: '0.0.0.0' }, want: EADDRINUSE },
  { name: 'the same address', old: { at: '10.0.0.1' }, now: { at: '10.0.0.1' }, want: EADDRINUSE },
  { name: 'different addresses', old: { at: '10.0.0.1' }, now: { at: '10.0.0.2' }, want: 0 },
  { name: 'an address behind the wildcard', old: { at: '0.0.0.0' }, now: { at: '10.0.0.1' }, want: EADDRINUSE },
  { name: 'the wildcard behind an address', old: { at: '10.0.0.1' }, now: { at: '0.0.0.0' }, want: EADDRINUSE },
  { name: 'REUSEADDR: an address behind the wildcard', old: { at: '0.0.0.0' }, now: { at: '10.0.0.1', opt: A }, want: 0 },
  { name: 'REUSEADDR: the wildcard behind an address', old: { at: '10.0.0.1' }, now: { at: '0.0.0.0', opt: A }, want: 0 },
  { name: 'REUSEADDR on both: the same wildcard', old: { at: '0.0.0.0', opt: A }, now: { at: '0.0.0.0', opt: A }, want: EADDRINUSE },
  { name: 'REUSEADDR on both: the same address', old: { at: '10.0.0.1', opt: A }, now: { at: '10.0.0.1', opt: A }, want: EADDRINUSE },
  { name: 'REUSEADDR on both: the same multicast group', old: { at: '224.1.1.1', opt: A }, now: { at: '224.1.1.1', opt: A }, want: 0 },
  { name: 'REUSEADDR on the second only: the same group', old: { at: '224.1.1.1' }, now: { at: '224.1.1.1', opt: A }, want: EADDRINUSE },
  { name: 'REUSEPORT on both: the same address', old: { at: '10.0.0.1', opt: P }, now: { at: '10.0.0.1', opt: P }, want: 0 },
  { name: 'REUSEPORT on the first only', old: { at: '10.0.0.1', opt: P }, now: { at: '10.0.0.1' }, want: EADDRINUSE },
  { name: 'REUSEPORT on the second only', old: { at: '10.0.0.1' }, now: { at: '10.0.0.1', opt: P }, want: EADDRINUSE },
  { name: 'REUSEPORT_LB on both', old: { at: '10.0.0.1', opt: LB }, now: { at: '10.0.0.1', opt: LB }, want: 0 },
  { name: 'REUSEPORT against REUSEPORT_LB', old: { at: '10.0.0.1', opt: LB }, now: { at: '10.0.0.1', opt: P }, want: EADDRINUSE },
  { name: 'a connection on the port', old: { at: '10.0.0.1', type: SOCK_STREAM, connected: true }, now: { at: '0.0.0.0', type: SOCK_STREAM }, want: EADDRINUSE },
  { name: 'REUSEADDR: a connection on the port', old: { at: '10.0.0.1', type: SOCK_STREAM, connected: true }, now: { at: '0.0.0.0', opt: A, type: SOCK_STREAM }, want: 0 },
  { name: 'a connection in TIME_WAIT', old: { at: '10.0.0.1', type: SOCK_STREAM, connected: true, timewait: true }, now: { at: '10.0.0.1', type: SOCK_STREAM }, want: EADDRINUSE },
  { name: 'REUSEADDR: a connection in TIME_WAIT', old: { at: '10.0.0.1', type: SOCK_STREAM, connected: true, timewait: true, detached: true }, now: { at: '10.0.0.1', opt: A, type: SOCK_STREAM }, want: 0 },
  { name: 'REUSEPORT, kept by a TIME_WAIT whose socket is gone', old: { at: '10.0.0.1', opt: P, type: SOCK_STREAM, connected: true, timewait: true, detached: true }, now: { at: '10.0.0.1', opt: P, type: SOCK_STREAM }, want: 0 },
  { name: "another user's socket, with REUSEADDR", old: { at: '0.0.0.0', uid: 1001 }, now: { at: '10.0.0.1', opt: A, uid: 1002 }, want: EADDRINUSE },
  { name: "another user's socket, REUSEPORT on both, specific", old: { at: '10.0.0.1', opt: P, uid: 1001 }, now: { at: '10.0.0.1', opt: P, uid: 1002 }, want: EADDRINUSE },
  { name: "another user's socket, REUSEPORT on both, wildcard", old: { at: '0.0.0.0', opt: P, uid: 1001 }, now: { at: '0.0.0.0', opt: P, uid: 1002 }, want: 0 },
  { name: "another user's connection, for a stream", old: { at: '10.0.0.1', uid: 1001, type: SOCK_STREAM, connected: true }, now: { at: '10.0.0.1', opt: A, uid: 1002, type: SOCK_STREAM }, want: 0 },
  { name: "another user's connected datagram socket", old: { at: '10.0.0.1', uid: 1001, connected: true }, now: { at: '10.0.0.1', opt: A, uid: 1002 }, want: EADDRINUSE },
  { name: "another user's TIME_WAIT", old: { at: '10.0.0.1', uid: 1001, type: SOCK_STREAM, connected: true, timewait: true }, now: { at: '10.0.0.1', opt: A, uid: 1002, type: SOCK_STREAM }, want: 0 },
  { name: "another user's socket, for the superuser with REUSEADDR", old: { at: '0.0.0.0', uid: 1001 }, now: { at: '10.0.0.1', opt: A, uid: 0 }, want: 0 },
  { name: 'the same user', old: { at: '0.0.0.0', uid: 1001 }, now: { at: '10.0.0.1', opt: A, uid: 1001 }, want: 0 },
  { name: ':: behind 0.0.0.0, V6ONLY', old: { at: '0.0.0.0' }, now: { at: '::', af: AF_INET6, v6only: true }, want: 0 },
  { name: ':: for both families behind 0.0.0.0', old: { at: '0.0.0.0' }, now: { at: '::', af: AF_INET6 }, want: 0 },
  { name: ':: for both families behind an IPv4 address', old: { at: '10.0.0.1' }, now: { at: '::', af: AF_INET6 }, want: EADDRINUSE },
  { name: '0.0.0.0 behind :: for both families', old: { at: '::', af: AF_INET6 }, now: { at: '0.0.0.0' }, want: EADDRINUSE },
  { name: '0.0.0.0 behind ::, V6ONLY', old: { at: '::', af: AF_INET6, v6only: true }, now: { at: '0.0.0.0' }, want: 0 },
  { name: ':: twice', old: { at: '::', af: AF_INET6 }, now: { at: '::', af: AF_INET6 }, want: EADDRINUSE },
  { name: 'a mapped address behind the IPv4 one', old: { at: '10.0.0.1' }, now: { at: '::ffff:10.0.0.1', af: AF_INET6 }, want: EADDRINUSE },
  { name: 'an IPv6 address behind the IPv4 wildcard', old: { at: '0.0.0.0' }, now: { at: '2001:db8::1', af: AF_INET6 }, want: 0 },
];

function make(b: Bench, e: End, i: ReturnType<typeof info>): Inpcb {
  const cred = e.uid === undefined || e.uid === 0 ? b.root : { ...b.user, uid: e.uid };
  const inp = alloc(i, new TestSocket(cred, e.opt ?? 0, e.af ?? AF_INET, e.type ?? SOCK_DGRAM));
  if (e.v6only === true) inp.flags |= INP_V6ONLY;
  return inp;
}

describe('bind, the second of two sockets on port 5000 (freebsd.md 6.4)', () => {
  it.each(rows)('$name', ({ old, now, want }) => {
    const b = bench();
    const i = info(b);
    const first = make(b, old, i);
    expect(inPcbBind(first, sa(old.at, 5000), first.cred)).toBe(0);
    if (old.connected === true) expect(inPcbConnect(first, sa('10.0.0.9', 9), first.cred)).toBe(0);
    if (old.timewait === true) first.flags |= INP_TIMEWAIT;
    if (old.detached === true) inPcbDetach(first);
    const second = make(b, now, i);
    expect(inPcbBind(second, sa(now.at, 5000), second.cred)).toBe(want);
    expect(second.lport).toBe(want === 0 ? 5000 : 0);
    for (const p of [first, second]) inPcbFree(p);
    inPcbInfoDestroy(i);
  });
});

describe('bind', () => {
  const one = (b: Bench, at: string, port: number, user = false, flags = 0, af = AF_INET): { errno: number; inp: Inpcb } => {
    const i = info(b, `p${b.kernel.random.u32()}`);
    const cred = user ? b.user : b.root;
    const inp = alloc(i, new TestSocket(cred, 0, af));
    inp.flags |= flags;
    return { errno: inPcbBind(inp, sa(at, port), cred), inp };
  };

  it('refuses addresses that are not of this stack, unless BINDANY or multicast', () => {
    const b = bench();
    expect(one(b, '192.0.2.1', 5000).errno).toBe(EADDRNOTAVAIL);
    expect(one(b, '192.0.2.1', 5000, false, INP_BINDANY).errno).toBe(0);
    expect(one(b, '224.0.0.251', 5353).errno).toBe(0);
    expect(one(b, '127.0.0.1', 5000).errno).toBe(0);
  });

  it('refuses everything while the stack has no address, unless BINDANY', () => {
    expect(one(bench(1, []), '0.0.0.0', 5000).errno).toBe(EADDRNOTAVAIL);
    expect(one(bench(1, []), '0.0.0.0', 5000, false, INP_BINDANY).errno).toBe(0);
  });

  it('keeps reserved ports for the privileged, within the sysctls', () => {
    const b = bench();
    expect(one(b, '0.0.0.0', 80, true).errno).toBe(EACCES);
    expect(one(b, '0.0.0.0', 1023, true).errno).toBe(EACCES);
    expect(one(b, '0.0.0.0', 1024, true).errno).toBe(0);
    expect(one(b, '0.0.0.0', 80).errno).toBe(0);
    b.kernel.sysctl.sysctlSet('net.inet.ip.portrange.reservedhigh', 79, { vnet: b.vnet, jailed: false });
    expect(one(b, '0.0.0.0', 80, true).errno).toBe(0);
    expect(one(b, '0.0.0.0', 79, true).errno).toBe(EACCES);
  });

  it('binds once', () => {
    const { inp } = one(bench(), '0.0.0.0', 5000);
    expect(inPcbBind(inp, sa('0.0.0.0', 5001), inp.cred)).toBe(EINVAL);
    expect(inp.lport).toBe(5000);
  });

  it('wants the family of the socket', () => {
    const b = bench();
    expect(one(b, '::', 5000).errno).toBe(EAFNOSUPPORT);
    expect(one(b, '0.0.0.0', 5000, false, 0, AF_INET6).errno).toBe(EAFNOSUPPORT);
    expect(one(b, '::ffff:10.0.0.1', 5000, false, INP_V6ONLY, AF_INET6).errno).toBe(EINVAL);
    expect(one(b, '::ffff:10.0.0.1', 5000, false, 0, AF_INET6).inp.laddr.toString()).toBe('10.0.0.1');
  });
});

describe('ephemeral ports', () => {
  it('come from the range that the socket asks for', () => {
    const b = bench();
    const i = info(b);
    const ranges = [
      { flags: 0, lo: 10000, hi: 65535 },
      { flags: INP_HIGHPORT, lo: 49152, hi: 65535 },
      { flags: INP_LOWPORT, lo: 600, hi: 1023 },
    ];
    for (const { flags, lo, hi } of ranges) {
      for (let n = 0; n < 50; n++) {
        const inp = alloc(i, new TestSocket(b.root));
        inp.flags |= flags;
        expect(inPcbBind(inp, n % 2 === 0 ? null : sa('10.0.0.1', 0), b.root)).toBe(0);
        expect(inp.lport).toBeGreaterThanOrEqual(lo);
        expect(inp.lport).toBeLessThanOrEqual(hi);
        expect(inp.flags & INP_ANONPORT).not.toBe(0);
      }
    }
    const poor = alloc(i, new TestSocket(b.user));
    poor.flags |= INP_LOWPORT;
    expect(inPcbBind(poor, null, b.user)).toBe(EACCES);
  });

  it('are random, but the same for the same seed', () => {
    const ports = (seed: number): number[] => {
      const b = bench(seed);
      const i = info(b);
      return Array.from({ length: 20 }, () => {
        const inp = alloc(i, new TestSocket(b.root));
        inPcbBind(inp, null, b.root);
        return inp.lport;
      });
    };
    expect(ports(5)).toEqual(ports(5));
    expect(ports(5)).not.toEqual(ports(6));
    expect(new Set(ports(5).map((p, n, all) => p - (all[n - 1] ?? 0))).size).toBeGreaterThan(15);
  });

  it('follow one another without portrange.randomized, and run out with EADDRNOTAVAIL', () => {
    const b = bench();
    const i = info(b);
    Object.assign(PORTRANGE.get(b.vnet), { first: 20000, last: 20009, randomized: 0 });
    const got = Array.from({ length: 10 }, () => {
      const inp = alloc(i, new TestSocket(b.root));
      expect(inPcbBind(inp, null, b.root)).toBe(0);
      return inp.lport;
    });
    expect(got).toEqual([20000, 20001, 20002, 20003, 20004, 20005, 20006, 20007, 20008, 20009]);
    const late = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(late, null, b.root)).toBe(EADDRNOTAVAIL);
    expect(i.stat.portExhausted).toBe(1);
    inPcbFree(i.list[4] as Inpcb);
    expect(inPcbBind(late, null, b.root)).toBe(0);
    expect(late.lport).toBe(20004);
  });

  it('of connections are chosen for the 4-tuple: one port serves many destinations', () => {
    const b = bench();
    const i = info(b);
    Object.assign(PORTRANGE.get(b.vnet), { first: 20000, last: 20000 });
    for (let d = 3; d < 9; d++) {
      const inp = alloc(i, new TestSocket(b.root));
      expect(inPcbConnect(inp, sa(`10.0.0.${d}`, 80), b.root)).toBe(0);
      expect(inp.lport).toBe(20000);
    }
    const again = alloc(i, new TestSocket(b.root));
    expect(inPcbConnect(again, sa('10.0.0.3', 80), b.root)).toBe(EADDRNOTAVAIL);
    expect(inPcbConnect(again, sa('10.0.0.3', 81), b.root)).toBe(0);
  });

  it('of connections avoid ports that somebody listens on', () => {
    const b = bench();
    const i = info(b);
    Object.assign(PORTRANGE.get(b.vnet), { first: 20000, last: 20001 });
    const listener = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(listener, sa('0.0.0.0', 20001), b.root)).toBe(0);
    const inp = alloc(i, new TestSocket(b.root));
    expect(inPcbConnect(inp, sa('10.0.0.9', 80), b.root)).toBe(0);
    expect(inp.lport).toBe(20000);
  });

  it('stop being random for 45 s when TCP takes more than 10 in a second, and UDP does not count', () => {
    const b = bench();
    const pr = PORTRANGE.get(b.vnet);
    const tcp = info(b, 'tcp', { countPortAllocs: true });
    const udp = info(b, 'udp');
    const take = (i: typeof tcp, n: number): number[] =>
      Array.from({ length: n }, () => {
        const inp = alloc(i, new TestSocket(b.root));
        expect(inPcbBind(inp, null, b.root)).toBe(0);
        return inp.lport;
      });
    const steps = (ports: number[]): Set<number> => new Set(ports.slice(1).map((p, n) => p - (ports[n] as number)));
    b.host.advance(1_000_000);
    take(udp, 200);
    expect(pr.stopped(b.kernel.callouts.nowUs() + 1_000_000)).toBe(false);
    take(tcp, 11);
    b.host.advance(1_000_000);
    expect(steps(take(tcp, 5))).toEqual(new Set([1]));
    expect(steps(take(udp, 10)).size).toBeGreaterThan(1);
    b.host.advance(46_000_000);
    expect(steps(take(tcp, 5)).size).toBeGreaterThan(1);
  });

  it('ranges are drawn into bounds when they are set', () => {
    const b = bench();
    const set = (name: string, v: number): unknown => b.kernel.sysctl.sysctlSet(`net.inet.ip.portrange.${name}`, v, { vnet: b.vnet, jailed: false });
    set('first', 5);
    set('lowfirst', 4000);
    expect(PORTRANGE.get(b.vnet)).toMatchObject({ first: 1024, lowfirst: 1023 });
    expect(addr('10.0.0.1')).toBeDefined();
  });
});
