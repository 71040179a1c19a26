import { createStack, type Stack, type StackJail } from '@ns/stack';

export const SERVER_ADDRESS = '10.0.0.1';
export const CLIENT_ADDRESS = '10.0.0.2';

/** Two jails with a vnet each, joined by an epair. */
export interface Pair {
  readonly stack: Stack;
  readonly server: StackJail;
  readonly client: StackJail;
}

/** How the link treats checksums and large segments. */
export type LinkKind = 'checksums' | 'nocsum' | 'tso';

const OFFLOADS = ['rxcsum', 'txcsum', 'tso', 'lro'] as const;
const ON: Readonly<Record<LinkKind, readonly string[]>> = { checksums: [], nocsum: ['rxcsum', 'txcsum'], tso: OFFLOADS };

/** Makes the pair, MTU 1500. As the system's sockets in the baseline's namespace, ours keep no connection in TIME-WAIT but the last. */
export function makePair(kind: LinkKind): Pair {
  const stack = createStack();
  const server = stack.jail({ name: 'server', vnet: 'new' });
  const client = stack.jail({ name: 'client', vnet: 'new' });
  const link = stack.link(server, `${SERVER_ADDRESS}/24`, client, `${CLIENT_ADDRESS}/24`);
  for (const [jail, name] of [
    [server, link.a],
    [client, link.b],
  ] as const) {
    for (const o of OFFLOADS) jail.setCapability(name, o, ON[kind].includes(o));
    jail.sysctl('net.inet.tcp.maxtcptw', 1);
  }
  return { stack, server, client };
}
