import type { Inpcb } from '@ns/inpcb';
import { type MacCred, type MacFramework, type MacHooks, MAC_HOOKS, MAC_VERSION, type MacInpcb, type MacObject, type MacPolicy, MacSlot, type MacSocket } from '@ns/mac-kpi';
import type { Socket } from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { describe, expect, expectTypeOf, it } from 'vitest';

describe('what a policy sees', () => {
  it('is a view of the objects of the stack', () => {
    expectTypeOf<Ucred>().toExtend<MacCred>();
    expectTypeOf<Socket>().toExtend<MacSocket>();
    expectTypeOf<Inpcb>().toExtend<MacInpcb>();
    expectTypeOf<keyof MacSocket>().toEqualTypeOf<'domain' | 'type' | 'protocol' | 'fibnum' | 'cred' | 'lowport' | 'label'>();
    expectTypeOf<keyof MacInpcb>().toEqualTypeOf<'cred' | 'laddr' | 'lport' | 'faddr' | 'fport'>();
    expectTypeOf<keyof MacCred>().toEqualTypeOf<'uid' | 'fibnum' | 'jail'>();
  });

  it('cannot be changed, but for the label by a slot of its own type', () => {
    const so = {} as MacSocket;
    // @ts-expect-error read only
    expectTypeOf(() => (so.fibnum = 1)).toBeFunction();
    // @ts-expect-error of another type
    expectTypeOf(() => new MacSlot<number>().set(so, 'text')).toBeFunction();
    expectTypeOf(new MacSlot<number>().get({} as MacObject)).toEqualTypeOf<number | null>();
  });
});

describe('a policy', () => {
  it('has any of the hooks, and is held to their arguments', () => {
    const least: MacPolicy = { name: 'mac_x', fullname: 'x', version: MAC_VERSION };
    const slotted: MacPolicy = { ...least, slot: new MacSlot<{ n: number }>(), socketCheckSend: (cred) => cred.uid };
    // @ts-expect-error a hook answers a number
    const yes: MacPolicy = { ...least, socketCheckSend: () => true };
    // @ts-expect-error a version that there is not
    const old: MacPolicy = { ...least, version: 99 };
    expect([slotted, yes, old].length).toBe(3);
  });

  it('has names for all its hooks, and the framework asks them all', () => {
    expectTypeOf<(typeof MAC_HOOKS)[number]>().toEqualTypeOf<keyof MacHooks>();
    const all: Record<keyof MacHooks, true> = Object.fromEntries(MAC_HOOKS.map((h) => [h, true])) as Record<keyof MacHooks, true>;
    expect(Object.keys(all)).toEqual([...MAC_HOOKS]);
    expect(new Set(MAC_HOOKS).size).toBe(13);
    expectTypeOf<MacFramework['checks']>().toEqualTypeOf<MacHooks | null>();
  });
});
