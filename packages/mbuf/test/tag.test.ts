import { describe, expect, it } from 'vitest';
import { type Mbuf, Mbufq, MbufPool, mFreem, mRehome, mTagCopyChain, mTagDelete, mTagDeleteFlow, mTagDeleteNonpersistent, mTagFind, mTagPrepend, TagKey } from '../src/index.ts';

const SEEN = new TagKey<number>('siftr');
const LABEL = new TagKey<string>('maclabel', true);

describe('tags (mbuf_tags(9))', () => {
  it('are found newest first, and only by their own key', () => {
    const m = new MbufPool().getHdr() as Mbuf;
    mTagPrepend(m, SEEN, 1);
    mTagPrepend(m, SEEN, 2);
    expect(mTagFind(m, SEEN)).toBe(2);
    expect(mTagFind(m, new TagKey<number>('siftr'))).toBe(undefined);
    mTagDelete(m, SEEN);
    expect(mTagFind(m, SEEN)).toBe(undefined);
  });

  it('that are not persistent stay behind where a packet leaves its stack', () => {
    const pool = new MbufPool();
    const m = pool.getHdr() as Mbuf;
    mTagPrepend(m, LABEL, 'low');
    mTagPrepend(m, SEEN, 1);
    const n = pool.getHdr() as Mbuf;
    mTagCopyChain(n, m);
    mTagDeleteNonpersistent(m);
    expect(mTagFind(m, SEEN)).toBe(undefined);
    expect(mTagFind(m, LABEL)).toBe('low');
    expect(mTagFind(n, SEEN)).toBe(1);
    mFreem(m);
    expect(m.tags).toBe(null);
  });

  it('of a flow go when the packet becomes one of another flow, and where it leaves its stack, whatever else their key says', () => {
    const pool = new MbufPool();
    const LINK = new TagKey<number>('link', true, true);
    const tagged = (): Mbuf => {
      const m = pool.getHdr() as Mbuf;
      mTagPrepend(m, SEEN, 1);
      mTagPrepend(m, LINK, 2);
      mTagPrepend(m, LABEL, 'low');
      return m;
    };
    const left = (m: Mbuf): unknown[] => {
      const tags = [mTagFind(m, SEEN), mTagFind(m, LINK), mTagFind(m, LABEL)];
      mFreem(m);
      return tags;
    };
    const [a, b, c] = [tagged(), tagged(), tagged()];
    mTagDeleteFlow(a);
    mRehome(b);
    mTagDeleteNonpersistent(c);
    expect([left(a), left(b), left(c)]).toEqual([[1, undefined, 'low'], [1, undefined, 'low'], [undefined, undefined, 'low']]);
    mTagDeleteFlow(pool.getHdr() as Mbuf); // without tags: nothing to do
  });
});

describe('Mbufq (mbufq(9))', () => {
  it('is first in, first out, bounded, and gives everything back', () => {
    const pool = new MbufPool();
    const q = new Mbufq(2);
    const [a, b, c] = [pool.getHdr() as Mbuf, pool.getHdr() as Mbuf, pool.getHdr() as Mbuf];
    expect(q.enqueue(a)).toBe(true);
    expect(q.enqueue(b)).toBe(true);
    expect(q.enqueue(c)).toBe(false);
    expect(q.first()).toBe(a);
    expect(q.dequeue()).toBe(a);
    expect(q.enqueue(c)).toBe(true);
    expect(q.drain()).toBe(2);
    expect(q.dequeue()).toBe(null);
    mFreem(a);
    expect(pool.outstanding).toBe(0);
  });
});
