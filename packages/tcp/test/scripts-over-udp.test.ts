import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { scriptSuite } from '@ns/packetdrill';
import { FAMILIES, type Family, mssOf, play } from './script-parts.ts';

const dir = fileURLToPath(new URL('scripts/over-udp/', import.meta.url));
const texts = readdirSync(dir)
  .filter((f) => f.endsWith('.pkt'))
  .sort()
  .map((f) => [f, readFileSync(dir + f, 'utf8')] as const);
const runner = { describe, it: (name: string, fn: (c?: { skip?(note?: string): void }) => void) => it(name, (context) => fn(context)) };

for (const f of FAMILIES) {
  const scripts = Object.fromEntries(texts.filter(([, text]) => !text.includes('--ip_version=ipv') || text.includes(`--ip_version=ipv${f}`)));
  scriptSuite(runner, `TCP over UDP over IPv${f}`, scripts, {
    scriptOptions: { ip_version: `ipv${f}` },
    defines: { MSS: String(mssOf(f) - 8), PLAIN: String(mssOf(f)), LESS: String(mssOf(f) - 48), FULL: String(mssOf(f) - 8 - 32) },
  });
}

/** A road: `/udp(here > there)` for both directions, or nothing for plain TCP. */
interface Road {
  readonly name: string;
  readonly in: string;
  readonly out: string;
  readonly mssLess: number;
}

const udp = (port: number): Road => ({ name: `UDP port ${port}`, in: `/udp(${port} > 9811)`, out: `/udp(9811 > ${port})`, mssLess: 8 });
const PLAIN: Road = { name: 'plain', in: '', out: '', mssLess: 0 };

/** From ESTABLISHED (passive, socket 4) to the state; `nxt`, `rcv`: what we send and expect next. */
const states: readonly { readonly state: string; readonly nxt: number; readonly rcv: number; readonly go: (r: Road) => readonly string[] }[] = [
  { state: 'ESTABLISHED', nxt: 1, rcv: 1, go: () => [] },
  { state: 'CLOSE_WAIT', nxt: 1, rcv: 2, go: (r) => [`+0 < F. 1:1(0) ack 1 win 32767${r.in}`, `+0 > . 1:1(0) ack 2${r.out}`] },
  { state: 'FIN_WAIT_1', nxt: 2, rcv: 1, go: (r) => ['+0 shutdown(4, SHUT_WR) = 0', `+0 > F. 1:1(0) ack 1${r.out}`] },
  { state: 'FIN_WAIT_2', nxt: 2, rcv: 1, go: (r) => ['+0 shutdown(4, SHUT_WR) = 0', `+0 > F. 1:1(0) ack 1${r.out}`, `+0 < . 1:1(0) ack 2 win 32767${r.in}`] },
  { state: 'CLOSING', nxt: 2, rcv: 2, go: (r) => ['+0 shutdown(4, SHUT_WR) = 0', `+0 > F. 1:1(0) ack 1${r.out}`, `+0 < F. 1:1(0) ack 1 win 32767${r.in}`, `+0 > F. 1:1(0) ack 2${r.out}`] },
  { state: 'LAST_ACK', nxt: 2, rcv: 2, go: (r) => [`+0 < F. 1:1(0) ack 1 win 32767${r.in}`, `+0 > . 1:1(0) ack 2${r.out}`, '+0 shutdown(4, SHUT_WR) = 0', `+0 > F. 1:1(0) ack 2${r.out}`] },
];

const open = (f: Family, r: Road): string[] => [
  '--udp_encapsulation=tcp',
  '0 `sysctl net.inet.tcp.udp_tunneling_port=9811`',
  '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
  '+0 bind(3, ..., ...) = 0',
  '+0 listen(3, 1) = 0',
  `+0 < S 0:0(0) win 32767 <mss 1460>${r.in}`,
  `+0 > S. 0:0(0) ack 1 win 65535 <mss ${mssOf(f) - r.mssLess}>${r.out}`,
  `+0 < . 1:1(0) ack 1 win 32767${r.in}`,
  '+0 accept(3, ..., ...) = 4',
];

const pairs: readonly (readonly [own: Road, other: Road])[] = [
  [udp(7), PLAIN],
  [udp(7), udp(8)],
  [PLAIN, udp(8)],
];

describe.each(FAMILIES)('what comes by another road over IPv%i', (f) => {
  describe.each(pairs.map(([own, other]) => ({ name: `a connection by ${own.name}, segments by ${other.name}`, own, other })))('$name', ({ own, other }) => {
    it.each(states)('in $state is told so by that road, and does nothing', ({ state, nxt, rcv, go }) => {
      const told = (sent: string, answer: string): string[] => [`+0 < ${sent}${other.in}`, `+0 > ${answer}${other.out}`];
      play(f, [
        ...open(f, own),
        ...go(own),
        ...told(`. ${rcv}:${rcv}(0) ack ${nxt} win 32767`, `R ${nxt}:${nxt}(0) win 0`),
        ...told(`P. ${rcv}:${rcv + 9}(9) ack 1 win 32767`, 'R 1:1(0) win 0'),
        ...told(`F. ${rcv}:${rcv}(0) ack ${nxt} win 32767`, `R ${nxt}:${nxt}(0) win 0`),
        ...told(`F ${rcv}:${rcv + 3}(3) win 32767`, `R. 0:0(0)! ack ${rcv + 4} win 0`),
        ...told(`S ${rcv}:${rcv}(0) win 32767 <mss 1460>`, `R. 0:0(0)! ack ${rcv + 1} win 0`),
        ...told(`S. ${rcv}:${rcv}(0) ack ${nxt} win 32767 <mss 1460>`, `R ${nxt}:${nxt}(0) win 0`),
        `+0 < R ${rcv}:${rcv}(0) win 0${other.in}`,
        `+0 < R. ${rcv}:${rcv}(0) ack ${nxt} win 0${other.in}`,
        '+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0',
        `+0 \`sockstat -P tcp -s | grep -c ' ${state}' | grep 1\``,
        // Its own road as ever.
        `+0 < R ${rcv + 9}:${rcv + 9}(0) win 0${own.in}`,
        `+0 > . ${nxt}:${nxt}(0) ack ${rcv}${own.out}`,
        `+0 < R ${rcv}:${rcv}(0) win 0${own.in}`,
        '+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNRESET], [4]) = 0',
      ]);
    });

    it('with SYN and FIN together, where those are dropped', () => {
      play(f, [
        ...open(f, own),
        '+0 `sysctl net.inet.tcp.drop_synfin=1`',
        `+0 < SF 1:1(0) win 32767 <mss 1460>${own.in}`,
        `+0 < SF 1:1(0) win 32767 <mss 1460>${other.in}`,
        `+0 > R. 0:0(0)! ack 3 win 0${other.out}`,
      ]);
    });

    it('has the connection’s TOS and TTL in its answer', () => {
      const set = f === 4 ? ['IPPROTO_IP, IP_TOS, [0xe0]', 'IPPROTO_IP, IP_TTL, [9]'] : ['IPPROTO_IPV6, IPV6_TCLASS, [0xe0]', 'IPPROTO_IPV6, IPV6_UNICAST_HOPS, [9]'];
      const ip = f === 4 ? '[tos 0xe0, ttl 9]' : '[class 0xe0, hlim 9]';
      play(f, [
        ...open(f, own),
        ...set.map((s) => `+0 setsockopt(4, ${s}, 4) = 0`),
        `+0 < . 1:1(0) ack 1 win 32767${other.in}`,
        `+0 > ${ip} R 1:1(0) win 0${other.out}`,
        '+0 send(4, ..., 9, 0) = 9',
        `+0 > ${ip} P. 1:10(9) ack 1${own.out}`,
      ]);
    });

    it('is not answered in a black hole', () => {
      play(f, [...open(f, own), '+0 `sysctl net.inet.tcp.blackhole=2`', `+0 < . 1:1(0) ack 1 win 32767${other.in}`, '+0 send(4, ..., 9, 0) = 9', `+0 > P. 1:10(9) ack 1${own.out}`]);
    });
  });
});
