import { EINVAL, ENOENT } from '@ns/errno';
import { type Inpcb, type InpcbInfo, inPcbLookupExact, inPcbLookupTuple } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { CTLFLAG_PRISON, CTLFLAG_RW, type SysctlDecl, type SysctlReq, type SysctlValue } from '@ns/sysctl';
import { prisonCheck } from '@ns/vnet';
import { AF_INET, isV4Mapped, Sockaddr, v4OfMapped } from '@ns/wire';
import { Socket } from './socket.ts';
import { crCanseesocket, sysctlReqCred } from './visible.ts';

/**
 * Whose a socket is, for others to know. Users have no groups here. Source: FreeBSD sys/ucred.h, struct xucred.
 * @public
 */
export interface Xucred {
  /** Version of the structure. */
  readonly version: number;
  /** Effective user. */
  readonly uid: number;
}

/**
 * What {@link sysctlGetcred} is to be.
 * @public
 */
export interface GetcredOptions {
  /** Full name: `net.inet.tcp.getcred`. */
  readonly name: string;
  /** One line for `sysctl -d`. */
  readonly descr: string;
  /** Family of the addresses; with AF_INET6 an IPv4-mapped pair asks for IPv4. */
  readonly af: number;
  /** Unconnected sockets answer too. Default false. */
  readonly wild?: boolean;
  /** The pcbs of the protocol. */
  infoOf(vnet: Vnet): InpcbInfo;
}

/**
 * The variable `getcred` of a protocol, which identd(8) asks: written with a pair `[local, foreign]` of Sockaddrs it answers with the {@link Xucred} of the socket between them. ENOENT: there is none, or none that who asks may
 * see; EINVAL: not such a pair.
 * Source: FreeBSD tcp_getcred(), tcp6_getcred(), udp_getcred(), udp6_getcred().
 * @public
 */
export function sysctlGetcred(o: GetcredOptions): SysctlDecl<Vnet> {
  return {
    name: o.name,
    type: 'opaque',
    flags: CTLFLAG_RW | CTLFLAG_PRISON,
    format: 'S,xucred',
    descr: o.descr,
    ask: (req: SysctlReq<Vnet>, pair: SysctlValue): Xucred | number => {
      const [local, foreign] = Array.isArray(pair) ? (pair as unknown[]) : [];
      if (!(local instanceof Sockaddr) || !(foreign instanceof Sockaddr) || local.af !== o.af || foreign.af !== o.af) return EINVAL;
      const inp = find(o, o.infoOf(req.vnet), local, foreign);
      return inp === null || !maySee(req, inp) ? ENOENT : { version: 0, uid: inp.cred.uid };
    },
  };
}

function find(o: GetcredOptions, info: InpcbInfo, local: Sockaddr, foreign: Sockaddr): Inpcb | null {
  const mapped = o.af !== AF_INET && isV4Mapped(local.addr) && isV4Mapped(foreign.addr);
  const l = mapped ? v4OfMapped(local.addr) : local.addr;
  const f = mapped ? v4OfMapped(foreign.addr) : foreign.addr;
  return (o.wild === true ? inPcbLookupTuple : inPcbLookupExact)(info, f, foreign.port, l, local.port);
}

/** Source: FreeBSD cr_canseeinpcb(). */
function maySee(req: SysctlReq<Vnet>, inp: Inpcb): boolean {
  const cred = sysctlReqCred(req);
  if (cred === null) return true;
  return inp.socket instanceof Socket ? crCanseesocket(cred, inp.socket) === 0 : prisonCheck(cred, inp.cred);
}
