/* State x event (RFC 9293 §3.10.7, RFC 5961, RFC 1337): what each segment does in each state. */
import { describe, expect, it } from 'vitest';
import { ECONNREFUSED, ECONNRESET } from '@ns/errno';
import { SHUT_WR, type Socket, soclose, soshutdown } from '@ns/socket';
import { TCP_STATE_NAMES, tcpPcblist } from '@ns/tcp';
import { read, tpOf } from './lab.ts';
import { soerror } from './opt.ts';
import { MSS, Peer, SACKOK } from './peer.ts';

const stateOf = (so: Socket): string => TCP_STATE_NAMES[tpOf(so).state]!;
const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];

describe('CLOSED: a bound socket that does not listen answers everything but a RST', () => {
  it.each([
    ['S 0:0(0)', 'R. 0:0(0) ack 1 win 0'],
    ['SF 0:3(3)', 'R. 0:0(0) ack 5 win 0'],
    ['F 0:3(3)', 'R. 0:0(0) ack 4 win 0'],
    ['R 0:0(0)', null],
    ['R. 0:3(3) ack 1', null],
  ])('%s -> %s', (seg, reply) => {
    const p = new Peer();
    p.bind();
    p.issKnown = true;
    p.inject(seg);
    expect(p.next()).toBe(reply);
  });

  it('ACK set: RST at SEG.ACK, without ack', () => {
    const p = new Peer();
    p.bind();
    p.issKnown = true;
    p.inject('. 5:5(0) ack 1000');
    expect(p.all()).toEqual(['R 1000:1000(0) win 0']);
  });

  it('no socket at all: the same', () => {
    const p = new Peer();
    p.issKnown = true;
    p.inject('S 0:0(0)');
    expect(p.all()).toEqual(['R. 0:0(0) ack 1 win 0']);
  });
});

describe('LISTEN', () => {
  it.each([
    ['R 0:0(0)', null],
    ['R. 0:0(0) ack 1', null],
    ['S. 0:0(0) ack 1', null],
    ['. 0:0(0) ack 1', 'R 1:1(0) win 0'],
    ['F. 0:3(3) ack 1', 'R 1:1(0) win 0'],
    ['F 0:3(3)', null],
    ['- 0:3(3)', null],
  ])('%s -> %s, and the listener goes on', (seg, reply) => {
    const p = new Peer();
    const l = p.listen();
    p.issKnown = true;
    p.inject(seg);
    expect(p.next()).toBe(reply);
    expect(tcpPcblist(p.vnet).pcbs.filter((x) => x.syncache)).toEqual([]);
    p.issKnown = false;
    p.passive(SIMPLE, l);
    expect(p.all()).toEqual([]);
  });

  it.each([
    [0, 'S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>'],
    [1, null],
  ])('SYN+FIN with drop_synfin=%d', (drop, reply) => {
    const p = new Peer({ sysctls: { drop_synfin: drop } });
    p.listen();
    p.inject('SF 0:0(0)', { opts: SIMPLE });
    expect(p.next()).toBe(reply);
  });

  it('a land attack draws nothing', () => {
    const p = new Peer();
    p.listen();
    p.inject('S 0:0(0)', { sport: 8080, src: '10.0.0.1' });
    expect(p.all()).toEqual([]);
  });
});

describe('SYN-SENT', () => {
  it.each([
    ['. 0:0(0) ack 0', 'R 0:0(0) win 0'],
    ['. 0:0(0) ack 2', 'R 2:2(0) win 0'],
    ['S. 0:0(0) ack 0', 'R 0:0(0) win 0'],
    ['F. 0:0(0) ack 2', 'R 2:2(0) win 0'],
    ['R. 0:0(0) ack 0', null],
    ['R. 0:0(0) ack 2', null],
    ['R 0:0(0)', null],
    ['. 0:0(0) ack 1', null],
    ['F. 0:3(3) ack 1', null],
    ['F 0:3(3)', null],
  ])('%s -> %s; stays, and the SYN goes again at its time', (seg, reply) => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.run(500);
    p.inject(seg);
    expect(p.next()).toBe(reply);
    expect(stateOf(so)).toBe('SYN_SENT');
    p.run(499);
    expect(p.outs.length).toBe(0);
    p.run(2);
    expect(p.next()).toMatch(/^S 0:0/);
    expect(soerror(so)).toBe(0);
  });

  it('RST+ACK that is acceptable: ECONNREFUSED', () => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.inject('R. 0:0(0) ack 1');
    expect(p.all()).toEqual([]);
    expect(stateOf(so)).toBe('CLOSED');
    expect(soerror(so)).toBe(ECONNREFUSED);
  });

  it('SYN+ACK with data: acknowledged at once and readable', () => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.inject('S. 0:3(3) ack 1', { opts: SIMPLE });
    expect(p.all()).toEqual(['. 1:1(0) ack 4 win 65535']);
    expect(read(so)?.length).toBe(3);
  });

  it('crossing SYN with data: the data wait for the handshake', () => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.inject('S 0:3(3)', { opts: SIMPLE });
    expect(p.all()).toEqual(['S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>']);
    expect(stateOf(so)).toBe('SYN_RCVD');
    expect(read(so)?.length).toBe(0);
    p.inject('. 4:4(0) ack 1');
    expect(p.all()).toEqual([]);
    expect(stateOf(so)).toBe('ESTABLISHED');
    expect(read(so)?.length).toBe(3);
    soclose(so);
    p.run(1);
    expect(p.all()).toEqual(['F. 1:1(0) ack 4 win 65535']);
  });

  it('SYN+FIN crossing: the FIN does not count', () => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.inject('SF 0:0(0)', { opts: SIMPLE });
    expect(p.next()).toBe('S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>');
    expect(stateOf(so)).toBe('SYN_RCVD');
  });

  it('close sends nothing; a late SYN+ACK gets a RST', () => {
    const p = new Peer();
    const so = p.connect();
    p.all();
    soclose(so);
    p.inject('S. 0:0(0) ack 1');
    expect(p.all()).toEqual(['R 1:1(0) win 0']);
    expect(p.tcp.pcbinfo.count).toBe(0);
  });
});

/** Brings a connection into a state by packets; returns its socket, with RCV.NXT and SND.NXT. */
type Maker = (p: Peer) => { so: Socket; rnxt: number; nxt: number };
const states: Record<string, Maker> = {
  ESTABLISHED: (p) => ({ so: p.passive(SIMPLE)[1], rnxt: 1, nxt: 1 }),
  CLOSE_WAIT: (p) => {
    const so = p.passive(SIMPLE)[1];
    p.inject('F. 1:1(0) ack 1');
    expect(p.all()).toEqual(['. 1:1(0) ack 2 win 65535']);
    return { so, rnxt: 2, nxt: 1 };
  },
  FIN_WAIT_1: (p) => {
    const so = p.passive(SIMPLE)[1];
    soshutdown(so, SHUT_WR);
    p.host.settle();
    expect(p.all()).toEqual(['F. 1:1(0) ack 1 win 65535']);
    return { so, rnxt: 1, nxt: 2 };
  },
  FIN_WAIT_2: (p) => {
    const s = states['FIN_WAIT_1']!(p);
    p.inject('. 1:1(0) ack 2');
    expect(p.all()).toEqual([]);
    return s;
  },
  CLOSING: (p) => {
    const s = states['FIN_WAIT_1']!(p);
    p.inject('F. 1:1(0) ack 1');
    expect(p.all()).toEqual(['F. 1:1(0) ack 2 win 65535']);
    return { ...s, rnxt: 2 };
  },
  LAST_ACK: (p) => {
    const s = states['CLOSE_WAIT']!(p);
    soshutdown(s.so, SHUT_WR);
    p.host.settle();
    expect(p.all()).toEqual(['F. 1:1(0) ack 2 win 65535']);
    return { ...s, nxt: 2 };
  },
};
const WINDOW = 65700;

describe.each(Object.keys(states))('%s', (name) => {
  const make = states[name] as Maker;

  it('is reached by packets', () => {
    const p = new Peer();
    expect(stateOf(make(p).so)).toBe(name);
  });

  const rsts = [
    { at: 'at the left edge', d: 0, insecure: 0, want: 'reset' },
    { at: 'inside', d: 1, insecure: 0, want: 'challenge' },
    { at: 'at the right edge', d: WINDOW - 1, insecure: 0, want: 'challenge' },
    { at: 'before', d: -1, insecure: 0, want: 'ignored' },
    { at: 'behind', d: WINDOW, insecure: 0, want: 'ignored' },
    { at: 'inside', d: 1, insecure: 1, want: 'reset' },
    { at: 'at the right edge', d: WINDOW - 1, insecure: 1, want: 'reset' },
    { at: 'behind', d: WINDOW, insecure: 1, want: 'ignored' },
  ] as const;
  it.each(rsts)('RST $at, insecure_rst=$insecure: $want', ({ d, insecure, want }) => {
    const p = new Peer({ sysctls: { insecure_rst: insecure } });
    const { so, rnxt, nxt } = make(p);
    p.inject(`R ${rnxt + d}:${rnxt + d}(0)`);
    expect(p.all()).toEqual(want === 'challenge' ? [`. ${nxt}:${nxt}(0) ack ${rnxt} win 65535`] : []);
    expect(stateOf(so)).toBe(want === 'reset' ? 'CLOSED' : name);
    expect(soerror(so)).toBe(want === 'reset' ? ECONNRESET : 0);
  });

  const syns = [
    { at: 'inside', d: 5, insecure: 0, want: 'challenge' },
    { at: 'outside', d: WINDOW, insecure: 0, want: 'challenge' },
    { at: 'before', d: -1, insecure: 0, want: 'challenge' },
    { at: 'inside', d: 5, insecure: 1, want: 'reset' },
    { at: 'outside', d: WINDOW, insecure: 1, want: 'challenge' },
  ] as const;
  it.each(syns)('SYN $at, insecure_syn=$insecure: $want', ({ d, insecure, want }) => {
    const p = new Peer({ sysctls: { insecure_syn: insecure } });
    const { so, rnxt, nxt } = make(p);
    p.inject(`S ${rnxt + d}:${rnxt + d}(0)`);
    expect(p.all()).toEqual([want === 'challenge' ? `. ${nxt}:${nxt}(0) ack ${rnxt} win 65535` : `R. ${nxt}:${nxt}(0) ack ${rnxt} win 0`]);
    expect(stateOf(so)).toBe(want === 'reset' ? 'CLOSED' : name);
    expect(soerror(so)).toBe(want === 'reset' ? ECONNRESET : 0);
  });

  it('challenge ACKs are limited to ack_war_cnt in ack_war_timewindow (RFC 5961 §10)', () => {
    const p = new Peer();
    const { rnxt } = make(p);
    for (let i = 0; i < 20; i++) p.inject(`R ${rnxt + 10}:${rnxt + 10}(0)`);
    expect(p.all().length).toBe(5);
    p.run(1001);
    p.all();
    p.inject(`R ${rnxt + 10}:${rnxt + 10}(0)`);
    expect(p.all().length).toBe(1);
  });

  it('a segment without any flag is dropped silently', () => {
    const p = new Peer();
    const { so, rnxt } = make(p);
    p.inject(`- ${rnxt}:${rnxt}(0)`);
    p.inject(`F ${rnxt}:${rnxt}(0)`);
    expect(p.all()).toEqual([]);
    expect(stateOf(so)).toBe(name);
  });

  it('an ACK of what was not sent is answered', () => {
    const p = new Peer();
    const { so, rnxt, nxt } = make(p);
    p.inject(`. ${rnxt}:${rnxt}(0) ack ${nxt + 5}`);
    expect(p.all().length).toBe(1);
    expect(stateOf(so)).toBe(name);
  });
});

describe('SYN-RECEIVED by crossing SYNs: the ACK field of a RST is not looked at', () => {
  it.each([0, 1, 2, -1])('RST+ACK with ack %d at the left edge: ECONNREFUSED', (ack) => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.inject('S 0:0(0)', { opts: SIMPLE });
    p.next();
    p.inject(`R. 1:1(0) ack ${ack}`);
    expect(p.all()).toEqual([]);
    expect(stateOf(so)).toBe('CLOSED');
    expect(soerror(so)).toBe(ECONNREFUSED);
  });

  it.each([
    [2, true],
    [65700, true],
    [65701, false],
    [0, false],
  ])('RST at %d: challenge %s', (seq, challenged) => {
    const p = new Peer();
    const so = p.connect();
    p.next();
    p.inject('S 0:0(0)', { opts: SIMPLE });
    p.next();
    p.inject(`R ${seq}:${seq}(0)`);
    expect(p.all()).toEqual(challenged ? ['. 1:1(0) ack 1 win 65535'] : []);
    expect(stateOf(so)).toBe('SYN_RCVD');
  });
});

describe('SYN-RECEIVED in the syncache', () => {
  it.each([
    [1, 0, 0, []],
    [2, 0, 1, ['. 1:1(0) ack 1 win 65535']],
    [65535, 0, 1, ['. 1:1(0) ack 1 win 65535']],
    [65536, 0, 1, []],
    [0, 0, 1, []],
    [2, 1, 0, []],
    [65535, 1, 0, []],
    [65536, 1, 1, []],
  ] as const)('RST at %d, insecure_rst=%d: %d left, answer %j', (seq, insecure, left, answer) => {
    const p = new Peer({ sysctls: { insecure_rst: insecure } });
    const l = p.listen();
    p.inject('S 0:0(0)', { opts: SIMPLE });
    p.next();
    p.inject(`R ${seq}:${seq}(0)`);
    expect(p.all()).toEqual(answer);
    expect(tcpPcblist(p.vnet).pcbs.filter((x) => x.stateName === 'SYN_RCVD').length).toBe(left);
    if (left === 1) {
      p.inject('. 1:1(0) ack 1');
      expect(stateOf(p.accept(l))).toBe('ESTABLISHED');
    }
  });
});

describe('closing', () => {
  it('FIN-WAIT-1 + FIN that acknowledges ours: TIME-WAIT at once', () => {
    const p = new Peer();
    const { so } = states['FIN_WAIT_1']!(p);
    p.inject('F. 1:1(0) ack 2');
    expect(p.all()).toEqual(['. 2:2(0) ack 2 win 65535']);
    expect(stateOf(so)).toBe('TIME_WAIT');
  });

  it('FIN-WAIT-2 + FIN: TIME-WAIT', () => {
    const p = new Peer();
    const { so } = states['FIN_WAIT_2']!(p);
    p.inject('F. 1:1(0) ack 2');
    expect(p.all()).toEqual(['. 2:2(0) ack 2 win 65535']);
    expect(stateOf(so)).toBe('TIME_WAIT');
  });

  it('CLOSING + ack of our FIN: TIME-WAIT, no answer', () => {
    const p = new Peer();
    const { so } = states['CLOSING']!(p);
    p.inject('. 2:2(0) ack 2');
    expect(p.all()).toEqual([]);
    expect(stateOf(so)).toBe('TIME_WAIT');
  });

  it('CLOSING + the FIN again, which acknowledges ours: TIME-WAIT', () => {
    const p = new Peer();
    const { so } = states['CLOSING']!(p);
    p.inject('F. 1:1(0) ack 2');
    expect(stateOf(so)).toBe('TIME_WAIT');
  });

  it('LAST-ACK + ack of our FIN: closed, no answer', () => {
    const p = new Peer();
    const { so } = states['LAST_ACK']!(p);
    p.inject('. 2:2(0) ack 2');
    expect(p.all()).toEqual([]);
    expect(stateOf(so)).toBe('CLOSED');
  });

  it('data after close: RST, and gone (RFC 1122 §4.2.2.13)', () => {
    const p = new Peer();
    const so = p.passive(SIMPLE)[1];
    soclose(so);
    p.all();
    p.inject('P. 1:11(10) ack 1');
    expect(p.all()).toEqual(['R 1:1(0) win 0']);
    expect(p.tcp.stat.rcvafterclose).toBe(1);
  });

  it('our FIN goes again with doubling timeout, and the connection times out', () => {
    const p = new Peer();
    const so = p.passive(SIMPLE)[1];
    const tp = tpOf(so);
    soclose(so);
    p.run(600_000);
    const sent = p.all();
    expect(sent.pop()).toBe('R. 2:2(0) ack 1 win 0');
    expect(sent).toEqual(Array<string>(13).fill('F. 1:1(0) ack 1 win 65535'));
    expect(p.tcp.stat.timeoutdrop).toBe(1);
    expect(tp.state).toBe(0);
    expect(p.tcp.states.reduce((a, b) => a + b, 0)).toBe(1); // the listener
  });

  it('FIN-WAIT-2 ends by itself when nobody reads and the peer is silent', () => {
    const p = new Peer();
    const so = p.passive(SIMPLE)[1];
    const tp = tpOf(so);
    soclose(so);
    p.all();
    p.inject('. 1:1(0) ack 2');
    expect(TCP_STATE_NAMES[tp.state]).toBe('FIN_WAIT_2');
    p.run(59_000);
    expect(TCP_STATE_NAMES[tp.state]).toBe('FIN_WAIT_2');
    p.run(2_000);
    expect(TCP_STATE_NAMES[tp.state]).toBe('CLOSED');
    expect(p.tcp.stat.finwait2Drops).toBe(1);
  });

  it('FIN-WAIT-2 of an open socket waits for ever', () => {
    const p = new Peer();
    const { so } = states['FIN_WAIT_2']!(p);
    p.run(3_600_000);
    expect(stateOf(so)).toBe('FIN_WAIT_2');
  });
});
