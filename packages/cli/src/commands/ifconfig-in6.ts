import { EPERM, EPFNOSUPPORT } from '@ns/errno';
import { ifunit } from '@ns/ifnet';
import {
  IN6_IFF_ANYCAST,
  IN6_IFF_DEPRECATED,
  IN6_IFF_PREFER_SOURCE,
  in6Ifinfo,
  ND6_IFF_ACCEPT_RTADV,
  ND6_IFF_AUTO_LINKLOCAL,
  ND6_IFF_IFDISABLED,
  ND6_IFF_NO_DAD,
  ND6_IFF_NO_PREFER_IFACE,
  ND6_IFF_NO_RADR,
  ND6_IFF_PERFORMNUD,
  ND6_IFF_PREFER_SOURCE,
  ND6_IFF_STABLEADDR,
} from '@ns/ip6';
import { nd6DefaultIface, nd6SetDefaultIface, nd6SetIfinfo } from '@ns/nd6';
import { errx, vnetOf } from '../shell/command.ts';
import { parseNumber } from '../shell/getopt.ts';
import { fail, type IfconfigTarget, type Verb } from './ifconfig-verbs.ts';

/** Flags of neighbour discovery on an interface. Source: FreeBSD ifconfig/af_nd6.c, af_inet6.c. */
const ND6_FLAGS: readonly (readonly [string, number])[] = [
  ['accept_rtadv', ND6_IFF_ACCEPT_RTADV],
  ['auto_linklocal', ND6_IFF_AUTO_LINKLOCAL],
  ['ifdisabled', ND6_IFF_IFDISABLED],
  ['no_dad', ND6_IFF_NO_DAD],
  ['no_prefer_iface', ND6_IFF_NO_PREFER_IFACE],
  ['no_radr', ND6_IFF_NO_RADR],
  ['nud', ND6_IFF_PERFORMNUD],
  ['stableaddr', ND6_IFF_STABLEADDR],
];

/** Flags of an IPv6 address that is about to be added. */
const IN6_FLAGS: readonly (readonly [string, number])[] = [
  ['anycast', IN6_IFF_ANYCAST],
  ['deprecated', IN6_IFF_DEPRECATED],
  ['prefer_source', IN6_IFF_PREFER_SOURCE],
];

/** Source: FreeBSD ifconfig/af_nd6.c, setnd6flags(). */
function setNd6(t: IfconfigTarget, bit: number, on: boolean): void {
  const ifp = ifunit(vnetOf(t.ctx), t.name);
  if (t.ctx.cred.jail !== null && !t.ctx.cred.jail.ownsVnet) fail(EPERM, 'ioctl(SIOCSIFINFO_IN6)');
  if (ifp === null || in6Ifinfo(ifp)?.ip6v.nd == null) return fail(EPFNOSUPPORT, 'ioctl(SIOCSIFINFO_IN6)');
  const errno = nd6SetIfinfo(ifp, on ? { set: bit } : { clear: bit });
  if (errno !== 0) fail(errno, 'ioctl(SIOCSIFINFO_IN6)');
}

/** The interface that stands in for a default router. Source: FreeBSD ifconfig/af_nd6.c, setnd6defif(). */
function setDefif(t: IfconfigTarget, on: boolean): void {
  const vnet = vnetOf(t.ctx);
  const ifp = ifunit(vnet, t.name);
  if (t.ctx.cred.jail !== null && !t.ctx.cred.jail.ownsVnet) fail(EPERM, 'ioctl(SIOCSDEFIFACE_IN6)');
  if (ifp === null || in6Ifinfo(ifp)?.ip6v.nd == null) return fail(EPFNOSUPPORT, 'ioctl(SIOCSDEFIFACE_IN6)');
  if (!on && nd6DefaultIface(vnet) !== ifp) return;
  const errno = nd6SetDefaultIface(vnet, on ? ifp : null);
  if (errno !== 0) fail(errno, 'ioctl(SIOCSDEFIFACE_IN6)');
}

const lifetime = (field: 'vltime' | 'pltime'): Verb => ({
  args: 1,
  run: (t, arg) => {
    t[field] = arg === 'infty' ? null : (parseNumber(arg, 0, 0xfffffffe) ?? errx('ifconfig', 1, `invalid ${field}: ${arg}`));
  },
});

/** A word about IPv6, or null if it is none. `prefer_source` is of the address if one is being added, else of the interface. */
export function in6VerbByName(name: string): Verb | null {
  const off = name.startsWith('-');
  const word = off ? name.slice(1) : name;
  if (name === 'vltime' || name === 'pltime') return lifetime(name);
  if (word === 'defaultif') return { args: 0, run: (t) => setDefif(t, !off) };
  for (const [n, bit] of ND6_FLAGS) if (n === word) return { args: 0, run: (t) => setNd6(t, bit, !off) };
  for (const [n, bit] of IN6_FLAGS) if (n === word) return { args: 0, run: (t) => addressFlag(t, bit, !off) };
  return null;
}

function addressFlag(t: IfconfigTarget, bit: number, on: boolean): void {
  if (t.addr === null && bit === IN6_IFF_PREFER_SOURCE) {
    setNd6(t, ND6_IFF_PREFER_SOURCE, on);
    return;
  }
  t.in6flags = on ? t.in6flags | bit : t.in6flags & ~bit;
}
