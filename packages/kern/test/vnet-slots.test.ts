import { describe, expect, it } from 'vitest';
import { lab, mode } from './helpers.ts';

// The suite of the vnets again, with the other way to keep variables.
mode.storage = 'slots';

describe('V08 T141 with the variables of each vnet in an array', async () => {
  it('is what these kernels do', () => {
    const read = (tunables: Record<string, string>): unknown => {
      const { k } = lab(tunables);
      return k.sysctl.sysctlGet('kern.vnet.storage', { vnet: k.vnets.vnet0, jailed: false }).value;
    };
    expect([read({}), read({ 'kern.vnet.storage': 'map' }), read({ 'kern.vnet.storage': 'nonsense' })]).toEqual(['slots', 'map', 'map']);
  });

  await import('./vnet.test.ts');
});
