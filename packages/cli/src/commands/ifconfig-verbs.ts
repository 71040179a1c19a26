import { EADDRNOTAVAIL, ENXIO, EPERM, strerror } from '@ns/errno';
import { ifioctl, ifunit } from '@ns/ifnet';
import {
  IFCAP_JUMBO_MTU,
  IFCAP_LRO,
  IFCAP_NETCONS,
  IFCAP_POLLING,
  IFCAP_RXCSUM,
  IFCAP_RXCSUM_IPV6,
  IFCAP_TOE,
  IFCAP_TOE4,
  IFCAP_TOE6,
  IFCAP_TSO,
  IFCAP_TSO4,
  IFCAP_TSO6,
  IFCAP_TXCSUM,
  IFCAP_TXCSUM_IPV6,
  IFCAP_VLAN_HWCSUM,
  IFCAP_VLAN_HWFILTER,
  IFCAP_VLAN_HWTAGGING,
  IFCAP_VLAN_HWTSO,
  IFCAP_VLAN_MTU,
  IFCAP_WOL,
  IFF_DEBUG,
  IFF_LINK0,
  IFF_LINK1,
  IFF_LINK2,
  IFF_MONITOR,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_PPROMISC,
  IFF_STATICARP,
  IFF_UP,
  type IfReq,
  SIOCAIFADDR,
  SIOCAIFADDR_IN6,
  SIOCAIFGROUP,
  SIOCDIFADDR,
  SIOCDIFADDR_IN6,
  SIOCDIFGROUP,
  SIOCIFDESTROY,
  SIOCSIFCAP,
  SIOCSIFDESCR,
  SIOCSIFFIB,
  SIOCSIFFLAGS,
  SIOCSIFLLADDR,
  SIOCSIFMETRIC,
  SIOCSIFMTU,
  SIOCSIFNAME,
  SIOCSIFRVNET,
  SIOCSIFVNET,
} from '@ns/ifnet-kpi';
import { AF_INET6, type InAddr, parseEtherAddr } from '@ns/wire';
import { CliError, type CommandCtx, errx, jailByText, vnetOf } from '../shell/command.ts';
import { parseNumber } from '../shell/getopt.ts';
import { classPrefix, maskPrefix, parseHost } from '../text/args.ts';

/** The interface being configured, and the address that its arguments have put together so far. */
export interface IfconfigTarget {
  readonly ctx: CommandCtx;
  /** Changes with `name`. */
  name: string;
  family: 'inet' | 'inet6' | 'ether';
  addr: InAddr | null;
  dst: InAddr | null;
  broadcast: InAddr | null;
  prefixlen: number | null;
  lladdr: Uint8Array | null;
  /** IN6_IFF_* of an IPv6 address. */
  in6flags: number;
  /** Seconds for which an IPv6 address is valid; null: for ever. */
  vltime: number | null;
  /** Seconds for which it is preferred; null: for ever. */
  pltime: number | null;
  /** 1 alias, -1 -alias, 0 neither: the first address of the family gives way. */
  alias: number;
  /** Gone: destroyed or moved away. */
  gone: boolean;
}

/** A word of ifconfig(8): how many words belong to it, and what it does. */
export interface Verb {
  readonly args: number;
  run(t: IfconfigTarget, arg: string): void;
}

/** Makes a request and ends the command if it fails. Source: FreeBSD ifconfig, Perror(). */
export function request(t: IfconfigTarget, req: IfReq, what: string): void {
  const errno = ifioctl(vnetOf(t.ctx), req.cmd, req, t.ctx.cred);
  if (errno !== 0) fail(errno, what);
}

export function fail(errno: number, what: string): never {
  if (errno === ENXIO) throw new CliError(1, `ifconfig: ${what}: no such interface`);
  if (errno === EPERM) throw new CliError(1, `ifconfig: ${what}: permission denied`);
  throw new CliError(1, `ifconfig: ${what}: ${strerror(errno)}`);
}

function flag(bit: number, on: boolean): Verb {
  return {
    args: 0,
    run: (t) => {
      const ifp = ifunit(vnetOf(t.ctx), t.name);
      const flags = ifp === null ? 0 : ifp.flags;
      request(t, { cmd: SIOCSIFFLAGS, name: t.name, flags: on ? flags | bit : flags & ~bit }, 'ioctl (SIOCSIFFLAGS)');
    },
  };
}

/** Bits that the interface cannot do are left out without a word; so is what changes nothing. Source: FreeBSD ifconfig, setifcap(). */
function cap(bits: number, on: boolean): Verb {
  return {
    args: 0,
    run: (t) => {
      const ifp = ifunit(vnetOf(t.ctx), t.name);
      if (ifp === null) return fail(ENXIO, 'ioctl (SIOCGIFCAP)');
      const reqcap = (on ? ifp.capenable | bits : ifp.capenable & ~bits) & ifp.capabilities;
      if (reqcap !== ifp.capenable) request(t, { cmd: SIOCSIFCAP, name: t.name, reqcap }, 'ioctl (set interface caps)');
    },
  };
}

const number = (what: string, arg: string, min: number, max: number): number => parseNumber(arg, min, max) ?? errx('ifconfig', 1, `${what}: bad value`);

const CAPS: readonly (readonly [string, number])[] = [
  ['rxcsum', IFCAP_RXCSUM],
  ['txcsum', IFCAP_TXCSUM],
  ['rxcsum6', IFCAP_RXCSUM_IPV6],
  ['txcsum6', IFCAP_TXCSUM_IPV6],
  ['netcons', IFCAP_NETCONS],
  ['polling', IFCAP_POLLING],
  ['tso', IFCAP_TSO],
  ['tso4', IFCAP_TSO4],
  ['tso6', IFCAP_TSO6],
  ['lro', IFCAP_LRO],
  ['toe', IFCAP_TOE],
  ['toe4', IFCAP_TOE4],
  ['toe6', IFCAP_TOE6],
  ['wol', IFCAP_WOL],
  ['vlanmtu', IFCAP_VLAN_MTU],
  ['vlanhwtag', IFCAP_VLAN_HWTAGGING],
  ['vlanhwfilter', IFCAP_VLAN_HWFILTER],
  ['vlanhwcsum', IFCAP_VLAN_HWCSUM],
  ['vlanhwtso', IFCAP_VLAN_HWTSO],
  ['jumbomtu', IFCAP_JUMBO_MTU],
];

const FLAGS: readonly (readonly [string, number])[] = [
  ['debug', IFF_DEBUG],
  ['promisc', IFF_PPROMISC],
  ['link0', IFF_LINK0],
  ['link1', IFF_LINK1],
  ['link2', IFF_LINK2],
  ['monitor', IFF_MONITOR],
  ['staticarp', IFF_STATICARP],
];

const alias = (value: number): Verb => ({
  args: 0,
  run: (t) => {
    t.alias = value;
  },
});

const describe: Verb = { args: 1, run: (t, arg) => request(t, { cmd: SIOCSIFDESCR, name: t.name, descr: arg }, 'ioctl SIOCSIFDESCR (set descr)') };
const undescribe: Verb = { args: 0, run: (t) => request(t, { cmd: SIOCSIFDESCR, name: t.name, descr: '' }, 'ioctl SIOCSIFDESCR (unset descr)') };

const lladdr: Verb = {
  args: 1,
  run: (t, arg) => {
    t.lladdr = parseEtherAddr(arg) ?? errx('ifconfig', 1, `${arg}: malformed link-level address`);
  },
};

const groupName = (arg: string): string => (/[0-9]$/.test(arg) ? errx('ifconfig', 1, 'setifgroup: group names may not end in a digit') : arg);

const OTHERS: readonly (readonly [string, Verb])[] = [
  ['up', flag(IFF_UP, true)],
  ['down', flag(IFF_UP, false)],
  ['arp', flag(IFF_NOARP, false)],
  ['-arp', flag(IFF_NOARP, true)],
  ['alias', alias(1)],
  ['add', alias(1)],
  ['-alias', alias(-1)],
  ['delete', alias(-1)],
  ['remove', alias(-1)],
  ['descr', describe],
  ['description', describe],
  ['-descr', undescribe],
  ['-description', undescribe],
  ['ether', lladdr],
  ['lladdr', lladdr],
  ['link', lladdr],
  ['mtu', { args: 1, run: (t, arg) => request(t, { cmd: SIOCSIFMTU, name: t.name, mtu: number(arg, arg, 0, 0x7fffffff) }, 'ioctl SIOCSIFMTU (set mtu)') }],
  ['metric', { args: 1, run: (t, arg) => request(t, { cmd: SIOCSIFMETRIC, name: t.name, metric: number(arg, arg, -0x7fffffff, 0x7fffffff) }, 'ioctl SIOCSIFMETRIC (set metric)') }],
  [
    'fib',
    {
      args: 1,
      run: (t, arg) => {
        const fib = parseNumber(arg, 0, 65535) ?? errx('ifconfig', 1, `fib ${arg} not valid`);
        request(t, { cmd: SIOCSIFFIB, name: t.name, fib }, 'ioctl (SIOCSIFFIB)');
      },
    },
  ],
  [
    'name',
    {
      args: 1,
      run: (t, arg) => {
        request(t, { cmd: SIOCSIFNAME, name: t.name, newName: arg }, 'ioctl SIOCSIFNAME (set name)');
        t.name = arg;
      },
    },
  ],
  [
    'vnet',
    {
      args: 1,
      run: (t, arg) => {
        request(t, { cmd: SIOCSIFVNET, name: t.name, jid: jailByText('ifconfig', t.ctx, arg).jid }, 'SIOCSIFVNET');
        t.gone = true;
      },
    },
  ],
  ['-vnet', { args: 1, run: (t, arg) => request(t, { cmd: SIOCSIFRVNET, name: t.name, jid: jailByText('ifconfig', t.ctx, arg).jid }, `SIOCSIFRVNET (${t.name})`) }],
  ['group', { args: 1, run: (t, arg) => request(t, { cmd: SIOCAIFGROUP, name: t.name, group: groupName(arg) }, 'SIOCAIFGROUP') }],
  ['-group', { args: 1, run: (t, arg) => request(t, { cmd: SIOCDIFGROUP, name: t.name, group: groupName(arg) }, 'SIOCDIFGROUP') }],
  ['destroy', { args: 0, run: destroy }],
  ['unplumb', { args: 0, run: destroy }],
  [
    'netmask',
    {
      args: 1,
      run: (t, arg) => {
        const len = maskPrefix(arg);
        t.prefixlen = len < 0 ? errx('ifconfig', 1, `${arg}: bad value`) : len;
      },
    },
  ],
  [
    'prefixlen',
    {
      args: 1,
      run: (t, arg) => {
        t.prefixlen = parseNumber(arg, 0, t.family === 'inet6' ? 128 : 32) ?? errx('ifconfig', 1, `${arg}: bad value`);
      },
    },
  ],
  [
    'broadcast',
    {
      args: 1,
      run: (t, arg) => {
        t.broadcast = parseHost(arg) ?? errx('ifconfig', 1, `${arg}: bad value`);
      },
    },
  ],
];

function destroy(t: IfconfigTarget): void {
  request(t, { cmd: SIOCIFDESTROY, name: t.name }, 'SIOCIFDESTROY');
  t.gone = true;
}

/** The words that ifconfig knows. */
export function verbByName(name: string): Verb | null {
  for (const [word, verb] of OTHERS) if (word === name) return verb;
  const off = name.startsWith('-');
  const word = off ? name.slice(1) : name;
  for (const [n, bits] of CAPS) if (n === word) return cap(bits, !off);
  for (const [n, bit] of FLAGS) if (n === word) return flag(bit, !off);
  return null;
}

/** A word that is no verb: the address, then the far end. Source: FreeBSD ifconfig, setifaddr() and setifdstaddr(). */
export function takeAddress(t: IfconfigTarget, word: string): void {
  const slash = word.indexOf('/');
  const host = slash < 0 ? word : word.slice(0, slash);
  const a = parseHost(host, (name) => ifunit(vnetOf(t.ctx), name)?.index ?? 0);
  const six = a?.af === AF_INET6;
  if (a === null || six !== (t.family === 'inet6')) return errx('ifconfig', 1, `${word}: bad value`);
  if (slash >= 0) t.prefixlen = parseNumber(word.slice(slash + 1), 0, six ? 128 : 32) ?? errx('ifconfig', 1, `${word.slice(slash + 1)}: bad value`);
  if (t.addr === null) t.addr = a;
  else t.dst = a;
}

/** Does what the address words say, after all others. */
export function applyAddress(t: IfconfigTarget): void {
  const { name } = t;
  if (t.lladdr !== null) request(t, { cmd: SIOCSIFLLADDR, name, lladdr: t.lladdr }, 'ioctl (SIOCSIFLLADDR)');
  if (t.addr === null) return;
  const six = t.family === 'inet6';
  if (t.alias < 0) {
    request(t, { cmd: six ? SIOCDIFADDR_IN6 : SIOCDIFADDR, name, addr: t.addr }, 'ioctl (SIOCDIFADDR)');
    return;
  }
  // Without `alias` an IPv4 address takes the place of the first that there is.
  if (t.alias === 0 && !six) {
    const errno = ifioctl(vnetOf(t.ctx), SIOCDIFADDR, { cmd: SIOCDIFADDR, name }, t.ctx.cred);
    if (errno !== 0 && errno !== EADDRNOTAVAIL) fail(errno, 'ioctl (SIOCDIFADDR)');
  }
  const pointToPoint = ((ifunit(vnetOf(t.ctx), name)?.flags ?? 0) & IFF_POINTOPOINT) !== 0;
  const addr = {
    addr: t.addr,
    prefixlen: t.prefixlen ?? (six ? 64 : pointToPoint ? 32 : classPrefix(t.addr)),
    ...(t.broadcast !== null && { broadcast: t.broadcast }),
    ...(t.dst !== null && { dst: t.dst }),
    ...(six && t.in6flags !== 0 && { flags: t.in6flags }),
    ...(six && t.vltime !== null && { vltime: t.vltime }),
    ...(six && (t.pltime ?? t.vltime) !== null && { pltime: (t.pltime ?? t.vltime) as number }),
  };
  request(t, { cmd: six ? SIOCAIFADDR_IN6 : SIOCAIFADDR, name, addr }, 'ioctl (SIOCAIFADDR)');
  bringUp(t);
}

/** An interface that is given an address comes up. Source: FreeBSD ether_ioctl(), SIOCSIFADDR. */
function bringUp(t: IfconfigTarget): void {
  const ifp = ifunit(vnetOf(t.ctx), t.name);
  if (ifp === null || (ifp.flags & IFF_UP) !== 0) return;
  request(t, { cmd: SIOCSIFFLAGS, name: t.name, flags: ifp.flags | IFF_UP }, 'ioctl (SIOCSIFFLAGS)');
}
