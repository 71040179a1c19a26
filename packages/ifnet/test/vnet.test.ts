import { EBUSY, EEXIST, EINVAL, ENOSPC, ENXIO } from '@ns/errno';
import { BpfD } from '@ns/bpf';
import { loop } from '@ns/drv-loop';
import {
  IF_ATTACH_VERSION,
  type if_t,
  type IfCloner,
  IFF_UP,
  type IfReq,
  SIOCAIFADDR,
  SIOCIFCREATE,
  SIOCIFDESTROY,
  SIOCIFGCLONERS,
  SIOCSIFNAME,
  SIOCSIFRVNET,
  SIOCSIFVNET,
} from '@ns/ifnet-kpi';
import { IF_CLONE_EVENT, ifAddAddr, ifBpf, IFADDR_EVENT_EXT, ifioctl, type Ifnet, IFNET, IFNET_ARRIVAL_EVENT, IFNET_DEPARTURE_EVENT, ifUp, ifunit, ifVmove, loifOf } from '@ns/ifnet';
import type { Vnet } from '@ns/kern';
import { crget, type Jail } from '@ns/vnet';
import { type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { eventLog, type Rig, rig, TEST_DRIVER, TestSoftc } from './rig.ts';

const ip = (text: string): InAddr => parseInAddr(text) as InAddr;
const ask = (r: Rig, req: IfReq, vnet = r.vnet0, cred = vnet === r.vnet0 ? r.root : crget(vnet)): number => ifioctl(vnet, req.cmd, req, cred);
const names = (v: Vnet): string[] => IFNET.get(v).list.map((i) => i.name);

function jail(r: Rig, name: string): Jail {
  const made = r.jails.jailSet({ name, vnet: 'new', persist: true });
  if (made.jail == null) throw new Error(`jail ${name}: ${made.message}`);
  return made.jail;
}

/** A cloner of test interfaces that logs what it does. */
function cloner(r: Rig, over: Partial<IfCloner> = {}, log: string[] = []): IfCloner {
  return {
    name: 'tst',
    create(vnet, unit, params) {
      log.push(`create ${vnet.id} ${unit} ${String(params)}`);
      return r.kpi.ifAttach(vnet, { version: IF_ATTACH_VERSION, drv: TEST_DRIVER, softc: new TestSoftc(), dunit: unit, lla: Uint8Array.of(2, 0, 0, 0, 0, unit) });
    },
    destroy(ifp: if_t) {
      log.push(`destroy ${r.kpi.ifName(ifp)}`);
      r.kpi.ifDetach(ifp);
      return 0;
    },
    ...over,
  };
}

describe('cloning', () => {
  it('makes any free unit, or the one that was named, and groups them', () => {
    const r = rig();
    const log: string[] = [];
    const events = eventLog(r.kernel, [IF_CLONE_EVENT]);
    expect(r.kpi.ifClonerRegister(cloner(r, {}, log))).toBe(0);
    expect(events.length).toBe(1);
    const make = (name: string, params?: unknown): string | number => {
      const req: IfReq = { cmd: SIOCIFCREATE, name, ...(params !== undefined && { params }) };
      const errno = ask(r, req);
      return errno === 0 ? (req as { created?: string }).created ?? '' : errno;
    };
    expect([make('tst'), make('tst7'), make('tst', 'p'), make('tst1'), make('tst00'), make('tst01'), make('nix'), make('tst99999')]).toEqual([
      'tst0', 'tst7', 'tst1', EEXIST, EINVAL, EINVAL, EINVAL, ENOSPC,
    ]);
    expect(log).toEqual(['create 0 0 undefined', 'create 0 7 undefined', 'create 0 1 p']);
    expect(ifunit(r.vnet0, 'tst0')?.groups).toEqual(['all', 'tst']);
    const list: IfReq = { cmd: SIOCIFGCLONERS };
    ask(r, list);
    expect(list).toMatchObject({ cloners: ['tst'] });
  });

  it('destroys by name, whatever it is called now, and the unit is free again', () => {
    const r = rig();
    r.kpi.ifClonerRegister(cloner(r));
    const hw = r.attach({ name: 'hw0' });
    hw.ifp.cloner = null;
    ask(r, { cmd: SIOCIFCREATE, name: 'tst0' });
    ask(r, { cmd: SIOCSIFNAME, name: 'tst0', newName: 'lan' });
    expect(ask(r, { cmd: SIOCIFCREATE, name: 'tst0' })).toBe(EEXIST); // the unit is in use
    expect(ask(r, { cmd: SIOCIFDESTROY, name: 'tst0' })).toBe(ENXIO);
    expect(ask(r, { cmd: SIOCIFDESTROY, name: 'hw0' })).toBe(EINVAL);
    expect(ask(r, { cmd: SIOCIFDESTROY, name: 'lan' })).toBe(0);
    expect(ask(r, { cmd: SIOCIFCREATE, name: 'tst0' })).toBe(0);
  });

  it('keeps minifs in every vnet, living and coming, which nobody can destroy', () => {
    const r = rig();
    const a = jail(r, 'a');
    r.kpi.ifClonerRegister(cloner(r, { minifs: 1 }));
    const b = jail(r, 'b');
    expect([names(r.vnet0), names(a.vnet), names(b.vnet)]).toEqual([['tst0'], ['tst0'], ['tst0']]);
    expect(ask(r, { cmd: SIOCIFDESTROY, name: 'tst0' })).toBe(EINVAL);
    expect(r.kpi.ifClonerUnregister('tst')).toBe(0);
    expect([names(r.vnet0), names(a.vnet), names(b.vnet)]).toEqual([[], [], []]);
  });

  it('refuses names that end in a digit, twice the same, and passes on what the cloner answers', () => {
    const r = rig();
    expect(r.kpi.ifClonerRegister(cloner(r, { name: 'tst4' }))).toBe(EINVAL);
    expect(r.kpi.ifClonerRegister(cloner(r, { create: () => ({ ok: false, errno: EBUSY }) }))).toBe(0);
    expect(r.kpi.ifClonerRegister(cloner(r))).toBe(EEXIST);
    expect(ask(r, { cmd: SIOCIFCREATE, name: 'tst' })).toBe(EBUSY);
    expect(names(r.vnet0)).toEqual([]);
  });
});

describe('moving between vnets', () => {
  it('lends to a jail and takes back: addresses, groups and state stay behind, identity comes along', () => {
    const r = rig();
    const j = jail(r, 'j');
    const { ifp, h, sc } = r.attach();
    ask(r, { cmd: SIOCAIFADDR, name: 'tst0', addr: { addr: ip('10.0.0.1'), prefixlen: 24 } });
    ifp.counters[0] = 5;
    r.kpi.ifInputDeferred(h, r.packet());
    const log = eventLog(r.kernel, [IFNET_ARRIVAL_EVENT, IFNET_DEPARTURE_EVENT, IFADDR_EVENT_EXT]);
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'tst0', jid: j.jid })).toBe(0);
    expect(log).toEqual(['ifaddr_event_ext tst0 10.0.0.1 1', 'ifnet_departure_event tst0', 'ifnet_arrival_event tst0']);
    expect([names(r.vnet0), names(j.vnet)]).toEqual([[], ['tst0']]);
    expect([ifp.vnet, ifp.homeVnet]).toEqual([j.vnet, r.vnet0]);
    expect([ifp.addrs.length, ifp.flags & IFF_UP, ifp.groups, ifp.index, ifp.counters[0], ifp.lladdr?.[5]]).toEqual([0, 0, ['all'], 1, 5, 1]);
    expect(sc.calls).toContain('reassign j');
    expect(r.kernel.mbufs.outstanding).toBe(0);
    expect([r.vnet0.ledger.total('ifnet'), j.vnet.ledger.total('ifnet')]).toEqual([0, 1]);
    expect(ask(r, { cmd: SIOCSIFRVNET, name: 'tst0', jid: j.jid })).toBe(0);
    expect([names(r.vnet0), names(j.vnet), r.kpi.ifUnit(r.vnet0, 'tst0')]).toEqual([['tst0'], [], h]);
  });

  it('takes the listeners of bpf off: they belong to the old stack', () => {
    const r = rig();
    const j = jail(r, 'j');
    const { ifp } = r.attach();
    const d = new BpfD();
    d.attach(ifBpf(ifp));
    expect(ifp.bpf).not.toBeNull();
    expect(ifVmove(ifp, j.vnet)).toBe(0);
    expect([ifp.bpf, d.interfaces]).toEqual([null, [null]]);
    expect(ifVmove(ifp, j.vnet)).toBe(EEXIST);
  });

  it('answers ENXIO, EEXIST, EBUSY and EINVAL as it must', () => {
    const r = rig();
    expect(r.kernel.kldload(loop()).message).toBe('');
    const j = jail(r, 'j');
    r.attach();
    r.attach({}, j.vnet);
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'tst0', jid: 777 })).toBe(ENXIO);
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'nix0', jid: j.jid })).toBe(ENXIO);
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'tst0', jid: j.jid })).toBe(EEXIST); // the name is taken there
    expect(ask(r, { cmd: SIOCSIFRVNET, name: 'tst0', jid: j.jid })).toBe(EEXIST);
    expect(ask(r, { cmd: SIOCSIFRVNET, name: 'nix0', jid: j.jid })).toBe(ENXIO);
    expect(ask(r, { cmd: SIOCSIFRVNET, name: 'tst0', jid: 777 })).toBe(ENXIO);
    r.attach({ name: 'own0' }, j.vnet);
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'own0', jid: j.jid }, j.vnet)).toBe(EEXIST); // where it is already
    ask(r, { cmd: SIOCSIFNAME, name: 'lo0', newName: 'lo9' });
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'lo9', jid: j.jid })).toBe(EINVAL);
    const mine = r.attach({ name: 'mine0' }).ifp;
    const answers: number[] = [];
    r.kernel.events.register(IFNET_DEPARTURE_EVENT, (ifp) => {
      if (ifp.name === 'own0') answers.push(ifVmove(mine, j.vnet));
    });
    r.jails.jailRemove(j.jid);
    expect(answers).toEqual([EBUSY]); // the vnet is being destroyed
  });

  it('lets a jail use its own, but not look outside', () => {
    const r = rig();
    const j = jail(r, 'j');
    const k = jail(r, 'k');
    r.attach({ name: 'in0' }, j.vnet);
    const root = crget(j);
    expect(ask(r, { cmd: SIOCAIFADDR, name: 'in0', addr: { addr: ip('10.0.0.1'), prefixlen: 24 } }, j.vnet, root)).toBe(0);
    expect(ask(r, { cmd: SIOCSIFVNET, name: 'in0', jid: k.jid }, j.vnet, root)).toBe(ENXIO);
  });

  it('goes home when the jail ends, under another name if its own is taken', () => {
    const r = rig();
    const j = jail(r, 'j');
    const { ifp } = r.attach();
    ask(r, { cmd: SIOCSIFVNET, name: 'tst0', jid: j.jid });
    ifUp(ifp);
    ifAddAddr(ifp, { addr: ip('10.0.0.1'), prefixlen: 24 });
    const other = r.attach().ifp;
    expect([ifp.name, other.name]).toEqual(['tst0', 'tst0']);
    const gone = r.jails.jailRemove(j.jid);
    expect(gone.reports).toEqual([{ id: j.vnet.id, name: 'j', leftovers: [], problems: [], clean: true }]);
    expect(names(r.vnet0)).toEqual(['tst0', 'tst1']);
    expect([ifp.vnet, ifp.name, ifp.addrs.length]).toEqual([r.vnet0, 'tst1', 0]);
  });

  it('what a jail cloned dies with it, lent out or not; hardware of a dead home stays where it is', () => {
    const r = rig();
    const outer = jail(r, 'o');
    r.kpi.ifClonerRegister(cloner(r));
    ask(r, { cmd: SIOCIFCREATE, name: 'tst5' }, outer.vnet);
    const lent = ifunit(outer.vnet, 'tst5') as Ifnet;
    expect(ifVmove(lent, r.vnet0)).toBe(0);
    const hw = r.attach({ name: 'hw0', drv: { name: 'hwx', type: 6, ops: TEST_DRIVER.ops } }, outer.vnet).ifp;
    ifVmove(hw, r.vnet0);
    expect(r.jails.jailRemove(outer.jid).reports.every((x) => x.clean)).toBe(true);
    expect(names(r.vnet0)).toEqual(['hw0']);
    expect(hw.homeVnet).toBe(r.vnet0);
    expect(r.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('a vnet is clean after anything was made in it', () => {
    const r = rig();
    expect(r.kernel.kldload(loop()).message).toBe('');
    r.kpi.ifClonerRegister(cloner(r));
    const j = jail(r, 'j');
    expect(loifOf(j.vnet)?.name).toBe('lo0');
    for (const name of ['tst', 'tst', 'tst3']) ask(r, { cmd: SIOCIFCREATE, name }, j.vnet);
    for (const ifp of IFNET.get(j.vnet).list) ifAddAddr(ifp, { addr: ip(`10.0.${ifp.index}.1`), prefixlen: 24 });
    r.attach({ name: 'hw0' }, j.vnet);
    const removed = r.jails.jailRemove(j.jid);
    expect(removed.reports).toMatchObject([{ clean: true }]);
    expect(r.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});
