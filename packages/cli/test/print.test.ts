import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapngWriter } from '@ns/bpf';
import { DLT_EN10MB, DLT_NULL, DLT_RAW } from '@ns/ifnet-kpi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketPrinter, packetTime } from '../src/index.ts';
import { arpPacket, ether, icmp4, ip4, ip6, tcpSegment, udpDatagram } from './packets.ts';

const print = (p: Uint8Array, printer: PacketPrinter = new PacketPrinter({ numeric: true }), caplen: number = p.length): string => printer.packet(DLT_EN10MB, p, 0, caplen, p.length);
const bytes6 = (...b: number[]): Uint8Array => Uint8Array.from(b);
const A = '10.0.0.1';
const B = '10.0.0.2';
const SYN_OPTIONS = [2, 4, 5, 180, 1, 3, 3, 6, 4, 2, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0];

const LINES: readonly (readonly [Uint8Array, string])[] = [
  [ether(0x800, ip4(17, A, B, udpDatagram(5353, 53, 20))), 'IP 10.0.0.1.5353 > 10.0.0.2.53: UDP, length 20'],
  [ether(0x800, ip4(17, A, B, udpDatagram(1, 2, 30), { off: 0x2001 })), 'IP 10.0.0.1 > 10.0.0.2: ip-proto-17'],
  [ether(0x800, ip4(1, A, B, icmp4(8, 0, 0x00010002, new Uint8Array(56)))), 'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 2, length 64'],
  [ether(0x800, ip4(1, A, B, icmp4(0, 0))), 'IP 10.0.0.1 > 10.0.0.2: ICMP echo reply, id 1, seq 2, length 8'],
  [ether(0x800, ip4(1, B, A, icmp4(3, 3, 0, ip4(17, A, B, udpDatagram(9, 53, 0))))), 'IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 udp port 53 unreachable, length 36'],
  [ether(0x800, ip4(1, B, A, icmp4(3, 1, 0, ip4(17, A, '10.0.0.9', udpDatagram(9, 53, 0))))), 'IP 10.0.0.2 > 10.0.0.1: ICMP host 10.0.0.9 unreachable, length 36'],
  [ether(0x800, ip4(1, B, A, icmp4(3, 4, 1400, ip4(17, A, '10.0.0.9', udpDatagram(9, 53, 0))))), 'IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.9 unreachable - need to frag (mtu 1400), length 36'],
  [ether(0x800, ip4(1, B, A, icmp4(11, 0, 0, ip4(17, A, '10.0.0.9', udpDatagram(9, 53, 0))))), 'IP 10.0.0.2 > 10.0.0.1: ICMP time exceeded in-transit, length 36'],
  [ether(0x800, ip4(1, B, A, icmp4(5, 1, 0x0a0000fe, ip4(17, A, '10.0.0.9', udpDatagram(9, 53, 0))))), 'IP 10.0.0.2 > 10.0.0.1: ICMP redirect 10.0.0.9 to host 10.0.0.254, length 36'],
  [ether(0x806, arpPacket(1, A, B)), 'ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28'],
  [ether(0x806, arpPacket(2, A, B)), 'ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:0a, length 28'],
  [ether(0x86dd, ip6(6, 'fe80::1', '2001:db8::2', tcpSegment({ sport: 1, dport: 2, flags: 0x10 }))), 'IP6 fe80::1.1 > 2001:db8::2.2: Flags [.], ack 0, win 65535, length 0'],
  [ether(0x86dd, ip6(0, 'fe80::1', 'ff02::16', bytes6(58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 1))), 'IP6 fe80::1 > ff02::16: HBH ICMP6, multicast listener report v2, 1 group record(s), length 8'],
  [ether(0x86dd, ip6(44, 'fe80::1', 'fe80::2', bytes6(58, 0, 0, 1, 0, 0, 0, 9, 128, 0, 0, 0, 0, 1, 0, 2))), 'IP6 fe80::1 > fe80::2: frag (0|8) ICMP6, echo request, id 1, seq 2, length 8'],
  [ether(0x86dd, ip6(44, 'fe80::1', 'fe80::2', bytes6(58, 0, 0, 8, 0, 0, 0, 9, 128, 0, 0, 0, 0, 1, 0, 2))), 'IP6 fe80::1 > fe80::2: frag (8|8)'],
  [ether(0x86dd, ip6(58, 'fe80::1', 'fe80::2', bytes6(2, 0, 0, 0, 0, 0, 5, 0))), 'IP6 fe80::1 > fe80::2: ICMP6, packet too big, mtu 1280, length 8'],
  [ether(0x86dd, ip6(58, 'fe80::1', 'ff02::1', icmp4(128, 0))), 'IP6 fe80::1 > ff02::1: ICMP6, echo request, id 1, seq 2, length 8'],
  [ether(0x800, ip4(89, A, B, new Uint8Array(4))), 'IP 10.0.0.1 > 10.0.0.2: ip-proto-89 4'],
  [ether(0x88b5, new Uint8Array(46)), '02:00:00:00:00:0a > 02:00:00:00:00:0b, ethertype Unknown (0x88b5), length 60:'],
];

describe('one line for each packet (tcpdump)', () => {
  it('follows a TCP connection with relative numbers', () => {
    const printer = new PacketPrinter({ numeric: true });
    const seg = (from: string, to: string, s: Parameters<typeof tcpSegment>[0]): string => print(ether(0x800, ip4(6, from, to, tcpSegment(s))), printer);
    const [c, s] = [40112, 80];
    expect(seg(A, B, { sport: c, dport: s, seq: 1000, flags: 0x02, options: SYN_OPTIONS })).toBe(
      'IP 10.0.0.1.40112 > 10.0.0.2.80: Flags [S], seq 1000, win 65535, options [mss 1460,nop,wscale 6,sackOK,TS val 100 ecr 0], length 0',
    );
    expect(seg(B, A, { sport: s, dport: c, seq: 9000, ack: 1001, flags: 0x12 })).toBe('IP 10.0.0.2.80 > 10.0.0.1.40112: Flags [S.], seq 9000, ack 1001, win 65535, length 0');
    expect(seg(A, B, { sport: c, dport: s, seq: 1001, ack: 9001, flags: 0x10 })).toBe('IP 10.0.0.1.40112 > 10.0.0.2.80: Flags [.], ack 1, win 65535, length 0');
    expect(seg(A, B, { sport: c, dport: s, seq: 1001, ack: 9001, flags: 0x18, data: 5 })).toBe('IP 10.0.0.1.40112 > 10.0.0.2.80: Flags [P.], seq 1:6, ack 1, win 65535, length 5');
    const sack = [1, 1, 5, 10, 0, 0, 3, 250, 0, 0, 4, 0];
    expect(seg(B, A, { sport: s, dport: c, seq: 9001, ack: 1006, flags: 0x10, options: sack })).toBe(
      'IP 10.0.0.2.80 > 10.0.0.1.40112: Flags [.], ack 6, win 65535, options [nop,nop,sack 1 {18:24}], length 0',
    );
    expect(seg(B, A, { sport: s, dport: c, seq: 9001, ack: 1006, flags: 0x11 })).toBe('IP 10.0.0.2.80 > 10.0.0.1.40112: Flags [F.], seq 1, ack 6, win 65535, length 0');
    expect(seg(A, B, { sport: c, dport: s, seq: 1006, flags: 0x04 })).toBe('IP 10.0.0.1.40112 > 10.0.0.2.80: Flags [R], seq 6, win 65535, length 0');
    expect(seg(A, B, { sport: c, dport: s, seq: 1006, flags: 0xe0, urp: 3 })).toBe('IP 10.0.0.1.40112 > 10.0.0.2.80: Flags [UEW], win 65535, urg 3, length 0');
  });

  it('shows absolute numbers, names of ports, the link header and more of IP when asked', () => {
    const p = ether(0x800, ip4(6, A, B, tcpSegment({ sport: 40112, dport: 80, seq: 7, ack: 8, flags: 0x18, data: 1 }), { off: 0x4000 }));
    expect(print(p, new PacketPrinter({ absolute: true }))).toBe('IP 10.0.0.1.40112 > 10.0.0.2.http: Flags [P.], seq 7:8, ack 8, win 65535, length 1');
    expect(print(p, new PacketPrinter({ numeric: true, link: true }))).toMatch(/^02:00:00:00:00:0a > 02:00:00:00:00:0b, ethertype IPv4 \(0x0800\), length 55: IP 10/);
    expect(print(p, new PacketPrinter({ numeric: true, verbose: true }))).toMatch(/^IP \(tos 0x0, ttl 64, id 0, offset 0, flags \[DF\], proto TCP \(6\), length 41\)\n {4}10\.0\.0\.1\.40112 > /);
  });

  it.each(LINES)('row %#', (p, line) => {
    expect(print(p)).toBe(line);
  });

  it('says what is cut off', () => {
    const p = ether(0x800, ip4(6, A, B, tcpSegment({ sport: 1, dport: 2, flags: 0x02, options: SYN_OPTIONS })));
    expect(print(p, undefined, 10)).toBe('[|ether]');
    expect(print(p, undefined, 20)).toBe('IP [|ip]');
    expect(print(p, undefined, 40)).toBe('IP 10.0.0.1 > 10.0.0.2:  [|tcp]');
    expect(print(p, undefined, 60)).toBe('IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S], seq 0, win 65535, options [|tcp], length 0');
  });

  it('finds the packet on loopback and raw links', () => {
    const bare = ip4(17, A, B, udpDatagram(1, 2, 0));
    const lo = Uint8Array.of(2, 0, 0, 0, ...bare);
    expect(new PacketPrinter().packet(DLT_NULL, lo, 0, lo.length, lo.length)).toBe('IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0');
    expect(new PacketPrinter().packet(DLT_RAW, bare, 0, bare.length, bare.length)).toBe('IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0');
  });

  it('takes any bytes without throwing, and prints nothing that a terminal would obey', () => {
    const types = fc.constantFrom(0x800, 0x806, 0x86dd, 0x8100, 0x1234);
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 120 }), fc.constantFrom(0x45, 0x46, 0x60, 0), fc.constantFrom(1, 2, 6, 17, 58), fc.nat(140), (type, bytes, first, proto, cut) => {
        const b = Uint8Array.from(bytes);
        if (b.length > 9) {
          b[0] = first;
          b[first === 0x60 ? 6 : 9] = proto;
          b[2] = 0;
        }
        const p = ether(type, b);
        const printer = new PacketPrinter({ verbose: true, link: true });
        const line = printer.packet(DLT_EN10MB, p, 0, Math.min(cut, p.length), p.length);
        expect(line).toMatch(/^[\x20-\x7e\n]+$/);
      }),
      { numRuns: 3000 },
    );
  });

  it('remembers a bounded number of connections', () => {
    const printer = new PacketPrinter({ numeric: true });
    for (let i = 0; i < 10_000; i++) print(ether(0x800, ip4(6, A, B, tcpSegment({ sport: i, dport: 80, seq: 5, flags: 2 }))), printer);
    const late = print(ether(0x800, ip4(6, A, B, tcpSegment({ sport: 9999, dport: 80, seq: 6, flags: 0x10 }))), printer);
    expect(late).toContain('ack 1,');
  });

  it('writes times of day', () => {
    expect(packetTime(0)).toBe('00:00:00.000000');
    expect(packetTime(Date.UTC(2024, 1, 29, 23, 59, 58) * 1000 + 7)).toBe('23:59:58.000007');
  });
});

const TCPDUMP = spawnSync('tcpdump', ['--version']).error === undefined;
/** What tcpdump looks into and we do not: name service, OSPF; and its dump of unknown frames. */
const DEEPER = /\.53: UDP|ip-proto-89|Unknown/;

describe.skipIf(!TCPDUMP)('the tcpdump of this system (skipped where there is none)', () => {
  it('prints the same lines', () => {
    const rows = LINES.filter(([, line]) => !DEEPER.test(line));
    expect(rows.length).toBeGreaterThan(10);
    const dir = mkdtempSync(join(tmpdir(), 'ns-print-'));
    const parts: Uint8Array[] = [];
    const w = new PcapngWriter((b) => void parts.push(b));
    w.addInterface({ name: 'x', dlt: DLT_EN10MB, snaplen: 65535 });
    for (const [p] of rows) w.packet(0, 0, p, 0, p.length, p.length);
    const file = join(dir, 'x.pcapng');
    writeFileSync(file, Buffer.concat(parts));
    const r = spawnSync('tcpdump', ['-n', '-t', '-r', file], { encoding: 'utf8' });
    rmSync(dir, { recursive: true });
    expect(r.stdout.trimEnd().split('\n')).toEqual(rows.map(([, line]) => line));
  });
});
