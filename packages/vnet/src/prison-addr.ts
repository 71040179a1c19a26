import { EADDRNOTAVAIL, EAFNOSUPPORT } from '@ns/errno';
import { AF_INET, AF_INET6, type InAddr, inAddrEqual, isAny, isLoopback, zonedWord0 } from '@ns/wire';
import { jailedWithoutVnet, type Ucred } from './cred.ts';
import { type Jail, JAIL_SYS_DISABLE, JAIL_SYS_INHERIT, type JailAddrs } from './jail.ts';

/** The addresses that restrict a user for one family: those of the next jail outwards that does not inherit; null if nothing restricts. */
function restriction(cred: Ucred, af: number): JailAddrs | null {
  if (!jailedWithoutVnet(cred)) return null;
  for (let j: Jail | null = cred.jail; j !== null && !j.ownsVnet; j = j.parent) {
    const addrs = j.addrsOf(af);
    if (addrs.mode !== JAIL_SYS_INHERIT) return addrs;
  }
  return null;
}

function disabled(addrs: JailAddrs): boolean {
  return addrs.mode === JAIL_SYS_DISABLE || addrs.addrs.length === 0;
}

/** The one loopback address that means the jail itself: 127.0.0.1, not all of 127.0.0.0/8. Source: INADDR_LOOPBACK, IN6_IS_ADDR_LOOPBACK(). */
function isLocalhost(addr: InAddr): boolean {
  return addr.af === AF_INET ? addr.w3 === 0x7f000001 : isLoopback(addr);
}

/** Whether a user's addresses of a family are restricted, be it to none at all. Source: prison_flag(cred, PR_IP4). @public */
export function prisonFlag(cred: Ucred, af: number): boolean {
  return restriction(cred, af) !== null;
}

/** {@link prisonCheckAddr} === 0 by the words of an address (as InAddr has them, the first with its zone, see `embedZone6` of package wire): for the packet path, allocates nothing. @public */
export function prisonHasWords(cred: Ucred, af: number, w0: number, w1: number, w2: number, w3: number): boolean {
  const only = restriction(cred, af);
  if (only === null) return true;
  const { addrs } = only;
  for (let i = 0; i < addrs.length; i++) {
    const a = addrs[i] as InAddr;
    if (a.w3 === w3 && a.w2 === w2 && a.w1 === w1 && zonedWord0(a) === w0) return true;
  }
  return false;
}

/** Whether a user may make sockets of a family: EAFNOSUPPORT if the jail has no addresses of it, or if it is no family of the Internet and `allow.socket_af` is off. Source: prison_check_af(). @public */
export function prisonCheckAf(cred: Ucred, af: number): number {
  if (af !== AF_INET && af !== AF_INET6) return !jailedWithoutVnet(cred) || cred.jail?.allow['socket_af'] === true ? 0 : EAFNOSUPPORT;
  const only = restriction(cred, af);
  return only !== null && disabled(only) ? EAFNOSUPPORT : 0;
}

/** Whether a user may use a local address: EADDRNOTAVAIL if the jail does not have it, EAFNOSUPPORT if it has none of the family. Source: prison_check_ip4(). @public */
export function prisonCheckAddr(cred: Ucred, addr: InAddr): number {
  const only = restriction(cred, addr.af);
  if (only === null) return 0;
  if (disabled(only)) return EAFNOSUPPORT;
  return only.addrs.some((a) => inAddrEqual(a, addr)) ? 0 : EADDRNOTAVAIL;
}

/**
 * The local address that a user means by `addr`: in a jail with one address the wildcard means that address, and 127.0.0.1 (`::1`) means the primary one.
 * For `::` that is so only with `v6only`: a socket that speaks IPv4 too keeps the wildcard, and hears what is for the jail's addresses.
 * Null with EADDRNOTAVAIL or EAFNOSUPPORT meant, as {@link prisonCheckAddr} says. Source: prison_local_ip4(), prison_local_ip6().
 * @public
 */
export function prisonLocalAddr(cred: Ucred, addr: InAddr, v6only: boolean = false): InAddr | null {
  const only = restriction(cred, addr.af);
  if (only === null) return addr;
  if (disabled(only)) return null;
  const primary = only.addrs[0] as InAddr;
  if (isAny(addr)) return only.addrs.length === 1 && (addr.af === AF_INET || v6only) ? primary : addr;
  if (only.addrs.some((a) => inAddrEqual(a, addr))) return addr;
  return isLocalhost(addr) ? primary : null;
}

/** The remote address that a user means: 127.0.0.1 (`::1`) means the jail's primary address. Null if the jail has none of the family. Source: prison_remote_ip4(). @public */
export function prisonRemoteAddr(cred: Ucred, addr: InAddr): InAddr | null {
  const only = restriction(cred, addr.af);
  if (only === null) return addr;
  if (disabled(only)) return null;
  return isLocalhost(addr) && !only.addrs.some((a) => inAddrEqual(a, addr)) ? (only.addrs[0] as InAddr) : addr;
}

/** The primary address of a user's jail: what an unbound socket sends from when its route suggests none that the jail has. Null if nothing restricts. Source: prison_get_ip4(). @public */
export function prisonGetAddr(cred: Ucred, af: number): InAddr | null {
  const only = restriction(cred, af);
  return only === null || disabled(only) ? null : (only.addrs[0] as InAddr);
}

/** Whether the primary address is to be taken whatever the route suggests (`ip4.saddrsel` off). Source: prison_saddrsel_ip4(). @public */
export function prisonPrimaryOnly(cred: Ucred, af: number): boolean {
  const only = restriction(cred, af);
  return only !== null && !disabled(only) && !only.saddrsel;
}

/** Whether a user's jail has a permission (`raw_sockets`, `reserved_ports`, ...); users of the host have all, and a stack of its own allows raw sockets. Source: prison_allow(), prison_priv_check(). @public */
export function prisonAllow(cred: Ucred, permission: string): boolean {
  const { jail } = cred;
  return jail === null || (permission === 'raw_sockets' && jail.ownsVnet) || jail.allow[permission] === true;
}
