import { strerror } from '@ns/errno';
import { ifunit } from '@ns/ifnet';
import { AF_INET, AF_INET6, formatInAddr, IN6ADDR_LOOPBACK, type InAddr } from '@ns/wire';
import { Ping, type PingOptions } from '../ping/ping.ts';
import { renderPing6Reply, renderPing6Start, renderPingError, renderPingReply, renderPingStart, renderPingSummary } from '../render/ping.ts';
import { CliError, type Command, type CommandCtx, errx, needModules, PENDING, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg, type Parsed, parseNumber } from '../shell/getopt.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';
import { parseHost } from '../text/args.ts';

/** Source: FreeBSD sysexits.h. */
const EX_USAGE = 64;
const EX_NOHOST = 68;
const EX_OSERR = 71;
const USAGE = ['usage: ping [-46Dnoqv] [-c count] [-e gateway] [-i wait] [-m ttl] [-S src_addr]', '            [-s packetsize] [-t timeout] [-W waittime] host'].join('\n');
/** Bytes of data of an ICMPv6 request: those of the time stamp. Source: FreeBSD ping6.c. */
const DEFDATALEN6 = 8;
/** Largest payload: 65535 less the headers of IP and ICMP. */
const MAX_PAYLOAD = 65507;

function numberOf(p: Parsed, name: string, what: string, min: number, max: number): number | null {
  const text = optArg(p, name);
  return text === null ? null : (parseNumber(text, min, max) ?? errx('ping', EX_USAGE, `invalid ${what}: \`${text}'`));
}

function interval(p: Parsed): number | null {
  const text = optArg(p, 'i');
  if (text === null) return null;
  const seconds = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!(seconds >= 0.001 && seconds <= 86400)) errx('ping', EX_USAGE, `invalid timing interval: \`${text}'`);
  return Math.round(seconds * 1e6);
}

function optionsOf(p: Parsed): PingOptions {
  const count = numberOf(p, 'c', 'count of packets to transmit', 1, Number.MAX_SAFE_INTEGER);
  const intervalUs = interval(p);
  const size = numberOf(p, 's', 'packet size', 0, MAX_PAYLOAD);
  const ttl = numberOf(p, 'm', 'TTL', 0, 255);
  const waitMs = numberOf(p, 'W', 'timeout', 0, 0x7fffffff);
  const timeout = numberOf(p, 't', 'timeout', 1, 0x7fffffff);
  const src = optArg(p, 'S');
  return {
    ...(count !== null && { count }),
    ...(intervalUs !== null && { intervalUs }),
    ...(size !== null && { size }),
    ...(ttl !== null && { ttl }),
    ...(waitMs !== null && { waitMs }),
    ...(timeout !== null && { timeoutUs: timeout * 1e6 }),
    ...(src !== null && { source: parseHost(src) ?? errx('ping', EX_NOHOST, `cannot resolve ${src}: Unknown host`) }),
    dontFragment: hasOpt(p, 'D'),
    once: hasOpt(p, 'o'),
  };
}

/** Whom to ask: an address of the family that `-4` or `-6` says. */
function target(ctx: CommandCtx, host: string, family: number): InAddr {
  const vnet = vnetOf(ctx);
  const to = host === 'localhost' && family === AF_INET6 ? IN6ADDR_LOOPBACK : parseHost(host, (name) => ifunit(vnet, name)?.index ?? 0);
  if (to === null || (family !== 0 && to.af !== family)) errx('ping', EX_NOHOST, `cannot resolve ${host}: Unknown host`);
  const af = to.af === AF_INET6 ? 'ip6' : 'ip';
  needModules('ping', ctx.kernel, [af]);
  return to;
}

/** The next hop of `-e`. IPv4 packets have none that their sender chooses. */
function gateway(ctx: CommandCtx, p: Parsed, to: InAddr): InAddr | null {
  const text = optArg(p, 'e');
  if (text === null) return null;
  if (to.af !== AF_INET6) errx('ping', EX_USAGE, '-e is for IPv6');
  const vnet = vnetOf(ctx);
  const hop = parseHost(text, (name) => ifunit(vnet, name)?.index ?? 0);
  return hop === null || hop.af !== AF_INET6 ? errx('ping', EX_NOHOST, `cannot resolve ${text}: Unknown host`) : hop;
}

function run(ctx: CommandCtx, only6 = false): number {
  const p = getopt('ping', ctx.argv, '46DnoqvAc:e:h:i:m:S:s:t:W:', USAGE, EX_USAGE);
  const [host] = p.operands;
  if (host === undefined || p.operands.length > 1) throw new CliError(EX_USAGE, USAGE);
  const six = only6 || (hasOpt(p, '6') && !hasOpt(p, '4'));
  const to = target(ctx, host, six ? AF_INET6 : hasOpt(p, '4') ? AF_INET : 0);
  const given = { ...optionsOf(p), nexthop: gateway(ctx, p, to) };
  const options: PingOptions = to.af === AF_INET6 && given.size === undefined ? { ...given, size: DEFDATALEN6 } : given;
  const v6 = to.af === AF_INET6;
  const quiet = hasOpt(p, 'q') || ctx.json;
  const ping = new Ping(vnetOf(ctx), ctx.cred, to, options, {
    reply: (r) => {
      if (!quiet) ctx.out(v6 ? renderPing6Reply(r) : renderPingReply(r));
    },
    icmpError: (e) => {
      if (!quiet) ctx.out(renderPingError(e));
    },
    sendError: (errno) => ctx.err(`ping: sendto: ${strerror(errno)}\n`),
    done: (s) => {
      ctx.out(ctx.json ? renderJson({ version: SNAPSHOT_VERSION, host, ...s }) : renderPingSummary(host, s));
      ctx.exit(s.received > 0 ? 0 : 2);
    },
  });
  ctx.onInterrupt(() => ping.stop());
  if (!ctx.json && v6) ctx.out(renderPing6Start(ping.sourceAddr(), to, options.size ?? DEFDATALEN6));
  else if (!ctx.json) ctx.out(renderPingStart(host, formatInAddr(to), options.size ?? 56, options.source ? formatInAddr(options.source) : null));
  const errno = ping.start();
  if (errno !== 0) errx('ping', EX_OSERR, `ssend socket: ${strerror(errno)}`);
  return PENDING;
}

/** ping(8). */
export const ping: Command = { name: 'ping', summary: 'send ICMP ECHO_REQUEST packets to network hosts', usage: USAGE, asynchronous: true, needs: ['rawip'], run: (ctx) => run(ctx) };

/** ping6(8): ping -6. */
export const ping6: Command = { ...ping, name: 'ping6', run: (ctx) => run(ctx, true) };
