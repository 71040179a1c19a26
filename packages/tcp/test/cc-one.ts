/* A congestion control of a third party, for tests: one segment at a time, whatever happens. */
import { CC_KPI, type CcAlgo } from '@ns/cc-kpi';
import { type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN } from '@ns/kern';

const one: CcAlgo = {
  name: 'one',
  cbInit: (ccv) => {
    ccv.sndCwnd = ccv.maxseg;
    return 0;
  },
  connInit: (ccv) => {
    ccv.sndCwnd = ccv.maxseg;
  },
  ackReceived: (ccv) => {
    ccv.sndCwnd = ccv.maxseg;
  },
};

/** The module `cc-one`. */
export function ccOne(): ModuleDecl {
  return {
    name: 'cc-one',
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (k: Kernel): number => k.service(CC_KPI).register(one),
        exit: (k: Kernel): void => void k.service(CC_KPI).deregister(one.name),
      },
    ],
  };
}
