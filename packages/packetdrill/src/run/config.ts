import { type InAddr, parseInAddr } from '@ns/wire';
import type { Script, ScriptOption } from '../lang/ast.ts';
import { ScriptSyntaxError } from '../lang/error.ts';

/** What the options of a script say. */
export interface Config {
  /** Family of sockets. */
  readonly socketAf: 4 | 6;
  /** Family of packets. */
  readonly wireAf: 4 | 6;
  readonly bindPort: number;
  readonly connectPort: number;
  readonly localIp: InAddr;
  readonly gatewayIp: InAddr;
  readonly remoteIp: InAddr;
  /** Of the route to the remote address. */
  readonly remotePrefix: number;
  /** Of the interface. */
  readonly localPrefix: number;
  readonly mtu: number;
  readonly toleranceUs: number;
  readonly tolerancePercent: number;
  /** µs for each tick of our time stamps; 0 = they are not compared. */
  readonly tsTickUs: number;
  /** A time stamp that we have not sent may be echoed: it is mapped by its distance from our first one. */
  readonly tsEcrScaled: boolean;
  readonly udpEncap: 'none' | 'tcp' | 'sctp';
  readonly md5Secret: string;
  readonly nonFatal: { readonly packet: boolean; readonly syscall: boolean };
  readonly dryRun: boolean;
  /** The script is meant for Google's interpreter. */
  readonly google: boolean;
  /** Packets are compared one by one also then. */
  readonly strictSegments: boolean;
}

/** Where the interpreters differ as long as a script says nothing. Google's addresses are those its suite is run with. */
interface Defaults {
  readonly local4: string;
  readonly gateway4: string;
  readonly local6: string;
  readonly gateway6: string;
  readonly remote6: string;
  readonly tolerancePercent: number;
}

const FREEBSD: Defaults = Object.freeze({
  local4: '192.168.0.1',
  gateway4: '192.168.0.2',
  local6: 'fd3d:fa7b:d17d::1',
  gateway6: 'fd3d:fa7b:d17d::2',
  remote6: '2001:DB8::1/32',
  tolerancePercent: 5,
});
const GOOGLE: Defaults = Object.freeze({
  local4: '192.168.0.1',
  gateway4: '192.168.0.1',
  local6: 'fd3d:0a0b:17d6::1',
  gateway6: 'fd3d:0a0b:17d6:8888::1',
  remote6: 'fd3d:fa7b:d17d::1/48',
  tolerancePercent: 12.5,
});

/** Accepted and without meaning here: they are about devices, shells and wire servers of a real machine. */
const IGNORED: ReadonlySet<string> = new Set([
  'define', 'code_command', 'code_format', 'code_sockopt', 'init_scripts', 'verbose', 'debug', 'speed', 'no_cleanup', 'tun_dev', 'persistent_tun_dev', 'wire_client', 'wire_server',
  'wire_client_dev', 'wire_server_dev', 'wire_server_ip', 'wire_server_port', 'mss', 'send_omit_free', 'psp_udp_port', 'so_filename',
  'local_linklocal_ip', 'gateway_linklocal_ip', 'is_anyip', 'connect_ip', 'bind_ip', 'use_expect', 'tolerance_percent_linux',
]);

const INT = /^[0-9]+$/;

/** A bad option is a mistake in the script. */
function bad(o: ScriptOption, what: string): never {
  throw new ScriptSyntaxError(o.line, 1, `--${o.name}=${o.value}: ${what}`);
}

function int(o: ScriptOption, lo: number, hi: number): number {
  const n = INT.test(o.value) ? Number(o.value) : NaN;
  return n >= lo && n <= hi ? n : bad(o, `a number from ${lo} to ${hi} expected`);
}

class Options {
  private readonly map: ReadonlyMap<string, ScriptOption>;

  constructor(list: readonly ScriptOption[]) {
    this.map = new Map(list.map((o) => [o.name, o]));
  }

  get(name: string): ScriptOption | undefined {
    return this.map.get(name);
  }

  int(name: string, fallback: number, lo: number, hi: number): number {
    const o = this.map.get(name);
    return o === undefined ? fallback : int(o, lo, hi);
  }

  float(name: string, fallback: number): number {
    const o = this.map.get(name);
    if (o === undefined) return fallback;
    return /^[0-9]*\.?[0-9]+$/.test(o.value) ? Number(o.value) : bad(o, 'a number expected');
  }

  text(name: string, fallback: string): string {
    return this.map.get(name)?.value ?? fallback;
  }

  addr(name: string, fallback: string, af: 4 | 6): { readonly addr: InAddr; readonly prefix: number | null } {
    const o = this.map.get(name);
    const [host = '', len] = (o?.value ?? fallback).split('/');
    const addr = parseInAddr(host);
    const line = o ?? { name, value: fallback, line: 1 };
    if (addr === null || (addr.af === 2) !== (af === 4)) return bad(line, `an IPv${af} address expected`);
    const max = af === 4 ? 32 : 128;
    if (len !== undefined && !(INT.test(len) && Number(len) <= max)) return bad(line, `a prefix length up to ${max} expected`);
    return { addr, prefix: len === undefined ? null : Number(len) };
  }
}

/** `255.255.0.0` or a prefix length as a number of bits. */
function prefixOf(o: ScriptOption | undefined, fallback: number, max: number): number {
  if (o === undefined) return fallback;
  if (/^\/?[0-9]+$/.test(o.value)) return int({ ...o, value: o.value.replace('/', '') }, 0, max);
  const mask = parseInAddr(o.value)?.w3 ?? bad(o, 'a network mask expected');
  const len = mask === 0 ? 0 : 32 - Math.log2((~mask >>> 0) + 1);
  return Number.isInteger(len) ? len : bad(o, 'a network mask expected');
}

/** The configuration of a script; options given to the run count before those of the script. Throws ScriptSyntaxError. */
export function configOf(script: Script, overrides: Readonly<Record<string, string>> = {}, google: boolean = false): Config {
  const defaults = google ? GOOGLE : FREEBSD;
  const given = Object.entries(overrides).map(([name, value]) => ({ name, value, line: 1 }));
  const all = [...script.options, ...given];
  for (const o of all) if (!KNOWN.has(o.name) && !IGNORED.has(o.name)) bad(o, 'unknown option');
  const o = new Options(all);
  const version = o.text('ip_version', 'ipv4').replace(/_/g, '-');
  if (!['ipv4', 'ipv6', 'ipv4-mapped-ipv6'].includes(version)) bad(o.get('ip_version') as ScriptOption, 'ipv4, ipv6 or ipv4-mapped-ipv6 expected');
  const wireAf = version === 'ipv6' ? 6 : 4;
  const four = wireAf === 4;
  const local = o.addr('local_ip', four ? defaults.local4 : defaults.local6, wireAf);
  const remote = o.addr('remote_ip', four ? '192.0.2.1/24' : defaults.remote6, wireAf);
  const nonFatal = o.text('non_fatal', '').split(',').filter((x) => x !== '');
  const wrong = nonFatal.find((x) => x !== 'packet' && x !== 'syscall');
  if (wrong !== undefined) bad(o.get('non_fatal') as ScriptOption, 'packet or syscall expected');
  const encap = o.text('udp_encapsulation', 'none');
  if (encap !== 'none' && encap !== 'tcp' && encap !== 'sctp') return bad(o.get('udp_encapsulation') as ScriptOption, 'tcp, sctp or none expected');
  return {
    socketAf: version === 'ipv4' ? 4 : 6,
    wireAf,
    bindPort: o.int('bind_port', 8080, 1, 65535),
    connectPort: o.int('connect_port', 8080, 1, 65535),
    localIp: local.addr,
    gatewayIp: o.addr('gateway_ip', four ? defaults.gateway4 : defaults.gateway6, wireAf).addr,
    remoteIp: remote.addr,
    remotePrefix: remote.prefix ?? (four ? 24 : 32),
    localPrefix: local.prefix ?? prefixOf(o.get('netmask_ip'), four ? 16 : 48, four ? 32 : 128),
    mtu: o.int('mtu', 1500, 72, 65535),
    toleranceUs: o.int('tolerance_usecs', 4000, 0, 1e9),
    tolerancePercent: o.float('tolerance_percent', defaults.tolerancePercent),
    tsTickUs: o.int('tcp_ts_tick_usecs', 0, 0, 1e9),
    tsEcrScaled: o.get('tcp_ts_ecr_scaled') !== undefined,
    udpEncap: encap,
    md5Secret: o.text('tcp_md5_secret', ''),
    nonFatal: { packet: nonFatal.includes('packet'), syscall: nonFatal.includes('syscall') },
    dryRun: o.get('dry_run') !== undefined && o.text('dry_run', '') !== '0',
    google,
    strictSegments: o.get('strict_segments') !== undefined,
  };
}

const KNOWN: ReadonlySet<string> = new Set([
  'ip_version', 'bind_port', 'connect_port', 'local_ip', 'gateway_ip', 'remote_ip', 'netmask_ip', 'mtu', 'tolerance_usecs', 'tolerance_percent', 'tcp_ts_tick_usecs',
  'udp_encapsulation', 'tcp_md5_secret', 'non_fatal', 'dry_run', 'strict_segments', 'tcp_ts_ecr_scaled',
]);
