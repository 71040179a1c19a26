/**
 * RACK-TLP (RFC 8985): finds losses by the time at which each segment was sent, not by counting duplicates, and probes the tail of a flight before the retransmission timeout would. A function
 * block of TCP (FreeBSD netinet/tcp_stacks/rack.c), chosen by TCP_FUNCTION_BLK or `net.inet.tcp.functions_default`.
 *
 * Neighbours: `tcp-kpi` is the contract, `tcp` keeps the record of what was sent and does everything else.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { createStack } from '@ns/stack';
 * import { tcpRack } from '@ns/tcp-rack';
 *
 * const { host } = createStack({ host: virtualHost(), extra: [tcpRack()] });
 * host.sysctl('net.inet.tcp.functions_default', 'rack'); // for all new connections
 * host.sysctl('net.inet.tcp.functions_default'); // => 'rack'
 * ```
 * @packageDocumentation
 */
export { rackBlock, tcpRack } from './module.ts';
