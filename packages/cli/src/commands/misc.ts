import { ESRCH, strerror } from '@ns/errno';
import { sysctlErrorText } from '@ns/sysctl';
import { TCP_STATE_NAMES, tcpDropConnection, tcpPcblist, type Xtcpcb } from '@ns/tcp';
import { credSysctlReq } from '@ns/vnet';
import { formatInAddr, Sockaddr } from '@ns/wire';
import { CliError, type Command, type CommandCtx, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';
import { vis } from '../text/format.ts';
import { parseHost } from '../text/args.ts';
import { servicePort } from '../text/services.ts';

const DROP_USAGE = [
  'usage: tcpdrop local-address local-port foreign-address foreign-port',
  '       tcpdrop local-address:local-port foreign-address:foreign-port',
  '       tcpdrop local-address.local-port foreign-address.foreign-port',
  '       tcpdrop [-l] -a',
  '       tcpdrop [-l] [-C cc-algo] [-S stack] [-s state]',
].join('\n');

function endOf(host: string, port: string): Sockaddr {
  const a = parseHost(host.replace(/^\[(.*)\]$/, '$1'));
  const n = servicePort(port);
  if (a === null || n < 0) return errx('tcpdrop', 1, `getaddrinfo: ${host} port ${port}: Name does not resolve`);
  return new Sockaddr(a, n);
}

/** `10.0.0.1:80`, `[::1]:80`, `10.0.0.1.80`. */
function splitEnd(text: string): Sockaddr {
  const m = /^(.*)[:.]([^:.\]]+)$/.exec(text);
  if (m === null) throw new CliError(1, DROP_USAGE);
  return endOf(m[1] as string, m[2] as string);
}

function dropOne(ctx: CommandCtx, local: Sockaddr, foreign: Sockaddr): boolean {
  const who = `${formatInAddr(local.addr)} ${local.port} ${formatInAddr(foreign.addr)} ${foreign.port}`;
  const errno = ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet ? ESRCH : tcpDropConnection(vnetOf(ctx), local, foreign);
  if (errno === 0) ctx.out(`${who}: dropped\n`);
  else ctx.err(`tcpdrop: ${who}: ${strerror(errno)}\n`);
  return errno === 0;
}

/** Connections that the filters mean; listening sockets are none, nor are those that are closed already. */
function matching(ctx: CommandCtx, cc: string | null, stack: string | null, state: string | null): Xtcpcb[] {
  return tcpPcblist(vnetOf(ctx), ctx.cred).pcbs.filter(
    (x) => x.stateName !== 'LISTEN' && x.stateName !== 'CLOSED' && x.fport !== 0 && (cc === null || x.cc === cc) && (stack === null || x.stack === stack) && (state === null || x.stateName === state),
  );
}

function runDrop(ctx: CommandCtx): number {
  const p = getopt('tcpdrop', ctx.argv, 'alC:S:s:', DROP_USAGE);
  const [cc, stack] = [optArg(p, 'C'), optArg(p, 'S')];
  const state = optArg(p, 's')?.toUpperCase() ?? null;
  if (state !== null && !TCP_STATE_NAMES.includes(state)) errx('tcpdrop', 1, `unrecognised TCP state: ${state}`);
  if (hasOpt(p, 'a') || hasOpt(p, 'l') || cc !== null || stack !== null || state !== null) {
    if (p.operands.length > 0) throw new CliError(1, DROP_USAGE);
    let ok = true;
    for (const x of matching(ctx, cc, stack, state)) {
      if (hasOpt(p, 'l')) ctx.out(`tcpdrop ${formatInAddr(x.laddr)} ${x.lport} ${formatInAddr(x.faddr)} ${x.fport}\n`);
      else ok = dropOne(ctx, new Sockaddr(x.laddr, x.lport), new Sockaddr(x.faddr, x.fport)) && ok;
    }
    return ok ? 0 : 1;
  }
  const [la, lp, fa, fp] = p.operands;
  if (p.operands.length === 2) return dropOne(ctx, splitEnd(la as string), splitEnd(lp as string)) ? 0 : 1;
  if (p.operands.length !== 4) throw new CliError(1, DROP_USAGE);
  return dropOne(ctx, endOf(la as string, lp as string), endOf(fa as string, fp as string)) ? 0 : 1;
}

/** tcpdrop(8). */
export const tcpdrop: Command = { name: 'tcpdrop', summary: 'drop TCP connections', usage: DROP_USAGE, needs: ['tcp'], run: runDrop };

const HOSTNAME_USAGE = 'usage: hostname [-f] [-s | -d] [name-of-host]';

function runHostname(ctx: CommandCtx): number {
  const p = getopt('hostname', ctx.argv, 'dfs', HOSTNAME_USAGE);
  const req = credSysctlReq(ctx.cred);
  const [name] = p.operands;
  if (p.operands.length > 1) throw new CliError(1, HOSTNAME_USAGE);
  if (name !== undefined) {
    const r = ctx.kernel.sysctl.sysctlSet('kern.hostname', name, req);
    if (r.errno !== 0) errx('hostname', 1, `sethostname: ${strerror(r.errno)}`);
    return 0;
  }
  const r = ctx.kernel.sysctl.sysctlGet('kern.hostname', req);
  if (r.errno !== 0) errx('hostname', 1, sysctlErrorText('kern.hostname', r));
  const text = String(r.value);
  const dot = text.indexOf('.');
  const shown = hasOpt(p, 's') && dot >= 0 ? text.slice(0, dot) : hasOpt(p, 'd') ? (dot < 0 ? '' : text.slice(dot + 1)) : text;
  ctx.out(`${vis(shown)}\n`);
  return 0;
}

/** hostname(1). */
export const hostname: Command = { name: 'hostname', summary: 'set or print name of current host system', usage: HOSTNAME_USAGE, run: runHostname };
