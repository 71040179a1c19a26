import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../src/program/main.ts';

const dir = mkdtempSync(join(tmpdir(), 'packetdrill-'));
const GOOD = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = FD\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n+0 < S 0:0(0) win 9 <mss 1460>\n+0 > S. 0:0(0) ack 1 <...>';
writeFileSync(join(dir, 'a.pkt'), GOOD.replace('FD', '3'));
writeFileSync(join(dir, 'b.pkt'), GOOD.replace('FD', '3').replace('ack 1', 'ack 2'));
writeFileSync(join(dir, 'c.pkt'), GOOD);
writeFileSync(join(dir, 'd.pkt'), '0 epoll_create(1) = 3');
writeFileSync(join(dir, 'list.txt'), 'a.pkt\n# none\n\nd.pkt\n');

function program(...argv: string[]): { code: number; out: string[]; err: string } {
  let [out, err] = ['', ''];
  const code = main(argv, { out: (t) => (out += t), err: (t) => (err += t) });
  return { code, out: out.trimEnd().split('\n'), err };
}

describe('the program', () => {
  it('runs a directory, says what failed, and counts in its last line', () => {
    const r = program('-D', 'FD=3', dir);
    expect(r.code).toBe(1);
    expect(r.out[0]).toBe(`${join(dir, 'b.pkt')}:5: packet differs: ack 1 instead of 2`);
    expect(r.out.at(-1)).toBe('2 passed, 1 failed, 1 skipped');
  });

  it('runs a list below a root', () => {
    expect(program('--quiet', '--list', join(dir, 'list.txt'), '--root', dir)).toMatchObject({ code: 0, out: ['1 passed, 0 failed, 1 skipped'] });
  });

  it('speaks JSON, one object a line, and the count in the last', () => {
    const r = program('--json', '-DFD=3', dir);
    expect(r.out.slice(0, -1).map((l) => (JSON.parse(l) as { status: string }).status)).toEqual(['passed', 'failed', 'passed', 'skipped']);
    expect(r.out.at(-1)).toBe('2 passed, 1 failed, 1 skipped');
  });

  it('writes a capture of what failed', () => {
    const pcap = join(dir, 'pcap');
    program('--pcap', pcap, join(dir, 'a.pkt'), join(dir, 'b.pkt'));
    const files = readdirSync(pcap);
    expect(files).toHaveLength(1);
    expect(readFileSync(join(pcap, files[0]!)).readUInt32LE(0)).toBe(0x0a0d0d0a);
  });

  it('shows packets as tcpdump does, and takes options of the language', () => {
    const r = program('--verbose', '--connect_port=99', '--tolerance_usecs=0', join(dir, 'a.pkt'));
    expect(r.out[0]).toMatch(/^0\.000000 in {2}IP 192\.0\.2\.1\.8081 > 192\.168\.0\.1\.8080: Flags \[S\]/);
    expect(r.out.at(-1)).toBe('1 passed, 0 failed, 0 skipped');
  });

  it('reads scripts as Google does, after commands of its own', () => {
    const file = join(dir, 'google.txt');
    writeFileSync(file, `\`tc qdisc\`\n${GOOD.replace('FD', '3')}\n+0 \`sysctl net.inet.tcp.sendspace | grep 40000\``);
    expect(program('--quiet', file).out).toEqual(['0 passed, 0 failed, 1 skipped']);
    expect(program('--compat', 'google', file).out.at(-1)).toBe('0 passed, 1 failed, 0 skipped');
    const r = program('--compat', 'google', '--init', 'sysctl net.inet.tcp.sendspace=40000', file);
    expect(r).toMatchObject({ code: 0, out: [`${file}: passed`, '  warning   line 1: passed over: tc qdisc', '1 passed, 0 failed, 0 skipped'] });
  });

  it('says how it is used', () => {
    expect(program()).toMatchObject({ code: 2, err: expect.stringContaining('packetdrill: no scripts\nusage: packetdrill') as string });
    expect(program('--nonsense', dir).err).toMatch(/unknown option --nonsense/);
    expect(program('--compat', 'bing', dir)).toMatchObject({ code: 2, err: expect.stringContaining('--compat bing: google expected') as string });
    expect(program('--init')).toMatchObject({ code: 2, err: expect.stringContaining('an option lacks its value') as string });
    expect(program('-D', 'x', dir).err).toMatch(/-D needs NAME=VALUE/);
    expect(program(join(dir, 'none.pkt'))).toMatchObject({ code: 2, err: expect.stringContaining('ENOENT') as string });
  });
});
