import { EADDRNOTAVAIL, EAFNOSUPPORT, EPERM } from '@ns/errno';
import { Kernel, virtualHost, type Vnet } from '@ns/kern';
import { CTLFLAG_RW, CTLFLAG_VNET, sysctlInt } from '@ns/sysctl';
import { AF_INET, AF_INET6, AF_LINK, IN6ADDR_ANY, IN6ADDR_LOOPBACK, INADDR_ANY, INADDR_LOOPBACK, type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import {
  crget,
  crSetfib,
  crSetuid,
  credSysctlReq,
  type Jail,
  JAIL_CREATE,
  JAIL_UPDATE,
  jailed,
  jailedWithoutVnet,
  type JailParams,
  JAILS,
  type Jails,
  prisonAllow,
  prisonCheck,
  prisonCheckAddr,
  prisonCheckAf,
  prisonFlag,
  prisonGetAddr,
  prisonHasWords,
  prisonLocalAddr,
  prisonPrimaryOnly,
  prisonRemoteAddr,
  type Ucred,
  vnet,
} from '../src/index.ts';

function lab(): { k: Kernel; jails: Jails; set: (p: JailParams, flags?: number) => Jail } {
  const k = new Kernel(virtualHost());
  k.kldload(vnet());
  const jails = k.service(JAILS);
  return {
    k,
    jails,
    set: (p, flags = JAIL_CREATE) => {
      const r = jails.jailSet({ persist: true, ...p }, flags);
      if (r.jail === null) throw new Error(r.message);
      return r.jail;
    },
  };
}
const ip = (text: string): InAddr => {
  const a = parseInAddr(text);
  if (a === null) throw new Error(text);
  return a;
};

describe('Ucred', () => {
  it('A20 is frozen, and shared by identity', () => {
    const { jails, set } = lab();
    const a = set({ name: 'a', vnet: 'new' });
    for (const cred of [jails.cred, a.cred, crget(a, 1001)]) {
      expect(Object.isFrozen(cred)).toBe(true);
      expect(() => {
        (cred as { uid: number }).uid = 0;
        (cred as unknown as { extra: number }).extra = 1;
      }).toThrow(TypeError);
    }
    expect(a.cred).toBe(a.cred);
    expect(a.cred).toMatchObject({ uid: 0, jail: a, vnet: a.vnet, fibnum: 0 });
    expect(crSetuid(a.cred, 0)).toBe(a.cred);
    expect(crSetfib(a.cred, 0)).toBe(a.cred);
    const other = crSetfib(crSetuid(a.cred, 5), 2);
    expect(other).toMatchObject({ uid: 5, fibnum: 2, jail: a });
    expect(a.cred.uid).toBe(0);
  });

  it('knows whether it is in a jail, and whose objects it sees', () => {
    const { jails, set } = lab();
    const a = set({ name: 'a', vnet: 'new', 'children.max': 1 });
    const ab = set({ name: 'a.b' });
    const c = set({ name: 'c' });
    const creds: Ucred[] = [jails.cred, a.cred, ab.cred, c.cred];
    expect(creds.map((x) => [jailed(x), jailedWithoutVnet(x)])).toEqual([[false, false], [true, false], [true, true], [true, true]]);
    expect(creds.map((x) => creds.map((y) => (prisonCheck(x, y) ? 1 : 0)).join(''))).toEqual(['1111', '0110', '0010', '0001']);
  });
});

describe('addresses of a jail', () => {
  it('restrict nobody on the host, in a jail with its own stack, or one that inherits', () => {
    const { jails, set } = lab();
    for (const cred of [jails.cred, set({ vnet: 'new' }).cred, set({ ip4: 'inherit', ip6: 'inherit' }).cred]) {
      expect([AF_INET, AF_INET6].map((af) => prisonCheckAf(cred, af))).toEqual([0, 0]);
      expect(prisonCheckAddr(cred, ip('10.9.9.9'))).toBe(0);
      expect(prisonLocalAddr(cred, INADDR_ANY)).toBe(INADDR_ANY);
      expect(prisonRemoteAddr(cred, INADDR_LOOPBACK)).toBe(INADDR_LOOPBACK);
      expect(prisonGetAddr(cred, AF_INET)).toBeNull();
    }
  });

  it('are none by default: no sockets of the family', () => {
    const { set } = lab();
    const { cred } = set({});
    expect([AF_INET, AF_INET6, AF_LINK].map((af) => prisonCheckAf(cred, af))).toEqual([EAFNOSUPPORT, EAFNOSUPPORT, EAFNOSUPPORT]);
    expect(prisonCheckAddr(cred, ip('10.0.0.1'))).toBe(EAFNOSUPPORT);
    expect(prisonLocalAddr(cred, INADDR_ANY)).toBeNull();
    expect(prisonRemoteAddr(cred, ip('10.0.0.1'))).toBeNull();
    expect(prisonCheckAf(set({ 'allow.socket_af': true }).cred, AF_LINK)).toBe(0);
  });

  it('one address: the wildcard and loopback mean it', () => {
    const { set } = lab();
    const { cred } = set({ 'ip4.addr': '10.0.0.1', 'ip6.addr': '2001:db8::1' });
    expect(prisonCheckAf(cred, AF_INET)).toBe(0);
    expect([ip('10.0.0.1'), ip('10.0.0.2'), ip('2001:db8::1'), ip('::2')].map((a) => prisonCheckAddr(cred, a))).toEqual([0, EADDRNOTAVAIL, 0, EADDRNOTAVAIL]);
    expect(String(prisonLocalAddr(cred, INADDR_ANY))).toBe('10.0.0.1');
    expect(String(prisonLocalAddr(cred, INADDR_LOOPBACK))).toBe('10.0.0.1');
    expect(String(prisonLocalAddr(cred, IN6ADDR_LOOPBACK))).toBe('2001:db8::1');
    expect(prisonLocalAddr(cred, ip('127.0.0.2'))).toBeNull(); // 127.0.0.1 alone means the jail
    expect(String(prisonRemoteAddr(cred, ip('127.0.0.2')))).toBe('127.0.0.2');
    // an IPv6 socket that speaks IPv4 too keeps its wildcard
    expect([prisonLocalAddr(cred, IN6ADDR_ANY), prisonLocalAddr(cred, IN6ADDR_ANY, true)].map(String)).toEqual(['::', '2001:db8::1']);
    expect(prisonLocalAddr(cred, ip('10.0.0.2'))).toBeNull();
    expect(String(prisonRemoteAddr(cred, INADDR_LOOPBACK))).toBe('10.0.0.1');
    expect(String(prisonRemoteAddr(cred, ip('192.0.2.1')))).toBe('192.0.2.1');
    expect(String(prisonGetAddr(cred, AF_INET))).toBe('10.0.0.1');
  });

  it('several: the wildcard stays, loopback means the primary one unless the jail has loopback', () => {
    const { set } = lab();
    const two = set({ name: 'two', 'ip4.addr': ['10.0.0.1', '10.0.0.2'] });
    expect(prisonLocalAddr(two.cred, INADDR_ANY)).toBe(INADDR_ANY);
    expect(String(prisonLocalAddr(two.cred, ip('10.0.0.2')))).toBe('10.0.0.2');
    expect(String(prisonRemoteAddr(two.cred, INADDR_LOOPBACK))).toBe('10.0.0.1');
    expect(prisonPrimaryOnly(two.cred, AF_INET)).toBe(false);
    set({ name: 'two', 'ip4.saddrsel': false }, JAIL_UPDATE);
    expect(prisonPrimaryOnly(two.cred, AF_INET)).toBe(true);
    const lo = set({ 'ip4.addr': ['127.0.0.1', '10.0.0.9'] });
    expect(prisonRemoteAddr(lo.cred, INADDR_LOOPBACK)).toBe(INADDR_LOOPBACK);
  });

  it('are asked for by words on the packet path', () => {
    const { jails, set } = lab();
    const { cred } = set({ name: 'x', 'ip4.addr': '10.0.0.1', 'ip6.addr': '2001:db8::1' });
    const has = (who: Ucred, a: InAddr): boolean => prisonHasWords(who, a.af, a.w0, a.w1, a.w2, a.w3);
    expect(['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2'].map((t) => has(cred, ip(t)))).toEqual([true, false, true, false]);
    expect([has(jails.cred, ip('10.0.0.2')), has(set({}).cred, ip('10.0.0.2'))]).toEqual([true, false]);
    expect([cred, set({}).cred, jails.cred, set({ ip4: 'inherit' }).cred].map((c) => prisonFlag(c, AF_INET))).toEqual([true, true, false, false]);
  });

  it('of the jail around, when it inherits them', () => {
    const { set } = lab();
    set({ name: 'a', 'ip4.addr': '10.0.0.1', 'children.max': 2 });
    const inner = set({ name: 'a.b', ip4: 'inherit' });
    expect([ip('10.0.0.1'), ip('10.0.0.2')].map((x) => prisonCheckAddr(inner.cred, x))).toEqual([0, EADDRNOTAVAIL]);
    expect(prisonCheckAf(inner.cred, AF_INET6)).toBe(EAFNOSUPPORT);
    // they follow it
    set({ name: 'a', 'ip4.addr': '10.0.0.2' }, JAIL_UPDATE);
    expect(prisonCheckAddr(inner.cred, ip('10.0.0.2'))).toBe(0);
  });
});

describe('permissions', () => {
  it('are all on the host; raw sockets come with a stack of one\'s own', () => {
    const { jails, set } = lab();
    const plain = set({});
    expect(['raw_sockets', 'reserved_ports', 'sysvipc'].map((p) => prisonAllow(jails.cred, p))).toEqual([true, true, true]);
    expect(['raw_sockets', 'reserved_ports', 'sysvipc'].map((p) => prisonAllow(plain.cred, p))).toEqual([false, true, false]);
    expect(prisonAllow(set({ vnet: 'new' }).cred, 'raw_sockets')).toBe(true);
    expect(prisonAllow(set({ 'allow.raw_sockets': true, 'allow.noreserved_ports': '1' }).cred, 'raw_sockets')).toBe(true);
  });
});

describe('sysctls on behalf of a jail', () => {
  it('writes VNET variables only with a stack of one\'s own, and reads those of its stack', () => {
    const { k, jails, set } = lab();
    const values = new Map<Vnet, number>();
    k.kldload({
      name: 'm',
      version: 1,
      sysctls: [
        sysctlInt<Vnet>({ name: 'net.m.each', descr: '', flags: CTLFLAG_RW | CTLFLAG_VNET, get: (r) => values.get(r.vnet) ?? 0, set: (r, v) => void values.set(r.vnet, v) }),
        sysctlInt<Vnet>({ name: 'net.m.all', descr: '', flags: CTLFLAG_RW, get: () => 0, set: () => 0 }),
      ],
    });
    const own = credSysctlReq(set({ name: 'own', vnet: 'new' }).cred);
    const shared = credSysctlReq(set({ name: 'shared' }).cred);
    const host = credSysctlReq(jails.cred);
    expect(k.sysctl.sysctlSet('net.m.each', 5, own)).toMatchObject({ errno: 0, newValue: 5 });
    expect(k.sysctl.sysctlSet('net.m.each', 6, shared).errno).toBe(EPERM);
    expect([own, shared, host].map((r) => k.sysctl.sysctlSet('net.m.all', 1, r).errno)).toEqual([EPERM, EPERM, 0]);
    expect(k.sysctl.sysctlGet('net.m.each', host).value).toBe(0);
    expect(k.sysctl.sysctlSet('net.m.each', 1, credSysctlReq(crget(k.vnets.vnet0, 1001))).errno).toBe(EPERM);
  });

  it('V12 has the hostname of whoever asks, and security.jail says where that is', () => {
    const { k, jails, set } = lab();
    const a = set({ name: 'a', 'host.hostname': 'ha', 'children.max': 4 });
    const b = set({ name: 'b', 'host.hostname': 'hb', 'allow.noset_hostname': true, vnet: 'new' });
    const reqs = [jails.cred, a.cred, b.cred].map(credSysctlReq);
    const get = (name: string): unknown[] => reqs.map((r) => k.sysctl.sysctlGet(name, r).value);
    expect(reqs.map((r) => k.sysctl.sysctlSet('kern.hostname', 'new', r).errno)).toEqual([0, 0, EPERM]);
    expect(get('kern.hostname')).toEqual(['new', 'new', 'hb']);
    expect([jails.host.hostname, a.hostname, b.hostname]).toEqual(['new', 'new', 'hb']);
    expect(get('security.jail.jailed')).toEqual([0, 1, 1]);
    expect(get('security.jail.vnet')).toEqual([1, 0, 1]);
    expect(get('security.jail.children.max')).toEqual([999999, 4, 0]);
    expect(get('security.jail.children.cur')).toEqual([2, 0, 0]);
    expect(k.sysctl.sysctlSet('kern.hostid', 77, reqs[1] as (typeof reqs)[0]).errno).toBe(0);
    expect([a.host.hostid, jails.host.hostid]).toEqual([77, 0]);
    // without a credential a jail with its own stack is known by that
    expect(k.sysctl.sysctlGet('kern.hostname', { vnet: b.vnet, jailed: true, ownsVnet: true }).value).toBe('hb');
  });
});
