import { EPERM } from '@ns/errno';
import { Kernel, virtualHost } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import { credSysctlReq, type Jail, JAIL_CREATE, type JailParams, JAILS, type Ucred, vnet } from '../src/index.ts';

describe('kern.msgbuf', () => {
  const k = new Kernel(virtualHost({ tunables: { 'kern.msgbuf_show_timestamp': '0' } }));
  k.kldload(vnet());
  const jails = k.service(JAILS);
  const set = (p: JailParams): Jail => {
    const r = jails.jailSet({ persist: true, ...p }, JAIL_CREATE);
    if (r.jail === null) throw new Error(r.message);
    return r.jail;
  };
  const read = (cred: Ucred): string => String(k.sysctl.sysctlGet('kern.msgbuf', credSysctlReq(cred)).value);
  const own = set({ name: 'own', vnet: 'new', 'children.max': 2 });
  const inner = set({ name: 'own.inner', vnet: 'new' });
  const shared = set({ name: 'shared' });
  const reader = set({ name: 'reader', 'allow.read_msgbuf': true });
  k.log.info('kernel', 'boots');
  own.vnet.log.info('lo0', 'up');
  inner.vnet.log.info('em0', 'up');

  it('has all lines for the host and for a jail that may read it, for others those about their own stacks', () => {
    const all = 'kernel: boots\nlo0: up\nem0: up\n';
    expect([jails.cred, reader.cred, own.cred, inner.cred, shared.cred].map(read)).toEqual([all, all, 'lo0: up\nem0: up\n', 'em0: up\n', '']);
    // without a credential, the stack says whose lines are meant
    expect(k.sysctl.sysctlGet('kern.msgbuf', { vnet: inner.vnet, jailed: true, ownsVnet: true }).value).toBe('em0: up\n');
  });

  it('is cleared by the host alone, and is no part of walks', () => {
    expect(k.sysctl.sysctlSet('kern.msgbuf_clear', 1, credSysctlReq(reader.cred)).errno).toBe(EPERM);
    expect(read(jails.cred)).not.toBe('');
    expect(k.sysctl.sysctlSet('kern.msgbuf_clear', 0, credSysctlReq(jails.cred)).errno).toBe(0);
    expect(read(jails.cred)).not.toBe('');
    expect(k.sysctl.sysctlSet('kern.msgbuf_clear', 1, credSysctlReq(jails.cred)).errno).toBe(0);
    expect(read(jails.cred)).toBe('');
    expect(k.sysctl.list('kern')?.map((n) => n.name)).not.toContain('kern.msgbuf');
  });
});
