import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseScript, ScriptSyntaxError, type PacketNode, type TcpSpec } from '@ns/packetdrill';

const packet = (text: string): PacketNode => parseScript(`0 ${text}`).events[0]!.action as PacketNode;
const tcp = (text: string): TcpSpec => packet(text).body as TcpSpec;
const wrong = (text: string): string => {
  try {
    parseScript(text);
  } catch (e) {
    if (e instanceof ScriptSyntaxError) return `${e.line}:${e.column} ${e.message}`;
    throw e;
  }
  return 'no error';
};

describe('times', () => {
  it.each([
    ['1.25 close(3) = 0', { kind: 'absolute', fromUs: 1_250_000, toUs: 1_250_000 }],
    ['+ 0.25 close(3) = 0', { kind: 'relative', fromUs: 250_000, toUs: 250_000 }],
    ['+.1 close(3) = 0', { kind: 'relative', fromUs: 100_000, toUs: 100_000 }],
    ['* > . 1:1(0) ack 1', { kind: 'any', fromUs: 0, toUs: 0 }],
    ['1.0~1.5 > . 1:1(0) ack 1', { kind: 'absolute', fromUs: 1_000_000, toUs: 1_500_000 }],
    ['+0.1~+0.2 > . 1:1(0) ack 1', { kind: 'relative', fromUs: 100_000, toUs: 200_000 }],
  ])('%s', (text, time) => {
    expect(parseScript(text).events[0]!.time).toEqual(time);
  });

  it('of blocking calls have two ends', () => {
    expect(parseScript('1.00...6.00 connect(3, ..., ...) = 0').events[0]).toMatchObject({ time: { fromUs: 1_000_000 }, endUs: 6_000_000 });
    expect(parseScript('+0...0.2 read(3, ..., 9) = 1').events[0]).toMatchObject({ time: { kind: 'relative', fromUs: 0 }, endUs: 200_000 });
  });
});

describe('packets', () => {
  it('take blanks wherever scripts put them', () => {
    for (const text of ['<S 0:0(0) win 1 <mss 1460>', '< [noecn] S 0:0(0) win 1 <mss 1460>', '<[noecn]S  0:0(0)  win 1<mss 1460>']) {
      expect(tcp(text)).toMatchObject({ flags: 2, seq: 0, len: 0, win: 1, options: [{ type: 'mss', value: 1460 }] });
    }
  });

  it.each([
    ['.', 16],
    ['F.', 17],
    ['SEW', 0xc2],
    ['SE.', 0x52],
    ['A', 0x100],
    ['P5.', 8 | 16 | 0x140],
    ['-', 0],
  ])('flags %s', (text, bits) => {
    expect(tcp(`> ${text} 0:0(0)`).flags).toBe(bits);
  });

  it('have sequence numbers that add up', () => {
    expect(tcp('> . 4294967295:0(1)!')).toMatchObject({ seq: 0xffffffff, seqAbsolute: true, len: 1 });
    expect(tcp('> S. ...(0) ack 1')).toMatchObject({ seq: null, ack: 1 });
    expect(wrong('0 > . 1:3(1)')).toBe("1:7 1:3 has 2 bytes, not 1, found '1'");
  });

  it('have options in the order of the wire', () => {
    const text = 'mss 1460,nop,wscale 6,sackOK,TS val 1 ecr ...,FO 0102,EXP-FO,md5 valid,gen-99 aabb,sack 1:2 3:4,eol';
    expect(tcp(`> . 0:0(0) <${text}>`).options).toEqual([
      { type: 'mss', value: 1460 },
      { type: 'nop' },
      { type: 'wscale', value: 6 },
      { type: 'sackOK' },
      { type: 'ts', val: 1, ecr: null, ecrAbsolute: false },
      { type: 'fo', experimental: false, cookie: Uint8Array.of(1, 2) },
      { type: 'fo', experimental: true, cookie: new Uint8Array(0) },
      { type: 'md5', digest: null },
      { type: 'raw', kind: 99, data: Uint8Array.of(0xaa, 0xbb) },
      { type: 'sack', blocks: [[1, 2], [3, 4]] },
      { type: 'eol' },
    ]);
    expect(tcp('> . 0:0(0) <...>').options).toBeNull();
    expect(tcp('> . 0:0(0)').options).toEqual([]);
  });

  it('may sit in UDP, and in other headers', () => {
    expect(packet('> . 1:1(0) ack 1 win 65535/udp(9811 > 1)').udp).toEqual({ src: 9811, dst: 1 });
    expect(packet('< ipv6 2001:db8::1 > 2001:db8::2: gre: . 1:1(0) ack 1 win 1').encaps).toMatchObject([{ type: 'ip', af: 6, src: '2001:db8::1', dst: '2001:db8::2' }, { type: 'gre' }]);
    expect(packet('< mpls (label 1, tc 2, [S], ttl 3): udp (9)').encaps).toEqual([{ type: 'mpls', labels: [{ label: 1, tc: 2, bottom: true, ttl: 3 }] }]);
  });

  it('say what of the IP header matters', () => {
    expect(packet('> (ttl 4, tos 0x20, ect01) . 1:1(0)').ip).toEqual({ ttl: 4, tos: 0x20, dscp: null, ecn: -1, flow: null });
    expect(packet('> [hlim 4, dscp voice-admit, flowlabel 0x12345] . 1:1(0)').ip).toEqual({ ttl: 4, tos: null, dscp: 44, ecn: null, flow: 0x12345 });
  });

  it('of ICMP quote a packet of ours', () => {
    expect(packet('<icmp unreachable frag_needed mtu 1300 [1453:2905(1452)/udp(9811 > 1)]').body).toEqual({
      type: 'icmp',
      icmpType: 'unreachable',
      icmpCode: 'frag_needed',
      mtu: 1300,
      id: null,
      quote: { type: 'tcp', seq: 1453, len: 1452, udp: { src: 9811, dst: 1 } },
    });
  });
});

describe('calls, commands, code', () => {
  it('take structs, arrays and alternatives', () => {
    const text = '0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 10}, {"abc"..., 3}], msg_flags=0}, MSG_OOB | MSG_PEEK) = -1 EINVAL (because (of) it)';
    expect(parseScript(text).events[0]!.action).toMatchObject({ name: 'sendmsg', errno: 'EINVAL', args: [{ value: 4 }, { type: 'struct' }, { type: 'or' }] });
  });

  it('stand before, between and after events', () => {
    const s = parseScript('--mtu=1500\n--define=X=`true`\n`init`\n0 X\n+0 %{ assert 1 == 1 }%\n`cleanup`');
    expect(s.options.map((o) => o.name)).toEqual(['mtu', 'define']);
    expect([s.init?.command, s.cleanup?.command]).toEqual(['init', 'cleanup']);
    expect(s.events.map((e) => e.action.type)).toEqual(['command', 'code']);
  });

  it('of other systems are passed over, and lines keep their numbers', () => {
    const s = parseScript('#ifdef STANDARD\n0 this ( is no script\n#endif\n#ifdef FreeBSD\n0 close(3) = 0\n#endif');
    expect(s.events).toMatchObject([{ line: 5 }]);
  });
});

describe('mistakes name their place', () => {
  it.each([
    ['', '1:1 a script needs at least one event, the script ends'],
    ['0 close(3) = 0\n+0 close(4 = 0', "2:12 ')' expected after a list, found '='"],
    ['0 > Q 0:0(0)', "1:5 unknown TCP flag 'Q', found 'Q'"],
    ['0 < . 0:0(0)', '1:13 a packet towards the stack needs a window, the script ends'],
    ['0 < . 0:0(0) win 65536', "1:18 window is 65536, outside of 0 to 65535, found '65536'"],
    ['0 > . 0:0(0) <mms 1>', "1:15 unknown TCP option 'mms', found 'mms'"],
    ['1 close(3) = 0 0 close(3) = 0', "1:16 time runs backwards, found '0'"],
    ['* close(3) = 0', "1:1 only a packet that comes out may have an uncertain time, found '*'"],
    ['0 `a', '1:3 command without end'],
    ['#ifdef X\n', '1:1 #ifdef without #endif'],
  ])('%j', (text, message) => {
    expect(wrong(text)).toBe(message);
  });
});

describe('whatever comes', () => {
  const pieces = ['0', '+0.1', '*', '~', '...', '<', '>', 'S', '.', '-', '0:0(0)', '1:2(1)', 'ack', '1', 'win', '65535', '<mss 1460>', '<...>', '(', ')', '[', ']', '{', '}', '=', ',', '|', '/', 'udp', 'icmp',
    'close', 'TS', 'val', 'ecr', 'sack', 'md5', 'FO', '"x"', '`y`', '%{ z }%', '--mtu=1', '\n', '#ifdef A\n', '#endif\n', '!', '::1', '1.2.3.4', 'ipv6', 'mpls', 'gre', 'label'];

  it('the parser gives a script or a syntax error', () => {
    const check = (text: string): void => {
      try {
        parseScript(text);
      } catch (e) {
        expect(e).toBeInstanceOf(ScriptSyntaxError);
      }
    };
    fc.assert(fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), (words) => check(words.join(' '))), { numRuns: 1000 });
    fc.assert(fc.property(fc.string({ maxLength: 200, unit: 'binary' }), check), { numRuns: 300 });
    const good = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0>\n+0 > S. 0:0(0) ack 1 <...>\n+.1 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0 (x)\n';
    fc.assert(fc.property(fc.nat(good.length), fc.nat(good.length), fc.string({ maxLength: 3 }), (a, b, s) => check(good.slice(0, a) + s + good.slice(b))), { numRuns: 1000 });
  });

  it('deep nesting and long input end soon', () => {
    expect(wrong(`0 f(${'['.repeat(100_000)}) = 0`)).toMatch(/nested too deeply/);
    expect(wrong(`0 f(${'{'.repeat(100_000)}) = 0`)).toMatch(/nested too deeply/);
    expect(wrong('0 close(3) = 0\n'.repeat(20_000))).toBe('no error');
    expect(wrong('a'.repeat(1_000_000))).toMatch(/time of an event expected/);
    expect(wrong(`0 > . 0:0(0) <${'1:'.repeat(50_000)}`)).toMatch(/hexadecimal|expected/);
  });
});
