import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ECONNREFUSED, EISCONN, ENOENT, ENOPROTOOPT, EPIPE } from '@ns/errno';
import { inpOpts } from '@ns/inpcb';
import { IP_TOS, IP_TTL } from '@ns/inpcb';
import { MSG_OOB, soclose, type Socket, soconnect, solistenDequeue, SO_OOBINLINE, SOL_SOCKET, soreceiveBytes, sosendCopy, sosetopt } from '@ns/socket';
import { TCP_FUNCTION_BLK, TCP_INFO, TCP_NOOPT, TCPI_OPT_SACK, TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE, tcpPcblist } from '@ns/tcp';
import { isLegalTransition, TCP_TRANSITIONS } from '../src/fsm.ts';
import { TCP_STATE_NAMES } from '../src/constants.ts';
import { A_ADDR, B_ADDR, info, Lab, pattern, read, tpOf, write } from './lab.ts';
import { getopt, soerror, tcpInfo } from './opt.ts';
import { MSS, NOP, Peer, SACKOK, TS, WS } from './peer.ts';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from './wire-names.ts';

const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];

describe('the table of transitions (RFC 9293 figure 5)', () => {
  const figure5: Record<string, string[]> = {
    CLOSED: ['LISTEN', 'SYN_SENT'],
    LISTEN: ['SYN_RCVD', 'SYN_SENT', 'CLOSED'],
    SYN_SENT: ['SYN_RCVD', 'ESTABLISHED', 'CLOSED'],
    SYN_RCVD: ['ESTABLISHED', 'FIN_WAIT_1'],
    ESTABLISHED: ['FIN_WAIT_1', 'CLOSE_WAIT'],
    CLOSE_WAIT: ['LAST_ACK'],
    FIN_WAIT_1: ['FIN_WAIT_2', 'CLOSING', 'TIME_WAIT'],
    CLOSING: ['TIME_WAIT'],
    LAST_ACK: ['CLOSED'],
    FIN_WAIT_2: ['TIME_WAIT'],
    TIME_WAIT: ['CLOSED'],
  };
  it('has every arrow of the figure, every state to CLOSED, and little else', () => {
    const extra: string[] = [];
    for (let from = 0; from < 11; from++) {
      for (let to = 0; to < 11; to++) {
        const [f, t] = [TCP_STATE_NAMES[from]!, TCP_STATE_NAMES[to]!];
        if (figure5[f]!.includes(t) || t === 'CLOSED' || from === to) expect(isLegalTransition(from, to), `${f} -> ${t}`).toBe(true);
        else if (isLegalTransition(from, to)) extra.push(`${f} -> ${t}`);
      }
    }
    expect(extra).toEqual(['CLOSED -> SYN_RCVD', 'SYN_SENT -> FIN_WAIT_1', 'SYN_RCVD -> CLOSE_WAIT']);
    expect(TCP_TRANSITIONS.length).toBe(11);
  });

  it('only fsm.ts writes the state', () => {
    const dir = new URL('../src/', import.meta.url);
    for (const f of readdirSync(dir)) {
      if (f === 'fsm.ts' || f === 'tcpcb.ts') continue;
      expect(/\btp\.state = /.test(readFileSync(new URL(f, dir), 'utf8')), f).toBe(false);
    }
  });

  it('T62 pcbs are found and walked through the API of inpcb, never through its tables', () => {
    const dir = new URL('../src/', import.meta.url);
    for (const f of readdirSync(dir)) {
      const src = readFileSync(new URL(f, dir), 'utf8');
      expect(/pcbinfo\.(list|tables|lbgroups)|\.portHead\(|listIndex/.test(src), f).toBe(false);
    }
  });
});

describe('silence', () => {
  it.each([
    [0, 'R. 0:0(0) ack 1 win 0', 'R 1:1(0) win 0'],
    [1, null, 'R 1:1(0) win 0'],
    [2, null, null],
  ])('blackhole %d', (level, syn, ack) => {
    const p = new Peer({ sysctls: { blackhole: level } });
    p.issKnown = true;
    p.inject('S 0:0(0)');
    expect(p.next()).toBe(syn);
    p.inject('. 0:0(0) ack 1');
    expect(p.next()).toBe(ack);
  });

  it('a bad checksum, offset or length is counted and dropped', () => {
    const p = new Peer();
    p.listen();
    p.inject('S 0:0(0)', { badSum: true });
    expect(p.all()).toEqual([]);
    expect(p.tcp.stat.rcvbadsum).toBe(1);
  });

  it('RSTs to closed ports are limited', () => {
    const p = new Peer();
    p.issKnown = true;
    for (let i = 0; i < 500; i++) p.inject('S 0:0(0)', { dport: 1000 + i });
    expect(p.all().length).toBe(200);
  });

  it('an ACK older than any window is challenged (RFC 5961 §5)', () => {
    const p = new Peer();
    const [, so] = p.passive(SIMPLE);
    p.inject('P. 1:4(3) ack -200000');
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535']);
    expect(read(so)?.length).toBe(0);
    expect(p.tcp.stat.rcvghostack).toBe(1);
  });
});

describe('options', () => {
  it('TCP_INFO after a handshake with everything', () => {
    const p = new Peer();
    const so = p.connect();
    const tsval = p.outs[0]!.tsval;
    p.all();
    p.inject('S. 0:0(0) ack 1', { opts: [...MSS(1400), NOP, ...WS(7), ...SACKOK, ...TS(9, tsval)] });
    const i = tcpInfo(so);
    expect(i.options).toBe(TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
    expect([i.state, i.sndWscale, i.rcvWscale, i.sndMss, i.sndBwnd]).toEqual([4, 7, 6, 1400, 0]);
  });

  it.each([400, 536, 1460])('NOOPT: the peer\'s options do not count either, but an MSS below the default is a limit: %d', (mss) => {
    const sndMss = Math.min(mss, 536);
    const p = new Peer();
    const so = p.bind();
    expect(sosetopt(so, IPPROTO_TCP, TCP_NOOPT, 1)).toBe(0);
    p.connect(so);
    p.all();
    p.inject('S. 0:0(0) ack 1', { opts: [...MSS(mss), NOP, ...WS(7), ...SACKOK, ...TS(9, 0)] });
    expect(p.all()).toEqual(['. 1:1(0) ack 1 win 65535']);
    expect([tcpInfo(so).options, tcpInfo(so).sndMss]).toEqual([0, sndMss]);
    const q = new Peer();
    const l = q.bind();
    expect(sosetopt(l, IPPROTO_TCP, TCP_NOOPT, 1)).toBe(0);
    q.listen(l);
    q.inject('S 0:0(0)', { opts: [...MSS(mss), NOP, ...WS(7), ...SACKOK, ...TS(9, 0)] });
    expect(q.all()).toEqual(['S. 0:0(0) ack 1 win 65535']);
    q.inject('. 1:1(0) ack 1');
    const child = tcpInfo(q.accept(l));
    expect([child.options, child.sndMss]).toEqual([0, sndMss]);
  });

  it('TOS and TTL are on every segment, from the listener too; a change counts from the next segment', () => {
    const p = new Peer();
    const l = p.bind();
    expect(sosetopt(l, 0, IP_TOS, 0x20)).toBe(0);
    expect(sosetopt(l, 0, IP_TTL, 6)).toBe(0);
    p.inject('S 0:0(0)');
    expect(p.outs.map((o) => [o.tos, o.ttl])).toEqual([[0x20, 6]]);
    p.all();
    p.issKnown = false;
    p.listen(l);
    p.inject('S 0:0(0)', { opts: SIMPLE, tos: 0x28, ttl: 3 });
    p.inject('. 1:1(0) ack 1');
    const so = solistenDequeue(l) as Socket;
    write(so, pattern(10));
    p.host.settle();
    expect(sosetopt(so, 0, IP_TTL, 4)).toBe(0);
    p.inject('R 100:100(0)');
    expect(p.outs.map((o) => [o.tos, o.ttl])).toEqual([
      [0x20, 6],
      [0x20, 6],
      [0x20, 4],
    ]);
    void inpOpts;
  });

  it('TCP_FUNCTION_BLK knows one name; unknown options are refused', () => {
    const p = new Peer();
    const so = p.socket();
    expect(sosetopt(so, IPPROTO_TCP, TCP_FUNCTION_BLK, { functionSetName: 'freebsd', pcbcnt: 0 })).toBe(0);
    expect(sosetopt(so, IPPROTO_TCP, TCP_FUNCTION_BLK, { functionSetName: 'rack', pcbcnt: 0 })).toBe(ENOENT);
    expect(getopt(so, IPPROTO_TCP, TCP_FUNCTION_BLK)).toMatchObject({ functionSetName: 'freebsd' });
    expect(sosetopt(so, IPPROTO_TCP, 9999, 1)).toBe(ENOPROTOOPT);
    expect(sosetopt(so, IPPROTO_TCP, TCP_INFO, 1)).not.toBe(0);
  });
});

describe('urgent data', () => {
  it('the byte goes out of band, and the pointer with it', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    expect(write(c, Uint8Array.of(1, 2, 3))).toBe(3);
    expect(sosendCopy(c, null, Uint8Array.of(9), 0, 1, MSG_OOB)).toBe(1);
    lab.run(1);
    expect([...read(s)!]).toEqual([1, 2, 3]);
    const b = new Uint8Array(1);
    expect(soreceiveBytes(s, b, 0, 1, MSG_OOB)).toBe(1);
    expect(b[0]).toBe(9);
    expect(write(c, Uint8Array.of(4, 5))).toBe(2);
    lab.run(1);
    expect([...read(s)!]).toEqual([4, 5]);
  });

  it('inline it stays in the stream', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    expect(sosetopt(s, SOL_SOCKET, SO_OOBINLINE, 1)).toBe(0);
    write(c, Uint8Array.of(1));
    sosendCopy(c, null, Uint8Array.of(9), 0, 1, MSG_OOB);
    lab.run(5);
    const all = [...(read(s) ?? []), ...(read(s) ?? [])];
    expect(all).toEqual([1, 9]);
  });
});

describe('errors that the user sees', () => {
  it('connection refused, over the link', () => {
    const lab = new Lab();
    const c = lab.a.connect(B_ADDR, 9);
    lab.run(2);
    expect(soerror(c)).toBe(ECONNREFUSED);
    expect(soconnect(c, new Sockaddr(parseInAddr(B_ADDR)!, 9), lab.a.cred)).toBe(ECONNREFUSED);
  });

  it('connect twice, write after close', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    expect(soconnect(c, new Sockaddr(parseInAddr(B_ADDR)!, 80), lab.a.cred)).toBe(EISCONN);
    soclose(s);
    lab.run(2);
    expect(write(c, pattern(1))).toBe(1);
    lab.run(2);
    expect(write(c, pattern(1))).toBe(-EPIPE);
    expect(soerror(c)).toBe(54);
    void A_ADDR;
  });

  it('a full listen queue: the handshake ends, the connection is refused', () => {
    const lab = new Lab();
    const l = lab.b.listen(80, 2);
    const cs = Array.from({ length: 8 }, () => lab.a.connect(B_ADDR, 80));
    lab.run(10);
    expect(l.listen!.qlen).toBe(4); // 3/2 of the limit, and one
    expect(cs.filter((c) => c.error === 54 || c.error === 61).length).toBe(4);
    expect(lab.b.tcp.stat.listendrop).toBe(4);
  });
});

describe('snapshots', () => {
  it('show state, timers and queues of each connection', () => {
    const lab = new Lab({ delayUs: 50_000 });
    const [c] = lab.pair();
    write(c, pattern(10));
    lab.run(10);
    const x = tcpPcblist(lab.a.vnet).pcbs.find((p) => p.stateName === 'ESTABLISHED')!;
    expect(x.socket?.snd.cc).toBe(10);
    expect(x.rexmtUs).toBeGreaterThan(0);
    expect(x.keepUs).toBeGreaterThan(7_000_000_000);
    expect([x.cc, x.stack, x.toe, x.ecn]).toEqual(['newreno', 'freebsd', false, 'off']);
    expect(info(c).state).toBe(4);
    expect(tpOf(c).rexmtAtUs).not.toBe(Infinity);
  });
});

describe('two runs with one seed', () => {
  it('give the same segments', () => {
    const run = (): string => {
      const lab = new Lab({ seed: 5, loss: 0.05, reorder: 0.1, delayUs: 900 });
      const [c, s] = lab.pair();
      lab.transfer(c, s, pattern(60_000));
      return lab.take().map((x) => `${x.us} ${x.from} ${x.flags} ${x.seq} ${x.ack} ${x.win} ${x.len} ${x.to.tsval}`).join('\n');
    };
    expect(run()).toBe(run());
  });
});
