import { EACCES, EBUSY, EDOOFUS, EEXIST, EINPROGRESS, EINVAL, ENOENT, ENOMEM, EPERM, EWOULDBLOCK } from '@ns/errno';
import { Kernel, type ModuleDecl, type VirtualHost, virtualHost } from '@ns/kern';
import {
  MAC,
  MAC_HOOKS,
  MAC_MAX_SLOTS,
  MAC_POLICIES_EVENT,
  MAC_VERSION,
  macChecks,
  type MacCred,
  type MacHooks,
  type MacPolicy,
  macPolicyDeregister,
  macPolicyModule,
  macPolicyRegister,
  MacSlot,
  type MacSocket,
  MPC_LOADTIME_FLAG_NOTLATE,
  MPC_LOADTIME_FLAG_UNLOADOK,
} from '@ns/mac-kpi';
import { describe, expect, it } from 'vitest';
import { mac } from '../src/index.ts';

const cred: MacCred = { uid: 5, fibnum: 0, jail: null };
const socket = (): MacSocket => ({ domain: 2, type: 1, protocol: 6, fibnum: 0, cred, lowport: false, label: null });

interface Lab {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  /** Whom to ask now. */
  checks(): MacHooks;
}

function lab(): Lab {
  const host = virtualHost();
  const kernel = new Kernel(host);
  expect(kernel.kldload(mac()).errno).toBe(0);
  return {
    host,
    kernel,
    checks: () => {
      const checks = macChecks(kernel);
      if (checks === null) throw new Error('no policy');
      return checks;
    },
  };
}

const policy = (name: string, more: Partial<MacPolicy> = {}): MacPolicy => ({
  name: `mac_${name}`,
  fullname: `The ${name} policy`,
  version: MAC_VERSION,
  loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK,
  ...more,
});
const module = (name: string, more: Partial<MacPolicy> = {}, decl: Partial<ModuleDecl> = {}): ModuleDecl => macPolicyModule(name, () => policy(name, more), decl);
const texts = (l: Lab): string[] => l.host.logged.map((e) => e.text);
const sysctl = (l: Lab, name: string): unknown => l.kernel.sysctl.sysctlGet(`security.mac.${name}`, { vnet: l.kernel.vnets.vnet0, jailed: false }).value;

describe('policies together', () => {
  it('are all asked, and the errno that says most is the answer', () => {
    const l = lab();
    const asked: string[] = [];
    const says = (name: string, errno: number): MacPolicy =>
      policy(name, {
        socketCheckListen: () => {
          asked.push(name);
          return errno;
        },
      });
    for (const p of [says('a', EPERM), says('b', 0), says('c', EACCES), policy('d')]) expect(macPolicyRegister(l.kernel, p)).toBe(0);
    expect(l.checks().socketCheckListen(cred, socket())).toBe(EACCES);
    expect(asked).toEqual(['a', 'b', 'c']);
    expect(l.checks().socketCheckAccept(cred, socket())).toBe(0);
  });

  it('are asked as they are: literals, frozen ones, and instances of a class', () => {
    const l = lab();
    class Policy implements MacPolicy {
      readonly name = 'mac_class';
      readonly fullname = 'Class';
      readonly version = MAC_VERSION;
      readonly loadtimeFlags = MPC_LOADTIME_FLAG_UNLOADOK;
      private readonly uid = 5;
      socketCheckSend(c: MacCred): number {
        return c.uid === this.uid ? EPERM : 0;
      }
    }
    expect(macPolicyRegister(l.kernel, new Policy())).toBe(0);
    expect(macPolicyRegister(l.kernel, Object.freeze(policy('frozen', { socketCheckBind: () => EACCES })))).toBe(0);
    expect(l.checks().socketCheckSend(cred, socket())).toBe(EPERM);
    expect(l.checks().socketCheckSend({ ...cred, uid: 6 }, socket())).toBe(0);
    expect(l.checks().socketCheckBind(cred, socket(), {} as never)).toBe(EACCES);
  });

  it('are told by an event when they come and go; two kernels share nothing', () => {
    const l = lab();
    const other = lab();
    const seen: (MacHooks | null)[] = [];
    const tag = l.kernel.events.register(MAC_POLICIES_EVENT, (checks) => void seen.push(checks));
    const a = policy('a');
    macPolicyRegister(l.kernel, a);
    expect(seen).toEqual([l.checks()]);
    expect(macChecks(other.kernel)).toBeNull();
    expect(macPolicyRegister(other.kernel, policy('a'))).toBe(0);
    macPolicyDeregister(l.kernel, a);
    expect(seen[1]).toBeNull();
    expect(macChecks(other.kernel)).not.toBeNull();
    l.kernel.events.deregister(tag);
  });

  it('are counted in security.mac', () => {
    const l = lab();
    expect([sysctl(l, 'version'), sysctl(l, 'max_slots'), sysctl(l, 'labeled'), sysctl(l, 'faults')]).toEqual([1, 4, 0, 0]);
    macPolicyRegister(l.kernel, policy('a', { slot: new MacSlot() }));
    expect(sysctl(l, 'labeled')).toBe(0x10);
  });
});

describe('registration', () => {
  it.each([
    ['a version that lies', { version: 2 as never }, 'is for version 2 of the interface, this is 1'],
    ['no version', { version: undefined as never }, 'is for version undefined'],
    ['no name', { name: '' }, 'has no name'],
    ['a hook that is no function', { socketCheckBind: 13 as never }, 'has a socketCheckBind that is no function'],
    ['a destroy that is no function', { destroy: true as never }, 'has a destroy that is no function'],
    ['a misspelt hook', { socketCheckBnd: () => EACCES } as never, 'has a socketCheckBnd, which nobody asks'],
    ['flags that do not exist', { loadtimeFlags: 64 }, 'has load-time flags 64'],
  ])('%s: EINVAL, and the log says why', (_name, more, text) => {
    const l = lab();
    expect(macPolicyRegister(l.kernel, policy('x', more as Partial<MacPolicy>))).toBe(EINVAL);
    expect(texts(l).some((t) => t.includes(text))).toBe(true);
    expect(macChecks(l.kernel)).toBeNull();
    expect(l.kernel.ledger.total('macpolicy')).toBe(0);
  });

  it('a misspelt method of a class: EINVAL', () => {
    const l = lab();
    class Policy {
      name = 'mac_c';
      fullname = 'c';
      version = MAC_VERSION;
      socketcheckBind = 1; // no hook by its name: nothing to say about it
      socketCheckBinding(): number {
        return EACCES;
      }
    }
    expect(macPolicyRegister(l.kernel, new Policy() as unknown as MacPolicy)).toBe(EINVAL);
  });

  it('twice: EEXIST, and once out the first is gone', () => {
    const l = lab();
    const a = policy('a', { slot: new MacSlot() });
    expect(macPolicyRegister(l.kernel, a)).toBe(0);
    expect(macPolicyRegister(l.kernel, a)).toBe(EEXIST);
    expect(macPolicyRegister(l.kernel, policy('a'))).toBe(EEXIST);
    expect(l.kernel.kldload(module('a')).errno).toBe(EEXIST);
    expect(macPolicyDeregister(l.kernel, policy('a'))).toBe(ENOENT);
    expect(macPolicyDeregister(l.kernel, a)).toBe(0);
    expect(macPolicyDeregister(l.kernel, a)).toBe(ENOENT);
    expect(l.kernel.kldload(module('a')).errno).toBe(0);
  });

  it('slots: one for each policy, as many as there are, and free again afterwards', () => {
    const l = lab();
    const made = Array.from({ length: MAC_MAX_SLOTS }, (_, i) => policy(`p${i}`, { slot: new MacSlot() }));
    for (const p of made) expect(macPolicyRegister(l.kernel, p)).toBe(0);
    expect(macPolicyRegister(l.kernel, policy('more', { slot: new MacSlot() }))).toBe(ENOMEM);
    expect(macPolicyRegister(l.kernel, policy('thief', { slot: made[0]!.slot as MacSlot<unknown> }))).toBe(EINVAL);
    expect(macPolicyDeregister(l.kernel, made[2]!)).toBe(0);
    const late = new MacSlot<string>();
    expect(macPolicyRegister(l.kernel, policy('more', { slot: late }))).toBe(0);
    expect(late.slotnum).toBe(2);
  });

  it('a module whose policy has another name, or cannot be made: the load fails and is undone', () => {
    const l = lab();
    expect(l.kernel.kldload(macPolicyModule('a', () => policy('b'))).errno).toBe(EINVAL);
    const made = (): MacPolicy => {
      throw new Error('no');
    };
    expect(l.kernel.kldload(macPolicyModule('a', made)).errno).toBe(EDOOFUS);
    expect(macChecks(l.kernel)).toBeNull();
    const sysctls = [{ name: 'security.mac.version' }] as never;
    expect(l.kernel.kldload(module('a', { loadtimeFlags: 0 }, { sysctls })).errno).not.toBe(0);
    expect(macChecks(l.kernel)).toBeNull();
    expect(l.kernel.ledger.report()).toEqual([]);
  });
});

describe('unloading', () => {
  it('with MPC_LOADTIME_FLAG_UNLOADOK: the policy is asked no more, and its destroy runs once', () => {
    const l = lab();
    let destroyed = 0;
    l.kernel.kldload(module('a', { socketCheckSend: () => EACCES, destroy: () => void destroyed++ }));
    const old = l.checks();
    expect(l.kernel.kldunload('mac')).toMatchObject({ errno: EBUSY });
    expect(l.kernel.kldunload('mac_a')).toEqual({ errno: 0, message: '' });
    expect(destroyed).toBe(1);
    expect(macChecks(l.kernel)).toBeNull();
    expect(old.socketCheckSend(cred, socket())).toBe(0);
    expect(l.kernel.ledger.report()).toEqual([]);
    expect(l.kernel.kldunload('mac').errno).toBe(0);
  });

  it('without it: EBUSY, even by force, and the ledger names the policy; the kernel can still go', () => {
    const l = lab();
    l.kernel.kldload(module('a', { loadtimeFlags: 0 }));
    const holders = [{ kind: 'macpolicy', name: 'mac_a', module: 'mac_a', count: 1 }];
    expect(l.kernel.kldunload('mac_a')).toMatchObject({ errno: EBUSY, message: "module 'mac_a' is held by 1 macpolicy mac_a", holders });
    expect(l.kernel.kldunload('mac_a', true)).toMatchObject({ errno: EBUSY, holders });
    const p = l.kernel.service(MAC).find('mac_a') as MacPolicy;
    expect(macPolicyDeregister(l.kernel, p)).toBe(EBUSY);
    expect(l.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('a policy that was registered without a module keeps module mac', () => {
    const l = lab();
    macPolicyRegister(l.kernel, policy('a'));
    expect(l.kernel.kldunload('mac')).toMatchObject({ errno: EBUSY, message: "module 'mac' is held by 1 macpolicy mac_a" });
    expect(l.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('while a hook of it runs: EBUSY, from the hook itself and from that of another policy below it', () => {
    const l = lab();
    const results: number[] = [];
    l.kernel.kldload(
      module('a', {
        socketCheckSend: () => {
          results.push(l.kernel.kldunload('mac_a').errno, l.kernel.kldunload('mac_a', true).errno);
          results.push(macPolicyDeregister(l.kernel, l.kernel.service(MAC).find('mac_a') as MacPolicy));
          return 0;
        },
      }),
    );
    expect(l.checks().socketCheckSend(cred, socket())).toBe(0);
    expect(results).toEqual([EBUSY, EBUSY, EBUSY]);
    expect(l.kernel.kldunload('mac_a').errno).toBe(0);
  });

  it('by the hook of another policy in the middle of a question: it is not asked any more', () => {
    const l = lab();
    l.kernel.kldload(module('a', { socketCheckSend: () => l.kernel.kldunload('mac_b').errno }));
    l.kernel.kldload(module('b', { socketCheckSend: () => EACCES }));
    expect(l.checks().socketCheckSend(cred, socket())).toBe(0);
    expect(l.kernel.isLoaded('mac_b')).toBe(false);
  });

  it('does not show labels of the old policy to the new one in its slot', () => {
    const l = lab();
    const so = socket();
    const first = new MacSlot<string>();
    const a = policy('a', { slot: first });
    macPolicyRegister(l.kernel, a);
    first.set(so, 'secret');
    macPolicyDeregister(l.kernel, a);
    const second = new MacSlot<string>();
    macPolicyRegister(l.kernel, policy('b', { slot: second }));
    expect(second.slotnum).toBe(0);
    expect([first.get(so), second.get(so)]).toEqual([null, null]);
  });

  it('MPC_LOADTIME_FLAG_NOTLATE: refused (EBUSY) when there are sockets', () => {
    const l = lab();
    const early = { loadtimeFlags: MPC_LOADTIME_FLAG_NOTLATE | MPC_LOADTIME_FLAG_UNLOADOK };
    expect(l.kernel.kldload(module('a', early)).errno).toBe(0);
    const lease = l.kernel.vnets.vnet0.ledger.take('socket', 'tcp4');
    expect(l.kernel.kldload(module('b', early)).errno).toBe(EBUSY);
    lease.release();
    expect(l.kernel.kldload(module('b', early)).errno).toBe(0);
  });
});

describe('a policy that misbehaves', () => {
  const odd: readonly [string, () => unknown][] = [
    ['throws', () => { throw new Error('oops'); }],
    ['throws nothing', () => { throw undefined; }],
    ['throws what has no text', () => { throw { toString: () => { throw new Error('again'); } }; }],
    ['forgets to answer', () => undefined],
    ['answers true', () => true],
    ['answers a negative errno', () => -EACCES],
    ['answers NaN', () => NaN],
    ['answers half an errno', () => 1.5],
    ['answers no errno', () => 4711],
    ['answers a promise', () => Promise.resolve(0)],
    ['asks to come back', () => EWOULDBLOCK],
    ['says it is under way', () => EINPROGRESS],
  ];

  it.each(odd)('%s: EACCES, counted, one line in the log', (_name, hook) => {
    const l = lab();
    const hooks = Object.fromEntries(MAC_HOOKS.map((name) => [name, hook]));
    macPolicyRegister(l.kernel, policy('odd', hooks as Partial<MacPolicy>));
    const before = texts(l).length;
    for (const name of MAC_HOOKS) {
      if (name === 'socketDestroyLabel') continue;
      expect((l.checks()[name] as () => number)()).toBe(EACCES);
    }
    expect(sysctl(l, 'faults')).toBe(MAC_HOOKS.length - 1);
    expect(texts(l).slice(before)).toEqual([expect.stringMatching(/^policy mac_odd: credCheckVisible (threw|answered).*; refused$/)]);
    expect(l.kernel.ledger.total('machook')).toBe(0);
  });

  it('calls itself for ever: EACCES', () => {
    const l = lab();
    const again: () => number = () => l.checks().socketCheckSend(cred, socket());
    macPolicyRegister(l.kernel, policy('deep', { socketCheckSend: again }));
    expect(l.checks().socketCheckSend(cred, socket())).toBe(EACCES);
    expect(l.kernel.ledger.total('machook')).toBe(0);
  });

  it('does not keep the others from being asked, and throws from destroy and socketDestroyLabel without harm', () => {
    const l = lab();
    const fail = (): never => {
      throw new Error('no');
    };
    const bad = policy('bad', { socketCheckSend: fail, socketDestroyLabel: fail, destroy: fail });
    macPolicyRegister(l.kernel, bad);
    let asked = 0;
    const count = (): number => (asked++, 0);
    macPolicyRegister(l.kernel, policy('good', { socketCheckSend: count, socketDestroyLabel: () => void asked++ }));
    expect(l.checks().socketCheckSend(cred, socket())).toBe(EACCES);
    l.checks().socketDestroyLabel(socket());
    expect(asked).toBe(2);
    expect(macPolicyDeregister(l.kernel, bad)).toBe(0);
    expect(l.checks().socketCheckSend(cred, socket())).toBe(0);
    expect(sysctl(l, 'faults')).toBe(3);
  });
});
