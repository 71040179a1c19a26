import { TCPS_TIME_WAIT } from '@ns/tcp';
import { TH_FIN, TH_RST, TH_SYN } from '@ns/wire';
import { sosendCopy } from '@ns/socket';
import { tcpRack } from '@ns/tcp-rack';
import { describe, expect, it } from 'vitest';
import { lab, type Lab, type LabFrame } from '../src/index.ts';

const TEN_MBIT = { delayUs: 5000, bandwidth: 10e6, queueLimit: 100 } as const;
const BYTES = 200_000;

/** Loses what `which` says in one direction, each time it says so. */
function losing(l: Lab, path: 'ab' | 'ba', which: (f: LabFrame) => boolean): void {
  l.link[path].options.drop = which;
}

const flag = (f: LabFrame, bits: number): boolean => f.tcp !== null && (f.tcp.flags & bits) !== 0;

describe('each segment lost once', () => {
  for (const sack of [1, 0]) {
    it(`one of the first 40 from the sender, SACK ${sack}`, { timeout: 60_000 }, () => {
      let slow = 0;
      for (let n = 1; n <= 40; n++) {
        const l = lab({ link: TEN_MBIT, sysctls: { 'net.inet.tcp.sack.enable': sack } });
        losing(l, 'ab', (f) => f.tcpN === n);
        const r = l.transfer(BYTES);
        expect(r.problem, `segment ${n}`).toBe('');
        expect(l.link.ab.stats.dropped).toBe(1);
        // In the middle of a stream a loss costs a round trip or two, not a timeout.
        if (r.timeouts > 0) slow++;
        if (n > 3 && n < 30) expect(r.timeouts, `segment ${n}`).toBe(0);
        expect(r.elapsedUs, `segment ${n}`).toBeLessThan(n <= 3 ? 2e6 : 0.6e6);
        expect(l.finish(), `segment ${n}`).toEqual([]);
      }
      expect(slow).toBeLessThanOrEqual(3);
    });
  }

  it('one of the first 30 from the receiver', () => {
    for (let n = 1; n <= 30; n++) {
      const l = lab({ link: TEN_MBIT });
      losing(l, 'ba', (f) => f.tcpN === n);
      const r = l.transfer(BYTES);
      expect(r.problem, `segment ${n}`).toBe('');
      expect(r.handshakeUs + r.elapsedUs, `segment ${n}`).toBeLessThan(n === 1 ? 1.5e6 : 0.6e6);
      if (n > 2) expect(r.retransmits, `segment ${n}`).toBeLessThanOrEqual(1);
      expect(l.finish(), `segment ${n}`).toEqual([]);
    }
  });

  it('two neighbours, and every second segment of a window', () => {
    for (const sack of [1, 0]) {
      for (let n = 12; n <= 24; n++) {
        for (const step of [1, 2]) {
          const l = lab({ link: TEN_MBIT, sysctls: { 'net.inet.tcp.sack.enable': sack } });
          const gone = step === 1 ? [n, n + 1] : [n, n + 2, n + 4];
          let data = 0;
          losing(l, 'ab', (f) => f.tcp !== null && f.tcp.len > 0 && gone.includes(++data));
          const r = l.transfer(BYTES);
          expect(r.problem).toBe('');
          expect(r.timeouts, `sack ${sack}: ${gone}`).toBe(0);
          expect(r.retransmits, `sack ${sack}: ${gone}`).toBe(gone.length);
          expect(l.finish()).toEqual([]);
        }
      }
    }
  });

  it.each([1, 0])('a segment and its repetition: a timeout only if nobody looks for it (sack.lrd %i)', (lrd) => {
    for (let n = 12; n <= 20; n++) {
      const l = lab({ link: TEN_MBIT, sysctls: { 'net.inet.tcp.sack.lrd': lrd } });
      let seq: number | null = null;
      let lost = 0;
      losing(l, 'ab', (f) => {
        if (f.tcpN === n && f.tcp !== null) seq = f.tcp.seq;
        return f.tcp !== null && f.tcp.len > 0 && f.tcp.seq === seq && lost++ < 2;
      });
      const r = l.transfer(BYTES);
      expect(r.problem, `segment ${n}`).toBe('');
      expect(r.timeouts, `segment ${n}`).toBe(lrd === 1 ? 0 : 1);
      expect(r.elapsedUs).toBeLessThan(1e6);
      expect(l.finish()).toEqual([]);
    }
  });

  it('the last segment of all is recovered by one timeout (tail loss)', () => {
    const l = lab({ link: TEN_MBIT });
    let seen = false;
    losing(l, 'ab', (f) => {
      const last = f.tcp !== null && f.tcp.len > 0 && (f.tcp.flags & TH_FIN) !== 0 && !seen;
      if (last) seen = true;
      return last;
    });
    const r = l.transfer(BYTES);
    expect(seen).toBe(true);
    expect([r.problem, r.timeouts]).toEqual(['', 1]);
    expect(r.elapsedUs).toBeLessThan(0.8e6);
    expect(l.finish()).toEqual([]);
  });

  it('the first ACK of everything, always: slow, but what moves is not given up', () => {
    for (const stack of ['freebsd', 'rack']) {
      const l = lab({ link: TEN_MBIT, sysctls: { 'net.inet.tcp.functions_default': stack }, extra: [tcpRack()] });
      const c = l.connect();
      const seen = new Set<number>();
      losing(l, 'ba', (f) => {
        if (f.tcp === null || seen.has(f.tcp.ack)) return false;
        seen.add(f.tcp.ack);
        return true;
      });
      for (let i = 0; i < 20; i++) {
        expect(sosendCopy(c.client, null, new Uint8Array(100), 0, 100, 0)).toBe(100);
        const { sndUna } = l.info(c.client);
        expect(l.until(() => l.info(c.client).sndUna !== sndUna, 200e6), `${stack}, ${i}`).toBe(true);
      }
      expect(l.a.tcp.stat.timeoutdrop).toBe(0);
      expect(l.finish()).toEqual([]);
    }
  });

  it('a blackout of three seconds in mid-stream', () => {
    for (const path of ['ab', 'ba'] as const) {
      const l = lab({ link: TEN_MBIT });
      losing(l, path, (f) => f.us > 1_000_200_000 && f.us < 1_003_200_000);
      const r = l.transfer(4 << 20);
      expect(r.problem).toBe('');
      // 3.4 s for the bytes, 3 s of darkness, and at most the back-off that had built up.
      expect(r.elapsedUs).toBeLessThan(12e6);
      expect(r.timeouts).toBeGreaterThan(1);
      expect(l.finish()).toEqual([]);
    }
  });
});

describe('patience', () => {
  it('a path of microseconds that is dark for a minute does not end the connection', () => {
    for (const path of ['ab', 'ba'] as const) {
      const l = lab({ link: { delayUs: 10 } });
      const c = l.connect();
      const dark = l.nowUs + 200_000;
      losing(l, path, (f) => f.us > dark && f.us < dark + 60e6);
      const t = l.begin(BYTES, { connection: c, chunk: 1000, back: BYTES });
      t.receiver.paused = true; // so that not all is over before it gets dark
      l.advance(300_000);
      t.receiver.resume();
      const r = l.complete(t);
      expect(r.problem).toBe('');
      expect(r.elapsedUs).toBeGreaterThan(60e6);
      expect(l.finish()).toEqual([]);
    }
  });

  it('12 repetitions take more than a minute (FreeBSD: 2559 times rexmit_min, and the slop)', () => {
    const l = lab({ link: { delayUs: 10 } });
    const c = l.connect();
    losing(l, 'ab', () => true);
    const begin = l.nowUs;
    const t = l.begin(1000, { connection: c });
    expect(l.until(() => t.sender.error !== 0, 600e6)).toBe(true);
    expect(l.nowUs - begin).toBeGreaterThan(2559 * 30_000);
    expect(l.finish()).toEqual([]);
  });
});

describe('the handshake', () => {
  for (const lost of [1, 2, 3]) {
    it(`${lost} SYNs lost`, () => {
      const l = lab({ link: TEN_MBIT });
      losing(l, 'ab', (f) => flag(f, TH_SYN) && f.tcpN <= lost);
      const r = l.transfer(BYTES);
      expect(r.problem).toBe('');
      // 1, 2, 4 s (RFC 6298 §2.1, §5.5); slop apart.
      expect(r.handshakeUs / 1e6).toBeGreaterThan(2 ** lost - 1.1);
      expect(r.handshakeUs / 1e6).toBeLessThan(2 ** lost - 1 + 0.25 * lost + 0.1);
      expect(l.finish()).toEqual([]);
    });

    it(`${lost} SYN|ACKs lost`, () => {
      const l = lab({ link: TEN_MBIT });
      let n = 0;
      losing(l, 'ba', (f) => flag(f, TH_SYN) && n++ < lost);
      const r = l.transfer(BYTES);
      expect(r.problem).toBe('');
      expect(r.handshakeUs).toBeLessThan(5e6);
      expect(r.sender.connects).toBe(1);
      expect(l.finish()).toEqual([]);
    });
  }

  it('the ACK of the SYN|ACK lost: the first data stand in for it', () => {
    const l = lab({ link: TEN_MBIT });
    losing(l, 'ab', (f) => f.tcpN === 2);
    const r = l.transfer(BYTES);
    expect(r.problem).toBe('');
    expect(l.finish()).toEqual([]);
  });
});

describe('the end', () => {
  for (const path of ['ab', 'ba'] as const) {
    for (const lost of [1, 3]) {
      it(`${lost} FINs lost from ${path[0]}`, () => {
        const l = lab({ link: TEN_MBIT });
        let n = 0;
        losing(l, path, (f) => flag(f, TH_FIN) && n++ < lost);
        const r = l.transfer(BYTES, { halfClose: false });
        expect(r.problem).toBe('');
        expect(n).toBeGreaterThan(lost);
        expect(r.closedUs).toBeLessThan(8e6);
        expect(l.finish()).toEqual([]);
      });
    }
  }

  it('the last ACK lost: TIME_WAIT answers the FIN again', () => {
    const l = lab({ link: TEN_MBIT });
    let fins = 0;
    // The receiver's FIN comes last; what a sends after it is the last ACK.
    losing(l, 'ba', (f) => (flag(f, TH_FIN) && fins++, false));
    let acks = 0;
    losing(l, 'ab', () => fins > 0 && acks++ < 1);
    const r = l.transfer(BYTES, { halfClose: false });
    expect(r.problem).toBe('');
    l.advance(5e6);
    expect([acks > 1, fins > 1]).toEqual([true, true]);
    expect(l.b.tcp.pcbinfo.count).toBe(1); // the listener: LAST_ACK is over
    const states = l.a.tcp.states;
    expect(states[TCPS_TIME_WAIT]).toBe(1);
    expect(l.finish()).toEqual([]);
  });

  it('all FINs and ACKs of them lost: both ends give up in finite time, and nothing is left', () => {
    const l = lab({ link: TEN_MBIT });
    let over = false;
    losing(l, 'ab', () => over);
    losing(l, 'ba', () => over);
    const c = l.connect();
    const t = l.begin(1000, { connection: c });
    l.advance(4000);
    over = true;
    l.advance(1000);
    t.sender.close();
    t.receiver.close();
    l.advance(1200e6);
    expect(l.a.tcp.pcbinfo.count).toBe(0);
    expect(l.b.tcp.pcbinfo.count).toBe(1);
    expect(l.finish()).toEqual([]);
  });

  it('a RST is never drawn by a transfer that is in order', () => {
    let rsts = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const l = lab({ seed, link: { ...TEN_MBIT, loss: 0.03, reorder: 0.03, duplicate: 0.03 } });
      for (const p of ['ab', 'ba'] as const) losing(l, p, (f) => (flag(f, TH_RST) && rsts++, false));
      expect(l.transfer(BYTES, { back: BYTES }).problem).toBe('');
      expect(l.finish()).toEqual([]);
    }
    expect(rsts).toBe(0);
  });
});
