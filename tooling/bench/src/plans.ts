import { BLOCKS, cellName, linkName, LOSSES, RATES, RTTS } from './loss-plan.ts';

/** A program that is measured in a process of its own. */
export interface Variant {
  readonly name: string;
  /** Uses the operating system's sockets, and so wants a network namespace that keeps no TIME-WAIT. */
  readonly kernelSockets?: boolean;
  readonly nodeArgs?: readonly string[];
}

/** A line of the result. */
export interface RowPlan {
  readonly variant: string;
  readonly unit: string;
  /** Name of the value it is compared with. */
  readonly baseline?: string;
}

export interface BenchPlan {
  readonly name: string;
  readonly rounds: number;
  readonly baseline?: Variant;
  readonly variants: readonly Variant[];
  readonly rows: readonly RowPlan[];
}

const NODE_NET: Variant = { name: 'node-net', kernelSockets: true };

/** Each variant and, right after it, the same over IPv6, so that a noisy machine treats the two alike. */
const bothFamilies = (names: readonly string[]): Variant[] => names.flatMap((name) => [{ name }, { name: `${name}-inet6` }]);
/** The rows of the latter, compared with the same over IPv4. */
const inet6Rows = (names: readonly string[], unit: string): RowPlan[] => names.map((name) => ({ variant: `${name}-inet6`, unit, baseline: name }));

const BULK = ['mtu1500', 'mtu1500-nocsum', 'tso', 'node-tso'];
const RTT = ['core', 'node'];
const CONNECT = ['core-sequential', 'core-concurrent100', 'node-sequential', 'node-concurrent100'];

/** Every bench: what runs, in how many rounds, and what is compared with what. */
export const plans: readonly BenchPlan[] = [
  {
    name: 'bulk',
    rounds: 5,
    baseline: NODE_NET,
    variants: bothFamilies(BULK),
    rows: [...BULK.map((variant) => ({ variant, unit: 'MB/s', baseline: 'node-net' })), ...inet6Rows(BULK, 'MB/s')],
  },
  {
    name: 'rtt',
    rounds: 5,
    baseline: NODE_NET,
    variants: bothFamilies(RTT),
    rows: [...RTT.map((variant) => ({ variant, unit: 'round trips/s', baseline: 'node-net' })), ...inet6Rows(RTT, 'round trips/s')],
  },
  {
    name: 'connect',
    rounds: 3,
    baseline: NODE_NET,
    variants: bothFamilies(CONNECT),
    rows: [
      { variant: 'core-sequential', unit: 'connections/s', baseline: 'node-net-sequential' },
      { variant: 'core-concurrent100', unit: 'connections/s', baseline: 'node-net-concurrent100' },
      { variant: 'node-sequential', unit: 'connections/s', baseline: 'node-net-sequential' },
      { variant: 'node-concurrent100', unit: 'connections/s', baseline: 'node-net-concurrent100' },
      ...inet6Rows(CONNECT, 'connections/s'),
    ],
  },
  {
    name: 'loss',
    rounds: 1,
    variants: RATES.flatMap((mbit) => RTTS.map((rtt) => ({ name: linkName(mbit, rtt) }))),
    rows: RATES.flatMap((mbit) =>
      RTTS.flatMap((rtt) => LOSSES.flatMap((loss) => BLOCKS.map((block) => ({ variant: cellName(mbit, rtt, loss, block), unit: 'Mbit/s', baseline: cellName(mbit, rtt, loss, 'bound') })))),
    ),
  },
  {
    name: 'blocks',
    rounds: 5,
    variants: bothFamilies(BLOCKS),
    rows: bothFamilies(['rack']).map(({ name }) => ({ variant: name, unit: 'MB/s', baseline: name.replace('rack', 'freebsd') })),
  },
  {
    name: 'memory',
    rounds: 1,
    variants: [{ name: 'core' }],
    rows: [{ variant: 'core', unit: 'bytes/pair' }],
  },
  {
    name: 'lookup',
    rounds: 3,
    variants: [{ name: 'pcb' }],
    rows: [
      { variant: 'pcbs-1000', unit: 'ns' },
      { variant: 'pcbs-1000000', unit: 'ns', baseline: 'pcbs-1000' },
      { variant: 'pcbs-1000000-active4096', unit: 'ns', baseline: 'pcbs-1000' },
    ],
  },
  {
    name: 'vnet',
    rounds: 1,
    variants: [{ name: 'life' }, { name: 'access' }, { name: 'netstack' }, { name: 'init' }],
    rows: [
      { variant: 'create-destroy', unit: 'ms' },
      { variant: 'create-use-destroy', unit: 'ms' },
      { variant: 'memory', unit: 'KiB' },
      { variant: 'leftover', unit: 'objects' },
      { variant: 'access-module', unit: 'ns' },
      ...['access-held', 'access-held-of-8', 'access-key-slots', 'access-key-map'].map((variant) => ({ variant, unit: 'ns', baseline: 'access-module' })),
      { variant: 'call-direct', unit: 'ns' },
      { variant: 'call-netstack', unit: 'ns', baseline: 'call-direct' },
      ...['tcp', 'ip', 'inpcb', 'route', 'ifnet', 'ether', 'arp', 'udp', 'rawip', 'socket'].map((module) => ({ variant: `init-${module}`, unit: 'us/vnet' })),
    ],
  },
];
