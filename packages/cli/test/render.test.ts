import { IFCAP_TOE, IFF_UP } from '@ns/ifnet-kpi';
import { RTF_BLACKHOLE, RTF_GATEWAY, RTF_HOST, RTF_PINNED, RTF_STATIC, RTF_UP } from '@ns/route';
import { describe, expect, it } from 'vitest';
import {
  type JailsSnapshot,
  type NeighboursSnapshot,
  renderArp,
  renderIfconfig,
  renderIfconfigList,
  renderJls,
  renderJlsParams,
  renderKldstat,
  renderNetstat,
  renderNetstatIf,
  renderNetstatIsr,
  renderNetstatMbuf,
  renderNetstatRoutes,
  renderNetstatStats,
  renderRouteGet,
  renderSockstat,
  type SocketSnapshot,
  type RouteSnapshot,
  type RoutesSnapshot,
  SNAPSHOT_VERSION,
} from '../src/index.ts';
import { addr4, ALL, CONN, CXGBE0, grep, interfaces, LISTENER, LO0, OFFLOADED, sockets, TCP } from './fixtures.ts';

const V = SNAPSHOT_VERSION;
const golden = (name: string): string => `./golden/${name}.txt`;

describe('ifconfig', () => {
  it('shows interfaces as FreeBSD does', async () => {
    await expect(renderIfconfig(interfaces(CXGBE0, LO0))).toMatchFileSnapshot(golden('ifconfig'));
    await expect(renderIfconfig(interfaces(CXGBE0, LO0), { media: true })).toMatchFileSnapshot(golden('ifconfig-m'));
  });

  it('prints the first line of the field guide', () => {
    const [first, , options] = renderIfconfig(interfaces(CXGBE0)).split('\n');
    expect(first).toBe('cxgbe0: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1500');
    expect(options).toBe(
      '\toptions=6c07bb<RXCSUM,TXCSUM,VLAN_MTU,VLAN_HWTAGGING,JUMBO_MTU,VLAN_HWCSUM,TSO4,TSO6,LRO,VLAN_HWTSO,LINKSTATE,RXCSUM_IPV6,TXCSUM_IPV6>',
    );
  });

  it('T06 lists exactly the interfaces that can offload with `ifconfig -m | grep TOE`', () => {
    const other = { ...CXGBE0, name: 'em0', capabilities: CXGBE0.options };
    const lines = grep(renderIfconfig(interfaces(other, CXGBE0, LO0), { media: true }), 'TOE');
    expect(lines).toEqual([
      '\tcapabilities=6cc7bb<RXCSUM,TXCSUM,VLAN_MTU,VLAN_HWTAGGING,JUMBO_MTU,VLAN_HWCSUM,TSO4,TSO6,LRO,TOE4,TOE6,VLAN_HWTSO,LINKSTATE,RXCSUM_IPV6,TXCSUM_IPV6>',
    ]);
  });

  it('T07 shows TOE4 and TOE6 among the options once they are on', () => {
    const on = { ...CXGBE0, options: CXGBE0.options | IFCAP_TOE };
    expect(grep(renderIfconfig(interfaces(on)), 'TOE')).toHaveLength(1);
    expect(grep(renderIfconfig(interfaces(CXGBE0)), 'TOE')).toHaveLength(0);
  });

  it('shows one family, point-to-point links, alias addresses, a link without carrier', async () => {
    const down = { ...CXGBE0, flags: 0x8810, media: { ...CXGBE0.media!, active: 0x20, status: 1 }, addresses: [{ ...addr4('10.1.1.1', 32, '10.1.1.1', null), destination: '10.1.1.2' }] };
    await expect(renderIfconfig(interfaces(down))).toMatchFileSnapshot(golden('ifconfig-p2p'));
    expect(renderIfconfig(interfaces(CXGBE0), { family: 'inet' })).not.toContain('inet6');
    expect(renderIfconfigList(interfaces(CXGBE0, LO0))).toBe('cxgbe0 lo0\n');
  });

  it('marks addresses by their state (RFC 4862)', () => {
    const states = { ...CXGBE0, addresses: [{ ...CXGBE0.addresses[2]!, flags: 0x1 | 0x2 | 0x10 | 0x40 }] };
    expect(renderIfconfig(interfaces(states), { family: 'inet6' })).toContain('\tinet6 2001:db8::1 prefixlen 64 anycast tentative deprecated autoconf\n');
  });
});

describe('netstat', () => {
  it('shows sockets as FreeBSD does', async () => {
    await expect(renderNetstat(ALL, { all: true, numeric: true })).toMatchFileSnapshot(golden('netstat-an'));
    await expect(renderNetstat(ALL, { numeric: true })).toMatchFileSnapshot(golden('netstat-n'));
    await expect(renderNetstat(ALL, { all: true })).toMatchFileSnapshot(golden('netstat-a'));
    await expect(renderNetstat(ALL, { all: true, numeric: true, wide: true })).toMatchFileSnapshot(golden('netstat-anW'));
    await expect(renderNetstat(ALL, { all: true, listen: true, numeric: true })).toMatchFileSnapshot(golden('netstat-Lan'));
    await expect(renderNetstat(ALL, { all: true, flows: true, numeric: true })).toMatchFileSnapshot(golden('netstat-Ran'));
    await expect(renderNetstat(ALL, { all: true, trouble: true, numeric: true })).toMatchFileSnapshot(golden('netstat-Tan'));
    await expect(renderNetstat(ALL, { all: true, congestion: true, numeric: true })).toMatchFileSnapshot(golden('netstat-Can'));
  });

  it('prints the lines of the field guide', () => {
    const rows = renderNetstat(ALL, { all: true, numeric: true }).split('\n').map((l) => l.trimEnd());
    expect(rows.slice(0, 4)).toEqual([
      'Active Internet connections (including servers)',
      'Proto Recv-Q Send-Q Local Address          Foreign Address        (state)',
      'tcp4       0      0 10.0.0.1.40112         10.0.0.2.5001          ESTABLISHED',
      'toe4       0     52 10.0.0.1.443           10.0.0.9.51514         ESTABLISHED',
    ]);
    expect(rows).toContain('tcp46      0      0 *.80                   *.*                    LISTEN');
    expect(rows).toContain('udp4       0      0 *.514                  *.*');
  });

  it('T10 shows offloaded connections with `netstat -np tcp | grep toe`', () => {
    expect(grep(renderNetstat(ALL, { numeric: true, protocol: 'tcp' }), 'toe').map((l) => l.trimEnd())).toEqual([
      'toe4       0     52 10.0.0.1.443           10.0.0.9.51514         ESTABLISHED',
    ]);
  });

  it('T120 exports the timers of connections with -x', async () => {
    await expect(renderNetstat(ALL, { all: true, numeric: true, buffers: true })).toMatchFileSnapshot(golden('netstat-anx'));
    expect(renderNetstat(sockets(CONN), { numeric: true, buffers: true }).split('\n')[2]).toBe(
      'tcp4       0      0 10.0.0.1.40112         10.0.0.2.5001               0      0      0      0  65536  32768      1   2048      0      0 524288 262144    0.23    0.00 7199.88    0.00    0.00    0.12',
    );
  });

  it('T121 refuses a snapshot of another version with a clear error', () => {
    expect(() => renderNetstat({ ...ALL, version: V + 1 })).toThrow(`netstat: snapshot version ${V + 1} is newer than ${V}, which this tool understands`);
    expect(() => renderIfconfig({ version: 0, interfaces: [] })).toThrow('ifconfig: snapshot version 0');
  });

  it('leaves servers out without -a, and prints nothing where there is nothing', () => {
    expect(renderNetstat(sockets(LISTENER))).toBe('');
    expect(renderNetstat(sockets(CONN, LISTENER), { numeric: true })).not.toContain('LISTEN');
  });

  it('shows one family', () => {
    const six = renderNetstat(ALL, { all: true, numeric: true, family: 'inet6' });
    expect(grep(six, 'tcp4 ')).toEqual([]);
    expect(grep(six, 'tcp46')).toHaveLength(1);
  });

  it('shows interfaces', async () => {
    const s = interfaces(CXGBE0, { ...LO0, flags: LO0.flags & ~IFF_UP });
    await expect(renderNetstatIf(s)).toMatchFileSnapshot(golden('netstat-i'));
    await expect(renderNetstatIf(s, { bytes: true, drops: true })).toMatchFileSnapshot(golden('netstat-ibd'));
    await expect(renderNetstatIf(s, { wide: true, family: 'inet6' })).toMatchFileSnapshot(golden('netstat-iW6'));
    expect(renderNetstatIf(s).split('\n')[0]).toBe('Name     Mtu Network       Address              Ipkts Ierrs Idrop    Opkts Oerrs  Coll');
    expect(renderNetstatIf(interfaces(LO0)).split('\n')[0]).toBe('Name    Mtu Network       Address              Ipkts Ierrs Idrop    Opkts Oerrs  Coll');
  });

  it('shows memory of packets', async () => {
    const zone = (name: string, size: number, current: number, cache: number, max: number) => ({ name, size, current, cache, max, denied: 0 });
    const s = {
      version: V,
      mbufs: zone('mbuf_packet', 0, 1024, 1801, 524288),
      headers: zone('mbuf', 256, 10, 246, 524288),
      clusters: zone('mbuf_cluster', 2048, 100, 28, 65536),
      jumbop: zone('mbuf_jumbo_page', 4096, 2, 30, 16384),
      jumbo16: { ...zone('mbuf_jumbo_16k', 16384, 0, 8, 8192), denied: 3 },
      external: 5,
    };
    const text = renderNetstatMbuf(s);
    await expect(text).toMatchFileSnapshot(golden('netstat-m'));
    expect(text.split('\n')[0]).toBe('1024/1801/2825 mbufs in use (current/cache/total)');
  });

  it('shows dispatch as the field guide has it', async () => {
    const s = {
      version: V,
      numthreads: 1,
      maxthreads: 1,
      defaultqlimit: 256,
      maxqlimit: 10240,
      dispatch: 'direct',
      bindthreads: false,
      protocols: [
        { name: 'ip', proto: 1, qlimit: 256, policy: 'flow', dispatch: 'default', flags: '---' },
        { name: 'ether', proto: 5, qlimit: 256, policy: 'source', dispatch: 'direct', flags: '---' },
      ],
      workstreams: [{ wsid: 0, cpu: 0, name: 'ip', len: 0, watermark: 3, dispatched: 104223, hybridDispatched: 0, qdrops: 0, queued: 17, handled: 104240 }],
    };
    await expect(renderNetstatIsr(s)).toMatchFileSnapshot(golden('netstat-Q'));
  });
});

describe('netstat -s', () => {
  const protocols = [
    { name: 'tcp', counters: { sndtotal: 1, sndpack: 2, sndbyte: 1, scAdded: 1, hcAdded: 2, rcvdupack: 3 }, states: [{ state: 'LISTEN', count: 1 }, { state: 'ESTABLISHED', count: 2 }] },
    { name: 'icmp', counters: { error: 1, badaddr: 1, outhist: [0, 0, 0, 2, 0, 0, 0, 1], inhist: [5] }, maskrepl: false },
    { name: 'arp', counters: { txreplies: 1, rxreplies: 2 } },
    { name: 'carp6', counters: { strange: 4, zero: 0 } },
  ];

  it('has a line for each counter, in FreeBSD words, with plurals', async () => {
    const text = renderNetstatStats({ version: V, protocols });
    await expect(text).toMatchFileSnapshot(golden('netstat-s'));
    expect(text).toContain('\t1 packet sent\n\t\t2 data packets (1 byte)\n');
    expect(text).toContain('\t1 syncache entry added\n');
    expect(text).toContain('\t2 hostcache entries added\n');
    expect(text).toContain('\t1 invalid return address\n');
    expect(text).toContain('\t\tdestination unreachable: 2\n\t\t#7: 1\n');
  });

  it('leaves out what is 0 when asked twice', async () => {
    await expect(renderNetstatStats({ version: V, protocols }, { brief: true })).toMatchFileSnapshot(golden('netstat-ss'));
  });

  it('is not misled by a protocol called like a method', () => {
    expect(renderNetstatStats({ version: V, protocols: [{ name: 'constructor', counters: { a: 1 } }] })).toBe('constructor:\n\t1 a\n');
  });
});

describe('netstat -r and route get', () => {
  const base: RouteSnapshot = { family: 'inet', destination: 'default', address: '0.0.0.0', prefixlen: 0, gateway: '10.0.0.254', linkIndex: 1, flags: RTF_UP | RTF_GATEWAY | RTF_STATIC, netif: 'cxgbe0', source: '10.0.0.1', nhop: 3, weight: 1, mtu: 1500, use: 9, expire: null };
  const table: RoutesSnapshot = {
    version: V,
    fib: 0,
    routes: [
      base,
      { ...base, destination: '10.0.0.0/24', address: '10.0.0.0', prefixlen: 24, gateway: null, flags: RTF_UP | RTF_PINNED },
      { ...base, destination: '10.0.0.1', address: '10.0.0.1', prefixlen: 32, gateway: null, flags: RTF_UP | RTF_HOST | RTF_STATIC, netif: 'lo0' },
      { ...base, destination: '10.7.0.0/16', address: '10.7.0.0', prefixlen: 16, flags: RTF_UP | RTF_GATEWAY | RTF_BLACKHOLE, expire: 599 },
      { ...base, family: 'inet6', destination: '2001:db8::/32', address: '2001:db8::', prefixlen: 32, gateway: 'fe80::1%cxgbe0' },
    ],
  };

  it('shows tables as FreeBSD does', async () => {
    const text = renderNetstatRoutes(table);
    await expect(text).toMatchFileSnapshot(golden('netstat-rn'));
    await expect(renderNetstatRoutes({ ...table, fib: 1 }, { wide: true })).toMatchFileSnapshot(golden('netstat-rnW-fib1'));
    expect(text.split('\n').slice(3, 7)).toEqual([
      'Destination        Gateway            Flags     Netif Expire',
      'default            10.0.0.254         UGS      cxgbe0',
      '10.0.0.0/24        link#1             U        cxgbe0',
      '10.0.0.1           link#1             UHS         lo0',
    ]);
  });

  it('shows one route', async () => {
    await expect(renderRouteGet({ version: V, to: '8.8.8.8', fib: 0, route: base })).toMatchFileSnapshot(golden('route-get'));
    const host = table.routes[2]!;
    expect(renderRouteGet({ version: V, to: '10.0.0.1', fib: 0, route: host })).not.toContain('mask:');
  });
});

describe('sockstat', () => {
  const me = { process: { command: 'iperf3', pid: 1204 }, userName: (uid: number) => (uid === 80 ? 'www' : null) };

  it('shows sockets as FreeBSD does', async () => {
    await expect(renderSockstat(ALL, me)).toMatchFileSnapshot(golden('sockstat'));
    await expect(renderSockstat(ALL, { ...me, state: true, id: true, cc: true, stack: true, wide: true })).toMatchFileSnapshot(golden('sockstat-sSCiw'));
    await expect(renderSockstat(ALL)).toMatchFileSnapshot(golden('sockstat-kernel'));
  });

  it('shows UDP ports of connections in UDP with -U', () => {
    const at = (s: SocketSnapshot): string => renderSockstat(sockets(s), { encaps: true, state: true, quiet: true }).slice(81);
    const tcp = { ...TCP, encapsPort: 9899 };
    expect(at({ ...CONN, tcp })).toBe('9899                ESTABLISHED\n');
    expect(at(CONN)).toBe('0                   ESTABLISHED\n');
    expect(at({ ...CONN, tcp: { ...tcp, state: 'LISTEN' } })).toBe('                    LISTEN\n');
    expect(at({ ...CONN, protocol: 'udp', tcp: null })).toBe('');
    expect(renderSockstat(sockets(), { encaps: true, state: true, id: true })).toContain(' ID       ENCAPS PATH STATE   CONN STATE');
  });

  it('T11 shows offloaded connections with `sockstat -46c | grep toe`', () => {
    expect(grep(renderSockstat(ALL, { ...me, ipv4: true, ipv6: true, connected: true }), 'toe')).toEqual([
      'www      iperf3     1204  ?   toe4   10.0.0.1:443          10.0.0.9:51514',
    ]);
  });

  it('filters', () => {
    const only = (o: object): number => renderSockstat(ALL, { ...me, quiet: true, ...o }).split('\n').length - 1;
    expect(only({})).toBe(7);
    expect(only({ connected: true })).toBe(4);
    expect(only({ listening: true })).toBe(3);
    expect(only({ ipv6: true })).toBe(2);
    expect(only({ protocols: ['udp', 'icmp'] })).toBe(2);
    expect(only({ ports: [[22, 22], [500, 600]] })).toBe(3);
    expect(only({ jid: 3 })).toBe(1);
  });

  it('hides what stays on loopback with -L', () => {
    const lo = { ...CONN, local: { address: '127.0.0.1', port: 1 }, foreign: { address: '127.0.0.1', port: 2 } };
    const half = { ...OFFLOADED, local: { address: '::1', port: 9 } };
    expect(renderSockstat(sockets(lo, half), { noLoopback: true, quiet: true }).split('\n')).toHaveLength(2);
  });

  it('keeps columns apart when a process number is long', () => {
    const row = renderSockstat(sockets(CONN), { process: { command: 'a-very-long-command', pid: 41234567 }, quiet: true });
    expect(row).toBe('root     a-very-lon 41234567 ? tcp4  10.0.0.1:40112        10.0.0.2:5001\n');
  });
});

describe('arp, jls, kldstat', () => {
  it('shows neighbours', async () => {
    const n = { address: '10.0.0.254', ether: '00:11:22:33:44:55', netif: 'cxgbe0', expire: 1187, published: false };
    const s: NeighboursSnapshot = {
      version: V,
      neighbours: [n, { ...n, address: '10.0.0.9', ether: null, expire: 0 }, { ...n, address: '10.0.0.1', expire: null }, { ...n, address: '10.0.0.7', expire: null, published: true }],
    };
    await expect(renderArp(s)).toMatchFileSnapshot(golden('arp-a'));
    expect(renderArp(s)).toContain('? (10.0.0.9) at (incomplete) on cxgbe0 expired [ethernet]\n');
  });

  const jails: JailsSnapshot = {
    version: V,
    jails: [
      { jid: 1, name: 'v1', hostname: 'v1.example', path: '/jails/v1', dying: false, addresses: [], params: { jid: 1, name: 'v1', vnet: 'new', persist: true, 'allow.raw_sockets': false, 'host.hostname': 'v1.example', ip4: 'inherit', 'ip4.addr': [], dying: false } },
      { jid: 12, name: 'web', hostname: 'web server', path: '/', dying: true, addresses: ['10.0.0.5', '2001:db8::5'], params: { jid: 12, name: 'web', vnet: 'inherit', persist: false, 'allow.raw_sockets': true, 'host.hostname': 'web server', ip4: 'new', 'ip4.addr': ['10.0.0.5'], dying: true } },
    ],
  };

  it('shows jails', async () => {
    await expect(renderJls(jails)).toMatchFileSnapshot(golden('jls'));
    await expect(renderJls(jails, { verbose: true })).toMatchFileSnapshot(golden('jls-v'));
    expect(renderJls(jails).split('\n').slice(0, 2)).toEqual([
      '   JID  IP Address      Hostname                      Path',
      '     1                  v1.example                    /jails/v1',
    ]);
    await expect(renderJls(jails, { names: true })).toMatchFileSnapshot(golden('jls-N'));
    expect(renderJls(jails, { names: true }).split('\n')[0]).toBe(' JID             IP Address      Hostname                      Path');
  });

  it('shows parameters of jails', () => {
    const all = (...names: string[]): { name: string; negated: boolean }[] => names.map((name) => ({ name, negated: false }));
    expect(renderJlsParams(jails, all('jid', 'name', 'vnet'), { header: true })).toBe('jid name vnet\n1 v1 new\n12 web inherit\n');
    expect(renderJlsParams(jails, all('persist', 'allow.raw_sockets', 'ip4.addr'), { names: true })).toBe('persist allow.noraw_sockets ip4.addr=\nnopersist allow.raw_sockets ip4.addr=10.0.0.5\n');
    expect(renderJlsParams(jails, [{ name: 'persist', negated: true }, ...all('persist', 'ip4.addr')])).toBe('false true -\ntrue false 10.0.0.5\n');
    expect(renderJlsParams(jails, all('ip4.addr', 'host.hostname'), { quote: true })).toBe('"" v1.example\n10.0.0.5 "web server"\n');
    // what cannot be set is left out with -s, and what a jail has from its parent
    expect(renderJlsParams(jails, all('dying', 'ip4', 'ip4.addr', 'ip4.saddrsel', 'jid'), { names: true, quote: true, jailArgs: true })).toBe('ip4=inherit jid=1\nip4=new ip4.addr=10.0.0.5 ip4.saddrsel="" jid=12\n');
  });

  it('shows modules', async () => {
    const modules = [
      { id: 1, refs: 23, name: 'kernel', moduleVersion: 1, usedBy: [] },
      { id: 2, refs: 1, name: 't4-tom', moduleVersion: 1, usedBy: ['tcp'] },
    ];
    await expect(renderKldstat({ version: V, modules }, true)).toMatchFileSnapshot(golden('kldstat-v'));
    expect(renderKldstat({ version: V, modules })).not.toContain('Contains');
  });
});
