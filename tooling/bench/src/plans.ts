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

/** Every bench: what runs, in how many rounds, and what is compared with what. */
export const plans: readonly BenchPlan[] = [
  {
    name: 'bulk',
    rounds: 5,
    baseline: NODE_NET,
    variants: [{ name: 'mtu1500' }, { name: 'mtu1500-nocsum' }, { name: 'tso' }, { name: 'node-tso' }],
    rows: ['mtu1500', 'mtu1500-nocsum', 'tso', 'node-tso'].map((variant) => ({ variant, unit: 'MB/s', baseline: 'node-net' })),
  },
  {
    name: 'rtt',
    rounds: 5,
    baseline: NODE_NET,
    variants: [{ name: 'core' }, { name: 'node' }],
    rows: ['core', 'node'].map((variant) => ({ variant, unit: 'round trips/s', baseline: 'node-net' })),
  },
  {
    name: 'connect',
    rounds: 3,
    baseline: NODE_NET,
    variants: [{ name: 'core-sequential' }, { name: 'core-concurrent100' }, { name: 'node-sequential' }, { name: 'node-concurrent100' }],
    rows: [
      { variant: 'core-sequential', unit: 'connections/s', baseline: 'node-net-sequential' },
      { variant: 'core-concurrent100', unit: 'connections/s', baseline: 'node-net-concurrent100' },
      { variant: 'node-sequential', unit: 'connections/s', baseline: 'node-net-sequential' },
      { variant: 'node-concurrent100', unit: 'connections/s', baseline: 'node-net-concurrent100' },
    ],
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
