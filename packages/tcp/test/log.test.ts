import { LOG_DEBUG, LOG_INFO } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import { MSS, NOP, Peer, type PeerOptions, SACKOK, TS } from './peer.ts';

const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];
const STAMPED = [...MSS(1460), NOP, NOP, ...TS(1000, 0)];
const HEAD = 'TCP: [10.0.0.2]:40000 to [10.0.0.1]:8080';

function peer(sysctls: PeerOptions['sysctls'] = {}, o: PeerOptions = {}): Peer {
  const p = new Peer({ ...o, sysctls });
  p.kernel.log.level = LOG_DEBUG;
  return p;
}

/** What TCP has said since the last call. */
function said(p: Peer): string[] {
  const mine = p.host.logged.filter((e) => e.facility === 'tcp').map((e) => e.text);
  p.host.logged.length = 0;
  return mine;
}

describe('net.inet.tcp.log_in_vain and log_debug (kern/137317)', () => {
  const VAIN = `${HEAD.replace('8080', '81')} tcpflags 0x2<SYN>; tcp_input: Connection attempt to closed port`;
  const DEBUG = `${HEAD} tcpflags 0x1<FIN>; tcp_input: Listen socket: SYN is missing, segment ignored`;

  it.each([
    [0, 0, []],
    [1, 0, [VAIN]],
    [0, 1, [DEBUG]],
    [1, 1, [VAIN, DEBUG]],
  ] as const)('T104 log_in_vain %i, log_debug %i: each says its own and nothing else, and the answers are the same', (vain, debug, lines) => {
    const p = peer({ log_in_vain: vain, log_debug: debug });
    p.issKnown = true;
    p.listen();
    p.inject('S 0:0(0)', { dport: 81 });
    p.inject('F 0:0(0)');
    expect(said(p)).toEqual(lines);
    expect(p.all()).toEqual(['R. 0:0(0) ack 1 win 0']);
    expect([p.tcp.logInVain, p.tcp.logDebug]).toEqual([vain, debug === 1]);
  });

  it('T104 log_in_vain 1 tells SYNs, 2 all', () => {
    const p = peer({ log_in_vain: 1 });
    p.issKnown = true;
    p.inject('. 0:0(0) ack 1', { dport: 81 });
    expect(said(p)).toEqual([]);
    p.sysctl('log_in_vain', 2);
    p.inject('FPU. 0:0(0) ack 1', { dport: 81 });
    expect(said(p)).toEqual([`${HEAD.replace('8080', '81')} tcpflags 0x39<FIN,PUSH,ACK,URG>; tcp_input: Connection attempt to closed port`]);
  });

  it('T104 one is information, the other for debugging: the level of the log sifts them', () => {
    const p = peer({ log_in_vain: 1, log_debug: 1 });
    p.listen();
    p.inject('S 0:0(0)', { dport: 81 });
    p.inject('F 0:0(0)');
    expect(p.host.logged.filter((e) => e.facility === 'tcp').map((e) => e.level)).toEqual([LOG_INFO, LOG_DEBUG]);
    said(p);
    p.kernel.log.level = LOG_INFO;
    p.inject('F 0:0(0)');
    expect(said(p)).toEqual([]);
  });

  it('T104 a flood of one does not silence the other', () => {
    const p = peer({ log_in_vain: 1, log_debug: 1 });
    p.listen();
    for (let i = 0; i < 100; i++) p.inject('S 0:0(0)', { dport: 81 });
    expect(said(p).length).toBe(20);
    p.inject('F 0:0(0)');
    expect(said(p)).toEqual([DEBUG]);
    p.run(1000);
    p.inject('S 0:0(0)', { dport: 81 });
    expect(said(p)).toEqual([`${VAIN} (80 more suppressed)`]);
  });

  it('T105 both print the same prefix', () => {
    const p = peer({ log_in_vain: 2, log_debug: 1 });
    p.issKnown = true;
    const l = p.bind();
    p.inject('F 0:0(0)', { dport: 81 });
    p.listen(l);
    p.inject('F 0:0(0)');
    const [vain, debug] = said(p).map((s) => s.split(';')[0]!);
    expect(vain).toBe(debug!.replace('8080', '81'));
  });
});

describe('what log_debug says, as FreeBSD says it', () => {
  function established(o: PeerOptions, opts: readonly number[] = SIMPLE): Peer {
    const p = peer({ log_debug: 1, ...o.sysctls });
    p.active(opts);
    said(p);
    return p;
  }
  function half(sysctls: PeerOptions['sysctls'] = {}, opts: readonly number[] = SIMPLE): Peer {
    const p = peer({ log_debug: 1, ...sysctls });
    p.listen();
    p.inject('S 0:0(0)', { opts });
    p.all();
    return p;
  }

  it('of segments for a listener', () => {
    const p = peer({ log_debug: 1, drop_synfin: 1 });
    p.listen();
    p.inject('S. 0:0(0) ack 1');
    p.inject('SF 0:0(0)');
    p.inject('S 0:0(0)', { src: '10.0.0.1', sport: 8080 });
    p.inject('R 0:0(0)');
    expect(said(p)).toEqual([
      `${HEAD} tcpflags 0x12<SYN,ACK>; tcp_input: Listen socket: SYN|ACK invalid, segment ignored`,
      `${HEAD} tcpflags 0x3<FIN,SYN>; tcp_input: Listen socket: SYN|FIN segment ignored (based on sysctl setting)`,
      'TCP: [10.0.0.1]:8080 to [10.0.0.1]:8080 tcpflags 0x2<SYN>; tcp_input: Listen socket: Connection attempt from/to self ignored',
      `${HEAD} tcpflags 0x4<RST>; syncache_chkrst: Spurious RST without matching syncache entry (possibly syncookie only), segment ignored`,
    ]);
    expect([p.tcp.stat.badsyn, p.tcp.stat.badrst]).toEqual([2, 1]);
  });

  it('of ACKs that fit no half-open connection', () => {
    const p = half();
    p.inject('. 1:1(0) ack 7');
    expect(said(p)).toEqual([`${HEAD} tcpflags 0x10<ACK>; syncache_expand: ACK ${(p.iss + 7) >>> 0} != ISS+1 ${(p.iss + 1) >>> 0}, segment rejected`]);
    p.inject('. 0:0(0) ack 1');
    expect(said(p)).toEqual([`${HEAD} tcpflags 0x10<ACK>; syncache_expand: SEQ ${p.irs >>> 0} != IRS+1 ${(p.irs + 1) >>> 0}, sending challenge ACK`]);
    p.inject('. 1:1(0) ack 1', { sport: 5 });
    expect(said(p)).toEqual(['TCP: [10.0.0.2]:5 to [10.0.0.1]:8080 tcpflags 0x10<ACK>; syncache_expand: Spurious ACK, segment rejected (no syncache entry)']);
    p.sysctl('syncookies', 0);
    p.inject('. 1:1(0) ack 1', { sport: 5 });
    expect(said(p)[0]).toMatch(/Spurious ACK, segment rejected \(syncookies disabled\)$/);
    p.sysctl('syncookies', 1);
    p.sysctl('syncookies_only', 1);
    p.inject('. 1:1(0) ack 1', { sport: 5 });
    expect(said(p)[0]).toMatch(/Segment failed SYNCOOKIE authentication, segment rejected \(probably spoofed\)$/);
    expect(p.tcp.stat).toMatchObject({ scSpurcookie: 2, scFailcookie: 1, scRecvcookie: 0 });
  });

  it('of time stamps in the handshake', () => {
    const p = half({}, STAMPED);
    p.inject('. 1:1(0) ack 1');
    p.inject('. 1:1(0) ack 1', { opts: [NOP, NOP, ...TS(999, 0)] });
    expect(said(p).map((s) => s.slice(HEAD.length))).toEqual([
      ' tcpflags 0x10<ACK>; syncache_expand: Timestamp missing, segment silently dropped',
      ' tcpflags 0x10<ACK>; syncache_expand: SEG.TSval 999 < TS.Recent 1000, segment dropped',
    ]);
    p.sysctl('tolerate_missing_ts', 1);
    p.inject('. 1:1(0) ack 1');
    expect(said(p)[0]).toMatch(/syncache_expand: Timestamp missing, segment processed normally$/);
    const q = half();
    q.inject('. 1:1(0) ack 1', { opts: [NOP, NOP, ...TS(1, 0)] });
    expect(said(q)).toEqual([`${HEAD} tcpflags 0x10<ACK>; syncache_expand: Timestamp not expected, segment processed normally`]);
  });

  it('of RSTs and SYNs for a half-open connection, and of its end', () => {
    const p = half();
    p.inject('R 70000:70000(0)');
    p.inject('R 5:5(0)');
    p.inject('S 0:0(0)', { opts: SIMPLE });
    const nxt = (p.irs + 1) >>> 0;
    expect(said(p)).toEqual([
      `${HEAD} tcpflags 0x4<RST>; syncache_chkrst: RST with invalid SEQ ${(p.irs + 70000) >>> 0} != NXT ${nxt} (+WND 65535), segment ignored`,
      `${HEAD} tcpflags 0x4<RST>; syncache_chkrst: RST with invalid SEQ ${(p.irs + 5) >>> 0} != NXT ${nxt} (+WND 65535), sending challenge ACK`,
      `${HEAD} tcpflags 0x2<SYN>; syncache_add: Received duplicate SYN, resetting timer and retransmitting SYN|ACK`,
    ]);
    p.run(20_000);
    expect(said(p)).toEqual([
      ...[1, 2, 3].map((n) => `${HEAD}; syncache_timer: Response timeout, retransmitting (${n}) SYN|ACK`),
      `${HEAD}; syncache_timer: Retransmits exhausted, giving up and removing syncache entry`,
    ]);
    const q = half();
    q.inject('R 1:1(0)');
    expect(said(q)).toEqual([`${HEAD} tcpflags 0x4<RST>; syncache_chkrst: Our SYN|ACK was rejected, connection attempt aborted by remote endpoint`]);
  });

  it('of a listen queue that is full', () => {
    const p = peer({ log_debug: 1 });
    p.listen();
    for (let i = 1; i <= 4; i++) {
      p.issKnown = false;
      p.inject('S 0:0(0)', { opts: SIMPLE, sport: i });
      p.inject('. 1:1(0) ack 1', { sport: i });
    }
    const last = 'TCP: [10.0.0.2]:4 to [10.0.0.1]:8080';
    expect(said(p).filter((s) => s.startsWith(last))).toEqual([
      `${last}; syncache_socket: Socket create failed due to limits or memory shortage`,
      `${last} tcpflags 0x10<ACK>; tcp_input: Listen socket: Socket allocation failed due to limits or memory shortage, sending RST`,
    ]);
  });

  it('of segments for a connection', () => {
    const p = established({ sysctls: { drop_synfin: 1 } });
    p.inject('SF. 1:1(0) ack 1');
    p.inject('. 5:9(4) ack 1', { opts: [NOP, NOP, ...TS(1, 0)] });
    expect(said(p)).toEqual([
      `${HEAD} tcpflags 0x13<FIN,SYN,ACK>; tcp_do_segment: SYN|FIN segment ignored (based on sysctl setting)`,
      `${HEAD} tcpflags 0x10<ACK>; tcp_do_segment: Timestamp not expected, segment processed normally`,
    ]);
    const q = peer({ log_debug: 1 });
    q.connect();
    const tsval = q.outs[0]!.tsval;
    q.inject('S. 0:0(0) ack 1', { opts: [...MSS(1460), NOP, NOP, ...TS(1000, tsval)] });
    said(q);
    q.inject('. 1:5(4) ack 1');
    expect(said(q)).toEqual([`${HEAD} tcpflags 0x10<ACK>; tcp_do_segment: Timestamp missing, segment silently dropped`]);
  });

  it('of a reassembly queue that is full', () => {
    const p = established({ sysctls: { 'reass.maxqueuelen': 1 } });
    p.inject('. 10:12(2) ack 1');
    p.inject('. 20:22(2) ack 1');
    expect(said(p)).toEqual([`${HEAD} tcpflags 0x10<ACK>; tcp_reass: queue limit reached, segment dropped`]);
    p.sysctl('reass.maxqueuelen', 100);
    p.sysctl('reass.maxsegments', 1);
    p.inject('. 20:22(2) ack 1');
    expect(said(p)[0]).toMatch(/tcp_reass: global zone limit reached, segment dropped$/);
  });

  it('of a reassembly queue on its guard: small segments are refused, large ones and the one that is missing are not', () => {
    const p = established({ sysctls: { 'reass.queueguard': 2, 'reass.new_limit': 1 } });
    for (const at of [10, 20, 30]) p.inject(`. ${at}:${at + 2}(2) ack 1`);
    said(p);
    p.inject('. 40:42(2) ack 1');
    expect(said(p)).toEqual([`${HEAD} tcpflags 0x10<ACK>; tcp_reass: queue guard reached, small segment dropped`]);
    p.inject('. 1000:1256(256) ack 1');
    p.inject('. 1:10(9) ack 1');
    expect(said(p)).toEqual([]);
    expect(p.tcp.reass.cursegments).toBe(3); // 20, 30 and 1000
    p.sysctl('reass.new_limit', 0);
    for (let at = 40; at < 100; at += 10) p.inject(`. ${at}:${at + 2}(2) ack 1`);
    expect(p.tcp.reass.cursegments).toBe(9);
  });
});
