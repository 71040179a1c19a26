import { describe, expect, it } from 'vitest';
import { EVENTHANDLER_PRI_FIRST, EVENTHANDLER_PRI_LAST, EventKey, Kernel, virtualHost } from '../src/index.ts';

const LINK: EventKey<[name: string, up: boolean]> = new EventKey<[name: string, up: boolean]>('ifnet_link_event');

describe('EventHandlers', () => {
  it('calls by priority, then in order of registration, with the event\'s own arguments', () => {
    const k = new Kernel(virtualHost());
    const log: string[] = [];
    const on = (tag: string) => (name: string, up: boolean) => void log.push(`${tag} ${name} ${up}`);
    k.events.register(LINK, on('last'), { priority: EVENTHANDLER_PRI_LAST });
    k.events.register(LINK, on('any1'));
    k.events.register(LINK, on('any2'));
    k.events.register(LINK, on('first'), { priority: EVENTHANDLER_PRI_FIRST });
    k.events.invoke(LINK, null, 'em0', true);
    expect(log).toEqual(['first em0 true', 'any1 em0 true', 'any2 em0 true', 'last em0 true']);
    expect(k.events.count(LINK)).toBe(4);
  });

  it('filters by vnet, and enters the lease where it belongs', () => {
    const k = new Kernel(virtualHost());
    const { vnet0 } = k.vnets;
    const other = k.vnets.claim('test').alloc('b').vnet;
    if (other === null) throw new Error('no vnet');
    const log: string[] = [];
    k.events.register(LINK, (name) => void log.push(`all ${name}`), { owner: 'spy' });
    const tag = k.events.register(LINK, (name) => void log.push(`b ${name}`), { vnet: other });
    k.events.invoke(LINK, vnet0, 'em0', true);
    k.events.invoke(LINK, other, 'em1', true);
    k.events.invoke(LINK, null, 'em2', true);
    expect(log).toEqual(['all em0', 'all em1', 'b em1', 'all em2']);
    expect(k.ledger.report()).toEqual([{ kind: 'eventhandler', name: 'spy', module: '', count: 1 }]);
    expect(other.ledger.report()).toEqual([{ kind: 'eventhandler', name: 'ifnet_link_event', module: '', count: 1 }]);
    k.events.deregister(tag);
    k.events.deregister(tag);
    expect(other.ledger.isEmpty()).toBe(true);
  });

  it('lets handlers come and go during an event', () => {
    const k = new Kernel(virtualHost());
    const log: string[] = [];
    const a = k.events.register(LINK, () => {
      log.push('a');
      k.events.deregister(a);
      k.events.deregister(b);
      k.events.register(LINK, () => void log.push('new'));
    });
    const b = k.events.register(LINK, () => void log.push('b'));
    k.events.register(LINK, () => void log.push('c'));
    k.events.invoke(LINK, null, 'x', true);
    expect(log).toEqual(['a', 'c']);
    k.events.invoke(LINK, null, 'x', true);
    expect(log).toEqual(['a', 'c', 'c', 'new']);
  });
});
