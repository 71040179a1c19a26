/**
 * One line of a ledger's report: how many leases of a kind and name are out.
 * @public
 */
export interface LedgerRow {
  /** What was taken: `callout`, `socket`, `hook`, `mbuf`, `ifnet`, `zone`, `pcb`, `service`, `eventhandler` ... */
  readonly kind: string;
  /** Who took it, or which one it is; begins with the name of the module that took it where there is one (`tcp`, `tcp.hostcache`). */
  readonly name: string;
  /** The module that cannot be unloaded while the lease is out; empty if none is concerned. */
  readonly module: string;
  /** Leases out now; never 0 in a report. */
  readonly count: number;
}

/**
 * One account of a {@link Ledger}. For those who take and give back often: each is one addition and nothing is allocated.
 * @public
 */
export class LedgerAccount {
  /** See {@link LedgerRow.kind}. */
  readonly kind: string;
  /** See {@link LedgerRow.name}. */
  readonly name: string;
  /** See {@link LedgerRow.module}. */
  readonly module: string;
  /** Leases out now. */
  count: number;

  constructor(kind: string, name: string, module: string) {
    this.kind = kind;
    this.name = name;
    this.module = module;
    this.count = 0;
  }

  /** One more. */
  take(): void {
    this.count++;
  }

  /** One less. Giving back what was not taken is a broken invariant: throws. */
  release(): void {
    if (this.count <= 0) throw new Error(`ledger: ${this.kind} ${this.name} given back more often than taken`);
    this.count--;
  }
}

/**
 * What {@link Ledger.take} gives: release it once.
 * @public
 */
export class Lease {
  private account: LedgerAccount | null;
  private readonly settled: (account: LedgerAccount) => void;

  /** `settled` is called with the account when it is at 0 again. */
  constructor(account: LedgerAccount, settled: (account: LedgerAccount) => void) {
    this.account = account;
    this.settled = settled;
    account.take();
  }

  /** Whether the lease is still out. */
  get held(): boolean {
    return this.account !== null;
  }

  /** Gives the lease back. A second call is a broken invariant: throws. */
  release(): void {
    const account = this.account;
    if (account === null) throw new Error('ledger: lease released twice');
    this.account = null;
    account.release();
    if (account.count === 0) this.settled(account);
  }
}

/**
 * What a kernel or a vnet has given out and not got back, by kind and name.
 *
 * Unloading a module asks the ledgers who still uses it; destroying a vnet must leave its ledger empty; leak tests read it.
 * @public
 */
export class Ledger {
  private readonly accounts: Map<string, LedgerAccount>;
  /** Accounts that somebody has asked for by {@link Ledger.account} and may hold: they stay when they are at 0. */
  private readonly held: Set<LedgerAccount>;
  private readonly settled: (account: LedgerAccount) => void;

  constructor() {
    this.accounts = new Map();
    this.held = new Set();
    this.settled = (account): void => {
      if (!this.held.has(account)) this.accounts.delete(keyOf(account.kind, account.name, account.module));
    };
  }

  /**
   * The account of (kind, name), made if it is new. With `module`, that module cannot be unloaded while the account is not at 0: for users of a
   * module (a socket of tcp, a connection's congestion control), not for what the module itself gives back in its exit functions.
   */
  account(kind: string, name: string, module = ''): LedgerAccount {
    const account = this.find(kind, name, module);
    this.held.add(account);
    return account;
  }

  /** Enters one lease; see {@link Ledger.account} for `module`. Control path: looks the account up and allocates the lease. */
  take(kind: string, name: string, module = ''): Lease {
    return new Lease(this.find(kind, name, module), this.settled);
  }

  private find(kind: string, name: string, module: string): LedgerAccount {
    const key = keyOf(kind, name, module);
    let account = this.accounts.get(key);
    if (account === undefined) {
      account = new LedgerAccount(kind, name, module);
      this.accounts.set(key, account);
    }
    return account;
  }

  /** What is out, sorted by kind, then name. */
  report(): LedgerRow[] {
    const rows: LedgerRow[] = [];
    for (const a of this.accounts.values()) {
      if (a.count !== 0) rows.push({ kind: a.kind, name: a.name, module: a.module, count: a.count });
    }
    return rows.sort((x, y) => compare(x.kind, y.kind) || compare(x.name, y.name) || compare(x.module, y.module));
  }

  /** Leases out, optionally of one kind only. */
  total(kind?: string): number {
    let n = 0;
    for (const a of this.accounts.values()) if (kind === undefined || a.kind === kind) n += a.count;
    return n;
  }

  /** Whether nothing is out. */
  isEmpty(): boolean {
    for (const a of this.accounts.values()) if (a.count !== 0) return false;
    return true;
  }
}

/** Puts rows into words: `2 socket tcp4, 1 hook ertt`. @public */
export function describeRows(rows: readonly LedgerRow[]): string {
  return rows.map((r) => `${r.count} ${r.kind} ${r.name}`).join(', ');
}

function keyOf(kind: string, name: string, module: string): string {
  return `${kind}\0${name}\0${module}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
