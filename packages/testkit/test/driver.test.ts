import { epair } from '@ns/drv-epair';
import { loop } from '@ns/drv-loop';
import { ifCloneCreate, ifCloneDestroy, IFNET_CORE, ifnetOf, ifunit } from '@ns/ifnet';
import type { if_t } from '@ns/ifnet-kpi';
import { IFNET_KPI } from '@ns/ifnet-kpi';
import type { Kernel, Vnet } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import { ifnetDriverSuite, labLink } from '../src/index.ts';

function handle(vnet: Vnet, name: string): if_t {
  const ifp = ifunit(vnet, name);
  if (ifp === null) throw new Error(`${name} is not there`);
  return ifp.handle;
}

const cloned =
  (name: string, params?: unknown) =>
  (kernel: Kernel, vnet: Vnet): { a: if_t; b: if_t } => {
    const r = ifCloneCreate(kernel.service(IFNET_CORE), vnet, name, params);
    expect(r.errno).toBe(0);
    return { a: handle(vnet, `${name}0a`), b: handle(vnet, `${name}0b`) };
  };

const destroy = (kernel: Kernel, a: if_t): void => {
  expect(ifCloneDestroy(kernel.service(IFNET_CORE), kernel.service(IFNET_KPI).ifGetVnet(a), ifnetOf(a).name)).toBe(0);
};

ifnetDriverSuite({ describe, it, expect }, 'drv-epair', { mod: epair, make: cloned('epair'), destroy });
ifnetDriverSuite({ describe, it, expect }, 'drv-lab', { mod: labLink, make: cloned('lab'), destroy });
ifnetDriverSuite({ describe, it, expect }, 'drv-lab with delay and bandwidth', { mod: labLink, make: cloned('lab', { delayUs: 2000, bandwidth: 100e6, queueLimit: 1000 }), destroy });
ifnetDriverSuite({ describe, it, expect }, 'drv-loop', {
  mod: loop,
  make: (_kernel, vnet) => ({ a: handle(vnet, 'lo0'), b: handle(vnet, 'lo0') }),
  without: ['move', 'linkstate', 'bpf'],
});
