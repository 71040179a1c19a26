/* Windows: how much goes out at first, and when a reader's progress is told. */
import { describe, it } from 'vitest';
import { FAMILIES, mssOf, passive, play, rcvbufOf, sysctl } from './script-parts.ts';

/** Initial window for segments of `mss` bytes: RFC 6928, RFC 3390, RFC 5681 §3.1 by the switches (FreeBSD tcp_compute_initwnd()). */
function initialWindow(mss: number, segments: number, rfc3390: boolean): number {
  if (segments > 0) return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
  if (rfc3390) return Math.min(4 * mss, Math.max(2 * mss, 4380));
  return mss > 2190 ? 2 * mss : mss > 1095 ? 3 * mss : 4 * mss;
}

describe.each(FAMILIES)('initial window over IPv%i', (f) => {
  it.each([
    [10, 1],
    [3, 1],
    [0, 1],
    [0, 0],
  ])('initcwnd_segments=%i, rfc3390=%i', (segments, rfc3390) => {
    for (const mss of [216, 536, 1000, 1095, 1096, 1220, 1400, 1440]) {
      const n = Math.floor(Math.min(initialWindow(mss, segments, rfc3390 === 1), 32000) / mss);
      play(f, [
        '0 `true`',
        sysctl('initcwnd_segments', segments),
        sysctl('rfc3390', rfc3390),
        ...passive(f, `mss ${mss},sackOK,eol,eol`).map((l) => l.replace(/^0 /, '+0 ')),
        '+0 write(4, ..., 32000) = 32000',
        ...Array.from({ length: n }, (_, i) => `+0 > . ${1 + i * mss}:${1 + (i + 1) * mss}(${mss}) ack 1 win 65535`),
        // And no more than that: the next is this one.
        '+.1 < R 60:60(0) win 0',
        `+0 > . ${1 + n * mss}:${1 + n * mss}(0) ack 1 win 65535`,
      ]);
    }
  });
});

describe.each(FAMILIES)('window updates over IPv%i (RFC 9293 §3.8.6.2.2)', (f) => {
  const buffer = rcvbufOf(f);
  const mss = mssOf(f);
  const unread = 32000;
  const filled = [...passive(f), `+0 < . 1:${unread + 1}(${unread}) ack 1 win 32767`, `+0 > . 1:1(0) ack ${unread + 1} win ${buffer - unread}`];

  it.each([1, mss, 2 * mss, Math.ceil(buffer / 4) - 1, buffer >> 2, 20000, 32000])('after reading %i of 32000 octets', (n) => {
    const due = n >= 2 * mss && (n >= buffer >> 2 || 2 * n >= buffer);
    const win = Math.min(65535, buffer - unread + n);
    play(f, [
      ...filled,
      `+.1 recv(4, ..., ${n}, 0) = ${n}`,
      ...(due ? [`+0 > . 1:1(0) ack ${unread + 1} win ${win}`] : []),
      // The next that is sent tells it in any case.
      '+.1 < R 60000:60000(0) win 0',
      `+0 > . 1:1(0) ack ${unread + 1} win ${win}`,
    ]);
  });

  it('peeking opens nothing', () => {
    play(f, [...filled, '+.1 recv(4, ..., 32000, MSG_PEEK) = 32000', '+.1 < R 60000:60000(0) win 0', `+0 > . 1:1(0) ack ${unread + 1} win ${buffer - unread}`]);
  });

  it('nothing is told after the peer’s FIN', () => {
    play(f, [...filled, `+.1 < F. ${unread + 1}:${unread + 1}(0) ack 1 win 32767`, `+0 > . 1:1(0) ack ${unread + 2} win ${buffer - unread}`, '+.1 recv(4, ..., 32000, 0) = 32000', '+.1 recv(4, ..., 10, 0) = 0', '+.1 close(4) = 0', `+0 > F. 1:1(0) ack ${unread + 2} win 65535`]);
  });

  it('a window that was shut is opened by two segments', () => {
    const all = buffer;
    const half = all >> 1;
    play(f, [
      ...passive(f),
      `+0 < . 1:${half + 1}(${half}) ack 1 win 32767`,
      `+0 > . 1:1(0) ack ${half + 1} win ${all - half}`,
      `+0 < . ${half + 1}:${all + 1}(${all - half}) ack 1 win 32767`,
      `+0 > . 1:1(0) ack ${all + 1} win 0`,
      // A probe is answered, and not taken.
      `+.1 < . ${all + 1}:${all + 2}(1) ack 1 win 32767`,
      `+0 > . 1:1(0) ack ${all + 1} win 0`,
      `+.1 recv(4, ..., ${2 * mss - 1}, 0) = ${2 * mss - 1}`,
      '+.1 recv(4, ..., 1, 0) = 1',
      `+0 > . 1:1(0) ack ${all + 1} win ${2 * mss}`,
    ]);
  });
});
