import { EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENOENT } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import { HELPER_CLASS_SOCKET, HELPER_CLASS_TCP, type Helper, HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, hhookRun, Kernel, khelpModule, type Osd, virtualHost } from '../src/index.ts';

interface Count {
  n: number;
  gone: boolean;
}

function helper(name: string, o: Partial<Helper<Count>> = {}): Helper<Count> {
  return {
    name,
    classes: HELPER_CLASS_TCP,
    ctor: () => ({ n: 0, gone: false }),
    dtor: (b) => {
      b.gone = true;
    },
    hooks: [{ type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_IN, func: (b) => b.n++ }],
    ...o,
  };
}

function kernel(): Kernel {
  const k = new Kernel(virtualHost());
  k.hhooks.headRegister(HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN, k.vnets.vnet0);
  return k;
}

describe('helpers (kern_khelp.c)', () => {
  it('T81 are registered, found by name and id, and get blocks for new objects of their class', () => {
    const k = kernel();
    const a = helper('a');
    const b = helper('b', { classes: HELPER_CLASS_SOCKET | HELPER_CLASS_TCP });
    expect([k.khelp.register(a, 'h-a'), k.khelp.register(b, 'h-b')]).toEqual([0, 0]);
    expect([k.khelp.getId('a'), k.khelp.getId('b'), k.khelp.getId('c'), k.khelp.nhelpers]).toEqual([0, 1, -1, 2]);
    const tcp = k.khelp.initOsd(HELPER_CLASS_TCP, null);
    const so = k.khelp.initOsd(HELPER_CLASS_SOCKET, null);
    expect([k.khelp.get(a, tcp), k.khelp.get(b, tcp), k.khelp.get(a, so), k.khelp.get(b, so)].map((x) => x !== null)).toEqual([true, true, false, true]);
    expect(k.khelp.getOsd(tcp, 1)).toBe(k.khelp.get(b, tcp));
    expect(k.khelp.getOsd(null, 1)).toBeNull();
    k.khelp.destroyOsd(tcp);
    k.khelp.destroyOsd(so);
    expect(k.ledger.total('osd')).toBe(0);
  });

  it('T81 a bad name, a name twice, a point that is not there: an errno, and nothing is left', () => {
    const k = kernel();
    const elsewhere = helper('x', {
      hooks: [
        { type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_IN, func: () => {} },
        { type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_OUT, func: () => {} },
      ],
    });
    expect(k.khelp.register(elsewhere, 'h-x')).toBe(ENOENT);
    expect(k.khelp.register(helper(''), 'h')).toBe(EINVAL);
    expect(k.khelp.register(helper('a-name-too-long-'), 'h')).toBe(ENAMETOOLONG);
    expect(k.khelp.register(helper('a'), 'h-a')).toBe(0);
    expect(k.khelp.register(helper('a'), 'h-a')).toBe(EEXIST);
    expect(k.khelp.deregister(helper('a'))).toBe(ENOENT); // another one of that name
    expect([k.khelp.nhelpers, k.ledger.total('hook')]).toEqual([1, 1]);
  });

  it('T81 objects that live already have no block: hooks pass them over, and they get one when their owner asks', () => {
    const k = kernel();
    const head = k.hhooks.headLookup(HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN, k.vnets.vnet0)!;
    const old = k.khelp.initOsd(HELPER_CLASS_TCP, null);
    const h = helper('late');
    expect(k.khelp.register(h, 'h-late')).toBe(0);
    for (const osd of [null, old]) hhookRun(head, 'ctx', osd);
    expect(k.khelp.get(h, old)).toBeNull();
    expect(k.khelp.initOsd(HELPER_CLASS_TCP, old)).toBe(old);
    hhookRun(head, 'ctx', old);
    const block = k.khelp.get(h, old)!;
    expect(block.n).toBe(1);
    expect(k.khelp.get(h, k.khelp.initOsd(HELPER_CLASS_TCP, old))).toBe(block); // it keeps what it has
  });

  it('T80 deregistering runs the destructor for every object, or refuses when that is asked for', () => {
    const k = kernel();
    const h = helper('a');
    k.khelp.register(h, 'h-a');
    const osds: Osd[] = Array.from({ length: 5 }, () => k.khelp.initOsd(HELPER_CLASS_TCP, null));
    const blocks = osds.map((o) => k.khelp.get(h, o)!);
    expect(k.khelp.deregister(h, true)).toBe(EBUSY);
    expect(blocks.some((b) => b.gone)).toBe(false);
    expect(k.khelp.deregister(h)).toBe(0);
    expect(blocks.every((b) => b.gone)).toBe(true);
    expect(osds.every((o) => o.blocks.every((b) => b === null))).toBe(true);
    expect([k.ledger.total('osd'), k.ledger.total('hook'), k.khelp.nhelpers]).toEqual([0, 0, 0]);
    // The id is free again, and no object shows the old blocks under it.
    const next = helper('b');
    k.khelp.register(next, 'h-b');
    expect(k.khelp.getId('b')).toBe(0);
    expect(k.khelp.get(next, osds[0]!)).toBeNull();
  });

  it('T81 a module of a helper is loaded and unloaded like any other, and two kernels share its declaration only', () => {
    const h = helper('count');
    const mod = khelpModule(h, 1, []);
    const [k, other] = [kernel(), kernel()];
    expect(k.kldload(mod).errno).toBe(0);
    const osd = k.khelp.initOsd(HELPER_CLASS_TCP, null);
    expect(k.khelp.get(h, osd)).not.toBeNull();
    expect(other.khelp.getId('count')).toBe(-1);
    expect(k.kldunload('h-count').errno).toBe(0);
    expect(k.khelp.getId('count')).toBe(-1);
    expect(k.ledger.total('osd')).toBe(0);
  });
});
