import { PFIL_IN, PFIL_PASS, type PfilHook, type PfilHookArgs, type PfilMbufChk, type PfilPacket } from '@ns/pfil-kpi';

/**
 * A hook as pfil keeps it. Made by {@link PfilVnet.addHook}.
 * @public
 */
export class PfilHookEntry implements PfilHook {
  /** See `PfilHookArgs.modname` of pfil-kpi. */
  readonly modname: string;
  /** See `PfilHookArgs.rulname` of pfil-kpi. */
  readonly rulname: string;
  /** PFIL_TYPE_*. */
  readonly type: number;
  /** What runs. */
  readonly mbufChk: PfilMbufChk;
  /** Handed to `mbufChk`. */
  readonly ruleset: unknown;
  /** Chains that it is in. */
  links: number;
  /** Packets that it was shown. */
  packets: number;
  /** Packets that it let not go on. */
  dropped: number;

  constructor(args: PfilHookArgs) {
    this.modname = args.modname;
    this.rulname = args.rulname;
    this.type = args.type;
    this.mbufChk = args.mbufChk;
    this.ruleset = args.ruleset;
    this.links = 0;
    this.packets = 0;
    this.dropped = 0;
  }
}

/**
 * A place in a protocol where packets can be looked at: one in each vnet, made and kept by the protocol whether or not the module `pfil` is loaded. Test {@link PfilHead.nhooksin} or
 * {@link PfilHead.nhooksout} before {@link pfilRun}, so that a place without hooks costs one comparison.
 * Source: FreeBSD struct pfil_head.
 * @public
 */
export class PfilHead {
  /** PFIL_TYPE_*. */
  readonly type: number;
  /** PFIL_INET_NAME and its like; unique in a vnet. */
  readonly name: string;
  /** Hooks for packets that come in. */
  nhooksin: number;
  /** Hooks for packets that go out. */
  nhooksout: number;
  /** What became of the packet of the last {@link pfilRun}: PFIL_PASS, PFIL_DROPPED or PFIL_CONSUMED. Read it at once. */
  verdict: number;
  /** For `PfilPacket` of pfil-kpi. */
  readonly packet: PfilPacket;
  /** Called after hooks have come or gone; for owners that count them. */
  readonly changed: (() => void) | null;
  /** Replaced, never changed. */
  private chainIn: readonly PfilHookEntry[];
  private chainOut: readonly PfilHookEntry[];

  constructor(type: number, name: string, changed: (() => void) | null = null) {
    this.type = type;
    this.name = name;
    this.nhooksin = 0;
    this.nhooksout = 0;
    this.verdict = PFIL_PASS;
    this.packet = { m: null };
    this.changed = changed;
    this.chainIn = [];
    this.chainOut = [];
  }

  /** The hooks of a direction in the order in which they run; a later change makes a new list. */
  chain(dir: number): readonly PfilHookEntry[] {
    return (dir & PFIL_IN) !== 0 ? this.chainIn : this.chainOut;
  }

  /** For {@link PfilVnet} only. */
  setChain(dir: number, hooks: readonly PfilHookEntry[]): void {
    if ((dir & PFIL_IN) !== 0) {
      this.chainIn = hooks;
      this.nhooksin = hooks.length;
    } else {
      this.chainOut = hooks;
      this.nhooksout = hooks.length;
    }
    if (this.changed !== null) this.changed();
  }
}
