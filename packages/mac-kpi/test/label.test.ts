import { EACCES, EDEADLK, EINVAL, EIO, ENOENT, ENOMEM, ENXIO, EPERM, ESRCH } from '@ns/errno';
import { Kernel, virtualHost } from '@ns/kern';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAC_VERSION, macChecks, macErrorSelect, type MacObject, type MacPolicy, macPolicyDeregister, macPolicyModule, macPolicyRegister, MacSlot } from '../src/index.ts';

describe('macErrorSelect', () => {
  const order = [EDEADLK, EINVAL, ESRCH, ENOENT, EACCES, EPERM];

  it('prefers what says more, whoever says it', () => {
    for (const [i, better] of order.entries()) {
      for (const worse of [...order.slice(i), EIO, 0]) {
        expect(macErrorSelect(better, worse)).toBe(better);
        expect(macErrorSelect(worse, better)).toBe(better);
      }
    }
  });

  it('allows only if both allow, and takes the first of two others', () => {
    expect(macErrorSelect(0, 0)).toBe(0);
    expect(macErrorSelect(EIO, 0)).toBe(EIO);
    expect(macErrorSelect(0, EIO)).toBe(EIO);
    expect(macErrorSelect(EIO, ENOMEM)).toBe(EIO);
  });

  it('gives an answer of one of the two, and does not mind how three are put together', () => {
    const errno = fc.constantFrom(0, ...order, EIO);
    fc.assert(
      fc.property(errno, errno, errno, (a, b, c) => {
        expect([a, b]).toContain(macErrorSelect(a, b));
        expect(macErrorSelect(macErrorSelect(a, b), c)).toBe(macErrorSelect(a, macErrorSelect(b, c)));
      }),
    );
  });
});

describe('MacSlot', () => {
  const object = (): MacObject => ({ label: null });

  it('keeps one value for each object and slot', () => {
    const a = new MacSlot<string>();
    const b = new MacSlot<number>();
    a.assign(0);
    b.assign(1);
    const x = object();
    const y = object();
    a.set(x, 'x');
    b.set(x, 1);
    a.set(y, 'y');
    expect([a.get(x), b.get(x), a.get(y), b.get(y)]).toEqual(['x', 1, 'y', null]);
    a.set(x, 'again');
    expect(a.get(x)).toBe('again');
  });

  it('shows nothing to a later owner of its number, nor to itself when it has none', () => {
    const old = new MacSlot<string>();
    const x = object();
    expect(() => old.set(x, 'too early')).toThrow('not registered');
    expect(x.label).toBeNull();
    old.assign(2);
    old.set(x, 'secret');
    old.assign(-1);
    expect(old.get(x)).toBeNull();
    const next = new MacSlot<string>();
    next.assign(2);
    expect(next.get(x)).toBeNull();
  });
});

describe('without module mac', () => {
  it('there is nobody to ask and nowhere to register', () => {
    const kernel = new Kernel(virtualHost());
    const policy: MacPolicy = { name: 'mac_x', fullname: 'x', version: MAC_VERSION };
    expect(macChecks(kernel)).toBeNull();
    expect(macPolicyRegister(kernel, policy)).toBe(ENXIO);
    expect(macPolicyDeregister(kernel, policy)).toBe(ENXIO);
    expect(kernel.kldload(macPolicyModule('x', () => policy))).toMatchObject({ errno: ENOENT, message: expect.stringContaining("needs 'mac' version 1") as string });
  });
});
