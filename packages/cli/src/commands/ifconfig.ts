import { strerror } from '@ns/errno';
import { ifioctl, ifunit } from '@ns/ifnet';
import { IFF_UP, type IfReq, IFT_ETHER, SIOCGIFGMEMB, SIOCIFCREATE, SIOCIFGCLONERS } from '@ns/ifnet-kpi';
import type { Ucred } from '@ns/vnet';
import { renderIfconfig, renderIfconfigList } from '../render/ifconfig.ts';
import { type Command, type CommandCtx, credOfOption, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg, type Parsed } from '../shell/getopt.ts';
import { interfacesSnapshot, type InterfacesSnapshot } from '../snapshot/interfaces.ts';
import { renderJson } from '../snapshot/version.ts';
import { in6VerbByName } from './ifconfig-in6.ts';
import { applyAddress, type IfconfigTarget, takeAddress, verbByName } from './ifconfig-verbs.ts';

const USAGE = [
  'usage: ifconfig [-j jail] [-L] [-m] [-n] [-v] interface address_family',
  '                [address [dest_address]] [parameters]',
  '       ifconfig interface create',
  '       ifconfig -a [-j jail] [-L] [-d] [-m] [-u] [-v] [-g groupname] [address_family]',
  '       ifconfig -l [-d] [-u] [address_family]',
  '       ifconfig [-d] [-L] [-m] [-u] [-v]',
  '       ifconfig -C',
  '       ifconfig -g groupname',
].join('\n');

type Family = 'inet' | 'inet6' | 'ether';

const familyOf = (word: string | undefined): Family | null => (word === 'inet' || word === 'inet6' ? word : word === 'ether' || word === 'link' || word === 'lladdr' ? 'ether' : null);

/** The interfaces that the options mean. */
function selected(s: InterfacesSnapshot, p: Parsed, names: readonly string[] | null): InterfacesSnapshot {
  const group = optArg(p, 'g');
  const interfaces = s.interfaces.filter((i) => {
    const up = (i.flags & IFF_UP) !== 0;
    if ((hasOpt(p, 'u') && !up) || (hasOpt(p, 'd') && up)) return false;
    if (group !== null && group !== 'all' && !i.groups.includes(group)) return false;
    return names === null || names.includes(i.name);
  });
  return { ...s, interfaces };
}

function show(ctx: CommandCtx, p: Parsed, names: readonly string[] | null, family: Family | null): number {
  const s = selected(interfacesSnapshot(vnetOf(ctx), ctx.cred), p, names);
  ctx.out(ctx.json ? renderJson(s) : renderIfconfig(s, { media: hasOpt(p, 'm'), lifetimes: hasOpt(p, 'L'), family }));
  return 0;
}

/** `ifconfig -l [family]`: with `ether` Ethernet interfaces only, with inet or inet6 those that have such an address. */
function list(ctx: CommandCtx, p: Parsed, family: Family | null): number {
  const s = selected(interfacesSnapshot(vnetOf(ctx), ctx.cred), p, null);
  const interfaces = s.interfaces.filter((i) => family === null || (family === 'ether' ? i.type === IFT_ETHER : i.addresses.some((a) => a.family === family)));
  ctx.out(ctx.json ? renderJson({ ...s, interfaces }) : renderIfconfigList({ ...s, interfaces }));
  return 0;
}

function cloners(ctx: CommandCtx): number {
  const req: IfReq & { cloners?: readonly string[] } = { cmd: SIOCIFGCLONERS };
  const errno = ifioctl(vnetOf(ctx), SIOCIFGCLONERS, req, ctx.cred);
  if (errno !== 0) errx('ifconfig', 1, `SIOCIFGCLONERS: ${strerror(errno)}`);
  ctx.out(`${(req.cloners ?? []).join(' ')}\n`);
  return 0;
}

function members(ctx: CommandCtx, group: string): number {
  const req: IfReq & { members?: readonly string[] } = { cmd: SIOCGIFGMEMB, group };
  if (ifioctl(vnetOf(ctx), SIOCGIFGMEMB, req, ctx.cred) !== 0) return 0;
  ctx.out((req.members ?? []).map((name) => `${name}\n`).join(''));
  return 0;
}

function newTarget(ctx: CommandCtx, name: string, family: Family): IfconfigTarget {
  return { ctx, name, family, addr: null, dst: null, broadcast: null, prefixlen: null, lladdr: null, in6flags: 0, vltime: null, pltime: null, alias: 0, gone: false };
}

/** Makes the interface; what it is called is told where that is not what was asked for. */
function create(ctx: CommandCtx, name: string): string {
  const req: IfReq & { created?: string } = { cmd: SIOCIFCREATE, name };
  const errno = ifioctl(vnetOf(ctx), SIOCIFCREATE, req, ctx.cred);
  if (errno !== 0) errx('ifconfig', 1, `SIOCIFCREATE2 (${name}): ${strerror(errno)}`);
  return req.created ?? name;
}

function configure(ctx: CommandCtx, asked: string, words: readonly string[]): number {
  let args = words;
  let name = asked;
  const creates = args[0] === 'create' || args[0] === 'plumb';
  if (creates) {
    name = create(ctx, asked);
    args = args.slice(1);
  } else if (ifunit(vnetOf(ctx), asked) === null && args[0] !== '-vnet') {
    errx('ifconfig', 1, `interface ${asked} does not exist`);
  }
  const family = args[0] === 'inet' || args[0] === 'inet6' ? args[0] : null;
  const t = newTarget(ctx, name, family ?? (args.some((w) => /^[0-9a-fA-F:]*::/.test(w)) ? 'inet6' : 'inet'));
  const rest = family === null ? args : args.slice(1);
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    const verb = verbByName(word) ?? in6VerbByName(word);
    if (verb === null) {
      takeAddress(t, word);
      continue;
    }
    const arg = verb.args === 0 ? '' : rest[++i];
    if (arg === undefined) return errx('ifconfig', 1, `'${word}' requires argument`);
    verb.run(t, arg);
  }
  if (!t.gone) applyAddress(t);
  if (creates && t.name !== asked) ctx.out(`${t.name}\n`);
  return 0;
}

function run(ctx: CommandCtx): number {
  const p = getopt('ifconfig', ctx.argv, 'adlmnuvCLg:j:', USAGE);
  const cred: Ucred = credOfOption('ifconfig', ctx, optArg(p, 'j'));
  const inJail: CommandCtx = cred === ctx.cred ? ctx : { ...ctx, cred };
  const [name, ...words] = p.operands;
  if (hasOpt(p, 'C')) return cloners(inJail);
  if (hasOpt(p, 'l')) return list(inJail, p, familyOf(name));
  const group = optArg(p, 'g');
  if (group !== null && !hasOpt(p, 'a') && name === undefined) return members(inJail, group);
  if (name === undefined || hasOpt(p, 'a')) return show(inJail, p, null, familyOf(name));
  if (words.length === 0 || (words.length === 1 && familyOf(words[0]) !== null)) {
    if (ifunit(vnetOf(inJail), name) === null) errx('ifconfig', 1, `interface ${name} does not exist`);
    return show(inJail, p, [name], familyOf(words[0]));
  }
  return configure(inJail, name, words);
}

/** ifconfig(8). */
export const ifconfig: Command = { name: 'ifconfig', summary: 'configure network interfaces', usage: USAGE, needs: ['ifnet'], run };
