import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN, type Vnet, type VnetVar } from '@ns/kern';
import { CTLFLAG_RW, CTLFLAG_VNET, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { TCP_KPI } from '@ns/tcp-kpi';
import { TCP_KEYS } from './keys.ts';
import { Signature } from './signature.ts';

/**
 * Module `tcp-signature`: sockets can ask for TCP_MD5SIG, with the keys of {@link TCP_KEYS}. When it is unloaded, such connections neither send nor take a segment any more.
 * Source: FreeBSD netipsec/xform_tcp.c, tcpmd5.ko.
 * @public
 */
export function tcpSignature(): ModuleDecl {
  const v = sysctlVars('net.inet.tcp', (req: SysctlReq<Vnet>) => TCP_KEYS.get(req.vnet), CTLFLAG_VNET);
  return {
    name: 'tcp-signature',
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    vnetVars: [TCP_KEYS as VnetVar<never>],
    sysctls: [v.bool('signature_verify_input', 'verifyInput', CTLFLAG_RW, 'Verify TCP MD5 signatures of what comes in')],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel: Kernel): number => kernel.service(TCP_KPI).setMd5(new Signature()),
        exit: (kernel: Kernel): void => void kernel.service(TCP_KPI).setMd5(null),
      },
    ],
  };
}
