import { describe, expect, it } from 'vitest';
import { Lab, pattern, read, same, soclose, tpOf, write } from './lab.ts';
import { TCPS_ESTABLISHED, TCPS_TIME_WAIT } from '@ns/tcp';

describe('handshake and data over a link', () => {
  it('A07 echoes bytes from user to wire to user and back', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    expect(tpOf(c).state).toBe(TCPS_ESTABLISHED);
    expect(tpOf(s).state).toBe(TCPS_ESTABLISHED);
    const seen = lab.take().map((x) => `${x.from} ${x.flags} ${x.len}`);
    expect(seen).toEqual(['a S 0', 'b S. 0', 'a . 0']);
    expect(write(c, pattern(10))).toBe(10);
    lab.run(1);
    const got = read(s)!;
    expect(got).toEqual(pattern(10));
    expect(write(s, got)).toBe(10);
    lab.run(1);
    expect(read(c)).toEqual(pattern(10));
    expect(lab.take().map((x) => `${x.from} ${x.flags} ${x.len}`)).toEqual(['a P. 10', 'b P. 10']);
    lab.run(100);
    expect(lab.take().map((x) => `${x.from} ${x.flags} ${x.len}`)).toEqual(['a . 0']);
    const tp = tpOf(c);
    soclose(c);
    lab.run(10);
    expect(read(s)).toBe(null);
    soclose(s);
    lab.run(10);
    expect(tp.state).toBe(TCPS_TIME_WAIT);
    lab.run(61_000);
    expect(lab.a.tcp.pcbinfo.count).toBe(0);
    expect(lab.b.tcp.pcbinfo.count).toBe(0);
    expect(lab.kernel.mbufs.outstanding).toBe(0);
  });

  it('moves a megabyte each way', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    const data = pattern(1 << 20);
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    expect(same(lab.transfer(s, c, data), data)).toBe(true);
    expect(lab.a.tcp.stat.sndrexmitpack + lab.b.tcp.stat.sndrexmitpack).toBe(0);
  });
});
