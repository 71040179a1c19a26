import { describe, it } from 'vitest';
import { FAMILIES, mssOf, passive, play, rcvbufOf, synSent, sysctl } from './script-parts.ts';

const info = (state: string, options: string = 'TCPI_OPT_SACK'): string => `+0 %{ assert tcpi_state == TCPI_${state} and tcpi_options == ${options} }%`;
const error = (fd: number, errno: string): string => `+0 getsockopt(${fd}, SOL_SOCKET, SO_ERROR, [${errno}], [4]) = 0`;

/** How a connection gets into each state; what we send next and expect next. */
const STATES: readonly { readonly name: string; readonly lines: readonly string[]; readonly nxt: number; readonly rnxt: number }[] = [
  { name: 'ESTABLISHED', lines: [], nxt: 1, rnxt: 1 },
  { name: 'CLOSE_WAIT', lines: ['+.1 < F. 1:1(0) ack 1 win 32767', '+0 > . 1:1(0) ack 2 win 65535'], nxt: 1, rnxt: 2 },
  { name: 'FIN_WAIT_1', lines: ['+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 1 win 65535'], nxt: 2, rnxt: 1 },
  { name: 'FIN_WAIT_2', lines: ['+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 1 win 65535', '+.1 < . 1:1(0) ack 2 win 32767'], nxt: 2, rnxt: 1 },
  { name: 'CLOSING', lines: ['+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 1 win 65535', '+.1 < F. 1:1(0) ack 1 win 32767', '+0 > F. 1:1(0) ack 2 win 65535'], nxt: 2, rnxt: 2 },
  { name: 'LAST_ACK', lines: ['+.1 < F. 1:1(0) ack 1 win 32767', '+0 > . 1:1(0) ack 2 win 65535', '+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 2 win 65535'], nxt: 2, rnxt: 2 },
];

const seg = (flags: string, seq: number, ack: number): string => `+.1 < ${flags} ${seq}:${seq}(0)${flags.includes('.') ? ` ack ${ack}` : ''} win 32767`;

describe.each(FAMILIES)('RST and SYN over IPv%i (RFC 5961)', (f) => {
  describe.each(STATES)('in $name', ({ name, lines, nxt, rnxt }) => {
    const begin = (insecure: number): string[] => [...passive(f), sysctl('insecure_rst', insecure), sysctl('insecure_syn', insecure), ...lines, info(name)];
    const challenge = `+0 > . ${nxt}:${nxt}(0) ack ${rnxt} win 65535`;
    const last = rnxt + rcvbufOf(f) - 1;

    it.each(['R', 'R.'])('%s at RCV.NXT resets', (flags) => {
      for (const insecure of [0, 1]) play(f, [...begin(insecure), seg(flags, rnxt, nxt), error(4, 'ECONNRESET'), info('CLOSED')]);
    });

    it.each(['R', 'R.'])('%s elsewhere in the window draws a challenge ACK, or resets', (flags) => {
      for (const at of [rnxt + 1, last]) {
        play(f, [...begin(0), seg(flags, at, nxt), challenge, error(4, '0'), info(name)]);
        play(f, [...begin(1), seg(flags, at, nxt), error(4, 'ECONNRESET'), info('CLOSED')]);
      }
    });

    it.each(['R', 'R.'])('%s outside of the window is ignored', (flags) => {
      for (const insecure of [0, 1]) for (const at of [rnxt - 1, last + 1]) play(f, [...begin(insecure), seg(flags, at, nxt), error(4, '0'), info(name)]);
    });

    it('SYN draws a challenge ACK wherever it is, or resets inside the window', () => {
      for (const at of [rnxt - 1, rnxt, last, last + 1]) {
        play(f, [...begin(0), `+.1 < S ${at}:${at}(0) win 32767`, challenge, error(4, '0'), info(name)]);
        const inside = at >= rnxt && at <= last;
        const answer = inside ? [`+0 > R. ${nxt}:${nxt}(0) ack ${rnxt} win 0`, error(4, 'ECONNRESET')] : [challenge, error(4, '0')];
        play(f, [...begin(1), `+.1 < S ${at}:${at}(0) win 32767`, ...answer]);
      }
    });
  });
});

describe.each(FAMILIES)('the walk through the states over IPv%i', (f) => {
  it.each(STATES)('$name ends as it should', ({ name, lines }) => {
    const ends: Readonly<Record<string, readonly string[]>> = {
      ESTABLISHED: ['+0 close(4) = 0', '+0 > F. 1:1(0) ack 1 win 65535'],
      CLOSE_WAIT: ['+0 close(4) = 0', '+0 > F. 1:1(0) ack 2 win 65535'],
      FIN_WAIT_1: ['+.1 < F. 1:1(0) ack 2 win 32767', '+0 > . 2:2(0) ack 2 win 65535', info('TIME_WAIT')],
      FIN_WAIT_2: ['+.1 < F. 1:1(0) ack 2 win 32767', '+0 > . 2:2(0) ack 2 win 65535', info('TIME_WAIT')],
      CLOSING: ['+.1 < . 2:2(0) ack 2 win 32767', info('TIME_WAIT')],
      LAST_ACK: ['+.1 < . 2:2(0) ack 2 win 32767', info('CLOSED'), error(4, '0')],
    };
    play(f, [...passive(f), ...lines, ...ends[name]!]);
  });

  it('CLOSING: the FIN once more, now with an ACK of ours, ends it', () => {
    play(f, [...passive(f), ...STATES[4]!.lines, '+.1 < F. 1:1(0) ack 2 win 32767', info('TIME_WAIT')]);
  });

  it('CLOSED and LISTEN', () => {
    const open = ['0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3', info('CLOSED'), '+0 bind(3, ..., ...) = 0'];
    for (const [at, reply] of [['S 0:3(3)', 'R. 0:0(0) ack 4 win 0'], ['F 0:3(3)', 'R. 0:0(0) ack 4 win 0'], ['SF 0:3(3)', 'R. 0:0(0) ack 5 win 0'], ['. 17:20(3) ack 9', 'R 9:9(0) win 0'], ['SF. 0:0(0) ack 9', 'R 9:9(0) win 0']] as const) {
      play(f, [...open, `+.1 < ${at} win 32767`, `+0 > ${reply}`]);
    }
    play(f, [...open, '+0 listen(3, 1) = 0', info('LISTEN'), '+.1 < F. 3:3(0) ack 5 win 32767', '+0 > R 5:5(0) win 0']);
    play(f, [...open, '+0 listen(3, 1) = 0', '+.1 < S. 3:3(0) ack 5 win 32767 <mss 1460>', '+.1 `sockstat -P tcp -s | grep -c SYN_RCVD | grep 0`']);
  });
});

/** Simultaneous open: what our SYN and the crossing one say about ECN, and what comes of it. */
const ECN = [
  { enable: 2, ours: 'S', theirs: 'S', answer: 'S.', on: false },
  { enable: 2, ours: 'S', theirs: 'SEW', answer: 'SE.', on: true },
  { enable: 1, ours: 'SEW', theirs: 'S', answer: 'S.', on: false },
  { enable: 1, ours: 'SEW', theirs: 'SEW', answer: 'SE.', on: true },
  { enable: 0, ours: 'S', theirs: 'SEW', answer: 'S.', on: false },
] as const;

describe.each(FAMILIES)('simultaneous open over IPv%i', (f) => {
  const M = mssOf(f);
  const options = `mss ${M},nop,wscale 6,sackOK,TS val 100 ecr 0`;

  it.each(ECN)('ecn.enable=$enable, crossing $theirs', ({ enable, ours, theirs, answer, on }) => {
    play(f, [
      '0 `true`',
      sysctl('ecn.enable', enable),
      ...synSent(f, options, ours),
      `+.1 < ${theirs} 0:0(0) win 32767 <mss 1460,sackOK,eol,eol>`,
      `+0 > ${answer} 0:0(0) ack 1 win 65535 <mss ${M},sackOK,eol,eol>`,
      info('SYN_RECEIVED', on ? 'TCPI_OPT_SACK | TCPI_OPT_ECN' : 'TCPI_OPT_SACK'),
      `+0 getsockopt(3, SOL_SOCKET, SO_RCVBUF, [${rcvbufOf(f)}], [4]) = 0`,
      '+.1 < . 1:1(0) ack 1 win 32767',
      info('ESTABLISHED', on ? 'TCPI_OPT_SACK | TCPI_OPT_ECN' : 'TCPI_OPT_SACK'),
      '+0 send(3, ..., 10, 0) = 10',
      `+0 > [${on ? 'ect0' : 'noecn'}] P. 1:11(10) ack 1 win 65535`,
    ]);
  });

  it('with TCP_NOOPT takes no options and sends none', () => {
    const lines = synSent(f);
    play(f, [
      '0 `true`',
      lines[0]!,
      '+0 setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0',
      ...lines.slice(1, 3),
      '+0 > S 0:0(0) win 65535',
      // Its MSS is a limit, whatever we send ourselves.
      '+.1 < S 0:0(0) win 32767 <mss 400,nop,wscale 6,sackOK,TS val 7 ecr 0>',
      '+0 > S. 0:0(0) ack 1 win 65535',
      info('SYN_RECEIVED', '0'),
      '+.1 < . 1:1(0) ack 1 win 32767',
      '+0 send(3, ..., 1000, 0) = 1000',
      '+0 > . 1:401(400) ack 1',
      '+0 > . 401:801(400) ack 1',
      '+0 > P. 801:1001(200) ack 1',
    ]);
  });

  it.each(['R', 'R.'])('%s: only the sequence number counts', (flags) => {
    const begin = (insecure: number): string[] => [
      '0 `true`',
      sysctl('insecure_rst', insecure),
      ...synSent(f),
      '+.1 < S 0:0(0) win 32767 <mss 1460,sackOK,eol,eol>',
      `+0 > S. 0:0(0) ack 1 win 65535 <mss ${M},sackOK,eol,eol>`,
    ];
    const last = rcvbufOf(f);
    for (const ack of [0, 1, 2, 4294967295]) {
      for (const insecure of [0, 1]) {
        play(f, [...begin(insecure), seg(flags, 1, ack), error(3, 'ECONNREFUSED')]);
        play(f, [...begin(insecure), seg(flags, 0, ack), error(3, '0'), seg(flags, last + 1, ack), error(3, '0'), info('SYN_RECEIVED')]);
      }
      play(f, [...begin(0), seg(flags, last, ack), '+0 > . 1:1(0) ack 1 win 65535', error(3, '0'), info('SYN_RECEIVED')]);
      play(f, [...begin(1), seg(flags, last, ack), error(3, 'ECONNREFUSED')]);
    }
  });
});

describe.each(FAMILIES)('TIME-WAIT over IPv%i (RFC 1337, RFC 6191)', (f) => {
  const begin = [...passive(f), '+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 1 win 65535', '+.1 < F. 1:1(0) ack 2 win 32767', '+0 > . 2:2(0) ack 2 win 65535'];
  const stays = '+.1 `sockstat -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1`';
  const reply = '+0 > . 2:2(0) ack 2 win 65535';

  it.each(['R 1:1(0)', 'R 2:2(0)', 'R. 2:2(0) ack 2', 'R 3:3(0)', 'R 70000:70000(0)'])('%s is ignored', (text) => {
    for (const insecure of [0, 1]) play(f, [...begin, sysctl('insecure_rst', insecure), `+.1 < ${text} win 32767`, stays]);
  });

  it.each(['S 1:1(0)', 'S 2:2(0)', 'SF 1:1(0)', 'F 2:2(0)'])('%s is dropped', (text) => {
    play(f, [...begin, `+.1 < ${text} win 32767`, stays]);
  });

  it.each(['F. 1:1(0) ack 2', 'F. 2:2(0) ack 2', '. 1:1(0) ack 2', '. 2:2(0) ack 1', '. 3:3(0) ack 2', 'P. 2:5(3) ack 2', 'S. 1:1(0) ack 2', 'S. 3:3(0) ack 2'])('%s is answered', (text) => {
    play(f, [...begin, `+.1 < ${text} win 32767`, reply, stays]);
  });

  it('the last ACK once more is not', () => {
    play(f, [...begin, '+.1 < . 2:2(0) ack 2 win 32767', stays]);
  });

  it.each(['S 3:3(0)', 'S 100000:100000(0)', 'SF 3:3(0)'])('%s opens a new connection', (text) => {
    const seq = Number(/ (\d+):/.exec(text)![1]);
    play(f, [...begin, `+.1 < ${text} win 32767 <mss 1460,sackOK,eol,eol>`, `+0 > S. ...(0) ack ${seq + 1} win 65535 <mss ${mssOf(f)},sackOK,eol,eol>`]);
    if (text.startsWith('SF')) play(f, [...begin, sysctl('drop_synfin', 1), `+.1 < ${text} win 32767 <mss 1460,sackOK,eol,eol>`, stays]);
  });
});

