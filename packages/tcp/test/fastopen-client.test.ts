import { EINVAL, EPERM } from '@ns/errno';
import { type Socket, sosendCopy, sosetopt } from '@ns/socket';
import { TCP_FASTOPEN, type TcpFastopen } from '@ns/tcp';
import { setkey, TCP_KEYS, tcpSignature } from '@ns/tcp-signature';
import { describe, expect, it } from 'vitest';
import { pskCookie } from '../src/fastopen-keys.ts';
import { getopt } from './opt.ts';
import { type Inject, MSS, Peer, type PeerOptions } from './peer.ts';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from './wire-names.ts';

const TCP_MD5SIG = 16;
const OLD = [1, 2, 3, 4, 5, 6, 7, 8];
const FO = (cookie: readonly number[]): number[] => [34, 2 + cookie.length, ...cookie];
const text = (cookie: readonly number[] | Uint8Array): string => Buffer.from(cookie).toString('hex');

/** A stack that connects to one server again and again; each connection ends with a reset. */
class Client extends Peer {
  constructor(o: PeerOptions = {}) {
    super({ pport: 80, ...o });
  }

  setopt(so: Socket, val: unknown): number {
    return sosetopt(so, IPPROTO_TCP, TCP_FASTOPEN, val);
  }

  /** Sends `data` with the option; returns the SYN. */
  syn(val: number | TcpFastopen = 1, data: Uint8Array = new Uint8Array(100)): string | null {
    this.iss = 0;
    this.issKnown = false;
    const so = this.socket();
    expect(this.setopt(so, val)).toBe(0);
    expect(sosendCopy(so, new Sockaddr(parseInAddr('10.0.0.2')!, 80), data, 0, data.length, 0)).toBe(data.length);
    this.host.settle();
    this.lport = this.outs[0]!.sport;
    return this.next();
  }

  answer(line: string, opts: readonly number[], x: Inject = {}): void {
    this.inject(line, { opts, ...x });
    this.outs.length = 0;
    this.inject('R 1:1(0)');
    this.run(1);
    this.outs.length = 0;
  }

  /** What the next SYN has: the cookie, '' for a request, null for nothing. */
  probe(): string | null {
    const syn = this.syn();
    const m = /FO ?([0-9a-f]*)/.exec(syn ?? '');
    this.answer('R. 0:0(0) ack 1', []);
    return m === null ? null : m[1]!;
  }
}

const list = (p: Peer, privileged: boolean = true): string => String(p.kernel.sysctl.sysctlGet('net.inet.tcp.fastopen.ccache_list', { vnet: p.vnet, jailed: false, privileged }).value);

describe('Fast Open client', () => {
  it('remembers a cookie for the address and port it came from', () => {
    const p = new Client();
    expect(p.syn()).toContain('FO,');
    p.answer('S. 0:0(0) ack 1', [...MSS(1400), ...FO(OLD)]);
    expect(p.probe()).toBe(text(OLD));
    expect(list(p)).toContain(`10.0.0.1             10.0.0.2                80  1400       No ${text(OLD)}\n`);
    expect(list(p, false)).not.toContain(text(OLD));
  });

  it.each([
    ['a length of 0', [34, 0, 1, 2]],
    ['a length of 1', [34, 1, 1, 2]],
    ['a length beyond the options', [34, 20, 1, 2]],
    ['no length', [34]],
    ['an odd length', [34, 9, 1, 2, 3, 4, 5, 6, 7]],
    ['an option behind the end of the list', [0, 34, 6, 9, 9, 9, 9]],
  ])('an option with %s gives no cookie, and the path is disabled', (_, opts) => {
    const p = new Client();
    p.syn();
    p.answer('S. 0:0(0) ack 1', [...MSS(1460), ...opts]);
    expect(p.probe()).toBe(null);
  });

  it('a cookie that nobody asked for is not kept', () => {
    const p = new Client();
    const so = p.connect(p.socket());
    p.lport = p.outs[0]!.sport;
    p.inject('S. 0:0(0) ack 1', { opts: [...MSS(1460), ...FO(OLD)] });
    expect(getopt(so, IPPROTO_TCP, TCP_FASTOPEN)).toBe(0);
    expect(p.tcp.fastopen.cache.count).toBe(0);
    // Nor on a path that is disabled: nothing was offered.
    p.inject('R 1:1(0)');
    p.outs.length = 0;
    p.syn();
    p.answer('S. 0:0(0) ack 1', MSS(1460));
    expect(p.syn()).not.toContain('FO');
    p.answer('S. 0:0(0) ack 1', [...MSS(1460), ...FO(OLD)]);
    expect(p.probe()).toBe(null);
  });

  it('of two cookies the later counts', () => {
    const p = new Client();
    p.syn();
    p.answer('S. 0:0(0) ack 1', [...MSS(1460), ...FO([9, 9, 9, 9]), ...FO([7, 7, 7, 7])]);
    expect(p.probe()).toBe('07070707');
  });

  it('a cookie on a segment without SYN means nothing', () => {
    const p = new Client();
    p.syn();
    p.inject('S. 0:0(0) ack 1', { opts: [...MSS(1460), ...FO(OLD)] });
    p.inject('. 1:1(0) ack 101', { opts: FO([9, 9, 9, 9]) });
    p.answer('. 1:1(0) ack 101', []);
    expect(p.probe()).toBe(text(OLD));
  });

  it('with a pre-shared key sends the hash of the cookie, and asks for a cookie without giving the key away', () => {
    const p = new Client();
    const psk = Uint8Array.from({ length: 16 }, (_, i) => i + 0x40);
    expect(p.syn({ enable: true, psk })).toContain('FO,eol');
    p.answer('S. 0:0(0) ack 1', [...MSS(1460), ...FO(OLD)]);
    const want = new Uint8Array(8);
    pskCookie(psk, Uint8Array.from(OLD), 8, want);
    const syn = p.syn({ enable: 1, psk });
    expect(syn).toContain(`FO ${text(want)}`);
    expect(syn).toContain('S 0:100(100)');
    p.answer('S. 0:0(0) ack 101', [...MSS(1460)]);
    // What is remembered is the server's.
    expect(p.probe()).toBe(text(OLD));
  });

  it.each([
    ['no value', undefined],
    ['null', null],
    ['text', '1'],
    ['a fraction', 0.5],
    ['a key that is too short', { enable: true, psk: new Uint8Array(15) }],
    ['a key that is none', { enable: true, psk: 'sixteen letters!' }],
    ['a key alone', { psk: new Uint8Array(16) }],
  ])('%s is no value of the option', (_, val) => {
    const p = new Client();
    const so = p.socket();
    expect(p.setopt(so, val)).toBe(EINVAL);
    expect(getopt(so, IPPROTO_TCP, TCP_FASTOPEN)).toBe(0);
    expect(p.setopt(so, { enable: true })).toBe(0);
    expect(getopt(so, IPPROTO_TCP, TCP_FASTOPEN)).toBe(1);
  });

  it('the key is a copy', () => {
    const p = new Client();
    const psk = new Uint8Array(16).fill(7);
    p.syn();
    p.answer('S. 0:0(0) ack 1', [...MSS(1460), ...FO(OLD)]);
    const so = p.socket();
    p.setopt(so, { enable: 1, psk });
    psk.fill(9);
    sosendCopy(so, new Sockaddr(parseInAddr('10.0.0.2')!, 80), new Uint8Array(1), 0, 1, 0);
    const want = new Uint8Array(8);
    pskCookie(new Uint8Array(16).fill(7), Uint8Array.from(OLD), 8, want);
    expect(p.next()).toContain(`FO ${text(want)}`);
  });

  it('where the signature leaves no room there is no option and no data, and that says nothing about the path', () => {
    const p = new Client({ extra: [tcpSignature()] });
    expect(setkey(TCP_KEYS.get(p.vnet), 'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "x";').error).toBeNull();
    p.syn();
    p.answer('S. 0:0(0) ack 1', [...MSS(1460), ...FO(OLD)]);
    const so = p.socket();
    sosetopt(so, IPPROTO_TCP, TCP_MD5SIG, 1);
    p.setopt(so, 1);
    sosendCopy(so, new Sockaddr(parseInAddr('10.0.0.2')!, 80), new Uint8Array(100), 0, 100, 0);
    const syn = p.next();
    expect(syn).toMatch(/^S -?\d+:-?\d+\(0\)/);
    expect(syn).not.toContain('FO');
    expect(p.probe()).toBe(text(OLD));
  });

  it('a server whose segments hold no more than the options gets them without data', () => {
    const p = new Client({ sysctls: { minmss: 0 } });
    p.syn();
    p.answer('S. 0:0(0) ack 1', [...MSS(30), ...FO(OLD)]);
    // 64 bytes are the least a segment can be; 32 of them are options.
    expect(p.syn()).toMatch(/^S 0:32\(32\) .*FO 0102/);
  });

  it('holds as many cookies as it is told', () => {
    const p = new Client();
    const get = (name: string): unknown => p.kernel.sysctl.sysctlGet(`net.inet.tcp.fastopen.${name}`, { vnet: p.vnet, jailed: false }).value;
    const set = (name: string, value: number): number => p.kernel.sysctl.sysctlSet(`net.inet.tcp.fastopen.${name}`, value, { vnet: p.vnet, jailed: false }).errno;
    expect([get('ccache_bucket_limit'), get('ccache_buckets'), get('path_disable_time'), get('client_enable')]).toEqual([16, 2048, 900, 1]);
    expect(set('ccache_bucket_limit', 0)).toBe(EINVAL);
    expect(set('ccache_buckets', 4)).toBe(EPERM);
    expect(set('ccache_bucket_limit', 1)).toBe(0);
    for (let i = 0; i < 5000; i++) p.tcp.fastopen.cache.obtain(parseInAddr('10.0.0.1')!, parseInAddr('10.0.0.2')!, i);
    expect(p.tcp.fastopen.cache.count).toBeGreaterThan(1500);
    expect(p.tcp.fastopen.cache.count).toBeLessThanOrEqual(2048);
    expect(set('client_enable', 0)).toBe(0);
    expect(p.tcp.fastopen.cache.count).toBe(0);
  });
});

describe('boot tunables', () => {
  it.each([
    ['64', 64],
    ['1', 1],
    ['100', 2048],
    ['0', 2048],
    ['2097152', 2048],
  ])('ccache_buckets=%s', async (value, want) => {
    const { Lab } = await import('./lab.ts');
    const lab = new Lab({ tunables: { 'net.inet.tcp.fastopen.ccache_buckets': value, 'net.inet.tcp.fastopen.ccache_bucket_limit': '3' } });
    expect(lab.a.tcp.fastopen.cache.nbuckets).toBe(want);
    expect(lab.a.tcp.fastopen.cache.bucketLimit).toBe(3);
  });
});
