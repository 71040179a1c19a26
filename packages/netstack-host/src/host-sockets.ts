import { EADDRNOTAVAIL, EAFNOSUPPORT } from '@ns/errno';
import { type Kernel, ServiceKey, type Vnet } from '@ns/kern';
import { type Socket, sokill, SS_NOFDREF } from '@ns/socket';
import { type Jail, prisonCheckAf, prisonGetAddr, prisonLocalAddr, prisonRemoteAddr, type Ucred } from '@ns/vnet';
import { isAny, Sockaddr } from '@ns/wire';
import { anyOf } from './host-addr.ts';

/** Bytes that a socket holds in each direction before it stops reading, or says that it is full. */
export const HOST_SPACE = 262144;

/** Counters of the host stack of one kernel. @public */
export class HostStat {
  /** Connections made to others. */
  connects: number;
  /** Connections taken from others. */
  accepts: number;
  /** Connections reset because the listen queue was full. */
  listendrop: number;
  /** Datagrams sent. */
  opackets: number;
  /** Datagrams received. */
  ipackets: number;
  /** Datagrams dropped because the socket's buffer, or the pool of mbufs, was full. */
  fullsock: number;

  constructor() {
    this.connects = 0;
    this.accepts = 0;
    this.listendrop = 0;
    this.opackets = 0;
    this.ipackets = 0;
    this.fullsock = 0;
  }
}

/** The sockets that one kernel has of the operating system, so that they end with their jail, their vnet or the kernel. */
export class HostSockets {
  readonly kernel: Kernel;
  readonly stat: HostStat;
  private readonly all: Set<Socket>;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.stat = new HostStat();
    this.all = new Set();
  }

  add(so: Socket): void {
    this.all.add(so);
  }

  remove(so: Socket): void {
    this.all.delete(so);
  }

  /** Ends the sockets of a vnet (null: of all), and of them only those that a jail or one inside it has made. */
  kill(vnet: Vnet | null, jail: Jail | null): void {
    for (const so of [...this.all]) {
      const owner = so.cred.jail;
      if (vnet !== null && so.vnet !== vnet) continue;
      if (jail !== null && (owner === null || !owner.isWithin(jail))) continue;
      // One without a descriptor only waits for its last data to go.
      if ((so.state & SS_NOFDREF) !== 0) so.proto.abort(so);
      else sokill(so);
    }
  }
}

/** The operating system's sockets of a kernel. */
export const HOST_SOCKETS: ServiceKey<HostSockets> = new ServiceKey<HostSockets>('netstack_host.sockets');

/** The local address that a user may bind to, as jails without a vnet restrict it; an errno if none. */
export function localFor(cred: Ucred, addr: Sockaddr | null, af: number): Sockaddr | number {
  const asked = addr ?? new Sockaddr(anyOf(af), 0);
  if (asked.addr.af !== af) return EAFNOSUPPORT;
  const errno = prisonCheckAf(cred, af);
  if (errno !== 0) return errno;
  const addrOk = prisonLocalAddr(cred, asked.addr);
  if (addrOk === null) return EADDRNOTAVAIL;
  // A jail with several addresses cannot have them all and no others: the operating system knows nothing of it.
  const only = isAny(addrOk) ? prisonGetAddr(cred, af) : null;
  return new Sockaddr(only ?? addrOk, asked.port);
}

/** The remote address that a user means; an errno if it may not be. */
export function remoteFor(cred: Ucred, addr: Sockaddr, af: number): Sockaddr | number {
  if (addr.addr.af !== af) return EAFNOSUPPORT;
  const ok = prisonRemoteAddr(cred, addr.addr);
  return ok === null ? EAFNOSUPPORT : new Sockaddr(ok, addr.port);
}
