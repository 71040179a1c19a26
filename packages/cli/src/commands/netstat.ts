import { NETISR } from '@ns/netisr';
import type { Ucred } from '@ns/vnet';
import { renderNetstatIf } from '../render/netstat-if.ts';
import { type IsrSnapshot, renderNetstatIsr } from '../render/netstat-isr.ts';
import { renderNetstatMbuf } from '../render/netstat-mbuf.ts';
import { renderNetstatStats } from '../render/netstat-stats.ts';
import { renderNetstat } from '../render/netstat.ts';
import { renderNetstatRoutes } from '../render/routes.ts';
import { CliError, type Command, type CommandCtx, credOfOption, errx, needModules } from '../shell/command.ts';
import { getopt, hasOpt, optArg, parseNumber, type Parsed } from '../shell/getopt.ts';
import { interfacesSnapshot } from '../snapshot/interfaces.ts';
import { mbufSnapshot } from '../snapshot/mbufs.ts';
import { routesSnapshot } from '../snapshot/routes.ts';
import { socketsSnapshot } from '../snapshot/sockets.ts';
import { hasStats, statsSnapshot } from '../snapshot/stats.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';

const USAGE = [
  'usage: netstat [-j jail] [-46aCLnRTWx] [-f protocol_family | -p protocol]',
  '       netstat [-j jail] -i | -I interface [-46bdnW] [-f address_family]',
  '       netstat [-j jail] -s [-s] [-46] [-f protocol_family | -p protocol]',
  '       netstat -m',
  '       netstat [-j jail] -r [-46nW] [-F fibnum] [-f address_family]',
  '       netstat -Q',
].join('\n');

type Family = 'inet' | 'inet6' | null;

const SOCKET_PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'icmp6', 'igmp', 'raw', 'ip']);

function familyOf(p: Parsed): Family {
  if (hasOpt(p, '4') && !hasOpt(p, '6')) return 'inet';
  if (hasOpt(p, '6') && !hasOpt(p, '4')) return 'inet6';
  const f = optArg(p, 'f');
  if (f === null || f === 'all') return null;
  if (f !== 'inet' && f !== 'inet6') errx('netstat', 1, `${f}: unknown address family`);
  return f as Family;
}

function protocolOf(p: Parsed): string | null {
  const name = optArg(p, 'p');
  if (name !== null && !SOCKET_PROTOCOLS.has(name) && !hasStats(name)) errx('netstat', 1, `${name}: unknown or uninstrumented protocol`);
  return name;
}

function interfaces(ctx: CommandCtx, p: Parsed, cred: Ucred): string {
  needModules('netstat', ctx.kernel, ['ifnet']);
  const only = optArg(p, 'I');
  const all = interfacesSnapshot(cred.vnet, cred);
  const s = only === null ? all : { ...all, interfaces: all.interfaces.filter((i) => i.name === only) };
  if (only !== null && s.interfaces.length === 0) errx('netstat', 1, `${only}: no such interface`);
  return ctx.json ? renderJson(s) : renderNetstatIf(s, { bytes: hasOpt(p, 'b'), drops: hasOpt(p, 'd'), wide: hasOpt(p, 'W'), family: familyOf(p) });
}

function routes(ctx: CommandCtx, p: Parsed, cred: Ucred): string {
  needModules('netstat', ctx.kernel, ['route']);
  const text = optArg(p, 'F');
  const fib = text === null ? ctx.cred.fibnum : parseNumber(text, 0, 65535);
  const s = fib === null ? null : routesSnapshot(cred.vnet, fib, familyOf(p), cred);
  if (s === null) throw new CliError(1, `netstat: ${text ?? ''}: invalid fib`);
  return ctx.json ? renderJson(s) : renderNetstatRoutes(s, { wide: hasOpt(p, 'W') });
}

function isr(ctx: CommandCtx): string {
  const netisr = ctx.kernel.tryService(NETISR) ?? errx('netstat', 1, 'netisr is not loaded');
  const s: IsrSnapshot = { version: SNAPSHOT_VERSION, ...netisr.snapshot() };
  return ctx.json ? renderJson(s) : renderNetstatIsr(s);
}

function sockets(ctx: CommandCtx, p: Parsed, cred: Ucred): string {
  const s = socketsSnapshot(cred.vnet, cred);
  const protocol = protocolOf(p);
  if (ctx.json) return renderJson(protocol === null ? s : { ...s, sockets: s.sockets.filter((x) => x.protocol === protocol) });
  return renderNetstat(s, {
    all: hasOpt(p, 'a'),
    numeric: hasOpt(p, 'n'),
    protocol,
    family: familyOf(p),
    listen: hasOpt(p, 'L'),
    buffers: hasOpt(p, 'x'),
    flows: hasOpt(p, 'R'),
    trouble: hasOpt(p, 'T'),
    congestion: hasOpt(p, 'C'),
    wide: hasOpt(p, 'W'),
  });
}

function output(ctx: CommandCtx, p: Parsed): string {
  const cred = credOfOption('netstat', ctx, optArg(p, 'j'));
  const { vnet } = cred;
  if (hasOpt(p, 'm')) {
    const s = mbufSnapshot(ctx.kernel);
    return ctx.json ? renderJson(s) : renderNetstatMbuf(s);
  }
  if (hasOpt(p, 'Q')) return isr(ctx);
  const counters = p.opts.filter((o) => o.name === 's').length;
  if (counters > 0 && !hasOpt(p, 'i') && !hasOpt(p, 'r')) {
    const s = statsSnapshot(vnet, protocolOf(p), familyOf(p));
    return ctx.json ? renderJson(s) : renderNetstatStats(s, { brief: counters > 1 });
  }
  if (hasOpt(p, 'i') || hasOpt(p, 'I')) return interfaces(ctx, p, cred);
  if (hasOpt(p, 'r')) return routes(ctx, p, cred);
  return sockets(ctx, p, cred);
}

function run(ctx: CommandCtx): number {
  const p = getopt('netstat', ctx.argv, '46abCdF:f:iI:j:LmnQRrsTWxp:', USAGE);
  if (p.operands.length > 0) throw new CliError(1, USAGE);
  ctx.out(output(ctx, p));
  return 0;
}

/** netstat(1). */
export const netstat: Command = { name: 'netstat', summary: 'show network status and statistics', usage: USAGE, run };
