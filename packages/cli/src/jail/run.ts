/*
 * What jail(8) does with its jails, one step at a time. Source: FreeBSD usr.sbin/jail/jail.c, command.c.
 */
import { EPERM, strerror } from '@ns/errno';
import { crSetfib, crSetuid, JAIL_CREATE, JAIL_DYING, JAIL_PARAMS, JAIL_UPDATE, jailInfo, type JailParams, type Jails, type Ucred } from '@ns/vnet';
import { type CliEnv, type CommandCtx, uidOf } from '../shell/command.ts';
import { JF_SET, JF_START, JF_STOP, type Schedule, type Task } from './depend.ts';
import { addrSpec, checkInternal, importParams } from './import.ts';
import { paramWords, quoted } from './print.ts';

/** A command for whoever drives the run; it is resumed with the exit code, or with {@link TIMED_OUT}. */
export interface Step {
  /** Words, or a line for the shell. */
  readonly line: string | readonly string[];
  readonly cred: Ucred;
  /** Goes on while the run does. */
  readonly background: boolean;
  /** Seconds after which it is ended; 0 = never. */
  readonly timeout: number;
}

/** Exit code of a {@link Step} that took too long. */
export const TIMED_OUT = -2;

/** Steps of a jail's start, and of its end, in order. `op` makes or removes it; what has a colon is done by ifconfig(8). */
const START_STEPS = ['exec.prepare', ':ip4.addr', ':ip6.addr', 'exec.prestart', 'op', 'exec.created', ':vnet.interface', 'exec.start', 'command', 'exec.poststart'] as const;
const STOP_STEPS = ['exec.prestop', 'exec.stop', 'op', 'exec.poststop', ':ip6.addr', ':ip4.addr', 'exec.release'] as const;
type StepName = (typeof START_STEPS)[number] | (typeof STOP_STEPS)[number];

/** How much is said, and how. */
export interface RunOptions {
  /** -1 with -q and -i, 1 with -v. */
  readonly verbose: number;
  /** The number of each new jail is printed (-i). */
  readonly ids: boolean;
  /** Jails that are being removed count too (-d). */
  readonly dying: boolean;
  /** Removals are told. */
  readonly noteRemove: boolean;
  /** Takes a line for each jail that is made (-J). */
  readonly onCreated: ((line: string) => void) | null;
}

type Steps<T> = Generator<Step, T, number>;

/** One call of jail(8), over the jails of a schedule. */
export class JailRun {
  private readonly ctx: CommandCtx;
  private readonly env: CliEnv;
  private readonly jails: Jails;
  private readonly cred: Ucred;
  private readonly s: Schedule;
  private readonly o: RunOptions;
  private failures: boolean;

  constructor(ctx: CommandCtx, jails: Jails, s: Schedule, o: RunOptions) {
    this.ctx = ctx;
    this.env = ctx.env;
    this.jails = jails;
    this.cred = ctx.cred;
    this.s = s;
    this.o = o;
    this.failures = false;
  }

  /** Goes through the queues; the result is the exit code. Source: main(). */
  *main(): Steps<number> {
    for (let t = this.s.next(); t !== null; t = this.s.next()) {
      if (t.jail.failed) {
        this.failures = true;
        this.s.done(t, false);
      } else yield* this.handle(t);
    }
    return this.failures ? 1 : 0;
  }

  private fail(t: Task): void {
    t.jail.failed = true;
    this.failures = true;
    this.s.done(t, false);
  }

  private note(t: Task, text: string): void {
    this.ctx.out(t.jail.name === null ? `${text}\n` : `${t.jail.name}: ${text}\n`);
  }

  /** Source: jail_quoted_warnx(). */
  private named(t: Task, message: string, unnamed: string): void {
    const who = t.jail.name ?? t.jail.text('jid') ?? t.jail.text('name');
    this.ctx.err(who === null ? `jail: ${unnamed}\n` : `jail: "${who}" ${message}\n`);
  }

  private *handle(t: Task): Steps<void> {
    if (!t.ready) {
      t.ready = true;
      if (!checkInternal(t.jail)) return this.fail(t);
      if ((t.op & (JF_START | JF_SET)) !== 0 && importParams(t.jail) === null) return this.fail(t);
    }
    if (t.jid === 0) this.lookUp(t);
    if (!this.settleOp(t)) return;
    if ((t.op & JF_STOP) !== 0) yield* this.stop(t);
    else if (t.op === JF_START) yield* this.start(t);
    else this.change(t);
  }

  /** Source: running_jid(). */
  private lookUp(t: Task): void {
    const [jid, name] = [t.jail.text('jid'), t.jail.text('name')];
    const dying = t.op === JF_SET && !t.depend && (this.o.dying || t.jail.bool('allow.dying'));
    if (jid === null && name === null) t.jid = -1;
    else t.jid = this.jails.jailGet(jid !== null ? { jid: Number(jid) || -1 } : { name: name as string }, dying ? JAIL_DYING : 0, this.cred).jail?.jid ?? -1;
  }

  /** Several bits of an op become one, by whether the jail runs. False if that cannot be. Source: main(), the first switch. */
  private settleOp(t: Task): boolean {
    const running = t.jid > 0;
    if (t.op === (JF_START | JF_SET)) t.op = running ? JF_SET : JF_START;
    else if ((t.op & (JF_SET | JF_STOP)) === (JF_SET | JF_STOP)) {
      if (!running && (t.op & JF_START) === 0) {
        this.named(t, 'not found', 'no jail specified');
        this.fail(t);
        return false;
      }
      t.op = !running ? JF_START : this.fixedDiffers(t, false) ? JF_START | JF_STOP : JF_SET;
      this.s.reset(t);
    }
    return true;
  }

  /** Whether parameters are asked for that only creation sets, with other values than the jail has; with `complain`, which is an error. Source: rdtun_params(). */
  private fixedDiffers(t: Task, complain: boolean): boolean {
    const jail = this.jails.find(t.jid, this.cred);
    const params = importParams(t.jail) as Record<string, unknown> | null;
    if (jail === null || params === null || t.compared) return false;
    t.compared = true;
    const info = jailInfo(this.jails, jail, this.cred);
    for (const d of JAIL_PARAMS) {
      if (d.settable !== 'create' || d.name === 'jid' || params[d.name] === undefined || String(params[d.name]) === String(info[d.name])) continue;
      if (complain) t.jail.fail(`${d.name} cannot be changed after creation`);
      return true;
    }
    return false;
  }

  private *start(t: Task): Steps<void> {
    if (t.jid > 0 && !t.depend && !t.wild) {
      this.named(t, 'already exists', '');
      return this.fail(t);
    }
    if (this.s.mustWait(t)) return;
    if (t.jail.failed) return this.fail(t);
    if (t.jid <= 0 && !(yield* this.bringUp(t))) return this.fail(t);
    this.clearPersist(t);
    this.o.onCreated?.(`jid=${t.jid} ${paramWords(t.jail, ' ')}`);
    this.s.done(t, false);
  }

  private change(t: Task): void {
    if (t.jid < 0 && !t.depend) {
      this.named(t, 'not found', 'no jail specified');
      return this.fail(t);
    }
    if (this.s.mustWait(t)) return;
    if (!t.depend && !t.jail.failed) {
      if (this.fixedDiffers(t, true) || !this.update(t)) return this.fail(t);
      if (this.o.verbose > 0 || (this.o.verbose === 0 && t.jail.name !== null)) this.note(t, 'updated');
    }
    if (t.jail.failed) this.failures = true;
    this.s.done(t, false);
  }

  private *stop(t: Task): Steps<void> {
    if (this.s.mustWait(t)) return;
    if (t.jail.failed) return this.fail(t);
    if (t.jid < 0) {
      if (!t.depend && !t.wild) {
        if (this.o.verbose >= 0) this.named(t, 'not found', 'no jail specified');
        return this.fail(t);
      }
    } else if (!(yield* this.bringDown(t))) return this.fail(t);
    this.s.done(t, false);
    if ((t.op & JF_START) !== 0 && !t.jail.failed) this.s.restart(t);
  }

  /** Makes a jail: step by step, and when one fails back again. Source: next_command(). */
  private *bringUp(t: Task): Steps<boolean> {
    for (let i = 0; i < START_STEPS.length; i++) {
      const step = START_STEPS[i] as StepName;
      const items = this.items(t, step);
      for (let k = 0; k < items.length; k++) {
        if (yield* this.step(t, step, items[k] as string, false)) continue;
        t.jail.failed = true;
        yield* this.undo(t, i, k);
        return false;
      }
    }
    return true;
  }

  private *undo(t: Task, from: number, item: number): Steps<void> {
    for (let i = from; i >= 0; i--) {
      const step = START_STEPS[i] as StepName;
      if (step !== 'op' && !step.startsWith(':')) continue;
      const items = this.items(t, step).slice(0, i === from ? item : undefined);
      for (const each of items.reverse()) yield* this.step(t, step, each, true);
    }
  }

  private *bringDown(t: Task): Steps<boolean> {
    let ok = true;
    for (const step of STOP_STEPS) {
      for (const item of this.items(t, step)) {
        if (yield* this.step(t, step, item, true)) continue;
        ok = false;
        if (t.jid > 0) return false;
      }
    }
    return ok;
  }

  /** What a step consists of: command lines, addresses or interfaces. */
  private items(t: Task, step: StepName): string[] {
    const { jail } = t;
    if (step === 'op') return [''];
    if (step === ':ip4.addr' || step === ':ip6.addr') return jail.list(step.slice(1)).filter((a) => addrSpec(a).ifname !== null || jail.text('interface') !== null);
    if (step === ':vnet.interface') return jail.list('vnet.interface').flatMap((v) => v.split(',')).filter((v) => v !== '');
    // The words behind `command=` are one command; in a file each value is a command of its own.
    if (step === 'command' && jail.name === null) return jail.find('command') === null ? [] : ['command'];
    return jail.list(step).filter((v) => v.trim() !== '');
  }

  private *step(t: Task, step: StepName, item: string, down: boolean): Steps<boolean> {
    switch (step) {
      case 'op':
        return down ? this.remove(t) : this.create(t);
      case ':ip4.addr':
      case ':ip6.addr':
        return yield* this.command(t, ifconfigAddr(step === ':ip6.addr', item, t.jail.text('interface') ?? '', down), false);
      case ':vnet.interface':
        return yield* this.command(t, ['ifconfig', item, down ? '-vnet' : 'vnet', t.jail.text('jid') ?? t.jail.text('name') ?? String(t.jid)], false);
      case 'command':
        return yield* this.command(t, t.jail.name === null ? t.jail.list('command') : item, true);
      default:
        return yield* this.command(t, item, step === 'exec.start' || step === 'exec.stop');
    }
  }

  /** Runs a command on the host or in the jail. Source: run_command(), finish_command(). */
  private *command(t: Task, asked: string | readonly string[], inside: boolean): Steps<boolean> {
    const { jail } = t;
    const background = typeof asked === 'string' && /&\s*$/.test(asked);
    const line = background ? (asked as string).replace(/&\s*$/, '') : asked;
    const user = jail.text(inside ? 'exec.jail_user' : 'exec.system_user');
    const shown = typeof line === 'string' ? line : line.join(' ');
    if (this.o.verbose > 0) this.note(t, `run command${inside ? ' in jail' : ''}${user !== null ? ` as ${user}` : ''}: ${shown}`);
    const cred = this.credFor(t, inside, user);
    if (cred === null) return false;
    try {
      const code = yield { line, cred, background, timeout: jail.int('exec.timeout') ?? 0 };
      if (code === 0) return true;
      jail.fail(code === TIMED_OUT ? `${shown}: timed out` : `${shown}: failed`);
      return false;
    } finally {
      if (inside) this.jails.jailDetach(cred);
    }
  }

  private credFor(t: Task, inside: boolean, user: string | null): Ucred | null {
    const { jail } = t;
    const uid = user === null ? this.cred.uid : uidOf(this.env, user);
    if (uid === null) {
      jail.fail(`${user ?? ''}: no such user`);
      return null;
    }
    if (!inside) return crSetuid(this.cred, uid);
    const fib = jail.int('exec.fib');
    const fibs = this.ctx.kernel.sysctl.sysctlGet('net.fibs', { vnet: this.cred.vnet, jailed: false }).value ?? 1;
    if (fib !== null && (fib < 0 || fib >= Number(fibs))) {
      jail.fail('setfib: Invalid argument');
      return null;
    }
    const r = this.jails.jailAttach(t.jid, this.cred);
    if (r.cred === null) {
      jail.fail(`jail_attach: ${strerror(r.errno)}`);
      return null;
    }
    return crSetuid(fib === null ? r.cred : crSetfib(r.cred, fib), uid);
  }

  /** Source: create_jail(). */
  private create(t: Task): boolean {
    const { jail } = t;
    const path = jail.text('path');
    if (path !== null && jail.name !== null && !path.startsWith('/')) {
      jail.fail(`path ${path}: not an absolute pathname`);
      return false;
    }
    const params = importParams(jail);
    if (params === null) return false;
    t.persists = !jail.bool('persist') && (jail.find('exec.start') ?? jail.find('command') ?? jail.find('exec.poststart')) !== null;
    const flags = JAIL_CREATE | (jail.bool('allow.dying') ? JAIL_DYING : 0);
    const jid = this.set(t, t.persists ? { ...params, persist: true } : params, flags);
    if (jid < 0) return false;
    t.jid = jid;
    if (this.o.ids) this.ctx.out(`${jid}\n`);
    if (this.o.verbose > 0 || (this.o.verbose === 0 && jail.name !== null)) this.note(t, 'created');
    this.s.done(t, true);
    return true;
  }

  private update(t: Task): boolean {
    const params = importParams(t.jail) as Record<string, unknown> | null;
    if (params === null) return false;
    const rest = Object.entries(params).filter(([name]) => JAIL_PARAMS.find((d) => d.name === name)?.settable !== 'create');
    if (rest.length === 0) return true;
    return this.set(t, { ...Object.fromEntries(rest), jid: t.jid } as JailParams, JAIL_UPDATE | (this.o.dying || t.jail.bool('allow.dying') ? JAIL_DYING : 0)) >= 0;
  }

  /** jail_set(2), told with -v; the jid, or -1 after a complaint. Source: jailparam_set_note(). */
  private set(t: Task, params: JailParams, flags: number): number {
    const r = this.jails.jailSet(params, flags, this.cred);
    if (this.o.verbose > 0) {
      const words = Object.entries(params).map(([k, v]) => (v === true ? ` ${k}` : ` ${k}=${quoted(Array.isArray(v) ? v.join(',') : String(v))}`));
      const call = `jail_set(${(flags & JAIL_CREATE) !== 0 ? 'JAIL_CREATE' : 'JAIL_UPDATE'}${(flags & JAIL_DYING) !== 0 ? ' | JAIL_DYING' : ''})`;
      this.note(t, `${call}${words.join('')}${r.errno !== 0 ? `: ${strerror(r.errno)}` : ''}`);
    }
    if (r.jail !== null) return r.jail.jid;
    t.jail.fail(r.message !== '' ? r.message : `jail_set: ${strerror(r.errno)}`);
    return -1;
  }

  private remove(t: Task): boolean {
    const r = this.jails.jailRemove(t.jid, this.cred);
    if (r.errno === EPERM) {
      t.jail.fail(`jail_remove: ${strerror(r.errno)}`);
      return false;
    }
    const stopping = (t.op & JF_STOP) !== 0;
    if (this.o.verbose > 0 || (this.o.verbose === 0 && (stopping ? this.o.noteRemove : t.jail.name !== null))) this.note(t, 'removed');
    t.jid = -1;
    t.persists = false;
    if (stopping) this.s.done(t, true);
    return true;
  }

  /** A jail that was to live as long as its commands does not live longer. Source: clear_persist(). */
  private clearPersist(t: Task): void {
    if (!t.persists) return;
    t.persists = false;
    const r = this.jails.jailSet({ jid: t.jid, persist: false }, JAIL_UPDATE, this.cred);
    if (this.o.verbose > 0) this.note(t, `jail_set(JAIL_UPDATE) jid=${t.jid} nopersist${r.errno !== 0 ? `: ${strerror(r.errno)}` : ''}`);
  }
}

/** Words that put an address on an interface, or take it away. Source: run_command(), IP__IP4_IFADDR. */
function ifconfigAddr(six: boolean, text: string, defaultIf: string, down: boolean): string[] {
  const { ifname, rest } = addrSpec(text);
  const [addr, ...more] = rest.split(' ').filter((w) => w !== '');
  const a = addr ?? '';
  const slash = a.indexOf('/');
  const dotted = slash >= 0 && a.slice(slash + 1).includes('.');
  const words = slash < 0 ? [a, ...(six ? ['prefixlen', '128'] : ['netmask', '255.255.255.255'])] : dotted ? [a.slice(0, slash), 'netmask', a.slice(slash + 1)] : [a];
  return ['ifconfig', ifname ?? defaultIf, six ? 'inet6' : 'inet', ...words, ...more, down ? '-alias' : 'alias'];
}

