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
  type SysctlDecl,
  type SysctlReq,
  sysctlString,
  sysctlUint,
} from '@ns/sysctl';
import type { Fastopen } from './fastopen.ts';
import { TCP } from './tcp-vnet.ts';

const PREFIX = 'net.inet.tcp.fastopen';
const RW = CTLFLAG_RW | CTLFLAG_VNET;
const RD = CTLFLAG_RD | CTLFLAG_VNET;

const of = (req: SysctlReq<Vnet>): Fastopen => TCP.get(req.vnet).fastopen;

/** An unsigned number; `set` may refuse with an errno. */
function uint(name: string, descr: string, get: (fo: Fastopen) => number, set: (fo: Fastopen, value: number) => number | void, flags: number = RW): SysctlDecl<Vnet> {
  return sysctlUint<Vnet>({ name: `${PREFIX}.${name}`, flags, descr, get: (req) => get(of(req)), set: (req, value) => set(of(req), value) });
}

const client: readonly SysctlDecl<Vnet>[] = [
  uint('client_enable', 'Enable/disable TCP Fast Open client functionality', (fo) => (fo.clientEnable ? 1 : 0), (fo, on) => fo.setClientEnable(on !== 0)),
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
  sysctlString<Vnet>({
    name: `${PREFIX}.ccache_list`,
    flags: RD | CTLFLAG_SKIP,
    descr: 'List of all client cookie cache entries',
    get: (req) => of(req).cache.list(TCP.get(req.vnet).nowUs(), of(req).pathDisableSec * 1e6, req.privileged !== false),
  }),
  uint(
    'path_disable_time',
    'Seconds a TFO failure disables a {client_ip, server_ip, server_port} path',
    (fo) => fo.pathDisableSec,
    (fo, sec) => {
      fo.pathDisableSec = sec;
    },
  ),
];

/** Sysctls net.inet.tcp.fastopen: FreeBSD's names and texts. Source: tcp_fastopen.c. */
export const tcpFastopenSysctls: readonly SysctlDecl<Vnet>[] = Object.freeze(client);
