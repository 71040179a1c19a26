import { describe, it } from 'vitest';
import { FAMILIES, type Family, mssOf, play, synSent, sysctl } from './script-parts.ts';

const start = '0 `true`';
const full = (mss: number, scale: number = 6): string => `mss ${mss},nop,wscale ${scale},sackOK,TS val 100 ecr 0`;

describe.each(FAMILIES)('SYN over IPv%i', (f) => {
  const M = mssOf(f);

  it.each(f === 4 ? [72, 1280, 1500, 9000, 65535] : [1280, 1500, 9000, 65535])('MTU %i', (mtu) => {
    play(f, [`--mtu=${mtu}`, start, ...synSent(f, full(mtu - (f === 4 ? 40 : 60)))]);
  });

  it.each([
    ['nothing', [], full(M)],
    ['SACK', [sysctl('sack.enable', 0)], `mss ${M},nop,wscale 6,nop,nop,TS val 100 ecr 0`],
    ['window scale and time stamps', [sysctl('rfc1323', 0)], `mss ${M},sackOK,eol,eol`],
    ['all of these', [sysctl('sack.enable', 0), sysctl('rfc1323', 0)], `mss ${M}`],
  ])('switched off: %s', (_, off, options) => {
    play(f, [start, ...off, ...synSent(f, options)]);
  });

  it('with TCP_NOOPT has no options', () => {
    const lines = synSent(f, 'x');
    play(f, [start, lines[0]!, '+0 setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0', lines[1]!, lines[2]!, '+0 > S 0:0(0) win 65535']);
  });

  it.each([
    [73728, 1],
    [2097152, 6],
    [4294967295, 14],
  ])('window scale for buffers up to %i', (max, scale) => {
    play(f, [start, `+0 \`sysctl kern.ipc.maxsockbuf=${max}\``, ...synSent(f, full(M, scale))]);
  });

  it.each([
    [0, ['S', 'S', 'S']],
    [1, ['SEW', 'SEW', 'S']],
    [2, ['S', 'S', 'S']],
  ])('ecn.enable=%i', (enable, flags) => {
    play(f, [start, sysctl('ecn.enable', enable), ...synSent(f, full(M), flags[0]), `+1 > ${flags[1]} 0:0(0) win 65535 <...>`, `+2.2 > ${flags[2]} 0:0(0) win 65535 <...>`]);
  });

  it.each([
    [0, ['SEW', 'S', 'S', 'S']],
    [2, ['SEW', 'SEW', 'SEW', 'S']],
  ])('ecn.maxretries=%i', (retries, flags) => {
    play(f, [start, sysctl('ecn.enable', 1), sysctl('ecn.maxretries', retries), ...synSent(f, full(M), flags[0]), ...[1, 2.2, 4.2].map((t, i) => `+${t} > ${flags[i + 1]} 0:0(0) win 65535 <...>`)]);
  });

  it('drops its options from the third repetition on, if told so', () => {
    const rest = (n: number): string => `mss ${M},nop,wscale 6,sackOK,TS val ${n} ecr 0`;
    play(f, ['--tcp_ts_tick_usecs=1000', start, sysctl('rexmit_drop_options', 1), ...synSent(f), `+1 > S 0:0(0) win 65535 <${rest(1100)}>`, `+2.2 > S 0:0(0) win 65535 <${rest(3300)}>`, `+4.2 > S 0:0(0) win 65535 <mss ${M}>`, `+8.2 > S 0:0(0) win 65535 <mss ${M}>`]);
  });

  it('is repeated at 1 s, then twice as late each time and 0.2 s, at most 64 s, until the time for establishing is over', () => {
    const lines = synSent(f);
    play(f, [
      start,
      lines[0]!,
      '+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [363], 4) = 0',
      ...lines.slice(1),
      ...[1, 2.2, 4.2, 8.2, 16.2, 32.2, 64, 64, 64, 64].map((t) => `+${t} > S 0:0(0) win 65535 <...>`),
      '362 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0',
      '363.1 getsockopt(3, SOL_SOCKET, SO_ERROR, [ETIMEDOUT], [4]) = 0',
    ]);
  });
});

describe('path MTU', () => {
  it('of IPv6 counts for the next SYN', () => {
    play(6, [start, ...synSent(6), '+0.1 < icmp packet_too_big mtu 1300 [0:0(0)]', '+0.9 > S 0:0(0) win 65535 <mss 1240,nop,wscale 6,sackOK,TS val 1100 ecr 0>']);
  });

  it('of IPv4 does not: without a segment size of the peer there is nothing to lower', () => {
    play(4, [start, ...synSent(4), '+0.1 < icmp unreachable frag_needed mtu 1234 [0:0(0)]', '+0.9 > S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS val 1100 ecr 0>']);
  });
});

const HARD: Readonly<Record<Family, readonly (readonly [string, string])[]>> = {
  4: [
    ['unreachable protocol_unreachable', 'ECONNREFUSED'],
    ['unreachable port_unreachable', 'ECONNREFUSED'],
    ['unreachable net_prohibited', 'ECONNREFUSED'],
    ['unreachable host_prohibited', 'ECONNREFUSED'],
    ['unreachable packet_filtered', 'ECONNREFUSED'],
    ['time_exceeded ttl_exceeded_in_transit', 'EHOSTUNREACH'],
  ],
  6: [
    ['unreachable admin_prohibited', 'ECONNREFUSED'],
    ['unreachable port_unreachable', 'ECONNREFUSED'],
    ['parameter_problem unknown_next_header', 'ECONNREFUSED'],
    ['time_exceeded exceeded_hop_limit', 'EHOSTUNREACH'],
  ],
};
const SOFT: Readonly<Record<Family, readonly string[]>> = {
  4: [
    ...['net_unreachable', 'host_unreachable', 'source_route_failed', 'net_unknown', 'host_unknown', 'source_host_isolated', 'net_unreachable_for_tos', 'host_unreachable_for_tos', 'precedence_violation', 'precedence_cutoff'].map((c) => `unreachable ${c}`),
    'redirect', 'source_quench', 'time_exceeded frag_reass_exceeded', 'parameter_problem', 'parameter_problem code_1', 'parameter_problem code_2',
  ],
  6: ['unreachable no_route', 'unreachable not_neighbour', 'unreachable address_unreachable', 'time_exceeded exceeded_frag_time', 'parameter_problem header_field', 'parameter_problem unknown_option'],
};
const error = (errno: string): string => `+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [${errno}], [4]) = 0`;

describe.each(FAMILIES)('ICMP in SYN-SENT over IPv%i', (f) => {
  it.each(HARD[f])('%s ends the attempt: %s', (icmp, errno) => {
    play(f, [start, ...synSent(f), `+0.1 < icmp ${icmp} [4294967295:4294967295(0)]`, error('0'), `+0 < icmp ${icmp} [1:1(0)]`, error('0'), `+0 < icmp ${icmp} [0:0(0)]`, error(errno)]);
    play(f, [start, sysctl('icmp_may_rst', 0), ...synSent(f), `+0.1 < icmp ${icmp} [0:0(0)]`, error('0'), '+0.9 > S 0:0(0) <...>']);
  });

  it('all else is remembered, and does not end it', () => {
    play(f, [start, ...synSent(f), ...SOFT[f].flatMap((icmp) => [`+0.01 < icmp ${icmp} [0:0(0)]`, error('0')])]);
  });
});
