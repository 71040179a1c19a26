import { ENOENT, strerror } from '@ns/errno';
import { type Ifnet, ifunit } from '@ns/ifnet';
import { ND6_IFF_ACCEPT_RTADV, ND6_IFF_AUTO_LINKLOCAL, ND6_IFF_IFDISABLED, ND6_IFF_NO_DAD, ND6_IFF_NO_PREFER_IFACE, ND6_IFF_NO_RADR, ND6_IFF_PERFORMNUD, ND6_IFF_STABLEADDR } from '@ns/ip6';
import { nd6DefaultIface, nd6FlushPrefixes, nd6FlushRouters, nd6HarmonizeRouters, nd6SetDefaultIface, nd6SetIfinfo, type NdIfinfoChange, ndpDelete, ndpFlush, ndpSet } from '@ns/nd6';
import { AF_INET6, type InAddr, parseEtherAddr } from '@ns/wire';
import { renderNdp, renderNdpIf, renderNdpPrefixes, renderNdpRouters } from '../render/ndp.ts';
import { CliError, type Command, type CommandCtx, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';
import { addrText } from '../snapshot/interfaces.ts';
import { ndpIf, type NdpSnapshot, ndpTables, zoneIndex } from '../snapshot/ndp.ts';
import { renderJson } from '../snapshot/version.ts';
import { parseHost } from '../text/args.ts';

const USAGE = [
  'usage: ndp [-n] hostname',
  '       ndp [-n] -a | -c | -p | -r | -H | -P | -R',
  '       ndp [-n] -d hostname',
  '       ndp [-n] -i interface [flags...]',
  '       ndp [-n] -I [interface|delete]',
  '       ndp [-n] -s nodename etheraddr [temp] [proxy]',
].join('\n');

/** Words of `ndp -i`, which set a flag or, with a minus in front, clear it. Source: FreeBSD ndp/ndp.c, ifinfo(). */
const FLAGS: ReadonlyMap<string, number> = new Map([
  ['disabled', ND6_IFF_IFDISABLED],
  ['nud', ND6_IFF_PERFORMNUD],
  ['accept_rtadv', ND6_IFF_ACCEPT_RTADV],
  ['auto_linklocal', ND6_IFF_AUTO_LINKLOCAL],
  ['no_radr', ND6_IFF_NO_RADR],
  ['no_prefer_iface', ND6_IFF_NO_PREFER_IFACE],
  ['no_dad', ND6_IFF_NO_DAD],
  ['stableaddr', ND6_IFF_STABLEADDR],
]);

function host(ctx: CommandCtx, text: string): InAddr {
  const a = parseHost(text, (name) => zoneIndex(vnetOf(ctx), name));
  return a !== null && a.af === AF_INET6 ? a : errx('ndp', 1, `${text}: hostname nor servname provided, or not known`);
}

function changeable(ctx: CommandCtx): void {
  if (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet) errx('ndp', 1, 'writing to routing socket: Operation not permitted');
}

function interfaceOf(ctx: CommandCtx, name: string): Ifnet {
  return ifunit(vnetOf(ctx), name) ?? errx('ndp', 1, `invalid interface ${name}`);
}

function show(ctx: CommandCtx, s: NdpSnapshot, render: (s: NdpSnapshot) => string): number {
  ctx.out(ctx.json ? renderJson(s) : render(s));
  return 0;
}

function one(ctx: CommandCtx, text: string): number {
  const address = addrText(vnetOf(ctx), host(ctx, text));
  const s = ndpTables(vnetOf(ctx), ctx.cred);
  const neighbours = s.neighbours.filter((n) => n.address === address);
  if (neighbours.length === 0) errx('ndp', 1, `${text} (${address}) -- no entry`);
  return show(ctx, { ...s, neighbours }, renderNdp);
}

function remove(ctx: CommandCtx, text: string): number {
  changeable(ctx);
  const a = host(ctx, text);
  const errno = ndpDelete(vnetOf(ctx), a);
  if (errno === ENOENT) errx('ndp', 1, `${text}: delete: cannot locate ${text}`);
  if (errno !== 0) errx('ndp', 1, `${text}: ${strerror(errno)}`);
  ctx.out(`${text} (${addrText(vnetOf(ctx), a)}) deleted\n`);
  return 0;
}

function removeAll(ctx: CommandCtx): number {
  changeable(ctx);
  for (const row of ndpFlush(vnetOf(ctx))) {
    const text = addrText(vnetOf(ctx), row.addr);
    ctx.out(`${text} (${text}) deleted\n`);
  }
  return 0;
}

function set(ctx: CommandCtx, words: readonly string[]): number {
  changeable(ctx);
  const [text, ether, ...rest] = words;
  if (text === undefined || ether === undefined || rest.some((w) => !w.startsWith('temp') && !w.startsWith('proxy'))) throw new CliError(1, USAGE);
  const mac = parseEtherAddr(ether) ?? errx('ndp', 1, `invalid Ethernet address '${ether}'`);
  const errno = ndpSet(vnetOf(ctx), host(ctx, text), mac, { temporary: rest.some((w) => w.startsWith('temp')), proxy: rest.some((w) => w.startsWith('proxy')) });
  if (errno !== 0) errx('ndp', 1, `${text}: ${strerror(errno)}`);
  return 0;
}

/** One word of `ndp -i`: a flag, or `retrans=500`. */
function changeOf(word: string): NdIfinfoChange {
  const off = word.startsWith('-');
  const bit = FLAGS.get(off ? word.slice(1) : word);
  if (bit !== undefined) return off ? { clear: bit } : { set: bit };
  const [name, value = ''] = word.split('=');
  const n = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
  switch (name) {
    case 'basereachable':
      return { basereachableMs: n };
    case 'retrans':
      return { retransMs: n };
    case 'curhlim':
      return { curhlim: n };
    default:
      throw new CliError(1, USAGE);
  }
}

function ifinfo(ctx: CommandCtx, name: string, words: readonly string[]): number {
  const ifp = interfaceOf(ctx, name);
  if (words.length > 0) changeable(ctx);
  for (const word of words) {
    const errno = nd6SetIfinfo(ifp, changeOf(word));
    if (errno !== 0) errx('ndp', 1, `ioctl(SIOCSIFINFO_IN6): ${word}: ${strerror(errno)}`);
  }
  const s = ndpIf(ifp) ?? errx('ndp', 1, `${name}: not initialized yet`);
  ctx.out(ctx.json ? renderJson(s) : renderNdpIf(s));
  return 0;
}

function defaultIface(ctx: CommandCtx, name: string | undefined): number {
  const vnet = vnetOf(ctx);
  if (name !== undefined) {
    changeable(ctx);
    const errno = nd6SetDefaultIface(vnet, name === 'delete' ? null : interfaceOf(ctx, name));
    if (errno !== 0) errx('ndp', 1, `ioctl(SIOCSDEFIFACE_IN6): ${strerror(errno)}`);
  }
  const ifp = nd6DefaultIface(vnet);
  ctx.out(ifp === null ? 'No default interface.\n' : `ND default interface = ${ifp.name}\n`);
  return 0;
}

function run(ctx: CommandCtx): number {
  const p = getopt('ndp', ctx.argv, 'acd:Ii:nprsHPR', USAGE);
  const modes = ['a', 'c', 'd', 'I', 'i', 'p', 'r', 's', 'H', 'P', 'R'].filter((o) => hasOpt(p, o) || optArg(p, o) !== null);
  const words = p.operands;
  const [mode] = modes;
  if (modes.length > 1) throw new CliError(1, USAGE);
  if (mode === 's') return set(ctx, words);
  if (mode === 'i') return ifinfo(ctx, optArg(p, 'i') as string, words);
  if (mode === 'I' && words.length <= 1) return defaultIface(ctx, words[0]);
  if (mode === undefined && words.length === 1) return one(ctx, words[0] as string);
  if (mode === undefined || words.length > 0) throw new CliError(1, USAGE);
  return table(ctx, mode, optArg(p, 'd'));
}

function table(ctx: CommandCtx, mode: string, name: string | null): number {
  const vnet = vnetOf(ctx);
  switch (mode) {
    case 'a':
      return show(ctx, ndpTables(vnet, ctx.cred), renderNdp);
    case 'r':
      return show(ctx, ndpTables(vnet, ctx.cred), renderNdpRouters);
    case 'p':
      return show(ctx, ndpTables(vnet, ctx.cred), renderNdpPrefixes);
    case 'c':
      return removeAll(ctx);
    case 'd':
      return remove(ctx, name as string);
    default:
      changeable(ctx);
      if (mode === 'H') nd6HarmonizeRouters(vnet);
      else if (mode === 'P') nd6FlushPrefixes(vnet);
      else nd6FlushRouters(vnet);
      return 0;
  }
}

/** ndp(8). */
export const ndp: Command = { name: 'ndp', summary: 'IPv6 neighbor discovery display and control', usage: USAGE, needs: ['ifnet', 'nd6'], run };
