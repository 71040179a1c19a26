import { describe, expect, it } from 'vitest';
import { Kernel, LOG_DEBUG, LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING, type LogEntry, logRouter, MsgBuf, ppsratecheck, RateLimit, virtualHost } from '../src/index.ts';

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

  it('has a level for each facility that wants one, a driver meaning all its interfaces', () => {
    const host = virtualHost();
    const { log } = new Kernel(host);
    log.setLevel('epair', LOG_ERR);
    log.setLevel('epair1a', LOG_DEBUG);
    log.setLevel('tcp', LOG_DEBUG);
    for (const who of ['epair0a', 'epair1a', 'tcp', 'udp']) {
      log.debug(who, 'debug');
      log.notice(who, 'notice');
      log.err(who, 'err');
    }
    log.setLevel('tcp', null);
    log.debug('tcp', 'no more');
    expect(host.logged.map((e) => `${e.facility} ${e.text}`)).toEqual(['epair0a err', 'epair1a debug', 'epair1a notice', 'epair1a err', 'tcp debug', 'tcp notice', 'tcp err', 'udp notice', 'udp err']);
  });

  it('notes of which vnet a line is, under the same settings', () => {
    const host = virtualHost();
    const k = new Kernel(host);
    k.vnets.vnet0.log.info('lo0', 'up');
    k.log.level = LOG_ERR;
    k.vnets.vnet0.log.info('lo0', 'down');
    k.log.err('kernel', 'bad');
    expect(host.logged.map((e) => [e.text, e.vnet])).toEqual([['up', 0], ['bad', undefined]]);
  });

  it('loses a line that the host cannot take, and does not go in circles when the host says something itself', () => {
    const host = virtualHost();
    const k = new Kernel(host);
    host.log = () => {
      k.log.err('host', 'cannot print');
      throw new Error('full');
    };
    k.log.err('tcp', 'broken');
    expect(k.log.msgbuf.text()).toBe('tcp: broken\nhost: cannot print\n');
  });
});

describe('MsgBuf', () => {
  const entry = (text: string, timeUs: number = 0): LogEntry => ({ level: LOG_INFO, facility: 'f', text, timeUs });

  it('keeps as many characters as the tunable says, the last ones', () => {
    const k = new Kernel(virtualHost({ tunables: { 'kern.msgbufsize': '2000' } }));
    for (let i = 0; i < 5000; i++) k.log.info('f', `line ${i}`);
    const text = k.log.msgbuf.text();
    expect(text.length).toBeLessThanOrEqual(2000);
    expect(text.length).toBeGreaterThan(1980);
    expect(text.endsWith('f: line 4998\nf: line 4999\n')).toBe(true);
    expect(text.split('\n').length - 1 + k.log.msgbuf.dropped).toBe(5000);
    k.log.info('f', 'x'.repeat(5000));
    expect(k.log.msgbuf.text()).toHaveLength(2000);
    k.log.msgbuf.clear();
    expect(k.log.msgbuf.text()).toBe('');
  });

  it('shows each line as one line, with the time if asked, and only the lines wanted', () => {
    const b = new MsgBuf();
    b.add(entry('one\nline'));
    b.showTimestamp = 1;
    b.add(entry('seconds', 12_345_678));
    b.showTimestamp = 2;
    b.add(entry('micro', 12_000_678));
    expect(b.text()).toBe('f: one line\n[12] f: seconds\n[12.000678] f: micro\n');
    expect(b.text((e) => e.timeUs === 0)).toBe('f: one line\n');
  });
});

describe('logRouter', () => {
  it('gives a line to each route that takes it, until one is the last', () => {
    const got: string[] = [];
    const to = (name: string) => (e: LogEntry): void => void got.push(`${name} ${e.facility}`);
    const sink = logRouter([
      { facility: ['tcp', 'epair'], level: LOG_WARNING, to: to('alarm') },
      { vnet: 3, to: to('three'), last: true },
      { vnet: null, to: () => { throw new Error('broken'); } },
      { to: to('all') },
    ]);
    const say = (level: number, facility: string, vnet?: number): void => sink({ level, facility, text: '', timeUs: 0, ...(vnet !== undefined && { vnet }) });
    say(LOG_ERR, 'tcp');
    say(LOG_INFO, 'tcp', 3);
    say(LOG_WARNING, 'epair0b', 1);
    expect(got).toEqual(['alarm tcp', 'all tcp', 'three tcp', 'alarm epair0b', 'all epair0b']);
  });
});
