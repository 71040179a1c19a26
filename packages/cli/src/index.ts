/**
 * The commands of a network administrator over a kernel in this process: ifconfig, netstat, sockstat, sysctl, jail, route, arp, ping, tcpdump and others, with the words,
 * columns and exit codes of FreeBSD's (sbin/, usr.sbin/, usr.bin/).
 *
 * A command takes a typed snapshot and gives it to a renderer, which is a pure function from snapshot to text; `--json` prints the snapshot instead. {@link exec} runs a
 * command line at once, {@link start} also what takes time. The program `ns` serves a stack over a local socket and runs commands against it.
 *
 * ```ts
 * import { createStack } from '@ns/stack';
 * import { exec, start } from '@ns/cli';
 *
 * const { kernel } = createStack();
 * exec(kernel, 'jail -c name=web vnet persist');
 * exec(kernel, 'ifconfig epair create vnet web'); // => { code: 0, stdout: 'epair0a\n', stderr: '' }
 * exec(kernel, 'ifconfig epair0a 10.0.0.1/24', { jail: 'web' });
 * exec(kernel, 'netstat -rn | grep 10.0.0', { jail: 'web' }).stdout;
 * exec(kernel, 'jls --json').stdout; // the snapshot that the text is made from
 * const job = start(kernel, 'tcpdump -n -i epair0b', { out: console.log, err: console.error, exit: () => {} });
 * job.interrupt();
 * ```
 *
 * @packageDocumentation
 */
export { exec, type CliJob, type CliResult, type ExecOptions, LINE_MAX, start } from './shell/exec.ts';
export { type CliEnv, CliError, type CliFile, type CliIo, type Command, type CommandCtx, PENDING } from './shell/command.ts';
export { commandByName, COMMANDS } from './shell/table.ts';
export { splitWords, type WordsResult } from './shell/words.ts';

export { checkSnapshot, renderJson, type Snapshot, SNAPSHOT_VERSION } from './snapshot/version.ts';
export {
  type IfAddrSnapshot,
  type IfCounters,
  type IfMediaSnapshot,
  type InterfacesSnapshot,
  interfacesSnapshot,
  type IfSnapshot,
} from './snapshot/interfaces.ts';
export {
  type EndpointSnapshot,
  type ListenSnapshot,
  type SocketSnapshot,
  type SocketsSnapshot,
  socketsSnapshot,
  type TcpSnapshot,
  type TcpTimersSnapshot,
} from './snapshot/sockets.ts';
export { type ProtocolStats, type StatsSnapshot, statsSnapshot } from './snapshot/stats.ts';
export { type MbufSnapshot, mbufSnapshot } from './snapshot/mbufs.ts';
export { type RouteGetSnapshot, routeGetSnapshot, type RouteSnapshot, type RoutesSnapshot, routesSnapshot } from './snapshot/routes.ts';
export { type NdpIfSnapshot, ndpIf, type NdpNeighbourSnapshot, type NdpPrefixSnapshot, type NdpRouterSnapshot, type NdpSnapshot, ndpTables } from './snapshot/ndp.ts';
export { type RtadvConfSnapshot, type RtadvIfSnapshot, type RtadvPrefixSnapshot, type RtadvSnapshot, rtadvTable } from './snapshot/rtadv.ts';
export { type NeighbourSnapshot, type NeighboursSnapshot, neighboursSnapshot } from './snapshot/neighbours.ts';
export { type JailSnapshot, type JailsSnapshot, jailsSnapshot, type JailValue } from './snapshot/jails.ts';
export { filtersSnapshot, type FiltersSnapshot } from './snapshot/pfil.ts';
export { type ModuleSnapshot, type ModulesSnapshot, modulesSnapshot } from './snapshot/modules.ts';

export { type IfconfigOptions, renderIfconfig, renderIfconfigList } from './render/ifconfig.ts';
export { type NetstatOptions, renderNetstat } from './render/netstat.ts';
export { type NetstatIfOptions, renderNetstatIf } from './render/netstat-if.ts';
export { type IsrSnapshot, renderNetstatIsr } from './render/netstat-isr.ts';
export { renderNetstatMbuf } from './render/netstat-mbuf.ts';
export { type NetstatStatsOptions, renderNetstatStats } from './render/netstat-stats.ts';
export { type NetstatRouteOptions, renderNetstatRoutes, renderRouteGet } from './render/routes.ts';
export { renderSockstat, type SockstatOptions, type SockstatProcess } from './render/sockstat.ts';
export { renderArp } from './render/arp.ts';
export { renderNdp, renderNdpIf, renderNdpPrefixes, renderNdpRouters } from './render/ndp.ts';
export { renderRtadvctl } from './render/rtadvctl.ts';
export { type JlsOptions, type JlsParam, type JlsParamsOptions, renderJls, renderJlsParams } from './render/jls.ts';
export { renderPfilHeads, renderPfilHooks } from './render/pfilctl.ts';
export { renderKldstat, renderKldstatModules } from './render/kldstat.ts';
export { renderPing6Reply, renderPing6Start, renderPingError, renderPingReply, renderPingStart, renderPingSummary } from './render/ping.ts';

export { Ping, type PingError, type PingEvents, type PingOptions, type PingReply, type PingSummary } from './ping/ping.ts';
export { compileFilter, type FilterResult } from './tcpdump/filter.ts';
export { PacketPrinter, type PacketPrintOptions, packetTime } from './tcpdump/print.ts';
export { vis } from './text/format.ts';
