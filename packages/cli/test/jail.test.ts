import { JAILS } from '@ns/vnet';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliEnv, type CliFile, type CliResult, exec, start } from '../src/index.ts';
import { Lab } from './lab.ts';

const rows = (text: string): string[] => text.split('\n').map((l) => l.trimEnd()).filter((l) => l !== '');
const golden = (name: string): string => join(import.meta.dirname, 'golden', `${name}.txt`);

/** A lab whose host has files. */
class Files extends Lab {
  readonly written: Record<string, string> = {};
  readonly with: CliEnv;
  private readonly files: Record<string, string>;

  constructor(files: Record<string, string>) {
    super();
    this.files = files;
    const openFile = (path: string): CliFile => {
      this.written[path] = '';
      return { write: (b) => void (this.written[path] += new TextDecoder().decode(b)), close: () => void (this.written[path] += '<closed>') };
    };
    this.with = { ...this.env, readFile: (p) => this.files[p] ?? 2, openFile, userId: (name) => (name === 'www' ? 80 : null) };
  }

  run(line: string, jail?: string): CliResult {
    const r = exec(this.kernel, line, { env: this.with, ...(jail !== undefined && { jail }) });
    this.host.settle();
    return r;
  }

  /** Output of a command that must succeed. */
  ok(line: string): string {
    const r = this.run(line);
    if (r.code !== 0 || r.stderr !== '') throw new Error(`${line}: ${r.code}: ${r.stdout}${r.stderr}`);
    return r.stdout;
  }

  /** Exit code, output and complaints. */
  all(line: string): string[] {
    const r = this.run(line);
    return [String(r.code), ...rows(r.stdout), ...rows(r.stderr)];
  }

  get names(): string {
    return rows(this.out('jls name')).join(' ');
  }
}

describe('jail, jls, jexec', () => {
  it('V17 makes, shows, changes and removes jails', () => {
    const lab = new Lab();
    expect(lab.out('jail -c name=v1 vnet persist host.hostname=v1.example path=/jails/v1 children.max=2')).toBe('');
    expect(lab.out('jail -i -c name=v2 persist ip4.addr=10.0.0.5')).toBe('2\n');
    expect(rows(lab.out('jls'))).toEqual([
      '   JID  IP Address      Hostname                      Path',
      '     1                  v1.example                    /jails/v1',
      '     2  10.0.0.5                                      /',
    ]);
    expect(lab.out('jls -j v1 jid name vnet children.max')).toBe('1 v1 new 2\n');
    expect(lab.out('jls -j 2 -n vnet persist ip4.addr')).toBe('vnet=inherit persist ip4.addr=10.0.0.5\n');
    expect(lab.out('jls nopersist path host.hostname')).toBe('false /jails/v1 v1.example\nfalse / ""\n');
    expect(lab.out('jail -m name=v1 host.hostname=other')).toBe('');
    expect(lab.out('jexec v1 hostname')).toBe('other\n');
    expect(lab.out('jexec v1 jail -c name=inner persist')).toBe('');
    expect(lab.out('jls name')).toBe('v1\nv2\nv1.inner\n');
    expect(lab.out('jexec 1 jls name')).toBe('inner\n');
    expect(lab.out('jail -r v1 v2')).toBe('v2: removed\nv1: removed\n'); // the last one first
    expect(rows(lab.out('jls'))).toHaveLength(1);
  });

  it('prints all parameters so that jail(8) can take them back (jls -s)', async () => {
    const lab = new Lab();
    lab.out(['jail', '-c', 'name=web', 'persist', 'ip4.addr=10.0.0.5,10.0.0.6', 'host.hostname=my host', 'allow.raw_sockets', 'children.max=3', 'securelevel=1'] as unknown as string);
    await expect(lab.out('jls -n')).toMatchFileSnapshot(golden('jls-n'));
    const args = lab.out('jls -s -j web');
    await expect(args).toMatchFileSnapshot(golden('jls-s'));
    lab.out('jail -r web');
    lab.out(`jail -c ${args.trim()}`);
    expect(lab.out('jls -s')).toBe(args);
    expect(rows(lab.out('jls -h jid name'))).toEqual(['jid name', '1 web']);
  });

  it('runs a command in a jail that lives as long as it', () => {
    const lab = new Lab();
    expect(lab.out('jail -c name=x vnet host.hostname=x.example command=hostname -s')).toBe('x\n');
    expect(rows(lab.out('jls'))).toHaveLength(1);
    lab.out('ifconfig lo0 127.0.0.1/8');
    const ping = lab.start('jail -c name=p ip4=inherit allow.raw_sockets command=ping -c 3 127.0.0.1');
    expect([ping.code, lab.out('jls -n name persist')]).toEqual([null, 'name=p persist\n']);
    lab.host.advance(5_000_000);
    expect([ping.code, lab.out('jls name')]).toEqual([0, '']);
    expect(ping.out).toContain('3 packets transmitted, 3 packets received');
  });

  it('runs a command as another user, who may less', () => {
    const lab = new Files({});
    lab.out('jail -c name=v vnet persist');
    expect(lab.run('jexec -u www v sysctl net.inet.tcp.msl=1').stderr).toBe('sysctl: net.inet.tcp.msl=1: Operation not permitted\n');
    expect(lab.run('jexec -U 80 v ifconfig lo0 10.1.1.1/24').stderr).toMatch(/permission denied\n$/);
    expect(lab.run('jexec -u root v sysctl -n net.inet.tcp.msl=1000').stdout).toBe('30000 -> 1000\n');
    expect(lab.run('jexec -u nobody v hostname')).toEqual({ code: 1, stdout: '', stderr: 'jexec: nobody: no such user\n' });
    expect(lab.ok('jexec -n v hostname')).toBe('\n');
  });

  it('keeps a jail while jexec is in it, and ends the command with the interrupt', () => {
    const lab = new Lab();
    lab.out('ifconfig lo0 127.0.0.1/8');
    lab.out('jail -c name=p persist ip4=inherit allow.raw_sockets');
    const ping = lab.start('jexec p ping 127.0.0.1');
    lab.out('jail -m name=p nopersist');
    expect(lab.out('jls name')).toBe('p\n');
    ping.job.interrupt();
    expect([ping.code, lab.out('jls name')]).toEqual([0, '']);
  });

  it('says what is wrong as FreeBSD does', () => {
    const lab = new Lab();
    lab.out('jail -c name=v persist');
    for (const [line, message] of [
      ['jail -c name=v persist', 'jail: "v" already exists'],
      ['jail -c jid=1 persist', 'jail: "1" already exists'],
      ['jail -m name=w persist', 'jail: "w" not found'],
      ['jail -m persist securelevel=1', 'jail: no jail specified'],
      ['jail -r nobody', 'jail: "nobody" not found'],
      ['jail -c name=w persist nonsense=1', 'jail: unknown parameter: nonsense'],
      ['jail -c name=w allow.nonsense persist', 'jail: unknown parameter: allow.nonsense'],
      ['jail -c name=w path=/', 'jail: new jail must persist or attach'],
      ['jail -c name=w persist=maybe', 'jail: persist: unknown boolean value "maybe"'],
      ['jail -c name=w persist children.max=many', 'jail: children.max: non-integer value "many"'],
      ['jail -c name=w persist vnet=mine', 'jail: vnet: unknown jailsys value "mine"'],
      ['jail -c name=w persist ip4.addr=::1', 'jail: ip4.addr: not an IPv4 address: ::1'],
      ['jail -c name=w persist exec.timeout=soon', 'jail: exec.timeout: non-integer value "soon"'],
      ['jail -m name=v vnet', 'jail: vnet cannot be changed after creation'],
      ['jail -m name=v path=/x', 'jail: path cannot be changed after creation'],
      ['jail -c name=w persist depend=x', 'jail: depends on nonexistent jail "x"'],
      ['jail -c -h name=w persist host.hostname=www.example.org', 'jail: host.hostname www.example.org: Name does not resolve'],
      ['jail -c name=w persist exec.jail_user=nobody exec.start=hostname', 'jail: nobody: no such user'],
      ['jail -c name=w persist exec.fib=7 exec.start=hostname', 'jail: setfib: Invalid argument'],
      ['jail -c v', 'jail: no configuration file: name one with -f'],
      ['jail -c -f none.conf', 'jail: none.conf: No such file or directory'],
      ['jexec nobody hostname', 'jexec: jail "nobody" not found'],
      ['jls -j nobody', 'jls: jail "nobody" not found'],
      ['jls nonsense', 'jls: unknown parameter: nonsense'],
    ] as const) {
      expect(lab.fails(line), line).toBe(`1: ${message}`);
    }
    for (const line of ['jail', 'jail -r', 'jail -r a=b', 'jail -R -c a b', 'jail -n x -r v', 'jail v 1 2', 'jail -Z', 'jexec v', 'jexec -l v hostname']) expect(lab.fails(line), line).toMatch(/^1: .*usage: j/s);
    expect(lab.out('jls name')).toBe('v\n');
    const r = lab.sh('jail -c name=w vnet persist vnet.interface=epair9a');
    expect(r).toEqual({ code: 1, stdout: '', stderr: 'ifconfig: interface epair9a does not exist\njail: ifconfig epair9a vnet w: failed\n' });
    expect(lab.out('jls name')).toBe('v\n'); // and the jail has gone again
  });

  it('takes the old command line', () => {
    const lab = new Lab();
    lab.out('ifconfig lo0 127.0.0.1/8');
    expect(lab.out('jail -n old -s 2 /jails/old old.example 127.0.0.1,::1 jls -n')).toBe('');
    expect(lab.out('jail -i /jails/old old.example 127.0.0.1 hostname')).toBe('2\nold.example\n');
    expect(lab.out('jls name')).toBe('');
  });

  it('changes and restarts, whichever the parameters need (-cm, -mr, -cmr)', () => {
    const lab = new Lab();
    lab.out('jail -cm name=v persist securelevel=0');
    lab.out('jail -cm name=v securelevel=1');
    expect(lab.out('jls jid name securelevel')).toBe('1 v 1\n');
    lab.out('jail -mr name=v persist securelevel=2');
    expect(lab.out('jls jid securelevel')).toBe('1 2\n');
    lab.out('jail -mr name=v persist path=/new');
    expect(lab.out('jls jid path securelevel')).toBe('2 /new -1\n');
    lab.out('jail -cmr name=v persist path=/newer');
    expect(lab.out('jls jid path')).toBe('3 /newer\n');
    expect(lab.fails('jail -mr name=w persist')).toBe('1: jail: "w" not found');
    lab.out('jail -rc name=v persist');
    expect(lab.out('jls jid name path')).toBe('4 v /\n');
  });

  it('writes a file with the jails that it has made (-J)', () => {
    const lab = new Files({});
    lab.ok('jail -J /var/run/j -c name=v persist "host.hostname=a b"');
    expect(lab.written['/var/run/j']).toBe('jid=1 name=v persist host.hostname="a b"\n<closed>');
  });
});

describe('jail -r', () => {
  it('T135 takes the vnet away, and returns the interfaces', () => {
    const lab = new Lab().pair();
    const { vnets } = lab.kernel;
    const vnet = vnets.list().find((v) => v.name === 'b')!;
    expect(vnets.count).toBe(3);
    expect(lab.out('ifconfig -l')).toBe('lo0\n');
    expect(lab.out('jail -r b')).toBe('');
    expect([vnets.count, vnet.shutdown]).toEqual([2, true]);
    expect(lab.out('ifconfig -l')).toBe('lo0 epair0b\n');
    expect(lab.out('ifconfig epair0b')).not.toContain('inet');
    lab.out('jail -r a');
    expect(lab.out('ifconfig -l').trim().split(' ').sort()).toEqual(['epair0a', 'epair0b', 'lo0']);
    expect(lab.host.logged.filter((e) => e.text.includes('left behind'))).toEqual([]);
  });

  it('V23 all of them by a wildcard, inner ones with their outer ones', () => {
    const lab = new Lab();
    for (const words of ['name=a vnet children.max=5', 'name=a.b vnet', 'name=a.c', 'name=z']) lab.out(`jail -c persist ${words}`);
    expect(lab.out("jail -R 'a.*'")).toBe('a.c: removed\na.b: removed\n');
    expect(lab.out('jls name')).toBe('a\nz\n');
    expect(lab.out("jail -r '*'")).toBe('z: removed\na: removed\n');
    expect([lab.kernel.vnets.count, lab.kernel.service(JAILS).count]).toEqual([1, 0]);
  });
});

describe('jail -f', () => {
  const CONF = `
    # All jails
    exec.prestart = "hostname pre-\${name}";
    exec.start  = "hostname \${name}.started";
    exec.poststart = "sysctl -n kern.hostname";
    exec.prestop = "hostname prestop-$name";
    exec.stop = "hostname";
    exec.poststop = "sysctl -n kern.hostname";
    path = "/jails/$name";
    host.hostname = "$name.example";
    persist;

    db { depend = net; }
    net { vnet; vnet.interface = epair0b; exec.created = "ifconfig epair0b descr created"; }
    www { depend = db; $port = 80; ip4.addr = "epair0a|10.0.0.\${port}/24"; }
  `;

  it('starts the jails of a file, those that others depend on first, and stops them in reverse', async () => {
    const lab = new Files({ 'j.conf': CONF });
    lab.ok('ifconfig epair create');
    lab.ok('hostname host');
    expect(lab.ok('jail -f j.conf -c')).toBe('net: created\npre-net\ndb: created\npre-db\nwww: created\npre-www\n');
    expect(lab.ok('jls jid name host.hostname path')).toBe('1 net net.started /jails/net\n2 db db.started /jails/db\n3 www www.started /jails/www\n');
    expect(lab.ok('jls -j www ip4.addr')).toBe('10.0.0.80\n');
    expect(lab.ok('ifconfig epair0a')).toContain('inet 10.0.0.80 netmask 0xffffff00');
    expect([lab.ok('ifconfig -l'), lab.ok('jexec net ifconfig epair0b')]).toEqual(['lo0 epair0a\n', expect.stringContaining('description: created') as string]);
    expect(lab.all('jail -f j.conf -c')).toEqual(['0']); // they run
    expect(lab.all('jail -f j.conf -c www')).toEqual(['1', 'jail: "www" already exists']);
    expect(lab.ok("jail -f j.conf -r '*'")).toBe(
      'www.started\nwww: removed\nprestop-www\ndb.started\ndb: removed\nprestop-db\nnet.started\nnet: removed\nprestop-net\n',
    );
    expect([lab.names, lab.ok('ifconfig -l')]).toEqual(['', 'lo0 epair0a epair0b\n']);
    expect(lab.ok('ifconfig epair0a')).not.toContain('inet 10.0.0.80');
    await expect(lab.ok('jail -f j.conf -v -c net')).toMatchFileSnapshot(golden('jail-v'));
    await expect(lab.ok('jail -f j.conf -e "\\t"'.replace('\\t', ' | '))).toMatchFileSnapshot(golden('jail-e'));
  });

  it('starts what a jail depends on with it, and stops what depends on it before it', () => {
    const lab = new Files({ c: 'persist; a { } b { depend = a; } c { depend = b; } d { }' });
    expect(lab.ok('jail -f c -c b')).toBe('a: created\nb: created\n');
    expect(lab.ok('jail -f c -c c')).toBe('c: created\n');
    expect(lab.ok('jail -f c -r b')).toBe('c: removed\nb: removed\n');
    expect(lab.ok('jail -f c -c')).toBe('d: created\nb: created\nc: created\n');
    const said = rows(lab.ok("jail -f c -rc '*'"));
    const at = (what: string): number => said.indexOf(what);
    expect([at('c: removed') < at('b: removed'), at('b: removed') < at('a: removed'), at('a: created') < at('b: created'), at('b: created') < at('c: created')]).toEqual([true, true, true, true]);
    expect(said).toHaveLength(8);
    expect(lab.names.split(' ').sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(lab.ok('jail -f c -m a')).toBe('a: updated\n');
  });

  it('restarts in order: all down, then all up', () => {
    const lab = new Files({ c: 'persist; a { } b { depend = a; } c { depend = b; }' });
    lab.ok('jail -f c -c');
    const said = rows(lab.ok('jail -f c -rc'));
    expect(said.filter((l) => l.endsWith('removed'))).toEqual(['c: removed', 'b: removed', 'a: removed']);
    expect(said.filter((l) => l.endsWith('created'))).toEqual(['a: created', 'b: created', 'c: created']);
    expect(lab.names).toBe('a b c');
  });

  it('refuses circles, and what depends on what is not there', () => {
    const lab = new Files({
      circle: 'persist; a { depend = c; } b { depend = a; } c { depend = b; } d { } e { depend = a; }',
      self: 'persist; a { depend = a; }',
      none: 'persist; a { depend = z; } b { depend = a; } c { }',
    });
    expect(lab.all('jail -f circle -c')).toEqual(['1', 'd: created', 'jail: a: dependency loop', 'jail: b: skipped', 'jail: e: skipped', 'jail: c: skipped']);
    expect(lab.all('jail -f self -c')).toEqual(['1', 'jail: a: dependency loop']);
    expect(lab.all('jail -f none -c')).toEqual(['1', 'c: created', 'jail: a: depends on undefined jail "z"', 'jail: b: skipped']);
    expect(lab.names).toBe('d c');
  });

  it('undoes a start that fails, and skips what depends on it', () => {
    const lab = new Files({
      c: 'persist; vnet; a { vnet.interface = epair0b; exec.start = "hostname", "nonsense x"; exec.poststart = "hostname never"; } b { depend = a; } c { }',
      pre: 'persist; a { exec.prestart = "nonsense"; }',
      iface: 'persist; a { ip4.addr = "epair0a|10.9.9.9/24", "none0|10.9.9.8/24"; }',
      param: 'persist; a { colour = red; path = x; }',
      path: 'persist; a { path = x; }',
    });
    lab.ok('ifconfig epair create');
    expect(lab.all('jail -f c -c')).toEqual(['1', 'a: created', 'a: removed', 'c: created', 'sh: nonsense: not found', 'jail: a: nonsense x: failed', 'jail: b: skipped']);
    expect([lab.names, lab.ok('ifconfig -l')]).toEqual(['c', 'lo0 epair0a epair0b\n']);
    expect(lab.all('jail -f pre -c')).toEqual(['1', 'sh: nonsense: not found', 'jail: a: nonsense: failed']);
    expect(lab.all('jail -f iface -c')).toEqual(['1', 'ifconfig: interface none0 does not exist', 'jail: a: ifconfig none0 inet 10.9.9.8/24 alias: failed']);
    expect(lab.ok('ifconfig epair0a')).not.toContain('10.9.9.9');
    expect(lab.all('jail -f param -c')).toEqual(['1', 'jail: a: unknown parameter: colour']);
    expect(lab.all('jail -f path -c')).toEqual(['1', 'jail: a: path x: not an absolute pathname']);
  });

  it('keeps a jail whose exec.stop fails', () => {
    const lab = new Files({ c: 'persist; a { exec.stop = "nonsense"; exec.poststop = "hostname gone"; }' });
    lab.ok('jail -f c -c');
    expect(lab.all('jail -f c -r a')).toEqual(['1', 'sh: nonsense: not found', 'jail: a: nonsense: failed']);
    expect(lab.names).toBe('a');
    expect(lab.all('jail -r a')).toEqual(['0']); // without the file there is no exec.stop
  });

  it('says where a file is wrong, and does nothing', () => {
    const lab = new Files({ bad: 'a { persist; }\nb {\n  path = ;\n  "unterminated\n}\n', '-': '' });
    expect(lab.all('jail -f bad -c')).toEqual(['1', 'jail: bad line 3: ;: syntax error', 'jail: bad line 4: unterminated string', 'jail: bad line 5: }: syntax error']);
    expect(lab.names).toBe('');
    const stdin = exec(lab.kernel, 'jail -f - -c', { stdin: 'a { persist }' });
    expect(stdin).toEqual({ code: 1, stdout: '', stderr: 'jail: STDIN line 1: }: syntax error\n' });
    expect(exec(lab.kernel, 'jail -f - -c', { stdin: 'a { persist; }' }).stdout).toBe('a: created\n');
  });

  it('waits for commands that take time, ends them after exec.timeout, and at an interrupt', () => {
    const lab = new Files({
      c: 'persist; vnet; a { exec.start = "ifconfig lo0 127.0.0.1/8", "ping -c 3 127.0.0.1"; } b { depend = a; }',
      t: 'persist; vnet; x { exec.timeout = 2; exec.start = "ifconfig lo0 127.0.0.1/8", "ping 127.0.0.1"; }',
    });
    const go = (line: string): { out: string; err: string; code: number | null; stop: () => void } => {
      const s = { out: '', err: '', code: null as number | null, stop: (): void => {} };
      const job = start(lab.kernel, line, { out: (t) => void (s.out += t), err: (t) => void (s.err += t), exit: (c) => void (s.code = c) }, { env: lab.with });
      s.stop = () => job.interrupt();
      return s;
    };
    const first = go('jail -f c -c');
    lab.host.advance(500_000);
    expect([first.code, lab.names]).toEqual([null, 'a']);
    lab.host.advance(5_000_000);
    expect([first.code, lab.names, first.err]).toEqual([0, 'a b', '']);
    const timed = go('jail -f t -c');
    lab.host.advance(1_900_000);
    expect(timed.code).toBeNull();
    lab.host.advance(200_000);
    expect([timed.code, timed.err, lab.names]).toEqual([1, 'jail: x: ping 127.0.0.1: timed out\n', 'a b']);
    lab.ok("jail -r a b");
    const cut = go('jail -f c -c a');
    lab.host.advance(100_000);
    cut.stop();
    expect([cut.code, cut.err, lab.names]).toEqual([1, 'jail: a: ping -c 3 127.0.0.1: failed\njail: b: skipped\n', '']);
    // exec() does not wait
    expect(lab.all('jail -f c -c a')).toContain('ping: takes time: use start(), not exec()');
  });

  it('bounds files that call themselves', () => {
    const lab = new Files({ c: 'persist; a { exec.prestart = "jail -f c -c a"; }' });
    expect(lab.all('jail -f c -c a')).toContain('sh: too many commands inside each other');
    expect(lab.names).toBe('');
  });

  it('works in a jail, for the jails inside', () => {
    const lab = new Files({ c: 'persist; inner { host.hostname = in; }' });
    lab.ok('jail -c name=outer vnet persist children.max=2');
    expect(lab.run('jail -f c -c', 'outer').stdout).toBe('inner: created\n');
    expect(lab.names).toBe('outer outer.inner');
    expect(lab.run("jail -f c -r '*'", 'outer').stdout).toBe('inner: removed\n');
  });
});

describe('interfaces of jails', () => {
  it('move between jails in jails, and home when one ends, under a new name if theirs is taken', () => {
    const lab = new Lab();
    lab.out('jail -c name=a vnet persist children.max=2');
    lab.out('jail -c name=a.b vnet persist');
    lab.out('ifconfig epair create');
    lab.out('ifconfig epair0b vnet a');
    lab.out('jexec a ifconfig epair0b vnet b');
    expect([lab.out('ifconfig -l', 'a'), lab.out('ifconfig -l', 'a.b')]).toEqual(['lo0\n', 'lo0 epair0b\n']);
    lab.out('jexec a ifconfig epair0b -vnet b');
    expect(lab.out('ifconfig -l', 'a')).toBe('lo0 epair0b\n');
    lab.out('jexec a ifconfig epair0b vnet b');
    lab.out('ifconfig epair1 create name epair0b');
    lab.out('jail -r a');
    const list = lab.out('ifconfig -l').trim().split(' ');
    expect(list).toHaveLength(5);
    expect(new Set(list).size).toBe(5);
    expect(list).toContain('epair0b');
    expect(lab.host.logged.filter((e) => e.text.includes('left behind'))).toEqual([]);
  });

  it('stay where they are when they may not move', () => {
    const lab = new Lab().pair();
    lab.out('jail -c name=shared persist ip4=inherit');
    lab.out('ifconfig epair create name lan');
    expect(lab.fails('ifconfig lan vnet shared')).toMatch(/^1: ifconfig: SIOCSIFVNET: /);
    expect(lab.fails('ifconfig lan vnet nobody')).toBe('1: ifconfig: jail "nobody" not found');
    expect(lab.fails('ifconfig lan -vnet a')).toMatch(/^1: ifconfig: SIOCSIFRVNET/);
    expect(lab.fails('ifconfig epair0a vnet b', 'a')).toBe('1: ifconfig: jail "b" not found');
    expect(lab.fails('ifconfig lan vnet a', 'shared')).toMatch(/^1: ifconfig: /);
    expect(lab.out('ifconfig -l')).toContain('lan');
  });
});
