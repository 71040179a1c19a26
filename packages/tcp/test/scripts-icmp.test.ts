/* ICMP errors about a connection in every state: none but SYN-SENT ends by one (RFC 5927 §4; FreeBSD tcp_ctlinput()), and what is said of the path counts only for what is under way. */
import { describe, it } from 'vitest';
import { FAMILIES, type Family, mssOf, passive, play, synSent, sysctl } from './script-parts.ts';

const start = '0 `true`';
const ERRORS: Readonly<Record<Family, readonly string[]>> = {
  4: [
    ...['net_unreachable', 'host_unreachable', 'protocol_unreachable', 'port_unreachable', 'source_route_failed', 'net_unknown', 'host_unknown', 'source_host_isolated'].map((c) => `unreachable ${c}`),
    ...['net_prohibited', 'host_prohibited', 'net_unreachable_for_tos', 'host_unreachable_for_tos', 'packet_filtered', 'precedence_violation', 'precedence_cutoff'].map((c) => `unreachable ${c}`),
    'redirect', 'source_quench', 'time_exceeded ttl_exceeded_in_transit', 'time_exceeded frag_reass_exceeded', 'parameter_problem', 'parameter_problem code_1', 'parameter_problem code_2',
  ],
  6: [
    ...['no_route', 'admin_prohibited', 'not_neighbour', 'address_unreachable', 'port_unreachable'].map((c) => `unreachable ${c}`),
    'time_exceeded exceeded_hop_limit', 'time_exceeded exceeded_frag_time', 'parameter_problem header_field', 'parameter_problem unknown_next_header', 'parameter_problem unknown_option',
  ],
};
const toobig = (f: Family, mtu: number): string => (f === 4 ? `icmp unreachable frag_needed mtu ${mtu}` : `icmp packet_too_big mtu ${mtu}`);
const list = (state: string): string => `+0 \`sockstat -P tcp -s | grep -c ' ${state}' | grep 1\``;
const quiet = [start, sysctl('rexmit_slop', 60000), sysctl('rexmit_initial', 60000)];

/** States with something unacknowledged, at 1 or (our FIN) behind ten octets; what is outstanding begins at `at` and ends at `end`. */
const STATES: readonly { readonly name: string; readonly lines: readonly string[]; readonly end: number }[] = [
  { name: 'ESTABLISHED', lines: ['+0 write(4, ..., 10) = 10', '+0 > P. 1:11(10) ack 1'], end: 11 },
  { name: 'CLOSE_WAIT', lines: ['+0 < F. 1:1(0) ack 1 win 32767', '+0 > . 1:1(0) ack 2', '+0 write(4, ..., 10) = 10', '+0 > P. 1:11(10) ack 2'], end: 11 },
  { name: 'FIN_WAIT_1', lines: ['+0 write(4, ..., 10) = 10', '+0 > P. 1:11(10) ack 1', '+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 11:11(0) ack 1'], end: 12 },
  { name: 'CLOSING', lines: ['+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 1', '+0 < F. 1:1(0) ack 1 win 32767', '+0 > F. 1:1(0) ack 2'], end: 2 },
  { name: 'LAST_ACK', lines: ['+0 < F. 1:1(0) ack 1 win 32767', '+0 > . 1:1(0) ack 2', '+0 write(4, ..., 10) = 10', '+0 > P. 1:11(10) ack 2', '+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 11:11(0) ack 2'], end: 12 },
];

describe.each(FAMILIES)('ICMP errors over IPv%i', (f) => {
  it.each(STATES)('in $name are remembered at most', ({ name, lines, end }) => {
    play(f, [
      ...quiet,
      ...passive(f).map((l) => l.replace(/^0 /, '+0 ')),
      ...lines,
      ...ERRORS[f].flatMap((e) => [0, 1, end - 1, end].map((seq) => `+.001 < icmp ${e} [${seq}:${seq}(0)]`)),
      '+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0',
      list(name),
      // Nothing came of them: this is the next that is sent.
      '+.1 < R 60:60(0) win 0',
      `+0 > . ${end}:${end}(0) ack ${name === 'ESTABLISHED' || name === 'FIN_WAIT_1' ? 1 : 2}`,
    ]);
  });

  it('in FIN_WAIT_2 and TIME_WAIT have nothing to be about', () => {
    const closing = ['+0 shutdown(4, SHUT_WR) = 0', '+0 > F. 1:1(0) ack 1', '+.1 < . 1:1(0) ack 2 win 32767'];
    const errors = ERRORS[f].flatMap((e) => [0, 1, 2].map((seq) => `+.001 < icmp ${e} [${seq}:${seq}(0)]`));
    play(f, [...passive(f), ...closing, ...errors, list('FIN_WAIT_2'), '+0 < F. 1:1(0) ack 2 win 32767', '+0 > . 2:2(0) ack 2', ...errors, list('TIME_WAIT'), '+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0']);
  });

  it('do not end two SYNs that have crossed', () => {
    play(f, [
      ...quiet,
      ...synSent(f),
      '+.1 < S 0:0(0) win 32767 <mss 1460,sackOK,eol,eol>',
      `+0 > S. 0:0(0) ack 1 win 65535 <mss ${mssOf(f)},sackOK,eol,eol>`,
      ...ERRORS[f].map((e) => `+.001 < icmp ${e} [0:0(0)]`),
      '+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0',
      '+.1 < . 1:1(0) ack 1 win 32767',
      list('ESTABLISHED'),
    ]);
  });

  it('say why an attempt failed, once it has', () => {
    const [soft, errno] = f === 4 ? ['unreachable host_unreachable', 'EHOSTUNREACH'] : ['unreachable no_route', 'EHOSTUNREACH'];
    for (const heard of [true, false]) {
      const lines = synSent(f);
      play(f, [
        start,
        lines[0]!,
        '+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [3], 4) = 0',
        ...lines.slice(1),
        ...(heard ? [`+.1 < icmp ${soft} [0:0(0)]`] : ['+.1 `true`']),
        '+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0',
        '3.1 `true`',
        `+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [${heard ? errno : 'ETIMEDOUT'}], [4]) = 0`,
      ]);
    }
  });
});

describe.each(FAMILIES)('a path that is too narrow, over IPv%i', (f) => {
  const M = mssOf(f);
  const small = 1300 - (f === 4 ? 40 : 60);

  it.each(['ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT_1', 'LAST_ACK'])('in %s: what is outstanding goes again in smaller segments, the FIN with the last', (state) => {
    const ended = state === 'CLOSE_WAIT' || state === 'LAST_ACK';
    const fin = state === 'FIN_WAIT_1' || state === 'LAST_ACK';
    const ack = ended ? 2 : 1;
    play(f, [
      ...quiet,
      ...passive(f).map((l) => l.replace(/^0 /, '+0 ')),
      ...(ended ? ['+0 < F. 1:1(0) ack 1 win 32767', '+0 > . 1:1(0) ack 2'] : []),
      `+0 write(4, ..., ${2 * M}) = ${2 * M}`,
      `+0 > . 1:${M + 1}(${M}) ack ${ack}`,
      `+0 > P. ${M + 1}:${2 * M + 1}(${M}) ack ${ack}`,
      ...(fin ? ['+0 shutdown(4, SHUT_WR) = 0', `+0 > F. ${2 * M + 1}:${2 * M + 1}(0) ack ${ack}`] : []),
      // About what was acknowledged, and what was never sent.
      `+.1 < ${toobig(f, 1300)} [0:0(0)]`,
      `+0 < ${toobig(f, 1300)} [${2 * M + 2}:${2 * M + 2}(0)]`,
      `+0 getsockopt(4, IPPROTO_TCP, TCP_MAXSEG, [${M}], [4]) = 0`,
      `+0 < ${toobig(f, 1300)} [1:${M + 1}(${M})]`,
      `+0 > . 1:${small + 1}(${small}) ack ${ack}`,
      `+0 > . ${small + 1}:${2 * small + 1}(${small}) ack ${ack}`,
      `+0 > ${fin ? 'F' : ''}P. ${2 * small + 1}:${2 * M + 1}(${2 * M - 2 * small}) ack ${ack}`,
      // As wide as it is now, or wider, is no news.
      `+0 < ${toobig(f, 1300)} [1:${M + 1}(${M})]`,
      `+0 < ${toobig(f, 1400)} [1:${M + 1}(${M})]`,
      `+0 getsockopt(4, IPPROTO_TCP, TCP_MAXSEG, [${small}], [4]) = 0`,
      list(state),
    ]);
  });
});
