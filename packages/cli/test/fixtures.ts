import {
  IFCAP_HWCSUM,
  IFCAP_HWCSUM_IPV6,
  IFCAP_JUMBO_MTU,
  IFCAP_LINKSTATE,
  IFCAP_LRO,
  IFCAP_TOE,
  IFCAP_TSO,
  IFCAP_VLAN_HWCSUM,
  IFCAP_VLAN_HWTAGGING,
  IFCAP_VLAN_HWTSO,
  IFCAP_VLAN_MTU,
  IFF_BROADCAST,
  IFF_DRV_RUNNING,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_SIMPLEX,
  IFF_UP,
  IFM_10G_SR,
  IFM_ACTIVE,
  IFM_AUTO,
  IFM_AVALID,
  IFM_ETH_RXPAUSE,
  IFM_ETH_TXPAUSE,
  IFM_ETHER,
  IFM_FDX,
  IFT_ETHER,
  IFT_LOOP,
} from '@ns/ifnet-kpi';
import {
  type IfAddrSnapshot,
  type IfCounters,
  type InterfacesSnapshot,
  type IfSnapshot,
  type SocketSnapshot,
  type SocketsSnapshot,
  SNAPSHOT_VERSION,
  type TcpSnapshot,
} from '../src/index.ts';

export const COUNTERS: IfCounters = {
  ipackets: 0,
  ierrors: 0,
  iqdrops: 0,
  ibytes: 0,
  imcasts: 0,
  noproto: 0,
  opackets: 0,
  oerrors: 0,
  oqdrops: 0,
  obytes: 0,
  omcasts: 0,
  collisions: 0,
};

export const addr4 = (address: string, prefixlen: number, network: string, broadcast: string | null): IfAddrSnapshot => ({
  family: 'inet',
  address,
  prefixlen,
  network,
  broadcast,
  destination: null,
  flags: 0,
  pltime: null,
  vltime: null,
  scopeid: 0,
  ipackets: 137,
  opackets: 105,
  ibytes: 20550,
  obytes: 9450,
});

export const addr6 = (address: string, prefixlen: number, network: string, scopeid: number, flags: number = 0): IfAddrSnapshot => ({
  ...addr4(address, prefixlen, network, null),
  family: 'inet6',
  scopeid,
  flags,
});

const CAPS = IFCAP_HWCSUM | IFCAP_VLAN_MTU | IFCAP_VLAN_HWTAGGING | IFCAP_JUMBO_MTU | IFCAP_VLAN_HWCSUM | IFCAP_TSO | IFCAP_LRO | IFCAP_VLAN_HWTSO | IFCAP_LINKSTATE | IFCAP_HWCSUM_IPV6;
const SR = IFM_ETHER | IFM_10G_SR | IFM_FDX;

/** The network card of the field guide: what a cxgbe(4) shows. */
export const CXGBE0: IfSnapshot = {
  name: 'cxgbe0',
  index: 1,
  type: IFT_ETHER,
  flags: IFF_UP | IFF_BROADCAST | IFF_DRV_RUNNING | IFF_SIMPLEX | IFF_MULTICAST,
  metric: 0,
  mtu: 1500,
  description: 'uplink',
  capabilities: CAPS | IFCAP_TOE,
  options: CAPS,
  ether: '00:07:43:aa:bb:cc',
  hwaddr: '00:07:43:aa:bb:cc',
  addresses: [
    addr4('10.0.0.1', 24, '10.0.0.0', '10.0.0.255'),
    addr6('fe80::207:43ff:feaa:bbcc%cxgbe0', 64, 'fe80::%cxgbe0', 1),
    addr6('2001:db8::1', 64, '2001:db8::', 0),
  ],
  groups: ['lan'],
  fib: 1,
  media: {
    current: SR | IFM_ETH_RXPAUSE | IFM_ETH_TXPAUSE,
    active: SR | IFM_ETH_RXPAUSE | IFM_ETH_TXPAUSE,
    status: IFM_AVALID | IFM_ACTIVE,
    list: [IFM_ETHER | IFM_AUTO, SR],
  },
  nd6: 0x21,
  counters: { ...COUNTERS, ipackets: 104240, ierrors: 2, iqdrops: 1, ibytes: 150_000_000, opackets: 52000, oerrors: 3, oqdrops: 7, obytes: 9_876_543, collisions: 0 },
};

export const LO0: IfSnapshot = {
  ...CXGBE0,
  name: 'lo0',
  index: 2,
  type: IFT_LOOP,
  flags: IFF_UP | IFF_LOOPBACK | IFF_DRV_RUNNING | IFF_MULTICAST,
  mtu: 16384,
  description: '',
  capabilities: IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_LINKSTATE,
  options: IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_LINKSTATE,
  ether: null,
  hwaddr: null,
  addresses: [addr4('127.0.0.1', 8, '127.0.0.0', null), addr6('::1', 128, '::1', 0), addr6('fe80::1%lo0', 64, 'fe80::%lo0', 2)],
  groups: ['lo'],
  fib: 0,
  media: null,
  nd6: null,
  counters: COUNTERS,
};

export const interfaces = (...list: IfSnapshot[]): InterfacesSnapshot => ({ version: SNAPSHOT_VERSION, interfaces: list });

export const TCP: TcpSnapshot = {
  state: 'ESTABLISHED',
  hidden: false,
  toe: false,
  timers: { rexmt: 230_000, persist: null, keep: 7_199_880_000, '2msl': null, delack: null, rcvtime: 120_000 },
  stack: 'freebsd',
  cc: 'newreno',
  cwnd: 14480,
  ssthresh: 1073725440,
  mss: 1448,
  ecn: 'off',
  rexmitPackets: 4,
  outOfOrderPackets: 2,
  zeroWindows: 1,
};

const BUF = { cc: 0, hiwat: 65536, lowat: 1, mbcnt: 0, mbmax: 524288, mbufs: 0, clusters: 0 };

/** A connection of the field guide. */
export const CONN: SocketSnapshot = {
  protocol: 'tcp',
  ipv4: true,
  ipv6: false,
  local: { address: '10.0.0.1', port: 40112 },
  foreign: { address: '10.0.0.2', port: 5001 },
  recv: BUF,
  send: { ...BUF, hiwat: 32768, lowat: 2048, mbmax: 262144 },
  listen: null,
  tcp: TCP,
  flowid: 0x1234abcd,
  flowtype: 3,
  fib: 0,
  uid: 0,
  jid: 0,
  owned: true,
  id: 41,
};

const ANY4 = { address: '0.0.0.0', port: 0 };
const ANY6 = { address: '::', port: 0 };

export const OFFLOADED: SocketSnapshot = {
  ...CONN,
  local: { address: '10.0.0.1', port: 443 },
  foreign: { address: '10.0.0.9', port: 51514 },
  send: { ...CONN.send, cc: 52 },
  tcp: { ...TCP, toe: true },
  uid: 80,
  id: 42,
};
export const LISTENER: SocketSnapshot = {
  ...CONN,
  ipv6: true,
  local: { address: '::', port: 80 },
  foreign: ANY6,
  listen: { qlen: 2, incqlen: 1, maxqlen: 128 },
  tcp: { ...TCP, state: 'LISTEN', timers: { rexmt: null, persist: null, keep: null, '2msl': null, delack: null, rcvtime: 0 } },
  id: 7,
};
export const CLOSING: SocketSnapshot = {
  ...CONN,
  foreign: { address: '10.0.0.3', port: 22 },
  tcp: { ...TCP, state: 'FIN_WAIT_1', hidden: true },
  owned: false,
  id: 40,
};
export const TCP6: SocketSnapshot = {
  ...CONN,
  ipv4: false,
  ipv6: true,
  local: { address: '2001:db8:85a3::8a2e:370:7334', port: 22 },
  foreign: { address: 'fe80::207:43ff:feaa:bbcc%cxgbe0', port: 65535 },
  id: 39,
};
export const SYSLOG: SocketSnapshot = { ...CONN, protocol: 'udp', local: { address: '0.0.0.0', port: 514 }, foreign: ANY4, tcp: null, id: 3 };
export const ICMP: SocketSnapshot = { ...CONN, protocol: 'icmp', local: ANY4, foreign: ANY4, tcp: null, jid: 3, id: 5 };

export const sockets = (...list: SocketSnapshot[]): SocketsSnapshot => ({ version: SNAPSHOT_VERSION, sockets: list });
export const ALL: SocketsSnapshot = sockets(CONN, OFFLOADED, LISTENER, CLOSING, TCP6, SYSLOG, ICMP);

/** A filter of lines, as the pipelines of the guides use it. */
export const grep = (text: string, pattern: string): string[] => text.split('\n').filter((l) => l.includes(pattern));
