/* Every segment in every state, as lines of packet scripts: what a connection wears (its options, its road), how it gets where it is, and segments by flags and place. */
import { renderResult, runScript } from '@ns/packetdrill';
import { type Family, mssOf, sysctl } from './script-parts.ts';

/** What all segments of a connection have in common. */
export interface Dress {
  readonly name: string;
  /** Options of the peer's SYN (its SYN|ACK echoes our time stamp), and of our SYN|ACK. */
  readonly theirs: string;
  readonly ours: (mss: number) => string;
  /** Of our SYN. */
  readonly syn: (mss: number) => string;
  /** Of the peer's other segments, and of ours; of our resets. */
  readonly in: string;
  readonly out: readonly string[];
  readonly rst: readonly string[];
  /** Shift of the windows that we send. */
  readonly scale: number;
  readonly sack: boolean;
  readonly road: { readonly in: string; readonly out: string };
  /** Bytes that the road takes off a segment. */
  readonly less: number;
  /** Lines in front of the script, and calls on a fresh socket. */
  readonly options: (f: Family) => readonly string[];
  readonly set: readonly string[];
  readonly active: readonly string[];
}

const FULL = (mss: number): string => `mss ${mss},nop,wscale 6,sackOK,TS val 100 ecr 0`;
const PLAIN_ROAD = { in: '', out: '' };
const plain: Dress = {
  name: 'plain',
  theirs: 'mss 1460',
  ours: (m) => `mss ${m}`,
  syn: FULL,
  in: '',
  out: [],
  rst: [],
  scale: 0,
  sack: false,
  road: PLAIN_ROAD,
  less: 0,
  options: () => [],
  set: [],
  active: [],
};
const MD5_HOSTS: Readonly<Record<Family, readonly [string, string]>> = { 4: ['192.168.0.1', '192.0.2.1'], 6: ['fd3d:fa7b:d17d::1', '2001:DB8::1'] };

export const DRESSES: readonly Dress[] = [
  plain,
  { ...plain, name: 'SACK', theirs: 'mss 1460,sackOK,eol,eol', ours: (m) => `mss ${m},sackOK,eol,eol`, sack: true },
  { ...plain, name: 'window scale', theirs: 'mss 1460,nop,wscale 0', ours: (m) => `mss ${m},nop,wscale 6`, scale: 6 },
  { ...plain, name: 'time stamps', theirs: 'mss 1460,sackOK,TS val 7 ecr 0', ours: (m) => `mss ${m},sackOK,TS val 100 ecr 7`, in: 'nop,nop,TS val 7 ecr 100', out: ['nop', 'nop', 'TS val ... ecr 7'], sack: true },
  {
    ...plain,
    name: 'signature',
    theirs: 'mss 1460,sackOK,md5 valid',
    ours: (m) => `mss ${m},sackOK,md5 valid`,
    syn: (m) => `${FULL(m)},nop,nop,md5 valid`,
    in: 'nop,nop,md5 valid',
    out: ['nop', 'nop', 'md5 valid'],
    rst: ['nop', 'nop', 'md5 valid'],
    sack: true,
    options: (f) => {
      const [a, b] = MD5_HOSTS[f];
      return ['--tcp_md5_secret=secret', `\`kldload tcpmd5; echo 'add ${a} ${b} tcp 0x1000 -A tcp-md5 "secret" ; add ${b} ${a} tcp 0x1001 -A tcp-md5 "secret" ;' | setkey -c\``];
    },
    set: ['setsockopt(3, IPPROTO_TCP, TCP_MD5SIG, [1], 4) = 0'],
  },
  {
    ...plain,
    name: 'UDP',
    less: 8,
    road: { in: '/udp(7 > 9811)', out: '/udp(9811 > 7)' },
    options: () => ['--udp_encapsulation=tcp'],
    active: ['setsockopt(3, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, [7], 4) = 0'],
  },
];

/** Flags, place and length of a segment; `ack` counts if there is an ACK flag. */
export interface Seg {
  readonly flags: string;
  readonly seq: number;
  readonly len: number;
  readonly ack: number;
}

/** As scripts write a number that may be negative. */
export const u32 = (n: number): number => n >>> 0;
export const has = (s: Seg, flag: string): boolean => s.flags.includes(flag);

/** Switches of this family of rules. */
export const SWITCHES = ['insecure_rst', 'insecure_syn', 'insecure_ack', 'drop_synfin'] as const;
export type Switches = Readonly<Record<(typeof SWITCHES)[number], 0 | 1>>;
export const OFF: Switches = { insecure_rst: 0, insecure_syn: 0, insecure_ack: 0, drop_synfin: 0 };

/** All combinations of S, F, R and ACK. */
export const FLAGS: readonly string[] = Array.from({ length: 16 }, (_, i) => ['S', 'F', 'R', '.'].filter((_f, b) => (i & (1 << b)) !== 0).join('') || '-');

/** Segments of all flags at these places. */
export function* segments(seqs: readonly number[], acks: readonly number[], lens: readonly number[] = [0, 3]): Generator<Seg> {
  for (const flags of FLAGS) for (const seq of seqs) for (const len of lens) for (const ack of flags.includes('.') ? acks : [0]) yield { flags, seq, len, ack };
}

/** Writes a script line by line. Each segment of the peer has a window of its own, so that no two are duplicate ACKs. */
export class Pen {
  readonly lines: string[] = [];
  readonly f: Family;
  readonly dress: Dress;
  readonly mss: number;
  /** The window that a connection has, in bytes. */
  readonly space: number;
  private win = 32000;

  constructor(f: Family, dress: Dress) {
    this.f = f;
    this.dress = dress;
    this.mss = mssOf(f) - dress.less;
    // The buffer is whole segments, and what is offered of it, once it was, whole units of the window field.
    const unit = 1 << dress.scale;
    this.space = Math.ceil((Math.ceil(65536 / this.mss) * this.mss) / unit) * unit;
  }

  add(...lines: readonly string[]): this {
    this.lines.push(...lines);
    return this;
  }

  take(s: Seg, options: string = this.dress.in, after: string = '+.006'): this {
    const ack = has(s, '.') ? ` ack ${u32(s.ack)}` : '';
    const opts = options === '' ? '' : ` <${options}>`;
    return this.add(`${after} < ${s.flags} ${u32(s.seq)}:${u32(s.seq + s.len)}(${s.len})${ack} win ${this.win++}${opts}${this.dress.road.in}`);
  }

  /** `what`: flags, sequence and ack as the language writes them; an ACK of ours has the window and the dress's options, and these blocks. */
  expect(what: string, sack: readonly (readonly [number, number])[] = [], after: string = '+0', win: number = 65535): this {
    const reset = what.startsWith('R');
    const blocks = sack.map(([a, b]) => ` ${a}:${b}`).join('');
    const opts = [...(reset ? this.dress.rst : this.dress.out), ...(blocks === '' ? [] : ['nop', 'nop', `sack${blocks}`])].join(',');
    const scaled = this.dress.scale === 0 ? Math.min(win, 65535) : this.space >> this.dress.scale;
    return this.add(`${after} > ${what} win ${reset ? 0 : scaled}${opts === '' ? '' : ` <${opts}>`}${this.dress.road.out}`);
  }

  fin(seq: number, ack: number): this {
    return this.take({ flags: 'F.', seq, len: 0, ack });
  }

  ack(seq: number, ack: number): this {
    return this.take({ flags: '.', seq, len: 0, ack });
  }

  /** Runs the script; the test fails with what went wrong, not with the whole of it. */
  play(): void {
    const r = runScript([`--ip_version=ipv${this.f}`, ...this.lines].join('\n'), { file: 'grid' });
    if (r.status !== 'passed') throw new Error(renderResult(r));
  }
}

/** The front of a script: switches, no limit of answers, and nothing repeated while it runs. */
export function begin(f: Family, dress: Dress, sw: Switches): Pen {
  const tuning = ['rexmit_initial', 'rexmit_slop'].map((n) => sysctl(n, 60000));
  return new Pen(f, dress).add(
    ...dress.options(f),
    '0 `true`',
    sysctl('udp_tunneling_port', 9811),
    ...SWITCHES.map((n) => sysctl(n, sw[n])),
    sysctl('ack_war_timewindow', 0),
    sysctl('delacktime', 40),
    ...tuning,
    '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
    ...dress.set.map((s) => `+0 ${s}`),
  );
}

const listen = ['+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0', '+0 bind(3, ..., ...) = 0', '+0 listen(3, 2) = 0'];

/** Our SYN is out. */
export function synSentBy(p: Pen): Pen {
  const d = p.dress;
  return p.add(
    ...d.active.map((s) => `+0 ${s}`),
    '+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0',
    '+0 connect(3, ..., ...) = -1 EINPROGRESS',
    `+0 > S 0:0(0) win 65535 <${d.syn(p.mss)}>${d.road.out}`,
  );
}

/** Ours and a crossing one. */
export function crossingBy(p: Pen): Pen {
  const d = p.dress;
  return synSentBy(p).add(`+.1 < S 0:0(0) win 32767 <${d.theirs}>${d.road.in}`, `+0 > S. 0:0(0) ack 1 win 65535 <${d.ours(p.mss)}>${d.road.out}`);
}

/** A listener, that the syncache has answered a SYN for. */
export function halfOpenBy(p: Pen): Pen {
  const d = p.dress;
  return p.add(...listen, `+0 < S 0:0(0) win 32767 <${d.theirs}>${d.road.in}`, `+0 > S. 0:0(0) ack 1 win 65535 <${d.ours(p.mss)}>${d.road.out}`);
}

export const listenBy = (p: Pen): Pen => p.add(...listen);

export type Way = 'active' | 'passive';

/** An established connection; its descriptor. */
export function establish(p: Pen, way: Way): number {
  const d = p.dress;
  if (way === 'active') {
    synSentBy(p).add(`+.1 < S. 0:0(0) ack 1 win 32767 <${d.theirs.replace('ecr 0', 'ecr 100')}>${d.road.in}`).expect('. 1:1(0) ack 1');
    return 3;
  }
  halfOpenBy(p).ack(1, 1).add('+0 accept(3, ..., ...) = 4');
  return 4;
}

export const STATE_NAMES = ['ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'] as const;
export type StateName = (typeof STATE_NAMES)[number];

/** From ESTABLISHED by these steps; `end` is what the user does to end it. */
export function walk(p: Pen, state: StateName, end: string): void {
  const fin = (ack: number): Pen => p.add(`+0 ${end} = 0`).expect(`F. 1:1(0) ack ${ack}`);
  switch (state) {
    case 'ESTABLISHED':
      return;
    case 'CLOSE_WAIT':
      p.fin(1, 1).expect('. 1:1(0) ack 2');
      return;
    case 'FIN_WAIT_1':
      fin(1);
      return;
    case 'FIN_WAIT_2':
      fin(1).ack(1, 2);
      return;
    case 'CLOSING':
      fin(1).fin(1, 1).expect('F. 1:1(0) ack 2');
      return;
    case 'LAST_ACK':
      p.fin(1, 1).expect('. 1:1(0) ack 2');
      fin(2);
      return;
    case 'TIME_WAIT':
      fin(1).fin(1, 2).expect('. 2:2(0) ack 2');
  }
}

const FULL_GRID = process.env.NS_GRID === 'full';
let turn = 0;

/** Whether the one switch that is on says anything about the segment. */
function concerns(sw: Switches, s: Seg): boolean {
  const on = SWITCHES.filter((n) => sw[n] === 1);
  if (on.length !== 1) return true;
  if (on[0] === 'insecure_rst') return has(s, 'R');
  if (on[0] === 'insecure_syn') return has(s, 'S');
  if (on[0] === 'insecure_ack') return has(s, '.') && !has(s, 'R') && !has(s, 'S');
  return has(s, 'S') && has(s, 'F');
}

/** Whether a run takes this segment: one of `plainOf` in the plainest dress, of `otherOf` in others; with NS_GRID=full all of them. */
export function wanted(k: { readonly dress: Dress; readonly sw: Switches }, s: Seg, plainOf: number, otherOf: number): boolean {
  if (FULL_GRID) return true;
  return concerns(k.sw, s) && turn++ % (k.dress === plain ? plainOf : otherOf) === 0;
}
