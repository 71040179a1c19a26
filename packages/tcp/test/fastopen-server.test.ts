import fc from 'fast-check';
import { ECONNABORTED } from '@ns/errno';
import { soaccept, soclose, type Socket, solisten, solistenDequeue, sosendCopy, sosetopt } from '@ns/socket';
import { TCP_FASTOPEN, TCPS_ESTABLISHED, TCPS_LISTEN, TCPS_SYN_RECEIVED } from '@ns/tcp';
import { tcpRack } from '@ns/tcp-rack';
import { setkey, TCP_KEYS, tcpSignature } from '@ns/tcp-signature';
import { JAIL_CREATE, JAILS } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { cookieOf, LENGTHS } from './fastopen-parts.ts';
import { accept, B_ADDR, Lab, type LabOptions, must, pattern, read, same, type Side, tpOf, write } from './lab.ts';
import { getopt } from './opt.ts';
import { MSS, Peer, type PeerOptions } from './peer.ts';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from './wire-names.ts';

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const TCP_MD5SIG = 16;
const FO = (cookie: readonly number[]): number[] => [34, 2 + cookie.length, ...cookie];
const cookie = (client: string = '10.0.0.2'): number[] => [...Buffer.from(cookieOf(KEY, client), 'hex')];

/** A stack with a listener that has Fast Open. */
class Server extends Peer {
  readonly listener: Socket;

  constructor(o: PeerOptions & { readonly backlog?: number } = {}) {
    super(o);
    must(this.kernel.sysctl.sysctlSet('net.inet.tcp.fastopen.setkey', KEY, { vnet: this.vnet, jailed: false }).errno, 'setkey');
    this.sysctl('fastopen.server_enable', 1);
    this.listener = this.bind();
    must(sosetopt(this.listener, IPPROTO_TCP, TCP_FASTOPEN, 1), 'TCP_FASTOPEN');
    must(solisten(this.listener, o.backlog ?? 20), 'listen');
    this.outs.length = 0;
  }

  /** A SYN with data from a port of the client. */
  syn(sport: number, fo: readonly number[] = FO(cookie()), n: number = 10, src?: string): void {
    this.issKnown = false;
    this.inject(`S 0:${n}(${n})`, { opts: [...MSS(1460), ...fo], sport, ...(src === undefined ? {} : { src }) });
  }

  /** Connections opened by a cookie whose handshake has not ended. */
  get pending(): number {
    return tpOf(this.listener).ext?.fastopen?.pending?.count ?? 0;
  }

  /** Whether one more would be opened. */
  opens(sport: number): boolean {
    const before = this.tcp.states[TCPS_SYN_RECEIVED]!;
    this.syn(sport);
    return this.tcp.states[TCPS_SYN_RECEIVED] === before + 1;
  }
}

describe('Fast Open server: connections that wait for the end of their handshake (RFC 7413 §5.1)', () => {
  it('are counted, at most half of the backlog; the next are like any others', () => {
    const s = new Server({ backlog: 8 });
    for (let i = 1; i <= 6; i++) s.syn(1000 + i);
    expect(s.pending).toBe(4);
    expect(s.tcp.states[TCPS_SYN_RECEIVED]).toBe(4);
    expect(s.tcp.syncache.count).toBe(2);
    // Those have no cookie and take no data.
    expect(s.all().map((l) => l.replace(/-?\d+:-?\d+/, 'n:n'))).toEqual(['S. n:n(0) ack 1 win 65535 <mss 1460>', 'S. n:n(0) ack 1 win 65535 <mss 1460>']);
    expect(s.tcp.stat.scCompleted).toBe(4);
  });

  const full = (): Server => {
    const s = new Server({ backlog: 8 });
    for (let i = 1; i <= 4; i++) s.syn(1000 + i);
    s.run(50);
    expect(s.pending).toBe(4);
    expect(s.opens(2000)).toBe(false);
    return s;
  };

  /** The peer's next segment on the connection from `sport`. */
  const say = (s: Server, sport: number, line: string): void => {
    const syn = s.outs.find((o) => o.dport === sport && (o.flags & 2) !== 0)!;
    s.iss = syn.seq;
    s.inject(line, { sport });
  };

  it('come back when the handshake ends', () => {
    const s = full();
    say(s, 1001, '. 11:11(0) ack 1');
    expect(s.pending).toBe(3);
    expect(s.tcp.states[TCPS_ESTABLISHED]).toBe(1);
    expect(s.opens(2001)).toBe(true);
  });

  it('come back when the user closes, but not before the handshake or its time is over', () => {
    const s = full();
    soclose(s.accept(s.listener));
    expect(s.pending).toBe(4);
    say(s, 1001, '. 11:11(0) ack 1');
    expect(s.pending).toBe(3);
  });

  it('come back when the user aborts', () => {
    const s = full();
    const so = s.accept(s.listener);
    so.options |= 0x80; // SO_LINGER
    so.linger = 0;
    soclose(so);
    expect(s.pending).toBe(3);
    expect(s.opens(2001)).toBe(true);
  });

  it('come back when their time is over', () => {
    const s = full();
    s.run(80_000);
    expect(s.pending).toBe(0);
    expect(s.tcp.states[TCPS_SYN_RECEIVED]).toBe(0);
  });

  it('come back a minute after a reset: not sooner, or resets would take the limit away', () => {
    const s = full();
    for (let i = 1; i <= 4; i++) say(s, 1000 + i, 'R 11:11(0)');
    expect(s.pending).toBe(0);
    expect(s.tcp.states[TCPS_SYN_RECEIVED]).toBe(0);
    expect(s.opens(2001)).toBe(false);
    s.run(59_900);
    expect(s.opens(2002)).toBe(false);
    s.run(200);
    expect(s.opens(2003)).toBe(true);
    expect(s.pending).toBe(1);
  });

  it('are reset when the listener closes, and what was accepted lives on', () => {
    const s = full();
    const so = s.accept(s.listener);
    const { pending } = tpOf(s.listener).ext!.fastopen!;
    s.run(1);
    const syn = s.outs.find((o) => o.dport === 1001 && (o.flags & 2) !== 0)!;
    s.outs.length = 0;
    soclose(s.listener);
    s.host.settle();
    expect(s.outs.filter((o) => (o.flags & 4) !== 0).length).toBe(3);
    expect(pending!.count).toBe(1);
    s.iss = syn.seq;
    s.inject('. 11:11(0) ack 1', { sport: 1001 });
    expect(pending!.count).toBe(0);
    expect(tpOf(so).state).toBe(TCPS_ESTABLISHED);
  });

  it('a vnet that ends takes keys, cookies and the timer of the keys along', () => {
    const lab = new Lab();
    const quiet = lab.kernel.callouts.pending;
    const jails = lab.kernel.service(JAILS);
    const jail = jails.jailSet({ name: 'c', vnet: 'new', persist: true }, JAIL_CREATE).jail!;
    must(lab.kernel.sysctl.sysctlSet('net.inet.tcp.fastopen.server_enable', 1, { vnet: jail.vnet, jailed: false }).errno, 'server_enable');
    expect(lab.kernel.callouts.pending).toBe(quiet + 1);
    expect(jails.jailRemove(jail.jid).errno).toBe(0);
    lab.host.settle();
    expect(lab.kernel.callouts.pending).toBe(quiet);
  });
});

describe('Fast Open server: what a hostile client sends', () => {
  it.each([...LENGTHS, 39, 40])('an option that says it has %i bytes of cookie', (n) => {
    for (const there of [0, 1, 8, 30]) {
      const s = new Server();
      // The list has `there` bytes of the cookie, whatever the length says.
      s.syn(1001, [34, (n + 2) & 255, ...Array.from({ length: there }, (_, i) => cookie()[i] ?? 0)].slice(0, 36));
      const reply = s.next();
      if (n === 8 && there >= 8) {
        expect(s.pending).toBe(1);
        expect(reply).toBe(null);
      } else {
        expect(s.pending).toBe(0);
        expect(reply).toMatch(/^S\. 0:0\(0\) ack 1 /);
      }
    }
  });

  it('random options never open, throw, or leave anything', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 36 }), fc.integer({ min: 0, max: 1500 }), (opts, n) => {
        const s = new Server();
        s.syn(1001, [34, ...opts], n);
        expect(s.pending).toBe(0);
        expect(s.tcp.states[TCPS_SYN_RECEIVED]).toBe(0);
        s.run(100_000);
        expect(s.tcp.syncache.count).toBe(0);
        expect(s.kernel.mbufs.outstanding).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('a flood of SYNs with good cookies opens no more than the limit, and others are still served', () => {
    const s = new Server({ backlog: 16 });
    const at = (i: number): string => `10.0.0.${3 + (i % 200)}`;
    for (let i = 0; i < 2000; i++) s.syn(1024 + i, FO(cookie(at(i))), 1000, at(i));
    expect(s.pending).toBe(8);
    expect(s.tcp.states[TCPS_SYN_RECEIVED]).toBe(8);
    expect(s.tcp.syncache.count).toBeLessThanOrEqual(2000);
    // No SYN|ACK was larger than its SYN: a cookie taken from somewhere is no amplifier.
    s.run(50);
    expect(s.outs.every((o) => o.data.length === 0)).toBe(true);
    // An ordinary client gets through, into a queue that has room for it.
    s.outs.length = 0;
    s.issKnown = false;
    s.inject('S 0:0(0)', { opts: MSS(1460), sport: 900 });
    s.inject('. 1:1(0) ack 1', { sport: 900 });
    expect(s.tcp.states[TCPS_ESTABLISHED]).toBe(1);
    s.run(120_000);
    expect(s.pending).toBe(0);
    expect(s.tcp.syncache.count).toBe(0);
    soclose(s.listener);
    s.run(120_000);
    expect(s.tcp.pcbinfo.count).toBe(0);
    expect(s.kernel.mbufs.outstanding).toBe(0);
  });

  it('what is sent to an address that does not answer is bounded by the initial window (RFC 7413 §5.2)', () => {
    const s = new Server();
    s.syn(1001);
    const so = s.accept(s.listener);
    sosendCopy(so, null, new Uint8Array(30_000), 0, 30_000, 0);
    s.run(100_000);
    expect(s.outs.reduce((n, o) => n + o.data.length, 0)).toBeLessThanOrEqual(14600);
    expect(s.outs.filter((o) => (o.flags & 2) !== 0 && o.data.length > 0).length).toBe(1);
  });

  it('where the queue is full the SYN is dropped, and the next without a cookie is one like any other', () => {
    const s = new Server({ backlog: 2 });
    const ends: number[] = [];
    for (let i = 1; i <= 4; i++) {
      s.syn(1000 + i, []);
      s.iss = s.outs.at(-1)!.seq;
      s.inject('. 1:1(0) ack 1', { sport: 1000 + i });
      ends.push(s.tcp.states[TCPS_ESTABLISHED]!);
    }
    expect(ends).toEqual([1, 2, 3, 4]);
    s.outs.length = 0;
    s.syn(2000);
    expect(s.tcp.stat.scAborted).toBe(1);
    expect(s.pending).toBe(0);
    expect(s.all()).toEqual([]);
    s.syn(2000, []);
    expect(s.next()).toBe('S. 0:0(0) ack 1 win 65535 <mss 1460>');
  });

  it('a listener that wants signatures takes no cookie without one', () => {
    const s = new Server({ extra: [tcpSignature()] });
    expect(setkey(TCP_KEYS.get(s.vnet), 'add 10.0.0.2 10.0.0.1 tcp 0x1000 -A tcp-md5 "x"; add 10.0.0.1 10.0.0.2 tcp 0x1001 -A tcp-md5 "x";').error).toBeNull();
    sosetopt(s.listener, IPPROTO_TCP, TCP_MD5SIG, 1);
    s.syn(1001);
    expect(s.pending).toBe(0);
    expect(s.all()).toEqual([]);
  });

  it('one that was reset while it waited to be accepted says so', () => {
    const s = new Server();
    s.syn(1001);
    s.run(50);
    s.inject('R 11:11(0)', { sport: 1001 });
    expect(soaccept(s.accept(s.listener))).toBe(ECONNABORTED);
  });

  it('plain connections have nothing of it', () => {
    const s = new Server();
    s.syn(1001, []);
    s.inject('. 1:1(0) ack 1', { sport: 1001 });
    expect(tpOf(s.accept(s.listener)).ext).toBe(null);
  });
});

/** A listener with Fast Open on a side of the lab. */
function server(side: Side, port: number = 80): Socket {
  must(side.vnet.kernel.sysctl.sysctlSet('net.inet.tcp.fastopen.server_enable', 1, { vnet: side.vnet, jailed: false }).errno, 'server_enable');
  const so = side.socket();
  must(sosetopt(so, IPPROTO_TCP, TCP_FASTOPEN, 1), 'TCP_FASTOPEN');
  return side.listen(port, 20, so);
}

/** Opens with what fits of `data`. */
function client(side: Side, data: Uint8Array): Socket {
  const so = side.socket();
  must(sosetopt(so, IPPROTO_TCP, TCP_FASTOPEN, 1), 'TCP_FASTOPEN');
  expect(sosendCopy(so, new Sockaddr(parseInAddr(B_ADDR)!, 80), data, 0, data.length, 0)).toBeGreaterThan(0);
  return so;
}

describe('both sides', () => {
  /** One exchange: the request comes back. How long the client waited, milliseconds. */
  function exchange(lab: Lab, l: Socket, data: Uint8Array): number {
    const began = lab.kernel.callouts.nowUs();
    const c = client(lab.a, data);
    let s: Socket | null = null;
    const got: number[] = [];
    const back: number[] = [];
    let sent = 0;
    lab.until(() => {
      if (s === null) {
        const n = solistenDequeue(l);
        if (typeof n === 'number') return false;
        s = n;
      }
      for (let r = read(s); r !== null && r.length > 0; r = read(s)) for (const x of r) got.push(x);
      while (sent < got.length) {
        const n = write(s, Uint8Array.from(got.slice(sent)));
        if (n <= 0) break;
        sent += n;
      }
      for (let r = read(c); r !== null && r.length > 0; r = read(c)) for (const x of r) back.push(x);
      return back.length === data.length;
    }, 600_000);
    expect(same(Uint8Array.from(back), data)).toBe(true);
    const took = (lab.kernel.callouts.nowUs() - began) / 1000;
    soclose(c);
    lab.until(() => read(s!) === null, 600_000);
    soclose(s!);
    lab.run(1000);
    return took;
  }

  it('the second exchange takes one round trip instead of two', () => {
    const lab = new Lab({ delayUs: 50_000 });
    const l = server(lab.b);
    expect(exchange(lab, l, pattern(500))).toBeGreaterThan(199);
    const first = lab.take();
    expect(first[0]).toMatchObject({ flags: 'S', len: 0 });
    const took = exchange(lab, l, pattern(500));
    expect(took).toBeGreaterThan(99);
    expect(took).toBeLessThan(101);
    const seen = lab.take();
    expect(seen[0]).toMatchObject({ flags: 'S', len: 500 });
    expect(seen[1]).toMatchObject({ from: 'b', flags: 'S.', len: 500 });
    expect(lab.b.tcp.stat.scCompleted).toBe(2);
  });

  it('a cookie lasts until the second new key after it; then the exchange takes the long way, and brings a new one', () => {
    const lab = new Lab({ delayUs: 1000 });
    const l = server(lab.b);
    const syns = (): number[] => lab.take().filter((s) => s.from === 'a' && s.flags === 'S').map((s) => s.len);
    exchange(lab, l, pattern(100));
    lab.run(125_000);
    exchange(lab, l, pattern(100));
    lab.take();
    lab.run(360_000);
    const bad = client(lab.a, pattern(100));
    lab.run(100);
    expect(lab.b.tcp.states[TCPS_ESTABLISHED]).toBe(1);
    expect(lab.take().find((s) => s.flags === 'S.')!.len).toBe(0);
    soclose(bad);
    accept(l);
    exchange(lab, l, pattern(100));
    expect(syns()).toEqual([100]);
    expect(lab.b.tcp.states[TCPS_LISTEN]).toBe(1);
  });

  it('pre-shared keys on both sides open; a client without is served the long way', () => {
    const lab = new Lab({ delayUs: 1000 });
    const l = server(lab.b);
    const set = (name: string, v: number | Uint8Array): void => must(lab.kernel.sysctl.sysctlSet(`net.inet.tcp.fastopen.${name}`, v, { vnet: lab.b.vnet, jailed: false }).errno, name);
    set('psk_enable', 1);
    set('setpsk', KEY);
    const open = (psk: Uint8Array | null): { syn: number; taken: boolean } => {
      const so = lab.a.socket();
      must(sosetopt(so, IPPROTO_TCP, TCP_FASTOPEN, psk === null ? 1 : { enable: 1, psk }), 'TCP_FASTOPEN');
      sosendCopy(so, new Sockaddr(parseInAddr(B_ADDR)!, 80), new Uint8Array(50), 0, 50, 0);
      lab.run(200);
      const seen = lab.take();
      const s = accept(l);
      const opened = getopt(s, IPPROTO_TCP, TCP_FASTOPEN) === 1;
      soclose(so);
      soclose(s);
      lab.run(100);
      lab.take();
      return { syn: seen[0]!.len, taken: opened };
    };
    expect(open(KEY)).toEqual({ syn: 0, taken: false });
    expect(open(KEY)).toEqual({ syn: 50, taken: true });
    expect(open(Uint8Array.from(KEY, (x) => x ^ 1))).toEqual({ syn: 50, taken: false });
    expect(open(null)).toEqual({ syn: 50, taken: false });
    expect(open(KEY)).toEqual({ syn: 50, taken: true });
  });

  const rows: readonly (LabOptions & { readonly name: string; readonly stack?: string })[] = [
    { name: 'loss', delayUs: 1000, loss: 0.2 },
    { name: 'reordering', delayUs: 1000, reorder: 0.3, holdUs: 5000 },
    { name: 'duplication', delayUs: 1000, dup: 0.3 },
    { name: 'all of it', delayUs: 1000, loss: 0.1, dup: 0.1, reorder: 0.2, holdUs: 5000 },
    { name: 'all of it, RACK', delayUs: 1000, loss: 0.1, dup: 0.1, reorder: 0.2, holdUs: 5000, stack: 'rack' },
    { name: 'a small MTU', delayUs: 500, loss: 0.05, mtu: 576 },
  ];
  it.each(rows)('whatever the link does, each byte comes once: $name', (o) => {
    let opened = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const lab = new Lab({ ...o, seed, extra: [tcpRack()] });
      for (const side of [lab.a, lab.b]) must(lab.kernel.sysctl.sysctlSet('net.inet.tcp.functions_default', o.stack ?? 'freebsd', { vnet: side.vnet, jailed: false }).errno, 'functions_default');
      lab.kernel.sysctl.sysctlSet('net.inet.tcp.fastopen.path_disable_time', 1, { vnet: lab.a.vnet, jailed: false });
      const l = server(lab.b);
      for (const n of [10, 700, 3000, 20_000, 1, 1460]) {
        exchange(lab, l, pattern(n, seed));
        opened += lab.take().filter((s) => s.from === 'a' && s.flags === 'S' && s.len > 0).length;
        lab.run(2000);
      }
      soclose(l);
      lab.run(700_000);
      expect(lab.a.tcp.pcbinfo.count + lab.b.tcp.pcbinfo.count, `seed ${seed} pcbs`).toBe(0);
      expect(lab.kernel.mbufs.outstanding, `seed ${seed} mbufs`).toBe(0);
    }
    expect(opened).toBeGreaterThan(6);
  });
});
