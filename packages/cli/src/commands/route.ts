import { EADDRINUSE, EBUSY, EEXIST, ENETUNREACH, ENOBUFS, EPERM, ESRCH, strerror } from '@ns/errno';
import { ifunit } from '@ns/ifnet';
import {
  anyAddr,
  hopsOf,
  type Nexthop,
  type Rib,
  ribAdd,
  ribChange,
  ribDelete,
  ribWalkDelete,
  ROUTE,
  RT_MAX_WEIGHT,
  RTF_BLACKHOLE,
  RTF_GATEWAY,
  RTF_HOST,
  RTF_PINNED,
  RTF_PROTO1,
  RTF_PROTO2,
  RTF_PROTO3,
  RTF_REJECT,
  RTF_STATIC,
  RTF_STICKY,
  type RtInfo,
} from '@ns/route';
import { AF_INET, AF_INET6, formatInAddr, type InAddr, maskInAddr } from '@ns/wire';
import { renderNetstatRoutes, renderRouteGet } from '../render/routes.ts';
import { CliError, type Command, type CommandCtx, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, parseNumber } from '../shell/getopt.ts';
import { addrText } from '../snapshot/interfaces.ts';
import { routeGetSnapshot, routesSnapshot } from '../snapshot/routes.ts';
import { renderJson } from '../snapshot/version.ts';
import { left, vis } from '../text/format.ts';
import { classPrefix, maskPrefix, parseHost, parseNetwork } from '../text/args.ts';

/** Source: FreeBSD sysexits.h. */
const EX_USAGE = 64;
const USAGE = 'usage: route [-46nqtv] [-F fib] command [[modifiers] args]';

interface RouteArgs {
  command: string;
  af: number;
  fibs: number[];
  kind: 'net' | 'host' | null;
  dst: InAddr | null;
  /** As typed, for messages. */
  dstText: string;
  prefixlen: number | null;
  gateway: string | null;
  byInterface: boolean;
  flags: number;
  /** Of flags, those to be cleared by a change. */
  mtu: number | null;
  weight: number | null;
  expireSec: number | null;
  ifname: string | null;
  quiet: boolean;
}

const FLAG_WORDS: Readonly<Record<string, number>> = Object.freeze({
  static: RTF_STATIC,
  reject: RTF_REJECT,
  blackhole: RTF_BLACKHOLE,
  proto1: RTF_PROTO1,
  proto2: RTF_PROTO2,
  proto3: RTF_PROTO3,
  sticky: RTF_STICKY,
});

const bad = (text: string): never => errx('route', 1, `bad address: ${text}`);

/** `0,2-3` or `all` as FIB numbers. */
function parseFibs(ctx: CommandCtx, text: string): number[] {
  const count = ROUTE.get(vnetOf(ctx)).fibs;
  if (text === 'all') return Array.from({ length: count }, (_, i) => i);
  return text.split(',').flatMap((part) => {
    const [a = '', b = a] = part.split('-');
    const [from, to] = [parseNumber(a, 0, count - 1), parseNumber(b, 0, count - 1)];
    if (from === null || to === null || to < from) return errx('route', EX_USAGE, `invalid fib number: ${text}`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** A modifier with its argument; the words that it took. */
function modifier(ctx: CommandCtx, r: RouteArgs, words: readonly string[], i: number): number {
  const word = (words[i] as string).slice(1);
  const arg = (): string => words[i + 1] ?? errx('route', EX_USAGE, `option requires an argument -- ${word}`);
  switch (word) {
    case 'net':
    case 'host':
      r.kind = word;
      return 1;
    case '4':
    case 'inet':
      r.af = AF_INET;
      return 1;
    case '6':
    case 'inet6':
      r.af = AF_INET6;
      return 1;
    case 'interface':
    case 'iface':
    case 'ifp':
      if (word === 'ifp') {
        r.ifname = arg();
        return 2;
      }
      r.byInterface = true;
      return 1;
    case 'netmask':
      r.prefixlen = maskPrefix(arg());
      if (r.prefixlen < 0) bad(arg());
      r.kind ??= 'net';
      return 2;
    case 'prefixlen':
      r.prefixlen = parseNumber(arg(), 0, r.af === AF_INET6 ? 128 : 32) ?? bad(arg());
      return 2;
    case 'gateway':
      r.gateway = arg();
      return 2;
    case 'fib':
    case 'F':
      r.fibs = parseFibs(ctx, arg());
      return 2;
    case 'mtu':
      r.mtu = parseNumber(arg(), 0, 65535) ?? errx('route', EX_USAGE, `bad mtu: ${arg()}`);
      return 2;
    case 'expire':
      r.expireSec = parseNumber(arg(), 0, 0x7fffffff) ?? errx('route', EX_USAGE, `bad expire: ${arg()}`);
      return 2;
    case 'weight':
      r.weight = parseNumber(arg(), 1, RT_MAX_WEIGHT) ?? errx('route', EX_USAGE, `bad weight: ${arg()}`);
      return 2;
    case 'n':
    case 'nostatic':
      if (word === 'nostatic') r.flags &= ~RTF_STATIC;
      return 1;
    case 'q':
      r.quiet = true;
      return 1;
    default:
      r.flags |= FLAG_WORDS[word] ?? errx('route', EX_USAGE, `bad keyword: -${word}`);
      return 1;
  }
}

/** The destination: `default`, `10/8`, `10.1.0.0/16`, an address; what is not said to be a net or a host shows by its host part. Source: FreeBSD route.c, getaddr(). */
function destination(ctx: CommandCtx, r: RouteArgs, word: string): void {
  r.dstText = word;
  if (word === 'default') {
    r.dst = anyAddr(r.af);
    r.prefixlen ??= 0;
    r.kind = 'net';
    return;
  }
  const slash = word.indexOf('/');
  const text = slash < 0 ? word : word.slice(0, slash);
  const dst = (r.kind === 'net' || slash >= 0 ? parseNetwork(text) : parseHost(text, (n) => ifunit(vnetOf(ctx), n)?.index ?? 0)) ?? bad(word);
  r.af = dst.af;
  r.dst = dst;
  const max = dst.af === AF_INET6 ? 128 : 32;
  if (slash >= 0) {
    r.prefixlen = parseNumber(word.slice(slash + 1), 0, max) ?? bad(word);
    r.dstText = text;
    r.kind ??= r.prefixlen === max ? 'host' : 'net';
  }
}

/** Whether destination is a net, and the length of its prefix. */
function settleKind(r: RouteArgs): void {
  const dst = r.dst as InAddr;
  if (r.kind === null) {
    const len = dst.af === AF_INET6 ? 128 : classPrefix(dst);
    const network = dst.af === AF_INET && r.prefixlen === null && (dst.w3 & (len === 32 ? 0 : -1 >>> len)) === 0 && len < 32;
    r.kind = network ? 'net' : 'host';
  }
  if (r.kind === 'host') r.prefixlen = dst.af === AF_INET6 ? 128 : 32;
  else r.prefixlen ??= dst.af === AF_INET6 ? 64 : classPrefix(dst);
}

function parse(ctx: CommandCtx, words: readonly string[], preset: Partial<RouteArgs>): RouteArgs {
  const r: RouteArgs = {
    command: '',
    af: AF_INET,
    fibs: [ctx.cred.fibnum],
    kind: null,
    dst: null,
    dstText: '',
    prefixlen: null,
    gateway: null,
    byInterface: false,
    flags: RTF_STATIC,
    mtu: null,
    weight: null,
    expireSec: null,
    ifname: null,
    quiet: false,
    ...preset,
  };
  for (let i = 0; i < words.length; ) {
    const word = words[i] as string;
    if (word.startsWith('-') && word.length > 1) {
      i += modifier(ctx, r, words, i);
      continue;
    }
    if (r.dst === null) destination(ctx, r, word);
    else if (r.gateway === null) r.gateway = word;
    else {
      const len = maskPrefix(word);
      r.prefixlen = len < 0 ? bad(word) : len;
      r.kind = 'net';
    }
    i++;
  }
  return r;
}

function infoOf(ctx: CommandCtx, r: RouteArgs): RtInfo {
  const vnet = vnetOf(ctx);
  const dst = r.dst as InAddr;
  let flags = r.flags;
  let gw: InAddr | null = null;
  let ifp = r.ifname === null ? null : (ifunit(vnet, r.ifname) ?? bad(r.ifname));
  if (r.byInterface) ifp = r.gateway === null ? ifp : (ifunit(vnet, r.gateway) ?? bad(r.gateway));
  else if (r.gateway !== null) {
    gw = parseHost(r.gateway, (n) => ifunit(vnet, n)?.index ?? 0) ?? bad(r.gateway);
    flags |= RTF_GATEWAY;
  }
  const prefixlen = r.prefixlen as number;
  return {
    dst: maskInAddr(dst, prefixlen),
    prefixlen,
    flags: r.kind === 'host' ? flags | RTF_HOST : flags,
    ...(gw !== null && { gw }),
    ...(ifp !== null && { ifp }),
    ...(r.mtu !== null && { mtu: r.mtu }),
    ...(r.weight !== null && { weight: r.weight }),
    ...(r.expireSec !== null && r.expireSec > 0 && { expireUs: vnet.kernel.callouts.nowUs() + r.expireSec * 1e6 }),
  };
}

/** Source: FreeBSD route.c, newroute(). */
function errorText(errno: number): string {
  switch (errno) {
    case ESRCH:
      return 'not in table';
    case EBUSY:
      return 'entry in use';
    case ENOBUFS:
      return 'not enough memory';
    case EADDRINUSE:
      return 'gateway uses the same route';
    case EEXIST:
      return 'route already in table';
    default:
      return strerror(errno);
  }
}

function change(ctx: CommandCtx, r: RouteArgs): number {
  if (r.dst === null) errx('route', EX_USAGE, `${USAGE.slice(7)}`);
  settleKind(r);
  if (r.command !== 'delete' && r.gateway === null && r.ifname === null && (r.flags & (RTF_REJECT | RTF_BLACKHOLE)) === 0 && r.command === 'add') {
    throw new CliError(EX_USAGE, USAGE);
  }
  const info = infoOf(ctx, r);
  let last = 0;
  for (const fib of r.fibs) {
    const errno = apply(ctx, r, fib, info);
    if (errno !== 0) last = errno;
    if (errno === EPERM) errx('route', 1, 'writing to routing socket: Operation not permitted');
    if (errno === ESRCH) ctx.err('route: route has not been found\n');
    else if (errno !== 0 && errno !== EEXIST) ctx.err(`route: writing to routing socket: ${strerror(errno)}\n`);
    if (r.quiet) continue;
    const gateway = r.gateway === null ? '' : `: gateway ${vis(r.gateway)}`;
    const where = r.fibs.length > 1 || errno !== 0 ? ` fib ${fib}` : '';
    ctx.out(`${r.command} ${r.kind ?? 'net'} ${vis(r.dstText)}${gateway}${where}${errno === 0 ? '' : `: ${errorText(errno)}`}\n`);
  }
  return last === 0 ? 0 : 1;
}

function apply(ctx: CommandCtx, r: RouteArgs, fib: number, info: RtInfo): number {
  if (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet) return EPERM;
  const rib: Rib | null = ROUTE.get(vnetOf(ctx)).rib(fib, info.dst.af);
  if (rib === null) return ENETUNREACH;
  return r.command === 'add' ? ribAdd(rib, info) : r.command === 'delete' ? ribDelete(rib, info) : ribChange(rib, info);
}

function get(ctx: CommandCtx, r: RouteArgs): number {
  if (r.dst === null) throw new CliError(EX_USAGE, USAGE);
  const s = routeGetSnapshot(vnetOf(ctx), r.fibs[0] ?? 0, r.dst);
  if (typeof s === 'number') throw new CliError(1, 'route: route has not been found');
  ctx.out(ctx.json ? renderJson(s) : renderRouteGet(s));
  return 0;
}

function show(ctx: CommandCtx, r: RouteArgs, family: 'inet' | 'inet6' | null): number {
  if (r.dst !== null) return get(ctx, r);
  const s = routesSnapshot(vnetOf(ctx), r.fibs[0] ?? 0, family, ctx.cred) ?? errx('route', 1, 'invalid fib');
  ctx.out(ctx.json ? renderJson(s) : renderNetstatRoutes(s));
  return 0;
}

/** Deletes what has a gateway and belongs to no interface address. Source: FreeBSD route.c, flushroutes(). */
function flush(ctx: CommandCtx, r: RouteArgs, family: number | null): number {
  if (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet) errx('route', 1, 'must be root to alter routing table');
  const vnet = vnetOf(ctx);
  for (const fib of r.fibs) {
    for (const af of [AF_INET, AF_INET6]) {
      const rib = family !== null && family !== af ? null : ROUTE.get(vnet).rib(fib, af);
      if (rib === null) continue;
      const gone = (nh: Nexthop): boolean => (nh.flags & (RTF_GATEWAY | RTF_REJECT | RTF_BLACKHOLE)) !== 0 && (nh.flags & RTF_PINNED) === 0;
      rib.forEach((rt) => {
        const dst = rt.prefixlen === 0 ? 'default' : addrText(vnet, rt.dst);
        for (const { nh } of hopsOf(rt)) {
          if (gone(nh) && !r.quiet) ctx.out(`${left(dst, 20, 20)} ${left(nh.gw === null ? `link#${nh.aifp.index}` : formatInAddr(nh.gw), 20, 20)} done\n`);
        }
      });
      ribWalkDelete(rib, (_, nh) => gone(nh));
    }
  }
  return 0;
}

function run(ctx: CommandCtx): number {
  const p = getopt('route', ctx.argv, '46dnqtvF:', USAGE, EX_USAGE);
  const [command, ...words] = p.operands;
  if (command === undefined) throw new CliError(EX_USAGE, USAGE);
  const six = hasOpt(p, '6');
  const preset: Partial<RouteArgs> = { quiet: hasOpt(p, 'q'), ...(six && { af: AF_INET6 }) };
  const fib = p.opts.find((o) => o.name === 'F');
  if (fib !== undefined) preset.fibs = parseFibs(ctx, fib.arg);
  const r = parse(ctx, words, preset);
  switch (command) {
    case 'add':
    case 'delete':
    case 'del':
    case 'change':
      r.command = command === 'del' ? 'delete' : command;
      return change(ctx, r);
    case 'get':
      return get(ctx, r);
    case 'show':
      return show(ctx, r, six ? 'inet6' : hasOpt(p, '4') ? 'inet' : null);
    case 'flush':
      return flush(ctx, r, six ? AF_INET6 : hasOpt(p, '4') ? AF_INET : null);
    default:
      return errx('route', EX_USAGE, `bad keyword: ${command}`);
  }
}

/** route(8). */
export const route: Command = { name: 'route', summary: 'manipulate the routing tables', usage: USAGE, needs: ['ifnet', 'route'], run };
