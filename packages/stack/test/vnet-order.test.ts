import { INET, type InetDomain, inPcbAlloc, type InpcbInfo, SOCK_DGRAM } from '@ns/inpcb';
import { Kernel, type ModuleDecl, virtualHost, type Vnet } from '@ns/kern';
import { JAILS } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { createStack, defaultModules, Stack } from '../src/index.ts';
import { open, transfer } from './echo.ts';

/** Modules whose place in the order is shown; there may be others. */
const SHOWN: ReadonlySet<string> = new Set(['ifnet', 'route', 'ether', 'arp', 'ip', 'rawip', 'udp', 'tcp', 'socket']);

/** The default modules, with a note of each constructor and destructor of a vnet that is not the first. */
function traced(log: string[]): ModuleDecl[] {
  const note = (m: ModuleDecl, sign: string, subsystem: number, v: Vnet): void => {
    if (!v.isDefault) log.push(`${sign}${m.name}@${subsystem.toString(16)}`);
  };
  return defaultModules().map((m) => ({
    ...m,
    vnetInit: (m.vnetInit ?? []).map((s) => ({
      ...s,
      init: (v: Vnet) => {
        note(m, '+', s.subsystem, v);
        return s.init(v);
      },
      exit: (v: Vnet) => {
        note(m, '-', s.subsystem, v);
        s.exit?.(v);
      },
    })),
  }));
}

function boot(modules: readonly ModuleDecl[]): { host: ReturnType<typeof virtualHost>; stack: Stack } {
  const host = virtualHost({ seed: 2 });
  return { host, stack: createStack({ host, modules }) };
}

describe('the life of a vnet', () => {
  it('T119 V11 is built by subsystem and order, and taken down in the reverse', () => {
    const log: string[] = [];
    const { stack } = boot(traced(log));
    const jail = stack.jail({ name: 'j', vnet: 'new' });
    const up = log.splice(0);
    expect(up.filter((l) => SHOWN.has(l.slice(1, l.indexOf('@'))))).toMatchInlineSnapshot(`
      [
        "+ifnet@3000000",
        "+ifnet@7000000",
        "+route@8000000",
        "+arp@8400000",
        "+ether@8400000",
        "+ip@8800000",
        "+rawip@8800000",
        "+udp@8800000",
        "+tcp@8808000",
        "+ifnet@dc00000",
        "+socket@dc00000",
      ]
    `);
    expect(jail.remove()).toMatchObject([{ clean: true }]);
    expect(log.map((l) => l.slice(1))).toEqual(up.map((l) => l.slice(1)).reverse());
  });

  it('V13 has a destructor for each constructor, or nothing to undo', () => {
    const without = defaultModules().filter((m) => SHOWN.has(m.name)).flatMap((m) => (m.vnetInit ?? []).filter((s) => s.exit === undefined).map((s) => `${m.name}@${s.subsystem.toString(16)}`));
    // Routes of interfaces that were there before: the tables themselves are given back with the variable.
    expect(without).toMatchInlineSnapshot(`
      [
        "route@8000000",
      ]
    `);
    const vars = defaultModules().flatMap((m) => m.vnetVars ?? []);
    expect(vars.length).toBeGreaterThan(8);
  });

  it('T134 ends with one destructor of each module, and of each protocol of the domains', () => {
    const log: string[] = [];
    const { host, stack } = boot(traced(log));
    const jails = ['a', 'b'].map((name) => stack.jail({ name, vnet: 'new' }));
    for (const j of jails) {
      j.addAddress('lo0', '127.0.0.1/8');
      expect(transfer(host, j, '127.0.0.1', j, 1000)).toBe(1000);
    }
    const [a, b] = jails as [(typeof jails)[0], (typeof jails)[0]];
    const domain = INET.get(a.vnet);
    const gone: string[] = [];
    const deregister = domain.deregisterProto.bind(domain);
    domain.deregisterProto = (p) => {
      gone.push(p.name);
      deregister(p);
    };
    const protosOf = (d: InetDomain): string[] => [...new Set([...d.protosw, ...d.protosw6])].flatMap((p) => (p === null ? [] : [p.name]));
    const protos = protosOf(domain);
    log.length = 0;
    expect(a.remove()).toMatchObject([{ clean: true }]);
    expect(gone.sort()).toEqual(protos.sort());
    expect(new Set(gone).size).toBe(gone.length);
    expect(log.length).toBe(new Set(log).size);
    expect(protosOf(INET.get(b.vnet))).toHaveLength(protos.length);
    expect(transfer(host, b, '127.0.0.1', b, 1000, { port: 81 })).toBe(1000);
  });

  it('T118 leaves nothing; and what somebody leaks is named by its zone, with the protocol that could not go', () => {
    const { host, stack } = boot(defaultModules());
    const make = (name: string) => stack.jail({ name, vnet: 'new' });
    expect(make('good').remove()).toMatchObject([{ clean: true, leftovers: [] }]);
    const jail = make('leaky');
    const udp = INET.get(jail.vnet).infos.find((i) => i.zone === 'udp_inpcb') as InpcbInfo;
    inPcbAlloc(open(jail, SOCK_DGRAM), udp); // a pcb that no socket knows
    const [report] = jail.remove();
    expect(report).toMatchObject({ name: 'leaky', clean: false, leftovers: [{ kind: 'pcb', name: 'udp_inpcb', count: 1 }] });
    expect(report?.problems).toEqual([expect.stringContaining('udp')]);
    expect(host.logged.map((l) => l.text).join()).toContain('udp_inpcb');
    expect(make('next').remove()).toMatchObject([{ clean: true }]); // and harms nobody else
  });

  it('T85 runs no once-per-kernel initialiser again: a vnet after boot is no error, and cc_init ran once', () => {
    let once = 0;
    const modules = defaultModules().map((m) => ({
      ...m,
      sysinit: (m.sysinit ?? []).map((s) => ({ ...s, init: (k: Kernel) => (once++, s.init(k)) })),
    }));
    const { stack } = boot(modules);
    const booted = once;
    expect(booted).toBe(defaultModules().reduce((n, m) => n + (m.sysinit?.length ?? 0), 0));
    for (let i = 0; i < 5; i++) stack.jail({ name: `j${i}`, vnet: 'new' });
    expect(once).toBe(booted);
    for (const s of stack.kernel.sysinitStats()) if (!s.perVnet) expect(s.runs).toBe(1);
    const perVnet = stack.kernel.sysinitStats().filter((s) => s.perVnet && s.subsystem > 0x21e0000);
    expect(new Set(perVnet.map((s) => s.runs))).toEqual(new Set([6]));
    expect(perVnet.map((s) => s.module)).toContain('tcp');
  });

  it('T83 takes modules with no per-vnet variable, and with nothing at all', () => {
    const { stack } = boot([...defaultModules(), { name: 'empty', version: 1 }, { name: 'none', version: 1, vnetVars: [], vnetInit: [], sysinit: [], sysctls: [], depends: [] }]);
    expect(stack.jail({ name: 'j', vnet: 'new' }).remove()).toMatchObject([{ clean: true }]);
    for (const name of ['empty', 'none']) expect(stack.kernel.kldunload(name)).toEqual({ errno: 0, message: '' });
  });

  it('T84 does not mind the order in which modules are loaded, as long as each finds what it needs', () => {
    const modules = defaultModules();
    const names = (k: Kernel): string[] => k.kldstat().map((m) => m.name).slice(1);
    let order = modules.map((m) => m.name);
    for (let turn = 0; turn < modules.length; turn++) {
      // The list begun somewhere else, with what is missing taken from what is available.
      order = [...order.slice(5), ...order.slice(0, 5)];
      const host = virtualHost({ seed: 3 });
      const kernel = new Kernel(host);
      for (const name of order) {
        const mod = modules.find((m) => m.name === name) as ModuleDecl;
        const r = kernel.kldload(mod, modules);
        expect([r.message, r.errno]).toEqual(['', 0]);
      }
      expect(names(kernel).sort()).toEqual(modules.map((m) => m.name).sort());
      expect(kernel.service(JAILS).count).toBe(0);
      const stack = new Stack(kernel);
      stack.host.addAddress('lo0', '127.0.0.1/8');
      expect(transfer(host, stack.host, '127.0.0.1', stack.host, 5000)).toBe(5000);
      expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
    }
  });

  it('V11 is made in far less than the budget, and says where the time goes', () => {
    const stack = createStack();
    const times: number[] = [];
    for (let i = 0; i < 30; i++) {
      const t0 = performance.now();
      stack.jail({ name: `j${i}`, vnet: 'new' });
      times.push(performance.now() - t0);
    }
    expect(Math.min(...times)).toBeLessThan(20);
    const rows = stack.kernel.sysinitStats().filter((s) => s.perVnet);
    for (const s of rows) expect(s.totalUs).toBeGreaterThanOrEqual(s.maxUs);
    expect(rows.reduce((us, s) => us + s.totalUs, 0) / 1000).toBeLessThan(times.reduce((a, b) => a + b) + 100);
    stack.shutdown();
  });
});
