import type { LogEntry, Vnet } from '@ns/kern';
import { CTLFLAG_RD, CTLFLAG_RDTUN, CTLFLAG_RW, CTLFLAG_RWTUN, CTLFLAG_SKIP, type SysctlDecl, type SysctlReq, sysctlInt, sysctlString } from '@ns/sysctl';
import type { CredSysctlReq } from './cred.ts';
import type { Jail } from './jail.ts';
import { prisonAllow } from './prison-addr.ts';

type Req = SysctlReq<Vnet>;

/** The numbers of the stacks that a jail owns, itself or by those inside it. */
function ownVnets(jail: Jail, ids: Set<number> = new Set()): Set<number> {
  if (jail.ownsVnet) ids.add(jail.vnet.id);
  for (const child of jail.children) ownVnets(child, ids);
  return ids;
}

/** Which lines of the log a caller may read. A request without credential counts as one of the jail that owns the stack. */
function readable(req: Req): (entry: LogEntry) => boolean {
  const cred = (req as Partial<CredSysctlReq>).cred;
  if (!req.jailed || (cred !== undefined && prisonAllow(cred, 'read_msgbuf'))) return () => true;
  const jail = cred?.jail ?? null;
  const ids = jail !== null ? ownVnets(jail) : new Set(req.ownsVnet === true ? [req.vnet.id] : []);
  return (entry) => entry.vnet !== undefined && ids.has(entry.vnet);
}

/**
 * `kern.msgbuf` and its like. A jail reads the lines about its own stacks, with `allow.read_msgbuf` all. Source: FreeBSD subr_prf.c.
 * Differs: FreeBSD lets a jail without that permission read nothing.
 */
export const MSGBUF_SYSCTLS: readonly SysctlDecl<Vnet>[] = [
  sysctlString<Vnet>({
    name: 'kern.msgbuf',
    descr: 'Contents of kernel message buffer',
    flags: CTLFLAG_RD | CTLFLAG_SKIP,
    get: (req) => req.vnet.kernel.log.msgbuf.text(readable(req)),
  }),
  sysctlInt<Vnet>({
    name: 'kern.msgbuf_clear',
    descr: 'Clear kernel message buffer',
    flags: CTLFLAG_RW | CTLFLAG_SKIP,
    get: () => 0,
    set: (req, value) => {
      if (value !== 0) req.vnet.kernel.log.msgbuf.clear();
    },
  }),
  sysctlInt<Vnet>({ name: 'kern.msgbufsize', descr: 'Size of the kernel message buffer', flags: CTLFLAG_RDTUN, get: (req) => req.vnet.kernel.log.msgbuf.size }),
  sysctlInt<Vnet>({
    name: 'kern.msgbuf_show_timestamp',
    descr: 'Show timestamp in msgbuf',
    flags: CTLFLAG_RWTUN,
    min: 0,
    max: 2,
    get: (req) => req.vnet.kernel.log.msgbuf.showTimestamp,
    set: (req, value) => {
      req.vnet.kernel.log.msgbuf.showTimestamp = value;
    },
  }),
];
