import { EEXIST, ENXIO } from '@ns/errno';
import {
  IF_ATTACH_VERSION,
  IF_DUNIT_NONE,
  type if_t,
  type IfAttachArgs,
  type IfAttachArgsV1,
  type IfDriver,
  type IfDriverV1,
  IFCAP_RXCSUM,
  IFCAP_TSO4,
  IFCAP_TXCSUM,
  IfSlotKey,
  IFT_ETHER,
  IFT_PPP,
  LINK_STATE_UP,
} from '@ns/ifnet-kpi';
import { IFADDR_EVENT_EXT, ifAddAddr, ifForeach, IFNET_ARRIVAL_EVENT, IFNET_DEPARTURE_EVENT, ifnetByIndex, ifnetOf, ifSnapshot, ifTransmit, ifunit } from '@ns/ifnet';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { parseInAddr } from '@ns/wire';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { eventLog, rig, TEST_DRIVER, TestSoftc } from './rig.ts';

describe('the handle', () => {
  it('I01 I20 shows nothing: no keys, no symbols, frozen, no type of its own to read', () => {
    const { h } = rig().attach();
    expect(Object.keys(h)).toEqual([]);
    expect(Reflect.ownKeys(h)).toEqual([]);
    expect(Object.isFrozen(h)).toBe(true);
    expect(JSON.stringify(h)).toBe('{}');
    expectTypeOf<keyof if_t>().not.toEqualTypeOf<string>();
    expectTypeOf(h).not.toHaveProperty('name');
  });

  it('I01 cannot be forged', () => {
    expect(() => ifnetOf({} as if_t)).toThrow(TypeError);
    expect(() => rig().kpi.ifName(Object.freeze({}) as if_t)).toThrow(TypeError);
  });

  it('is the same object for the life of the interface, and what packets carry', () => {
    const r = rig();
    const { h, ifp } = r.attach();
    expect(r.kpi.ifUnit(r.vnet0, 'tst0')).toBe(h);
    expect(r.kpi.ifByIndex(r.vnet0, 1)).toBe(h);
    expect(ifnetOf(h)).toBe(ifp);
  });
});

describe('I02 I03 accessors', () => {
  it('I03 each setter is read back by its getter', () => {
    const r = rig();
    const { h } = r.attach({ capabilities: IFCAP_TXCSUM | IFCAP_RXCSUM });
    const k = r.kpi;
    k.ifSetMtu(h, 1400);
    k.ifSetBaudrate(h, 1e9);
    k.ifSetDrvFlags(h, 0x440, 0);
    k.ifLinkStateChange(h, LINK_STATE_UP);
    k.ifSetCapenable(h, -1);
    k.ifSetLladdr(h, Uint8Array.of(2, 9, 9, 9, 9, 9));
    k.ifSetMedia(h, { list: [0x20], current: 0x20 });
    k.ifIncCounter(h, 0, 7);
    const SLOT = new IfSlotKey<string>('t');
    k.ifSetSlot(h, SLOT, 'x');
    expect([k.ifGetMtu(h), k.ifGetBaudrate(h), k.ifGetDrvFlags(h), k.ifGetLinkState(h)]).toEqual([1400, 1e9, 0x440, LINK_STATE_UP]);
    expect([k.ifGetCapenable(h), k.ifGetCapabilities(h)]).toEqual([3, 3]);
    expect(k.ifGetLladdr(h)).toEqual(Uint8Array.of(2, 9, 9, 9, 9, 9));
    expect(k.ifGetMedia(h)?.current).toBe(0x20);
    expect([k.ifGetCounter(h, 0), k.ifGetCounterDefault(h, 0)]).toEqual([7, 7]);
    expect(k.ifGetSlot(h, SLOT)).toBe('x');
    expect([k.ifName(h), k.ifGetDname(h), k.ifGetDunit(h), k.ifGetIndex(h), k.ifGetType(h)]).toEqual(['tst0', 'tst', 0, 1, IFT_ETHER]);
    expect([k.ifGetVnet(h), k.ifGetHomeVnet(h)]).toEqual([r.vnet0, r.vnet0]);
    expect(k.ifGetSoftc(h)).toBeInstanceOf(TestSoftc);
    k.ifSetCapabilities(h, IFCAP_RXCSUM);
    expect(k.ifGetCapenable(h)).toBe(IFCAP_RXCSUM);
  });

  it('I10 a plain interface has no slots, and the last one that goes takes the room along', () => {
    const r = rig();
    const { h, ifp } = r.attach();
    const SLOT = new IfSlotKey<number>('t');
    expect(ifp.slots).toBeNull();
    r.kpi.ifSetSlot(h, SLOT, 1);
    expect(ifp.slots?.size).toBe(1);
    r.kpi.ifSetSlot(h, SLOT, undefined);
    expect(ifp.slots).toBeNull();
  });
});

describe('attach', () => {
  it('I17 fails only for a name that was asked for and is taken', () => {
    const r = rig();
    const args = (over: Partial<IfAttachArgs>): IfAttachArgs => ({ version: IF_ATTACH_VERSION, drv: TEST_DRIVER, softc: new TestSoftc(), ...over });
    expect(r.kpi.ifAttach(r.vnet0, args({ name: 'em0' })).ok).toBe(true);
    expect(r.kpi.ifAttach(r.vnet0, args({ name: 'em0' }))).toEqual({ ok: false, errno: EEXIST });
    for (let i = 0; i < 5; i++) expect(r.kpi.ifAttach(r.vnet0, args({ dunit: 3 })).ok).toBe(true);
    const names: string[] = [];
    ifForeach(r.vnet0, (ifp) => names.push(ifp.name));
    expect(names).toEqual(['em0', 'tst3', 'tst0', 'tst1', 'tst2', 'tst4']);
  });

  it('I17 two drivers want one unit: the second gets another', () => {
    const r = rig();
    expect([r.attach({ dunit: 7 }).ifp.name, r.attach({ dunit: 7 }).ifp.name, r.attach({ dunit: IF_DUNIT_NONE, name: 'plain' }).ifp.name]).toEqual(['tst7', 'tst0', 'plain']);
  });

  it('I16 is done when it returns: never later, and packets flow at once', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    ifAddAddr(ifp, { addr: parseInAddr('10.0.0.1') as never, prefixlen: 24 });
    r.kpi.ifInput(h, r.packet());
    expect(r.got.length).toBe(1);
    expect(r.host.pending).toBe(0);
  });

  it('I18 takes one argument beside the vnet, with driver and instance data', () => {
    const r = rig();
    expectTypeOf(r.kpi.ifAttach).parameters.toEqualTypeOf<[typeof r.vnet0, IfAttachArgs | IfAttachArgsV1]>();
    expect(r.kpi.ifAttach.length).toBe(2);
  });

  it('I09 one frozen driver is shared by all instances, whatever kernel', () => {
    const drv: IfDriver = { name: 'shr', type: IFT_ETHER, ops: { transmit: (_i, m) => (mFreem(m), 0) } };
    const a = rig();
    const b = rig();
    const one = a.attach({ drv });
    const two = a.attach({ drv });
    const three = b.attach({ drv });
    expect(one.ifp.drv).toBe(drv);
    expect(two.ifp.drv).toBe(drv);
    expect(three.ifp.drv).toBe(drv);
    expect(Object.isFrozen(drv) && Object.isFrozen(drv.ops)).toBe(true);
    expect(() => ((drv as { name: string }).name = 'x')).toThrow(TypeError);
  });

  it('copies what it is given, so the driver may reuse its arrays', () => {
    const r = rig();
    const lla = Uint8Array.of(2, 0, 0, 0, 0, 5);
    const { ifp } = r.attach({ lla });
    lla[5] = 6;
    expect(ifp.lladdr?.[5]).toBe(5);
    expect(ifp.hwaddr?.[5]).toBe(5);
  });

  it('gives out the lowest free index and reuses it', () => {
    const r = rig();
    const [a, b, c] = [r.attach(), r.attach(), r.attach()];
    expect([a.ifp.index, b.ifp.index, c.ifp.index]).toEqual([1, 2, 3]);
    r.kpi.ifDetach(b.h);
    expect(ifnetByIndex(r.vnet0, 2)).toBeNull();
    expect(r.attach().ifp.index).toBe(2);
    expect(ifnetByIndex(r.vnet0, 99)).toBeNull();
  });

  it('I08 keeps only hot fields: an interface costs little', () => {
    const r = rig();
    const { ifp } = r.attach();
    expect(Object.keys(ifp).length).toBeLessThan(64);
    expect([ifp.slots, ifp.bpf, ifp.bpfIf, ifp.rxLayer]).toEqual([null, null, null, null]);
  });
});

describe('versions of the interface KPI', () => {
  /** A driver as it was built against version 1: frozen, never to be edited. */
  function driverV1(sent: Mbuf[]): IfDriverV1 {
    return Object.freeze({
      ifdrvName: 'old',
      ifdrvType: IFT_ETHER,
      ifdrvOps: Object.freeze({
        init: (softc: unknown) => void ((softc as { up: number }).up += 1),
        transmit: (_ifp: if_t, m: Mbuf) => (sent.push(m), 0),
        getCounter: (_ifp: if_t, id: number) => (id === 0 ? 42 : -1),
      }),
    });
  }

  it('I19 I25 I26 a driver of version 1 attaches and works like one of the present version', () => {
    const r = rig();
    const sent: Mbuf[] = [];
    const drv = driverV1(sent);
    const softc = { up: 0 };
    const args: IfAttachArgsV1 = {
      version: 1,
      ifatDrv: drv,
      ifatSoftc: softc,
      ifatDunit: 4,
      ifatLla: Uint8Array.of(2, 0, 0, 0, 0, 9),
      ifatCapabilities: IFCAP_TXCSUM | IFCAP_TSO4,
      ifatCapenable: IFCAP_TXCSUM | IFCAP_TSO4,
      ifatHwassist: 0xdead,
      ifatTsomax: 32768,
    };
    const got = r.kpi.ifAttach(r.vnet0, args);
    if (!got.ok) throw new Error('attach');
    const now = r.attach({ dunit: 4, lla: Uint8Array.of(2, 0, 0, 0, 0, 9), capabilities: 0x102, capenable: 0x102, tso: { maxBytes: 32768, maxSegs: 0, maxSegSize: 0 } });
    const old = ifSnapshot(ifnetOf(got.ifp));
    const present = ifSnapshot(now.ifp);
    const same = (s: typeof old): unknown => [s.mtu, s.type, s.flags & ~0x40, s.capabilities, s.capenable, s.hwassist, s.lladdr, s.hdrlen, s.addrlen, s.groups, s.dunit];
    expect(same(old)).toEqual(same(present));
    expect(r.kpi.ifGetTsoMax(got.ifp)).toBe(32768);
    expect(ifTransmit(ifnetOf(got.ifp), r.packet())).toBe(0);
    expect(sent.length).toBe(1);
    expect(r.kpi.ifGetCounter(got.ifp, 0)).toBe(42);
    expect(r.kpi.ifGetSoftc(got.ifp)).toBe(softc);
    ifAddAddr(ifnetOf(got.ifp), { addr: parseInAddr('10.0.0.1') as never, prefixlen: 24 });
    expect(softc.up).toBe(1);
  });

  it('I09 I25 instances of an old driver share one adapted driver', () => {
    const r = rig();
    const drv = driverV1([]);
    const one = r.kpi.ifAttach(r.vnet0, { version: 1, ifatDrv: drv, ifatSoftc: null });
    const two = r.kpi.ifAttach(r.vnet0, { version: 1, ifatDrv: drv, ifatSoftc: null });
    if (!one.ok || !two.ok) throw new Error('attach');
    expect(ifnetOf(one.ifp).drv).toBe(ifnetOf(two.ifp).drv);
  });

  it('I15 a driver without any optional method works', () => {
    const r = rig();
    const { ifp, h } = r.attach({ drv: { name: 'min', type: IFT_ETHER, ops: { transmit: (_i, m) => (mFreem(m), 0) } } });
    expect(ifp.flags & 0x40).toBe(0x40);
    expect(ifAddAddr(ifp, { addr: parseInAddr('10.1.0.1') as never, prefixlen: 24 })).toBe(0);
    expect(ifTransmit(ifp, r.packet())).toBe(0);
    expect(r.kpi.ifGetCounter(h, 2)).toBe(1);
    r.kpi.ifDetach(h);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });

  it('I27 what this stack does not know is ignored with a warning', () => {
    const r = rig();
    const future = { version: 3, drv: TEST_DRIVER, softc: new TestSoftc(), shinyNewThing: 1 } as unknown as IfAttachArgs;
    expect(r.kpi.ifAttach(r.vnet0, future).ok).toBe(true);
    const texts = r.host.logged.map((l) => l.text).join('\n');
    expect(texts).toContain("attach argument 'shinyNewThing' is not known");
    expect(texts).toContain('built for interface KPI 3');
  });
});

describe('detach', () => {
  it('brings down, takes addresses and announces, in this order, and frees what waits', () => {
    const r = rig();
    const { ifp, h, sc } = r.attach();
    ifAddAddr(ifp, { addr: parseInAddr('10.0.0.1') as never, prefixlen: 24 });
    r.kpi.ifInputDeferred(h, r.packet());
    const log = eventLog(r.kernel, [IFNET_ARRIVAL_EVENT, IFADDR_EVENT_EXT, IFNET_DEPARTURE_EVENT]);
    r.kpi.ifDetach(h);
    expect(log).toEqual(['ifaddr_event_ext tst0 10.0.0.1 1', 'ifnet_departure_event tst0']);
    expect(sc.calls).toEqual(['init', 'qflush', 'detach']);
    expect(r.kernel.mbufs.outstanding).toBe(0);
    expect(ifunit(r.vnet0, 'tst0')).toBeNull();
    expect(r.kpi.ifIsAttached(h)).toBe(false);
    expect(r.vnet0.ledger.total('ifnet')).toBe(0);
    r.kpi.ifDetach(h);
  });

  it('a dead handle takes packets and frees them', () => {
    const r = rig();
    const { ifp, h, sc } = r.attach();
    r.kpi.ifDetach(h);
    r.kpi.ifInput(h, r.packet());
    r.kpi.ifInputDeferred(h, r.packet());
    expect(ifTransmit(ifp, r.packet())).toBe(ENXIO);
    r.host.settle();
    expect(sc.sent).toEqual([]);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });

  it('a type that is registered later takes over interfaces that wait for it', () => {
    const r = rig();
    const { ifp } = r.attach({ drv: { name: 'ppp', type: IFT_PPP, ops: { transmit: (_i, m) => (mFreem(m), 0) } } });
    expect([ifp.iftype.name, ifp.hdrlen]).toEqual(['generic', 0]);
    expect(ifp.output(ifp, r.packet(), 2, parseInAddr('10.0.0.2') as never, null)).toBe(47);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });

  it('leaves nothing behind when the kernel stops', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    ifAddAddr(ifp, { addr: parseInAddr('10.0.0.1') as never, prefixlen: 24 });
    r.kpi.ifInputDeferred(h, r.packet());
    expect(r.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});
