import { describe, expect, it } from 'vitest';
import { Callout } from '@ns/callout';
import { Kernel, virtualHost } from '../src/index.ts';

describe('virtualHost', () => {
  it('does nothing until it is settled, then runs deferred work in order, with what that defers', () => {
    const host = virtualHost();
    const log: string[] = [];
    host.defer(() => {
      log.push('a');
      host.defer(() => log.push('c'));
    });
    host.defer(() => log.push('b'));
    expect(log).toEqual([]);
    expect(host.pending).toBe(2);
    host.settle();
    expect(log).toEqual(['a', 'b', 'c']);
    expect(host.clock.nowUs()).toBe(0);
  });

  it('settles after each alarm on the way, so that a consequence happens at the time of its cause', () => {
    const host = virtualHost({ startUs: 1000 });
    const k = new Kernel(host);
    const at: [string, number][] = [];
    const id = k.swi.register('x', () => {
      at.push(['swi', host.clock.nowUs()]);
      return 1;
    });
    const c = new Callout(() => {
      at.push(['callout', host.clock.nowUs()]);
      k.swi.schedule(id);
    }, null);
    const d = new Callout(() => void at.push(['late', host.clock.nowUs()]), null);
    k.callouts.reset(c, 5000);
    k.callouts.reset(d, 9000);
    host.advance(8000);
    expect(at).toEqual([['callout', 6000], ['swi', 6000]]);
    expect(host.clock.nowUs()).toBe(9000);
    host.advance(1000);
    expect(at.at(-1)).toEqual(['late', 10000]);
  });

  it('runs until a condition holds, or the time is up', () => {
    const host = virtualHost();
    const k = new Kernel(host);
    let n = 0;
    const c = new Callout(() => {
      n++;
      k.callouts.reset(c, 1000);
    }, null);
    k.callouts.reset(c, 1000);
    expect(host.runUntil(() => n === 3, 10_000)).toBe(true);
    expect(host.clock.nowUs()).toBe(3000);
    expect(host.runUntil(() => n === 100, 10_000)).toBe(false);
    expect(host.clock.nowUs()).toBe(13_000);
    expect(host.runUntil(() => true, 1)).toBe(true);
    k.callouts.stop(c);
    expect(host.runUntil(() => false, 500)).toBe(false);
    expect(host.clock.nowUs()).toBe(13_500);
  });

  it('keeps what follows a piece of work that throws', () => {
    const host = virtualHost();
    const log: string[] = [];
    host.defer(() => {
      throw new Error('boom');
    });
    host.defer(() => log.push('after'));
    expect(() => host.settle()).toThrow('boom');
    host.settle();
    expect(log).toEqual(['after']);
  });

  it('drives a second kernel on a sibling host in the same time', () => {
    const host = virtualHost({ seed: 1 });
    const a = new Kernel(host);
    const b = new Kernel(host.sibling({ seed: 2 }));
    const log: string[] = [];
    const fire = (k: Kernel, name: string): Callout<null> => {
      const id = k.swi.register(name, () => (log.push(`${name} swi ${host.clock.nowUs()}`), 1));
      return new Callout(() => k.swi.schedule(id), null);
    };
    b.callouts.reset(fire(b, 'b'), 1000);
    a.callouts.reset(fire(a, 'a'), 2000);
    host.advance(5000);
    expect(log).toEqual(['b swi 1000', 'a swi 2000']);
    expect(a.random.u32()).not.toBe(b.random.u32());
  });

  it('keeps a bounded number of log lines', () => {
    const host = virtualHost();
    const k = new Kernel(host);
    for (let i = 0; i < 1100; i++) k.log.notice('test', `line ${i}`);
    expect(host.logged).toHaveLength(1000);
    expect(host.logged[0]?.text).toBe('line 100');
    expect(host.logged.at(-1)?.text).toBe('line 1099');
  });
});
