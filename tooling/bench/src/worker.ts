import net from 'node:net';
import { createNet } from '@ns/sock-node';
import { bulk, connects, memory, rtt } from './core.ts';
import { lookup } from './lookup.ts';
import { bulkOverStreams, connectOverStreams, type NetLike, rttOverStreams } from './node-net.ts';
import { makePair, SERVER_ADDRESS } from './pair.ts';
import { access, init, netstack, vnets } from './vnet.ts';

/* One variant of one bench in a process of its own; prints {name: value} and ends. The name '' stands for the variant's own. */

type Result = number | Record<string, number>;

const LOOPBACK = '127.0.0.1';

/** `run` with our sockets at both ends of a link that takes large segments. */
function overOurs(run: (server: NetLike, client: NetLike, host: string) => Promise<number>): Promise<number> {
  const { server, client } = makePair('tso');
  return run(createNet(server) as unknown as NetLike, createNet(client) as unknown as NetLike, SERVER_ADDRESS);
}

const variants: Readonly<Record<string, () => Promise<Result> | Result>> = {
  'bulk node-net': () => bulkOverStreams(net, net, LOOPBACK),
  'bulk mtu1500': () => bulk(makePair('checksums')),
  'bulk mtu1500-nocsum': () => bulk(makePair('nocsum')),
  'bulk tso': () => bulk(makePair('tso')),
  'bulk node-tso': () => overOurs(bulkOverStreams),
  'rtt node-net': () => rttOverStreams(net, net, LOOPBACK),
  'rtt core': () => rtt(makePair('nocsum')),
  'rtt node': () => overOurs(rttOverStreams),
  'connect node-net': async () => ({
    'node-net-sequential': await connectOverStreams(net, net, LOOPBACK, 1),
    'node-net-concurrent100': await connectOverStreams(net, net, LOOPBACK, 100),
  }),
  'connect core-sequential': () => connects(makePair('nocsum'), 1),
  'connect core-concurrent100': () => connects(makePair('nocsum'), 100),
  'connect node-sequential': () => overOurs((s, c, host) => connectOverStreams(s, c, host, 1)),
  'connect node-concurrent100': () => overOurs((s, c, host) => connectOverStreams(s, c, host, 100)),
  'memory core': () => memory(makePair('nocsum'), 10_000),
  'lookup pcb': () => lookup(),
  'vnet life': () => vnets(),
  'vnet access': () => access(),
  'vnet netstack': () => netstack(),
  'vnet init': () => init(),
};

const name = process.argv.slice(2, 4).join(' ');
const variant = variants[name];
if (variant === undefined) {
  console.error(`bench: no such variant: ${name}`);
  process.exit(2);
}
const result = await variant();
process.stdout.write(`${JSON.stringify(typeof result === 'number' ? { '': result } : result)}\n`, () => process.exit(0));
