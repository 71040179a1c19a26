import { describe, expect, it } from 'vitest';
import { SO_ERROR, SO_RCVBUF, SOL_SOCKET, sosetopt } from '@ns/socket';
import { TCP_KEEPINIT, TCP_MAXSEG, TCP_NOOPT } from '@ns/tcp';
import { MSS, NOP, Peer, SACKOK, TS, WS } from './peer.ts';
import { getopt } from './opt.ts';
import { IPPROTO_TCP } from './wire-names.ts';

describe('snd-syn: options of a SYN (RFC 9293, 7323, 2018)', () => {
  const rows = [
    { name: 'default', sysctls: {}, opts: 'mss 1460,nop,wscale 6,sackOK,TS ecr 0' },
    { name: 'sack.enable=0', sysctls: { 'sack.enable': 0 }, opts: 'mss 1460,nop,wscale 6,nop,nop,TS ecr 0' },
    { name: 'rfc1323=0', sysctls: { rfc1323: 0 }, opts: 'mss 1460,sackOK,eol,eol' },
    { name: 'rfc1323=2: window scale alone', sysctls: { rfc1323: 2 }, opts: 'mss 1460,nop,wscale 6,sackOK,eol,eol' },
    { name: 'rfc1323=3: time stamps alone', sysctls: { rfc1323: 3 }, opts: 'mss 1460,sackOK,TS ecr 0' },
    { name: 'rfc1323=4: both, as with any other value', sysctls: { rfc1323: 4 }, opts: 'mss 1460,nop,wscale 6,sackOK,TS ecr 0' },
    { name: 'both off', sysctls: { rfc1323: 0, 'sack.enable': 0 }, opts: 'mss 1460' },
    { name: 'maxsockbuf 73728', sysctls: { 'kern.ipc.maxsockbuf': 73728 }, opts: 'mss 1460,nop,wscale 1,sackOK,TS ecr 0' },
    { name: 'maxsockbuf 4294967295', sysctls: { 'kern.ipc.maxsockbuf': 4294967295 }, opts: 'mss 1460,nop,wscale 14,sackOK,TS ecr 0' },
  ] as const;
  it.each(rows)('$name', ({ sysctls, opts }) => {
    const p = new Peer({ sysctls });
    p.connect();
    expect(p.all()).toEqual([`S 0:0(0) win 65535 <${opts}>`]);
  });

  it('NOOPT: none at all', () => {
    const p = new Peer();
    const so = p.bind();
    expect(sosetopt(so, IPPROTO_TCP, TCP_NOOPT, 1)).toBe(0);
    p.connect(so);
    expect(p.all()).toEqual(['S 0:0(0) win 65535']);
  });

  it.each([
    [72, 32],
    [576, 536],
    [9000, 8960],
    [65535, 65495],
  ])('MTU %d: mss %d, whatever minmss', (mtu, mss) => {
    const p = new Peer({ mtu });
    p.connect();
    expect(p.outs[0]?.mss).toBe(mss);
  });

  it('TCP_MAXSEG before connect is what is offered', () => {
    const p = new Peer();
    const so = p.bind();
    expect(sosetopt(so, IPPROTO_TCP, TCP_MAXSEG, 1000)).toBe(0);
    p.connect(so);
    expect(p.outs[0]?.mss).toBe(1000);
  });
});

describe('snd-syn: retransmission (RFC 6298)', () => {
  it('1.0 s, then 2^n + 0.2 s, at most 64 s; the time stamp moves on', () => {
    const p = new Peer({ sysctls: { keepinit: 2_000_000 } });
    p.connect();
    p.run(400_000);
    const t0 = p.outs[0]!.us;
    expect(p.outs.map((o) => (o.us - t0) / 1e6)).toEqual([0, 1, 3.2, 7.4, 15.6, 31.8, 64, 128, 192, 256, 320, 384]);
    expect(p.outs.slice(0, 3).map((o) => (o.tsval - p.outs[0]!.tsval) | 0)).toEqual([0, 1000, 3200]);
  });

  it('rexmit_drop_options: from the third repetition on mss only', () => {
    const p = new Peer({ sysctls: { rexmit_drop_options: 1 } });
    p.connect();
    p.run(16_000);
    expect(p.outs.map((o) => o.opts)).toEqual([...Array<string>(3).fill('mss 1460,nop,wscale 6,sackOK,TS ecr 0'), 'mss 1460', 'mss 1460']);
  });

  it.each([
    [1, ['SEW', 'SEW', 'S', 'S']],
    [0, ['SEW', 'S', 'S', 'S']],
  ])('ecn.enable 1, ecn.maxretries %d', (retries, flags) => {
    const p = new Peer({ sysctls: { 'ecn.enable': 1, 'ecn.maxretries': retries } });
    p.connect();
    p.run(10_000);
    expect(p.all().map((l) => l.split(' ')[0])).toEqual(flags);
  });

  it.each([
    [5, 3],
    [363, 11],
  ])('TCP_KEEPINIT %d s gives up with ETIMEDOUT after %d SYNs', (sec, syns) => {
    const p = new Peer();
    const so = p.bind();
    p.connect(so);
    expect(sosetopt(so, IPPROTO_TCP, TCP_KEEPINIT, sec)).toBe(0);
    p.run(sec * 1000 - 1);
    expect(getopt(so, SOL_SOCKET, SO_ERROR)).toBe(0);
    p.run(2);
    expect(p.outs.length).toBe(syns);
    expect(getopt(so, SOL_SOCKET, SO_ERROR)).toBe(60);
  });
});

describe('SYN-ACK options follow the peer\'s SYN', () => {
  const rows = [
    { name: 'mss, sackOK', opts: [...MSS(1460), ...SACKOK, 0, 0], reply: 'mss 1460,sackOK,eol,eol' },
    { name: 'mss', opts: MSS(1460), reply: 'mss 1460' },
    { name: 'nothing', opts: [], reply: 'mss 1460' },
    { name: 'everything', opts: [...MSS(1460), NOP, ...WS(6), ...SACKOK, ...TS(100, 0)], reply: 'mss 1460,nop,wscale 6,sackOK,TS ecr 100' },
  ];
  it.each(rows)('$name', ({ opts, reply }) => {
    const p = new Peer();
    p.listen();
    p.inject('S 0:0(0)', { opts });
    expect(p.all()).toEqual([`S. 0:0(0) ack 1 win 65535 <${reply}>`]);
  });

  it('data and FIN on a SYN do not count', () => {
    const p = new Peer();
    p.listen();
    p.inject('SF 0:3(3)');
    expect(p.all()).toEqual(['S. 0:0(0) ack 1 win 65535 <mss 1460>']);
  });

  it('SO_RCVBUF is rounded up to whole segments when the MSS becomes known', () => {
    const p = new Peer();
    const l = p.listen();
    expect(getopt(l, SOL_SOCKET, SO_RCVBUF)).toBe(65536);
    const [, s] = p.passive(undefined, l);
    expect(getopt(s, SOL_SOCKET, SO_RCVBUF)).toBe(65700);
    expect(getopt(s, IPPROTO_TCP, TCP_MAXSEG)).toBe(1460);
    const q = new Peer();
    const so = q.connect();
    expect(getopt(so, SOL_SOCKET, SO_RCVBUF)).toBe(65536);
    q.all();
    q.inject('S. 0:0(0) ack 1', { opts: MSS(536) });
    expect(getopt(so, SOL_SOCKET, SO_RCVBUF)).toBe(65928);
    expect(q.all()).toEqual(['. 1:1(0) ack 1 win 65535']);
  });
});
