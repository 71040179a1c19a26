/* TIME-WAIT (RFC 9293 §3.10.7.4, RFC 1337, RFC 6191): rnxt = nxt = 2. */
import { describe, expect, it } from 'vitest';
import { SHUT_WR, type Socket, soclose, soshutdown } from '@ns/socket';
import { TCP_STATE_NAMES, tcpDropConnection } from '@ns/tcp';
import { read, tpOf } from './lab.ts';
import { MSS, NOP, Peer, SACKOK, TS } from './peer.ts';
import { parseInAddr, Sockaddr } from './wire-names.ts';

const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];
const stateOf = (so: Socket): string => TCP_STATE_NAMES[tpOf(so).state]!;

function timeWait(p: Peer): [Socket, Socket] {
  const [l, so] = p.passive(SIMPLE);
  soshutdown(so, SHUT_WR);
  p.host.settle();
  p.inject('F. 1:1(0) ack 2');
  expect(p.all()).toEqual(['F. 1:1(0) ack 1 win 65535', '. 2:2(0) ack 2 win 65535']);
  expect(stateOf(so)).toBe('TIME_WAIT');
  return [l, so];
}

describe('TIME-WAIT', () => {
  const rows = [
    ['R 2:2(0)', null],
    ['R. 2:2(0) ack 2', null],
    ['R 5:5(0)', null],
    ['S 2:2(0)', null],
    ['S 0:0(0)', null],
    ['SF 2:2(0)', null],
    ['F 2:2(0)', null],
    ['. 2:2(0) ack 2', null],
    ['F. 1:1(0) ack 2', '. 2:2(0) ack 2 win 65535'],
    ['S. 2:2(0) ack 2', '. 2:2(0) ack 2 win 65535'],
    ['. 2:5(3) ack 2', '. 2:2(0) ack 2 win 65535'],
    ['. 3:3(0) ack 2', '. 2:2(0) ack 2 win 65535'],
    ['. 2:2(0) ack 1', '. 2:2(0) ack 2 win 65535'],
    ['S. 100:100(0) ack 2', '. 2:2(0) ack 2 win 65535'],
  ] as const;
  it.each(rows)('%s -> %s; stays', (seg, reply) => {
    for (const insecure of [0, 1]) {
      const p = new Peer({ sysctls: { insecure_rst: insecure, insecure_syn: insecure } });
      const [, so] = timeWait(p);
      p.inject(seg);
      expect(p.next()).toBe(reply);
      expect(stateOf(so)).toBe('TIME_WAIT');
      expect(p.tcp.stat).toMatchObject({ twResponds: reply === null ? 0 : 1, twRecycles: 0, twResets: 0 });
    }
  });

  it.each([3, 65700, 1 << 30])('a SYN at %d, however far ahead, begins a new connection', (at) => {
    const p = new Peer();
    const [l, so] = timeWait(p);
    const old = tpOf(so).sndMax;
    p.issKnown = false;
    p.irs = (p.irs + at) | 0;
    p.inject('S 0:0(0)', { opts: SIMPLE });
    expect(p.all()).toEqual(['S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>']);
    expect(stateOf(so)).toBe('CLOSED');
    expect(p.tcp.stat.twRecycles).toBe(1);
    expect(p.iss).not.toBe(old);
    p.inject('P. 1:4(3) ack 1');
    const again = p.accept(l);
    expect(read(again)?.length).toBe(3);
  });

  it('SYN+FIN beyond: a new connection, or silence with drop_synfin', () => {
    for (const drop of [0, 1]) {
      const p = new Peer({ sysctls: { drop_synfin: drop } });
      const [, so] = timeWait(p);
      p.issKnown = false;
      p.irs = (p.irs + 3) | 0;
      p.inject('SF 0:0(0)', { opts: SIMPLE });
      expect(p.next()).toBe(drop === 1 ? null : 'S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>');
      expect(stateOf(so)).toBe(drop === 1 ? 'TIME_WAIT' : 'CLOSED');
    }
  });

  it('a SYN that is not ahead, but has a later time stamp, is a new connection (RFC 6191)', () => {
    const p = new Peer();
    const opts = (v: number): number[] => [...MSS(1460), ...SACKOK, ...TS(v, 0)];
    const l = p.listen();
    p.inject('S 0:0(0)', { opts: opts(100) });
    p.next();
    p.inject('. 1:1(0) ack 1', { opts: [NOP, NOP, ...TS(101, 0)] });
    const so = p.accept(l);
    soshutdown(so, SHUT_WR);
    p.host.settle();
    p.inject('F. 1:1(0) ack 2', { opts: [NOP, NOP, ...TS(102, 0)] });
    expect(stateOf(so)).toBe('TIME_WAIT');
    p.all();
    p.inject('S 0:0(0)', { opts: opts(90) });
    expect(stateOf(so)).toBe('TIME_WAIT');
    p.inject('S 0:0(0)', { opts: opts(103) });
    expect(stateOf(so)).toBe('CLOSED');
  });

  it('ends after 2 MSL; an answered segment starts the time again', () => {
    const p = new Peer();
    const [, so] = timeWait(p);
    p.run(50_000);
    p.inject('F. 1:1(0) ack 2');
    p.run(59_000);
    expect(stateOf(so)).toBe('TIME_WAIT');
    p.run(2_000);
    expect(stateOf(so)).toBe('CLOSED');
  });

  it('at most maxtcptw wait: the oldest goes', () => {
    const p = new Peer({ sysctls: { maxtcptw: 3 } });
    const l = p.listen();
    const all: Socket[] = [];
    for (let i = 0; i < 5; i++) {
      p.pport = 41000 + i;
      p.issKnown = false;
      const [, so] = p.passive(SIMPLE, l);
      soshutdown(so, SHUT_WR);
      p.host.settle();
      p.inject('F. 1:1(0) ack 2');
      all.push(so);
    }
    expect(all.map(stateOf)).toEqual(['CLOSED', 'CLOSED', 'TIME_WAIT', 'TIME_WAIT', 'TIME_WAIT']);
    expect(p.tcp.states[10]).toBe(3);
  });

  it('lives on without its socket, and tcpdrop ends it silently', () => {
    const p = new Peer();
    const [l, so] = timeWait(p);
    soclose(so);
    expect(p.tcp.states[10]).toBe(1);
    expect(p.vnet.ledger.report().filter((r) => r.kind === 'socket')[0]?.count).toBe(1); // the listener
    const local = new Sockaddr(parseInAddr('10.0.0.1')!, 8080);
    const foreign = new Sockaddr(parseInAddr('10.0.0.2')!, 40000);
    expect(tcpDropConnection(p.vnet, local, foreign)).toBe(0);
    expect(p.all()).toEqual([]);
    expect(p.tcp.states[10]).toBe(0);
    expect(tcpDropConnection(p.vnet, local, foreign)).toBe(3); // ESRCH
    soclose(l);
    expect(p.tcp.pcbinfo.count).toBe(0);
    expect(p.kernel.mbufs.outstanding).toBe(0);
  });
});
