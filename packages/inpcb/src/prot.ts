import { ENOENT, ESRCH } from '@ns/errno';
import { macChecks } from '@ns/mac-kpi';
import { prisonCheck, type Ucred } from '@ns/vnet';
import type { Inpcb } from './pcb.ts';

/** Whether `cred` may see what belongs to `other`: 0, ESRCH when it is of another jail, or what access control says. Source: FreeBSD kern_prot.c, cr_cansee(). @public */
export function crCansee(cred: Ucred, other: Ucred): number {
  if (!prisonCheck(cred, other)) return ESRCH;
  return macChecks(cred.vnet.kernel)?.credCheckVisible(cred, other) ?? 0;
}

/** Whether `cred` may see a pcb: 0, ENOENT when it is of another jail, or what access control says. Source: FreeBSD in_prot.c, cr_canseeinpcb(). @public */
export function crCanseeinpcb(cred: Ucred, inp: Inpcb): number {
  if (!prisonCheck(cred, inp.cred)) return ENOENT;
  return macChecks(inp.vnet.kernel)?.inpcbCheckVisible(cred, inp) ?? 0;
}
