import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, EPERM, ERANGE, ESRCH } from '@ns/errno';
import {
  CTLFLAG_ANYBODY, CTLFLAG_NOFETCH, CTLFLAG_PRISON, CTLFLAG_RD, CTLFLAG_RDTUN, CTLFLAG_RW, CTLFLAG_RWTUN, CTLFLAG_SKIP, CTLFLAG_VNET, SysctlTree, sysctlInt, sysctlNode, sysctlUint,
} from '@ns/sysctl';
import { describe, expect, it } from 'vitest';
import { Shared, Stack, host, plainJail, tcpDecls, vnetJail } from './stack.ts';

function boot(tunables: Record<string, string> = {}): { tree: SysctlTree<Stack>; vnet0: Stack; shared: Shared } {
  const tree = new SysctlTree<Stack>(tunables);
  const shared = new Shared();
  const vnet0 = new Stack();
  expect(tree.register('tcp', tcpDecls(shared), host(vnet0))).toMatchObject({ errno: 0 });
  return { tree, vnet0, shared };
}

const read = (tree: SysctlTree<Stack>, name: string, vnet: Stack): unknown => tree.sysctlGet(name, host(vnet)).value;
const leaf = (name: string, flags: number = CTLFLAG_RD): ReturnType<typeof sysctlInt<Stack>> => sysctlInt<Stack>({ name, flags, descr: '', get: () => 7, set: () => 0 });

describe('a variable of each stack', () => {
  it('V03 written in one stack is not seen in the other', () => {
    const { tree } = boot();
    const a = new Stack();
    const b = new Stack();
    expect(tree.sysctlSet('net.inet.tcp.delayed_ack', 0, host(a))).toMatchObject({ errno: 0, oldValue: 1, newValue: 0 });
    expect([read(tree, 'net.inet.tcp.delayed_ack', a), read(tree, 'net.inet.tcp.delayed_ack', b)]).toEqual([0, 1]);
  });

  it('T147 handlers receive the stack of the caller, resolved', () => {
    const { tree } = boot();
    const jail = new Stack();
    tree.sysctlSet('net.inet.tcp.drop', { local: '10.0.0.1:80' }, vnetJail(jail));
    expect(jail.dropped).toEqual({ local: '10.0.0.1:80' });
  });

  // T125: each kind of handler, in the host and in a jail that owns its stack.
  it.each([
    ['int', 'delayed_ack', 0, 0],
    ['bool', 'blackhole', 5, 1],
    ['uint', 'recvspace', 4_000_000_000, 4_000_000_000],
    ['string', 'cc.algorithm', 'cubic', 'cubic'],
    ['struct', 'stats', {}, { sndbyte: 0, rcvdup: 0, states: [0, 0, 0] }],
  ])('T125 %s handlers work in jail and host', (_kind, name, value, after) => {
    const { tree } = boot();
    for (const req of [host(new Stack()), vnetJail(new Stack())]) {
      req.vnet.stat.sndbyte = 10;
      req.vnet.stat.states[1] = 2;
      const result = tree.sysctlSet(`net.inet.tcp.${name}`, value, req);
      expect(result).toMatchObject({ errno: 0, newValue: after });
      expect(tree.sysctlGet(`net.inet.tcp.${name}`, req).value).toEqual(after);
    }
  });

  it('counters are read as a copy and set to zero by any write', () => {
    const { tree, vnet0 } = boot();
    vnet0.stat.sndbyte = 1460;
    vnet0.stat.states[2] = 3;
    const snapshot = tree.sysctlGet('net.inet.tcp.stats', host(vnet0)).value;
    const { oldValue } = tree.sysctlSet('net.inet.tcp.stats', {}, host(vnet0));
    expect(snapshot).toEqual({ sndbyte: 1460, rcvdup: 0, states: [0, 0, 3] });
    expect(oldValue).toEqual(snapshot);
    expect(vnet0.stat).toEqual({ sndbyte: 0, rcvdup: 0, states: new Float64Array(3) });
  });
});

describe('who may write', () => {
  const tree = new SysctlTree<Stack>();
  tree.register('m', [leaf('a.plain', CTLFLAG_RW), leaf('a.vnet', CTLFLAG_RW | CTLFLAG_VNET), leaf('a.prison', CTLFLAG_RW | CTLFLAG_PRISON), leaf('a.any', CTLFLAG_RW | CTLFLAG_ANYBODY), leaf('a.ro', CTLFLAG_RD | CTLFLAG_VNET)]);
  const s = new Stack();
  it.each([
    ['host', host(s), [0, 0, 0, 0, EPERM]],
    ['a user of the host', { ...host(s), privileged: false }, [EPERM, EPERM, EPERM, 0, EPERM]],
    ['a jail with its own stack', vnetJail(s), [EPERM, 0, 0, 0, EPERM]],
    ['a jail that shares a stack', plainJail(s), [EPERM, EPERM, 0, 0, EPERM]],
    ['a user in a jail with its own stack', { ...vnetJail(s), privileged: false }, [EPERM, EPERM, EPERM, 0, EPERM]],
  ])('%s', (_who, req, errnos) => {
    expect(['plain', 'vnet', 'prison', 'any', 'ro'].map((n) => tree.sysctlSet(`a.${n}`, 1, req).errno)).toEqual(errnos);
    expect(tree.sysctlGet('a.plain', req)).toMatchObject({ errno: 0, value: 7 });
  });
});

describe('errors', () => {
  it('T94 net.inet.tcp.newreno is an unknown oid', () => {
    const { tree, vnet0 } = boot();
    expect(tree.sysctlGet('net.inet.tcp.newreno', host(vnet0))).toEqual({ errno: ENOENT, value: null, node: null });
    expect(tree.sysctlSet('net.inet.tcp.newreno', 1, host(vnet0)).errno).toBe(ENOENT);
  });

  it.each([
    ['net.inet.tcp', 1, EISDIR],
    ['net.inet.tcp.pcbcount', 1, EPERM],
    ['net.inet.tcp.delayed_ack', 2, EINVAL],
    ['net.inet.tcp.delayed_ack', -1, EINVAL],
    ['net.inet.tcp.delayed_ack', 0.5, EINVAL],
    ['net.inet.tcp.delayed_ack', 'yes', EINVAL],
    ['net.inet.tcp.delayed_ack', '', EINVAL],
    ['net.inet.tcp.delayed_ack', '1 ', EINVAL],
    ['net.inet.tcp.delayed_ack', '09', EINVAL],
    ['net.inet.tcp.delayed_ack', {}, EINVAL],
    ['net.inet.tcp.mssdflt', 2 ** 31, ERANGE],
    ['net.inet.tcp.mssdflt', 100, EINVAL],
    ['net.inet.tcp.recvspace', -1, ERANGE],
    ['net.inet.tcp.recvspace', '0x100000000', ERANGE],
    ['net.inet.tcp.cc.algorithm', 'bbr', ESRCH],
    ['net.inet.tcp.cc.algorithm', 'a_name_of_sixteen', EINVAL],
    ['net.inet.tcp.cc.algorithm', 5, EINVAL],
    ['net.inet.tcp.stats', '0', EINVAL],
  ])('writing %s = %j gives the errno and changes nothing', (name, value, errno) => {
    const { tree, vnet0 } = boot();
    expect(tree.sysctlSet(name, value, host(vnet0))).toMatchObject({ errno, newValue: null });
    expect(vnet0).toEqual(new Stack());
  });

  it.each([['0x10', 16], ['010', 8], ['0', 0], ['+7', 7], [' 12', 12]])('text %j is read as by strtol', (text, value) => {
    const { tree, vnet0 } = boot();
    expect(tree.sysctlSet('net.inet.tcp.recvspace', text, host(vnet0))).toMatchObject({ errno: 0, newValue: value });
  });

  it('what can only be written cannot be read', () => {
    const { tree, vnet0 } = boot();
    expect(tree.sysctlGet('net.inet.tcp.drop', host(vnet0))).toMatchObject({ errno: EPERM, value: null });
  });
});

describe('a variable that answers', () => {
  it('what is written is the question, what comes back the answer or an errno; nothing is read', () => {
    const { tree, vnet0 } = boot();
    const ask = (_: unknown, q: unknown): object | number => (Array.isArray(q) ? { sum: (q as number[]).reduce((a, b) => a + b) } : ENOENT);
    expect(tree.register('q', [{ name: 'net.sum', type: 'opaque', flags: CTLFLAG_RW, descr: 'sum', ask }])).toMatchObject({ errno: 0 });
    expect(tree.sysctlSet('net.sum', [1, 2, 3], host(vnet0))).toMatchObject({ errno: 0, oldValue: null, newValue: { sum: 6 } });
    expect(tree.sysctlSet('net.sum', {}, host(vnet0))).toMatchObject({ errno: ENOENT, newValue: null });
    expect(tree.sysctlSet('net.sum', '1', host(vnet0)).errno).toBe(EINVAL);
    expect(tree.sysctlSet('net.sum', [1], { ...host(vnet0), privileged: false }).errno).toBe(EPERM);
    expect(tree.sysctlGet('net.sum', host(vnet0)).errno).toBe(EPERM);
  });
});

describe('registration', () => {
  it('of a taken name is EEXIST and undone as a whole', () => {
    const { tree } = boot();
    const before = tree.list('', true)?.map((n) => n.name);
    expect(tree.register('other', [leaf('net.inet.udp.checksum'), leaf('net.inet.tcp.mssdflt')])).toEqual({ errno: EEXIST, name: 'net.inet.tcp.mssdflt', refused: [] });
    expect(tree.list('', true)?.map((n) => n.name)).toEqual(before);
    expect(tree.lookup('net.inet.udp')).toBeNull();
  });

  it.each([
    ['below a variable', [leaf('net.inet.tcp.mssdflt.x')], ENOTDIR],
    ['of a variable where a node is', [leaf('net.inet.tcp')], EEXIST],
    ['of a name with a hole', [leaf('net..x')], EINVAL],
    ['of a write flag without a handler', [{ name: 'a.b', type: 'int', flags: CTLFLAG_RW, descr: '', get: () => 1 }], EINVAL],
    ['of a variable nobody may use', [{ name: 'a.b', type: 'int', flags: 0, descr: '', get: () => 1 }], EINVAL],
    ['of one name twice', [leaf('a.b'), leaf('a.b')], EEXIST],
  ] as const)('%s is refused', (_what, decls, errno) => {
    const { tree } = boot();
    expect(tree.register('other', decls).errno).toBe(errno);
    expect(tree.lookup('a')).toBeNull();
  });

  it('T146 every node knows the module that owns it', () => {
    const { tree } = boot();
    expect([tree.lookup('net.inet.tcp.mssdflt')?.module, tree.lookup('net.inet')?.module]).toEqual(['tcp', '']);
  });

  it('unregister() takes what the module declared and the nodes that are empty then', () => {
    const { tree } = boot();
    tree.register('ip', [leaf('net.inet.ip.ttl')]);
    expect(tree.unregister('tcp')).toBe(11);
    expect(tree.list('', true)?.map((n) => n.name)).toEqual(['net.inet.ip.ttl']);
    expect([tree.lookup('net.inet.tcp'), tree.lookup('kern')]).toEqual([null, null]);
    expect([tree.unregister('tcp'), tree.unregister('ip'), tree.root.children.length]).toEqual([0, 1, 0]);
  });

  it('a node that two modules declare stays until both have gone', () => {
    const tree = new SysctlTree<Stack>();
    const cc = sysctlNode<Stack>({ name: 'net.inet.tcp.cc', descr: 'Congestion control related settings' });
    expect([tree.register('a', [cc]).errno, tree.register('b', [cc]).errno]).toEqual([0, 0]);
    tree.unregister('a');
    expect(tree.lookup('net.inet.tcp.cc')?.descr).toBe('Congestion control related settings');
    tree.unregister('b');
    expect(tree.lookup('net.inet.tcp.cc')).toBeNull();
  });

  it('two trees share nothing but the declarations', () => {
    const decls = tcpDecls(new Shared());
    const [a, b] = [new SysctlTree<Stack>(), new SysctlTree<Stack>()];
    a.register('tcp', decls);
    b.register('tcp', decls);
    a.unregister('tcp');
    expect(b.lookup('net.inet.tcp.stats')?.module).toBe('tcp');
  });
});

describe('walks', () => {
  it('come in the order of the numbers, well known nodes first, whichever module came first', () => {
    const tree = new SysctlTree<Stack>();
    tree.register('if', [leaf('dev.x'), leaf('net.link.ether.inet.max_age'), leaf('hw.y')]);
    tree.register('udp', [leaf('net.inet.udp.checksum')]);
    tree.register('tcp', tcpDecls(new Shared()));
    tree.register('ip', [leaf('net.inet.ip.ttl'), leaf('net.inet.ip.zz'), leaf('net.inet.ip.aa')]);
    expect(tree.list()?.map((n) => n.name)).toEqual([
      'kern.ipc.maxsockbuf', 'kern.ipc.tcbhashsize',
      'net.inet.ip.ttl', 'net.inet.ip.zz', 'net.inet.ip.aa',
      'net.inet.tcp.mssdflt', 'net.inet.tcp.delayed_ack', 'net.inet.tcp.blackhole', 'net.inet.tcp.recvspace', 'net.inet.tcp.cc.algorithm', 'net.inet.tcp.cc.available',
      'net.inet.tcp.stats', 'net.inet.tcp.pcbcount',
      'net.inet.udp.checksum', 'net.link.ether.inet.max_age', 'hw.y', 'dev.x',
    ]);
  });

  it('below a name, with or without what is skipped', () => {
    const { tree } = boot();
    tree.register('m', [sysctlNode({ name: 'net.inet.tcp.hidden', flags: CTLFLAG_RD | CTLFLAG_SKIP, descr: '' }), leaf('net.inet.tcp.hidden.x')]);
    const names = (name: string, skipped?: boolean): string[] | undefined => tree.list(name, skipped)?.map((n) => n.leafName);
    expect(names('net.inet.tcp.cc')).toEqual(['algorithm', 'available']);
    expect(names('net.inet.tcp.delayed_ack')).toEqual(['delayed_ack']);
    expect(names('net.inet.tcp.drop')).toEqual(['drop']);
    expect(names('net.inet.tcp')).not.toContain('drop');
    expect(names('net.inet.tcp')).not.toContain('x');
    expect(names('net.inet.tcp', true)).toEqual(expect.arrayContaining(['drop', 'x']));
    expect(tree.list('net.inet.sctp')).toBeNull();
  });

  it('a number that a sibling has already is not taken', () => {
    const tree = new SysctlTree<Stack>();
    const numbered = (name: string, number: number): ReturnType<typeof leaf> => ({ ...leaf(name), number });
    tree.register('m', [numbered('a.x', 5), numbered('a.y', 5), numbered('a.z', 2)]);
    expect(tree.list()?.map((n) => n.leafName)).toEqual(['z', 'x', 'y']);
  });
});

describe('boot tunables', () => {
  it('give read only tunables their value, which no write changes', () => {
    const { tree, vnet0, shared } = boot({ 'kern.ipc.tcbhashsize': '4k' });
    expect(shared.hashsize).toBe(4096);
    expect(tree.sysctlSet('kern.ipc.tcbhashsize', 8192, host(vnet0)).errno).toBe(EPERM);
    expect(shared.hashsize).toBe(4096);
  });

  it('reach the variables of each stack when it is made', () => {
    const { tree, vnet0 } = boot({ 'net.inet.tcp.mssdflt': '1460' });
    expect(vnet0.mssdflt).toBe(536);
    for (const vnet of [vnet0, new Stack()]) {
      expect(tree.applyVnetTunables(host(vnet))).toEqual([]);
      expect(vnet.mssdflt).toBe(1460);
      expect(tree.sysctlSet('net.inet.tcp.mssdflt', 1000, host(vnet)).errno).toBe(0);
    }
    expect(tree.applyVnetTunables(host(vnet0), 'udp')).toEqual([]);
    expect(vnet0.mssdflt).toBe(1000);
  });

  it('that a variable does not take are told, and those of other variables do nothing', () => {
    const { tree, vnet0, shared } = boot({ 'net.inet.tcp.mssdflt': '100', 'net.inet.tcp.delayed_ack': '0', 'kern.ipc.maxsockbuf': '1' });
    expect(tree.applyVnetTunables(host(vnet0))).toEqual([{ name: 'net.inet.tcp.mssdflt', errno: EINVAL }]);
    expect([vnet0.mssdflt, vnet0.delayedAck, shared.maxsockbuf]).toEqual([536, 1, 2_097_152]);
    const other = new SysctlTree<Stack>({ 'a.x': 'junk', 'a.y': '99999999999', 'a.z': '5' });
    let z = 0;
    const result = other.register('m', [
      leaf('a.x', CTLFLAG_RDTUN), leaf('a.y', CTLFLAG_RWTUN),
      sysctlUint<Stack>({ name: 'a.z', flags: CTLFLAG_RDTUN | CTLFLAG_NOFETCH, descr: '', get: () => z, set: (_r, v) => { z = v; } }),
    ], host(vnet0));
    expect(result.refused).toEqual([{ name: 'a.x', errno: EINVAL }, { name: 'a.y', errno: ERANGE }]);
    expect([z, other.tunables.int('a.z', 1), other.tunables.int('a.x', 1), other.tunables.int('a.none', 1)]).toEqual([0, 5, 1, 1]);
  });

  it.each([['16', 16], ['0x10', 16], ['2M', 2_097_152], ['1g', 2 ** 30], ['1t', 2 ** 40], ['-3k', -3072], ['k', -9], ['1.5k', -9]])('%j as an integer', (text, value) => {
    expect(new SysctlTree({ t: text }).tunables.int('t', -9)).toBe(value);
  });

  it('can be listed and read as text', () => {
    const { tunables } = new SysctlTree({ 'net.fibs': '4', name: 'x' });
    expect([tunables.entries(), tunables.get('net.fibs'), tunables.get('constructor'), tunables.str('none', 'd')]).toEqual([[['net.fibs', '4'], ['name', 'x']], '4', null, 'd']);
  });
});
