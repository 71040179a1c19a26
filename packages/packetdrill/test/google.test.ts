import { describe, expect, it } from 'vitest';
import { runScript, type RunOptions, type ScriptResult, scriptSuite } from '@ns/packetdrill';

const go = (text: string, options: RunOptions = {}): ScriptResult => runScript(text, { file: 't.pkt', compat: 'google', ...options });
/** '' if it passed. */
const why = (text: string, options: RunOptions = {}): string => {
  const r = go(text, options);
  return r.status === 'passed' ? '' : `${r.status} ${r.line} ${r.message}`;
};
/** The same for FreeBSD's interpreter. */
const freebsd = (text: string): string => {
  const r = runScript(text);
  return r.status === 'passed' ? '' : `${r.status} ${r.line} ${r.message}`;
};
/** Packets that went in, and when. */
const inbound = (r: ScriptResult): string[] => r.exchange.filter((x) => x.includes(' < ')).map((x) => x.split(' ')[0] ?? '');

const open = (syn: string, synAck: string): string => `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S  0:0(0)       win 50000 <${syn}>
+0 > S. 0:0(0) ack 1 <${synAck}>
+.1 < . 1:1(0) ack 1 win 50000
+0 accept(3, ..., ...) = 4
`;
const OPEN = open('mss 500', 'mss 1460');

describe('segments', () => {
  const BURST = `${OPEN}+0 write(4, ..., 2200) = 2200\n+0 > P. 1:2201(2200) ack 1\n`;

  it('are joined until they carry what the script expects', () => {
    expect(why(BURST)).toBe('');
    expect(freebsd(BURST.replace('> S. 0:0(0) ack 1', '> S. 0:0(0) ack 1 win 65535'))).toMatch(/length 500 instead of 2200/);
    // As many as it takes, and no more: what follows is the next event's.
    expect(why(BURST.replace('+0 > P. 1:2201(2200) ack 1', '+0 > . 1:1001(1000) ack 1\n+0 > P. 1001:2201(1200) ack 1'))).toBe('');
    expect(why(BURST.replace('1:2201(2200)', '1:2202(2201)'))).toMatch(/length 2000 instead of 2201/);
    expect(why(BURST.replace('1:2201(2200)', '1:701(700)'))).toMatch(/length 1000 instead of 700/);
  });

  it('are compared one by one when the script is strict', () => {
    expect(why(`--strict_segments\n${BURST}`)).toMatch(/length 500 instead of 2200/);
  });

  it('are joined with the FIN of the last', () => {
    const text = `${OPEN}+0 setsockopt(4, IPPROTO_TCP, TCP_NOPUSH, [1], 4) = 0\n+0 write(4, ..., 1200) = 1200\n+0 > . 1:1001(1000) ack 1\n+0 close(4) = 0\n+0 > FP. 1001:1201(200) ack 1`;
    expect(why(text)).toBe('');
    const last = `${OPEN}+0 write(4, ..., 5000) = 5000\n+0 > . 1:5001(5000) ack 1\n+0 write(4, ..., 1200) = 1200\n+0 close(4) = 0\n+.1 < . 1:1(0) ack 5001 win 50000\n`;
    expect(why(`${last}+0 > F. 5001:6201(1200) ack 1`)).toBe('');
    expect(why(`${last}+0 > . 5001:6201(1200) ack 1`)).toMatch(/flags F\. instead of \./);
  });

  it('stay apart where a header differs, or where one in the middle is short', () => {
    const answered = `${OPEN}+0 write(4, ..., 500) = 500\n+.01 < P. 1:11(10) ack 1 win 50000\n+0 write(4, ..., 500) = 500\n`;
    expect(why(`${answered}+0 > . 1:501(500) ack 1\n+0 > . 501:1001(500) ack 11`)).toMatch(/too early/);
    expect(why(`${answered}+0 > . 1:1001(1000) ack 1`)).toMatch(/length 500 instead of 1000/);
    const short = `${OPEN}+0 setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0\n+0 write(4, ..., 700) = 700\n+0 write(4, ..., 500) = 500\n`;
    expect(why(`${short}+0 > . 1:1201(1200) ack 1`)).toMatch(/length 500 instead of 1200/);
    expect(why(`${short}+0 > P. 1:701(700) ack 1\n+0 > P. 701:1201(500) ack 1`)).toBe('');
  });

  it('come in time, the last piece too', () => {
    const slow = `${OPEN}+0 setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0\n+0 write(4, ..., 500) = 500\n+.02 write(4, ..., 500) = 500\n`;
    expect(why(`${slow}+0 > . 1:1001(1000) ack 1`)).toMatch(/it came at 0\.100000 s, too early/);
    expect(go(`${slow}0.1 > . 1:1001(1000) ack 1`).actual).toMatch(/^0\.100000 to 0\.120000 > P\. 1:1001/);
    expect(why(`${slow}0.1 > . 1:1001(1000) ack 1`)).toMatch(/it came at 0\.120000 s, too late for 0\.096000 s to 0\.104000 s/);
  });

  it('need no PSH, and no window of ours', () => {
    for (const f of ['.', 'P.']) expect(why(BURST.replace('> P. 1', `> ${f} 1`))).toBe('');
    expect(why(BURST.replace('ack 1\n', 'ack 1 win 17\n'))).toBe('');
    expect(why(BURST.replace('P. 1:2201(2200)', 'F. 1:2201(2200)'))).toMatch(/flags \. instead of F\./);
  });
});

describe('options', () => {
  const OPTIONS = 'mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7';

  it('are a set, without padding, whatever our window scale is', () => {
    expect(why(open(OPTIONS, 'mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 11').replace('ack 1 win 50000\n', 'ack 1 win 50000 <nop,nop,TS val 8 ecr 100>\n'))).toBe('');
    expect(why(open('mss 1000,nop,nop,sackOK', 'nop,sackOK,nop,mss 1460'))).toBe('');
  });

  it('are all there, and no others', () => {
    expect(why(open(OPTIONS, 'mss 1460,sackOK,nop,wscale 7'))).toMatch(/options <mss 1460,nop,wscale 6,sackOK,TS val [0-9]+ ecr 7> instead of <mss 1460,sackOK,nop,wscale 7>/);
    expect(why(open('mss 1000', 'mss 1460,nop,nop,sackOK'))).toMatch(/options <mss 1460> instead of/);
    expect(why(open('mss 1000', 'mss 1400'))).toMatch(/options <mss 1460> instead of <mss 1400>/);
  });
});

describe('time', () => {
  it('counts from when a packet was due, if the one before was a packet towards the stack too', () => {
    // The delayed ACK comes at 0.14; the packet after it was due at 0.138.
    const text = `${OPEN}+0 < P. 1:11(10) ack 1 win 50000\n+.039 > . 1:1(0) ack 11\n0.138 < . 11:11(0) ack 1 win 50000\n+.05 < . 11:11(0) ack 1 win 50000\n+0 close(4) = 0`;
    expect(inbound(go(text)).slice(-2)).toEqual(['0.140000', '0.188000']);
    expect(inbound(runScript(text.replace('0:0(0) ack 1 <', '0:0(0) ack 1 win 65535 <').replace('ack 11', 'ack 11 win 65535'))).slice(-2)).toEqual(['0.140000', '0.190000']);
  });

  it('has an eighth to spare', () => {
    const text = `${OPEN}+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+`;
    expect(why(`${text}.9 > P. 1:11(10) ack 1`)).toBe('');
    expect(freebsd(`${text.replaceAll('ack 1 <', 'ack 1 win 65535 <')}.9 > P. 1:11(10) ack 1`)).toMatch(/no packet has come out/);
  });

  it('of a packet that is up to 2 s late is told', () => {
    const text = `${OPEN}+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+.1 > P. 1:11(10) ack 1`;
    expect(why(text)).toMatch(/it came at 1\.100000 s, too late for 0\.18/);
    expect(why(text.replace('+.1 >', '+.1 < . 1:1(0) ack 11 win 50000\n+.1 >'))).toMatch(/no packet has come out by 2\.3/);
  });
});

describe('addresses', () => {
  it('are those of the suite: the machine is its own gateway', () => {
    const lines: string[] = [];
    expect(why(OPEN, { verbose: (l) => void lines.push(l) })).toBe('');
    expect(lines[0]).toContain('192.0.2.1.8081 > 192.168.0.1.8080');
    const v6: string[] = [];
    expect(why(`--ip_version=ipv6\n${OPEN.replace('1460', '1440')}`, { verbose: (l) => void v6.push(l) })).toBe('');
    expect(v6.find((l) => l.includes('8080'))).toContain('fd3d:fa7b:d17d::1.8081 > fd3d:a0b:17d6::1.8080');
    expect(why(`--local_ip=10.1.0.9\n--gateway_ip=10.1.0.1\n${OPEN}`)).toBe('');
  });
});

describe('what is about Linux', () => {
  it('is passed over with a warning', () => {
    const r = go(`\`tc qdisc add dev tun0 root fq\n sysctl -q net.ipv4.tcp_frto=2 > /dev/null\`\n${OPEN}+0 \`nstat | grep -q Segs\`\n+0 \`grep " 0A " /proc/net/tcp\``);
    expect([r.status, r.warnings]).toEqual([
      'passed',
      [
        'line 1: passed over: tc qdisc add dev tun0 root fq',
        'line 1: passed over: sysctl net.ipv4.tcp_frto=2',
        'line 11: passed over: nstat | grep -q Segs',
        'line 12: passed over: grep " 0A " /proc/net/tcp',
      ],
    ]);
    expect(freebsd(`\`tc qdisc\`\n${OPEN}`)).toMatch(/^skipped 1 command not available/);
  });

  it('hides no failure', () => {
    const r = go(`\`tc qdisc\`\n${OPEN}+0 write(4, ..., 10) = 11`);
    expect([r.status, r.line, r.warnings]).toEqual(['failed', 10, ['line 1: passed over: tc qdisc']]);
    expect(why(`\`sysctl net.inet.tcp.no_such=1\`\n${OPEN}`)).toMatch(/^failed 1 `sysctl/);
    expect(why(`${OPEN}+0 \`false\``)).toMatch(/^failed 9 `false` ended with 1/);
  });

  it('leaves a script skipped when nothing else is compared', () => {
    const text = '0 `ip link set dev tun0 mtu 900`\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3';
    expect(why(text)).toBe('skipped 1 nothing is left to compare without ip link set dev tun0 mtu 900');
    expect(why(`${text}\n+0 connect(3, ..., ...) = -1 EINPROGRESS`.replace('= 3', '= 3\n+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0'))).toMatch(/^skipped/);
    expect(why(text.split('\n')[1]!.replace('+0', '0'))).toBe('');
  });

  it('has no socket options here', () => {
    expect(why(`${OPEN}+0 setsockopt(4, SOL_TCP, TCP_QUICKACK, [1], 4) = 0`)).toBe('skipped 9 no socket option TCP_QUICKACK');
  });

  it('is a comment to the shell after #', () => {
    expect(go(`\`true # tc qdisc\n# ip link\n\`\n${OPEN}`).warnings).toEqual([]);
  });
});

describe('settings of Linux', () => {
  const SYN = (opts: string): string => `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <${opts}>`;
  const ALL = 'mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7';

  it.each([
    ['sysctl -q net.ipv4.tcp_sack=0', 'mss 1460,nop,nop,TS val 100 ecr 0,nop,wscale 7'],
    ['sysctl -q net/ipv4/tcp_timestamps=0', 'mss 1460,nop,nop,sackOK,nop,wscale 7'],
    ['../common/set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0 \\\n /proc/sys/net/ipv4/tcp_sack=0', 'mss 1460,nop,wscale 7'],
    ['sysctl -q net.ipv4.tcp_min_tso_segs=2', ALL],
    ['/tmp/sysctl_restore_${PPID}.sh', ALL],
  ])('%s', (command, options) => {
    const r = go(`\`${command}\`\n${SYN(options)}`);
    expect([r.status, r.message, r.warnings]).toEqual(['passed', '', []]);
  });

  it('are made where they have a counterpart', () => {
    const text = (command: string): string => `\`${command}\`\n${OPEN}+0 getsockopt(4, SOL_SOCKET, SO_SNDBUF, [50000], [4]) = 0`;
    expect(why(text('sysctl -q net.ipv4.tcp_wmem="4096 50000 90000"'))).toBe('');
    expect(why(text('true'))).toMatch(/the value is/);
    expect(why(`\`sysctl -q net.ipv4.tcp_ecn=1\`\n${SYN(ALL).replace('> S 0', '> SEW 0')}`)).toBe('');
    expect(go(`\`sysctl net.ipv4.tcp_congestion_control=bbr\`\n${OPEN}`).warnings).toEqual(['line 1: passed over: sysctl net.ipv4.tcp_congestion_control=bbr']);
  });

  it('of defaults.sh are made as far as they go; the window left after a loss is that of CUBIC', () => {
    const loss = `${OPEN}+0 write(4, ..., 5000) = 5000\n+0 > P. 1:5001(5000) ack 1\n+.1 < . 1:1(0) ack 1 win 50000\n+0 < . 1:1(0) ack 1 win 50000\n+0 < . 1:1(0) ack 1 win 50000\n+0 > . 1:501(500) ack 1\n`;
    expect(why(`\`../../common/defaults.sh\`\n${loss}+0 %{ assert tcpi_snd_ssthresh == 7, tcpi_snd_ssthresh }%`)).toBe('');
    expect(why(`\`../../common/defaults.sh\n sysctl -q net.ipv4.tcp_congestion_control=reno\`\n${loss}+0 %{ assert tcpi_snd_ssthresh == 5, tcpi_snd_ssthresh }%`)).toBe('');
  });

  it('choose RACK where it is loaded', () => {
    // The tail is probed for, long before the timeout.
    const tail = `\`../common/defaults.sh\`\n${open('mss 500,nop,nop,sackOK', 'mss 1460,nop,nop,sackOK')}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n+.1 < . 1:1(0) ack 501 win 50000\n`;
    expect(why(`${tail}+.24 > P. 501:1001(500) ack 1`, { init: 'kldload tcp_rack' })).toBe('');
    expect(why(`${tail.replace('defaults.sh', 'defaults.sh\nsysctl -q net.ipv4.tcp_recovery=0')}+.24 > P. 501:1001(500) ack 1`, { init: 'kldload tcp_rack' })).toMatch(/too late/);
    expect(why(`${tail}+.24 > P. 501:1001(500) ack 1`)).toMatch(/too late/);
  });
});

describe('code', () => {
  it('has windows in segments, and states by their names in Linux', () => {
    const ts = open('mss 1000,sackOK,TS val 1 ecr 0', 'mss 1460,sackOK,TS val 5 ecr 1').replace('win 50000\n', 'win 50000 <nop,nop,TS val 2 ecr 5>\n');
    expect(why(`${OPEN}+0 %{ assert tcpi_snd_cwnd == 10; assert tcpi_snd_ssthresh == TCP_INFINITE_SSTHRESH; assert tcpi_state == TCP_ESTABLISHED }%`)).toBe('');
    expect(why(`${ts}+0 %{ assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd }%`)).toBe('');
    expect(why(`${OPEN}+0 %{ assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd }%`)).toMatch(/^failed .*assertion failed: tcpi_snd_cwnd == 11: 10/);
    expect(why(`${OPEN}+0 shutdown(4, SHUT_RDWR) = 0\n+0 %{ assert tcpi_state == TCP_FIN_WAIT1 }%`)).toBe('');
  });

  it('that knows a field of Linux alone is passed over, but not what fails before it', () => {
    const r = go(`${OPEN}+0 %{ assert tcpi_reordering == 3 }%\n+0 %{\nassert tcpi_snd_cwnd == 10\nassert (tcpi_options & TCPI_OPT_SYN_DATA) != 0 }%`);
    expect([r.status, r.warnings]).toEqual(['passed', ['line 9: passed over: TCP_INFO has no tcpi_reordering', 'line 10: passed over: TCP_INFO has no TCPI_OPT_SYN_DATA']]);
    expect(why(`${OPEN}+0 %{ assert tcpi_snd_cwnd == 9\nassert tcpi_ca_state == 0 }%`)).toMatch(/^failed/);
    expect(why(`0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 %{ assert tcpi_unacked == 0 }%`)).toBe('skipped 2 nothing is left to compare without TCP_INFO has no tcpi_unacked');
  });
});

describe('an ICMP error without a quote', () => {
  it('is about the SYN of the connection, in both dialects', () => {
    const text = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) <...>
+.1 < icmp unreachable port_unreachable
+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0`;
    expect(why(text)).toBe('');
    expect(freebsd(text)).toBe('');
  });
});

describe('time stamps that are echoed', () => {
  it('have been seen, unless the script says that they are scaled', () => {
    const text = `${open('mss 1000,nop,nop,TS val 1 ecr 0', 'mss 1460,nop,nop,TS val 100 ecr 1').replace('ack 1 win 50000\n', 'ack 1 win 50000 <nop,nop,TS val 2 ecr 150>\n')}+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0`;
    expect(why(text)).toMatch(/no packet with TS val 150 has come out/);
    const lines: string[] = [];
    expect(why(`--tcp_ts_ecr_scaled\n${text}`, { verbose: (l) => void lines.push(l) })).toBe('');
    const value = (re: RegExp): number => Number(lines.map((l) => re.exec(l)?.[1]).find((x) => x !== undefined));
    // The first of ours is 100 in the script.
    expect(value(/TS val 2 ecr ([0-9]+)/)).toBe(value(/TS val ([0-9]+) ecr 1\b/) + 50);
  });
});

describe('a null pointer', () => {
  it('is read into by nobody, and the octets stay', () => {
    const text = `${OPEN}+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 recv(4, NULL, 100, 0) = -1 EAGAIN\n+0 < P. 1:11(10) ack 1 win 50000\n+0 read(4, NULL, 100) = -1 EFAULT\n+0 read(4, NULL, 0) = 0\n+0 read(4, ..., 100) = 10`;
    expect(why(text)).toBe('');
  });
});

describe('init', () => {
  it('runs before the script, in both dialects', () => {
    const text = '`sysctl net.inet.tcp.sendspace=40000`\n0 `sysctl net.inet.tcp.recvspace | grep 50000`\n+0 `sysctl net.inet.tcp.sendspace | grep 40000`';
    const init = 'sysctl net.inet.tcp.recvspace=50000; sysctl net.inet.tcp.sendspace=50000';
    for (const compat of [{}, { compat: 'google' as const }]) {
      expect(runScript(text, { ...compat, init }).status).toBe('passed');
      expect(runScript(text, compat).status).toBe('failed');
      expect(runScript(text, { ...compat, init: 'false' })).toMatchObject({ status: 'failed', line: 0, message: '`false` ended with 1' });
    }
  });
});

describe('scriptSuite', () => {
  it('makes tests of scripts for Google as well', () => {
    const ran: string[] = [];
    const it = (name: string, fn: (c?: { skip?(note?: string): void }) => void): void => fn({ skip: (note) => void ran.push(`${name}: ${note ?? ''}`) });
    scriptSuite({ describe: (_, fn) => fn(), it }, 'suite', { 'a.pkt': `\`tc qdisc\`\n${OPEN}`, 'b.pkt': '0 `tc qdisc`' }, { compat: 'google' });
    expect(ran).toEqual(['b.pkt: nothing is left to compare without tc qdisc']);
  });
});
