import { arpDelete, arpFlush, arpSet } from '@ns/arp';
import { ENOENT, strerror } from '@ns/errno';
import { type Ifnet, ifunit } from '@ns/ifnet';
import { AF_INET, formatInAddr, type InAddr, parseEtherAddr } from '@ns/wire';
import { renderArp } from '../render/arp.ts';
import { CliError, type Command, type CommandCtx, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';
import { neighboursSnapshot, type NeighboursSnapshot } from '../snapshot/neighbours.ts';
import { renderJson } from '../snapshot/version.ts';
import { parseHost } from '../text/args.ts';

const USAGE = [
  'usage: arp [-n] [-i interface] hostname',
  '       arp [-n] [-i interface] -a',
  '       arp -d hostname',
  '       arp -d [-i interface] -a',
  '       arp -s hostname ether_addr [temp] [pub]',
  '       arp -S hostname ether_addr [temp] [pub]',
].join('\n');

function host(text: string): InAddr {
  const a = parseHost(text);
  return a !== null && a.af === AF_INET ? a : errx('arp', 1, `${text}: hostname nor servname provided, or not known`);
}

function changeable(ctx: CommandCtx): void {
  if (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet) errx('arp', 1, 'writing to routing socket: Operation not permitted');
}

function show(ctx: CommandCtx, s: NeighboursSnapshot): number {
  ctx.out(ctx.json ? renderJson(s) : renderArp(s));
  return 0;
}

function all(ctx: CommandCtx, only: Ifnet | null): NeighboursSnapshot {
  const s = neighboursSnapshot(vnetOf(ctx), ctx.cred);
  return only === null ? s : { ...s, neighbours: s.neighbours.filter((n) => n.netif === only.name) };
}

function one(ctx: CommandCtx, text: string, only: Ifnet | null): number {
  const address = formatInAddr(host(text));
  const s = all(ctx, only);
  const neighbours = s.neighbours.filter((n) => n.address === address);
  if (neighbours.length > 0) return show(ctx, { ...s, neighbours });
  ctx.out(`${text} (${address}) -- no entry${only === null ? '' : ` on ${only.name}`}\n`);
  return 1;
}

function remove(ctx: CommandCtx, text: string): number {
  changeable(ctx);
  const a = host(text);
  const errno = arpDelete(vnetOf(ctx), a);
  if (errno === 0) ctx.out(`${text} (${formatInAddr(a)}) deleted\n`);
  else if (errno === ENOENT) ctx.out(`${text} (${formatInAddr(a)}) -- no entry\n`);
  else ctx.err(`arp: ${text}: ${strerror(errno)}\n`);
  return errno === 0 ? 0 : 1;
}

function removeAll(ctx: CommandCtx, only: Ifnet | null): number {
  changeable(ctx);
  const was = all(ctx, only).neighbours;
  arpFlush(vnetOf(ctx), only);
  const left = new Set(all(ctx, only).neighbours.map((n) => `${n.address} ${n.netif}`));
  for (const n of was) if (!left.has(`${n.address} ${n.netif}`)) ctx.out(`${n.address} (${n.address}) deleted\n`);
  return 0;
}

function set(ctx: CommandCtx, words: readonly string[]): number {
  changeable(ctx);
  const [text, ether, ...rest] = words;
  if (text === undefined || ether === undefined || rest.some((w) => w !== 'temp' && w !== 'pub')) throw new CliError(1, USAGE);
  const mac = parseEtherAddr(ether) ?? errx('arp', 1, `invalid Ethernet address '${ether}'`);
  const errno = arpSet(vnetOf(ctx), host(text), mac, { temporary: rest.includes('temp'), published: rest.includes('pub') });
  if (errno !== 0) errx('arp', 1, `set: ${text}: ${strerror(errno)}`);
  return 0;
}

function run(ctx: CommandCtx): number {
  const p = getopt('arp', ctx.argv, 'adi:nSs', USAGE);
  const name = optArg(p, 'i');
  const only = name === null ? null : (ifunit(vnetOf(ctx), name) ?? errx('arp', 1, `no such interface: ${name}`));
  const [word, ...more] = p.operands;
  if (hasOpt(p, 's') || hasOpt(p, 'S')) {
    if (hasOpt(p, 'S') && word !== undefined) arpDelete(vnetOf(ctx), host(word));
    return set(ctx, p.operands);
  }
  if (hasOpt(p, 'a')) {
    if (word !== undefined) throw new CliError(1, USAGE);
    return hasOpt(p, 'd') ? removeAll(ctx, only) : show(ctx, all(ctx, only));
  }
  if (word === undefined || more.length > 0) throw new CliError(1, USAGE);
  return hasOpt(p, 'd') ? remove(ctx, word) : one(ctx, word, only);
}

/** arp(8). */
export const arp: Command = { name: 'arp', summary: 'address resolution display and control', usage: USAGE, needs: ['ifnet', 'arp'], run };
