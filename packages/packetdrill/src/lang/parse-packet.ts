import type { EncapSpec, IcmpQuoteSpec, IcmpSpec, IpSpec, MplsLabel, PacketNode, PortPair, TcpSpec, UdpSpec } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseTcpOptions } from './parse-tcpopt.ts';

const U32 = 0xffffffff;
/** Bits of the letters; a digit is the three AccECN bits AE CWR ECE. */
const FLAG_BITS: Readonly<Record<string, number>> = Object.freeze({ F: 1, S: 2, R: 4, P: 8, '.': 16, U: 32, E: 64, W: 128, A: 256 });

const DSCP: Readonly<Record<string, number>> = Object.freeze({
  cs0: 0, cs1: 8, cs2: 16, cs3: 24, cs4: 32, cs5: 40, cs6: 48, cs7: 56,
  af11: 10, af12: 12, af13: 14, af21: 18, af22: 20, af23: 22, af31: 26, af32: 28, af33: 30, af41: 34, af42: 36, af43: 38,
  ef: 46, le: 1, voice: 44,
});
const ECN: Readonly<Record<string, number>> = Object.freeze({ noecn: 0, ect1: 1, ect0: 2, ce: 3, ect01: -1 });

const NO_IP: IpSpec = Object.freeze({ ttl: null, tos: null, dscp: null, ecn: null, flow: null });

/** A packet; the next token is its arrow. */
export function parsePacket(c: Cursor): PacketNode {
  const arrow = c.next();
  const encaps: EncapSpec[] = [];
  let ip = parseIpInfo(c);
  for (let e = parseEncap(c); e !== null; e = parseEncap(c)) {
    if (encaps.length === 8) c.fail('more than eight headers');
    encaps.push(e);
    if (e.type === 'ip' && ip === NO_IP) ip = e.ip;
  }
  const inner = parseIpInfo(c);
  if (inner !== NO_IP) ip = inner;
  const direction = arrow.text === '<' ? 'in' : 'out';
  const base = { type: 'packet', direction, ip, encaps, line: arrow.line } as const;
  if (c.take('icmp')) return { ...base, ports: null, body: parseIcmp(c), udp: null };
  if (c.take('udp')) {
    const ports = parsePorts(c);
    return { ...base, ports, body: parseUdp(c), udp: null };
  }
  const ports = parsePorts(c);
  const body = parseTcp(c, direction);
  return { ...base, ports, body, udp: parseUdpSuffix(c) };
}

/** `(tos 0x20, ttl 4)` or `[ect0]`; `[...]` in front of nothing else. */
function parseIpInfo(c: Cursor): IpSpec {
  const open = c.at('(') ? ')' : c.at('[') ? ']' : null;
  if (open === null) return NO_IP;
  c.next();
  let ip: IpSpec = { ...NO_IP };
  do ip = { ...ip, ...parseIpField(c) };
  while (c.take(','));
  c.expect(open, 'after the IP fields');
  return ip;
}

function parseIpField(c: Cursor): Partial<IpSpec> {
  const t = c.expectKind('word', 'IP field');
  const ecn = ECN[t.text];
  if (ecn !== undefined) return { ecn };
  switch (t.text) {
    case 'ttl':
    case 'hlim':
      return { ttl: c.number('time to live', 0, 255) };
    case 'tos':
    case 'class':
      return { tos: c.number('type of service', 0, 255) };
    case 'flowlabel':
      return { flow: c.number('flow label', 0, 0xfffff) };
    case 'dscp':
      return { dscp: parseDscp(c) };
    default:
      return c.fail(`unknown IP field '${t.text}'`, t);
  }
}

function parseDscp(c: Cursor): number {
  if (!c.is('word')) return c.number('DSCP', 0, 63);
  const t = c.next();
  const value = DSCP[t.text];
  if (value === undefined) return c.fail(`unknown DSCP '${t.text}'`, t);
  // `voice-admit` is three tokens.
  if (t.text === 'voice' && c.take('-')) c.expect('admit', 'after voice-');
  return value;
}

/** A header in front of the packet, or null. */
function parseEncap(c: Cursor): EncapSpec | null {
  if (c.at('ipv4') || c.at('ipv6')) return parseIpEncap(c);
  if (c.at('gre') || c.at('GREv0')) return parseGre(c);
  if (c.at('mpls')) return parseMpls(c);
  if (c.at('encap')) {
    c.next();
    c.expect('psp', 'after encap');
    c.expect('spi', 'after psp');
    return { type: 'psp', spi: c.number('SPI', 0, U32) };
  }
  return null;
}

function parseIpEncap(c: Cursor): EncapSpec {
  const af = c.next().text === 'ipv4' ? 4 : 6;
  const ip = parseIpInfo(c);
  const kind = af === 4 ? 'ipv4' : 'ipv6';
  const src = c.expectKind(kind, 'source address').text;
  c.expect('>', 'between the addresses');
  // The colon of `::2:` ends the header and may look like a part of the address.
  const t = c.expectKind(kind, 'destination address');
  if (af === 6 && t.text.endsWith(':') && !t.text.endsWith('::')) return { type: 'ip', af, src, dst: t.text.slice(0, -1), ip };
  c.expect(':', 'after an encapsulating header');
  return { type: 'ip', af, src, dst: t.text, ip };
}

/** GRE is only noted: nothing here speaks it. */
function parseGre(c: Cursor): EncapSpec {
  const from = c.next();
  while (!c.at(':')) {
    if (c.is('eof') || c.at('<') || c.at('>')) c.fail("':' expected after a GRE header");
    c.next();
  }
  c.next();
  return { type: 'gre', text: c.since(from.at) };
}

function parseMpls(c: Cursor): EncapSpec {
  c.next();
  const labels: MplsLabel[] = [];
  while (c.take('(')) {
    c.expect('label', 'in an MPLS entry');
    const label = c.number('label', 0, 0xfffff);
    c.expect(',', 'after the label');
    c.expect('tc', 'in an MPLS entry');
    const tc = c.number('traffic class', 0, 7);
    c.expect(',', 'after the traffic class');
    const bottom = c.take('[');
    if (bottom) {
      c.expectKind('word', 'S');
      c.expect(']', 'after [S');
      c.expect(',', 'after [S]');
    }
    c.expect('ttl', 'in an MPLS entry');
    labels.push({ label, tc, bottom, ttl: c.number('time to live', 0, 255) });
    c.expect(')', 'after an MPLS entry');
    if (labels.length > 16) c.fail('more than 16 MPLS labels');
  }
  c.expect(':', 'after an MPLS header');
  return { type: 'mpls', labels };
}

/** `8080 > 80`; the first number of a sequence range is followed by a colon. */
function parsePorts(c: Cursor): PortPair | null {
  if (!c.is('int') || !c.at('>', 1)) return null;
  return portPair(c);
}

function portPair(c: Cursor): PortPair {
  const src = c.number('port', 0, 65535);
  c.expect('>', 'between the ports');
  return { src, dst: c.number('port', 0, 65535) };
}

/** `/udp(9811 > 1)`. */
function parseUdpSuffix(c: Cursor): PortPair | null {
  if (!c.take('/')) return null;
  c.expect('udp', "after '/'");
  c.expect('(', 'after /udp');
  const p = portPair(c);
  c.expect(')', 'after the UDP ports');
  return p;
}

function parseUdp(c: Cursor): UdpSpec {
  c.expect('(', 'after udp');
  const len = c.number('length', 0, 65535);
  c.expect(')', 'after the length');
  return { type: 'udp', len };
}

function parseFlags(c: Cursor): number {
  let bits = 0;
  let seen = false;
  let ace = false;
  if (c.take('-')) return 0;
  while (c.is('word') || c.at('.') || c.is('float')) {
    const t = c.peek();
    for (const ch of t.text) {
      if (/[0-7]/.test(ch)) {
        if (ace) c.fail('two AccECN numbers');
        ace = true;
        const n = Number(ch);
        bits |= ((n & 4) << 6) | ((n & 2) << 6) | ((n & 1) << 6);
        continue;
      }
      const bit = FLAG_BITS[ch] ?? c.fail(`unknown TCP flag '${ch}'`);
      if ((bits & bit) !== 0) c.fail(`TCP flag '${ch}' twice`);
      bits |= bit;
    }
    c.next();
    seen = true;
  }
  // A lone AccECN digit, as in `> 5. 1:1`, comes as a number.
  if (!seen) c.fail('TCP flags expected');
  return bits;
}

interface SeqRange {
  readonly seq: number | null;
  readonly seqAbsolute: boolean;
  readonly len: number;
}

/** `a:b(len)`, `a:b(len)!`, `...(len)`. */
function parseSeq(c: Cursor): SeqRange {
  if (c.is('ellipsis')) {
    c.next();
    return { seq: null, seqAbsolute: false, len: lengthIn(c) };
  }
  const at = c.peek();
  const seq = c.number('sequence number', 0, U32);
  c.expect(':', 'after the first sequence number');
  const end = c.number('sequence number', 0, U32);
  const len = lengthIn(c);
  if ((seq + len) >>> 0 !== end) c.fail(`${seq}:${end} has ${(end - seq) >>> 0} bytes, not ${len}`, at);
  return { seq, seqAbsolute: c.take('!'), len };
}

function lengthIn(c: Cursor): number {
  c.expect('(', 'before the number of bytes');
  const len = c.number('number of bytes', 0, 65535);
  c.expect(')', 'after the number of bytes');
  return len;
}

function parseTcp(c: Cursor, direction: 'in' | 'out'): TcpSpec {
  const flags = parseFlags(c);
  const range = parseSeq(c);
  const hasAck = c.take('ack');
  const ack = hasAck ? c.number('acknowledgement number', 0, U32) : 0;
  const win = c.take('win') ? c.number('window', 0, 65535) : null;
  const urg = c.take('urg') ? c.number('urgent pointer', 0, 65535) : 0;
  const at = c.peek();
  const options = c.take('<') ? parseTcpOptions(c) : [];
  if (direction === 'in') {
    if (win === null) c.fail('a packet towards the stack needs a window');
    if (options === null) c.fail('<...> is for packets that come out', at);
    if (range.seq === null) c.fail('a packet towards the stack needs a sequence number', at);
  }
  return { type: 'tcp', flags, ...range, ack, hasAck, win, urg, options, diag: parseDiag(c) };
}

/** `[code 1, pen 2]`. */
function parseDiag(c: Cursor): { code: number; pen: number } | null {
  if (!c.at('[')) return null;
  c.next();
  c.expect('code', "after '['");
  const code = c.number('code', 0, 65535);
  c.expect(',', 'after the code');
  c.expect('pen', "after ','");
  const pen = c.number('enterprise number', 0, U32);
  c.expect(']', 'after the enterprise number');
  return { code, pen };
}

function parseIcmp(c: Cursor): IcmpSpec {
  const icmpType = c.expectKind('word', 'ICMP type').text;
  let icmpCode: string | null = null;
  if (c.is('word') && !c.at('mtu') && !c.at('id')) icmpCode = c.next().text;
  const mtu = c.take('mtu') ? c.number('MTU', 0, U32) : null;
  const id = c.take('id') ? c.number('identifier', 0, 65535) : null;
  return { type: 'icmp', icmpType, icmpCode, mtu, id, quote: parseQuote(c) };
}

function parseQuote(c: Cursor): IcmpQuoteSpec | null {
  if (!c.take('[')) return null;
  let quote: IcmpQuoteSpec;
  if (c.at('udp') || c.at('raw')) {
    const type = c.next().text === 'udp' ? 'udp' : 'raw';
    quote = { type, len: lengthIn(c) };
  } else {
    const { seq, len } = parseSeq(c);
    quote = { type: 'tcp', seq: seq ?? 0, len, udp: parseUdpSuffix(c) };
  }
  c.expect(']', 'after the quoted packet');
  return quote;
}
