import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { nd6Secret } from '@ns/nd6';
import { createStack, type Stack } from '@ns/stack';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../src/ns/client.ts';
import { interpret, loadConfig, nameOfFile } from '../src/ns/config.ts';
import { type Host, main, up } from '../src/ns/main.ts';
import { checkName, listSockets, socketDir, socketOfName, socketOfOption } from '../src/ns/paths.ts';
import { LineReader, parseRequest, REQUEST_MAX } from '../src/ns/protocol.ts';
import { ControlServer } from '../src/ns/server.ts';

let dir: string;
let cleanup: (() => unknown)[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ns-test-'));
  cleanup = [];
});

afterEach(async () => {
  for (const fn of cleanup.reverse()) await fn();
  rmSync(dir, { recursive: true, force: true });
});

async function serve(path: string = join(dir, 'ctl.sock')): Promise<{ stack: Stack; server: ControlServer; path: string }> {
  const stack = createStack({ log: () => {} });
  const server = new ControlServer({ kernel: stack.kernel, path, name: 'test', config: 'test.mjs', onDown: () => {} });
  await server.listen();
  cleanup.push(async () => {
    await server.close();
    stack.shutdown();
  });
  return { stack, server, path };
}

function client(path: string): ControlClient {
  const c = new ControlClient(path);
  cleanup.push(() => c.close());
  return c;
}

/** Runs a command to its end. */
async function run(c: ControlClient, words: string | readonly string[], jail: string | null = null): Promise<{ code: number; out: string; err: string }> {
  const got = { code: -1, out: '', err: '' };
  got.code = await c.exec(words, jail, { out: (t) => void (got.out += String(t)), err: (t) => void (got.err += t) });
  return got;
}

/** A raw connection, and the lines that came. */
async function raw(path: string): Promise<{ socket: Socket; lines: string[]; closed: Promise<void>; waitFor(n: number): Promise<void> }> {
  const socket = connect(path);
  cleanup.push(() => socket.destroy());
  const lines: string[] = [];
  let rest = '';
  let wake: () => void = () => {};
  socket.on('data', (d) => {
    const parts = (rest + d.toString()).split('\n');
    rest = parts.pop() as string;
    lines.push(...parts);
    wake();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((done) => socket.on('close', () => done()));
  await new Promise<void>((done) => socket.on('connect', () => done()));
  return {
    socket,
    lines,
    closed,
    async waitFor(n) {
      while (lines.length < n) await new Promise<void>((done) => (wake = done));
    },
  };
}

describe('control socket', () => {
  it('is for its owner alone from the moment it exists', async () => {
    const mask = process.umask(0);
    cleanup.push(() => process.umask(mask));
    const path = join(dir, 'ctl.sock');
    const stack = createStack({ log: () => {} });
    const server = new ControlServer({ kernel: stack.kernel, path, name: 'test' });
    const listening = server.listen();
    expect(lstatSync(path).mode & 0o777).toBe(0o600); // before the event loop has turned
    expect(process.umask(0)).toBe(0); // the mask of the process is as it was
    await listening;
    await server.close();
    expect(existsSync(path)).toBe(false);
    stack.shutdown();
  });

  it('runs commands, with output and exit code apart', async () => {
    const { path } = await serve();
    const c = client(path);
    expect((await c.hello).name).toBe('test');
    expect(await run(c, 'jail -i -c name=web vnet persist')).toEqual({ code: 0, out: '1\n', err: '' });
    expect(await run(c, ['ifconfig', 'nix0'])).toEqual({ code: 1, out: '', err: 'ifconfig: interface nix0 does not exist\n' });
    expect(await run(c, 'sysctl -a | grep -c net.inet.tcp.msl')).toEqual({ code: 0, out: '1\n', err: '' });
    expect(await run(c, 'ifconfig -l', 'web')).toEqual({ code: 0, out: 'lo0\n', err: '' });
    expect(await run(c, 'ifconfig -l', 'nowhere')).toEqual({ code: 1, out: '', err: 'jexec: jail "nowhere" not found\n' });
    expect(await c.info()).toMatchObject({ name: 'test', pid: process.pid, jails: 1, config: 'test.mjs' });
  });

  it('serves several clients at once, whose commands do not wait for each other', async () => {
    const { path } = await serve();
    const [a, b] = [client(path), client(path)];
    await run(a, 'ifconfig lo0 127.0.0.1/8');
    const ticks: string[] = [];
    let interrupt: () => void = () => {};
    const ping = a.exec('ping -i 0.01 127.0.0.1', null, { out: (t) => void ticks.push(String(t)), err: () => {} }, (fn) => (interrupt = fn));
    while (ticks.length < 4) expect((await run(b, 'hostname')).code).toBe(0);
    interrupt();
    expect(await ping).toBe(0);
    expect(ticks.join('')).toMatch(/^PING 127\.0\.0\.1 .*\n64 bytes from 127\.0\.0\.1: icmp_seq=0 /);
    expect(ticks.join('')).toMatch(/packets transmitted, [0-9]+ packets received, 0\.0% packet loss\n/);
  });

  it('ends the commands of a client that goes away', async () => {
    const { path, stack } = await serve();
    const [a, b] = [client(path), client(path)];
    await run(b, 'ifconfig lo0 127.0.0.1/8');
    const gone = a.exec('ping 127.0.0.1', null, { out: () => {}, err: () => {} }).catch((e: Error) => e.message);
    while (!(await run(b, 'netstat -an')).out.includes('icm4')) await new Promise((r) => setTimeout(r, 1));
    a.close();
    expect(await gone).toBe('the stack has gone');
    while ((await run(b, 'netstat -an')).out.includes('icm4')) await new Promise((r) => setTimeout(r, 1));
    expect(stack.kernel.isLoaded('rawip')).toBe(true);
  });

  it('lets the client write files, and only those that it named', async () => {
    const { path } = await serve();
    const c = client(path);
    await run(c, 'ifconfig lo0 127.0.0.1/8');
    const file = join(dir, 'out.pcapng');
    const capture = run(c, ['tcpdump', '-i', 'lo0', '-c', '2', '-w', file]);
    await run(c, 'ping -c 1 127.0.0.1');
    expect(await capture).toMatchObject({ code: 0, out: '' });
    const bytes = readFileSync(file);
    expect(bytes.readUInt32LE(0)).toBe(0x0a0d0d0a);
    expect(bytes.length).toBeGreaterThan(300);
  });

  it('refuses a stack that wants to write where it was not told to', async () => {
    const path = join(dir, 'evil.sock');
    const evil = createServer((s) => {
      s.write('{"ns":1,"name":"evil","pid":1}\n');
      s.on('data', () => s.write(`{"id":1,"file":0,"open":"${dir}/stolen"}\n{"id":1,"file":0,"data":"AAAA"}\n{"id":1,"exit":0}\n`));
    });
    await new Promise<void>((done) => evil.listen(path, () => done()));
    cleanup.push(() => evil.close());
    const r = await run(client(path), 'netstat -an');
    expect(r.code).toBe(1);
    expect(r.err).toContain('not a file of this command');
    expect(existsSync(join(dir, 'stolen'))).toBe(false);
  });

  it('has the client read files, those that it named and that they include, and no others', async () => {
    const { path } = await serve();
    const c = client(path);
    const conf = join(dir, 'jail.conf');
    writeFileSync(conf, '.include "more.conf";\n.include "none.conf";\n');
    writeFileSync(join(dir, 'more.conf'), 'a { persist; }\n');
    expect(await run(c, ['jail', '-f', conf, '-c'])).toEqual({ code: 1, out: '', err: `jail: ${conf} line 2: ${dir}/none.conf: No such file or directory\n` });
    writeFileSync(conf, '.include "more.conf";\nb { persist; depend = a; exec.prestart = "jail -f other -c"; }\n');
    expect(await run(c, `jail -f ${conf} -c a | grep a`)).toEqual({ code: 0, out: 'a: created\n', err: '' });
    expect((await run(c, ['jail', '-f', conf, '-c', 'b'])).err).toBe('jail: other: No such file or directory\njail: b: jail -f other -c: failed\n');
    writeFileSync(join(dir, 'sysctl.conf'), 'net.inet.tcp.msl=1000 # fast\n');
    expect((await run(c, ['sysctl', '-f', join(dir, 'sysctl.conf')])).out).toBe('net.inet.tcp.msl: 30000 -> 1000\n');
    writeFileSync(conf, `# ${'x'.repeat(REQUEST_MAX)}`);
    expect(await run(c, ['jail', '-f', conf, '-c'])).toEqual({ code: 1, out: '', err: `ns: ${conf}: too large\n` });
  });

  it('refuses a stack that wants to read what it was not told to', async () => {
    const path = join(dir, 'evil.sock');
    const secret = join(dir, 'secret');
    writeFileSync(secret, 'secret');
    const got: string[] = [];
    const evil = createServer((s) => {
      s.write('{"ns":1,"name":"evil","pid":1}\n');
      s.on('data', (d) => {
        got.push(d.toString());
        s.write(`{"id":1,"need":"${secret}"}\n`);
      });
    });
    await new Promise<void>((done) => evil.listen(path, () => done()));
    cleanup.push(() => evil.close());
    expect(await run(client(path), 'jail -f x -c')).toEqual({ code: 1, out: '', err: `ns: ${secret}: not a file of this command\n` });
    expect(got.join('')).not.toContain('"files"');
  });

  it('takes what is malformed for what it is', async () => {
    const { path } = await serve();
    const r = await raw(path);
    const bad = ['', 'x', '[]', '1', 'null', '{}', '{"id":-1,"op":"exec"}', '{"id":1,"op":"rm"}', '{"id":1,"op":"exec"}', '{"id":1,"op":"exec","words":[1]}', '{"id":1,"op":"exec","words":"a","jail":{}}'];
    for (const b of bad) r.socket.write(`${b}\n`);
    await r.waitFor(1 + bad.length);
    for (const l of r.lines.slice(1)) expect(JSON.parse(l)).toMatchObject({ id: null, error: expect.stringMatching(/^bad request: /) as string });
    r.socket.write('{"id":7,"op":"exec","words":"hostname"}\n');
    await r.waitFor(bad.length + 3);
    expect(JSON.parse(r.lines.at(-1) as string)).toEqual({ id: 7, exit: 0 });
    for (let i = 0; i < 20; i++) r.socket.write('x\n');
    await r.closed; // enough is enough
  });

  it('closes on a request that is too long, whether it ends or not', async () => {
    const { path } = await serve();
    for (const tail of ['', '\n']) {
      const r = await raw(path);
      r.socket.write(`{"id":1,"op":"exec","words":"${'x'.repeat(REQUEST_MAX)}${tail}`);
      await r.closed;
      expect(r.lines.at(-1)).toBe('{"id":null,"error":"bad request: request longer than 262144 bytes"}');
    }
    expect((await run(client(path), 'hostname')).code).toBe(0);
  });

  it('drops a client that does not read, and no other', async () => {
    const { path } = await serve();
    const r = await raw(path);
    r.socket.pause();
    let id = 0;
    const flood = setInterval(() => {
      for (let i = 0; i < 20; i++) r.socket.write(`{"id":${++id},"op":"exec","words":"sysctl -a"}\n`);
    }, 1);
    cleanup.push(() => clearInterval(flood));
    const other = client(path);
    while ((await run(other, 'hostname')).code === 0 && !r.socket.destroyed && id < 100_000) {
      if (r.socket.writableLength > 4_000_000) break;
      await new Promise((done) => setTimeout(done, 5));
    }
    clearInterval(flood);
    r.socket.resume();
    await r.closed;
    expect((await run(other, 'hostname')).code).toBe(0);
  }, 60_000);

  it('bounds the commands of one client', async () => {
    const { path } = await serve();
    const r = await raw(path);
    r.socket.write('{"id":0,"op":"exec","words":"ifconfig lo0 127.0.0.1/8"}\n');
    for (let id = 1; id <= 33; id++) r.socket.write(`{"id":${id},"op":"exec","words":"ping -q 127.0.0.1"}\n`);
    r.socket.write('{"id":1,"op":"exec","words":"hostname"}\n');
    const errors = (): string[] => r.lines.filter((l) => l.includes('"error"'));
    while (errors().length < 2) await r.waitFor(r.lines.length + 1);
    expect(errors()).toEqual(['{"id":33,"error":"too many commands at a time"}', '{"id":1,"error":"this id is in use"}']);
  });

  it('takes the place of a stack that died, not of one that lives, nor of a file', async () => {
    const { path } = await serve();
    const again = new ControlServer({ kernel: createStack({ log: () => {} }).kernel, path, name: 'b' });
    await expect(again.listen()).rejects.toThrow(/a stack is already running on/);
    const file = join(dir, 'file');
    writeFileSync(file, 'precious');
    const onFile = new ControlServer({ kernel: createStack({ log: () => {} }).kernel, path: file, name: 'c' });
    await expect(onFile.listen()).rejects.toThrow(/is no socket/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    const stale = join(dir, 'stale.sock');
    // A process that is killed leaves its socket behind.
    const { spawnSync } = await import('node:child_process');
    spawnSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`]);
    expect(lstatSync(stale).isSocket()).toBe(true);
    const { path: taken } = await serve(stale);
    expect((await run(client(taken), 'hostname')).code).toBe(0);
  });
});

describe('lines', () => {
  it('come out as they went in, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\n', ' '))), fc.array(fc.integer({ min: 1, max: 9 })), (texts, cuts) => {
        const bytes = Buffer.from(texts.map((t) => `${t}\n`).join(''));
        const reader = new LineReader(10_000);
        const got: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const n = cuts[i % Math.max(1, cuts.length)] ?? bytes.length;
          got.push(...(reader.push(bytes.subarray(at, at + n)) ?? ['too long']));
          at += n;
        }
        expect(got).toEqual(texts);
      }),
    );
  });

  it('are bounded in bytes', () => {
    expect(new LineReader(4).push(Buffer.from('abcd\nabcd\n'))).toEqual(['abcd', 'abcd']);
    expect(new LineReader(4).push(Buffer.from('abcde\n'))).toBeNull();
    expect(new LineReader(4).push(Buffer.from('abcde'))).toBeNull();
    const r = new LineReader(4);
    expect(r.push(Buffer.from('abc'))).toEqual([]);
    expect(r.push(Buffer.from('de'))).toBeNull();
  });

  it('of any text are requests or refused, never thrown', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => ['string', 'object'].includes(typeof parseRequest(text))));
    expect(parseRequest('{"id":1,"op":"exec","words":["a"],"jail":3}')).toEqual({ id: 1, op: 'exec', words: ['a'], jail: 3 });
  });
});

describe('paths', () => {
  it('are in a directory of the user alone', () => {
    chmodSync(dir, 0o700);
    expect(socketDir({ XDG_RUNTIME_DIR: dir })).toBe(dir);
    const open = join(dir, 'open');
    mkdirSync(open);
    chmodSync(open, 0o755);
    const fallback = socketDir({ XDG_RUNTIME_DIR: open });
    expect(fallback).not.toBe(open);
    expect(lstatSync(fallback).mode & 0o777).toBe(0o700);
    const link = join(dir, 'link');
    symlinkSync(dir, link);
    expect(socketDir({ XDG_RUNTIME_DIR: link })).toBe(fallback);
  });

  it('come from names that cannot lead elsewhere', () => {
    const env = { XDG_RUNTIME_DIR: dir };
    chmodSync(dir, 0o700);
    expect(socketOfName('lab', env)).toBe(join(dir, 'ns-lab.sock'));
    expect(socketOfOption('lab', env)).toBe(join(dir, 'ns-lab.sock'));
    expect(socketOfOption('./x.sock', env)).toBe(join(process.cwd(), 'x.sock'));
    for (const bad of ['', '..', '../x', 'a/b', 'a b', '-x', 'x'.repeat(65)]) expect(() => checkName(bad), bad).toThrow(/is no name/);
    expect(() => socketOfOption(`/${'d'.repeat(120)}/x`, env)).toThrow(/longer than/);
  });
});

describe('ns', () => {
  function host(env: Host['env']): Host & { text: string; errors: string; signal: () => void } {
    const h = {
      env,
      text: '',
      errors: '',
      signal: (): void => {},
      out: (t: string | Uint8Array): void => void (h.text += String(t)),
      err: (t: string): void => void (h.errors += t),
      onSignal: (fn: (s: string) => void): (() => void) => {
        h.signal = () => fn('SIGINT');
        return () => {};
      },
    };
    return h;
  }

  const CONFIG = `export default (stack) => {
    const web = stack.jail({ name: 'web', vnet: 'new', 'host.hostname': 'web.example' });
    stack.link(stack.host, '10.0.0.1/24', web, '10.0.0.2/24');
  };`;

  it('brings a stack up, runs commands in it, lists it and takes it down', async () => {
    chmodSync(dir, 0o700);
    const env = { XDG_RUNTIME_DIR: dir };
    const file = join(dir, 'lab.config.mjs');
    writeFileSync(file, CONFIG);
    const u = host(env);
    const running = main(['up', file], u);
    while (u.text === '') await new Promise((r) => setTimeout(r, 5));
    expect(u.text).toBe(`ns: serving ${file} on ${join(dir, 'ns-lab.sock')}\n`);
    const ns = async (...argv: string[]): Promise<[number, string, string]> => {
      const h = host(env);
      return [await main(argv, h), h.text, h.errors];
    };
    expect(await ns('-j', 'web', 'hostname')).toEqual([0, 'web.example\n', '']);
    expect(await ns('-s', 'lab', 'jls name')).toEqual([0, 'web\n', '']);
    expect((await ns('ping -c 2 -i 0.01 10.0.0.2 | grep received'))[1]).toMatch(/^2 packets transmitted, 2 packets received, 0\.0% packet loss\n$/);
    expect(await ns('nonsense')).toEqual([127, '', 'sh: nonsense: not found\n']);
    const [, list] = await ns('ps');
    expect(list.split('\n')[1]).toMatch(new RegExp(`^lab +${process.pid} +[0-9]+s +1 ${join(dir, 'ns-lab.sock')}$`));
    expect(await ns('down')).toEqual([0, '', '']);
    expect(await running).toBe(0);
    expect(listSockets(env)).toEqual([]);
    expect(await ns('jls')).toEqual([1, '', "ns: no stack is running; start one with 'ns up'\n"]);
  });

  it('ends on a signal', async () => {
    chmodSync(dir, 0o700);
    const file = join(dir, 'x.mjs');
    writeFileSync(file, 'export default {};');
    const h = host({ NS_SOCKET: join(dir, 'own.sock') });
    const running = main(['up', file], h);
    while (h.text === '') await new Promise((r) => setTimeout(r, 5));
    expect(existsSync(join(dir, 'own.sock'))).toBe(true);
    h.signal();
    expect(await running).toBe(0);
  });

  it('keeps the secret of stable addresses: the same after a restart, for its user alone', async () => {
    chmodSync(dir, 0o700);
    const file = join(dir, 'stable.mjs');
    writeFileSync(file, "export default { name: 'st', setup(stack) { stack.host.sysctl('net.inet6.ip6.use_stableaddr', 1); stack.jail({ name: 'a', vnet: 'new' }); } };");
    const env = { XDG_RUNTIME_DIR: dir, XDG_STATE_HOME: join(dir, 'state') };
    const path = join(dir, 'state', 'ns', 'st.secret');
    const secrets = async (e: typeof env | { XDG_RUNTIME_DIR: string }): Promise<string[]> => {
      const handle = await up(file, null, e);
      const found = [handle.stack.host, ...handle.stack.jails()].map((j) => Buffer.from(nd6Secret(j.vnet)).toString('hex'));
      handle.down();
      await handle.done;
      return found;
    };
    const first = await secrets(env);
    expect([statSync(path).mode & 0o777, readFileSync(path).length, readdirSync(join(dir, 'state', 'ns'))]).toEqual([0o600, 32, ['st.secret']]);
    expect(await secrets(env)).toEqual(first);
    expect(new Set(first).size).toBe(2); // each vnet has its own
    expect(first).not.toContain(readFileSync(path).toString('hex'));
    expect(await secrets({ XDG_RUNTIME_DIR: dir })).not.toEqual(first); // nowhere to keep it
    chmodSync(path, 0o644);
    await expect(up(file, null, env)).rejects.toThrow(/chmod 600/);
    chmodSync(path, 0o600);
    writeFileSync(path, 'short');
    await expect(up(file, null, env)).rejects.toThrow(/5 bytes, not 32/);
    rmSync(path);
    expect(await secrets(env)).not.toEqual(first);
  });

  it('interrupts what runs, on a signal', async () => {
    chmodSync(dir, 0o700);
    const file = join(dir, 'x.mjs');
    writeFileSync(file, "export default { name: 'sig', setup(stack) { stack.host.addAddress('lo0', '127.0.0.1/8'); } };");
    const env = { XDG_RUNTIME_DIR: dir };
    const handle = await up(file, null, env);
    expect(handle.path).toBe(join(dir, 'ns-sig.sock'));
    const h = host(env);
    const done = main(['ping', '-i', '0.01', '127.0.0.1'], h);
    while (!h.text.includes('icmp_seq=2')) await new Promise((r) => setTimeout(r, 5));
    h.signal();
    expect(await done).toBe(0);
    expect(h.text).toContain('ping statistics');
    handle.down();
    await handle.done;
  });

  it('says what is wrong with a configuration', async () => {
    const write = (name: string, text: string): string => {
      const file = join(dir, name);
      writeFileSync(file, text);
      return file;
    };
    await expect(loadConfig(join(dir, 'missing.mjs'))).rejects.toThrow(/no such file/);
    await expect(loadConfig(write('a.mjs', 'export default 3;'))).rejects.toThrow(/neither a function nor an object/);
    await expect(loadConfig(write('b.mjs', 'export const x = 1;'))).rejects.toThrow(/neither a function nor an object/);
    expect(() => interpret('c', { name: 3 })).toThrow(/name is not a text/);
    const failing = await loadConfig(write('d.mjs', 'export default () => { throw new Error("no such luck"); };'));
    await expect(failing.build()).rejects.toThrow('no such luck');
    expect(nameOfFile('/x/lab.config.ts')).toBe('lab');
    expect(nameOfFile('my lab.mjs')).toBe('my-lab');
  });

  it('reads TypeScript', async () => {
    const file = join(dir, 't.ts');
    writeFileSync(file, "import type { Stack } from '@ns/stack';\nexport default (stack: Stack): void => { stack.jail({ name: 'ts', vnet: 'new' }); };");
    const stack = await (await loadConfig(file)).build();
    expect(stack.jails().map((j) => j.name)).toEqual(['ts']);
    stack.shutdown();
  });

  it('explains itself', async () => {
    const h = host({});
    expect(await main(['-h'], h)).toBe(0);
    expect(h.text).toMatch(/^usage: ns up/);
    expect(await main([], host({}))).toBe(64);
    expect(await main(['up'], host({}))).toBe(64);
    const bad = host({});
    expect(await main(['-x'], bad)).toBe(64);
    expect(bad.errors).toMatch(/^ns: illegal option -x\nusage/);
  });
});
