import { EADDRINUSE, EINVAL, ENOENT, EPERM } from '@ns/errno';
import { describeRows, type Kernel, type Vnet, type VnetReport } from '@ns/kern';
import { netstackFind, netstackModuleName, nullNetstack } from '@ns/netstack-kpi';
import { AF_INET, AF_INET6, type InAddr, inAddrEqual } from '@ns/wire';
import { type HostIdentity, type Jail, JAIL_SYS_DISABLE, JAIL_SYS_INHERIT, JAIL_SYS_NEW, type JailAddrs } from './jail.ts';
import { BadParam, type ParsedParams } from './params.ts';

/** The addresses that a jail can have at most: those of the next jail outwards in the same stack that does not inherit; null = any. */
function outerAddrs(jail: Jail | null, vnet: Vnet, af: number): JailAddrs | null {
  for (let up = jail; up !== null && up.vnet === vnet && !up.ownsVnet; up = up.parent) {
    const a = up.addrsOf(af);
    if (a.mode !== JAIL_SYS_INHERIT) return a;
  }
  return null;
}

function includes(list: readonly InAddr[], addr: InAddr): boolean {
  return list.some((a) => inAddrEqual(a, addr));
}

/**
 * Whether a jail may have the addresses asked for: the parent must have them (EPERM), and another jail of the same stack only if both have just that one (EADDRINUSE).
 * Differs: FreeBSD compares with the jails around this one too; here those lend their addresses.
 */
export function checkAddrs(p: ParsedParams, jail: Jail | null, parent: Jail | null, vnet: Vnet, all: Iterable<Jail>): BadParam | null {
  const others = [...all].filter((j) => j.vnet === vnet && !j.ownsVnet && !related(j, jail ?? parent));
  for (const [which, af, asked] of [['ip4', AF_INET, p.ip4], ['ip6', AF_INET6, p.ip6]] as const) {
    if (asked.mode === undefined) continue;
    if (jail?.ownsVnet === true && asked.mode !== JAIL_SYS_INHERIT) return new BadParam(EINVAL, 'vnet jails cannot have IP address restrictions');
    if (asked.mode !== JAIL_SYS_NEW || asked.addrs === undefined) continue;
    const outer = outerAddrs(parent, vnet, af);
    for (const addr of asked.addrs) {
      if (outer !== null && !includes(outer.addrs, addr)) return new BadParam(EPERM, `${which}.addr: ${addr.toString()} is not an address of the parent`);
      for (const other of others) {
        const theirs = other.addrsOf(af);
        if (theirs.mode !== JAIL_SYS_NEW || !includes(theirs.addrs, addr)) continue;
        if (asked.addrs.length > 1 || theirs.addrs.length > 1) return new BadParam(EADDRINUSE, `${which}.addr: ${addr.toString()} belongs to jail "${other.name}"`);
      }
    }
  }
  return null;
}

function related(a: Jail, b: Jail | null): boolean {
  return b !== null && (a.isWithin(b) || b.isWithin(a));
}

/** Takes from the jails inside what a jail does not have any more. Source: FreeBSD prison_restrict_ip4(). */
export function restrictChildren(jail: Jail): void {
  for (const child of jail.children) {
    if (child.ownsVnet) continue;
    for (const af of [AF_INET, AF_INET6]) {
      const outer = outerAddrs(jail, jail.vnet, af);
      const theirs = child.addrsOf(af);
      if (outer === null || theirs.mode !== JAIL_SYS_NEW) continue;
      theirs.addrs = outer.mode === JAIL_SYS_DISABLE ? [] : theirs.addrs.filter((a) => includes(outer.addrs, a));
    }
    restrictChildren(child);
  }
}

/** Gives a jail, and the jails inside that inherit from it, an identity. */
export function setHost(jail: Jail, host: HostIdentity, own: boolean): void {
  jail.host = host;
  jail.ownsHost = own;
  for (const child of jail.children) if (!child.ownsHost) setHost(child, host, false);
}

/** Changes a full name and with it those of the jails inside, and of their stacks. */
export function rename(jail: Jail, name: string): void {
  const before = jail.name.length;
  const walk = (j: Jail): void => {
    j.name = name + j.name.slice(before);
    if (j.ownsVnet) j.vnet.name = j.name;
    for (const child of j.children) walk(child);
  };
  walk(jail);
}

/** Whether a jail may have the network stack asked for: it must be loaded (ENOENT), and a caller in a jail may only give on its own, or none, unless it has allow.netstack (EPERM). */
export function checkNetstack(p: ParsedParams, kernel: Kernel, mine: Jail | null): BadParam | null {
  const name = p.netstack;
  if (name === undefined || name === '') return null;
  if (netstackFind(kernel, name) === null) return new BadParam(ENOENT, `netstack: "${name}" is not loaded`);
  const mayChoose = mine === null || mine.allow['netstack'] === true || name === mine.effectiveNetstack || name === nullNetstack.name;
  return mayChoose ? null : new BadParam(EPERM, `netstack: "${name}" is not the stack of this jail`);
}

/** Gives a jail another network stack by name; empty = that of the parent. Its module stays loaded meanwhile. */
export function setNetstack(jail: Jail, name: string): void {
  jail.netstackLease?.release();
  jail.netstackLease = name === '' ? null : jail.vnet.kernel.ledger.take('jail', jail.name, netstackModuleName(name));
  jail.netstack = name;
}

/** Sets a permission; one that is taken away goes from the jails inside too. */
export function setAllow(jail: Jail, name: string, value: boolean): void {
  jail.allow[name] = value;
  if (!value) for (const child of jail.children) setAllow(child, name, false);
}

/** Puts what a stack left behind into words. */
export function describeReport(report: VnetReport): string {
  const rows = report.leftovers.length > 0 ? `left behind ${describeRows(report.leftovers)}` : '';
  return [rows, ...report.problems].filter((t) => t !== '').join('; ');
}
