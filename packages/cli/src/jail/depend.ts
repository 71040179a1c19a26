/*
 * Which jails wait for which. Source: FreeBSD usr.sbin/jail/state.c.
 */
import { type CfJail, isWild, wildMatch } from './config.ts';

/** What is to be done with a jail: bits that come together, as in `-rc`. */
export const JF_START = 1;
/** Change it. */
export const JF_SET = 2;
/** Remove it. */
export const JF_STOP = 4;

interface Edge {
  readonly from: Task;
  readonly to: Task;
  /** Parent and child: the child waits for the parent's creation, no longer. */
  readonly light: boolean;
  seen: boolean;
}

/** A jail with what is to be done with it. */
export class Task {
  readonly jail: CfJail;
  /** JF_*. */
  op: number;
  /** Only because another depends on it. */
  depend: boolean;
  /** Named by a wildcard, or by nothing at all. */
  wild: boolean;
  /** Number of the running jail; 0 not looked up, -1 none. */
  jid: number;
  /** Parameters have been looked at. */
  ready: boolean;
  /** Its commands have begun. */
  begun: boolean;
  /** Persists only until its commands have ended. */
  persists: boolean;
  /** Complaints about what does not change after creation have been made. */
  compared: boolean;
  ndeps: number;
  queue: 'none' | 'ready' | 'depend';
  readonly dependsOn: Edge[];
  readonly dependedOn: Edge[];

  constructor(jail: CfJail) {
    this.jail = jail;
    this.op = 0;
    this.depend = false;
    this.wild = false;
    this.jid = 0;
    this.ready = false;
    this.begun = false;
    this.persists = false;
    this.compared = false;
    this.ndeps = 0;
    this.queue = 'none';
    this.dependsOn = [];
    this.dependedOn = [];
  }

  /** It is going down, and so goes after those that depend on it. Source: JF_DO_STOP(). */
  get stopping(): boolean {
    return (this.op & (JF_SET | JF_STOP)) === JF_STOP;
  }
}

const bits = (op: number): number => (op & 1) + ((op >> 1) & 1) + ((op >> 2) & 1);

/** The jails of a call in their queues. */
export class Schedule {
  readonly tasks: Task[];
  /** Says little: 'skipped' is not said. */
  readonly quiet: boolean;
  private readonly ready: Task[];

  constructor(jails: readonly CfJail[], quiet: boolean) {
    this.tasks = jails.map((j) => new Task(j));
    this.quiet = quiet;
    this.ready = [];
  }

  find(name: string): Task | null {
    return this.tasks.find((t) => t.jail.name === name) ?? null;
  }

  /** A jail that is in no file. */
  addTask(jail: CfJail, jid: number): Task {
    const t = new Task(jail);
    t.jid = jid;
    this.tasks.push(t);
    return t;
  }

  /** Enters `depend` and the parents of jails in jails; complains of what is not there, and of circles. Source: dep_setup(). */
  setup(): void {
    for (const t of this.tasks) {
      if (t.jail.failed) continue;
      for (const name of t.jail.list('depend')) {
        const to = this.find(name);
        if (to === null) t.jail.fail(`depends on undefined jail "${name}"`);
        else link(t, to, false);
      }
      const dot = t.jail.name?.lastIndexOf('.') ?? -1;
      const parent = dot > 0 ? this.find((t.jail.name as string).slice(0, dot)) : null;
      if (parent !== null) link(t, parent, true);
    }
    this.findLoops();
  }

  private findLoops(): void {
    const left = new Map(this.tasks.map((t) => [t, t.dependsOn.length]));
    const peel = (from: Task): void => {
      const todo = [from];
      for (let t = todo.pop(); t !== undefined; t = todo.pop()) {
        left.delete(t);
        for (const e of t.dependedOn) {
          const n = (left.get(e.from) ?? 0) - 1;
          if (!left.has(e.from)) continue;
          left.set(e.from, n);
          if (n === 0) todo.push(e.from);
        }
      }
    };
    for (const t of this.tasks) if (left.get(t) === 0) peel(t);
    for (const t of this.tasks) {
      if (!left.has(t)) continue;
      t.jail.fail('dependency loop');
      peel(t);
    }
  }

  /** Puts what `target` names into the queues; null means all. False if there is no such jail. Source: start_state(). */
  start(target: string | null, op: number, fromFile: boolean): boolean {
    if (target === null || target === '*') {
      for (const t of this.tasks) this.begin(t, op, fromFile, true);
      return true;
    }
    if (isWild(target)) {
      for (const t of this.tasks) if (wildMatch(t.jail.name ?? '', target)) this.begin(t, op, true, false);
      return true;
    }
    const t = this.find(target);
    if (t !== null) this.begin(t, op, false, false);
    return t !== null;
  }

  /** Queues a jail; with `wait` behind those that it depends on. One that has failed already waits for nobody: it is to be told of. */
  begin(t: Task, op: number, wild: boolean, wait: boolean): void {
    t.op = op;
    t.wild = wild;
    this.reset(t);
    this.requeue(t, wait && t.ndeps > 0 && !t.jail.failed ? 'depend' : 'ready');
  }

  /** Counts what a jail waits for. Source: dep_reset(). */
  reset(t: Task): void {
    t.ndeps = (t.stopping ? t.dependedOn : t.dependsOn).length;
  }

  /** A jail that is down comes up again, after those that it depends on. */
  restart(t: Task): void {
    t.op &= ~JF_STOP;
    t.begun = false;
    for (const e of t.dependsOn) e.seen = false;
    this.reset(t);
    this.requeue(t, t.ndeps > 0 ? 'depend' : 'ready');
  }

  requeue(t: Task, queue: Task['queue']): void {
    if (t.queue === queue) return;
    const at = this.ready.indexOf(t);
    if (at >= 0) this.ready.splice(at, 1);
    t.queue = queue;
    if (queue === 'ready') this.ready.push(t);
  }

  /** The next jail that has nothing to wait for: going up the first, going down the last. Source: next_jail(). */
  next(): Task | null {
    const first = this.ready[0];
    if (first === undefined) return null;
    const t = first.stopping ? ([...this.ready].reverse().find((x) => x.stopping) as Task) : first;
    this.requeue(t, 'none');
    return t;
  }

  /** Whether a jail has to wait: then it is queued, and those that it waits for are begun. Source: dep_check(). */
  mustWait(t: Task): boolean {
    if (t.ndeps === 0) return false;
    const down = t.stopping;
    let waits = 0;
    for (const e of down ? t.dependedOn : t.dependsOn) {
      if (e.seen) continue;
      const other = down ? e.from : e.to;
      if (other.jail.failed) {
        if (!t.depend && !t.jail.failed && !this.quiet) t.jail.warnx('skipped');
        t.jail.failed = true;
        continue;
      }
      this.involve(t, other);
      if (!(e.light && (down ? other.jid < 0 : other.jid > 0))) waits++;
    }
    if (waits === 0) return false;
    this.requeue(t, 'depend');
    return true;
  }

  /** Gives a jail that another waits for something to do, if it has nothing that serves. */
  private involve(t: Task, other: Task): void {
    if (bits(other.op) > 1) return;
    let reset = false;
    if (other.op === 0) {
      reset = true;
      other.depend = true;
      this.requeue(other, 'ready');
    }
    if (t.op === JF_START) other.op |= JF_START;
    else if (t.op === JF_SET) {
      if (other.op === 0) other.op |= JF_SET;
      else if ((other.op & JF_STOP) !== 0) other.op |= JF_START;
    } else if ((t.op & JF_STOP) !== 0) {
      if ((other.op & JF_STOP) === 0) reset = true;
      other.op |= JF_STOP;
      if ((other.op & JF_SET) !== 0) other.op ^= JF_START | JF_SET;
    }
    if (reset) this.reset(other);
  }

  /** A jail is done, or with `light` made: those that wait may go on. Source: dep_done(). */
  done(t: Task, light: boolean): void {
    const down = t.stopping;
    for (const e of down ? t.dependsOn : t.dependedOn) {
      if (e.seen || (light && !e.light)) continue;
      e.seen = true;
      const other = down ? e.to : e.from;
      if (t.jail.failed && !(t.op === JF_SET && t.depend)) {
        if (!other.depend && !other.jail.failed && !this.quiet) other.jail.warnx('skipped');
        other.jail.failed = true;
      }
      if (--other.ndeps === 0 && other.queue === 'depend') this.requeue(other, 'ready');
    }
  }
}

function link(from: Task, to: Task, light: boolean): void {
  const e: Edge = { from, to, light, seen: false };
  from.dependsOn.push(e);
  to.dependedOn.push(e);
}
