import { NetError } from '@ns/errno';
import { ifioctl } from '@ns/ifnet';
import { type IfReq, SIOCIFCREATE, SIOCSIFVNET } from '@ns/ifnet-kpi';
import { type Host, Kernel, MODULE_PATH, type ModuleDecl, modulePath, type ShutdownReport } from '@ns/kern';
import { JAIL_CREATE, type JailParams, JAILS } from '@ns/vnet';
import { defaultModules } from './modules.ts';
import { platformHost, type PlatformHostOptions } from './platform-host.ts';
import { check, StackJail } from './stack-jail.ts';

/**
 * What {@link createStack} may be told.
 * @public
 */
export interface StackOptions extends PlatformHostOptions {
  /** Time, randomness and scheduling; the platform's by default, `virtualHost()` of `@ns/kern` for tests and simulation. */
  readonly host?: Host;
  /** The modules to load, in any order that their dependencies allow; {@link defaultModules} by default. */
  readonly modules?: readonly ModuleDecl[];
  /** Secret of stable IPv6 addresses (RFC 7217), at least 16 bytes, for the default modules; drawn when it is left out. */
  readonly nd6Secret?: Uint8Array;
  /** Modules besides those. */
  readonly extra?: readonly ModuleDecl[];
  /** Modules that are not loaded, but may be by name: with those above they are what `kldload` finds. */
  readonly available?: readonly ModuleDecl[];
}

/**
 * Names of the two ends of a link.
 * @public
 */
export interface StackLink {
  /** Interface in the first jail. */
  readonly a: string;
  /** Interface in the second. */
  readonly b: string;
}

/**
 * A kernel with a stack in it, and the few calls that most programs begin with.
 * @public
 */
export class Stack {
  /** The kernel: modules, sysctls, vnets. */
  readonly kernel: Kernel;
  /** The host: vnet0 and its superuser. */
  readonly host: StackJail;

  /** For {@link createStack}. */
  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.host = new StackJail(kernel, null, kernel.service(JAILS).cred);
  }

  /** Makes a jail; with `vnet: 'new'` it has a stack of its own. It lives until it is removed. Parameters as jail(8) has them. Throws EEXIST, EINVAL. */
  jail(params: JailParams): StackJail {
    const r = this.kernel.service(JAILS).jailSet({ persist: true, ...params }, JAIL_CREATE);
    if (r.jail === null) throw new NetError(r.errno, 'jail_set', r.message);
    return new StackJail(this.kernel, r.jail, r.jail.cred);
  }

  /** The jails, by jid. */
  jails(): StackJail[] {
    return this.kernel
      .service(JAILS)
      .list()
      .map((j) => new StackJail(this.kernel, j, j.cred));
  }

  /**
   * Joins two jails (or the host) by an epair and gives its ends addresses with prefix, `10.0.0.1/24`. Both ends are up when it returns.
   */
  link(a: StackJail, addressA: string, b: StackJail, addressB: string): StackLink {
    const req: IfReq & { created?: string } = { cmd: SIOCIFCREATE, name: 'epair' };
    check(ifioctl(this.host.vnet, SIOCIFCREATE, req, this.host.cred), 'ioctl', 'epair');
    const first = req.created ?? '';
    const link: StackLink = { a: first, b: `${first.slice(0, -1)}b` };
    for (const [jail, name, address] of [
      [a, link.a, addressA],
      [b, link.b, addressB],
    ] as const) {
      if (jail.jail !== null) {
        check(ifioctl(this.host.vnet, SIOCSIFVNET, { cmd: SIOCSIFVNET, name, jid: jail.jid }, this.host.cred), 'ioctl', name);
      }
      jail.addAddress(name, address);
    }
    return link;
  }

  /** Ends everything: jails, then modules in reverse order. Says what was left over. */
  shutdown(): ShutdownReport {
    return this.kernel.shutdown();
  }
}

/**
 * Boots a kernel with the whole stack in it. Two stacks in one process share nothing.
 * Throws when a module cannot be loaded.
 *
 * ```ts
 * const stack = createStack();
 * const [server, client] = [stack.jail({ name: 'server', vnet: 'new' }), stack.jail({ name: 'client', vnet: 'new' })];
 * stack.link(server, '10.0.0.1/24', client, '10.0.0.2/24');
 * ```
 * @public
 */
export function createStack(options: StackOptions = {}): Stack {
  const kernel = new Kernel(options.host ?? platformHost(options));
  const modules = [...(options.modules ?? defaultModules(options.nd6Secret === undefined ? {} : { nd6Secret: options.nd6Secret })), ...(options.extra ?? [])];
  kernel.provide(MODULE_PATH, modulePath(() => [...modules, ...(options.available ?? []), ...defaultModules()]));
  for (const mod of modules) {
    const r = kernel.kldload(mod);
    if (r.errno === 0) continue;
    kernel.shutdown();
    throw new NetError(r.errno, 'kldload', r.message);
  }
  return new Stack(kernel);
}
