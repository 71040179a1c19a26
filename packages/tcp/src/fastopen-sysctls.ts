import { EINVAL } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import {
  CTLFLAG_NOFETCH,
  CTLFLAG_RD,
  CTLFLAG_RDTUN,
  CTLFLAG_RW,
  CTLFLAG_RWTUN,
  CTLFLAG_SKIP,
  CTLFLAG_VNET,
  CTLFLAG_WR,
  type SysctlDecl,
  sysctlInt,
  sysctlNode,
  sysctlOpaque,
  type SysctlReq,
  sysctlString,
  sysctlUint,
} from '@ns/sysctl';
import type { Fastopen } from './fastopen.ts';
import { TCP_FASTOPEN_KEY_LEN, TCP_FASTOPEN_MAX_KEYS, TCP_FASTOPEN_MAX_PSKS } from './fastopen-keys.ts';
import { TCP } from './tcp-vnet.ts';

const PREFIX = 'net.inet.tcp.fastopen';
const RW = CTLFLAG_RW | CTLFLAG_VNET;
const RD = CTLFLAG_RD | CTLFLAG_VNET;
/** Longest interval of new keys, seconds: milliseconds fit an int32. */
const AUTOKEY_MAX_SEC = 2147483;

const of = (req: SysctlReq<Vnet>): Fastopen => TCP.get(req.vnet).fastopen;

/** A read-only number. */
const gauge = (name: string, descr: string, get: (fo: Fastopen) => number): SysctlDecl<Vnet> =>
  sysctlUint<Vnet>({ name: `${PREFIX}.${name}`, flags: RD, descr, get: (req) => get(of(req)) });

const constant = (name: string, descr: string, value: number): SysctlDecl<Vnet> => sysctlInt<Vnet>({ name: `${PREFIX}.${name}`, flags: CTLFLAG_RD, descr, get: () => value });

/** An unsigned number; `set` may refuse with an errno. */
function uint(name: string, descr: string, get: (fo: Fastopen) => number, set: (fo: Fastopen, value: number) => number | void, flags: number = RW): SysctlDecl<Vnet> {
  return sysctlUint<Vnet>({ name: `${PREFIX}.${name}`, flags, descr, get: (req) => get(of(req)), set: (req, value) => set(of(req), value) });
}

/** A key to install: 16 bytes, written as such and never read. */
function key(name: string, descr: string, install: (fo: Fastopen, bytes: Uint8Array) => void): SysctlDecl<Vnet> {
  return sysctlOpaque<Vnet, object>({
    name: `${PREFIX}.${name}`,
    flags: CTLFLAG_WR | CTLFLAG_VNET,
    format: '',
    descr,
    set: (req, value) => {
      if (!(value instanceof Uint8Array) || value.length !== TCP_FASTOPEN_KEY_LEN) return EINVAL;
      install(of(req), value);
      return 0;
    },
  });
}

/** Sysctls net.inet.tcp.fastopen: FreeBSD's names, texts and order. Source: tcp_fastopen.c. */
export const tcpFastopenSysctls: readonly SysctlDecl<Vnet>[] = Object.freeze([
  sysctlNode<Vnet>({ name: PREFIX, flags: CTLFLAG_RW, descr: 'TCP Fast Open' }),
  sysctlInt<Vnet>({
    name: `${PREFIX}.acceptany`,
    flags: RW,
    descr: 'Accept any non-empty cookie',
    get: (req) => (of(req).keys.acceptany ? 1 : 0),
    set: (req, on) => {
      of(req).keys.acceptany = on !== 0;
    },
  }),
  uint(
    'autokey',
    'Number of seconds between auto-generation of a new key; zero disables',
    (fo) => fo.keys.autokeySec,
    (fo, sec) => {
      if (sec > AUTOKEY_MAX_SEC) return EINVAL;
      fo.keys.setAutokey(sec);
      return 0;
    },
  ),
  uint(
    'ccache_bucket_limit',
    'Max entries per bucket in client cookie cache',
    (fo) => fo.cache.bucketLimit,
    (fo, limit) => {
      if (limit === 0 || limit > 0x7fffffff) return EINVAL;
      fo.cache.bucketLimit = limit;
      fo.cache.trim();
      return 0;
    },
    CTLFLAG_RWTUN | CTLFLAG_VNET,
  ),
  sysctlUint<Vnet>({
    name: `${PREFIX}.ccache_buckets`,
    flags: CTLFLAG_RDTUN | CTLFLAG_NOFETCH | CTLFLAG_VNET,
    descr: 'Client cookie cache number of buckets (power of 2)',
    get: (req) => of(req).cache.nbuckets,
  }),
  uint('client_enable', 'Enable/disable TCP Fast Open client functionality', (fo) => (fo.clientEnable ? 1 : 0), (fo, on) => fo.setClientEnable(on !== 0)),
  constant('keylen', 'Key length in bytes', TCP_FASTOPEN_KEY_LEN),
  constant('maxkeys', 'Maximum number of keys supported', TCP_FASTOPEN_MAX_KEYS),
  constant('maxpsks', 'Maximum number of pre-shared keys supported', TCP_FASTOPEN_MAX_PSKS),
  gauge('numkeys', 'Number of keys installed', (fo) => fo.keys.numkeys),
  gauge('numpsks', 'Number of pre-shared keys installed', (fo) => fo.keys.numpsks),
  uint(
    'path_disable_time',
    'Seconds a TFO failure disables a {client_ip, server_ip, server_port} path',
    (fo) => fo.pathDisableSec,
    (fo, sec) => {
      fo.pathDisableSec = sec;
    },
  ),
  uint('psk_enable', 'Enable/disable TCP Fast Open server pre-shared key mode', (fo) => (fo.keys.pskEnabled ? 1 : 0), (fo, on) => fo.keys.setPskEnabled(on !== 0)),
  uint('server_enable', 'Enable/disable TCP Fast Open server functionality', (fo) => (fo.keys.enabled ? 1 : 0), (fo, on) => fo.keys.setEnabled(on !== 0)),
  key('setkey', 'Install a new key', (fo, bytes) => fo.keys.addKey(bytes)),
  key('setpsk', 'Install a new pre-shared key', (fo, bytes) => fo.keys.addPsk(bytes)),
  sysctlString<Vnet>({
    name: `${PREFIX}.ccache_list`,
    flags: RD | CTLFLAG_SKIP,
    descr: 'List of all client cookie cache entries',
    get: (req) => of(req).cache.list(TCP.get(req.vnet).nowUs(), of(req).pathDisableSec * 1e6, req.privileged !== false),
  }),
]);
