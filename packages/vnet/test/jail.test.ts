import { EADDRINUSE, EAGAIN, EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, EPERM } from '@ns/errno';
import { EventKey, Kernel, type ModuleDecl, SI_SUB_PROTO_IF, SI_SUB_VNET_DONE, defineVnetVar, virtualHost, type Vnet, type VnetVar, type VirtualHost } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import {
  crget,
  type Jail,
  JAIL_ATTACH,
  JAIL_CREATE,
  JAIL_DYING,
  JAIL_MAX,
  JAIL_UPDATE,
  jailInfo,
  type JailParams,
  JAILS,
  type Jails,
  PRISON_CREATE_EVENT,
  PRISON_REMOVE_EVENT,
  vnet,
} from '../src/index.ts';

function lab(): { host: VirtualHost; k: Kernel; jails: Jails; set: (p: JailParams, flags?: number) => Jail } {
  const host = virtualHost();
  const k = new Kernel(host);
  expect(k.kldload(vnet()).errno).toBe(0);
  const jails = k.service(JAILS);
  const set = (p: JailParams, flags: number = JAIL_CREATE): Jail => {
    const r = jails.jailSet({ persist: true, ...p }, flags);
    if (r.jail === null) throw new Error(r.message);
    return r.jail;
  };
  return { host, k, jails, set };
}

describe('jail_set', () => {
  it('V17 makes jails by parameters, lists and removes them', () => {
    const { k, jails, set } = lab();
    const www = set({ name: 'www', path: '/jails/www', 'host.hostname': 'www.example.org', vnet: 'new' });
    const db = set({ name: 'db', ip4: 'inherit' });
    expect(jails.list().map((j) => [j.jid, j.name, j.vnet.id, j.ownsVnet])).toEqual([[1, 'www', 1, true], [2, 'db', 0, false]]);
    expect(k.vnets.list().map((v) => v.name)).toEqual(['vnet0', 'www']);
    expect(jailInfo(jails, www)).toMatchObject({
      jid: 1, parent: 0, name: 'www', path: '/jails/www', 'host.hostname': 'www.example.org', host: 'new', vnet: 'new', ip4: 'inherit', ip6: 'inherit',
      'children.max': 0, 'children.cur': 0, persist: true, dying: false, securelevel: -1, enforce_statfs: 2, 'allow.set_hostname': true, 'allow.raw_sockets': false,
    });
    expect(jailInfo(jails, db)).toMatchObject({ vnet: 'inherit', ip4: 'inherit', ip6: 'disable', path: '/', host: 'inherit' });
    expect(jails.jailRemove(1)).toEqual({ errno: 0, message: '', reports: [{ id: 1, name: 'www', leftovers: [], problems: [], clean: true }] });
    expect(jails.jailRemove(2).reports).toEqual([]);
    expect(jails.count).toBe(0);
    expect(k.vnets.count).toBe(1);
  });

  it('V12 gives each jail its hostname, in one stack', () => {
    const { jails, set } = lab();
    jails.host.hostname = 'host';
    const a = set({ name: 'a', 'host.hostname': 'ha' });
    const b = set({ name: 'b', 'host.hostname': 'hb' });
    const c = set({ name: 'c' });
    expect(a.vnet).toBe(b.vnet);
    expect([a, b, c].map((j) => j.hostname)).toEqual(['ha', 'hb', 'host']);
    jails.host.hostname = 'renamed';
    expect(c.hostname).toBe('renamed');
    set({ name: 'c', host: 'new' }, JAIL_UPDATE);
    jails.host.hostname = 'again';
    expect(c.hostname).toBe('renamed');
    set({ name: 'c', host: 'inherit' }, JAIL_UPDATE);
    expect(c.hostname).toBe('again');
  });

  const wrong: { title: string; p: JailParams; flags?: number; errno: number; says: string }[] = [
    { title: 'neither create nor update', p: { name: 'x' }, flags: 0, errno: EINVAL, says: 'create' },
    { title: 'an unknown flag', p: { name: 'x' }, flags: 0x11, errno: EINVAL, says: 'create' },
    { title: 'an unknown parameter', p: { colour: 'red' } as JailParams, errno: EINVAL, says: 'unknown parameter: colour' },
    { title: 'an unknown permission', p: { 'allow.fly': true }, errno: EINVAL, says: 'unknown parameter: allow.fly' },
    { title: 'a negative jid', p: { jid: -1 }, errno: EINVAL, says: 'jid' },
    { title: 'a jid that is taken', p: { jid: 1 }, errno: EEXIST, says: 'jail 1 already exists' },
    { title: 'a name that is taken', p: { name: 'www' }, errno: EEXIST, says: 'jail "www" already exists' },
    { title: 'a name that is taken, with another jid', p: { jid: 7, name: 'www' }, flags: JAIL_CREATE | JAIL_UPDATE, errno: EEXIST, says: 'already exists' },
    { title: 'a numeric name', p: { name: '17' }, errno: EINVAL, says: 'numeric' },
    { title: 'a parent that is not there', p: { name: 'none.x' }, errno: ENOENT, says: 'jail "none" not found' },
    { title: 'a name that ends with a dot', p: { name: 'www.' }, errno: EINVAL, says: 'dot' },
    { title: 'a long name', p: { name: 'x'.repeat(256) }, errno: ENAMETOOLONG, says: '255' },
    { title: 'a long hostname', p: { 'host.hostname': 'x'.repeat(256) }, errno: ENAMETOOLONG, says: 'host.hostname' },
    { title: 'a relative path', p: { path: 'jails/x' }, errno: EINVAL, says: 'absolute' },
    { title: 'vnet=disable', p: { vnet: 'disable' }, errno: EINVAL, says: 'vnet' },
    { title: 'a vnet with addresses', p: { vnet: 'new', 'ip4.addr': '10.0.0.1' }, errno: EINVAL, says: 'restrictions' },
    { title: 'a vnet without IPv6', p: { vnet: 'new', ip6: 'disable' }, errno: EINVAL, says: 'restrictions' },
    { title: 'addresses and inherit', p: { ip4: 'inherit', 'ip4.addr': '10.0.0.1' }, errno: EINVAL, says: 'ip4.addr' },
    { title: 'the wildcard address', p: { 'ip4.addr': '0.0.0.0' }, errno: EINVAL, says: '0.0.0.0' },
    { title: 'the broadcast address', p: { 'ip4.addr': '255.255.255.255' }, errno: EINVAL, says: '255' },
    { title: 'an address twice', p: { 'ip6.addr': ['::1', '0:0::1'] }, errno: EINVAL, says: 'twice' },
    { title: 'an address of the other family', p: { 'ip4.addr': '::1' }, errno: EINVAL, says: '::1' },
    { title: 'a hostname with host=inherit', p: { host: 'inherit', 'host.hostname': 'x' }, errno: EINVAL, says: 'host.*' },
    { title: 'a jail that would not live', p: { name: 'x', persist: false }, errno: EINVAL, says: 'persist or attach' },
    { title: 'an update of nothing', p: {}, flags: JAIL_UPDATE, errno: ENOENT, says: 'update specified no jail' },
    { title: 'an update of a jail that is not there', p: { name: 'x' }, flags: JAIL_UPDATE, errno: ENOENT, says: 'jail "x" not found' },
    { title: 'an update of a jid that is not there', p: { jid: 9 }, flags: JAIL_UPDATE, errno: ENOENT, says: 'jail 9 not found' },
    { title: 'a change of vnet', p: { name: 'www', vnet: 'inherit' }, flags: JAIL_UPDATE, errno: EINVAL, says: 'vnet cannot be changed' },
    { title: 'addresses for a vnet jail', p: { name: 'www', 'ip4.addr': '10.0.0.1' }, flags: JAIL_UPDATE, errno: EINVAL, says: 'restrictions' },
    { title: 'a change of path', p: { name: 'www', path: '/x' }, flags: JAIL_UPDATE, errno: EINVAL, says: 'path cannot be changed' },
    { title: 'renaming to a name that is taken', p: { jid: 1, name: 'db' }, flags: JAIL_UPDATE, errno: EEXIST, says: 'jail "db" already exists' },
    { title: 'moving to another parent', p: { jid: 1, name: 'db.www' }, flags: JAIL_UPDATE, errno: EINVAL, says: 'parent' },
    { title: 'a child where none may be', p: { name: 'www.x' }, errno: EAGAIN, says: 'limit' },
    { title: 'a number that is none', p: { 'children.max': 1.5 }, errno: EINVAL, says: 'children.max' },
    { title: 'a boolean that is none', p: { 'allow.raw_sockets': 'maybe' } as unknown as JailParams, errno: EINVAL, says: 'allow.raw_sockets' },
  ];
  it.each(wrong)('refuses $title', ({ p, flags = JAIL_CREATE, errno, says }) => {
    const { k, jails, set } = lab();
    set({ name: 'www', vnet: 'new' });
    set({ name: 'db' });
    const before = JSON.stringify([jails.list().map((j) => jailInfo(jails, j)), k.ledger.report(), k.vnets.count]);
    const r = jails.jailSet({ persist: true, ...p }, flags);
    expect([r.errno, r.jail]).toEqual([errno, null]);
    expect(r.message).toContain(says);
    expect(JSON.stringify([jails.list().map((j) => jailInfo(jails, j)), k.ledger.report(), k.vnets.count])).toBe(before);
  });

  it('refuses a user who is not the superuser', () => {
    const { jails, k, set } = lab();
    const user = crget(k.vnets.vnet0, 1001);
    expect(jails.jailSet({ persist: true }, JAIL_CREATE, user).errno).toBe(EPERM);
    const { jid } = set({});
    expect(jails.jailRemove(jid, user).errno).toBe(EPERM);
    expect(jails.jailAttach(jid, user).errno).toBe(EPERM);
  });

  it('gives out the next free jid, and begins again at the end', () => {
    const { jails, set } = lab();
    set({});
    set({ jid: 3 });
    expect(set({}).jid).toBe(2);
    expect(set({}).jid).toBe(4);
    jails.jailRemove(2);
    expect(set({}).jid).toBe(5); // not the one that has just become free
    set({ jid: JAIL_MAX });
    (jails as unknown as { lastJid: number }).lastJid = JAIL_MAX - 1;
    expect(set({}).jid).toBe(2);
    expect(set({ jid: 17, name: '17' }).name).toBe('17');
    expect(jails.findByName('17')?.jid).toBe(17);
    expect(set({}).name).toBe('6');
  });

  it('creates or updates, whichever applies, and renames with all that is inside', () => {
    const { jails, set } = lab();
    const both = JAIL_CREATE | JAIL_UPDATE;
    const a = set({ name: 'a', vnet: 'new', 'children.max': 5 }, both);
    const inner = set({ name: 'a.b', vnet: 'new' });
    const same = set({ name: 'a', securelevel: 1, 'allow.raw_sockets': true, 'allow.noset_hostname': true }, both);
    expect(same).toBe(a);
    expect([a.securelevel, a.allow['raw_sockets'], a.allow['set_hostname']]).toEqual([1, true, false]);
    set({ jid: a.jid, name: 'z' }, JAIL_UPDATE);
    expect([a.name, inner.name, a.vnet.name, inner.vnet.name]).toEqual(['z', 'z.b', 'z', 'z.b']);
    expect(jails.findByName('z.b')).toBe(inner);
    expect(jails.findByName('a')).toBeNull();
  });

  it('fails with what the stack\'s constructors say, and leaves nothing', () => {
    const { k, jails } = lab();
    k.kldload({ name: 'm', version: 1, vnetInit: [{ subsystem: SI_SUB_PROTO_IF, order: 0, init: (v) => (v.isDefault ? 0 : EAGAIN) }] });
    const r = jails.jailSet({ name: 'x', vnet: 'new', persist: true });
    expect(r).toMatchObject({ errno: EAGAIN, message: expect.stringContaining("'m'") as string });
    expect([jails.count, k.vnets.count, k.ledger.total('jail')]).toEqual([0, 1, 0]);
  });

  it('lets a listener refuse a new jail', () => {
    const { k, jails } = lab();
    k.events.register(PRISON_CREATE_EVENT, (j) => {
      if (j.name === 'bad') throw new Error('not here');
    });
    expect(jails.jailSet({ name: 'bad', vnet: 'new', persist: true })).toMatchObject({ errno: EINVAL, message: 'refused: not here' });
    expect([jails.count, k.vnets.count]).toEqual([0, 1]);
    expect(jails.jailSet({ name: 'good', persist: true }).errno).toBe(0);
  });
});

describe('jails in jails', () => {
  it('are named after their parents, counted, limited and removed with them, innermost first', () => {
    const { k, jails, set } = lab();
    const a = set({ name: 'a', vnet: 'new', 'children.max': 3 });
    const b = set({ name: 'a.b', 'children.max': 2 });
    const c = set({ name: 'a.b.c', vnet: 'new' });
    expect([b.vnet, c.vnet === a.vnet, b.parent, c.parent]).toEqual([a.vnet, false, a, b]);
    expect([a.childrenCur, b.childrenCur, c.childrenCur]).toEqual([2, 1, 0]);
    set({ name: 'a.d' });
    expect(jails.jailSet({ name: 'a.e', persist: true })).toMatchObject({ errno: EAGAIN });
    const gone: string[] = [];
    k.events.register(PRISON_REMOVE_EVENT, (j) => void gone.push(j.name));
    expect(jails.jailRemove(a.jid).reports.map((r) => [r.name, r.clean])).toEqual([['a.b.c', true], ['a', true]]);
    expect(gone).toEqual(['a.d', 'a.b.c', 'a.b', 'a']);
    expect([jails.count, k.vnets.count, k.ledger.total('jail')]).toEqual([0, 1, 0]);
  });

  it('are seen from inside with names relative to the jail, and from outside not at all', () => {
    const { jails, set } = lab();
    const a = set({ name: 'a', 'children.max': 3 });
    const other = set({ name: 'other' });
    const root = a.cred;
    const r = jails.jailSet({ name: 'in', persist: true }, JAIL_CREATE, root);
    expect(r.jail?.name).toBe('a.in');
    expect(jails.list(root).map((j) => jailInfo(jails, j, root))).toMatchObject([{ name: 'in', parent: 0 }]);
    expect(jails.jailGet({ name: 'in' }, 0, root).jail).toBe(r.jail);
    expect(jails.jailGet({ name: 'other' }, 0, root).errno).toBe(ENOENT);
    expect(jails.jailGet({ jid: other.jid }, 0, root).errno).toBe(ENOENT);
    expect(jails.jailGet({ jid: a.jid }, 0, root).errno).toBe(ENOENT); // not even its own
    expect(jails.jailRemove(other.jid, root).errno).toBe(EINVAL);
    expect(jails.jailSet({ jid: other.jid, persist: true }, JAIL_CREATE | JAIL_UPDATE, root).errno).toBe(EEXIST);
    expect(jails.jailSet({ jid: other.jid }, JAIL_UPDATE, root).errno).toBe(ENOENT);
    expect(jails.vnetOf(r.jail?.jid ?? 0, root)).toBe(a.vnet);
    expect(jails.jailRemove(r.jail?.jid ?? 0, root).errno).toBe(0);
  });

  it('get nothing that the jail around them does not have', () => {
    const { jails, set } = lab();
    const a = set({ name: 'a', 'children.max': 3, securelevel: 2, enforce_statfs: 1, 'ip4.addr': '10.0.0.1,10.0.0.2' });
    const inA = (p: JailParams): number => jails.jailSet({ persist: true, ...p }, JAIL_CREATE, a.cred).errno;
    expect(inA({ 'children.max': 3 })).toBe(EPERM);
    expect(inA({ 'allow.raw_sockets': true })).toBe(EPERM);
    expect(inA({ securelevel: 1 })).toBe(EPERM);
    expect(inA({ enforce_statfs: 0 })).toBe(EPERM);
    expect(inA({ 'ip4.addr': '10.0.0.3' })).toBe(EPERM);
    expect(inA({ name: 'ok', 'children.max': 2, 'ip4.addr': '10.0.0.2', 'allow.reserved_ports': true })).toBe(0);
    const ok = jails.findByName('a.ok') as Jail;
    const none = set({ name: 'none' });
    expect(jails.jailSet({ persist: true }, JAIL_CREATE, none.cred).errno).toBe(EPERM); // children.max 0
    // what the parent loses, they lose
    set({ name: 'a', 'ip4.addr': '10.0.0.1', 'allow.noreserved_ports': true }, JAIL_UPDATE);
    expect(jailInfo(jails, ok)).toMatchObject({ ip4: 'disable', 'ip4.addr': [], 'allow.reserved_ports': false });
  });

  it('share no address with other jails of the stack, unless each has just that one', () => {
    const { set, jails } = lab();
    set({ name: 'a', 'ip4.addr': '10.0.0.1' });
    set({ name: 'b', 'ip4.addr': '10.0.0.1' });
    expect(jails.jailSet({ name: 'c', 'ip4.addr': ['10.0.0.1', '10.0.0.2'], persist: true })).toMatchObject({ errno: EADDRINUSE, message: expect.stringContaining('"a"') as string });
    expect(jails.jailSet({ name: 'b', 'ip4.addr': ['10.0.0.3', '10.0.0.1'] }, JAIL_UPDATE).errno).toBe(EADDRINUSE);
    expect(jails.jailSet({ name: 'c', 'ip4.addr': ['10.0.0.3', '10.0.0.2'], persist: true }).errno).toBe(0);
  });

  it('V19 have the same addresses without conflict when each has its own stack', () => {
    const { set } = lab();
    const a = set({ name: 'a', vnet: 'new', 'children.max': 1 });
    const b = set({ name: 'b', vnet: 'new', 'children.max': 1 });
    set({ name: 'a.x', 'ip4.addr': ['10.0.0.1', '10.0.0.2'] });
    set({ name: 'b.x', 'ip4.addr': ['10.0.0.1', '10.0.0.2'] });
    expect(a.vnet).not.toBe(b.vnet);
  });
});

describe('jail_get, jail_attach, jail_remove', () => {
  it('walk by lastjid, find by jid and name', () => {
    const { jails, set } = lab();
    set({ jid: 5, name: 'five' });
    set({ jid: 2, name: 'two' });
    const walk: number[] = [];
    for (let r = jails.jailGet({ lastjid: 0 }); r.jail !== null; r = jails.jailGet({ lastjid: r.jail.jid })) walk.push(r.jail.jid);
    expect(walk).toEqual([2, 5]);
    expect(jails.jailGet({ lastjid: 5 }).errno).toBe(ENOENT);
    expect(jails.jailGet({ name: 'five' }).jail?.jid).toBe(5);
    expect(jails.jailGet({ name: '5' }).jail?.jid).toBe(5);
    expect(jails.jailGet({ jid: 2 }).jail?.name).toBe('two');
    expect(jails.jailGet({ jid: 3 })).toMatchObject({ errno: ENOENT, message: 'jail 3 not found' });
    expect(jails.jailGet({})).toMatchObject({ errno: EINVAL });
    expect(jails.jailRemove(3)).toMatchObject({ errno: EINVAL, message: 'jail 3 not found' });
    expect(jails.jailAttach(3).errno).toBe(EINVAL);
  });

  it('a jail without persist lives as long as something is in it', () => {
    const { jails } = lab();
    const r = jails.jailSet({ name: 'x', vnet: 'new' }, JAIL_CREATE | JAIL_ATTACH, crget(jails.kernel.vnets.vnet0, 0, 3));
    expect(r.cred).toMatchObject({ uid: 0, jail: r.jail, vnet: r.jail?.vnet, fibnum: 3 });
    const second = jails.jailAttach(r.jail?.jid ?? 0);
    if (r.cred === null || second.cred === null) throw new Error('not attached');
    jails.jailDetach(r.cred);
    expect(jails.count).toBe(1);
    jails.jailSet({ name: 'x', persist: true }, JAIL_UPDATE);
    jails.jailDetach(second.cred);
    expect(jails.count).toBe(1);
    jails.jailSet({ name: 'x', persist: false }, JAIL_UPDATE);
    expect([jails.count, jails.kernel.vnets.count]).toEqual([0, 1]);
    jails.jailDetach(second.cred);
  });

  it('is dying while it goes: found only by those who ask for dying ones, and not removed twice', () => {
    const { k, jails, set } = lab();
    const a = set({ name: 'a' });
    const seen: unknown[] = [];
    k.events.register(PRISON_REMOVE_EVENT, (j) => {
      seen.push(j.dying, jails.jailGet({ name: 'a' }).errno, jails.jailGet({ name: 'a' }, JAIL_DYING).jail === a, jails.jailRemove(a.jid).errno);
      throw new Error('a bad listener');
    });
    expect(jails.jailRemove(a.jid).errno).toBe(0);
    expect(seen).toEqual([true, ENOENT, true, EINVAL]);
    expect(jails.count).toBe(0);
  });
});

describe('stacks of jails', () => {
  const PCBS: VnetVar<{ leak: boolean }> = defineVnetVar({ module: 'm', name: 'pcbs', init: () => ({ leak: false }) });
  const stack = (log: string[]): ModuleDecl => ({
    name: 'm',
    version: 1,
    vnetVars: [PCBS],
    vnetInit: [
      { subsystem: SI_SUB_PROTO_IF, order: 0, init: () => {}, exit: (v: Vnet) => void (log.push('proto'), PCBS.get(v).leak && v.ledger.take('pcb', 'm.tcp')) },
      { subsystem: SI_SUB_VNET_DONE, order: 0, init: () => {}, exit: () => void log.push('vnet_if_return') },
    ],
  });

  it('V13 give interfaces back first, then take the protocols down, and prove that nothing is left', () => {
    const { host, k, jails, set } = lab();
    const log: string[] = [];
    k.kldload(stack(log));
    const a = set({ name: 'a', vnet: 'new' });
    const b = set({ name: 'b', vnet: 'new' });
    PCBS.get(b.vnet).leak = true;
    expect(jails.jailRemove(a.jid).reports[0]?.clean).toBe(true);
    expect(log).toEqual(['vnet_if_return', 'proto']);
    expect(jails.jailRemove(b.jid).reports).toEqual([
      { id: 2, name: 'b', leftovers: [{ kind: 'pcb', name: 'm.tcp', module: '', count: 1 }], problems: [], clean: false },
    ]);
    expect(host.logged.map((e) => e.text)).toEqual(['b: left behind 1 pcb m.tcp']);
  });

  it('V13 come and go a thousand times with their jails, and leave nothing', () => {
    const { k, jails, set } = lab();
    k.kldload(stack([]));
    for (let i = 0; i < 1000; i++) {
      const j = set({ name: `j${i}`, vnet: 'new' });
      expect(jails.jailRemove(j.jid).reports[0]?.clean).toBe(true);
    }
    expect([jails.count, k.vnets.count, k.ledger.total('jail')]).toEqual([0, 1, 0]);
    expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('T124 V23 are made by jails alone; the jail gone, the stack is gone', () => {
    const { k, jails, set } = lab();
    expect(() => k.vnets.claim('me')).toThrow('made by jails');
    const a = set({ name: 'a', vnet: 'new' });
    jails.jailRemove(a.jid);
    expect(a.vnet.shutdown).toBe(true);
    expect(k.vnets.list()).toEqual([k.vnets.vnet0]);
  });
});

describe('module vnet', () => {
  it('is held by its jails, by name', () => {
    const { k, jails, set } = lab();
    const a = set({ name: 'a', vnet: 'new' });
    expect(k.kldunload('vnet')).toMatchObject({ errno: EBUSY, message: "module 'vnet' is held by 1 jail a" });
    jails.jailRemove(a.jid);
    expect(k.kldunload('vnet')).toEqual({ errno: 0, message: '' });
    expect(k.ledger.isEmpty()).toBe(true);
    expect(() => k.service(JAILS)).toThrow('not there');
    expect(k.kldload(vnet()).errno).toBe(0);
  });

  it('removes all jails when the kernel shuts down, before modules go, and reports their leaks', () => {
    const { k, set } = lab();
    const LATE = new EventKey<[]>('late');
    const log: string[] = [];
    k.kldload({ name: 'm', version: 1, sysinit: [{ subsystem: 1, order: 0, init: () => {}, exit: () => void log.push('m') }] });
    k.events.register(PRISON_REMOVE_EVENT, (j) => void log.push(j.name), { owner: 'me' });
    const a = set({ name: 'a', vnet: 'new', 'children.max': 1 });
    set({ name: 'a.b', vnet: 'new' });
    k.events.register(LATE, () => {}, { vnet: a.vnet, owner: 'forgotten' });
    const r = k.shutdown();
    expect(log).toEqual(['a.b', 'a', 'm']);
    expect(r.problems).toEqual([]);
    expect(r.leftovers.map((l) => l.name)).toEqual(['forgotten', 'me']);
  });
});
