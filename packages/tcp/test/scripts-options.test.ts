/* Options of SYN and SYN|ACK: what is offered and agreed upon in every combination, laid out by the rules of FreeBSD's tcp_addoptions() as they are written down, not as they come out. */
import { describe, it } from 'vitest';
import { hex } from './fastopen-parts.ts';
import { FAMILIES, type Family, mssOf, play, sysctl } from './script-parts.ts';

/** What a segment may have, in the order in which it has it. */
interface Has {
  readonly mss: number;
  readonly ws?: number | null;
  readonly sack?: boolean;
  readonly ts?: string | null;
  readonly md5?: boolean;
  /** Fast Open cookie; '' asks for one. */
  readonly fo?: string | null;
}

/** Offset modulo `of` at which an option begins, and its length. */
const PLACE = { mss: [4, 0, 4], ws: [4, 1, 3], sack: [2, 0, 2], ts: [4, 2, 10], md5: [4, 2, 18] } as const;

/** The option list as scripts write it. */
function layout(h: Has): string {
  const out: string[] = [];
  let at = 0;
  const put = (text: string, [of, rest, len]: readonly [number, number, number]): void => {
    for (; at % of !== rest; at++) out.push('nop');
    out.push(text);
    at += len;
  };
  put(`mss ${h.mss}`, PLACE.mss);
  if (h.ws !== undefined && h.ws !== null) put(`wscale ${h.ws}`, PLACE.ws);
  if (h.sack === true) put('sackOK', PLACE.sack);
  if (h.ts !== undefined && h.ts !== null) put(h.ts, PLACE.ts);
  if (h.md5 === true) put('md5 valid', PLACE.md5);
  if (h.fo !== undefined && h.fo !== null) {
    const len = 2 + h.fo.length / 2;
    if (at + len <= 40) put(`FO ${h.fo}`.trim(), [1, 0, len]);
  }
  for (; at % 4 !== 0; at++) out.push('eol');
  return out.join(',');
}

const BOTH = [false, true] as const;
const HOSTS: Readonly<Record<Family, readonly [string, string]>> = { 4: ['192.168.0.1', '192.0.2.1'], 6: ['fd3d:fa7b:d17d::1', '2001:DB8::1'] };
const keys = (f: Family): string[] => {
  const [a, b] = HOSTS[f];
  return ['--tcp_md5_secret=secret', `\`kldload tcpmd5; echo 'add ${a} ${b} tcp 0x1000 -A tcp-md5 "secret" ; add ${b} ${a} tcp 0x1001 -A tcp-md5 "secret" ;' | setkey -c\``];
};
const set = (name: string, value: number): string => `+0 setsockopt(3, IPPROTO_TCP, ${name}, [${value}], 4) = 0`;

/** Everything that decides about a SYN of ours. */
interface Syn {
  readonly sack: boolean;
  readonly rfc1323: boolean;
  readonly md5: boolean;
  readonly tfo: boolean;
  readonly udp: boolean;
  readonly ecn: boolean;
}
const SYNS: readonly Syn[] = BOTH.flatMap((sack) => BOTH.flatMap((rfc1323) => BOTH.flatMap((md5) => BOTH.flatMap((tfo) => BOTH.flatMap((udp) => BOTH.map((ecn) => ({ sack, rfc1323, md5, tfo, udp, ecn })))))));
const nameOf = (o: object): string =>
  Object.entries(o)
    .filter(([, v]) => v === true)
    .map(([k]) => k)
    .join(' ') || 'nothing';

describe.each(FAMILIES)('our SYN over IPv%i', (f) => {
  it.each(SYNS.map((s) => [nameOf(s), s] as const))('with %s, again, and without options from the third repetition on', (_, s) => {
    const mss = mssOf(f) - (s.udp ? 8 : 0);
    const road = s.udp ? '/udp(9811 > 7)' : '';
    const options = (fo: string | null): string => layout({ mss, ws: s.rfc1323 ? 6 : null, sack: s.sack, ts: s.rfc1323 ? 'TS val ... ecr 0' : null, md5: s.md5, fo });
    const flags = s.ecn ? 'SEW' : 'S';
    play(f, [
      ...(s.udp ? ['--udp_encapsulation=tcp'] : []),
      ...(s.md5 ? keys(f) : []),
      '0 `true`',
      sysctl('sack.enable', s.sack ? 1 : 0),
      sysctl('rfc1323', s.rfc1323 ? 1 : 0),
      sysctl('ecn.enable', s.ecn ? 1 : 2),
      sysctl('rexmit_drop_options', 1),
      sysctl('udp_tunneling_port', 9811),
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
      ...(s.md5 ? [set('TCP_MD5SIG', 1)] : []),
      ...(s.udp ? [set('TCP_REMOTE_UDP_ENCAPS_PORT', 7)] : []),
      ...(s.tfo ? [set('TCP_FASTOPEN', 1)] : []),
      '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
      '+0 connect(3, ..., ...) = -1 EINPROGRESS',
      `+0 > ${flags} 0:0(0) win 65535 <${options(s.tfo ? '' : null)}>${road}`,
      `+1 > ${flags} 0:0(0) win 65535 <${options(null)}>${road}`,
      `+2.2 > S 0:0(0) win 65535 <${options(null)}>${road}`,
      // A signature is no option that one can do without.
      `+4.2 > S 0:0(0) win 65535 <${layout({ mss, md5: s.md5 })}>${road}`,
    ]);
  });

  it.each([4, 6, 8, 10, 12, 14, 16])('with a cookie of %i bytes', (n) => {
    for (const rfc1323 of BOTH)
      for (const sack of BOTH) {
        const fo = hex(n);
        const options = (cookie: string | null): string => layout({ mss: mssOf(f), ws: rfc1323 ? 6 : null, sack, ts: rfc1323 ? 'TS val ... ecr 0' : null, fo: cookie });
        play(f, [
          '0 `true`',
          sysctl('sack.enable', sack ? 1 : 0),
          sysctl('rfc1323', rfc1323 ? 1 : 0),
          '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
          set('TCP_FASTOPEN', 1),
          '+0 sendto(3, ..., 10, 0, ..., ...) = 10',
          `+0 > S 0:0(0) win 65535 <${options('')}>`,
          `+.01 < S. 0:0(0) ack 1 win 65535 <${layout({ mss: 1460, fo })}>`,
          '+0 > P. 1:11(10) ack 1',
          '+.01 < F. 1:1(0) ack 11 win 65535',
          '+0 > . 11:11(0) ack 2',
          '+0 close(3) = 0',
          '+0 > F. 11:11(0) ack 2',
          '+.01 < . 2:2(0) ack 12 win 65535',
          '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
          set('TCP_FASTOPEN', 1),
          '+0 sendto(3, ..., 10, 0, ..., ...) = 10',
          `+0 > S 0:10(10) win 65535 <${options(fo)}>`,
        ]);
      }
  });
});

/** What a peer offers, and what we are ready for. */
interface Offer {
  readonly ws: boolean;
  readonly sack: boolean;
  readonly ts: boolean;
  readonly ecn: boolean;
}
const OFFERS: readonly Offer[] = BOTH.flatMap((ws) => BOTH.flatMap((sack) => BOTH.flatMap((ts) => BOTH.map((ecn) => ({ ws, sack, ts, ecn })))));
/** `net.inet.tcp.rfc1323`: 0 neither, 1 both, 2 window scale alone, 3 time stamps alone. */
const offersWs = (rfc1323: number): boolean => rfc1323 === 1 || rfc1323 === 2;
const offersTs = (rfc1323: number): boolean => rfc1323 === 1 || rfc1323 === 3;
const READY = BOTH.flatMap((sack) => [0, 1, 2, 3].flatMap((rfc1323) => BOTH.flatMap((noopt) => [0, 1, 2].map((ecn) => ({ sack, rfc1323, noopt, ecn })))));

/** A third of the combinations in a run, another third for each offer; all of them with NS_GRID=full. */
let turns = 0;
const turn = (): boolean => process.env.NS_GRID === 'full' || turns++ % 3 === 0;

/** What comes of it: only what both have. */
function agreed(o: Offer, r: (typeof READY)[number]): Offer {
  const on = !r.noopt;
  return { ws: on && o.ws && offersWs(r.rfc1323), sack: on && o.sack && r.sack, ts: on && o.ts && offersTs(r.rfc1323), ecn: o.ecn && r.ecn !== 0 };
}

function info(a: Offer): string {
  const names = [...(a.ts ? ['TIMESTAMPS'] : []), ...(a.sack ? ['SACK'] : []), ...(a.ws ? ['WSCALE'] : []), ...(a.ecn ? ['ECN'] : [])].map((n) => `TCPI_OPT_${n}`);
  return `+0 %{ assert tcpi_options == ${names.length === 0 ? '0' : `(${names.join(' | ')})`} }%`;
}

const theirs = (o: Offer, ecr: number): string => layout({ mss: 1400, ws: o.ws ? 3 : null, sack: o.sack, ts: o.ts ? `TS val 7 ecr ${ecr}` : null });
const segment = (a: Offer): string => (a.ts ? ' <nop,nop,TS val 7 ecr 100>' : '');
const answer = (a: Offer): string => (a.ts ? ' <nop,nop,TS val ... ecr 7>' : '');
const ready = (r: (typeof READY)[number]): string[] => ['0 `true`', sysctl('sack.enable', r.sack ? 1 : 0), sysctl('rfc1323', r.rfc1323), sysctl('ecn.enable', r.ecn), '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3', ...(r.noopt ? [set('TCP_NOOPT', 1)] : [])];

/** The segment size, to which buffers are rounded: the peer's, but the default one without options. */
const segmentSize = (f: Family, noopt: boolean): number => (!noopt ? 1400 : f === 4 ? 536 : 1220);

/** Ten octets of ours, ten of theirs: marks, stamps and windows as agreed. */
function traffic(fd: number, a: Offer, mss: number): string[] {
  const space = Math.ceil(65536 / mss) * mss;
  const win = (free: number): number => (a.ws ? Math.ceil(free / 64) : Math.min(65535, free));
  return [
    info(a),
    `+0 getsockopt(${fd}, SOL_SOCKET, SO_RCVBUF, [${space}], [4]) = 0`,
    `+0 write(${fd}, ..., 10) = 10`,
    `+0 > [${a.ecn ? 'ect0' : 'noecn'}] P. 1:11(10) ack 1 win ${win(space)}${answer(a)}`,
    `+.1 < . 1:1(0) ack 11 win 32767${segment(a)}`,
    `+.1 < P. 11:21(10) ack 11 win 32767${segment(a)}`,
    `+0 > [noecn] . 11:11(0) ack 1 win ${win(space)}${a.ts || a.sack ? ` <${[...(a.ts ? ['nop', 'nop', 'TS val ... ecr 7'] : []), ...(a.sack ? ['nop', 'nop', 'sack 11:21'] : [])].join(',')}>` : ''}`,
  ];
}

describe.each(FAMILIES)('what is agreed upon over IPv%i', (f) => {
  it.each(OFFERS.map((o) => [nameOf(o), o] as const))('as a listener, with a peer that offers %s', (_, o) => {
    for (const r of READY.filter(turn)) {
      const a = agreed(o, r);
      const ours = r.noopt ? '' : ` <${layout({ mss: mssOf(f), ws: a.ws ? 6 : null, sack: a.sack, ts: a.ts ? 'TS val 100 ecr 7' : null })}>`;
      play(f, [
        ...ready(r),
        '+0 bind(3, ..., ...) = 0',
        '+0 listen(3, 1) = 0',
        `+0 < ${o.ecn ? 'SEW' : 'S'} 0:0(0) win 32767 <${theirs(o, 0)}>`,
        `+0 > [noecn] ${a.ecn ? 'SE.' : 'S.'} 0:0(0) ack 1 win 65535${ours}`,
        `+.1 < . 1:1(0) ack 1 win 32767${segment(a)}`,
        '+0 accept(3, ..., ...) = 4',
        ...traffic(4, a, segmentSize(f, r.noopt)),
      ]);
    }
  });

  it.each(OFFERS.map((o) => [nameOf(o), o] as const))('as a client, with a peer that offers %s', (_, o) => {
    for (const crossing of BOTH)
      for (const r of READY.filter(turn)) {
        // A SYN|ACK accepts ECN only where our SYN has asked for it; a crossing SYN asks itself.
        const a = crossing ? agreed(o, r) : { ...agreed(o, r), ecn: o.ecn && r.ecn === 1 };
        const ask = r.ecn === 1 ? 'SEW' : 'S';
        const syn = r.noopt ? '' : ` <${layout({ mss: mssOf(f), ws: offersWs(r.rfc1323) ? 6 : null, sack: r.sack, ts: offersTs(r.rfc1323) ? 'TS val 100 ecr 0' : null })}>`;
        const mss = segmentSize(f, r.noopt);
        const space = Math.ceil(65536 / mss) * mss;
        const win = a.ws ? Math.ceil(space / 64) : 65535;
        const reply = r.noopt ? '' : ` <${layout({ mss: mssOf(f), ws: a.ws ? 6 : null, sack: a.sack, ts: a.ts ? 'TS val ... ecr 7' : null })}>`;
        const ecr = r.noopt || !offersTs(r.rfc1323) ? 0 : 100;
        // An echo of nothing: not to be looked up.
        const echo = ecr === 0 ? theirs(o, ecr).replace('ecr 0', 'ecr 0!') : theirs(o, ecr);
        play(f, [
          ...ready(r),
          '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
          '+0 connect(3, ..., ...) = -1 EINPROGRESS',
          `+0 > ${ask} 0:0(0) win 65535${syn}`,
          ...(crossing
            ? [`+.1 < ${o.ecn ? 'SEW' : 'S'} 0:0(0) win 32767 <${theirs(o, 0)}>`, `+0 > [noecn] ${a.ecn ? 'SE.' : 'S.'} 0:0(0) ack 1 win 65535${reply}`, `+.1 < . 1:1(0) ack 1 win 32767${segment(a)}`]
            : [`+.1 < ${o.ecn && r.ecn === 1 ? 'SE.' : 'S.'} 0:0(0) ack 1 win 32767 <${echo}>`, `+0 > . 1:1(0) ack 1 win ${win}${answer(a)}`]),
          ...traffic(3, a, segmentSize(f, r.noopt)),
        ]);
      }
  });
});
