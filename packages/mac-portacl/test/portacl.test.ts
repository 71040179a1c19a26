import { type CliEnv, exec } from '@ns/cli';
import { EACCES, EADDRINUSE, EINVAL, EPERM } from '@ns/errno';
import { IP_PORTRANGE } from '@ns/inpcb';
import { virtualHost } from '@ns/kern';
import { macPortacl } from '@ns/mac-portacl';
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, Socket, sobind, soclose, soconnect, socreate, solisten, sosetopt, sosockaddr } from '@ns/socket';
import { createStack, type Stack } from '@ns/stack';
import { credSysctlReq, crSetuid, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, type InAddr, inAddr4, IPPROTO_IP, parseInAddr, Sockaddr } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const loopback = (port: number): Sockaddr => new Sockaddr(inAddr4(0x7f000001), port);

class Lab {
  readonly stack: Stack;
  readonly root: Ucred;

  constructor(tunables: Record<string, string> = {}) {
    this.stack = createStack({ host: virtualHost({ tunables }), extra: [macPortacl()] });
    this.root = this.stack.host.cred;
    this.stack.host.addAddress('lo0', '127.0.0.1/8');
    this.stack.host.sysctl('net.inet.ip.portrange.reservedhigh', 0);
  }

  user(uid: number): Ucred {
    return crSetuid(this.root, uid);
  }

  set(name: string, value: number | string): number {
    return this.stack.kernel.sysctl.sysctlSet(`security.mac.portacl.${name}`, value, credSysctlReq(this.root)).errno;
  }

  get(name: string): unknown {
    return this.stack.host.sysctl(`security.mac.portacl.${name}`);
  }

  open(cred: Ucred, type: number = SOCK_STREAM): Socket {
    const so = socreate(cred.vnet, AF_INET, type, 0, cred);
    if (!(so instanceof Socket)) throw new Error(`socket: ${so}`);
    return so;
  }

  /** Binds and closes. */
  bind(uid: number | Ucred, port: number, type: number = SOCK_STREAM): number {
    const cred = typeof uid === 'number' ? this.user(uid) : uid;
    const so = this.open(cred, type);
    const errno = sobind(so, loopback(port), cred);
    soclose(so);
    return errno;
  }
}

describe('mac_portacl', () => {
  it('lets only those bind a port up to port_high whom a rule names', () => {
    const l = new Lab();
    expect(l.set('rules', 'uid:80:tcp:80,,uid:81:udp:53,')).toBe(0);
    expect([l.bind(80, 80), l.bind(81, 53, SOCK_DGRAM)]).toEqual([0, 0]);
    expect([l.bind(80, 81), l.bind(81, 80), l.bind(80, 80, SOCK_DGRAM), l.bind(81, 53)]).toEqual([EPERM, EPERM, EPERM, EPERM]);
    expect([l.bind(82, 1023), l.bind(82, 1024)]).toEqual([EPERM, 0]);
    l.set('port_high', 79);
    expect([l.bind(82, 79), l.bind(82, 80)]).toEqual([EPERM, 0]);
  });

  it('forbids and never allows: the rules of the stack hold besides', () => {
    const l = new Lab();
    l.set('rules', 'uid:80:tcp:80');
    l.stack.host.sysctl('net.inet.ip.portrange.reservedhigh', 1023);
    expect(l.bind(80, 80)).toBe(EACCES);
    l.stack.host.sysctl('net.inet.ip.portrange.reservedhigh', 0);
    const so = l.open(l.user(80));
    expect(sobind(so, loopback(80), so.cred)).toBe(0);
    expect(l.bind(80, 80)).toBe(EADDRINUSE);
  });

  it('exempts the superuser; in a jail only with allow.reserved_ports; with suser_exempt=0 nobody', () => {
    const l = new Lab();
    const may = l.stack.jail({ name: 'may', vnet: 'new' });
    const mayNot = l.stack.jail({ name: 'maynot', vnet: 'new', 'allow.reserved_ports': false });
    for (const j of [may, mayNot]) {
      j.addAddress('lo0', '127.0.0.1/8');
      j.sysctl('net.inet.ip.portrange.reservedhigh', 0);
    }
    expect([l.bind(0, 80), l.bind(may.cred, 80), l.bind(mayNot.cred, 80)]).toEqual([0, 0, EPERM]);
    l.set('suser_exempt', 0);
    expect([l.bind(0, 80), l.bind(may.cred, 80)]).toEqual([EPERM, EPERM]);
    l.set('rules', 'uid:0:tcp:80');
    expect([l.bind(0, 80), l.bind(may.cred, 80)]).toEqual([0, 0]);
    const set = l.stack.kernel.sysctl.sysctlSet('security.mac.portacl.rules', 'uid:1:tcp:1', credSysctlReq(may.cred));
    expect(set.errno).toBe(EPERM);
    expect(may.sysctl('security.mac.portacl.rules')).toBe('uid:0:tcp:80');
  });

  it('leaves a port of the stack\'s choice alone, unless it would be a reserved one or autoport_exempt is 0', () => {
    const l = new Lab();
    expect(l.bind(80, 0)).toBe(0);
    const low = l.open(l.user(80));
    expect(sosetopt(low, IPPROTO_IP, IP_PORTRANGE, 2)).toBe(0);
    expect(sobind(low, loopback(0), low.cred)).toBe(EPERM);
    l.set('autoport_exempt', 0);
    expect(l.bind(80, 0)).toBe(EPERM);
    expect(sobind(l.open(l.user(80)), null, l.user(80))).toBe(EPERM);
    l.set('rules', 'uid:80:tcp:0');
    expect(l.bind(80, 0)).toBe(0);
  });

  it('does not limit the port that connecting chooses, nor raw sockets', () => {
    const l = new Lab();
    l.set('port_high', 65535);
    const server = l.open(l.root);
    sobind(server, loopback(5000), l.root);
    solisten(server, 1);
    const so = l.open(l.user(80));
    expect(soconnect(so, loopback(5000), so.cred)).toBe(0);
    expect((sosockaddr(so) as Sockaddr).port).toBeGreaterThan(0);
    l.set('suser_exempt', 0);
    expect(l.bind(0, 5001)).toBe(EPERM);
    expect(l.bind(0, 0, SOCK_RAW)).toBe(0);
  });

  it('does nothing with enabled=0, and after it is unloaded', () => {
    const l = new Lab();
    expect(l.bind(80, 80)).toBe(EPERM);
    l.set('enabled', 0);
    expect(l.bind(80, 80)).toBe(0);
    l.set('enabled', 1);
    expect(l.bind(80, 80)).toBe(EPERM);
    expect(l.stack.kernel.kldunload('mac_portacl')).toEqual({ errno: 0, message: '' });
    expect(l.bind(80, 80)).toBe(0);
    expect(l.stack.kernel.kldload(macPortacl()).errno).toBe(0);
    expect(l.bind(80, 80)).toBe(EPERM);
  });

  it('takes its settings from the boot environment', () => {
    const l = new Lab({ 'security.mac.portacl.rules': 'uid:80:tcp:80', 'security.mac.portacl.suser_exempt': '0', 'security.mac.portacl.port_high': '99' });
    expect([l.bind(80, 80), l.bind(0, 80), l.bind(0, 100)]).toEqual([0, EPERM, 0]);
    expect([l.get('rules'), l.get('port_high'), l.get('enabled')]).toEqual(['uid:80:tcp:80', 99, 1]);
  });

  it('holds for IPv6 sockets, and for IPv4-mapped addresses on them', () => {
    const l = new Lab();
    l.stack.host.sysctl('net.inet6.ip6.v6only', 0);
    l.set('rules', 'uid:80:tcp:80');
    const bind = (uid: number, address: string): number => {
      const cred = l.user(uid);
      const so = socreate(cred.vnet, AF_INET6, SOCK_STREAM, 0, cred);
      if (!(so instanceof Socket)) return so;
      const errno = sobind(so, new Sockaddr(parseInAddr(address) as InAddr, 80), cred);
      soclose(so);
      return errno;
    };
    expect([bind(80, '::'), bind(80, '::ffff:127.0.0.1'), bind(81, '::'), bind(81, '::ffff:127.0.0.1')]).toEqual([0, 0, EPERM, EPERM]);
  });

  it('is administered by kldload, sysctl and kldunload', () => {
    const { kernel } = createStack({ host: virtualHost() });
    const env: CliEnv = { findModule: (name) => (name === 'mac_portacl' ? macPortacl() : null) };
    const run = (line: string, jail?: string): string => {
      const r = exec(kernel, line, { env, ...(jail !== undefined && { jail }) });
      return r.stdout + r.stderr;
    };
    expect(run('kldload mac_portacl.ko')).toBe('');
    expect(run('sysctl security.mac.portacl')).toBe(
      [
        'security.mac.portacl.enabled: 1',
        'security.mac.portacl.suser_exempt: 1',
        'security.mac.portacl.autoport_exempt: 1',
        'security.mac.portacl.port_high: 1023',
        'security.mac.portacl.rules: ',
        '',
      ].join('\n'),
    );
    expect(run('sysctl security.mac.portacl.rules=uid:80:tcp:80')).toBe('security.mac.portacl.rules:  -> uid:80:tcp:80\n');
    expect(run('sysctl security.mac.portacl.rules=gid:80:tcp:80')).toContain('Invalid argument');
    run('jail -c name=j persist vnet');
    expect(run('sysctl -n security.mac.portacl.rules', 'j')).toBe('uid:80:tcp:80\n');
    expect(run('sysctl security.mac.portacl.enabled=0', 'j')).toContain('Operation not permitted');
    expect(run('kldunload mac')).toContain('mac');
    expect(kernel.isLoaded('mac')).toBe(true);
    expect(run('kldunload mac_portacl')).toBe('');
  });

  it('ends with its kernel and leaves nothing', () => {
    expect(new Lab().stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});

describe('security.mac.portacl.rules', () => {
  it.each([
    'x',
    'uid',
    'uid:80',
    'uid:80:tcp',
    'uid:80:tcp:',
    'uid::tcp:80',
    'uid:80:sctp:80',
    'gid:80:tcp:80',
    'uid:-1:tcp:80',
    'uid:80:tcp:65536',
    'uid:4294967296:tcp:80',
    'uid:80:tcp:80:',
    ' uid:80:tcp:80',
    'uid:80:tcp:80;uid:81:tcp:81',
    'uid:80:tcp:80,nonsense',
    'uid:0x50:tcp:80',
    `${'uid:80:tcp:80,'.repeat(73)}aa`,
  ])('%s: EINVAL, and the rules that there are stay', (text) => {
    const l = new Lab();
    expect(l.set('rules', 'uid:7:tcp:7')).toBe(0);
    expect(l.set('rules', text)).toBe(EINVAL);
    expect(l.get('rules')).toBe('uid:7:tcp:7');
    expect([l.bind(7, 7), l.bind(80, 80)]).toEqual([0, EPERM]);
  });

  it('reads back what was written, and the longest text is 1023 characters', () => {
    const l = new Lab();
    const long = `${'uid:80:tcp:80,'.repeat(73)},`;
    expect(long.length).toBe(1023);
    expect(l.set('rules', long)).toBe(0);
    expect(l.get('rules')).toBe(long);
    expect(l.set('rules', '')).toBe(0);
    expect(l.bind(80, 80)).toBe(EPERM);
  });

  it('each rule allows exactly what it says (against a naive model)', () => {
    const l = new Lab();
    const rule = fc.record({ uid: fc.integer({ min: 1, max: 4 }), tcp: fc.boolean(), port: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 12 }), rule, (rules, ask) => {
        const text = rules.map((r) => `uid:${r.uid}:${r.tcp ? 'tcp' : 'udp'}:${r.port}`).join(',');
        expect(l.set('rules', text)).toBe(0);
        const allowed = rules.some((r) => r.uid === ask.uid && r.tcp === ask.tcp && r.port === ask.port);
        expect(l.bind(ask.uid, ask.port, ask.tcp ? SOCK_STREAM : SOCK_DGRAM)).toBe(allowed ? 0 : EPERM);
      }),
      { numRuns: 200 },
    );
  });
});
