import { describe, expect, it } from 'vitest';
import { Kernel, LOG_DEBUG, LOG_ERR, LOG_NOTICE, ppsratecheck, RateLimit, virtualHost } from '../src/index.ts';

describe('ppsratecheck', () => {
  it('lets so many pass in a second, and as many in the next', () => {
    const r = new RateLimit();
    const passed = (fromUs: number, n: number, max: number): number => {
      let ok = 0;
      for (let i = 0; i < n; i++) if (ppsratecheck(r, fromUs + i, max)) ok++;
      return ok;
    };
    expect(passed(0, 10, 3)).toBe(3);
    expect(passed(999_000, 10, 3)).toBe(0);
    expect(passed(1_000_000, 10, 3)).toBe(3);
    expect(passed(1_500_000, 10, -1)).toBe(10);
    expect(passed(3_000_000, 10, 0)).toBe(0);
    expect(r.suppressed).toBe(10);
  });
});

describe('Logger', () => {
  it('gives the host level, facility, text and time, up to its level', () => {
    const host = virtualHost({ startUs: 42 });
    const k = new Kernel(host);
    k.log.err('tcp', 'broken');
    k.log.debug('tcp', 'detail');
    k.log.level = LOG_DEBUG;
    k.log.debug('tcp', 'more');
    expect(host.logged).toEqual([
      { level: LOG_ERR, facility: 'tcp', text: 'broken', timeUs: 42 },
      { level: LOG_DEBUG, facility: 'tcp', text: 'more', timeUs: 42 },
    ]);
  });

  it('says how many lines it left out', () => {
    const host = virtualHost();
    const k = new Kernel(host);
    const limit = new RateLimit();
    const say = (): boolean => k.log.ratelimited(limit, 1, LOG_NOTICE, 'sonewconn', 'Listen queue overflow');
    expect([say(), say(), say()]).toEqual([true, false, false]);
    host.advance(1_000_000);
    expect(say()).toBe(true);
    host.advance(1_000_000);
    say();
    expect(host.logged.map((e) => e.text)).toEqual(['Listen queue overflow', 'Listen queue overflow (2 more suppressed)', 'Listen queue overflow']);
  });
});
