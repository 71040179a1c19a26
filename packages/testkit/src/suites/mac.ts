import { ELAST } from '@ns/errno';
import { Kernel, type ModuleDecl, randomBelow, SeededRandom, virtualHost } from '@ns/kern';
import { mac } from '@ns/mac';
import { MAC, macChecks, type MacCred, type MacHooks, type MacInpcb, type MacPolicy, type MacSocket, MPC_LOADTIME_FLAG_NOTLATE, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { SOCK_DGRAM, SOCK_STREAM, Socket, soclose, socreate } from '@ns/socket';
import { createStack, type Stack } from '@ns/stack';
import { credSysctlReq } from '@ns/vnet';
import { AF_INET, AF_INET6, IN6ADDR_ANY, INADDR_ANY, InAddr, inAddr4, Sockaddr } from '@ns/wire';
import type { SuiteRunner } from './api.ts';

/** Questions that a policy is asked in one test. */
const QUESTIONS = 2000;

/** What a policy's author gives the suite. @public */
export interface MacPolicyUnderTest {
  /** Makes the declaration of the module, as `macPolicyModule` gives it. */
  readonly mod: () => ModuleDecl;
  /** Sysctls to set first, so that the policy has something to say. */
  readonly sysctls?: Readonly<Record<string, number | string>>;
}

/**
 * What every policy of mandatory access control must do, as a suite: it is a module that comes and goes and leaves nothing, in a kernel with and without sockets; its
 * settings stand under `security.mac`, belong to one kernel, and jails cannot write them; whatever it is asked it answers with an errno, and it changes nothing of what
 * it sees but its label.
 * @public
 */
export function macPolicySuite(t: SuiteRunner, put: MacPolicyUnderTest): void {
  const name = put.mod().name;
  t.describe(`${name}: conformance of a policy`, () => {
    comesAndGoes(t, name, put);
    settings(t, name, put);
    answers(t, name, put);
  });
}

function policyOf(kernel: Kernel, name: string): MacPolicy {
  const policy = kernel.service(MAC).find(name);
  if (policy === null) throw new Error(`no policy '${name}' is registered: a policy has the name of its module`);
  return policy;
}

const faultsOf = (kernel: Kernel): unknown => kernel.sysctl.sysctlGet('security.mac.faults', { vnet: kernel.vnets.vnet0, jailed: false }).value;

const flagOf = (policy: MacPolicy, flag: number): boolean => ((policy.loadtimeFlags ?? 0) & flag) !== 0;

/** A stack with the policy, set as its author wants it. */
function booted(put: MacPolicyUnderTest): Stack {
  const stack = createStack({ host: virtualHost(), extra: [put.mod()] });
  for (const [name, value] of Object.entries(put.sysctls ?? {})) stack.host.sysctl(name, value);
  return stack;
}

function comesAndGoes(t: SuiteRunner, name: string, put: MacPolicyUnderTest): void {
  t.it('is a module of the kind mac_<name> that needs module mac and nothing of the stack', () => {
    t.expect(/^mac_./.test(name), name).toBe(true);
    const kernel = new Kernel(virtualHost());
    t.expect(kernel.kldload(put.mod(), [mac()]).message).toBe('');
    t.expect(policyOf(kernel, name).fullname.length).toBeGreaterThan(0);
    t.expect(kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  t.it('is unloaded if it says so, and else refuses; nothing is left behind either way', () => {
    const kernel = new Kernel(virtualHost());
    kernel.kldload(mac());
    kernel.kldload(put.mod());
    const goes = flagOf(policyOf(kernel, name), MPC_LOADTIME_FLAG_UNLOADOK);
    t.expect(kernel.kldunload(name).errno === 0).toBe(goes);
    t.expect(macChecks(kernel) === null).toBe(goes);
    if (goes) t.expect(kernel.ledger.report()).toEqual([]);
    t.expect(faultsOf(kernel)).toBe(0);
    t.expect(kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  t.it('comes while sockets live, unless it says that it cannot, and goes before they do', () => {
    const stack = createStack({ host: virtualHost() });
    const { kernel, host } = stack;
    const so = socreate(host.vnet, AF_INET, SOCK_STREAM, 0, host.cred);
    if (!(so instanceof Socket)) throw new Error(`socket: ${so}`);
    const late = kernel.kldload(put.mod()).errno === 0;
    if (late) {
      const policy = policyOf(kernel, name);
      t.expect(flagOf(policy, MPC_LOADTIME_FLAG_NOTLATE)).toBe(false);
      const young = socreate(host.vnet, AF_INET, SOCK_STREAM, 0, host.cred);
      if (flagOf(policy, MPC_LOADTIME_FLAG_UNLOADOK)) {
        t.expect(kernel.kldunload(name)).toEqual({ errno: 0, message: '' });
        t.expect(kernel.kldload(put.mod()).errno).toBe(0);
      }
      if (young instanceof Socket) soclose(young);
    }
    soclose(so);
    t.expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
}

function settings(t: SuiteRunner, name: string, put: MacPolicyUnderTest): void {
  const prefix = `security.mac.${name.slice('mac_'.length)}`;

  t.it('has its settings under security.mac, and jails cannot write them', () => {
    const stack = booted(put);
    const jail = stack.jail({ name: 'inside', vnet: 'new' });
    for (const s of put.mod().sysctls ?? []) {
      t.expect(s.name === prefix || s.name.startsWith(`${prefix}.`), s.name).toBe(true);
      if (s.set === undefined || s.get === undefined) continue;
      const value = stack.kernel.sysctl.sysctlGet(s.name, credSysctlReq(stack.host.cred)).value;
      if (value !== null) t.expect(stack.kernel.sysctl.sysctlSet(s.name, value, credSysctlReq(jail.cred)).errno, s.name).toBeGreaterThan(0);
    }
  });

  t.it('keeps what is set to one kernel', () => {
    const [one, other] = [booted(put), createStack({ host: virtualHost(), extra: [put.mod()] })];
    t.expect(policyOf(one.kernel, name) === policyOf(other.kernel, name), 'one policy object in two kernels').toBe(false);
    for (const s of put.mod().sysctls ?? []) {
      if (s.type !== 'int' || s.set === undefined) continue;
      const before = other.host.sysctl(s.name);
      const value = Number(one.host.sysctl(s.name));
      const set = one.kernel.sysctl.sysctlSet(s.name, value === 0 ? 1 : value - 1, credSysctlReq(one.host.cred));
      if (set.errno === 0) t.expect(other.host.sysctl(s.name), s.name).toBe(before);
    }
  });
}

function answers(t: SuiteRunner, name: string, put: MacPolicyUnderTest): void {
  t.it('answers whatever it is asked with an errno, and changes nothing of what it sees but its label', () => {
    const stack = booted(put);
    const { kernel } = stack;
    const policy = policyOf(kernel, name);
    const rng = new SeededRandom(1);
    for (let i = 0; i < QUESTIONS; i++) {
      const q = question(rng, stack);
      const hook = policy[q.hook] as ((...args: readonly unknown[]) => unknown) | undefined;
      if (hook === undefined) continue;
      const answer = hook.apply(policy, q.args);
      t.expect(Number.isInteger(answer), `${q.hook} answers ${String(answer)}`).toBe(true);
      t.expect(answer as number).toBeGreaterThanOrEqual(0);
      t.expect(answer as number).toBeLessThanOrEqual(ELAST);
    }
    t.expect(faultsOf(kernel)).toBe(0);
  });

  t.it('labels sockets without a fault, and lives with those that are older than it', () => {
    const stack = booted(put);
    const { kernel, host } = stack;
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      const so = socreate(host.vnet, AF_INET, type, 0, host.cred);
      if (!(so instanceof Socket)) continue;
      const checks = macChecks(kernel) as MacHooks;
      const unlabelled: MacSocket = { domain: so.domain, type, protocol: so.protocol, fibnum: 0, cred: so.cred, lowport: false, label: null };
      for (const s of [so, unlabelled]) {
        checks.socketCheckSend(host.cred, s);
        checks.socketCheckReceive(host.cred, s);
        checks.socketNewconn(s, { ...unlabelled, label: null });
        checks.socketDestroyLabel({ ...unlabelled, label: s.label });
      }
      soclose(so);
    }
    t.expect(faultsOf(kernel)).toBe(0);
  });
}

interface Question {
  readonly hook: keyof MacHooks;
  readonly args: unknown[];
}

/** A question with arguments that are all possible, if not likely. What may not be changed cannot be. */
function question(rng: SeededRandom, stack: Stack): Question {
  const pick = <T>(list: readonly T[]): T => list[randomBelow(rng, list.length)] as T;
  const port = (): number => pick([0, 1, 22, 80, 443, 1023, 1024, 65535, randomBelow(rng, 65536)]);
  const word = (): number => randomBelow(rng, 0x100000000) | 0;
  const addr = (): InAddr => pick([INADDR_ANY, IN6ADDR_ANY, inAddr4(0x7f000001), inAddr4(word()), new InAddr(AF_INET6, word(), word(), word(), word(), 0)]);
  const jail = { jid: 1 + randomBelow(rng, 9), name: 'j', allow: Object.freeze({ reserved_ports: randomBelow(rng, 2) === 0 }) };
  const cred: () => MacCred = () => pick([stack.host.cred, Object.freeze({ uid: pick([0, 1, 80, 1001, 0xffffffff]), fibnum: 0, jail: pick([null, jail]) })]);
  const so: MacSocket = {
    domain: pick([AF_INET, AF_INET6]),
    type: pick([1, 2, 3]),
    protocol: pick([0, 1, 6, 17, 255]),
    fibnum: pick([0, 1]),
    cred: cred(),
    lowport: pick([false, true]),
    label: null,
  };
  Object.defineProperties(Object.seal(so), Object.fromEntries(Object.keys(so).map((key) => [key, { writable: key === 'label' }])));
  const inp: MacInpcb = Object.freeze({ cred: cred(), laddr: addr(), lport: port(), faddr: addr(), fport: port() });
  const to = Object.freeze(new Sockaddr(addr(), port()));
  return pick<Question>([
    { hook: 'credCheckVisible', args: [cred(), cred()] },
    { hook: 'inpcbCheckVisible', args: [cred(), inp] },
    { hook: 'socketCheckAccept', args: [cred(), so] },
    { hook: 'socketCheckBind', args: [cred(), so, to] },
    { hook: 'socketCheckConnect', args: [cred(), so, to] },
    { hook: 'socketCheckCreate', args: [cred(), so.domain, so.type, so.protocol] },
    { hook: 'socketCheckListen', args: [cred(), so] },
    { hook: 'socketCheckReceive', args: [cred(), so] },
    { hook: 'socketCheckSend', args: [cred(), so] },
    { hook: 'socketCheckVisible', args: [cred(), so] },
  ]);
}
