import { CC_KPI } from '@ns/cc-kpi';
import { EPERM } from '@ns/errno';
import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN, type Vnet, type VnetVar } from '@ns/kern';
import { CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import type { HystartVnet } from './hystart.ts';
import { NEWRENO_VNET, newrenoCcAlgo, type NewrenoVnet } from './algo.ts';

const percent = Object.freeze({ min: 1, max: 100 });
const us = Object.freeze({ min: 0, max: 2147483647 });
const some = Object.freeze({ min: 1, max: 1000 });

function sysctls(): SysctlDecl<Vnet>[] {
  const of = (req: SysctlReq<Vnet>): NewrenoVnet => NEWRENO_VNET.get(req.vnet);
  const newreno = sysctlVars('net.inet.tcp.cc.newreno', of, CTLFLAG_VNET);
  const cc = sysctlVars('net.inet.tcp.cc', of, CTLFLAG_VNET);
  const hystart = sysctlVars('net.inet.tcp.cc.hystartplusplus', (req: SysctlReq<Vnet>): HystartVnet => of(req).hystart, CTLFLAG_VNET);
  return [
    newreno.int('beta', 'beta', CTLFLAG_RW, 'Window left after a loss, percent', percent),
    newreno.int('beta_ecn', 'betaEcn', CTLFLAG_RW, 'Window left after an ECN mark, percent, with cc.abe', percent),
    cc.bool('abe', 'abe', CTLFLAG_RW, 'Reduce less for an ECN mark than for a loss (RFC 8511)'),
    cc.bool('abe_frlossreduce', 'abeFrlossreduce', CTLFLAG_RW, 'Reduce again for a loss that follows a mark in one window'),
    hystart.uint('minrtt_thresh', 'minrttThresh', CTLFLAG_RW, 'HyStarts++ minimum RTT thresh used in clamp (in microseconds)', us),
    hystart.uint('maxrtt_thresh', 'maxrttThresh', CTLFLAG_RW, 'HyStarts++ maximum RTT thresh used in clamp (in microseconds)', us),
    hystart.uint('n_rttsamples', 'nRttsamples', CTLFLAG_RW, 'The number of RTT samples that must be seen to consider HyStart++', some),
    hystart.uint('css_growth_div', 'cssGrowthDiv', CTLFLAG_RW, 'The divisor to the growth when in Hystart++ CSS', some),
    hystart.uint('css_rounds', 'cssRounds', CTLFLAG_RW, 'The number of rounds HyStart++ lasts in CSS before falling to CA', some),
  ];
}

/**
 * The module that offers NewReno to the kernel's TCP. Refuses to be unloaded (EPERM): NewReno is what connections fall back on.
 * Source: FreeBSD cc_newreno.c, DECLARE_CC_MODULE(newreno).
 * @public
 */
export function ccNewreno(): ModuleDecl {
  return {
    name: 'cc-newreno',
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    vnetVars: [NEWRENO_VNET as VnetVar<never>],
    sysctls: sysctls(),
    quiesce: (): number => EPERM,
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel: Kernel): number => kernel.service(CC_KPI).register(newrenoCcAlgo),
      },
    ],
  };
}
