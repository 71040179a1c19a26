import type { BpfInsn } from '@ns/bpf';
import {
  AF_INET,
  type InAddr,
  IPPROTO_AH,
  IPPROTO_ESP,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  parseEtherAddr,
} from '@ns/wire';
import { classPrefix, maskPrefix, parseHost, parseNetwork } from '../text/args.ts';
import { servicePort } from '../text/services.ts';
import { and, not, or, program, type Test } from './asm.ts';
import { type Dir, LinkTests } from './tests.ts';

/** A filter expression after compilation, or what is wrong with it. @public */
export type FilterResult = { readonly ok: true; readonly insns: readonly BpfInsn[] } | { readonly ok: false; readonly message: string };

/** Longest expression, in words: recursion is bounded by it. */
const WORDS_MAX = 256;

const PROTOCOLS: Readonly<Record<string, number>> = Object.freeze({
  tcp: IPPROTO_TCP,
  udp: IPPROTO_UDP,
  sctp: IPPROTO_SCTP,
  icmp: IPPROTO_ICMP,
  icmp6: IPPROTO_ICMPV6,
  igmp: IPPROTO_IGMP,
  esp: IPPROTO_ESP,
  ah: IPPROTO_AH,
});

/** Names of offsets and values in byte tests. Source: pcap-filter(7). */
const NAMES: Readonly<Record<string, number>> = Object.freeze({
  tcpflags: 13,
  icmptype: 0,
  icmpcode: 1,
  'tcp-fin': 1,
  'tcp-syn': 2,
  'tcp-rst': 4,
  'tcp-push': 8,
  'tcp-ack': 16,
  'tcp-urg': 32,
  'tcp-ece': 64,
  'tcp-cwr': 128,
  'icmp-echoreply': 0,
  'icmp-unreach': 3,
  'icmp-redirect': 5,
  'icmp-echo': 8,
  'icmp-timxceed': 11,
});

class SyntaxFault extends Error {}

function fault(message: string): never {
  throw new SyntaxFault(message);
}

/** Qualifiers of an id; the next bare id takes them over. */
interface Qualifiers {
  proto: string | null;
  dir: Dir;
  type: 'host' | 'net' | 'port' | 'portrange' | 'proto' | null;
}

function tokens(text: string): string[] {
  const found = text.match(/&&|\|\||[<>=!]=|[()!<>=&|]|[a-z0-9]+\[[^\]]*\]|[^\s()!<>=&|]+/gi) ?? [];
  if (found.length > WORDS_MAX) fault('expression too long');
  return found;
}

class Parser {
  private readonly words: readonly string[];
  private readonly link: LinkTests;
  private at: number;
  private last: Qualifiers;

  constructor(words: readonly string[], link: LinkTests) {
    this.words = words;
    this.link = link;
    this.at = 0;
    this.last = { proto: null, dir: 'either', type: null };
  }

  parse(): Test {
    const test = this.expression();
    if (this.at < this.words.length) fault(`syntax error at '${this.words[this.at] ?? ''}'`);
    return test;
  }

  private peek(): string {
    return this.words[this.at] ?? '';
  }

  private take(): string {
    const w = this.words[this.at] ?? fault('syntax error: end of expression');
    this.at++;
    return w;
  }

  private accept(...options: readonly string[]): boolean {
    if (!options.includes(this.peek())) return false;
    this.at++;
    return true;
  }

  /** `and` and `or` bind alike and to the left. Source: pcap-filter(7). */
  private expression(): Test {
    let test = this.term();
    for (;;) {
      if (this.accept('and', '&&')) test = and(test, this.term());
      else if (this.accept('or', '||')) test = or(test, this.term());
      else return test;
    }
  }

  private term(): Test {
    if (this.accept('not', '!')) return not(this.term());
    if (this.accept('(')) {
      const test = this.expression();
      if (!this.accept(')')) fault("syntax error: ')' expected");
      return test;
    }
    return this.primitive();
  }

  private primitive(): Test {
    const word = this.peek();
    if (word === '' || word === ')') fault('syntax error');
    if (/^[a-z0-9]+\[/i.test(word)) return this.bytes(this.take());
    if (word === 'less' || word === 'greater') {
      this.at++;
      return this.link.length(this.number(), word === 'less');
    }
    if (word === 'broadcast' || word === 'multicast') {
      this.at++;
      return this.group(word);
    }
    const q = this.qualifiers();
    if (q === null) return this.id(this.take(), this.last); // a bare id: those of the one before
    this.last = q;
    if (q.type === null && q.dir === 'either' && q.proto !== null && this.endsHere()) return this.protocol(q.proto);
    if (q.proto === 'ether' && this.accept('broadcast', 'multicast')) return this.group(this.words[this.at - 1] as string);
    return this.id(this.take(), q);
  }

  private endsHere(): boolean {
    return ['', 'and', '&&', 'or', '||', ')'].includes(this.peek());
  }

  private group(word: string): Test {
    return word === 'broadcast' ? this.link.ether(new Uint8Array(6).fill(0xff), 'dst') : this.link.etherMulticast;
  }

  /** Protocol, direction and type in front of an id; null if there is none. */
  private qualifiers(): Qualifiers | null {
    const from = this.at;
    let proto: string | null = null;
    if (['ether', 'ip', 'ip6', 'arp'].includes(this.peek()) || Object.hasOwn(PROTOCOLS, this.peek())) proto = this.take();
    let dir: Dir = 'either';
    if (this.accept('src')) {
      const [joint, other] = [this.words[this.at], this.words[this.at + 1]];
      if (other === 'dst' && (joint === 'or' || joint === 'and')) {
        this.at += 2;
        dir = joint === 'and' ? 'both' : 'either';
      } else dir = 'src';
    } else if (this.accept('dst')) dir = 'dst';
    const type = this.peek();
    if (type === 'host' || type === 'net' || type === 'port' || type === 'portrange' || type === 'proto') {
      this.at++;
      return { proto, dir, type };
    }
    return this.at === from ? null : { proto, dir, type: null };
  }

  private protocol(name: string): Test {
    const n = Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined;
    if (name === 'ip') return this.link.ip;
    if (name === 'ip6') return this.link.ip6;
    if (name === 'arp') return this.link.arp;
    if (name === 'icmp' || name === 'igmp') return this.link.ipProto(n as number);
    if (name === 'icmp6') return this.link.ip6Proto(IPPROTO_ICMPV6);
    return n === undefined ? fault('syntax error') : this.link.proto(n);
  }

  private id(word: string, q: Qualifiers): Test {
    switch (q.type) {
      case 'port':
      case 'portrange':
        return this.port(word, q);
      case 'net':
        return this.net(word, q);
      case 'proto':
        return this.protoNumber(word, q);
      default:
        return this.host(word, q);
    }
  }

  private port(word: string, q: Qualifiers): Test {
    const [a = '', b = a] = q.type === 'portrange' ? word.split('-') : [word];
    const [lo, hi] = [servicePort(a), servicePort(b)];
    if (lo < 0 || hi < 0 || hi < lo) fault(`illegal port: ${word}`);
    const proto = q.proto === null ? null : (PROTOCOLS[q.proto] ?? fault(`'${q.proto}' has no ports`));
    if (proto !== null && proto !== IPPROTO_TCP && proto !== IPPROTO_UDP && proto !== IPPROTO_SCTP) fault(`'${q.proto ?? ''}' has no ports`);
    return this.link.ports(lo, hi, q.dir, proto);
  }

  private host(word: string, q: Qualifiers): Test {
    if (q.proto === 'ether') return this.link.ether(parseEtherAddr(word) ?? fault(`bad Ethernet address: ${word}`), q.dir);
    const a = parseHost(word) ?? fault(`unknown host '${word}'`);
    return this.address(a, a.af === AF_INET ? 32 : 128, q);
  }

  private net(word: string, q: Qualifiers): Test {
    const [text = '', len] = word.split('/');
    const a = parseNetwork(text) ?? fault(`unknown network '${word}'`);
    let prefixlen = a.af === AF_INET ? (text.split('.').length < 4 ? 8 * text.split('.').length : 32) : 128;
    if (len !== undefined) prefixlen = /^[0-9]{1,3}$/.test(len) && Number(len) <= (a.af === AF_INET ? 32 : 128) ? Number(len) : fault(`bad prefix length: ${word}`);
    if (this.accept('mask')) {
      prefixlen = maskPrefix(this.take());
      if (prefixlen < 0) fault('bad mask');
    }
    return this.address(a, prefixlen === 0 && len === undefined ? classPrefix(a) : prefixlen, q);
  }

  private address(a: InAddr, prefixlen: number, q: Qualifiers): Test {
    const transport = q.proto !== null && Object.hasOwn(PROTOCOLS, q.proto);
    const only = q.proto === 'ip' || q.proto === 'arp' || q.proto === 'ip6' ? q.proto : null;
    const test = this.link.net(a, prefixlen, q.dir, only);
    return transport ? and(this.protocol(q.proto as string), test) : test;
  }

  private protoNumber(word: string, q: Qualifiers): Test {
    const bare = word.replace(/^\\/, '');
    const n = /^[0-9]{1,3}$/.test(bare) ? Number(bare) : Object.hasOwn(PROTOCOLS, bare) ? (PROTOCOLS[bare] as number) : fault(`unknown ip proto '${word}'`);
    return q.proto === 'ip' ? this.link.ipProto(n) : q.proto === 'ip6' ? this.link.ip6Proto(n) : this.link.proto(n);
  }

  private number(): number {
    return this.constant(this.take());
  }

  private constant(word: string): number {
    if (Object.hasOwn(NAMES, word)) return NAMES[word] as number;
    if (!/^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(word) || Number(word) > 0xffffffff) fault(`bad number: ${word}`);
    return Number(word);
  }

  /** `proto[off:size] & mask relop value`; without a comparison: not 0. */
  private bytes(word: string): Test {
    const m = /^([a-z0-9]+)\[([^:\]]+)(?::([124]))?\]$/i.exec(word) ?? fault(`syntax error at '${word}'`);
    const size = Number(m[3] ?? 1) as 1 | 2 | 4;
    let mask: number | null = null;
    if (this.accept('&')) {
      const paren = this.accept('(');
      mask = this.number();
      while (paren && this.accept('|')) mask = (mask | this.number()) >>> 0;
      if (paren && !this.accept(')')) fault("syntax error: ')' expected");
    }
    let relop = '!=';
    let value = 0;
    if (['=', '==', '!=', '<', '>', '<=', '>='].includes(this.peek())) {
      relop = this.take();
      value = this.number();
    }
    return this.link.bytes((m[1] as string).toLowerCase(), this.constant((m[2] as string).trim()), size, mask, relop, value) ?? fault(`unsupported: ${word}`);
  }
}

/**
 * Compiles an expression of pcap-filter(7) for packets of a link type (DLT_*) into a program that keeps `snaplen` bytes. The empty expression lets everything through.
 *
 * Knows: `host net port portrange proto` with `src`, `dst`, `src or dst`, `src and dst`; `ether ip ip6 arp tcp udp sctp icmp icmp6 igmp esp ah`; `broadcast multicast less
 * greater`; comparisons of bytes (`tcp[tcpflags] & tcp-syn != 0`); `and or not` with parentheses. Never throws.
 * @public
 */
export function compileFilter(expression: string, dlt: number, snaplen: number = 262144): FilterResult {
  const link = new LinkTests(dlt);
  try {
    if (!link.known) fault(`unknown link type ${dlt}`);
    const words = tokens(expression);
    const test: Test = words.length === 0 ? (asm, t, f) => asm.jset(0, f, t) : new Parser(words, link).parse();
    const insns = program(test, snaplen);
    return insns === null ? { ok: false, message: 'expression too complex' } : { ok: true, insns };
  } catch (e) {
    if (e instanceof SyntaxFault) return { ok: false, message: e.message };
    throw e;
  }
}
