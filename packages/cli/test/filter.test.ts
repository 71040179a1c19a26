import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BPF_MAXINSNS, BpfProgram, bpfValidate, PcapngWriter } from '@ns/bpf';
import { DLT_EN10MB, DLT_NULL, DLT_RAW } from '@ns/ifnet-kpi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFilter } from '../src/index.ts';
import { arpPacket, ether, icmp4, ip4, ip6, tcpSegment, udpDatagram } from './packets.ts';

const SNAP = 96;

function matches(expression: string, packet: Uint8Array, dlt: number = DLT_EN10MB): boolean {
  const r = compileFilter(expression, dlt, SNAP);
  if (!r.ok) throw new Error(`${expression}: ${r.message}`);
  const program = BpfProgram.of(r.insns);
  if (program === null) throw new Error(`${expression}: not valid`);
  const kept = program.run(new DataView(packet.buffer, packet.byteOffset, packet.length), packet.length, packet.length);
  expect(kept === 0 || kept === SNAP).toBe(true);
  return kept === SNAP;
}

const SYN = ether(0x800, ip4(6, '10.0.0.1', '10.0.0.2', tcpSegment({ sport: 40112, dport: 80, flags: 0x02 })));
const ACK = ether(0x800, ip4(6, '10.0.0.2', '10.0.0.1', tcpSegment({ sport: 80, dport: 40112, flags: 0x10 })));
const DNS = ether(0x800, ip4(17, '10.0.0.1', '192.168.7.53', udpDatagram(5353, 53, 20)));
const PING = ether(0x800, ip4(1, '10.0.0.1', '10.0.0.2', icmp4(8, 0)));
const FRAG = ether(0x800, ip4(17, '10.0.0.1', '10.0.0.2', udpDatagram(53, 53, 20), { off: 0x2001 }));
const OPTS = ether(0x800, ip4(6, '10.0.0.1', '10.0.0.2', tcpSegment({ sport: 1, dport: 80, flags: 0x02 }), { options: 8 }));
const ARP = ether(0x806, arpPacket(1, '10.0.0.1', '10.0.0.2'), { broadcast: true });
const V6 = ether(0x86dd, ip6(6, '2001:db8::1', '2001:db8::2', tcpSegment({ sport: 80, dport: 9, flags: 0x10 })));
const V6U = ether(0x86dd, ip6(17, 'fe80::1', 'ff02::fb', udpDatagram(5353, 5353, 8)));
const OTHER = ether(0x88b5, new Uint8Array(40));
const ALL: Readonly<Record<string, Uint8Array>> = { SYN, ACK, DNS, PING, FRAG, OPTS, ARP, V6, V6U, OTHER };

const rows: readonly (readonly [string, string])[] = [
  ['', 'SYN ACK DNS PING FRAG OPTS ARP V6 V6U OTHER'],
  ['tcp', 'SYN ACK OPTS V6'],
  ['udp', 'DNS FRAG V6U'],
  ['icmp', 'PING'],
  ['arp', 'ARP'],
  ['ip', 'SYN ACK DNS PING FRAG OPTS'],
  ['ip6', 'V6 V6U'],
  ['port 80', 'SYN ACK OPTS V6'],
  ['port http', 'SYN ACK OPTS V6'],
  ['dst port 80', 'SYN OPTS'],
  ['src port 80', 'ACK V6'],
  ['tcp dst port 80', 'SYN OPTS'],
  ['udp port 53', 'DNS'],
  ['port 53 or 80', 'SYN ACK DNS OPTS V6'],
  ['portrange 50-60', 'DNS'],
  ['udp portrange 5000-6000', 'DNS V6U'],
  ['src and dst port 5353', 'V6U'],
  ['host 10.0.0.2', 'SYN ACK PING FRAG OPTS ARP'],
  ['src host 10.0.0.2', 'ACK'],
  ['dst 10.0.0.2', 'SYN PING FRAG OPTS ARP'],
  ['ip host 10.0.0.2', 'SYN ACK PING FRAG OPTS'],
  ['arp host 10.0.0.2', 'ARP'],
  ['src or dst host 10.0.0.2', 'SYN ACK PING FRAG OPTS ARP'],
  ['src host 10.0.0.1 and dst host 10.0.0.2', 'SYN PING FRAG OPTS ARP'],
  ['host 2001:db8::1', 'V6'],
  ['net 192.168.0.0/16', 'DNS'],
  ['net 192.168', 'DNS'],
  ['dst net 10.0.0.0 mask 255.255.255.0', 'SYN ACK PING FRAG OPTS ARP'],
  ['net fe80::/10', 'V6U'],
  ['not tcp', 'DNS PING FRAG ARP V6U OTHER'],
  ['! ( tcp or udp )', 'PING ARP OTHER'],
  ['tcp or udp and port 53', 'DNS'],
  ['tcp or (udp and port 53)', 'SYN ACK DNS OPTS V6'],
  ['not port 80 and not arp', 'DNS PING FRAG V6U OTHER'],
  ['tcp && !ip6 || icmp', 'SYN ACK PING OPTS'],
  ['ip proto 1', 'PING'],
  ['ip6 proto 17', 'V6U'],
  ['proto \\udp', 'DNS FRAG V6U'],
  ['less 60', 'SYN ACK PING ARP OTHER'],
  ['greater 61', 'DNS FRAG OPTS V6 V6U'],
  ['broadcast', 'ARP'],
  ['ether broadcast', 'ARP'],
  ['multicast', 'ARP'],
  ['ether host 02:00:00:00:00:0a', 'SYN ACK DNS PING FRAG OPTS ARP V6 V6U OTHER'],
  ['ether src 02:00:00:00:00:0b', ''],
  ['ether dst 02:00:00:00:00:0b', 'SYN ACK DNS PING FRAG OPTS V6 V6U OTHER'],
  ['tcp[tcpflags] & tcp-syn != 0', 'SYN OPTS'],
  ['tcp[13] & 0x10 = 0x10', 'ACK'],
  ['tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-ack', 'ACK'],
  ['icmp[icmptype] == icmp-echo', 'PING'],
  ['udp[2:2] = 53', 'DNS'],
  ['ip[8] < 65', 'SYN ACK DNS PING FRAG OPTS'],
  ['ip[8] > 64', ''],
  ['ether[12:2] = 0x88b5', 'OTHER'],
];

describe('filter expressions (pcap-filter)', () => {
  it.each(rows)('%j', (expression, expected) => {
    const hits = Object.entries(ALL).filter(([, p]) => matches(expression, p)).map(([name]) => name);
    expect(hits.join(' ')).toBe(expected);
  });

  it('compiles for loopback and raw links', () => {
    const bare = SYN.subarray(14);
    const lo = new Uint8Array(4 + bare.length);
    lo[0] = 2;
    lo.set(bare, 4);
    for (const e of ['tcp', 'dst port 80', 'host 10.0.0.1', 'ip', 'tcp[13] = 2']) {
      expect(matches(e, lo, DLT_NULL), e).toBe(true);
      expect(matches(e, bare, DLT_RAW), e).toBe(true);
    }
    for (const e of ['udp', 'arp', 'ip6', 'broadcast', 'ether host 02:00:00:00:00:0a']) {
      expect(matches(e, lo, DLT_NULL), e).toBe(false);
      expect(matches(e, bare, DLT_RAW), e).toBe(false);
    }
  });

  it.each([
    ['port', 'syntax error: end of expression'],
    ['port 70000', 'illegal port: 70000'],
    ['icmp port 4', "'icmp' has no ports"],
    ['host nowhere.example', "unknown host 'nowhere.example'"],
    ['(tcp', "syntax error: ')' expected"],
    ['tcp)', "syntax error at ')'"],
    ['tcp or', 'syntax error'],
    ['net 10/33', 'bad prefix length: 10/33'],
    ['sctp[0] = 1', 'unsupported: sctp[0]'],
    ['less x', 'bad number: x'],
  ])('refuses %j', (expression, message) => {
    expect(compileFilter(expression, DLT_EN10MB)).toEqual({ ok: false, message });
  });

  it('refuses what the machine cannot hold, and unknown links', () => {
    const long = Array.from({ length: 80 }, (_, i) => `port ${i + 1}`).join(' or ');
    expect(compileFilter(long, DLT_EN10MB)).toEqual({ ok: false, message: 'expression too complex' });
    expect(compileFilter('('.repeat(300), DLT_EN10MB)).toEqual({ ok: false, message: 'expression too long' });
    expect(compileFilter('tcp', 999)).toEqual({ ok: false, message: 'unknown link type 999' });
  });

  it('never throws, and what it makes is valid', () => {
    const word = fc.constantFrom('tcp', 'udp', 'and', 'or', 'not', '(', ')', 'host', 'port', '80', '10.0.0.1', 'src', 'dst', 'net', '10/8', 'ip[0]', '&', '=', '1', '::1', 'less', '!');
    fc.assert(
      fc.property(fc.oneof(fc.array(word, { maxLength: 12 }).map((w) => w.join(' ')), fc.string({ maxLength: 60 })), fc.constantFrom(DLT_EN10MB, DLT_NULL, DLT_RAW), (e, dlt) => {
        const r = compileFilter(e, dlt);
        if (!r.ok) return;
        expect(r.insns.length).toBeLessThanOrEqual(BPF_MAXINSNS);
        expect(bpfValidate(r.insns)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('means the complement by not, for any packet', () => {
    fc.assert(
      fc.property(fc.constantFrom(...rows.map(([e]) => e).filter((e) => e !== '' && !e.includes('['))), fc.constantFrom(...Object.values(ALL)), (e, p) => {
        expect(matches(`not (${e})`, p)).toBe(!matches(e, p));
      }),
    );
  });
});

const TCPDUMP = spawnSync('tcpdump', ['--version']).error === undefined;

/** Packets by name that the system's tcpdump lets through. */
function realTcpdump(file: string, expression: string): string {
  const r = spawnSync('tcpdump', ['-n', '-tt', '-r', file, expression], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(r.stderr);
  const names = Object.keys(ALL);
  return r.stdout.split('\n').filter((l) => /^[0-9]+\./.test(l)).map((l) => names[Number(l.split('.')[0])]).join(' ');
}

describe.skipIf(!TCPDUMP)('the tcpdump of this system (skipped where there is none)', () => {
  it('agrees on every expression', () => {
    const dir = mkdtempSync(join(tmpdir(), 'ns-filter-'));
    const parts: Uint8Array[] = [];
    const w = new PcapngWriter((b) => void parts.push(b));
    w.addInterface({ name: 'x', dlt: DLT_EN10MB, snaplen: 65535 });
    Object.values(ALL).forEach((p, i) => w.packet(0, i * 1e6, p, 0, p.length, p.length));
    const file = join(dir, 'all.pcapng');
    writeFileSync(file, Buffer.concat(parts));
    const real = rows.map(([e]) => [e, realTcpdump(file, e)]);
    rmSync(dir, { recursive: true });
    expect(real).toEqual(rows);
  });
});
