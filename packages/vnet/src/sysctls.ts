import { EPERM } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import { CTLFLAG_PRISON, CTLFLAG_RD, CTLFLAG_RW, type SysctlDecl, type SysctlReq, sysctlInt, sysctlString, sysctlUlong } from '@ns/sysctl';
import type { CredSysctlReq } from './cred.ts';
import type { HostIdentity, Jail } from './jail.ts';
import { JAIL_MAX, JAILS, type Jails } from './jails.ts';

type Req = SysctlReq<Vnet>;

function jailsOf(req: Req): Jails {
  return req.vnet.kernel.service(JAILS);
}

/** The jail of whoever asks: known exactly when the request has a credential, else the jail that owns the stack. */
function jailOf(req: Req): Jail | null {
  const cred = (req as Partial<CredSysctlReq>).cred;
  if (cred !== undefined) return cred.jail;
  return req.jailed ? (jailsOf(req).list().find((j) => j.ownsVnet && j.vnet === req.vnet) ?? null) : null;
}

function identity(req: Req): HostIdentity {
  return jailOf(req)?.host ?? jailsOf(req).host;
}

/** Source: prison_priv_check(), allow.set_hostname. */
function maySetHost(req: Req): boolean {
  const jail = jailOf(req);
  return jail === null ? !req.jailed : jail.allow['set_hostname'] === true;
}

function hostText(name: string, descr: string, max: number, field: 'hostname' | 'domainname' | 'hostuuid'): SysctlDecl<Vnet> {
  return sysctlString<Vnet>({
    name,
    descr,
    flags: CTLFLAG_RW | CTLFLAG_PRISON,
    max,
    get: (req) => identity(req)[field],
    set: (req, value) => {
      if (!maySetHost(req)) return EPERM;
      identity(req)[field] = value;
      return 0;
    },
  });
}

/** `kern.hostname` and its like, and `security.jail`. */
export const JAIL_SYSCTLS: readonly SysctlDecl<Vnet>[] = [
  hostText('kern.hostname', 'Hostname', 255, 'hostname'),
  hostText('kern.domainname', 'Name of the current YP/NIS domain', 255, 'domainname'),
  hostText('kern.hostuuid', 'Host UUID', 63, 'hostuuid'),
  sysctlUlong<Vnet>({
    name: 'kern.hostid',
    descr: 'Host ID',
    flags: CTLFLAG_RW | CTLFLAG_PRISON,
    max: 0xffffffff,
    get: (req) => identity(req).hostid,
    set: (req, value) => {
      if (!maySetHost(req)) return EPERM;
      identity(req).hostid = value;
      return 0;
    },
  }),
  sysctlInt<Vnet>({ name: 'security.jail.jailed', descr: 'Process in jail?', flags: CTLFLAG_RD, get: (req) => (req.jailed ? 1 : 0) }),
  sysctlInt<Vnet>({ name: 'security.jail.vnet', descr: 'Jail owns vnet?', flags: CTLFLAG_RD, get: (req) => (req.jailed && req.ownsVnet !== true ? 0 : 1) }),
  sysctlInt<Vnet>({
    name: 'security.jail.children.max',
    descr: 'Maximum number of child jails',
    flags: CTLFLAG_RD,
    get: (req) => jailOf(req)?.childrenMax ?? JAIL_MAX,
  }),
  sysctlInt<Vnet>({
    name: 'security.jail.children.cur',
    descr: 'Current number of child jails',
    flags: CTLFLAG_RD,
    get: (req) => jailOf(req)?.childrenCur ?? jailsOf(req).count,
  }),
];
