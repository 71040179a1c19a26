import { ENOENT } from '@ns/errno';
import { inPcbList, type InpcbInfo, type XinpcbList } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import type { SysctlReq } from '@ns/sysctl';
import { type CredSysctlReq, prisonCheck, type Ucred } from '@ns/vnet';
import { Socket } from './socket.ts';

/** Whether `cred` may see a socket: 0, ENOENT when it is of another jail, or what access control says. Source: FreeBSD kern_prot.c, cr_canseesocket(). @public */
export function crCanseesocket(cred: Ucred, so: Socket): number {
  if (!prisonCheck(cred, so.cred)) return ENOENT;
  const mac = so.sv.sk.mac;
  return mac === null ? 0 : mac.socketCheckVisible(cred, so);
}

/**
 * For protocols and tools: the pcbs of a set that `cred` may see, and whose sockets, where there are some, it may see too; null sees all.
 * Differs: FreeBSD asks about the pcb only.
 * Source: FreeBSD in_pcblist(), tcp_pcblist().
 * @public
 */
export function soPcblist(info: InpcbInfo, cred: Ucred | null): XinpcbList {
  const list = inPcbList(info, cred);
  if (cred === null) return list;
  const pcbs = list.pcbs.filter(({ inp }) => !(inp.socket instanceof Socket) || crCanseesocket(cred, inp.socket) === 0);
  return { ...list, count: pcbs.length, pcbs };
}

/** Who asks for a sysctl, for {@link soPcblist}; null for a request that does not say, such as the kernel's own. @public */
export function sysctlReqCred(req: SysctlReq<Vnet>): Ucred | null {
  return (req as Partial<CredSysctlReq>).cred ?? null;
}
