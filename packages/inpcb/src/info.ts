import type { LedgerAccount, Vnet } from '@ns/kern';
import { CTLFLAG_RWTUN, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { INET } from './inet.ts';
import type { Inpcb } from './pcb.ts';
import { LbGroups } from './lbgroup.ts';
import { HashTables, type PcbTables } from './tables.ts';

/** What {@link inPcbInfoInit} may be told. @public */
export interface InpcbInfoOptions {
  /** How pcbs are found; default: open-addressing hash tables with a seed of the kernel's. */
  readonly tables?: PcbTables;
  /** Port choice for connections follows net.inet.ip.portrange.randomcps (TCP); others are always random. */
  readonly countPortAllocs?: boolean;
  /** Slots that the hash tables of connected pcbs, one for each family, begin with and never fall below: a power of two. They grow by themselves, so it spares that only. */
  readonly hashSize?: number;
}

/** Counters of one set of pcbs. @public */
export interface InpcbStat {
  /** References that turned out to be of a pcb freed meanwhile: see {@link inPcbValid}. */
  stalerefs: number;
  /** Ports chosen by the stack. */
  portAllocs: number;
  /** Port choices that found the whole range taken. */
  portExhausted: number;
}

/**
 * All pcbs of one protocol in one vnet: the list, the lookup tables, the load-balancing groups.
 * Source: FreeBSD in_pcb.h, struct inpcbinfo.
 * @public
 */
export class InpcbInfo {
  /** Protocol, `tcp`: the diagnostic name, unique in a vnet. */
  readonly name: string;
  /** Name in the ledger, `tcp_inpcb`. */
  readonly zone: string;
  /** The vnet that it is of. */
  readonly vnet: Vnet;
  /** Pcbs that exist. */
  count: number;
  /** Moves on with each pcb made or freed. */
  gencnt: number;
  /** The pcbs, in no order; see {@link inPcbForeach}. */
  readonly list: Inpcb[];
  /** net.inet.*.bind_all_fibs: an unconnected pcb takes packets of all routing tables; else of its own only, and a binding is in the way of those in the same table only. */
  bindAllFibs: boolean;
  /** Lookup tables. */
  readonly tables: PcbTables;
  /** SO_REUSEPORT_LB groups. */
  readonly lbgroups: LbGroups;
  /** Last port chosen from the default range. */
  lastport: number;
  /** Last port chosen from the low range. */
  lastlow: number;
  /** Last port chosen from the high range. */
  lasthi: number;
  /** See {@link InpcbInfoOptions.countPortAllocs}. */
  readonly countPortAllocs: boolean;
  /** Counters. */
  readonly stat: InpcbStat;
  /** Its line in the vnet's ledger. */
  readonly account: LedgerAccount;

  /** For {@link inPcbInfoInit}. */
  constructor(vnet: Vnet, name: string, zone: string, tables: PcbTables, lbSeed: number, countPortAllocs: boolean) {
    this.name = name;
    this.zone = zone;
    this.vnet = vnet;
    this.count = 0;
    this.gencnt = 0;
    this.list = [];
    this.bindAllFibs = true;
    this.tables = tables;
    this.lbgroups = new LbGroups(lbSeed);
    this.lastport = 0;
    this.lastlow = 0;
    this.lasthi = 0;
    this.countPortAllocs = countPortAllocs;
    this.stat = { stalerefs: 0, portAllocs: 0, portExhausted: 0 };
    this.account = vnet.ledger.account('pcb', zone);
  }
}

/**
 * Makes the set of pcbs of a protocol and enters it in the vnet's registry (`INET.get(vnet).infos`), which diagnostics walk.
 * Throws when the vnet has one of that name.
 * Source: FreeBSD in_pcb.c, in_pcbinfo_init().
 * @public
 */
export function inPcbInfoInit(vnet: Vnet, name: string, zone: string, options: InpcbInfoOptions = {}): InpcbInfo {
  const infos = INET.get(vnet).infos;
  if (infos.some((i) => i.name === name || i.zone === zone)) throw new Error(`inpcb: a set of pcbs called ${name} (${zone}) exists`);
  const random = vnet.kernel.random;
  const tables = options.tables ?? new HashTables(random.u32(), random.u32(), random.u32(), random.u32(), options.hashSize);
  const info = new InpcbInfo(vnet, name, zone, tables, random.u32(), options.countPortAllocs === true);
  infos.push(info);
  return info;
}

/**
 * The sysctl `bind_all_fibs` of a protocol whose pcbs are a set. Source: FreeBSD in_pcb.h, INPLOOKUP_FIB, as tcp_input() and udp_input() use it.
 * @public
 */
export function inPcbInfoSysctl(prefix: string, of: (req: SysctlReq<Vnet>) => InpcbInfo): SysctlDecl<Vnet> {
  return sysctlVars<Vnet, InpcbInfo>(prefix, of, CTLFLAG_VNET).bool('bind_all_fibs', 'bindAllFibs', CTLFLAG_RWTUN, 'Bound sockets receive traffic from all FIBs');
}

/**
 * Takes a set of pcbs apart. Throws when there are pcbs left: whoever destroys a protocol has freed them.
 * Source: FreeBSD in_pcb.c, in_pcbinfo_destroy().
 * @public
 */
export function inPcbInfoDestroy(info: InpcbInfo): void {
  if (info.count !== 0 || info.list.length !== 0) throw new Error(`inpcb: ${info.name} destroyed with ${info.count} pcbs left`);
  if (info.tables.size !== 0 || info.lbgroups.size !== 0) throw new Error(`inpcb: ${info.name} destroyed with entries in its tables`);
  const infos = INET.get(info.vnet).infos;
  const i = infos.indexOf(info);
  if (i >= 0) infos.splice(i, 1);
}

/**
 * Calls `fn` for each pcb that existed when the walk began and still does when its turn comes; `fn` may make and free pcbs.
 * @public
 */
export function inPcbForeach(info: InpcbInfo, fn: (inp: Inpcb) => void): void {
  const gen = info.gencnt;
  const seen = info.list.slice();
  for (let i = seen.length - 1; i >= 0; i--) {
    const inp = seen[i] as Inpcb;
    if (inp.listIndex >= 0 && ((inp.gencnt - gen) | 0) <= 0) fn(inp);
  }
}
