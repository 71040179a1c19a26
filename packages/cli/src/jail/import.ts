/*
 * Texts of parameters become values of jail_set(2). Source: FreeBSD lib/libjail/jail.c, usr.sbin/jail/config.c.
 */
import { JAIL_PARAMS, type JailParamDesc, type JailParams } from '@ns/vnet';
import { parseInAddr, AF_INET, AF_INET6 } from '@ns/wire';
import { isNegated, type CfJail, type Param, positive } from './config.ts';

/** Parameters that jail(8) deals with itself, by kind. */
export const INTERNAL: Readonly<Record<string, 'bool' | 'int' | 'text'>> = Object.freeze({
  'allow.dying': 'bool',
  command: 'text',
  depend: 'text',
  'exec.clean': 'bool',
  'exec.consolelog': 'text',
  'exec.created': 'text',
  'exec.fib': 'int',
  'exec.jail_user': 'text',
  'exec.poststart': 'text',
  'exec.poststop': 'text',
  'exec.prepare': 'text',
  'exec.prestart': 'text',
  'exec.prestop': 'text',
  'exec.release': 'text',
  'exec.start': 'text',
  'exec.stop': 'text',
  'exec.system_jail_user': 'bool',
  'exec.system_user': 'text',
  'exec.timeout': 'int',
  interface: 'text',
  ip_hostname: 'bool',
  mount: 'text',
  'mount.devfs': 'bool',
  'mount.fdescfs': 'bool',
  'mount.fstab': 'text',
  'mount.procfs': 'bool',
  'stop.timeout': 'int',
  'vnet.interface': 'text',
});

/** The name under which jail(8) knows a parameter of its own, or null. */
export function internalName(name: string): string | null {
  if (Object.hasOwn(INTERNAL, name)) return name;
  const p = positive(name);
  return isNegated(name) && INTERNAL[p] === 'bool' ? p : null;
}

const isInteger = (text: string): boolean => /^\s*[+-]?[0-9]+$/.test(text);
const isBoolean = (text: string): boolean => /^(true|false)$/i.test(text) || isInteger(text);

/** Checks the parameters of jail(8) itself; complains and returns false if one is wrong. Source: check_intparams(). */
export function checkInternal(jail: CfJail): boolean {
  let ok = true;
  for (const p of jail.params) {
    const kind = INTERNAL[internalName(p.name) ?? ''];
    const value = p.values.at(-1)?.text;
    if (kind === undefined || kind === 'text' || value === undefined) continue;
    if (kind === 'bool' ? isBoolean(value) : isInteger(value)) continue;
    jail.fail(kind === 'bool' ? `${p.name}: unknown boolean value "${value}"` : `${p.name}: non-integer value "${value}"`);
    ok = false;
  }
  const hostname = jail.text('host.hostname');
  if (!jail.bool('ip_hostname') || hostname === null) return ok;
  const a = parseInAddr(hostname);
  if (a === null) {
    jail.fail(`host.hostname ${hostname}: Name does not resolve`);
    return false;
  }
  jail.addValue(a.af === AF_INET6 ? 'ip6.addr' : 'ip4.addr', hostname);
  return ok;
}

/** An address of `ip4.addr`: `em0|10.0.0.1/24 mtu 1400` is an interface, an address and words for ifconfig. */
export interface AddrSpec {
  readonly ifname: string | null;
  /** With prefix, and what stands behind it. */
  readonly rest: string;
  /** Alone. */
  readonly addr: string;
}

export function addrSpec(text: string): AddrSpec {
  const bar = text.indexOf('|');
  const rest = text.slice(bar + 1);
  return { ifname: bar < 0 ? null : text.slice(0, bar), rest, addr: rest.replace(/[/ ].*$/s, '') };
}

/** What a parameter of the kernel is called and is, for a name as it was written; null if there is none. Source: jailparam_init(). */
function describe(name: string): { readonly desc: JailParamDesc; readonly on: boolean } | null {
  const desc = JAIL_PARAMS.find((d) => d.name === name);
  if (desc !== undefined) return { desc, on: true };
  const other = isNegated(name) ? JAIL_PARAMS.find((d) => d.name === positive(name)) : undefined;
  return other?.type === 'bool' ? { desc: other, on: false } : null;
}

/** The parameters that go to the kernel, or null after complaints. Source: import_params(), jailparam_import(). */
export function importParams(jail: CfJail): JailParams | null {
  const out: Record<string, unknown> = {};
  let ok = true;
  for (const p of jail.params) {
    if (internalName(p.name) !== null) continue;
    const known = describe(p.name);
    const value = known === null ? new BadValue(`unknown parameter: ${p.name}`) : importValue(p, known.desc, known.on);
    if (value instanceof BadValue) {
      jail.fail(value.message);
      ok = false;
    } else if (known !== null) out[known.desc.name] = value;
  }
  return ok ? (out as JailParams) : null;
}

class BadValue {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

function importValue(p: Param, desc: JailParamDesc, on: boolean): unknown {
  const text = p.values.at(-1)?.text ?? null;
  switch (desc.type) {
    case 'bool':
      if (text === null) return on;
      if (!isBoolean(text)) return new BadValue(`${p.name}: unknown boolean value "${text}"`);
      return (text.toLowerCase() === 'true' || (Number.parseInt(text, 10) || 0) !== 0) === on;
    case 'int':
      return text !== null && isInteger(text) ? Number.parseInt(text, 10) : new BadValue(`${p.name}: non-integer value "${text ?? ''}"`);
    case 'jailsys':
      if (text === null) return 'new';
      return /^(disable|new|inherit)$/.test(text) ? text : /^[0-2]$/.test(text) ? Number(text) : new BadValue(`${p.name}: unknown jailsys value "${text}"`);
    case 'ip4':
    case 'ip6':
      return importAddrs(p, desc.type);
    default:
      return text ?? '';
  }
}

function importAddrs(p: Param, type: 'ip4' | 'ip6'): string[] | BadValue {
  const all: string[] = [];
  for (const v of p.values.flatMap((x) => x.text.split(','))) {
    const { addr } = addrSpec(v.trim());
    if (addr === '') continue;
    if (parseInAddr(addr)?.af !== (type === 'ip4' ? AF_INET : AF_INET6)) return new BadValue(`${p.name}: not an IPv${type === 'ip4' ? 4 : 6} address: ${addr}`);
    all.push(addr);
  }
  return all;
}
