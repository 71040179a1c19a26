import dgram from 'node:dgram';
import net from 'node:net';
import { VirtualClock } from '@ns/callout';
import { SeededRandom } from '@ns/kern';
import { netstackHost } from '@ns/netstack-host';
import { type ControlDgramModule, createDgram, createNet, type DgramModule, type NetModule } from '@ns/sock-node';
import { createStack, platformHost, type Stack } from '@ns/stack';

/** Where a behaviour is tried: Node's own sockets over the loopback, or ours over a link between two vnets. */
export interface Side {
  readonly name: string;
  /** For servers. */
  readonly net: NetModule;
  /** For clients. */
  readonly client: NetModule;
  readonly dgram: DgramModule;
  readonly clientDgram: DgramModule;
  /** The server's address. */
  readonly host: string;
  /** Another address of the server. */
  readonly other: string;
  /** The client's address. */
  readonly clientHost: string;
  /** An address that neither has. */
  readonly foreign: string;
  /** The server's IPv6 address. */
  readonly host6: string;
  /** The client's. */
  readonly clientHost6: string;
  /** An IPv6 address that neither has. */
  readonly foreign6: string;
  /** The server's interface. */
  readonly ifname: string;
  /** The client's. */
  readonly clientIfname: string;
  /** Ends it; throws when something is left over. */
  end(): void;
}

/** Node itself. */
export function nodeSide(): Side {
  return {
    name: 'node',
    net,
    client: net,
    dgram,
    clientDgram: dgram,
    host: '127.0.0.1',
    other: '127.0.0.2',
    clientHost: '127.0.0.1',
    foreign: '192.0.2.1',
    host6: '::1',
    clientHost6: '::1',
    foreign6: '2001:db8::1',
    ifname: 'lo',
    clientIfname: 'lo',
    end(): void {},
  };
}

/** The machine's own sockets again, but through our socket layer: the stack `host`. */
export function hostSide(): Side {
  const stack = createStack({ extra: [netstackHost({ standby: true })] });
  const options = { netstack: 'host' };
  const net = createNet(stack.host, options);
  const dgram = createDgram(stack.host, options);
  return {
    ...nodeSide(),
    name: 'the host stack',
    net,
    client: net,
    dgram,
    clientDgram: dgram,
    end(): void {
      const { leftovers, problems } = stack.shutdown();
      if (leftovers.length > 0 || problems.length > 0) throw new Error(`left over: ${JSON.stringify({ leftovers, problems })}`);
    },
  };
}

/** Ours: two jails, each with its own vnet, joined by an epair. */
export class VnetSide implements Side {
  readonly name: string;
  readonly net: NetModule;
  readonly client: NetModule;
  readonly dgram: ControlDgramModule;
  readonly clientDgram: ControlDgramModule;
  readonly host = '10.0.0.1';
  readonly other = '10.0.0.3';
  readonly clientHost = '10.0.0.2';
  readonly foreign = '192.0.2.1';
  readonly host6 = 'fd00::1';
  readonly clientHost6 = 'fd00::2';
  readonly foreign6 = '2001:db8::1';
  readonly ifname: string;
  readonly clientIfname: string;
  readonly stack: Stack;
  /** Null when time is the platform's. */
  readonly clock: VirtualClock | null;

  constructor(name: string, clock: VirtualClock | null) {
    this.name = name;
    this.clock = clock;
    this.stack = createStack(clock === null ? {} : { host: platformHost({ clock, random: new SeededRandom(1) }) });
    const server = this.stack.jail({ name: 'server', vnet: 'new' });
    const client = this.stack.jail({ name: 'client', vnet: 'new' });
    for (const jail of [server, client]) jail.sysctl('net.inet6.ip6.dad_count', 0); // nobody waits a second of real time
    const link = this.stack.link(server, `${this.host}/24`, client, `${this.clientHost}/24`);
    server.addAddress(link.a, `${this.other}/24`);
    server.addAddress(link.a, `${this.host6}/64`);
    client.addAddress(link.b, `${this.clientHost6}/64`);
    this.ifname = link.a;
    this.clientIfname = link.b;
    for (const jail of [server, client]) jail.addAddress('lo0', '127.0.0.1/8');
    this.net = createNet(server);
    this.client = createNet(client);
    this.dgram = createDgram(server);
    this.clientDgram = createDgram(client);
  }

  end(): void {
    const { leftovers, problems } = this.stack.shutdown() as { leftovers?: unknown[]; problems?: unknown[] };
    if ((leftovers?.length ?? 0) > 0 || (problems?.length ?? 0) > 0) throw new Error(`left over: ${JSON.stringify({ leftovers, problems })}`);
  }
}

/** Ours, on the platform's time. */
export function realSide(): VnetSide {
  return new VnetSide('vnets', null);
}

/** Ours, on virtual time and a seeded generator: the clock stands still unless a test moves it. */
export function virtualSide(): VnetSide {
  return new VnetSide('vnets in virtual time', new VirtualClock());
}
