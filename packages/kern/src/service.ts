/**
 * Typed name of an interface that one module of a kernel offers to others; a constant, no state.
 * Two keys of one name are the same service, so that two loaded copies of a contract package still meet.
 * @public
 */
export class ServiceKey<T> {
  /** Name, unique in a kernel. */
  readonly name: string;
  /** Carries the type only. */
  declare readonly type?: T;

  constructor(name: string) {
    this.name = name;
  }
}

interface Offer {
  readonly impl: unknown;
  readonly module: string;
}

/**
 * Services of one kernel, by name, each with the module that offers it.
 */
export class Services {
  private readonly offers: Map<string, Offer>;

  constructor() {
    this.offers = new Map();
  }

  provide<T>(key: ServiceKey<T>, impl: T, module: string): void {
    const other = this.offers.get(key.name);
    if (other !== undefined) {
      throw new Error(`EEXIST: service '${key.name}' of ${module || 'the kernel'} is already provided by ${other.module || 'the kernel'}`);
    }
    this.offers.set(key.name, { impl, module });
  }

  withdraw(name: string): void {
    this.offers.delete(name);
  }

  /** Withdraws all that `module` offers. */
  withdrawAll(module: string): void {
    for (const [name, offer] of this.offers) if (offer.module === module) this.offers.delete(name);
  }

  get<T>(key: ServiceKey<T>): T | null {
    const offer = this.offers.get(key.name);
    return offer === undefined ? null : (offer.impl as T);
  }
}
