import { EINVAL } from '@ns/errno';
import { type Kernel, type ModuleDecl, SI_ORDER_FIRST, SI_SUB_SOFTINTR, type Vnet } from '@ns/kern';
import { CTLFLAG_RD, CTLFLAG_RW, type SysctlDecl, sysctlInt, sysctlOpaque, type SysctlReq, sysctlString, sysctlUint } from '@ns/sysctl';
import { NETISR, Netisr, type NetisrOptions } from './netisr.ts';
import { NETISR_DISPATCH_DIRECT, NETISR_MAXPROT, netisrDispatchByName, netisrDispatchName } from './proto.ts';
import { RSS, Rss, RSS_HASH_TOEPLITZ, RSS_MAXBITS, RSS_MAXCPUS } from './rss.ts';

type Req = SysctlReq<Vnet>;
const of = (req: Req): Netisr => req.vnet.kernel.service(NETISR);
const rss = (req: Req): Rss => req.vnet.kernel.service(RSS);

const isrSysctls: readonly SysctlDecl<Vnet>[] = [
  sysctlString<Vnet>({
    name: 'net.isr.dispatch',
    flags: CTLFLAG_RW,
    descr: 'netisr dispatch policy: direct, hybrid or deferred',
    get: (req) => netisrDispatchName(of(req).dispatchPolicy),
    set: (req, value) => {
      const how = netisrDispatchByName(value);
      if (how < 0) return EINVAL;
      of(req).dispatchPolicy = how;
      return 0;
    },
  }),
  sysctlInt<Vnet>({ name: 'net.isr.maxthreads', flags: CTLFLAG_RD, descr: 'Use at most this many workstreams', get: (req) => of(req).numthreads }),
  sysctlInt<Vnet>({ name: 'net.isr.bindthreads', flags: CTLFLAG_RD, descr: 'Bind workstreams to CPUs; there are none to bind to', get: () => 0 }),
  sysctlUint<Vnet>({ name: 'net.isr.maxqlimit', flags: CTLFLAG_RD, descr: 'Maximum netisr queue limit', get: (req) => of(req).maxqlimit }),
  sysctlUint<Vnet>({ name: 'net.isr.defaultqlimit', flags: CTLFLAG_RD, descr: 'Default netisr queue limit', get: (req) => of(req).defaultqlimit }),
  sysctlInt<Vnet>({ name: 'net.isr.numthreads', flags: CTLFLAG_RD, descr: 'Number of extant workstreams', get: (req) => of(req).numthreads }),
  sysctlUint<Vnet>({ name: 'net.isr.maxprot', flags: CTLFLAG_RD, descr: 'Compiled limit on the number of protocols', get: () => NETISR_MAXPROT }),
  sysctlOpaque<Vnet, object>({ name: 'net.isr.proto', format: 'S,sysctl_netisr_proto', descr: 'Registered protocols', get: (req) => of(req).snapshot().protocols }),
  sysctlOpaque<Vnet, object>({
    name: 'net.isr.workstream',
    format: 'S,sysctl_netisr_workstream',
    descr: 'State of the workstreams',
    get: (req) => of(req).workstreamRows(),
  }),
  sysctlOpaque<Vnet, object>({ name: 'net.isr.work', format: 'S,sysctl_netisr_work', descr: 'State of the queues', get: (req) => of(req).snapshot().workstreams }),
];

const rssSysctls: readonly SysctlDecl<Vnet>[] = [
  sysctlUint<Vnet>({ name: 'net.inet.rss.hashalgo', flags: CTLFLAG_RD, descr: 'RSS hash algorithm', get: () => RSS_HASH_TOEPLITZ }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.bits', flags: CTLFLAG_RD, descr: 'RSS bits', get: (req) => rss(req).bits }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.mask', flags: CTLFLAG_RD, descr: 'RSS mask', get: (req) => rss(req).mask }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.buckets', flags: CTLFLAG_RD, descr: 'RSS buckets', get: (req) => rss(req).numbuckets }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.maxbits', flags: CTLFLAG_RD, descr: 'RSS maximum bits', get: () => RSS_MAXBITS }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.ncpus', flags: CTLFLAG_RD, descr: 'Number of CPUs available to RSS', get: (req) => rss(req).ncpus }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.maxcpus', flags: CTLFLAG_RD, descr: 'Maximum number of CPUs available to RSS', get: () => RSS_MAXCPUS }),
  sysctlUint<Vnet>({ name: 'net.inet.rss.basecpu', flags: CTLFLAG_RD, descr: 'First CPU used by RSS', get: () => 0 }),
  sysctlOpaque<Vnet, object>({
    name: 'net.inet.rss.key',
    flags: CTLFLAG_RW,
    descr: 'RSS keying material',
    get: (req) => [...rss(req).toeplitz.key],
    set: () => EINVAL,
  }),
  sysctlString<Vnet>({ name: 'net.inet.rss.bucket_mapping', flags: CTLFLAG_RD, descr: 'RSS bucket to CPU mapping', get: (req) => rss(req).bucketMapping() }),
];

/** A whole number among the boot tunables, or undefined. */
function tunable(kernel: Kernel, name: string): number | undefined {
  const text = kernel.host.tunables?.[name];
  return text !== undefined && /^-?[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}

function makeNetisr(kernel: Kernel, options: NetisrOptions & { readonly rssBits?: number }): void {
  const name = kernel.host.tunables?.['net.isr.dispatch'];
  const dispatch = name === undefined ? -1 : netisrDispatchByName(name);
  const maxthreads = options.maxthreads ?? tunable(kernel, 'net.isr.maxthreads');
  const maxqlimit = options.maxqlimit ?? tunable(kernel, 'net.isr.maxqlimit');
  const defaultqlimit = options.defaultqlimit ?? tunable(kernel, 'net.isr.defaultqlimit');
  const netisr = new Netisr(kernel, {
    ...(maxthreads !== undefined && { maxthreads }),
    ...(maxqlimit !== undefined && { maxqlimit }),
    ...(defaultqlimit !== undefined && { defaultqlimit }),
    dispatch: options.dispatch ?? (dispatch < 0 ? NETISR_DISPATCH_DIRECT : dispatch),
  });
  kernel.provide(NETISR, netisr);
  kernel.provide(RSS, new Rss(netisr.numthreads, options.rssBits ?? tunable(kernel, 'net.inet.rss.bits')));
}

/**
 * The module `netisr`: provides {@link NETISR} and {@link RSS}. Boot tunables net.isr.maxthreads, maxqlimit, defaultqlimit, dispatch and
 * net.inet.rss.bits; options go before them.
 * @public
 */
export function netisr(options: NetisrOptions & { readonly rssBits?: number } = {}): ModuleDecl {
  return {
    name: 'netisr',
    version: 1,
    sysinit: [
      {
        subsystem: SI_SUB_SOFTINTR,
        order: SI_ORDER_FIRST,
        init: (kernel) => makeNetisr(kernel, options),
        exit: (kernel) => kernel.service(NETISR).shutdown(),
      },
    ],
    sysctls: [...isrSysctls, ...rssSysctls],
  };
}
