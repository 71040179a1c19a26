import net from 'node:net';
import { createNet } from '@ns/sock-node';
import { bulk, connects, memory, rtt } from './core.ts';
import { lookup } from './lookup.ts';
import { lossy } from './loss.ts';
import { BLOCKS, linkName, RATES, RTTS } from './loss-plan.ts';
import { bulkOverStreams, connectOverStreams, type NetLike, rttOverStreams } from './node-net.ts';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { type LinkKind, makePair } from './pair.ts';
import { access, init, netstack, vnets } from './vnet.ts';

/* One variant of one bench in a process of its own; prints {name: value} and ends. The name '' stands for the variant's own. */

type Result = number | Record<string, number>;

const LOOPBACK = '127.0.0.1';

/** `run` with our sockets at both ends of a link that takes large segments. */
function overOurs(af: number, run: (server: NetLike, client: NetLike, host: string) => Promise<number>): Promise<number> {
  const { server, client, address } = makePair('tso', af);
  return run(createNet(server) as unknown as NetLike, createNet(client) as unknown as NetLike, address);
}

/** What runs over either family, by the same code; the names of the IPv6 ones end in `-inet6`. */
function ofFamily(af: number, suffix: string): Record<string, () => Promise<Result>> {
  const link = (kind: LinkKind): ReturnType<typeof makePair> => makePair(kind, af);
  return {
    [`bulk mtu1500${suffix}`]: () => bulk(link('checksums')),
    [`bulk mtu1500-nocsum${suffix}`]: () => bulk(link('nocsum')),
    [`bulk tso${suffix}`]: () => bulk(link('tso')),
    [`bulk node-tso${suffix}`]: () => overOurs(af, bulkOverStreams),
    ...Object.fromEntries(BLOCKS.map((block) => [`blocks ${block}${suffix}`, () => bulk(makePair('checksums', af, block))])),
    [`rtt core${suffix}`]: () => rtt(link('nocsum')),
    [`rtt node${suffix}`]: () => overOurs(af, rttOverStreams),
    [`connect core-sequential${suffix}`]: () => connects(link('nocsum'), 1),
    [`connect core-concurrent100${suffix}`]: () => connects(link('nocsum'), 100),
    [`connect node-sequential${suffix}`]: () => overOurs(af, (s, c, host) => connectOverStreams(s, c, host, 1)),
    [`connect node-concurrent100${suffix}`]: () => overOurs(af, (s, c, host) => connectOverStreams(s, c, host, 100)),
  };
}

const variants: Readonly<Record<string, () => Promise<Result> | Result>> = {
  ...ofFamily(AF_INET, ''),
  ...ofFamily(AF_INET6, '-inet6'),
  'bulk node-net': () => bulkOverStreams(net, net, LOOPBACK),
  'rtt node-net': () => rttOverStreams(net, net, LOOPBACK),
  'connect node-net': async () => ({
    'node-net-sequential': await connectOverStreams(net, net, LOOPBACK, 1),
    'node-net-concurrent100': await connectOverStreams(net, net, LOOPBACK, 100),
  }),
  'memory core': () => memory(makePair('nocsum'), 10_000),
  ...Object.fromEntries(RATES.flatMap((mbit) => RTTS.map((rtt) => [`loss ${linkName(mbit, rtt)}`, () => lossy(mbit, rtt)]))),
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
