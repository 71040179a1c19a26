import { virtualHost } from '@ns/kern';
import { createStack } from '@ns/stack';
import { describe, expect, it } from 'vitest';
import { sysctlConfLine } from '../src/commands/sysctl.ts';
import { exec } from '../src/index.ts';
import { Lab } from './lab.ts';

const rows = (text: string): string[] => text.split('\n').filter((l) => l !== '');

/** A lab whose host has a file. */
function withFile(path: string, text: string): { lab: Lab; run: (line: string, jail?: string) => { code: number; stdout: string; stderr: string } } {
  const lab = new Lab();
  const env = { ...lab.env, readFile: (p: string) => (p === path ? text : 2) };
  return { lab, run: (line, jail) => exec(lab.kernel, line, { env, ...(jail !== undefined && { jail }) }) };
}

describe('sysctl shows', () => {
  it('what the options say', () => {
    const lab = new Lab();
    const name = 'net.inet.tcp.msl';
    expect(lab.out(`sysctl -x ${name}`)).toBe(`${name}: 0x00007530\n`);
    expect(lab.out(`sysctl -nx ${name}`)).toBe('0x00007530\n');
    expect(lab.out(`sysctl -td ${name}`)).toMatch(/^net\.inet\.tcp\.msl: integer: [A-Z]/);
    expect(lab.out(`sysctl -et ${name}`)).toBe(`${name}=integer\n`);
    expect(lab.out(`sysctl -ib kern.ostype ${name}`)).toBe('30000');
    expect(lab.out(`sysctl -d net.inet.tcp`).split('\n')[0]).toBe('net.inet.tcp: TCP');
    expect(lab.fails('sysctl -Nn net.inet.tcp.msl')).toMatch(/^1: usage: sysctl/);
    expect(JSON.parse(lab.out(`sysctl ${name} --json`))).toMatchObject({ sysctls: [{ name, value: 30000, type: 'integer', module: 'tcp' }] });
  });

  it('T146 structures with -o alone, with the package that owns them', () => {
    const lab = new Lab();
    expect(lab.out('sysctl net.inet.tcp.stats')).toBe('');
    expect(lab.out('sysctl -o net.inet.tcp.stats')).toMatch(/^net\.inet\.tcp\.stats: Format:S,tcpstat Length:[0-9]+ Module:tcp Dump:\{.*,\.\.\.\n$/);
    expect(lab.out('sysctl -x net.inet.tcp.stats')).toMatch(/\}\n$/);
    const dump = rows(lab.out('sysctl -ao'));
    const owner = (name: string): string | undefined => / Module:([^ ]+) /.exec(dump.find((l) => l.startsWith(`${name}: `)) ?? '')?.[1];
    expect(['net.inet.tcp.stats', 'net.inet.udp.stats', 'net.inet.ip.stats'].map(owner)).toEqual(['tcp', 'udp', 'ip']);
    expect(rows(lab.out('sysctl -a')).some((l) => l.includes('Format:'))).toBe(false);
  });

  it('only what may be written (-W), is a tunable (-T), has a value in each vnet (-V) or may be written in jails (-J)', () => {
    const lab = new Lab();
    const names = (flag: string): string[] => rows(lab.out(`sysctl -aN${flag}`));
    const all = names('');
    for (const flag of ['W', 'T', 'V', 'J']) expect(all, flag).toEqual(expect.arrayContaining(names(flag)));
    expect(names('W')).toContain('net.inet.tcp.msl');
    expect(names('W')).not.toContain('net.inet.tcp.pcbcount');
    expect(names('T')).toContain('kern.msgbufsize');
    expect(names('T')).not.toContain('kern.hostname');
    expect(names('V')).toContain('net.inet.ip.forwarding');
    expect(names('V')).not.toContain('kern.hostname');
    expect(names('J')).toEqual(['kern.hostname', 'kern.hostid', 'kern.domainname', 'kern.hostuuid', ...['net.inet.tcp', 'net.inet.udp', 'net.inet6.tcp6', 'net.inet6.udp6'].map((p) => `${p}.getcred`)].filter((n) => all.includes(n)).sort((a, b) => all.indexOf(a) - all.indexOf(b)));
    expect(lab.fails('sysctl -T net.inet.tcp.msl=1')).toMatch(/^1: sysctl: Can't set variables when using -T or -W\nusage: sysctl/);
  });

  it('V03 the values of the vnet that is asked, with -j those of a jail', () => {
    const lab = new Lab().pair();
    lab.out('sysctl -j a net.inet.ip.forwarding=1');
    expect([lab.out('sysctl -n net.inet.ip.forwarding'), lab.out('sysctl -n net.inet.ip.forwarding', 'b'), lab.out('sysctl -nj a net.inet.ip.forwarding')]).toEqual(['0\n', '0\n', '1\n']);
    expect(lab.fails('sysctl -j nobody -a')).toBe('1: sysctl: jail "nobody" not found');
  });
});

describe('sysctl writes', () => {
  it('with = or :, with blanks around it and a pair of quotes', () => {
    const lab = new Lab();
    expect(lab.out('sysctl "net.inet.tcp.msl = 20000"')).toBe('net.inet.tcp.msl: 30000 -> 20000\n');
    expect(lab.out(['sysctl', 'net.inet.tcp.msl: "0x2710"'] as unknown as string)).toBe('net.inet.tcp.msl: 20000 -> 10000\n');
    expect(lab.out('sysctl -e net.inet.tcp.msl=5000')).toBe('net.inet.tcp.msl=10000 -> 5000\n');
    expect(lab.out('sysctl -n net.inet.tcp.msl=6000,')).toBe('5000 -> 6000\n');
    expect(lab.out('sysctl -q net.inet.tcp.msl=7000')).toBe('net.inet.tcp.msl: 6000 -> 7000\n');
    expect(lab.out('sysctl -d net.inet.tcp.msl=1')).toMatch(/^net\.inet\.tcp\.msl: [A-Z]/);
    expect(lab.out('sysctl -n net.inet.tcp.msl')).toBe('7000\n');
  });

  it('each operand by itself: the exit code counts those that failed', () => {
    const lab = new Lab();
    const r = lab.sh('sysctl net.inet.tcp.msl=1000 no.such net.inet.tcp.pcbcount=1 net.inet.tcp.msl=x net.inet.tcp.msl= net.inet.tcp.delayed_ack=0');
    expect(r).toEqual({
      code: 4,
      stdout: 'net.inet.tcp.msl: 30000 -> 1000\nnet.inet.tcp.delayed_ack: 1 -> 0\n',
      stderr: "sysctl: unknown oid 'no.such'\nsysctl: oid 'net.inet.tcp.pcbcount' is read only\nsysctl: invalid integer 'x'\nsysctl: empty numeric value\n",
    });
    expect(lab.sh('sysctl -q no.such')).toEqual({ code: 1, stdout: '', stderr: '' });
    expect(lab.sh('sysctl -i no.such net.inet.tcp.msl').stdout).toBe('net.inet.tcp.msl: 1000\n');
    expect(lab.fails(`sysctl ${'x'.repeat(1024)}`)).toBe(`1: sysctl: oid too long: '${'x'.repeat(1024)}'`);
  });

  it('no tunable that only booting sets, which booting does', () => {
    const { kernel } = createStack({ host: virtualHost({ tunables: { 'kern.msgbufsize': '4096' } }) });
    expect(exec(kernel, 'sysctl -n kern.msgbufsize').stdout).toBe('4096\n');
    expect(exec(kernel, 'sysctl kern.msgbufsize=1')).toEqual({
      code: 1,
      stdout: '',
      stderr: "sysctl: oid 'kern.msgbufsize' is a read only tunable\nsysctl: Tunable values are set in /boot/loader.conf\n",
    });
  });

  it('VNET variables in a jail with a stack of its own, and none in a jail without', () => {
    const lab = new Lab().pair();
    lab.out('jail -c name=shared persist ip4=inherit');
    const asked = 'sysctl net.inet.tcp.delayed_ack=0';
    expect(lab.out(asked, 'a')).toBe('net.inet.tcp.delayed_ack: 1 -> 0\n');
    expect(lab.sh(asked, 'shared')).toEqual({ code: 1, stdout: 'net.inet.tcp.delayed_ack: 1\n', stderr: 'sysctl: net.inet.tcp.delayed_ack=0: Operation not permitted\n' });
    expect(lab.sh('sysctl net.isr.dispatch=direct', 'a')).toMatchObject({ code: 1, stderr: 'sysctl: net.isr.dispatch=direct: Operation not permitted\n' });
  });
});

describe('sysctl -f', () => {
  it('reads a file, with comments, blanks and quotes, and says the line of what is wrong', () => {
    const { run } = withFile(
      '/etc/sysctl.conf',
      ['# a comment', '', '  net.inet.tcp.msl = 20000   # two minutes', 'no.such=1', 'net.inet.tcp.pcbcount=1', 'net.inet.tcp.delayed_ack="0"', 'net.inet.tcp.msl'].join('\n'),
    );
    expect(run('sysctl -f /etc/sysctl.conf net.inet.tcp.delayed_ack')).toEqual({
      code: 2,
      stdout: 'net.inet.tcp.msl: 30000 -> 20000\nnet.inet.tcp.delayed_ack: 1 -> 0\nnet.inet.tcp.msl: 20000\nnet.inet.tcp.delayed_ack: 0\n',
      stderr: "sysctl: unknown oid 'no.such' at line 4\nsysctl: oid 'net.inet.tcp.pcbcount' is read only at line 5\n",
    });
    expect(run('sysctl -f /nowhere')).toEqual({ code: 66, stdout: '', stderr: 'sysctl: /nowhere: No such file or directory\n' });
  });

  it.each([
    ['a=1 # b', 'a=1'],
    ['a=1#b', 'a=1'],
    ['#', ''],
    ['a=\\#1', 'a=\\#1'],
    ["a='#1' # b", "a='#1'"],
    ['a="x # y" z', 'a="x # y"'],
    ['a="x # y', 'a="x # y'],
  ])('%j means %j', (line, means) => {
    expect(sysctlConfLine(line)).toBe(means);
  });
});
