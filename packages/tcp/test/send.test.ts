/* Sending: windows, Nagle, losses, probes, keepalive (RFC 9293, 5681, 6298, 6582, 6675, 6928, 6937, 3042, 1122). */
import { describe, expect, it } from 'vitest';
import { ETIMEDOUT } from '@ns/errno';
import { SHUT_WR, type Socket, soclose, SOL_SOCKET, SO_LINGER, sosetopt, soshutdown } from '@ns/socket';
import { TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_MAXUNACKTIME, TCP_NODELAY, TCP_NOPUSH } from '@ns/tcp';
import { pattern, tpOf, write } from './lab.ts';
import { getopt, soerror, tcpInfo } from './opt.ts';
import { MSS, NOP, Peer, SACKOK, TS, type PeerOptions } from './peer.ts';
import { IPPROTO_TCP } from './wire-names.ts';

const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];

function established(o: PeerOptions = {}, opts: readonly number[] = SIMPLE): [Peer, Socket] {
  const p = new Peer(o);
  const [, so] = p.passive(opts);
  return [p, so];
}

function send(p: Peer, so: Socket, n: number): string[] {
  expect(write(so, pattern(n))).toBe(n);
  p.host.settle();
  return p.all();
}

const SACK = (...blocks: [number, number][]): ((irs: Peer) => number[]) => (p) => {
  const be32 = (n: number): number[] => {
    const x = (n + p.iss) | 0;
    return [(x >>> 24) & 255, (x >>> 16) & 255, (x >>> 8) & 255, x & 255];
  };
  return [NOP, NOP, 5, 2 + 8 * blocks.length, ...blocks.flatMap(([s, e]) => [...be32(s), ...be32(e)])];
};

describe('windows', () => {
  it('the initial window is ten segments of 536, or 14600 bytes; PSH on what empties the buffer', () => {
    const [p, so] = established({}, MSS(536));
    const got = send(p, so, 6000);
    expect(got.length).toBe(10);
    expect(got[0]).toBe('. 1:537(536) ack 1 win 65535');
    const [q, so2] = established();
    expect(send(q, so2, 5840).map((l) => l.split(' ').slice(0, 2).join(' '))).toEqual([
      '. 1:1461(1460)',
      '. 1461:2921(1460)',
      '. 2921:4381(1460)',
      'P. 4381:5841(1460)',
    ]);
  });

  it.each([
    [0, 4380],
    [4, 5840],
  ])('initcwnd_segments %d: %d bytes', (n, bytes) => {
    const [, so] = established({ sysctls: { initcwnd_segments: n } });
    expect(tcpInfo(so).sndCwnd).toBe(bytes);
  });

  it('after a lost SYN: one segment (RFC 5681 §3.1)', () => {
    const p = new Peer();
    const so = p.connect();
    p.run(1001);
    p.all();
    p.inject('S. 0:0(0) ack 1', { opts: SIMPLE });
    expect(tcpInfo(so).sndCwnd).toBe(1460);
  });

  it('slow start: an ACK of one segment releases two', () => {
    const [p, so] = established({ sysctls: { initcwnd_segments: 2 } });
    expect(send(p, so, 14600).length).toBe(2);
    p.inject('. 1:1(0) ack 1461');
    expect(p.all().length).toBe(2);
    p.inject('. 1:1(0) ack 4381');
    expect(p.all().length).toBe(4);
  });

  it('the peer\'s window bounds what is sent', () => {
    const p = new Peer();
    const l = p.listen();
    p.inject('S 0:0(0)', { opts: SIMPLE, win: 3000 });
    p.next();
    p.inject('. 1:1(0) ack 1', { win: 3000 });
    const so = p.accept(l);
    expect(send(p, so, 10000).map((x) => x.split(' ')[1])).toEqual(['1:1461(1460)', '1461:2921(1460)']);
    p.inject('. 1:1(0) ack 2921', { win: 3000 });
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['2921:4381(1460)', '4381:5841(1460)']);
  });

  it('after idle longer than RTO: back to the initial window', () => {
    const [p, so] = established();
    send(p, so, 14600);
    p.inject('. 1:1(0) ack 14601');
    p.all();
    expect(tcpInfo(so).sndCwnd).toBeGreaterThan(14600);
    p.run(5000);
    send(p, so, 10);
    expect(tcpInfo(so).sndCwnd).toBe(14600);
  });
});

describe('Nagle and pushing', () => {
  it('a small segment waits while something is unacknowledged', () => {
    const [p, so] = established();
    expect(send(p, so, 10)).toEqual(['P. 1:11(10) ack 1 win 65535']);
    expect(send(p, so, 10)).toEqual([]);
    expect(send(p, so, 1450)).toEqual(['P. 11:1471(1460) ack 1 win 65535']);
    expect(send(p, so, 5)).toEqual([]);
    p.inject('. 1:1(0) ack 1471');
    expect(p.all()).toEqual(['P. 1471:1476(5) ack 1 win 65535']);
  });

  it('TCP_NODELAY sends at once, also what waits', () => {
    const [p, so] = established();
    send(p, so, 10);
    send(p, so, 10);
    expect(sosetopt(so, IPPROTO_TCP, TCP_NODELAY, 1)).toBe(0);
    p.host.settle();
    expect(p.all()).toEqual(['P. 11:21(10) ack 1 win 65535']);
    expect(send(p, so, 10).length).toBe(1);
  });

  it('TCP_NOPUSH holds a partial segment until it is taken off', () => {
    const [p, so] = established();
    expect(sosetopt(so, IPPROTO_TCP, TCP_NOPUSH, 1)).toBe(0);
    expect(send(p, so, 100)).toEqual([]);
    expect(sosetopt(so, IPPROTO_TCP, TCP_NOPUSH, 0)).toBe(0);
    p.host.settle();
    expect(p.all()).toEqual(['P. 1:101(100) ack 1 win 65535']);
  });

  it('FIN goes with the last byte', () => {
    const [p, so] = established();
    send(p, so, 10);
    send(p, so, 10);
    soshutdown(so, SHUT_WR);
    p.host.settle();
    expect(p.all()).toEqual(['FP. 11:21(10) ack 1 win 65535']);
  });

  it('TCP_MAXSEG can be lowered on an established connection', () => {
    const [p, so] = established();
    expect(sosetopt(so, IPPROTO_TCP, TCP_MAXSEG, 1461)).toBe(22);
    expect(sosetopt(so, IPPROTO_TCP, TCP_MAXSEG, 1400)).toBe(0);
    expect(getopt(so, IPPROTO_TCP, TCP_MAXSEG)).toBe(1400);
    expect(send(p, so, 1500).map((x) => x.split(' ').slice(0, 2).join(' '))).toEqual(['. 1:1401(1400)', 'P. 1401:1501(100)']);
  });
});

describe('retransmission timeout (RFC 6298)', () => {
  it('doubles; the first sample makes it SRTT + 4 RTTVAR + slop', () => {
    const [p, so] = established();
    send(p, so, 10);
    p.run(100);
    p.inject('. 1:1(0) ack 11');
    const i = tcpInfo(so);
    expect(i.rtt).toBe(100_000);
    expect(i.rttvar).toBe(50_000);
    expect(i.rto).toBe(500_000);
    send(p, so, 10);
    const t0 = p.host.clock.nowUs();
    p.run(8000);
    expect(p.outs.map((x) => (x.us - t0) / 1e3)).toEqual([500, 1300, 2700, 5300]);
    expect(p.tcp.stat.rexmttimeo).toBe(4);
  });

  it('Karn: no sample from a repetition; the timeout stays backed off until one comes', () => {
    const [p, so] = established();
    send(p, so, 10);
    p.run(1001);
    p.run(50);
    p.inject('. 1:1(0) ack 11');
    expect(tcpInfo(so).rtt).toBe(0);
    expect(p.tcp.stat.rttupdated).toBe(0);
  });

  it('gives up after 12 repetitions: ETIMEDOUT', () => {
    const [p, so] = established();
    send(p, so, 10);
    p.run(1_000_000);
    expect(soerror(so)).toBe(ETIMEDOUT);
    expect(p.all().length).toBe(13); // twelve repetitions and a RST
  });

  it('TCP_MAXUNACKTIME gives up earlier', () => {
    const [p, so] = established();
    expect(sosetopt(so, IPPROTO_TCP, TCP_MAXUNACKTIME, 5)).toBe(0);
    send(p, so, 10);
    p.run(60_000);
    expect(soerror(so)).toBe(ETIMEDOUT);
    expect(p.tcp.stat.progdrops).toBe(1);
  });

  it('goes back to one segment, then slow start; SACKed bytes are not sent again', () => {
    const [p, so] = established({ sysctls: { initcwnd_segments: 4 } });
    expect(send(p, so, 5840).length).toBe(4);
    p.run(1001);
    expect(p.all()).toEqual(['. 1:1461(1460) ack 1 win 65535']);
    p.inject('. 1:1(0) ack 1461');
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['1461:2921(1460)', '2921:4381(1460)']);
  });

  it('a spurious one is undone by time stamp (RFC 3522)', () => {
    const p = new Peer({ sysctls: { initcwnd_segments: 4 } });
    const l = p.listen();
    p.inject('S 0:0(0)', { opts: [...MSS(1460), ...SACKOK, ...TS(1000, 0)] });
    p.next();
    p.inject('. 1:1(0) ack 1', { opts: [NOP, NOP, ...TS(1000, 0)] });
    const so = p.accept(l);
    expect(write(so, pattern(5000))).toBe(5000);
    p.host.settle();
    const first = p.outs[0]!.tsval;
    p.all();
    const before = tcpInfo(so).sndCwnd;
    p.run(1001);
    expect(p.all().length).toBe(1);
    expect(tcpInfo(so).sndCwnd).toBe(1448);
    p.inject('. 1:1(0) ack 1449', { opts: [NOP, NOP, ...TS(1001, first)] });
    expect(p.tcp.stat.sndrexmitbad).toBe(1);
    expect(tcpInfo(so).sndCwnd).toBeGreaterThanOrEqual(before);
    expect(tpOf(so).sndNxt).toBe(tpOf(so).sndMax);
    p.run(10);
    expect(p.all()).toEqual([]);
  });
});

describe('fast retransmit and recovery', () => {
  it('the third duplicate ACK, not the second, without SACK; NewReno fills each hole with a partial ACK (RFC 6582)', () => {
    const [p, so] = established({ sysctls: { initcwnd_segments: 8, rfc3042: 0 } }, MSS(1460));
    send(p, so, 8 * 1460);
    for (let i = 0; i < 2; i++) p.inject('. 1:1(0) ack 1');
    expect(p.all()).toEqual([]);
    p.inject('. 1:1(0) ack 1');
    expect(p.all()).toEqual(['. 1:1461(1460) ack 1 win 65535']);
    expect(tcpInfo(so).sndSsthresh).toBe(4 * 1460);
    p.inject('. 1:1(0) ack 2921');
    expect(p.all()).toEqual(['. 2921:4381(1460) ack 1 win 65535']);
    p.inject('. 1:1(0) ack 11681');
    expect(p.all()).toEqual([]);
    expect(tcpInfo(so).sndCwnd).toBeLessThanOrEqual(4 * 1460);
    expect(p.tcp.stat.rexmttimeo).toBe(0);
  });

  it('limited transmit: each of the first two duplicates releases one new segment (RFC 3042)', () => {
    const [p, so] = established({ sysctls: { initcwnd_segments: 4 } }, MSS(1460));
    expect(send(p, so, 20 * 1460).length).toBe(4);
    p.inject('. 1:1(0) ack 1');
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['5841:7301(1460)']);
    p.inject('. 1:1(0) ack 1');
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['7301:8761(1460)']);
    expect(tcpInfo(so).sndCwnd).toBe(4 * 1460);
    p.inject('. 1:1(0) ack 1');
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['1:1461(1460)']);
  });

  it('with SACK: three segments above una, then the segment at una, nothing else; the ACK of all ends it', () => {
    const [p, so] = established();
    send(p, so, 4 * 1460);
    p.inject('. 1:1(0) ack 1', { opts: SACK([1461, 2921])(p) });
    p.inject('. 1:1(0) ack 1', { opts: SACK([1461, 4381])(p) });
    expect(p.all()).toEqual([]);
    p.inject('. 1:1(0) ack 1', { opts: SACK([1461, 5841])(p) });
    expect(p.all()).toEqual(['. 1:1461(1460) ack 1 win 65535']);
    p.inject('. 1:1(0) ack 5841');
    expect(p.all()).toEqual([]);
    expect(tpOf(so).sackhint?.numholes).toBe(0);
    expect(p.tcp.sackGlobalholes).toBe(0);
  });

  it('holes are filled in order, under PRR; what is SACKed is not sent again (RFC 6675, 6937)', () => {
    const [p, so] = established({ sysctls: { initcwnd_segments: 10 } });
    send(p, so, 20 * 1460);
    const seg = (i: number): number => 1 + i * 1460;
    // Segments 0 and 4 are lost.
    p.inject('. 1:1(0) ack 1', { opts: SACK([seg(1), seg(2)])(p) });
    p.inject('. 1:1(0) ack 1', { opts: SACK([seg(1), seg(3)])(p) });
    p.all();
    p.inject('. 1:1(0) ack 1', { opts: SACK([seg(1), seg(4)])(p) });
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['1:1461(1460)']);
    p.inject('. 1:1(0) ack 1', { opts: SACK([seg(5), seg(6)], [seg(1), seg(4)])(p) });
    const resent: string[] = [];
    for (let i = 6; i < 12; i++) {
      resent.push(...p.all());
      p.inject('. 1:1(0) ack 1', { opts: SACK([seg(5), seg(i + 1)], [seg(1), seg(4)])(p) });
    }
    resent.push(...p.all());
    const starts = resent.map((x) => Number(x.split(' ')[1]!.split(':')[0]));
    expect(starts[0]).toBe(seg(4));
    expect(starts.slice(1).every((s) => s >= seg(12))).toBe(true);
    expect(p.tcp.stat.sackRexmits).toBe(2);
    expect(tcpInfo(so).sndSsthresh).toBe(5 * 1460);
    p.inject(`. 1:1(0) ack ${(tpOf(so).sndMax - p.iss) | 0}`);
    expect(tpOf(so).flags & 0x20100000).toBe(0);
    expect(tcpInfo(so).sndCwnd).toBe(2 * 1460); // nothing was in flight any more
  });

  it('SACKs that say nothing new do not count', () => {
    const [p, so] = established();
    send(p, so, 4 * 1460);
    for (let i = 0; i < 10; i++) p.inject('. 1:1(0) ack 1', { opts: SACK([1461, 2921])(p) });
    expect(p.all()).toEqual([]);
    expect(tpOf(so).dupacks).toBe(1);
  });

  it('reordering of two does not retransmit', () => {
    const [p, so] = established();
    send(p, so, 4 * 1460);
    p.inject('. 1:1(0) ack 1', { opts: SACK([1461, 2921])(p) });
    p.inject('. 1:1(0) ack 2921');
    p.inject('. 1:1(0) ack 5841');
    expect(p.all()).toEqual([]);
    expect(p.tcp.stat.sndrexmitpack).toBe(0);
  });
});

describe('zero window (RFC 9293 §3.8.6.1)', () => {
  it('is probed with one byte at 5, 10 (+slop) ... seconds, as long as the peer answers; opens by an update', () => {
    const [p, so] = established();
    // A smaller window is believed of a newer segment only.
    p.inject('. 1:1(0) ack 1', { win: 0 });
    expect(tpOf(so).sndWnd).toBe(65535);
    p.inject('. 1:2(1) ack 1');
    p.inject('. 2:3(1) ack 1', { win: 0 });
    p.run(50);
    p.all();
    send(p, so, 100);
    const t0 = p.host.clock.nowUs();
    const times: number[] = [];
    for (let i = 0; i < 400; i++) {
      p.run(1000);
      for (const o of p.outs.splice(0)) {
        times.push(Math.round((o.us - t0) / 1000));
        expect(p.line(o)).toBe('. 1:2(1) ack 3 win 65535');
        p.inject('. 3:3(0) ack 1', { win: 0 });
      }
    }
    expect(times.slice(0, 3)).toEqual([5000, 10000, 15000]);
    expect(times.at(-1)! - times.at(-2)!).toBe(60000);
    expect(p.tcp.stat.sndprobe).toBe(times.length);
    p.inject('. 3:3(0) ack 1', { win: 65535 });
    expect(p.all()).toEqual(['P. 1:101(100) ack 3 win 65535']);
  });

  it('a dead peer behind a closed window is given up', () => {
    const [p, so] = established({ sysctls: { always_keepalive: 0 } });
    p.inject('. 1:2(1) ack 1');
    p.inject('. 2:3(1) ack 1', { win: 0 });
    send(p, so, 100);
    p.run(3 * 3600 * 1000);
    expect(soerror(so)).toBe(ETIMEDOUT);
    expect(p.tcp.stat.persistdrop).toBe(1);
  });
});

describe('keepalive (RFC 9293 §3.8.4)', () => {
  it('probes after KEEPIDLE of silence, every KEEPINTVL, and drops after KEEPCNT', () => {
    const [p, so] = established();
    expect(sosetopt(so, IPPROTO_TCP, TCP_KEEPIDLE, 10)).toBe(0);
    expect(sosetopt(so, IPPROTO_TCP, TCP_KEEPINTVL, 2)).toBe(0);
    expect(sosetopt(so, IPPROTO_TCP, TCP_KEEPCNT, 3)).toBe(0);
    const t0 = p.host.clock.nowUs();
    p.run(10_500);
    expect(p.outs.map((o) => (o.us - t0) / 1e6)).toEqual([10]);
    expect(p.all()).toEqual(['. 0:0(0) ack 1 win 65535']);
    p.inject('. 1:1(0) ack 1');
    const t1 = p.host.clock.nowUs();
    p.run(9_900);
    expect(p.all()).toEqual([]);
    p.run(6_200);
    const last = p.outs.pop()!;
    expect((last.us - t1) / 1e6).toBeCloseTo(16, 1);
    expect(p.line(last)).toBe('R. 1:1(0) ack 1 win 0');
    expect(p.all()).toEqual(Array<string>(3).fill('. 0:0(0) ack 1 win 65535'));
    expect(soerror(so)).toBe(ETIMEDOUT);
    expect(p.tcp.stat.keepdrops).toBe(1);
  });

  it('defaults: 75, 7200, 75, 8; the values of the sysctls', () => {
    const [, so] = established({ sysctls: { keepidle: 60_000, keepcnt: 4 } });
    expect([TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((o) => getopt(so, IPPROTO_TCP, o))).toEqual([60, 75, 4]);
    const [, so2] = established();
    expect([128, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((o) => getopt(so2, IPPROTO_TCP, o))).toEqual([75, 7200, 75, 8]);
  });

  it('a peer\'s probe is answered', () => {
    const [p] = established();
    p.inject('. 0:0(0) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535']);
  });
});

describe('SO_LINGER 0 and abort', () => {
  it('close sends a RST at SND.NXT and forgets unsent data', () => {
    const [p, so] = established();
    send(p, so, 100);
    expect(sosetopt(so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: 0 })).toBe(0);
    soclose(so);
    p.host.settle();
    expect(p.all()).toEqual(['R. 101:101(0) ack 1 win 0']);
    expect(p.tcp.pcbinfo.count).toBe(1); // the listener
  });
});

describe('ICMP', () => {
  it.each([
    [3, 2, 61],
    [3, 3, 61],
    [3, 9, 61],
    [3, 10, 61],
    [3, 13, 61],
    [11, 0, 65],
  ])('in SYN-SENT type %d code %d ends the attempt: errno %d', (type, code, errno) => {
    const p = new Peer();
    const so = p.connect();
    p.icmp(type, code, p.outs[0]!, 0, 1);
    p.icmp(type, code, p.outs[0]!, 0, -1);
    expect(soerror(so)).toBe(0);
    p.icmp(type, code, p.outs[0]!);
    expect(soerror(so)).toBe(errno);
    const q = new Peer({ sysctls: { icmp_may_rst: 0 } });
    const so2 = q.connect();
    q.icmp(type, code, q.outs[0]!);
    expect(soerror(so2)).toBe(0);
  });

  it.each([
    [3, 0],
    [3, 1],
    [3, 5],
    [4, 0],
    [12, 0],
  ])('type %d code %d is soft', (type, code) => {
    const p = new Peer();
    const so = p.connect();
    p.icmp(type, code, p.outs[0]!);
    expect(soerror(so)).toBe(0);
    p.run(1001);
    expect(p.outs.length).toBe(2);
  });

  it('T27 fragmentation needed: smaller segments, everything outstanding at once; T30', () => {
    const [p, so] = established();
    write(so, pattern(2920));
    p.host.settle();
    const first = p.outs[0]!;
    expect(first.df).toBe(true);
    p.all();
    p.icmp(3, 4, first, 1300);
    expect(p.all().map((x) => x.split(' ').slice(0, 2).join(' '))).toEqual(['. 1:1261(1260)', '. 1261:2521(1260)', 'P. 2521:2921(400)']);
    expect(p.tcp.stat.mturesent).toBe(1);
    p.icmp(3, 4, first, 1400); // larger than now: nothing
    p.icmp(3, 4, first, 1200, -5000); // not under way: nothing
    expect(p.all()).toEqual([]);
  });

  it('T28 with a full host cache the MTU still reaches the connection', () => {
    const [p, so] = established({ sysctls: { 'hostcache.enable': 0 } });
    write(so, pattern(1460));
    p.host.settle();
    const first = p.outs[0]!;
    p.all();
    p.icmp(3, 4, first, 1300);
    expect(p.all().map((x) => x.split(' ')[1])).toEqual(['1:1261(1260)', '1261:1461(200)']);
  });

  it('T28 an MTU below the floor is raised to it, and DF is off there', () => {
    const [p, so] = established();
    write(so, pattern(1460));
    p.host.settle();
    const first = p.outs[0]!;
    p.all();
    p.icmp(3, 4, first, 100);
    expect(p.outs.length).toBeGreaterThan(1);
    expect(p.outs.every((o) => !o.df && o.data.length <= 216)).toBe(true);
  });

  it('a router that says no MTU: the next plateau', () => {
    const [p, so] = established();
    write(so, pattern(1460));
    p.host.settle();
    const first = p.outs[0]!;
    p.all();
    p.icmp(3, 4, first, 0);
    expect(p.outs[0]?.data.length).toBe(1492 - 40);
  });
});

describe('black hole detection', () => {
  it('tries smaller segments twice each, then goes back', () => {
    const [p, so] = established({ sysctls: { pmtud_blackhole_detection: 1 } });
    send(p, so, 1460);
    p.run(200_000);
    expect(p.outs.slice(0, 6).map((o) => o.data.length)).toEqual([1460, 1200, 1200, 536, 536, 1460]);
    const s = p.tcp.stat;
    expect([s.pmtudBlackholeActivated, s.pmtudBlackholeActivatedMinMss, s.pmtudBlackholeFailed]).toEqual([1, 1, 1]);
  });
});
