/* udp6 of node:dgram: the same table over Node's own sockets and over ours; then what only ours can do. */
import type dgram from 'node:dgram';
import { once } from 'node:events';
import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { attempt, type Row, sameAsNode, settled, shape } from './support/rows.ts';
import { realSide, type Side } from './support/sides.ts';

const HOST = 'the operating system has the memberships and zones of its own interfaces';

async function bound(side: Side, options: dgram.SocketOptions = { type: 'udp6' }, address?: string): Promise<{ s: dgram.Socket; port: number }> {
  const s = side.dgram.createSocket(options);
  s.bind(0, address ?? side.host6);
  await once(s, 'listening');
  return { s, port: s.address().port };
}

async function shut(...sockets: dgram.Socket[]): Promise<void> {
  await Promise.all(sockets.map((s) => new Promise<void>((resolve) => s.close(resolve))));
}

/** The address of the side, for comparison. */
const named = (side: Side, text: string): string => text.replace(side.host6, 'HOST6').replace(side.clientHost6, 'HOST6').replace(side.host, 'HOST').replace(side.clientHost, 'HOST');
const without = (e: unknown): unknown => {
  const s = shape(e);
  delete s['address'];
  return { ...s, message: String(s['message']).replace(/[0-9a-f]*::[0-9a-f]*/, 'A6') };
};

type Call = [method: string, ...args: unknown[]];
/** What the calls do, in order. */
function calls(s: dgram.Socket, list: readonly Call[]): unknown[] {
  return list.map(([method, ...args]) => [method, attempt(() => (s as unknown as Record<string, (...a: unknown[]) => unknown>)[method]!(...args))]);
}

const rows: Row[] = [
  {
    title: 'bind, send, reply, close: names and families',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp6');
      const log: unknown[] = [named(side, s.address().address), s.address().family];
      s.on('message', (m, info) => {
        log.push([String(m), named(side, info.address), info.family, info.size, info.port === c.address().port, Object.keys(info).sort()]);
        s.send('reply', info.port, info.address);
      });
      c.send('hello', port, side.host6, (e, n) => log.push(`sent ${e} ${n}`));
      const [m, info] = (await once(c, 'message')) as [Buffer, dgram.RemoteInfo];
      log.push(String(m), named(side, info.address), info.family, c.address().address, c.address().family);
      await shut(s, c);
      return log;
    },
  },
  {
    title: 'to the loopback when no address is given, and by the name localhost',
    async run(side) {
      const s = side.clientDgram.createSocket('udp6');
      s.bind();
      await once(s, 'listening');
      const { port, address } = s.address();
      const c = side.clientDgram.createSocket({ type: 'udp6', lookup: (host, _o, cb) => cb(null, host === 'me' ? '::1' : host, 6) });
      const from: string[] = [];
      c.send('one', port);
      from.push(((await once(s, 'message')) as [Buffer, dgram.RemoteInfo])[1].address);
      c.send('two', port, 'me');
      from.push(((await once(s, 'message')) as [Buffer, dgram.RemoteInfo])[1].address);
      await shut(s, c);
      return [address, from];
    },
  },
  {
    title: 'ipv6Only keeps IPv4 out; without it IPv4 senders have mapped addresses, and can be answered',
    async run(side) {
      const log: unknown[] = [];
      for (const ipv6Only of [false, true]) {
        const { s, port } = await bound(side, { type: 'udp6', ipv6Only }, '::');
        const c = side.clientDgram.createSocket('udp4');
        const c6 = side.clientDgram.createSocket('udp6');
        s.on('message', (m, info) => {
          log.push([ipv6Only, String(m), named(side, info.address), info.family]);
          s.send(`re ${String(m)}`, info.port, info.address);
        });
        c.send('by 4', port, side.host);
        if (!ipv6Only) log.push(String(((await once(c, 'message')) as [Buffer])[0]));
        c6.send('by 6', port, side.host6);
        log.push(String(((await once(c6, 'message')) as [Buffer])[0]));
        await settled();
        await shut(s, c, c6);
      }
      return log;
    },
  },
  {
    title: 'who may share a port: both families, ipv6Only, reuseAddr',
    notOverHost: 'it binds by a socket of its own, which does not fail at once',
    async run(side) {
      const log: unknown[] = [];
      for (const [ipv6Only, reuseAddr] of [[true, false], [true, true], [false, true]] as const) {
        const { s, port } = await bound(side, { type: 'udp6', ipv6Only, reuseAddr }, '::');
        for (const type of ['udp4', 'udp6'] as const) {
          const t = side.dgram.createSocket({ type, reuseAddr, ipv6Only: type === 'udp6' && ipv6Only });
          t.bind(port);
          const outcome = await once(t, 'listening').then(() => 'bound', (e: unknown) => shape(e)['code']);
          log.push([ipv6Only, reuseAddr, type, outcome]);
          await shut(t);
        }
        await shut(s);
      }
      return log;
    },
  },
  {
    title: 'binds that fail: an address of somebody else, of the other family, and binding again',
    notOverHost: 'it says of the other family what it is: EAFNOSUPPORT',
    async run(side) {
      const log: unknown[] = [];
      const c = side.dgram.createSocket('udp6');
      for (const address of [side.foreign6, side.host]) {
        c.bind(0, address, () => log.push('never'));
        log.push(without((await once(c, 'error'))[0]));
      }
      c.bind(0, side.host6, () => log.push('bound'));
      await once(c, 'listening');
      await shut(c);
      return log;
    },
  },
  {
    title: 'connect(), its properties, disconnect(), and nobody there',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp6');
      const log: unknown[] = [];
      c.connect(port, side.host6, () => log.push('callback'));
      await once(c, 'connect');
      const r = c.remoteAddress();
      log.push(named(side, r.address), r.family, r.port === port, named(side, c.address().address));
      const got = once(s, 'message');
      log.push(await new Promise((resolve) => c.send('connected', (e, n) => resolve(`sent ${e} ${n}`))));
      log.push(String(((await got) as [Buffer])[0]));
      c.disconnect();
      log.push(attempt(() => c.remoteAddress()));
      await shut(s);
      c.connect(port, side.host6);
      await once(c, 'connect');
      c.send('x');
      log.push(without((await once(c, 'error'))[0]));
      await shut(c);
      return log;
    },
  },
  {
    title: 'a lookup function: what it is given, and its error',
    async run(side) {
      const asked: unknown[] = [];
      const lookup = ((host: string, options: unknown, cb: (e: Error | null, a?: string, f?: number) => void) => {
        asked.push([named(side, host), options]);
        if (host === 'nowhere') process.nextTick(cb, Object.assign(new Error('getaddrinfo ENOTFOUND nowhere'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }));
        else process.nextTick(cb, null, host === 'server' ? side.host6 : host, 6);
      }) as unknown as NonNullable<dgram.SocketOptions['lookup']>;
      const { s, port } = await bound(side, { type: 'udp6', lookup });
      const c = side.clientDgram.createSocket({ type: 'udp6', lookup });
      c.send('x', port, 'server');
      await once(s, 'message');
      asked.push(shape(await new Promise((resolve) => c.send('x', port, 'nowhere', resolve))));
      c.send('x', port, 'nowhere');
      asked.push(shape((await once(c, 'error'))[0]));
      c.connect(port, 'nowhere', ((e: Error) => asked.push(shape(e))) as unknown as () => void);
      await settled();
      await shut(s, c);
      return asked;
    },
  },
  {
    title: 'options of a bound socket',
    async run(side) {
      const { s } = await bound(side);
      const log: unknown[] = [s.setTTL(5), s.setMulticastTTL(0), s.setMulticastTTL(255), s.setMulticastLoopback(false), s.getSendQueueSize(), s.getSendQueueCount()];
      log.push(calls(s, [['setTTL', 0], ['setTTL', 256], ['setMulticastTTL', -1], ['setMulticastTTL', 256], ['setBroadcast', true], ['setTTL', '7'], ['setMulticastLoopback', true]]));
      await shut(s);
      return log;
    },
  },
  {
    title: 'setMulticastInterface()',
    notOverHost: HOST,
    async run(side) {
      const { s } = await bound(side, { type: 'udp6' }, '::');
      const list = [`::%${side.ifname}`, '::', '0.0.0.0', '', 'junk', side.host, '10.9.9.9', '2001:db8::7', '::%nobody', 7].map((a): Call => ['setMulticastInterface', a]);
      const log = calls(s, list);
      await shut(s);
      return log;
    },
  },
  {
    title: 'memberships: of an interface by its zone, of none, twice, of what is no group, of the other family',
    notOverHost: HOST,
    async run(side) {
      const { s } = await bound(side, { type: 'udp6' }, '::');
      const by = `::%${side.ifname}`;
      const log = calls(s, [
        ['addMembership', 'ff02::98', by],
        ['addMembership', 'ff02::98', by],
        ['addMembership', 'ff02::96', side.host6],
        ['addMembership', 'ff02::95', 'junk'],
        ['addMembership', 'ff02::94', '127.0.0.1'],
        ['addMembership', 'ff02::93', ''],
        ['addMembership', 'fe80::1', by],
        ['addMembership', 'junk', by],
        ['addMembership', '239.1.1.1', side.host],
        ['dropMembership', '239.1.1.1', side.host],
        ['addMembership', ''],
        ['dropMembership', 'ff02::98', by],
        ['dropMembership', 'ff02::98', by],
        ['dropMembership', 'ff02::77'],
      ]);
      const four = side.dgram.createSocket('udp4');
      four.bind(0, side.host);
      await once(four, 'listening');
      log.push(calls(four, [['addMembership', '239.1.1.1', side.host], ['addMembership', '239.1.1.1', side.host], ['addMembership', '239.1.1.2', 'junk'], ['addMembership', '239.1.1.3', '::1'], ['addMembership', '10.0.0.1', side.host]]));
      await shut(s, four);
      return log;
    },
  },
  {
    title: 'source-specific memberships',
    notOverHost: HOST,
    async run(side) {
      const { s } = await bound(side, { type: 'udp6' }, '::');
      const by = `::%${side.ifname}`;
      const log = calls(s, [
        ['addSourceSpecificMembership', '2001:db8::1', 'ff3e::99', by],
        ['addSourceSpecificMembership', '2001:db8::1', 'ff3e::99', by],
        ['addSourceSpecificMembership', '2001:db8::2', 'ff3e::99', by],
        ['addSourceSpecificMembership', '127.0.0.1', 'ff3e::98', by],
        ['addSourceSpecificMembership', '::1', '224.0.0.5', by],
        ['addSourceSpecificMembership', '::1', '::5', by],
        ['addSourceSpecificMembership', 'junk', 'ff3e::97', by],
        ['addSourceSpecificMembership', '::1', 'junk', by],
        ['addSourceSpecificMembership', '::1', 'ff3e::95', 'junk'],
        ['addSourceSpecificMembership', 5, 'ff02::1'],
        ['addSourceSpecificMembership', '::1', 5],
        ['dropSourceSpecificMembership', '2001:db8::1', 'ff3e::99', by],
        ['dropSourceSpecificMembership', '2001:db8::1', 'ff3e::99', by],
        ['dropSourceSpecificMembership', '2001:db8::2', 'ff3e::99', by],
      ]);
      await shut(s);
      return log;
    },
  },
];

describe('dgram, udp6', () => sameAsNode(rows));

describe('dgram, udp6, ours', () => {
  it('carries groups between vnets, all senders or one', async () => {
    const side = realSide();
    const { s, port } = await bound(side, { type: 'udp6' }, '::');
    const got: string[] = [];
    s.on('message', (m) => got.push(String(m)));
    const c = side.clientDgram.createSocket('udp6');
    c.bind();
    await once(c, 'listening');
    c.setMulticastInterface(`::%${side.clientIfname}`);
    s.addMembership('ff05::1', `::%${side.ifname}`);
    s.addSourceSpecificMembership(side.clientHost6, 'ff35::2', `::%${side.ifname}`);
    s.addSourceSpecificMembership('fd00::77', 'ff35::3', `::%${side.ifname}`);
    for (const g of ['ff05::1', 'ff35::2', 'ff35::3', 'ff05::4']) c.send(g, port, g);
    while (got.length < 2) await once(s, 'message');
    await settled();
    expect(got).toEqual(['ff05::1', 'ff35::2']);
    await shut(s, c);
    side.end();
  });

  it('names the interface of link-local addresses, and takes it by name or number', async () => {
    const side = realSide();
    const local = side.stack.jails().find((j) => j.name === 'server')!.interface(side.ifname).addrs.map((a) => a.addr).find((a) => a.w0 >>> 16 === 0xfe80)!;
    const bare = local.toString().replace(/%.*/, '');
    const { s, port } = await bound(side, { type: 'udp6' }, `${bare}%${side.ifname}`);
    expect(s.address().address).toBe(`${bare}%${side.ifname}`);
    const c = side.clientDgram.createSocket('udp6');
    c.send('by name', port, `${bare}%${side.clientIfname}`);
    const [m, info] = (await once(s, 'message')) as [Buffer, dgram.RemoteInfo];
    expect([String(m), info.address.replace(/^fe80::[0-9a-f:]*/, 'LL')]).toEqual(['by name', `LL%${side.ifname}`]);
    s.send('back', info.port, info.address);
    const [, back] = (await once(c, 'message')) as [Buffer, dgram.RemoteInfo];
    expect(back.address).toBe(`${bare}%${side.clientIfname}`);
    const e = await new Promise((resolve) => c.send('x', port, `${bare}%nobody`, resolve));
    expect(shape(e)).toMatchObject({ code: 'EINVAL', syscall: 'send' });
    const server = side.net.createServer((x) => x.end(String(x.remoteAddress)));
    server.listen(0, `${bare}%${side.ifname}`);
    await once(server, 'listening');
    const t = side.client.connect((server.address() as { port: number }).port, `${bare}%${side.clientIfname}`);
    const [seen] = (await once(t, 'data')) as [Buffer];
    expect(String(seen)).toMatch(new RegExp(`^fe80::.*%${side.ifname}$`));
    await once(t, 'close');
    server.close();
    await shut(s, c);
    side.end();
  });

  it.each(['udp4', 'udp6'] as const)('%s: sendmsg() gives one datagram a hop limit, a class and a source; `control` tells what came in', async (type) => {
    const side = realSide();
    const [host, client, second] = type === 'udp6' ? [side.host6, side.clientHost6, 'fd00::22'] : [side.host, side.clientHost, '10.0.0.22'];
    side.stack.jails().find((j) => j.name === 'client')!.addAddress(side.clientIfname, `${second}/${type === 'udp6' ? 64 : 24}`);
    const s = side.dgram.createSocket({ type, control: true });
    s.bind(0);
    await once(s, 'listening');
    const { port } = s.address();
    const c = side.clientDgram.createSocket(type);
    c.bind(0);
    await once(c, 'listening');
    const seen = async (): Promise<unknown> => {
      const [m, info] = (await once(s, 'message')) as [Buffer, dgram.RemoteInfo & { control?: unknown }];
      return [String(m), info.address, info.control];
    };
    c.sendmsg('one', { port, address: host, hopLimit: 7, trafficClass: 0x20, source: second });
    expect(await seen()).toEqual(['one', second, { destination: host, interface: side.ifname, hopLimit: 7, trafficClass: 0x20 }]);
    const sent: unknown[] = [];
    c.sendmsg('two', { port, address: host }, (e, n) => sent.push(e, n));
    expect(await seen()).toEqual(['two', client, { destination: host, interface: side.ifname, hopLimit: 64, trafficClass: 0 }]);
    expect(sent).toEqual([null, 3]);
    c.connect(port, host);
    await once(c, 'connect');
    c.sendmsg('three', { hopLimit: 9 });
    expect(await seen()).toMatchObject(['three', client, { hopLimit: 9 }]);
    if (type === 'udp6') {
      c.disconnect();
      c.sendmsg('four', { port, address: host, interface: side.clientIfname, nextHop: host, dontFragment: true });
      expect(await seen()).toMatchObject(['four', client, {}]);
      const e = await new Promise((resolve) => c.sendmsg(Buffer.alloc(3000), { port, address: host, dontFragment: true }, resolve));
      expect(shape(e)).toMatchObject({ code: 'EMSGSIZE', syscall: 'send' });
    }
    const refused = (o: object): unknown => attempt(() => c.sendmsg('x', type === 'udp6' ? { port, address: host, ...o } : o));
    expect([{ hopLimit: 'x' }, { source: 5 }, { source: 'junk' }, { interface: 'nobody' }].map((o) => (refused(o) as { code: string }).code)).toEqual(['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_VALUE']);
    const bad = await new Promise((resolve) => c.sendmsg('x', type === 'udp6' ? { port, address: host, hopLimit: 256 } : { hopLimit: 256 }, resolve));
    expect(shape(bad)).toMatchObject({ code: 'EINVAL', syscall: 'send' });
    await shut(s, c);
    side.end();
  });

  it('block lists: nobody is heard of whom one says so, nothing is sent to whom the other does', async () => {
    const side = realSide();
    const list = new BlockList();
    list.addSubnet('fd00::', 127, 'ipv6');
    list.addAddress('fd00::2', 'ipv6');
    const open = new BlockList();
    const { s, port } = await bound(side, { type: 'udp6', receiveBlockList: list } as dgram.SocketOptions);
    const { s: free, port: freePort } = await bound(side, { type: 'udp6', receiveBlockList: open } as dgram.SocketOptions);
    s.on('message', () => expect.unreachable());
    const c = side.clientDgram.createSocket('udp6');
    c.send('x', port, side.host6);
    c.send('y', freePort, side.host6);
    await once(free, 'message');
    await settled();
    const d = side.clientDgram.createSocket({ type: 'udp6', sendBlockList: list } as dgram.SocketOptions);
    const e = await new Promise((resolve) => d.send('x', port, side.clientHost6, resolve));
    expect(shape(e)).toMatchObject({ code: 'ERR_IP_BLOCKED', message: 'IP(fd00::2) is blocked by net.BlockList' });
    const f = await new Promise((resolve) => d.connect(port, side.clientHost6, resolve as () => void));
    expect(shape(f)).toMatchObject({ code: 'ERR_IP_BLOCKED' });
    expect(attempt(() => side.dgram.createSocket({ type: 'udp6', sendBlockList: 5 } as unknown as dgram.SocketOptions))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await shut(s, free, c, d);
    side.end();
  });
});
