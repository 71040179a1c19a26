import { EADDRNOTAVAIL, ETIMEDOUT } from '@ns/errno';
import { type HashTables, PORTRANGE } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import { mFreem } from '@ns/mbuf';
import { soconnect, sosetopt, SS_ISDISCONNECTED } from '@ns/socket';
import { TCP_MAXUNACKTIME } from '@ns/tcp';
import { describe, expect, it } from 'vitest';
import { B_ADDR, Lab, pattern, read, tpOf, write } from './lab.ts';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from './wire-names.ts';

const set = (lab: Lab, name: string, value: number): number => lab.kernel.sysctl.sysctlSet(`net.inet.tcp.${name}`, value, { vnet: lab.a.vnet, jailed: false }).errno;
const get = (lab: Lab, name: string): unknown => lab.kernel.sysctl.sysctlGet(`net.inet.tcp.${name}`, { vnet: lab.a.vnet, jailed: false }).value;

describe('require_unique_port', () => {
  /** Connections that two ports allow, to two ports of one host, until one is refused; and with what errno. */
  function connections(unique: number): [number, number] {
    const lab = new Lab();
    const pr = PORTRANGE.get(lab.a.vnet);
    [pr.first, pr.last] = [50_000, 50_001];
    for (const port of [80, 81]) lab.b.listen(port);
    expect(set(lab, 'require_unique_port', unique)).toBe(0);
    for (let n = 0; n < 5; n++) {
      const errno = soconnect(lab.a.socket(), new Sockaddr(parseInAddr(B_ADDR)!, 80 + (n % 2)), lab.a.cred);
      if (errno !== 0) return [n, errno];
      lab.run(10);
    }
    return [5, 0];
  }

  it('0: a port serves one connection to each destination', () => {
    expect(connections(0)).toEqual([4, EADDRNOTAVAIL]);
  });

  it('1: a port serves one connection', () => {
    expect(connections(1)).toEqual([2, EADDRNOTAVAIL]);
  });

  it('leaves a port that was bound for the purpose alone', () => {
    const lab = new Lab();
    lab.b.listen(80);
    set(lab, 'require_unique_port', 1);
    const so = lab.a.connect(B_ADDR, 80, lab.a.socket(), 4000);
    lab.run(10);
    expect([tpOf(so).inp.lport, tpOf(so).state]).toEqual([4000, 4]);
  });
});

describe('maxunacktime', () => {
  /** How long a connection whose peer has gone silent is kept, seconds, and with what error it ends. */
  function kept(ms: number, own = 0): [number, number, number] {
    const lab = new Lab();
    expect(set(lab, 'maxunacktime', ms)).toBe(0);
    const [c] = lab.pair();
    if (own > 0) expect(sosetopt(c, IPPROTO_TCP, TCP_MAXUNACKTIME, own)).toBe(0);
    write(c, pattern(100));
    lab.run(1000); // acknowledged: the time begins anew
    lab.link.drop = () => true;
    const from = lab.host.clock.nowUs();
    write(c, pattern(100));
    lab.until(() => tpOf(c) === null || (c.state & SS_ISDISCONNECTED) !== 0, 3_600_000);
    return [Math.round((lab.host.clock.nowUs() - from) / 1e6), c.error, lab.a.tcp.stat.progdrops];
  }

  it('0: until the retransmissions are over', () => {
    const [seconds, error, progdrops] = kept(0);
    expect([seconds > 100, error, progdrops]).toEqual([true, ETIMEDOUT, 0]);
  });

  it('ends a connection without progress at the next timeout', () => {
    const [seconds, error, progdrops] = kept(10_000);
    expect([seconds >= 10 && seconds < 20, error, progdrops]).toEqual([true, ETIMEDOUT, 1]);
  });

  it('TCP_MAXUNACKTIME of the connection comes before it', () => {
    const [seconds, , progdrops] = kept(100_000, 5);
    expect([seconds >= 5 && seconds < 12, progdrops]).toEqual([true, 1]);
  });
});

describe('do_tcpdrain', () => {
  /** A connection whose receiver waits for the first of five segments, when the mbufs run out. */
  function short(drain: number): { lab: Lab; waiting: number; blocks: number; got: Uint8Array; sent: Uint8Array } {
    const lab = new Lab({ tunables: { 'kern.ipc.nmbufs': '600' }, delayUs: 5000 });
    const [c, s] = lab.pair();
    lab.b.tcp.doTcpdrain = drain !== 0;
    const sent = pattern(5 * 1448);
    let first = true;
    lab.link.drop = (seg) => {
      const hit = first && seg.from === 'a' && seg.len > 0;
      if (hit) first = false;
      return hit;
    };
    write(c, sent);
    lab.run(6);
    expect(tpOf(s).segqlen).toBe(1);
    const taken: Mbuf[] = [];
    for (let m = lab.kernel.mbufs.getHdr(); m !== null; m = lab.kernel.mbufs.getHdr()) taken.push(m);
    for (const m of taken) mFreem(m);
    lab.host.settle();
    const waiting = tpOf(s).segqlen;
    const blocks = tpOf(s).rcvNumsacks;
    lab.run(5000);
    return { lab, waiting, blocks, got: read(s) ?? new Uint8Array(0), sent };
  }

  it('1: what waits for earlier bytes is given up when mbufs run out, and comes again', () => {
    const { lab, waiting, blocks, got, sent } = short(1);
    expect([waiting, blocks]).toEqual([0, 0]);
    expect(got).toEqual(sent);
    expect([lab.b.tcp.reass.cursegments, lab.a.tcp.stat.sndrexmitpack]).toEqual([0, 5]);
  });

  it('0: it stays', () => {
    const { lab, waiting, blocks, got, sent } = short(0);
    expect([waiting, blocks]).toEqual([1, 1]);
    expect(got).toEqual(sent);
    expect(lab.a.tcp.stat.sndrexmitpack).toBe(1);
  });
});

describe('sizes from boot tunables', () => {
  it('tcbhashsize: what the tables begin with, and shrink to', () => {
    const lab = new Lab({ tunables: { 'net.inet.tcp.tcbhashsize': '2k' } });
    expect(get(lab, 'tcbhashsize')).toBe(2048);
    expect(set(lab, 'tcbhashsize', 4096)).not.toBe(0);
    const tables = lab.a.tcp.pcbinfo.tables as HashTables;
    expect([tables.tuples4.slots, tables.tuples6.slots]).toEqual([2048, 2048]);
    lab.pair();
    expect(tables.tuples4.slots).toBe(2048);
  });

  it('tcbhashsize that is no power of two is clipped, and the log says so', () => {
    const lab = new Lab({ tunables: { 'net.inet.tcp.tcbhashsize': '3000' } });
    expect(get(lab, 'tcbhashsize')).toBe(2048);
    expect(lab.host.logged.filter((l) => l.text.includes('TCB hash size')).map((l) => l.text)).toEqual(['tcp_init: WARNING: TCB hash size not a power of 2, clipped from 3000 to 2048.']);
    expect(get(new Lab(), 'tcbhashsize')).toBe(64);
  });

  it.each(['hostcache', 'syncache'])('%s: hashsize, bucketlimit, cachelimit', (cache) => {
    const sizes = (tunables: Record<string, string>): unknown[] => {
      const lab = new Lab({ tunables: Object.fromEntries(Object.entries(tunables).map(([n, v]) => [`net.inet.tcp.${cache}.${n}`, v])) });
      return ['hashsize', 'bucketlimit', 'cachelimit'].map((n) => get(lab, `${cache}.${n}`));
    };
    expect(sizes({})).toEqual([512, 30, 15360]);
    expect(sizes({ hashsize: '16', bucketlimit: '4' })).toEqual([16, 4, 64]);
    expect(sizes({ hashsize: '16', bucketlimit: '4', cachelimit: '10' })).toEqual([16, 4, 10]);
    expect(sizes({ hashsize: '100', bucketlimit: '0', cachelimit: '-1' })).toEqual([512, 1, 0]);
  });

  it('syncache: no more half-open connections than that', () => {
    const lab = new Lab({ tunables: { 'net.inet.tcp.syncache.cachelimit': '3' } });
    lab.b.listen(80);
    lab.link.drop = (s) => s.from === 'b';
    for (let i = 0; i < 5; i++) lab.a.connect(B_ADDR, 80);
    lab.run(10);
    expect([lab.b.tcp.syncache.count, lab.b.tcp.stat.scCacheoverflow]).toEqual([3, 2]);
  });
});
