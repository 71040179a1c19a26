import { createStack, type Offload, type Stack, type StackJail } from '@ns/stack';
import { tcpRack } from '@ns/tcp-rack';
import { AF_INET, AF_INET6 } from '@ns/wire';

/** Addresses of the two ends in each family. */
export const ADDRESSES: Readonly<Record<number, { readonly server: string; readonly client: string; readonly prefixlen: number }>> = {
  [AF_INET]: { server: '10.0.0.1', client: '10.0.0.2', prefixlen: 24 },
  [AF_INET6]: { server: '2001:db8::1', client: '2001:db8::2', prefixlen: 64 },
};

/** Two jails with a vnet each, joined by an epair. */
export interface Pair {
  readonly stack: Stack;
  readonly server: StackJail;
  readonly client: StackJail;
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** Where the server is. */
  readonly address: string;
}

/** How the link treats checksums and large segments. */
export type LinkKind = 'checksums' | 'nocsum' | 'tso';

const CSUM: readonly Offload[] = ['rxcsum', 'txcsum', 'rxcsum6', 'txcsum6'];
const OFFLOADS: readonly Offload[] = [...CSUM, 'tso', 'lro'];
const ON: Readonly<Record<LinkKind, readonly Offload[]>> = { checksums: [], nocsum: CSUM, tso: OFFLOADS };

/** Makes the pair, MTU 1500, with addresses of one family and a function block of TCP. As the system's sockets in the baseline's namespace, ours keep no connection in TIME-WAIT but the last. */
export function makePair(kind: LinkKind, af: number = AF_INET, block: string = 'freebsd'): Pair {
  const at = ADDRESSES[af];
  if (at === undefined) throw new Error(`no addresses of family ${af}`);
  const stack = createStack(block === 'freebsd' ? {} : { extra: [tcpRack()] });
  const server = stack.jail({ name: 'server', vnet: 'new' });
  const client = stack.jail({ name: 'client', vnet: 'new' });
  const link = stack.link(server, `${at.server}/${at.prefixlen}`, client, `${at.client}/${at.prefixlen}`);
  for (const [jail, name] of [
    [server, link.a],
    [client, link.b],
  ] as const) {
    for (const o of OFFLOADS) jail.setCapability(name, o, ON[kind].includes(o));
    jail.sysctl('net.inet.tcp.maxtcptw', 1);
    jail.sysctl('net.inet.tcp.functions_default', block);
  }
  return { stack, server, client, af, address: at.server };
}
