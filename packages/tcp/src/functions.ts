import { EALREADY, EBUSY, EINVAL, ENOENT, EPERM } from '@ns/errno';
import { inPcbForeach } from '@ns/inpcb';
import type { Kernel } from '@ns/kern';
import { TCP_FUNCTION_NAME_LEN_MAX, TCP_FUNCTIONS, type TcpDeregisterOptions, type TcpFunctionBlock, type TcpFunctionInfo, type TcpFunctions } from '@ns/tcp-kpi';
import { fbStop } from './fbswitch.ts';
import { TCP, type TcpVnet } from './tcp-vnet.ts';
import { Tcpcb, TF2_DISCARDED } from './tcpcb.ts';

/** Name of the block that is always there. */
export const DEFAULT_NAME = 'freebsd';

/**
 * The stack that is built in. It is not written against the seam that other blocks use, since that needs a record of each segment sent: its scoreboard of holes costs nothing while
 * nothing is lost. `tp.rec` is null for its connections, and each place that asks costs them one test.
 * Source: FreeBSD tcp_subr.c, tcp_def_funcblk.
 */
export const defaultBlock: TcpFunctionBlock = Object.freeze({
  name: DEFAULT_NAME,
  handoffOk: () => 0,
  init: () => EINVAL, // never called: it has no state
});

/** One name of a block. */
interface Entry {
  readonly alias: string;
  readonly block: TcpFunctionBlock;
}

const nameOk = (name: string): boolean => name.length > 0 && name.length < TCP_FUNCTION_NAME_LEN_MAX;

/** The function blocks of one kernel. Source: FreeBSD tcp_subr.c, t_functions. */
export class FunctionRegistry implements TcpFunctions {
  readonly kernel: Kernel;
  /** The one that is always there. */
  readonly builtin: TcpFunctionBlock;
  private entries: readonly Entry[];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.builtin = defaultBlock;
    this.entries = [{ alias: DEFAULT_NAME, block: defaultBlock }];
  }

  /** @see {@link TcpFunctions.register} */
  register(block: TcpFunctionBlock): number {
    const names = [block.name, ...(block.aliases ?? [])];
    if (!names.every(nameOk)) return EINVAL;
    if (new Set(names).size < names.length || names.some((n) => this.find(n) !== null) || this.entries.some((e) => e.block === block)) return EALREADY;
    this.entries = [...this.entries, ...names.map((alias) => ({ alias, block }))];
    return 0;
  }

  /** @see {@link TcpFunctions.deregister} */
  deregister(block: TcpFunctionBlock, options: TcpDeregisterOptions = {}): number {
    if (block === defaultBlock) return EPERM;
    if (!this.entries.some((e) => e.block === block)) return ENOENT;
    const force = options.force === true;
    if (!force && (this.isDefault(block) || this.users().has(block))) return EBUSY;
    if (options.quiesce === true) return 0;
    if (force) this.evict(block);
    this.entries = this.entries.filter((e) => e.block !== block);
    return 0;
  }

  /** @see {@link TcpFunctions.find} */
  find(name: string): TcpFunctionBlock | null {
    return this.entries.find((e) => e.alias === name)?.block ?? null;
  }

  /** @see {@link TcpFunctions.available} */
  available(): TcpFunctionInfo[] {
    const users = this.users();
    return this.entries.map((e) => ({ name: e.block.name, alias: e.alias, pcbs: users.get(e.block) ?? 0 }));
  }

  /** Connections and sockets that use `block`. */
  pcbs(block: TcpFunctionBlock): number {
    return this.users().get(block) ?? 0;
  }

  private isDefault(block: TcpFunctionBlock): boolean {
    let found = false;
    this.forEachVnet((v) => {
      if (v.fbDefault === block) found = true;
    });
    return found;
  }

  private users(): Map<TcpFunctionBlock, number> {
    const users = new Map<TcpFunctionBlock, number>();
    this.forEachTcpcb((tp) => users.set(tp.fb, (users.get(tp.fb) ?? 0) + 1));
    return users;
  }

  /** Moves defaults and connections to the built-in stack. Source: FreeBSD tcp_switch_back_to_default(). */
  private evict(block: TcpFunctionBlock): void {
    this.forEachVnet((v) => {
      if (v.fbDefault === block) v.fbDefault = defaultBlock;
    });
    this.forEachTcpcb((tp) => {
      if (tp.fb !== block) return;
      tp.fb = defaultBlock;
      fbStop(tp);
    });
  }

  private forEachVnet(fn: (v: TcpVnet) => void): void {
    this.kernel.vnets.forEach((vnet) => fn(TCP.get(vnet)));
  }

  private forEachTcpcb(fn: (tp: Tcpcb) => void): void {
    this.forEachVnet((v) => {
      inPcbForeach(v.pcbinfo, (inp) => {
        const tp = inp.ppcb;
        if (tp instanceof Tcpcb && (tp.flags2 & TF2_DISCARDED) === 0) fn(tp);
      });
    });
  }
}

/** The registry of a kernel. */
export function functionsOf(kernel: Kernel): FunctionRegistry {
  return kernel.service(TCP_FUNCTIONS) as FunctionRegistry;
}
