import type { Lease, Ledger } from './ledger.ts';
import type { Vnet } from './vnet.ts';

/** Priority of an event handler that must run before others. @public */
export const EVENTHANDLER_PRI_FIRST = 0;
/** Priority of an event handler that does not mind. @public */
export const EVENTHANDLER_PRI_ANY = 10000;
/** Priority of an event handler that must run after others. @public */
export const EVENTHANDLER_PRI_LAST = 20000;

/**
 * Typed name of an event, such as `ifnet_arrival_event`; a constant, no state. Two keys of the same name are the same event.
 * @public
 */
export class EventKey<Args extends readonly unknown[]> {
  /** FreeBSD's name. */
  readonly name: string;
  /** Carries the type only. */
  declare readonly args?: Args;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * How a handler wants to be called.
 * @public
 */
export interface EventOptions {
  /** EVENTHANDLER_PRI_*; lower runs first, ties in order of registration. Default EVENTHANDLER_PRI_ANY. */
  readonly priority?: number;
  /** Only events of this vnet; the registration is then a lease of that vnet. Default: events of all vnets and of the kernel. */
  readonly vnet?: Vnet;
  /** Who listens, for the ledger. Default: the event's name. */
  readonly owner?: string;
}

/**
 * A registration, to be given back to {@link EventHandlers.deregister}.
 * @public
 */
export interface EventTag {
  /** Name of the event. */
  readonly event: string;
  /** The vnet whose events are wanted; null for all. */
  readonly vnet: Vnet | null;
}

type Handler = (...args: readonly unknown[]) => void;

class Registration implements EventTag {
  readonly event: string;
  readonly priority: number;
  readonly vnet: Vnet | null;
  readonly lease: Lease;
  /** Null once deregistered. */
  fn: Handler | null;

  constructor(event: string, priority: number, vnet: Vnet | null, lease: Lease, fn: Handler) {
    this.event = event;
    this.priority = priority;
    this.vnet = vnet;
    this.lease = lease;
    this.fn = fn;
  }
}

/**
 * Event handler lists of a kernel. Control path: interfaces come and go, links change.
 *
 * Each list is replaced when it changes, so that handlers may register and deregister during an event: those added do not see it, those removed
 * do not see it any more. Source: FreeBSD subr_eventhandler.c.
 * @public
 */
export class EventHandlers {
  private readonly lists: Map<string, readonly Registration[]>;
  private readonly ledger: Ledger;
  private readonly registered: (undo: () => void) => void;

  /** `registered` is told of each registration, with a function that takes it back. */
  constructor(ledger: Ledger, registered: (undo: () => void) => void) {
    this.lists = new Map();
    this.ledger = ledger;
    this.registered = registered;
  }

  /** Adds a handler. The lease (kind `eventhandler`) is of the vnet that it filters for, else of the kernel. */
  register<Args extends readonly unknown[]>(key: EventKey<Args>, fn: NoInfer<(...args: Args) => void>, options: EventOptions = {}): EventTag {
    const vnet = options.vnet ?? null;
    const lease = (vnet === null ? this.ledger : vnet.ledger).take('eventhandler', options.owner ?? key.name);
    const tag = new Registration(key.name, options.priority ?? EVENTHANDLER_PRI_ANY, vnet, lease, fn as unknown as Handler);
    const list = this.lists.get(key.name) ?? [];
    let at = list.length;
    while (at > 0 && (list[at - 1] as Registration).priority > tag.priority) at--;
    this.lists.set(key.name, [...list.slice(0, at), tag, ...list.slice(at)]);
    this.registered(() => this.deregister(tag));
    return tag;
  }

  /** Removes a handler; a second time does nothing. */
  deregister(tag: EventTag): void {
    if (!(tag instanceof Registration) || tag.fn === null) return;
    tag.fn = null;
    tag.lease.release();
    const rest = (this.lists.get(tag.event) ?? []).filter((t) => t !== tag);
    if (rest.length === 0) this.lists.delete(tag.event);
    else this.lists.set(tag.event, rest);
  }

  /** Calls the handlers of an event that happened in `vnet` (null: in the kernel as a whole) in order of priority. */
  invoke<Args extends readonly unknown[]>(key: EventKey<Args>, vnet: Vnet | null, ...args: Args): void {
    const list = this.lists.get(key.name);
    if (list === undefined) return;
    for (const tag of list) {
      if (tag.fn === null || (tag.vnet !== null && tag.vnet !== vnet)) continue;
      tag.fn(...args);
    }
  }

  /** Handlers of an event. */
  count(key: EventKey<readonly unknown[]>): number {
    return this.lists.get(key.name)?.length ?? 0;
  }
}
