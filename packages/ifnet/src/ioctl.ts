import { EAFNOSUPPORT, EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENXIO, EOPNOTSUPP, EPERM } from '@ns/errno';
import {
  IFNAMSIZ,
  type IfReq,
  SIOCADDMULTI,
  SIOCAIFADDR,
  SIOCAIFADDR_IN6,
  SIOCAIFGROUP,
  SIOCDELMULTI,
  SIOCDIFADDR,
  SIOCDIFADDR_IN6,
  SIOCDIFGROUP,
  SIOCGDRVSPEC,
  SIOCGIFCAP,
  SIOCGIFDESCR,
  SIOCGIFFIB,
  SIOCGIFFLAGS,
  SIOCGIFGMEMB,
  SIOCGIFGROUP,
  SIOCGIFINDEX,
  SIOCGIFMEDIA,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCIFCREATE,
  SIOCIFCREATE2,
  SIOCIFDESTROY,
  SIOCIFGCLONERS,
  SIOCSDRVSPEC,
  SIOCSIFCAP,
  SIOCSIFDESCR,
  SIOCSIFFIB,
  SIOCSIFFLAGS,
  SIOCSIFLLADDR,
  SIOCSIFMEDIA,
  SIOCSIFMETRIC,
  SIOCSIFMTU,
  SIOCSIFNAME,
  SIOCSIFRVNET,
  SIOCSIFVNET,
} from '@ns/ifnet-kpi';
import { sameVnet, type Vnet } from '@ns/kern';
import type { Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { ifAddAddr, ifDelAddr } from './addr.ts';
import { ifVmove } from './attach.ts';
import { ifReqCap } from './caps.ts';
import { ifCloneCreate, ifCloneDestroy } from './clone.ts';
import { IFNET_CORE, type IfnetCore } from './core.ts';
import { IFNET_RENAME_EVENT } from './events.ts';
import { ifReqFlags } from './flags.ts';
import { ifAddGroup, ifDelGroup } from './group.ts';
import { ifMediaOf, ifReqMedia, ifReqMtu, ifSetLladdr } from './hw.ts';
import type { Ifnet } from './ifnet.ts';
import { mayConfigure, vnetOfJail } from './jail.ts';
import { ifReqAddMulti, ifReqDelMulti } from './multi.ts';
import { IFNET, ifunit } from './table.ts';

/** Requests that anybody may make. */
const GETS: ReadonlySet<number> = new Set<number>([
  SIOCGIFFLAGS, SIOCGIFMETRIC, SIOCGIFCAP, SIOCGIFINDEX, SIOCGIFDESCR, SIOCGIFMTU, SIOCGIFFIB, SIOCGIFMEDIA, SIOCIFGCLONERS, SIOCGIFGROUP, SIOCGIFGMEMB, SIOCGDRVSPEC,
]);

/**
 * A request about interfaces of `vnet`, as ifconfig makes it; get requests have their fields filled in. `cmd` is `req.cmd`. Returns an errno:
 * EPERM for a change by other than the superuser of the host or of a jail with a vnet, ENXIO for an interface that is not there, and what the request itself answers. Control path.
 * Source: FreeBSD ifioctl(), ifhwioctl().
 * @public
 */
export function ifioctl(vnet: Vnet, cmd: number, req: IfReq, cred: Ucred): number {
  if (cmd !== req.cmd) return EINVAL;
  sameVnet(cred.vnet, vnet, 'ifioctl: a credential');
  if (!GETS.has(cmd) && !mayConfigure(cred)) return EPERM;
  const core = vnet.kernel.service(IFNET_CORE);
  switch (req.cmd) {
    case SIOCIFCREATE:
    case SIOCIFCREATE2: {
      const made = ifCloneCreate(core, vnet, req.name, req.params);
      if (made.ifp !== null) req.created = made.ifp.name;
      return made.errno;
    }
    case SIOCIFDESTROY:
      return ifCloneDestroy(core, vnet, req.name);
    case SIOCIFGCLONERS:
      req.cloners = [...core.cloners.keys()].sort();
      return 0;
    case SIOCGIFGMEMB: {
      const members = IFNET.get(vnet).groups.get(req.group);
      if (members === undefined) return EINVAL;
      req.members = [...members].map((ifp) => ifp.name);
      return 0;
    }
    case SIOCSIFRVNET:
      return reclaim(vnet, req.name, req.jid, cred);
    default: {
      const ifp = ifunit(vnet, req.name);
      return ifp === null ? ENXIO : onInterface(core, ifp, req, cred);
    }
  }
}

/** Requests that name an interface. */
type NamedReq = Exclude<IfReq, { cmd: typeof SIOCIFCREATE | typeof SIOCIFCREATE2 | typeof SIOCIFDESTROY | typeof SIOCIFGCLONERS | typeof SIOCGIFGMEMB | typeof SIOCSIFRVNET }>;

function onInterface(core: IfnetCore, ifp: Ifnet, req: NamedReq, cred: Ucred): number {
  switch (req.cmd) {
    case SIOCSIFFLAGS:
      return ifReqFlags(ifp, req.flags);
    case SIOCSIFCAP:
      return ifReqCap(ifp, req.reqcap);
    case SIOCSIFMTU:
      return ifReqMtu(ifp, req.mtu);
    case SIOCSIFLLADDR:
      return ifSetLladdr(ifp, req.lladdr);
    case SIOCSIFMEDIA:
      return ifReqMedia(ifp, req.word);
    case SIOCSIFNAME:
      return rename(ifp, req.newName);
    case SIOCSIFDESCR:
      if (req.descr.length >= core.ifdescrMaxlen) return ENAMETOOLONG;
      ifp.descr = req.descr;
      return touched(ifp);
    case SIOCSIFMETRIC:
      ifp.metric = req.metric;
      return touched(ifp);
    case SIOCSIFFIB:
      if (!Number.isInteger(req.fib) || req.fib < 0 || req.fib >= IFNET.get(ifp.vnet).numfibs) return EINVAL;
      ifp.fib = req.fib;
      return 0;
    case SIOCSIFVNET:
      return lend(ifp, req.jid, cred);
    case SIOCAIFGROUP:
      return ifAddGroup(ifp, req.group);
    case SIOCDIFGROUP:
      return ifDelGroup(ifp, req.group);
    case SIOCADDMULTI:
      return ifReqAddMulti(ifp, req.lladdr);
    case SIOCDELMULTI:
      return ifReqDelMulti(ifp, req.lladdr);
    case SIOCSDRVSPEC:
    case SIOCGDRVSPEC:
      return driverSpec(ifp, req);
    default:
      return addresses(ifp, req);
  }
}

function addresses(ifp: Ifnet, req: NamedReq): number {
  switch (req.cmd) {
    case SIOCAIFADDR:
      return req.addr.addr.af === AF_INET ? ifAddAddr(ifp, req.addr) : EAFNOSUPPORT;
    case SIOCAIFADDR_IN6:
      return req.addr.addr.af === AF_INET6 ? ifAddAddr(ifp, req.addr) : EAFNOSUPPORT;
    case SIOCDIFADDR:
      return ifDelAddr(ifp, req.addr ?? null, AF_INET);
    case SIOCDIFADDR_IN6:
      return ifDelAddr(ifp, req.addr ?? null, AF_INET6);
    default:
      return getters(ifp, req);
  }
}

function getters(ifp: Ifnet, req: NamedReq): number {
  switch (req.cmd) {
    case SIOCGIFFLAGS:
      req.flags = ifp.flags;
      return 0;
    case SIOCGIFMETRIC:
      req.metric = ifp.metric;
      return 0;
    case SIOCGIFCAP:
      req.reqcap = ifp.capabilities;
      req.curcap = ifp.capenable;
      return 0;
    case SIOCGIFINDEX:
      req.index = ifp.index;
      return 0;
    case SIOCGIFDESCR:
      req.descr = ifp.descr;
      return 0;
    case SIOCGIFMTU:
      req.mtu = ifp.mtu;
      return 0;
    case SIOCGIFFIB:
      req.fib = ifp.fib;
      return 0;
    case SIOCGIFGROUP:
      req.groups = ifp.groups;
      return 0;
    case SIOCGIFMEDIA: {
      const answer = ifMediaOf(ifp);
      if (answer === null) return EOPNOTSUPP;
      req.media = answer.media;
      req.status = answer.status;
      return 0;
    }
    default:
      return EOPNOTSUPP;
  }
}

/** The driver reads and writes `data` in a record of its own; what it left there is handed back. */
function driverSpec(ifp: Ifnet, req: { readonly cmd: typeof SIOCSDRVSPEC | typeof SIOCGDRVSPEC; readonly spec: number; data: unknown }): number {
  const inner = { cmd: req.cmd, spec: req.spec, data: req.data };
  const errno = ifp.ops.ioctl(ifp.handle, req.cmd, inner);
  if (errno === 0) req.data = inner.data;
  return errno;
}

function touched(ifp: Ifnet): number {
  ifp.lastchangeUs = ifp.core.kernel.host.clock.nowUs();
  return 0;
}

/** SIOCSIFNAME. EINVAL for an empty name, ENAMETOOLONG, EEXIST; the same name is success. Source: FreeBSD if_rename(). */
function rename(ifp: Ifnet, name: string): number {
  if (name === '') return EINVAL;
  if (name.length >= IFNAMSIZ) return ENAMETOOLONG;
  if (name === ifp.name) return 0;
  const table = IFNET.get(ifp.vnet);
  if (table.byName.has(name)) return EEXIST;
  const old = ifp.name;
  ifp.vnet.log.info(old, `changing name to '${name}'`);
  table.rename(ifp, name);
  if (ifp.bpfIf !== null) ifp.bpfIf.name = name;
  ifp.core.kernel.events.invoke(IFNET_RENAME_EVENT, ifp.vnet, ifp, old);
  return touched(ifp);
}

/**
 * SIOCSIFVNET: lends an interface to the vnet of a jail. ENXIO: no such jail below the caller's; EEXIST: it is there already, or its name is; EBUSY: either vnet is being
 * destroyed; EINVAL: the loopback interface, which a vnet cannot be without. Source: FreeBSD if_vmove_loan().
 */
function lend(ifp: Ifnet, jid: number, cred: Ucred): number {
  const target = vnetOfJail(cred, jid);
  if (target === null) return ENXIO;
  if (target === ifp.vnet || ifunit(target, ifp.name) !== null) return EEXIST;
  return move(ifp, target);
}

/** SIOCSIFRVNET: takes an interface back from the vnet of a jail into the caller's. Errors as {@link lend}. Source: FreeBSD if_vmove_reclaim(). */
function reclaim(vnet: Vnet, name: string, jid: number, cred: Ucred): number {
  const from = vnetOfJail(cred, jid);
  if (from === null) return ENXIO;
  if (from === vnet || ifunit(vnet, name) !== null) return EEXIST;
  const ifp = ifunit(from, name);
  return ifp === null ? ENXIO : move(ifp, vnet);
}

function move(ifp: Ifnet, target: Vnet): number {
  if (IFNET.get(ifp.vnet).loif === ifp) return EINVAL;
  if (ifp.vnet.shutdown || target.shutdown) return EBUSY;
  return ifVmove(ifp, target);
}
