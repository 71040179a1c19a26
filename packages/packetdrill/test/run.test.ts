import { describe, expect, it } from 'vitest';
import { renderResult, runScript, scriptSuite, type RunOptions, type ScriptResult } from '@ns/packetdrill';

const PASSIVE = `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S  0:0(0)       win 65535 <mss 1460,sackOK,eol,eol>
+0 > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`;
const DATA = `
+0 < P. 1:101(100) ack 1 win 65535
+.04 > . 1:1(0) ack 101 win 65535
+0 recv(4, ..., 1000, 0) = 100
+0 write(4, ..., 1000) = 1000
+0 > P. 1:1001(1000) ack 101 win 65535
+.1 < . 101:101(0) ack 1001 win 65535
+0 close(4) = 0
+0 > F. 1001:1001(0) ack 101 win 65535
`;
const go = (text: string, options: RunOptions = {}): ScriptResult => runScript(text, { file: 't.pkt', ...options });
/** '' if it passed. */
const why = (text: string, options: RunOptions = {}): string => {
  const r = go(text, options);
  return r.status === 'passed' ? '' : `${r.status} ${r.line} ${r.message}`;
};

describe('a connection', () => {
  it('passes from both sides', () => {
    expect(renderResult(go(PASSIVE + DATA))).toBe('t.pkt: passed');
    const active = `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0
+0 fcntl(3, F_GETFL) = 0x6 (flags O_RDWR|O_NONBLOCK)
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS val 100 ecr 0>
+.1 < S. 0:0(0) ack 1 win 5840 <mss 1460,nop,nop,TS val 700 ecr 100>
+0 > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 200 ecr 700>
+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
+0 %{ assert tcpi_state == TCPI_ESTABLISHED and tcpi_options == TCPI_OPT_TIMESTAMPS, tcpi_options }%
+.1 < . 1:1001(1000) ack 1 win 5840 <nop,nop,TS val 701 ecr 200>
`;
    expect(why(active)).toBe('');
    expect(why(`--tcp_ts_tick_usecs=1000\n${active}`)).toBe('');
    expect(why(`--tcp_ts_tick_usecs=1000\n${active.replace('TS val 200 ecr 700', 'TS val 150 ecr 700')}`)).toMatch(/TS val 200 instead of 150/);
    expect(why(active.replace('ecr 200>', 'ecr 201>'))).toMatch(/no packet with TS val 201 has come out/);
  });

  it('is the same in each run, to the byte', () => {
    const a = go(PASSIVE + DATA, { capture: true, seed: 5 });
    const b = go(PASSIVE + DATA, { capture: true, seed: 5 });
    expect(a.pcap).toEqual(b.pcap);
    expect(a.pcap).not.toEqual(go(PASSIVE + DATA, { capture: true, seed: 6 }).pcap);
    expect(a.elapsedUs).toBe(240_000);
  });

  it('shows each packet as tcpdump does, and as pcapng', () => {
    const lines: string[] = [];
    const r = go(PASSIVE, { verbose: (l) => void lines.push(l), capture: true });
    expect(lines[0]).toMatch(/^0\.000000 in {2}IP 192\.0\.2\.1\.8081 > 192\.168\.0\.1\.8080: Flags \[S\], seq 0, win 65535, options \[mss 1460,sackOK,eol\], length 0$/);
    expect(lines).toHaveLength(3);
    expect(r.pcap!.slice(0, 4)).toEqual(Uint8Array.of(0x0a, 0x0d, 0x0d, 0x0a));
  });
});

describe('what is not as the script says', () => {
  it.each([
    ['> S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>', '> S. 0:0(0) ack 2 win 65535 <mss 1460,sackOK,eol,eol>', 'ack 1 instead of 2'],
    ['ack 1 win 65535 <mss', 'ack 1 win 65534 <mss', 'window 65535 instead of 65534'],
    ['> S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>', '> S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>', 'options <mss 1460,sackOK,eol,eol> instead of <mss 1460,nop,nop,sackOK>'],
    ['> P. 1:1001(1000) ack 101', '> . 1:1001(1000) ack 101', 'flags P. instead of .'],
    ['> P. 1:1001(1000) ack 101', '> P. 1:1000(999) ack 101', 'length 999 instead of 1000|length 1000 instead of 999'],
    ['> P. 1:1001(1000) ack 101', '> P. 2:1002(1000) ack 101', 'sequence number 1 instead of 2'],
    ['+0 > P. 1:1001', '+.1 > P. 1:1001', 'too early'],
    ['+.04 > . 1:1(0)', '+0.02 > . 1:1(0)', 'no packet has come out by 0.124000 s'],
    ['+0 > P. 1:1001(1000)', '+0 > (ttl 3) P. 1:1001(1000)', 'TTL 64 instead of 3'],
    ['+0 > P. 1:1001(1000)', '+0 > [ect0] P. 1:1001(1000)', 'ECN 0 instead of 2'],
    ['recv(4, ..., 1000, 0) = 100', 'recv(4, ..., 1000, 0) = 99', 'recv\\(\\) gave 100 instead of 99'],
    ['write(4, ..., 1000) = 1000', 'write(4, ..., 1000) = -1 EPIPE', 'write\\(\\) gave 1000 instead of -1 EPIPE'],
    ['close(4) = 0', 'close(5) = 0', 'close\\(\\) gave -1 EBADF instead of 0'],
    ['bind(3, ..., ...) = 0', 'bind(3, ..., ...) = -1 EADDRINUSE', 'bind'],
  ])('%s as %s', (from, to, message) => {
    const text = PASSIVE + DATA;
    expect(text).toContain(from);
    expect(why(text.replace(from, to))).toMatch(new RegExp(`^failed [0-9]+ .*(?:${message})`));
  });

  it('is told with the line, what was expected, what came, and the exchange', () => {
    expect(renderResult(go(PASSIVE.replace('ack 1 win 65535 <mss', 'ack 7 win 65535 <mss')))).toBe(`t.pkt:7: packet differs: ack 1 instead of 7
  expected  +0 > S. 0:0(0) ack 7 win 65535 <mss 1460,sackOK,eol,eol>
  came      0.000000 > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>
  exchange:
    0.000000 socket(..., SOCK_STREAM, IPPROTO_TCP) = a descriptor
    0.000000 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
    0.000000 bind(3, ..., ...) = 0
    0.000000 listen(3, 1) = 0
    0.000000 < S 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>
    0.000000 > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,eol,eol>`.replace('< S 0:0(0) ack 1 win', '< S 0:0(0) win'));
  });

  it('counts too when it comes unexpected', () => {
    expect(why(`${PASSIVE}+0 < . 5:6(1) ack 1 win 65535\n+0 < P. 1:2(1) ack 1 win 65535\n+0 > . 1:1(0) ack 2 win 65535`)).toMatch(/ack 1 instead of 2/);
  });

  it('may be forgiven', () => {
    const r = go(`--non_fatal=syscall\n${PASSIVE}+0 setsockopt(4, IPPROTO_TCP, TCP_NO_SUCH_THING, [1], 4) = 0`);
    expect([r.status, r.warnings]).toEqual(['passed', ['line 11: setsockopt() gave -1 ENOPROTOOPT instead of 0']]);
  });

  it.each([
    [PASSIVE.replace('+0 listen(3, 1) = 0', '+0 `no-such-command`'), 'command not available'],
    ['0 epoll_create(1) = 3', 'no system call epoll_create\\(\\)'],
    [`${PASSIVE}+0 %{ assert tcpi_reordering == 3 }%`, 'TCP_INFO has no tcpi_reordering'],
    ['--ip_version=ipv4\n0 socket(AF_NONE, SOCK_STREAM, 0) = 3', 'unknown constant AF_NONE'],
  ])('is skipped when it cannot be asked here', (text, message) => {
    expect(why(text)).toMatch(new RegExp(`^skipped .*${message}`));
  });

  it('never throws, also for scripts that make no sense', () => {
    for (const text of ['0 > . 1:1(0)', '0 < . 1:1(0) win 1', '0 close(7) = 0', '0 accept(3, ..., ...) = 4', '--mtu=7\n0 close(3) = 0', '--nonsense=1\n0 close(3) = 0', '0 poll(..., 1, 1) = 0', '']) {
      expect(go(text).status).toBe('failed');
    }
  });
});

describe('calls that block', () => {
  it('return when their time has come', () => {
    const text = `${PASSIVE}+0...0.5 read(4, ..., 100) = 10\n+.5 < P. 1:11(10) ack 1 win 65535`;
    expect(why(text)).toBe('');
    expect(why(text.replace('0.5 read', '0.3 read'))).toMatch(/read\(\) returned at 0\.600000 s, too late|has not returned/);
    expect(why(text.replace('0.5 read', '0.9 read'))).toMatch(/too early for 1\.000000 s/);
    expect(why(text.replace('= 10', '= 11'))).toMatch(/gave 10 instead of 11/);
    expect(why(`${PASSIVE}+0...0.5 read(4, ..., 100) = 10`)).toMatch(/has not returned at the end/);
    expect(why(`${PASSIVE}+0 read(4, ..., 100) = 10`)).toMatch(/blocks, and nothing more will happen/);
  });

  it('are accept, connect, write, poll as well', () => {
    const accept = PASSIVE.replace('+.1 < .', '+0...0.1 accept(3, ..., ...) = 4\n+.1 < .').replace(/\+0 accept.*\n/, '');
    expect(why(accept)).toBe('');
    expect(why(`0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [5], 4) = 0
1.00...6.00 connect(3, ..., ...) = -1 ETIMEDOUT
+0 > S 0:0(0) <...>
+1 > S 0:0(0) <...>
+2.2 > S 0:0(0) <...>
7 close(3) = 0`)).toBe('');
    expect(why(`${PASSIVE}+0...0.2 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 1000) = 1`)).toMatch(/too early/);
    expect(why(`${PASSIVE}+0...0.2 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 1000) = 1\n+.2 < P. 1:11(10) ack 1 win 65535`)).toBe('');
    expect(why(`${PASSIVE}+0...1 poll([{fd=4, events=POLLIN, revents=0}], 1, 1000) = 0`)).toBe('');
    const write = `${PASSIVE}+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [4000], 4) = 0
+0...0.2 write(4, ..., 6000) = 6000
+0 > . 1:1461(1460) ack 1
+0 > . 1461:2921(1460) ack 1
+0 > P. 2921:4001(1080) ack 1
+.2 < . 1:1(0) ack 4001 win 65535
+0 > . 4001:5461(1460) ack 1
+0 > P. 5461:6001(540) ack 1`;
    expect(why(write)).toBe('');
  });
});

describe('scriptSuite', () => {
  it('makes a test of each script, and skips what cannot be run', () => {
    const ran: string[] = [];
    const runner = {
      describe: (name: string, fn: () => void): void => {
        ran.push(name);
        fn();
      },
      it: (name: string, fn: (c?: { skip?(note?: string): void }) => void): void => {
        try {
          fn({ skip: (note) => void ran.push(`${name} skipped: ${note ?? ''}`) });
          ran.push(name);
        } catch (e) {
          ran.push(`${name} failed: ${(e as Error).message.split('\n')[0] ?? ''}`);
        }
      },
    };
    scriptSuite(runner, 'suite', { 'good.pkt': PASSIVE, 'bad.pkt': '0 close(3) = 0', 'other.pkt': '0 splice(1) = 0' });
    expect(ran).toEqual(['suite', 'good.pkt', 'bad.pkt failed: bad.pkt:1: close() gave -1 EBADF instead of 0', 'other.pkt skipped: no system call splice()', 'other.pkt']);
  });
});
