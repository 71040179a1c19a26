import { EEXIST, ENOENT } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import { type Hhook, HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, hhookRun, Kernel, virtualHost } from '../src/index.ts';

const log: string[] = [];
const hook = (owner: string, id = HHOOK_TCP_EST_IN): Hhook => ({
  type: HHOOK_TYPE_TCP,
  id,
  func: (type, at, udata, ctx, osd) => void log.push(`${type}.${at} ${String(udata)} ${String(ctx)} ${String(osd)}`),
  udata: owner,
  owner,
});

describe('HhookTable', () => {
  it('counts hooks in the head, so that an idle point costs one comparison', () => {
    const k = new Kernel(virtualHost());
    const head = k.hhooks.headRegister(HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN, k.vnets.vnet0);
    if (head === null) throw new Error('no head');
    expect(head.nhooks).toBe(0);
    const h = hook('ertt');
    expect(k.hhooks.addHook(h)).toBe(0);
    expect(k.hhooks.addHook(hook('siftr'))).toBe(0);
    expect(head.nhooks).toBe(2);
    log.length = 0;
    if (head.nhooks > 0) hhookRun(head, 'ctx', 'osd');
    expect(log).toEqual(['1.0 ertt ctx osd', '1.0 siftr ctx osd']);
    expect(k.ledger.report().map((r) => r.name)).toEqual(['ertt', 'siftr']);
    expect(k.hhooks.removeHook(h)).toBe(0);
    expect(head.nhooks).toBe(1);
    expect(k.ledger.total('hook')).toBe(1);
  });

  it('knows EEXIST and ENOENT', () => {
    const k = new Kernel(virtualHost());
    const h = hook('a');
    expect(k.hhooks.addHook(h)).toBe(ENOENT); // no such point
    const head = k.hhooks.headRegister(HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN, null);
    if (head === null) throw new Error('no head');
    expect(k.hhooks.headRegister(HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN, null)).toBeNull();
    expect(k.hhooks.isVirtualised(HHOOK_TYPE_TCP, HHOOK_TCP_EST_IN)).toBe(false);
    expect(k.hhooks.addHook(h)).toBe(0);
    expect(k.hhooks.addHook({ ...h, owner: 'copy' })).toBe(EEXIST);
    expect(k.hhooks.addHook({ ...h, udata: 'other' })).toBe(0);
    expect(k.hhooks.removeHook({ ...h })).toBe(0);
    expect(k.hhooks.removeHook(h)).toBe(ENOENT);
    expect(k.hhooks.headDeregister(head)).toBe(0);
    expect(head.nhooks).toBe(0);
    expect(k.hhooks.headDeregister(head)).toBe(ENOENT);
  });

  it('puts a hook on the point of every vnet, living and coming', () => {
    const k = new Kernel(virtualHost());
    const vnets = k.vnets.claim('test');
    const head = (name: string) => {
      const vnet = vnets.alloc(name).vnet;
      const h = k.hhooks.headRegister(HHOOK_TYPE_TCP, HHOOK_TCP_EST_OUT, vnet);
      if (h === null) throw new Error('no head');
      return h;
    };
    const a = head('a');
    const b = head('b');
    const h = hook('ertt', HHOOK_TCP_EST_OUT);
    expect(k.hhooks.addHook(h)).toBe(0);
    const c = head('c');
    expect([a, b, c].map((x) => x.nhooks)).toEqual([1, 1, 1]);
    expect(k.hhooks.headLookup(HHOOK_TYPE_TCP, HHOOK_TCP_EST_OUT, b.vnet)).toBe(b);
    expect(k.hhooks.isVirtualised(HHOOK_TYPE_TCP, HHOOK_TCP_EST_OUT)).toBe(true);
    k.hhooks.removeHook(h);
    expect([a, b, c].map((x) => x.nhooks)).toEqual([0, 0, 0]);
  });

  it('lets a hook remove itself while it runs', () => {
    const k = new Kernel(virtualHost());
    const head = k.hhooks.headRegister(HHOOK_TYPE_TCP, 0, null);
    if (head === null) throw new Error('no head');
    const ran: string[] = [];
    const self: Hhook = { type: HHOOK_TYPE_TCP, id: 0, udata: null, owner: 'self', func: () => (ran.push('self'), void k.hhooks.removeHook(self)) };
    k.hhooks.addHook(self);
    k.hhooks.addHook({ ...self, owner: 'next', func: () => void ran.push('next') });
    hhookRun(head, null, null);
    hhookRun(head, null, null);
    expect(ran).toEqual(['self', 'next', 'next']);
  });
});
