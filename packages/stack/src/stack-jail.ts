import { EINVAL, ENXIO, errnoName, NetError, strerror } from '@ns/errno';
import { IFNET, ifioctl, type Ifnet } from '@ns/ifnet';
import {
  IFCAP_LRO,
  IFCAP_RXCSUM,
  IFCAP_RXCSUM_IPV6,
  IFCAP_TSO4,
  IFCAP_TSO6,
  IFCAP_TXCSUM,
  IFCAP_TXCSUM_IPV6,
  IFF_UP,
  type IfReq,
  SIOCAIFADDR,
  SIOCAIFADDR_IN6,
  SIOCDIFADDR,
  SIOCSIFCAP,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
} from '@ns/ifnet-kpi';
import { IN6_IFF_NODAD } from '@ns/ip6';
import type { Kernel, Vnet, VnetReport } from '@ns/kern';
import type { SysctlValue } from '@ns/sysctl';
import { credSysctlReq, type Jail, JAILS, type Ucred } from '@ns/vnet';
import { AF_INET6, parseCidr } from '@ns/wire';

/** Offloads that can be switched by name, as ifconfig(8) names them. @public */
export type Offload = 'rxcsum' | 'txcsum' | 'rxcsum6' | 'txcsum6' | 'tso' | 'lro';

const CAPS: Readonly<Record<Offload, number>> = Object.freeze({
  rxcsum: IFCAP_RXCSUM,
  txcsum: IFCAP_TXCSUM,
  rxcsum6: IFCAP_RXCSUM_IPV6,
  txcsum6: IFCAP_TXCSUM_IPV6,
  tso: IFCAP_TSO4 | IFCAP_TSO6,
  lro: IFCAP_LRO,
});

/** Throws the errno of a call as an error with Node's code. */
export function check(errno: number, syscall: string, what = ''): void {
  if (errno !== 0) throw new NetError(errno, syscall, `${syscall} ${errnoName(errno)}: ${strerror(errno)}${what === '' ? '' : `: ${what}`}`);
}

/**
 * A jail (or the host) as a place to configure and to open sockets in: its vnet, its credential, and the everyday settings. What is not here is a
 * command: `exec(kernel, 'ifconfig ...', { jail })` of package cli.
 * @public
 */
export class StackJail {
  /** The kernel that it lives in. */
  readonly kernel: Kernel;
  /** Null for the host. */
  readonly jail: Jail | null;
  /** Its own virtual stack, or the one that it shares. */
  readonly vnet: Vnet;
  /** The superuser in it. */
  readonly cred: Ucred;

  /** For {@link Stack}. */
  constructor(kernel: Kernel, jail: Jail | null, cred: Ucred) {
    this.kernel = kernel;
    this.jail = jail;
    this.vnet = cred.vnet;
    this.cred = cred;
  }

  /** 0 for the host. */
  get jid(): number {
    return this.jail === null ? 0 : this.jail.jid;
  }

  /** Its name; `0` for the host. */
  get name(): string {
    return this.jail === null ? '0' : this.jail.name;
  }

  /** The interface of that name. Throws ENXIO. */
  interface(name: string): Ifnet {
    const ifp = IFNET.get(this.vnet).byName.get(name);
    if (ifp === undefined) throw new NetError(ENXIO, 'ioctl', `interface ${name} does not exist`);
    return ifp;
  }

  /**
   * Gives an interface an address with prefix, `10.0.0.1/24`, and brings it up. An IPv6 address is usable at once: whoever gives it here knows that nobody else has it, and it is not tested
   * for duplicates (`ifconfig` has that done).
   */
  addAddress(name: string, cidr: string): void {
    const c = parseCidr(cidr);
    if (c === null) throw new NetError(EINVAL, 'ioctl', `${cidr} is not an address with a prefix`);
    const cmd = c.addr.af === AF_INET6 ? SIOCAIFADDR_IN6 : SIOCAIFADDR;
    const flags = c.addr.af === AF_INET6 ? IN6_IFF_NODAD : 0;
    this.ioctl({ cmd, name, addr: { addr: c.addr, prefixlen: c.prefixlen, flags } });
    this.up(name);
  }

  /** Takes an interface's address away. */
  deleteAddress(name: string, cidr: string): void {
    const c = parseCidr(cidr.includes('/') ? cidr : `${cidr}/32`);
    if (c === null) throw new NetError(EINVAL, 'ioctl', `${cidr} is not an address`);
    this.ioctl({ cmd: SIOCDIFADDR, name, addr: c.addr });
  }

  /** Brings an interface up. */
  up(name: string): void {
    this.ioctl({ cmd: SIOCSIFFLAGS, name, flags: this.interface(name).flags | IFF_UP });
  }

  /** Takes an interface down. */
  down(name: string): void {
    this.ioctl({ cmd: SIOCSIFFLAGS, name, flags: this.interface(name).flags & ~IFF_UP });
  }

  /** Sets the MTU of an interface, bytes. */
  setMtu(name: string, mtu: number): void {
    this.ioctl({ cmd: SIOCSIFMTU, name, mtu });
  }

  /** Switches an offload on or off. */
  setCapability(name: string, offload: Offload, on: boolean): void {
    const ifp = this.interface(name);
    const bits = CAPS[offload];
    this.ioctl({ cmd: SIOCSIFCAP, name, reqcap: on ? ifp.capenable | bits : ifp.capenable & ~bits });
  }

  /** Reads a sysctl of this vnet. Throws ENOENT. */
  sysctl(name: string): SysctlValue;
  /** Writes a sysctl of this vnet. Throws ENOENT, EPERM, EINVAL. */
  sysctl(name: string, value: number | string): SysctlValue;
  sysctl(name: string, value?: number | string): SysctlValue {
    const req = credSysctlReq(this.cred);
    if (value !== undefined) check(this.kernel.sysctl.sysctlSet(name, value, req).errno, 'sysctl', name);
    const r = this.kernel.sysctl.sysctlGet(name, req);
    check(r.errno, 'sysctl', name);
    return r.value as SysctlValue;
  }

  /** Ends the jail and those inside it: sockets are aborted, vnets destroyed, borrowed interfaces go home. Returns what each vnet left behind: nothing, or there is a leak. */
  remove(): readonly VnetReport[] {
    if (this.jail === null) throw new NetError(EINVAL, 'jail_remove', 'the host is not a jail');
    const r = this.kernel.service(JAILS).jailRemove(this.jail.jid);
    check(r.errno, 'jail_remove', r.message);
    return r.reports;
  }

  private ioctl(req: IfReq): void {
    check(ifioctl(this.vnet, req.cmd, req, this.cred), 'ioctl', 'name' in req ? req.name : '');
  }
}
