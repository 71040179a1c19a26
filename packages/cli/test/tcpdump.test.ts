import { describe, expect, it } from 'vitest';
import type { CliEnv } from '../src/index.ts';
import { Lab } from './lab.ts';

const S = 1e6;

/** Blocks of a pcapng file: type and body. */
function blocks(file: Uint8Array): { type: number; dv: DataView }[] {
  const dv = new DataView(file.buffer, file.byteOffset, file.length);
  const out: { type: number; dv: DataView }[] = [];
  for (let at = 0; at < file.length; ) {
    const len = dv.getUint32(at + 4, true);
    expect(dv.getUint32(at + len - 4, true)).toBe(len);
    out.push({ type: dv.getUint32(at, true), dv: new DataView(file.buffer, file.byteOffset + at + 8, len - 12) });
    at += len;
  }
  return out;
}

function fileEnv(): { env: CliEnv; bytes: () => Uint8Array; closed: () => boolean } {
  const parts: Uint8Array[] = [];
  let closed = false;
  return {
    env: { openFile: () => ({ write: (b) => void parts.push(b), close: () => void (closed = true) }) },
    bytes: () => Uint8Array.from(parts.flatMap((p) => [...p])),
    closed: () => closed,
  };
}

describe('tcpdump', () => {
  it('shows packets as they pass', () => {
    const lab = new Lab().pair();
    const d = lab.start('tcpdump -n -i epair0a not ip6', 'a');
    lab.start('ping -c 1 10.0.0.2', 'a');
    lab.host.advance(S);
    d.job.interrupt();
    expect(d.out.replaceAll(/02(:[0-9a-f]{2}){5}/g, 'MAC').replaceAll(/id [0-9]+/g, 'id N')).toBe(
      '00:00:00.000000 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n' +
        '00:00:00.000000 ARP, Reply 10.0.0.2 is-at MAC, length 28\n' +
        '00:00:00.000000 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 0, length 64\n' +
        '00:00:00.000000 IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id N, seq 0, length 64\n',
    );
    expect(d.err).toBe(
      'tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n' +
        'listening on epair0a, link-type EN10MB (Ethernet), capture size 262144 bytes\n' +
        '4 packets captured\n8 packets received by filter\n0 packets dropped by kernel\n',
    );
    expect(d.code).toBe(0);
  });

  it('filters in the kernel, stops after -c packets, looks one way', () => {
    const lab = new Lab().pair();
    const d = lab.start('tcpdump -n -t -c 2 -Q out icmp and host 10.0.0.2', 'a');
    lab.start('ping -c 5 10.0.0.2', 'a');
    lab.host.advance(3.5 * S);
    expect(d.code).toBe(0);
    expect(d.out.split('\n').map((l) => l.replace(/id [0-9]+/, 'id N'))).toEqual([
      'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 0, length 64',
      'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 1, length 64',
      '',
    ]);
    expect(lab.out('ifconfig epair0a', 'a')).not.toContain('PROMISC');
  });

  it('follows a TCP connection, through a pipe', () => {
    const lab = new Lab().pair();
    const d = lab.start("tcpdump -nt tcp | grep 'Flags'", 'b');
    lab.listen('b', 80);
    const so = lab.connect('a', '10.0.0.2', 80, '10.0.0.1', 40112);
    lab.send(so, 10);
    lab.host.advance(S);
    d.job.interrupt();
    const lines = d.out.split('\n');
    expect(lines[0]).toMatch(/^IP 10\.0\.0\.1\.40112 > 10\.0\.0\.2\.80: Flags \[S\], seq [0-9]+, win 65535, options \[mss 1460,.*sackOK,.*\], length 0$/);
    expect(lines[1]).toMatch(/Flags \[S\.\], seq [0-9]+, ack [0-9]+,/);
    expect(lines[2]).toMatch(/Flags \[\.\], ack 1,.* length 0$/);
    expect(lines[3]).toMatch(/Flags \[P\.\], seq 1:11, ack 1,.* length 10$/);
  });

  it('is in promiscuous mode meanwhile, unless told not to', () => {
    const lab = new Lab().pair();
    const d = lab.start('tcpdump -i epair0a', 'a');
    expect(lab.out('ifconfig epair0a', 'a')).toContain('PROMISC');
    d.job.interrupt();
    expect(lab.out('ifconfig epair0a', 'a')).not.toContain('PROMISC');
    const p = lab.start('tcpdump -p -i epair0a', 'a');
    expect(lab.out('ifconfig epair0a', 'a')).not.toContain('PROMISC');
    p.job.interrupt();
  });

  it('writes pcapng to what the host lends', () => {
    const lab = new Lab().pair();
    const f = fileEnv();
    const d = lab.start('tcpdump -w out.pcapng -s 60 -i any', 'a', f.env);
    expect(d.err).toBe('tcpdump: listening on any, link-type NULL (BSD loopback), capture size 60 bytes\n');
    lab.out('ifconfig lo0 127.0.0.1/8', 'a');
    lab.start('ping -c 1 127.0.0.1', 'a');
    lab.start('ping -c 2 10.0.0.2', 'a');
    lab.host.advance(2 * S);
    d.job.interrupt();
    expect(f.closed()).toBe(true);
    const all = blocks(f.bytes());
    expect(all[0]?.type).toBe(0x0a0d0d0a);
    const idbs = all.filter((b) => b.type === 1);
    expect(idbs.map((b) => b.dv.getUint16(0, true)).sort()).toEqual([0, 1]);
    expect(idbs.every((b) => b.dv.getUint32(4, true) === 60)).toBe(true);
    const epbs = all.filter((b) => b.type === 6);
    expect(epbs.length).toBeGreaterThan(7);
    for (const b of epbs) expect(b.dv.getUint32(12, true)).toBeLessThanOrEqual(60);
    expect(epbs.some((b) => b.dv.getUint32(16, true) === 98)).toBe(true);
    expect(d.err).toContain(`${epbs.length} packets captured\n`);
  });

  it('survives the end of what it listens to', () => {
    const lab = new Lab().pair();
    const d = lab.start('tcpdump -n -i epair0a', 'a');
    lab.start('ping -c 1 10.0.0.2', 'a');
    lab.out('jail -q -r a');
    lab.out('ifconfig epair0a destroy');
    d.job.interrupt();
    expect(d.code).toBe(0);
    expect(d.err).toContain('packets captured\n');
    expect(lab.kernel.shutdown().leftovers).toEqual([]);
  });

  it('refuses what makes no sense, and leaves nothing behind', () => {
    const lab = new Lab().pair();
    const err = (line: string): string => {
      const s = lab.start(line, 'a');
      return `${s.code}: ${s.err.trimEnd()}`;
    };
    expect(err('tcpdump -i nix0')).toBe('1: tcpdump: nix0: No such device exists');
    expect(err('tcpdump port 99999')).toBe('1: tcpdump: illegal port: 99999');
    expect(err('tcpdump -c 0')).toBe('1: tcpdump: invalid packet count 0');
    expect(err('tcpdump -Q up')).toBe("1: tcpdump: unknown capture direction `up'");
    expect(err('tcpdump -w x')).toBe('1: tcpdump: x: this host lends no files');
    expect(err('tcpdump -y')).toMatch(/^1: tcpdump: illegal option -- y\nusage: tcpdump/);
    expect(lab.out('ifconfig epair0a', 'a')).not.toContain('PROMISC');
  });

  it('shows the program of a filter', () => {
    const lab = new Lab().pair();
    expect(lab.start('tcpdump -d -s 96 arp', 'a').out).toBe('{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000806 },\n{ 0x6, 0, 0, 0x00000060 },\n{ 0x6, 0, 0, 0x00000000 },\n');
  });
});
