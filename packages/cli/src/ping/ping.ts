import { Callout } from '@ns/callout';
import { ifnetByIndex } from '@ns/ifnet';
import { INET, IP_DONTFRAG, IP_TTL, IpPktopts, IPV6_DONTFRAG, IPV6_MULTICAST_HOPS, IPV6_NEXTHOP, IPV6_RECVHOPLIMIT, IPV6_UNICAST_HOPS } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { ICMP6_FILTER, icmp6FilterOnly } from '@ns/rawip';
import { DgramInfo, sobind, soclose, type Socket, socreate, sosendCopy, sosetopt, soreceiveDgramBytes, SOCK_RAW, SO_RCVBUF, SOL_SOCKET, SS_FREED } from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import {
  AF_INET6,
  cksumAdd,
  cksumFold,
  formatInAddr,
  formatInet4,
  getInAddr6,
  getIp6Nxt,
  getIpDst,
  getIpHlen,
  getIpP,
  getIpSrc,
  getIpTtl,
  ICMP6_DST_UNREACH,
  ICMP6_ECHO_REPLY,
  ICMP6_ECHO_REQUEST,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAM_PROB,
  ICMP6_TIME_EXCEEDED,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  icmpId,
  IcmpHdr,
  icmpIdSeqWord,
  icmpInfoType,
  icmpSeq,
  ICMP_MINLEN,
  type InAddr,
  inAddrEqual,
  IP6_DST_OFF,
  IP6_HDR_LEN,
  IP_HDR_LEN,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IPV6,
  IPPROTO_IP,
  decodeIcmpHdr,
  encodeIcmpHdr,
  Sockaddr,
} from '@ns/wire';

/** What a {@link Ping} is told. @public */
export interface PingOptions {
  /** Requests to send; default no limit. */
  readonly count?: number;
  /** Microseconds between requests; default 1 s. */
  readonly intervalUs?: number;
  /** Bytes of data; default 56. */
  readonly size?: number;
  /** TTL of requests; default that of the stack. */
  readonly ttl?: number;
  /** Milliseconds that an answer may take, also the last; default 10 s. */
  readonly waitMs?: number;
  /** Microseconds after which it ends whatever has come; default never. */
  readonly timeoutUs?: number;
  /** Forbid fragments. */
  readonly dontFragment?: boolean;
  /** Source address. */
  readonly source?: InAddr | null;
  /** The neighbour that requests go to first; IPv6 alone. */
  readonly nexthop?: InAddr | null;
  /** End with the first answer. */
  readonly once?: boolean;
}

/** An answer. @public */
export interface PingReply {
  /** Bytes of the ICMP message. */
  readonly bytes: number;
  /** Who answered. */
  readonly from: string;
  /** Sequence number of the request. */
  readonly seq: number;
  /** TTL or hop limit that the answer came with. */
  readonly ttl: number;
  /** Round trip; null when the data are too short for a time stamp. */
  readonly rttUs: number | null;
  /** This request was answered before. */
  readonly duplicate: boolean;
  /** Where the data differ from what was sent, or null. */
  readonly wrong: { readonly index: number; readonly want: number; readonly got: number } | null;
}

/** An ICMP error about one of the requests. @public */
export interface PingError {
  /** Bytes of the ICMP message. */
  readonly bytes: number;
  /** Who sent it. */
  readonly from: string;
  /** ICMP_*. */
  readonly type: number;
  /** Code within the type. */
  readonly code: number;
  /** Second word of the ICMP header. */
  readonly word: number;
  /** The IP header that it quotes. */
  readonly quoted: Uint8Array;
}

/** What it comes to in the end. @public */
export interface PingSummary {
  /** Requests sent. */
  readonly transmitted: number;
  /** Requests answered in time. */
  readonly received: number;
  /** Answers to requests that had one. */
  readonly duplicates: number;
  /** Answers that came too late to count. */
  readonly late: number;
  /** Round trips, ms; null without one. */
  readonly rtt: { readonly min: number; readonly avg: number; readonly max: number; readonly stddev: number } | null;
}

/** Who is told. Called from the kernel's software interrupt or timer. @public */
export interface PingEvents {
  /** An answer has come. */
  reply?(r: PingReply): void;
  /** An ICMP error about a request has come. */
  icmpError?(e: PingError): void;
  /** A request could not be sent. */
  sendError?(errno: number): void;
  /** It has ended; the socket is closed. Once. */
  done(s: PingSummary): void;
}

/** Bytes of the time stamp in front of the data. Source: FreeBSD ping.c, TIMEVAL_LEN. */
const TIMEVAL_LEN = 8;
const MAX_WAIT_MS = 10_000;
const MAX_PACKET = 65535;
/** Requests of which it is remembered whether they were answered. Source: FreeBSD ping.c, MAX_DUP_CHK. */
const MAX_DUP_CHK = 8192;

/**
 * Sends echo requests, of ICMP or ICMPv6 by the family of the address, and takes the answers, in the kernel's own time: with a virtual clock in virtual time. Source: FreeBSD ping/ping.c.
 * @public
 */
export class Ping {
  private readonly vnet: Vnet;
  private readonly cred: Ucred;
  private readonly to: InAddr;
  private readonly o: Required<Omit<PingOptions, 'source' | 'ttl' | 'nexthop'>> & { ttl: number | null; source: InAddr | null; nexthop: InAddr | null };
  private readonly events: PingEvents;
  private readonly ident: number;
  private readonly packet: Uint8Array;
  private readonly dv: DataView;
  private readonly rx: Uint8Array;
  private readonly rxDv: DataView;
  private readonly ih: IcmpHdr;
  private readonly seen: Uint8Array;
  private readonly tick: Callout<Ping>;
  private readonly alarm: Callout<Ping>;
  private readonly v6: boolean;
  private readonly info: DgramInfo;
  private so: Socket | null;
  private transmitted: number;
  private received: number;
  private duplicates: number;
  private late: number;
  private min: number;
  private max: number;
  private sum: number;
  private sumSquares: number;
  private timed: number;
  private waiting: boolean;

  constructor(vnet: Vnet, cred: Ucred, to: InAddr, options: PingOptions, events: PingEvents) {
    this.vnet = vnet;
    this.cred = cred;
    this.to = to;
    this.o = {
      count: options.count ?? Infinity,
      intervalUs: options.intervalUs ?? 1e6,
      size: options.size ?? 56,
      ttl: options.ttl ?? null,
      waitMs: options.waitMs ?? MAX_WAIT_MS,
      timeoutUs: options.timeoutUs ?? 0,
      dontFragment: options.dontFragment ?? false,
      source: options.source ?? null,
      nexthop: options.nexthop ?? null,
      once: options.once ?? false,
    };
    this.events = events;
    this.ident = vnet.kernel.random.u32() & 0xffff;
    this.packet = new Uint8Array(ICMP_MINLEN + this.o.size);
    this.dv = new DataView(this.packet.buffer);
    for (let i = ICMP_MINLEN; i < this.packet.length; i++) this.packet[i] = (i - ICMP_MINLEN) & 0xff;
    this.rx = new Uint8Array(MAX_PACKET);
    this.rxDv = new DataView(this.rx.buffer);
    this.ih = new IcmpHdr();
    this.seen = new Uint8Array(MAX_DUP_CHK);
    this.tick = new Callout<Ping>((p) => p.next(), this);
    this.alarm = new Callout<Ping>((p) => p.stop(), this);
    this.v6 = to.af === AF_INET6;
    this.info = new DgramInfo();
    this.so = null;
    this.transmitted = 0;
    this.received = 0;
    this.duplicates = 0;
    this.late = 0;
    this.min = Infinity;
    this.max = 0;
    this.sum = 0;
    this.sumSquares = 0;
    this.timed = 0;
    this.waiting = false;
  }

  /** Opens the socket and sends the first request. Returns an errno; then nothing goes on and `done` is not called. */
  start(): number {
    const so = socreate(this.vnet, this.to.af, SOCK_RAW, this.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, this.cred);
    if (typeof so === 'number') return so;
    let errno = sosetopt(so, SOL_SOCKET, SO_RCVBUF, 2 * MAX_PACKET);
    if (errno === 0) errno = this.v6 ? this.options6(so) : this.options4(so);
    if (errno === 0 && this.o.source !== null) errno = sobind(so, new Sockaddr(this.o.source, 0), this.cred);
    if (errno !== 0) {
      soclose(so);
      return errno;
    }
    so.upcall = { soupcall: () => this.drain() };
    this.so = so;
    if (this.o.timeoutUs > 0) this.vnet.kernel.callouts.reset(this.alarm, this.o.timeoutUs);
    this.next();
    return 0;
  }

  private options4(so: Socket): number {
    const errno = this.o.ttl === null ? 0 : sosetopt(so, IPPROTO_IP, IP_TTL, this.o.ttl);
    return errno === 0 && this.o.dontFragment ? sosetopt(so, IPPROTO_IP, IP_DONTFRAG, 1) : errno;
  }

  /** Echo replies and errors alone, with the hop limit that they come with. */
  private options6(so: Socket): number {
    const types = icmp6FilterOnly(ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB, ICMP6_ECHO_REPLY);
    let errno = sosetopt(so, IPPROTO_ICMPV6, ICMP6_FILTER, types);
    if (errno === 0) errno = sosetopt(so, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    if (errno === 0 && this.o.ttl !== null) errno = sosetopt(so, IPPROTO_IPV6, IPV6_UNICAST_HOPS, this.o.ttl);
    if (errno === 0 && this.o.ttl !== null) errno = sosetopt(so, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, this.o.ttl);
    if (errno === 0 && this.o.nexthop !== null) errno = sosetopt(so, IPPROTO_IPV6, IPV6_NEXTHOP, this.o.nexthop);
    return errno === 0 && this.o.dontFragment ? sosetopt(so, IPPROTO_IPV6, IPV6_DONTFRAG, 1) : errno;
  }

  /** The address that requests come from, or null if none is to be had. */
  sourceAddr(): InAddr | null {
    if (this.o.source !== null) return this.o.source;
    const opts = new IpPktopts();
    opts.nexthop = this.o.nexthop;
    const src = INET.get(this.vnet).af(this.to.af)?.selectSource(this.vnet, this.cred.fibnum, this.to, null, opts);
    return src === undefined || typeof src === 'number' ? null : src;
  }

  /** Whether it goes on. */
  get running(): boolean {
    return this.so !== null;
  }

  /** Counts up to now. */
  summary(): PingSummary {
    const n = this.timed;
    const avg = n === 0 ? 0 : this.sum / n;
    const stddev = n === 0 ? 0 : Math.sqrt(Math.max(0, this.sumSquares / n - avg * avg));
    return {
      transmitted: this.transmitted,
      received: this.received,
      duplicates: this.duplicates,
      late: this.late,
      rtt: n === 0 ? null : { min: this.min, avg, max: this.max, stddev },
    };
  }

  /** Ends it: closes the socket and tells `done`. Harmless when it has ended. */
  stop(): void {
    const so = this.so;
    if (so === null) return;
    this.so = null;
    this.vnet.kernel.callouts.stop(this.tick);
    this.vnet.kernel.callouts.stop(this.alarm);
    soclose(so);
    this.events.done(this.summary());
  }

  /** The timer: sends, or gives up the wait for what is still out. */
  private next(): void {
    const { callouts } = this.vnet.kernel;
    if (this.so === null) return;
    const gone = (this.so.state & SS_FREED) !== 0; // with its jail
    if (gone || this.waiting || this.transmitted >= this.o.count) {
      this.stop();
      return;
    }
    this.send();
    if (this.so === null) return;
    if (this.transmitted < this.o.count) {
      callouts.reset(this.tick, this.o.intervalUs);
      return;
    }
    // All is sent: the last answers get twice the longest round trip, or the whole wait if nothing has come yet.
    this.waiting = true;
    callouts.reset(this.tick, this.received > 0 ? Math.max(1e6, 2 * this.max * 1000) : this.o.waitMs * 1000);
  }

  private send(): void {
    const { dv, packet } = this;
    const seq = this.transmitted & 0xffff;
    this.ih.type = this.v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    this.ih.code = 0;
    this.ih.cksum = 0;
    this.ih.word = icmpIdSeqWord(this.ident, seq);
    encodeIcmpHdr(dv, 0, this.ih);
    if (this.o.size >= TIMEVAL_LEN) {
      const now = this.vnet.kernel.callouts.nowUs();
      dv.setUint32(ICMP_MINLEN, Math.floor(now / 1e6));
      dv.setUint32(ICMP_MINLEN + 4, now % 1e6);
    }
    this.seen[seq % MAX_DUP_CHK] = 0;
    if (!this.v6) dv.setUint16(2, checksum(packet)); // that of ICMPv6 is the stack's to make
    this.transmitted++;
    const sent = sosendCopy(this.so as Socket, new Sockaddr(this.to, 0), packet, 0, packet.length, 0);
    if (sent < 0) this.events.sendError?.(-sent);
  }

  /** The upcall: takes all that has come. */
  private drain(): void {
    while (this.so !== null) {
      const n = soreceiveDgramBytes(this.so, this.rx, 0, this.rx.length, this.info, 0);
      if (n <= 0) return;
      if (this.v6) this.input6(n);
      else this.input(n);
    }
  }

  private input(n: number): void {
    const { rxDv: dv, ih } = this;
    const hlen = n >= IP_HDR_LEN ? getIpHlen(dv, 0) : 0;
    if (hlen < IP_HDR_LEN || getIpP(dv, 0) !== IPPROTO_ICMP || !decodeIcmpHdr(dv, hlen, n - hlen, ih)) return;
    if (ih.type === ICMP_ECHOREPLY) {
      if (icmpId(ih) === this.ident) this.reply(hlen, n - hlen, formatInet4(getIpSrc(dv, 0)), getIpTtl(dv, 0));
    } else if (!icmpInfoType(ih.type)) this.quoted(hlen, n - hlen);
  }

  /** A message of ICMPv6, which comes without its IPv6 header. */
  private input6(n: number): void {
    const { ih, info } = this;
    if (!decodeIcmpHdr(this.rxDv, 0, n, ih)) return;
    const from = formatInAddr(info.from().addr, ifnetByIndex(this.vnet, info.from().addr.zone)?.name);
    if (ih.type === ICMP6_ECHO_REPLY) {
      if (icmpId(ih) === this.ident) this.reply(0, n, from, info.ttl);
    } else this.quoted6(n, from);
  }

  /** An error counts if it quotes one of our requests. */
  private quoted6(len: number, from: string): void {
    const { rxDv: dv, ih, to } = this;
    const { type, code, word } = ih;
    const at = ICMP_MINLEN;
    if (len < at + IP6_HDR_LEN || getIp6Nxt(dv, at) !== IPPROTO_ICMPV6) return;
    if (!inAddrEqual(getInAddr6(dv, at + IP6_DST_OFF, to.zone), to)) return;
    const o = at + IP6_HDR_LEN;
    if (!decodeIcmpHdr(dv, o, len - o, ih) || ih.type !== ICMP6_ECHO_REQUEST || icmpId(ih) !== this.ident) return;
    this.events.icmpError?.({ bytes: len, from, type, code, word, quoted: this.rx.slice(at, o) });
  }

  private reply(hlen: number, len: number, from: string, ttl: number): void {
    const dv = this.rxDv;
    const seq = icmpSeq(this.ih);
    let rttUs: number | null = null;
    if (len >= ICMP_MINLEN + TIMEVAL_LEN && this.o.size >= TIMEVAL_LEN) {
      const at = dv.getUint32(hlen + ICMP_MINLEN) * 1e6 + dv.getUint32(hlen + ICMP_MINLEN + 4);
      rttUs = Math.max(0, this.vnet.kernel.callouts.nowUs() - at);
      if (rttUs > this.o.waitMs * 1000) {
        this.late++;
        return;
      }
    }
    const duplicate = this.seen[seq % MAX_DUP_CHK] !== 0;
    this.seen[seq % MAX_DUP_CHK] = 1;
    if (duplicate) this.duplicates++;
    else this.received++;
    if (rttUs !== null) this.account(rttUs / 1000);
    this.events.reply?.({ bytes: len, from, seq, ttl, rttUs, duplicate, wrong: this.compare(hlen, len) });
    if (this.received >= this.o.count || (this.o.once && this.received > 0)) this.stop();
  }

  private account(ms: number): void {
    this.timed++;
    this.sum += ms;
    this.sumSquares += ms * ms;
    if (ms < this.min) this.min = ms;
    if (ms > this.max) this.max = ms;
  }

  /** The first byte of the data that is not what was sent. */
  private compare(hlen: number, len: number): PingReply['wrong'] {
    for (let i = ICMP_MINLEN + (this.o.size >= TIMEVAL_LEN ? TIMEVAL_LEN : 0); i < Math.min(len, this.packet.length); i++) {
      const got = this.rx[hlen + i] as number;
      const want = this.packet[i] as number;
      if (got !== want) return { index: i - ICMP_MINLEN, want, got };
    }
    return null;
  }

  /** An error counts if it quotes one of our requests. */
  private quoted(hlen: number, len: number): void {
    const { rxDv: dv, ih } = this;
    const { type, code, word } = ih;
    const at = hlen + ICMP_MINLEN;
    const ohlen = len >= ICMP_MINLEN + IP_HDR_LEN ? getIpHlen(dv, at) : 0;
    if (ohlen < IP_HDR_LEN || getIpP(dv, at) !== IPPROTO_ICMP || getIpDst(dv, at) !== this.to.w3) return;
    if (!decodeIcmpHdr(dv, at + ohlen, len - ICMP_MINLEN - ohlen, ih) || ih.type !== ICMP_ECHO || icmpId(ih) !== this.ident) return;
    this.events.icmpError?.({ bytes: len, from: formatInet4(getIpSrc(dv, 0)), type, code, word, quoted: this.rx.slice(at, at + ohlen) });
  }
}

function checksum(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
  return cksumFold(cksumAdd(bytes, words, 0, bytes.length, 0));
}
