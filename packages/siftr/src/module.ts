import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, type Vnet } from '@ns/kern';
import { PFIL_IN, PFIL_INET6_NAME, PFIL_INET_NAME, PFIL_OUT, PFIL_TYPE_IP4, PFIL_TYPE_IP6, pfilModule } from '@ns/pfil-kpi';
import { CTLFLAG_RW, type SysctlDecl, type SysctlReq, sysctlUint, sysctlVars } from '@ns/sysctl';
import { siftrChkpkt, siftrChkpkt6, SiftrVnet } from './hook.ts';
import { Siftr, SIFTR, type SiftrSink } from './siftr.ts';

/**
 * How {@link siftr} is set up.
 * @public
 */
export interface SiftrOptions {
  /** Where the log goes. Default: the kernel's log, facility `siftr`. */
  readonly sink?: SiftrSink;
}

function sysctls(): SysctlDecl<Vnet>[] {
  const of = (req: SysctlReq<Vnet>): Siftr => req.vnet.kernel.service(SIFTR);
  const v = sysctlVars<Vnet, Siftr>('net.inet.siftr', of);
  return [
    sysctlUint<Vnet>({ name: 'net.inet.siftr.enabled', flags: CTLFLAG_RW, descr: 'switch siftr module operations on/off', get: (req) => of(req).enabled, set: (req, value) => of(req).enable(value) }),
    v.string('logfile', 'logfile', CTLFLAG_RW, 'file to save siftr log messages to', { min: 1, max: 1023 }),
    v.uint('ppl', 'ppl', CTLFLAG_RW, 'number of packets between generating a log message', { min: 1, max: 0xffffffff }),
    v.uint('genhashes', 'genhashes', CTLFLAG_RW, 'enable packet hash generation'),
    v.uint('port_filter', 'portFilter', CTLFLAG_RW, 'enable packet filter on a TCP port', { min: 0, max: 65535 }),
  ];
}

/**
 * Module `siftr`: while `net.inet.siftr.enabled` is 1, a line for each TCP segment that comes in or goes out of any vnet, with the state of its connection.
 * Source: FreeBSD siftr(4).
 * @public
 */
export function siftr(options: SiftrOptions = {}): ModuleDecl {
  return pfilModule(
    'siftr',
    (vnet) => {
      const ruleset = new SiftrVnet(vnet, vnet.kernel.service(SIFTR));
      const flags = PFIL_IN | PFIL_OUT;
      return [
        { rulname: 'default', head: PFIL_INET_NAME, type: PFIL_TYPE_IP4, flags, mbufChk: siftrChkpkt, ruleset },
        { rulname: 'default6', head: PFIL_INET6_NAME, type: PFIL_TYPE_IP6, flags, mbufChk: siftrChkpkt6, ruleset },
      ];
    },
    {
      depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
      sysctls: sysctls(),
      sysinit: [
        {
          subsystem: SI_SUB_PROTO_FIREWALL,
          order: SI_ORDER_ANY,
          init: (kernel: Kernel) => kernel.provide(SIFTR, new Siftr(kernel, options.sink ?? null)),
          exit: (kernel: Kernel) => kernel.service(SIFTR).destroy(),
        },
      ],
    },
  );
}
