import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM } from '@ns/errno';
import { type Kernel, LOG_ERR, RateLimit } from '@ns/kern';
import { MAC_MAX_SLOTS, MAC_POLICIES_EVENT, MAC_VERSION, type MacFramework, type MacHooks, type MacPolicy, type MacSlot, MPC_LOADTIME_FLAG_NOTLATE, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { compose } from './compose.ts';
import { PolicyEntry } from './entry.ts';
import { policyProblem } from './validate.ts';

/** security.mac.labeled: sockets have labels. Source: FreeBSD security/mac/mac_policy.h, MPC_OBJECT_SOCKET. */
const MPC_OBJECT_SOCKET = 0x10;

/**
 * The policies of one kernel.
 * Source: FreeBSD security/mac/mac_framework.c.
 */
export class Framework implements MacFramework {
  checks: MacHooks | null;
  /** security.mac.faults: answers of policies that were none. */
  faults: number;
  private readonly kernel: Kernel;
  private readonly slots: (MacSlot<unknown> | null)[];
  private readonly limit: RateLimit;
  private entries: readonly PolicyEntry[];

  constructor(kernel: Kernel) {
    this.checks = null;
    this.faults = 0;
    this.kernel = kernel;
    this.slots = new Array<MacSlot<unknown> | null>(MAC_MAX_SLOTS).fill(null);
    this.limit = new RateLimit();
    this.entries = [];
  }

  /** security.mac.version. */
  get version(): number {
    return MAC_VERSION;
  }

  /** security.mac.max_slots. */
  get maxSlots(): number {
    return MAC_MAX_SLOTS;
  }

  /** security.mac.labeled: kinds of objects that have labels, MPC_OBJECT_*. */
  get labeled(): number {
    return this.slots.some((s) => s !== null) ? MPC_OBJECT_SOCKET : 0;
  }

  policyRegister(policy: MacPolicy): number {
    const problem = policyProblem(policy);
    if (problem !== null) {
      this.kernel.log.err('mac', `policy ${String(policy.name)} ${problem}`);
      return EINVAL;
    }
    if (this.find(policy.name) !== null) return EEXIST;
    const flags = policy.loadtimeFlags ?? 0;
    if ((flags & MPC_LOADTIME_FLAG_NOTLATE) !== 0 && this.late()) {
      this.kernel.log.err('mac', `can't load ${policy.name} policy when there are sockets`);
      return EBUSY;
    }
    if (policy.slot !== undefined) {
      if (policy.slot.slotnum >= 0) return EINVAL;
      if (!this.allot(policy.slot)) return ENOMEM;
    }
    this.add(policy, flags);
    this.kernel.log.info('mac', `Security policy loaded: ${policy.fullname} (${policy.name})`);
    return 0;
  }

  policyDeregister(policy: MacPolicy, force: boolean = false): number {
    const entry = this.entries.find((e) => e.policy === policy);
    if (entry === undefined) return ENOENT;
    const stays = ((policy.loadtimeFlags ?? 0) & MPC_LOADTIME_FLAG_UNLOADOK) === 0;
    if (!force && (stays || entry.running.count > 0)) return EBUSY;
    entry.active = false;
    this.replace(this.entries.filter((e) => e !== entry));
    this.destroy(policy);
    if (policy.slot !== undefined) this.free(policy.slot);
    for (const lease of entry.leases) lease.release();
    this.kernel.log.info('mac', `Security policy unload: ${policy.fullname} (${policy.name})`);
    return 0;
  }

  find(name: string): MacPolicy | null {
    return this.entries.find((e) => e.policy.name === name)?.policy ?? null;
  }

  /** The module goes, and with it all policies, youngest first. */
  deregisterAll(): void {
    for (const e of [...this.entries].reverse()) this.policyDeregister(e.policy, true);
  }

  /** Enters the policy. It holds module `mac`, and its own if it may not be unloaded. */
  private add(policy: MacPolicy, flags: number): void {
    const { ledger } = this.kernel;
    const { name } = policy;
    const entry = new PolicyEntry(policy, ledger.account('machook', name, name));
    entry.leases.push(ledger.take('macpolicy', name, 'mac'));
    if ((flags & MPC_LOADTIME_FLAG_UNLOADOK) === 0) entry.leases.push(ledger.take('macpolicy', name, name));
    this.replace([...this.entries, entry]);
  }

  private replace(entries: readonly PolicyEntry[]): void {
    this.entries = entries;
    this.checks = entries.length === 0 ? null : compose(entries, (policy, hook, what) => this.fault(policy, hook, what));
    this.kernel.events.invoke(MAC_POLICIES_EVENT, null, this.checks);
  }

  /** Whether there are sockets already that a policy would never have labelled. Source: FreeBSD mac_late. */
  private late(): boolean {
    return this.kernel.vnets.list().some((vnet) => vnet.ledger.total('socket') > 0);
  }

  private allot(slot: MacSlot<unknown>): boolean {
    const i = this.slots.indexOf(null);
    if (i < 0) return false;
    this.slots[i] = slot;
    slot.assign(i);
    return true;
  }

  private free(slot: MacSlot<unknown>): void {
    this.slots[slot.slotnum] = null;
    slot.assign(-1);
  }

  private destroy(policy: MacPolicy): void {
    try {
      policy.destroy?.();
    } catch (e) {
      this.fault(policy, 'destroy', `threw: ${e instanceof Error ? e.message : typeof e}`);
    }
  }

  private fault(policy: MacPolicy, hook: string, what: string): void {
    this.faults++;
    this.kernel.log.ratelimited(this.limit, 1, LOG_ERR, 'mac', `policy ${policy.name}: ${hook} ${what}; refused`);
  }
}
